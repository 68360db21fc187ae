/**
 * Any two calls at once, on memory in any of several states, beside a third thread, and beside fork: the pairs that
 * nobody thought of. Each thread chooses its call, so one exploration is all combinations.
 */
import { at, choose, holds, type Int, type Routine } from "thpcheck";
import { FOLL_PIN, FOLL_WRITE, dumpPageTables, gupFastFallback, pfnScanner, unpinFolio, type FollFlags } from "../../impl/gup.ts";
import { deferredSplitScan } from "../../impl/huge-memory/deferred-split-shrinker.ts";
import { khugepagedDoScan } from "../../impl/khugepaged.ts";
import { MADV_COLLAPSE, MADV_DONTNEED, MADV_FREE, MADV_NOHUGEPAGE } from "../../impl/madvise.ts";
import { MAP_FIXED } from "../../impl/mmap.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import type { Pfn, Vpn } from "../../impl/structs/types.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../impl/config/knobs.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { load, store, sysExit, sysFork, sysMadvise, sysMmap, sysMprotect, sysMremap, sysMunmap } from "../../impl/entry/syscalls.ts";
import { KNOB_ENABLED, sysfsStore } from "../../impl/sysfs.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { shrinker, splitPage, splitter } from "./setup/actors.ts";
import { migrating, thpScenario } from "./setup/thp.ts";
import { isHuge, type K } from "./setup/world.ts";

type Call = Int<0, 23>;
const CALLS = 24;
const KHUGEPAGED = 23;

