/**
 * Splitting a huge PMD into a table of PTEs: mm/huge_memory.c __split_huge_pmd(). It never fails and never allocates: the
 * table was deposited when the PMD was installed. The folio stays whole; its pages are mapped one by one.
 *
 * Three kinds of huge PMD: present, the huge zero page, a migration entry. Not covered: file VMAs (their PMD is just
 * cleared), device-private entries, soft-dirty and userfaultfd bits, the mmu notifiers around it.
 */
import { NONE, at, emit, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { vmBugOn } from "../bug.ts";
import { isHugeZeroPmd } from "./huge-zero.ts";
import { mkMigrationEntry } from "../migration-entry.ts";
import type { Kernel } from "../mm-types.ts";
import type { Entry, Mm, Pfn, Table, Vma, Vpn } from "../structs/types.ts";
import {
  DIRTY, ENTRY_NONE, EXCLUSIVE, MIGRATION, SPECIAL, WRITE, YOUNG, entryHas, entryTarget, hpageAddress, mkEntry,
  mkPte, pmdIndex, pmdMigration, pmdTransHuge, vmPageProt, zeroPfn,
} from "../pgtable.ts";
import { pgtableTransHugeWithdraw, pmdLockptr, pmdPopulate, pmdpGet, pmdpHugeClearFlush, pmdpInvalidate } from "../pgtable-generic.ts";
import { refsGet, refsOfPmdSplit, refsPut } from "../refcount/scheme.ts";
import { folioAddAnonRmapPtes, folioRemoveRmapPmd, folioTryShareAnonRmapPmd } from "../rmap.ts";
import { folioLock, folioPut, folioTrylock, folioUnlock } from "../swap.ts";

/**
 * Splits the huge PMD that covers `vpn`, if there is one.
 * @kernel mm/huge_memory.c __split_huge_pmd(), split_huge_pmd_address()
 * @holds mmap_lock, the VMA lock or the anon_vma lock
 */
export function* splitHugePmd(k: Kernel, vma: Vma, vpn: Vpn, freeze: boolean): Routine {
  const mm: Mm = k.vma.mm.get(vma);
  yield* spinLock(k, pmdLockptr(k, mm));
  const locked: Pfn = yield* lockAgainstReuse(k, mm, vpn);
  const pmd = pmdpGet(k, mm, vpn);
  if (pmdTransHuge(pmd) || pmdMigration(pmd)) yield* splitHugePmdLocked(k, vma, hpageAddress(k, vpn), freeze, pmd);
  spinUnlock(k, pmdLockptr(k, mm));
  // In the kernel a step later, when nothing keeps the folio any more: who discards its pages meanwhile frees a locked page.
  if (locked !== NONE) folioUnlock(k, locked);
}

/**
 * Takes the folio lock in kernels whose write fault decides by mapcounts under that lock (`param.reuseByMapcount`): a
 * split of a PMD moves them from the folio to its pages, one after the other. NONE in other kernels, and where no
 * folio is mapped.
 * @kernel mm/huge_memory.c __split_huge_pmd(), 5.8 to 5.17
 * @holds the PMD lock, which is dropped while the folio lock is waited for
 */
function* lockAgainstReuse(k: Kernel, mm: Mm, vpn: Vpn): Routine<Pfn> {
  if (k.param.reuseByMapcount.get() === 0) return NONE;
  for (;;) {
    const pmd: Entry = pmdpGet(k, mm, vpn);
    if (!pmdTransHuge(pmd) || isHugeZeroPmd(k, pmd)) return NONE;
    const folio: Pfn = entryTarget(pmd);
    yield at("trylock_page");
    if (folioTrylock(k, folio)) return folio;
    yield at("get_page");
    refsGet(k, folio, 1);
    spinUnlock(k, pmdLockptr(k, mm));
    yield* folioLock(k, folio);
    yield* spinLock(k, pmdLockptr(k, mm));
    const same: boolean = pmdpGet(k, mm, vpn) === pmd;
    if (!same) folioUnlock(k, folio);
    yield* folioPut(k, folio);
    if (same) return folio;
  }
}

/**
 * Splits the huge PMD at `haddr`. `freeze`: the PTEs become migration entries and the mapping goes. If the folio may
 * be pinned, the PTEs map it after all. `pmd`: the entry, read under the lock just now.
 * @kernel mm/huge_memory.c split_huge_pmd_locked(), __split_huge_pmd_locked()
 * @holds PMD lock; for `freeze` also folio lock, anon_vma lock for writing and a reference
 */
export function* splitHugePmdLocked(k: Kernel, vma: Vma, haddr: Vpn, freeze: boolean, pmd: Entry): Routine {
  const mm: Mm = k.vma.mm.get(vma);
  const beyond = haddr < k.vma.start.get(vma) || haddr + k.param.hpagePmdNr.get() > k.vma.end.get(vma);
  vmBugOn(beyond, "split-pmd: the huge PMD reaches beyond its VMA");
  k.vmstat.thpSplitPmd.add(1);
  vmBugOn(!pmdTransHuge(pmd) && !pmdMigration(pmd), "split-pmd: the PMD is not huge");
  if (pmdMigration(pmd)) return yield* splitMigrationPmd(k, vma, haddr, pmd);
  if (isHugeZeroPmd(k, pmd)) return yield* splitHugeZeroPagePmd(k, vma, haddr);

  // Not present for the hardware, and flushed: at no time are there a huge and a small translation of one address.
  let old: Entry = yield* pmdpInvalidate(k, mm, haddr, pmd);
  const folio: Pfn = entryTarget(old);
  if (entryHas(old, DIRTY)) {
    yield at("folio_set_dirty");
    k.page.dirty.set(folio, true);
  }
  yield at("PageAnonExclusive");
  const exclusive: boolean = k.page.anonExclusive.get(folio);
  let migrate: boolean = freeze;
  if (freeze && exclusive) {
    const shared: boolean = yield* folioTryShareAnonRmapPmd(k, folio);
    if (!shared) migrate = false;
  }

  yield at("vma->vm_page_prot");
  old = (mkPte(folio, k.vma.flags.once(vma)) & ~YOUNG) | (old & (WRITE | YOUNG | DIRTY));
  yield at("split_huge_pmd: fill PTEs");
  const table: Table = pgtableTransHugeWithdraw(k, mm, haddr);
  if (migrate) {
    for (let i = 0; i < k.param.hpagePmdNr.get(); i++) {
      fillPte(k, table, i, mkMigrationEntry(k, folio + i, old, exclusive));
      emit(k, EV.MIGRATION_SET, mm, haddr + i, folio + i);
    }
  } else {
    // The PTE mappings come before the PMD mapping goes, so that the folio is mapped all the time.
    for (let i = 0; i < k.param.hpagePmdNr.get(); i++) {
      fillPte(k, table, i, old + mkEntry(i, 0));
    }
    yield at("split_huge_pmd: folio_ref_add");
    refsOfPmdSplit(k, folio, k.param.hpagePmdNr.get());
    yield at("folio_add_anon_rmap_ptes");
    folioAddAnonRmapPtes(k, folio, folio, k.param.hpagePmdNr.get(), vma, haddr, exclusive);
  }
  yield at("folio_remove_rmap_pmd");
  yield* folioRemoveRmapPmd(k, folio, vma);
  if (migrate) {
    yield at("split_huge_pmd: put_page");
    refsPut(k, folio, 1);
  }
  // smp_wmb(): the PTEs are visible before the table
  yield at("pmd_populate");
  populateSplit(k, mm, haddr, table);
}

/** No folio is involved and no count changes. @kernel mm/huge_memory.c __split_huge_zero_page_pmd() */
function* splitHugeZeroPagePmd(k: Kernel, vma: Vma, haddr: Vpn): Routine {
  const mm: Mm = k.vma.mm.get(vma);
  yield* pmdpHugeClearFlush(k, mm, haddr);
  yield at("pgtable_trans_huge_withdraw");
  const table: Table = pgtableTransHugeWithdraw(k, mm, haddr);
  const zero: Entry = mkEntry(zeroPfn(k), vmPageProt(k.vma.flags.once(vma)) | SPECIAL | YOUNG);
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) fillPte(k, table, i, zero);
  yield at("pmd_populate");
  populateSplit(k, mm, haddr, table);
}

