/**
 * MADV_COLD and MADV_PAGEOUT: mm/madvise.c madvise_cold(), madvise_pageout().
 *
 * COLD takes marks of use away, so that reclaim comes to the pages sooner; PAGEOUT reclaims them now (`vmscan.ts`). Both
 * leave alone what others may map, and split a folio of which a part is meant.
 *
 * Not covered: -EINTR (there are no signals), files, PG_workingset, PG_idle and PG_young, which nothing here asks for. The
 * kernel lets go of the table's lock now and then, and looks again at the same entry; here it keeps the lock.
 */
import { NONE, at, emit, record, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { EINVAL } from "../errno.ts";
import { folioPteBatch } from "../folio-pte-batch.ts";
import { splitFolio } from "../huge-memory/split-folio.ts";
import { tlbFinishMmu, tlbGatherMmu, tlbRemoveTlbEntry } from "../mmu-gather.ts";
import type { Kernel } from "../mm-types.ts";
import { folioNrPages, folioTestLarge, pageFolio } from "../page-flags.ts";
import { folioGet, folioMapcount, folioMaybeMappedShared } from "../page-ref.ts";
import {
  YOUNG, entryHas, entryTarget, entryZeroPage, isZeroPte, hpageAddress, pmdIndex, pmdNone, pmdTransHuge, pteIndex, ptePresent, setPteAt,
} from "../pgtable.ts";
import {
  pmdLockptr, pmdpGet, pmdpGetLockless, pmdpInvalidate, pteOffsetMapLock, ptlOf, setPmdAt,
} from "../pgtable-generic.ts";
import type { Entry, Errno, Mm, Pfn, Table, Vma, Vpn } from "../structs/types.ts";
import { VM_LOCKED } from "../structs/vma.ts";
import { folioDeactivate, folioIsolateLru, folioLock, folioPut, folioTrylock, folioUnlock, lruAddDrain } from "../swap.ts";
import { flushTlbBatchedPending } from "../tlb-batch.ts";
import { reclaimPages } from "../vmscan.ts";
import { folioListAdd, type FolioList } from "../vmscan/folio-list.ts";

/**
 * Advises start..end - 1, which lies in the VMA.
 * @kernel mm/madvise.c madvise_cold(), madvise_pageout()
 * @holds mmap_lock for reading
 * @returns 0; -EINVAL: the VMA is locked in memory
 */
export function* madviseColdOrPageout(k: Kernel, vma: Vma, start: Vpn, end: Vpn, pageout: boolean): Routine<Errno> {
  if ((k.vma.flags.get(vma) & VM_LOCKED) !== 0) return -EINVAL;
  const mm: Mm = k.vma.mm.get(vma);
  yield* lruAddDrain(k);
  tlbGatherMmu(k);
  let addr: Vpn = start;
  while (addr < end) {
    const next: Vpn = Math.min(hpageAddress(k, addr) + k.param.hpagePmdNr.get(), end);
    const list: FolioList = record({ first: NONE, last: NONE });
    yield at("pmdp_get_lockless");
    const pmd: Entry = pmdpGetLockless(k, mm, addr);
    let done: boolean = pmdNone(pmd);
    if (pmdTransHuge(pmd)) done = yield* coldHugePmd(k, vma, addr, next, pageout, list);
    if (!done) yield* coldPteRange(k, vma, addr, next, pageout, list);
    if (pageout) yield* reclaimPages(k, list);
    addr = next;
  }
  yield* tlbFinishMmu(k, mm);
  return 0;
}

/**
 * start..end - 1 lies in one huge range, where a huge PMD was seen.
 * @kernel mm/madvise.c madvise_cold_or_pageout_pte_range(), from pmd_trans_huge() on
 * @holds mmap_lock for reading; a gather is open
 * @returns false: its folio was split, and PTEs are to be looked at
 */
function* coldHugePmd(k: Kernel, vma: Vma, start: Vpn, end: Vpn, pageout: boolean, list: FolioList): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(vma);
  const haddr: Vpn = hpageAddress(k, start);
  yield* spinLock(k, pmdLockptr(k, mm));
  const entry: Entry = pmdpGet(k, mm, haddr);
  const folio: Pfn = entryTarget(entry);
  let meant: boolean = pmdTransHuge(entry) && !entryZeroPage(entry);
  if (meant) {
    yield at("folio_maybe_mapped_shared");
    meant = !folioMaybeMappedShared(k, folio);
  }
  if (!meant) {
    spinUnlock(k, pmdLockptr(k, mm));
    return true;
  }
  if (end - start !== k.param.hpagePmdNr.get()) {
    yield at("folio_get");
    folioGet(k, folio);
    spinUnlock(k, pmdLockptr(k, mm));
    yield* folioLock(k, folio);
    const error: Errno = yield* splitFolio(k, folio);
    yield at("folio_unlock");
    folioUnlock(k, folio);
    yield* folioPut(k, folio);
    return error !== 0;
  }
  if (!pageout && entryHas(entry, YOUNG)) {
    const old: Entry = yield* pmdpInvalidate(k, mm, haddr, entry);
    yield at("set_pmd_at");
    // What the hardware has set since the entry was read is in `old` alone.
    const kept = k.param.coldForgetsDirty.get() !== 0 ? entry : old;
    setPmdAt(k, mm, haddr, kept & ~YOUNG);
    emit(k, EV.PMD_SET_HUGE, mm, pmdIndex(k, haddr), folio);
    tlbRemoveTlbEntry(k, haddr, end);
  }
  yield* coldFolio(k, folio, pageout, list);
  spinUnlock(k, pmdLockptr(k, mm));
  return true;
}

