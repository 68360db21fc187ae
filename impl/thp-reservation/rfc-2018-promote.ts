/** Promotion in place, as in the patch of 2018. */
import { NONE, at, spinLock, spinUnlock, type Routine } from "thpcheck";
import { announceAllocated, announceCopied, announceIsolated } from "../khugepaged/announce.ts";
import type { CollapseControl } from "../khugepaged/collapse-control.ts";
import { mapCollapsedFolio } from "../khugepaged/collapse.ts";
import { detachPageTable, lockHugeRange, reattachTable } from "../khugepaged/detach.ts";
import { collapseHugePageIsolate } from "../khugepaged/isolate.ts";
import { SCAN_FAIL, SCAN_PAGE_COUNT, SCAN_SUCCEED, SCAN_VMA_CHECK, type ScanResult } from "../khugepaged/scan-result.ts";
import { mmapReadUnlock, mmapWriteLock, mmapWriteUnlock } from "../locking/mmap-lock.ts";
import type { Kernel } from "../mm-types.ts";
import type { AnonVma, Container, Entry, Mm, Pfn, PteIndex, Reservation, Table, Vma, Vpn } from "../structs/types.ts";
import { ENTRY_NONE, isZeroPte, pmdIndex, pteNone, ptepGetLockless, setPteAt } from "../pgtable.ts";
import { joinPages } from "../page-alloc.ts";
import { ptlOf } from "../pgtable-generic.ts";
import { anonVmaUnlockWrite } from "../anon-vma.ts";
import { folioRemoveRmapPtes } from "../rmap.ts";
import { folioUnlock } from "../swap.ts";
import { containerOf, usedPages } from "./container.ts";
import { checkReservation, rfcFreeReservation } from "./rfc-2018.ts";

/**
 * The reservation of the range, looked up without its lock: D6.
 * @kernel mm/khugepaged.c khugepaged_find_reservation(), patch of 2018
 */
export function rfcFindLockless(k: Kernel, vma: Vma, vpn: Vpn): Reservation {
  const container = containerOf(k, vma);
  return container === NONE ? NONE : k.resvs.hash.once(container, pmdIndex(k, vpn));
}

/**
 * What the scan asks of a range with a reservation.
 * @kernel mm/khugepaged.c khugepaged_scan_pmd(), patch of 2018
 * @holds the page-table lock
 */
export function* rfcScanReservation(k: Kernel, vma: Vma, vpn: Vpn): Routine<ScanResult> {
  yield at("khugepaged_find_reservation");
  const res: Reservation = rfcFindLockless(k, vma, vpn);
  if (res === NONE) return SCAN_FAIL;
  yield at("res->nr_unused");
  checkReservation(k, res);
  return usedPages(k, res) < k.knob.promotionThreshold.once() ? SCAN_PAGE_COUNT : SCAN_SUCCEED;
}

/**
 * The scan succeeded. `scanned` is the reservation that it found without the lock; nothing keeps it (D6).
 * @kernel mm/khugepaged.c collapse_huge_page() with a reservation, patch of 2018
 * @holds mmap_lock for reading, which is released
 */
export function* rfcPromote(k: Kernel, mm: Mm, start: Vpn, scanned: Reservation, cc: CollapseControl): Routine<ScanResult> {
  yield at("res->page");
  checkReservation(k, scanned);
  const folio: Pfn = k.resv.page.get(scanned);
  yield at("res->vma");
  checkReservation(k, scanned);
  const vma: Vma = k.resv.vma.get(scanned);
  announceAllocated(k, mm, start, folio);
  cc.lockDropped = true;
  yield* mmapReadUnlock(k, mm);
  yield* mmapWriteLock(k, mm);
  const result: ScanResult = yield* promoteUnderWriteLock(k, mm, start, vma, folio, cc);
  yield at("out_up_write");
  yield* mmapWriteUnlock(k, mm);
  if (result === SCAN_SUCCEED) k.vmstat.khugepagedResPagesCollapsed.add(1);
  return result;
}

/** @holds mmap_lock for writing */
function* promoteUnderWriteLock(k: Kernel, mm: Mm, start: Vpn, vma: Vma, folio: Pfn, cc: CollapseControl): Routine<ScanResult> {
  const locked: ScanResult = yield* lockHugeRange(k, mm, start, vma, cc);
  if (locked !== SCAN_SUCCEED) return locked;
  const anonVma: AnonVma = k.vma.anonVma.get(vma);
  yield at("khugepaged_find_reservation");
  const res: Reservation = rfcFindLockless(k, vma, start);
  if (res === NONE) {
    anonVmaUnlockWrite(k, anonVma);
    return SCAN_VMA_CHECK;
  }
  yield at("res->nr_unused");
  checkReservation(k, res);
  // D7: with the anon_vma locked.
  if (usedPages(k, res) < k.knob.promotionThreshold.once()) return SCAN_PAGE_COUNT;

  const table: Table = yield* detachPageTable(k, mm, start);
  // D9: the surplus reference need not be the reservation's.
  const isolated: ScanResult = yield* collapseHugePageIsolate(k, table, 1, cc);
  spinUnlock(k, ptlOf(k, table));
  if (isolated !== SCAN_SUCCEED) {
    yield* reattachTable(k, mm, start, table, false);
    anonVmaUnlockWrite(k, anonVma);
    return isolated;
  }
  anonVmaUnlockWrite(k, anonVma);
  announceIsolated(k, mm, start);
  yield* convert(k, mm, vma, table, folio, cc);
  announceCopied(k, mm, start);
  const container: Container = containerOf(k, vma);
  yield* spinLock(k, k.resvs.lock.at(container));
  yield* rfcFreeReservation(k, res, true);
  spinUnlock(k, k.resvs.lock.at(container));
  yield* mapCollapsedFolio(k, vma, start, table, folio);
  return SCAN_SUCCEED;
}

/**
 * D10: others that have a reference to one of the pages lose it. D8: PTE i is taken to map page i.
 * @kernel mm/khugepaged.c __collapse_huge_page_convert(), patch of 2018; mm/page_alloc.c prep_compound_page()
 */
function* convert(k: Kernel, mm: Mm, vma: Vma, table: Table, base: Pfn, cc: CollapseControl): Routine {
  yield at("set_page_count(head, 1)");
  k.page.refcount.set(base, 1);
  for (let i: PteIndex = 0; i < k.param.hpagePmdNr.get(); i++) {
    const pte: Entry = ptepGetLockless(k, table, i);
    if (pteNone(pte) || isZeroPte(k, pte)) {
      yield at("clear_user_highpage");
      k.page.content.set(base + i, 0);
      k.mm.anonPages.add(mm, 1);
      setPteAt(k, table, i, ENTRY_NONE);
      k.node.thpReserved.add(-1);
      continue;
    }
    yield at("unlock_page");
    k.lruvec.isolated.add(-1);
    folioUnlock(k, base + i);
    yield* spinLock(k, ptlOf(k, table));
    setPteAt(k, table, i, ENTRY_NONE);
    yield* folioRemoveRmapPtes(k, base + i, base + i, 1, vma);
    spinUnlock(k, ptlOf(k, table));
  }
  yield at("prep_compound_page");
  joinPages(k, base, cc.order);
  for (let i = 1; i < 1 << cc.order; i++) k.page.refcount.set(base + i, 0);
  k.page.order.set(base, cc.order);
  k.page.uptodate.set(base, true);
}
