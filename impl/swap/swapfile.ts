/**
 * Slots of the swap device and their counts: mm/swapfile.c.
 *
 * A slot is allocated for a folio that is to go out, which is in the swap cache (`swap-state.ts`) from then on. Its count is the
 * number of swap PTEs that name it. It is free again when it has no count, and no folio caches it.
 *
 * A large folio has a run of slots, aligned to its size. Linux keeps lists of clusters for each order, a cluster for each CPU, and
 * rotates over devices; which slot it takes it does not promise. Here it is the lowest that fits, as with page frames, so that a
 * slot which is freed is the next to be used. That a cluster serves one large order at a time, so that a run may be refused
 * although it is free, is not covered; nor are devices with priorities, discards, swap files (which have no large folios), bad
 * slots, memory cgroups' limits, swapoff, and the table of counts beyond 14, which may be missing.
 */
import { NONE, at, emit, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { vmBugOn } from "../bug.ts";
import { ENOMEM } from "../errno.ts";
import { memCgroupCharge } from "../memcontrol.ts";
import type { Kernel } from "../mm-types.ts";
import { folioNrPages, folioTestSwapcache, hasSwap } from "../page-flags.ts";
import { folioMapcount } from "../page-ref.ts";
import { folioPut, folioTrylock, folioUnlock } from "../swap.ts";
import type { Errno, Pfn, PteIndex, SwapSlot } from "../structs/types.ts";
import {
  folioMatchesSwapEntry, swapCacheAddFolio, swapCacheDelFolio, swapCacheGetFolio,
} from "./swap-state.ts";
import { memCgroupSwapFull, modNrSwapPages, swapEntryFree, swapEntryPut } from "./swap-table.ts";

/**
 * Gives the folio slots on the device, with no count, and puts it into the swap cache. The content stays in memory.
 * @kernel mm/swapfile.c folio_alloc_swap()
 * @holds folio lock; the folio is up to date
 * @returns 0; -ENOMEM: there is no run of free slots, or the memory cgroup refuses
 */
export function* folioAllocSwap(k: Kernel, folio: Pfn): Routine<Errno> {
  vmBugOn(folioTestSwapcache(k, folio), "swapfile: a folio gets slots that has some");
  yield* spinLock(k, k.swapDevice.lock.at(0));
  const entry: SwapSlot = freeRun(k, folioNrPages(k, folio));
  if (entry !== NONE) {
    yield* swapCacheAddFolio(k, folio, entry);
    yield* modNrSwapPages(k, folioNrPages(k, folio), false);
  }
  spinUnlock(k, k.swapDevice.lock.at(0));
  if (entry === NONE) return -ENOMEM;
  if (memCgroupCharge(k)) return 0;
  yield* swapCacheDelFolio(k, folio);
  return -ENOMEM;
}

/**
 * The lowest aligned run of so many free slots, or NONE. A run of a huge page is a whole cluster.
 * @kernel mm/swapfile.c alloc_swap_scan_cluster(), cluster_scan_range()
 * @holds ci->lock
 */
function freeRun(k: Kernel, nr: number): number {
  for (let entry = 0; entry + nr <= k.param.swapSlots.get(); entry += nr) {
    let free = true;
    for (let i = 0; i < nr; i++) if (k.swapDevice.used.get(0, entry + i)) free = false;
    if (free) return entry;
  }
  return NONE;
}

/**
 * One more swap PTE names the slot of this page: before it is written.
 * @kernel mm/swapfile.c folio_dup_swap()
 * @holds folio lock, the folio is in the swap cache; the page-table lock of the PTE
 */
export function* folioDupSwap(k: Kernel, folio: Pfn, page: Pfn): Routine {
  vmBugOn(!folioTestSwapcache(k, folio), "swapfile: a page gets a swap PTE that has no slot");
  yield* swapDupEntryDirect(k, k.page.swap.get(folio) + page - folio);
}

/**
 * One more swap PTE names the slot, by fork: before it is written.
 * @kernel mm/swapfile.c swap_dup_entry_direct(), __swap_cluster_dup_entry()
 * @holds the page-table lock of a swap PTE that names it, or as folioDupSwap()
 */
export function* swapDupEntryDirect(k: Kernel, entry: SwapSlot): Routine {
  yield* spinLock(k, k.swapDevice.lock.at(0));
  vmBugOn(k.swapDevice.counts.get(0, entry) === 0 && k.swapDevice.folio.get(0, entry) === NONE,
    "swapfile: a slot is named that nobody uses");
  k.swapDevice.counts.add(0, entry, 1);
  emit(k, EV.SWAP_SET, entry);
  spinUnlock(k, k.swapDevice.lock.at(0));
}

/**
 * `nr` pages of the folio are mapped again, from `page` on: their swap PTEs count no longer. The slots stay as long as the folio
 * is in the swap cache.
 * @kernel mm/swapfile.c folio_put_swap()
 * @holds folio lock, the folio is in the swap cache; the page-table lock of the PTEs
 */
export function* folioPutSwap(k: Kernel, folio: Pfn, page: Pfn, nr: PteIndex): Routine {
  yield* spinLock(k, k.swapDevice.lock.at(0));
  for (let i: PteIndex = 0; i < nr; i++) {
    if (i > 0) yield at("__swap_cluster_put_entry");
    const entry = k.page.swap.get(folio) + page - folio + i;
    vmBugOn(k.swapDevice.folio.get(0, entry) !== folio, "swapfile: the slot of a page that is mapped again has another folio");
    swapEntryPut(k, entry);
  }
  spinUnlock(k, k.swapDevice.lock.at(0));
}

/**
 * A swap PTE that names the slot goes, without its folio. What only the swap cache still needs, nobody does: it goes, too, if its
 * folio can be locked at once.
 * @kernel mm/swapfile.c swap_put_entries_direct(), swap_put_entries_cluster()
 * @holds the page-table lock of the PTE
 */
export function* swapPutEntryDirect(k: Kernel, entry: SwapSlot): Routine {
  yield* spinLock(k, k.swapDevice.lock.at(0));
  swapEntryPut(k, entry);
  const unnamed: boolean = k.swapDevice.counts.get(0, entry) === 0;
  const cached: boolean = k.swapDevice.folio.get(0, entry) !== NONE;
  if (unnamed && !cached) {
    swapEntryFree(k, entry);
    yield* modNrSwapPages(k, 1, true);
  }
  spinUnlock(k, k.swapDevice.lock.at(0));
  if (unnamed && cached) yield* tryToReclaimSwap(k, entry);
}

/**
 * Takes the folio out of the swap cache, unless it is locked, being written, a swap PTE still names one of its slots, or it is mapped and
 * there are slots enough.
 * @kernel mm/swapfile.c __try_to_reclaim_swap() with TTRS_UNMAPPED | TTRS_FULL
 */
function* tryToReclaimSwap(k: Kernel, entry: SwapSlot): Routine {
  for (;;) {
    const folio: Pfn = yield* swapCacheGetFolio(k, entry);
    if (folio === NONE) return;
    yield at("folio_trylock");
    if (!folioTrylock(k, folio)) {
      yield* folioPut(k, folio);
      return;
    }
    const matches: boolean = folioMatchesSwapEntry(k, folio, entry);
    if (matches) {
      yield at("folio_mapped");
      let needless: boolean = folioMapcount(k, folio) === 0;
      if (!needless) {
        yield at("vm_swap_full");
        needless = memCgroupSwapFull(k);
      }
      if (needless) yield* folioFreeSwap(k, folio);
    }
    yield at("folio_unlock");
    folioUnlock(k, folio);
    yield* folioPut(k, folio);
    if (matches) return;
  }
}

/**
 * Gives the folio's slots up, if no swap PTE names one of them. It is dirty then: memory alone has its content.
 *
 * The counts are read without the lock. One that is 0 stays 0: it grows by a swap PTE that names the slot, or with the folio lock.
 * @kernel mm/swapfile.c folio_free_swap(), folio_maybe_swapped()
 * @holds folio lock
 * @returns whether it is out of the swap cache now, and was in it before
 */
export function* folioFreeSwap(k: Kernel, folio: Pfn): Routine<boolean> {
  if (!folioTestSwapcache(k, folio)) return false;
  yield at("folio_test_writeback");
  if (k.page.writeback.get(folio) !== 0) return false;
  for (let i: PteIndex = 0; i < folioNrPages(k, folio); i++) {
    yield at("folio_maybe_swapped");
    if (k.swapDevice.counts.once(0, k.page.swap.get(folio) + i) !== 0) return false;
  }
  yield* swapCacheDelFolio(k, folio);
  yield at("folio_set_dirty");
  k.page.dirty.set(folio, true);
  return true;
}

/**
 * Nobody maps the folio any more, and the swap cache is all that would keep it: it goes out of there. Asked without the folio
 * lock, and again with it.
 * @kernel mm/swap_state.c free_swap_cache()
 * @holds a reference
 */
export function* freeSwapCache(k: Kernel, folio: Pfn): Routine {
  if (!hasSwap(k)) return;
  yield at("free_swap_cache: folio_test_swapcache");
  if (k.page.swap.once(folio) === NONE) return;
  yield at("free_swap_cache: folio_mapped");
  if (folioMapcount(k, folio) > 0) return;
  yield at("free_swap_cache: folio_trylock");
  if (!folioTrylock(k, folio)) return;
  yield* folioFreeSwap(k, folio);
  yield at("folio_unlock");
  folioUnlock(k, folio);
}
