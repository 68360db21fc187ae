/** Threads of scenarios around the deferred split queue: those who own what is on it, those who scan it, those who get between. */
import { NONE, at, type Routine } from "thpcheck";
import { openGate, passGate, scheduleIn } from "../../../impl/entry/boot.ts";
import { load, store, sysExit, sysFork, sysMadvise, sysMunmap } from "../../../impl/entry/syscalls.ts";
import { FOLL_PIN, FOLL_WRITE, gupFast, pinnedStore, unpinFolio } from "../../../impl/gup.ts";
import { deferredSplitScan } from "../../../impl/huge-memory/deferred-split-shrinker.ts";
import { MADV_DONTNEED } from "../../../impl/madvise.ts";
import { folioTryGet } from "../../../impl/page-ref.ts";
import type { Frames, Pfn } from "../../../impl/structs/types.ts";
import { folioLock, folioPut, folioUnlock } from "../../../impl/swap.ts";
import { isHuge, note, noted, type K, type Met } from "../../../kernel/world.ts";

/** What `shrinker` notes. */
export const SPLIT_ONE: Met = 0;
export const SPLIT_NONE: Met = 1;

/** Half of the huge page is gone: the folio is on the queue. */
function* tears(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* openGate(k);
}
export function* ownerDiscards(k: K): Routine {
  yield* tears(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* store(k, 0, 3);
}
export function* ownerUnmaps(k: K): Routine {
  yield* tears(k);
  yield* sysMunmap(k, 0, 2);
}
export function* ownerExits(k: K): Routine {
  yield* tears(k);
  yield* store(k, 1, 3);
  yield* sysExit(k);
}
export function* siblingExits(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 2);
  yield* sysExit(k);
}
export function* ownerForks(k: K): Routine {
  yield* tears(k);
  yield* sysFork(k, 1);
  yield* store(k, 0, 3);
}
export function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 0);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
  yield* sysExit(k);
}
export function* sibling(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* store(k, 1, 3);
  yield* load(k, 0);
}

export function* shrinker(k: K): Routine {
  yield* passGate(k);
  const split: Frames = yield* deferredSplitScan(k);
  note(k, split > 0 ? SPLIT_ONE : SPLIT_NONE);
}
export function* otherShrinker(k: K): Routine {
  yield* passGate(k);
  yield* deferredSplitScan(k);
}

export function* ownerStores(k: K): Routine {
  yield* tears(k);
  yield* store(k, 1, 3);
  yield* load(k, 0);
}

/** Whole folios are queued as well; this one holds nothing but zeroes. */
export function* ownerOfZeroes(k: K): Routine {
  yield* store(k, 0, 0);
  yield* openGate(k);
  yield* store(k, 1, 3);
  yield* load(k, 0);
}
export function* readerOfZeroes(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 0);
  yield* store(k, 0, 2);
  yield* load(k, 1);
}
/** Half of it is unmapped while the shrinker judges the whole. */
export function* tearsLate(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
}
export function* ownerWaits(k: K): Routine {
  yield* store(k, 0, 0);
  yield* openGate(k);
  yield* load(k, 1);
}
/** Has the folio, which it finds by its frame, locked for a moment. */
export function* locker(k: K): Routine {
  yield* passGate(k);
  yield at("folio_try_get");
  if (!folioTryGet(k, 0)) return;
  yield* folioLock(k, 0);
  yield at("folio_unlock");
  folioUnlock(k, 0);
  yield* folioPut(k, 0);
}
export function* device(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFast(k, 0, 0, FOLL_PIN | FOLL_WRITE);
  if (page === NONE) return;
  yield* pinnedStore(k, 0, 0, page, 3);
  yield* unpinFolio(k, page);
}

export const scanned = { "the shrinker splits it": noted(SPLIT_ONE), "the shrinker splits nothing": noted(SPLIT_NONE) };
export const underused = { shrinkUnderused: true, maxPtesNone: 0 };
export const zeroed = { "an empty page is mapped to the zero page": (k: K) => k.mm.anonPages.get(0) === 1 && !isHuge(k, 0, 0) };
