/**
 * Any two calls at once, on memory in any of several states, beside a third thread, and beside fork: the pairs that
 * nobody thought of. Each thread chooses its call, so one exploration is all combinations.
 */
import { at, choose, holds, type Int, type Routine } from "thpcheck";
import { vmBugOn } from "../../impl/bug.ts";
import { FOLL_PIN, FOLL_WRITE, dumpPageTables, gupFastFallback, pfnScanner, unpinFolio, type FollFlags } from "../../impl/gup.ts";
import { deferredSplitScan } from "../../impl/huge-memory/deferred-split-shrinker.ts";
import { khugepagedDoScan } from "../../impl/khugepaged.ts";
import { MADV_COLLAPSE, MADV_DONTNEED, MADV_FREE, MADV_NOHUGEPAGE } from "../../impl/madvise.ts";
import { MAP_FIXED, type AddressOrErrno } from "../../impl/mmap.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import type { Pfn, Vpn } from "../../impl/structs/types.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../impl/config/knobs.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { MAY_RETURN, mayReturn, type Errnos } from "../../impl/entry/errnos.ts";
import { load, store, sysExit, sysFork, sysMadvise, sysMmap, sysMprotect, sysMremap, sysMunmap } from "../../impl/entry/syscalls.ts";
import { KNOB_ENABLED, sysfsStore } from "../../impl/sysfs.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { shrinker, splitPage, splitter } from "../../kernel/actors.ts";
import { migrating, thpScenario } from "../../kernel/thp.ts";
import { isHuge, type K } from "../../kernel/world.ts";

/** Alternatives by name, in the order of their numbers: what a case of the switch is called, and what a trace says. */
function numbered<const N extends string>(...names: readonly N[]): Readonly<Record<N, number>> {
  return Object.fromEntries(names.map((name, n) => [name, n])) as Record<N, number>;
}
/** The names as a trace says them. */
function said(alternatives: Readonly<Record<string, number>>): readonly string[] {
  return Object.keys(alternatives).map((name) => name.replaceAll("_", " "));
}

/** What a thread can choose: a call of impl/entry/calls.ts, or an actor, and what it is about. */
const CALL = numbered(
  "store_first", "store_second", "dontneed_all", "dontneed_second", "free_all", "free_first", "munmap_all", "munmap_second", "protect_all",
  "protect_second", "protect_from_loads", "mremap_all", "mremap_second", "mremap_first_aside", "collapse", "nohugepage_second", "mmap_anew",
  "pin_second_to_write", "pin_first", "split_folio", "shrink_split_queue", "scan_page_frame", "dump_page_tables", "khugepaged",
);
type Call = Int<0, 23>;
const CALLS = said(CALL);

/**
 * The call with this number, of process 0, whose area is the pages 0 and 1; what moves goes to pages 2 and 3. It returns
 * no error that its row in impl/entry/calls.ts does not name.
 */
