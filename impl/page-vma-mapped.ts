/**
 * The page-table side of a reverse-map walk: mm/page_vma_mapped.c.
 *
 * A walk over anon_vmas finds, for a folio, the VMAs that may map it. This finds in one of them the entries that do, one
 * after the other, and stops at each with the page-table lock that covers it, so that the caller can change it.
 *
 * Where a page table is not locked it can change: a huge PMD is split, a table is emptied. What was read without a lock
 * is read again under it. The tables themselves stay: the caller holds the anon_vma lock, and whoever frees or detaches
 * a table takes the VMA out of the anon_vma first, or holds that lock for writing.
 *
 * Always PVMW_SYNC: PTEs are looked at under their lock, and a PMD that is none is looked at when nobody holds its
 * lock, since zap_huge_pmd() clears it first and removes the mapping afterwards. The cheaper walk without PVMW_SYNC,
 * which may miss entries that are clear for a moment, is that of reclaim, which is not here.
 *
 * A folio may lie across two tables, once mremap() has moved it to an unaligned address. The walk goes on in the second
 * whatever it met in the first; Linux ends it at a PMD that maps another folio (`param.walkEndsAtOtherPmd`).
 */
import { NONE, at, spinLock, spinUnlock, type Routine } from "thpcheck";
import { noteMissedMapping } from "./lost-function.ts";
import type { Kernel } from "./mm-types.ts";
import type { Entry, Mm, Pfn, Table, Vma, Vpn } from "./structs/types.ts";
import { folioNrPages, folioTestPmdMappable } from "./page-flags.ts";
import {
  ENTRY_NONE, entryTarget, entryZeroPage, hpageAddress, isZeroPte, pmdMigration, pmdNone, pmdTable, pmdTransHuge, pteIndex, pteMigration,
  ptePresent,
} from "./pgtable.ts";
import { pmdLockptr, pmdpGet, pmdpGetLockless, pteOffsetMapLock, ptlOf } from "./pgtable-generic.ts";

/** A walk, and where it stands. @kernel include/linux/rmap.h struct page_vma_mapped_walk */
export interface PageVmaMappedWalk {
  /** The kernel's pfn, nr_pages and pgoff. */
  folio: Pfn;
  vma: Vma;
  /** Where the walk goes on. After a hit: the address that the entry maps. */
  address: Vpn;
  /** After a hit: the table of the PTE, whose lock is held (the kernel's pte and ptl); NONE: a PMD, and its lock is held. */
  table: Table;
  /** PVMW_MIGRATION: looks for migration entries that stand for the folio's pages. */
  migration: boolean;
}

/**
 * Where the VMA would map the folio's first page, or its own start if the folio begins before it; NONE if the two have
 * no page in common. Bounds change only under the anon_vma lock, among others.
 * @kernel mm/internal.h vma_address()
 * @holds the folio's anon_vma lock
 */
export function vmaAddress(k: Kernel, folio: Pfn, vma: Vma): number {
  const index = k.page.index.get(folio);
  const pgoff = k.vma.pgoff.get(vma);
  if (index < pgoff) return index + folioNrPages(k, folio) > pgoff ? k.vma.start.get(vma) : NONE;
  const vpn = k.vma.start.get(vma) + index - pgoff;
  return vpn < k.vma.end.get(vma) ? vpn : NONE;
}

/** The end of the folio's pages in the VMA. @kernel mm/internal.h vma_address_end() @holds the folio's anon_vma lock */
function vmaAddressEnd(k: Kernel, pvmw: PageVmaMappedWalk): number {
  const pages = k.page.index.get(pvmw.folio) + folioNrPages(k, pvmw.folio);
  const end = k.vma.start.get(pvmw.vma) + pages - k.vma.pgoff.get(pvmw.vma);
  return end < k.vma.end.get(pvmw.vma) ? end : k.vma.end.get(pvmw.vma);
}

