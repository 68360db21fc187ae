/** Reclaim: what it runs into in the context of its caller, and who still reaches what it has freed. */
import { holds, type Routine } from "thpcheck";
import { deferredSplitScan } from "../../../impl/huge-memory/deferred-split-shrinker.ts";
import { moveHugePmd } from "../../../impl/huge-memory/change.ts";
import { mmapWriteLock, mmapWriteUnlock, vmaStartWrite } from "../../../impl/locking/mmap-lock.ts";
import { MADV_DONTNEED } from "../../../impl/madvise.ts";
import type { KernelOptions } from "../../../impl/config/options.ts";
import { folioLock, folioUnlock } from "../../../impl/swap.ts";
import { load, store, sysMadvise } from "../../../impl/entry/syscalls.ts";
import { userMemoryMoveBegin, userMemoryMoveEnd } from "../../../impl/user-memory.ts";
import { shrinkLazyfreeFolio } from "../../../impl/vmscan.ts";
import { thpScenario } from "../../../kernel/thp.ts";
import { isHuge, note, noted, type K, type Met } from "../../../kernel/world.ts";
import { bootAnonVma, bootCached, bootCopiedVma, bootHugePage, bootLazyfree } from "./setup/memory.ts";

const RECLAIMED: Met = 2;
const KEPT: Met = 3;

function* reads(k: K): Routine {
  yield* load(k, 1);
}
function* writes(k: K): Routine {
  yield* store(k, 0, 2);
  yield* load(k, 0);
}
function* discards(k: K): Routine {
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}
/**
 * Allocates with a folio lock in hand, as whoever reads a folio in or writes it out does, and finds no memory: direct
 * reclaim calls the shrinkers, in the caller's own context.
 */
function* reclaimsUnderFolioLock(k: K): Routine {
  yield* folioLock(k, 0);
  yield* deferredSplitScan(k);
  folioUnlock(k, 0);
}
function* reclaims(k: K): Routine {
  const freed: boolean = yield* shrinkLazyfreeFolio(k, 0);
  note(k, freed ? RECLAIMED : KEPT);
}
/** mremap(), from where its new area is there: it comes behind the old one in the reverse map, so walks need not be locked out. */
function* moves(k: K): Routine {
  yield* mmapWriteLock(k, 0);
  yield* vmaStartWrite(k, 0);
  yield* vmaStartWrite(k, 1);
  userMemoryMoveBegin(k, 0, 0, 2, 2);
  yield* moveHugePmd(k, 0, 0, 2);
  userMemoryMoveEnd(k, 0, 0, 2, 2);
  yield* mmapWriteUnlock(k, 0);
}

function* movesAndDiscards(k: K): Routine {
  yield* moves(k);
  yield* sysMadvise(k, 2, 2, MADV_DONTNEED);
}

/** A huge page of zeroes, which is on the split queue as all are. */
function emptyHugePage(k: K): void {
  bootAnonVma(k, 0);
  bootHugePage(k, 0, 0, 0);
}
function lazyfreePage(k: K): void {
  bootAnonVma(k, 0);
  bootHugePage(k, 0, 0, 1);
  bootLazyfree(k, 0, 0);
}
/** The second thread has read from the old address before. */
function lazyfreePageAndCopiedArea(k: K): void {
  lazyfreePage(k);
  bootCopiedVma(k, 0, 2, 4);
  bootCached(k, 1, 0);
}

/** The area and its copy, in a range each; both have an edge to one anon_vma, and two edges are to spare. */
const TWO_AREAS: Partial<KernelOptions> = { hugeRanges: 2, anonVmaChains: 4 };
const both = { "reclaimed": noted(RECLAIMED), "kept": noted(KEPT) };

export default [
  thpScenario({
    name: "reclaim-under-folio-lock",
    why:
      "an allocation under a folio lock enters reclaim: the shrinker tries the locks of queued folios and leaves what is " +
      "locked, or it would wait for itself",
    tier: "full",
    options: { shrinkUnderused: true, maxPtesNone: 0 },
    memory: emptyHugePage,
    threads: { reads },
    others: { reclaimsUnderFolioLock },
    sometimes: { "the locked folio is taken off the queue": (k) => k.deferredSplit.length.get() === 0 && k.page.lock.isHeld(0) },
    expect: holds({ states: 20 }),
  }),
  thpScenario({
    name: "reclaim-lazyfree-redirty",
    why:
      "reclaim takes a clean lazyfree huge page while it is written again: the store is there, or it finds the page gone " +
      "and gets another (C7)",
    tier: "full",
    memory: lazyfreePage,
    threads: { writes },
    others: { reclaims },
    sometimes: both,
    expect: holds({ states: 958 }),
  }),
  thpScenario({
    name: "reclaim-lazyfree-dontneed",
    why: "reclaim and MADV_DONTNEED unmap the same huge page",
    tier: "full",
    memory: lazyfreePage,
    threads: { discards, reads },
    others: { reclaims },
    sometimes: both,
    expect: holds({ states: 5379 }),
  }),
  thpScenario({
    name: "moved-to-another-pmd-page",
    why:
      "a huge PMD moves into another page of PMDs, and its deposited table with it: unmapping either address finds as many " +
      "as it needs (T2)",
    tier: "full",
    options: { ...TWO_AREAS, pmdsPerPage: 1 },
    areaEnd: 2,
    memory: lazyfreePageAndCopiedArea,
    threads: { movesAndDiscards, reads },
    sometimes: { "moved": (k) => isHuge(k, 0, 1) },
    expect: holds({ states: 684 }),
  }),
  thpScenario({
    name: "reclaim-moved",
    why:
      "a lazyfree huge page is reclaimed at its new address while a CPU has the old one cached: mremap flushes before it " +
      "drops the page-table lock",
    tier: "full",
    options: TWO_AREAS,
    areaEnd: 2,
    memory: lazyfreePageAndCopiedArea,
    threads: { moves, reads },
    others: { reclaims },
    sometimes: { "reclaimed": noted(RECLAIMED), "moved": (k) => isHuge(k, 0, 1) },
    expect: holds({ states: 6385 }),
  }),
];
