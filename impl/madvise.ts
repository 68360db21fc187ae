/**
 * madvise() and process_madvise(): mm/madvise.c.
 *
 * Locks by advice. Flags of VMAs need mmap_lock for writing. DONTNEED and FREE need the lock of their VMA if there
 * is one VMA (since 6.17), else mmap_lock for reading. COLD and PAGEOUT need mmap_lock for reading; COLLAPSE too, and drops
 * it in between.
 *
 * Not covered: WILLNEED, guard regions, and what is for files and KSM.
 */
import { NONE, at, current, spinLock, spinUnlock, type Int, type Routine } from "thpcheck";
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
import { zapPageRange } from "./memory/zap.ts";
import { handleMmFault, mmAccountFault } from "./memory.ts";
import { tlbFinishMmu, tlbGatherMmu, tlbRemoveTlbEntry } from "./mmu-gather.ts";
import type { Kernel } from "./mm-types.ts";
import type { Entry, Errno, Mm, Pfn, Table, VmFlags, Vma, Vpn } from "./structs/types.ts";
import { VM_DONTCOPY, VM_HUGEPAGE, VM_LOCKED, VM_NOHUGEPAGE, VM_READ, VM_WIPEONFORK, VM_WRITE } from "./structs/vma.ts";
import { type AddressOrErrno } from "./mmap.ts";
import { folioNrPages, folioTestLarge, pageFolio } from "./page-flags.ts";
import { folioGet, folioMapcount, folioMaybeMappedShared } from "./page-ref.ts";
import {
  ENTRY_NONE, DIRTY, WRITE, YOUNG, entryHas, entryTarget, isZeroPte, hpageAddress, pmdNone, pmdTransHuge, pteIndex, ptePresent,
  setPteAt,
} from "./pgtable.ts";
import { pmdLockptr, pmdpGet, pmdpGetLockless, pteOffsetMapLock, ptlOf, setPmdAt } from "./pgtable-generic.ts";
import { folioMarkLazyfree, folioPut, folioTrylock, folioUnlock, lruAddDrain } from "./swap.ts";
import { hasReservations } from "./thp-reservation/container.ts";
import { reservationBlocksHugePmd, reservationLosesPages } from "./thp-reservation.ts";
import { userMemoryBegin, userMemoryDiscarded, userMemoryFreed } from "./user-memory.ts";
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
  if (advice === MADV_POPULATE_READ || advice === MADV_POPULATE_WRITE) {
    return yield* madvisePopulate(k, mm, start, end, advice === MADV_POPULATE_WRITE);
  }
  let err: Errno = 0;
  if (isFlag(advice)) {
    yield* mmapWriteLock(k, mm);
    err = yield* madviseWalkVmas(k, mm, start, end, advice);
    yield* mmapWriteUnlock(k, mm);
    return err;
  }
  if (advice === MADV_DONTNEED || advice === MADV_FREE) {
    const vma: Vma = yield* tryVmaReadLock(k, mm, start, end);
    if (vma !== NONE) {
      err = yield* madviseDontneedFree(k, vma, start, end, advice);
      vmaEndRead(k, vma);
      return err;
    }
  }
  yield* mmapReadLock(k, mm);
  err = yield* madviseWalkVmas(k, mm, start, end, advice);
  yield* mmapReadUnlock(k, mm);
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

/**
 * The VMA at `start`, read-locked, if all of the range lies in it; else NONE, and mmap_lock has to be taken.
 * @kernel mm/madvise.c try_vma_read_lock()
 */
function* tryVmaReadLock(k: Kernel, mm: Mm, start: Vpn, end: Vpn): Routine<Vma> {
  const vma: Vma = yield* lockVmaUnderRcu(k, mm, start);
  if (vma === NONE) return NONE;
  if (end <= k.vma.end.get(vma)) return vma;
  vmaEndRead(k, vma);
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

/** @kernel mm/madvise.c madvise_dontneed_free() @holds the VMA lock or mmap_lock, for reading */
function* madviseDontneedFree(k: Kernel, vma: Vma, start: Vpn, end: Vpn, advice: Advice): Routine<Errno> {
  if ((k.vma.flags.get(vma) & VM_LOCKED) !== 0) return -EINVAL;
  userMemoryBegin(k, k.vma.mm.get(vma), start, end);
  if (advice === MADV_DONTNEED) {
    yield* zapPageRange(k, vma, start, end);
    userMemoryDiscarded(k, k.vma.mm.get(vma), start, end);
  } else {
    yield* madviseFreeSingleVma(k, vma, start, end);
    userMemoryFreed(k, k.vma.mm.get(vma), start, end);
  }
  return 0;
}

/** @kernel mm/madvise.c madvise_free_single_vma() @holds the VMA lock or mmap_lock, for reading */
function* madviseFreeSingleVma(k: Kernel, vma: Vma, start: Vpn, end: Vpn): Routine {
  const mm: Mm = k.vma.mm.get(vma);
  // Only a page on the LRU can be moved to the LRU of files. A page that was just faulted in is still in the batch.
  yield* lruAddDrain(k);
  tlbGatherMmu(k);
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
  yield* tlbFinishMmu(k, mm);
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
  let addr: Vpn = start;
  while (addr < end) {
    const pte: Entry = k.ptTable.pte.get(table, pteIndex(k, addr));
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
      // Split: look again at small pages. Not split: leave the folio alone.
      if (err !== 0) addr += nr;
      continue;
    }
    yield at("folio_test_dirty");
    let free: boolean = !k.page.dirty.get(folio);
    if (!free) free = yield* cleanExclusiveFolio(k, folio);
    if (free) {
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
    addr += nr;
    if (addr < end) yield at("madvise_free_pte_range: pte");
  }
  spinUnlock(k, ptlOf(k, table));
}

/** Forgets that the folio is dirty, if it is mapped here only. @kernel mm/madvise.c madvise_free_pte_range() @holds the table's lock */
function* cleanExclusiveFolio(k: Kernel, folio: Pfn): Routine<boolean> {
  yield at("folio_trylock");
  if (!folioTrylock(k, folio)) return false;
  yield at("folio_mapcount");
  const exclusive: boolean = folioMapcount(k, folio) === folioNrPages(k, folio);
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
 * @holds nothing
 * @returns 0; -ENOMEM (not mapped, or no memory), -EINVAL (the VMA does not permit the access), -EFAULT, -EHWPOISON
 */
function* madvisePopulate(k: Kernel, mm: Mm, start: Vpn, end: Vpn, write: boolean): Routine<Errno> {
  let err: Errno = 0;
  let addr: Vpn = start;
  yield* mmapReadLock(k, mm);
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
  yield* mmapReadUnlock(k, mm);
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
 * granted.
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
  const err: Errno = yield* doMadvise(k, mm, iter.addr, iter.addr + iter.length, advice);
  if (err !== 0) return err;
  const err2: Errno = yield* doMadvise(k, mm, iter.addr2, iter.addr2 + iter.length2, advice);
  // The first range was empty, so nothing was advised.
  if (err2 !== 0 && iter.length === 0) return err2;
  return iter.length + (err2 === 0 ? iter.length2 : 0);
}
