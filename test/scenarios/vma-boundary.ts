/** An area is cut, or grows together, where a huge page is, while its pages are used. */
import { holds, type Routine } from "thpcheck";
import { FOLL_PIN, FOLL_WRITE, gupFastFallback, unpinFolio } from "../../impl/gup.ts";
import { MADV_COLLAPSE, MADV_DONTNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE } from "../../impl/madvise.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { load, store, sysMadvise, sysMprotect } from "../../impl/entry/syscalls.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { SPLIT_DONE, splitter } from "../../kernel/actors.ts";
import { anyPinned, migrating, thpScenario } from "../../kernel/thp.ts";
import { isHuge, noted, type K } from "../../kernel/world.ts";

const ROOM: Partial<KernelOptions> = {
  // The area in two halves, and one that a cut or merge makes before it frees.
  vmas: 3,
  // One an area, and one that a second first fault makes in vain.
  anonVmas: 4,
  // The same for edges: no area here has more than one.
  anonVmaChains: 4,
};
const RW = VM_READ | VM_WRITE;

function* fill(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
}
/** Nothing is mapped when it begins: the faults may find one area, or two. */
function* cutsAndJoins(k: K): Routine {
  yield* openGate(k);
  yield* sysMadvise(k, 1, 1, MADV_NOHUGEPAGE);
  yield* load(k, 1);
  yield* sysMadvise(k, 0, 2, MADV_HUGEPAGE);
  yield* store(k, 0, 1);
}
function* protectsHalf(k: K): Routine {
  yield* fill(k);
  yield* sysMprotect(k, 1, 1, VM_READ);
  yield* load(k, 1);
  yield* sysMprotect(k, 1, 1, RW);
  yield* store(k, 1, 2);
}
function* protectsAll(k: K): Routine {
  yield* fill(k);
  yield* sysMprotect(k, 0, 2, VM_READ);
  yield* load(k, 0);
  yield* sysMprotect(k, 0, 2, RW);
  yield* store(k, 1, 2);
}
/** PROT_NONE and back. */
function* protectsFromAll(k: K): Routine {
  yield* fill(k);
  yield* sysMprotect(k, 0, 2, 0);
  yield* sysMprotect(k, 0, 2, RW);
  yield* load(k, 1);
}
function* toucher(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* load(k, 0);
  yield* store(k, 0, 3);
}
function* other(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 2);
  yield* load(k, 1);
}
function* touchesOnce(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
}
function* discarder(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* store(k, 1, 3);
}
/** Fails where the areas are two, succeeds when they are one again. */
function* collapser(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  yield* load(k, 1);
}
function* device(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFastFallback(k, 0, 1, FOLL_PIN | FOLL_WRITE);
  if (page >= 0) yield* unpinFolio(k, page);
}

function areas(k: K): number {
  let n = 0;
  for (let vma = 0; vma < k.vma.count; vma++) if (k.vma.mm.get(vma) >= 0) n++;
  return n;
}
const cut = { "the area is cut": (k: K) => areas(k) === 2 };
const done = { "the folio is split": noted(SPLIT_DONE) };

export default [
  thpScenario({
    name: "vma-cut-fault",
    why: "MADV_NOHUGEPAGE of half an area against first faults: a huge page may be there before the cut, or not at all (T1)",
    tier: "full",
    options: ROOM,
    threads: { cutsAndJoins, touchesOnce, other },
    sometimes: {
      ...cut, "a huge page before the cut": (k) => isHuge(k, 0, 0),
      "small pages in the end": (k) => !isHuge(k, 0, 0) && k.mm.anonPages.get(0) === 2 && areas(k) === 1,
    },
    expect: holds({ states: 2_875_241 }),
  }),
  thpScenario({
    name: "vma-cut-collapse",
    why: "the area is cut between the look of a collapse and its commit, and grows together again (C10)",
    tier: "full",
    options: { ...ROOM, frames: 10 },
    threads: { cutsAndJoins, collapser, touchesOnce },
    sometimes: { ...cut, "collapsed": (k) => isHuge(k, 0, 0) },
    expect: holds({ states: 908_734 }),
  }),
  thpScenario({
    name: "mprotect-half",
    why:
      "mprotect() of half a huge page splits its PMD and takes the right to write from one part; a store through an old " +
      "translation must fault once it has returned",
    tier: "quick",
    options: ROOM,
    threads: { protectsHalf, toucher, other },
    sometimes: { ...cut, "the huge page is split": (k) => areas(k) === 2 && !isHuge(k, 0, 0) && k.mm.anonPages.get(0) === 2 },
    expect: holds({ states: 24_237 }),
  }),
  thpScenario({
    name: "mprotect-half-pin",
    why:
      "the PMD is split, which cannot fail, while a page of it is being pinned: each page stays exclusive, the pin sees the " +
      "entry change and goes the slow way, or keeps what it has",
    tier: "quick",
    options: ROOM,
    threads: { protectsHalf, device, toucher },
    sometimes: { ...cut, "pinned and split": (k) => anyPinned(k) && !isHuge(k, 0, 0) },
    expect: holds({ states: 19_236 }),
  }),
  thpScenario({
    name: "mprotect-huge",
    why: "a huge PMD loses the right to write and gets it back, between stores of two threads and the flushes of their translations",
    tier: "quick",
    options: ROOM,
    threads: { protectsAll, toucher, other },
    sometimes: { "read-only for a while": (k) => isHuge(k, 0, 0) && (k.vma.flags.get(0) & VM_WRITE) === 0 },
    expect: holds({ states: 3538 }),
  }),
  thpScenario({
    name: "mprotect-none-dontneed",
    why:
      "a PROT_NONE huge PMD is present for the kernel: MADV_DONTNEED, which holds no mmap_lock for writing, must not take " +
      "it for empty (C13)",
    tier: "quick",
    options: ROOM,
    threads: { protectsFromAll, discarder, device },
    sometimes: { "nothing is permitted for a while": (k) => isHuge(k, 0, 0) && (k.mm.pmd.get(0, 0) & 1) === 0 },
    // The PMD that get_user_pages() has read dies before the look at the table.
    expect: holds({ states: 219_544 }),
  }),
  thpScenario({
    name: "mprotect-split",
    why: "mprotect() meets the migration entries of a folio split, and takes from them the right that they would restore",
    tier: "quick",
    options: ROOM,
    threads: { protectsAll, toucher },
    others: { splitter },
    sometimes: { ...done, "migration entries in a read-only area": (k) => migrating(k, 0) && (k.vma.flags.get(0) & VM_WRITE) === 0 },
    expect: holds({ states: 199_409 }),
  }),
  thpScenario({
    name: "mprotect-half-split",
    why: "the same of half: the PMD split of the cut, under the anon_vma lock, between the two walks",
    tier: "quick",
    options: ROOM,
    threads: { protectsHalf, toucher },
    others: { splitter },
    sometimes: { ...done, ...cut, "migration entries in a cut area": (k) => migrating(k, 0) && areas(k) === 2 },
    expect: holds({ states: 341_864 }),
  }),
];