/**
 * @kernel mm/madvise.c madvise_cold_or_pageout_pte_range(), from regular_folio on
 * @holds mmap_lock for reading; a gather is open
 */
function* coldPteRange(k: Kernel, vma: Vma, start: Vpn, end: Vpn, pageout: boolean, list: FolioList): Routine {
  const mm: Mm = k.vma.mm.get(vma);
  let table: Table = yield* pteOffsetMapLock(k, mm, start);
  if (table === NONE) return;
  yield* flushTlbBatchedPending(k, mm);
  let addr: Vpn = start;
  while (addr < end) {
    const pte: Entry = k.ptTable.pte.get(table, pteIndex(k, addr));
    if (!ptePresent(pte) || isZeroPte(k, pte)) {
      addr++;
      continue;
    }
    const folio: Pfn = pageFolio(k, entryTarget(pte));
    const nr: Vpn = yield* folioPteBatch(k, table, pteIndex(k, addr), end - addr, pte);
    if (folioTestLarge(k, folio) && nr < folioNrPages(k, folio)) {
      yield at("folio_maybe_mapped_shared");
      let locked: boolean = !folioMaybeMappedShared(k, folio);
      if (locked) {
        yield at("folio_trylock");
        locked = folioTrylock(k, folio);
      }
      if (!locked) {
        addr += nr;
        continue;
      }
      yield at("folio_get");
      folioGet(k, folio);
      spinUnlock(k, ptlOf(k, table));
      const error: Errno = yield* splitFolio(k, folio);
      yield at("folio_unlock");
      folioUnlock(k, folio);
      yield* folioPut(k, folio);
      table = yield* pteOffsetMapLock(k, mm, addr);
      if (table === NONE) return;
      yield* flushTlbBatchedPending(k, mm);
      // Split: look again at small pages. Not split: leave the folio alone.
      if (error !== 0) addr += nr;
      continue;
    }
    const alone: boolean = yield* isOnLruAndExclusive(k, folio);
    if (alone) {
      if (!pageout) yield* testAndClearYoungPtes(k, table, addr, nr);
      yield* coldFolio(k, folio, pageout, list);
    }
    addr += nr;
  }
  spinUnlock(k, ptlOf(k, table));
}

/**
 * All of its pages are mapped, and nowhere else. The kernel looks at PG_lru without lru_lock. It may then meet a folio that
 * is off the LRU for a moment, within a section of that lock, and skip it: for that folio the call does nothing, as it does
 * if the folio is isolated, or not meant.
 * @kernel mm/madvise.c madvise_cold_or_pageout_pte_range()
 * @holds the table's lock
 */
function* isOnLruAndExclusive(k: Kernel, folio: Pfn): Routine<boolean> {
  yield* spinLock(k, k.lruvec.lock.at());
  const lru: boolean = k.page.lru.get(folio);
  spinUnlock(k, k.lruvec.lock.at());
  if (!lru) return false;
  yield at("folio_mapcount");
  return folioMapcount(k, folio) === folioNrPages(k, folio);
}

/**
 * The hardware sets bits in the same words: each is changed at once.
 * @kernel include/linux/pgtable.h clear_young_dirty_ptes() with CYDP_CLEAR_YOUNG
 * @holds the table's lock; a gather is open
 */
function* testAndClearYoungPtes(k: Kernel, table: Table, addr: Vpn, nr: Vpn): Routine {
  for (let i: Vpn = 0; i < nr; i++) {
    yield at("ptep_test_and_clear_young", null, { instruction: true });
    const pte = k.ptTable.pte.get(table, pteIndex(k, addr + i));
    if (!entryHas(pte, YOUNG)) continue;
    setPteAt(k, table, pteIndex(k, addr + i), pte & ~YOUNG);
    tlbRemoveTlbEntry(k, addr + i, addr + i + 1);
  }
}

/** @kernel mm/madvise.c madvise_cold_or_pageout_pte_range(), folio_clear_referenced() and what follows @holds a page-table lock */
function* coldFolio(k: Kernel, folio: Pfn, pageout: boolean, list: FolioList): Routine {
  yield at("folio_clear_referenced");
  k.page.referenced.set(folio, false);
  if (!pageout) {
    yield* folioDeactivate(k, folio);
    return;
  }
  const isolated: boolean = yield* folioIsolateLru(k, folio);
  if (isolated) yield* folioListAdd(k, list, folio);
}
