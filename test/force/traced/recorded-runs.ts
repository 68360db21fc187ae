/** What kernels have said to runs of the checker: `recordings/runs.json`, to be compared with the checker of today everywhere. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { writeWhole } from "../../../checker/files.ts";
import type { Outcome } from "../outcome.ts";

const FILE = fileURLToPath(new URL("../recordings/runs.json", import.meta.url));

export interface RecordedRun {
  readonly kernel: string;
  readonly scenario: string;
  /** Null: the counterexample of a scenario that breaks a promise. */
  readonly witness: string | null;
  readonly verdict: "confirmed" | "refuted";
  /** The first difference, where it is refuted. */
  readonly why: string | null;
  readonly schedule: string;
  readonly became: readonly string[];
  /** Of the kernel. */
  readonly outcome: Outcome;
}

export function recordedRuns(): readonly RecordedRun[] {
  return existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as RecordedRun[]) : [];
}

const keyOf = ({ kernel, scenario, witness }: RecordedRun): string => JSON.stringify([scenario, witness, kernel]);
/** Keeps the run, in place of what was kept of the same. */
export function keepRun(run: RecordedRun): void {
  const kept = new Map(recordedRuns().map((r) => [keyOf(r), r]));
  kept.set(keyOf(run), run);
  const all = [...kept].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, r]) => JSON.stringify(r));
  writeWhole(FILE, `[\n${all.join(",\n")}\n]\n`);
}
