/**
 * mremap(): mm/mremap.c.
 *
 * A move gives the memory a second area at the new address, moves whole huge PMDs, whole tables or single entries there,
 * and unmaps the old area. Pages keep their index: the new area's vm_pgoff tells rmap walks where to look.
 *
 * Not covered: MREMAP_DONTUNMAP of mlocked memory.
 */
import { NONE, at, emit, spinLock, spinUnlock, type Int, type Routine } from "thpcheck";
import { EV } from "../spec/events.ts";
import { vmBugOn } from "./bug.ts";
import { EFAULT, EINVAL, ENOMEM } from "./errno.ts";
import { moveHugePmd } from "./huge-memory/change.ts";
import { splitHugePmd } from "./huge-memory/split-pmd.ts";
import { mmapWriteLock, mmapWriteUnlock, vmaStartWrite } from "./locking/mmap-lock.ts";
import type { Kernel } from "./mm-types.ts";
import type { AnonVma, Entry, Errno, MergeResult, Mm, Table, Vma, Vpn } from "./structs/types.ts";
import { doMunmap, type AddressOrErrno } from "./mmap.ts";
import { ENTRY_NONE, entryTarget, hpageAddress, pmdIndex, pmdMigration, pmdNone, pmdTable, pmdTransHuge, pteIndex, pteMigration, pteNone, ptePresent, setPteAt } from "./pgtable.ts";
import { pmdClearTable, pmdLockptr, pmdPopulate, pmdpGet, pmdpGetLockless, pteAlloc, pteOffsetMapLock, ptlOf } from "./pgtable-generic.ts";
import { anonVmaClone, anonVmaLockWrite, anonVmaUnlockWrite, unlinkAnonVmas } from "./anon-vma.ts";
import { hasReservations, isRfc2018, reservationsMremap, reservationsOfNewVma } from "./thp-reservation.ts";
import { flushTlbRange } from "./tlb.ts";
import { userMemoryMoveBegin, userMemoryMoveEnd } from "./user-memory.ts";
import { findVmaIntersection, getUnmappedArea, vmaLookup } from "./vma-tree.ts";
import { MERGE_NOMEM, vmAreaAlloc, vmAreaFree, vmaLink, vmaMergeNewRange, vmaStartWriteNew, vmasFree } from "./vma.ts";

export const MREMAP_MAYMOVE = 1 << 0;
export const MREMAP_FIXED = 1 << 1;
/** The old area stays, without its pages. With MREMAP_MAYMOVE and the same length only. */
export const MREMAP_DONTUNMAP = 1 << 2;
export type MremapFlags = Int<0, 7>;

/**
 * Changes the size, or the place, or both, of the memory addr..addr + oldLen - 1. `newAddr` counts with MREMAP_FIXED only.
 *
 * @kernel mm/mremap.c do_mremap()
 * @holds nothing
 * @returns the address; -EINVAL, -EFAULT (not mapped, or, if it is to be resized, not in one area), -ENOMEM
 */
export function* doMremap(k: Kernel, mm: Mm, addr: Vpn, oldLen: Vpn, newLen: Vpn, flags: MremapFlags, newAddr: Vpn): Routine<AddressOrErrno> {
  const fixed: boolean = (flags & MREMAP_FIXED) !== 0;
  const dontUnmap: boolean = (flags & MREMAP_DONTUNMAP) !== 0;
  if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0 || newLen === 0 || newLen > k.param.vpnMax.get()) return -EINVAL;
  if ((fixed || dontUnmap) && (flags & MREMAP_MAYMOVE) === 0) return -EINVAL;
  if (dontUnmap && oldLen !== newLen) return -EINVAL;
  if (fixed && (newAddr + newLen > k.param.vpnMax.get() || (addr + oldLen > newAddr && newAddr + newLen > addr))) return -EINVAL;
  yield* mmapWriteLock(k, mm);
  let result: AddressOrErrno = addr;
  if (fixed && oldLen === newLen) result = yield* remapMove(k, mm, addr, addr + oldLen, newAddr, dontUnmap);
  else {
    const err: Errno = checkPrepVma(k, mm, addr, oldLen, newLen, fixed || dontUnmap);
    if (err !== 0) result = err;
    else if (fixed || dontUnmap) result = yield* mremapTo(k, mm, addr, oldLen, newLen, fixed ? newAddr : NONE, dontUnmap);
    else if (oldLen < newLen) result = yield* expand(k, mm, addr, oldLen, newLen, (flags & MREMAP_MAYMOVE) !== 0);
    else if (oldLen > newLen) {
      const unmapped: Errno = yield* doMunmap(k, mm, addr + newLen, addr + oldLen, true);
      // Has dropped the lock.
      if (unmapped === 0) return addr;
      result = unmapped;
    }
  }
  yield* mmapWriteUnlock(k, mm);
  return result;
}

