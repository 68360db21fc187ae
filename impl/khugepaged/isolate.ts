/**
 * Taking the source pages of a collapse out of everybody's reach, and giving them back.
 *
 * An isolated folio is locked, off the LRU, and has exactly the references that its mappings and the isolation account
 * for; it is still mapped, by the table that the collapse has detached. So nobody can split, migrate or reclaim it, and
 * no pin can exist that would keep a page which the collapse replaces.
 */
import { NONE, at, type Routine } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import type { Kernel } from "../mm-types.ts";
import type { Entry, Pfn, PteIndex, Refs, Table } from "../structs/types.ts";
import { folioTestLarge, pageFolio } from "../page-flags.ts";
import { folioExpectedRefCount } from "../page-ref.ts";
import { YOUNG, entryHas, entryTarget, isZeroPte, pteNone, ptePresent, ptepGetLockless } from "../pgtable.ts";
import { folioIsolateLru, folioPutbackLru, folioTrylock, folioUnlock } from "../swap.ts";
import type { CollapseControl } from "./collapse-control.ts";
import { windowFirst } from "./collapse-window.ts";
import {
  SCAN_DEL_PAGE_LRU, SCAN_EXCEED_NONE_PTE, SCAN_EXCEED_SHARED_PTE, SCAN_LACK_REFERENCED_PAGE, SCAN_PAGE_COUNT,
  SCAN_PAGE_LOCK, SCAN_PAGE_RO, SCAN_PTE_MAPPED_HUGEPAGE, SCAN_PTE_NON_PRESENT, SCAN_SUCCEED, type ScanResult,
} from "./scan-result.ts";
import {
  asksForLazyfree, countsAsWritable, exceedsMaxPtesNone, exceedsMaxPtesShared, folioCollapsible, isLargeEnough, referencedPtes,
  sharedPtes,
} from "./suitability.ts";
import { judgeFolio, judgeTable } from "./visible-cause.ts";

/**
 * Checks every PTE of the window in the detached table again and isolates its folio, a folio of several pages once. On failure all
 * that was isolated is released. Label K26; the table's lock is K25. `extraRefs`: what each page has besides its mappings'.
 *
 * @kernel mm/khugepaged.c __collapse_huge_page_isolate()
 * @holds mmap_lock, VMA lock and anon_vma lock for writing; the lock of the detached table
 */
export function* collapseHugePageIsolate(k: Kernel, table: Table, extraRefs: Refs, cc: CollapseControl): Routine<ScanResult> {
  let noneOrZero: PteIndex = 0;
  let shared: PteIndex = 0;
  let referenced: PteIndex = 0;
  let writable: boolean = k.param.collapseNeedsWritable.get() === 0;
  let result: ScanResult = SCAN_SUCCEED;
  let i: PteIndex = windowFirst(k);
  while (i < windowFirst(k) + (1 << cc.order)) {
    if (i > windowFirst(k)) yield at("__collapse_huge_page_isolate: pte");
    const pte: Entry = k.ptTable.pte.get(table, i);
    if (pteNone(pte) || isZeroPte(k, pte)) {
      noneOrZero++;
      if (exceedsMaxPtesNone(k, noneOrZero, cc)) {
        result = SCAN_EXCEED_NONE_PTE;
        break;
      }
      i++;
      continue;
    }
    if (!ptePresent(pte)) {
      result = SCAN_PTE_NON_PRESENT;
      break;
    }
    const folio: Pfn = pageFolio(k, entryTarget(pte));
    if (asksForLazyfree(k, cc)) yield at("folio_test_lazyfree");
    result = folioCollapsible(k, folio, pte, cc);
    if (result !== SCAN_SUCCEED) break;
    yield at("folio_maybe_mapped_shared");
    shared += sharedPtes(k, folio);
    if (exceedsMaxPtesShared(k, shared, cc)) {
      result = SCAN_EXCEED_SHARED_PTE;
      break;
    }
    if (isLargeEnough(k, folio, cc)) {
      result = SCAN_PTE_MAPPED_HUGEPAGE;
      break;
    }
    if (!mappedBefore(k, table, i, folio)) {
      const isolated: ScanResult = yield* isolateFolio(k, folio, extraRefs);
      if (isolated !== SCAN_SUCCEED) {
        yield* releasePtePages(k, table, i);
        return isolated;
      }
    }
    if (cc.isKhugepaged && !entryHas(pte, YOUNG)) yield at("folio_test_referenced");
    referenced += referencedPtes(k, folio, pte, cc);
    if (countsAsWritable(k, pte)) writable = true;
    i++;
  }
  if (result === SCAN_SUCCEED && !writable) result = SCAN_PAGE_RO;
  if (result === SCAN_SUCCEED && cc.isKhugepaged && referenced === 0) result = SCAN_LACK_REFERENCED_PAGE;
  judgeTable(k, table, result, cc);
  if (result !== SCAN_SUCCEED) yield* releasePtePages(k, table, i);
  return result;
}

