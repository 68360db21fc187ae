/**
 * Virtual memory areas: mm/vma.c.
 *
 * A VMA is found under mmap_lock (`vma-tree.ts`), and made, merged and split under mmap_lock for writing. Its
 * boundaries change under the VMA lock and, where it has one, the lock of its anon_vma as well, and
 * `vmaAdjustTransHuge` comes before the change.
 *
 * What is left out: mempolicies, userfaultfd and files never keep two VMAs apart here; the maple tree needs no memory;
 * max_map_count is the size of the table. vma_shrink() has one caller, exec's move of its stack, which is not here.
 */
import { NONE, at, choose, current, emit, record, type Routine } from "thpcheck";
import { EV } from "../spec/events.ts";
import { vmBugOn } from "./bug.ts";
import { vmaAdjustTransHuge } from "./huge-memory/change.ts";
import { khugepagedEnterVma } from "./khugepaged/mm-slot.ts";
import { vmaEndWrite, vmaStartWrite } from "./locking/mmap-lock.ts";
import { shortageIsSeen } from "./lost-function.ts";
import type { Kernel } from "./mm-types.ts";
import type { AnonVma, Errno, Mm, VmFlags, Vma, Vpn } from "./structs/types.ts";
import { ENOMEM } from "./errno.ts";
import { hasReservations } from "./thp-reservation/container.ts";
import { reservationsBoundary, reservationsOfNewVma, reservationsTakenOver } from "./thp-reservation.ts";
import { findVma, vmaBefore, vmaIterClear, vmaIterStore } from "./vma-tree.ts";
import {
  anonVmaClone, anonVmaIntervalTreePostUpdateVma, anonVmaIntervalTreePreUpdateVma, anonVmaLockWrite,
  anonVmaUnlockWrite, unlinkAnonVmas,
} from "./anon-vma.ts";

// ---- objects ---------------------------------------------------------------------------------------------------

/** VMA objects that are free. @model the table of VMAs has an end; max_map_count is its size */
export function vmasFree(k: Kernel): number {
  let n = 0;
  for (let v = 0; v < k.vma.count; v++) if (k.vma.mm.get(v) === NONE) n++;
  return n;
}

/**
 * A new VMA of `mm`, in no tree and not locked, the caller's alone; NONE when there is no memory or the table is full. The slab
 * allocator's own lock is left out: to take an object is one indivisible operation.
 *
 * @kernel mm/vma_init.c vm_area_alloc()
 * @holds mmap_lock of `mm` for writing
 */
export function* vmAreaAlloc(k: Kernel, mm: Mm, start: Vpn, end: Vpn, pgoff: Vpn, flags: VmFlags): Routine<Vma> {
  yield at("vm_area_alloc");
  if (k.param.allocationMayFail.get() !== 0 && choose(k, "vm_area_alloc fails", 2) === 1) {
    shortageIsSeen(k);
    return NONE;
  }
  for (let v = 0; v < k.vma.count; v++) {
    if (k.vma.mm.get(v) !== NONE) continue;
    k.vma.mm.set(v, mm);
    k.vma.owner.set(v, current(k));
    k.vma.detached.set(v, true);
    k.vma.start.set(v, start);
    k.vma.end.set(v, end);
    k.vma.pgoff.set(v, pgoff);
    k.vma.flags.set(v, flags);
    return v;
  }
  shortageIsSeen(k);
  return NONE;
}

/**
 * Write-locks a new VMA. From then on the lock keeps others out, where before nobody could find it.
 * @kernel include/linux/mmap_lock.h vma_start_write()
 * @holds mmap_lock for writing
 */
export function* vmaStartWriteNew(k: Kernel, vma: Vma): Routine {
  yield* vmaStartWrite(k, vma);
  k.vma.owner.set(vma, NONE);
}

/**
 * Gives the object back. Releases its VMA lock, if the caller holds it. A reader that found the VMA before it was
 * detached may still look at it: it compares mm and range under the VMA lock (SLAB_TYPESAFE_BY_RCU).
 *
 * @kernel mm/vma_init.c vm_area_free()
 * @holds nothing: the VMA is the caller's alone. Or mmap_lock and the VMA lock for writing
 */
