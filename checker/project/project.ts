/** The user's project as the command line sees it: the configuration and the scenario modules. */
import { existsSync, globSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { types } from "node:util";
import type { Config } from "../config.ts";
import { configProblem } from "../config-form.ts";
import { underPatch, withoutAddresses } from "../patch/patch.ts";
import { errorSentence, shortPath } from "../error-sentence.ts";
import { inWords } from "../value-in-words.ts";
import type { Scenario } from "../scenario.ts";
import { scenarioProblem } from "../scenario-form.ts";
import { UsageError } from "../usage-error.ts";
import { isPinned, withPins } from "./pins-table.ts";
import { runUserCode } from "./user-code.ts";

const CONFIG_NAMES = ["thpcheck.config.ts", "thpcheck.config.js", "thpcheck.config.mjs"];

export interface LoadedConfig {
  readonly config: Config;
  /** Absolute path of the folder that the configuration lies in; its globs start here. */
  readonly folder: string;
  readonly file: string;
}

export interface LoadedScenario {
  readonly scenario: Scenario;
  /** Absolute path of the module. */
  readonly file: string;
  /** The module as a command has to name it, where the person did; null when the configuration lists it. */
  readonly from: string | null;
  /** Whether its source states counts; otherwise they are in the table beside it (`pins-table.ts`), if anywhere. */
  readonly pinnedInSource: boolean;
}

/** Scenarios by module order, and what went wrong with the modules that gave none. */
export interface Loaded {
  readonly scenarios: readonly LoadedScenario[];
  readonly failures: readonly string[];
}

/** The configuration file of `folder` or of the nearest folder above; null when there is none. */
export function findConfigFile(folder: string): string | null {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const name = CONFIG_NAMES.find((n) => existsSync(join(at, n)));
    if (name !== undefined) return join(at, name);
    if (at === dirname(at)) return null;
  }
}

/** The folder at which the paths of a patch start. */
export function patchRoot(folder: string): string {
  const file = findConfigFile(folder);
  return file === null ? folder : dirname(file);
}

let loaderReady: Promise<unknown> | null = null;
/** Installs the hooks that compile user modules and resolve "thpcheck" from any folder. Loaded late: help needs no compiler. */
function installLoader(): Promise<unknown> {
  loaderReady ??= import("../compile/register.ts");
  return loaderReady;
}

/** Imports a user's module, as the patch of that id has it. Throws a UsageError with one sentence when that fails. */
async function importModule(file: string, patch: string | null = null): Promise<Readonly<Record<string, unknown>>> {
  await installLoader();
  const address = underPatch(pathToFileURL(file).href, patch);
  const whose = `${shortPath(file)} cannot be loaded`;
  try {
    return await runUserCode(whose, async () => (await import(address)) as Record<string, unknown>);
  } catch (e) {
    const { message } = e as Error;
    if (!message.startsWith(`${whose}: `)) throw e;
    throw new LoadFailure(file, withoutAddresses(message.slice(whose.length + 2)));
  }
}

/** A module that cannot be imported. Many may fail for one reason: a module that they all import. */
class LoadFailure extends UsageError {
  readonly file: string;
  readonly why: string;

  constructor(file: string, why: string) {
    super(`${shortPath(file)} cannot be loaded: ${why}`);
    this.file = file;
    this.why = why;
  }
}

/** A sentence for each reason. */
function failuresInWords(failed: readonly Error[]): string[] {
  const sentences = failed.map((e) => (e instanceof LoadFailure ? e.why : e.message));
  return [...new Set(sentences)].map((why) => {
    const same = failed.filter((_, i) => sentences[i] === why);
    const files = same.filter((e) => e instanceof LoadFailure).map((e) => shortPath(e.file));
    const shown = files.slice(0, SHOWN_MAX).join(", ") + (files.length > SHOWN_MAX ? ", ..." : "");
    return files.length < 2 ? same[0]!.message : `${files.length} modules cannot be loaded (${shown}): ${why}`;
  });
}

/** Modules that are named of those that fail for one reason. */
const SHOWN_MAX = 3;

