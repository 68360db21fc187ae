/** The last steps of a folio that goes to swap: written, and dropped. mm/vmscan.c pageout(), __remove_mapping() */
import { at, emit, spinLock, spinUnlock, type Int, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import type { Kernel } from "../mm-types.ts";
import { folioNrPages } from "../page-flags.ts";
import { folioRefFreeze, folioRefUnfreeze } from "../page-ref.ts";
import type { Pfn } from "../structs/types.ts";
import { swapWriteout } from "../swap/page-io.ts";
import { swapCacheDelFolioLocked } from "../swap/swap-state.ts";
import { folioTrylock, folioUnlock, putReleasedFolio } from "../swap.ts";
import { tryToUnmapFlush } from "../tlb-batch.ts";

/** Somebody else has a reference: not now. The folio is locked. */
export const PAGE_KEEP = 0;
/** It is being written, or written and somebody has it meanwhile. The folio is not locked. */
export const PAGE_WRITTEN = 1;
/** The device has its content. The folio is locked. */
export const PAGE_CLEAN = 2;
export type Pageout = Int<0, 2>;

/**
 * Writes a dirty folio, if only the swap cache and the isolation refer to it. A device that is synchronous is done on return, and
 * the folio is locked again.
 * @kernel mm/vmscan.c pageout(), and shrink_folio_list() behind it
 * @holds folio lock, the isolation and its reference; the folio is in the swap cache, unmapped; no CPU can write to it
 */
export function* pageout(k: Kernel, folio: Pfn): Routine<Pageout> {
  yield at("pageout: folio_ref_count");
  if (k.page.refcount.get(folio) !== 1 + folioNrPages(k, folio)) return PAGE_KEEP;
  yield at("folio_clear_dirty_for_io");
  if (!k.page.dirty.xchg(folio, false)) return PAGE_CLEAN;
  yield* swapWriteout(k, folio);
  const clean: boolean = yield* isWritten(k, folio);
  if (!clean) return PAGE_WRITTEN;
  yield at("folio_trylock");
  if (!folioTrylock(k, folio)) return PAGE_WRITTEN;
  const still: boolean = yield* isWritten(k, folio);
  return still ? PAGE_CLEAN : PAGE_KEEP;
}

/** Neither being written nor dirty again. @kernel mm/vmscan.c shrink_folio_list(), PAGE_SUCCESS @holds a reference */
function* isWritten(k: Kernel, folio: Pfn): Routine<boolean> {
  yield at("folio_test_writeback");
  if (k.page.writeback.get(folio) !== 0) return false;
  yield at("folio_test_dirty");
  return !k.page.dirty.get(folio);
}

/**
 * Drops a clean folio from the swap cache and from memory, if nobody else refers to it.
 *
 * The dirty bit is read after the freeze: who writes by a reference makes the folio dirty before it drops that. Nobody can then, so
 * that the freeze and the look are one step; a folio that is dirty was never seen frozen here, and a look-up that would have met it
 * so tries again.
 * @kernel mm/vmscan.c __remove_mapping()
 * @holds folio lock, which it drops with success, the isolation and its reference
 * @returns whether it was freed
 */
export function* removeMapping(k: Kernel, folio: Pfn): Routine<boolean> {
  yield at("folio_test_swapcache");
  if (k.page.swap.get(folio) < 0) return false;
  yield* spinLock(k, k.swapDevice.lock.at(0));
  yield at("folio_ref_freeze");
  const frozen: boolean = freezesClean(k, folio);
  if (!frozen) {
    spinUnlock(k, k.swapDevice.lock.at(0));
    return false;
  }
  emit(k, EV.FOLIO_RELEASE, folio);
  k.page.dropped.set(folio, 1);
  yield* swapCacheDelFolioLocked(k, folio);
  spinUnlock(k, k.swapDevice.lock.at(0));
  yield at("folio_unlock");
  folioUnlock(k, folio);
  k.lruvec.isolated.add(-folioNrPages(k, folio));
  // No CPU may have a translation of it when the frames are somebody else's. In the kernel once for many folios.
  yield* tryToUnmapFlush(k);
  yield* putReleasedFolio(k, folio);
  return true;
}

function freezesClean(k: Kernel, folio: Pfn): boolean {
  const refs = 1 + folioNrPages(k, folio);
  if (!folioRefFreeze(k, folio, refs)) return false;
  if (!k.page.dirty.get(folio)) return true;
  folioRefUnfreeze(k, folio, refs);
  return false;
}