export function* vmAreaFree(k: Kernel, vma: Vma): Routine {
  yield at("vm_area_free");
  vmBugOn(k.vma.anonVmaChain.get(vma) !== NONE, "vma: an area is freed while it is in an anon_vma");
  if (k.vma.anonVma.get(vma) !== NONE) k.vma.anonVma.set(vma, NONE);
  k.vma.detached.set(vma, false);
  k.vma.start.set(vma, 0);
  k.vma.end.set(vma, 0);
  k.vma.pgoff.set(vma, 0);
  k.vma.flags.set(vma, 0);
  k.vma.mm.set(vma, NONE);
  if (k.vma.writeLocked.get(vma)) vmaEndWrite(k, vma);
  k.vma.owner.set(vma, NONE);
}

/**
 * Puts the VMA into the tree.
 * @kernel mm/vma.c vma_link(), include/linux/mmap_lock.h vma_mark_attached()
 * @holds mmap_lock and the VMA lock for writing; fork, of the child's mm, which nobody else can reach, mmap_lock alone
 */
export function vmaLink(k: Kernel, vma: Vma): void {
  k.vma.detached.set(vma, false);
  vmaIterStore(k, vma);
  emit(k, EV.VMA_CREATE, vma, k.vma.mm.get(vma), k.vma.start.get(vma), k.vma.end.get(vma));
}

/**
 * Takes the VMA out of the tree: it can no longer be found.
 * @kernel include/linux/mmap_lock.h vma_mark_detached()
 * @holds mmap_lock and the VMA lock for writing
 */
export function vmaMarkDetached(k: Kernel, vma: Vma): void {
  k.vma.detached.set(vma, true);
  vmaIterClear(k, vma);
  emit(k, EV.VMA_REMOVE, vma, k.vma.mm.get(vma), k.vma.start.get(vma), k.vma.end.get(vma));
}

/**
 * The trees of the reverse map are in order of vm_pgoff, and their walks read the bounds under the anon_vma's lock
 * alone. Its holding needs no check here: it guards the trees, which this writes.
 * @kernel mm/vma.h vma_set_range(), between vma_prepare() and vma_complete()
 * @holds mmap_lock, the VMA lock and the anon_vma's lock for writing
 */
function vmaSetRange(k: Kernel, vma: Vma, start: Vpn, end: Vpn, pgoff: Vpn): void {
  const startBefore = k.vma.start.get(vma);
  const endBefore = k.vma.end.get(vma);
  anonVmaIntervalTreePreUpdateVma(k, vma);
  k.vma.start.set(vma, start);
  k.vma.end.set(vma, end);
  k.vma.pgoff.set(vma, pgoff);
  vmaIterStore(k, vma);
  anonVmaIntervalTreePostUpdateVma(k, vma);
  emit(k, EV.VMA_BOUNDS, vma, k.vma.mm.get(vma), start, end, startBefore, endBefore);
}

// ---- what may merge --------------------------------------------------------------------------------------------

/** A merge that is looked for, and from the decision on, what it is. @kernel mm/vma.h struct vma_merge_struct */
export interface VmaMergeStruct {
  mm: Mm;
  /** The VMA whose part start..end gets other flags; NONE: the range is a hole. */
  middle: Vma;
  /** The neighbours of the range that merge with it, or NONE. */
  prev: Vma;
  next: Vma;
  /** The VMA that covers the range afterwards. */
  target: Vma;
  /** First the range; from the decision on, what the target becomes or, with adjustNextStart, what is left of `middle`. */
  start: Vpn;
  end: Vpn;
  pgoff: Vpn;
  flags: VmFlags;
  anonVma: AnonVma;
  /** The VMA that mremap copies here, or NONE. */
  copiedFrom: Vma;
  /** A neighbour with which a new range does not merge, or NONE. */
  apart: Vma;
  /** The range could have been merged, but the chain of anon_vmas could not be copied. @kernel mm/vma.h vmg_nomem() */
  nomem: boolean;
  /** `middle` loses its head to `prev`. */
  adjustMiddleStart: boolean;
  /** `next` gets the tail of `middle`. */
  adjustNextStart: boolean;
  removeMiddle: boolean;
  removeNext: boolean;
}

/** The new range start..end of `mm`, without pages. @kernel mm/vma.h VMG_STATE() */
export function vmgState(mm: Mm, start: Vpn, end: Vpn, pgoff: Vpn, flags: VmFlags): VmaMergeStruct {
  return record({
    mm, middle: NONE, prev: NONE, next: NONE, target: NONE, start, end, pgoff, flags, anonVma: NONE, copiedFrom: NONE, apart: NONE,
    nomem: false, adjustMiddleStart: false, adjustNextStart: false, removeMiddle: false, removeNext: false,
  });
}

