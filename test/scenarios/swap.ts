/** Pages go to swap while others use them, and come back to several at once. */
import { holds, violated, type Expectation, type Routine } from "thpcheck";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { load, store, sysExit, sysFork, sysMadvise, sysMprotect } from "../../impl/entry/syscalls.ts";
import { MADV_DONTNEED, MADV_PAGEOUT } from "../../impl/madvise.ts";
import { shrinkFrame } from "../../impl/vmscan.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { VM_READ } from "../../impl/structs/vma.ts";
import { SPLIT_DONE, splitter } from "../../kernel/actors.ts";
import { noted, TWO_PROCESSES, type K } from "../../kernel/world.ts";
import { deviceScenario, isOut, isStored, swapScenario } from "./setup/swap.ts";

// ---- who has the memory ----------------------------------------------------------------------------------------

/** Two pages, in a huge page or each for itself, go out. */
function* pagesOut(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_PAGEOUT);
  yield* load(k, 0);
}
/** They are out when the others begin. */
function* isSwapped(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysMadvise(k, 0, 2, MADV_PAGEOUT);
  yield* openGate(k);
  yield* load(k, 0);
  yield* store(k, 1, 3);
}
function* forks(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysMadvise(k, 0, 2, MADV_PAGEOUT);
  yield* sysFork(k, 1);
  yield* store(k, 0, 3);
  yield* load(k, 1);
}

// ---- who comes between -----------------------------------------------------------------------------------------

function* uses(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 0);
  yield* store(k, 1, 3);
}
function* usesBoth(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 2);
  yield* load(k, 1);
}
function* discards(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* load(k, 1);
}
function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 0);
  yield* store(k, 1, 3);
  yield* sysExit(k);
}

/** Has a translation that may be used until the flush comes. */
function* usesCached(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* store(k, 0, 1);
  yield* load(k, 0);
}
function* protects(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 0);
  yield* sysMprotect(k, 0, 2, VM_READ);
  yield* store(k, 0, 3);
}

/** A page that has come back by a load is clean: reclaim writes it out again without a flush. */
function* pagesOutAgain(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysMadvise(k, 0, 1, MADV_PAGEOUT);
  yield* load(k, 0);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 1, MADV_PAGEOUT);
}
function* reads(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 0);
  yield* load(k, 0);
}
function* writes(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
}

// ---- a device that takes its time ------------------------------------------------------------------------------

/** The write is under way when the others begin. */
function* writesOut(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysMadvise(k, 0, 1, MADV_PAGEOUT);
  yield* openGate(k);
  yield* load(k, 0);
}
function* stores(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* load(k, 0);
}
/** Memory pressure: reclaim comes to the page again. */
function* presses(k: K): Routine {
  yield* passGate(k);
  yield* shrinkFrame(k, 0);
}

/** A huge page that is being written; a child has it as well. */
function* forksOut(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysMadvise(k, 0, 2, MADV_PAGEOUT);
  yield* sysFork(k, 1);
  yield* openGate(k);
  yield* load(k, 0);
}
function* childLoads(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 1);
}

const onePage = { swapSlots: 1, frames: 4 } as const;
const isSplit = noted(SPLIT_DONE);
const small = { enabled: ENABLED_NEVER } as const;
const out = { "both pages are out": (k: K): boolean => isOut(k, 0, 0) && isOut(k, 0, 1) };
const stored = { "both are on the device alone": (k: K): boolean => isStored(k, 0) && isStored(k, 1) };

/** Reclaim writes a clean page again, drops it, and flushes at the end: before that it comes back, for a store. */
const refault = (name: string, unmapDefersFlush: boolean, expect: Expectation) => swapScenario({
  name, why: "a page comes back and is stored to, while a CPU may have a translation of where it was before", tier: "full",
  options: { ...small, ...onePage, unmapDefersFlush }, areaEnd: 1, threads: { pagesOutAgain, reads, writes },
  sometimes: unmapDefersFlush ? {} : { "the page is on the device alone": (k) => isStored(k, 0) }, expect,
});

