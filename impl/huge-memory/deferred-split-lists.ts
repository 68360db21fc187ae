/**
 * The split queue's shrinker by the words of its lists, for the grain `lists`: mm/huge_memory.c deferred_split_scan() in
 * its three forms (`param.splitQueueScan`). A scan takes all folios of the queue under one hold of the lock, up to 128
 * in the kernel (SHRINK_BATCH), and then splits one after the other.
 */
import { NONE, at, current, emit, spinLock, spinUnlock, type Routine } from "thpcheck";
import { SPLIT_SCAN_BATCH, SPLIT_SCAN_PRIVATE_LIST } from "../../spec/enumerations.ts";
import { EV } from "../../spec/events.ts";
import type { Kernel } from "../mm-types.ts";
import { folioTryGet } from "../page-ref.ts";
import type { Frames, Pfn, SplitNode } from "../structs/types.ts";
import { folioPut } from "../swap.ts";
import {
  deferredNode, folioOfNode, listDelInitUnlocked, listMove, listSpliceTail, nextNode, privateList, splitQueue,
} from "./deferred-list.ts";
import { addToQueue, clearPartiallyMapped, isListed, removeFromQueue } from "./deferred-split.ts";
import { VERDICT_LOCKED, VERDICT_SPLIT, splitQueued, type Verdict } from "./split-queued.ts";

/** @kernel mm/huge_memory.c deferred_split_scan() @holds nothing @returns folios split */
export function* deferredSplitScanLists(k: Kernel): Routine<Frames> {
  if (k.param.splitQueueScan.get() === SPLIT_SCAN_PRIVATE_LIST) return yield* scanPrivateList(k);
  if (k.param.splitQueueScan.get() === SPLIT_SCAN_BATCH) return yield* scanBatch(k);
  return yield* scanDisposeList(k);
}

// ---- since 7.2 -------------------------------------------------------------------------------------------------

/**
 * Each folio goes off the scan's list, without the lock, before it is seen to. Until then it looks as if it were queued:
 * whoever unmaps a part of it only sets the flag, which is looked at afterwards.
 * @kernel mm/huge_memory.c deferred_split_scan(), deferred_split_isolate()
 */
function* scanDisposeList(k: Kernel): Routine<Frames> {
  let split: Frames = 0;
  yield* spinLock(k, k.deferredSplit.lock.at());
  let next: SplitNode = nextNode(k, splitQueue(k));
  while (next !== splitQueue(k)) {
    const node: SplitNode = next;
    next = nextNode(k, node);
    yield at("deferred_split_isolate: folio_try_get");
    // A folio without references is skipped: whoever frees it waits for the lock to take it off.
    if (folioTryGet(k, folioOfNode(k, node))) isolateMove(k, node);
  }
  spinUnlock(k, k.deferredSplit.lock.at());
  // The list is the scan's: nobody else adds to it or takes from it, as long as the scan has references to its folios.
  next = nextNode(k, privateList(k));
  while (next !== privateList(k)) {
    const folio: Pfn = folioOfNode(k, next);
    yield at("list_next_entry(folio)");
    next = nextNode(k, deferredNode(k, folio));
    yield* listDelInitUnlocked(k, deferredNode(k, folio));
    const verdict: Verdict = yield* splitQueued(k, folio);
    if (verdict === VERDICT_SPLIT) split = split + 1;
    else yield* requeue(k, folio, verdict === VERDICT_LOCKED);
    yield* folioPut(k, folio);
  }
  return split;
}

/** @kernel mm/list_lru.c list_lru_isolate_move() @holds split_queue_lock, a reference */
function isolateMove(k: Kernel, node: SplitNode): void {
  listMove(k, node, privateList(k));
  k.page.deferred.set(folioOfNode(k, node), false);
  k.deferredSplit.length.add(-1);
  emit(k, EV.FOLIO_UNDEFER, folioOfNode(k, node));
}

/** Puts the folio back, if `always`, or if it is partially mapped; somebody else may have done it. */
function* requeue(k: Kernel, folio: Pfn, always: boolean): Routine {
  if (!always) {
    yield at("folio_test_partially_mapped");
    if (!k.page.partiallyMapped.once(folio)) return;
  }
  yield* spinLock(k, k.deferredSplit.lock.at());
  if (!isListed(k, folio)) addToQueue(k, folio);
  spinUnlock(k, k.deferredSplit.lock.at());
}