/** The range start..end of `vma`, which need not lie in it. @kernel mm/vma.h VMG_VMA_STATE() @holds mmap_lock */
export function vmgVmaState(k: Kernel, vma: Vma, start: Vpn, end: Vpn): VmaMergeStruct {
  const pgoff = k.vma.pgoff.get(vma) + start - k.vma.start.get(vma);
  const vmg: VmaMergeStruct = vmgState(k.vma.mm.get(vma), start, end, pgoff, k.vma.flags.get(vma));
  vmg.middle = vma;
  vmg.anonVma = k.vma.anonVma.get(vma);
  return vmg;
}

/**
 * Whether the VMA shares pages with another process, or did: it is in more than one anon_vma. Such a VMA must not
 * merge with one that has no anon_vma. Else its chain would spread, and with it the use of the root's lock.
 *
 * @kernel mm/vma.c vma_had_uncowed_parents(): list_is_singular(&vma->anon_vma_chain)
 */
function vmaHadUncowedParents(k: Kernel, vma: Vma): boolean {
  if (vma === NONE || k.vma.anonVma.get(vma) === NONE) return false;
  const first = k.vma.anonVmaChain.get(vma);
  return first === NONE || k.avc.nextOfVma.get(first) !== NONE;
}

/**
 * May `target` take in the range of `vmg`, as far as their anon_vmas go? With the fix for mremap of 2026.
 *
 * @kernel mm/vma.c is_mergeable_anon_vma()
 */
function isMergeableAnonVma(k: Kernel, vmg: VmaMergeStruct, target: Vma): boolean {
  const own = k.vma.anonVma.get(target);
  if (own === NONE && vmg.anonVma !== NONE && k.param.unfaultedVmaTakesIn.get() === 0) return false;
  if (own === NONE && vmg.anonVma !== NONE) return !vmaHadUncowedParents(k, vmg.middle) && !vmaHadUncowedParents(k, vmg.copiedFrom);
  if (own !== NONE && vmg.anonVma === NONE) return !vmaHadUncowedParents(k, target);
  return own === vmg.anonVma;
}

/** The range may be appended to `vmg.prev`. @kernel mm/vma.c can_vma_merge_left(), can_vma_merge_after() */
function canVmaMergeLeft(k: Kernel, vmg: VmaMergeStruct): boolean {
  return vmg.prev !== NONE && k.vma.end.get(vmg.prev) === vmg.start && k.vma.flags.get(vmg.prev) === vmg.flags
    && isMergeableAnonVma(k, vmg, vmg.prev)
    && k.vma.pgoff.get(vmg.prev) + k.vma.end.get(vmg.prev) - k.vma.start.get(vmg.prev) === vmg.pgoff;
}

/**
 * The range may be put before `vmg.next`. Each neighbour may be compatible with the range and yet not with the other:
 * where `vmg.prev`, unless that is NONE, merges as well, the two are compared, too.
 *
 * @kernel mm/vma.c can_vma_merge_right(), can_vma_merge_before()
 */
function canVmaMergeRight(k: Kernel, vmg: VmaMergeStruct): boolean {
  if (vmg.next === NONE || k.vma.start.get(vmg.next) !== vmg.end || k.vma.flags.get(vmg.next) !== vmg.flags) return false;
  if (!isMergeableAnonVma(k, vmg, vmg.next) || k.vma.pgoff.get(vmg.next) !== vmg.pgoff + vmg.end - vmg.start) return false;
  if (vmg.prev === NONE) return true;
  const left = k.vma.anonVma.get(vmg.prev);
  const right = k.vma.anonVma.get(vmg.next);
  return left === NONE || right === NONE || left === right;
}

// ---- merging ---------------------------------------------------------------------------------------------------

/**
 * Gives `dst` the anon_vmas of `src`, if it has none: `dst` is about to cover the pages of `src`.
 *
 * @kernel mm/vma.c dup_anon_vma()
 * @holds mmap_lock and the VMA lock of dst for writing
 * @returns 0 or -ENOMEM, with dst as it was
 */
