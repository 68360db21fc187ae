/** What swap.test.ts runs. Frame 0 is a small folio, frames 2 and 3 are a large one; each has one reference. */
import { NONE, at, bugOn, spinLock, spinUnlock, type Routine } from "thpcheck";
import type { Kernel } from "../../impl/mm-types.ts";
import type { Pfn, Refs } from "../../impl/structs/types.ts";
import { memCgroupCharge } from "../../impl/memcontrol.ts";
import { allocFolio, bootMemory } from "../../impl/page-alloc.ts";
import { folioNrPages, folioTestLarge, pageFolio } from "../../impl/page-flags.ts";
import {
  folioExpectedRefCount, folioGet, folioMapcount, folioMaybeDmaPinned, folioMaybeMappedShared, folioRefAdd, folioRefFreeze, folioRefUnfreeze, folioTryGet,
} from "../../impl/page-ref.ts";
import {
  folioAddLru, folioIsolateLru, folioLock, folioMarkLazyfree, folioPut, folioPutRefs, folioPutTestzero, folioPutbackLru, folioTrylock, folioUnlock, lruAddDrain, lruAddDrainAll,
  lruvecAddFolio, lruvecDelFolio, putReleasedFolio,
} from "../../impl/swap.ts";
import { kernelScenario, type KernelThread } from "./straight-kernel.ts";

/** Memory of which frames 0..3 are taken: the small folios 0 and 1, the large one 2. */
export function bootFolios(k: Kernel): void {
  bootMemory(k);
  k.zone.free.set(1, 4);
  k.page.prev.set(4, NONE);
  k.zone.freePages.add(-4);
  for (let block = 0; block < 4; block += 2) {
    k.page.buddy.set(block, false);
    k.page.next.set(block, NONE);
    k.page.prev.set(block, NONE);
    k.page.order.set(block, block === 2 ? 1 : 0);
  }
  k.page.head.set(3, 2);
  for (let folio = 0; folio < 3; folio++) {
    k.page.refcount.set(folio, 1);
    k.page.anon.set(folio, true);
    k.page.swapbacked.set(folio, true);
  }
  k.node.nrAnon.set(1);
}

/** As bootFolios(), with a second reference to folio 0, which is on the LRU. */
export function bootShared(k: Kernel): void {
  bootFolios(k);
  k.page.refcount.set(0, 2);
  k.page.lru.set(0, true);
  k.lruvec.anonPages.set(1);
}

function* refs(k: Kernel): Routine {
  yield at("references");
  bugOn(pageFolio(k, 3) !== 2 || pageFolio(k, 2) !== 2 || pageFolio(k, 0) !== 0, "page_folio");
  bugOn(!folioTestLarge(k, 2) || folioTestLarge(k, 0) || folioNrPages(k, 2) !== 2 || folioNrPages(k, 0) !== 1, "sizes");
  folioGet(k, 0);
  folioRefAdd(k, 0, 3);
  bugOn(!folioTryGet(k, 0) || k.page.refcount.get(0) !== 6, "get");
  bugOn(folioRefFreeze(k, 0, 5) || k.page.refcount.get(0) !== 6, "a freeze with the wrong count");
  bugOn(!folioRefFreeze(k, 0, 6) || k.page.refcount.get(0) !== 0, "freeze");
  bugOn(folioTryGet(k, 0), "a speculative reference to a frozen folio");
  folioRefUnfreeze(k, 0, 1);
  bugOn(folioMapcount(k, 0) !== 0 || folioMapcount(k, 2) !== 0 || folioExpectedRefCount(k, 2) !== 0, "unmapped");
  k.page.mapcount.set(0, 1);
  k.page.largeMapcount.set(2, 2);
  bugOn(folioMapcount(k, 0) !== 2 || folioMapcount(k, 2) !== 3 || folioExpectedRefCount(k, 2) !== 3, "mapped");
  bugOn(!folioMaybeMappedShared(k, 0) || folioMaybeMappedShared(k, 2), "shared");
  k.page.maybeShared.set(2, true);
  bugOn(!folioMaybeMappedShared(k, 2), "shared");
  bugOn(folioMaybeDmaPinned(k, 2), "not pinned");
  k.page.pincount.set(2, 1);
  bugOn(!folioMaybeDmaPinned(k, 2), "pinned");
}
function* getFree(k: Kernel): Routine {
  yield at("get");
  folioGet(k, 4);
}
function* unfreeze(k: Kernel, folio: Pfn, count: Refs): Routine {
  yield at("unfreeze");
  folioRefUnfreeze(k, folio, count);
}
function* get(k: Kernel, folio: Pfn): Routine {
  yield at("get");
  folioGet(k, folio);
}
function* putTestzero(k: Kernel, folio: Pfn): Routine<boolean> {
  yield at("put");
  const last: boolean = folioPutTestzero(k, folio);
  if (last) yield* putReleasedFolio(k, folio);
  return last;
}
function* deferThenPut(k: Kernel): Routine {
  yield at("defer");
  k.page.deferred.set(2, true);
  k.page.partiallyMapped.set(2, true);
  k.deferredSplit.length.set(1);
  k.node.nrAnonPartiallyMapped.set(1);
  yield* folioPut(k, 2);
}
function* isolate(k: Kernel, folio: Pfn): Routine<boolean> {
  const isolated: boolean = yield* folioIsolateLru(k, folio);
  return isolated;
}
function* addTwice(k: Kernel): Routine {
  yield* spinLock(k, k.lruvec.lock.at());
  lruvecAddFolio(k, 0);
  lruvecAddFolio(k, 0);
  spinUnlock(k, k.lruvec.lock.at());
}
function* delAbsent(k: Kernel): Routine {
  yield* spinLock(k, k.lruvec.lock.at());
  lruvecDelFolio(k, 0);
  spinUnlock(k, k.lruvec.lock.at());
}
function* overflow(k: Kernel): Routine {
  yield at("overflow");
  for (let n = 0; n < k.param.lruBatch.get(); n++) k.cpu.lruBatch.set(0, n, 1);
  yield* folioAddLru(k, 0);
}
function* overflowLazyfree(k: Kernel): Routine {
  yield* spinLock(k, k.lruvec.lock.at());
  lruvecAddFolio(k, 0);
  spinUnlock(k, k.lruvec.lock.at());
  for (let n = 0; n < k.param.lruBatch.get(); n++) k.cpu.lruLazyfree.set(0, n, 1);
  yield* folioMarkLazyfree(k, 0);
}
function* locking(k: Kernel): Routine<boolean> {
  yield* folioLock(k, 0);
  const second: boolean = folioTrylock(k, 2);
  folioUnlock(k, 2);
  folioUnlock(k, 0);
  return second;
}
function* charge(k: Kernel): Routine<boolean> {
  yield at("charge");
  return memCgroupCharge(k);
}

