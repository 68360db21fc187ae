/** Small worlds for exits that only another thread's step in between can cause. */
import { NONE, at, current, holds, type Routine, type Scenario } from "thpcheck";
import { gupSlow, pfnScanner } from "../../../impl/gup.ts";
import { splitHugePagesPid } from "../../../impl/huge-memory/split-debugfs.ts";
import { SINGLE_PAGES } from "../../../impl/huge-memory/split-parts.ts";
import { MADV_COLD, MADV_COLLAPSE, MADV_DONTNEED, MADV_FREE, MADV_PAGEOUT } from "../../../impl/madvise.ts";
import { removeMigrationPtes, tryToMigrate } from "../../../impl/migrate.ts";
import type { AnonVma, Mm, Pfn } from "../../../impl/structs/types.ts";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../../impl/config/knobs.ts";
import { pageFolio } from "../../../impl/page-flags.ts";
import { folioTryGet } from "../../../impl/page-ref.ts";
import { anonVmaLockWrite, anonVmaUnlockWrite, folioGetAnonVma, putAnonVma } from "../../../impl/anon-vma.ts";
import { folioPut, folioTrylock, folioUnlock } from "../../../impl/swap.ts";
import { load, store, sysExit, sysFork, sysMadvise, sysMprotect, sysMunmap } from "../../../impl/entry/syscalls.ts";
import { VM_READ, VM_WRITE } from "../../../impl/structs/vma.ts";
import { openGate, passGate, scheduleIn } from "../../../impl/entry/boot.ts";
import { prepare, scans, shrinks } from "../../../kernel/actors.ts";
import { collapseScenario, type K } from "../../scenarios/setup/collapse.ts";
import { reservationScenarios } from "../../scenarios/setup/reservation.ts";
import type { K as Reserving, Structs } from "../../../kernel/world.ts";

function* storesLow(k: K): Routine {
  yield* store(k, 0, 1);
}
function* storesHigh(k: K): Routine {
  yield* store(k, 1, 2);
}
function* loadsHigh(k: K): Routine {
  yield* load(k, 1);
}

/** Huge pages are on, and may be lacking: one thread falls back to small pages where the other has just mapped a huge one. */
export const faultsFallBack: readonly Scenario<Structs>[] = [{ storesLow, storesHigh }, { storesLow, loadsHigh }].map((threads, n) => collapseScenario({
  name: `exits-fallback-${n}`, why: "a fault falls back to small pages, and finds a huge one", tier: "quick",
  options: { enabled: ENABLED_ALWAYS, allocationMayFail: true }, threads, expect: holds(),
}));

function* loadsLow(k: K): Routine {
  yield* load(k, 0);
}

/** The first two reads: both allocate the huge zero page, one of them in vain; or there is no memory for it. */
export const hugeZeroRace: Scenario<Structs> = collapseScenario({
  name: "exits-huge-zero", why: "two threads allocate the huge zero page, which may fail", tier: "quick",
  options: { enabled: ENABLED_ALWAYS, allocationMayFail: true }, threads: { loadsLow, loadsHigh }, expect: holds(),
});

function* zapsHalf(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
}
function* zapsAll(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}

export const zapOfZapped: Scenario<Structs> = collapseScenario({
  name: "exits-zap-zapped", why: "a half of a huge page is zapped while the whole is", tier: "quick",
  options: { enabled: ENABLED_ALWAYS }, threads: { zapsHalf, zapsAll }, expect: holds(),
});

function* splitsFromOutside(k: K): Routine {
  yield* passGate(k);
  yield* splitHugePagesPid(k, 0, 0, 2, SINGLE_PAGES);
}

export const splitOfSplit: Scenario<Structs> = collapseScenario({
  name: "exits-split-split", why: "a huge PMD that is to be split from outside is split by its process", tier: "quick",
  options: { enabled: ENABLED_ALWAYS }, threads: { zapsHalf }, others: { splitsFromOutside }, expect: holds(),
});

function* collapsesThree(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 2, 2);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 6, MADV_COLLAPSE);
}
function* unmapsLast(k: K): Routine {
  yield* passGate(k);
  yield* sysMunmap(k, 4, 2);
}

export const areaShrinks: Scenario<Structs> = collapseScenario({
  name: "exits-area-shrinks", why: "the area of MADV_COLLAPSE loses its last range while mmap_lock is dropped", tier: "quick",
  options: { hugeRanges: 3, frames: 12 }, threads: { collapsesThree, unmapsLast }, expect: holds(),
});

