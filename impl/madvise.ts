/**
 * madvise() and process_madvise(): mm/madvise.c.
 *
 * Locks by advice. Flags of VMAs need mmap_lock for writing. DONTNEED and FREE need the lock of their VMA if there
 * is one VMA (`param.discardTakesVmaLock`), else mmap_lock for reading. COLD and PAGEOUT need mmap_lock for reading; COLLAPSE
 * too, and drops it in between.
 *
 * DONTNEED and FREE gather for all VMAs together (`param.discardFlushesAtEnd`). The lock of the one VMA is given back before
 * the TLB is flushed and the pages are freed: what comes then, a collapse or munmap, finds the entries changed, and other
 * CPUs with the old translations. mmap_lock is held until after the flush.
 *
 * Not covered: WILLNEED, guard regions, and what is for files and KSM.
 */
import { NONE, at, current, record, spinLock, spinUnlock, type Int, type Routine } from "thpcheck";
import { EAGAIN, EFAULT, EHWPOISON, EINVAL, ENOMEM, EPERM } from "./errno.ts";
import { folioPteBatch } from "./folio-pte-batch.ts";
import { touchPte } from "./gup.ts";
import { splitFolio } from "./huge-memory/split-folio.ts";
import { madviseFreeHugePmd } from "./huge-memory/zap.ts";
import { madviseCollapse } from "./khugepaged/madvise-collapse.ts";
import { hugepageMadvise } from "./khugepaged/mm-slot.ts";
import {
  lockVmaUnderRcu, mmapReadLock, mmapReadUnlock, mmapWriteLock, mmapWriteUnlock, vmaEndRead, vmaStartWrite,
} from "./locking/mmap-lock.ts";
import { madviseColdOrPageout } from "./madvise/cold-or-pageout.ts";
import { zapSwapPte, zapVmaRangeBatched } from "./memory/zap.ts";
import { handleMmFault, mmAccountFault } from "./memory.ts";
import { tlbFinishMmu, tlbGatherMmu, tlbRemoveTlbEntry } from "./mmu-gather.ts";
import type { Kernel } from "./mm-types.ts";
import type { Entry, Errno, Mm, Pfn, Table, VmFlags, Vma, Vpn } from "./structs/types.ts";
import { VM_DONTCOPY, VM_HUGEPAGE, VM_LOCKED, VM_NOHUGEPAGE, VM_READ, VM_WIPEONFORK, VM_WRITE } from "./structs/vma.ts";
import { type AddressOrErrno } from "./mmap.ts";
import { folioNrPages, folioTestLarge, folioTestSwapcache, hasSwap, pageFolio } from "./page-flags.ts";
import { folioGet, folioMapcount, folioMaybeMappedShared } from "./page-ref.ts";
import {
  ENTRY_NONE, DIRTY, WRITE, YOUNG, entryHas, entryTarget, isZeroPte, hpageAddress, pmdNone, pmdTransHuge, pteIndex, ptePresent, pteSwap,
  setPteAt,
} from "./pgtable.ts";
import { pmdLockptr, pmdpGet, pmdpGetLockless, pteOffsetMapLock, ptlOf, setPmdAt } from "./pgtable-generic.ts";
import { folioMarkLazyfree, folioPut, folioTrylock, folioUnlock, lruAddDrain } from "./swap.ts";
import { folioFreeSwap } from "./swap/swapfile.ts";
import { flushTlbBatchedPending } from "./tlb-batch.ts";
import { hasReservations } from "./thp-reservation/container.ts";
import { reservationBlocksHugePmd, reservationLosesPages } from "./thp-reservation.ts";
import {
  userMemoryBegin, userMemoryBeginsToo, userMemoryChanges, userMemoryDiscarded, userMemoryFreed,
} from "./user-memory.ts";
import { FAULT_FLAG_WRITE, VM_FAULT_ERROR, VM_FAULT_HWPOISON, VM_FAULT_OOM, type VmFaultReason } from "./vm-fault.ts";
import { findVma, vmaLookup } from "./vma-tree.ts";
import { vmaModifyFlags } from "./vma.ts";

