/** Memory moves while rmap walks look for it, and while its process uses both addresses. */
import { holds, type Routine } from "thpcheck";
import { FOLL_PIN, FOLL_WRITE, gupFast, unpinFolio } from "../../impl/gup.ts";
import { MADV_DONTNEED } from "../../impl/madvise.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { load, store, sysMadvise, sysMprotect, sysMremap } from "../../impl/entry/syscalls.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { shrinker, SPLIT_DONE, SPLIT_FAILED, splitter } from "../../kernel/actors.ts";
import { migrating, thpScenario } from "../../kernel/thp.ts";
import { isHuge, noted, type K } from "../../kernel/world.ts";

const ROOM: Partial<KernelOptions> = {
  // The area is the first range; the second is free.
  hugeRanges: 2,
  // What stays on either side of the part that moves, the part, and its copy.
  vmas: 4,
  // A copy has its source's; the second is one that a first fault makes in vain.
  anonVmas: 2,
  // One an area, and two of areas that are linked before the old ones are unlinked.
  anonVmaChains: 6,
  // Two ranges, each with a table that is live and one deposited; and one that a fault or a move allocates in vain.
  pageTables: 5,
};
const FIXED = MREMAP_MAYMOVE | MREMAP_FIXED;

function* fill(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
}
/** To an aligned address: the huge PMD, or the table, as a whole. */
function* moves(k: K): Routine {
  yield* fill(k);
  yield* sysMremap(k, 0, 2, 2, FIXED, 2);
  yield* load(k, 2);
  yield* store(k, 3, 3);
}
/** Page 1 to page 2: the PMD is split, single entries move. */
function* movesOnePage(k: K): Routine {
  yield* fill(k);
  yield* sysMremap(k, 1, 1, 1, FIXED, 2);
  yield* load(k, 2);
}
/** And back, where the areas merge and the walk meets the new address first. */
function* movesBack(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysMremap(k, 1, 1, 1, FIXED, 3);
  yield* openGate(k);
  yield* sysMremap(k, 3, 1, 1, FIXED, 1);
  yield* load(k, 1);
}
function* movesThereAndBack(k: K): Routine {
  yield* fill(k);
  yield* sysMremap(k, 0, 2, 2, FIXED, 2);
  yield* sysMremap(k, 2, 2, 2, FIXED, 0);
  yield* load(k, 1);
}

/** The PMD has been split before: a table of entries moves as a whole. */
function* movesTable(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysMprotect(k, 1, 1, VM_READ);
  yield* sysMprotect(k, 1, 1, VM_READ | VM_WRITE);
  yield* openGate(k);
  yield* sysMremap(k, 0, 2, 2, FIXED, 2);
  yield* load(k, 2);
}
/** A huge page of zeroes, which is on the split queue as all are. */
function* movesZeroes(k: K): Routine {
  yield* store(k, 0, 0);
  yield* openGate(k);
  yield* sysMremap(k, 0, 2, 2, FIXED, 2);
  yield* load(k, 2);
}
function* movesZeroPage(k: K): Routine {
  yield* store(k, 0, 0);
  yield* openGate(k);
  yield* sysMremap(k, 1, 1, 1, FIXED, 2);
  yield* load(k, 2);
}
function* movesTableOfZeroes(k: K): Routine {
  yield* store(k, 0, 0);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* openGate(k);
  yield* sysMremap(k, 0, 2, 2, FIXED, 2);
}
/** Looks before it stores: what it has looked at is empty still. */
function* lateWriter(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 1);
  yield* store(k, 1, 3);
}
function* readsBoth(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 0);
  yield* load(k, 2);
}

/** Follows the memory: writes at the old address while it can, reads at both. */
function* follower(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* load(k, 2);
  yield* store(k, 1, 3);
  yield* load(k, 3);
}
function* writer(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* load(k, 0);
  yield* store(k, 0, 3);
}
/** Discards at the old address and at the new one. */
function* discarder(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* sysMadvise(k, 2, 1, MADV_DONTNEED);
  yield* load(k, 2);
}
function* device(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFast(k, 0, 1, FOLL_PIN | FOLL_WRITE);
  if (page >= 0) yield* unpinFolio(k, page);
}

const done = { "the folio is split": noted(SPLIT_DONE) };
const failed = { "a reference keeps it from being split": noted(SPLIT_FAILED) };
const underused = { shrinkUnderused: true, maxPtesNone: 0 };
const given = (k: K): boolean => k.mm.anonPages.get(0) < 2 && k.mm.pmd.get(0, 1) !== 0 && k.zone.freePages.get() > 6;
const small = { ...ROOM, enabled: ENABLED_NEVER };
const arrived = { "the huge page has moved": (k: K) => isHuge(k, 0, 1) };
/** Migration entries stand at the new address, where no split has put them: they came along. */
const moved = (k: K): boolean => migrating(k, 0) && k.mm.pmd.get(0, 1) !== 0;

