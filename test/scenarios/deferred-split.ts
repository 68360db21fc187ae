/** The shrinker of the deferred split queue against those who own what is on it. */
import { NONE, at, holds, type Routine } from "thpcheck";
import { FOLL_PIN, FOLL_WRITE, gupFast, pinnedStore, unpinFolio } from "../../impl/gup.ts";
import { deferredSplitScan } from "../../impl/huge-memory/deferred-split-shrinker.ts";
import { MADV_DONTNEED } from "../../impl/madvise.ts";
import type { Frames, Pfn } from "../../impl/structs/types.ts";
import { folioTryGet } from "../../impl/page-ref.ts";
import { folioLock, folioPut, folioUnlock } from "../../impl/swap.ts";
import { load, store, sysExit, sysFork, sysMadvise, sysMunmap } from "../../impl/entry/syscalls.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { allFree, migrating, thpScenario } from "./setup/thp.ts";
import { isHuge, note, noted, TWO_PROCESSES, type K, type Met } from "./setup/world.ts";

const SPLIT_ONE: Met = 0;
const SPLIT_NONE: Met = 1;

/** Half of the huge page is gone: the folio is on the queue. */
function* tears(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* openGate(k);
}
function* ownerDiscards(k: K): Routine {
  yield* tears(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* store(k, 0, 3);
}
function* ownerUnmaps(k: K): Routine {
  yield* tears(k);
  yield* sysMunmap(k, 0, 2);
}
function* ownerExits(k: K): Routine {
  yield* tears(k);
  yield* store(k, 1, 3);
  yield* sysExit(k);
}
function* siblingExits(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 2);
  yield* sysExit(k);
}
function* ownerForks(k: K): Routine {
  yield* tears(k);
  yield* sysFork(k, 1);
  yield* store(k, 0, 3);
}
function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 0);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
  yield* sysExit(k);
}
function* sibling(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* store(k, 1, 3);
  yield* load(k, 0);
}

function* shrinker(k: K): Routine {
  yield* passGate(k);
  const split: Frames = yield* deferredSplitScan(k);
  note(k, split > 0 ? SPLIT_ONE : SPLIT_NONE);
}
function* otherShrinker(k: K): Routine {
  yield* passGate(k);
  yield* deferredSplitScan(k);
}

function* ownerStores(k: K): Routine {
  yield* tears(k);
  yield* store(k, 1, 3);
  yield* load(k, 0);
}

/** Whole folios are queued as well; this one holds nothing but zeroes. */
function* ownerOfZeroes(k: K): Routine {
  yield* store(k, 0, 0);
  yield* openGate(k);
  yield* store(k, 1, 3);
  yield* load(k, 0);
}
function* readerOfZeroes(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 0);
  yield* store(k, 0, 2);
  yield* load(k, 1);
}
/** Half of it is unmapped while the shrinker judges the whole. */
function* tearsLate(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
}
function* ownerWaits(k: K): Routine {
  yield* store(k, 0, 0);
  yield* openGate(k);
  yield* load(k, 1);
}
/** Has the folio, which it finds by its frame, locked for a moment. */
function* locker(k: K): Routine {
  yield* passGate(k);
  yield at("folio_try_get");
  if (!folioTryGet(k, 0)) return;
  yield* folioLock(k, 0);
  yield at("folio_unlock");
  folioUnlock(k, 0);
  yield* folioPut(k, 0);
}
function* device(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFast(k, 0, 0, FOLL_PIN | FOLL_WRITE);
  if (page === NONE) return;
  yield* pinnedStore(k, 0, 0, page, 3);
  yield* unpinFolio(k, page);
}

const scanned = { "the shrinker splits it": noted(SPLIT_ONE), "the shrinker splits nothing": noted(SPLIT_NONE) };
const underused = { shrinkUnderused: true, maxPtesNone: 0 };
const zeroed = { "an empty page is mapped to the zero page": (k: K) => k.mm.anonPages.get(0) === 1 && !isHuge(k, 0, 0) };

