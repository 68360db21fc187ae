/** Scan and, if it is worth it, collapse of one huge range: what the thread and MADV_COLLAPSE have in common. */
import { type Int, type Routine } from "thpcheck";
import { mmapReadUnlock } from "../locking/mmap-lock.ts";
import type { Kernel } from "../mm-types.ts";
import type { Mm, Vma, Vpn } from "../structs/types.ts";
import { NOT_ENOUGH_USED, NOT_RESERVED, promoteRange, type PromotionOutcome } from "../thp-reservation/promote.ts";
import { hasReservations } from "../thp-reservation/container.ts";
import { announceResult, announceScan } from "./announce.ts";
import { collapseHugePage } from "./collapse.ts";
import { SCAN_FAIL, SCAN_PAGE_COUNT, SCAN_SUCCEED, type ScanResult } from "./scan-result.ts";
import { SCAN_SAW_UNMAPPED, collapseScanPmd, scanResultOf, type ScanOutcome } from "./scan.ts";

/** A scan result, plus LOCK_DROPPED. */
export type CollapseOutcome = Int<0, 63>;
/** mmap_lock has been released: nothing that was known of the VMA holds any more. */
const LOCK_DROPPED = 32;

/** The scan result of an outcome. @model two results in one number: the kernel returns one through a pointer */
export function resultOf(outcome: CollapseOutcome): ScanResult {
  return outcome % LOCK_DROPPED;
}
/** Whether mmap_lock was released. @kernel mm/khugepaged.c collapse_single_pmd(), its parameter `lock_dropped` */
export function droppedLock(outcome: CollapseOutcome): boolean {
  return outcome >= LOCK_DROPPED;
}

/**
 * mmap_lock is dropped before anything is allocated, and stays so, when the scan was content. Labels K1 (the lock) and
 * K6: the release belongs to the last step of the scan, as left movers do.
 *
 * @kernel mm/khugepaged.c collapse_single_pmd()
 * @holds mmap_lock for reading
 */
export function* collapseSinglePmd(k: Kernel, mm: Mm, vma: Vma, start: Vpn, isKhugepaged: boolean): Routine<CollapseOutcome> {
  const scanned: ScanOutcome = yield* collapseScanPmd(k, mm, vma, start, isKhugepaged);
  const result: ScanResult = scanResultOf(scanned);
  k.tracepoint.khugepagedScanPmd.add(result, 1);
  if (result !== SCAN_SUCCEED && result !== SCAN_FAIL) {
    announceResult(k, mm, start, result);
    return result;
  }
  let promoted: PromotionOutcome = NOT_RESERVED;
  if (hasReservations(k) && result === SCAN_SUCCEED) {
    promoted = yield* promoteRange(k, mm, vma, start, isKhugepaged);
    if (promoted === NOT_ENOUGH_USED) {
      announceResult(k, mm, start, SCAN_PAGE_COUNT);
      return SCAN_PAGE_COUNT;
    }
    if (promoted >= 0) {
      announceResult(k, mm, start, promoted);
      if (isKhugepaged && promoted === SCAN_SUCCEED) k.vmstat.khugepagedPagesCollapsed.add(1);
      if (isKhugepaged || promoted === SCAN_SUCCEED) return LOCK_DROPPED + promoted;
      // MADV_COLLAPSE makes a huge page where it can: by copying, as if there were no reservation.
      announceScan(k, mm, start);
    }
  }
  if (promoted === NOT_RESERVED) yield* mmapReadUnlock(k, mm);
  // The scan was content, but no size is allowed any more: mthp_collapse() finds nothing to try.
  let collapsed: ScanResult = SCAN_FAIL;
  if (result === SCAN_SUCCEED) {
    collapsed = yield* collapseHugePage(k, mm, start, scanned >= SCAN_SAW_UNMAPPED, isKhugepaged);
    k.tracepoint.collapseHugePage.add(collapsed, 1);
  }
  announceResult(k, mm, start, collapsed);
  if (isKhugepaged && collapsed === SCAN_SUCCEED) k.vmstat.khugepagedPagesCollapsed.add(1);
  return LOCK_DROPPED + collapsed;
}
