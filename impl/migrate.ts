/**
 * Migration entries: all mappings of a locked folio replaced by entries that say which page was there and with what
 * rights, and back. mm/rmap.c try_to_migrate() and mm/migrate.c remove_migration_ptes().
 *
 * While they stand, the folio has no mapping, so its reference count can be frozen; a fault that meets one waits for the
 * folio lock. The right to write and exclusivity live in the entry: WRITE, EXCLUSIVE (set for a writable one, too).
 *
 * For the split of a folio: PMDs are always split (TTU_SPLIT_HUGE_PMD), and the caller holds the anon_vma lock
 * (TTU_RMAP_LOCKED). Each PTE is flushed when it is cleared, as on architectures without
 * ARCH_WANT_BATCHED_UNMAP_TLB_FLUSH. Not covered: TTU_BATCH_FLUSH with flush_tlb_batched_pending() in the paths that
 * could meet its delayed flushes; PMD migration entries, page migration itself; hwpoison, swap and device entries.
 */
import { NONE, at, emit, record, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../spec/events.ts";
import { vmBugOn } from "./bug.ts";
import { splitHugePmdLocked } from "./huge-memory/split-pmd.ts";
import { judgeMappedAgain } from "./lost-function.ts";
import { migrationDirty, migrationExclusive, migrationWrite, migrationYoung, mkMigrationEntry } from "./migration-entry.ts";
import type { Kernel } from "./mm-types.ts";
import type { AnonVma, Avc, Entry, Mm, Pfn, Vma, Vpn } from "./structs/types.ts";
import { VM_LOCKED } from "./structs/vma.ts";
import { folioTestLarge } from "./page-flags.ts";
import { folioMapcount } from "./page-ref.ts";
import { mayBeMappedByPmd, pageVmaMappedWalk, vmaAddress, type PageVmaMappedWalk } from "./page-vma-mapped.ts";
import {
  DIRTY, ENTRY_NONE, SPECIAL, WRITE, YOUNG, entryHas, entryTarget, hpageAddress, mkEntry, mkPte, pmdNone,
  pmdTransHuge, pteIndex, setPteAt, zeroPfn,
} from "./pgtable.ts";
import { pmdLockptr, pmdpGetLockless, ptepClearFlush, ptlOf } from "./pgtable-generic.ts";
import { refsGet, refsPut } from "./refcount/scheme.ts";
import { folioAddAnonRmapPtes, folioRemoveRmapPtes, folioTryShareAnonRmapPte, linearPageIndex } from "./rmap.ts";

/**
 * Replaces the mappings of the folio by migration entries, in all VMAs of its anon_vma's tree. Stops at a page that may
 * be pinned; the caller learns what is left from the reference count.
 * @kernel mm/rmap.c try_to_migrate(), rmap_walk_anon()
 * @holds folio lock, anon_vma lock for writing, a reference
 */
export function* tryToMigrate(k: Kernel, folio: Pfn): Routine {
  const anonVma: AnonVma = k.page.mapping.get(folio);
  let avc: Avc = k.anonVma.tree.get(anonVma);
  while (avc !== NONE) {
    const vma: Vma = k.avc.vma.get(avc);
    const start = vmaAddress(k, folio, vma);
    if (start !== NONE) {
      const goOn: boolean = yield* tryToMigrateOne(k, folio, vma, start);
      if (!goOn) return;
    }
    avc = k.avc.nextInTree.get(avc);
    if (avc === NONE) return;
    yield at("folio_not_mapped");
    if (folioMapcount(k, folio) === 0) return;
  }
}

/**
 * @kernel mm/rmap.c try_to_migrate_one()
 * @returns false: a page of it stays mapped here, or, with `param.migrateStopsAtSplitPmd`, nobody has looked
 */
function* tryToMigrateOne(k: Kernel, folio: Pfn, vma: Vma, start: Vpn): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(vma);
  const pvmw: PageVmaMappedWalk = record({ folio, vma, address: start, table: NONE, migration: false });
  for (;;) {
    const entry: Entry = yield* pageVmaMappedWalk(k, pvmw);
    if (entry === ENTRY_NONE) {
      vmBugOn(leavesHalfDone(k, folio, vma, start), "migrate: the walk leaves an area while a mapping of the folio is half changed there");
      return true;
    }
    if (pvmw.table === NONE) {
      yield* splitHugePmdLocked(k, vma, hpageAddress(k, pvmw.address), true, entry);
      spinUnlock(k, pmdLockptr(k, mm));
      if (k.param.migrateStopsAtSplitPmd.get() !== 0) return false;
      // If it may be pinned, PTEs map it now, and the walk begins again.
      pvmw.address = start;
      continue;
    }
    const old: Entry = yield* ptepClearFlush(k, mm, pvmw.table, pvmw.address);
    const page: Pfn = entryTarget(old);
    if (entryHas(old, DIRTY)) {
      yield at("folio_mark_dirty");
      k.page.dirty.set(folio, true);
    }
    yield at("PageAnonExclusive");
    const exclusive: boolean = k.page.anonExclusive.get(page);
    if (exclusive) {
      const shared: boolean = yield* folioTryShareAnonRmapPte(k, folio, page);
      if (!shared) {
        yield at("set_pte_at: put back");
        setPteAt(k, pvmw.table, pteIndex(k, pvmw.address), old);
        spinUnlock(k, ptlOf(k, pvmw.table));
        return false;
      }
    }
    yield at("S5: set_pte_at");
    setPteAt(k, pvmw.table, pteIndex(k, pvmw.address), mkMigrationEntry(k, page, old, exclusive));
    emit(k, EV.MIGRATION_SET, mm, pvmw.address, page);
    yield at("folio_remove_rmap_pte");
    yield* folioRemoveRmapPtes(k, folio, page, 1, vma);
    yield at("folio_put");
    refsPut(k, page, 1);
    pvmw.address = pvmw.address + 1;
  }
}

