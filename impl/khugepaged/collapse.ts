/**
 * The collapse of one huge range of anonymous memory: its pages are copied into a huge page, which takes their place.
 *
 * Under mmap_lock and VMA lock for writing no fault can run; under the anon_vma lock no reverse-map walk; once the
 * PMD entry is clear and flushed, no CPU reaches the pages, and once every CPU with interrupts off has turned them on
 * again, no lockless walker is still in the table. Any other reference to a page then shows in its reference count.
 * Such a reference makes the collapse put the table back as it was.
 *
 * Its steps, K1 to K36, and the labels that begin them. "with": part of the step before, for the reason given.
 *
 *   K1        down_read(mm.mmapLock) by madvise(), mmap_read_trylock by the thread
 *   K2        find_pmd_or_thp_or_none
 *   K3, K4.i  pte_offset_map, spin_lock(ptTable.lock) with the first PTE (a right mover), collapse_scan_pmd: pte
 *   K5, K6    with the last PTE: releases are left movers
 *   K7, K8    spin_lock(zone.lock); the charge with it: what it decides is nobody else's business
 *   K9, K10   down_read(mm.mmapLock); collapse_test_exit_or_disable, hugepage_vma_revalidate; find_pmd_or_thp_or_none
 *   K11, K12  __collapse_huge_page_swapin: pte, then ptep_get_lockless; mmap_read_unlock
 *   K13, K14  down_write(mm.mmapLock); K14 to K25 are in detach.ts: collapse_test_exit_or_disable, hugepage_vma_revalidate
 *   K15, K16  vma_start_write; check_pmd_still_valid
 *   K17, K18  down_write(anonVma.lock); there is no secondary MMU to notify, neither here nor in K23
 *   K19, K20  spin_lock(mm.pmdLock) with the clearing, which every lockless reader sees at once
 *   K21, K22  flush_tlb_range: ipi, one step for each CPU; the release with the last
 *   K24       tlb_remove_table_sync_one, and tlb_remove_table_sync_one: ipi
 *   K25, K26  spin_lock(ptTable.lock), __collapse_huge_page_isolate: pte, folio_expected_ref_count, spin_lock(lruvec.lock)
 *   K26f, g   folio_unlock, release_pte_folio, folio_putback_lru; spin_lock(mm.pmdLock)
 *   K27, K28  with the last isolation: left movers
 *   K29.i     __collapse_huge_page_copy; K31, of the new page, which is nobody else's, with the last
 *   K30.i     release_pte_folio, folio_putback_lru, spin_lock(ptTable.lock), folio_put
 *   K32, K33  spin_lock(mm.pmdLock) with deposit and reverse map; spin_lock(lruvec.lock) with the entry; K34 with it
 *   K36       mmap_write_unlock
 *
 * User-visible memory does not change, so nothing is announced to user-memory.ts.
 *
 * khugepaged may collapse a window of the range only, into a folio of its size (`mthp-collapse.ts`). Then the steps are the same but:
 * only the window is isolated, copied and unmapped; the anon_vma lock is kept until K35, since the table's other pages are not
 * locked; and K32 to K34 put the table back and map the folio in it.
 *
 * Not covered: swap; the choice of a NUMA node; khugepaged/defrag. That knob decides whether the
 * allocation may reclaim and compact. Neither is modelled: the choice "alloc_pages fails" covers both settings.
 */