function* callNumber(k: K, n: Call): Routine {
  let result: AddressOrErrno = 0;
  let may: Errnos = 0;
  switch (n) {
    case CALL.store_first: yield* store(k, 0, 3); return;
    case CALL.store_second: yield* store(k, 1, 3); return;
    case CALL.dontneed_all: result = yield* sysMadvise(k, 0, 2, MADV_DONTNEED); may = MAY_RETURN.madvise; break;
    case CALL.dontneed_second: result = yield* sysMadvise(k, 1, 1, MADV_DONTNEED); may = MAY_RETURN.madvise; break;
    case CALL.free_all: result = yield* sysMadvise(k, 0, 2, MADV_FREE); may = MAY_RETURN.madvise; break;
    case CALL.free_first: result = yield* sysMadvise(k, 0, 1, MADV_FREE); may = MAY_RETURN.madvise; break;
    case CALL.munmap_all: result = yield* sysMunmap(k, 0, 2); may = MAY_RETURN.munmap; break;
    case CALL.munmap_second: result = yield* sysMunmap(k, 1, 1); may = MAY_RETURN.munmap; break;
    case CALL.protect_all: result = yield* sysMprotect(k, 0, 2, VM_READ); may = MAY_RETURN.mprotect; break;
    case CALL.protect_second: result = yield* sysMprotect(k, 1, 1, VM_READ); may = MAY_RETURN.mprotect; break;
    case CALL.protect_from_loads: result = yield* sysMprotect(k, 0, 2, 0); may = MAY_RETURN.mprotect; break;
    case CALL.mremap_all: result = yield* move(k, 0, 2, 2); may = MAY_RETURN.mremap; break;
    case CALL.mremap_second: result = yield* move(k, 1, 1, 2); may = MAY_RETURN.mremap; break;
    case CALL.mremap_first_aside: result = yield* move(k, 0, 1, 3); may = MAY_RETURN.mremap; break;
    case CALL.collapse: result = yield* sysMadvise(k, 0, 2, MADV_COLLAPSE); may = MAY_RETURN.madvise; break;
    case CALL.nohugepage_second: result = yield* sysMadvise(k, 1, 1, MADV_NOHUGEPAGE); may = MAY_RETURN.madvise; break;
    case CALL.mmap_anew: result = yield* sysMmap(k, 0, 2, VM_READ | VM_WRITE, MAP_FIXED); may = MAY_RETURN.mmap; break;
    case CALL.pin_second_to_write: yield* pinAndUnpin(k, 1, FOLL_PIN | FOLL_WRITE); return;
    case CALL.pin_first: yield* pinAndUnpin(k, 0, FOLL_PIN); return;
    case CALL.split_folio: yield* splitPage(k, 0); return;
    case CALL.shrink_split_queue: yield* deferredSplitScan(k); return;
    case CALL.scan_page_frame: yield* pfnScanner(k, 0); return;
    case CALL.dump_page_tables: yield* dumpPageTables(k, 0); return;
    case CALL.khugepaged: yield* khugepagedDoScan(k); return;
    default: vmBugOn(true, "any-calls: no call has this number");
  }
  vmBugOn(!mayReturn(may, result), "any-calls: a call has returned an error that impl/entry/calls.ts does not name");
}
function* move(k: K, from: Vpn, length: Vpn, to: Vpn): Routine<AddressOrErrno> {
  return yield* sysMremap(k, from, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}
function* pinAndUnpin(k: K, vpn: Vpn, flags: FollFlags): Routine {
  const page: Pfn = yield* gupFastFallback(k, 0, vpn, flags);
  if (page >= 0) yield* unpinFolio(k, page);
}

/** What is in memory when the calls begin. "torn": the rest of a huge page, and a small page in its gap. */
const MEMORY = numbered("huge_page", "small_pages", "rest_of_huge_page", "torn", "huge_zero_page", "lazyfree");
type Memory = Int<0, 5>;
const MEMORIES = said(MEMORY);

function* fill(k: K, start: Memory): Routine {
  switch (start) {
    case MEMORY.huge_page:
      yield* store(k, 0, 1);
      yield* store(k, 1, 2);
      break;
    case MEMORY.small_pages:
      yield* sysfsStore(k, KNOB_ENABLED, ENABLED_NEVER);
      yield* store(k, 0, 1);
      yield* store(k, 1, 2);
      yield* sysfsStore(k, KNOB_ENABLED, ENABLED_ALWAYS);
      break;
    case MEMORY.rest_of_huge_page:
      yield* store(k, 0, 1);
      yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
      break;
    case MEMORY.torn:
      yield* store(k, 0, 1);
      yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
      yield* store(k, 1, 2);
      break;
    case MEMORY.huge_zero_page: yield* load(k, 0); break;
    case MEMORY.lazyfree:
      yield* store(k, 0, 1);
      yield* store(k, 1, 2);
      yield* sysMadvise(k, 0, 2, MADV_FREE);
      break;
    default: vmBugOn(true, "any-calls: no memory has this number");
  }
}

function* first(k: K): Routine {
  yield at("memory");
  const start: Memory = choose(k, "memory", MEMORIES);
  yield* fill(k, start);
  yield* openGate(k);
  yield at("first call");
  const n: Call = choose(k, "first call", CALLS);
  // There is one khugepaged: the second thread's.
  if (n !== CALL.khugepaged) yield* callNumber(k, n);
  yield* load(k, 0);
  yield* load(k, 1);
}
function* firstOfHuge(k: K): Routine {
  yield* fill(k, MEMORY.huge_page);
  yield* openGate(k);
  yield at("first call");
  const n: Call = choose(k, "first call", CALLS);
  if (n !== CALL.khugepaged) yield* callNumber(k, n);
}
function* firstOfTorn(k: K): Routine {
  yield* fill(k, MEMORY.torn);
  yield* openGate(k);
  yield at("first call");
  const n: Call = choose(k, "first call", CALLS);
  if (n !== CALL.khugepaged) yield* callNumber(k, n);
}
function* second(k: K): Routine {
  yield* passGate(k);
  yield at("second call");
  const n: Call = choose(k, "second call", CALLS);
  yield* callNumber(k, n);
  yield* load(k, 2);
}
/** The same for fewer: of each kind one. For threads beside which there are two others. */
const FEW = numbered(
  "split_folio", "store_second", "dontneed_all", "free_second", "munmap_second", "protect_all", "mremap_second", "collapse",
);
type FewCalls = Int<0, 7>;
const FEW_CALLS = said(FEW);
function* fewCalls(k: K, n: FewCalls): Routine {
  switch (n) {
    case FEW.split_folio: yield* splitPage(k, 0); break;
    case FEW.store_second: yield* store(k, 1, 3); break;
    case FEW.dontneed_all: yield* sysMadvise(k, 0, 2, MADV_DONTNEED); break;
    case FEW.free_second: yield* sysMadvise(k, 1, 1, MADV_FREE); break;
    case FEW.munmap_second: yield* sysMunmap(k, 1, 1); break;
    case FEW.protect_all: yield* sysMprotect(k, 0, 2, VM_READ); break;
    case FEW.mremap_second: yield* move(k, 1, 1, 2); break;
    case FEW.collapse: yield* sysMadvise(k, 0, 2, MADV_COLLAPSE); break;
    default: vmBugOn(true, "any-calls: no call of the fewer has this number");
  }
}
function* secondOfFew(k: K): Routine {
  yield* passGate(k);
  yield at("second call");
  const n: FewCalls = choose(k, "second call", FEW_CALLS);
  yield* fewCalls(k, n);
}

function* forker(k: K): Routine {
  yield* fill(k, MEMORY.huge_page);
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
    // get_user_pages() keeps no PMD during its look: here and below fewer states differ.
    expect: holds({ states: 2_153_402 }),
  }),
  thpScenario({
    name: "any-two-calls-of-4",
    why: "the same with 4 pages per huge page, of which the calls are about the first two: parts of parts",
    tier: "full",
    options: { ...ROOM, pagesPerHugePage: 4, frames: 12, pageTables: 5 },
    areaEnd: 4,
    threads: { first, second },
    sometimes: {
      "migration entries stand": (k: K) => migrating(k, 0),
      "the folio is partially mapped": (k) => k.deferredSplit.length.get() > 0,
    },
    expect: holds({ states: 3_058_827 }),
  }),
  thpScenario({
    name: "any-two-calls-failing",
    why: "24 calls by 24 calls where every allocation and every charge may fail and every copy may meet poison: " +
      "each way back out of each call, with another call beside it, on a huge page or on what there was instead",
    tier: "full",
    options: FAILING,
    areaEnd: 2,
    threads: { firstOfHuge, second },
    sometimes: happened,
    expect: holds({ states: 2_292_510 }),
  }),
  thpScenario({
    name: "any-two-calls-failing-all",
    why: "the same on memory of all six kinds",
    tier: "nightly",
    options: FAILING,
    areaEnd: 2,
    threads: { first, second },
    sometimes: happened,
    expect: holds({ states: 17_721_611 }),
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
    expect: holds({ states: 2_296_823 }),
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
    expect: holds({ states: 8_610_997 }),
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
    expect: holds({ states: 2_634_005 }),
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
    expect: holds({ states: 9_972_025 }),
  }),
  thpScenario({
    name: "any-call-fork",
    why: "8 calls of a sibling while the process forks, by 8 calls of the child",
    tier: "full",
    options: { ...ROOM, mms: 2, frames: 8, vmas: 5, anonVmaChains: 9, pageTables: 6, refcountMax: 7 },
    areaEnd: 2,
    threads: { forker, secondOfFew },
    others: { child },
    sometimes: {
      "both have migration entries": (k) => migrating(k, 0) && migrating(k, 1),
      "the child shares the huge page": (k) => isHuge(k, 1, 0) && isHuge(k, 0, 0),
    },
    expect: holds({ states: 4_069_497 }),
  }),
];
