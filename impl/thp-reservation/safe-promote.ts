/**
 * Promotion in place, the safe design: the block of a reservation becomes a huge page. Nothing is copied; what was never
 * touched is cleared.
 *
 * As in a collapse, the page table is taken out first, and the used pages are locked and off the LRU. Then, under the
 * lock of the reservation, every page of the block is frozen, used or not. An unaccounted reference (a pin, a scanner
 * of page frames) makes that fail, and everything is as it was before, the reservation included. Only when all are
 * frozen is the reservation given up and the block made a compound page.
 *
 * Used pages must be where they belong: the PTE of slot i maps page i, by this address space alone. A range in which
 * other pages were mapped (while huge pages were off, say) keeps its reservation and is not promoted.
 *
 * `cc.order` is the order of the huge page. A reservation covers a whole huge range, so its slots are HPAGE_PMD_NR.
 */
import { NONE, at, current, emit, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { announceAllocated, announceCopied, announceIsolated } from "../khugepaged/announce.ts";
import type { CollapseControl } from "../khugepaged/collapse-control.ts";
import { mapCollapsedFolio } from "../khugepaged/collapse.ts";
import { detachPageTable, lockHugeRange, reattachTable } from "../khugepaged/detach.ts";
import { collapseHugePageIsolate, folioOfPte, releasePteFolio, releasePtePages } from "../khugepaged/isolate.ts";
import {
  SCAN_CGROUP_CHARGE_FAIL, SCAN_EXCEED_SHARED_PTE, SCAN_PAGE_COUNT, SCAN_SUCCEED, type ScanResult,
} from "../khugepaged/scan-result.ts";
import { judgePromotion, judgeRange, judgeResources } from "../khugepaged/visible-cause.ts";
import { mmapWriteLock, mmapWriteUnlock } from "../locking/mmap-lock.ts";
import { memCgroupCharge } from "../memcontrol.ts";
import { vmBugOn } from "../bug.ts";
import type { Kernel } from "../mm-types.ts";
import { PROMOTION_FROZEN, PROMOTION_INSTALLED } from "../structs/ghosts.ts";
import type { AnonVma, Container, Mm, Pfn, PteIndex, Reservation, Table, Vma, Vpn } from "../structs/types.ts";
import { joinPages } from "../page-alloc.ts";
import { pagesDisown, pagesOwn } from "../page-ref.ts";
import {
  ENTRY_NONE, WRITE, entryHas, entryTarget, isZeroPte, pmdIndex, pteNone, ptePresent, ptepGetLockless, setPteAt,
} from "../pgtable.ts";
import { ptlOf } from "../pgtable-generic.ts";
import { refsFreeze, refsUnfreeze } from "../refcount/scheme.ts";
import { anonVmaUnlockWrite } from "../anon-vma.ts";
import { folioAddAnonRmapPtes, folioRemoveRmapPtes } from "../rmap.ts";
import { folioPutbackLru, folioUnlock } from "../swap.ts";
import { findVma } from "../vma-tree.ts";
import { containerOf, findReservation, freeReservation, lruDel, ownReservation, removeFromHash, usedPages } from "./container.ts";

/** References to a used page while it is isolated: its mapping's and the isolation's. */
const USED_REFS = 2;

/**
 * Makes the huge range at `start` a huge page, if enough pages of its reservation are used.
 * @model part of the safe mechanism: the patch of 2018 has collapse_huge_page() with a reservation
 * @holds nothing; a reference to the mm
 * @returns SCAN_PAGE_COUNT where it has none, or one that cannot be promoted
 */
export function* safePromote(k: Kernel, mm: Mm, start: Vpn, cc: CollapseControl): Routine<ScanResult> {
  announceAllocated(k, mm, start, NONE);
  if (!memCgroupCharge(k)) {
    judgeResources(k, cc, SCAN_CGROUP_CHARGE_FAIL);
    return SCAN_CGROUP_CHARGE_FAIL;
  }
  yield* mmapWriteLock(k, mm);
  const result: ScanResult = yield* promoteUnderWriteLock(k, mm, start, cc);
  yield at("mmap_write_unlock");
  yield* mmapWriteUnlock(k, mm);
  return result;
}

/** @holds mmap_lock for writing */
function* promoteUnderWriteLock(k: Kernel, mm: Mm, start: Vpn, cc: CollapseControl): Routine<ScanResult> {
  const locked: ScanResult = yield* lockHugeRange(k, mm, start, NONE, cc);
  if (locked !== SCAN_SUCCEED) {
    judgeRange(k, mm, start, locked, cc);
    return locked;
  }
  const vma: Vma = findVma(k, mm, start);
  const anonVma: AnonVma = k.vma.anonVma.get(vma);
  const table: Table = yield* detachPageTable(k, mm, start);
  let result: ScanResult = yield* collapseHugePageIsolate(k, table, 0, cc);
  let res: Reservation = NONE;
  if (result === SCAN_SUCCEED) {
    yield at("folio_maybe_mapped_shared");
    if (isShared(k, table)) {
      result = SCAN_EXCEED_SHARED_PTE;
      yield* releasePtePages(k, table, 1 << cc.order);
    } else {
      res = yield* freezeReservation(k, vma, start, table, cc);
      if (res === NONE) result = SCAN_PAGE_COUNT;
    }
  }
  if (result !== SCAN_SUCCEED) {
    spinUnlock(k, ptlOf(k, table));
    yield* reattachTable(k, mm, start, table, false);
    anonVmaUnlockWrite(k, anonVma);
    return result;
  }
  const folio: Pfn = k.resv.page.get(res);
  yield* convert(k, mm, start, table, res, cc);
  spinUnlock(k, ptlOf(k, table));
  anonVmaUnlockWrite(k, anonVma);
  yield* mapCollapsedFolio(k, vma, start, table, folio);
  k.vmstat.khugepagedResPagesCollapsed.add(1);
  return SCAN_SUCCEED;
}

/**
 * Whether another address space maps one of the pages. Only a fork can begin to share a page, and a fork waits for
 * mmap_lock. The end of a sharing may be seen or not.
 */
function isShared(k: Kernel, table: Table): boolean {
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) {
    const pte = ptepGetLockless(k, table, i);
    if (ptePresent(pte) && !isZeroPte(k, pte) && k.page.mapcount.get(entryTarget(pte)) > 0) return true;
  }
  return false;
}