import { NONE, at, choose, spinLock, spinUnlock, type Routine } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import { folioPteBatch } from "../folio-pte-batch.ts";
import { mapAnonFolioPmdNopf } from "../huge-memory/fault.ts";
import { mmapReadLock, mmapReadUnlock, mmapWriteLock, mmapWriteUnlock } from "../locking/mmap-lock.ts";
import { memCgroupCharge } from "../memcontrol.ts";
import { mapAnonFolioPteNopf } from "../memory/map-anon-folio.ts";
import { migrationEntryWait } from "../memory/migration-wait.ts";
import { PG_UPTODATE, pageFlagsNonatomic } from "../page-flag-word.ts";
import type { Kernel } from "../mm-types.ts";
import type { AnonVma, Entry, Mm, Pfn, PteIndex, Table, Vma, Vpn } from "../structs/types.ts";
import { allocFolio } from "../page-alloc.ts";
import { folioNrPages, folioTestLarge, pageFolio } from "../page-flags.ts";
import {
  ENTRY_NONE, entryTarget, hpageAddress, isZeroPte, pmdNone, pmdTable, pteNone, ptePresent, ptepGetLockless, setPteAt,
} from "../pgtable.ts";
import { pgtableTransHugeDeposit, pmdLockptr, pmdPopulate, pmdpGet, pmdpGetLockless, ptlOf } from "../pgtable-generic.ts";
import { rcuReadLock, rcuReadUnlock } from "../rcu.ts";
import { anonVmaUnlockWrite } from "../anon-vma.ts";
import { folioRemoveRmapPtes } from "../rmap.ts";
import { folioPutNew, folioPutRefs } from "../swap.ts";
import { freeSwapCache } from "../swap/swapfile.ts";
import { hasReservations } from "../thp-reservation/container.ts";
import { reservationCollapsed } from "../thp-reservation.ts";
import { findVma } from "../vma-tree.ts";
import { announceAllocated, announceCopied, announceIsolated, announceReinstalled, announceWindow } from "./announce.ts";
import type { CollapseControl } from "./collapse-control.ts";
import { isMthpV10, isPmdOrder, windowFirst } from "./collapse-window.ts";
import { detachPageTable, lockHugeRange, reattachTable } from "./detach.ts";
import { collapseHugePageIsolate, mapsFolio, releasePteFolio, releasePtePages } from "./isolate.ts";
import {
  SCAN_ALLOC_HUGE_PAGE_FAIL, SCAN_CGROUP_CHARGE_FAIL, SCAN_COPY_MC, SCAN_EXCEED_SWAP_PTE, SCAN_NO_PTE_TABLE, SCAN_SUCCEED,
  type ScanResult,
} from "./scan-result.ts";
import { countsBySize, exceedsMaxPtesSwap, findPmdOrThpOrNone, hugepageVmaRevalidate } from "./suitability.ts";
import { judgeRange, judgeResources } from "./visible-cause.ts";

/**
 * Collapses the huge range at `start`, or a window of `cc.order` that begins there, of which the scan has said `cc.unmapped`.
 *
 * @kernel mm/khugepaged.c collapse_huge_page(), alloc_charge_folio()
 * @holds nothing; a reference to the mm
 */
export function* collapseHugePage(k: Kernel, mm: Mm, start: Vpn, cc: CollapseControl): Routine<ScanResult> {
  const folio: Pfn = yield* allocFolio(k, cc.order, true);
  countAlloc(k, cc.order, folio !== NONE);
  if (folio === NONE) {
    judgeResources(k, cc, SCAN_ALLOC_HUGE_PAGE_FAIL);
    return SCAN_ALLOC_HUGE_PAGE_FAIL;
  }
  announceAllocated(k, mm, start, folio);
  if (!memCgroupCharge(k)) {
    judgeResources(k, cc, SCAN_CGROUP_CHARGE_FAIL);
    yield* folioPutNew(k, folio);
    return SCAN_CGROUP_CHARGE_FAIL;
  }
  let result: ScanResult = yield* prepareUnderReadLock(k, mm, start, cc);
  if (result === SCAN_SUCCEED) {
    yield* mmapWriteLock(k, mm);
    result = yield* collapseUnderWriteLock(k, mm, start, folio, cc);
    yield at("mmap_write_unlock");
    yield* mmapWriteUnlock(k, mm);
  }
  if (result !== SCAN_SUCCEED) yield* folioPutNew(k, folio);
  return result;
}

