/** Small worlds for what only reclaim of a lazyfree huge page causes, split before (as Linux does it) or discarded as it is. */
import { holds, type Routine, type Scenario } from "thpcheck";
import { load, store, sysMprotect, sysMremap } from "../../../impl/entry/syscalls.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../../impl/mremap.ts";
import { VM_LOCKED, VM_READ } from "../../../impl/structs/vma.ts";
import { shrinkLazyfreeFolio } from "../../../impl/vmscan.ts";
import { bootAnonVma, bootHugePage, bootLazyfree } from "../../bugs/scenarios/setup/memory.ts";
import { thpScenario } from "../../../kernel/thp.ts";
import { isHuge, note, noted, type K, type Met, type Structs } from "../../../kernel/world.ts";

const RECLAIMED: Met = 2;
const KEPT: Met = 3;

function* reclaims(k: K): Routine {
  const freed: boolean = yield* shrinkLazyfreeFolio(k, 0);
  note(k, freed ? RECLAIMED : KEPT);
}
function* protects(k: K): Routine {
  yield* sysMprotect(k, 0, 2, VM_READ);
}
/** To where the huge page lies across two ranges. */
function* movesAskew(k: K): Routine {
  yield* sysMremap(k, 0, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 3);
}
function* stores(k: K): Routine {
  yield* store(k, 0, 2);
}
function* loads(k: K): Routine {
  yield* load(k, 0);
}

function lazyfreePage(k: K): void {
  bootAnonVma(k, 0);
  bootHugePage(k, 0, 0, 1);
  bootLazyfree(k, 0, 0);
}
function lockedPage(k: K): void {
  lazyfreePage(k);
  k.vma.flags.set(0, k.vma.flags.get(0) | VM_LOCKED);
}

const reclaimed = { "reclaimed": noted(RECLAIMED) };
const kept = { "kept": noted(KEPT) };

/** Nobody else refers to the page: what reclaim clears stays clear. */
export const protectsDiscarded: Scenario<Structs> = thpScenario({
  name: "exits-mprotect-discarded", why: "mprotect() has seen a huge PMD, and finds nothing under its lock", tier: "quick",
  options: { lazyfreePmdDiscard: true }, memory: lazyfreePage, threads: { protects }, others: { reclaims }, sometimes: reclaimed,
  expect: holds(),
});

export const movesDiscarded: Scenario<Structs> = thpScenario({
  name: "exits-mremap-discarded", why: "mremap() has seen a huge PMD that it must split, and finds nothing under its lock", tier: "quick",
  options: { lazyfreePmdDiscard: true, hugeRanges: 3, anonVmaChains: 4, vmas: 3 }, areaEnd: 2,
  memory: lazyfreePage, threads: { movesAskew }, others: { reclaims }, sometimes: reclaimed, expect: holds(),
});

export const writtenBeforeDiscard: Scenario<Structs> = thpScenario({
  name: "exits-discard-written",
  why: "the page is written to before reclaim looks at it, or just before the entry is cleared", tier: "quick",
  options: { lazyfreePmdDiscard: true }, memory: lazyfreePage, threads: { stores }, others: { reclaims },
  sometimes: { ...reclaimed, ...kept },
  expect: holds(),
});

/** Whether reclaim splits a huge page first or not: of a locked area it does neither. */
export const lockedStays: readonly Scenario<Structs>[] = [false, true].map((lazyfreePmdDiscard) => thpScenario({
  name: `exits-reclaim-locked-${lazyfreePmdDiscard ? "discard" : "split"}`, why: "a huge page in a locked area stays, and in one piece",
  tier: "quick", options: { lazyfreePmdDiscard }, memory: lockedPage, threads: { loads }, others: { reclaims }, sometimes: kept,
  finally: { "it is huge": (k) => isHuge(k, 0, 0) }, expect: holds(),
}));