/** Throws a UsageError when the file does not export a configuration. */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  const config = (await importModule(file))["default"];
  const problem = configProblem(config);
  if (config === undefined || problem !== null) {
    const what = config === undefined ? "it has no default export" : problem;
    throw new UsageError(`${shortPath(file)}: ${what}; it must say "export default defineConfig({ scenarios: [globs], ... })"`);
  }
  return { config: config as Config, folder: dirname(file), file };
}

/** Modules that the globs of the configuration match, sorted, so that scenarios always come in the same order. */
export function configuredModules({ config, folder }: LoadedConfig): string[] {
  const found = globSync([...config.scenarios], { cwd: folder, exclude: ["**/node_modules/**"] });
  return [...new Set(found.map((f) => resolve(folder, f)).filter((f) => statSync(f).isFile()))].sort();
}

/**
 * The scenarios of one module, as the patch of that id has it, and what is wrong with those that have not the form of one.
 * Throws a UsageError when the module cannot be loaded or exports something else.
 */
export async function loadModule(file: string, patch: string | null = null): Promise<Loaded> {
  const exported = (await importModule(file, patch))["default"];
  if (exported === undefined) {
    throw new UsageError(`${shortPath(file)} has no default export; write "export default scenario({...})", or an array of them`);
  }
  const isList = !types.isProxy(exported) && Array.isArray(exported);
  const all = isList ? (exported as unknown[]) : [exported];
  const sound: Scenario[] = [];
  const failures: string[] = [];
  let wrong = 0;
  for (const [i, s] of all.entries()) {
    const problem = problemWith(s);
    const which = isList ? `element ${i} of the default export` : "the default export";
    if (problem === null) sound.push(s as Scenario);
    else if (wrong++ < WRONG_SHOWN) failures.push(`${shortPath(file)}: ${problem.replace("%", () => which)}`);
  }
  if (wrong > WRONG_SHOWN) failures.push(`${shortPath(file)}: and ${wrong - WRONG_SHOWN} more elements are no scenarios`);
  const pinned = withPins(sound, file, failures.length > 0);
  const scenarios = pinned.map((scenario, i) => ({ scenario, file, from: null, pinnedInSource: isPinned(sound[i]!) }));
  return { scenarios, failures };
}

/** Elements of a module that are named of those that are no scenarios. */
const WRONG_SHOWN = 20;

/** What keeps a value from being a scenario, `%` for which it is; null: nothing. */
function problemWith(s: unknown): string | null {
  if (typeof s !== "object" || s === null || types.isProxy(s) || !("name" in s || "threads" in s || "model" in s)) {
    return `% is no scenario, but ${inWords(s)}; write scenario({ name, why, tier, structs, threads, expect })`;
  }
  try {
    // Asked anew: a module may have changed it since it was declared.
    const problem = scenarioProblem(s);
    const name: unknown = (s as { readonly name?: unknown }).name;
    return problem === null ? null : `${typeof name === "string" ? `scenario ${inWords(name)}` : "a scenario without a name"}: ${problem}`;
  } catch (e) {
    return `% is no scenario: ${errorSentence(e)}`;
  }
}

/** Loads modules one by one; one that fails does not keep the others from being checked. */
export async function loadModules(files: readonly string[], patch: string | null = null): Promise<Loaded> {
  const scenarios: LoadedScenario[] = [];
  const failed: Error[] = [];
  const seen = new Map<string, string>();
  for (const file of new Set(files.map((f) => realpathSync(f)))) {
    try {
      const loaded = await loadModule(file, patch);
      failed.push(...loaded.failures.map((f) => new UsageError(f)));
      for (const s of loaded.scenarios) {
        const other = seen.get(s.scenario.name);
        if (other !== undefined) {
          const where = `in ${shortPath(other)} and again in ${shortPath(file)}`;
          throw new UsageError(`scenario ${JSON.stringify(s.scenario.name)} is declared ${where}; a name must be unique`);
        }
        seen.set(s.scenario.name, file);
        scenarios.push(s);
      }
    } catch (e) {
      if (!(e instanceof UsageError)) throw e;
      failed.push(e);
    }
  }
  return { scenarios, failures: failuresInWords(failed) };
}
