/**
 * Runs of real kernels, kept in `recordings/`: so the comparison also happens where no kernel can be asked. One file for each
 * kernel: `<release>.json.br`, compressed by Brotli. That of BASE has all its runs. Another one's has the steps of a run that
 * are not as in BASE's, and the names of the runs that it has not: what a release does otherwise is what its file holds.
 *
 * In a file, counters that did not move are a single "k", and areas and pages that are as after the step before a single "=".
 */
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { writeWhole } from "../../checker/files.ts";
import { UsageError } from "../../checker/usage-error.ts";
import { hostRelease } from "../../impl/config/linux-release.ts";
import { isOfOthers } from "./compare.ts";
import { COUNTERS, type Observations } from "./observation.ts";
import type { ProgramJson } from "./program.ts";

export const RECORDINGS = fileURLToPath(new URL("./recordings/", import.meta.url));
/** The kernel that the others are told from. */
export const BASE = "7.3.4";

export interface RecordedRun {
  readonly name: string;
  readonly program: ProgramJson;
  /** The lines of each step. */
  readonly seen: Observations;
}
export interface Recording {
  readonly kernel: string;
  readonly runs: readonly RecordedRun[];
}
/** What differs from BASE. */
interface Difference {
  readonly kernel: string;
  readonly like: string;
  /** Of the text of that recording: what differs from it differs from nothing else. */
  readonly hash: string;
  /** Runs of BASE that this kernel has not. */
  readonly without: readonly string[];
  readonly runs: readonly { readonly name: string; readonly steps: Readonly<Record<number, readonly string[]>> }[];
}

const NO_COUNTERS = `k ${COUNTERS.map(() => 0).join(" ")}`;
const isTrace = (line: string): boolean => line.startsWith("t ");
const isMemory = (line: string): boolean => line.startsWith("v ") || line.startsWith("p ") || line.startsWith("f ");
const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);
const sameLines = (a: readonly string[] | undefined, b: readonly string[] | undefined): boolean => a?.join("\n") === b?.join("\n");

export function pack(seen: Observations): Observations {
  return seen.map((lines, i) => {
    const memory = lines.filter(isMemory);
    const before = seen[i - 1]?.filter(isMemory);
    const same = before !== undefined && memory.length > 0 && memory.join() === before.join();
    const rest = lines.filter((l) => !isMemory(l) && !isOfOthers(l) && !isTrace(l)).map((l) => (l === NO_COUNTERS ? "k" : l));
    // In which order an agent tells of statuses depends on which it met first in its life.
    return [...rest, ...lines.filter(isTrace).sort(), ...(same ? ["="] : memory)];
  });
}

export function unpack(packed: Observations): Observations {
  let memory: string[] = [];
  return packed.map((lines) => {
    if (!lines.includes("=")) memory = lines.filter(isMemory);
    return [...lines.filter((l) => !isMemory(l) && l !== "=").map((l) => (l === "k" ? NO_COUNTERS : l)), ...memory];
  });
}

