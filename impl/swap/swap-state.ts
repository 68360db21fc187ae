/**
 * The swap cache: which folio has the content of a slot. mm/swap_state.c
 *
 * The swap table says it, slot by slot, and the folio says it the other way round (`page.swap`). A folio is in the cache from when
 * it gets slots until nobody needs them, or reclaim drops it; and from when a fault begins to read it. It has one reference for each
 * of its pages from the cache. Folio and table change under the folio lock and the device's lock.
 *
 * Who looks a slot up has neither lock. It takes a reference first, and then looks whether the slot still leads to the folio
 * (`param.swapLookupRechecks`); once the folio is locked it asks again.
 *
 * Not covered: shadows, which only say how long ago a page went out, readahead, and the tables of clusters, which are freed by RCU.
 */
import { NONE, at, emit, mutexTrylock, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { vmBugOn } from "../bug.ts";
import { EEXIST, ENOENT, ENOMEM } from "../errno.ts";
import { memCgroupCharge } from "../memcontrol.ts";
import type { Kernel } from "../mm-types.ts";
import { allocFolio } from "../page-alloc.ts";
import { folioNrPages, folioTestSwapcache } from "../page-flags.ts";
import { folioRefAdd, folioRefSub, folioTryGet, pagesDisown } from "../page-ref.ts";
import { folioAddLruKnown, folioPutFound, folioPutNew, folioPutRefs, folioUnlock } from "../swap.ts";
import type { Errno, Pfn, PteIndex, SwapSlot } from "../structs/types.ts";
import { modNrSwapPages, swapEntryFree } from "./swap-table.ts";

/**
 * The folio that caches the slot, with a reference, not locked; NONE: there is none. The caller locks it and asks again.
 * @kernel mm/swap_state.c swap_cache_get_folio()
 */
export function* swapCacheGetFolio(k: Kernel, entry: SwapSlot): Routine<Pfn> {
  for (;;) {
    yield at("swap_table_get");
    const folio: Pfn = k.swapDevice.folio.once(0, entry);
    if (folio === NONE) return NONE;
    yield at("folio_try_get");
    if (!folioTryGet(k, folio)) continue;
    yield at("swap_table_get: again");
    if (k.swapDevice.folio.once(0, entry) === folio) return folio;
    yield* folioPutFound(k, folio);
  }
}

/** The folio has the content of the slot. @kernel mm/swap.h folio_matches_swap_entry() @holds folio lock */
export function folioMatchesSwapEntry(k: Kernel, folio: Pfn, entry: SwapSlot): boolean {
  if (!folioTestSwapcache(k, folio)) return false;
  const first = k.page.swap.get(folio);
  return entry >= first && entry < first + folioNrPages(k, folio);
}

/**
 * The slots from `entry` on are the folio's: it is in the swap cache.
 * @kernel mm/swap_state.c __swap_cache_add_folio()
 * @holds folio lock, ci->lock; a reference
 */
export function* swapCacheAddFolio(k: Kernel, folio: Pfn, entry: SwapSlot): Routine {
  for (let i: PteIndex = 0; i < folioNrPages(k, folio); i++) {
    yield at("__swap_table_set");
    vmBugOn(k.swapDevice.folio.get(0, entry + i) !== NONE, "swap-state: two folios cache one slot");
    const free = !k.swapDevice.used.get(0, entry + i);
    k.swapDevice.used.set(0, entry + i, true);
    k.swapDevice.folio.setOnce(0, entry + i, folio);
    if (free) emit(k, EV.SWAP_ADD, entry + i);
    else emit(k, EV.SWAP_READ, entry + i);
  }
  yield at("folio_ref_add");
  folioRefAdd(k, folio, folioNrPages(k, folio));
  yield at("folio_set_swapcache");
  k.page.swap.set(folio, entry);
}

/**
 * The folio is out of the swap cache. Slots that swap PTEs name are on the device alone, the others free. Its references to the
 * cache are the caller's, who drops them.
 * @kernel mm/swap_state.c __swap_cache_del_folio()
 * @holds folio lock, ci->lock
 */
export function* swapCacheDelFolioLocked(k: Kernel, folio: Pfn): Routine {
  let freed: PteIndex = 0;
  vmBugOn(k.page.writeback.get(folio) !== 0, "swap-state: a folio leaves the swap cache while it is being written");
  for (let i: PteIndex = 0; i < folioNrPages(k, folio); i++) {
    yield at("__swap_table_set");
    const entry: SwapSlot = k.page.swap.get(folio) + i;
    vmBugOn(k.swapDevice.folio.get(0, entry) !== folio, "swap-state: a slot of a folio leads to another");
    k.swapDevice.folio.setOnce(0, entry, NONE);
    if (k.swapDevice.counts.get(0, entry) > 0) emit(k, EV.SWAP_RECLAIM, entry);
    else {
      swapEntryFree(k, entry);
      emit(k, EV.SWAP_DELETE, entry);
      freed++;
    }
  }
  yield* modNrSwapPages(k, freed, true);
  yield at("folio_clear_swapcache");
  k.page.swap.set(folio, NONE);
}

/**
 * The same, with the lock and the references. The folio is clean, or nobody needs its slots: else content is lost.
 * @kernel mm/swap_state.c swap_cache_del_folio()
 * @holds folio lock
 */
export function* swapCacheDelFolio(k: Kernel, folio: Pfn): Routine {
  yield* spinLock(k, k.swapDevice.lock.at(0));
  yield* swapCacheDelFolioLocked(k, folio);
  spinUnlock(k, k.swapDevice.lock.at(0));
  yield at("folio_ref_sub");
  folioRefSub(k, folio, folioNrPages(k, folio));
}

/**
 * A part that has been split off takes its slot over.
 * @kernel mm/swap_state.c __swap_cache_replace_folio()
 * @holds the locks of both, ci->lock; `old` is frozen
 */
export function* swapCacheReplaceFolio(k: Kernel, old: Pfn, part: Pfn): Routine {
  yield at("__swap_table_set");
  const entry = k.page.swap.get(part);
  vmBugOn(k.swapDevice.folio.get(0, entry) !== old, "swap-state: the slot of a part leads to another folio than it was split from");
  k.swapDevice.folio.setOnce(0, entry, part);
}

// ---- swap-in ---------------------------------------------------------------------------------------------------

/** What swapCacheAllocFolio() gives. @kernel ERR_PTR() of a folio, or the folio */
export interface SwapCacheAlloc {
  folio: Pfn;
  error: Errno;
}

/**
 * Whether the slot can be read into a new folio.
 * @kernel mm/swap_state.c __swap_cache_add_check()
 * @holds ci->lock
 * @returns 0; -EEXIST: a folio caches it; -ENOENT: nobody needs it any more
 */
function swapCacheAddCheck(k: Kernel, entry: SwapSlot): number {
  if (k.swapDevice.folio.get(0, entry) !== NONE) return -EEXIST;
  return k.swapDevice.counts.get(0, entry) === 0 ? -ENOENT : 0;
}

/**
 * A new folio in the swap cache for a slot that is on the device alone; locked, and not yet read. It asks first whether there is
 * anything to read, and again when it has the folio: meanwhile others may have read the slot, or given it up.
 * @kernel mm/swap_state.c swap_cache_alloc_folio(), __swap_cache_alloc() of order 0
 * @returns in `alloc`: the folio, with a reference, and no error; or NONE, and -EEXIST, -ENOENT, -ENOMEM
 */
export function* swapCacheAllocFolio(k: Kernel, entry: SwapSlot, alloc: SwapCacheAlloc): Routine {
  yield* spinLock(k, k.swapDevice.lock.at(0));
  alloc.error = swapCacheAddCheck(k, entry);
  spinUnlock(k, k.swapDevice.lock.at(0));
  alloc.folio = NONE;
  if (alloc.error !== 0) return;
  const folio: Pfn = yield* allocFolio(k, 0, true);
  if (folio === NONE) {
    alloc.error = -ENOMEM;
    return;
  }
  yield* spinLock(k, k.swapDevice.lock.at(0));
  alloc.error = swapCacheAddCheck(k, entry);
  if (alloc.error !== 0) {
    spinUnlock(k, k.swapDevice.lock.at(0));
    yield* folioPutNew(k, folio);
    return;
  }
  yield at("__folio_set_locked");
  const locked: boolean = mutexTrylock(k, k.page.lock.at(folio));
  vmBugOn(!locked, "swap-state: somebody has locked a folio that is new");
  k.page.swapbacked.set(folio, true);
  yield at("__folio_set_swapbacked");
  pagesDisown(k, folio, 0);
  yield* swapCacheAddFolio(k, folio, entry);
  spinUnlock(k, k.swapDevice.lock.at(0));
  if (!memCgroupCharge(k)) {
    yield* spinLock(k, k.swapDevice.lock.at(0));
    yield* swapCacheDelFolioLocked(k, folio);
    spinUnlock(k, k.swapDevice.lock.at(0));
    yield at("folio_unlock");
    folioUnlock(k, folio);
    yield* folioPutRefs(k, folio, folioNrPages(k, folio) + 1);
    alloc.error = -ENOMEM;
    return;
  }
  alloc.folio = folio;
  yield* folioAddLruKnown(k, folio);
}