// include/uapi/asm-generic/mman-common.h
export const MADV_DONTNEED = 4;
export const MADV_FREE = 8;
export const MADV_DONTFORK = 10;
export const MADV_DOFORK = 11;
export const MADV_HUGEPAGE = 14;
export const MADV_NOHUGEPAGE = 15;
export const MADV_WIPEONFORK = 18;
export const MADV_KEEPONFORK = 19;
export const MADV_COLD = 20;
export const MADV_PAGEOUT = 21;
export const MADV_POPULATE_READ = 22;
export const MADV_POPULATE_WRITE = 23;
export const MADV_COLLAPSE = 25;
export type Advice = Int<0, 31>;

/** How the address space is locked for advice. @kernel mm/madvise.c enum madvise_lock_mode */
type MadviseLockMode = Int<0, 2>;
const MADVISE_MMAP_READ_LOCK = 0;
const MADVISE_MMAP_WRITE_LOCK = 1;
const MADVISE_VMA_READ_LOCK = 2;

/** One call's advice. @kernel mm/madvise.c struct madvise_behavior */
interface MadviseBehavior {
  mm: Mm;
  advice: Advice;
  lockMode: MadviseLockMode;
}

/**
 * Advice about the pages start..end - 1.
 *
 * @kernel mm/madvise.c do_madvise()
 * @holds nothing
 * @returns 0; -EINVAL (unknown, or not for this VMA), -ENOMEM (part of the range is not mapped; the rest was advised),
 *   -EAGAIN (no memory), and what MADV_COLLAPSE and MADV_POPULATE_* say
 */
export function* doMadvise(k: Kernel, mm: Mm, start: Vpn, end: Vpn, advice: Advice): Routine<Errno> {
  if (!isValid(advice) || start > end) return -EINVAL;
  if (start === end) return 0;
  const behavior: MadviseBehavior = record({ mm, advice, lockMode: lockModeOf(k, advice) });
  yield* madviseLock(k, behavior);
  madviseInitTlb(k, advice);
  const err: Errno = yield* madviseDoBehavior(k, behavior, start, end);
  yield* madviseFinishTlb(k, behavior);
  yield* madviseUnlock(k, behavior);
  return err;
}

/** @kernel mm/madvise.c madvise_behavior_valid() */
function isValid(advice: Advice): boolean {
  return isFlag(advice) || advice === MADV_DONTNEED || advice === MADV_FREE || advice === MADV_POPULATE_READ
    || advice === MADV_POPULATE_WRITE || advice === MADV_COLLAPSE || advice === MADV_COLD || advice === MADV_PAGEOUT;
}

/** Whether the advice is kept as a flag of VMAs. */
function isFlag(advice: Advice): boolean {
  return advice === MADV_HUGEPAGE || advice === MADV_NOHUGEPAGE || advice === MADV_DONTFORK || advice === MADV_DOFORK
    || advice === MADV_WIPEONFORK || advice === MADV_KEEPONFORK;
}

/** DONTNEED and FREE: what was there is lost, now or later. */
function discards(advice: Advice): boolean {
  return advice === MADV_DONTNEED || advice === MADV_FREE;
}

/** @kernel mm/madvise.c get_lock_mode() */
function lockModeOf(k: Kernel, advice: Advice): MadviseLockMode {
  if (isFlag(advice)) return MADVISE_MMAP_WRITE_LOCK;
  return discards(advice) && k.param.discardTakesVmaLock.get() !== 0 ? MADVISE_VMA_READ_LOCK : MADVISE_MMAP_READ_LOCK;
}

/** The lock of a VMA is taken for each range by itself. @kernel mm/madvise.c madvise_lock() @holds nothing */
function* madviseLock(k: Kernel, behavior: MadviseBehavior): Routine {
  if (behavior.lockMode === MADVISE_MMAP_WRITE_LOCK) yield* mmapWriteLock(k, behavior.mm);
  if (behavior.lockMode === MADVISE_MMAP_READ_LOCK) yield* mmapReadLock(k, behavior.mm);
}

