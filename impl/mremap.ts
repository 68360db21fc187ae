/**
 * mremap(): mm/mremap.c.
 *
 * A move gives the memory a second VMA at the new address, moves whole huge PMDs, whole tables or single entries there,
 * and unmaps the old VMA. Pages keep their index: the new VMA's vm_pgoff tells rmap walks where to look.
 *
 * Not covered: MREMAP_DONTUNMAP of mlocked memory.
 */
import { NONE, at, emit, record, spinLock, spinUnlock, type Int, type Routine } from "thpcheck";
import { EV } from "../spec/events.ts";
import { vmBugOn } from "./bug.ts";
import { EFAULT, EINVAL, ENOMEM } from "./errno.ts";
import { moveHugePmd } from "./huge-memory/change.ts";
import { splitHugePmd } from "./huge-memory/split-pmd.ts";
import { mmapWriteLock, mmapWriteUnlock, vmaStartWrite } from "./locking/mmap-lock.ts";
import type { Kernel } from "./mm-types.ts";
import type { AnonVma, Entry, Errno, Mm, Table, Vma, Vpn } from "./structs/types.ts";
import { doMunmap, type AddressOrErrno } from "./mmap.ts";
import {
  ENTRY_NONE, entryTarget, hpageAddress, pmdIndex, pmdMigration, pmdNone, pmdTable, pmdTransHuge, pteIndex, pteMigration, pteNone,
  ptePresent, setPteAt,
} from "./pgtable.ts";
import { pmdClearTable, pmdLockptr, pmdPopulate, pmdpGet, pmdpGetLockless, pteAlloc, pteOffsetMapLock, ptlOf } from "./pgtable-generic.ts";
import { anonVmaClone, anonVmaLockWrite, anonVmaUnlockWrite, unlinkAnonVmas } from "./anon-vma.ts";
import { hasReservations, isRfc2018 } from "./thp-reservation/container.ts";
import { reservationsMremap, reservationsOfNewVma } from "./thp-reservation.ts";
import { flushTlbBatchedPending } from "./tlb-batch.ts";
import { flushTlbRange } from "./tlb.ts";
import { judgeMoved, moveBegins, moveEnds, noRoomBehindIsSeen, noRoomIsSeen, shortageIsSeen } from "./lost-function.ts";
import { userMemoryMoveBegin, userMemoryMoveEnd } from "./user-memory.ts";
import { findVma, findVmaIntersection, getUnmappedArea, vmaLookup } from "./vma-tree.ts";
import {
  vmAreaAlloc, vmAreaFree, vmaLink, vmaMergeNewRange, vmaStartWriteNew, vmasFree, vmgVmaState, type VmaMergeStruct,
} from "./vma.ts";

export const MREMAP_MAYMOVE = 1 << 0;
export const MREMAP_FIXED = 1 << 1;
/** The old VMA stays, without its pages. With MREMAP_MAYMOVE and the same length only. */
export const MREMAP_DONTUNMAP = 1 << 2;
export type MremapFlags = Int<0, 7>;

/** One call, and how far it has come. @kernel mm/mremap.c struct vma_remap_struct */
export interface VmaRemapStruct {
  /** The kernel's current->mm. */
  mm: Mm;
  addr: Vpn;
  oldLen: Vpn;
  newLen: Vpn;
  flags: MremapFlags;
  /** Where to: given by the caller with MREMAP_FIXED, else found when the move begins. */
  newAddr: Vpn;
  /** The VMA at `addr`, once it is looked up. */
  vma: Vma;
  /** mmap_lock is still held when the work is done. */
  mmapLocked: boolean;
}

/** Asks for mremap(): `newAddr` counts with MREMAP_FIXED only. @kernel mm/mremap.c sys_mremap() */
export function vrmState(mm: Mm, addr: Vpn, oldLen: Vpn, newLen: Vpn, flags: MremapFlags, newAddr: Vpn): VmaRemapStruct {
  return record({ mm, addr, oldLen, newLen, flags, newAddr, vma: NONE, mmapLocked: true });
}

/**
 * Changes the size, or the place, or both, of the memory addr..addr + oldLen - 1.
 *
 * @kernel mm/mremap.c do_mremap()
 * @holds nothing
 * @returns the address; -EINVAL, -EFAULT (not mapped, or, if it is to be resized, not in one VMA), -ENOMEM
 */
