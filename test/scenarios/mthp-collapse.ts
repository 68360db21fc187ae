/**
 * khugepaged's collapse to sizes between a page and a huge page, as merged in 7.2. 4 pages per huge page have folios of two: two
 * windows. 8 have those of two and of four. The first thread fills single pages, as long as no size is enabled; then the sizes
 * between are, and huge pages are not unless a scenario says so. One scan meets what other threads do to the window, to its
 * neighbours in the same table, and to the range.
 */
import { NONE, holds, type Routine } from "thpcheck";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../impl/config/knobs.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { load, store, sysExit, sysFork, sysMadvise, sysMprotect, sysMremap, sysMunmap } from "../../impl/entry/syscalls.ts";
import { FOLL_PIN, FOLL_WRITE, gupFast, pinnedStore, unpinFolio } from "../../impl/gup.ts";
import { khugepagedDoScan } from "../../impl/khugepaged.ts";
import { MADV_COLLAPSE, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_PAGEOUT } from "../../impl/madvise.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import { entryTarget, pmdTable } from "../../impl/pgtable.ts";
import type { Content, Pfn, Vpn } from "../../impl/structs/types.ts";
import { VM_READ } from "../../impl/structs/vma.ts";
import { anonEnabledStore, KNOB_ENABLED, KNOB_MAX_PTES_NONE, sysfsStore } from "../../impl/sysfs.ts";
import { SPLIT_DONE, splitter } from "../../kernel/actors.ts";
import { anyPinned, migrating, thpScenario } from "../../kernel/thp.ts";
import { ISOLATED_UNSANITIZED, isHuge, noted, TWO_PROCESSES, type K } from "../../kernel/world.ts";
import { KHUGEPAGED_MTHP_MERGED } from "../../spec/enumerations.ts";

const MERGED: Partial<KernelOptions> = {
  pagesPerHugePage: 4, frames: 12, thpAnon: "8K:inherit", khugepagedMthp: KHUGEPAGED_MTHP_MERGED,
  enabled: ENABLED_NEVER, maxPtesNone: 0, maxPtesSwap: 0, maxPtesShared: 0, pagesToScan: 8,
  // Zero-filled, those of four pages, and a store.
  contents: 6,
};
/** Why the sanitizers leave out scenarios in which a size is turned off meanwhile. */
const WORDS_UNSANITIZED = "the words of the sizes are read in one step, also by the scan: thpVmaCollapsibleOrders() says why that will do";
/** Besides huge pages, of four pages. */
const WITH_HUGE: Partial<KernelOptions> = { ...MERGED, frames: 16, thpAnon: "8K-16K:inherit" };
/** Folios of two and of four pages, of which eight are a huge page. */
const TWO_SIZES: Partial<KernelOptions> = { ...MERGED, pagesPerHugePage: 8, frames: 16, thpAnon: "8K-16K:inherit", pagesToScan: 16 };

// ---- witnesses -------------------------------------------------------------------------------------------------

/** The order of the folio that the process maps at this page; 0 for nothing. */
function orderAt(k: K, mm: number, vpn: number): number {
  const h = k.param.hpagePmdNr.get();
  const pmd = k.mm.pmd.get(mm, Math.floor(vpn / h));
  if (!pmdTable(pmd)) return 0;
  const pte = k.ptTable.pte.get(entryTarget(pmd), vpn % h);
  if (pte === 0) return 0;
  const page = entryTarget(pte);
  const head = k.page.head.get(page);
  return k.page.order.get(head === NONE ? page : head);
}
const isFolio = (k: K, vpn: number): boolean => orderAt(k, 0, vpn) === 1;
const bothWindows = { "both windows are folios": (k: K) => isFolio(k, 0) && isFolio(k, 2) };
const firstOnly = { "the first window is a folio, the second is not": (k: K) => isFolio(k, 0) && !isFolio(k, 2) };
const secondOnly = { "the second window is a folio, the first is not": (k: K) => isFolio(k, 2) && !isFolio(k, 0) };

