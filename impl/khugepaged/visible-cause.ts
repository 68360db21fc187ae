/**
 * Why a collapse stops: for each result, what must be there in the state of the step that decides it. Of the specification;
 * the scan and the collapse decide by tests of their own.
 *
 * A result that is summed up over several steps (shared pages, accessed ones) is judged by what can still be seen: of what
 * was counted, the last page. The kernel's limits are hints about pages that change meanwhile, and this asks no more.
 *
 * Not judged: the mechanism of 2018, which takes references of its own (SCAN_PAGE_COUNT); see reservation-rfc-2018.ts of
 * test/scenarios for what it does.
 */
import { NONE } from "thpcheck";
import { LOST_COLLAPSE, LOST_PROMOTION } from "../../spec/enumerations.ts";
import { ENABLED_ALWAYS, ENABLED_MADVISE } from "../config/knobs.ts";
import { pmdOrderEnabled } from "../huge-memory/eligibility.ts";
import { vmBugOn } from "../bug.ts";
import { judged, JUDGED } from "../lost-function.ts";
import type { Kernel } from "../mm-types.ts";
import { pageFolio } from "../page-flags.ts";
import {
  entryHas, entryTarget, hpageAddress, isZeroPte, pmdMigration, pmdNone, pmdTable, pmdTransHuge, pteMigration, pteNone,
  ptePresent, pteSwap, WRITE,
} from "../pgtable.ts";
import { mapcountOf, maybeMappedShared } from "../refcount/scheme.ts";
import { MMF_DISABLE_THP_COMPLETELY, MMF_DISABLE_THP_EXCEPT_ADVISED } from "../structs/mm.ts";
import type { Entry, Mm, Pfn, Table, Vpn } from "../structs/types.ts";
import { VM_HUGEPAGE, VM_NOHUGEPAGE } from "../structs/vma.ts";
import { isRfc2018 } from "../thp-reservation/container.ts";
import type { CollapseControl } from "./collapse-control.ts";
import { hasMthpCollapse, isMthpV10, isPmdOrder, windowFirst } from "./collapse-window.ts";
import {
  SCAN_ADDRESS_RANGE, SCAN_ALLOC_HUGE_PAGE_FAIL, SCAN_ANY_PROCESS, SCAN_CGROUP_CHARGE_FAIL, SCAN_COPY_MC,
  SCAN_DEL_PAGE_LRU, SCAN_EXCEED_NONE_PTE, SCAN_EXCEED_SHARED_PTE, SCAN_EXCEED_SWAP_PTE, SCAN_LACK_REFERENCED_PAGE,
  SCAN_NO_PTE_TABLE, SCAN_PAGE_ANON, SCAN_PAGE_COUNT, SCAN_PAGE_LAZYFREE, SCAN_PAGE_LOCK, SCAN_PAGE_LRU, SCAN_PAGE_RO,
  SCAN_PMD_MAPPED, SCAN_PMD_NONE, SCAN_PTE_MAPPED_HUGEPAGE, SCAN_PTE_NON_PRESENT, SCAN_SUCCEED, SCAN_VMA_CHECK,
  SCAN_VMA_NULL, type ScanResult,
} from "./scan-result.ts";

/** The range has stopped the scan, or the collapse before the table is detached. @model judges a failure */
export function judgeRange(k: Kernel, mm: Mm, start: Vpn, result: ScanResult, cc: CollapseControl): void {
  const silent = result === SCAN_SUCCEED || isRfc2018(k);
  vmBugOn(!silent && !judged(k, rangeStops(k, mm, start, result, cc), LOST_COLLAPSE, result), JUDGED);
}

/** A page of the detached table has stopped the collapse, or there is none of it to be had. @model judges a failure */
export function judgeTable(k: Kernel, table: Table, result: ScanResult, cc: CollapseControl): void {
  const silent = result === SCAN_SUCCEED || isRfc2018(k);
  vmBugOn(!silent && !judged(k, tableStops(k, table, result, cc), LOST_COLLAPSE, result), JUDGED);
}

/**
 * This folio has stopped the scan or the isolation. `expected`: of SCAN_PAGE_COUNT, what was computed before the references
 * were read; the mappings may have changed in between.
 * @model judges a failure
 */
export function judgeFolio(k: Kernel, folio: Pfn, result: ScanResult, expected: number): void {
  const silent = result === SCAN_SUCCEED || isRfc2018(k);
  vmBugOn(!silent && !judged(k, folioStops(k, folio, result, expected), LOST_COLLAPSE, result), JUDGED);
}

/** What a collapse or a promotion asks for could not be had. @model judges a failure */
export function judgeResources(k: Kernel, cc: CollapseControl, result: ScanResult): void {
  vmBugOn(!judged(k, resourcesAreMissing(k, cc, result), LOST_COLLAPSE, result), JUDGED);
}