/** @kernel mm/madvise.c madvise_unlock() @holds what `lockMode` says */
function* madviseUnlock(k: Kernel, behavior: MadviseBehavior): Routine {
  if (behavior.lockMode === MADVISE_MMAP_WRITE_LOCK) yield* mmapWriteUnlock(k, behavior.mm);
  if (behavior.lockMode === MADVISE_MMAP_READ_LOCK) yield* mmapReadUnlock(k, behavior.mm);
}

/** One gather for all of the call. @kernel mm/madvise.c madvise_batch_tlb_flush() */
function batchesTlbFlush(k: Kernel, advice: Advice): boolean {
  return discards(advice) && k.param.discardFlushesAtEnd.get() !== 0;
}

/** @kernel mm/madvise.c madvise_init_tlb() */
function madviseInitTlb(k: Kernel, advice: Advice): void {
  if (batchesTlbFlush(k, advice)) tlbGatherMmu(k);
}

/**
 * Flushes and frees what the call has gathered. What it has discarded, in one range or two, is gone from then on.
 * @kernel mm/madvise.c madvise_finish_tlb()
 * @holds mmap_lock; nothing where the advice took the lock of one VMA
 */
function* madviseFinishTlb(k: Kernel, behavior: MadviseBehavior): Routine {
  if (!batchesTlbFlush(k, behavior.advice)) return;
  yield* tlbFinishMmu(k, behavior.mm);
  if (userMemoryChanges(k, current(k))) userMemoryGone(k, behavior.mm, 0, k.param.vpnMax.get(), behavior.advice);
}

/**
 * Gives the advice to start..end - 1, which is not empty.
 * @kernel mm/madvise.c madvise_do_behavior(), madvise_walk_vmas()
 * @holds what `lockMode` says; takes mmap_lock where the lock of one VMA is not enough, and says so in `lockMode`
 */
function* madviseDoBehavior(k: Kernel, behavior: MadviseBehavior, start: Vpn, end: Vpn): Routine<Errno> {
  const mm: Mm = behavior.mm;
  const advice: Advice = behavior.advice;
  if (advice === MADV_POPULATE_READ || advice === MADV_POPULATE_WRITE) {
    return yield* madvisePopulate(k, mm, start, end, advice === MADV_POPULATE_WRITE);
  }
  if (behavior.lockMode === MADVISE_VMA_READ_LOCK) {
    const vma: Vma = yield* tryVmaReadLock(k, behavior, start, end);
    if (vma !== NONE) {
      const err: Errno = yield* madviseVmaBehavior(k, vma, start, end, advice);
      vmaEndRead(k, vma);
      return err;
    }
  }
  return yield* madviseWalkVmas(k, mm, start, end, advice);
}

/**
 * The VMA at `start`, read-locked, if all of the range lies in it; else NONE, and mmap_lock is held for reading instead.
 * @kernel mm/madvise.c try_vma_read_lock()
 */
function* tryVmaReadLock(k: Kernel, behavior: MadviseBehavior, start: Vpn, end: Vpn): Routine<Vma> {
  const vma: Vma = yield* lockVmaUnderRcu(k, behavior.mm, start);
  if (vma !== NONE) {
    if (end <= k.vma.end.get(vma)) return vma;
    vmaEndRead(k, vma);
  }
  yield* mmapReadLock(k, behavior.mm);
  behavior.lockMode = MADVISE_MMAP_READ_LOCK;
  return NONE;
}

/**
 * Gives the advice to one VMA after the other. A hole is skipped, and the result is then -ENOMEM.
 * @kernel mm/madvise.c madvise_walk_vmas()
 * @holds mmap_lock, for writing where flags change; MADV_COLLAPSE drops it and takes it again
 */
function* madviseWalkVmas(k: Kernel, mm: Mm, start: Vpn, end: Vpn, advice: Advice): Routine<Errno> {
  let hole: boolean = false;
  let addr: Vpn = start;
  while (addr < end) {
    const vma: Vma = findVma(k, mm, addr);
    if (vma === NONE) return -ENOMEM;
    if (k.vma.start.get(vma) > addr) {
      hole = true;
      addr = k.vma.start.get(vma);
      if (addr >= end) break;
    }
    const until: Vpn = Math.min(end, k.vma.end.get(vma));
    const err: Errno = yield* madviseVmaBehavior(k, vma, addr, until, advice);
    if (err !== 0) return err;
    addr = until;
  }
  return hole ? -ENOMEM : 0;
}

