/** What one run recorded: blocks of `impl/` with their counts, and scan results by who got them. */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { EV } from "../../spec/events.ts";
import { SCAN_STATUS } from "../../impl/khugepaged/scan-result.ts";
import type { CoverageLog } from "../../checker/program/coverage-log.ts";
import type { Site } from "../../checker/program/observer.ts";

/** Environment variable: the folder into which a process of functional tests writes what it recorded. */
export const RECORD_FOLDER = "THPCHECK_COVERAGE_FOLDER";
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A basic block, by where it begins. `file` is relative to the project. */
export interface Block {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly routine: string;
  readonly count: number;
}

/** `source` (a scenario, or a test with its file) got this scan result so many times. */
export interface ScanResultSource {
  readonly result: number;
  readonly source: string;
  readonly times: number;
}

export interface Recorded {
  readonly blocks: readonly Block[];
  readonly scanResults: readonly ScanResultSource[];
}

/** The blocks of `impl/`, each once, with its counts added up. */
export function merge(counts: readonly (readonly { readonly site: Site; readonly count: number }[])[]): Block[] {
  return mergeBlocks(counts.map((run) => run.map(({ site, count }) => ({ file: relative(ROOT, site.file), line: site.line, column: site.column, routine: site.routine, count }))));
}

/** The same of runs that were recorded elsewhere. */
export function mergeBlocks(runs: readonly (readonly Block[])[]): Block[] {
  const merged = new Map<string, Block>();
  for (const run of runs) {
    for (const block of run) {
      if (!block.file.startsWith("impl/")) continue;
      const key = `${block.file}:${block.line}:${block.column}`;
      merged.set(key, { ...block, count: block.count + (merged.get(key)?.count ?? 0) });
    }
  }
  return [...merged.values()].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column));
}

/** How often a scan and collapse of one range ended with each scan result so far, by code. */
export function scanResultTimes(log: CoverageLog): number[] {
  const times = Object.keys(SCAN_STATUS).map(() => 0);
  for (const a of log.announced()) if (a.event === EV.COLLAPSE_RESULT) times[a.instances.at(-1)!] = times[a.instances.at(-1)!]! + a.times;
  return times;
}