function* forksAndStores(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysFork(k, 1);
  yield* openGate(k);
  yield* store(k, 0, 2);
}
function* childExits(k: K): Routine {
  yield* scheduleIn(k);
  yield* sysExit(k);
}
/** Holds a reference to the machine's first page for a moment, and locks it if it can. */
function* locksFirstPage(k: K): Routine {
  yield* passGate(k);
  yield at("folio_try_get");
  if (!folioTryGet(k, 0)) return;
  yield at("folio_trylock");
  if (folioTrylock(k, 0)) {
    yield at("folio_unlock");
    folioUnlock(k, 0);
  }
  yield* folioPut(k, 0);
}

export const reuseAndLocker: Scenario<Structs> = collapseScenario({
  name: "exits-reuse", why: "a page that a store is about to reuse gets a reference, or is locked, at the last moment", tier: "quick",
  options: { mms: 2, vmas: 2, anonVmas: 2, anonVmaChains: 4 }, threads: { forksAndStores }, others: { childExits, locksFirstPage }, expect: holds(),
});

export const splitWaitsForLock: Scenario<Structs> = collapseScenario({
  name: "exits-split-waits", why: "before 5.18 a split waits for the folio lock, and then finds another PMD", tier: "quick",
  options: { enabled: ENABLED_ALWAYS, reuseByMapcount: true }, threads: { zapsHalf, zapsAll }, others: { locksFirstPage }, expect: holds(),
});

/** MADV_FREE leaves entries that are writable and clean: hardware sets their dirty bit with the next store. */
function* forksCleanMemory(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysMadvise(k, 0, 2, MADV_FREE);
  yield* openGate(k);
  yield* sysFork(k, 2);
}
function* storesAgain(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 2);
}

/** With small pages, and with huge ones. */
export const forkAndHardware: readonly Scenario<Structs>[] = [ENABLED_NEVER, ENABLED_ALWAYS].map((enabled, n) => collapseScenario({
  name: `exits-fork-dirty-${n}`, why: "hardware sets a dirty bit while fork takes the right to write away", tier: "quick",
  options: { enabled, mms: 2, vmas: 2, anonVmas: 2, anonVmaChains: 4 }, threads: { forksCleanMemory, storesAgain }, others: { childExits }, expect: holds(),
}));

/** Page migration, without the copy: unmaps the page, and maps it again a moment later. The reverse map is locked for the two walks only. */
function* migrates(k: K): Routine {
  yield* passGate(k);
  const folio: Pfn = 0;
  yield at("folio_try_get");
  if (!folioTryGet(k, folio)) return;
  yield at("folio_trylock");
  if (folioTrylock(k, folio)) {
    const anonVma: AnonVma = yield* folioGetAnonVma(k, folio);
    if (anonVma !== NONE) {
      yield* anonVmaLockWrite(k, anonVma);
      yield* tryToMigrate(k, folio);
      anonVmaUnlockWrite(k, anonVma);
      yield* anonVmaLockWrite(k, anonVma);
      yield* removeMigrationPtes(k, folio, false);
      anonVmaUnlockWrite(k, anonVma);
      yield at("put_anon_vma");
      yield* putAnonVma(k, anonVma);
    }
    yield at("folio_unlock");
    folioUnlock(k, folio);
  }
  yield* folioPut(k, folio);
}
function* collapsesOne(k: K): Routine {
  yield* prepare(k, 0, 2);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  yield* load(k, 0);
  yield* load(k, 1);
}

export const collapseAndMigration: Scenario<Structs> = collapseScenario({
  name: "exits-collapse-migration", why: "a page is unmapped for its migration while a collapse isolates it", tier: "quick",
  threads: { collapsesOne, migrates }, expect: holds(),
});

// ---- MADV_DONTNEED frees the tables that it empties: whoever came by a table without its lock finds none -----------

function* zapsBoth(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}
function* storesAndLoads(k: K): Routine {
  yield* prepare(k, 0, 1);
  yield* load(k, 0);
}
function* collapsesOneRange(k: K): Routine {
  yield* prepare(k, 0, 1);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
}

export const collapseOfNoTable: Scenario<Structs> = collapseScenario({
  name: "exits-collapse-no-table", why: "the table is freed between the look at the PMD and the scan", tier: "quick",
  options: { ptReclaim: true }, threads: { collapsesOneRange, zapsBoth }, expect: holds(),
});

function* storesAndRefers(k: K): Routine {
  yield* prepare(k, 0, 1);
  const mm: Mm = k.cpu.mm.get(current(k));
  const page: Pfn = yield* gupSlow(k, mm, 0, 0);
  if (page !== NONE) yield* folioPut(k, pageFolio(k, page));
}