/** Each attempt counts, also one that cannot be charged. @kernel mm/khugepaged.c alloc_charge_folio() */
function countAlloc(k: Kernel, order: number, there: boolean): void {
  if (isPmdOrder(k, order)) {
    if (there) k.vmstat.thpCollapseAlloc.add(1);
    else k.vmstat.thpCollapseAllocFailed.add(1);
  }
  if (!countsBySize(k)) return;
  if (there) k.mthpStat.collapseAlloc.add(order, 1);
  else k.mthpStat.collapseAllocFailed.add(order, 1);
}

/**
 * Checks the range again and waits for migrations to end, before the write lock is taken. K9 to K12.
 * @holds nothing; on return, too
 */
function* prepareUnderReadLock(k: Kernel, mm: Mm, start: Vpn, cc: CollapseControl): Routine<ScanResult> {
  yield* mmapReadLock(k, mm);
  let result: ScanResult = yield* hugepageVmaRevalidate(k, mm, hpageAddress(k, start), true, cc);
  if (result === SCAN_SUCCEED) {
    yield at("find_pmd_or_thp_or_none");
    result = findPmdOrThpOrNone(k, mm, start);
  }
  if (result === SCAN_SUCCEED && cc.unmapped) result = yield* collapseHugePageSwapin(k, mm, start, cc);
  judgeRange(k, mm, start, result, cc);
  yield* mmapReadUnlock(k, mm);
  return result;
}

/**
 * Waits for what is not present, for a huge page; a smaller window with such an entry is left alone. do_swap_page() waits until a
 * migration entry is gone; then it can neither fail nor drop mmap_lock.
 *
 * Not covered: a page that is swapped out. Linux brings it in here; so does nobody yet, and the isolation refuses its entry
 * (SCAN_PTE_NON_PRESENT).
 * @kernel mm/khugepaged.c __collapse_huge_page_swapin()
 * @holds mmap_lock for reading
 */
function* collapseHugePageSwapin(k: Kernel, mm: Mm, start: Vpn, cc: CollapseControl): Routine<ScanResult> {
  for (let i: PteIndex = 0; i < 1 << cc.order; i++) {
    yield at("__collapse_huge_page_swapin: pte");
    const pmd = pmdpGetLockless(k, mm, start);
    if (!pmdTable(pmd)) return SCAN_NO_PTE_TABLE;
    const table: Table = entryTarget(pmd);
    // pte_offset_map(): MADV_DONTNEED may free the table meanwhile.
    rcuReadLock(k);
    yield at("__collapse_huge_page_swapin: ptep_get_lockless");
    const pte = ptepGetLockless(k, table, windowFirst(k) + i);
    rcuReadUnlock(k);
    if (pteNone(pte) || ptePresent(pte)) continue;
    // What comes in here could make a later scan find a larger window full.
    if (!isPmdOrder(k, cc.order)) {
      exceedsMaxPtesSwap(k, 1, cc);
      return SCAN_EXCEED_SWAP_PTE;
    }
    yield* migrationEntryWait(k, mm, start + i);
  }
  return SCAN_SUCCEED;
}