// ---- the owner, and khugepaged ---------------------------------------------------------------------------------

/** Single pages at start..end - 1; then khugepaged may make folios of two. */
function* fills(k: K, start: Vpn, end: Vpn): Routine {
  for (let vpn: Vpn = start; vpn < end; vpn++) yield* store(k, vpn, 1 + (vpn % 4));
  yield* lets(k);
}
function* lets(k: K): Routine {
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_ALWAYS);
  yield* sysMadvise(k, 0, k.param.hpagePmdNr.get(), MADV_HUGEPAGE);
  yield* openGate(k);
}
function* fillsAll(k: K): Routine {
  yield* fills(k, 0, 4);
  yield* load(k, 0);
}
/** The last page is a hole. */
function* fillsThree(k: K): Routine {
  yield* fills(k, 0, 3);
  yield* load(k, 0);
}
/** The third page is the zero page. */
function* readsThird(k: K): Routine {
  yield* store(k, 3, 4);
  yield* load(k, 2);
  yield* fills(k, 0, 2);
  yield* load(k, 2);
}
/** A page of each window, and a hole. */
function* fillsEverySecond(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 2, 3);
  yield* lets(k);
  yield* load(k, 0);
}
/** The second window is a folio from the start. */
function* hasFolio(k: K): Routine {
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_ALWAYS);
  yield* store(k, 2, 3);
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_NEVER);
  yield* store(k, 3, 4);
  yield* fills(k, 0, 2);
  yield* load(k, 3);
}
function* fillsSix(k: K): Routine {
  yield* fills(k, 0, 6);
  yield* load(k, 4);
}
function* fillsEight(k: K): Routine {
  yield* fills(k, 0, 8);
  yield* load(k, 4);
}
function* fillsAndExits(k: K): Routine {
  yield* fills(k, 0, 4);
  yield* sysExit(k);
}
function* scans(k: K): Routine {
  yield* passGate(k);
  yield* khugepagedDoScan(k);
}
function* scansTwice(k: K): Routine {
  yield* passGate(k);
  yield* khugepagedDoScan(k);
  yield* khugepagedDoScan(k);
}

// ---- meanwhile -------------------------------------------------------------------------------------------------

function* storesToBoth(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 5);
  yield* store(k, 2, 5);
}
function* storesToRest(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 3, 5);
  yield* load(k, 1);
  yield* store(k, 0, 5);
}
function* storesToHoles(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 5);
  yield* load(k, 3);
}
function* storesBeside(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 3, 5);
  yield* load(k, 2);
}
function* storesToSplit(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 3, 5);
}
function* exits(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 2, 5);
  yield* sysExit(k);
}
/** A device that writes to one page through a pin taken without locks. */
function* pins(k: K, vpn: Vpn, content: Content): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFast(k, 0, vpn, FOLL_PIN | FOLL_WRITE);
  if (page === NONE) return;
  yield* pinnedStore(k, 0, vpn, page, content);
  yield* unpinFolio(k, page);
}
function* device(k: K): Routine {
  yield* pins(k, 1, 5);
}
function* deviceBeside(k: K): Routine {
  yield* pins(k, 3, 5);
}
function* unmapsNeighbour(k: K): Routine {
  yield* passGate(k);
  yield* sysMunmap(k, 3, 1);
  yield* store(k, 0, 5);
}
function* discardsNeighbour(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 2, 2, MADV_DONTNEED);
  yield* store(k, 3, 5);
}
function* discardsWindow(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* load(k, 1);
}
/** With `ptReclaim` the table goes. */
function* discardsTable(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 4, MADV_DONTNEED);
  yield* store(k, 1, 5);
}
function* reclaimsNeighbour(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 2, 2, MADV_FREE);
  yield* sysMadvise(k, 2, 2, MADV_PAGEOUT);
  yield* load(k, 2);
}
function* movesWindow(k: K): Routine {
  yield* passGate(k);
  yield* sysMremap(k, 2, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 4);
  yield* load(k, 4);
  yield* store(k, 5, 5);
}
function* protects(k: K): Routine {
  yield* passGate(k);
  yield* sysMprotect(k, 0, 4, VM_READ);
  yield* load(k, 1);
}
function* forbids(k: K): Routine {
  yield* passGate(k);
  yield* anonEnabledStore(k, 1, ENABLED_NEVER);
}
function* forbidsFour(k: K): Routine {
  yield* passGate(k);
  yield* anonEnabledStore(k, 2, ENABLED_NEVER);
}
function* forbidsHoles(k: K): Routine {
  yield* passGate(k);
  yield* sysfsStore(k, KNOB_MAX_PTES_NONE, 0);
}
function* collapsesAll(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 4, MADV_COLLAPSE);
  yield* store(k, 1, 5);
}
function* forks(k: K): Routine {
  yield* fills(k, 0, 4);
  yield* sysFork(k, 1);
  yield* store(k, 1, 5);
}
function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 1);
  yield* store(k, 2, 5);
}
function* storesToFour(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 5);
  yield* store(k, 5, 5);
}