/** Recordings in a folder; the project's own unless given. */
export class Recordings {
  readonly #folder: string;
  constructor(folder: string = RECORDINGS) { this.#folder = folder; }

  /** All of them, from the oldest release to the newest. */
  all(): Recording[] {
    const files = globSync("*.json.br", { cwd: this.#folder }).sort();
    const base = this.#text(BASE);
    const found = files.map((f) => this.#expanded(this.#read(join(this.#folder, f)), base));
    return found.toSorted((a, b) => {
      const [x, y] = [hostRelease(a.kernel), hostRelease(b.kernel)];
      return x.age - y.age || x.patch - y.patch;
    });
  }

  /** That of one kernel, or null. */
  of(kernel: string): Recording | null {
    const text = this.#text(kernel);
    return text === null ? null : this.#expanded(text, this.#text(BASE));
  }

  /**
   * Writes the file of that kernel and returns its path. BASE may be written anew: the others then are told from what it is
   * now, and lose the runs of programs that it has no more. Throws a UsageError for a run of another kernel that BASE has not.
   */
  save(recording: Recording): string {
    if (recording.kernel !== BASE) return this.#saveDifference(recording);
    const others = existsSync(this.#file(BASE)) ? this.all().filter(({ kernel }) => kernel !== BASE) : [];
    const runs = recording.runs.map((r) => ({ ...r, seen: pack(r.seen) }));
    this.#write(BASE, `{"kernel":${JSON.stringify(BASE)},${lines(runs)}`);
    const programs = new Map(recording.runs.map((r) => [r.name, JSON.stringify(r.program)]));
    for (const { kernel, runs: theirs } of others) {
      this.#saveDifference({ kernel, runs: theirs.filter((r) => programs.get(r.name) === JSON.stringify(r.program)) });
    }
    return this.#file(BASE);
  }

  #saveDifference({ kernel, runs }: Recording): string {
    const text = this.#text(BASE);
    if (text === null) throw new UsageError(`Linux ${BASE} is not recorded, and ${kernel} is told from it\n${recordFirst}`);
    const base = (JSON.parse(text) as Recording).runs;
    const own = new Map(runs.map((r) => [r.name, r]));
    for (const { name, program, seen } of base) {
      const mine = own.get(name);
      if (mine === undefined) continue;
      if (JSON.stringify(mine.program) !== JSON.stringify(program) || mine.seen.length !== seen.length) {
        throw new UsageError(`"${name}" is another program in the recording of Linux ${BASE}\n${recordFirst}`);
      }
    }
    const known = new Set(base.map((r) => r.name));
    const unknown = runs.find((r) => !known.has(r.name));
    if (unknown !== undefined) throw new UsageError(`"${unknown.name}" is not in the recording of Linux ${BASE}\n${recordFirst}`);
    const without = base.flatMap(({ name }) => (own.has(name) ? [] : [name]));
    const differing = base.flatMap(({ name, seen }) => {
      const steps = stepsOf(own.has(name) ? pack(own.get(name)!.seen) : seen, seen);
      return Object.keys(steps).length === 0 ? [] : [{ name, steps }];
    });
    const head = { kernel, like: BASE, hash: hashOf(text), without };
    this.#write(kernel, `${JSON.stringify(head).slice(0, -1)},${lines(differing)}`);
    return this.#file(kernel);
  }

  #expanded(text: string, base: string | null): Recording {
    const file = JSON.parse(text) as Recording | Difference;
    if (!("like" in file)) return { kernel: file.kernel, runs: file.runs.map((r) => ({ ...r, seen: unpack(r.seen) })) };
    if (base === null || hashOf(base) !== file.hash) {
      const why = `the recording of Linux ${file.kernel} says how it differs from one of ${file.like} that is no more`;
      throw new UsageError(`${why}\n${recordFirst}`);
    }
    const steps = new Map(file.runs.map((r) => [r.name, r.steps]));
    const without = new Set(file.without);
    const runs = (JSON.parse(base) as Recording).runs.filter((r) => !without.has(r.name));
    return {
      kernel: file.kernel,
      runs: runs.map((r) => ({ ...r, seen: unpack(r.seen.map((seen, i) => steps.get(r.name)?.[i] ?? seen)) })),
    };
  }

  #file(kernel: string): string {
    return join(this.#folder, `${kernel.replace(/[^\w.-]/g, "_")}.json.br`);
  }
  #text(kernel: string): string | null {
    const file = this.#file(kernel);
    return existsSync(file) ? this.#read(file) : null;
  }
  #read(file: string): string {
    return brotliDecompressSync(readFileSync(file)).toString("utf8");
  }
  /** The same text gives the same bytes. */
  #write(kernel: string, text: string): void {
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY, [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    };
    writeWhole(this.#file(kernel), brotliCompressSync(text, { params }));
  }
}

const recordFirst = `record it first: npx thpcheck conform --record --kernel ${BASE}`;
const lines = (runs: readonly unknown[]): string => `"runs":[\n${runs.map((r) => JSON.stringify(r)).join(",\n")}\n]}\n`;
const stepsOf = (packed: Observations, base: Observations): Record<number, readonly string[]> =>
  Object.fromEntries(packed.flatMap((seen, i) => (sameLines(seen, base[i]) ? [] : [[i, seen]])));

export const recordings = (): Recording[] => new Recordings().all();