/** Advises one VMA. @kernel mm/madvise.c madvise_vma_behavior() @holds as madviseWalkVmas() */
function* madviseVmaBehavior(k: Kernel, vma: Vma, start: Vpn, end: Vpn, advice: Advice): Routine<Errno> {
  if (isFlag(advice)) return yield* madviseUpdateVma(k, vma, start, end, advice);
  if (advice === MADV_COLLAPSE) return yield* madviseCollapse(k, vma, start, end);
  if (advice === MADV_COLD || advice === MADV_PAGEOUT) {
    return yield* madviseColdOrPageout(k, vma, start, end, advice === MADV_PAGEOUT);
  }
  return yield* madviseDontneedFree(k, vma, start, end, advice);
}

// ---- flags of VMAs ---------------------------------------------------------------------------------------------

/**
 * Gives start..end - 1, inside `vma`, the flag. MADV_HUGEPAGE also registers the mm with khugepaged.
 *
 * @kernel mm/madvise.c madvise_update_vma(), mm/khugepaged.c hugepage_madvise()
 * @holds mmap_lock for writing
 */
function* madviseUpdateVma(k: Kernel, vma: Vma, start: Vpn, end: Vpn, advice: Advice): Routine<Errno> {
  const flags: VmFlags = flagsAfter(k.vma.flags.get(vma), advice);
  if (advice === MADV_HUGEPAGE && k.param.adviceEntersIfNew.get() === 0) yield* hugepageMadvise(k, vma);
  if (flags === k.vma.flags.get(vma)) return 0;
  const mine: Vma = yield* vmaModifyFlags(k, vma, start, end, flags);
  // "kernel resources, such as slab, are temporarily unavailable"
  if (mine === NONE) return -EAGAIN;
  yield* vmaStartWrite(k, mine);
  k.vma.flags.set(mine, flags);
  if (k.param.adviceEntersIfNew.get() !== 0 && (flags & VM_HUGEPAGE) !== 0) yield* hugepageMadvise(k, mine);
  return 0;
}

function flagsAfter(flags: VmFlags, advice: Advice): VmFlags {
  switch (advice) {
    case MADV_HUGEPAGE: return (flags & ~VM_NOHUGEPAGE) | VM_HUGEPAGE;
    case MADV_NOHUGEPAGE: return (flags & ~VM_HUGEPAGE) | VM_NOHUGEPAGE;
    case MADV_DONTFORK: return flags | VM_DONTCOPY;
    case MADV_DOFORK: return flags & ~VM_DONTCOPY;
    case MADV_WIPEONFORK: return flags | VM_WIPEONFORK;
    default: return flags & ~VM_WIPEONFORK;
  }
}

// ---- DONTNEED, FREE --------------------------------------------------------------------------------------------

/**
 * Before `param.discardFlushesAtEnd`, each VMA has a gather of its own.
 * @kernel mm/madvise.c madvise_dontneed_free()
 * @holds the VMA lock or mmap_lock, for reading; a gather is open where the call has one
 */
function* madviseDontneedFree(k: Kernel, vma: Vma, start: Vpn, end: Vpn, advice: Advice): Routine<Errno> {
  if ((k.vma.flags.get(vma) & VM_LOCKED) !== 0) return -EINVAL;
  const mm: Mm = k.vma.mm.get(vma);
  const alone: boolean = !batchesTlbFlush(k, advice);
  if (alone) {
    userMemoryBegin(k, mm, start, end);
    tlbGatherMmu(k);
  } else userMemoryBeginsToo(k, mm, start, end);
  if (advice === MADV_DONTNEED) yield* zapVmaRangeBatched(k, vma, start, end);
  else yield* madviseFreeSingleVma(k, vma, start, end);
  if (alone) {
    yield* tlbFinishMmu(k, mm);
    userMemoryGone(k, mm, start, end, advice);
  }
  return 0;
}

