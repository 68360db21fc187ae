/**
 * Folios of a size between a page and a huge page (mTHP): 4 pages per huge page have one, of two pages; where two sizes meet there
 * are 8. Huge pages of PMD size are never made by faults here.
 */
import { NONE, holds, type Routine } from "thpcheck";
import { ENABLED_ALWAYS, ENABLED_MADVISE, ENABLED_NEVER, PMD_ENABLED_INHERIT } from "../../impl/config/knobs.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { load, store, sysExit, sysFork, sysMadvise, sysMremap, sysMunmap } from "../../impl/entry/syscalls.ts";
import { FOLL_PIN, FOLL_WRITE, gupFast, pinnedStore, unpinFolio } from "../../impl/gup.ts";
import { MADV_COLLAPSE, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_PAGEOUT } from "../../impl/madvise.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { anonEnabledStore } from "../../impl/sysfs.ts";
import { SPLIT_DONE, SPLIT_FAILED, splitter } from "../../kernel/actors.ts";
import { allFree, anyPinned, migrating, thpScenario } from "../../kernel/thp.ts";
import { ISOLATED_UNSANITIZED, isHuge, noted, TWO_PROCESSES, type K } from "../../kernel/world.ts";
import { shrinker, scanned } from "./setup/torn.ts";

/** Folios of two pages. Two blocks of four pages: for the process's folios, and for what replaces them. */
const TWO_PAGES: Partial<KernelOptions> = { pagesPerHugePage: 4, frames: 8, thpAnon: "8K:always" };
/** Folios of two and of four pages, of which eight are a huge page. */
const TWO_SIZES: Partial<KernelOptions> = { pagesPerHugePage: 8, frames: 16, thpAnon: "8K-16K:always" };

/** Anonymous folios of the size that is the n-th above a page. */
const folios = (k: K, size: number): number => k.thpSize.nrAnon.get(size);
const twoPages = { "there is a folio of two pages": (k: K) => folios(k, 0) > 0 };
const queued = { "it is on the split queue": (k: K) => k.deferredSplit.length.get() > 0 };

// ---- first faults ----------------------------------------------------------------------------------------------

function* storesFirst(k: K): Routine {
  yield* openGate(k);
  yield* store(k, 0, 1);
  yield* load(k, 1);
}
function* storesSecond(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 2);
  yield* load(k, 0);
}
/** Fills the entry with the zero page, of a window that another fault may have found empty. */
function* readsSecond(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 1);
  yield* load(k, 0);
}
function* discards(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 2);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}
/** Discards all that the table maps: with `ptReclaim` the table goes. */
function* discardsTable(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 4, MADV_DONTNEED);
}
function* storesTwice(k: K): Routine {
  yield* store(k, 2, 2);
  yield* openGate(k);
  yield* store(k, 0, 1);
  yield* load(k, 1);
}
function* unmaps(k: K): Routine {
  yield* passGate(k);
  yield* sysMunmap(k, 0, 1);
}
/** A fault of four pages, and one of two in the same window, which comes when four are no longer allowed. */
function* forbidsFour(k: K): Routine {
  yield* openGate(k);
  yield* anonEnabledStore(k, 2, ENABLED_NEVER);
  yield* store(k, 2, 1);
  yield* load(k, 0);
}
function* takesFour(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 2);
  yield* load(k, 2);
}
function* allowsFour(k: K): Routine {
  yield* passGate(k);
  yield* anonEnabledStore(k, 2, ENABLED_ALWAYS);
}

/** Of an advised area: moves the size from one word of policy to the others and back, so that it is enabled all the time. */
function* movesPolicy(k: K): Routine {
  yield* passGate(k);
  yield* anonEnabledStore(k, 1, ENABLED_MADVISE);
  yield* anonEnabledStore(k, 1, PMD_ENABLED_INHERIT);
}
function* advisesThenStores(k: K): Routine {
  yield* sysMadvise(k, 0, 4, MADV_HUGEPAGE);
  yield* openGate(k);
  yield* store(k, 0, 1);
  yield* store(k, 2, 2);
}

