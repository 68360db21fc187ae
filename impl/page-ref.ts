/**
 * Reference and mapping counts of folios: include/linux/page_ref.h, include/linux/mm.h.
 *
 * Plain functions, made of what `refcount/scheme.ts` offers. Each function that changes `refcount` is one atomic
 * operation of the kernel. So its caller's block has no other unprotected access.
 */
import { NONE, current } from "thpcheck";
import { vmBugOn } from "./bug.ts";
import type { Kernel } from "./mm-types.ts";
import { folioNrPages, hasSwap } from "./page-flags.ts";
import type { Order, Pfn, Refs } from "./structs/types.ts";
import {
  mapcountOf, maybeMappedShared, pinsOf, refsExpected, refsFreeze, refsGet, refsPut, refsTryGet, refsUnfreeze,
} from "./refcount/scheme.ts";

/**
 * The pages of a folio are this thread's: it has just allocated it, frozen it, or dropped its last reference. Written
 * right after the operation on the reference count that made it so. `page.owner` is read by the sanitizers alone.
 * @model the sanitizers are told who owns a page
 */
export function pagesOwn(k: Kernel, folio: Pfn, order: Order): void {
  for (let i = 0; i < 1 << order; i++) k.page.owner.set(folio + i, current(k));
}

/** Others can find the pages from now on: written right after the operation that lets them. @model see pagesOwn() */
export function pagesDisown(k: Kernel, folio: Pfn, order: Order): void {
  for (let i = 0; i < 1 << order; i++) k.page.owner.set(folio + i, NONE);
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
 * References that are accounted for: one per mapping, and with swap one per page in the swap cache. The caller's own, an
 * isolation's, a batch's and pins come on top.
 * @kernel include/linux/mm.h folio_expected_ref_count()
 */
export function folioExpectedRefCount(k: Kernel, folio: Pfn): number {
  return refsExpected(k, folio) + folioCacheRefCount(k, folio);
}

/** The swap cache has one reference for each page. @kernel mm/huge_memory.c folio_cache_ref_count() */
export function folioCacheRefCount(k: Kernel, folio: Pfn): number {
  return hasSwap(k) && k.page.swap.once(folio) !== NONE ? folioNrPages(k, folio) : 0;
}

/** Mappings, a PMD mapping counting one. @kernel include/linux/mm.h folio_mapcount() */
export function folioMapcount(k: Kernel, folio: Pfn): number {
  return mapcountOf(k, folio);
}

/** @kernel include/linux/mm.h folio_maybe_dma_pinned() */
export function folioMaybeDmaPinned(k: Kernel, folio: Pfn): boolean {
  return pinsOf(k, folio) > 0;
}

/** Whether more than one address space may map it. @kernel include/linux/mm.h folio_maybe_mapped_shared() */
export function folioMaybeMappedShared(k: Kernel, folio: Pfn): boolean {
  return maybeMappedShared(k, folio);
}
