/** Formats of traces that a project's configuration brings. */
import type { TracedRun } from "../config.ts";
import { shortPath } from "../error-sentence.ts";
import { UsageError } from "../usage-error.ts";
import { inWords } from "../value-in-words.ts";
import { findConfigFile, loadConfig } from "./project.ts";
import { runUserCode } from "./user-code.ts";

/** By name, what writes a trace. `load` and what it gives throw a UsageError if the project's own code throws, or gives something else. */
export type OwnFormats = ReadonlyMap<string, () => Promise<(run: TracedRun) => Promise<string>>>;

/** Those of the configuration in or above `folder`: none where there is no configuration. */
export async function ownFormats(folder: string): Promise<OwnFormats> {
  const file = findConfigFile(folder);
  if (file === null) return new Map();
  const { traceFormats = {} } = (await loadConfig(file)).config;
  return new Map(Object.entries(traceFormats).map(([name, load]) => {
    const whose = `${shortPath(file)}: the format ${JSON.stringify(name)}`;
    return [name, async () => {
      const render: unknown = await runUserCode(whose, load);
      if (typeof render !== "function") throw new UsageError(`${whose} must load a function, found ${inWords(render)}`);
      return async (run: TracedRun) => {
        const text: unknown = await runUserCode(whose, () => (render as (run: TracedRun) => string)(run));
        if (typeof text !== "string") throw new UsageError(`${whose} must give a text, found ${inWords(text)}`);
        return text;
      };
    }] as const;
  }));
}
