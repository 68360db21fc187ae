/**
 * Reference and mapping counts of folios: include/linux/page_ref.h, include/linux/mm.h.
 *
 * Plain functions, made of what `refcount-scheme.ts` offers. Each that changes `refcount` is one atomic operation of the kernel, so its caller's block holds no
 * other unprotected access that it would have to be atomic with.
 *
 * A pin of a small folio counts in `pincount`, as that of a large one does. The kernel adds GUP_PIN_COUNTING_BIAS
 * (1024) to `_refcount` in its place, which does not fit the small counts of an exhaustive check; its false positive at
 * 1024 plain references is therefore not covered.
 */
import { NONE, current } from "thpcheck";
import { vmBugOn } from "./bug.ts";
import type { Kernel } from "./mm-types.ts";
import type { Order, Pfn, Refs } from "./structs/types.ts";
import { refsFreeze, refsGet, refsPut, refsTryGet, refsUnfreeze } from "./refcount/scheme.ts";

/**
 * The pages of a folio are this thread's: it has just allocated it, frozen it, or dropped its last reference. Written
 * right after the operation on the reference count that made it so. `page.owner` is read by the sanitizers alone.
 */
export function pagesOwn(k: Kernel, folio: Pfn, order: Order): void {
  for (let i = 0; i < 1 << order; i++) k.page.owner.set(folio + i, current(k));
}

/** Others can find the pages from now on: written right after the operation that lets them. */
export function pagesDisown(k: Kernel, folio: Pfn, order: Order): void {
  for (let i = 0; i < 1 << order; i++) k.page.owner.set(folio + i, NONE);
}

/** The folio that a page is part of. @kernel include/linux/page-flags.h page_folio() */
export function pageFolio(k: Kernel, page: Pfn): Pfn {
  const head: Pfn = k.page.head.get(page);
  return head === NONE ? page : head;
}

/** The same of a page that may be joined to a folio or split off at the same time, on a preemption point of its own. */
export function pageFolioLockless(k: Kernel, page: Pfn): Pfn {
  const head: Pfn = k.page.head.once(page);
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
  refsGet(k, folio, 1);
}

/** `n` more. @kernel include/linux/page_ref.h folio_ref_add() */
export function folioRefAdd(k: Kernel, folio: Pfn, n: number): void {
  refsGet(k, folio, n);
}

/** `n` fewer, of which none is the last. @kernel include/linux/page_ref.h folio_ref_sub() */
export function folioRefSub(k: Kernel, folio: Pfn, n: number): void {
  refsPut(k, folio, n);
}

/** A speculative reference: refused where the count is 0, free or frozen. @kernel include/linux/page_ref.h folio_try_get() */
export function folioTryGet(k: Kernel, folio: Pfn): boolean {
  return refsTryGet(k, folio);
}

/**
 * Takes all references away at once, if there are exactly `expected`: from then on folioTryGet() fails.
 * @kernel include/linux/page_ref.h folio_ref_freeze()
 */
export function folioRefFreeze(k: Kernel, folio: Pfn, expected: Refs): boolean {
  const order: Order = k.page.order.get(folio);
  if (!refsFreeze(k, folio, expected)) return false;
  pagesOwn(k, folio, order);
  return true;
}

/** Gives the references back. @kernel include/linux/page_ref.h folio_ref_unfreeze() */
export function folioRefUnfreeze(k: Kernel, folio: Pfn, count: Refs): void {
  vmBugOn(k.page.refcount.get(folio) !== 0, "page-ref: unfreezing a folio that is not frozen");
  vmBugOn(count === 0, "page-ref: unfreezing a folio to no reference");
  const order: Order = k.page.order.get(folio);
  refsUnfreeze(k, folio, count);
  pagesDisown(k, folio, order);
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

/**
 * Whether more than one address space may map it; may say yes wrongly, but not of what is mapped once: of that the flag
 * may be left over.
 * @kernel include/linux/mm.h folio_maybe_mapped_shared()
 */
export function folioMaybeMappedShared(k: Kernel, folio: Pfn): boolean {
  return folioMapcount(k, folio) > 1 && (!folioTestLarge(k, folio) || k.page.maybeShared.get(folio));
}
