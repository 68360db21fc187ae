/** Huge pages that are there from the start, and two or three operations on them: short traces for bugs of their entries. */
import { holds, type Routine } from "thpcheck";
import { pfnScanner } from "../../../impl/gup.ts";
import { shrinkHugeZeroFolioScan } from "../../../impl/huge-memory/huge-zero.ts";
import { MADV_DONTNEED, MADV_FREE } from "../../../impl/madvise.ts";
import { VM_READ } from "../../../impl/structs/vma.ts";
import { load, store, sysMadvise, sysMprotect, sysMunmap } from "../../../impl/entry/syscalls.ts";
import { SPLIT_DONE, SPLIT_FAILED, splitPage } from "../../../kernel/actors.ts";
import { thpScenario } from "../../../kernel/thp.ts";
import { isHuge, noted, type K } from "../../../kernel/world.ts";
import { bootAnonVma, bootCached, bootHugePage, bootHugeZeroPage, bootLazyfree } from "./setup/memory.ts";

function* discardsAll(k: K): Routine {
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}
function* discardsHalf(k: K): Routine {
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
}
function* freesAll(k: K): Routine {
  yield* sysMadvise(k, 0, 2, MADV_FREE);
}
function* writes(k: K): Routine {
  yield* store(k, 0, 2);
}
function* writesThere(k: K): Routine {
  yield* store(k, 1, 3);
}
function* writesAndProtects(k: K): Routine {
  yield* store(k, 0, 2);
  yield* sysMprotect(k, 0, 2, VM_READ);
}
function* unmapsHalf(k: K): Routine {
  yield* sysMunmap(k, 1, 1);
}
function* reads(k: K): Routine {
  yield* load(k, 0);
}
function* splitter(k: K): Routine {
  yield* splitPage(k, 0);
}
/** Compaction looks at the frame of the second page. */
function* scanner(k: K): Routine {
  yield* pfnScanner(k, 1);
}
function* zeroShrinker(k: K): Routine {
  yield* shrinkHugeZeroFolioScan(k);
}

function oneHugePage(k: K): void {
  bootAnonVma(k, 0);
  bootHugePage(k, 0, 0, 1);
}
function oneLazyfreePage(k: K): void {
  oneHugePage(k);
  bootLazyfree(k, 0, 0);
}
/** The second thread has read from it before. */
function zeroPage(k: K): void {
  bootHugeZeroPage(k, 0, 0);
  bootCached(k, 1, 0);
}

const split = { "the folio is split": noted(SPLIT_DONE) };
const splitOrNot = { ...split, "a reference keeps it from being split, or nothing maps it": noted(SPLIT_FAILED) };
const dirty = (k: K): boolean => isHuge(k, 0, 0) && (k.mm.pmd.get(0, 0) & (1 << 2)) !== 0;

export default [
  thpScenario({
    name: "huge-zap-first-fault",
    why: "MADV_DONTNEED looks at an empty PMD for which a huge fault is under way: both hold the VMA lock for reading",
    tier: "full",
    threads: { discardsAll, writes },
    sometimes: { "a huge page": (k) => isHuge(k, 0, 0) },
    expect: holds({ states: 233 }),
  }),
  thpScenario({
    name: "huge-first-faults",
    why: "two huge faults at once: at no moment is a huge PMD visible without the table that is put aside for its split",
    tier: "full",
    threads: { writes, writesThere },
    sometimes: { "a huge page": (k) => isHuge(k, 0, 0) },
    expect: holds({ states: 2391 }),
  }),
  thpScenario({
    name: "huge-split-zap",
    why: "the zap clears the PMD first and removes the mapping afterwards: the walk of a split waits for both",
    tier: "full",
    memory: oneHugePage,
    threads: { discardsAll },
    others: { splitter },
    sometimes: splitOrNot,
    expect: holds({ states: 537 }),
  }),
  thpScenario({
    name: "huge-split-lazyfree",
    why: "MADV_FREE makes the PMD unusable for a moment, to clean it: the walk of a split must not take that for unmapped",
    tier: "full",
    memory: oneHugePage,
    threads: { freesAll },
    others: { splitter },
    sometimes: { ...split, "lazyfree": (k) => !k.page.swapbacked.get(0) },
    expect: holds({ states: 798 }),
  }),
  thpScenario({
    name: "huge-split-pmd-store",
    why:
      "the hardware sets the dirty bit of a lazyfree huge page while its PMD is being split: the PTEs are dirty, or the " +
      "store comes after them (C7)",
    tier: "full",
    memory: oneLazyfreePage,
    threads: { discardsHalf, writes },
    sometimes: { "written before the split": dirty, "split": (k) => !isHuge(k, 0, 0) },
    expect: holds({ states: 161 }),
  }),
  thpScenario({
    name: "huge-lazyfree-mprotect",
    why: "what is written to a lazyfree huge page survives mprotect(): its dirty bit is all that says so (C7)",
    tier: "full",
    options: { vmas: 3 },
    memory: oneLazyfreePage,
    threads: { writesAndProtects },
    others: { splitter },
    sometimes: { ...split, "written": dirty },
    expect: holds({ states: 1284 }),
  }),
  thpScenario({
    name: "huge-munmap-half",
    why: "munmap cuts an area in the middle of a huge page: the PMD is split before the boundary is there (T1)",
    tier: "full",
    options: { vmas: 3, anonVmaChains: 4 },
    memory: oneHugePage,
    threads: { unmapsHalf, reads },
    sometimes: { "half of it is left": (k) => k.mm.anonPages.get(0) === 1 },
    expect: holds({ states: 249 }),
  }),
  thpScenario({
    name: "huge-split-scanner",
    why:
      "a scanner of page frames gets a reference to a tail as soon as the split gives it a count: the tail must know by " +
      "then whose it is",
    tier: "full",
    memory: oneHugePage,
    threads: { reads },
    others: { splitter, scanner },
    sometimes: split,
    expect: holds({ states: 1287 }),
  }),
  thpScenario({
    name: "huge-zero-zap-shrink",
    why: "the huge zero page is discarded while another CPU has it cached and the shrinker waits for its last user to go (C18)",
    tier: "full",
    memory: zeroPage,
    threads: { discardsAll, reads },
    others: { zeroShrinker },
    sometimes: { "discarded": (k) => k.mm.pmd.get(0, 0) === 0 },
    expect: holds({ states: 76 }),
  }),
];