function* dupAnonVma(k: Kernel, dst: Vma, src: Vma): Routine<Errno> {
  if (k.vma.anonVma.get(src) === NONE || k.vma.anonVma.get(dst) !== NONE) return 0;
  yield at("dup_anon_vma");
  k.vma.anonVma.set(dst, k.vma.anonVma.get(src));
  return yield* anonVmaClone(k, dst, src);
}

/**
 * Makes a decided merge true: the target becomes start..end of `vmg`, and the VMAs that it covers disappear. Where only
 * a boundary moves, `middle` or `next` begins at `end` from now on.
 *
 * The huge pages that a new boundary cuts are split first, while rmap walkers are locked out: an rmap walk must find
 * every huge PMD inside one VMA.
 *
 * @kernel mm/vma.c commit_merge(), vma_prepare(), vma_complete()
 * @holds mmap_lock and the locks of all VMAs concerned for writing
 */
function* commitMerge(k: Kernel, vmg: VmaMergeStruct): Routine {
  // Where the boundary moves down, it is `middle` that shrinks to start..end, and the target is adjusted.
  const vma: Vma = vmg.adjustNextStart ? vmg.middle : vmg.target;
  const adjust: Vma = vmg.adjustMiddleStart ? vmg.middle : vmg.adjustNextStart ? vmg.next : NONE;
  let anonVma: AnonVma = k.vma.anonVma.get(vma);
  if (anonVma === NONE && adjust !== NONE) anonVma = k.vma.anonVma.get(adjust);
  if (anonVma !== NONE) yield* anonVmaLockWrite(k, anonVma);
  const adjustBefore: Vpn = adjust === NONE ? 0 : k.vma.start.get(adjust);
  yield* vmaAdjustTransHuge(k, vma, vmg.start, vmg.end, vmg.adjustMiddleStart ? vmg.middle : NONE);
  vmaSetRange(k, vma, vmg.start, vmg.end, vmg.pgoff);
  if (adjust !== NONE) {
    vmaSetRange(k, adjust, vmg.end, k.vma.end.get(adjust), k.vma.pgoff.get(adjust) + vmg.end - k.vma.start.get(adjust));
  }
  if (vmg.removeMiddle) vmaMarkDetached(k, vmg.middle);
  if (vmg.removeNext) vmaMarkDetached(k, vmg.next);
  if (anonVma !== NONE) anonVmaUnlockWrite(k, anonVma);
  if (hasReservations(k)) {
    if (vmg.removeMiddle) yield* reservationsTakenOver(k, vmg.middle, vma);
    if (vmg.removeNext) yield* reservationsTakenOver(k, vmg.next, vma);
    if (adjust !== NONE) yield* reservationsBoundary(k, vma, adjust, adjustBefore, vmg.end);
  }
  if (vmg.removeMiddle) yield* removeMerged(k, vmg.middle);
  if (vmg.removeNext) yield* removeMerged(k, vmg.next);
}

/** Frees a VMA that another one covers now. @kernel mm/vma.c vma_complete() @holds mmap_lock and the VMA lock for writing */
function* removeMerged(k: Kernel, vma: Vma): Routine {
  yield* unlinkAnonVmas(k, vma, true);
  yield* vmAreaFree(k, vma);
}

/**
 * The part start..end of `vmg.middle` is to have `vmg.flags`: merges it with the neighbour, or neighbours, that have them.
 *
 * Six of the eight shapes (the numbers are those of the old vma_merge(), P, N the neighbours, M the part):
 *
 *     both sides match, M is all of middle     P M N -> P          case 6; case 1 fills a hole, see vmaMergeNewRange
 *     left matches, M is all of middle         P M   -> P          case 7
 *     right matches, M is all of middle          M N -> N          case 8
 *     left matches, M is the head of middle    P M-- -> P ---      case 5: the boundary P|middle moves up
 *     right matches, M is the tail of middle   --M N -> --- N      case 4: the boundary middle|N moves down
 *     (cases 2 and 3: a hole is filled from one side, see vmaMergeNewRange)
 *
 * @kernel mm/vma.c vma_merge_existing_range()
 * @holds mmap_lock for writing
 * @returns the VMA that covers the range now; NONE: nothing was merged, and `vmg.nomem` says whether for lack of memory
 */
