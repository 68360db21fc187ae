/** The huge zero page, its users, and the shrinker that takes it away when there are none. */
import { at, holds, type Routine } from "thpcheck";
import { shrinkHugeZeroFolioCount, shrinkHugeZeroFolioScan } from "../../impl/huge-memory/huge-zero.ts";
import { MADV_DONTNEED } from "../../impl/madvise.ts";
import { load, store, sysExit, sysFork, sysMadvise } from "../../impl/entry/syscalls.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { isHuge, note, noted, TWO_PROCESSES, type K, type Met } from "../../kernel/world.ts";

const FREED: Met = 0;
const KEPT: Met = 1;

function* shrinker(k: K): Routine {
  yield* passGate(k);
  yield at("shrink_huge_zero_folio_count");
  if (shrinkHugeZeroFolioCount(k) === 0) return;
  const freed: boolean = yield* shrinkHugeZeroFolioScan(k);
  note(k, freed ? FREED : KEPT);
}
/** Again and again: as often as reclaim asks. */
function* shrinkerTwice(k: K): Routine {
  yield* shrinker(k);
  yield* shrinker(k);
}

/** Two processes that have not read anything yet. */
function* first(k: K): Routine {
  yield* sysFork(k, 1);
  yield* openGate(k);
  yield* load(k, 0);
  yield* load(k, 2);
  yield* sysExit(k);
}
function* second(k: K): Routine {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* load(k, 1);
  yield* sysExit(k);
}
function* reader(k: K): Routine {
  yield* openGate(k);
  yield* load(k, 0);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* load(k, 1);
}
function* writer(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* load(k, 1);
}
/** The child takes a reference at fork, under two spinlocks. */
function* forks(k: K): Routine {
  yield* load(k, 0);
  yield* openGate(k);
  yield* sysFork(k, 1);
  yield* sysExit(k);
}
function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 1);
  yield* store(k, 0, 2);
  yield* load(k, 1);
  yield* sysExit(k);
}

export default [
  thpScenario({
    name: "huge-zero-shrinker",
    why: "two processes fault the huge zero page in at once, as its first users, and leave; the shrinker tries all the time (C18)",
    tier: "full",
    options: { ...TWO_PROCESSES, hugeRanges: 2 },
    threads: { first },
    others: { second, shrinkerTwice },
    sometimes: {
      "the shrinker frees it": noted(FREED), "somebody was faster than the shrinker": noted(KEPT),
      "the count is 0 while the folio is there": (k) => k.hugeZero.refcount.get() === 0 && k.hugeZero.page.get() >= 0,
    },
    expect: holds({ states: 251_190 }),
  }),
  thpScenario({
    name: "huge-zero-write",
    why: "a write takes the place of the huge zero page while another thread maps it, discards it and maps it again",
    tier: "quick",
    threads: { reader, writer },
    others: { shrinker },
    sometimes: {
      "it is mapped": (k) => isHuge(k, 0, 0) && k.mm.anonPages.get(0) === 0,
      "a huge page has taken its place": (k) => isHuge(k, 0, 0) && k.mm.anonPages.get(0) === 2 && k.hugeZero.page.get() >= 0,
    },
    expect: holds({ states: 52_228 }),
  }),
  thpScenario({
    name: "huge-zero-write-splits",
    why: "before the upgrade existed: the PMD of the huge zero page is split under the writer",
    tier: "quick",
    options: { hugeZeroUpgrade: false },
    threads: { reader, writer },
    others: { shrinker },
    sometimes: {
      "it is mapped": (k) => isHuge(k, 0, 0) && k.mm.anonPages.get(0) === 0,
      "one small page beside a zero page": (k) => !isHuge(k, 0, 0) && k.mm.anonPages.get(0) === 1,
    },
    expect: holds({ states: 139_264 }),
  }),
  thpScenario({
    name: "huge-zero-fork",
    why: "parent and child have one reference each, and leave in any order; the second to leave lets the shrinker have it",
    tier: "quick",
    options: TWO_PROCESSES,
    threads: { forks },
    others: { child, shrinkerTwice },
    sometimes: { "two users": (k) => k.hugeZero.refcount.get() === 3, "the shrinker frees it": noted(FREED) },
    expect: holds({ states: 5663 }),
  }),
];
