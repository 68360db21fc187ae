/**
 * mmap() and munmap() of private anonymous memory: mm/mmap.c, mm/vma.c.
 *
 * munmap takes the VMAs out of the tree under mmap_lock for writing. Then it lets readers in again, zaps the pages
 * and frees the tables. Nobody can find the VMAs any more, and no fault can be running in them.
 */
import { NONE, at, record, type Int, type Routine } from "thpcheck";
import { EEXIST, EINVAL, ENOMEM } from "./errno.ts";
import { khugepagedEnterVma } from "./khugepaged/mm-slot.ts";
import { shortageIsSeen } from "./lost-function.ts";
import { mmapReadUnlock, mmapWriteDowngrade, vmaStartWrite } from "./locking/mmap-lock.ts";
import { drainForUnmap, freePgtables, unmapVmas, type UnmapDesc } from "./memory/zap.ts";
import { tlbFinishMmu, tlbGatherMmu } from "./mmu-gather.ts";
import type { Kernel } from "./mm-types.ts";
import { VM_NOHUGEPAGE } from "./structs/vma.ts";
import type { Errno, Mm, VmFlags, Vma, Vpn } from "./structs/types.ts";
import { hasReservations } from "./thp-reservation/container.ts";
import { reservationsOfFreedVma, reservationsOfNewVma } from "./thp-reservation.ts";
import { userMemoryBegin, userMemoryDiscarded } from "./user-memory.ts";
import { findVma, findVmaIntersection, getUnmappedArea, vmaBefore } from "./vma-tree.ts";
import {
  splitVma, vmAreaAlloc, vmAreaFree, vmaLink, vmaMarkDetached, vmaMergeNewRange, vmaStartWriteNew, vmasFree, vmgState, type VmaMergeStruct,
} from "./vma.ts";

/** A page number, or a negative errno. */
export type AddressOrErrno = Int<-133, 0x000f_ffff>;

export const MAP_FIXED = 1 << 0;
/** With MAP_FIXED: fail where something is mapped. */
export const MAP_FIXED_NOREPLACE = 1 << 1;
/** Memory for a stack, which shall not have huge pages: the VMA gets VM_NOHUGEPAGE (`param.stackIsNoHugePage`). */
export const MAP_STACK = 1 << 2;
export type MapFlags = Int<0, 7>;

// ---- munmap ----------------------------------------------------------------------------------------------------

/**
 * The first VMA of `mm` that ends above `vpn` among those that a munmap has detached and not freed yet.
 * @kernel mm/vma.h struct vma_munmap_struct, `mas_detach`
 */
export function nextDetached(k: Kernel, mm: Mm, vpn: Vpn): Vma {
  let found: Vma = NONE;
  for (let v = 0; v < k.vma.count; v++) {
    if (k.vma.mm.get(v) !== mm || !k.vma.detached.get(v) || k.vma.end.get(v) <= vpn) continue;
    if (found === NONE || k.vma.start.get(v) < k.vma.start.get(found)) found = v;
  }
  return found;
}

/**
 * Cuts the VMAs at start and end, and takes those between out of the tree. Here the tree loses them one by one, in
 * the kernel all at once. A fault that looks without mmap_lock finds a VMA locked for writing or finds none. It
 * waits for mmap_lock in both cases.
 *
 * @kernel mm/vma.c vms_gather_munmap_vmas()
 * @holds mmap_lock for writing
 * @returns 0; -ENOMEM: nothing is detached, but a VMA may have been split
 */
function* gatherMunmapVmas(k: Kernel, mm: Mm, start: Vpn, end: Vpn): Routine<Errno> {
  const first: Vma = findVmaIntersection(k, mm, start, end);
  if (first === NONE) return 0;
  if (k.vma.start.get(first) < start) {
    // A hole in the middle of a VMA takes two new ones; map_count is checked before the first.
    if (end < k.vma.end.get(first) && vmasFree(k) < 2) {
      shortageIsSeen(k);
      return -ENOMEM;
    }
    const err: Errno = yield* splitVma(k, first, start, true);
    if (err !== 0) return err;
  }
  let vma: Vma = findVmaIntersection(k, mm, start, end);
  while (vma !== NONE) {
    if (k.vma.end.get(vma) > end) {
      const err: Errno = yield* splitVma(k, vma, end, false);
      if (err !== 0) {
        yield* reattachVmas(k, mm);
        return err;
      }
    }
    // A VMA that was cut off just now is locked already.
    if (k.vma.writeLocked.get(vma)) yield at("vma_mark_detached");
    else yield* vmaStartWrite(k, vma);
    vmaMarkDetached(k, vma);
    vma = findVmaIntersection(k, mm, start, end);
  }
  return 0;
}

/** @kernel mm/vma.c reattach_vmas() @holds mmap_lock for writing */
function* reattachVmas(k: Kernel, mm: Mm): Routine {
  for (let vma: Vma = nextDetached(k, mm, 0); vma !== NONE; vma = nextDetached(k, mm, 0)) {
    yield at("vma_mark_attached");
    vmaLink(k, vma);
  }
}

/**
 * Zaps the detached VMAs, which all lie in start..end, and frees the tables that no neighbour needs.
 *
 * @kernel mm/vma.c vms_clear_ptes()
 * @holds mmap_lock, for reading at least
 */