/**
 * Moves all that is mapped in start..end, area by area, with the holes between them. An area that cannot be moved ends
 * it, with those before it moved.
 *
 * @kernel mm/mremap.c remap_move(), since 6.17; before, the range had to lie in one area
 * @holds mmap_lock for writing
 * @returns newAddr; -EFAULT: nothing is mapped at `start`
 */
function* remapMove(k: Kernel, mm: Mm, start: Vpn, end: Vpn, newAddr: Vpn, dontUnmap: boolean): Routine<AddressOrErrno> {
  let vma: Vma = findVmaIntersection(k, mm, start, end);
  if (vma === NONE || k.vma.start.get(vma) > start) return -EFAULT;
  let done: Vpn = start;
  while (vma !== NONE) {
    const from: Vpn = Math.max(k.vma.start.get(vma), done);
    const until: Vpn = Math.min(k.vma.end.get(vma), end);
    const result: AddressOrErrno = yield* mremapTo(k, mm, from, until - from, until - from, newAddr + from - start, dontUnmap);
    if (result < 0) return result;
    done = until;
    vma = done < end ? findVmaIntersection(k, mm, done, end) : NONE;
  }
  return newAddr;
}

/**
 * MREMAP_FIXED: what is at the new address goes first, then what the shorter new length leaves over. `newAddr` NONE:
 * anywhere. @kernel mm/mremap.c mremap_to() @holds mmap_lock for writing
 */
function* mremapTo(k: Kernel, mm: Mm, addr: Vpn, oldLen: Vpn, newLen: Vpn, newAddr: AddressOrErrno, dontUnmap: boolean): Routine<AddressOrErrno> {
  let err: Errno = 0;
  if (newAddr !== NONE) {
    err = yield* doMunmap(k, mm, newAddr, newAddr + newLen, false);
    if (err !== 0) return err;
  }
  if (oldLen > newLen) {
    err = yield* doMunmap(k, mm, addr + newLen, addr + oldLen, false);
    if (err !== 0) return err;
  }
  const length: Vpn = oldLen > newLen ? newLen : oldLen;
  // What was unmapped does not overlap the source, but may have been a part of its area.
  const vma: Vma = vmaLookup(k, mm, addr);
  const to: AddressOrErrno = newAddr === NONE ? getUnmappedArea(k, mm, newLen) : newAddr;
  if (to < 0) return -ENOMEM;
  return yield* moveVma(k, vma, addr, length, newLen, to, dontUnmap);
}

/** Grows in place if there is room behind the area, else moves. @kernel mm/mremap.c expand_vma() @holds mmap_lock for writing */
function* expand(k: Kernel, mm: Mm, addr: Vpn, oldLen: Vpn, newLen: Vpn, mayMove: boolean): Routine<AddressOrErrno> {
  const vma: Vma = vmaLookup(k, mm, addr);
  const end: Vpn = k.vma.end.get(vma);
  if (addr + oldLen === end && addr + newLen <= k.param.vpnMax.get() && findVmaIntersection(k, mm, end, addr + newLen) === NONE) {
    const pgoff: Vpn = k.vma.pgoff.get(vma) + end - k.vma.start.get(vma);
    const merged: MergeResult = yield* vmaMergeNewRange(k, mm, end, addr + newLen, pgoff, k.vma.flags.get(vma), k.vma.anonVma.get(vma), NONE);
    return merged === NONE || merged === MERGE_NOMEM ? -ENOMEM : addr;
  }
  if (!mayMove) return -ENOMEM;
  const newAddr: AddressOrErrno = getUnmappedArea(k, mm, newLen);
  if (newAddr < 0) return -ENOMEM;
  return yield* moveVma(k, vma, addr, oldLen, newLen, newAddr, false);
}

/**
 * What is to be grown or moved must lie in one area; a shrink may cross its end. Nothing is changed before this is known.
 * @kernel mm/mremap.c check_prep_vma() @holds mmap_lock
 */
