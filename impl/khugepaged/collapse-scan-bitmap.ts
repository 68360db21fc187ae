/**
 * khugepaged's walk over a huge range that it has scanned, as it was posted in August 2025 (v10) and reviewed, and is in no
 * release: `param.khugepagedMthp` KHUGEPAGED_MTHP_V10. What was merged is mthp-collapse.ts; README.md beside it compares them.
 *
 * The scan leaves a bit for each chunk, which is as large as the smallest folio: set if no more of its entries are empty than
 * max_ptes_none, scaled down to a chunk, permits. The walk halves the range by a stack, and tries what has enough bits, or an order
 * that is always enabled whatever its bits are.
 *
 * The bit of the last chunk is never set: the scan sets it at the first entry of the chunk behind.
 *
 * The stack has room for each chunk. As much as there are orders would do: only right halves wait while the left ones are tried.
 *
 * Otherwise than in what was merged, mmap_lock is dropped by the first attempt, and kept where there is none; khugepaged runs only while
 * huge pages are enabled for some area; the result says no more than that something was collapsed, or nothing was.
 *
 * Not covered: patches 10 to 13 but for the counters of each size: tracepoints, documentation.
 */
import type { Int, Routine } from "thpcheck";
import { ENABLED_ALWAYS } from "../config/knobs.ts";
import { isInSet } from "../huge-memory/orders.ts";
import { mmapReadUnlock } from "../locking/mmap-lock.ts";
import type { Kernel } from "../mm-types.ts";
import type { Mm, Order, PteIndex, Vpn } from "../structs/types.ts";
import { announceNext, announceResult, announceWalked } from "./announce.ts";
import type { CollapseControl } from "./collapse-control.ts";
import { isPmdOrder, setWindow } from "./collapse-window.ts";
import { collapseHugePage } from "./collapse.ts";
import { endWalk, lowerMaySucceed } from "./mthp-collapse.ts";
import { SCAN_FAIL, SCAN_PAGE_RO, SCAN_PTE_MAPPED_HUGEPAGE, SCAN_SUCCEED, type ScanResult } from "./scan-result.ts";

/** Of 128 rooms, for 512 pages; -1: empty. */
type StackTop = Int<-1, 127>;

// ---- what the scan leaves ---------------------------------------------------------------------------------------

/** Entries of a chunk. @kernel include/linux/khugepaged.h KHUGEPAGED_MIN_MTHP_NR */
function chunkNr(k: Kernel): number {
  return 1 << k.param.minLargeOrder.get();
}

/**
 * The scan is at entry `i`, and of its chunk `empty` entries were empty. Where a chunk begins, the one before it is judged.
 * @kernel mm/khugepaged.c collapse_scan_pmd(), chunk_none_count
 * @returns what to count on with
 */
export function atEntry(k: Kernel, i: PteIndex, empty: number): number {
  if (i % chunkNr(k) !== 0) return empty;
  const scaled = k.knob.maxPtesNone.once() >> (k.param.hpagePmdOrder.get() - k.param.minLargeOrder.get());
  if (i > 0 && empty <= scaled) k.scanBitmap.chunks.set(0, Math.floor((i - 1) / chunkNr(k)), true);
  return 0;
}

/** Set bits from this chunk on, of the scratch copy that is shifted to begin there. @kernel bitmap_shift_right(), bitmap_weight() */
function bitsSet(k: Kernel, offset: number, chunks: number): number {
  const all = k.param.hpagePmdNr.get() >> k.param.minLargeOrder.get();
  for (let i = 0; i < all; i++) k.scanBitmap.shifted.set(0, i, i + offset < all && k.scanBitmap.chunks.get(0, i + offset));
  let n = 0;
  for (let i = 0; i < chunks; i++) if (k.scanBitmap.shifted.get(0, i)) n++;
  return n;
}

// ---- the walk ---------------------------------------------------------------------------------------------------

/** Puts a window on the stack: 2^order chunks from this one on. @returns the new top @kernel mm/khugepaged.c mthp_bitmap_stack */
function push(k: Kernel, top: number, order: number, offset: number): number {
  k.scanBitmap.stackOrder.set(0, top + 1, order);
  k.scanBitmap.stackOffset.set(0, top + 1, offset);
  return top + 1;
}