export default [
  swapScenario({
    name: "swap-out-fault", why: "pages are used while they go out: who faults waits, and finds them", tier: "full",
    options: small, threads: { pagesOut, uses }, sometimes: { ...out, ...stored }, expect: holds({ states: 96_709 }),
  }),
  swapScenario({
    name: "swap-out-huge-fault", why: "a huge page goes out in one piece, page by page unmapped, while its pages are used", tier: "quick",
    threads: { pagesOut, uses }, sometimes: { ...out, ...stored }, expect: holds({ states: 40_771 }),
  }),
  swapScenario({
    name: "swap-in-twice", why: "two faults read one slot: one of them finds what the other one reads", tier: "full",
    threads: { isSwapped, usesBoth }, sometimes: stored, expect: holds({ states: 48_967 }),
  }),
  swapScenario({
    name: "swap-out-dontneed", why: "a page is discarded while it goes out: nobody needs its slot any more", tier: "quick",
    threads: { pagesOut, discards }, sometimes: out, expect: holds({ states: 12_332 }),
  }),
  swapScenario({
    name: "swap-in-dontneed", why: "a page is discarded while a fault reads another, or itself", tier: "quick",
    threads: { isSwapped, discards }, sometimes: stored, expect: holds({ states: 2938 }),
  }),
  swapScenario({
    name: "swap-in-fork", why: "parent and child have pages in one slot each: whoever writes gets a page of its own", tier: "full",
    options: TWO_PROCESSES, threads: { forks }, others: { child }, sometimes: stored, expect: holds({ states: 217_456 }),
  }),
  swapScenario({
    name: "swap-out-flush-late-store", why: "a CPU stores through a translation that is to be flushed: it is written out", tier: "full",
    options: { ...small, unmapDefersFlush: true }, threads: { pagesOut, usesCached }, sometimes: out, expect: holds({ states: 103_540 }),
  }),
  swapScenario({
    name: "swap-out-flush-late-dontneed", why: "who discards a page whose entry is gone flushes for reclaim", tier: "quick",
    options: { ...small, unmapDefersFlush: true }, threads: { pagesOut, discards }, sometimes: out, expect: holds({ states: 14_168 }),
  }),
  swapScenario({
    name: "swap-out-flush-late-mprotect", why: "who protects a page whose entry is gone flushes for reclaim", tier: "quick",
    options: { ...small, unmapDefersFlush: true }, threads: { pagesOut, protects }, sometimes: out, expect: holds({ states: 30_493 }),
  }),
  deviceScenario({
    name: "swap-device-fault", why: "a page is mapped again and stored to while the device reads it", tier: "quick",
    options: { ...small, ...onePage }, areaEnd: 1, threads: { writesOut, stores },
    sometimes: { "mapped while it is being written": (k) => k.page.writeback.get(0) !== 0 && k.page.mapcount.get(0) >= 0 },
    expect: holds({ states: 10_988 }),
  }),
  deviceScenario({
    name: "swap-device-redirtied", why: "reclaim drops a page that was written, unless it has been stored to meanwhile", tier: "full",
    options: { ...small, ...onePage }, areaEnd: 1, threads: { stores: writesOut, storesToo: stores }, others: { presses },
    sometimes: { "the page is on the device alone": (k) => isStored(k, 0) }, expect: holds({ states: 405_458 }),
  }),
  deviceScenario({
    name: "swap-split-cached", why: "a huge page in the swap cache is split while its pages come back: each part has a slot", tier: "full",
    options: { ...TWO_PROCESSES, frames: 4 }, threads: { forksOut }, others: { childLoads, splitter },
    sometimes: { "split, and out elsewhere": (k) => isSplit(k) && isOut(k, 1, 1) }, expect: holds({ states: 163_907 }),
  }),
  refault("swap-refault", false, holds()),
  refault("swap-refault-flush-late", true, violated("assertion")),
];
