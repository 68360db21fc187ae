/**
 * The flags of a page as one word, by the grain `flags` (`config/grain.ts`): include/linux/page-flags.h.
 *
 * An atomic setter changes one bit, in one step: `k.page.active.set(folio, false)`. A setter with two underscores loads the
 * word, and stores it with the bit changed: what another has changed in between is lost. Linux has them where nobody else can
 * have the page: it is new, its last reference is gone, or its references are frozen. Without the grain there is no word, and
 * both are one step.
 *
 * Not covered: PG_head, which is `page.order` here; PG_partially_mapped, a bit of the second page, under split_queue_lock;
 * bits that say which zone a page is of.
 */
import { at, type Routine } from "thpcheck";
import { vmBugOn } from "./bug.ts";
import type { Kernel } from "./mm-types.ts";
import type { PageFlags, Pfn } from "./structs/types.ts";

export const PG_LOCKED = 1 << 0;
export const PG_WAITERS = 1 << 1;
export const PG_REFERENCED = 1 << 2;
export const PG_UPTODATE = 1 << 3;
export const PG_DIRTY = 1 << 4;
export const PG_LRU = 1 << 5;
export const PG_ACTIVE = 1 << 6;
export const PG_SWAPBACKED = 1 << 7;
export const PG_ANON_EXCLUSIVE = 1 << 8;

/** What a new page has none of. @kernel include/linux/page-flags.h PAGE_FLAGS_CHECK_AT_PREP */
export const PAGE_FLAGS_CHECK_AT_PREP =
  PG_LOCKED | PG_WAITERS | PG_REFERENCED | PG_UPTODATE | PG_DIRTY | PG_LRU | PG_ACTIVE | PG_SWAPBACKED | PG_ANON_EXCLUSIVE;
/** What a part of a folio takes over, as far as it is here. @kernel mm/huge_memory.c __split_folio_to_order() */
export const SPLIT_CLONES = PG_REFERENCED | PG_SWAPBACKED | PG_UPTODATE | PG_ACTIVE | PG_DIRTY;

function bit(set: boolean, flag: number): number {
  return set ? flag : 0;
}

/** @kernel include/linux/page-flags.h folio_flags() */
function pageFlags(k: Kernel, page: Pfn): PageFlags {
  return bit(k.page.lock.isHeld(page), PG_LOCKED) | bit(k.pageWaiters.set.once(page), PG_WAITERS)
    | bit(k.page.referenced.once(page), PG_REFERENCED) | bit(k.page.uptodate.once(page), PG_UPTODATE)
    | bit(k.page.dirty.once(page), PG_DIRTY) | bit(k.page.lru.once(page), PG_LRU)
    | bit(k.page.active.once(page), PG_ACTIVE) | bit(k.page.swapbacked.once(page), PG_SWAPBACKED)
    | bit(k.page.anonExclusive.once(page), PG_ANON_EXCLUSIVE);
}

/** Stores the word. Whoever has taken or given up the folio lock since the word was loaded cannot go on. */
function storePageFlags(k: Kernel, page: Pfn, flags: PageFlags): void {
  vmBugOn(k.page.lock.isHeld(page) && (flags & PG_LOCKED) === 0, "page-flags: a store of the whole word loses another's PG_locked");
  vmBugOn(!k.page.lock.isHeld(page) && (flags & PG_LOCKED) !== 0, "page-flags: a store of the whole word brings PG_locked back");
  k.pageWaiters.set.setOnce(page, (flags & PG_WAITERS) !== 0);
  k.page.referenced.setOnce(page, (flags & PG_REFERENCED) !== 0);
  k.page.uptodate.setOnce(page, (flags & PG_UPTODATE) !== 0);
  k.page.dirty.setOnce(page, (flags & PG_DIRTY) !== 0);
  k.page.lru.setOnce(page, (flags & PG_LRU) !== 0);
  k.page.active.setOnce(page, (flags & PG_ACTIVE) !== 0);
  k.page.swapbacked.setOnce(page, (flags & PG_SWAPBACKED) !== 0);
  k.page.anonExclusive.setOnce(page, (flags & PG_ANON_EXCLUSIVE) !== 0);
}

/**
 * Clears the bits `clear` and sets those of `set` without a locked instruction.
 * @kernel include/linux/page-flags.h __folio_set_swapbacked() and its siblings, __SETPAGEFLAG(), __CLEARPAGEFLAG()
 * @holds the page, which nobody else can reach; the grain `flags` is on
 */
export function* pageFlagsNonatomic(k: Kernel, page: Pfn, clear: PageFlags, set: PageFlags): Routine {
  yield at("page->flags: load", null, { instruction: true });
  const flags: PageFlags = pageFlags(k, page);
  yield at("page->flags: store", null, { instruction: true });
  storePageFlags(k, page, (flags & ~clear) | set);
  yield at("page->flags: stored");
}

/**
 * A part of a folio takes over the folio's flags: two changes of its word, one after the other.
 * @kernel mm/huge_memory.c __split_folio_to_order()
 * @holds the frozen folio; the grain `flags` is on
 */
export function* cloneFlags(k: Kernel, folio: Pfn, page: Pfn): Routine {
  yield* pageFlagsNonatomic(k, page, PAGE_FLAGS_CHECK_AT_PREP & ~PG_ANON_EXCLUSIVE, 0);
  yield at("folio->flags: load", null, { instruction: true });
  const flags: PageFlags = pageFlags(k, folio);
  yield* pageFlagsNonatomic(k, page, 0, flags & SPLIT_CLONES);
}