/** A page of a reservation was not frozen: it has other references than these. @model judges a failure */
export function judgePromotion(k: Kernel, page: Pfn, expected: number): void {
  vmBugOn(!judged(k, k.page.refcount.get(page) > expected, LOST_PROMOTION, SCAN_PAGE_COUNT), JUDGED);
}

/** @model judges that no size is allowed, which makes the collapse of what was scanned well stop (SCAN_FAIL) */
export function judgeImpossible(k: Kernel, mm: Mm, start: Vpn, cc: CollapseControl): void {
  vmBugOn(!judged(k, policyForbids(k, mm, start, cc), LOST_COLLAPSE, SCAN_VMA_CHECK), JUDGED);
}

function resourcesAreMissing(k: Kernel, cc: CollapseControl, result: ScanResult): boolean {
  switch (result) {
    case SCAN_CGROUP_CHARGE_FAIL: return k.param.chargeMayFail.get() !== 0;
    case SCAN_COPY_MC: return k.param.copyMayMeetPoison.get() !== 0;
    case SCAN_ALLOC_HUGE_PAGE_FAIL: return k.param.allocationMayFail.get() !== 0 || noBlock(k, cc.order);
    default: return false;
  }
}

/** No block of this order or a higher one is free. */
function noBlock(k: Kernel, order: number): boolean {
  for (let from = order; from <= k.param.hpagePmdOrder.get(); from++) if (k.zone.free.get(from) !== NONE) return false;
  return true;
}

// ---- the range -------------------------------------------------------------------------------------------------

function rangeStops(k: Kernel, mm: Mm, start: Vpn, result: ScanResult, cc: CollapseControl): boolean {
  const pmd = k.mm.pmd.once(mm, Math.floor(start / k.param.hpagePmdNr.get()));
  return stopsByRange(k, mm, hpageAddress(k, start), pmd, result, cc) || tableStops(k, pmdTable(pmd) ? entryTarget(pmd) : NONE, result, cc);
}

function stopsByRange(k: Kernel, mm: Mm, start: Vpn, pmd: Entry, result: ScanResult, cc: CollapseControl): boolean {
  switch (result) {
    case SCAN_NO_PTE_TABLE: return !pmdTable(pmd);
    case SCAN_PMD_NONE: return pmdNone(pmd);
    case SCAN_PMD_MAPPED: return pmdTransHuge(pmd) || pmdMigration(pmd);
    case SCAN_ANY_PROCESS: return isEnding(k, mm);
    case SCAN_VMA_NULL: return !anyAreaAbove(k, mm, start);
    case SCAN_ADDRESS_RANGE: return !areaContains(k, mm, start);
    case SCAN_VMA_CHECK: return policyForbids(k, mm, start, cc);
    case SCAN_PAGE_ANON: return areaAt(k, mm, start) !== NONE && k.vma.anonVma.get(areaAt(k, mm, start)) === NONE;
    default: return false;
  }
}

function isEnding(k: Kernel, mm: Mm): boolean {
  return k.mm.users.get(mm) === 0 || (k.mm.flags.get(mm) & MMF_DISABLE_THP_COMPLETELY) !== 0 || k.mm.coreState.get(mm);
}

/** Attached, and with the page; NONE if there is none. */
function areaAt(k: Kernel, mm: Mm, vpn: Vpn): number {
  for (let vma = 0; vma < k.vma.count; vma++) {
    if (k.vma.mm.get(vma) === mm && !k.vma.detached.get(vma) && k.vma.start.get(vma) <= vpn && vpn < k.vma.end.get(vma)) return vma;
  }
  return NONE;
}

function anyAreaAbove(k: Kernel, mm: Mm, vpn: Vpn): boolean {
  for (let vma = 0; vma < k.vma.count; vma++) {
    if (k.vma.mm.get(vma) === mm && !k.vma.detached.get(vma) && k.vma.end.get(vma) > vpn) return true;
  }
  return false;
}

function areaContains(k: Kernel, mm: Mm, start: Vpn): boolean {
  const vma = areaAt(k, mm, start);
  return vma !== NONE && start + k.param.hpagePmdNr.get() <= k.vma.end.get(vma);
}

/** By the flags of the area and the process, and, for the thread, by sysfs. */
function policyForbids(k: Kernel, mm: Mm, start: Vpn, cc: CollapseControl): boolean {
  const vma = areaAt(k, mm, start);
  if (vma === NONE || !areaContains(k, mm, start) || k.vma.anonVma.once(vma) === NONE) return true;
  const flags = k.vma.flags.get(vma);
  const ofProcess = k.mm.flags.get(mm);
  if ((flags & VM_NOHUGEPAGE) !== 0 || (ofProcess & MMF_DISABLE_THP_COMPLETELY) !== 0) return true;
  if (!cc.isKhugepaged) return false;
  if ((flags & VM_HUGEPAGE) === 0 && (ofProcess & MMF_DISABLE_THP_EXCEPT_ADVISED) !== 0) return true;
  if (hasMthpCollapse(k) && !isPmdOrder(k, cc.order)) return !smallOrderEnabled(k, cc.order, flags);
  const enabled = pmdOrderEnabled(k);
  return enabled !== ENABLED_ALWAYS && !(enabled === ENABLED_MADVISE && (flags & VM_HUGEPAGE) !== 0);
}

