/**
 * The shrinker of the deferred split queue: mm/huge_memory.c deferred_split_scan().
 *
 * The kernel takes up to nr_to_scan folios off the queue under one hold of the lock, then splits one after the other.
 * Here nr_to_scan is 1, and the shrinker is called until it has seen the whole queue; the order is that of the frames,
 * not that in which folios were queued. A folio that is queued behind the place it has reached waits for the next scan.
 * With the grain `lists` it is done as in the kernel: `deferred-split-lists.ts`. Not covered: SHRINK_STOP.
 */
import { NONE, at, spinLock, spinUnlock, type Routine } from "thpcheck";
import type { Kernel } from "../mm-types.ts";
import type { Frames, Pfn } from "../structs/types.ts";
import { folioTryGet } from "../page-ref.ts";
import { folioPut } from "../swap.ts";
import { deferredSplitScanLists } from "./deferred-split-lists.ts";
import { addToQueue, removeFromQueue } from "./deferred-split.ts";
import { VERDICT_FAILED, VERDICT_LOCKED, VERDICT_SPLIT, splitQueued, type Verdict } from "./split-queued.ts";

/**
 * Looks at each queued folio once and splits it if it is partially mapped or underused. A folio that is neither leaves
 * the queue for good; a partially mapped one that cannot be split now goes back, as does one that is locked.
 * @kernel mm/huge_memory.c deferred_split_scan()
 * @holds nothing
 * @returns folios split
 */
export function* deferredSplitScan(k: Kernel): Routine<Frames> {
  if (k.param.grainLists.get() !== 0) return yield* deferredSplitScanLists(k);
  let split: Frames = 0;
  let from: Pfn = 0;
  for (;;) {
    yield* spinLock(k, k.deferredSplit.lock.at());
    const folio: Pfn = isolateQueued(k, from);
    spinUnlock(k, k.deferredSplit.lock.at());
    if (folio === NONE) return split;
    const verdict: Verdict = yield* splitQueued(k, folio);
    if (verdict === VERDICT_SPLIT) split = split + 1;
    let requeue: boolean = verdict === VERDICT_LOCKED;
    if (verdict === VERDICT_FAILED) {
      yield at("folio_test_partially_mapped");
      requeue = k.page.partiallyMapped.once(folio);
    }
    if (requeue) {
      yield* spinLock(k, k.deferredSplit.lock.at());
      if (!k.page.deferred.get(folio)) addToQueue(k, folio);
      spinUnlock(k, k.deferredSplit.lock.at());
    }
    yield* folioPut(k, folio);
    if (folio + smallestLargeFolio(k) >= k.param.frames.get()) return split;
    from = folio + smallestLargeFolio(k);
  }
}

/**
 * The next queued folio, off the queue, with a reference. A folio whose count is 0 is skipped: another thread is
 * freeing or splitting it, and waits for the lock to take it off the queue. Only frames at which a large folio can begin are
 * looked at.
 * @kernel mm/huge_memory.c deferred_split_isolate()
 * @holds split_queue_lock
 */
function isolateQueued(k: Kernel, from: Pfn): Pfn {
  for (let folio = from; folio < k.param.frames.get(); folio += smallestLargeFolio(k)) {
    if (!k.page.deferred.get(folio) || !folioTryGet(k, folio)) continue;
    removeFromQueue(k, folio);
    return folio;
  }
  return NONE;
}

/** Pages of the smallest large folio, at a multiple of which each large one begins. */
function smallestLargeFolio(k: Kernel): number {
  return 1 << k.param.minLargeOrder.get();
}