function* clearPtes(k: Kernel, mm: Mm, start: Vpn, end: Vpn): Routine {
  if (nextDetached(k, mm, 0) === NONE) return;
  userMemoryBegin(k, mm, start, end);
  yield* drainForUnmap(k);
  tlbGatherMmu(k);
  const below: Vma = vmaBefore(k, mm, start);
  const above: Vma = findVma(k, mm, end);
  const unmap: UnmapDesc = record({
    mm, vmaStart: start, vmaEnd: end, pgStart: below === NONE ? 0 : k.vma.end.get(below),
    pgEnd: above === NONE ? k.param.vpnMax.get() : k.vma.start.get(above), detached: true,
  });
  yield* unmapVmas(k, unmap);
  yield* freePgtables(k, unmap);
  yield* tlbFinishMmu(k, mm);
  userMemoryDiscarded(k, mm, start, end);
}

/** Frees the detached VMAs. @kernel mm/vma.c remove_vma(), of all of vms_complete_munmap_vmas() */
function* removeVmas(k: Kernel, mm: Mm): Routine {
  for (let vma: Vma = nextDetached(k, mm, 0); vma !== NONE; vma = nextDetached(k, mm, 0)) {
    if (hasReservations(k)) yield* reservationsOfFreedVma(k, vma);
    yield* vmAreaFree(k, vma);
  }
}

/**
 * Unmaps start..end. `unlock`: lets readers in as soon as the VMAs are detached, and has dropped mmap_lock when it
 * returns 0; on failure the lock is still held for writing.
 *
 * @kernel mm/vma.c do_vmi_munmap(), do_vmi_align_munmap(), vms_complete_munmap_vmas()
 * @holds mmap_lock for writing
 * @returns 0, -EINVAL for an empty or impossible range, -ENOMEM
 */
export function* doMunmap(k: Kernel, mm: Mm, start: Vpn, end: Vpn, unlock: boolean): Routine<Errno> {
  if (start >= end || end > k.param.vpnMax.get()) return -EINVAL;
  const err: Errno = yield* gatherMunmapVmas(k, mm, start, end);
  if (err !== 0) return err;
  if (unlock) yield* mmapWriteDowngrade(k, mm);
  yield* clearPtes(k, mm, start, end);
  yield* removeVmas(k, mm);
  if (unlock) yield* mmapReadUnlock(k, mm);
  return 0;
}

// ---- mmap ------------------------------------------------------------------------------------------------------

/**
 * Maps `length` pages of private anonymous memory: at `addr` with MAP_FIXED, else there if it is free, else where there
 * is room. `addr` may be NONE without MAP_FIXED.
 *
 * @kernel mm/mmap.c do_mmap(), mm/vma.c mmap_region()
 * @holds mmap_lock for writing
 * @returns the address; -EINVAL for an empty range, -EEXIST (MAP_FIXED_NOREPLACE), -ENOMEM
 */
export function* doMmap(k: Kernel, mm: Mm, addr: AddressOrErrno, length: Vpn, vmFlags: VmFlags, flags: MapFlags): Routine<AddressOrErrno> {
  if (length === 0) return -EINVAL;
  const start: AddressOrErrno = placeOf(k, mm, addr, length, flags);
  if (start < 0) return start;
  const end: Vpn = start + length;
  const err: Errno = yield* gatherMunmapVmas(k, mm, start, end);
  if (err !== 0) return err;
  yield* clearPtes(k, mm, start, end);
  const newFlags: VmFlags = vmFlags | calcVmFlagBits(k, flags);
  const vmg: VmaMergeStruct = vmgState(mm, start, end, start, newFlags);
  // Without memory for a merge, the new VMA stays by itself.
  let vma: Vma = yield* vmaMergeNewRange(k, vmg);
  if (vma === NONE) {
    vma = yield* vmAreaAlloc(k, mm, start, end, start, newFlags);
    if (vma !== NONE) {
      yield* vmaStartWriteNew(k, vma);
      vmaLink(k, vma);
      if (hasReservations(k)) yield* reservationsOfNewVma(k, vma, NONE);
      yield* khugepagedEnterVma(k, vma);
    }
  }
  // What MAP_FIXED replaced is gone even if the new VMA could not be made.
  yield* removeVmas(k, mm);
  return vma === NONE ? -ENOMEM : start;
}

/** Flags of a VMA that follow from flags of mmap(). @kernel include/linux/mman.h calc_vm_flag_bits() */
function calcVmFlagBits(k: Kernel, flags: MapFlags): VmFlags {
  return (flags & MAP_STACK) !== 0 && k.param.stackIsNoHugePage.get() === 1 ? VM_NOHUGEPAGE : 0;
}

/** @kernel mm/mmap.c __get_unmapped_area(), and the checks of do_mmap() */
function placeOf(k: Kernel, mm: Mm, addr: AddressOrErrno, length: Vpn, flags: MapFlags): number {
  if (length > k.param.vpnMax.get()) return -ENOMEM;
  const fits = addr >= 0 && addr + length <= k.param.vpnMax.get();
  if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0) {
    if (!fits) return -ENOMEM;
    const taken = findVmaIntersection(k, mm, addr, addr + length) !== NONE;
    return taken && (flags & MAP_FIXED_NOREPLACE) !== 0 ? -EEXIST : addr;
  }
  if (fits && findVmaIntersection(k, mm, addr, addr + length) === NONE) return addr;
  const found = getUnmappedArea(k, mm, length);
  return found === NONE ? -ENOMEM : found;
}