/**
 * Goes to the next entry at `pvmw.address` or behind it that maps a page of the folio or, with `pvmw.migration`,
 * stands for one. A PMD maps the folio at most once. After a PTE the caller sets `address` behind it, keeps `table`,
 * and calls again.
 * @kernel mm/page_vma_mapped.c page_vma_mapped_walk()
 * @holds folio lock, the folio's anon_vma lock; the lock of `pvmw.table`, unless that is NONE
 * @returns the entry as it was found, whose lock is held; ENTRY_NONE: there is none, and no page-table lock is held
 */
export function* pageVmaMappedWalk(k: Kernel, pvmw: PageVmaMappedWalk): Routine<Entry> {
  const mm: Mm = k.vma.mm.get(pvmw.vma);
  for (;;) {
    const ended = pvmw.address >= vmaAddressEnd(k, pvmw);
    if (pvmw.table !== NONE && (ended || pteIndex(k, pvmw.address) === 0)) {
      spinUnlock(k, ptlOf(k, pvmw.table));
      pvmw.table = NONE;
    }
    if (ended) return ENTRY_NONE;
    if (pvmw.table === NONE) {
      yield at("pmdp_get_lockless");
      const seen = pmdpGetLockless(k, mm, pvmw.address);
      if (pmdNone(seen)) {
        if (mayBeMappedByPmd(k, pvmw.folio, pvmw.vma, pvmw.address)) {
          yield* spinLock(k, pmdLockptr(k, mm));
          noteMissedMapping(k, pvmw.folio, mm, pvmw.address);
          spinUnlock(k, pmdLockptr(k, mm));
        }
        pvmw.address = nextRange(k, pvmw.address);
        continue;
      }
      if (!pmdTable(seen)) {
        yield* spinLock(k, pmdLockptr(k, mm));
        const pmd: Entry = pmdpGet(k, mm, pvmw.address);
        if (!pmdTable(pmd) && checkPmd(pmd, pvmw)) return pmd;
        spinUnlock(k, pmdLockptr(k, mm));
        if (!pmdTable(pmd)) {
          if (k.param.walkEndsAtOtherPmd.get()) return ENTRY_NONE;
          // It says nothing about the next one, where the rest of a folio may be that does not begin at a huge range.
          pvmw.address = nextRange(k, pvmw.address);
          continue;
        }
        // It has been split meanwhile.
      }
      pvmw.table = yield* pteOffsetMapLock(k, mm, pvmw.address);
      if (pvmw.table === NONE) continue;
    }
    const pte: Entry = k.ptTable.pte.get(pvmw.table, pteIndex(k, pvmw.address));
    if (checkPte(k, pvmw, pte)) return pte;
    if (ptePresent(pte)) yield at("next_pte");
    pvmw.address = pvmw.address + 1;
  }
}

/** Where the next PMD begins. @kernel mm/page_vma_mapped.c step_forward() */
function nextRange(k: Kernel, vpn: Vpn): Vpn {
  return hpageAddress(k, vpn) + k.param.hpagePmdNr.get();
}

/** @kernel include/linux/huge_mm.h thp_vma_suitable_order() */
export function mayBeMappedByPmd(k: Kernel, folio: Pfn, vma: Vma, vpn: Vpn): boolean {
  const haddr = hpageAddress(k, vpn);
  return folioTestPmdMappable(k, folio) && haddr >= k.vma.start.get(vma) && haddr + k.param.hpagePmdNr.get() <= k.vma.end.get(vma);
}

/** @kernel mm/page_vma_mapped.c check_pmd() @holds the PMD lock */
function checkPmd(pmd: Entry, pvmw: PageVmaMappedWalk): boolean {
  if (pmdNone(pmd) || entryZeroPage(pmd) || pmdMigration(pmd) !== pvmw.migration) return false;
  return (pvmw.migration || pmdTransHuge(pmd)) && entryTarget(pmd) === pvmw.folio;
}

/** @kernel mm/page_vma_mapped.c check_pte() @holds the table's lock */
function checkPte(k: Kernel, pvmw: PageVmaMappedWalk, pte: Entry): boolean {
  if (pvmw.migration ? !pteMigration(pte) : !ptePresent(pte) || isZeroPte(k, pte)) return false;
  return entryTarget(pte) >= pvmw.folio && entryTarget(pte) < pvmw.folio + folioNrPages(k, pvmw.folio);
}