/**
 * The folio is not mapped here and the hardware has no translation: only the table is filled.
 * @kernel mm/huge_memory.c __split_huge_pmd_locked()
 */
function* splitMigrationPmd(k: Kernel, vma: Vma, haddr: Vpn, old: Entry): Routine {
  const mm: Mm = k.vma.mm.get(vma);
  const table: Table = pgtableTransHugeWithdraw(k, mm, haddr);
  // In either encoding these are the bits of rights, young and dirty.
  const kept = MIGRATION | (old & (WRITE | EXCLUSIVE | YOUNG | DIRTY));
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) fillPte(k, table, i, mkEntry(entryTarget(old) + i, kept));
  yield at("pmd_populate");
  populateSplit(k, mm, haddr, table);
}

/** Nobody else can see the table yet. */
function fillPte(k: Kernel, table: Table, i: number, pte: Entry): void {
  vmBugOn(k.ptTable.pte.once(table, i) !== ENTRY_NONE, "split-pmd: the deposited table is not empty");
  k.ptTable.pte.setOnce(table, i, pte);
}

/** nr_ptes stays: the deposited table has been counted. */
function populateSplit(k: Kernel, mm: Mm, haddr: Vpn, table: Table): void {
  pmdPopulate(k, mm, haddr, table);
  emit(k, EV.PMD_SPLIT, mm, pmdIndex(k, haddr), table);
}