// ---- folios that are there -------------------------------------------------------------------------------------

/** Both pages of a folio of two are written to. */
function* fills(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
}
function* owner(k: K): Routine {
  yield* fills(k);
  yield* openGate(k);
  yield* store(k, 0, 3);
  yield* load(k, 1);
}
function* tears(k: K): Routine {
  yield* fills(k);
  yield* openGate(k);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* store(k, 1, 3);
  yield* load(k, 0);
}
function* tornOwnerDiscards(k: K): Routine {
  yield* fills(k);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* store(k, 0, 3);
}
function* forks(k: K): Routine {
  yield* fills(k);
  yield* sysFork(k, 1);
  yield* openGate(k);
  yield* store(k, 0, 3);
  yield* load(k, 1);
}
function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* store(k, 0, 2);
  yield* load(k, 1);
}
function* leavingChild(k: K): Routine {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* sysExit(k);
}
function* forksBesideShrinker(k: K): Routine {
  yield* fills(k);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* openGate(k);
  yield* sysFork(k, 1);
  yield* store(k, 0, 3);
}
function* discardingChild(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 0);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
}
function* device(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFast(k, 0, 1, FOLL_PIN | FOLL_WRITE);
  if (page === NONE) return;
  yield* pinnedStore(k, 0, 1, page, 3);
  yield* unpinFolio(k, page);
}
function* zapsSecond(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* load(k, 1);
}
/** By one page: the folio is then out of alignment, and across the boundary of two tables. */
function* moves(k: K): Routine {
  yield* fills(k);
  yield* openGate(k);
  yield* sysMremap(k, 0, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 3);
  yield* load(k, 3);
  yield* store(k, 4, 3);
}
function* frees(k: K): Routine {
  yield* fills(k);
  yield* sysMadvise(k, 0, 2, MADV_FREE);
  yield* openGate(k);
  yield* store(k, 1, 3);
  yield* load(k, 1);
}
function* pagesOut(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_PAGEOUT);
}
function* collapses(k: K): Routine {
  yield* fills(k);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 4, MADV_COLLAPSE);
  yield* load(k, 0);
}
function* storesBeside(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* store(k, 2, 2);
}
/** Tears the folio that another thread takes, of four pages or of two, or discards nothing yet. */
function* tearsFour(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
  yield* load(k, 3);
}

