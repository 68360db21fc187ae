/**
 * Transfers between memory and the swap device: mm/page_io.c.
 *
 * A device with SWP_SYNCHRONOUS_IO (`swapIsSynchronous`; zram) does them in the thread that asks. Another one does a write while
 * that thread goes on, and ends it with an interrupt: `swapDeviceThread` is that device. A read is waited for by whoever asked for
 * it, so that he does it here: see `memory/swap-fault.ts`.
 *
 * The folio is not locked while it is written. It has PG_writeback, by which it stays in the swap cache with its slots. It may be
 * mapped and written to meanwhile: it is dirty then, and is written again before it is dropped. So each page is read at a moment of
 * its own.
 *
 * Not covered: errors of the device, zswap, swap files, several folios in one request.
 */
import { NONE, at, choose, spinLock, spinUnlock, type Routine } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import type { Kernel } from "../mm-types.ts";
import { folioNrPages, folioTestPmdMappable } from "../page-flags.ts";
import type { Pfn, PteIndex, SwapSlot } from "../structs/types.ts";
import { folioUnlock } from "../swap.ts";
import { folioFreeSwap } from "./swapfile.ts";

/**
 * Writes the folio to its slots; of a folio of zeroes only that is noted. Nothing is to be written where no swap PTE names a slot:
 * it leaves the swap cache.
 * @kernel mm/page_io.c swap_writeout(), __swap_writepage(), swap_writepage_bdev_sync()
 * @holds folio lock, which is dropped; the folio is in the swap cache, and mapped by nobody; a reference
 */
export function* swapWriteout(k: Kernel, folio: Pfn): Routine {
  const freed: boolean = yield* folioFreeSwap(k, folio);
  if (freed) {
    yield at("folio_unlock");
    folioUnlock(k, folio);
    return;
  }
  const zeroes: boolean = yield* isFolioZeroFilled(k, folio);
  yield* setZero(k, folio, zeroes);
  if (zeroes) {
    k.vmstat.swpoutZero.add(folioNrPages(k, folio));
    yield at("folio_unlock");
    folioUnlock(k, folio);
    return;
  }
  countSwpout(k, folio);
  const entry: SwapSlot = k.page.swap.get(folio);
  yield at("folio_start_writeback");
  k.page.writeback.set(folio, 1);
  if (k.param.swapIsSynchronous.get() === 0) k.swapBio.entry.set(folio, entry);
  yield at("folio_unlock");
  folioUnlock(k, folio);
  if (k.param.swapIsSynchronous.get() !== 0) yield* writePages(k, folio, entry);
}

/** @kernel mm/page_io.c is_folio_zero_filled() @holds folio lock */
function* isFolioZeroFilled(k: Kernel, folio: Pfn): Routine<boolean> {
  for (let i: PteIndex = 0; i < folioNrPages(k, folio); i++) {
    yield at("memchr_inv");
    if (k.page.content.get(folio + i) !== 0) return false;
  }
  return true;
}

/** @kernel mm/page_io.c swap_zeromap_folio_set(), swap_zeromap_folio_clear() @holds folio lock */
function* setZero(k: Kernel, folio: Pfn, zeroes: boolean): Routine {
  yield* spinLock(k, k.swapDevice.lock.at(0));
  for (let i = 0; i < folioNrPages(k, folio); i++) k.swapDevice.zero.set(0, k.page.swap.get(folio) + i, zeroes);
  spinUnlock(k, k.swapDevice.lock.at(0));
}

/** @kernel mm/page_io.c count_swpout_vm_event() */
function countSwpout(k: Kernel, folio: Pfn): void {
  if (folioTestPmdMappable(k, folio)) k.vmstat.thpSwpout.add(1);
  k.mthpStat.swpout.add(k.page.order.get(folio), 1);
  k.vmstat.pswpout.add(folioNrPages(k, folio));
}

/**
 * The device reads the pages, and the write ends. PG_writeback keeps folio and slots together.
 * @kernel mm/page_io.c __end_swap_bio_write(), mm/filemap.c folio_end_writeback()
 */
function* writePages(k: Kernel, folio: Pfn, entry: SwapSlot): Routine {
  for (let i: PteIndex = 0; i < folioNrPages(k, folio); i++) {
    yield at("device reads memory");
    k.swapSlot.content.set(entry + i, k.page.content.get(folio + i));
  }
  yield at("folio_end_writeback");
  vmBugOn(k.page.writeback.get(folio) === 0, "page-io: the write of a folio ends that is not being written");
  k.page.writeback.set(folio, 0);
  if (k.param.swapIsSynchronous.get() === 0) k.swapBio.entry.set(folio, NONE);
}

/**
 * Reads the folio's slots into its pages: it is up to date.
 * @kernel mm/page_io.c swap_read_folio(), swap_read_folio_zeromap(), swap_read_folio_bdev_sync()
 * @holds folio lock; the folio is in the swap cache, new
 */
export function* swapReadFolio(k: Kernel, folio: Pfn): Routine {
  const entry: SwapSlot = k.page.swap.get(folio);
  // Linux reads the flag without the lock: it is the folio lock that keeps it.
  yield* spinLock(k, k.swapDevice.lock.at(0));
  const zeroes: boolean = k.swapDevice.zero.get(0, entry);
  spinUnlock(k, k.swapDevice.lock.at(0));
  if (!zeroes) k.vmstat.pswpin.add(folioNrPages(k, folio));
  else k.vmstat.swpinZero.add(folioNrPages(k, folio));
  for (let i: PteIndex = 0; i < folioNrPages(k, folio); i++) {
    yield at("device writes memory");
    k.page.content.set(folio + i, zeroes ? 0 : k.swapSlot.content.get(entry + i));
  }
  yield at("folio_mark_uptodate");
  k.page.uptodate.set(folio, true);
}

/**
 * A device that is not synchronous: ends the writes that are under way, in any order.
 * @model the device; in its interrupt mm/page_io.c end_swap_bio_write()
 */
export function* swapDeviceThread(k: Kernel): Routine {
  for (;;) {
    yield at("device: interrupt", () => nthWrite(k, 0) !== NONE, { idle: true });
    yield* endSwapBioWrite(k);
  }
}

/** One of the writes that are under way ends. @kernel mm/page_io.c end_swap_bio_write() */
export function* endSwapBioWrite(k: Kernel): Routine {
  const folio: Pfn = nthWrite(k, choose(k, "which write ends", writes(k)));
  const entry: SwapSlot = k.swapBio.entry.get(folio);
  yield* writePages(k, folio, entry);
}

function writes(k: Kernel): number {
  let n = 0;
  for (let folio = 0; folio < k.swapBio.count; folio++) if (k.swapBio.entry.get(folio) !== NONE) n++;
  return n;
}

/** The folio of a write that has as many before it; NONE: there are no more than that. */
function nthWrite(k: Kernel, n: number): number {
  let left = n;
  for (let folio = 0; folio < k.swapBio.count; folio++) {
    if (k.swapBio.entry.get(folio) === NONE) continue;
    if (left === 0) return folio;
    left--;
  }
  return NONE;
}