/** By the words of the sizes below a huge page. */
function smallOrderEnabled(k: Kernel, order: number, flags: number): boolean {
  const bit = 1 << order;
  const advised = (flags & VM_HUGEPAGE) !== 0;
  const global = k.knob.enabled.once();
  if ((k.anonOrders.always.once(0) & bit) !== 0 || (advised && (k.anonOrders.madvise.once(0) & bit) !== 0)) return true;
  return (k.anonOrders.inherit.once(0) & bit) !== 0 && (global === ENABLED_ALWAYS || (global === ENABLED_MADVISE && advised));
}

// ---- its pages -------------------------------------------------------------------------------------------------

/** One of the pages, or their number, is what the result names. */
function tableStops(k: Kernel, table: number, result: ScanResult, cc: CollapseControl): boolean {
  if (table === NONE) return false;
  if (result === SCAN_LACK_REFERENCED_PAGE) return cc.isKhugepaged;
  if (result === SCAN_PAGE_RO) return k.param.collapseNeedsWritable.get() !== 0 && ptesThat(k, table, SCAN_PAGE_RO, cc) === 0;
  const found = ptesThat(k, table, result, cc);
  switch (result) {
    case SCAN_EXCEED_NONE_PTE: return cc.isKhugepaged && found > mayBeEmpty(k, cc);
    case SCAN_EXCEED_SWAP_PTE: return cc.isKhugepaged && found > (isPmdOrder(k, cc.order) ? k.knob.maxPtesSwap.once() : 0);
    case SCAN_EXCEED_SHARED_PTE: return cc.isKhugepaged && found > 0;
    case SCAN_PAGE_COUNT:
    case SCAN_DEL_PAGE_LRU: return true; // judged by the folio
    default: return found > 0;
  }
}

/** Of a smaller window all may be empty but one, where the knob says the same of a range; else none. As posted in 2025 its part. */
function mayBeEmpty(k: Kernel, cc: CollapseControl): number {
  const knob = k.knob.maxPtesNone.once();
  if (isPmdOrder(k, cc.order)) return knob;
  if (isMthpV10(k)) return Math.floor(knob / 2 ** (k.param.hpagePmdOrder.get() - cc.order));
  return knob + 1 === k.param.hpagePmdNr.get() ? (1 << cc.order) - 1 : 0;
}

/** How many entries of the window are such that the result names them. */
function ptesThat(k: Kernel, table: number, result: ScanResult, cc: CollapseControl): number {
  let n = 0;
  for (let i = windowFirst(k); i < windowFirst(k) + (1 << cc.order); i++) {
    const pte = k.ptTable.pte.once(table, i);
    if (isSuch(k, pte, result, cc)) n++;
  }
  return n;
}

function isSuch(k: Kernel, pte: number, result: ScanResult, cc: CollapseControl): boolean {
  if (result === SCAN_EXCEED_NONE_PTE) return pteNone(pte) || isZeroPte(k, pte);
  if (result === SCAN_EXCEED_SWAP_PTE || result === SCAN_PTE_NON_PRESENT) return pteMigration(pte) || pteSwap(pte);
  if (pteNone(pte) || isZeroPte(k, pte) || !ptePresent(pte)) return false;
  if (result === SCAN_PAGE_RO) return entryHas(pte, WRITE);
  const folio = pageFolio(k, entryTarget(pte));
  switch (result) {
    case SCAN_EXCEED_SHARED_PTE: return maybeMappedShared(k, folio);
    case SCAN_PTE_MAPPED_HUGEPAGE: return !isPmdOrder(k, cc.order) && k.page.order.get(folio) >= cc.order;
    case SCAN_PAGE_LRU: return !k.page.lru.once(folio);
    case SCAN_PAGE_LOCK: return k.page.lock.isHeld(folio);
    case SCAN_PAGE_ANON: return !k.page.anon.get(folio);
    // The entry was clean when it was read. The hardware may have made it dirty since, without a lock.
    case SCAN_PAGE_LAZYFREE: return cc.isKhugepaged && !k.page.swapbacked.once(folio);
    default: return false;
  }
}

function folioStops(k: Kernel, folio: Pfn, result: ScanResult, expected: number): boolean {
  switch (result) {
    case SCAN_PAGE_LOCK: return k.page.lock.isHeld(folio);
    case SCAN_DEL_PAGE_LRU: return !k.page.lru.once(folio);
    case SCAN_PAGE_COUNT: return k.page.refcount.get(folio) !== mapcountOf(k, folio) || mapcountOf(k, folio) !== expected;
    default: return false;
  }
}
