/** Exits that only another thread's step in between can cause: each is reached, and the invariants hold all the while. */
import { expect, test } from "vitest";
import {
  areaShrinks, coldOfNoTable, collapseAndMigration, collapseOfNoTable, faultsFallBack, forkAndHardware, freeOfNoTable, gupOfNoTable,
  hugeZeroRace, hugeZeroWordsRace,
  migrationOfNoTable, pageoutOfLocked, promotionAndScanner, reservationGone, reuseAndLocker, splitOfSplit, splitWaitsForLock,
  swapinOfNoTable, untouchedAndNoTable, zapOfZapped,
} from "./races.ts";
import { linesReached } from "./reached.ts";

test("a fault falls back to small pages where somebody else has mapped a huge one", async () => {
  const lines = new Set((await Promise.all(faultsFallBack.map((s) => linesReached(s)))).flatMap((l) => [...l]));
  expect(lines).toContain("memory.ts handleMmFault: if (!pmdNone(vmf.origPmd)) return VM_FAULT_DONE;");
  expect(lines).toContain("memory/anon.ts doAnonymousPage: yield* putUnmappedPage(k, vmf.vma, vmf.address, folio, reserved);");
  expect(lines).toContain("memory/anon.ts mapZeroPage: if (vmf.pte === NONE) return VM_FAULT_DONE;");
});

test("two first readers of the huge zero page: the slower one gives its page, or its reference, back", async () => {
  const lines = await linesReached(hugeZeroRace);
  expect(lines).toContain("huge-memory/huge-zero.ts getHugeZeroFolio: yield* folioPutNew(k, folio);");
  expect(lines).toContain("huge-memory/huge-zero.ts mmGetHugeZeroFolio: putHugeZeroFolio(k);");
  expect(lines).toContain("huge-memory/fault.ts doHugeZeroPage: if (zero === NONE) {");
});

test("the half of a huge page that is zapped as a whole: there is no table to look at", async () => {
  expect(await linesReached(zapOfZapped)).toContain("memory/zap.ts zapPteRange: if (table === NONE) return start;");
});

test("the area of MADV_COLLAPSE shrinks while mmap_lock is dropped", async () => {
  expect(await linesReached(areaShrinks)).toContain("khugepaged/madvise-collapse.ts madviseCollapse: if (vmaEnd < hend) hend = vmaEnd;");
});

test("a page gets a reference, or is locked, just before it would be reused", async () => {
  const lines = await linesReached(reuseAndLocker);
  expect(lines).toContain("memory/cow.ts wpCanReuseAnonFolio: folioUnlock(k, folio);");
  expect(lines).toContain("memory/cow.ts wpCanReuseAnonFolio: if (!folioTrylock(k, folio)) return false;");
});

test("hardware sets a dirty bit while fork takes the right to write away: fork looks again", async () => {
  const [small, huge] = await Promise.all(forkAndHardware.map((s) => linesReached(s)));
  expect(small).toContain('memory/copy.ts copyPresentPte: yield at("ptep_set_wrprotect: again");');
  expect(huge).toContain('huge-memory/copy.ts copyHugePmd: yield at("pmdp_set_wrprotect: again");');
});

test("a page is unmapped for its migration while a collapse isolates it: pte_non_present", async () => {
  expect(await linesReached(collapseAndMigration)).toContain("khugepaged/isolate.ts collapseHugePageIsolate: result = SCAN_PTE_NON_PRESENT;");
});

test("a table is freed between the look at the PMD and the scan", async () => {
  expect(await linesReached(collapseOfNoTable)).toContain("khugepaged/scan.ts collapseScanPmd: noteProgress(k, 1, cc);");
});

test("a table is freed between two looks of get_user_pages()", async () => {
  expect(await linesReached(gupOfNoTable)).toContain("gup.ts followPagePte: if (table === NONE) return false;");
});

test("a table is freed under a reverse-map walk, and under a fault that waits for a migration", async () => {
  const lines = await linesReached(migrationOfNoTable);
  expect(lines).toContain("page-vma-mapped.ts pageVmaMappedWalk: if (pvmw.table === NONE) continue;");
  expect(lines).toContain("memory/migration-wait.ts migrationEntryWait: if (table === NONE) return;");
});

test("a table is freed while a collapse waits for a migration to end", async () => {
  expect(await linesReached(swapinOfNoTable)).toContain("khugepaged/collapse.ts collapseHugePageSwapin: if (!pmdTable(pmd)) return SCAN_NO_PTE_TABLE;");
});

test("a huge PMD is split between two looks at it", async () => {
  expect(await linesReached(splitOfSplit)).toContain("huge-memory/split-debugfs.ts lockSplittableFolio: spinUnlock(k, pmdLockptr(k, mm));");
  expect(await linesReached(splitWaitsForLock)).toContain("huge-memory/split-pmd.ts lockAgainstReuse: if (!same) folioUnlock(k, folio);");
});

test("a page of a reservation gets a reference while it is frozen: all go back", async () => {
  const lines = await linesReached(promotionAndScanner!);
  expect(lines).toContain("thp-reservation/safe-promote.ts freezePage: remap(k, vma, table, i, page);");
  expect(lines).toContain("thp-reservation/safe-promote.ts releaseUsedPages: if (i > unlocked) yield* releasePteFolio(k, page);");
});

test("a page is given back whose reservation is gone", async () => {
  expect(await linesReached(reservationGone!)).toContain("thp-reservation/safe.ts safeGiveBack: return;");
});

test("the first write to a range whose table is freed meanwhile", async () => {
  expect(await linesReached(untouchedAndNoTable!)).toContain("thp-reservation.ts mapsNothing: if (!pmdTable(pmd)) return pmdNone(pmd);");
});

test("MADV_FREE of a page whose table is freed while it ends the reservation", async () => {
  expect(await linesReached(freeOfNoTable!)).toContain("madvise.ts madviseFreePteRange: if (table === NONE) return;");
});

test("the huge zero page, word by word: the slower one gives its page back", async () => {
  const lines = await linesReached(hugeZeroWordsRace);
  expect(lines).toContain('huge-memory/huge-zero.ts installUnderLock: yield at("atomic_inc(huge_zero_refcount)");');
});

test("MADV_COLD of pages whose table is freed before it is locked, or amid a split", async () => {
  for (const s of coldOfNoTable) {
    expect(await linesReached(s)).toContain("madvise/cold-or-pageout.ts coldPteRange: if (table === NONE) return;");
  }
});

test("MADV_PAGEOUT of a folio that somebody has locked", async () => {
  expect(await linesReached(pageoutOfLocked)).toContain("vmscan.ts shrinkFolio: if (!folioTrylock(k, folio)) return false;");
});
