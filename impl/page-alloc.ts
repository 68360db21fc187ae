/**
 * mm/page_alloc.c: the buddy allocator. One zone, one migrate type, no watermarks, no per-CPU lists.
 *
 * A free block of order n starts at a multiple of 2^n and is on the free list of its order; blocks split on the way
 * out and merge with their buddies, up to a whole huge page, on the way in. All of it happens under zone->lock in one
 * step. The kernel does not specify which frame an allocation gets. Here it is the lowest: lists in address order
 * depend only on the set of free blocks, so states that differ only in the order of frees coincide. Machines too
 * large to search keep the newest block first, which takes constant time.
 *
 * A free page is poisoned: its content is `param.contents`, which no store can write, and every field that the
 * kernel would check at free or clear for the next user is as at boot.
 */
import { NONE, at, choose, emit, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../spec/events.ts";
import { vmBugOn } from "./bug.ts";
import { modNrAnon } from "./huge-memory/mthp-stat.ts";
import { PAGE_FLAGS_CHECK_AT_PREP, PG_LOCKED, pageFlagsNonatomic } from "./page-flag-word.ts";
import { hasSwap } from "./page-flags.ts";
import { pagesDisown, pagesOwn } from "./page-ref.ts";
import type { Kernel } from "./mm-types.ts";
import type { Order, Pfn, PteIndex } from "./structs/types.ts";
import { forgetUnmapped } from "./huge-memory/unmapped-in-split.ts";
import { checkFreed, clearOwners } from "./refcount/scheme.ts";

/** Up to this many frames, free lists are in address order. */
const SORTED_FRAMES = 1024;

/**
 * A folio of 2^order pages with one reference, its content still poison; NONE when there is no memory.
 * Where `param.allocationMayFail`, an allocation with `orderMayFail` may fail although there is memory: no reclaim or
 * compaction is modelled, and this choice stands for their failure.
 * @kernel mm/page_alloc.c folio_alloc(), __alloc_frozen_pages()
 */
export function* allocFolio(k: Kernel, order: Order, orderMayFail: boolean): Routine<Pfn> {
  yield* spinLock(k, k.zone.lock.at());
  if (orderMayFail && k.param.allocationMayFail.get() !== 0 && choose(k, "alloc_pages fails", 2) === 1) {
    spinUnlock(k, k.zone.lock.at());
    return NONE;
  }
  const folio: Pfn = rmqueue(k, order);
  if (folio !== NONE) prepNewPage(k, folio, order);
  spinUnlock(k, k.zone.lock.at());
  if (folio === NONE) return NONE;
  for (let i: PteIndex = 1; i < 1 << order; i++) {
    yield at("prep_compound_page");
    k.page.head.set(folio + i, folio);
  }
  return folio;
}

/**
 * A block of 2^order single pages, each with one reference and poison for content; NONE when there is no memory. It
 * may fail as allocFolio() may.
 * @kernel mm/page_alloc.c alloc_pages() without __GFP_COMP, then split_page()
 */
export function* allocPages(k: Kernel, order: Order, orderMayFail: boolean): Routine<Pfn> {
  yield* spinLock(k, k.zone.lock.at());
  if (orderMayFail && k.param.allocationMayFail.get() !== 0 && choose(k, "alloc_pages fails", 2) === 1) {
    spinUnlock(k, k.zone.lock.at());
    return NONE;
  }
  const block: Pfn = rmqueue(k, order);
  if (block !== NONE) prepSplitPages(k, block, order);
  spinUnlock(k, k.zone.lock.at());
  return block;
}

/**
 * Drops the reference of the first page of a block that is no folio, and with it the whole block, as if the others had
 * none.
 * @kernel mm/page_alloc.c __free_pages() of an order-n block
 */
export function* freePages(k: Kernel, block: Pfn, order: Order): Routine {
  k.page.refcount.add(block, -1);
  vmBugOn(k.page.refcount.get(block) !== 0, "page-alloc: the first page of a block that is freed has another reference");
  yield* spinLock(k, k.zone.lock.at());
  freePagesPrepare(k, block, order);
  pagesDisown(k, block, order);
  freeOnePage(k, block, order);
  spinUnlock(k, k.zone.lock.at());
}

/**
 * Gives the pages of a folio back. The folio has no reference, is off the LRU and off the deferred split queue.
 * Nobody else can reach it, so checking and poisoning it belong to the step that frees it.
 * @kernel mm/page_alloc.c free_frozen_pages(), __free_pages_prepare(), __free_one_page()
 */
export function* freeFolio(k: Kernel, folio: Pfn): Routine {
  const order: Order = k.page.order.get(folio);
  vmBugOn(k.page.buddy.get(folio), "page-alloc: double free");
  for (let i: PteIndex = 1; i < 1 << order; i++) {
    yield at("free_tail_page_prepare");
    vmBugOn(k.page.head.get(folio + i) !== folio, "page-alloc: a tail page is freed with another head");
    k.page.head.set(folio + i, NONE);
  }
  if (k.param.grainFlags.get() !== 0) yield* pageFlagsNonatomic(k, folio, PAGE_FLAGS_CHECK_AT_PREP & ~PG_LOCKED, 0);
  yield* spinLock(k, k.zone.lock.at());
  freePagesPrepare(k, folio, order);
  freeOnePage(k, folio, order);
  pagesDisown(k, folio, order);
  spinUnlock(k, k.zone.lock.at());
}

/**
 * Hands all memory to the allocator, in blocks of a whole huge page. For `init`, before any thread runs.
 * @kernel mm/mm_init.c memblock_free_all()
 */
export function bootMemory(k: Kernel): void {
  const order = k.param.hpagePmdOrder.get();
  const size = 1 << order;
  for (let block = k.param.frames.get() - size; block >= 0; block -= size) {
    for (let i = 0; i < size; i++) k.page.content.set(block + i, k.param.contents.get());
    addToFreeList(k, block, order);
  }
  k.zone.freePages.set(k.param.frames.get());
}

/**
 * Takes the smallest block that is large enough and splits it; NONE when there is none.
 * @holds zone->lock
 * @kernel mm/page_alloc.c __rmqueue_smallest(), expand()
 */
function rmqueue(k: Kernel, order: Order): Pfn {
  const largest = k.param.hpagePmdOrder.get();
  for (let from = order; from <= largest; from++) {
    const block = k.zone.free.get(from);
    if (block === NONE) continue;
    delFromFreeList(k, block);
    for (let half = from - 1; half >= order; half--) addToFreeList(k, block + (1 << half), half);
    k.zone.freePages.add(-(1 << order));
    return block;
  }
  return NONE;
}

/** Makes the pages one folio with one reference. @kernel mm/page_alloc.c prep_new_page(), prep_compound_page() */
function prepNewPage(k: Kernel, folio: Pfn, order: Order): void {
  takePages(k, folio, order);
  k.page.order.set(folio, order);
  emit(k, EV.FOLIO_ALLOC, folio, order);
}

/**
 * Makes each of the pages a folio of its own. One step, though the kernel sets the references one after the other: a
 * scanner of frames cannot tell the difference, since it looks at one page.
 * @kernel mm/page_alloc.c split_page()
 */
function prepSplitPages(k: Kernel, block: Pfn, order: Order): void {
  takePages(k, block, order);
  for (let i = 0; i < 1 << order; i++) {
    if (i > 0) k.page.refcount.set(block + i, 1);
    emit(k, EV.FOLIO_ALLOC, block + i, 0);
  }
}

/** The pages are the caller's alone, the first of them with a reference. */
function takePages(k: Kernel, folio: Pfn, order: Order): void {
  const poison = k.param.contents.get();
  vmBugOn(k.page.refcount.get(folio) !== 0, "page-alloc: a free page has references");
  k.page.refcount.set(folio, 1);
  pagesOwn(k, folio, order);
  for (let i = 0; i < 1 << order; i++) {
    vmBugOn(k.page.content.get(folio + i) !== poison, "page-alloc: a free page has been written to");
    vmBugOn(i > 0 && k.page.refcount.get(folio + i) !== 0, "page-alloc: a free page has references");
    vmBugOn(k.page.mapcount.get(folio + i) !== -1, "page-alloc: a free page is mapped");
  }
}

/**
 * The checks of a page that is freed, and its return to the state of a free one.
 * @kernel mm/page_alloc.c free_pages_prepare(), free_page_is_bad(), free_tail_page_prepare()
 */
function freePagesPrepare(k: Kernel, folio: Pfn, order: Order): void {
  vmBugOn(k.page.buddy.get(folio), "page-alloc: double free");
  vmBugOn(k.page.head.get(folio) !== NONE, "page-alloc: a tail page is freed by itself");
  vmBugOn(k.page.refcount.get(folio) !== 0, "page-alloc: a folio is freed that has references");
  checkFreed(k, folio);
  vmBugOn(k.page.lru.get(folio), "page-alloc: a folio is freed that is on the LRU");
  vmBugOn(k.page.deferred.once(folio), "page-alloc: a folio is freed that is on the deferred split queue");
  vmBugOn(k.page.partiallyMapped.once(folio), "page-alloc: a folio is freed that still counts as partially mapped");
  vmBugOn(k.page.lock.isHeld(folio), "page-alloc: a folio is freed that is locked");
  if (hasSwap(k)) vmBugOn(k.page.swap.once(folio) !== NONE, "page-alloc: a folio is freed that is in the swap cache");
  if (hasSwap(k)) vmBugOn(k.page.writeback.get(folio) !== 0, "page-alloc: a folio is freed that is being written");
  if (k.page.anon.get(folio)) modNrAnon(k, order, -1);
  for (let i = 0; i < 1 << order; i++) {
    const page = folio + i;
    vmBugOn(k.page.mapcount.get(page) !== -1, "page-alloc: a page is freed that is mapped: nonzero mapcount");
    vmBugOn(i > 0 && k.page.refcount.get(page) !== 0, "page-alloc: a tail page is freed that has references");
    k.page.anonExclusive.set(page, false);
    k.page.content.set(page, k.param.contents.get());
  }
  clearFolio(k, folio);
  k.page.order.set(folio, 0);
  emit(k, EV.FOLIO_FREE, folio);
}

/**
 * Resets what the folio's head and its first page say. The caller sees to the counters, or has checked that they are
 * zero.
 * @kernel mm/page_alloc.c free_pages_prepare(): page->mapping = NULL, PAGE_FLAGS_CHECK_AT_PREP
 */
export function clearFolio(k: Kernel, folio: Pfn): void {
  k.page.anon.set(folio, false);
  k.page.mapping.set(folio, NONE);
  k.page.index.set(folio, 0);
  // Of a folio that was on the LRU it is clear; who looks under lru_lock may be about to see that.
  if (k.page.swapbacked.get(folio)) k.page.swapbacked.set(folio, false);
  if (hasSwap(k)) k.page.dropped.set(folio, 0);
  k.page.active.set(folio, false);
  k.page.referenced.set(folio, false);
  k.page.dirty.set(folio, false);
  k.page.uptodate.set(folio, false);
  k.page.anonExclusive.set(folio, false);
  forgetUnmapped(k, folio);
  clearOwners(k, folio);
}

/**
 * Single pages become one folio, on its first page. They are the caller's alone; order and count of the folio are set by
 * the caller.
 * @kernel mm/page_alloc.c prep_compound_page()
 */
export function joinPages(k: Kernel, first: Pfn, order: Order): void {
  for (let i = 0; i < 1 << order; i++) {
    clearFolio(k, first + i);
    if (i > 0) k.page.head.set(first + i, first);
  }
}

/** Merges the block with its buddy as long as that is free, too. @holds zone->lock @kernel mm/page_alloc.c __free_one_page() */
function freeOnePage(k: Kernel, page: Pfn, order: Order): void {
  const largest = k.param.hpagePmdOrder.get();
  let block = page;
  let merged = order;
  k.zone.freePages.add(1 << order);
  while (merged < largest) {
    const buddy = block ^ (1 << merged);
    if (!k.page.buddy.get(buddy) || k.page.order.get(buddy) !== merged) break;
    delFromFreeList(k, buddy);
    if (buddy < block) block = buddy;
    merged++;
  }
  addToFreeList(k, block, merged);
}

/** @holds zone->lock @kernel mm/page_alloc.c __add_to_free_list() */
function addToFreeList(k: Kernel, block: Pfn, order: Order): void {
  let before = NONE;
  let after = k.zone.free.get(order);
  if (k.param.frames.get() <= SORTED_FRAMES) {
    while (after !== NONE && after < block) {
      before = after;
      after = k.page.next.get(after);
    }
  }
  k.page.buddy.set(block, true);
  k.page.order.set(block, order);
  k.page.prev.set(block, before);
  k.page.next.set(block, after);
  if (before === NONE) k.zone.free.set(order, block);
  else k.page.next.set(before, block);
  if (after !== NONE) k.page.prev.set(after, block);
}

/** @holds zone->lock @kernel mm/page_alloc.c __del_page_from_free_list() */
function delFromFreeList(k: Kernel, block: Pfn): void {
  const before = k.page.prev.get(block);
  const after = k.page.next.get(block);
  if (before === NONE) k.zone.free.set(k.page.order.get(block), after);
  else k.page.next.set(before, after);
  if (after !== NONE) k.page.prev.set(after, before);
  k.page.buddy.set(block, false);
  k.page.order.set(block, 0);
  k.page.prev.set(block, NONE);
  k.page.next.set(block, NONE);
}
