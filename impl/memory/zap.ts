/** Unmapping: mm/memory.c zap_vma_range_batched(), unmap_vmas(), free_pgtables(). */
import { at, emit, NONE, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { vmBugOn } from "../bug.ts";
import { folioPteBatch } from "../folio-pte-batch.ts";
import { splitHugePmd } from "../huge-memory/split-pmd.ts";
import { noteLastMapping, noteZappedEntry } from "../huge-memory/unmapped-in-split.ts";
import { zapHugePmd } from "../huge-memory/zap.ts";
import { judgeDiscarded } from "../lost-function.ts";
import { softleafToFolio } from "../migration-entry.ts";
import type { Kernel } from "../mm-types.ts";
import type { Entry, Mm, Pfn, Table, Vma, Vpn } from "../structs/types.ts";
import {
  tlbBatchRoom, tlbFlushMmu, tlbRemovePageSize, tlbRemoveTable, tlbRemoveTlbEntry,
} from "../mmu-gather.ts";
import { hasSwap, pageFolio } from "../page-flags.ts";
import {
  ENTRY_NONE, entryTarget, isZeroPte, hpageAddress, hpageAligned, pmdMigration, pmdNone, pmdTable, pmdTransHuge, pteIndex,
  pteMigration, pteNone, ptePresent, pteSwap, setPteAt,
} from "../pgtable.ts";
import { pmdClearTable, pmdpGetLockless, pteOffsetMapLock, ptlOf } from "../pgtable-generic.ts";
import { tryToFreePte } from "../pt-reclaim.ts";
import { hasReservations } from "../thp-reservation/container.ts";
import { reservationLosesPages, reservationZapped } from "../thp-reservation.ts";
import { unlinkAnonVmas } from "../anon-vma.ts";
import { folioRemoveRmapPtes } from "../rmap.ts";
import { lruAddDrain } from "../swap.ts";
import { swapPutEntryDirect } from "../swap/swapfile.ts";
import { flushTlbBatchedPending } from "../tlb-batch.ts";

/**
 * Unmaps start..end - 1 of one VMA; the VMA stays. MADV_DONTNEED. What nobody else uses is freed when the gather ends.
 *
 * @kernel mm/memory.c zap_vma_range_batched(), zap_page_range_single_batched() before 7.2
 * @holds mmap_lock or the VMA lock, for reading; a gather is open on this CPU
 */
export function* zapVmaRangeBatched(k: Kernel, vma: Vma, start: Vpn, end: Vpn): Routine {
  yield* drainForUnmap(k);
  yield* unmapPageRange(k, vma, start, end, k.param.ptReclaim.get() !== 0);
}

/**
 * A batch holds a reference, so a folio that is still in one is not freed with its last mapping. Kernels before
 * `param.unmapDrainsBatch` ended empty this CPU's first.
 * @kernel mm/memory.c zap_page_range_single(), mm/vma.c unmap_region(), mm/mmap.c exit_mmap()
 */
export function* drainForUnmap(k: Kernel): Routine {
  if (k.param.unmapDrainsBatch.get() !== 0) yield* lruAddDrain(k);
}

/** What is unmapped of an address space, and how far its page tables may go. @kernel mm/vma.h struct unmap_desc */
export interface UnmapDesc {
  mm: Mm;
  /** Pages vmaStart..vmaEnd - 1 are unmapped. */
  vmaStart: Vpn;
  vmaEnd: Vpn;
  /** The end of the VMA before, and the start of the one after; 0 and `param.vpnMax` where there is none. */
  pgStart: Vpn;
  pgEnd: Vpn;
  /** Of the VMAs that munmap has detached; else, at exit, of those that are still attached. */
  detached: boolean;
}

/**
 * Unmaps the range in all VMAs of the kind, by ascending address.
 *
 * @kernel mm/memory.c unmap_vmas()
 * @holds mmap_lock; a gather is open on this CPU
 */
export function* unmapVmas(k: Kernel, unmap: UnmapDesc): Routine {
  let vma: Vma = nextVma(k, unmap, unmap.vmaStart);
  while (vma !== NONE) {
    const start: Vpn = Math.max(unmap.vmaStart, k.vma.start.get(vma));
    yield* unmapPageRange(k, vma, start, Math.min(unmap.vmaEnd, k.vma.end.get(vma)), false);
    judgeDiscarded(k, unmap.mm, start, Math.min(unmap.vmaEnd, k.vma.end.get(vma)));
    vma = nextVma(k, unmap, k.vma.end.get(vma));
  }
}

/** The first VMA of the kind that ends after `from` and begins in the range; NONE if there is none. */
function nextVma(k: Kernel, unmap: UnmapDesc, from: Vpn): Vma {
  let found = NONE;
  for (let vma = 0; vma < k.vma.count; vma++) {
    if (k.vma.mm.get(vma) !== unmap.mm || k.vma.detached.get(vma) !== unmap.detached) continue;
    if (k.vma.end.get(vma) <= from || k.vma.start.get(vma) >= unmap.vmaEnd) continue;
    if (found === NONE || k.vma.start.get(vma) < k.vma.start.get(found)) found = vma;
  }
  return found;
}

/**
 * PMD by PMD: a huge one goes whole, or is split where the range covers a part of it. `reclaimPt`: tables of which the
 * range covers every entry are freed.
 *
 * @kernel mm/memory.c unmap_page_range(), zap_pmd_range()
 * @holds mmap_lock or the VMA lock; a gather is open on this CPU
 */
function* unmapPageRange(k: Kernel, vma: Vma, start: Vpn, end: Vpn, reclaimPt: boolean): Routine {
  const mm: Mm = k.vma.mm.get(vma);
  let addr: Vpn = start;
  while (addr < end) {
    const next: Vpn = Math.min(hpageAddress(k, addr) + k.param.hpagePmdNr.get(), end);
    yield at("zap: pmdp_get_lockless");
    const pmd: Entry = pmdpGetLockless(k, mm, addr);
    if (pmdTransHuge(pmd) || pmdMigration(pmd)) {
      if (next - addr === k.param.hpagePmdNr.get()) {
        const zapped: boolean = yield* zapHugePmd(k, vma, addr);
        if (zapped) {
          if (hasReservations(k)) yield* reservationZapped(k, vma, addr, false);
          addr = next;
          continue;
        }
      } else yield* splitHugePmd(k, vma, addr, false);
    } else if (pmdNone(pmd)) {
      if (hasReservations(k)) yield* reservationZapped(k, vma, addr, false);
      addr = next;
      continue;
    }
    const from: Vpn = addr;
    addr = yield* zapPteRange(k, vma, addr, next);
    if (hasReservations(k)) yield* reservationZapped(k, vma, from, true);
    if (reclaimPt && addr === next && hpageAligned(k, next) && next - k.param.hpagePmdNr.get() >= start)
      yield* tryToFreePte(k, mm, next - 1);
  }
}

/**
 * The PTEs addr..end - 1 of one table. Each page goes to the gather with the reference of its mapping. Each entry is
 * a step: lockless walkers see them change one by one. Entries that map consecutive pages of a folio leave the
 * reverse map at once, so a folio that loses all its mappings here is never seen partially mapped.
 *
 * When the gather is full, or has no room for the next entries, the kernel flushes the TLB before it drops the lock,
 * and frees the pages after. Here both come after the lock is dropped, as at the end of a gather. That order protects
 * nothing of anonymous pages.
 *
 * @kernel mm/memory.c zap_pte_range()
 * @returns how far it came; `addr` if there is no table any more, and the PMD has to be looked at again
 */
function* zapPteRange(k: Kernel, vma: Vma, start: Vpn, end: Vpn): Routine<Vpn> {
  const mm: Mm = k.vma.mm.get(vma);
  const table: Table = yield* pteOffsetMapLock(k, mm, start);
  if (table === NONE) return start;
  yield* flushTlbBatchedPending(k, mm);
  let addr: Vpn = start;
  let full: boolean = false;
  while (addr < end && !full) {
    const seen: Entry = k.ptTable.pte.get(table, pteIndex(k, addr));
    if (pteNone(seen)) {
      addr++;
      continue;
    }
    if (hasSwap(k) && pteSwap(seen)) {
      yield* zapSwapPte(k, mm, table, addr);
      addr++;
      continue;
    }
    const nr: Vpn = yield* foliosPtes(k, table, addr, end, seen);
    if (nr > tlbBatchRoom(k)) {
      full = true;
      break;
    }
    if (k.param.grainMigration.get() !== 0 && pteMigration(seen)) yield* softleafToFolio(k, seen);
    for (let i: Vpn = 0; i < nr; i++) {
      yield at("ptep_get_and_clear");
      const entry: Entry = k.ptTable.pte.xchg(table, pteIndex(k, addr + i), ENTRY_NONE);
      if (!isZeroPte(k, entry)) k.mm.anonPages.add(mm, -1);
      if (ptePresent(entry)) tlbRemoveTlbEntry(k, addr + i, addr + i + 1);
      else {
        emit(k, EV.MIGRATION_ZAP, mm, addr + i, entryTarget(entry));
        noteZappedEntry(k, entryTarget(entry));
      }
    }
    if (ptePresent(seen) && !isZeroPte(k, seen)) {
      const page: Pfn = entryTarget(seen);
      yield at("folio_remove_rmap_ptes");
      yield* folioRemoveRmapPtes(k, pageFolio(k, page), page, nr, vma);
      noteLastMapping(k, pageFolio(k, page));
      for (let i = 0; i < nr; i++) full = tlbRemovePageSize(k, page + i);
    }
    addr += nr;
  }
  judgeDiscarded(k, mm, start, addr);
  spinUnlock(k, ptlOf(k, table));
  if (!full) return addr;
  if (hasReservations(k)) yield* reservationLosesPages(k, vma, start);
  yield* tlbFlushMmu(k, mm);
  return addr;
}

/**
 * A swap entry goes, and with it its slot, if nobody else names it. Linux gives several slots back at once.
 * @kernel mm/memory.c zap_nonpresent_ptes()
 * @holds the table's lock
 */
export function* zapSwapPte(k: Kernel, mm: Mm, table: Table, vpn: Vpn): Routine {
  yield* swapPutEntryDirect(k, entryTarget(k.ptTable.pte.get(table, pteIndex(k, vpn))));
  yield at("clear_not_present_full_ptes");
  setPteAt(k, table, pteIndex(k, vpn), ENTRY_NONE);
  k.mm.swapEntries.add(mm, -1);
}

/**
 * Entries from `vpn` on that are unmapped at once: no more than the gather takes.
 * @kernel mm/memory.c zap_present_ptes()
 * @holds the table's lock
 */
function* foliosPtes(k: Kernel, table: Table, vpn: Vpn, end: Vpn, first: Entry): Routine<Vpn> {
  if (!ptePresent(first) || isZeroPte(k, first)) return 1;
  return yield* folioPteBatch(k, table, pteIndex(k, vpn), Math.min(end - vpn, k.param.gatherBatch.get()), first);
}

/**
 * Takes the VMAs of the range out of the reverse map, then frees the page tables that only they used: those whose whole
 * huge range lies in pgStart..pgEnd. The tables go to the gather.
 *
 * @kernel mm/memory.c free_pgtables(), free_pgd_range(), free_pte_range()
 * @holds mmap_lock; unmapVmas() has run; a gather is open on this CPU
 */
export function* freePgtables(k: Kernel, unmap: UnmapDesc): Routine {
  const mm: Mm = unmap.mm;
  let vma: Vma = nextVma(k, unmap, unmap.vmaStart);
  while (vma !== NONE) {
    vmBugOn(!k.vma.writeLocked.get(vma) && !k.vma.detached.get(vma), "memory: an area loses its anon_vma while faults can find it");
    // First, so that no rmap walk is in the tables when they go, or comes later.
    yield* unlinkAnonVmas(k, vma, true);
    vma = nextVma(k, unmap, k.vma.end.get(vma));
  }
  let haddr: Vpn = hpageAddress(k, unmap.vmaStart);
  while (haddr < unmap.vmaEnd) {
    if (haddr >= unmap.pgStart && haddr + k.param.hpagePmdNr.get() <= unmap.pgEnd) {
      yield at("free_pmd_range: pmd_none_or_clear_bad");
      const pmd: Entry = pmdpGetLockless(k, mm, haddr);
      if (!pmdNone(pmd)) {
        vmBugOn(!pmdTable(pmd), "memory: a huge page is left where the page tables are freed");
        yield at("free_pte_range: pmd_clear");
        const table: Table = pmdClearTable(k, mm, haddr);
        vmBugOn(table !== entryTarget(pmd), "memory: somebody changes page tables that are being freed");
        checkEmpty(k, table);
        tlbRemoveTable(k, table);
        k.mm.nrPtes.add(mm, -1);
      }
    }
    haddr += k.param.hpagePmdNr.get();
  }
}

function checkEmpty(k: Kernel, table: Table): void {
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) {
    vmBugOn(!pteNone(k.ptTable.pte.once(table, i)), "memory: a page table is freed that still maps something");
  }
}