/**
 * Freezes every page of the range's reservation and takes the reservation out of the reach of all others. NONE: the
 * reservation is gone, not enough of it is used, a PTE maps another page, or a page has another reference. Then
 * nothing has changed, and the pages are no longer isolated.
 * @holds the lock of the detached table, whose pages are isolated
 */
function* freezeReservation(k: Kernel, vma: Vma, start: Vpn, table: Table, cc: CollapseControl): Routine<Reservation> {
  const container: Container = containerOf(k, vma);
  yield* spinLock(k, k.resvs.lock.at(container));
  const res: Reservation = findReservation(k, container, start);
  if (res === NONE || (cc.isKhugepaged && usedPages(k, res) < k.knob.promotionThreshold.once()) || !fits(k, table, res)) {
    spinUnlock(k, k.resvs.lock.at(container));
    yield* releasePtePages(k, table, 1 << cc.order);
    return NONE;
  }
  for (let i: PteIndex = 0; i < k.param.hpagePmdNr.get(); i++) {
    const frozen: boolean = yield* freezePage(k, vma, table, res, i);
    if (!frozen) {
      yield* thaw(k, vma, table, res, i);
      spinUnlock(k, k.resvs.lock.at(container));
      yield* releaseUsedPages(k, table, i);
      return NONE;
    }
  }
  yield* spinLock(k, k.resvLru.lock.at());
  lruDel(k, res);
  removeFromHash(k, res);
  k.node.thpReserved.add(-k.resv.unused.get(res));
  ownReservation(k, res);
  k.collapse.promotion.set(current(k), PROMOTION_FROZEN);
  emit(k, EV.RESV_PROMOTE, k.vma.mm.get(vma), pmdIndex(k, start), k.resv.unused.get(res));
  spinUnlock(k, k.resvLru.lock.at());
  spinUnlock(k, k.resvs.lock.at(container));
  return res;
}

/** Whether every PTE maps the page of its own slot, or nothing if the slot is unused. @holds the locks of both */
function fits(k: Kernel, table: Table, res: Reservation): boolean {
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) {
    const pte = ptepGetLockless(k, table, i);
    const mapped = ptePresent(pte) && !isZeroPte(k, pte);
    if (mapped !== k.resv.used.get(res, i)) return false;
    if (mapped && entryTarget(pte) !== k.resv.page.get(res) + i) return false;
  }
  return true;
}

/**
 * Removes the mapping of a used page and freezes the page. False: there is another reference, and the mapping is
 * restored.
 */
