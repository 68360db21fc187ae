/** MADV_FREE against those who write again. */
import { NONE, holds, type Routine } from "thpcheck";
import { EAGAIN } from "../../impl/errno.ts";
import { FOLL_PIN, FOLL_WRITE, gupFastFallback, pinnedStore, unpinFolioDirtyLock } from "../../impl/gup.ts";
import { MADV_COLLAPSE, MADV_DONTNEED, MADV_FREE } from "../../impl/madvise.ts";
import type { Errno, Pfn } from "../../impl/structs/types.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { load, store, sysExit, sysFork, sysMadvise } from "../../impl/entry/syscalls.ts";
import { lruAddDrain } from "../../impl/swap.ts";
import { shrinkLazyfreeFolio } from "../../impl/vmscan.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { SPLIT_DONE, splitter } from "../../kernel/actors.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { RECLAIM_UNLOCKS, isHuge, note, noted, TWO_PROCESSES, type K, type Met } from "../../kernel/world.ts";

const RECLAIMED: Met = 2;
const REFUSED: Met = 3;

function* fill(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
}
function* freesAll(k: K): Routine {
  yield* fill(k);
  yield* sysMadvise(k, 0, 2, MADV_FREE);
  yield* load(k, 0);
  yield* store(k, 1, 1);
}
function* freesHalf(k: K): Routine {
  yield* fill(k);
  yield* sysMadvise(k, 1, 1, MADV_FREE);
  yield* load(k, 0);
  // The batch would wait for another page.
  yield* lruAddDrain(k);
  yield* load(k, 1);
}
function* forkedThenFrees(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysFork(k, 1);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_FREE);
  yield* load(k, 0);
}
/** The dirty bit of a stale translation would be lost: MADV_FREE has to flush before it says that the page is clean. */
function* redirties(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* load(k, 0);
  yield* store(k, 1, 3);
  yield* load(k, 1);
}
function* redirtiesOther(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* load(k, 0);
}
function* discards(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
  yield* store(k, 0, 3);
}
function* freesToo(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 1, MADV_FREE);
  yield* load(k, 1);
}
function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* sysMadvise(k, 0, 2, MADV_FREE);
  yield* load(k, 1);
  yield* sysExit(k);
}
/** A device writes to a page that is free to go. No entry of a page table gets dirty by that: who took the page says so. */
function* freesAndPins(k: K): Routine {
  yield* fill(k);
  yield* sysMadvise(k, 0, 2, MADV_FREE);
  const page: Pfn = yield* gupFastFallback(k, 0, 0, FOLL_PIN | FOLL_WRITE);
  if (page >= 0) {
    yield* pinnedStore(k, 0, 0, page, 3);
    yield* unpinFolioDirtyLock(k, page);
  }
  yield* load(k, 0);
}
/** The page that the other thread frees may still wait in its batch, with a reference, when the collapse gives up. */
function* collapsesFreed(k: K): Routine {
  yield* fill(k);
  const error: Errno = yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  if (error === -EAGAIN && k.cpu.lruLazyfree.once(1, 0) !== NONE) note(k, REFUSED);
}
function* freesOne(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 1, MADV_FREE);
}
function* reclaims(k: K): Routine {
  yield* passGate(k);
  const freed: boolean = yield* shrinkLazyfreeFolio(k, 0);
  if (freed) note(k, RECLAIMED);
}

function lazyfree(k: K): boolean {
  for (let page = 0; page < k.page.count; page++) if (k.page.anon.get(page) && k.page.refcount.get(page) > 0 && !k.page.swapbacked.get(page)) return true;
  return false;
}
const freed = { "lazyfree": lazyfree };
const DIRTY_BIT = 1 << 2;

export default [
  thpScenario({
    name: "lazyfree-redirty-huge",
    why:
      "the huge PMD is cleaned while two threads write through it: a store after the call makes it dirty again, or it would " +
      "be dropped (C7)",
    tier: "quick",
    threads: { freesAll, redirties, redirtiesOther },
    sometimes: { ...freed, "dirty again": (k) => lazyfree(k) && isHuge(k, 0, 0) && (k.mm.pmd.get(0, 0) & DIRTY_BIT) !== 0 },
    expect: holds({ states: 16_760 }),
  }),
  thpScenario({
    name: "lazyfree-redirty-small",
    why: "the same, of small pages: clear_young_dirty_ptes() and one flush behind it",
    tier: "quick",
    options: { enabled: ENABLED_NEVER },
    threads: { freesAll, redirties },
    sometimes: freed,
    expect: holds({ states: 1996 }),
  }),
  thpScenario({
    name: "lazyfree-half",
    why:
      "half of a huge page: split_folio() from under the page-table lock, which is dropped, against writers and another who " +
      "frees the other half",
    tier: "quick",
    threads: { freesHalf, redirtiesOther, freesToo },
    sometimes: freed,
    expect: holds({ states: 245_777 }),
  }),
  thpScenario({
    name: "lazyfree-dontneed",
    why: "what one thread makes lazyfree another discards and fills anew",
    tier: "full",
    threads: { freesAll, discards, redirtiesOther },
    sometimes: freed,
    expect: holds({ states: 354_988 }),
  }),
  thpScenario({
    name: "lazyfree-shared",
    why: "a page that another process maps is not lazyfree (mapcount), whoever of the two comes and goes",
    tier: "quick",
    options: TWO_PROCESSES,
    threads: { forkedThenFrees },
    others: { child },
    sometimes: {
      ...freed,
      "the huge page is lazyfree, its other user gone": (k) => isHuge(k, 0, 0) && !k.page.swapbacked.get(0) && k.mm.mmCount.get(1) === 0,
    },
    expect: holds({ states: 897 }),
  }),
  thpScenario({
    sanitize: RECLAIM_UNLOCKS,
    name: "lazyfree-pin",
    why: "reclaim drops a lazyfree huge page, or keeps it: what a device has written to it through a pin is not lost",
    tier: "quick",
    threads: { freesAndPins },
    others: { reclaims },
    sometimes: {
      ...freed, "reclaimed": noted(RECLAIMED),
      "kept, since it is dirty again": (k) => k.page.swapbacked.get(0) && k.page.dirty.get(0) && k.cpu.mm.get(0) === 0,
    },
    expect: holds({ states: 2080 }),
  }),
  thpScenario({
    name: "lazyfree-split",
    why: "a lazyfree folio is split: its pages stay lazyfree, its dirty bits where the stores were",
    tier: "full",
    threads: { freesAll, redirties },
    others: { splitter },
    sometimes: { ...freed, "split": noted(SPLIT_DONE) },
    expect: holds({ states: 541_583 }),
  }),
  thpScenario({
    name: "lazyfree-collapse",
    why: "a page that waits in a batch to become lazyfree has one reference more: its range is not collapsed, until the batch is drained",
    tier: "quick",
    sanitize: true,
    options: { enabled: ENABLED_NEVER, frames: 8 },
    threads: { collapsesFreed, freesOne },
    sometimes: { "collapsed": (k) => isHuge(k, 0, 0), "refused, and the page still waits": noted(REFUSED) },
    expect: holds({ states: 1223 }),
  }),
];
