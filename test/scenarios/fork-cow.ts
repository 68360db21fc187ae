/** After a fork, and during it, both sides write: who copies, who may keep the page. */
import { NONE, holds, type Routine } from "thpcheck";
import { FOLL_PIN, FOLL_WRITE, gupFastFallback, pinnedLoad, pinnedStore, unpinFolio } from "../../impl/gup.ts";
import { MADV_DONTNEED } from "../../impl/madvise.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { load, store, sysExit, sysFork, sysMadvise } from "../../impl/entry/syscalls.ts";
import { folioMaybeDmaPinned } from "../../impl/page-ref.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { allFree, anyPinned, thpScenario } from "../../kernel/thp.ts";
import { isHuge, TWO_PROCESSES, type K } from "../../kernel/world.ts";

/** Has forked when the others begin. */
function* parent(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysFork(k, 1);
  yield* openGate(k);
  yield* store(k, 0, 3);
  yield* load(k, 0);
  yield* store(k, 1, 3);
}
function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* store(k, 0, 2);
  yield* load(k, 1);
  yield* store(k, 1, 1);
  yield* load(k, 0);
}
/** Goes at once: the parent may find itself alone again, and reuse. */
function* leavingChild(k: K): Routine {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* load(k, 1);
  yield* sysExit(k);
}
function* discardingChild(k: K): Routine {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
  yield* load(k, 0);
  yield* sysExit(k);
}

/** Forks for the child on CPU 2 while the sibling, on CPU 1, writes. */
function* forker(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
  yield* sysFork(k, 2);
  yield* store(k, 0, 2);
}
function* sibling(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* load(k, 0);
  yield* store(k, 1, 3);
}
function* lateChild(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 0);
  yield* store(k, 1, 1);
  yield* load(k, 1);
}
/** A device writes to page 0 while the fork goes on: the page may not be taken from under it. */
function* device(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFastFallback(k, 0, 0, FOLL_PIN | FOLL_WRITE);
  if (page === NONE) return;
  yield* pinnedStore(k, 0, 0, page, 3);
  yield* unpinFolio(k, page);
  yield* load(k, 0);
}
/** A device that reads: through its pin it must see what the process stores after it, so the pin may not be of a page that a store would leave (X5). */
function* readingDevice(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFastFallback(k, 0, 0, FOLL_PIN);
  if (page === NONE) return;
  yield* pinnedLoad(k, 0, 0, page);
  yield* store(k, 0, 3);
  yield* pinnedLoad(k, 0, 0, page);
  yield* unpinFolio(k, page);
}
/** Another thread of the parent copies, or reuses, the same page. */
function* cowSibling(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 0);
  yield* store(k, 0, 2);
}
function* forkedParent(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysFork(k, 2);
  yield* openGate(k);
  yield* store(k, 0, 3);
  yield* load(k, 1);
}
function* readingChild(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 0);
  yield* sysExit(k);
}
/** Parent and child, both on other CPUs, and the parent's exit. */
function* exitingParent(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysFork(k, 1);
  yield* openGate(k);
  yield* store(k, 1, 3);
  yield* sysExit(k);
}
function* survivingChild(k: K): Routine {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* store(k, 1, 1);
  yield* load(k, 0);
  yield* sysExit(k);
}

const small = { ...TWO_PROCESSES, enabled: ENABLED_NEVER };
const bothSmall = { "both have pages of their own": (k: K) => k.mm.anonPages.get(0) === 2 && k.mm.anonPages.get(1) === 2 && k.node.anonMapped.get() === 4 };
/** The parent writes to the frame that it had before the fork. */
const reused = { "the parent keeps its page": (k: K) => k.page.content.get(0) === 3 && k.page.anonExclusive.get(0) };

