/**
 * khugepaged's walk over a huge range that it has scanned: which windows, of which sizes, it tries to collapse. Only where it
 * collapses to sizes between a page and a huge page (`param.khugepagedMthp`, `thpAnon`).
 *
 * The scan leaves a bit for each entry that maps a page. The walk goes by these bits, which may be stale: every attempt asks
 * everything again. No lock is held between attempts.
 *
 * Not covered: a memory cgroup's own failure (folio_memcg_alloc_deferred()); the warning for a max_ptes_none that has no meaning
 * for sizes below a huge page.
 */
import type { Routine } from "thpcheck";
import { hasLowerOrder, isInSet } from "../huge-memory/orders.ts";
import type { Kernel } from "../mm-types.ts";
import type { Mm, Order, PteIndex, Vpn } from "../structs/types.ts";
import { announceNext, announceResult, announceWalked } from "./announce.ts";
import type { CollapseControl } from "./collapse-control.ts";
import { isPmdOrder, setWindow } from "./collapse-window.ts";
import { collapseHugePage } from "./collapse.ts";
import {
  SCAN_ALLOC_HUGE_PAGE_FAIL, SCAN_DEL_PAGE_LRU, SCAN_EXCEED_NONE_PTE, SCAN_EXCEED_SHARED_PTE, SCAN_EXCEED_SWAP_PTE, SCAN_FAIL,
  SCAN_LACK_REFERENCED_PAGE, SCAN_PAGE_COUNT, SCAN_PAGE_LAZYFREE, SCAN_PAGE_LOCK, SCAN_PTE_MAPPED_HUGEPAGE, SCAN_PTE_NON_PRESENT,
  SCAN_SUCCEED, type ScanResult,
} from "./scan-result.ts";
import { collapseMaxPtesNone } from "./suitability.ts";

// ---- what the scan leaves ---------------------------------------------------------------------------------------

/** Nothing is known of the range yet. @kernel mm/khugepaged.c collapse_scan_pmd(), bitmap_zero() */
export function forgetScan(k: Kernel): void {
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) k.mthpScan.presentPtes.set(0, i, false);
  k.mthpScan.unmapped.set(0, 0);
  k.mthpScan.enabledOrders.set(0, 0);
}

/** Entries of the window that the scan has found to map a page. @kernel include/linux/bitmap.h bitmap_weight_from() */
function occupiedPtes(k: Kernel, first: number, order: number): number {
  let n = 0;
  for (let i = first; i < first + (1 << order); i++) if (k.mthpScan.presentPtes.get(0, i)) n++;
  // What is not present has no bit, and was accepted for a huge page only.
  return isPmdOrder(k, order) ? n + k.mthpScan.unmapped.get(0) : n;
}

// ---- the walk ---------------------------------------------------------------------------------------------------

/** The largest window that begins at this entry. @kernel mm/khugepaged.c max_order_from_offset() */
function maxOrderFromOffset(k: Kernel, offset: number): number {
  return offset === 0 ? k.param.hpagePmdOrder.get() : 31 - Math.clz32(offset & -offset);
}

/**
 * A smaller window of the same entries might still succeed. As posted in 2025 it is the same, but for lazyfree folios: that result
 * came with 7.1.
 * @kernel mm/khugepaged.c mthp_collapse(), collapse_scan_bitmap() of v10 with patch 8
 */
export function lowerMaySucceed(result: number): boolean {
  switch (result) {
    case SCAN_ALLOC_HUGE_PAGE_FAIL:
    case SCAN_LACK_REFERENCED_PAGE:
    case SCAN_EXCEED_NONE_PTE:
    case SCAN_EXCEED_SWAP_PTE:
    case SCAN_EXCEED_SHARED_PTE:
    case SCAN_PAGE_LOCK:
    case SCAN_PAGE_COUNT:
    case SCAN_DEL_PAGE_LRU:
    case SCAN_PTE_NON_PRESENT:
    case SCAN_PAGE_LAZYFREE: return true;
    default: return false;
  }
}

/** The window is worth an attempt, by the scan's bits. */
function isWorthIt(k: Kernel, offset: number, order: number, cc: CollapseControl): boolean {
  if (!isInSet(k.mthpScan.enabledOrders.get(0), order)) return false;
  return occupiedPtes(k, offset, order) >= (1 << order) - collapseMaxPtesNone(k, order, cc);
}

/**
 * Tries the windows of the range from the lowest address on, at each the largest first; what fails in a large window is tried in
 * its parts. A result that no smaller window can change ends the walk.
 *
 * What lies between two attempts is the thread's own, and belongs to the step that ended the first of them. That includes
 * max_ptes_none, which is read there: who writes it meanwhile could have done so a moment earlier or later.
 *
 * @kernel mm/khugepaged.c mthp_collapse()
 * @holds nothing; a reference to the mm
 * @returns SCAN_SUCCEED: some window is collapsed; else why not, a lack of memory before all else
 */
export function* mthpCollapse(k: Kernel, mm: Mm, start: Vpn, cc: CollapseControl): Routine<ScanResult> {
  let offset: PteIndex = 0;
  let order: Order = k.param.hpagePmdOrder.get();
  let collapsed: boolean = false;
  let allocFailed: boolean = false;
  let last: ScanResult = SCAN_FAIL;
  while (offset < k.param.hpagePmdNr.get()) {
    let descends: boolean = true;
    if (isWorthIt(k, offset, order, cc)) {
      cc.order = order;
      setWindow(k, offset, order);
      const result: ScanResult = yield* collapseHugePage(k, mm, start + offset, cc);
      k.tracepoint.collapseHugePage.add(result, 1);
      if (result === SCAN_SUCCEED && isPmdOrder(k, order)) {
        endWalk(k, cc);
        announceResult(k, mm, start, SCAN_SUCCEED);
        return SCAN_SUCCEED;
      }
      if (result === SCAN_SUCCEED) collapsed = true;
      else if (result !== SCAN_PTE_MAPPED_HUGEPAGE) last = result;
      if (result === SCAN_ALLOC_HUGE_PAGE_FAIL) allocFailed = true;
      descends = lowerMaySucceed(result);
      const goesOn: boolean = descends || result === SCAN_SUCCEED || result === SCAN_PTE_MAPPED_HUGEPAGE;
      announceNext(k, mm, start, result, goesOn);
      if (!goesOn) break;
    }
    if (descends && hasLowerOrder(k.mthpScan.enabledOrders.get(0), order)) {
      order = order - 1;
    } else {
      offset += 1 << order;
      order = maxOrderFromOffset(k, offset);
    }
  }
  endWalk(k, cc);
  const result: ScanResult = collapsed ? SCAN_SUCCEED : allocFailed ? SCAN_ALLOC_HUGE_PAGE_FAIL : last;
  announceWalked(k, mm, start, result);
  return result;
}

/** The next scan begins with a whole range. @kernel mm/khugepaged.c mthp_collapse(): cc->order is of one attempt */
export function endWalk(k: Kernel, cc: CollapseControl): void {
  cc.order = k.param.hpagePmdOrder.get();
  setWindow(k, 0, k.param.hpagePmdOrder.get());
  forgetScan(k);
}
