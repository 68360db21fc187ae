/**
 * The huge zero folio and its frame number as two words (grain `zero`): the last user leaves, the shrinker takes the folio away,
 * and another process faults it in again meanwhile.
 */
import { at, holds, type Expectation } from "thpcheck";
import type { Grain } from "../../impl/config/grain.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { deferredSplitScan } from "../../impl/huge-memory/deferred-split-shrinker.ts";
import { shrinkHugeZeroFolioCount, shrinkHugeZeroFolioScan } from "../../impl/huge-memory/huge-zero.ts";
import { load, store, sysExit, sysFork, sysMadvise } from "../../impl/entry/syscalls.ts";
import { MADV_COLLAPSE, MADV_DONTNEED } from "../../impl/madvise.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { isHuge, note, noted, TWO_PROCESSES, type K, type Met } from "../../kernel/world.ts";

const FREED: Met = 0;
const KEPT: Met = 1;

function* shrinker(k: K) {
  yield* passGate(k);
  yield at("shrink_huge_zero_folio_count");
  if (shrinkHugeZeroFolioCount(k) === 0) return;
  const freed: boolean = yield* shrinkHugeZeroFolioScan(k);
  note(k, freed ? FREED : KEPT);
}
function* leaves(k: K) {
  yield* sysFork(k, 1);
  yield* load(k, 0);
  yield* openGate(k);
  yield* sysExit(k);
}
/** What it reads, writes and leaves behind is told by the number: zap, copy and write are those of the huge zero folio. */
function* comesAndLeaves(k: K) {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* load(k, 0);
  yield* sysExit(k);
}
function* comesAndWrites(k: K) {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* load(k, 1);
  yield* store(k, 0, 2);
  yield* load(k, 1);
}

/** A page of zeroes beside one that is written to: where the folio is split, the zero page takes its place. */
function* writesOne(k: K) {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* load(k, 1);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
}
function* splitsUnderused(k: K) {
  yield* passGate(k);
  yield* deferredSplitScan(k);
}
/** Small zero pages, of parent and child: shared, discarded, written to, collapsed. */
function* readsAndForks(k: K) {
  yield* load(k, 0);
  yield* store(k, 1, 1);
  yield* sysFork(k, 1);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  yield* load(k, 0);
}
function* childWritesAndDiscards(k: K) {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* store(k, 0, 2);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
  yield* load(k, 0);
}

/** Reads, and leaves: nobody uses the folio when the child writes. */
function* leavesToWriter(k: K) {
  yield* sysFork(k, 1);
  yield* load(k, 0);
  yield* sysExit(k);
  yield* openGate(k);
}
function* writesAndDiscards(k: K) {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* store(k, 0, 2);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}
/** Both processes have their first read fault. */
function* forksAndReads(k: K) {
  yield* sysFork(k, 1);
  yield* load(k, 0);
}
function* childReads(k: K) {
  yield* scheduleIn(k);
  yield* load(k, 0);
}

/** The same, of a split that maps the zero page in place of pages of zeroes. */
export const zeroSplit = (name: string, grain: Grain, expect: Expectation) => thpScenario({
  name,
  why: "a split maps the zero page where a page holds zeroes: by its frame, since that alone tells it",
  tier: "quick",
  options: { shrinkUnderused: true, maxPtesNone: 0, grain },
  threads: { writesOne },
  others: { splitsUnderused },
  sometimes: { "the zero page is mapped in place of a page": (k) => k.mm.anonPages.get(0) === 1 && !isHuge(k, 0, 0) },
  expect,
});

/** With the grain that is asked for: a test does without, to show what is not seen then. */
export const zeroShrinker = (name: string, grain: Grain, expect: Expectation) => thpScenario({
  name,
  why: "a process takes the huge zero folio up while the shrinker takes it away: folio and number stay of one another",
  tier: "quick",
  options: { ...TWO_PROCESSES, grain },
  threads: { leaves },
  others: { comesAndLeaves, shrinker },
  sometimes: {
    "the shrinker frees it": noted(FREED),
    "it is there again": (k) => k.seen.events.has(FREED) && k.hugeZero.refcount.get() === 2 && k.hugeZero.page.get() >= 0,
  },
  expect,
});

export default [
  zeroShrinker("grain-zero-shrinker", ["zero"], holds()),
  zeroSplit("grain-zero-split", ["zero"], holds()),
  thpScenario({
    name: "grain-zero-small",
    why: "small zero pages, told by their frame, are copied by fork, written to, discarded and collapsed",
    tier: "quick",
    options: { ...TWO_PROCESSES, grain: ["zero"], enabled: ENABLED_NEVER },
    threads: { readsAndForks },
    others: { childWritesAndDiscards },
    sometimes: {
      "the parent has a huge page": (k) => isHuge(k, 0, 0), "the child has pages of its own": (k) => k.mm.anonPages.get(1) === 2,
    },
    expect: holds({ states: 3783 }),
  }),
  thpScenario({
    name: "grain-zero-both-first",
    why: "two processes allocate the huge zero folio at a time: the second frees its own, and takes the first's",
    tier: "quick",
    options: { ...TWO_PROCESSES, grain: ["zero"] },
    threads: { forksAndReads },
    others: { childReads },
    sometimes: {
      "both use one folio, and another is there": (k) =>
        k.hugeZero.refcount.get() === 3 && k.zone.freePages.get() < k.param.frames.get() - 2,
    },
    expect: holds({ states: 4763 }),
  }),
  thpScenario({
    name: "grain-zero-reused",
    why: "the frame of the huge zero folio that the shrinker has freed becomes a huge page, which is not to be taken for it",
    tier: "quick",
    options: { ...TWO_PROCESSES, grain: ["zero"] },
    threads: { leavesToWriter },
    others: { writesAndDiscards, shrinker },
    sometimes: { "its frame is a huge page": (k) => k.seen.events.has(FREED) && isHuge(k, 1, 0) && k.mm.anonPages.get(1) === 2 },
    expect: holds({ states: 543 }),
  }),
  thpScenario({
    name: "grain-zero-write",
    why: "the same, and a write takes its place",
    tier: "full",
    options: { ...TWO_PROCESSES, grain: ["zero"] },
    threads: { leaves },
    others: { comesAndWrites, shrinker },
    sometimes: {
      "the shrinker frees it": noted(FREED),
      "a huge page has taken its place": (k) => isHuge(k, 1, 0) && k.mm.anonPages.get(1) === 2,
    },
    expect: holds({ states: 9046 }),
  }),
];
