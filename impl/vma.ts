/**
 * Virtual memory areas: mm/vma.c.
 *
 * An area is found under mmap_lock (`vma-tree.ts`), and made, merged and split under mmap_lock for writing. Its
 * boundaries change under the VMA lock and, where it has one, the lock of its anon_vma as well, and
 * `vmaAdjustTransHuge` comes before the change.
 *
 * What is left out: mempolicies, userfaultfd and files never keep two areas apart here; the maple tree needs no memory;
 * max_map_count is the size of the table. vma_shrink() has one caller, exec's move of its stack, which is not here.
 */
import { NONE, at, choose, current, emit, type Routine } from "thpcheck";
import { EV } from "../spec/events.ts";
import { vmBugOn } from "./bug.ts";
import { vmaAdjustTransHuge } from "./huge-memory/change.ts";
import { khugepagedEnterVma } from "./khugepaged/mm-slot.ts";
import { vmaEndWrite, vmaStartWrite } from "./locking/mmap-lock.ts";
import type { Kernel } from "./mm-types.ts";
import type { AnonVma, Errno, MergeResult, Mm, VmFlags, Vma, Vpn } from "./structs/types.ts";
import { ENOMEM } from "./errno.ts";
import { hasReservations, reservationsBoundary, reservationsOfNewVma, reservationsTakenOver } from "./thp-reservation.ts";
import { findVma, vmaBefore, vmaIterClear, vmaIterStore } from "./vma-tree.ts";
import {
  anonVmaClone, anonVmaIntervalTreePostUpdateVma, anonVmaIntervalTreePreUpdateVma, anonVmaLockWrite,
  anonVmaUnlockWrite, unlinkAnonVmas,
} from "./anon-vma.ts";

/** VMA_MERGE_ERROR_NOMEM: two areas could have been merged, but the chain of anon_vmas could not be copied. */
export const MERGE_NOMEM = -2;

// ---- objects ---------------------------------------------------------------------------------------------------

/** Area objects that are free. @model the table of VMAs has an end; max_map_count is its size */
export function vmasFree(k: Kernel): number {
  let n = 0;
  for (let v = 0; v < k.vma.count; v++) if (k.vma.mm.get(v) === NONE) n++;
  return n;
}

/**
 * A new area of `mm`, in no tree and not locked, the caller's alone; NONE when there is no memory or the table is full. The slab
 * allocator's own lock is left out: to take an object is one indivisible operation.
 *
 * @kernel mm/vma_init.c vm_area_alloc()
 * @holds mmap_lock of `mm` for writing
 */
export function* vmAreaAlloc(k: Kernel, mm: Mm, start: Vpn, end: Vpn, pgoff: Vpn, flags: VmFlags): Routine<Vma> {
  yield at("vm_area_alloc");
  if (k.param.allocationMayFail.get() !== 0 && choose(k, "vm_area_alloc fails", 2) === 1) return NONE;
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
  return NONE;
}

/**
 * Write-locks a new area. From then on the lock keeps others out, where before nobody could find it.
 * @kernel include/linux/mmap_lock.h vma_start_write()
 * @holds mmap_lock for writing
 */
export function* vmaStartWriteNew(k: Kernel, vma: Vma): Routine {
  yield* vmaStartWrite(k, vma);
  k.vma.owner.set(vma, NONE);
}

/**
 * Gives the object back, and with it its VMA lock, if the caller has that. A reader that found the area before it was
 * detached may still look at it: it compares mm and range under the VMA lock (SLAB_TYPESAFE_BY_RCU).
 *
 * @kernel mm/vma_init.c vm_area_free()
 * @holds nothing: the area is the caller's alone. Or mmap_lock and the VMA lock for writing
 */