export function* vmaMergeExistingRange(k: Kernel, vmg: VmaMergeStruct): Routine<Vma> {
  const leftSide: boolean = vmg.start === k.vma.start.get(vmg.middle);
  const rightSide: boolean = vmg.end === k.vma.end.get(vmg.middle);
  if (!leftSide && !rightSide) return NONE;
  vmg.prev = leftSide ? vmaBefore(k, vmg.mm, vmg.start) : NONE;
  if (!canVmaMergeLeft(k, vmg)) vmg.prev = NONE;
  vmg.next = rightSide ? findVma(k, vmg.mm, vmg.end) : NONE;
  if (!canVmaMergeRight(k, vmg)) vmg.next = NONE;
  if (vmg.prev === NONE && vmg.next === NONE) return NONE;
  vmg.removeMiddle = leftSide && rightSide;
  vmg.removeNext = vmg.prev !== NONE && vmg.next !== NONE;

  yield* vmaStartWrite(k, vmg.middle);
  if (vmg.next !== NONE) yield* vmaStartWrite(k, vmg.next);
  if (vmg.prev !== NONE) yield* vmaStartWrite(k, vmg.prev);
  vmg.target = vmg.prev !== NONE ? vmg.prev : vmg.next;
  const source: Vma = vmg.removeNext && k.vma.anonVma.get(vmg.next) !== NONE ? vmg.next : vmg.middle;
  const err: Errno = yield* dupAnonVma(k, vmg.target, source);
  if (err !== 0) {
    vmg.nomem = true;
    return NONE;
  }
  rangeOfMergeExisting(k, vmg);
  yield* commitMerge(k, vmg);
  yield* khugepagedEnterVma(k, vmg.target);
  return vmg.target;
}

/** What start..end becomes, and which boundary moves. @kernel mm/vma.c vma_merge_existing_range() @holds mmap_lock for writing */
function rangeOfMergeExisting(k: Kernel, vmg: VmaMergeStruct): void {
  if (vmg.prev !== NONE) {
    vmg.start = k.vma.start.get(vmg.prev);
    vmg.pgoff = k.vma.pgoff.get(vmg.prev);
    if (vmg.removeNext) vmg.end = k.vma.end.get(vmg.next);
    vmg.adjustMiddleStart = !vmg.removeMiddle;
  } else if (vmg.removeMiddle) {
    vmg.end = k.vma.end.get(vmg.next);
  } else {
    vmg.adjustNextStart = true;
    vmg.end = vmg.start;
    vmg.start = k.vma.start.get(vmg.middle);
    vmg.pgoff = k.vma.pgoff.get(vmg.middle);
  }
}

/**
 * The hole start..end is to be mapped with `vmg.flags`: grows the neighbour, or joins the neighbours, that have them.
 *
 *     both sides match    P . N -> P      case 1
 *     left matches        P .   -> P      case 2
 *     right matches         . N -> N      case 3
 *
 * @kernel mm/vma.c vma_merge_new_range()
 * @holds mmap_lock for writing
 * @returns the VMA that covers the range now; NONE: nothing was merged
 */
export function* vmaMergeNewRange(k: Kernel, vmg: VmaMergeStruct): Routine<Vma> {
  vmg.prev = vmaBefore(k, vmg.mm, vmg.start);
  if (vmg.prev === vmg.apart || !canVmaMergeLeft(k, vmg)) vmg.prev = NONE;
  vmg.next = findVma(k, vmg.mm, vmg.end);
  if (vmg.next === vmg.apart || !canVmaMergeRight(k, vmg)) vmg.next = NONE;
  if (vmg.prev === NONE && vmg.next === NONE) return NONE;
  vmg.removeNext = vmg.prev !== NONE && vmg.next !== NONE;
  vmg.target = vmg.prev !== NONE ? vmg.prev : vmg.next;
  if (vmg.next !== NONE) vmg.end = k.vma.end.get(vmg.next);
  if (vmg.prev !== NONE) {
    vmg.start = k.vma.start.get(vmg.prev);
    vmg.pgoff = k.vma.pgoff.get(vmg.prev);
  }
  const err: Errno = yield* vmaExpand(k, vmg);
  if (err !== 0) return NONE;
  yield* khugepagedEnterVma(k, vmg.target);
  return vmg.target;
}

/**
 * `vmg.target` grows to start..end.
 * @kernel mm/vma.c vma_expand()
 * @holds mmap_lock for writing
 * @returns 0 or -ENOMEM, with nothing changed
 */