function checkPrepVma(k: Kernel, mm: Mm, addr: Vpn, oldLen: Vpn, newLen: Vpn, newPlace: boolean): Errno {
  const vma = vmaLookup(k, mm, addr);
  if (vma === NONE) return -EFAULT;
  if (newLen <= oldLen && !newPlace) return 0;
  // Length 0 asks for a second mapping of the same memory: for shared memory only.
  if (oldLen === 0) return -EINVAL;
  return Math.min(oldLen, newLen) > k.vma.end.get(vma) - addr ? -EFAULT : 0;
}

/**
 * @kernel mm/mremap.c move_vma()
 * @holds mmap_lock for writing
 * @returns newAddr, or -ENOMEM with the memory still at its old address
 */
function* moveVma(k: Kernel, vma: Vma, oldAddr: Vpn, oldLen: Vpn, newLen: Vpn, newAddr: Vpn, dontUnmap: boolean): Routine<AddressOrErrno> {
  const mm: Mm = k.vma.mm.get(vma);
  // One area for the copy, and one for each end of the hole that the old range leaves: unmapping must not fail half-way.
  const cuts = dontUnmap ? 0 : (oldAddr > k.vma.start.get(vma) ? 1 : 0) + (oldAddr + oldLen < k.vma.end.get(vma) ? 1 : 0);
  if (vmasFree(k) < 1 + cuts) return -ENOMEM;
  yield* vmaStartWrite(k, vma);
  const pgoffBefore: Vpn = k.vma.pgoff.get(vma);
  const pgoff: Vpn = k.vma.anonVma.get(vma) === NONE ? newAddr : pgoffBefore + oldAddr - k.vma.start.get(vma);
  const merged: MergeResult = yield* vmaMergeNewRange(k, mm, newAddr, newAddr + newLen, pgoff, k.vma.flags.get(vma), k.vma.anonVma.get(vma), vma);
  let newVma: Vma = merged === MERGE_NOMEM ? NONE : merged;
  // The source may be part of the merged area now, or be gone into it: then it is unfaulted, and nothing moves.
  const source: Vma = newVma === NONE || k.vma.start.get(newVma) > oldAddr || k.vma.end.get(newVma) <= oldAddr ? vma : newVma;
  // An rmap walk visits areas in the order of vm_pgoff. Only if the new area comes behind the old one can no entry be
  // missed in both; otherwise the walk is locked out.
  const needRmapLocks: boolean = newVma !== NONE && k.vma.pgoff.get(newVma) <= k.vma.pgoff.get(source);
  if (newVma === NONE) {
    newVma = yield* copyVma(k, vma, newAddr, newLen, pgoff);
    if (newVma === NONE) return -ENOMEM;
  }
  userMemoryMoveBegin(k, mm, oldAddr, newAddr, oldLen);
  if (hasReservations(k)) yield* reservationsMremap(k, source, oldAddr, newVma, newAddr, oldLen);
  const moved: Vpn = yield* movePageTables(k, source, oldAddr, newVma, newAddr, oldLen, needRmapLocks);
  // Moving back cannot fail: the tables at the old address are still there.
  if (moved < oldLen) yield* movePageTables(k, newVma, newAddr, source, oldAddr, moved, true);
  // The patch of 2018 takes back the reservations of what was moved, and no others (D13).
  if (hasReservations(k) && moved < oldLen) yield* reservationsMremap(k, newVma, newAddr, source, oldAddr, isRfc2018(k) ? moved : oldLen);
  userMemoryMoveEnd(k, mm, oldAddr, newAddr, oldLen);
  if (dontUnmap && moved === oldLen) {
    if (source !== newVma && k.vma.start.get(source) === oldAddr && k.vma.end.get(source) === oldAddr + oldLen) yield* forgetMovedPages(k, source);
    return newAddr;
  }
  const start: Vpn = moved < oldLen ? newAddr : oldAddr;
  // Failing to split the area, without memory, leaves an empty range mapped.
  yield* doMunmap(k, mm, start, start + (moved < oldLen ? newLen : oldLen), false);
  return moved < oldLen ? -ENOMEM : newAddr;
}

/**
 * MREMAP_DONTUNMAP has moved every page of the area: it is as one that was never written.
 * @kernel mm/mremap.c dontunmap_complete()
 * @holds mmap_lock and the VMA lock for writing
 */
function* forgetMovedPages(k: Kernel, vma: Vma): Routine {
  yield* unlinkAnonVmas(k, vma);
  // In no tree any more: nobody goes by its offset.
  k.vma.pgoff.set(vma, k.vma.start.get(vma));
}

/**
 * A second area for the memory of `vma`, in the same reverse-map trees.
 *
 * @kernel mm/vma.c copy_vma(), the part without a merge
 * @holds mmap_lock for writing
 * @returns NONE: no memory
 */
