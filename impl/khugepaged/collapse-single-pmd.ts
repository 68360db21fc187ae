/** Scan and, if it succeeds, collapse of one huge range: common to the thread and MADV_COLLAPSE. */
import { type Routine } from "thpcheck";
import { mmapReadUnlock } from "../locking/mmap-lock.ts";
import type { Kernel } from "../mm-types.ts";
import type { Mm, Vma, Vpn } from "../structs/types.ts";
import { NOT_RESERVED, promoteRange, type PromotionResult } from "../thp-reservation/promote.ts";
import { hasReservations } from "../thp-reservation/container.ts";
import { announceResult, announceScan } from "./announce.ts";
import type { CollapseControl } from "./collapse-control.ts";
import { collapseScanBitmap } from "./collapse-scan-bitmap.ts";
import { hasMthpCollapse, isMthpV10 } from "./collapse-window.ts";
import { collapseHugePage } from "./collapse.ts";
import { mthpCollapse } from "./mthp-collapse.ts";
import { SCAN_FAIL, SCAN_SUCCEED, type ScanResult } from "./scan-result.ts";
import { collapseScanPmd } from "./scan.ts";
import { judgeRange } from "./visible-cause.ts";

/**
 * Scans one huge range and collapses it if the scan succeeds. Then mmap_lock is dropped before anything is allocated,
 * and not taken again. Labels K1 (the lock) and K6: a release is a left mover, so it belongs to the last step of the
 * scan.
 *
 * @kernel mm/khugepaged.c collapse_single_pmd()
 * @holds mmap_lock for reading, which `cc.lockDropped`, false so far, says is gone
 */
export function* collapseSinglePmd(k: Kernel, mm: Mm, vma: Vma, start: Vpn, cc: CollapseControl): Routine<ScanResult> {
  const result: ScanResult = yield* collapseScanPmd(k, mm, vma, start, cc);
  if (result !== SCAN_SUCCEED && result !== SCAN_FAIL) {
    k.tracepoint.khugepagedScanPmd.add(result, 1);
    judgeRange(k, mm, start, result, cc);
    announceResult(k, mm, start, result);
    return result;
  }
  if (hasReservations(k) && result === SCAN_SUCCEED) {
    const promoted: PromotionResult = yield* promoteRange(k, mm, vma, start, cc);
    if (promoted !== NOT_RESERVED) {
      k.tracepoint.khugepagedScanPmd.add(promoted, 1);
      announceResult(k, mm, start, promoted);
      if (cc.isKhugepaged && promoted === SCAN_SUCCEED) k.vmstat.khugepagedPagesCollapsed.add(1);
      if (!cc.lockDropped || cc.isKhugepaged || promoted === SCAN_SUCCEED) return promoted;
      // MADV_COLLAPSE makes a huge page where it can: by copying, as if there were no reservation.
      announceScan(k, mm, start);
    }
  }
  const v10: boolean = isMthpV10(k) && cc.isKhugepaged;
  if (!cc.lockDropped && !v10) {
    cc.lockDropped = true;
    yield* mmapReadUnlock(k, mm);
  }
  // SCAN_FAIL: the scan succeeded, but no size is allowed any more, so mthp_collapse() finds nothing to try.
  let collapsed: ScanResult = SCAN_FAIL;
  if (v10) {
    collapsed = yield* collapseScanBitmap(k, mm, start, cc);
  } else if (hasMthpCollapse(k) && cc.isKhugepaged) {
    collapsed = yield* mthpCollapse(k, mm, start, cc);
  } else if (result === SCAN_SUCCEED) {
    collapsed = yield* collapseHugePage(k, mm, start, cc);
    k.tracepoint.collapseHugePage.add(collapsed, 1);
  }
  // The scan's tracepoint stands behind the collapse, and tells of it what became of that: seen, 6.18.15 and 7.3.4.
  k.tracepoint.khugepagedScanPmd.add(collapsed, 1);
  // The walk has told how it ended.
  if (!(hasMthpCollapse(k) && cc.isKhugepaged)) announceResult(k, mm, start, collapsed);
  // Once, however many windows it has collapsed.
  if (cc.isKhugepaged && collapsed === SCAN_SUCCEED) k.vmstat.khugepagedPagesCollapsed.add(1);
  return collapsed;
}