/** What the ghost learns when the TLB is flushed. @model ghost: what a user may see */
function userMemoryGone(k: Kernel, mm: Mm, start: Vpn, end: Vpn, advice: Advice): void {
  if (advice === MADV_DONTNEED) userMemoryDiscarded(k, mm, start, end);
  else userMemoryFreed(k, mm, start, end);
}

/** @kernel mm/madvise.c madvise_free_single_vma() @holds the VMA lock or mmap_lock, for reading; a gather is open */
function* madviseFreeSingleVma(k: Kernel, vma: Vma, start: Vpn, end: Vpn): Routine {
  const mm: Mm = k.vma.mm.get(vma);
  // Only a page on the LRU can be moved to the LRU of files. A page that was just faulted in is still in the batch.
  yield* lruAddDrain(k);
  let addr: Vpn = start;
  while (addr < end) {
    const next: Vpn = Math.min(hpageAddress(k, addr) + k.param.hpagePmdNr.get(), end);
    yield at("pmdp_get_lockless");
    const pmd: Entry = pmdpGetLockless(k, mm, addr);
    let done: boolean = pmdNone(pmd);
    if (pmdTransHuge(pmd)) done = yield* madviseFreeHugePmd(k, vma, addr, next);
    if (!done) yield* madviseFreePteRange(k, vma, addr, next);
    addr = next;
  }
}

/**
 * Marks the pages behind the PTEs start..end - 1 lazyfree: reclaim may drop them unless they are written again. A
 * large folio that is not mapped here as a whole is split first. A folio that is locked or cannot be split is left
 * alone.
 *
 * @kernel mm/madvise.c madvise_free_pte_range()
 * @holds the VMA lock or mmap_lock, for reading; a gather is open
 */
function* madviseFreePteRange(k: Kernel, vma: Vma, start: Vpn, end: Vpn): Routine {
  const mm: Mm = k.vma.mm.get(vma);
  let table: Table = yield* pteOffsetMapLock(k, mm, start);
  if (table === NONE) return;
  yield* flushTlbBatchedPending(k, mm);
  let addr: Vpn = start;
  while (addr < end) {
    const pte: Entry = k.ptTable.pte.get(table, pteIndex(k, addr));
    if (hasSwap(k) && pteSwap(pte)) {
      // To bring it in would cost more than a new page of zeroes.
      yield* zapSwapPte(k, mm, table, addr);
      addr++;
      continue;
    }
    if (!ptePresent(pte) || isZeroPte(k, pte)) {
      addr++;
      continue;
    }
    if (hasReservations(k)) {
      // Reclaim will free the page: it must not be part of a reservation any more.
      const reserved: boolean = yield* reservationBlocksHugePmd(k, vma, hpageAddress(k, addr));
      if (reserved) {
        spinUnlock(k, ptlOf(k, table));
        yield* reservationLosesPages(k, vma, addr);
        table = yield* pteOffsetMapLock(k, mm, addr);
        if (table === NONE) return;
        continue;
      }
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
      const err: Errno = yield* splitFolio(k, folio);
      yield at("folio_unlock");
      folioUnlock(k, folio);
      yield* folioPut(k, folio);
      table = yield* pteOffsetMapLock(k, mm, addr);
      // MADV_DONTNEED has freed the table meanwhile, with what it mapped (`param.ptReclaim`).
      if (table === NONE) return;
      yield* flushTlbBatchedPending(k, mm);
      // Split: look again at small pages. Not split: leave the folio alone.
      if (err !== 0) addr += nr;
      continue;
    }
    yield* freeMappedFolio(k, table, addr, nr, folio);
    addr += nr;
    if (addr < end) yield at("madvise_free_pte_range: pte");
  }
  spinUnlock(k, ptlOf(k, table));
}

/**
 * The folio becomes lazyfree, if it is clean or can be made so.
 * @kernel mm/madvise.c madvise_free_pte_range(), from folio_test_swapcache() on
 * @holds the table's lock, under which `nr` entries from `addr` on map all of the folio; a gather is open
 */