function* copyVma(k: Kernel, vma: Vma, newAddr: Vpn, newLen: Vpn, pgoff: Vpn): Routine<Vma> {
  const made: Vma = yield* vmAreaAlloc(k, k.vma.mm.get(vma), newAddr, newAddr + newLen, pgoff, k.vma.flags.get(vma));
  if (made === NONE) return NONE;
  k.vma.anonVma.set(made, k.vma.anonVma.get(vma));
  const err: Errno = yield* anonVmaClone(k, made, vma);
  if (err !== 0) {
    yield* vmAreaFree(k, made);
    return NONE;
  }
  yield* vmaStartWriteNew(k, made);
  vmaLink(k, made);
  if (hasReservations(k)) yield* reservationsOfNewVma(k, made, vma);
  return made;
}

// ---- page tables -----------------------------------------------------------------------------------------------

/**
 * Moves the entries of `length` pages, in the largest pieces possible. Where both ranges begin at the same distance above
 * a huge-page boundary, and nothing is mapped in between, the move begins at the boundary, to move whole tables.
 *
 * @kernel mm/mremap.c move_page_tables()
 * @holds mmap_lock and both VMA locks for writing
 * @returns how many pages were moved: less than `length` when there was no memory for a table
 */
function* movePageTables(k: Kernel, vma: Vma, oldAddr: Vpn, newVma: Vma, newAddr: Vpn, length: Vpn, needRmapLocks: boolean): Routine<Vpn> {
  const mm: Mm = k.vma.mm.get(vma);
  const h = k.param.hpagePmdNr.get();
  const below: Vpn = realignment(k, vma, oldAddr, newVma, newAddr, length);
  let done: Vpn = 0;
  const total: Vpn = length + below;
  while (done < total) {
    const from: Vpn = oldAddr - below + done;
    const to: Vpn = newAddr - below + done;
    const extent: Vpn = Math.min(h - (from % h), h - (to % h), total - done);
    yield at("pmdp_get_lockless");
    const pmd: Entry = pmdpGetLockless(k, mm, from);
    let moved: boolean = pmdNone(pmd);
    if (pmdTransHuge(pmd) || pmdMigration(pmd)) {
      if (extent === h) {
        if (needRmapLocks) yield* takeRmapLocks(k, vma);
        moved = yield* moveHugePmd(k, vma, from, to);
        if (needRmapLocks) dropRmapLocks(k, vma);
      }
      if (!moved) yield* splitHugePmd(k, vma, from, false);
    } else if (!moved && extent === h) {
      yield* takeRmapLocks(k, vma);
      yield* moveNormalPmd(k, mm, from, to);
      dropRmapLocks(k, vma);
      moved = true;
    }
    if (!moved) {
      const table: boolean = yield* pteAlloc(k, mm, to);
      if (!table) break;
      if (needRmapLocks) yield* takeRmapLocks(k, vma);
      yield* movePtes(k, mm, from, to, extent);
      if (needRmapLocks) dropRmapLocks(k, vma);
    }
    done += extent;
  }
  return done < below ? 0 : done - below;
}

/** How far below both addresses the move may begin. @kernel mm/mremap.c try_realign_addr(), can_align_down() @holds mmap_lock */
function realignment(k: Kernel, vma: Vma, oldAddr: Vpn, newVma: Vma, newAddr: Vpn, length: Vpn): number {
  const below = pteIndex(k, oldAddr);
  if (below === 0 || below !== pteIndex(k, newAddr) || length < k.param.hpagePmdNr.get() - below) return 0;
  if (!canAlignDown(k, vma, oldAddr) || !canAlignDown(k, newVma, newAddr)) return 0;
  return below;
}

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
 * neither address leads to it: who looks without a lock finds nothing, faults, and waits for this call to end.
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
 * @holds mmap_lock and both VMA locks for writing; both ranges have tables
 */
function* movePtes(k: Kernel, mm: Mm, oldAddr: Vpn, newAddr: Vpn, extent: Vpn): Routine {
  // Stable without its lock: only faults fill or empty an entry, and they are locked out.
  yield at("pte_offset_map_rw_nolock: new address");
  const newTable: Table = entryTarget(pmdpGetLockless(k, mm, newAddr));
  const oldTable: Table = yield* pteOffsetMapLock(k, mm, oldAddr);
  vmBugOn(oldTable === NONE, "mremap: a page table disappears under mmap_lock");
  if (newTable !== oldTable) yield* spinLock(k, ptlOf(k, newTable));
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
}
