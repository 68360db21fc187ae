/** Results as JSON text: one file for a run, brought up to date after each scenario. */
import { accessSync, constants, existsSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import * as v from "valibot";
import { isJson, readJson, reasonOf, refuseForeign, writeWhole } from "../files.ts";
import { count, flag, oneOf, problemOf, recordForm, text } from "../form.ts";
import {
  RESULT_FORMAT, RESULT_VERSION, type PatchReport, type ResultFile, type ResultV1, type ScenarioResult, type Tier,
} from "../result.ts";
import { UsageError } from "../usage-error.ts";

export function resultFile(tier: Tier, seed: number, results: readonly ScenarioResult[], patch: PatchReport | null = null): ResultFile {
  const file: ResultFile = { format: RESULT_FORMAT, version: RESULT_VERSION, tier, seed, results: results.map(toV1) };
  return patch === null ? file : { ...file, patch };
}

/** Readers of version 1 know these names, and a name changes only together with the version (`ResultV1`). */
function toV1({ expectedCollisions, levels: _, invariants, ...rest }: ScenarioResult): ResultV1 {
  const promises = invariants.map(({ name, inForce }) => ({ name, unexcused: inForce }));
  return { ...rest, collisionProbability: expectedCollisions, invariants: promises };
}

/** Version 1 does not say how many states each level has. */
function fromV1({ collisionProbability, invariants, alsoViolated = [], notes = [], warnings = [], ...rest }: ResultV1): ScenarioResult {
  const promises = invariants.map(({ name, unexcused }) => ({ name, inForce: unexcused }));
  return { ...rest, expectedCollisions: collisionProbability, levels: [], invariants: promises, alsoViolated, notes, warnings };
}

const naming = recordForm({ name: text(), reached: flag() });
const machine = recordForm({
  machine: text(), instances: count(), moves: count(), arrows: count(),
  taken: v.array(recordForm({ arrow: text(), count: count() }), "an array"),
});
const result = recordForm({
  scenario: text(), verdict: oneOf(["holds", "violated", "incomplete", "error"]), asExpected: flag(),
  states: count(), transitions: count(), depth: count(), seconds: v.number("a number"),
  witnesses: v.array(naming, "an array"), notChecked: v.array(v.string("a text"), "an array of texts"),
  warnings: v.optional(v.array(v.string("a text"), "an array of texts")),
  invariants: v.array(recordForm({ name: text(), unexcused: count() }), "an array"),
  violation: v.nullable(recordForm({ property: text(), length: count() })),
  refinement: v.nullable(recordForm({ steps: count(), machines: v.array(machine, "an array") })),
});
/** What of a file of results is read again. */
const resultsForm = recordForm({
  format: v.literal(RESULT_FORMAT, JSON.stringify(RESULT_FORMAT)),
  version: v.literal(RESULT_VERSION, `${RESULT_VERSION}, the version that this thpcheck reads`),
  results: v.array(result, "an array of results"),
});

/** The results in a file that `check --out` has written. Throws a UsageError for a file that is none. */
export function readResults(file: string): readonly ScenarioResult[] {
  const none = (why: string): UsageError =>
    new UsageError(`${file} ${why}; "npx thpcheck check --tier full --out ${file}" writes a file of results`);
  const parsed = readJson(file, none);
  if ((parsed as Partial<ResultFile> | null)?.format !== RESULT_FORMAT) throw none("holds no results");
  const problem = problemOf(resultsForm, parsed);
  if (problem !== null) throw none(`is no whole file of results: ${problem}`);
  return (parsed as ResultFile).results.map(fromV1);
}

export const toJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/**
 * The file named by `--out`. It always holds a complete document: each write goes to a neighbour that is then renamed
 * over it, so that a run that is killed leaves the last results that were whole. Where no neighbour can be made the file
 * is overwritten; a device or a pipe is written once, on `finish`. A file that holds something else is never overwritten.
 */
export class OutFile {
  readonly path: string;
  readonly #mode: "replace" | "overwrite" | "once";
  #latest: string | null = null;

  /** Throws a UsageError when the file cannot be written: better now than after an hour of search. */
  constructor(path: string) {
    this.path = path;
    refuseForeign(path, "--out", (text) => isJson(text, (value) => value["format"] === RESULT_FORMAT), "file of results");
    const existing = statSync(path, { throwIfNoEntry: false });
    const alone = !isWritable(dirname(path));
    if (existing === undefined ? alone : !isWritable(path)) {
      const why = existsSync(dirname(path)) ? "permission denied" : "no such file or directory (ENOENT)";
      throw new UsageError(`--out ${path} cannot be written: ${why}`);
    }
    this.#mode = existing !== undefined && !existing.isFile() ? "once" : alone ? "overwrite" : "replace";
  }

  /** Throws a UsageError when the disk refuses. */
  write(text: string): void {
    this.#latest = text;
    if (this.#mode === "replace") this.#guard(() => { writeWhole(this.path, text); });
    else if (this.#mode === "overwrite") this.#guard(() => { writeFileSync(this.path, text); });
  }

  /** Call at the end of the run: writes to a pipe. Throws like `write`. */
  finish(): void {
    const text = this.#latest;
    if (text !== null && this.#mode === "once") this.#guard(() => { writeFileSync(this.path, text); });
  }

  #guard(write: () => void): void {
    try {
      write();
    } catch (e) {
      throw new UsageError(`--out ${this.path} could not be written: ${reasonOf(e)}; the results on the screen are complete`);
    }
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