/** The page is dirty, and the child has it as well: to be written to through a pin it has to be copied. */
function* pinsAfterFork(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysFork(k, 1);
  const page: Pfn = yield* gupFastFallback(k, 0, 0, FOLL_PIN | FOLL_WRITE);
  if (page === NONE) return;
  yield* pinnedStore(k, 0, 0, page, 2);
  yield* unpinFolio(k, page);
}
function* childOfPinner(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 0);
}

export default [
  thpScenario({
    name: "fork-cow-huge",
    why: "both write to a shared huge page: each PMD is split, each page copied or, by the one who is left alone with it, reused",
    tier: "quick",
    options: TWO_PROCESSES,
    threads: { parent },
    others: { child },
    sometimes: { ...bothSmall, "one is huge, the other split": (k) => isHuge(k, 0, 0) && !isHuge(k, 1, 0) && k.mm.anonPages.get(1) === 2 },
    expect: holds({ states: 10_279 }),
  }),
  thpScenario({
    name: "fork-cow-small",
    why: "the same, of small pages: wp_can_reuse_anon_folio() compares counts that the other side is changing",
    tier: "quick",
    options: small,
    threads: { parent },
    others: { child },
    sometimes: { ...bothSmall, ...reused },
    expect: holds({ states: 12_549 }),
  }),
  thpScenario({
    name: "fork-cow-exit",
    why: "the child goes while the parent writes: reuse of the huge page, or a split and a copy, depending on who was faster",
    tier: "quick",
    options: TWO_PROCESSES,
    threads: { parent },
    others: { leavingChild },
    sometimes: {
      "the parent's huge page is whole and writable again": (k) => isHuge(k, 0, 0) && k.page.anonExclusive.get(0) && k.page.content.get(0) === 3 && k.mm.mmCount.get(1) === 0,
      "the parent has split it": (k) => !isHuge(k, 0, 0) && k.gate.open.get(),
    },
    expect: holds({ states: 2565 }),
  }),
  thpScenario({
    name: "fork-cow-discard",
    why: "the child discards half of what it shares: mapcounts of parts of the folio, by PMD in one process and by PTE in the other",
    tier: "quick",
    options: TWO_PROCESSES,
    threads: { parent },
    others: { discardingChild },
    sometimes: { "partially mapped": (k) => k.deferredSplit.length.get() > 0, "the parent is alone": (k) => k.mm.mmCount.get(1) === 0 },
    expect: holds({ states: 13_119 }),
  }),
  thpScenario({
    name: "fork-cow-both-exit",
    why: "both processes end, each while the other still writes: the last one frees what they shared, once",
    tier: "quick",
    options: TWO_PROCESSES,
    threads: { exitingParent },
    others: { survivingChild },
    sometimes: bothSmall,
    finally: { "everything is free": allFree },
    expect: holds({ states: 18_429 }),
  }),
  thpScenario({
    name: "fork-sibling-huge",
    why: "a sibling stores through a translation that fork has not flushed yet: the child may see the store, or not, but not both",
    tier: "full",
    options: TWO_PROCESSES,
    threads: { forker, sibling },
    others: { lateChild },
    sometimes: {
      "the sibling writes before the flush": (k) => k.mm.writeProtectSeq.get(0) % 2 !== 0 && k.page.content.get(0) === 3,
      "the child has a page of its own": (k) => k.mm.anonPages.get(1) === 2 && !isHuge(k, 1, 0),
    },
    expect: holds({ states: 817_064 }),
  }),
  thpScenario({
    name: "fork-sibling-small",
    why: "the same, of small pages, of which some are write-protected while others are not yet",
    tier: "full",
    options: small,
    threads: { forker, sibling },
    others: { lateChild },
    sometimes: {
      "the sibling writes before the flush": (k) => k.mm.writeProtectSeq.get(0) % 2 !== 0 && k.page.content.get(0) === 3,
      "the child has a page of its own": (k) => k.mm.anonPages.get(1) === 2,
    },
    expect: holds({ states: 312_052 }),
  }),
  thpScenario({
    name: "fork-gup-huge",
    why: "a pin without locks meets fork: it is seen, and the child gets copies, or write_protect_seq makes it go the slow way (C14)",
    tier: "full",
    options: TWO_PROCESSES,
    threads: { forker, device },
    others: { readingChild },
    sometimes: {
      "pinned, and fork copies for the child": (k) => folioMaybeDmaPinned(k, 0) && !isHuge(k, 0, 0) && k.mm.anonPages.get(1) === 2,
      "pinned while write_protect_seq is odd": (k) => folioMaybeDmaPinned(k, 0) && k.mm.writeProtectSeq.get(0) % 2 !== 0,
    },
    // The PMD that get_user_pages() has read dies before the look at the table.
    expect: holds({ states: 416_657 }),
  }),
  thpScenario({
    name: "fork-gup-small",
    why: "the same, of small pages: a preallocated copy for the pinned one alone",
    tier: "quick",
    options: small,
    threads: { forker, device },
    others: { readingChild },
    sometimes: {
      "pinned, and fork copies for the child": (k) => folioMaybeDmaPinned(k, 0) && k.mm.anonPages.get(1) === 2 && k.page.anonExclusive.get(0),
      "pinned while write_protect_seq is odd": (k) => folioMaybeDmaPinned(k, 0) && k.mm.writeProtectSeq.get(0) % 2 !== 0,
    },
    expect: holds({ states: 147_028 }),
  }),
  thpScenario({
    name: "fork-gup-read-huge",
    why:
      "a pin for reading of a page that fork is making shared: it is of an exclusive page, or unshares, so that stores and " +
      "device agree ever after",
    tier: "full",
    options: TWO_PROCESSES,
    threads: { forker, readingDevice },
    others: { readingChild },
    sometimes: {
      "pinned while write_protect_seq is odd": (k) => folioMaybeDmaPinned(k, 0) && k.mm.writeProtectSeq.get(0) % 2 !== 0,
      "another page is pinned": (k) => !folioMaybeDmaPinned(k, 0) && anyPinned(k),
    },
    // The PMD that get_user_pages() has read dies before the look at the table.
    expect: holds({ states: 525_149 }),
  }),
  thpScenario({
    name: "fork-gup-read-small",
    why: "the same, of small pages",
    tier: "quick",
    options: small,
    threads: { forker, readingDevice },
    others: { readingChild },
    sometimes: {
      "pinned while write_protect_seq is odd": (k) => folioMaybeDmaPinned(k, 0) && k.mm.writeProtectSeq.get(0) % 2 !== 0,
      "another page is pinned": (k) => !folioMaybeDmaPinned(k, 0) && anyPinned(k),
    },
    expect: holds({ states: 196_552 }),
  }),
  thpScenario({
    name: "fork-cow-threads",
    why: "two threads of the parent and the child write to one shared huge page: one copy for each process, whoever makes it",
    tier: "full",
    options: { ...TWO_PROCESSES, frames: 10 },
    threads: { forkedParent, cowSibling },
    others: { child },
    sometimes: bothSmall,
    expect: holds({ states: 465_511 }),
  }),
  thpScenario({
    name: "fork-cow-threads-small",
    why: "the same, of small pages",
    tier: "full",
    options: { ...small, frames: 10 },
    threads: { forkedParent, cowSibling },
    others: { child },
    sometimes: bothSmall,
    expect: holds({ states: 210_985 }),
  }),
  thpScenario({
    name: "fork-pin-dirty",
    why: "before 6.0 a dirty entry let a forced write through, and no other: a pin to write copies the page that a child shares",
    tier: "quick", options: { ...TWO_PROCESSES, enabled: ENABLED_NEVER, forcedWriteByDirty: true },
    threads: { pinsAfterFork }, others: { childOfPinner },
    sometimes: { "each has a page": (k) => k.mm.anonPages.get(1) === 1 && k.node.anonMapped.get() === 2 },
    expect: holds({ states: 253 }),
  }),
];
