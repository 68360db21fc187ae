/**
 * Runs of a real kernel, kept in `recordings/`: so the comparison also happens where the kernel cannot be asked. One file
 * for each kernel: `<release>.json`. There, counters that did not move are a single "k", and areas and pages that are as
 * after the step before a single "=".
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isOfOthers } from "./compare.ts";
import { COUNTERS, type Observations } from "./observation.ts";
import type { ProgramJson } from "./program.ts";

const FOLDER = fileURLToPath(new URL("./recordings/", import.meta.url));

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

const NO_COUNTERS = `k ${COUNTERS.map(() => 0).join(" ")}`;
const isMemory = (line: string): boolean => line.startsWith("v ") || line.startsWith("p ");

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

export function recordings(): Recording[] {
  return globSync("*.json", { cwd: FOLDER }).sort().map((f) => {
    const { kernel, runs } = JSON.parse(readFileSync(join(FOLDER, f), "utf8")) as Recording;
    return { kernel, runs: runs.map((r) => ({ ...r, seen: unpack(r.seen) })) };
  });
}

/** Writes the file of that kernel and returns its path. One run a line: a change shows as that. */
export function saveRecording({ kernel, runs }: Recording): string {
  const file = join(FOLDER, `${kernel.replace(/[^\w.-]/g, "_")}.json`);
  writeFileSync(
    file,
    `{"kernel":${JSON.stringify(kernel)},"runs":[\n${runs.map((r) => JSON.stringify({ ...r, seen: pack(r.seen) })).join(",\n")}\n]}\n`,
  );
  return file;
}
