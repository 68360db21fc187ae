/** Memory goes while its process uses it: munmap(), mmap(MAP_FIXED), MADV_DONTNEED against loads, stores and first faults. */
import { holds, violated, type Expectation, type Routine } from "thpcheck";
import { MADV_DONTNEED } from "../../impl/madvise.ts";
import { MAP_FIXED } from "../../impl/mmap.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { load, store, sysMadvise, sysMmap, sysMunmap } from "../../impl/entry/syscalls.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { allFree, thpScenario } from "../../kernel/thp.ts";
import { isHuge, type K } from "../../kernel/world.ts";

const RW = VM_READ | VM_WRITE;
const ROOM: Partial<KernelOptions> = {
  // The area cut in three, or what mmap puts in the place of a part; and one that is being made.
  vmas: 4,
  // One an area: an area that is mapped anew has its own.
  anonVmas: 4,
  // Three areas with an edge of their own, and one to what they were cut from.
  anonVmaChains: 6,
  // Two ranges, each with its table live or deposited, and one that waits to be freed; and one that a fault allocates in vain.
  pageTables: 5,
};

function* fill(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
}
/** A page of a huge page is left, in a table of which every entry will be empty. */
function* discardsRest(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}
function* unmapsAll(k: K): Routine {
  yield* fill(k);
  yield* sysMunmap(k, 0, 2);
}
function* unmapsHalf(k: K): Routine {
  yield* fill(k);
  yield* sysMunmap(k, 1, 1);
  yield* load(k, 0);
}
/** A hole in the middle of two huge ranges. */
function* unmapsAcross(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 2, 2);
  yield* openGate(k);
  yield* sysMunmap(k, 1, 2);
  yield* load(k, 3);
}
function* replaces(k: K): Routine {
  yield* fill(k);
  yield* sysMmap(k, 0, 2, RW, MAP_FIXED);
  yield* load(k, 0);
}
function* discards(k: K): Routine {
  yield* fill(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* load(k, 0);
}
function* discardsHalf(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* load(k, 1);
}
function* writer(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* store(k, 1, 3);
  yield* load(k, 0);
}
function* toucher(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 2);
  yield* load(k, 1);
}
/** First the zero page, then one of its own: the second fault finds an entry, and locks the table that has it. */
function* readsThenWrites(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 1);
  yield* store(k, 1, 2);
  yield* load(k, 1);
}
function* touchesOnce(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 2);
}
function* writesOnce(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
}
function* writesAround(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 3, 3);
  yield* store(k, 1, 3);
}

const small = { ...ROOM, enabled: ENABLED_NEVER };
const gone = { "the area is gone": (k: K) => k.gate.open.get() && k.vma.mm.get(0) < 0 };
const again = { "a huge page again": (k: K) => isHuge(k, 0, 0) && k.page.content.get(0) !== 1 && k.mm.anonPages.get(0) === 2 };

/** Where the table goes before the flush, a huge page can be there before the flush as well. */
function dontneedBeforeHuge(name: string, ptReclaim: boolean, expect: Expectation) {
  return thpScenario({
    name,
    why:
      "MADV_DONTNEED frees an empty table, and a fault maps a huge page there, before the small translations are flushed: a CPU " +
      "that has one of them takes up the huge one as well (Linux since 6.14)",
    tier: "quick",
    options: { ...ROOM, ptReclaim },
    threads: { discardsRest, writer },
    expect,
  });
}

export default [
  dontneedBeforeHuge("dontneed-table-stays", false, holds({ states: 2172 })),
  dontneedBeforeHuge(
    "dontneed-table-goes-first", true, violated("T5 no CPU caches a small and a huge translation of one address", { length: 76 }),
  ),
  thpScenario({
    name: "munmap-huge",
    why:
      "two threads store through their translations of a huge page while it is unmapped: freed after the flush, seen by " +
      "nobody after the call",
    tier: "quick",
    options: ROOM,
    threads: { unmapsAll, writer, toucher },
    sometimes: gone,
    finally: { "everything is free": allFree },
    expect: holds({ states: 6652 }),
  }),
  thpScenario({
    name: "munmap-small",
    why: "the same of small pages and their table, with a first fault on the way",
    tier: "quick",
    options: small,
    threads: { unmapsAll, writer, toucher },
    sometimes: gone,
    finally: { "everything is free": allFree },
    expect: holds({ states: 42_680 }),
  }),
  thpScenario({
    name: "munmap-half",
    why: "half of a huge page goes, and half of its area: the other half is written meanwhile",
    tier: "quick",
    options: ROOM,
    threads: { unmapsHalf, writer, discardsHalf },
    sometimes: { "the folio is partially mapped": (k) => k.deferredSplit.length.get() === 1 },
    expect: holds({ states: 24_587 }),
  }),
  thpScenario({
    name: "munmap-across",
    why: "the end of one huge page and the beginning of another: two splits of PMDs, an area made two, tables that a neighbour needs",
    tier: "quick",
    options: { ...ROOM, hugeRanges: 2 },
    threads: { unmapsAcross, writesAround, toucher },
    sometimes: { "both folios are partially mapped": (k) => k.deferredSplit.length.get() === 2 },
    expect: holds({ states: 19_430 }),
  }),
  thpScenario({
    name: "mmap-fixed",
    why: "mmap(MAP_FIXED) replaces the memory under mmap_lock: a fault is in the old area, or in the new one, never between",
    tier: "full",
    options: ROOM,
    threads: { replaces, writesOnce, touchesOnce },
    sometimes: again,
    expect: holds({ states: 1_837_568 }),
  }),
  thpScenario({
    name: "dontneed-huge",
    why: "MADV_DONTNEED under the VMA lock, which faults hold as well: the huge page may be back before the call has returned",
    tier: "quick",
    options: ROOM,
    threads: { discards, writer, toucher },
    sometimes: again,
    expect: holds({ states: 912_221 }),
  }),
  thpScenario({
    name: "dontneed-pt-reclaim",
    why:
      "MADV_DONTNEED frees the table that it has emptied, under the VMA lock, which faults hold as well: who has found an " +
      "entry in it locks a table that nobody reaches, and finds the entry gone",
    tier: "quick",
    options: { ...small, ptReclaim: true },
    threads: { discards, readsThenWrites },
    sometimes: {
      "the table is gone": (k) => k.gate.open.get() && k.mm.pmd.get(0, 0) === 0,
      "a fault keeps it from being another's": (k) => k.rcu.waiting.get() === 1,
      "a table again": (k) => k.rcu.waiting.get() === 1 && k.mm.pmd.get(0, 0) !== 0,
    },
    expect: holds({ states: 5340 }),
  }),
  thpScenario({
    name: "dontneed-pt-reclaim-fill",
    why: "the same, and a third thread that fills the table again before it is freed, or a new one afterwards",
    tier: "full",
    options: { ...small, ptReclaim: true },
    threads: { discards, writesOnce, readsThenWrites },
    sometimes: { "a table again": (k) => k.rcu.waiting.get() === 1 && k.mm.pmd.get(0, 0) !== 0 },
    expect: holds({ states: 449_334 }),
  }),
  thpScenario({
    name: "dontneed-twice",
    why: "all of it and half of it at once, by two threads, while a third stores: who finds the PMD split, who finds it empty",
    tier: "quick",
    options: ROOM,
    threads: { discards, discardsHalf, toucher },
    sometimes: again,
    expect: holds({ states: 773_397 }),
  }),
];