/** The window has more bits than the limit asks for; or its order is the only one, or one that is always enabled. */
function isAlmostFull(k: Kernel, offset: number, chunkOrder: number): boolean {
  const pmd = k.param.hpagePmdOrder.get();
  const enabled = k.mthpScan.enabledOrders.get(0);
  const order = chunkOrder + k.param.minLargeOrder.get();
  if (!isInSet(enabled, order)) return false;
  const threshold = (k.param.hpagePmdNr.get() - k.knob.maxPtesNone.once() - 1) >> (pmd - chunkOrder);
  return bitsSet(k, offset, 1 << chunkOrder) > threshold || enabled === 1 << pmd || isInSet(alwaysOrders(k), order);
}

/** @kernel mm/huge_memory.c huge_anon_orders_always */
function alwaysOrders(k: Kernel): number {
  return k.anonOrders.always.once(0) | (k.param.pmdEnabled.get() === ENABLED_ALWAYS ? 1 << k.param.hpagePmdOrder.get() : 0);
}

/** The walk goes on behind the window. @kernel mm/khugepaged.c collapse_scan_bitmap() with patch 8 */
function othersMaySucceed(result: number): boolean {
  return result === SCAN_SUCCEED || result === SCAN_PAGE_RO || result === SCAN_PTE_MAPPED_HUGEPAGE;
}

/**
 * Tries the windows of the range, each before its halves, the left one first. As in mthpCollapse() what lies between two attempts
 * belongs to the step that ended the first of them.
 *
 * @kernel mm/khugepaged.c collapse_scan_bitmap() of v10
 * @holds mmap_lock for reading, which `cc.lockDropped`, false so far, says is gone; a reference to the mm
 * @returns SCAN_SUCCEED: some window is collapsed; else SCAN_FAIL, whatever has failed
 */
export function* collapseScanBitmap(k: Kernel, mm: Mm, start: Vpn, cc: CollapseControl): Routine<ScanResult> {
  let collapsed: boolean = false;
  let top: StackTop = push(k, -1, k.param.hpagePmdOrder.get() - k.param.minLargeOrder.get(), 0);
  while (top >= 0) {
    const chunkOrder: Order = k.scanBitmap.stackOrder.get(0, top);
    const chunk: PteIndex = k.scanBitmap.stackOffset.get(0, top);
    top = top - 1;
    let descends: boolean = true;
    if (isAlmostFull(k, chunk, chunkOrder)) {
      if (!cc.lockDropped) {
        cc.lockDropped = true;
        yield* mmapReadUnlock(k, mm);
      }
      cc.order = chunkOrder + k.param.minLargeOrder.get();
      setWindow(k, chunk * chunkNr(k), cc.order);
      const result: ScanResult = yield* collapseHugePage(k, mm, start + chunk * chunkNr(k), cc);
      k.tracepoint.collapseHugePage.add(result, 1);
      if (result === SCAN_SUCCEED && isPmdOrder(k, cc.order)) {
        forgetBitmap(k, cc);
        announceResult(k, mm, start, SCAN_SUCCEED);
        return SCAN_SUCCEED;
      }
      if (result === SCAN_SUCCEED) collapsed = true;
      descends = lowerMaySucceed(result);
      const goesOn: boolean = descends || othersMaySucceed(result);
      announceNext(k, mm, start, result, goesOn);
      if (!goesOn) break;
    }
    if (descends && chunkOrder > 0) {
      top = push(k, top, chunkOrder - 1, chunk + (1 << (chunkOrder - 1)));
      top = push(k, top, chunkOrder - 1, chunk);
    }
  }
  forgetBitmap(k, cc);
  const result: ScanResult = collapsed ? SCAN_SUCCEED : SCAN_FAIL;
  announceWalked(k, mm, start, result);
  return result;
}

/** The next scan begins with a whole range, of which nothing is known. @kernel mm/khugepaged.c collapse_scan_pmd(), bitmap_zero() */
function forgetBitmap(k: Kernel, cc: CollapseControl): void {
  endWalk(k, cc);
  for (let i = 0; i < k.param.hpagePmdNr.get() >> k.param.minLargeOrder.get(); i++) {
    k.scanBitmap.chunks.set(0, i, false);
    k.scanBitmap.shifted.set(0, i, false);
    k.scanBitmap.stackOrder.set(0, i, 0);
    k.scanBitmap.stackOffset.set(0, i, 0);
  }
}