// ---- 6.19 to 7.1 -----------------------------------------------------------------------------------------------

/**
 * The folios are in an array, each with a reference, and on no list. One without references goes off the queue here.
 * @kernel mm/huge_memory.c deferred_split_scan(), 6.19 to 7.1
 */
function* scanBatch(k: Kernel): Routine<Frames> {
  let split: Frames = 0;
  let n: Frames = 0;
  yield* spinLock(k, k.deferredSplit.lock.at());
  let next: SplitNode = nextNode(k, splitQueue(k));
  while (next !== splitQueue(k)) {
    const folio: Pfn = folioOfNode(k, next);
    next = nextNode(k, next);
    yield at("deferred_split_scan: folio_try_get");
    const taken = folioTryGet(k, folio);
    if (taken) k.splitBatch.folios.set(current(k), n, folio);
    if (taken) n = n + 1;
    removeFromQueue(k, folio);
    if (!taken) clearPartiallyMapped(k, folio);
  }
  spinUnlock(k, k.deferredSplit.lock.at());
  for (let i: Frames = 0; i < n; i++) {
    const verdict: Verdict = yield* splitQueued(k, k.splitBatch.folios.get(current(k), i));
    if (verdict === VERDICT_SPLIT) split = split + 1;
    else yield* requeue(k, k.splitBatch.folios.get(current(k), i), false);
  }
  // folios_put()
  for (let i: Frames = 0; i < n; i++) {
    const folio: Pfn = k.splitBatch.folios.get(current(k), i);
    k.splitBatch.folios.set(current(k), i, NONE);
    yield* folioPut(k, folio);
  }
  return split;
}

// ---- up to 6.18 ------------------------------------------------------------------------------------------------

/**
 * The folios stay on the scan's list, with the queue's count, until they are split or need no split; what is left goes back
 * to the queue as a whole. A folio that has been seen to may be freed: its last user takes it off the list, under the lock.
 *
 * A folio that needs no split goes off the list without the lock. A neighbour before it, which may be freed at that
 * moment, must not be there: `prev`, the last folio that stays, keeps its reference until another one stays.
 * @kernel mm/huge_memory.c deferred_split_scan(), 6.12 to 6.18
 */
function* scanPrivateList(k: Kernel): Routine<Frames> {
  let split: Frames = 0;
  let removed: Frames = 0;
  yield* spinLock(k, k.deferredSplit.lock.at());
  let next: SplitNode = nextNode(k, splitQueue(k));
  while (next !== splitQueue(k)) {
    const node: SplitNode = next;
    next = nextNode(k, node);
    yield at("deferred_split_scan: folio_try_get");
    if (folioTryGet(k, folioOfNode(k, node))) listMove(k, node, privateList(k));
    else {
      removeFromQueue(k, folioOfNode(k, node));
      clearPartiallyMapped(k, folioOfNode(k, node));
    }
  }
  k.splitList.scanning.set(privateList(k), 1);
  spinUnlock(k, k.deferredSplit.lock.at());
  next = nextNode(k, privateList(k));
  let prev: Pfn = NONE;
  while (next !== privateList(k)) {
    const folio: Pfn = folioOfNode(k, next);
    yield at("list_next_entry(folio)");
    next = nextNode(k, deferredNode(k, folio));
    const verdict: Verdict = yield* splitQueued(k, folio);
    let unused: Pfn = folio;
    if (verdict === VERDICT_SPLIT) split = split + 1;
    else {
      yield at("folio_test_partially_mapped");
      if (k.page.partiallyMapped.once(folio)) {
        unused = prev;
        prev = folio;
      } else {
        yield* listDelInitUnlocked(k, deferredNode(k, folio));
        removed = removed + 1;
      }
    }
    if (unused !== NONE) yield* folioPut(k, unused);
  }
  yield* spinLock(k, k.deferredSplit.lock.at());
  listSpliceTail(k, privateList(k), splitQueue(k));
  k.deferredSplit.length.add(-removed);
  k.splitList.scanning.set(privateList(k), 0);
  spinUnlock(k, k.deferredSplit.lock.at());
  if (prev !== NONE) yield* folioPut(k, prev);
  return split;
}
