/**
 * Reference and mapping counts of folios: include/linux/page_ref.h, include/linux/mm.h.
 *
 * Plain functions. Each that changes `refcount` is one atomic operation of the kernel, so its caller's block holds no
 * other unprotected access that it would have to be atomic with.
 *
 * A pin of a small folio counts in `pincount`, as that of a large one does. The kernel adds GUP_PIN_COUNTING_BIAS
 * (1024) to `_refcount` in its place, which does not fit the small counts of an exhaustive check; its false positive at
 * 1024 plain references is therefore not covered.
 */
import { NONE } from "thpcheck";
import { vmBugOn } from "./bug.ts";
import type { Kernel, Pfn, Refs } from "./mm-types.ts";

/** The folio that a page is part of. @kernel include/linux/page-flags.h page_folio() */
export function pageFolio(k: Kernel, page: Pfn): Pfn {
  const head: Pfn = k.page.head.get(page);
  return head === NONE ? page : head;
}

/** @kernel include/linux/page-flags.h folio_test_large() */
export function folioTestLarge(k: Kernel, folio: Pfn): boolean {
  return k.page.order.get(folio) > 0;
}

/** @kernel include/linux/mm.h folio_nr_pages() */
export function folioNrPages(k: Kernel, folio: Pfn): number {
  return 1 << k.page.order.get(folio);
}

/** One more reference to a folio that the caller knows to be referenced. @kernel include/linux/mm.h folio_get() */
export function folioGet(k: Kernel, folio: Pfn): void {
  folioRefAdd(k, folio, 1);
}

/** @kernel include/linux/page_ref.h folio_ref_add() */
export function folioRefAdd(k: Kernel, folio: Pfn, n: number): void {
  vmBugOn(k.page.refcount.get(folio) === 0, "page-ref: a reference is taken to a folio that has none: it is free or frozen");
  k.page.refcount.add(folio, n);
}

/** A speculative reference: refused where the count is 0, free or frozen. @kernel include/linux/page_ref.h folio_try_get() */
export function folioTryGet(k: Kernel, folio: Pfn): boolean {
  return k.page.refcount.addUnless(folio, 1, 0);
}

/**
 * Takes all references away at once, if there are exactly `expected`: from then on folioTryGet() fails.
 * @kernel include/linux/page_ref.h folio_ref_freeze()
 */
export function folioRefFreeze(k: Kernel, folio: Pfn, expected: Refs): boolean {
  return k.page.refcount.cmpxchg(folio, expected, 0);
}

/** Gives the references back. @kernel include/linux/page_ref.h folio_ref_unfreeze() */
export function folioRefUnfreeze(k: Kernel, folio: Pfn, count: Refs): void {
  vmBugOn(k.page.refcount.get(folio) !== 0, "page-ref: unfreezing a folio that is not frozen");
  vmBugOn(count === 0, "page-ref: unfreezing a folio to no reference");
  k.page.refcount.setOnce(folio, count);
}

/**
 * References that are accounted for: one per mapping. The swap cache, which adds one per page, is not part of this
 * kernel. The caller's own, an isolation's, a batch's and pins come on top.
 * @kernel include/linux/mm.h folio_expected_ref_count()
 */
export function folioExpectedRefCount(k: Kernel, folio: Pfn): number {
  return folioMapcount(k, folio);
}

/** Mappings, a PMD mapping counting one. @kernel include/linux/mm.h folio_mapcount() */
export function folioMapcount(k: Kernel, folio: Pfn): number {
  return folioTestLarge(k, folio) ? k.page.largeMapcount.get(folio) + 1 : k.page.mapcount.get(folio) + 1;
}

/** @kernel include/linux/mm.h folio_maybe_dma_pinned() */
export function folioMaybeDmaPinned(k: Kernel, folio: Pfn): boolean {
  return k.page.pincount.get(folio) > 0;
}

/** Whether more than one address space may map it; may say yes wrongly. @kernel include/linux/mm.h folio_maybe_mapped_shared() */
export function folioMaybeMappedShared(k: Kernel, folio: Pfn): boolean {
  return folioTestLarge(k, folio) ? k.page.maybeShared.get(folio) : k.page.mapcount.get(folio) > 0;
}
