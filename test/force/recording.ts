/**
 * What kernels have shown of pairs that were forced, kept small: `recordings/`, one file for each kernel. They are compared with the
 * checker's outcomes everywhere, without QEMU.
 */
import { existsSync, globSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { writeWhole } from "../../checker/files.ts";
import { becameInWords, scheduleInWords } from "./schedule.ts";
import { outcomeKey, type Outcome } from "./outcome.ts";
import type { Run } from "./sweep.ts";

const FOLDER = fileURLToPath(new URL("./recordings/", import.meta.url));

/** A schedule that was realised: its words, what became of each of its segments, and the place of its outcome. */
export type RecordedRun = readonly [schedule: string, became: readonly string[], outcome: number];
export interface RecordedPair {
  readonly name: string;
  readonly outcomes: readonly Outcome[];
  readonly runs: readonly RecordedRun[];
  /** Schedules that were not realised, each with the reason. */
  readonly not: readonly (readonly [schedule: string, why: string])[];
}
export interface ForcedRecording {
  /** As `uname -r` says, or the number of the release. */
  readonly kernel: string;
  readonly pairs: readonly RecordedPair[];
}

export function recorded(name: string, runs: readonly Run[]): RecordedPair {
  const outcomes = new Map<string, { readonly outcome: Outcome; readonly place: number }>();
  const realised = runs.filter((r) => r.not === null);
  for (const { outcome } of realised) {
    const key = outcomeKey(outcome);
    if (!outcomes.has(key)) outcomes.set(key, { outcome, place: outcomes.size });
  }
  return {
    name, outcomes: [...outcomes.values()].map((o) => o.outcome),
    runs: realised.map((r) => {
      const became = r.became.filter((b) => b.what !== "skipped").map(becameInWords);
      return [scheduleInWords(r.schedule), became, outcomes.get(outcomeKey(r.outcome))!.place];
    }),
    not: runs.flatMap((r) => (r.not === null ? [] : [[scheduleInWords(r.schedule), r.not] as const])),
  };
}

const fileOf = (kernel: string): string => join(FOLDER, `${kernel.replace(/[^\w.-]/g, "_")}.json.br`);
const read = (file: string): ForcedRecording => JSON.parse(brotliDecompressSync(readFileSync(file)).toString("utf8")) as ForcedRecording;

export function forcedRecordings(): readonly ForcedRecording[] {
  return globSync("*.json.br", { cwd: FOLDER }).sort().map((f) => read(join(FOLDER, f)));
}

/** Keeps the pairs, in place of what was kept of the same. @returns the file */
export function keep({ kernel, pairs }: ForcedRecording): string {
  const file = fileOf(kernel);
  const kept = new Map(existsSync(file) ? read(file).pairs.map((p) => [p.name, p]) : []);
  for (const p of pairs) kept.set(p.name, p);
  const all = [...kept.values()].sort((x, y) => (x.name < y.name ? -1 : 1));
  const text = `{"kernel":${JSON.stringify(kernel)},"pairs":[\n${all.map((p) => JSON.stringify(p)).join(",\n")}\n]}\n`;
  mkdirSync(FOLDER, { recursive: true });
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  writeWhole(file, brotliCompressSync(text, { params }));
  return file;
}
