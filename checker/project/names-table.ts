/**
 * Where each scenario is: `thpcheck.names.json` beside the configuration has the names of each module, computed ones included,
 * `{ "test/models/peterson.ts": ["peterson", "peterson-3"] }`. A command that is given a name loads that module first.
 *
 * It is never believed: a name counts as found once its module is loaded and has it. A table that is out of date, damaged or not
 * there costs time, and says nothing wrong. `thpcheck list --update` writes it.
 */
import { readFileSync, realpathSync } from "node:fs";
import { basename, dirname, extname, join, relative, resolve, sep } from "node:path";
import { writeWhole } from "../files.ts";
import { isRecord } from "../value-in-words.ts";
import type { LoadedScenario } from "./project.ts";

/** The table that belongs to a configuration file, whether it exists or not. */
export function namesTableOf(configFile: string): string {
  return join(dirname(configFile), "thpcheck.names.json");
}

/** Modules, by absolute path, with the names that the table has for them; empty where no table can be read. */
function tabledNames(configFile: string): ReadonlyMap<string, readonly string[]> {
  let table: unknown;
  try {
    table = JSON.parse(readFileSync(namesTableOf(configFile), "utf8"));
  } catch {
    return new Map(); // There is none, or it is damaged.
  }
  if (!isRecord(table)) return new Map();
  const folder = dirname(configFile);
  return new Map(Object.entries(table).map(([module, names]) =>
    [resolve(folder, module), Array.isArray(names) ? names.filter((n) => typeof n === "string") : []]));
}

/** The text of the table for these scenarios: a module a line, in the order of the paths. */
export function namesTable(configFile: string, scenarios: readonly LoadedScenario[]): string {
  const folder = realpathSync(dirname(configFile));
  const byModule = Map.groupBy(scenarios, (s) => relative(folder, s.file).split(sep).join("/"));
  const lines = [...byModule.keys()].toSorted().map((module) => {
    const names = byModule.get(module)!.map((s) => s.scenario.name);
    return `${JSON.stringify(module)}: ${JSON.stringify(names)}`;
  });
  return `{\n${lines.join(",\n")}\n}\n`;
}

/** Writes the table. Throws what the disk refuses. */
export function writeNames(configFile: string, scenarios: readonly LoadedScenario[]): void {
  writeWhole(namesTableOf(configFile), namesTable(configFile, scenarios));
}

/**
 * The modules in the order in which they are worth a look for these names: those that the table names, those whose text mentions
 * one, then those whose file name begins most like one.
 */
export function* likeliestFirst(modules: readonly string[], wanted: readonly string[], configFile: string): Generator<string> {
  const table = tabledNames(configFile);
  const given = new Set(modules.filter((m) => table.get(m)?.some((name) => wanted.includes(name)) === true));
  yield* given;
  const mentions = (m: string): boolean => {
    const text = readFileSync(m, "utf8");
    return wanted.some((name) => text.includes(name));
  };
  for (const m of modules) {
    if (given.has(m) || !mentions(m)) continue;
    given.add(m);
    yield m;
  }
  const alike = (m: string): number => Math.max(...wanted.map((name) => sharedPrefix(basename(m, extname(m)), name)));
  yield* modules.filter((m) => !given.has(m)).toSorted((a, b) => alike(b) - alike(a));
}

function sharedPrefix(a: string, b: string): number {
  let n = 0;
  while (n < a.length && a[n] === b[n]) n++;
  return n;
}