/**
 * Whether another thread is between the two steps in which a PMD mapping goes or changes. The walk should have waited
 * for the lock then. unmap_page() warned of a page that was still mapped, until pins could stop the walk on purpose.
 */
function leavesHalfDone(k: Kernel, folio: Pfn, vma: Vma, start: Vpn): boolean {
  const mm = k.vma.mm.get(vma);
  const pmd = pmdpGetLockless(k, mm, start);
  return k.mm.pmdLock.isHeld(mm) && folioMapcount(k, folio) > 0 && mayBeMappedByPmd(k, folio, vma, start)
    && (pmdNone(pmd) || (pmdTransHuge(pmd) && entryTarget(pmd) === folio));
}

/**
 * Maps the folio wherever a migration entry stands for one of its pages, with the rights that the entry keeps.
 * `useZeroPage`: a single page of zeroes is not mapped again. The zero page is mapped in its place, and the page can
 * be freed. It is unmapped and locked, so nobody writes to it while it is looked at.
 * @kernel mm/migrate.c remove_migration_ptes(), rmap_walk_locked(), try_to_map_unused_to_zeropage()
 * @holds folio lock, anon_vma lock for writing, a reference
 */
export function* removeMigrationPtes(k: Kernel, folio: Pfn, useZeroPage: boolean): Routine {
  const anonVma: AnonVma = k.page.mapping.get(folio);
  let avc: Avc = k.anonVma.tree.get(anonVma);
  while (avc !== NONE) {
    const vma: Vma = k.avc.vma.get(avc);
    const start = vmaAddress(k, folio, vma);
    if (start !== NONE) yield* removeMigrationPte(k, folio, vma, start, useZeroPage);
    avc = k.avc.nextInTree.get(avc);
  }
  judgeMappedAgain(k, folio);
}

/** @kernel mm/migrate.c remove_migration_pte() */
function* removeMigrationPte(k: Kernel, folio: Pfn, vma: Vma, start: Vpn, useZeroPage: boolean): Routine {
  const mm: Mm = k.vma.mm.get(vma);
  const pvmw: PageVmaMappedWalk = record({ folio, vma, address: start, table: NONE, migration: true });
  for (;;) {
    const entry: Entry = yield* pageVmaMappedWalk(k, pvmw);
    if (entry === ENTRY_NONE) return;
    vmBugOn(pvmw.table === NONE, "migrate: a PMD migration entry, which nothing here makes");
    const page: Pfn = folio + linearPageIndex(k, vma, pvmw.address) - k.page.index.get(folio);
    vmBugOn(entryTarget(entry) !== page, "migrate: a migration entry stands for another page than the one that belongs there");
    const flags = k.vma.flags.once(vma);
    let pte: Entry = mkPte(page, flags);
    let empty: boolean = useZeroPage && !folioTestLarge(k, folio) && (flags & VM_LOCKED) === 0;
    if (empty) {
      yield at("memchr_inv");
      empty = k.page.content.get(page) === 0;
    }
    if (empty) {
      yield at("set_pte_at");
      setPteAt(k, pvmw.table, pteIndex(k, pvmw.address), pte - mkEntry(page - zeroPfn(k), 0) | SPECIAL);
      k.mm.anonPages.add(mm, -1);
    } else {
      if (!migrationYoung(k, entry)) pte = pte & ~YOUNG;
      if (migrationWrite(k, entry)) pte = pte | WRITE;
      if (migrationDirty(k, entry)) {
        yield at("folio_test_dirty");
        if (k.page.dirty.get(folio)) pte = pte | DIRTY;
      }
      yield at("folio_get");
      refsGet(k, page, 1);
      yield at("folio_add_anon_rmap_pte");
      folioAddAnonRmapPtes(k, folio, page, 1, vma, pvmw.address, migrationExclusive(k, entry));
      yield at("set_pte_at");
      setPteAt(k, pvmw.table, pteIndex(k, pvmw.address), pte);
    }
    emit(k, EV.MIGRATION_REMOVE, mm, pvmw.address, page);
    pvmw.address = pvmw.address + 1;
  }
}
