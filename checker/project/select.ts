/**
 * Which scenarios a command means.
 *
 * A pattern is the exact name of a scenario first, then a file, then a glob over names. What is named exactly, or by
 * its file, is meant whatever its tier; a glob, or no pattern at all, means the scenarios of the tier and those below.
 */
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import picomatch from "picomatch";
import type { Tier, Patch } from "../result.ts";
import { shortPath } from "../error-sentence.ts";
import { filesOf, isLoadable, registerPatch, unloadedFiles } from "../patch/patch.ts";
import { UsageError } from "../usage-error.ts";
import { didYouMean } from "../nearest.ts";
import { likeliestFirst } from "./names-table.ts";
import {
  configuredModules, findConfigFile, loadConfig, loadModules, patchRoot, type Loaded, type LoadedScenario,
} from "./project.ts";

const TIERS: readonly Tier[] = ["quick", "full", "nightly"];
const within = (s: LoadedScenario, tier: Tier): boolean => TIERS.indexOf(s.scenario.tier) <= TIERS.indexOf(tier);

export interface Selection {
  readonly scenarios: readonly LoadedScenario[];
  /** Modules that could not be loaded and may hold scenarios that were asked for. */
  readonly failures: readonly string[];
  /** Modules that could not be loaded, though everything asked for was found elsewhere. */
  readonly warnings: readonly string[];
}

/** Whether the pattern names a module rather than scenarios: it ends like one, or it is a path to a file. */
export function isFilePattern(pattern: string): boolean {
  return /\.[cm]?[jt]s$/.test(pattern) || (pattern.includes("/") && existsSync(pattern) && statSync(pattern).isFile());
}

const isGlob = (pattern: string): boolean => /[*?[\]{}!]/.test(pattern);

/** The scenario of exactly that name; without one, those that the glob matches. */
function meantBy(pattern: string, all: readonly LoadedScenario[]): readonly LoadedScenario[] {
  const exact = all.find((s) => s.scenario.name === pattern);
  if (exact !== undefined) return [exact];
  if (!isGlob(pattern)) return [];
  const matches = picomatch(pattern);
  return all.filter((s) => matches(s.scenario.name));
}

/** Chooses among loaded scenarios by name. Throws a UsageError when a pattern matches nothing. */
export function matchScenarios(pattern: string, all: readonly LoadedScenario[], tier: Tier): LoadedScenario[] {
  if (pattern === "") throw new UsageError('a pattern is empty; "npx thpcheck list" shows the names of all scenarios');
  const matching = meantBy(pattern, all);
  if (matching.length === 0) {
    const names = all.map((s) => s.scenario.name);
    const list = '"npx thpcheck list" shows them all';
    if (isGlob(pattern)) throw new UsageError(`no scenario matches ${JSON.stringify(pattern)}; ${list}`);
    const own = "for a scenario of a file of yours name the file (check ./file.ts, or NAME --from ./file.ts)";
    throw new UsageError(`there is no scenario ${JSON.stringify(pattern)}.${didYouMean(pattern, names)} ${list}; ${own}`);
  }
  const meant = matching.filter((s) => s.scenario.name === pattern || within(s, tier));
  if (meant.length === 0) {
    const tiers = TIERS.filter((t) => matching.some((s) => s.scenario.tier === t));
    throw new UsageError(`${JSON.stringify(pattern)} matches scenarios of tier ${tiers.join(" and ")} only; add --tier ${tiers[0]}`);
  }
  return meant;
}

/**
 * Of the scenarios of one module, which no configuration need list, those that the names and globs mean, of any tier; no pattern
 * means all of them. Throws a UsageError that names the pattern, or the patch, at fault.
 */
