/**
 * Pins in a table beside the scenarios: for names that are computed, whose source has no place for their counts.
 *
 * `scenarios.ts` has its table in `scenarios.pins.json`: `{ "name": { "states": 5, "transitions": 9, "depth": 3 } }`,
 * for a violation `{ "name": { "length": 7 } }`. The command line loads the scenarios of the
 * module with these pins. Counts that a scenario states itself are left to its source.
 */
import { existsSync, readFileSync } from "node:fs";
import { shortPath } from "../error-sentence.ts";
import { withLock, writeWhole } from "../files.ts";
import { isRecord } from "../value-in-words.ts";
import type { Expectation, Scenario } from "../scenario.ts";
import { UsageError } from "../usage-error.ts";
import type { Pins, PinUpdate } from "./pins.ts";

const COUNTS = { holds: ["states", "transitions", "depth", "statesWithoutClearing"], violated: ["length"] } as const;

/** The table of a module, whether it exists or not. */
export function tableOf(module: string): string {
  return module.replace(/\.[cm]?[jt]s$/, ".pins.json");
}

/** Whether the scenario states a count itself. */
export function isPinned({ expect }: Scenario): boolean {
  return COUNTS[expect.verdict].some((count) => (expect as unknown as Pins)[count] != null);
}

/**
 * The scenarios of a module with the pins of its table. `partial`: others of the module could not be loaded. Throws a
 * UsageError for a table that does not fit them.
 */
export function withPins(scenarios: readonly Scenario[], module: string, partial = false): Scenario[] {
  const file = tableOf(module);
  if (!existsSync(file)) return [...scenarios];
  const table = read(file);
  const unknown = Object.keys(table).find((name) => !scenarios.some((s) => s.name === name));
  if (unknown !== undefined && !partial) {
    const who = `${shortPath(file)} pins ${JSON.stringify(unknown)}`;
    throw new UsageError(`${who}, and ${shortPath(module)} has no such scenario; take the line out`);
  }
  return scenarios.map((s) => {
    const pins = table[s.name];
    if (pins === undefined) return s;
    refuseMisfit(s, pins, file, module);
    return { ...s, expect: { ...s.expect, ...pins } as Expectation };
  });
}

/** Throws a UsageError if the scenario states counts itself, or if the table pins one that it does not have. */
function refuseMisfit(s: Scenario, pins: Pins, file: string, module: string): void {
  const name = JSON.stringify(s.name);
  if (isPinned(s)) throw new UsageError(`${shortPath(file)} pins ${name}, and so does ${shortPath(module)}; take the line out`);
  const counts: readonly string[] = COUNTS[s.expect.verdict];
  const wrong = Object.keys(pins).find((count) => !counts.includes(count));
  if (wrong === undefined) return;
  const verdict = s.expect.verdict === "holds" ? "holds" : "is violated";
  throw new UsageError(`${shortPath(file)} pins the ${wrong} of ${name}, and a scenario that ${verdict} has ${counts.join(", ")}`);
}

/** Writes the pins of a scenario into the table of its module, which is made if there is none. Throws what the disk refuses. */
export function updateTable(module: string, scenario: string, pins: Pins): PinUpdate {
  const file = tableOf(module);
  return withLock(file, () => {
    const table = existsSync(file) ? read(file) : {};
    const before = JSON.stringify(table[scenario]);
    if (before === JSON.stringify(pins)) return { scenario, outcome: "unchanged", message: `${scenario}: its pins are right` };
    table[scenario] = pins;
    // One line a scenario, by name: a change of one is a change of one line.
    const lines = Object.keys(table).sort().map((name) => `  ${JSON.stringify(name)}: ${JSON.stringify(table[name])}`);
    writeWhole(file, `{\n${lines.join(",\n")}\n}\n`);
    return { scenario, outcome: "updated", message: `${shortPath(file)}: ${scenario} now has ${JSON.stringify(pins)}` };
  });
}

function read(file: string): Record<string, Pins> {
  let table: unknown;
  try {
    table = JSON.parse(readFileSync(file, "utf8"));
  } catch (e) {
    throw new UsageError(`${shortPath(file)} is no JSON: ${(e as Error).message}`);
  }
  if (isRecord(table) && Object.values(table).every((pins) => isRecord(pins) && Object.values(pins).every(isCount))) {
    return table as unknown as Record<string, Pins>;
  }
  throw new UsageError(`${shortPath(file)} is no table of pins; it must say { "scenario": { "states": 5 } }, and --update-pins writes it`);
}

const isCount = (n: unknown): boolean => Number.isSafeInteger(n) && (n as number) >= 0;
