/**
 * The shrinker of the deferred split queue: mm/huge_memory.c deferred_split_scan().
 *
 * The kernel takes up to nr_to_scan folios off the queue under one hold of the lock, then splits one after the other.
 * Here nr_to_scan is 1, and the shrinker is called until it has seen the whole queue; the order is that of the frames,
 * not that in which folios were queued. A folio that is queued behind the place it has reached waits for the next scan.
 * Not covered: mlocked folios (skipped by the kernel), hwpoison, SHRINK_STOP.
 */
import { NONE, at, spinLock, spinUnlock, type Routine } from "thpcheck";
import type { Kernel } from "../mm-types.ts";
import type { Errno, Frames, Pfn } from "../structs/types.ts";
import { folioNrPages } from "../page-flags.ts";
import { folioTryGet } from "../page-ref.ts";
import { folioPut, folioTrylock, folioUnlock } from "../swap.ts";
import { addToQueue, removeFromQueue } from "./deferred-split.ts";
import { splitFolio } from "./split-folio.ts";

/**
 * Looks at each queued folio once and splits it if it is partially mapped or underused. A folio that is neither leaves
 * the queue for good; a partially mapped one that cannot be split now goes back, as does one that is locked.
 * @kernel mm/huge_memory.c deferred_split_scan()
 * @holds nothing
 * @returns folios split
 */
export function* deferredSplitScan(k: Kernel): Routine<Frames> {
  let split: Frames = 0;
  let from: Pfn = 0;
  for (;;) {
    yield* spinLock(k, k.deferredSplit.lock.at());
    const folio: Pfn = isolateQueued(k, from);
    spinUnlock(k, k.deferredSplit.lock.at());
    if (folio === NONE) return split;
    const done: boolean = yield* splitQueued(k, folio);
    if (done) split = split + 1;
    yield* folioPut(k, folio);
    if (folio + k.param.hpagePmdNr.get() >= k.param.frames.get()) return split;
    from = folio + k.param.hpagePmdNr.get();
  }
}

/**
 * The next queued folio, off the queue, with a reference. A folio whose count is 0 is skipped: another thread is
 * freeing or splitting it, and waits for the lock to take it off the queue. Only PMD-size folios are ever queued, so
 * only their frames are looked at.
 * @kernel mm/huge_memory.c deferred_split_isolate()
 * @holds split_queue_lock
 */
function isolateQueued(k: Kernel, from: Pfn): Pfn {
  for (let folio = from; folio < k.param.frames.get(); folio += k.param.hpagePmdNr.get()) {
    if (!k.page.deferred.get(folio) || !folioTryGet(k, folio)) continue;
    removeFromQueue(k, folio);
    return folio;
  }
  return NONE;
}

/** @holds a reference @returns whether it has been split */
function* splitQueued(k: Kernel, folio: Pfn): Routine<boolean> {
  yield at("folio_test_partially_mapped");
  let underused: boolean = false;
  if (!k.page.partiallyMapped.once(folio)) {
    yield at("thp_underused");
    underused = thpUnderused(k, folio);
    if (!underused) return false;
  }
  yield at("folio_trylock");
  let requeue: boolean = true;
  if (folioTrylock(k, folio)) {
    const error: Errno = yield* splitFolio(k, folio);
    yield at("folio_unlock");
    folioUnlock(k, folio);
    if (error === 0 && underused) k.vmstat.thpUnderusedSplitPage.add(1);
    if (error === 0) return true;
    yield at("folio_test_partially_mapped");
    requeue = k.page.partiallyMapped.once(folio);
  }
  if (!requeue) return false;
  yield* spinLock(k, k.deferredSplit.lock.at());
  if (!k.page.deferred.get(folio)) addToQueue(k, folio);
  spinUnlock(k, k.deferredSplit.lock.at());
  return false;
}

/**
 * Whether more pages of the folio hold nothing but zeroes than khugepaged would fill when it collapses them. The pages
 * are read while their users may write to them: the answer is a guess, which the split does not rely on.
 * @kernel mm/huge_memory.c thp_underused()
 * @holds a reference
 */
function thpUnderused(k: Kernel, folio: Pfn): boolean {
  const none = k.knob.maxPtesNone.once();
  const nr = folioNrPages(k, folio);
  if (none === k.param.hpagePmdNr.get() - 1) return false;
  let zeroFilled = 0;
  for (let i = 0; i < nr; i++) {
    if (k.page.content.once(folio + i) !== 0) continue;
    zeroFilled++;
    if (zeroFilled > none) return true;
  }
  return false;
}