export function* doMremap(k: Kernel, vrm: VmaRemapStruct): Routine<AddressOrErrno> {
  if (!paramsValid(k, vrm)) return -EINVAL;
  yield* mmapWriteLock(k, vrm.mm);
  moveBegins(k);
  let result: AddressOrErrno = 0;
  const moves = (vrm.flags & MREMAP_FIXED) !== 0 && vrm.oldLen === vrm.newLen;
  if (moves && k.param.mremapMovesSeveral.get() !== 0) result = yield* remapMove(k, vrm);
  else {
    vrm.vma = vmaLookup(k, vrm.mm, vrm.addr);
    const late: boolean = impliesNewAddr(vrm) && k.param.mremapUnmapsFirst.get() !== 0;
    if (!late) result = checkPrepVma(k, vrm);
    else if (vrm.vma === NONE) result = -EFAULT;
    else if (!newAddrValid(k, vrm)) result = -EINVAL;
    if (result === 0 && impliesNewAddr(vrm)) result = yield* mremapTo(k, vrm);
    else if (result === 0) result = yield* mremapAt(k, vrm);
  }
  moveEnds(k, result);
  if (vrm.mmapLocked) yield* mmapWriteUnlock(k, vrm.mm);
  return result;
}

/** @kernel mm/mremap.c check_mremap_params() */
function paramsValid(k: Kernel, vrm: VmaRemapStruct): boolean {
  if ((vrm.flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0) return false;
  if (vrm.newLen === 0 || vrm.newLen > k.param.vpnMax.get()) return false;
  if (impliesNewAddr(vrm) && (vrm.flags & MREMAP_MAYMOVE) === 0) return false;
  if ((vrm.flags & MREMAP_DONTUNMAP) !== 0 && vrm.oldLen !== vrm.newLen) return false;
  return k.param.mremapUnmapsFirst.get() !== 0 || newAddrValid(k, vrm);
}

/** A new address that is given does not overlap the old one. @kernel mm/mremap.c check_mremap_params() */
function newAddrValid(k: Kernel, vrm: VmaRemapStruct): boolean {
  if ((vrm.flags & MREMAP_FIXED) === 0) return true;
  const overlap = vrm.addr + vrm.oldLen > vrm.newAddr && vrm.newAddr + vrm.newLen > vrm.addr;
  return vrm.newAddr + vrm.newLen <= k.param.vpnMax.get() && !overlap;
}

/** The memory moves, whatever its size. @kernel mm/mremap.c vrm_implies_new_addr() */
function impliesNewAddr(vrm: VmaRemapStruct): boolean {
  return (vrm.flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0;
}

/**
 * Moves all that is mapped in the range, VMA by VMA, with the holes between them. A VMA that cannot be moved ends
 * it, with those before it moved.
 *
 * @kernel mm/mremap.c remap_move(); before `param.mremapMovesSeveral` the range had to lie in one VMA
 * @holds mmap_lock for writing
 * @returns newAddr; -EFAULT: nothing is mapped at `addr`
 */
function* remapMove(k: Kernel, vrm: VmaRemapStruct): Routine<AddressOrErrno> {
  const start: Vpn = vrm.addr;
  const end: Vpn = start + vrm.oldLen;
  const newAddr: Vpn = vrm.newAddr;
  vrm.vma = findVmaIntersection(k, vrm.mm, start, end);
  if (vrm.vma === NONE || k.vma.start.get(vrm.vma) > start) return -EFAULT;
  let done: Vpn = start;
  while (vrm.vma !== NONE) {
    vrm.addr = Math.max(k.vma.start.get(vrm.vma), done);
    done = Math.min(k.vma.end.get(vrm.vma), end);
    vrm.oldLen = done - vrm.addr;
    vrm.newLen = vrm.oldLen;
    vrm.newAddr = newAddr + vrm.addr - start;
    const result: AddressOrErrno = yield* mremapTo(k, vrm);
    if (result < 0) return result;
    vrm.vma = done < end ? findVmaIntersection(k, vrm.mm, done, end) : NONE;
  }
  return newAddr;
}

/**
 * MREMAP_FIXED: what is at the new address goes first, then what the shorter new length leaves over.
 * @kernel mm/mremap.c mremap_to()
 * @holds mmap_lock for writing
 */
function* mremapTo(k: Kernel, vrm: VmaRemapStruct): Routine<AddressOrErrno> {
  if ((vrm.flags & MREMAP_FIXED) !== 0) {
    const err: Errno = yield* doMunmap(k, vrm.mm, vrm.newAddr, vrm.newAddr + vrm.newLen, false);
    if (err !== 0) return err;
  }
  if (vrm.oldLen > vrm.newLen) {
    const err: Errno = yield* doMunmap(k, vrm.mm, vrm.addr + vrm.newLen, vrm.addr + vrm.oldLen, false);
    if (err !== 0) return err;
    vrm.oldLen = vrm.newLen;
  }
  // The range that was unmapped does not overlap the source, but may have been a part of its VMA.
  vrm.vma = vmaLookup(k, vrm.mm, vrm.addr);
  if (k.param.mremapUnmapsFirst.get() !== 0) {
    const err: Errno = checkPrepVma(k, vrm);
    if (err !== 0) return err;
  }
  if ((vrm.flags & MREMAP_FIXED) === 0 && !setNewAddr(k, vrm)) return -ENOMEM;
  return yield* moveVma(k, vrm);
}

/** Finds a place. @kernel mm/mremap.c vrm_set_new_addr() @holds mmap_lock for writing @returns false: there is none */
function setNewAddr(k: Kernel, vrm: VmaRemapStruct): boolean {
  const found = getUnmappedArea(k, vrm.mm, vrm.newLen);
  if (found < 0) {
    noRoomIsSeen(k, vrm.mm, vrm.newLen);
    return false;
  }
  vrm.newAddr = found;
  return true;
}

/** The memory grows or shrinks where it is, if it can. @kernel mm/mremap.c mremap_at(), shrink_vma() @holds mmap_lock for writing */
function* mremapAt(k: Kernel, vrm: VmaRemapStruct): Routine<AddressOrErrno> {
  if (vrm.oldLen < vrm.newLen) return yield* expandVma(k, vrm);
  if (vrm.oldLen > vrm.newLen) {
    const err: Errno = yield* doMunmap(k, vrm.mm, vrm.addr + vrm.newLen, vrm.addr + vrm.oldLen, true);
    if (err !== 0) return err;
    vrm.mmapLocked = false;
  }
  return vrm.addr;
}

/** Grows in place if there is room behind the VMA, else moves. @kernel mm/mremap.c expand_vma() @holds mmap_lock for writing */
function* expandVma(k: Kernel, vrm: VmaRemapStruct): Routine<AddressOrErrno> {
  const end: Vpn = k.vma.end.get(vrm.vma);
  const newEnd: Vpn = vrm.addr + vrm.newLen;
  const atEnd = vrm.addr + vrm.oldLen === end && newEnd <= k.param.vpnMax.get();
  if (atEnd && findVmaIntersection(k, vrm.mm, end, newEnd) === NONE) {
    const vmg: VmaMergeStruct = vmgVmaState(k, vrm.vma, end, newEnd);
    vmg.middle = NONE;
    if (k.param.mremapGrowthLeavesNext.get() !== 0) vmg.apart = findVma(k, vrm.mm, newEnd);
    const merged: Vma = yield* vmaMergeNewRange(k, vmg);
    return merged === NONE ? -ENOMEM : vrm.addr;
  }
  if ((vrm.flags & MREMAP_MAYMOVE) === 0) {
    noRoomBehindIsSeen(k, vrm.mm, vrm.addr + vrm.oldLen, newEnd);
    return -ENOMEM;
  }
  if (!setNewAddr(k, vrm)) return -ENOMEM;
  return yield* moveVma(k, vrm);
}

/**
 * A range that grows or moves must lie in one VMA; one that shrinks may cross its end. Nothing is changed before
 * this check.
 * @kernel mm/mremap.c check_prep_vma()
 * @holds mmap_lock
 */
function checkPrepVma(k: Kernel, vrm: VmaRemapStruct): Errno {
  if (vrm.vma === NONE) return -EFAULT;
  if (vrm.newLen <= vrm.oldLen && !impliesNewAddr(vrm)) return 0;
  // Length 0 asks for a second mapping of the same memory: for shared memory only.
  if (vrm.oldLen === 0) return -EINVAL;
  return Math.min(vrm.oldLen, vrm.newLen) > k.vma.end.get(vrm.vma) - vrm.addr ? -EFAULT : 0;
}

/**
 * @kernel mm/mremap.c move_vma()
 * @holds mmap_lock for writing
 * @returns newAddr, or -ENOMEM with the memory still at its old address
 */
function* moveVma(k: Kernel, vrm: VmaRemapStruct): Routine<AddressOrErrno> {
  if (vmasFree(k) < 1 + cutsLeft(k, vrm)) {
    shortageIsSeen(k);
    return -ENOMEM;
  }
  yield* vmaStartWrite(k, vrm.vma);
  const pmc: PagetableMoveControl = record({
    old: vrm.vma, new: NONE, oldAddr: vrm.addr, oldEnd: vrm.addr + vrm.oldLen, newAddr: vrm.newAddr, lenIn: vrm.oldLen,
    needRmapLocks: false,
  });
  yield* copyVma(k, vrm, pmc);
  if (pmc.new === NONE) return -ENOMEM;
  vrm.vma = pmc.old;
  const newVma: Vma = pmc.new;
  userMemoryMoveBegin(k, vrm.mm, vrm.addr, vrm.newAddr, vrm.oldLen);
  if (hasReservations(k)) yield* reservationsMremap(k, vrm.vma, vrm.addr, newVma, vrm.newAddr, vrm.oldLen);
  const moved: Vpn = yield* movePageTables(k, pmc);
  if (moved < vrm.oldLen) yield* moveBack(k, vrm, newVma, moved);
  else judgeMoved(k, vrm.mm, vrm.addr, vrm.addr + vrm.oldLen);
  userMemoryMoveEnd(k, vrm.mm, vrm.addr, vrm.newAddr, vrm.oldLen);
  if (moved < vrm.oldLen) {
    yield* doMunmap(k, vrm.mm, vrm.newAddr, vrm.newAddr + vrm.newLen, false);
    return -ENOMEM;
  }
  if ((vrm.flags & MREMAP_DONTUNMAP) !== 0) {
    const whole = k.vma.start.get(vrm.vma) === vrm.addr && k.vma.end.get(vrm.vma) === vrm.addr + vrm.oldLen;
    if (vrm.vma !== newVma && whole) yield* forgetMovedPages(k, vrm.vma);
    return vrm.newAddr;
  }
  // Failing to split the VMA, without memory, leaves an empty range mapped.
  yield* doMunmap(k, vrm.mm, vrm.addr, vrm.addr + vrm.oldLen, false);
  return vrm.newAddr;
}

/** VMAs that unmapping the old range makes, one for each end of the hole that it leaves: that must not fail half-way. */
function cutsLeft(k: Kernel, vrm: VmaRemapStruct): number {
  if ((vrm.flags & MREMAP_DONTUNMAP) !== 0) return 0;
  return (vrm.addr > k.vma.start.get(vrm.vma) ? 1 : 0) + (vrm.addr + vrm.oldLen < k.vma.end.get(vrm.vma) ? 1 : 0);
}

/**
 * Only the first `moved` pages could be moved. Moving them back cannot fail: the tables at the old address are still there.
 * @kernel mm/mremap.c copy_vma_and_data()
 * @holds mmap_lock and both VMA locks for writing
 */
function* moveBack(k: Kernel, vrm: VmaRemapStruct, newVma: Vma, moved: Vpn): Routine {
  const revert: PagetableMoveControl = record({
    old: newVma, new: vrm.vma, oldAddr: vrm.newAddr, oldEnd: vrm.newAddr + moved, newAddr: vrm.addr, lenIn: moved, needRmapLocks: true,
  });
  yield* movePageTables(k, revert);
  // The patch of 2018 takes back the reservations of what was moved, and no others (D13).
  const length = isRfc2018(k) ? moved : vrm.oldLen;
  if (hasReservations(k)) yield* reservationsMremap(k, newVma, vrm.newAddr, vrm.vma, vrm.addr, length);
}

/**
 * MREMAP_DONTUNMAP has moved every page of the VMA, which is now like one that was never written.
 * @kernel mm/mremap.c dontunmap_complete()
 * @holds mmap_lock and the VMA lock for writing
 */
function* forgetMovedPages(k: Kernel, vma: Vma): Routine {
  yield* unlinkAnonVmas(k, vma, false);
  // It is in no tree any more, so nothing depends on its offset.
  k.vma.pgoff.set(vma, k.vma.start.get(vma));
}

/**
 * A second VMA for the memory, in the same reverse-map trees: by a merge, else a new one. It becomes `pmc.new`, or NONE
 * without memory. The source may be part of the merged VMA, or be gone into it: then it is unfaulted, and nothing moves.
 *
 * @kernel mm/vma.c copy_vma()
 * @holds mmap_lock and the VMA lock for writing
 */
function* copyVma(k: Kernel, vrm: VmaRemapStruct, pmc: PagetableMoveControl): Routine {
  const vmg: VmaMergeStruct = vmgVmaState(k, vrm.vma, vrm.addr, vrm.addr);
  vmg.start = vrm.newAddr;
  vmg.end = vrm.newAddr + vrm.newLen;
  if (vmg.anonVma === NONE) {
    vmg.pgoff = vrm.newAddr;
    if ((vrm.flags & MREMAP_DONTUNMAP) !== 0 && k.param.dontunmapKeepsSource.get() !== 0) vmg.apart = vrm.vma;
  }
  vmg.middle = NONE;
  vmg.copiedFrom = vrm.vma;
  const pgoff: Vpn = vmg.pgoff;
  pmc.new = yield* vmaMergeNewRange(k, vmg);
  if (pmc.new === NONE) {
    pmc.new = yield* newCopy(k, vrm, pgoff);
    return;
  }
  if (k.vma.start.get(pmc.new) <= vrm.addr && k.vma.end.get(pmc.new) > vrm.addr) pmc.old = pmc.new;
  // A reverse-map walk visits VMAs in the order of vm_pgoff. If the new VMA comes behind the old one, the walk
  // cannot miss an entry in both. Else the walk is locked out.
  pmc.needRmapLocks = k.vma.pgoff.get(pmc.new) <= k.vma.pgoff.get(pmc.old);
}

/** The part of copy_vma() without a merge. @kernel mm/vma.c copy_vma() @holds mmap_lock for writing @returns NONE: no memory */
function* newCopy(k: Kernel, vrm: VmaRemapStruct, pgoff: Vpn): Routine<Vma> {
  const made: Vma = yield* vmAreaAlloc(k, vrm.mm, vrm.newAddr, vrm.newAddr + vrm.newLen, pgoff, k.vma.flags.get(vrm.vma));
  if (made === NONE) return NONE;
  k.vma.anonVma.set(made, k.vma.anonVma.get(vrm.vma));
  yield* vmaStartWriteNew(k, made);
  const err: Errno = yield* anonVmaClone(k, made, vrm.vma);
  if (err !== 0) {
    yield* vmAreaFree(k, made);
    return NONE;
  }
  yield at("vma_link");
  vmaLink(k, made);
  if (hasReservations(k)) yield* reservationsOfNewVma(k, made, vrm.vma);
  return made;
}

// ---- page tables -----------------------------------------------------------------------------------------------

/** A move of page tables, and how far it has come. @kernel mm/internal.h struct pagetable_move_control */
interface PagetableMoveControl {
  old: Vma;
  new: Vma;
  /** Where the move goes on, and where it ends. */
  oldAddr: Vpn;
  oldEnd: Vpn;
  newAddr: Vpn;
  /** The pages that were asked for: the move may begin below them. */
  lenIn: Vpn;
  needRmapLocks: boolean;
}

/**
 * Moves the entries of the range, in the largest pieces possible. Where both ranges begin at the same distance above
 * a huge-page boundary, and nothing is mapped in between, the move begins at the boundary, to move whole tables.
 *
 * @kernel mm/mremap.c move_page_tables()
 * @holds mmap_lock and both VMA locks for writing
 * @returns how many pages were moved: fewer than `lenIn` when there was no memory for a table
 */
function* movePageTables(k: Kernel, pmc: PagetableMoveControl): Routine<Vpn> {
  const h = k.param.hpagePmdNr.get();
  tryRealignAddr(k, pmc);
  while (pmc.oldAddr < pmc.oldEnd) {
    const extent: Vpn = Math.min(h - (pmc.oldAddr % h), h - (pmc.newAddr % h), pmc.oldEnd - pmc.oldAddr);
    const moved: boolean = yield* moveExtent(k, pmc, extent);
    if (!moved) break;
    pmc.oldAddr += extent;
    pmc.newAddr += extent;
  }
  return pmcProgress(pmc);
}

/**
 * Moves what lies in one huge range at both addresses: a huge PMD, a whole table, or PTEs.
 *
 * A walk of the reverse map can split the huge PMD meanwhile. By the reclaim of `param.lazyfreePmdDiscard` it can
 * become none, and huge again. What was none or a table stays that: filling and freeing take mmap_lock or the VMA lock.
 *
 * @kernel mm/mremap.c move_page_tables(), from `again`
 * @holds mmap_lock and both VMA locks for writing
 * @returns false: no memory for a table
 */
function* moveExtent(k: Kernel, pmc: PagetableMoveControl, extent: Vpn): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(pmc.old);
  const whole: boolean = extent === k.param.hpagePmdNr.get();
  for (;;) {
    yield at("pmdp_get_lockless");
    const pmd: Entry = pmdpGetLockless(k, mm, pmc.oldAddr);
    if (pmdNone(pmd)) return true;
    if (pmdTransHuge(pmd) || pmdMigration(pmd)) {
      let moved: boolean = false;
      if (whole) {
        if (pmc.needRmapLocks) yield* takeRmapLocks(k, pmc.old);
        moved = yield* moveHugePmd(k, pmc.old, pmc.oldAddr, pmc.newAddr);
        if (pmc.needRmapLocks) dropRmapLocks(k, pmc.old);
      }
      if (moved) return true;
      yield* splitHugePmd(k, pmc.old, pmc.oldAddr, false);
      yield at("pmd_none");
      if (pmdNone(pmdpGetLockless(k, mm, pmc.oldAddr))) return true;
    } else if (whole) {
      yield* takeRmapLocks(k, pmc.old);
      yield* moveNormalPmd(k, mm, pmc.oldAddr, pmc.newAddr);
      dropRmapLocks(k, pmc.old);
      return true;
    }
    const table: boolean = yield* pteAlloc(k, mm, pmc.newAddr);
    if (!table) return false;
    if (pmc.needRmapLocks) yield* takeRmapLocks(k, pmc.old);
    const done: boolean = yield* movePtes(k, mm, pmc.oldAddr, pmc.newAddr, extent);
    if (pmc.needRmapLocks) dropRmapLocks(k, pmc.old);
    if (done) return true;
  }
}

/** Pages of those asked for that are moved. @kernel mm/mremap.c pmc_progress() */
function pmcProgress(pmc: PagetableMoveControl): Vpn {
  const asked = pmc.oldEnd - pmc.lenIn;
  return pmc.oldAddr < asked ? 0 : pmc.oldAddr - asked;
}

/** Begins the move below both addresses, where it may. @kernel mm/mremap.c try_realign_addr(), can_realign_addr() @holds mmap_lock */
function tryRealignAddr(k: Kernel, pmc: PagetableMoveControl): void {
  const below = pteIndex(k, pmc.oldAddr);
  if (below === 0 || below !== pteIndex(k, pmc.newAddr) || pmc.lenIn < k.param.hpagePmdNr.get() - below) return;
  if (!canAlignDown(k, pmc.old, pmc.oldAddr) || !canAlignDown(k, pmc.new, pmc.newAddr)) return;
  pmc.oldAddr -= below;
  pmc.newAddr -= below;
}

/** The VMA begins at `addr`, and nothing is mapped below in the huge range. @kernel mm/mremap.c can_align_down() @holds mmap_lock */
function canAlignDown(k: Kernel, vma: Vma, addr: Vpn): boolean {
  return k.vma.start.get(vma) === addr && findVmaIntersection(k, k.vma.mm.get(vma), hpageAddress(k, addr), addr) === NONE;
}

/** @kernel mm/mremap.c take_rmap_locks() */
function* takeRmapLocks(k: Kernel, vma: Vma): Routine {
  const anonVma: AnonVma = k.vma.anonVma.get(vma);
  if (anonVma !== NONE) yield* anonVmaLockWrite(k, anonVma);
}
/** @kernel mm/mremap.c drop_rmap_locks() */
function dropRmapLocks(k: Kernel, vma: Vma): void {
  const anonVma = k.vma.anonVma.get(vma);
  if (anonVma !== NONE) anonVmaUnlockWrite(k, anonVma);
}

/**
 * Moves a whole table. Nothing can have taken it away since the caller saw it: that takes mmap_lock. For a moment
 * neither address leads to it. A lockless look finds nothing, faults, and the fault waits for this call to end.
 *
 * @kernel mm/mremap.c move_normal_pmd()
 * @holds mmap_lock, both VMA locks and the anon_vma for writing
 */
function* moveNormalPmd(k: Kernel, mm: Mm, oldAddr: Vpn, newAddr: Vpn): Routine {
  vmBugOn(!pmdNone(pmdpGetLockless(k, mm, newAddr)), "mremap: unmapping the new range has left a page table there");
  yield* spinLock(k, pmdLockptr(k, mm));
  vmBugOn(!pmdTable(pmdpGet(k, mm, oldAddr)), "mremap: the table to be moved is gone");
  const table: Table = pmdClearTable(k, mm, oldAddr);
  // For a moment neither address has the table: lockless walkers see nothing at both.
  yield at("pmd_populate");
  pmdPopulate(k, mm, newAddr, table);
  emit(k, EV.PMD_POPULATE, mm, pmdIndex(k, newAddr), table);
  yield* flushTlbRange(k, mm, oldAddr, oldAddr + k.param.hpagePmdNr.get());
  spinUnlock(k, pmdLockptr(k, mm));
}

/**
 * Moves the entries of one table, or part of it, to one other. The flush comes before either lock is dropped: an rmap
 * walk that finds a page at its new address must be able to rely on there being no translation of the old one.
 *
 * @kernel mm/mremap.c move_ptes()
 * @holds mmap_lock and both VMA locks for writing; the new range has a table
 * @returns false: the old range has none (the kernel's -EAGAIN)
 */
function* movePtes(k: Kernel, mm: Mm, oldAddr: Vpn, newAddr: Vpn, extent: Vpn): Routine<boolean> {
  // Stable without its lock: only faults fill or empty an entry, and they are locked out.
  yield at("pte_offset_map_rw_nolock: new address");
  const newTable: Table = entryTarget(pmdpGetLockless(k, mm, newAddr));
  const oldTable: Table = yield* pteOffsetMapLock(k, mm, oldAddr);
  if (oldTable === NONE) return false;
  if (newTable !== oldTable) yield* spinLock(k, ptlOf(k, newTable));
  yield* flushTlbBatchedPending(k, mm);
  let any: boolean = false;
  let flush: boolean = false;
  for (let i: Vpn = 0; i < extent; i++) {
    if (pteNone(k.ptTable.pte.get(oldTable, pteIndex(k, oldAddr + i)))) continue;
    // Hardware and GUP-fast look without the locks; the first entry is part of the step that took the second of them.
    if (any || newTable === oldTable) yield at("ptep_get_and_clear");
    any = true;
    const pte: Entry = k.ptTable.pte.xchg(oldTable, pteIndex(k, oldAddr + i), ENTRY_NONE);
    vmBugOn(!pteNone(k.ptTable.pte.get(newTable, pteIndex(k, newAddr + i))), "mremap: there is something at the new address");
    if (pteMigration(pte)) emit(k, EV.MIGRATION_REMOVE, mm, oldAddr + i, entryTarget(pte));
    yield at("set_pte_at: new address");
    setPteAt(k, newTable, pteIndex(k, newAddr + i), pte);
    if (pteMigration(pte)) emit(k, EV.MIGRATION_SET, mm, newAddr + i, entryTarget(pte));
    if (ptePresent(pte)) flush = true;
  }
  if (flush) yield* flushTlbRange(k, mm, oldAddr, oldAddr + extent);
  if (newTable !== oldTable) spinUnlock(k, ptlOf(k, newTable));
  spinUnlock(k, ptlOf(k, oldTable));
  return true;
}