export async function selectFrom(file: string, patterns: readonly string[], folder: string, patch: Patch | null): Promise<Selection> {
  const another = patterns.find(isFilePattern);
  if (another !== undefined) throw new UsageError(`--from ${file} has names of its scenarios beside it, not a file: ${another}`);
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}`);
  const all = await selectScenarios([file], "nightly", folder, patch);
  // A module that could not be loaded has no scenarios to choose from: that is the thing to mend.
  if (patterns.length === 0 || all.failures.length > 0) return all;
  return { ...all, scenarios: [...new Set(patterns.flatMap((p) => chosenFrom(file, p, all.scenarios)))] };
}

function chosenFrom(file: string, pattern: string, all: readonly LoadedScenario[]): readonly LoadedScenario[] {
  const chosen = meantBy(pattern, all);
  if (chosen.length > 0) return chosen;
  const names = all.map((s) => s.scenario.name);
  // As `--policy` makes it of a name.
  const bare = pattern.replace(/@\*$/, "");
  if (bare !== pattern && names.includes(bare)) {
    throw new UsageError(`${JSON.stringify(bare)} of ${file} knows no policies; leave out --policy`);
  }
  throw new UsageError(`${file} has no scenario ${JSON.stringify(pattern)}.${didYouMean(pattern, names)} It has: ${names.join(", ")}`);
}

/** Loads what the patterns need, as `patch` has it, and chooses. Throws a UsageError that names the pattern, or the patch, at fault. */
export async function selectScenarios(
  patterns: readonly string[], tier: Tier, folder: string, patch: Patch | null = null,
): Promise<Selection> {
  const filePatterns = patterns.filter(isFilePattern);
  for (const p of filePatterns) if (!existsSync(p)) throw new UsageError(`there is no file ${p}`);
  const id = patch === null ? null : registerPatch(patch, patchRoot(folder));
  const named = await loadModules(filePatterns.map((p) => resolve(p)), id);
  const own: Loaded = { ...named, scenarios: named.scenarios.map((s) => ({ ...s, from: shortPath(s.file) })) };
  const names = patterns.filter((p) => !isFilePattern(p));
  const elsewhere = names.filter((n) => !own.scenarios.some((s) => s.scenario.name === n));
  const needsConfig = patterns.length === 0 || elsewhere.length > 0;
  const wanted = names.length > 0 && !names.some(isGlob) ? elsewhere : null;
  const project = needsConfig ? await loadProject(folder, own.scenarios, wanted, id) : { scenarios: [], failures: [] };
  const all = [...own.scenarios, ...project.scenarios];

  let chosen: readonly LoadedScenario[];
  try {
    chosen = patterns.length === 0
      ? all.filter((s) => within(s, tier))
      : [...own.scenarios, ...names.flatMap((n) => matchScenarios(n, all, tier))];
  } catch (e) {
    // A scenario that is not found may well be in a module that could not be loaded: that is then the thing to mend.
    if (e instanceof UsageError && project.failures.length > 0) throw new UsageError([...project.failures, e.message].join("\n"));
    throw e;
  }
  const untouched = id === null ? [] : untouchedBy(patch!.name, id, [...own.failures, ...project.failures]);
  const complete = patterns.length > 0 && names.every((n) => !isGlob(n) || all.some((s) => s.scenario.name === n));
  return {
    scenarios: [...new Set(chosen)],
    failures: complete ? own.failures : [...own.failures, ...project.failures],
    warnings: [...untouched, ...(complete ? project.failures : [])],
  };
}

/**
 * Remarks on modules of the patch that nothing has loaded. Throws a UsageError when nothing that was loaded is another than
 * without the patch.
 */
function untouchedBy(patch: string, id: string, failures: readonly string[]): string[] {
  const unloaded = unloadedFiles(id);
  const remarks = unloaded.map(({ path, before }) =>
    `${patch} ${before === null ? "adds" : "changes"} ${shortPath(path)}, which no scenario that was loaded imports`);
  const others = filesOf(id).filter((f) => !unloaded.includes(f));
  if (others.some(isLoadable)) return remarks;
  if (failures.length > 0) throw new UsageError(failures.join("\n"));
  const idle = others.map(({ after, name }) =>
    (after === null ? `${patch} takes ${name} away, which nothing imports` : `${patch} changes ${name}, which is no module`));
  throw new UsageError([...remarks, ...idle].join("\n"));
}

/**
 * The scenarios of the project, without those of modules that were named themselves. Given the exact names that are
 * `wanted`, only as many modules as it takes to find them, the likeliest first: the others may be slow to load.
 */
async function loadProject(
  folder: string, own: readonly LoadedScenario[], wanted: readonly string[] | null, patch: string | null,
): Promise<Loaded> {
  const file = findConfigFile(folder);
  if (file === null) {
    throw new UsageError(
      `there is no thpcheck.config.ts in ${folder} or above it; go to your project, ` +
      "or name a scenario file: npx thpcheck check ./my-scenario.ts",
    );
  }
  const config = await loadConfig(file);
  const modules = configuredModules(config);
  if (modules.length === 0) throw new UsageError(`${file}: no file matches its scenarios (${config.config.scenarios.join(", ")})`);
  const without = new Set(own.map((s) => s.file));
  const others = modules.filter((m) => !without.has(m));
  const loaded = wanted === null ? await loadModules(others, patch) : await loadUntilFound(others, wanted, patch, file);
  const named = new Set(own.map((s) => s.scenario.name));
  return { scenarios: loaded.scenarios.filter((s) => !named.has(s.scenario.name)), failures: loaded.failures };
}

async function loadUntilFound(
  modules: readonly string[], wanted: readonly string[], patch: string | null, configFile: string,
): Promise<Loaded> {
  const scenarios: LoadedScenario[] = [];
  const failures: string[] = [];
  for (const m of likeliestFirst(modules, wanted, configFile)) {
    if (wanted.every((name) => scenarios.some((s) => s.scenario.name === name))) break;
    const loaded = await loadModules([m], patch);
    scenarios.push(...loaded.scenarios);
    failures.push(...loaded.failures);
  }
  return { scenarios, failures };
}