/** K14 to K35. On any failure the range is as it was. @holds mmap_lock for writing */
function* collapseUnderWriteLock(k: Kernel, mm: Mm, start: Vpn, folio: Pfn, cc: CollapseControl): Routine<ScanResult> {
  const locked: ScanResult = yield* lockHugeRange(k, mm, hpageAddress(k, start), NONE, cc);
  if (locked !== SCAN_SUCCEED) {
    judgeRange(k, mm, start, locked, cc);
    return locked;
  }
  const vma: Vma = findVma(k, mm, hpageAddress(k, start));
  const anonVma: AnonVma = k.vma.anonVma.get(vma);
  const table: Table = yield* detachPageTable(k, mm, start);
  const isolated: ScanResult = yield* collapseHugePageIsolate(k, table, 0, cc);
  spinUnlock(k, ptlOf(k, table));
  if (isolated !== SCAN_SUCCEED) {
    yield* reattachTable(k, mm, start, table, false);
    anonVmaUnlockWrite(k, anonVma);
    return isolated;
  }
  // From here on the collapse succeeds, or a page is poisoned.
  if (hasReservations(k)) yield* reservationCollapsed(k, vma, start);
  announceIsolated(k, mm, start);
  // All pages of the range are isolated and locked, so a reverse-map walk finds nothing that it could act on. Around a smaller window
  // others are not: a walk of theirs would find the PMD none, and nothing mapped.
  if (isPmdOrder(k, cc.order)) anonVmaUnlockWrite(k, anonVma);

  const copied: boolean = yield* collapseHugePageCopy(k, table, folio);
  if (!copied) {
    judgeResources(k, cc, SCAN_COPY_MC);
    // The table goes back first: the reverse map must find a released page there.
    yield* reattachTable(k, mm, start, table, true);
    yield* releasePtePages(k, table, windowFirst(k) + (1 << cc.order));
    if (!isPmdOrder(k, cc.order)) anonVmaUnlockWrite(k, anonVma);
    return SCAN_COPY_MC;
  }
  if (k.param.grainFlags.get() !== 0) yield* pageFlagsNonatomic(k, folio, 0, PG_UPTODATE);
  k.page.uptodate.set(folio, true);
  announceCopied(k, mm, start);
  yield* collapseHugePageCopySucceeded(k, vma, table, cc);
  if (isPmdOrder(k, cc.order)) {
    yield* mapCollapsedFolio(k, vma, start, table, folio);
  } else {
    yield* mapCollapsedWindow(k, vma, start, table, folio);
    anonVmaUnlockWrite(k, anonVma);
  }
  return SCAN_SUCCEED;
}

/**
 * Fills the huge page; false when a source page is poisoned. Nobody can write to the sources: no CPU has a
 * translation of them, and nobody has pinned them.
 * @kernel mm/khugepaged.c __collapse_huge_page_copy()
 */
function* collapseHugePageCopy(k: Kernel, table: Table, folio: Pfn): Routine<boolean> {
  for (let i: PteIndex = 0; i < folioNrPages(k, folio); i++) {
    const pte: Entry = ptepGetLockless(k, table, windowFirst(k) + i);
    if (pteNone(pte) || isZeroPte(k, pte)) {
      k.page.content.set(folio + i, 0);
      continue;
    }
    yield at("__collapse_huge_page_copy");
    if (k.param.copyMayMeetPoison.get() !== 0 && choose(k, "copy_mc_user_highpage meets poison", 2) === 1) return false;
    k.page.content.set(folio + i, k.page.content.get(entryTarget(pte)));
  }
  return true;
}

/**
 * Unmaps the source pages and gives them up (K30.i), consecutive pages of one folio at once (`param.collapseUnmapsByBatch`). A single
 * page is released first; a folio of several pages after its last PTE. The kernel releases these after the whole
 * table, and they stay locked until then. Only a trylock can see the difference, and that trylock could have come a
 * moment earlier.
 * @kernel mm/khugepaged.c __collapse_huge_page_copy_succeeded()
 */
function* collapseHugePageCopySucceeded(k: Kernel, vma: Vma, table: Table, cc: CollapseControl): Routine {
  let i: PteIndex = windowFirst(k);
  while (i < windowFirst(k) + (1 << cc.order)) {
    const pte: Entry = ptepGetLockless(k, table, i);
    if (pteNone(pte) || isZeroPte(k, pte)) {
      // A hole, or the zero page, which is not counted, becomes a page of its own.
      k.mm.anonPages.add(k.vma.mm.get(vma), 1);
      if (!pteNone(pte)) {
        yield* spinLock(k, ptlOf(k, table));
        setPteAt(k, table, i, ENTRY_NONE);
        spinUnlock(k, ptlOf(k, table));
      }
      i++;
      continue;
    }
    const folio: Pfn = pageFolio(k, entryTarget(pte));
    const large: boolean = folioTestLarge(k, folio);
    if (!large) yield* releasePteFolio(k, folio);
    yield* spinLock(k, ptlOf(k, table));
    const atOnce = k.param.collapseUnmapsByBatch.get() !== 0 ? windowFirst(k) + (1 << cc.order) - i : 1;
    const nr: PteIndex = yield* folioPteBatch(k, table, i, atOnce, pte);
    for (let j = 0; j < nr; j++) setPteAt(k, table, i + j, ENTRY_NONE);
    yield at("folio_remove_rmap_pte");
    yield* folioRemoveRmapPtes(k, folio, entryTarget(pte), nr, vma);
    spinUnlock(k, ptlOf(k, table));
    yield* freeSwapCache(k, folio);
    yield* folioPutRefs(k, folio, nr);
    i += nr;
    // The isolation's reference keeps the folio until here.
    if (large && !mapsFolio(k, table, i, windowFirst(k) + (1 << cc.order), folio)) yield* releasePteFolio(k, folio);
  }
}