/**
 * Locks one folio and takes it off the LRU, if nobody else refers to it. Trying the lock, comparing the references
 * and, on failure, dropping the lock are steps of their own: other trylocks can find the lock held.
 */
function* isolateFolio(k: Kernel, folio: Pfn, extraRefs: Refs): Routine<ScanResult> {
  yield at("folio_trylock");
  if (!folioTrylock(k, folio)) {
    judgeFolio(k, folio, SCAN_PAGE_LOCK, 0);
    return SCAN_PAGE_LOCK;
  }
  yield at("folio_expected_ref_count");
  let result: ScanResult = SCAN_SUCCEED;
  // Two counters, read one after the other, as the kernel does.
  const expected: Refs = folioExpectedRefCount(k, folio);
  yield at("folio_ref_count");
  if (k.page.refcount.get(folio) !== expected + extraRefs) {
    result = SCAN_PAGE_COUNT;
  } else {
    const isolated: boolean = yield* folioIsolateLru(k, folio);
    if (!isolated) result = SCAN_DEL_PAGE_LRU;
  }
  judgeFolio(k, folio, result, expected);
  if (result !== SCAN_SUCCEED) {
    yield at("folio_unlock");
    folioUnlock(k, folio);
  }
  return result;
}

/**
 * Whether an earlier PTE of the table maps the folio, which may have several pages. The kernel keeps the folios that
 * it has met on a list, compound_pagelist; the table says the same.
 */
function mappedBefore(k: Kernel, table: Table, end: PteIndex, folio: Pfn): boolean {
  return folioTestLarge(k, folio) && mapsFolio(k, table, windowFirst(k), end, folio);
}

/**
 * Whether one of the PTEs begin..end - 1 of the detached table maps a page of the folio. Nobody else changes them.
 * @model stands for the list `compound_pagelist`
 */
export function mapsFolio(k: Kernel, table: Table, begin: PteIndex, end: PteIndex, folio: Pfn): boolean {
  for (let j = begin; j < end; j++) if (folioOfPte(k, table, j) === folio) return true;
  return false;
}

/**
 * The folio that a PTE of the detached table maps; NONE for an empty or non-present PTE and for the zero page.
 * @kernel mm/memory.c vm_normal_folio()
 */
export function folioOfPte(k: Kernel, table: Table, i: PteIndex): Pfn {
  const pte = ptepGetLockless(k, table, i);
  return ptePresent(pte) && !isZeroPte(k, pte) ? pageFolio(k, entryTarget(pte)) : NONE;
}

/**
 * Gives one isolated folio back: drops its lock, then the isolation.
 * @kernel mm/khugepaged.c release_pte_folio()
 */
export function* releasePteFolio(k: Kernel, folio: Pfn): Routine {
  yield at("release_pte_folio");
  vmBugOn(k.page.lru.get(folio), "khugepaged: an isolated folio is on the LRU");
  folioUnlock(k, folio);
  yield* folioPutbackLru(k, folio);
}

/**
 * Gives the folios of the window's PTEs up to end - 1 back: single pages from the last one on, then the others.
 * @kernel mm/khugepaged.c release_pte_pages()
 */
export function* releasePtePages(k: Kernel, table: Table, end: PteIndex): Routine {
  for (let left: PteIndex = end; left > windowFirst(k); left--) {
    yield at("release_pte_pages: pte");
    const folio: Pfn = folioOfPte(k, table, left - 1);
    if (folio !== NONE && !folioTestLarge(k, folio)) yield* releasePteFolio(k, folio);
  }
  for (let i: PteIndex = windowFirst(k); i < end; i++) {
    yield at("release_pte_pages: compound_pagelist");
    const folio: Pfn = folioOfPte(k, table, i);
    if (folio === NONE || !folioTestLarge(k, folio)) continue;
    let before: PteIndex = windowFirst(k);
    while (before < i) {
      yield at("release_pte_pages: compound_pagelist");
      if (folioOfPte(k, table, before) === folio) break;
      before++;
    }
    if (before === i) yield* releasePteFolio(k, folio);
  }
}