export default [
  thpScenario({
    name: "deferred-split-dontneed",
    why:
      "the rest of the folio goes while the shrinker holds it: whoever drops the last reference takes it off the queue, " +
      "with its flags and gauges (C6)",
    tier: "full",
    threads: { ownerDiscards, sibling },
    others: { shrinker },
    sometimes: { ...scanned, "the shrinker works": (k) => migrating(k, 0) },
    expect: holds({ states: 628_148 }),
  }),
  thpScenario({
    name: "deferred-split-munmap",
    why: "the folio is freed while the shrinker looks for one with references, or tries for its lock",
    tier: "quick",
    threads: { ownerUnmaps, sibling },
    others: { shrinker },
    sometimes: scanned,
    finally: { "everything is free": allFree },
    expect: holds({ states: 44_908 }),
  }),
  thpScenario({
    name: "deferred-split-exit",
    why: "the process ends, thread by thread, under the shrinker: its last reference may be the folio's last",
    tier: "quick",
    threads: { ownerExits, siblingExits },
    others: { shrinker },
    sometimes: { ...scanned, "the shrinker keeps a page of nobody": (k) => k.mm.mmCount.get(0) === 0 && k.page.refcount.get(0) > 0 },
    finally: { "everything is free": allFree },
    expect: holds({ states: 22_894 }),
  }),
  thpScenario({
    name: "deferred-split-fork",
    why: "a torn folio is shared while the shrinker walks its mappings, and torn further in the child",
    tier: "quick",
    options: TWO_PROCESSES,
    threads: { ownerForks },
    others: { child, shrinker },
    sometimes: { ...scanned, "both have migration entries": (k) => migrating(k, 0) && migrating(k, 1) },
    expect: holds({ states: 130_411 }),
  }),
  thpScenario({
    name: "deferred-split-two-shrinkers",
    why: "two CPUs reclaim at once: what one has taken off the queue the other may put back, and the zap queue again",
    tier: "quick",
    threads: { ownerDiscards },
    others: { shrinker, otherShrinker },
    sometimes: scanned,
    expect: holds({ states: 10_620 }),
  }),
  thpScenario({
    name: "deferred-split-pin",
    why: "a torn folio that is pinned when the shrinker comes goes back to the queue: nobody else would queue it again (P12)",
    tier: "quick",
    threads: { ownerStores, device },
    others: { shrinker },
    sometimes: { ...scanned, "back on the queue": (k) => k.seen.events.has(SPLIT_NONE) && k.deferredSplit.length.get() === 1 },
    expect: holds({ states: 22_859 }),
  }),
  thpScenario({
    name: "deferred-split-underused",
    why:
      "a huge page of zeroes is given back page by page while stores arrive: a page that was empty when it was looked at " +
      "may not lose a store (S5)",
    tier: "quick",
    options: underused,
    threads: { ownerOfZeroes, readerOfZeroes },
    others: { shrinker },
    sometimes: { ...scanned, ...zeroed },
    expect: holds({ states: 57_159 }),
  }),
  thpScenario({
    name: "deferred-split-underused-pin",
    why: "a device writes to the page that looks empty",
    tier: "quick",
    options: underused,
    threads: { ownerOfZeroes, device },
    others: { shrinker },
    sometimes: { ...scanned, ...zeroed },
    expect: holds({ states: 17_033 }),
  }),
  thpScenario({
    name: "deferred-split-lock",
    why: "underused, locked by somebody, and partially unmapped meanwhile: exactly one of the three has to queue it again",
    tier: "quick",
    options: underused,
    threads: { ownerWaits, tearsLate },
    others: { shrinker, locker },
    sometimes: {
      ...scanned,
      "back on the queue": (k) => k.seen.events.has(SPLIT_NONE) && k.deferredSplit.length.get() === 1 && k.page.partiallyMapped.get(0),
    },
    expect: holds({ states: 54_834 }),
  }),
];
