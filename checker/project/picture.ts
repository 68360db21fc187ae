/** The picture that the project's configuration has for a scenario. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { shortPath } from "../error-sentence.ts";
import type { Scenario } from "../scenario.ts";
import { UsageError } from "../usage-error.ts";
import { inWords } from "../value-in-words.ts";
import { findConfigFile, loadConfig } from "./project.ts";
import { runUserCode } from "./user-code.ts";

/**
 * The module that draws the scenario's states (absolute path), by the configuration in or above `folder`; null: none does.
 * Throws a UsageError if the function of the configuration throws, gives something else, or names a file that there is not.
 */
export async function pictureOf(scenario: Scenario, folder: string): Promise<string | null> {
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
