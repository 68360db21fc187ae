/** Every result of a scan or collapse that the kernel knows (enum scan_result): who gets it here, or what is missing for it. */
import {
  SCAN_ALLOC_HUGE_PAGE_FAIL, SCAN_CGROUP_CHARGE_FAIL, SCAN_COPY_MC, SCAN_STATUS,
} from "../../impl/khugepaged/scan-result.ts";
import type { ScanResultSource } from "./recorded.ts";

/** Results that somebody decides who is not modelled: the choice that stands for them. */
export const CHOSEN: Readonly<Record<number, string>> = {
  [SCAN_ALLOC_HUGE_PAGE_FAIL]: "alloc_pages fails (or memory is used up)",
  [SCAN_CGROUP_CHARGE_FAIL]: "mem_cgroup_charge fails",
  [SCAN_COPY_MC]: "copy_mc_user_highpage meets poison",
};

/** Results without a code here, in the words of the tracepoint, and the part of the kernel that they need. */
export const MISSING: Readonly<Record<string, string>> = {
  pte_uffd_wp: "userfaultfd",
  page_null: "device memory",
  scan_aborted: "more than one memory node",
  page_compound: "files and shmem",
  truncated: "files and shmem",
  page_has_private: "files and shmem",
  store_failed: "files and shmem",
  page_filled: "files and shmem",
  page_dirty_or_writeback: "files and shmem",
};

export interface ScanResultRow {
  /** In the words of the tracepoint. */
  readonly result: string;
  /** Attempts that ended with it, in all scenarios and tests. */
  readonly times: number;
  /** Scenarios and tests that got it, those that got it most often first. */
  readonly by: readonly string[];
  /** The choice that stands for it, if that is how it comes about. */
  readonly choice: string | null;
  /** The missing part; null where it can be reached. */
  readonly missing: string | null;
}

export function scanResultRows(sources: readonly ScanResultSource[]): ScanResultRow[] {
  const modelled = Object.entries(SCAN_STATUS).map(([code, result]): ScanResultRow => {
    const mine = sources.filter((s) => s.result === Number(code)).sort((a, b) => b.times - a.times);
    return { result, times: mine.reduce((sum, s) => sum + s.times, 0), by: mine.map((s) => s.source), choice: CHOSEN[Number(code)] ?? null, missing: null };
  });
  return [...modelled, ...Object.entries(MISSING).map(([result, missing]): ScanResultRow => ({ result, times: 0, by: [], choice: null, missing }))];
}

/** Results that could be reached, and are not. */
export function unreachedResults(rows: readonly ScanResultRow[]): string[] {
  return rows.filter((r) => r.missing === null && r.times === 0).map((r) => r.result);
}
