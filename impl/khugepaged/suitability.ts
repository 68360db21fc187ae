/**
 * Questions about an address space, a PMD entry and a page that both scan and collapse ask. The scan's answers are
 * only a hint. The collapse asks everything again, when the answer can no longer change.
 */
import { NONE, at, type Routine } from "thpcheck";
import { KHUGEPAGED_MTHP_NONE } from "../../spec/enumerations.ts";
import {
  TVA_FORCED_COLLAPSE, TVA_KHUGEPAGED, thpVmaAllowableOrder, thpVmaCollapsibleOrders, thpVmaSuitableOrder,
} from "../huge-memory/eligibility.ts";
import { isInSet } from "../huge-memory/orders.ts";
import type { Kernel } from "../mm-types.ts";
import { MMF_DISABLE_THP_COMPLETELY_BIT } from "../structs/mm.ts";
import type { Entry, Mm, Pfn, Vma, Vpn } from "../structs/types.ts";
import { folioMaybeMappedShared } from "../page-ref.ts";
import { DIRTY, WRITE, YOUNG, entryHas, pmdMigration, pmdNone, pmdTransHuge } from "../pgtable.ts";
import { pmdpGetLockless } from "../pgtable-generic.ts";
import { findVma } from "../vma-tree.ts";
import type { CollapseControl } from "./collapse-control.ts";
import { hasMthpCollapse, isMthpV10, isPmdOrder } from "./collapse-window.ts";
import {
  SCAN_ADDRESS_RANGE, SCAN_ANY_PROCESS, SCAN_NO_PTE_TABLE, SCAN_PAGE_ANON, SCAN_PAGE_LAZYFREE, SCAN_PMD_MAPPED,
  SCAN_PMD_NONE, SCAN_SUCCEED, SCAN_VMA_CHECK, SCAN_VMA_NULL, type ScanResult,
} from "./scan-result.ts";

// ---- address space and VMA -------------------------------------------------------------------------------------

/** The process is tearing its memory down. @kernel mm/khugepaged.c collapse_test_exit() */
export function collapseTestExit(k: Kernel, mm: Mm): boolean {
  return k.mm.users.get(mm) === 0;
}

/** @kernel mm/khugepaged.c collapse_test_exit_or_disable() */
export function collapseTestExitOrDisable(k: Kernel, mm: Mm): boolean {
  return collapseTestExit(k, mm) || k.mm.flags.has(mm, MMF_DISABLE_THP_COMPLETELY_BIT);
}

/**
 * Into which orders a part of the VMA may be collapsed, where khugepaged knows others than that of a huge page.
 * @kernel mm/khugepaged.c collapse_possible_orders()
 * @holds mmap_lock
 */
export function collapsePossibleOrders(k: Kernel, vma: Vma): number {
  return thpVmaCollapsibleOrders(k, vma, k.vma.flags.get(vma));
}

/**
 * Whether a huge page, or a folio of another size where khugepaged makes them, may be put somewhere into the VMA.
 * @kernel mm/khugepaged.c collapse_possible()
 * @holds mmap_lock
 */
export function collapsePossible(k: Kernel, vma: Vma, cc: CollapseControl): boolean {
  if (hasMthpCollapse(k) && cc.isKhugepaged) return collapsePossibleOrders(k, vma) !== 0;
  return thpVmaAllowableOrder(k, vma, cc.isKhugepaged ? TVA_KHUGEPAGED : TVA_FORCED_COLLAPSE);
}

/**
 * Whether the huge range at `start` may still be collapsed, after mmap_lock was dropped: the VMA may be gone, smaller,
 * or another one. On SCAN_SUCCEED `findVma(k, mm, start)` is that VMA.
 *
 * `expectAnon`: refuses a VMA without anonymous memory that has taken the place of the old one. No file exists here,
 * and a VMA without anon_vma has failed an earlier check, so this never refuses.
 * @kernel mm/khugepaged.c hugepage_vma_revalidate()
 * @holds mmap_lock
 */