export default [
  thpScenario({
    name: "mthp-faults",
    why: "two first faults in one window: one maps both pages, the other finds the window filled when it has the lock, and tries again",
    tier: "quick",
    options: TWO_PAGES,
    threads: { storesFirst, storesSecond },
    sometimes: twoPages,
    expect: holds({ states: 11_441 }),
  }),
  thpScenario({
    name: "mthp-faults-read",
    why: "the zero page comes into a window that was seen empty: the fault has to look again under the lock",
    tier: "quick",
    options: TWO_PAGES,
    threads: { storesFirst, readsSecond },
    sometimes: { ...twoPages, "the zero page came first": (k) => folios(k, 0) === 0 && k.mm.anonPages.get(0) > 0 },
    expect: holds({ states: 2698 }),
  }),
  thpScenario({
    name: "mthp-faults-fail",
    why: "no memory or no charge for two pages: one is taken",
    tier: "full",
    options: { ...TWO_PAGES, allocationMayFail: true, chargeMayFail: true },
    threads: { storesFirst, storesSecond },
    sometimes: { ...twoPages, "a page is alone": (k) => folios(k, 0) === 0 && k.mm.anonPages.get(0) === 1 },
    expect: holds({ states: 108_396 }),
  }),
  thpScenario({
    name: "mthp-faults-dontneed",
    why: "the window is filled and emptied between the look without a lock and the look with it",
    tier: "quick",
    options: TWO_PAGES,
    threads: { storesFirst, discards },
    sometimes: twoPages,
    expect: holds({ states: 25_410 }),
  }),
  thpScenario({
    name: "mthp-faults-table",
    why: "the page table goes before the window is looked at, or before the folio is mapped",
    tier: "quick",
    options: { ...TWO_PAGES, ptReclaim: true },
    threads: { storesTwice, discardsTable },
    sometimes: { ...twoPages, "the table has gone": (k) => k.mm.nrPtes.get(0) === 0 && k.gate.open.get() },
    expect: holds({ states: 2867 }),
  }),
  thpScenario({
    name: "mthp-policy-words",
    why: "the size is enabled all the time, by one word or another, and a fault that reads them one by one can find none of them set",
    tier: "quick",
    options: { ...TWO_PAGES, enabled: ENABLED_ALWAYS, grain: ["knobs"] },
    threads: { advisesThenStores, movesPolicy },
    sometimes: { ...twoPages, "a fault missed the size": (k) => k.mm.anonPages.get(0) % 2 === 1 },
    expect: holds({ states: 1101 }),
  }),
  thpScenario({
    name: "mthp-flags",
    why: "the flags of a folio of two pages are one word: what two faults and a discard write to it beside one another is not lost",
    tier: "full",
    options: { ...TWO_PAGES, grain: ["flags"] },
    threads: { storesFirst, discards },
    sometimes: twoPages,
    expect: holds({ states: 43_617 }),
  }),
  thpScenario({
    name: "mthp-faults-munmap",
    why: "half of the window is unmapped while a fault is about to fill all of it",
    tier: "quick",
    options: TWO_PAGES,
    threads: { storesFirst, unmaps },
    sometimes: { ...twoPages, ...queued },
    expect: holds({ states: 620 }),
  }),
  thpScenario({
    name: "mthp-faults-sizes",
    why: "faults of four pages and of two in one window, since the file of one size is written to meanwhile",
    tier: "full",
    options: TWO_SIZES,
    threads: { forbidsFour, takesFour, allowsFour },
    areaEnd: 4,
    sometimes: { ...twoPages, "there is a folio of four pages": (k) => folios(k, 1) > 0 },
    expect: holds({ states: 169_709 }),
  }),
  thpScenario({
    name: "mthp-tears-four",
    why: "a folio of four pages is torn while a fault that filled its window, and one that found it filled, go on",
    tier: "full",
    options: TWO_SIZES,
    threads: { forbidsFour, takesFour, tearsFour },
    areaEnd: 4,
    sometimes: { ...queued, "a folio of four pages is torn": (k) => k.thpSize.nrAnonPartiallyMapped.get(1) > 0 },
    expect: holds({ states: 2_095_875 }),
  }),
  thpScenario({
    name: "mthp-shrinker",
    why: "a folio of two pages is torn, filled again and read while the shrinker takes it, splits it and maps it again (P21)",
    tier: "quick",
    options: TWO_PAGES,
    threads: { tears },
    others: { shrinker },
    sometimes: { ...scanned, ...queued, "the shrinker works": (k) => migrating(k, 0) },
    expect: holds({ states: 1987 }),
  }),
  thpScenario({
    name: "mthp-shrinker-dontneed",
    why: "the rest of the folio goes while the shrinker holds it: the last reference takes it off the queue, and off the gauge of its size",
    tier: "quick",
    options: TWO_PAGES,
    threads: { tornOwnerDiscards },
    others: { shrinker },
    sometimes: scanned,
    expect: holds({ states: 2788 }),
  }),
  thpScenario({
    name: "mthp-shrinker-fork",
    why: "a torn folio is shared while the shrinker walks its mappings, and torn further in the child",
    tier: "full",
    options: { ...TWO_PAGES, ...TWO_PROCESSES },
    threads: { forksBesideShrinker },
    others: { discardingChild, shrinker },
    sometimes: { ...scanned, "both have migration entries": (k) => migrating(k, 0) && migrating(k, 1) },
    expect: holds({ states: 97_888 }),
  }),
  thpScenario({
    name: "mthp-fork-cow",
    why: "parent and child write to a folio of two pages: one page is copied, and nobody keeps what the other still reads",
    tier: "quick",
    options: { ...TWO_PAGES, ...TWO_PROCESSES },
    threads: { forks },
    others: { child },
    sometimes: { ...twoPages, ...queued },
    expect: holds({ states: 1144 }),
  }),
  thpScenario({
    name: "mthp-fork-exit",
    why: "the child goes while the parent writes: a page is written in place only when no other process has one of the folio",
    tier: "quick",
    options: { ...TWO_PAGES, ...TWO_PROCESSES },
    threads: { forks },
    others: { leavingChild },
    sometimes: { "a page was copied": queued["it is on the split queue"], "the pages are written in place": (k) =>
      k.mm.mmCount.get(1) === 0 && k.page.content.get(0) === 3 && k.deferredSplit.length.get() === 0 },
    expect: holds({ states: 1026 }),
  }),
  thpScenario({
    name: "mthp-split",
    why: "a split against stores and loads of both pages: what they see is never lost, nor another page's",
    tier: "quick",
    options: TWO_PAGES,
    threads: { owner },
    others: { splitter },
    sometimes: { ...twoPages, "it is split": noted(SPLIT_DONE), "entries stand": (k) => migrating(k, 0) },
    expect: holds({ states: 1987 }),
  }),
  thpScenario({
    name: "mthp-split-gup",
    why: "GUP-fast pins the second page while the folio is split: one of the two notices the other (S6, X3)",
    tier: "full",
    options: TWO_PAGES,
    threads: { owner, device },
    others: { splitter },
    sometimes: { "it is split": noted(SPLIT_DONE), "it is not": noted(SPLIT_FAILED), pinned: anyPinned },
    expect: holds({ states: 32_563 }),
  }),
  thpScenario({
    name: "mthp-split-zap",
    why: "a page is unmapped while the split has migration entries in the place of both",
    tier: "full",
    options: TWO_PAGES,
    threads: { owner, zapsSecond },
    others: { splitter },
    sometimes: { "it is split": noted(SPLIT_DONE), ...queued },
    expect: holds({ states: 58_896 }),
  }),
  thpScenario({
    name: "mthp-mremap-split",
    why: "a folio moves out of alignment and across two tables while a split walks its mappings: no entry is missed, at either place",
    tier: "quick",
    options: { ...TWO_PAGES, hugeRanges: 2, vmas: 4, anonVmas: 4, anonVmaChains: 6 },
    threads: { moves },
    others: { splitter },
    areaEnd: 2,
    sometimes: {
      "it is split": noted(SPLIT_DONE), "it lies across two tables": (k) => folios(k, 0) > 0 && k.mm.nrPtes.get(0) === 2,
      "entries stand": (k) => migrating(k, 0),
    },
    expect: holds({ states: 4397 }),
  }),
  thpScenario({
    name: "mthp-lazyfree-pageout",
    why: "a lazyfree folio of two pages is reclaimed while it is written to: as a whole or not at all",
    tier: "quick",
    options: TWO_PAGES,
    threads: { frees, pagesOut },
    sometimes: { ...twoPages, "it has been reclaimed": (k) => k.mm.anonPages.get(0) === 0 && k.gate.open.get() },
    finally: { "the two pages are one folio, the old one or a new one": (k) => folios(k, 0) === 1 && k.mm.anonPages.get(0) === 2 },
    sanitize: ISOLATED_UNSANITIZED,
    expect: holds({ states: 691 }),
  }),
  thpScenario({
    name: "mthp-collapse-fault",
    why: "MADV_COLLAPSE takes a folio of two pages while a sibling writes to it and faults beside it",
    tier: "quick",
    options: TWO_PAGES,
    threads: { collapses, storesBeside },
    sometimes: { ...twoPages, "it is a huge page": (k) => isHuge(k, 0, 0) },
    finally: { "something is mapped": (k) => !allFree(k) },
    expect: holds({ states: 1435 }),
  }),
];