export const references: KernelThread = (k) => refs(k);
export const getFreeFolio: KernelThread = (k) => getFree(k);
export const unfreezeLive: KernelThread = (k) => unfreeze(k, 0, 1);
export const unfreezeToNothing: KernelThread = (k) => unfreeze(k, 4, 0);
export const put = (folio: Pfn): KernelThread => (k) => folioPut(k, folio);
export const putTwo: KernelThread = (k) => folioPutRefs(k, 0, 2);
export const getFolio = (folio: Pfn): KernelThread => (k) => get(k, folio);
export const putTest = (folio: Pfn): KernelThread => (k) => putTestzero(k, folio);
export const putDeferred: KernelThread = (k) => deferThenPut(k);
export const isolateFolio = (folio: Pfn): KernelThread => (k) => isolate(k, folio);
export const putback = (folio: Pfn): KernelThread => (k) => folioPutbackLru(k, folio);
export const lazyfree = (folio: Pfn): KernelThread => (k) => folioMarkLazyfree(k, folio);
export const drainAll: KernelThread = (k) => lruAddDrainAll(k);
export const addToLruTwice: KernelThread = (k) => addTwice(k);
export const delFromLruAbsent: KernelThread = (k) => delAbsent(k);
export const batchOverflow: KernelThread = (k) => overflow(k);
export const lazyfreeOverflow: KernelThread = (k) => overflowLazyfree(k);
export const lockBoth: KernelThread = (k) => locking(k);
export const chargeFolio: KernelThread = (k) => charge(k);

/** Adds on one CPU (a thread starts at a yield). */
function* add(k: Kernel, folio: Pfn): Routine {
  yield at("folio_add_lru");
  yield* folioAddLru(k, folio);
}
export const addLru = (folio: Pfn): KernelThread => (k) => add(k, folio);
function* drainOwn(k: Kernel): Routine {
  yield at("lru_add_drain");
  yield* lruAddDrain(k);
}
export const drain: KernelThread = (k) => drainOwn(k);
function* addAndDrain(k: Kernel): Routine {
  yield at("folio_add_lru");
  yield* folioAddLru(k, 0);
  yield* lruAddDrain(k);
}
export const addThenDrain: KernelThread = (k) => addAndDrain(k);

// ---- explored --------------------------------------------------------------------------------------------------

