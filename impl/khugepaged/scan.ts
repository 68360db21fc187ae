/**
 * The scan of one huge range: whether a collapse is worth it. It changes nothing, and holds mmap_lock for reading.
 *
 * Not covered: userfaultfd, NUMA nodes.
 */
import { NONE, at, spinUnlock, type Routine } from "thpcheck";
import { announceScan } from "./announce.ts";
import type { Kernel } from "../mm-types.ts";
import type { Entry, Mm, Pfn, PteIndex, Refs, Table, Vma, Vpn } from "../structs/types.ts";
import { pageFolio } from "../page-flags.ts";
import { folioExpectedRefCount } from "../page-ref.ts";
import { YOUNG, entryHas, entryTarget, isZeroPte, pteNone, ptePresent } from "../pgtable.ts";
import { isRfc2018 } from "../thp-reservation/container.ts";
import { rfcScanReservation } from "../thp-reservation/rfc-2018-promote.ts";
import { pteOffsetMapLock, ptlOf } from "../pgtable-generic.ts";
import type { CollapseControl } from "./collapse-control.ts";
import { atEntry } from "./collapse-scan-bitmap.ts";
import { hasMthpCollapse, isMthpV10 } from "./collapse-window.ts";
import { forgetScan } from "./mthp-collapse.ts";
import {
  SCAN_EXCEED_NONE_PTE, SCAN_EXCEED_SHARED_PTE, SCAN_EXCEED_SWAP_PTE, SCAN_FAIL, SCAN_LACK_REFERENCED_PAGE,
  SCAN_NO_PTE_TABLE, SCAN_PAGE_COUNT, SCAN_PAGE_LOCK, SCAN_PAGE_LRU, SCAN_PAGE_RO, SCAN_SUCCEED, type ScanResult,
} from "./scan-result.ts";
import {
  asksForLazyfree, collapsePossible, collapsePossibleOrders, countsAsWritable, exceedsMaxPtesShared, exceedsMaxPtesSwap,
  findPmdOrThpOrNone, folioCollapsible, referencedPtes, scanExceedsMaxPtesNone, sharedPtes,
} from "./suitability.ts";
import { judgeFolio, judgeImpossible } from "./visible-cause.ts";

/**
 * Looks at every PTE of the huge range. Labels K2 to K5.
 *
 * Each step looks at one PTE (K4.i). Page counts and flags change without the page-table lock, so there need be no
 * moment at which all of them were as the scan saw them. The first PTE belongs to the step that takes the lock, a
 * right mover. Values of a page that the kernel reads without a lock are read one after the other.
 *
 * @kernel mm/khugepaged.c collapse_scan_pmd()
 * @holds mmap_lock for reading
 * @returns SCAN_SUCCEED: collapse it; SCAN_FAIL: policy changed meanwhile, there is nothing to collapse into
 */
export function* collapseScanPmd(k: Kernel, mm: Mm, vma: Vma, start: Vpn, cc: CollapseControl): Routine<ScanResult> {
  cc.unmapped = false;
  yield at("find_pmd_or_thp_or_none");
  announceScan(k, mm, start);
  const state: ScanResult = findPmdOrThpOrNone(k, mm, start);
  if (state !== SCAN_SUCCEED) {
    noteProgress(k, 1, cc);
    return state;
  }
  yield at("collapse_possible_orders");
  const possible: boolean = ordersOfScan(k, vma, cc);
  if (!possible) judgeImpossible(k, mm, start, cc);
  const table: Table = yield* pteOffsetMapLock(k, mm, start);
  if (table === NONE) {
    noteProgress(k, 1, cc);
    return SCAN_NO_PTE_TABLE;
  }
  const scanned: ScanResult = yield* scanPtes(k, vma, start, table, cc);
  spinUnlock(k, ptlOf(k, table));
  if (scanned !== SCAN_SUCCEED || possible) return scanned;
  cc.unmapped = false;
  return SCAN_FAIL;
}

/** Some order is possible. Which, of several, is kept for the walk: they are asked for once. @holds mmap_lock */
function ordersOfScan(k: Kernel, vma: Vma, cc: CollapseControl): boolean {
  if (!hasMthpCollapse(k) || !cc.isKhugepaged) return collapsePossible(k, vma, cc);
  const orders = collapsePossibleOrders(k, vma);
  forgetScan(k);
  k.mthpScan.enabledOrders.set(0, orders);
  return orders !== 0;
}

