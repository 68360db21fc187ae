/**
 * The page-table side of a reverse-map walk: mm/page_vma_mapped.c.
 *
 * A walk over anon_vmas finds, for a folio, the VMAs that may map it. This finds in one of them the entries that do, one
 * after the other, and returns each with the page-table lock that covers it, so that the caller can change it.
 *
 * Where a page table is not locked it can change: a huge PMD is split, a table is emptied. What was read without a lock
 * is read again under it. The tables themselves stay: the caller holds the anon_vma lock, and whoever frees or detaches
 * a table takes the VMA out of the anon_vma first, or holds that lock for writing.
 *
 * Always PVMW_SYNC: PTEs are looked at under their lock, and a PMD that is none is looked at when nobody holds its
 * lock, since zap_huge_pmd() clears it first and removes the mapping afterwards. The cheaper walk without PVMW_SYNC,
 * which may miss entries that are clear for a moment, is that of reclaim, which is not here.
 */
import { NONE, at, spinLock, spinUnlock, type Routine, type U32 } from "thpcheck";
import type { Kernel } from "./mm-types.ts";
import type { Entry, Mm, Pfn, Table, Vma, Vpn } from "./structs/types.ts";
import { folioNrPages } from "./page-flags.ts";
import { entryTarget, entryZeroPage, hpageAddress, pmdMigration, pmdNone, pmdTable, pmdTransHuge, pteIndex, pteMigration, ptePresent } from "./pgtable.ts";
import { pmdLockptr, pmdpGet, pmdpGetLockless, pteOffsetMapLock, ptlOf } from "./pgtable-generic.ts";

/** What a walk has met: nothing more, or an address and what maps the folio there, a PMD or a PTE of which table. */
export type WalkHit = U32;
export const WALK_DONE = 0;
/** The address of a hit. @kernel include/linux/rmap.h struct page_vma_mapped_walk, `address` */
export function hitAddress(k: Kernel, hit: WalkHit): Vpn { return Math.floor((hit - 1) / (k.ptTable.count + 1)); }
/** Whether a PMD maps the folio there. @kernel include/linux/rmap.h struct page_vma_mapped_walk, `pmd` without `pte` */
export function hitIsPmd(k: Kernel, hit: WalkHit): boolean { return (hit - 1) % (k.ptTable.count + 1) === k.ptTable.count; }
/** The table of a PTE hit, whose lock is held. @kernel include/linux/rmap.h struct page_vma_mapped_walk, `pte` */
export function hitTable(k: Kernel, hit: WalkHit): Table { return (hit - 1) % (k.ptTable.count + 1); }
function mkHit(k: Kernel, vpn: Vpn, table: Table): WalkHit { return vpn * (k.ptTable.count + 1) + (table === NONE ? k.ptTable.count : table) + 1; }

/**
 * Where the VMA would map the folio's first page, or its own start if the folio begins before it; NONE if the two have
 * no page in common. Bounds change only under the anon_vma lock, among others.
 * @kernel mm/internal.h vma_address()
 * @holds the folio's anon_vma lock
 */
export function vmaAddress(k: Kernel, folio: Pfn, vma: Vma): number {
  const index = k.page.index.get(folio);
  const pgoff = k.vma.pgoff.once(vma);
  if (index < pgoff) return index + folioNrPages(k, folio) > pgoff ? k.vma.start.once(vma) : NONE;
  const vpn = k.vma.start.once(vma) + index - pgoff;
  return vpn < k.vma.end.once(vma) ? vpn : NONE;
}

/** The end of the folio's pages in the VMA. @kernel mm/internal.h vma_address_end() @holds the folio's anon_vma lock */
function vmaAddressEnd(k: Kernel, folio: Pfn, vma: Vma): number {
  const end = k.vma.start.once(vma) + k.page.index.get(folio) + folioNrPages(k, folio) - k.vma.pgoff.once(vma);
  return end < k.vma.end.once(vma) ? end : k.vma.end.once(vma);
}

/**
 * The next entry at `from` or behind it that maps a page of the folio or, with `migration`, stands for one. Of a PMD
 * there is only one. A hit returns with its lock held (of the PMD, or of the PTE's table); WALK_DONE with none.
 * `held`: the table whose lock the caller still holds from the previous hit, or NONE.
 * @kernel mm/page_vma_mapped.c page_vma_mapped_walk()
 * @holds folio lock, the folio's anon_vma lock
 */
export function* pageVmaMappedWalk(k: Kernel, folio: Pfn, vma: Vma, from: Vpn, held: Table, migration: boolean): Routine<WalkHit> {
  const mm: Mm = k.vma.mm.get(vma);
  let vpn: Vpn = from;
  let table: Table = held;
  for (;;) {
    const ended = vpn >= vmaAddressEnd(k, folio, vma);
    if (table !== NONE && (ended || pteIndex(k, vpn) === 0)) {
      spinUnlock(k, ptlOf(k, table));
      table = NONE;
    }
    if (ended) return WALK_DONE;
    if (table === NONE) {
      yield at("pmdp_get_lockless");
      const seen = pmdpGetLockless(k, mm, vpn);
      if (pmdNone(seen)) {
        if (mayBeMappedByPmd(k, folio, vma, vpn)) {
          yield* spinLock(k, pmdLockptr(k, mm));
          spinUnlock(k, pmdLockptr(k, mm));
        }
        vpn = hpageAddress(k, vpn) + k.param.hpagePmdNr.get();
        continue;
      }
      if (!pmdTable(seen)) {
        yield* spinLock(k, pmdLockptr(k, mm));
        const pmd: Entry = pmdpGet(k, mm, vpn);
        if (!pmdTable(pmd) && pmdMatches(pmd, folio, migration)) return mkHit(k, vpn, NONE);
        spinUnlock(k, pmdLockptr(k, mm));
        if (!pmdTable(pmd)) return WALK_DONE;
        // It has been split meanwhile.
      }
      table = yield* pteOffsetMapLock(k, mm, vpn);
      if (table === NONE) continue;
    }
    if (pteMatches(k, k.ptTable.pte.get(table, pteIndex(k, vpn)), folio, migration)) return mkHit(k, vpn, table);
    vpn = vpn + 1;
  }
}

/** @kernel include/linux/huge_mm.h thp_vma_suitable_order() */
export function mayBeMappedByPmd(k: Kernel, folio: Pfn, vma: Vma, vpn: Vpn): boolean {
  const haddr = hpageAddress(k, vpn);
  return folioNrPages(k, folio) >= k.param.hpagePmdNr.get() && haddr >= k.vma.start.once(vma) && haddr + k.param.hpagePmdNr.get() <= k.vma.end.once(vma);
}

/** @kernel mm/page_vma_mapped.c check_pmd() */
function pmdMatches(pmd: Entry, folio: Pfn, migration: boolean): boolean {
  if (pmdNone(pmd) || entryZeroPage(pmd) || pmdMigration(pmd) !== migration) return false;
  return (migration || pmdTransHuge(pmd)) && entryTarget(pmd) === folio;
}

/** @kernel mm/page_vma_mapped.c check_pte() */
function pteMatches(k: Kernel, pte: Entry, folio: Pfn, migration: boolean): boolean {
  if (migration ? !pteMigration(pte) : !ptePresent(pte) || entryZeroPage(pte)) return false;
  return entryTarget(pte) >= folio && entryTarget(pte) < folio + folioNrPages(k, folio);
}
