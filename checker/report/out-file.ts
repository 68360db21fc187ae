/** A file that a run keeps up to date. */
import { accessSync, constants, existsSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { reasonOf, refuseForeign, writeWhole } from "../files.ts";
import { UsageError } from "../usage-error.ts";
import type { ResultFormat } from "./formats/reported-run.ts";

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
  constructor(path: string, format: Pick<ResultFormat, "isOurs" | "what">) {
    this.path = path;
    refuseForeign(path, "--out", format.isOurs, format.what);
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
