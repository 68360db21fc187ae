/** The picture of a scenario's states: its own, or that which the project's configuration has for it. */
import { existsSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { shortPath } from "../error-sentence.ts";
import type { Scenario } from "../scenario.ts";
import { UsageError } from "../usage-error.ts";
import { inWords } from "../value-in-words.ts";
import { findConfigFile, loadConfig } from "./project.ts";
import { runUserCode } from "./user-code.ts";

/**
 * The module that draws the scenario's states (absolute path): the scenario's own, or by the configuration in or above `folder`;
 * null: none does. Throws a UsageError if the function of the configuration throws, gives something else, or if there is no such
 * file.
 */
export async function pictureOf(scenario: Scenario, folder: string): Promise<string | null> {
  if (scenario.picture !== undefined) {
    if (!isAbsolute(scenario.picture) || !existsSync(scenario.picture)) {
      throw new UsageError(`the picture of ${scenario.name} must be the absolute path of a module, and "${scenario.picture}" is none`);
    }
    return scenario.picture;
  }
  const file = findConfigFile(folder);
  if (file === null) return null;
  const loaded = await loadConfig(file);
  const ask = loaded.config.picture;
  if (ask === undefined) return null;
  const given: unknown = await runUserCode(`${shortPath(file)}: picture(${scenario.name})`, () => ask(scenario));
  if (given === null) return null;
  const wrong = `${shortPath(file)}: what picture gives for ${scenario.name} is wrong`;
  if (typeof given !== "string" || given === "") {
    throw new UsageError(`${wrong}: it must be the path of a module, or null; found ${inWords(given)}`);
  }
  const module = resolve(loaded.folder, given);
  if (!existsSync(module)) throw new UsageError(`${wrong}: there is no file ${shortPath(module)}`);
  return module;
}