export function* hugepageVmaRevalidate(k: Kernel, mm: Mm, start: Vpn, expectAnon: boolean, cc: CollapseControl): Routine<ScanResult> {
  yield at("collapse_test_exit_or_disable");
  if (collapseTestExitOrDisable(k, mm)) return SCAN_ANY_PROCESS;
  yield at("hugepage_vma_revalidate");
  const vma = findVma(k, mm, start);
  if (vma === NONE) return SCAN_VMA_NULL;
  // find_vma() gives the first VMA that ends above: it need not contain the address.
  if (!thpVmaSuitableOrder(k, vma, start)) return SCAN_ADDRESS_RANGE;
  if (!orderIsPossible(k, vma, cc)) return SCAN_VMA_CHECK;
  if (expectAnon && k.vma.anonVma.get(vma) === NONE) return SCAN_PAGE_ANON;
  return SCAN_SUCCEED;
}

/** The order of this attempt is allowed. The range of a huge page lies inside the VMA, so each smaller window does. */
function orderIsPossible(k: Kernel, vma: Vma, cc: CollapseControl): boolean {
  if (hasMthpCollapse(k) && cc.isKhugepaged) return isInSet(collapsePossibleOrders(k, vma), cc.order);
  return collapsePossible(k, vma, cc);
}

// ---- PMD entry -------------------------------------------------------------------------------------------------

/**
 * SCAN_SUCCEED where the PMD entry points to a table of PTEs. One lockless read, on a preemption point of its own.
 * @kernel mm/khugepaged.c find_pmd_or_thp_or_none(), check_pmd_state(); check_pmd_still_valid(), whose comparison of
 *   pointers into the table of PMDs can only fail where upper tables come and go
 */
export function findPmdOrThpOrNone(k: Kernel, mm: Mm, start: Vpn): ScanResult {
  const pmd = pmdpGetLockless(k, mm, start);
  if (pmdNone(pmd)) return k.param.collapseContinuesAtEmptyPmd.get() !== 0 ? SCAN_NO_PTE_TABLE : SCAN_PMD_NONE;
  return pmdTransHuge(pmd) || pmdMigration(pmd) ? SCAN_PMD_MAPPED : SCAN_SUCCEED;
}

// ---- pages -----------------------------------------------------------------------------------------------------

/**
 * Empty entries that a window of this order may have. The knob has a meaning for smaller sizes at its two ends only: all but one,
 * or none. As posted in 2025 it is scaled down. MADV_COLLAPSE has no limit.
 * @kernel mm/khugepaged.c collapse_max_ptes_none()
 */
export function collapseMaxPtesNone(k: Kernel, order: number, cc: CollapseControl): number {
  if (!cc.isKhugepaged) return k.param.hpagePmdNr.get();
  const knob = k.knob.maxPtesNone.once();
  if (isPmdOrder(k, order)) return knob;
  if (isMthpV10(k)) return knob >> (k.param.hpagePmdOrder.get() - order);
  return knob === k.param.hpagePmdNr.get() - 1 ? (1 << order) - 1 : 0;
}

/** The window of the attempt has too many empty entries. @kernel mm/khugepaged.c __collapse_huge_page_isolate(), none_or_zero */
export function exceedsMaxPtesNone(k: Kernel, none: number, cc: CollapseControl): boolean {
  if (none <= collapseMaxPtesNone(k, cc.order, cc)) return false;
  countExceedNone(k, cc.order);
  return true;
}

/**
 * The range has too many empty entries for the scan, which looks at all of it where other sizes than a huge page are enabled.
 * @kernel mm/khugepaged.c collapse_scan_pmd(), none_or_zero
 */
export function scanExceedsMaxPtesNone(k: Kernel, none: number, cc: CollapseControl): boolean {
  if (none <= scanMaxPtesNone(k, cc)) return false;
  countExceedNone(k, k.param.hpagePmdOrder.get());
  return true;
}

/** @kernel mm/khugepaged.c collapse_scan_pmd(), max_ptes_none */
function scanMaxPtesNone(k: Kernel, cc: CollapseControl): number {
  const pmd = k.param.hpagePmdOrder.get();
  const all = hasMthpCollapse(k) && cc.isKhugepaged && k.mthpScan.enabledOrders.get(0) !== 1 << pmd;
  if (!all) return collapseMaxPtesNone(k, pmd, cc);
  return isMthpV10(k) ? k.param.hpagePmdNr.get() : k.param.hpagePmdNr.get() - 1;
}

/** Kernels that collapse to several sizes count for each of them. @kernel include/linux/huge_mm.h count_mthp_stat() */
function countExceedNone(k: Kernel, order: number): void {
  if (isPmdOrder(k, order)) k.vmstat.thpScanExceedNonePte.add(1);
  if (countsBySize(k)) k.mthpStat.collapseExceedNonePte.add(order, 1);
}

