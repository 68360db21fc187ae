/**
 * What Linux did from 6.11 to 7.3.2: reclaim of a lazyfree huge page clears the PMD, looks for other references, and puts
 * it back. Each call here holds what it has to hold; each finds the PMD empty, and goes on. Under the switch
 * `lazyfreePmdDiscard` each scenario breaks a promise in its own terms, and without it the same scenario holds.
 */
import { holds, violated, type Expectation, type Routine, type Scenario } from "thpcheck";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { load, store, sysMadvise, sysMprotect, sysMremap } from "../../impl/entry/syscalls.ts";
import { gupFastFallback, pfnScanner } from "../../impl/gup.ts";
import { MADV_DONTNEED, MADV_FREE, MADV_PAGEOUT } from "../../impl/madvise.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import { pageFolio } from "../../impl/page-flags.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { VM_READ } from "../../impl/structs/vma.ts";
import { folioPut } from "../../impl/swap.ts";
import { shrinkLazyfreeFolio } from "../../impl/vmscan.ts";
import { bootAnonVma, bootCached, bootHugePage, bootLazyfree } from "../bugs/scenarios/setup/memory.ts";
import { thpScenario, type ThpScenario } from "../../kernel/thp.ts";
import { note, noted, type K, type Met, type Structs } from "../../kernel/world.ts";

const RECLAIMED: Met = 2;
const KEPT: Met = 3;

function* discards(k: K): Routine {
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* load(k, 0);
}
function* protects(k: K): Routine {
  yield* sysMprotect(k, 0, 2, VM_READ);
  yield* load(k, 0);
}
function* moves(k: K): Routine {
  yield* sysMremap(k, 0, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 2);
  yield* load(k, 2);
}
function* reclaims(k: K): Routine {
  const freed: boolean = yield* shrinkLazyfreeFolio(k, 0);
  note(k, freed ? RECLAIMED : KEPT);
}
/** The other reference: for it the PMD is put back. */
function* scanner(k: K): Routine {
  yield* pfnScanner(k, 0);
}

function* loads(k: K): Routine {
  yield* load(k, 0);
}
function lazyfreePage(k: K): void {
  bootAnonVma(k, 0);
  bootHugePage(k, 0, 0, 1);
  bootLazyfree(k, 0, 0);
}
/** The process has written to it before. */
function lazyfreePageInUse(k: K): void {
  lazyfreePage(k);
  bootCached(k, 0, 0);
}

/** Reclaim that a process asks for: MADV_DONTNEED takes the lock of the area, and not that of the address space. */
function* pagesOut(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysMadvise(k, 0, 2, MADV_FREE);
  const page: Pfn = yield* gupFastFallback(k, 0, 0, 0);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_PAGEOUT);
  yield* folioPut(k, pageFolio(k, page));
}
function* discardsBeside(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}
const advised = (name: string, lazyfreePmdDiscard: boolean, expect: Expectation): Scenario<Structs> => thpScenario({
  name, tier: "quick", options: { lazyfreePmdDiscard }, threads: { pagesOut, discardsBeside },
  why: "MADV_PAGEOUT finds a reference and puts the PMD back, which MADV_DONTNEED has found empty: what it discarded is there again",
  ...(lazyfreePmdDiscard ? {} : { sometimes: { "it is discarded": (k: K) => k.gate.open.get() && k.mm.anonPages.get(0) === 0 } }),
  expect,
});

/** As Linux does it, and as it did it. */
function bothWays(s: Omit<ThpScenario, "expect" | "tier" | "sometimes">, mended: Expectation, promise: string): Scenario<Structs>[] {
  return [
    thpScenario({
      ...s, name: `${s.name}-split`, tier: "quick", expect: mended,
      sometimes: { "reclaimed": noted(RECLAIMED), "kept, since somebody refers to it": noted(KEPT) },
    }),
    thpScenario({
      ...s, name: `${s.name}-discard`, tier: "quick", options: { ...s.options, lazyfreePmdDiscard: true }, expect: violated(promise),
    }),
  ];
}

export default [
  ...bothWays({
    name: "reclaim-dontneed", why: "MADV_DONTNEED finds the PMD cleared, and what it has discarded comes back",
    memory: lazyfreePage, threads: { discards }, others: { reclaims, scanner },
  }, holds(), "assertion"),
  ...bothWays({
    name: "reclaim-mprotect", why: "mprotect() finds the PMD cleared, and it comes back writable in an area that is read-only",
    memory: lazyfreePage, threads: { protects }, others: { reclaims, scanner },
  }, holds(), "T14 no page-table entry grants more than its area"),
  ...bothWays({
    name: "reclaim-mprotect-cached",
    why: "mprotect() finds the PMD cleared and has nothing to flush: a CPU goes on to write by its translation",
    memory: lazyfreePageInUse, threads: { protects }, others: { reclaims, scanner },
  }, holds(), "T12 no cached translation permits more than its area"),
  ...bothWays({
    name: "reclaim-mremap", why: "mremap() finds nothing to move, the area goes, and reclaim puts the huge PMD back where no area is",
    options: { hugeRanges: 2, anonVmaChains: 4, vmas: 3 }, areaEnd: 2,
    memory: lazyfreePage, threads: { moves }, others: { reclaims, scanner },
  }, holds(), "refines vma-bounds"),
  advised("reclaim-advised-dontneed-split", false, holds()),
  advised("reclaim-advised-dontneed-discard", true, violated("P16 memory holds what was stored last")),
  thpScenario({
    name: "reclaim-failed-discard-splits", tier: "quick",
    why: "before 6.15 reclaim that could not discard a huge page, since somebody referred to it, split its PMD and looked at its PTEs",
    options: { lazyfreePmdDiscard: true, lazyfreeFailedDiscardSplits: true },
    memory: lazyfreePage, threads: { loads }, others: { reclaims, scanner },
    sometimes: { "reclaimed": noted(RECLAIMED), "kept, since somebody refers to it": noted(KEPT) },
    expect: holds({ states: 4468 }),
  }),
];