/** @holds the lock of the table */
function* scanPtes(k: Kernel, vma: Vma, start: Vpn, table: Table, cc: CollapseControl): Routine<ScanResult> {
  let noneOrZero: PteIndex = 0;
  let emptyOfChunk: PteIndex = 0;
  let unmapped: PteIndex = 0;
  let shared: PteIndex = 0;
  let referenced: PteIndex = 0;
  let writable: boolean = k.param.collapseNeedsWritable.get() === 0;
  const chunked: boolean = isMthpV10(k) && cc.isKhugepaged;
  for (let i: PteIndex = 0; i < k.param.hpagePmdNr.get(); i++) {
    if (i > 0) yield at("collapse_scan_pmd: pte");
    noteProgress(k, 1, cc);
    if (chunked) emptyOfChunk = atEntry(k, i, emptyOfChunk);
    const pte: Entry = k.ptTable.pte.get(table, i);
    if (pteNone(pte) || isZeroPte(k, pte)) {
      noneOrZero++;
      if (chunked) emptyOfChunk++;
      if (scanExceedsMaxPtesNone(k, noneOrZero, cc)) return SCAN_EXCEED_NONE_PTE;
    } else if (!ptePresent(pte)) {
      // A swap entry, or a migration entry, which counts as if it were one.
      unmapped++;
      if (exceedsMaxPtesSwap(k, unmapped, cc)) return SCAN_EXCEED_SWAP_PTE;
    } else {
      if (countsAsWritable(k, pte)) writable = true;
      const folio: Pfn = pageFolio(k, entryTarget(pte));
      if (asksForLazyfree(k, cc)) yield at("folio_test_lazyfree");
      const fit = folioCollapsible(k, folio, pte, cc);
      if (fit !== SCAN_SUCCEED) return fit;
      yield at("folio_maybe_mapped_shared");
      shared += sharedPtes(k, folio);
      if (exceedsMaxPtesShared(k, shared, cc)) return SCAN_EXCEED_SHARED_PTE;
      if (hasMthpCollapse(k) && cc.isKhugepaged) k.mthpScan.presentPtes.set(0, i, true);
      // In the patch of 2018 a page of a reservation has one more reference.
      let extraRefs: Refs = 0;
      if (isRfc2018(k)) {
        const reserved: ScanResult = yield* rfcScanReservation(k, vma, start + i);
        if (reserved === SCAN_PAGE_COUNT) return SCAN_PAGE_COUNT;
        if (reserved === SCAN_SUCCEED) extraRefs = 1;
      }
      yield at("folio_test_lru");
      if (!k.page.lru.once(folio)) return SCAN_PAGE_LRU;
      yield at("folio_test_locked");
      if (k.page.lock.isHeld(folio)) return SCAN_PAGE_LOCK;
      yield at("folio_expected_ref_count");
      const expected: Refs = folioExpectedRefCount(k, folio);
      yield at("folio_ref_count");
      if (k.page.refcount.get(folio) !== expected + extraRefs) {
        judgeFolio(k, folio, SCAN_PAGE_COUNT, expected);
        return SCAN_PAGE_COUNT;
      }
      if (cc.isKhugepaged && !entryHas(pte, YOUNG)) yield at("folio_test_referenced");
      referenced += referencedPtes(k, folio, pte, cc);
    }
  }
  if (!writable) return SCAN_PAGE_RO;
  if (cc.isKhugepaged && (referenced === 0 || (unmapped > 0 && referenced < k.param.hpagePmdNr.get() / 2))) {
    return SCAN_LACK_REFERENCED_PAGE;
  }
  cc.unmapped = unmapped > 0;
  if (hasMthpCollapse(k) && cc.isKhugepaged) k.mthpScan.unmapped.set(0, unmapped);
  return SCAN_SUCCEED;
}

/**
 * cc->progress: takes `n` off what this scan may still look at. Only the thread counts.
 * @kernel mm/khugepaged.c struct collapse_control, `progress`
 */
export function noteProgress(k: Kernel, n: number, cc: CollapseControl): void {
  if (cc.isKhugepaged) k.khugepaged.budget.set(Math.max(0, k.khugepaged.budget.get() - n));
}