function* freeMappedFolio(k: Kernel, table: Table, addr: Vpn, nr: Vpn, folio: Pfn): Routine {
  yield at("folio_test_dirty");
  let free: boolean = !k.page.dirty.get(folio);
  if (hasSwap(k) && free) {
    yield at("folio_test_swapcache");
    free = k.page.swap.once(folio) === NONE;
  }
  if (!free) free = yield* cleanExclusiveFolio(k, folio);
  if (!free) return;
  // clear_young_dirty_ptes(): what the hardware sets until an entry is taken out is cleared as well, and nothing comes in between.
  for (let i: Vpn = 0; i < nr; i++) {
    yield at("clear_young_dirty_ptes");
    if (!entryHas(k.ptTable.pte.get(table, pteIndex(k, addr + i)), YOUNG | DIRTY)) continue;
    yield at("ptep_get_and_clear");
    const old: Entry = k.ptTable.pte.xchg(table, pteIndex(k, addr + i), ENTRY_NONE);
    yield at("set_pte_at");
    setPteAt(k, table, pteIndex(k, addr + i), old & ~(YOUNG | DIRTY));
    tlbRemoveTlbEntry(k, addr + i, addr + i + 1);
  }
  yield* folioMarkLazyfree(k, folio);
}

/** Forgets that the folio is dirty, if it is mapped here only. @kernel mm/madvise.c madvise_free_pte_range() @holds the table's lock */
function* cleanExclusiveFolio(k: Kernel, folio: Pfn): Routine<boolean> {
  yield at("folio_trylock");
  if (!folioTrylock(k, folio)) return false;
  yield at("folio_mapcount");
  let exclusive: boolean = folioMapcount(k, folio) === folioNrPages(k, folio);
  // Lazyfree folios are not in the swap cache.
  if (exclusive && folioTestSwapcache(k, folio)) exclusive = yield* folioFreeSwap(k, folio);
  if (exclusive) {
    yield at("folio_clear_dirty");
    k.page.dirty.set(folio, false);
  }
  yield at("folio_unlock");
  folioUnlock(k, folio);
  return exclusive;
}

// ---- POPULATE --------------------------------------------------------------------------------------------------

/**
 * Faults every page in, as a load or a store would, without changing what is there.
 *
 * @kernel mm/madvise.c madvise_populate(), mm/gup.c faultin_page_range()
 * @holds mmap_lock for reading
 * @returns 0; -ENOMEM (not mapped, or no memory), -EINVAL (the VMA does not permit the access), -EFAULT, -EHWPOISON
 */
function* madvisePopulate(k: Kernel, mm: Mm, start: Vpn, end: Vpn, write: boolean): Routine<Errno> {
  let err: Errno = 0;
  let addr: Vpn = start;
  while (addr < end && err === 0) {
    const vma: Vma = vmaLookup(k, mm, addr);
    if (vma === NONE) err = -ENOMEM;
    else if ((k.vma.flags.get(vma) & (write ? VM_WRITE : VM_READ)) === 0) err = -EINVAL;
    else {
      const there: boolean = yield* followPage(k, mm, addr, write);
      if (there) addr++;
      else {
        const fault: VmFaultReason = yield* handleMmFault(k, vma, addr, write ? FAULT_FLAG_WRITE : 0);
        mmAccountFault(k, fault);
        if ((fault & VM_FAULT_ERROR) !== 0) err = errnoOfFault(fault);
      }
    }
  }
  return err;
}

/**
 * Whether the access needs no fault. If so, it leaves the traces of an access (FOLL_TOUCH): in the entry of a huge
 * page, in the page's flags of a small one.
 *
 * @kernel mm/gup.c follow_page_mask(), follow_huge_pmd(), follow_page_pte(), mm/huge_memory.c touch_pmd()
 * @holds mmap_lock for reading
 */