/** The kernel has counters of collapses for each size. @kernel include/linux/huge_mm.h MTHP_STAT_COLLAPSE_ALLOC and its like */
export function countsBySize(k: Kernel): boolean {
  return k.param.khugepagedMthp.get() !== KHUGEPAGED_MTHP_NONE;
}

/** No window smaller than a huge page may have an entry that is not present. @kernel mm/khugepaged.c collapse_max_ptes_swap() */
export function exceedsMaxPtesSwap(k: Kernel, unmapped: number, cc: CollapseControl): boolean {
  if (!cc.isKhugepaged || (isPmdOrder(k, cc.order) && unmapped <= k.knob.maxPtesSwap.once())) return false;
  if (isPmdOrder(k, cc.order)) k.vmstat.thpScanExceedSwapPte.add(1);
  if (countsBySize(k)) k.mthpStat.collapseExceedSwapPte.add(cc.order, 1);
  return true;
}

/** Nor a page that others may map. @kernel mm/khugepaged.c collapse_max_ptes_shared() */
export function exceedsMaxPtesShared(k: Kernel, shared: number, cc: CollapseControl): boolean {
  if (!cc.isKhugepaged || shared <= (isPmdOrder(k, cc.order) ? k.knob.maxPtesShared.once() : 0)) return false;
  if (isPmdOrder(k, cc.order)) k.vmstat.thpScanExceedSharedPte.add(1);
  if (countsBySize(k)) k.mthpStat.collapseExceedSharedPte.add(cc.order, 1);
  return true;
}

/**
 * A folio that is as large as the one to be made stays, whatever of it lies in the window.
 * @kernel mm/khugepaged.c __collapse_huge_page_isolate()
 */
export function isLargeEnough(k: Kernel, folio: Pfn, cc: CollapseControl): boolean {
  return !isPmdOrder(k, cc.order) && k.page.order.get(folio) >= cc.order;
}

/**
 * Whether a page of this folio, mapped by `pte`, may be collapsed at all. khugepaged leaves lazyfree pages alone that
 * were not written since. A collapse would keep memory that the process has given up.
 * @kernel mm/khugepaged.c collapse_scan_pmd(), __collapse_huge_page_isolate()
 * @holds the lock of the table
 */
export function folioCollapsible(k: Kernel, folio: Pfn, pte: Entry, cc: CollapseControl): ScanResult {
  if (asksForLazyfree(k, cc) && k.page.anon.get(folio) && !k.page.swapbacked.once(folio) && !entryHas(pte, DIRTY)) {
    return SCAN_PAGE_LAZYFREE;
  }
  return k.page.anon.get(folio) ? SCAN_SUCCEED : SCAN_PAGE_ANON;
}

/**
 * Whether folioCollapsible() reads a flag that can change. Its caller then yields at "folio_test_lazyfree" first.
 * @model a yield in front of folio_test_lazyfree() is needed only where it is read
 */
export function asksForLazyfree(k: Kernel, cc: CollapseControl): boolean {
  return cc.isKhugepaged && k.param.refuseLazyfree.get() !== 0;
}

/**
 * 1 if another address space may map the PTE's folio, else 0. The whole folio is asked: if a part is shared, all of
 * it counts as shared.
 * @kernel mm/khugepaged.c collapse_scan_pmd(), `shared`
 */
export function sharedPtes(k: Kernel, folio: Pfn): number {
  return folioMaybeMappedShared(k, folio) ? 1 : 0;
}

/**
 * One such entry makes a range writable, for kernels that ask (`param.collapseNeedsWritable`).
 * @kernel mm/khugepaged.c before 6.18: `writable`
 */
export function countsAsWritable(k: Kernel, pte: Entry): boolean {
  return k.param.collapseNeedsWritable.get() !== 0 && entryHas(pte, WRITE);
}

/**
 * 1 if the page was used lately, else 0. MADV_COLLAPSE does not ask.
 * @kernel mm/khugepaged.c collapse_scan_pmd(), `referenced`
 */
export function referencedPtes(k: Kernel, folio: Pfn, pte: Entry, cc: CollapseControl): number {
  return cc.isKhugepaged && (entryHas(pte, YOUNG) || k.page.referenced.get(folio)) ? 1 : 0;
}