export default [
  thpScenario({
    name: "mremap-split",
    why:
      "a huge PMD moves between the two walks of a folio split: entries made at one address are restored at the other, " +
      "found by vm_pgoff, and by the order of the areas (C8)",
    tier: "quick",
    options: ROOM,
    areaEnd: 2,
    threads: { moves, follower },
    others: { splitter },
    sometimes: { ...done, ...arrived, "migration entries move": moved },
    expect: holds({ states: 155_873 }),
  }),
  thpScenario({
    name: "mremap-page-split",
    why: "the same with single entries: the walk may meet a page in neither table, unless the locks of both are held in time",
    tier: "quick",
    options: ROOM,
    areaEnd: 2,
    threads: { movesOnePage, writer },
    others: { splitter },
    sometimes: { ...done, "migration entries move": moved },
    expect: holds({ states: 122_614 }),
  }),
  thpScenario({
    name: "mremap-back-split",
    why: "the areas merge, so the new address comes before the old one in rmap order: need_rmap_locks",
    tier: "quick",
    options: ROOM,
    areaEnd: 2,
    threads: { movesBack, writer },
    others: { splitter },
    sometimes: done,
    expect: holds({ states: 132_999 }),
  }),
  thpScenario({
    name: "mremap-there-and-back",
    why: "twice past the same walk: entries that are restored may be missed by nobody, restored twice by nobody",
    tier: "quick",
    options: ROOM,
    areaEnd: 2,
    threads: { movesThereAndBack, device },
    others: { splitter },
    sometimes: { ...done, ...failed, ...arrived, "migration entries move": moved },
    expect: holds({ states: 64_701 }),
  }),
  thpScenario({
    name: "mremap-table-split",
    why:
      "a whole table moves past the walks of a folio split, with the migration entries in it: the anon_vma lock keeps it " +
      "where the walk is",
    tier: "quick",
    options: ROOM,
    areaEnd: 2,
    threads: { movesTable, follower },
    others: { splitter },
    sometimes: {
      ...done, "the table has moved": (k) => k.mm.pmd.get(0, 1) !== 0 && k.mm.pmd.get(0, 0) === 0, "migration entries move": moved,
    },
    expect: holds({ states: 100_690 }),
  }),
  thpScenario({
    name: "mremap-underused",
    why:
      "an empty page is given back at its new address: no stale translation of the old one may still write to it, so the " +
      "flush comes before the lock is dropped",
    tier: "quick",
    options: { ...ROOM, ...underused },
    areaEnd: 2,
    threads: { movesZeroes, writer },
    others: { shrinker },
    sometimes: { "an empty page is mapped to the zero page, at the new address": given },
    expect: holds({ states: 48_473 }),
  }),
  thpScenario({
    name: "mremap-page-underused",
    why: "the same with single entries",
    tier: "quick",
    options: { ...ROOM, ...underused },
    areaEnd: 2,
    threads: { movesZeroPage, lateWriter },
    others: { shrinker },
    sometimes: { "an empty page is mapped to the zero page, at the new address": given },
    expect: holds({ states: 41_594 }),
  }),
  thpScenario({
    name: "mremap-table-underused",
    why:
      "the same with a whole table, which the walk has locked: an entry that is cleared and flushed at its old address must " +
      "not be cached at the new one",
    tier: "quick",
    options: { ...ROOM, ...underused },
    areaEnd: 2,
    threads: { movesTableOfZeroes, readsBoth },
    others: { shrinker },
    sometimes: { "an empty page is mapped to the zero page, at the new address": (k) => k.mm.anonPages.get(0) === 0 && k.mm.pmd.get(0, 1) !== 0 },
    expect: holds({ states: 11_326 }),
  }),
  thpScenario({
    name: "mremap-fault",
    why: "a sibling writes through stale translations of the old address and faults at the new one",
    tier: "quick",
    options: ROOM,
    areaEnd: 2,
    threads: { moves, follower, writer },
    sometimes: arrived,
    expect: holds({ states: 5348 }),
  }),
  thpScenario({
    name: "mremap-fault-small",
    why: "the same, of small pages: a whole table moves, with faults on the way to its lock",
    tier: "quick",
    options: small,
    areaEnd: 2,
    threads: { moves, follower, writer },
    sometimes: { "the table has moved": (k) => k.mm.pmd.get(0, 1) !== 0 && k.mm.pmd.get(0, 0) === 0 },
    expect: holds({ states: 9225 }),
  }),
  thpScenario({
    name: "mremap-dontneed",
    why: "pages are discarded at an address from which, or to which, they are moving",
    tier: "quick",
    options: ROOM,
    areaEnd: 2,
    threads: { moves, discarder, writer },
    sometimes: arrived,
    expect: holds({ states: 242_305 }),
  }),
];