function* freezePage(k: Kernel, vma: Vma, table: Table, res: Reservation, i: PteIndex): Routine<boolean> {
  const page: Pfn = k.resv.page.get(res) + i;
  if (!k.resv.used.get(res, i)) {
    yield at("folio_ref_freeze: unused");
    if (!refsFreeze(k, page, 1)) {
      judgePromotion(k, page, 1);
      return false;
    }
    pagesOwn(k, page, 0);
    emit(k, EV.FOLIO_RELEASE, page);
    return true;
  }
  // A thread that takes the folio lock from here on has a reference, and the freezing finds it.
  yield at("folio_unlock");
  folioUnlock(k, page);
  yield at("folio_remove_rmap_pte");
  yield* folioRemoveRmapPtes(k, page, page, 1, vma);
  yield at("folio_ref_freeze");
  if (refsFreeze(k, page, USED_REFS)) {
    pagesOwn(k, page, 0);
    emit(k, EV.FOLIO_PUT, page, 1);
    emit(k, EV.FOLIO_RELEASE, page);
    return true;
  }
  judgePromotion(k, page, USED_REFS);
  yield at("folio_add_anon_rmap_pte");
  remap(k, vma, table, i, page);
  return false;
}

/** Undoes the freezing of the slots 0..end - 1. */
function* thaw(k: Kernel, vma: Vma, table: Table, res: Reservation, end: PteIndex): Routine {
  for (let i: PteIndex = 0; i < end; i++) {
    const page: Pfn = k.resv.page.get(res) + i;
    yield at("folio_ref_unfreeze");
    emit(k, EV.FOLIO_FREE, page);
    emit(k, EV.FOLIO_ALLOC, page, 0);
    if (k.resv.used.get(res, i)) {
      refsUnfreeze(k, page, USED_REFS);
      pagesDisown(k, page, 0);
      emit(k, EV.FOLIO_GET, page, USED_REFS - 1);
      yield at("folio_add_anon_rmap_pte");
      remap(k, vma, table, i, page);
    } else {
      refsUnfreeze(k, page, 1);
      pagesDisown(k, page, 0);
    }
  }
}

/**
 * Ends the isolation after the freezing stopped at slot `unlocked`. The folio locks of the slots before it are
 * released already.
 */
function* releaseUsedPages(k: Kernel, table: Table, unlocked: PteIndex): Routine {
  for (let i: PteIndex = 0; i < k.param.hpagePmdNr.get(); i++) {
    const page: Pfn = folioOfPte(k, table, i);
    if (page === NONE) continue;
    if (i > unlocked) yield* releasePteFolio(k, page);
    else yield* folioPutbackLru(k, page);
  }
}

/**
 * Maps the page again as the PTE in the detached table says. A page that is mapped read-only may no longer be marked
 * exclusive.
 */
function remap(k: Kernel, vma: Vma, table: Table, i: PteIndex, page: Pfn): void {
  const pte = ptepGetLockless(k, table, i);
  folioAddAnonRmapPtes(k, page, page, 1, vma, vpnOf(k, vma, page), entryHas(pte, WRITE));
}

/** The address of the page in the VMA. */
function vpnOf(k: Kernel, vma: Vma, page: Pfn): number {
  return k.page.index.get(page) - k.vma.pgoff.get(vma) + k.vma.start.get(vma);
}

/**
 * All pages are frozen, this thread's alone: clears the unused ones, makes the block one folio with one reference, empties
 * the table, and frees the reservation.
 * @kernel mm/khugepaged.c __collapse_huge_page_convert(), patch of 2018; mm/page_alloc.c prep_compound_page()
 * @holds the lock of the detached table
 */
function* convert(k: Kernel, mm: Mm, start: Vpn, table: Table, res: Reservation, cc: CollapseControl): Routine {
  const base: Pfn = k.resv.page.get(res);
  const used: PteIndex = usedPages(k, res);
  yield at("prep_compound_page");
  k.lruvec.isolated.add(-used);
  for (let i = 0; i < 1 << cc.order; i++) {
    const foreign = folioOfPte(k, table, i) !== NONE && folioOfPte(k, table, i) !== base + i;
    vmBugOn(foreign, "thp-reservation: promotion in place drops a page that is not the reservation's");
    if (!k.resv.used.get(res, i)) k.page.content.set(base + i, 0);
    if (!pteNone(ptepGetLockless(k, table, i))) setPteAt(k, table, i, ENTRY_NONE);
    emit(k, EV.FOLIO_FREE, base + i);
  }
  joinPages(k, base, cc.order);
  k.page.order.set(base, cc.order);
  k.page.uptodate.set(base, true);
  k.page.refcount.set(base, 1);
  emit(k, EV.FOLIO_ALLOC, base, cc.order);
  k.collapse.promotion.set(current(k), PROMOTION_INSTALLED);
  emit(k, EV.RESV_PROMOTED, mm, pmdIndex(k, start));
  announceIsolated(k, mm, start);
  announceCopied(k, mm, start);
  yield at("add_mm_counter(MM_ANONPAGES)");
  k.mm.anonPages.add(mm, (1 << cc.order) - used);
  yield at("kfree(thp_reservation)");
  freeReservation(k, res);
}
