/**
 * Runs of real kernels, kept in `recordings/`: so the comparison also happens where no kernel can be asked. One file for each
 * kernel: `<release>.json`. That of BASE has all its runs. Another one's has those that differ from it, each from the first step
 * on that does: what a release does otherwise is what its file shows.
 *
 * In a file, counters that did not move are a single "k", and areas and pages that are as after the step before a single "=".
 */
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "../../checker/usage-error.ts";
import { isOfOthers } from "./compare.ts";
import { COUNTERS, type Observations } from "./observation.ts";
import type { ProgramJson } from "./program.ts";

const FOLDER = fileURLToPath(new URL("./recordings/", import.meta.url));
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
  readonly runs: readonly { readonly name: string; readonly from: number; readonly seen: Observations }[];
}

const NO_COUNTERS = `k ${COUNTERS.map(() => 0).join(" ")}`;
const isMemory = (line: string): boolean => line.startsWith("v ") || line.startsWith("p ");
const fileOf = (kernel: string): string => join(FOLDER, `${kernel.replace(/[^\w.-]/g, "_")}.json`);
const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

export function pack(seen: Observations): Observations {
  return seen.map((lines, i) => {
    const memory = lines.filter(isMemory);
    const before = seen[i - 1]?.filter(isMemory);
    const same = before !== undefined && memory.length > 0 && memory.join() === before.join();
    return [...lines.filter((l) => !isMemory(l) && !isOfOthers(l)).map((l) => (l === NO_COUNTERS ? "k" : l)), ...(same ? ["="] : memory)];
  });
}

export function unpack(packed: Observations): Observations {
  let memory: string[] = [];
  return packed.map((lines) => {
    if (!lines.includes("=")) memory = lines.filter(isMemory);
    return [...lines.filter((l) => !isMemory(l) && l !== "=").map((l) => (l === "k" ? NO_COUNTERS : l)), ...memory];
  });
}

/** Without the steps before the first that differs, or null: they are alike. */
export function since(packed: Observations, base: Observations): { readonly from: number; readonly seen: Observations } | null {
  const from = packed.findIndex((lines, i) => lines.join("\n") !== base[i]?.join("\n"));
  return from < 0 ? null : { from, seen: packed.slice(from) };
}

const read = (kernel: string): string => readFileSync(fileOf(kernel), "utf8");
/** As in the file. */
const parse = (text: string): Recording | Difference => JSON.parse(text) as Recording | Difference;

/** Throws a UsageError for a recording whose base was recorded anew since. */
function expanded(recording: Recording | Difference): Recording {
  if (!("like" in recording)) return recording;
  const { kernel, like, hash, runs } = recording;
  const text = read(like);
  if (hashOf(text) !== hash) {
    throw new UsageError(`the recording of Linux ${kernel} says how it differs from ${like}, which was recorded anew since\n` +
      "record both: npx thpcheck conform --record --kernel all");
  }
  const other = new Map(runs.map((r) => [r.name, r]));
  return {
    kernel,
    runs: (parse(text) as Recording).runs.map((run) => {
      const own = other.get(run.name);
      return own === undefined ? run : { ...run, seen: [...run.seen.slice(0, own.from), ...own.seen] };
    }),
  };
}

/** All of them, in the order of their files' names. */
export function recordings(): Recording[] {
  return globSync("*.json", { cwd: FOLDER }).sort().map((f) => {
    const { kernel, runs } = expanded(parse(readFileSync(join(FOLDER, f), "utf8")));
    return { kernel, runs: runs.map((r) => ({ ...r, seen: unpack(r.seen) })) };
  });
}

/**
 * Writes the file of that kernel and returns its path. One run a line: a change shows as that. `like`: by its difference from
 * that kernel's recording, whose runs must be of the same programs; null: all of it. Throws a UsageError where they are not.
 */
export function saveRecording({ kernel, runs }: Recording, like: string | null): string {
  const packed = runs.map((r) => ({ ...r, seen: pack(r.seen) }));
  const lines = (all: readonly unknown[]): string => `"runs":[\n${all.map((r) => JSON.stringify(r)).join(",\n")}\n]}\n`;
  const file = fileOf(kernel);
  if (like === null) {
    writeFileSync(file, `{"kernel":${JSON.stringify(kernel)},${lines(packed)}`);
    return file;
  }
  const text = existsSync(fileOf(like)) ? read(like) : null;
  const base = text === null ? [] : (parse(text) as Recording).runs;
  const programs = (all: readonly RecordedRun[]): string => JSON.stringify(all.map((r) => [r.name, r.program]));
  if (text === null || programs(base) !== programs(packed)) {
    throw new UsageError(`Linux ${like} was not recorded with these programs, and ${kernel} is told from it\n` +
      `record it first: npx thpcheck conform --record --kernel ${like}`);
  }
  const differing = packed.flatMap(({ name, seen }, i) => {
    const differs = since(seen, base[i]!.seen);
    return differs === null ? [] : [{ name, ...differs }];
  });
  const head = { kernel, like, hash: hashOf(text) };
  writeFileSync(file, `${JSON.stringify(head).slice(0, -1)},${lines(differing)}`);
  return file;
}