function* followPage(k: Kernel, mm: Mm, vpn: Vpn, write: boolean): Routine<boolean> {
  yield at("follow_page_mask: pmdp_get_lockless");
  const pmd: Entry = pmdpGetLockless(k, mm, vpn);
  if (pmdTransHuge(pmd)) {
    if (write && !entryHas(pmd, WRITE)) return false;
    yield* spinLock(k, pmdLockptr(k, mm));
    const same: boolean = pmdpGet(k, mm, vpn) === pmd;
    if (same) setPmdAt(k, mm, hpageAddress(k, vpn), pmd | YOUNG | (write ? DIRTY : 0));
    spinUnlock(k, pmdLockptr(k, mm));
    return same;
  }
  const table: Table = yield* pteOffsetMapLock(k, mm, vpn);
  if (table === NONE) return false;
  const pte: Entry = k.ptTable.pte.get(table, pteIndex(k, vpn));
  const there: boolean = ptePresent(pte) && (!write || entryHas(pte, WRITE));
  if (there && !isZeroPte(k, pte)) yield* touchPte(k, pte, write);
  spinUnlock(k, ptlOf(k, table));
  return there;
}

/** @kernel include/linux/mm.h vm_fault_to_errno() */
function errnoOfFault(fault: VmFaultReason): Errno {
  if ((fault & VM_FAULT_OOM) !== 0) return -ENOMEM;
  return (fault & VM_FAULT_HWPOISON) !== 0 ? -EHWPOISON : -EFAULT;
}

// ---- process_madvise -------------------------------------------------------------------------------------------

/** Up to two ranges of pages; each may be empty. @kernel include/linux/uio.h struct iov_iter */
export interface IovIter {
  addr: Vpn;
  length: Vpn;
  addr2: Vpn;
  length2: Vpn;
}

/**
 * Advice about up to two ranges of another process, or of the caller's own. Another process's memory may only be collapsed,
 * made cold or paged out, and only with CAP_SYS_NICE (`capable`), since that spends its time; PTRACE_MODE_READ is taken for
 * granted. The lock is taken once, and what is discarded flushed once; before `param.processMadviseLocksOnce`, for each range.
 *
 * @kernel mm/madvise.c process_madvise(), vector_madvise()
 * @holds nothing; `mm` is in use
 * @returns pages advised: those of the first range, if the second fails; -EINVAL, -EPERM, or what doMadvise() says of the
 *   first range that is not empty
 */
export function* processMadvise(k: Kernel, mm: Mm, iter: IovIter, advice: Advice, capable: boolean): Routine<AddressOrErrno> {
  if (mm !== k.cpu.mm.get(current(k)) || k.param.processMadviseOfSelf.get() === 0) {
    if (advice !== MADV_COLLAPSE && advice !== MADV_COLD && advice !== MADV_PAGEOUT) return -EINVAL;
    if (!capable) return -EPERM;
  }
  if (k.param.processMadviseLocksOnce.get() === 0) {
    const first: Errno = yield* doMadvise(k, mm, iter.addr, iter.addr + iter.length, advice);
    if (first !== 0) return first;
    const second: Errno = yield* doMadvise(k, mm, iter.addr2, iter.addr2 + iter.length2, advice);
    return advised(iter, first, second);
  }
  if (!isValid(advice)) return -EINVAL;
  const behavior: MadviseBehavior = record({ mm, advice, lockMode: lockModeOf(k, advice) });
  yield* madviseLock(k, behavior);
  madviseInitTlb(k, advice);
  let err: Errno = 0;
  let err2: Errno = 0;
  if (iter.length > 0) err = yield* madviseDoBehavior(k, behavior, iter.addr, iter.addr + iter.length);
  if (err === 0 && iter.length2 > 0) err2 = yield* madviseDoBehavior(k, behavior, iter.addr2, iter.addr2 + iter.length2);
  yield* madviseFinishTlb(k, behavior);
  yield* madviseUnlock(k, behavior);
  return advised(iter, err, err2);
}

/** What the call says of two ranges: pages, if any were advised. */
function advised(iter: IovIter, err: Errno, err2: Errno): AddressOrErrno {
  if (err !== 0) return err;
  // The first range was empty, so nothing was advised.
  if (err2 !== 0 && iter.length === 0) return err2;
  return iter.length + (err2 === 0 ? iter.length2 : 0);
}
