/**
 * The deferred split queue: large folios that could be split to give memory back, when there is little.
 *
 * A folio joins it when some of its pages, but not all, are unmapped (`partiallyMapped`), and, with the knob
 * shrink_underused, every new PMD-size folio does; one of a smaller size does not. The queue holds no reference: a
 * folio leaves it when it is freed or split, both with a count of 0, so that the shrinker
 * (`deferred-split-shrinker.ts`) cannot take it at that moment.
 *
 * One queue, not one per node and memcg. Linux never queues folios of order 1, because their pages have no room for
 * the list. Here folios of two pages stand for larger ones and are queued.
 */
import { NONE, at, emit, spinLock, spinUnlock, type Routine } from "thpcheck";
import { SPLIT_SCAN_PRIVATE_LIST } from "../../spec/enumerations.ts";
import { EV } from "../../spec/events.ts";
import { vmBugOn } from "../bug.ts";
import { pageIsFree } from "../dead-object.ts";
import type { Kernel } from "../mm-types.ts";
import { folioTestPmdMappable, hasSwap } from "../page-flags.ts";
import type { Pfn } from "../structs/types.ts";
import { modNrAnonPartiallyMapped } from "./mthp-stat.ts";
import { noteUnmappedInCache } from "./unmapped-in-split.ts";
import { deferredNode, listAddTail, listDelInit, listDelInitUnlocked, listEmpty, splitQueue } from "./deferred-list.ts";

/**
 * Puts the folio on the queue. `partiallyMapped`: a part of it is unmapped. The flag stays until the folio is split
 * or freed, even if the hole is filled again.
 * @kernel mm/huge_memory.c deferred_split_folio()
 * @holds a reference, usually that of a mapping, under the page-table lock
 */
export function* deferredSplitFolio(k: Kernel, folio: Pfn, partiallyMapped: boolean): Routine {
  if (!partiallyMapped && !k.knob.shrinkUnderused.once()) return;
  if (hasSwap(k)) {
    yield at("folio_test_swapcache");
    // Reclaim has it already. If it stays in memory, the next page that is unmapped queues it.
    if (k.page.swap.once(folio) !== NONE) {
      noteUnmappedInCache(k, folio);
      return;
    }
  }
  yield* spinLock(k, k.deferredSplit.lock.at());
  const order = k.page.order.get(folio);
  vmBugOn(order === 0, "deferred-split: a single page is queued");
  if (partiallyMapped && !k.page.partiallyMapped.get(folio)) {
    k.page.partiallyMapped.set(folio, true);
    emit(k, EV.FOLIO_SET_PARTIALLY_MAPPED, folio);
    if (folioTestPmdMappable(k, folio)) k.vmstat.thpDeferredSplitPage.add(1);
    k.mthpStat.splitDeferred.add(order, 1);
    modNrAnonPartiallyMapped(k, order, 1);
  }
  if (!isListed(k, folio)) addToQueue(k, folio);
  spinUnlock(k, k.deferredSplit.lock.at());
}

/** On the queue, or on the list of a scan. @kernel include/linux/list.h list_empty() @holds split_queue_lock */
export function isListed(k: Kernel, folio: Pfn): boolean {
  if (k.param.grainLists.get() !== 0) return !listEmpty(k, deferredNode(k, folio));
  return k.page.deferred.get(folio);
}

/** @kernel mm/huge_memory.c deferred_split_folio() @holds split_queue_lock */
export function addToQueue(k: Kernel, folio: Pfn): void {
  vmBugOn(pageIsFree(k, folio), "use after free: a folio that has been freed joins the deferred split queue");
  if (k.param.grainLists.get() !== 0) listAddTail(k, deferredNode(k, folio), splitQueue(k));
  k.page.deferred.set(folio, true);
  k.deferredSplit.length.add(1);
  emit(k, EV.FOLIO_DEFER, folio);
}

/** @kernel mm/huge_memory.c __folio_unqueue_deferred_split() @holds split_queue_lock */
export function removeFromQueue(k: Kernel, folio: Pfn): void {
  if (k.param.grainLists.get() !== 0) listDelInit(k, deferredNode(k, folio));
  k.page.deferred.set(folio, false);
  k.deferredSplit.length.add(-1);
  emit(k, EV.FOLIO_UNDEFER, folio);
}

/**
 * Takes a folio off the queue for good. Nobody can add it any more, so if it is not there the lock is not needed.
 * @kernel mm/huge_memory.c __folio_unqueue_deferred_split(), and the same lines of __folio_freeze_and_split_unmapped()
 * @holds no lock; the folio's reference count is 0, freed or frozen
 */
export function* folioUnqueueDeferredSplit(k: Kernel, folio: Pfn): Routine {
  if (k.param.grainLists.get() !== 0) return yield* unqueueListed(k, folio);
  if (!k.page.deferred.once(folio) && !k.page.partiallyMapped.once(folio)) return;
  yield* spinLock(k, k.deferredSplit.lock.at());
  vmBugOn(k.page.refcount.get(folio) !== 0, "deferred-split: unqueued while somebody may take a reference");
  // The flag can be set without the folio being queued: the shrinker looks at a folio after it has taken it off.
  if (k.page.deferred.get(folio)) removeFromQueue(k, folio);
  clearPartiallyMapped(k, folio);
  spinUnlock(k, k.deferredSplit.lock.at());
}

/** @kernel include/linux/page-flags.h folio_clear_partially_mapped() @holds split_queue_lock */
export function clearPartiallyMapped(k: Kernel, folio: Pfn): void {
  if (!k.page.partiallyMapped.get(folio)) return;
  k.page.partiallyMapped.set(folio, false);
  emit(k, EV.FOLIO_CLEAR_PARTIALLY_MAPPED, folio);
  modNrAnonPartiallyMapped(k, k.page.order.get(folio), -1);
}

/**
 * The same by the words of the list.
 * @kernel mm/huge_memory.c __folio_unqueue_deferred_split()
 * @holds no lock; the folio's reference count is 0
 */
function* unqueueListed(k: Kernel, folio: Pfn): Routine {
  yield at("folio_unqueue_deferred_split: list_empty");
  if (listEmpty(k, deferredNode(k, folio))) return;
  yield* spinLock(k, k.deferredSplit.lock.at());
  vmBugOn(k.page.refcount.get(folio) !== 0, "deferred-split: unqueued while somebody may take a reference");
  if (isListed(k, folio)) yield* unqueueFrozen(k, folio);
  spinUnlock(k, k.deferredSplit.lock.at());
}

/**
 * Takes a folio without references off its list, if it is on one, and clears the flag. Up to 6.18 this may be the list of a
 * scan, which takes other folios off that list without the lock: then each word is a step.
 * @kernel mm/huge_memory.c __folio_unqueue_deferred_split(), __folio_freeze_and_split_unmapped()
 * @holds split_queue_lock
 */
export function* unqueueFrozen(k: Kernel, folio: Pfn): Routine {
  if (isListed(k, folio)) {
    if (k.param.splitQueueScan.get() === SPLIT_SCAN_PRIVATE_LIST) {
      k.deferredSplit.length.add(-1);
      yield* listDelInitUnlocked(k, deferredNode(k, folio));
    } else removeFromQueue(k, folio);
  }
  // In the kernel the flag goes first. Under the lock nobody can tell, and the folio is never queued without its reason.
  clearPartiallyMapped(k, folio);
}
