/** MADV_COLD and MADV_PAGEOUT beside those who use the memory, or take it apart. */
import { holds, violated, type Expectation, type Routine } from "thpcheck";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { load, store, sysExit, sysFork, sysMadvise, sysMprotect } from "../../impl/entry/syscalls.ts";
import { FOLL_PIN, gupFastFallback, unpinFolio } from "../../impl/gup.ts";
import { MADV_COLD, MADV_COLLAPSE, MADV_DONTNEED, MADV_PAGEOUT } from "../../impl/madvise.ts";
import { YOUNG, entryTarget, pmdTable } from "../../impl/pgtable.ts";
import type { Errno, Pfn } from "../../impl/structs/types.ts";
import { VM_READ } from "../../impl/structs/vma.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { shrinkLazyfreeFolio } from "../../impl/vmscan.ts";
import { bootAnonVma, bootHugePage, bootLazyfree } from "../bugs/scenarios/setup/memory.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { ISOLATED_UNSANITIZED, isHuge, note, noted, TWO_PROCESSES, type K, type Met } from "../../kernel/world.ts";

const RECLAIMED: Met = 2;
const COLLAPSED: Met = 3;

// ---- a dirty bit -----------------------------------------------------------------------------------------------

/** The load makes the entry young, without which the advice has nothing to do. */
function* cools(k: K): Routine {
  yield* load(k, 0);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_COLD);
}
function* writes(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* load(k, 0);
}
function* reclaims(k: K): Routine {
  yield* passGate(k);
  const freed: boolean = yield* shrinkLazyfreeFolio(k, 0);
  if (freed) note(k, RECLAIMED);
}
function lazyfreePage(k: K): void {
  bootAnonVma(k, 0);
  bootHugePage(k, 0, 0, 1);
  bootLazyfree(k, 0, 0);
}
const coldDirty = (name: string, coldForgetsDirty: boolean, expect: Expectation) => thpScenario({
  name, why: "a store makes a lazyfree page dirty while MADV_COLD makes its PMD old: the dirty bit stays, or reclaim drops the store",
  tier: "quick", options: { coldForgetsDirty }, memory: lazyfreePage, threads: { cools, writes }, others: { reclaims },
  ...(coldForgetsDirty ? {} : { sometimes: { "reclaimed": noted(RECLAIMED) } }), expect,
});

// ---- splits ----------------------------------------------------------------------------------------------------

function* pagesOut(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_PAGEOUT);
  yield* load(k, 0);
}
/** A part of it goes meanwhile: the folio is on the split queue, or one of its parts is freed by the split. */
function* discardsOne(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* load(k, 1);
}
function* collapses(k: K): Routine {
  yield* passGate(k);
  const error: Errno = yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  if (error === 0) note(k, COLLAPSED);
  yield* store(k, 1, 3);
  yield* load(k, 0);
}
/** Both find the huge page mapped; one isolates it. */
function* pagesOutToo(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_PAGEOUT);
}
function* pins(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFastFallback(k, 0, 1, FOLL_PIN);
  if (page >= 0) yield* unpinFolio(k, page);
  yield* store(k, 1, 3);
}
/** All threads are through, and the pages are small. */
const splitAtLast = { "split": (k: K): boolean => k.cpu.mm.get(0) === 0 && k.page.order.get(0) === 0 && k.page.refcount.get(0) > 0 };
/** The first page, mapped or not, is a folio of its own. */
const small0 = (k: K): boolean => k.page.order.get(0) === 0 && k.page.refcount.get(0) > 0;
const stillHuge = { "kept": (k: K): boolean => isHuge(k, 0, 0) && k.page.active.get(0) };

// ---- a part of a large folio -----------------------------------------------------------------------------------

/** The advice is for half of what a PMD maps. */
function* coolsHalf(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMadvise(k, 1, 1, MADV_COLD);
  yield* load(k, 0);
}
function* writesHalf(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 2);
}
/** For what is left of it, mapped by a PTE. */
function* coolsRest(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 1, MADV_COLD);
  yield* load(k, 0);
}
function* discardsAll(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}
/** For one page of what the child has, too, by a PMD of its own. */
function* coolsShared(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysFork(k, 1);
  yield* sysMprotect(k, 1, 1, VM_READ);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 1, MADV_COLD);
  yield* load(k, 0);
}
function* childEnds(k: K): Routine {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* sysExit(k);
}

