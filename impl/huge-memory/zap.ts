/** Unmapping huge pages: mm/huge_memory.c zap_huge_pmd(), madvise_free_huge_pmd(). */
import { NONE, at, emit, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import {
  ENTRY_NONE, DIRTY, YOUNG, entryHas, entryTarget, hpageAddress, pmdIndex, pmdMigration, pmdTransHuge,
} from "../pgtable.ts";
import { judgeDiscarded } from "../lost-function.ts";
import { isHugeZeroPmd } from "./huge-zero.ts";
import type { Kernel } from "../mm-types.ts";
import type { Entry, Mm, Pfn, Table, Vma, Vpn } from "../structs/types.ts";
import { tlbFlushRange, tlbRemoveHugePage, tlbRemoveTlbEntry } from "../mmu-gather.ts";
import { folioGet, folioMaybeMappedShared } from "../page-ref.ts";
import { pgtableTransHugeWithdraw, pmdLockptr, pmdpGet, pmdpInvalidate, pteFreeDefer, setPmdAt } from "../pgtable-generic.ts";
import { folioRemoveRmapPmd } from "../rmap.ts";
import { folioMarkLazyfree, folioPut, folioTrylock, folioUnlock } from "../swap.ts";
import { splitFolio } from "./split-folio.ts";
import { noteLastMapping } from "./unmapped-in-split.ts";

/**
 * Unmaps the whole huge range at `haddr`: a huge page, the huge zero page or a migration entry. The folio goes to the
 * mmu_gather, which frees it after the TLB flush.
 *
 * @kernel mm/huge_memory.c zap_huge_pmd()
 * @holds mmap_lock or the VMA lock; an mmu_gather is open
 * @returns false: it is not a huge entry any more, look at its PTEs
 */
export function* zapHugePmd(k: Kernel, vma: Vma, haddr: Vpn): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(vma);
  yield* spinLock(k, pmdLockptr(k, mm));
  const entry: Entry = pmdpGet(k, mm, haddr);
  if (!pmdTransHuge(entry) && !pmdMigration(entry)) {
    spinUnlock(k, pmdLockptr(k, mm));
    return false;
  }
  const folio: Pfn = entryTarget(entry);
  const counted: boolean = !isHugeZeroPmd(k, entry);
  const present: boolean = counted && !pmdMigration(entry);
  yield at("pmdp_huge_get_and_clear");
  k.mm.pmd.xchg(mm, pmdIndex(k, haddr), ENTRY_NONE);
  emit(k, EV.PMD_CLEAR, mm, pmdIndex(k, haddr), NONE);
  tlbRemoveTlbEntry(k, haddr, haddr + k.param.hpagePmdNr.get());
  if (present) {
    yield at("folio_remove_rmap_pmd");
    yield* folioRemoveRmapPmd(k, folio, vma);
    noteLastMapping(k, folio);
  }
  if (counted) k.mm.anonPages.add(mm, -k.param.hpagePmdNr.get());
  yield at("zap_deposited_table");
  const table: Table = pgtableTransHugeWithdraw(k, mm, haddr);
  pteFreeDefer(k, table);
  k.mm.nrPtes.add(mm, -1);
  judgeDiscarded(k, mm, haddr, haddr + k.param.hpagePmdNr.get());
  spinUnlock(k, pmdLockptr(k, mm));
  if (present) yield* tlbRemoveHugePage(k, mm, folio);
  return true;
}

/**
 * MADV_FREE of start..end - 1, which lies in one huge range. If that is the whole range, the folio becomes lazyfree.
 * If it is a part, the folio is split, and the caller goes on with PTEs. The huge zero page, a migration entry, a
 * folio that others may map and a locked folio are left alone.
 *
 * @kernel mm/huge_memory.c madvise_free_huge_pmd()
 * @holds mmap_lock or the VMA lock, for reading; an mmu_gather is open
 * @returns true: the range is done; false: look at its PTEs, if there are any
 */
export function* madviseFreeHugePmd(k: Kernel, vma: Vma, start: Vpn, end: Vpn): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(vma);
  const haddr: Vpn = hpageAddress(k, start);
  yield* spinLock(k, pmdLockptr(k, mm));
  const entry: Entry = pmdpGet(k, mm, haddr);
  const folio: Pfn = entryTarget(entry);
  if (!pmdTransHuge(entry) || isHugeZeroPmd(k, entry) || folioMaybeMappedShared(k, folio)) {
    spinUnlock(k, pmdLockptr(k, mm));
    return false;
  }
  yield at("folio_trylock");
  if (!folioTrylock(k, folio)) {
    spinUnlock(k, pmdLockptr(k, mm));
    return false;
  }
  if (end - start !== k.param.hpagePmdNr.get()) {
    yield at("folio_get");
    folioGet(k, folio);
    spinUnlock(k, pmdLockptr(k, mm));
    // Whether it was split or not, the caller looks at what it finds.
    yield* splitFolio(k, folio);
    yield at("folio_unlock");
    folioUnlock(k, folio);
    yield* folioPut(k, folio);
    return false;
  }
  yield at("folio_clear_dirty");
  k.page.dirty.set(folio, false);
  yield at("folio_unlock");
  folioUnlock(k, folio);
  if (entryHas(entry, YOUNG) || entryHas(entry, DIRTY)) {
    // Invalidated and flushed first, so that no CPU sets the dirty bit behind the clean entry.
    yield* pmdpInvalidate(k, mm, haddr, entry);
    yield at("set_pmd_at");
    setPmdAt(k, mm, haddr, entry & ~(YOUNG | DIRTY));
    emit(k, EV.PMD_SET_HUGE, mm, pmdIndex(k, haddr), folio);
    tlbFlushRange(k, haddr, end);
  }
  yield* folioMarkLazyfree(k, folio);
  spinUnlock(k, pmdLockptr(k, mm));
  return true;
}