export default [
  thpScenario({
    name: "mthp-collapse-alone",
    why: "khugepaged makes two folios of two pages from four single pages, and gives nothing more away",
    tier: "quick",
    options: MERGED,
    threads: { fillsAll },
    others: { scans },
    sometimes: bothWindows,
    expect: holds({ states: 921 }),
  }),
  thpScenario({
    name: "mthp-collapse-stores",
    why: "the process stores to a page of each window while khugepaged collapses them: nothing that is stored is lost",
    tier: "full",
    options: MERGED,
    threads: { fillsAll, storesToBoth },
    others: { scans },
    sometimes: bothWindows,
    expect: holds({ states: 15_671 }),
  }),
  thpScenario({
    name: "mthp-collapse-two-writers",
    why: "two threads store to and load from all pages of the table while khugepaged goes from window to window",
    tier: "full",
    options: MERGED,
    threads: { fillsAll, storesToBoth, storesToRest },
    others: { scans },
    sometimes: bothWindows,
    expect: holds({ states: 607_503 }),
  }),
  thpScenario({
    name: "mthp-collapse-hole",
    why: "max_ptes_none is 0: the window with a hole stays as it is, the full one becomes a folio",
    tier: "quick",
    options: MERGED,
    threads: { fillsThree },
    others: { scans },
    sometimes: { "the full window is a folio": (k) => isFolio(k, 0) },
    finally: { "three pages are left": (k) => k.mm.anonPages.get(0) === 3 },
    expect: holds({ states: 523 }),
  }),
  thpScenario({
    name: "mthp-collapse-zero",
    why: "the zero page counts as a hole: its window stays as it is, and it is still there when the table is back (K13)",
    tier: "quick",
    options: MERGED,
    threads: { readsThird },
    others: { scans },
    sometimes: { "the full window is a folio": (k) => isFolio(k, 0) },
    finally: { "three pages are left": (k) => k.mm.anonPages.get(0) === 3 },
    expect: holds({ states: 539 }),
  }),
  thpScenario({
    name: "mthp-collapse-hole-fault",
    why: "the hole of a window is filled by a fault while the table is out for the other window, or before that, or afterwards",
    tier: "full",
    options: MERGED,
    threads: { fillsThree, storesBeside },
    others: { scansTwice },
    sometimes: { ...bothWindows, ...firstOnly },
    finally: { "four pages are left": (k) => k.mm.anonPages.get(0) === 4 },
    expect: holds({ states: 120_358 }),
  }),
  thpScenario({
    name: "mthp-collapse-fills",
    why: "max_ptes_none is all but one: khugepaged fills the hole of a window that a fault is about to fill, or a read to map",
    tier: "full",
    options: { ...MERGED, maxPtesNone: 3 },
    threads: { fillsEverySecond, storesToHoles },
    others: { scans },
    sometimes: { ...bothWindows, "there are pages that nobody has touched": (k) => k.mm.anonPages.get(0) === 4 },
    expect: holds({ states: 76_740 }),
  }),
  thpScenario({
    name: "mthp-collapse-knob",
    why: "max_ptes_none becomes 0 between the scan and an attempt: what the scan let pass is looked at again",
    tier: "full",
    options: { ...MERGED, maxPtesNone: 3 },
    threads: { fillsEverySecond, forbidsHoles, storesToHoles },
    others: { scans },
    sometimes: { ...bothWindows, ...firstOnly },
    expect: holds({ states: 325_599 }),
  }),
  thpScenario({
    name: "mthp-collapse-policy",
    why: "the size is no longer enabled when the second window has its turn: the walk ends",
    tier: "full",
    options: MERGED,
    threads: { fillsAll, forbids },
    others: { scans },
    sometimes: { ...bothWindows, ...firstOnly },
    sanitize: WORDS_UNSANITIZED,
    expect: holds({ states: 3738 }),
  }),
  thpScenario({
    name: "mthp-collapse-gup",
    why: "a device writes through a pin that GUP-fast has taken: the pin stops its window only, or gets a page of the new folio",
    tier: "full",
    options: MERGED,
    threads: { fillsAll, device },
    others: { scans },
    sometimes: { ...bothWindows, ...secondOnly, "a page of a new folio is pinned": (k) => isFolio(k, 0) && anyPinned(k) },
    expect: holds({ states: 17_756 }),
  }),
  thpScenario({
    name: "mthp-collapse-gup-beside",
    why: "one pin in each window, and a store: the table goes out and comes back under walkers that have no lock",
    tier: "full",
    options: MERGED,
    threads: { fillsAll, device, deviceBeside },
    others: { scans },
    sometimes: { ...bothWindows, ...firstOnly, ...secondOnly },
    expect: holds({ states: 350_139 }),
  }),
  thpScenario({
    name: "mthp-collapse-munmap",
    why: "a page of the second window is unmapped: the area does not have the range any more, so no window of it is collapsed further",
    tier: "full",
    options: MERGED,
    threads: { fillsAll, unmapsNeighbour },
    others: { scans },
    sometimes: { ...firstOnly },
    expect: holds({ states: 12_734 }),
  }),
  thpScenario({
    name: "mthp-collapse-dontneed",
    why: "the neighbours of a window are discarded and faulted in anew: before the table goes out, or when it is back",
    tier: "full",
    options: MERGED,
    threads: { fillsAll, discardsNeighbour },
    others: { scans },
    sometimes: { ...bothWindows, ...firstOnly },
    expect: holds({ states: 92_678 }),
  }),
  thpScenario({
    name: "mthp-collapse-torn",
    why: "a page of the window is discarded: it is a hole, or the new folio is mapped in part and on the split queue (P21)",
    tier: "full",
    options: MERGED,
    threads: { fillsAll, discardsWindow },
    others: { scans },
    sometimes: { ...bothWindows, "the new folio is torn": (k) => k.deferredSplit.length.get() > 0 },
    expect: holds({ states: 35_656 }),
  }),
  thpScenario({
    name: "mthp-collapse-table",
    why: "all that the table maps is discarded, and the table goes, between two windows: the walk ends at a PMD that is none",
    tier: "full",
    options: { ...MERGED, ptReclaim: true },
    threads: { fillsAll, discardsTable },
    others: { scans },
    sometimes: { ...bothWindows, "the table has gone": (k) => k.mm.nrPtes.get(0) === 0 && k.gate.open.get() },
    expect: holds({ states: 519_413 }),
  }),
  thpScenario({
    name: "mthp-collapse-split",
    why:
      "a folio beside the window is split while the table is out for the window: the split's walk must not find the PMD none (L5), and " +
      "its migration entries must come back with the table",
    tier: "full",
    options: { ...MERGED, maxPtesSwap: 2 },
    threads: { hasFolio },
    others: { scans, splitter },
    sometimes: {
      ...bothWindows, "it is split": noted(SPLIT_DONE),
      "entries stand beside a new folio": (k) => migrating(k, 0) && isFolio(k, 0),
    },
    expect: holds({ states: 86_496 }),
  }),
  thpScenario({
    name: "mthp-collapse-split-stores",
    why: "the same, and the process stores to the folio that is split: what it waits for comes, and what it stores stays",
    tier: "full",
    options: { ...MERGED, maxPtesSwap: 2 },
    threads: { hasFolio, storesToSplit },
    others: { scans, splitter },
    sometimes: { ...bothWindows, "it is split": noted(SPLIT_DONE) },
    expect: holds({ states: 2_606_507 }),
  }),
  thpScenario({
    name: "mthp-collapse-reclaim",
    why: "lazyfree pages beside the window are reclaimed: the walk of reclaim either comes first or waits for the table (L5)",
    tier: "full",
    options: MERGED,
    threads: { fillsAll, reclaimsNeighbour },
    others: { scans },
    sometimes: { ...bothWindows, ...firstOnly, "they are gone": (k) => k.mm.anonPages.get(0) === 2 && k.gate.open.get() },
    sanitize: ISOLATED_UNSANITIZED,
    expect: holds({ states: 88_378 }),
  }),
  thpScenario({
    name: "mthp-collapse-mremap",
    why: "the second window moves into another table between the two attempts, or under the lock that the first one waits for",
    tier: "full",
    options: { ...MERGED, hugeRanges: 2, vmas: 4, anonVmas: 4, anonVmaChains: 6 },
    threads: { fillsAll, movesWindow },
    others: { scans },
    areaEnd: 4,
    sometimes: { ...bothWindows, ...firstOnly, "a new folio has moved": (k) => isFolio(k, 0) && isFolio(k, 4) },
    expect: holds({ states: 10_406 }),
  }),
  thpScenario({
    name: "mthp-collapse-mprotect",
    why: "the area becomes read-only between the attempts: the second folio is mapped as the area is then",
    tier: "full",
    options: MERGED,
    threads: { fillsAll, protects },
    others: { scans },
    sometimes: bothWindows,
    expect: holds({ states: 15_720 }),
  }),
  thpScenario({
    name: "mthp-collapse-fork",
    why: "fork shares single pages or new folios, and no window with a page that the child has too is collapsed (max_ptes_shared)",
    tier: "full",
    options: { ...MERGED, ...TWO_PROCESSES, frames: 16 },
    threads: { forks },
    others: { child, scans },
    sometimes: { ...bothWindows, ...firstOnly, "the child shares a folio": (k) => orderAt(k, 1, 0) === 1 },
    expect: holds({ states: 474_385 }),
  }),
  thpScenario({
    name: "mthp-collapse-exit",
    why: "the last thread of the process exits between two windows: the walk ends, and who drops the last reference frees the memory",
    tier: "full",
    options: MERGED,
    threads: { fillsAndExits, exits },
    others: { scans },
    sometimes: { ...bothWindows },
    expect: holds({ states: 12_148 }),
  }),
  thpScenario({
    name: "mthp-collapse-fails",
    why: "no memory, no charge, or poison at one of the windows: lack of memory goes on to the next, the others end the walk",
    tier: "full",
    options: { ...MERGED, allocationMayFail: true, chargeMayFail: true, copyMayMeetPoison: true },
    threads: { fillsAll },
    others: { scans },
    sometimes: { ...bothWindows, ...firstOnly, ...secondOnly },
    expect: holds({ states: 14_564 }),
  }),
  thpScenario({
    name: "mthp-collapse-huge",
    why: "huge pages are enabled as well: a pin stops the huge page, and the walk tries its halves, of which one has no pin",
    tier: "full",
    options: { ...WITH_HUGE, lruBatch: 1 },
    threads: { fillsAll, deviceBeside },
    others: { scans },
    sometimes: { ...firstOnly, ...bothWindows, "it is a huge page": (k) => isHuge(k, 0, 0) },
    expect: holds({ states: 13_242 }),
  }),
  thpScenario({
    name: "mthp-collapse-huge-batch",
    why:
      "the same with an LRU batch: pages that the attempt at a huge page has given back wait in it with a reference, so that no half of " +
      "theirs is collapsed in this scan",
    tier: "full",
    options: WITH_HUGE,
    threads: { fillsAll, deviceBeside },
    others: { scans },
    always: { "the first window is no folio of two": (k) => !isFolio(k, 0) },
    sometimes: { "it is a huge page": (k) => isHuge(k, 0, 0), "a page of it is pinned": (k) => isHuge(k, 0, 0) && anyPinned(k) },
    expect: holds({ states: 12_698 }),
  }),
  thpScenario({
    name: "mthp-collapse-huge-again",
    why: "two folios of two pages become a huge page in the second scan, when a hole has been filled",
    tier: "full",
    options: WITH_HUGE,
    threads: { fillsThree, storesBeside },
    others: { scansTwice },
    sometimes: { ...firstOnly, "it is a huge page": (k) => isHuge(k, 0, 0) },
    expect: holds({ states: 80_110 }),
  }),
  thpScenario({
    name: "mthp-collapse-madvise",
    why: "MADV_COLLAPSE makes a huge page of the range that khugepaged makes folios in",
    tier: "full",
    options: { ...MERGED, frames: 16 },
    threads: { fillsAll, collapsesAll },
    others: { scans },
    sometimes: { ...bothWindows, ...firstOnly, "it is a huge page": (k) => isHuge(k, 0, 0) },
    expect: holds({ states: 47_876 }),
  }),
  thpScenario({
    name: "mthp-collapse-sizes",
    why: "six pages of eight: one folio of four and one of two, and the last window stays as it is",
    tier: "quick",
    options: TWO_SIZES,
    threads: { fillsSix },
    others: { scans },
    sometimes: { "a folio of four and one of two": (k) => orderAt(k, 0, 0) === 2 && orderAt(k, 0, 4) === 1 },
    finally: { "six pages are left": (k) => k.mm.anonPages.get(0) === 6 },
    expect: holds({ states: 1147 }),
  }),
  thpScenario({
    name: "mthp-collapse-sizes-fail",
    why: "no memory for four pages, or for two: smaller folios are tried, and the rest of the range",
    tier: "full",
    options: { ...TWO_SIZES, frames: 24, allocationMayFail: true },
    threads: { fillsEight },
    others: { scans },
    sometimes: {
      "two folios of four": (k) => orderAt(k, 0, 0) === 2 && orderAt(k, 0, 4) === 2,
      "two of two, and one of four": (k) => orderAt(k, 0, 0) === 1 && orderAt(k, 0, 2) === 1 && orderAt(k, 0, 4) === 2,
    },
    expect: holds({ states: 357_742 }),
  }),
  thpScenario({
    name: "mthp-collapse-sizes-stores",
    why: "a store to each of two windows of four pages, and four pages are no longer enabled: the walk ends there",
    tier: "full",
    options: { ...TWO_SIZES, frames: 24 },
    threads: { fillsEight, storesToFour, forbidsFour },
    others: { scans },
    sanitize: WORDS_UNSANITIZED,
    sometimes: { "two folios of four": (k) => orderAt(k, 0, 0) === 2 && orderAt(k, 0, 4) === 2 },
    expect: holds({ states: 114_532 }),
  }),
];