// ---- a page that is used again ---------------------------------------------------------------------------------

/** The page waits in the CPU's batch when the advice comes. */
function* coolsAndUses(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysMadvise(k, 0, 1, MADV_COLD);
  yield* load(k, 0);
}
/** The process maps a small page at the address, and whether its entry is young. */
function firstPte(k: K): number {
  const pmd = k.mm.pmd.get(0, 0);
  return pmdTable(pmd) ? k.ptTable.pte.get(entryTarget(pmd), 0) : 0;
}
const mapped = (k: K): boolean => firstPte(k) !== 0;
const young = (k: K): boolean => (firstPte(k) & YOUNG) !== 0;

export default [
  thpScenario({
    name: "cold-half", why: "MADV_COLD of half of what a PMD maps splits the folio, and leaves the other half alone",
    tier: "quick", threads: { coolsHalf, writesHalf }, sometimes: splitAtLast, expect: holds({ states: 911 }),
  }),
  thpScenario({
    name: "cold-rest-dontneed",
    why: "MADV_COLD splits a folio that is mapped in part, while the page table goes from under the walk, and from under the advice",
    tier: "quick", options: { ptReclaim: true }, threads: { coolsRest, discardsAll }, sometimes: { "split": small0 },
    expect: holds({ states: 1507 }),
  }),
  thpScenario({
    name: "cold-part-shared",
    why: "MADV_COLD of a part of a folio that a child maps as well, or has until a moment ago: it is not split while it is shared",
    tier: "quick", options: { ...TWO_PROCESSES, vmas: 4, anonVmaChains: 8 }, threads: { coolsShared }, others: { childEnds },
    sometimes: { "split": small0, "kept": (k) => k.cpu.mm.get(0) === 0 && k.page.order.get(0) === 1 }, expect: holds({ states: 1038 }),
  }),
  thpScenario({
    name: "cold-then-used", why: "MADV_COLD finds a page that was faulted in just now, and a use after it is seen",
    tier: "quick", options: { enabled: ENABLED_NEVER }, threads: { coolsAndUses },
    sometimes: { "old": (k) => mapped(k) && !young(k) }, finally: { "young again": young }, expect: holds({ states: 40 }),
  }),
  coldDirty("cold-keeps-dirty", false, holds()),
  coldDirty("cold-forgets-dirty", true, violated("C7 reclaim may drop only what may be lost")),
  thpScenario({
    name: "pageout-dontneed",
    why: "reclaim by advice splits a folio of which another thread discards a part: its parts are isolated, and put back or freed",
    tier: "quick", threads: { pagesOut, discardsOne }, sometimes: splitAtLast, expect: holds({ states: 4698 }),
  }),
  thpScenario({
    sanitize: ISOLATED_UNSANITIZED,
    name: "pageout-collapse", why: "MADV_COLLAPSE of what MADV_PAGEOUT has isolated, split, or is about to",
    tier: "quick", threads: { pagesOut, collapses }, sometimes: { ...splitAtLast, "collapsed": noted(COLLAPSED) },
    expect: holds({ states: 4055 }),
  }),
  thpScenario({
    sanitize: ISOLATED_UNSANITIZED,
    name: "pageout-twice", why: "two threads reclaim one huge page by advice: one of them isolates it, the other finds it off the LRU",
    tier: "quick", threads: { pagesOut, pagesOutToo }, sometimes: splitAtLast, expect: holds({ states: 2428 }),
  }),
  thpScenario({
    name: "pageout-pin", why: "a pin comes before the references are compared, before the freeze, or after the split",
    tier: "quick", threads: { pagesOut, pins }, sometimes: { ...splitAtLast, ...stillHuge }, expect: holds({ states: 5859 }),
  }),
];