/** Adds two folios, the second of which fills the batch, and drops its own reference to the first. */
function* addTwoPutOne(k: Kernel): Routine {
  yield at("folio_add_lru");
  yield* folioAddLru(k, 0);
  yield* folioPut(k, 0);
  yield* folioAddLru(k, 1);
}
function* drainEverything(k: Kernel): Routine {
  yield at("lru_add_drain_all");
  yield* lruAddDrainAll(k);
}
export const drainedFromElsewhere = kernelScenario({ add: (k) => addTwoPutOne(k), drain: (k) => drainEverything(k), again: (k) => drainEverything(k) }, bootFolios, {}, {
  finally: {
    "folio 0 is free": (k) => k.page.refcount.get(0) === 0 && k.page.buddy.get(0) && !k.page.lru.get(0),
    "folio 1 is on the LRU, or waits in the batch": (k) => (k.page.lru.get(1) && k.page.refcount.get(1) === 1 && k.cpu.lruBatch.get(0, 0) === NONE) || (!k.page.lru.get(1) && k.page.refcount.get(1) === 2 && k.cpu.lruBatch.get(0, 0) === 1),
    "the LRU counts its pages": (k) => k.lruvec.anonPages.get() === (k.page.lru.get(1) ? 1 : 0),
  },
  sometimes: { "a batch is the last to hold a folio": (k) => k.page.refcount.get(0) === 1 && k.cpu.lruBatch.get(0, 0) === 0 && !k.page.lru.get(0) },
});

/** Two that become lazyfree, the second of which fills the batch; the own reference to the first is dropped in between. */
function* freeTwoPutOne(k: Kernel): Routine {
  yield* folioMarkLazyfree(k, 0);
  yield* folioPutRefs(k, 0, 2);
  yield* folioMarkLazyfree(k, 1);
}
/** As bootShared(), and folio 1 is on the LRU, too. */
function bootTwoOnLru(k: Kernel): void {
  bootShared(k);
  k.page.lru.set(1, true);
  k.lruvec.anonPages.set(2);
}
const freesAndTwoDrain: Record<string, KernelThread> = {
  free: (k) => freeTwoPutOne(k), drain: (k) => drainEverything(k), again: (k) => drainEverything(k),
};
const waitsToBeLazyfree = (k: Kernel, folio: Pfn): boolean => k.cpu.lruLazyfree.get(0, 0) === folio;
export const lazyfreeDrainedFromElsewhere = kernelScenario(freesAndTwoDrain, bootTwoOnLru, {}, {
  finally: {
    "folio 0 is free": (k) => k.page.refcount.get(0) === 0 && k.page.buddy.get(0) && !k.page.lru.get(0),
    "folio 1 is lazyfree, or waits for it": (k) => k.page.lru.get(1) && waitsToBeLazyfree(k, 1) === k.page.swapbacked.get(1)
      && k.page.refcount.get(1) === (waitsToBeLazyfree(k, 1) ? 2 : 1),
    "the LRU counts its pages": (k) => k.lruvec.anonPages.get() + k.lruvec.filePages.get() === 1
      && k.lruvec.filePages.get() === (k.page.swapbacked.get(1) ? 0 : 1),
  },
  sometimes: { "a batch is the last to hold a folio": (k) => k.page.refcount.get(0) === 1 && waitsToBeLazyfree(k, 0) && k.page.lru.get(0) },
});

function* isolateAndPutback(k: Kernel): Routine {
  const isolated: boolean = yield* folioIsolateLru(k, 0);
  if (isolated) yield* folioPutbackLru(k, 0);
  yield* folioPut(k, 0);
}
export const isolatedByTwo = kernelScenario({ a: (k) => isolateAndPutback(k), b: (k) => isolateAndPutback(k), drain: (k) => drainEverything(k) }, bootShared, {}, {
  always: { "at most one isolates": (k) => k.lruvec.isolated.get() <= 1 },
  finally: {
    "in a batch with its reference, or free": (k) => (k.page.refcount.get(0) === 0 && k.page.buddy.get(0) && !k.page.lru.get(0)) || k.page.refcount.get(0) === 1,
    "nothing is isolated": (k) => k.lruvec.isolated.get() === 0,
  },
  sometimes: { "isolated": (k) => k.lruvec.isolated.get() === 1, "freed": (k) => k.page.refcount.get(0) === 0 },
});

/** Two threads drop the last two references, a third tries for one. */
function* trySpeculatively(k: Kernel): Routine {
  yield at("folio_try_get");
  if (folioTryGet(k, 0)) yield* folioPut(k, 0);
}
export const lastPut = kernelScenario({ a: (k) => folioPut(k, 0), b: (k) => folioPut(k, 0), scanner: (k) => trySpeculatively(k) }, bootShared, {}, {
  finally: { "freed once": (k) => k.page.refcount.get(0) === 0 && k.page.buddy.get(0) && k.zone.freePages.get() === 9 && k.lruvec.anonPages.get() === 0 },
  sometimes: { "the scanner frees": (k) => k.page.refcount.get(0) === 1 && k.page.lru.get(0) },
});
function* takeFree(k: Kernel): Routine<Pfn> {
  const folio: Pfn = yield* allocFolio(k, 0, false);
  return folio;
}
export const takeFolio: KernelThread = (k) => takeFree(k);