export const gupOfNoTable: Scenario<Structs> = collapseScenario({
  name: "exits-gup-no-table", why: "the table is freed between two looks of get_user_pages()", tier: "quick",
  options: { ptReclaim: true }, threads: { storesAndRefers, zapsBoth }, expect: holds(),
});

export const migrationOfNoTable: Scenario<Structs> = collapseScenario({
  name: "exits-migration-no-table", why: "the table is freed under a reverse-map walk, and under a fault that waits for a migration", tier: "quick",
  options: { ptReclaim: true }, threads: { storesAndLoads, zapsBoth, migrates }, expect: holds(),
});

export const swapinOfNoTable: Scenario<Structs> = collapseScenario({
  name: "exits-swapin-no-table", why: "the table is freed while a collapse waits for a migration to end", tier: "quick",
  options: { ptReclaim: true }, threads: { collapsesOneRange, zapsBoth, migrates }, expect: holds(),
});

// ---- reservations ----------------------------------------------------------------------------------------------------

function* storesBoth(k: Reserving): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
}
function* looksAtFirst(k: Reserving): Routine {
  yield* passGate(k);
  yield* pfnScanner(k, 0);
}
function* storesOneThenAnother(k: Reserving): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* store(k, 1, 2);
}
function* storesFirst(k: Reserving): Routine {
  yield* openGate(k);
  yield* store(k, 0, 1);
}
function* discards(k: Reserving): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}
function* storesAndFrees(k: Reserving): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 1, MADV_FREE);
}

export const [promotionAndScanner] = reservationScenarios({
  name: "exits-promotion", why: "a page gets a reference after its promotion has counted them, before it has frozen it", tier: "quick",
  threads: { storesBoth }, others: { scans, looksAtFirst }, expect: { "rfc-choices": holds() },
});
export const [reservationGone] = reservationScenarios({
  name: "exits-give-back", why: "a charge fails, and the reservation that the page came from is gone", tier: "quick",
  options: { pagesPerHugePage: 4, frames: 8, maxPtesNone: 3, pagesToScan: 4, chargeMayFail: true },
  threads: { storesOneThenAnother }, others: { shrinks }, expect: { "rfc-choices": holds() },
});
export const [untouchedAndNoTable] = reservationScenarios({
  name: "exits-untouched", why: "the table is freed under the first write to a range", tier: "quick",
  options: { ptReclaim: true }, threads: { storesFirst, discards }, expect: { "first-write": holds() },
});
export const [freeOfNoTable] = reservationScenarios({
  name: "exits-free-no-table", why: "the table is freed while MADV_FREE has dropped its lock, to end the reservation", tier: "quick",
  options: { ptReclaim: true }, threads: { storesAndFrees, discards }, expect: { "rfc-choices": holds() },
});

// ---- the huge zero page, word by word -----------------------------------------------------------------------------
export const hugeZeroWordsRace: Scenario<Structs> = collapseScenario({
  name: "exits-huge-zero-words", tier: "quick",
  why: "two threads install the huge zero page under its lock: the slower one takes a reference",
  options: { enabled: ENABLED_ALWAYS, grain: ["zero"] }, threads: { loadsLow, loadsHigh }, expect: holds(),
});

// ---- MADV_COLD and MADV_PAGEOUT ------------------------------------------------------------------------------------
function* coolsSmall(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 1, MADV_COLD);
}
function* empties(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}
/** The folio is one still, and PTEs map it. */
function* coolsHalfOfFolio(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysMprotect(k, 0, 1, VM_READ);
  yield* sysMprotect(k, 0, 1, VM_READ | VM_WRITE);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 1, MADV_COLD);
}
function* pagesOut(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_PAGEOUT);
}
const COLD = [{ enabled: ENABLED_NEVER, cools: coolsSmall }, { enabled: ENABLED_ALWAYS, cools: coolsHalfOfFolio }] as const;
export const coldOfNoTable: readonly Scenario<Structs>[] = COLD.map(({ enabled, cools }, n) => collapseScenario({
  name: `exits-cold-no-table-${n}`, why: "the table is freed before MADV_COLD locks it, or while it splits", tier: "quick",
  options: { enabled, ptReclaim: true, vmas: 4, anonVmaChains: 8 }, threads: { cools, empties }, expect: holds(),
}));
export const pageoutOfLocked: Scenario<Structs> = collapseScenario({
  name: "exits-pageout-locked", why: "the folio that MADV_PAGEOUT has isolated is locked by somebody else", tier: "quick",
  options: { enabled: ENABLED_ALWAYS }, threads: { pagesOut }, others: { locksFirstPage }, expect: holds(),
});
