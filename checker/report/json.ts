/** Results as JSON text: one file for a run, brought up to date after each scenario. */
import { accessSync, closeSync, constants, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { RESULT_FORMAT, RESULT_VERSION, type ResultFile, type ResultV1, type ScenarioResult, type Tier } from "../result.ts";
import { UsageError } from "../usage-error.ts";

export function resultFile(tier: Tier, seed: number, results: readonly ScenarioResult[]): ResultFile {
  return { format: RESULT_FORMAT, version: RESULT_VERSION, tier, seed, results: results.map(toV1) };
}

/** Readers of version 1 know these names, and a name changes only together with the version (`ResultV1`). */
function toV1({ expectedCollisions, levels: _, invariants, ...rest }: ScenarioResult): ResultV1 {
  const promises = invariants.map(({ name, inForce }) => ({ name, unexcused: inForce }));
  return { ...rest, collisionProbability: expectedCollisions, invariants: promises };
}

/** Version 1 does not say how many states each level has. */
function fromV1({ collisionProbability, invariants, alsoViolated = [], ...rest }: ResultV1): ScenarioResult {
  const promises = invariants.map(({ name, unexcused }) => ({ name, inForce: unexcused }));
  return { ...rest, expectedCollisions: collisionProbability, levels: [], invariants: promises, alsoViolated };
}

/** The results in a file that `check --out` has written. Throws a UsageError for a file that is none. */
export function readResults(file: string): readonly ScenarioResult[] {
  const none = (why: string): UsageError =>
    new UsageError(`${file} ${why}; "npx thpcheck check --tier full --out ${file}" writes a file of results`);
  let parsed: Partial<ResultFile>;
  try {
    parsed = JSON.parse(readFileSync(file, "utf8")) as Partial<ResultFile>;
  } catch (e) {
    throw none(`cannot be read (${(e as Error).message.split(",")[0]})`);
  }
  if (parsed.format !== RESULT_FORMAT || parsed.results === undefined) throw none("holds no results");
  return parsed.results.map(fromV1);
}

export const toJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const reasonOf = (e: unknown): string => (e instanceof Error ? e.message.replace(/^(\w+): (.*?),.*$/, "$2 ($1)") : String(e));

/**
 * The file named by `--out`. It always holds a complete document: each write goes to a neighbour that is then renamed
 * over it, so that a run that is killed leaves the last results that were whole. Where no neighbour can be made the file
 * is overwritten; a device or a pipe is written once, on `finish`.
 */
export class OutFile {
  readonly path: string;
  readonly #mode: "replace" | "overwrite" | "once";
  readonly #created: boolean;
  #latest: string | null = null;

  /** Throws a UsageError when the file cannot be written: better now than after an hour of search. */
  constructor(path: string) {
    this.path = path;
    const existing = statSync(path, { throwIfNoEntry: false });
    this.#created = existing === undefined;
    try {
      // Opening a pipe would wait for its reader, so a pipe is only asked for its permissions.
      if (existing === undefined || existing.isFile() || existing.isDirectory()) closeSync(openSync(path, "a"));
      else accessSync(path, constants.W_OK);
    } catch (e) {
      throw new UsageError(`--out ${path} cannot be written: ${reasonOf(e)}`);
    }
    this.#mode = existing !== undefined && !existing.isFile() ? "once" : isWritable(dirname(path)) ? "replace" : "overwrite";
  }

  /** Throws a UsageError when the disk refuses. */
  write(text: string): void {
    this.#latest = text;
    if (this.#mode === "replace") {
      this.#guard(() => {
        writeFileSync(`${this.path}.partial`, text);
        renameSync(`${this.path}.partial`, this.path);
      });
    } else if (this.#mode === "overwrite") this.#guard(() => { writeFileSync(this.path, text); });
  }

  /** Call at the end of the run: writes to a pipe, and removes a file that was made for nothing. Throws like `write`. */
  finish(): void {
    const text = this.#latest;
    if (text === null) {
      if (this.#created) rmSync(this.path, { force: true });
    } else if (this.#mode === "once") this.#guard(() => { writeFileSync(this.path, text); });
  }

  #guard(write: () => void): void {
    try {
      write();
    } catch (e) {
      throw new UsageError(`--out ${this.path} could not be written: ${reasonOf(e)}; the results on the screen are complete`);
    }
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