/**
 * The huge page takes the place of the table, which is deposited with it. The entry is dirty, and writable if the VMA
 * is: whatever the sources were, the page is new and exclusive. K32 to K34.
 * @kernel mm/khugepaged.c collapse_huge_page()
 * @holds mmap_lock for writing
 */
export function* mapCollapsedFolio(k: Kernel, vma: Vma, start: Vpn, table: Table, folio: Pfn): Routine {
  const mm: Mm = k.vma.mm.get(vma);
  yield* spinLock(k, pmdLockptr(k, mm));
  vmBugOn(!pmdNone(pmdpGet(k, mm, start)), "khugepaged: somebody filled the PMD entry during a collapse");
  pgtableTransHugeDeposit(k, mm, start, table);
  yield* mapAnonFolioPmdNopf(k, folio, vma, start, table);
  spinUnlock(k, pmdLockptr(k, mm));
}

/**
 * The table goes back, and the new folio takes the place of the window's entries, which are empty. The hierarchy is live before
 * an entry is written: some architectures walk it there. Until then other CPUs find the window empty: a fault of theirs waits
 * for the VMA lock. The rest of the table is as it was. Writable and dirty only if the VMA is. As posted in 2025 (v10) the entries
 * come first, without the lock of the table, and are dirty in any VMA; the latter is not so here, and nobody asks: the folio is
 * swapbacked, and only lazyfree ones are judged by that bit.
 *
 * The kernel ends the mapping of the table (pte_unmap) when it has released the anon_vma, since 7.3 before. Nobody can tell: an
 * RCU section of a thread that holds mmap_lock for writing delays grace periods, and nothing waits for one under that lock.
 *
 * K32 to K34, with the lock of the table inside the PMD lock.
 * @kernel mm/khugepaged.c collapse_huge_page(), map_anon_folio_pte_nopf()
 * @holds mmap_lock, VMA lock and anon_vma lock for writing
 */
function* mapCollapsedWindow(k: Kernel, vma: Vma, start: Vpn, table: Table, folio: Pfn): Routine {
  const mm: Mm = k.vma.mm.get(vma);
  yield* spinLock(k, pmdLockptr(k, mm));
  vmBugOn(!pmdNone(pmdpGet(k, mm, start)), "khugepaged: somebody filled the PMD entry during a collapse");
  if (isMthpV10(k)) {
    // Nobody else can reach the table yet; smp_wmb() stands between the entries and the PMD entry.
    yield* mapAnonFolioPteNopf(k, folio, table, vma, start);
    pmdPopulate(k, mm, start, table);
    announceReinstalled(k, mm, start, table);
    announceWindow(k);
    spinUnlock(k, pmdLockptr(k, mm));
    return;
  }
  yield* spinLock(k, ptlOf(k, table));
  pmdPopulate(k, mm, start, table);
  announceReinstalled(k, mm, start, table);
  yield* mapAnonFolioPteNopf(k, folio, table, vma, start);
  announceWindow(k);
  spinUnlock(k, ptlOf(k, table));
  spinUnlock(k, pmdLockptr(k, mm));
}