/** The call with this number, of process 0, whose area is the pages 0 and 1; what moves goes to pages 2 and 3. */
function* callNumber(k: K, n: Call): Routine {
  switch (n) {
    case 0: yield* store(k, 0, 3); break;
    case 1: yield* store(k, 1, 3); break;
    case 2: yield* sysMadvise(k, 0, 2, MADV_DONTNEED); break;
    case 3: yield* sysMadvise(k, 1, 1, MADV_DONTNEED); break;
    case 4: yield* sysMadvise(k, 0, 2, MADV_FREE); break;
    case 5: yield* sysMadvise(k, 0, 1, MADV_FREE); break;
    case 6: yield* sysMunmap(k, 0, 2); break;
    case 7: yield* sysMunmap(k, 1, 1); break;
    case 8: yield* sysMprotect(k, 0, 2, VM_READ); break;
    case 9: yield* sysMprotect(k, 1, 1, VM_READ); break;
    case 10: yield* sysMprotect(k, 0, 2, 0); break;
    case 11: yield* move(k, 0, 2, 2); break;
    case 12: yield* move(k, 1, 1, 2); break;
    case 13: yield* move(k, 0, 1, 3); break;
    case 14: yield* sysMadvise(k, 0, 2, MADV_COLLAPSE); break;
    case 15: yield* sysMadvise(k, 1, 1, MADV_NOHUGEPAGE); break;
    case 16: yield* sysMmap(k, 0, 2, VM_READ | VM_WRITE, MAP_FIXED); break;
    case 17: yield* pinAndUnpin(k, 1, FOLL_PIN | FOLL_WRITE); break;
    case 18: yield* pinAndUnpin(k, 0, FOLL_PIN); break;
    case 19: yield* splitPage(k, 0); break;
    case 20: yield* deferredSplitScan(k); break;
    case 21: yield* pfnScanner(k, 0); break;
    case 22: yield* dumpPageTables(k, 0); break;
    default: yield* khugepagedDoScan(k);
  }
}
function* move(k: K, from: Vpn, length: Vpn, to: Vpn): Routine {
  yield* sysMremap(k, from, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}
function* pinAndUnpin(k: K, vpn: Vpn, flags: FollFlags): Routine {
  const page: Pfn = yield* gupFastFallback(k, 0, vpn, flags);
  if (page >= 0) yield* unpinFolio(k, page);
}

type Start = Int<0, 5>;
const HUGE: Start = 0;
const TORN: Start = 3;

/** What is in memory when the calls begin. */
function* fill(k: K, start: Start): Routine {
  switch (start) {
    case HUGE:
      yield* store(k, 0, 1);
      yield* store(k, 1, 2);
      break;
    // Small pages.
    case 1:
      yield* sysfsStore(k, KNOB_ENABLED, ENABLED_NEVER);
      yield* store(k, 0, 1);
      yield* store(k, 1, 2);
      yield* sysfsStore(k, KNOB_ENABLED, ENABLED_ALWAYS);
      break;
    // The rest of a huge page.
    case 2:
      yield* store(k, 0, 1);
      yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
      break;
    // The rest of a huge page, and a small page in its gap.
    case TORN:
      yield* store(k, 0, 1);
      yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
      yield* store(k, 1, 2);
      break;
    // The huge zero page.
    case 4: yield* load(k, 0); break;
    // Lazyfree.
    default:
      yield* store(k, 0, 1);
      yield* store(k, 1, 2);
      yield* sysMadvise(k, 0, 2, MADV_FREE);
  }
}

function* first(k: K): Routine {
  yield at("memory");
  const start: Start = choose(k, "memory", 6);
  yield* fill(k, start);
  yield* openGate(k);
  yield at("first call");
  const n: Call = choose(k, "first call", CALLS);
  // There is one khugepaged: the second thread's.
  if (n !== KHUGEPAGED) yield* callNumber(k, n);
  yield* load(k, 0);
  yield* load(k, 1);
}
function* firstOfHuge(k: K): Routine {
  yield* fill(k, HUGE);
  yield* openGate(k);
  yield at("first call");
  const n: Call = choose(k, "first call", CALLS);
  if (n !== KHUGEPAGED) yield* callNumber(k, n);
}
function* firstOfTorn(k: K): Routine {
  yield* fill(k, TORN);
  yield* openGate(k);
  yield at("first call");
  const n: Call = choose(k, "first call", CALLS);
  if (n !== KHUGEPAGED) yield* callNumber(k, n);
}
function* second(k: K): Routine {
  yield* passGate(k);
  yield at("second call");
  const n: Call = choose(k, "second call", CALLS);
  yield* callNumber(k, n);
  yield* load(k, 2);
}
type FewCalls = Int<0, 7>;
const FEW_CALLS = 8;
/** The same for fewer: of each kind one. For threads beside which there are two others. */
function* fewCalls(k: K, n: FewCalls): Routine {
  switch (n) {
    case 0: yield* splitPage(k, 0); break;
    case 1: yield* store(k, 1, 3); break;
    case 2: yield* sysMadvise(k, 0, 2, MADV_DONTNEED); break;
    case 3: yield* sysMadvise(k, 1, 1, MADV_FREE); break;
    case 4: yield* sysMunmap(k, 1, 1); break;
    case 5: yield* sysMprotect(k, 0, 2, VM_READ); break;
    case 6: yield* move(k, 1, 1, 2); break;
    default: yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  }
}
function* secondOfFew(k: K): Routine {
  yield* passGate(k);
  yield at("second call");
  const n: FewCalls = choose(k, "second call", FEW_CALLS);
  yield* fewCalls(k, n);
}

function* forker(k: K): Routine {
  yield* fill(k, HUGE);
  yield* openGate(k);
  yield* sysFork(k, 2);
  yield* load(k, 0);
}
/** A call of the child's own, and its end. */
function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield at("child's call");
  const n: FewCalls = choose(k, "child's call", FEW_CALLS);
  yield* fewCalls(k, n);
  yield* load(k, 0);
  yield* load(k, 1);
  yield* sysExit(k);
}

const ROOM: Partial<KernelOptions> = {
  // The area, and a place to move to.
  hugeRanges: 2,
  // Four huge pages, as in one range, and one for the second range.
  frames: 10,
  // The area; each of two calls can cut it once, and each can move a part to an area of its own.
  vmas: 5,
  // One an area.
  anonVmas: 5,
  // Each area has an edge of its own, and one to the anon_vma that it was cut or copied from.
  anonVmaChains: 10,
  // Of each range one that is live and one deposited; and one that each of two calls allocates in vain.
  pageTables: 6,
};
const FAILING: Partial<KernelOptions> = { ...ROOM, allocationMayFail: true, chargeMayFail: true, copyMayMeetPoison: true };
const happened = { "migration entries stand": (k: K) => migrating(k, 0), "a huge page has moved": (k: K) => isHuge(k, 0, 1) };