function* vmaExpand(k: Kernel, vmg: VmaMergeStruct): Routine<Errno> {
  yield* vmaStartWrite(k, vmg.target);
  if (vmg.removeNext) {
    yield* vmaStartWrite(k, vmg.next);
    const err: Errno = yield* dupAnonVma(k, vmg.target, vmg.next);
    if (err !== 0) return err;
  }
  if (vmg.copiedFrom !== NONE) {
    const err: Errno = yield* dupAnonVma(k, vmg.target, vmg.copiedFrom);
    if (err !== 0) return err;
  }
  yield* commitMerge(k, vmg);
  return 0;
}

// ---- splitting -------------------------------------------------------------------------------------------------

/**
 * Cuts `vma` at `addr`. `newBelow`: the new VMA is the lower part, and `vma` goes on as the upper one.
 *
 * @kernel mm/vma.c __split_vma()
 * @holds mmap_lock for writing
 * @returns 0 or -ENOMEM, with nothing changed
 */
export function* splitVma(k: Kernel, vma: Vma, addr: Vpn, newBelow: boolean): Routine<Errno> {
  vmBugOn(addr <= k.vma.start.get(vma) || addr >= k.vma.end.get(vma), "vma: an area is split at an address that is not inside");
  const mm: Mm = k.vma.mm.get(vma);
  const offset: Vpn = addr - k.vma.start.get(vma);
  const start: Vpn = newBelow ? k.vma.start.get(vma) : addr;
  const end: Vpn = newBelow ? addr : k.vma.end.get(vma);
  const pgoff: Vpn = k.vma.pgoff.get(vma) + (newBelow ? 0 : offset);
  const made: Vma = yield* vmAreaAlloc(k, mm, start, end, pgoff, k.vma.flags.get(vma));
  if (made === NONE) return -ENOMEM;
  k.vma.anonVma.set(made, k.vma.anonVma.get(vma));
  // In the kernel after anon_vma_clone(). Nobody can find the new area to lock it, but rmap walks read its bounds from there on.
  yield* vmaStartWriteNew(k, made);
  const err: Errno = yield* anonVmaClone(k, made, vma);
  if (err !== 0) {
    yield* vmAreaFree(k, made);
    return err;
  }
  yield* vmaStartWrite(k, vma);
  const anonVma: AnonVma = k.vma.anonVma.get(vma);
  if (anonVma !== NONE) yield* anonVmaLockWrite(k, anonVma);
  yield* vmaAdjustTransHuge(k, vma, k.vma.start.get(vma), addr, NONE);
  // Storing the new entry takes its range from the old one.
  vmaLink(k, made);
  if (newBelow) vmaSetRange(k, vma, addr, k.vma.end.get(vma), k.vma.pgoff.get(vma) + offset);
  else vmaSetRange(k, vma, k.vma.start.get(vma), addr, k.vma.pgoff.get(vma));
  if (anonVma !== NONE) anonVmaUnlockWrite(k, anonVma);
  if (hasReservations(k)) {
    yield* reservationsOfNewVma(k, made, vma);
    if (newBelow) yield* reservationsBoundary(k, made, vma, k.vma.start.get(made), addr);
    else yield* reservationsBoundary(k, vma, made, k.vma.end.get(made), addr);
  }
  return 0;
}

/**
 * A VMA that is exactly start..end, or covers it and has `flags` already: by merging, else by splitting. A split
 * leaves the flags to the caller.
 *
 * @kernel mm/vma.c vma_modify_flags(), vma_modify()
 * @holds mmap_lock for writing
 * @returns the VMA; NONE: -ENOMEM, possibly with `vma` split once
 */
export function* vmaModifyFlags(k: Kernel, vma: Vma, start: Vpn, end: Vpn, flags: VmFlags): Routine<Vma> {
  const vmg: VmaMergeStruct = vmgVmaState(k, vma, start, end);
  vmg.flags = flags;
  const merged: Vma = yield* vmaMergeExistingRange(k, vmg);
  if (merged !== NONE) return merged;
  if (vmg.nomem) return NONE;
  if (k.vma.start.get(vma) < start) {
    const err: Errno = yield* splitVma(k, vma, start, true);
    if (err !== 0) return NONE;
  }
  if (k.vma.end.get(vma) > end) {
    const err: Errno = yield* splitVma(k, vma, end, false);
    if (err !== 0) return NONE;
  }
  return vma;
}