export function* vmAreaFree(k: Kernel, vma: Vma): Routine {
  yield at("vm_area_free");
  vmBugOn(k.vma.anonVmaChain.get(vma) !== NONE, "vma: an area is freed while it is in an anon_vma");
  k.vma.anonVma.set(vma, NONE);
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
 * Puts the area into the tree.
 * @kernel mm/vma.c vma_link(), include/linux/mmap_lock.h vma_mark_attached()
 * @holds mmap_lock and the VMA lock for writing; fork, of the child's mm, which nobody else can reach, mmap_lock alone
 */
export function vmaLink(k: Kernel, vma: Vma): void {
  k.vma.detached.set(vma, false);
  vmaIterStore(k, vma);
  emit(k, EV.VMA_CREATE, vma, k.vma.mm.get(vma), k.vma.start.get(vma), k.vma.end.get(vma));
}

/** Takes the area out of the tree: it can no longer be found. @kernel include/linux/mmap_lock.h vma_mark_detached() @holds mmap_lock and the VMA lock for writing */
export function vmaMarkDetached(k: Kernel, vma: Vma): void {
  k.vma.detached.set(vma, true);
  vmaIterClear(k, vma);
  emit(k, EV.VMA_REMOVE, vma, k.vma.mm.get(vma), k.vma.start.get(vma), k.vma.end.get(vma));
}

/**
 * The trees of the reverse map are in order of vm_pgoff, and their walks read the bounds under the anon_vma's lock alone.
 * That it is held here needs no check of its own: the trees, which this writes, are guarded by it.
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

/**
 * The area shares pages with another process, or did: its anon_vma is not its own alone. Such an area may not take in
 * one that has no anon_vma, nor be taken in by one: its chain would spread, and the root's lock with it.
 *
 * @kernel mm/vma.c vma_had_uncowed_parents(): list_is_singular(&vma->anon_vma_chain)
 */
function vmaHadUncowedParents(k: Kernel, vma: Vma): boolean {
  if (vma === NONE || k.vma.anonVma.get(vma) === NONE) return false;
  const first = k.vma.anonVmaChain.get(vma);
  return first === NONE || k.avc.nextOfVma.get(first) !== NONE;
}

/**
 * May `target` take in a range whose anon_vma is `anonVma`? `source` is the existing area that the range is part of
 * (or NONE), `copiedFrom` the one that mremap copies. The rule since 6.16 and its fix for mremap of 2026; before, a
 * target without anon_vma took in no range that had one.
 *
 * @kernel mm/vma.c is_mergeable_anon_vma()
 */
function isMergeableAnonVma(k: Kernel, target: Vma, anonVma: AnonVma, source: Vma, copiedFrom: Vma): boolean {
  const own = k.vma.anonVma.get(target);
  if (own === NONE && anonVma !== NONE) return !vmaHadUncowedParents(k, source) && !vmaHadUncowedParents(k, copiedFrom);
  if (own !== NONE && anonVma === NONE) return !vmaHadUncowedParents(k, target);
  return own === anonVma;
}

/** A range at `start` may be appended to `prev`. @kernel mm/vma.c can_vma_merge_left(), can_vma_merge_after() */
function canVmaMergeLeft(k: Kernel, prev: Vma, start: Vpn, pgoff: Vpn, flags: VmFlags, anonVma: AnonVma, source: Vma, copiedFrom: Vma): boolean {
  return prev !== NONE && k.vma.end.get(prev) === start && k.vma.flags.get(prev) === flags
    && isMergeableAnonVma(k, prev, anonVma, source, copiedFrom)
    && k.vma.pgoff.get(prev) + k.vma.end.get(prev) - k.vma.start.get(prev) === pgoff;
}

/**
 * A range start..end may be put before `next`. Each neighbour may be compatible with the range and yet not with the
 * other: if the range also merges with `prev`, the two are compared as well.
 *
 * @kernel mm/vma.c can_vma_merge_right(), can_vma_merge_before()
 */
function canVmaMergeRight(k: Kernel, next: Vma, start: Vpn, end: Vpn, pgoff: Vpn, flags: VmFlags, anonVma: AnonVma, source: Vma, copiedFrom: Vma, mergesLeft: Vma): boolean {
  if (next === NONE || k.vma.start.get(next) !== end || k.vma.flags.get(next) !== flags) return false;
  if (!isMergeableAnonVma(k, next, anonVma, source, copiedFrom) || k.vma.pgoff.get(next) !== pgoff + end - start) return false;
  if (mergesLeft === NONE) return true;
  const left = k.vma.anonVma.get(mergesLeft);
  const right = k.vma.anonVma.get(next);
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
  k.vma.anonVma.set(dst, k.vma.anonVma.get(src));
  return yield* anonVmaClone(k, dst, src);
}

/**
 * Makes a decided merge true. `vma` becomes start..end; `adjust`, if any, gives up what lies below `end`, or takes
 * what lies above it; `remove` and `remove2` disappear.
 *
 * The huge pages that a new boundary cuts are split first, while rmap walkers are locked out: an rmap walk must find
 * every huge PMD inside one area.
 *
 * @kernel mm/vma.c commit_merge(), vma_prepare(), vma_complete()
 * @holds mmap_lock and the locks of all VMAs concerned for writing
 */
function* commitMerge(k: Kernel, vma: Vma, start: Vpn, end: Vpn, pgoff: Vpn, adjust: Vma, remove: Vma, remove2: Vma): Routine {
  let anonVma: AnonVma = k.vma.anonVma.get(vma);
  if (anonVma === NONE && adjust !== NONE) anonVma = k.vma.anonVma.get(adjust);
  if (anonVma !== NONE) yield* anonVmaLockWrite(k, anonVma);
  const endBefore: Vpn = k.vma.end.get(vma);
  const adjustBefore: Vpn = adjust === NONE ? 0 : k.vma.start.get(adjust);
  const loses: Vma = adjust !== NONE && end > k.vma.start.get(adjust) ? adjust : NONE;
  yield* vmaAdjustTransHuge(k, vma, start, end, loses);
  vmaSetRange(k, vma, start, end, pgoff);
  if (adjust !== NONE) vmaSetRange(k, adjust, end, k.vma.end.get(adjust), k.vma.pgoff.get(adjust) + end - k.vma.start.get(adjust));
  if (remove !== NONE) vmaMarkDetached(k, remove);
  if (remove2 !== NONE) vmaMarkDetached(k, remove2);
  if (anonVma !== NONE) anonVmaUnlockWrite(k, anonVma);
  if (hasReservations(k)) {
    if (remove !== NONE) yield* reservationsTakenOver(k, remove, vma);
    if (remove2 !== NONE) yield* reservationsTakenOver(k, remove2, vma);
    if (adjust !== NONE) yield* reservationsBoundary(k, vma, adjust, end > adjustBefore ? adjustBefore : endBefore, end);
  }
  if (remove !== NONE) {
    yield* unlinkAnonVmas(k, remove);
    yield* vmAreaFree(k, remove);
  }
  if (remove2 !== NONE) {
    yield* unlinkAnonVmas(k, remove2);
    yield* vmAreaFree(k, remove2);
  }
}

/**
 * The part start..end of `middle` is to have `flags`: merges it with the neighbour, or neighbours, that have them.
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
 */
export function* vmaMergeExistingRange(k: Kernel, middle: Vma, start: Vpn, end: Vpn, flags: VmFlags): Routine<MergeResult> {
  const leftSide: boolean = start === k.vma.start.get(middle);
  const rightSide: boolean = end === k.vma.end.get(middle);
  if (!leftSide && !rightSide) return NONE;
  const mm: Mm = k.vma.mm.get(middle);
  const pgoff: Vpn = k.vma.pgoff.get(middle) + start - k.vma.start.get(middle);
  const anonVma: AnonVma = k.vma.anonVma.get(middle);
  let prev: Vma = leftSide ? vmaBefore(k, mm, start) : NONE;
  if (!canVmaMergeLeft(k, prev, start, pgoff, flags, anonVma, middle, NONE)) prev = NONE;
  let next: Vma = rightSide ? findVma(k, mm, end) : NONE;
  if (!canVmaMergeRight(k, next, start, end, pgoff, flags, anonVma, middle, NONE, prev)) next = NONE;
  if (prev === NONE && next === NONE) return NONE;
  const removeMiddle: boolean = leftSide && rightSide;

  yield* vmaStartWrite(k, middle);
  if (next !== NONE) yield* vmaStartWrite(k, next);
  if (prev !== NONE) yield* vmaStartWrite(k, prev);
  const target: Vma = prev !== NONE ? prev : next;
  const source: Vma = prev !== NONE && next !== NONE && k.vma.anonVma.get(next) !== NONE ? next : middle;
  const err: Errno = yield* dupAnonVma(k, target, source);
  if (err !== 0) return MERGE_NOMEM;

  if (prev !== NONE && next !== NONE) yield* commitMerge(k, prev, k.vma.start.get(prev), k.vma.end.get(next), k.vma.pgoff.get(prev), NONE, middle, next);
  else if (prev !== NONE) yield* commitMerge(k, prev, k.vma.start.get(prev), end, k.vma.pgoff.get(prev), removeMiddle ? NONE : middle, removeMiddle ? middle : NONE, NONE);
  else if (removeMiddle) yield* commitMerge(k, next, start, k.vma.end.get(next), pgoff, NONE, middle, NONE);
  else yield* commitMerge(k, middle, k.vma.start.get(middle), start, k.vma.pgoff.get(middle), next, NONE, NONE);
  yield* khugepagedEnterVma(k, target);
  return target;
}

/**
 * The hole start..end is to be mapped with `flags`: grows the neighbour, or joins the neighbours, that have them.
 * `anonVma` and `copiedFrom` are those of the area that mremap copies here; NONE for new memory.
 *
 *     both sides match    P . N -> P      case 1
 *     left matches        P .   -> P      case 2
 *     right matches         . N -> N      case 3
 *
 * @kernel mm/vma.c vma_merge_new_range(), vma_expand()
 * @holds mmap_lock for writing
 */
export function* vmaMergeNewRange(k: Kernel, mm: Mm, start: Vpn, end: Vpn, pgoff: Vpn, flags: VmFlags, anonVma: AnonVma, copiedFrom: Vma): Routine<MergeResult> {
  let prev: Vma = vmaBefore(k, mm, start);
  if (!canVmaMergeLeft(k, prev, start, pgoff, flags, anonVma, NONE, copiedFrom)) prev = NONE;
  let next: Vma = findVma(k, mm, end);
  if (!canVmaMergeRight(k, next, start, end, pgoff, flags, anonVma, NONE, copiedFrom, prev)) next = NONE;
  if (prev === NONE && next === NONE) return NONE;
  const target: Vma = prev !== NONE ? prev : next;
  const removeNext: boolean = prev !== NONE && next !== NONE;

  yield* vmaStartWrite(k, target);
  if (removeNext) {
    yield* vmaStartWrite(k, next);
    const err: Errno = yield* dupAnonVma(k, target, next);
    if (err !== 0) return MERGE_NOMEM;
  }
  if (copiedFrom !== NONE) {
    const err: Errno = yield* dupAnonVma(k, target, copiedFrom);
    if (err !== 0) return MERGE_NOMEM;
  }
  if (prev === NONE) yield* commitMerge(k, next, start, k.vma.end.get(next), pgoff, NONE, NONE, NONE);
  else yield* commitMerge(k, prev, k.vma.start.get(prev), removeNext ? k.vma.end.get(next) : end, k.vma.pgoff.get(prev), NONE, removeNext ? next : NONE, NONE);
  yield* khugepagedEnterVma(k, target);
  return target;
}

// ---- splitting -------------------------------------------------------------------------------------------------

/**
 * Cuts `vma` at `addr`. `newBelow`: the new area is the lower part, and `vma` goes on as the upper one.
 *
 * @kernel mm/vma.c __split_vma()
 * @holds mmap_lock for writing
 * @returns 0 or -ENOMEM, with nothing changed
 */
export function* splitVma(k: Kernel, vma: Vma, addr: Vpn, newBelow: boolean): Routine<Errno> {
  vmBugOn(addr <= k.vma.start.get(vma) || addr >= k.vma.end.get(vma), "vma: an area is split at an address that is not inside");
  const mm: Mm = k.vma.mm.get(vma);
  const offset: Vpn = addr - k.vma.start.get(vma);
  const made: Vma = yield* vmAreaAlloc(k, mm, newBelow ? k.vma.start.get(vma) : addr, newBelow ? addr : k.vma.end.get(vma), k.vma.pgoff.get(vma) + (newBelow ? 0 : offset), k.vma.flags.get(vma));
  if (made === NONE) return -ENOMEM;
  k.vma.anonVma.set(made, k.vma.anonVma.get(vma));
  const err: Errno = yield* anonVmaClone(k, made, vma);
  if (err !== 0) {
    yield* vmAreaFree(k, made);
    return err;
  }
  yield* vmaStartWrite(k, vma);
  yield* vmaStartWriteNew(k, made);
  const anonVma: AnonVma = k.vma.anonVma.get(vma);
  if (anonVma !== NONE) yield* anonVmaLockWrite(k, anonVma);
  yield* vmaAdjustTransHuge(k, vma, k.vma.start.get(vma), addr, NONE);
  // It is the store of the new entry that takes its range from the old one.
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
 * An area that is exactly start..end, or covers it and has `flags` already: by merging, else by splitting. A split
 * leaves the flags to the caller.
 *
 * @kernel mm/vma.c vma_modify_flags()
 * @holds mmap_lock for writing
 * @returns the area; NONE: -ENOMEM, possibly with `vma` split once
 */
export function* vmaModifyFlags(k: Kernel, vma: Vma, start: Vpn, end: Vpn, flags: VmFlags): Routine<Vma> {
  const merged: MergeResult = yield* vmaMergeExistingRange(k, vma, start, end, flags);
  if (merged === MERGE_NOMEM) return NONE;
  if (merged !== NONE) return merged;
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