export default [
  thpScenario({
    name: "any-two-calls",
    why: "24 calls by 24 calls, on huge, small, torn, zero and lazyfree memory",
    tier: "full",
    options: ROOM,
    areaEnd: 2,
    threads: { first, second },
    sometimes: happened,
    expect: holds({ states: 1_938_395 }),
  }),
  thpScenario({
    name: "any-two-calls-of-4",
    why: "the same with 4 pages per huge page, of which the calls are about the first two: parts of parts",
    tier: "full",
    options: { ...ROOM, pagesPerHugePage: 4, frames: 12, pageTables: 5 },
    areaEnd: 4,
    threads: { first, second },
    sometimes: { "migration entries stand": (k: K) => migrating(k, 0), "the folio is partially mapped": (k) => k.deferredSplit.length.get() > 0 },
    expect: holds({ states: 2_739_523 }),
  }),
  thpScenario({
    name: "any-two-calls-failing",
    why: "24 calls by 24 calls where every allocation and every charge may fail and every copy may meet poison: each way back out of each call, with another call beside it, on a huge page or on what there was instead",
    tier: "full",
    options: FAILING,
    areaEnd: 2,
    threads: { firstOfHuge, second },
    sometimes: happened,
    expect: holds({ states: 1_941_654 }),
  }),
  thpScenario({
    name: "any-two-calls-failing-all",
    why: "the same on memory of all six kinds",
    tier: "nightly",
    options: FAILING,
    areaEnd: 2,
    threads: { first, second },
    sometimes: happened,
    expect: holds({ states: 13_263_578 }),
  }),
  thpScenario({
    name: "any-two-calls-split",
    why: "24 calls by 8 calls on a huge page, beside a third thread that splits it",
    tier: "full",
    options: ROOM,
    areaEnd: 2,
    threads: { firstOfHuge, secondOfFew },
    others: { splitter },
    sometimes: happened,
    expect: holds({ states: 1_866_962 }),
  }),
  thpScenario({
    name: "any-two-calls-split-all",
    why: "the same, 24 by 24",
    tier: "nightly",
    options: ROOM,
    areaEnd: 2,
    threads: { firstOfHuge, second },
    others: { splitter },
    sometimes: happened,
    expect: holds({ states: 7_201_992 }),
  }),
  thpScenario({
    name: "any-two-calls-shrinker",
    why: "24 calls by 8 calls on a torn folio, beside the shrinker",
    tier: "full",
    options: ROOM,
    areaEnd: 2,
    threads: { firstOfTorn, secondOfFew },
    others: { shrinker },
    sometimes: { "migration entries stand": (k: K) => migrating(k, 0) },
    expect: holds({ states: 2_435_449 }),
  }),
  thpScenario({
    name: "any-two-calls-shrinker-all",
    why: "the same, 24 by 24",
    tier: "nightly",
    options: ROOM,
    areaEnd: 2,
    threads: { firstOfTorn, second },
    others: { shrinker },
    sometimes: { "migration entries stand": (k: K) => migrating(k, 0) },
    expect: holds({ states: 9_497_820 }),
  }),
  thpScenario({
    name: "any-call-fork",
    why: "8 calls of a sibling while the process forks, by 8 calls of the child",
    tier: "full",
    options: { ...ROOM, mms: 2, frames: 8, vmas: 5, anonVmaChains: 9, pageTables: 6, refcountMax: 7 },
    areaEnd: 2,
    threads: { forker, secondOfFew },
    others: { child },
    sometimes: { "both have migration entries": (k) => migrating(k, 0) && migrating(k, 1), "the child shares the huge page": (k) => isHuge(k, 1, 0) && isHuge(k, 0, 0) },
    expect: holds({ states: 3_690_711 }),
  }),
];
