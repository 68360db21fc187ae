/**
 * include/linux/mmap_lock.h: the lock of an address space, and the locks of its areas.
 *
 * A VMA is write-locked when its vm_lock_seq equals mm_lock_seq; advancing mm_lock_seq, which the release of mmap_lock
 * for writing does, ends all VMA write locks of the mm at once. Only that equality matters, so it is what the state
 * holds (`vma.writeLocked`), in place of two counters that would make equal situations different and, kept small,
 * would meet again by wrapping round.
 */
import { NONE, at, downRead, downReadTrylock, downWrite, downgradeWrite, upRead, upWrite, type Routine } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import type { Kernel, Mm, Vma, Vpn } from "../mm-types.ts";

/** @kernel include/linux/mmap_lock.h mmap_read_lock() */
export function* mmapReadLock(k: Kernel, mm: Mm): Routine {
  yield* downRead(k, k.mm.mmapLock.at(mm));
}

/** @kernel include/linux/mmap_lock.h mmap_read_trylock() */
export function mmapReadTrylock(k: Kernel, mm: Mm): boolean {
  return downReadTrylock(k, k.mm.mmapLock.at(mm));
}

/** @kernel include/linux/mmap_lock.h mmap_read_unlock() */
export function mmapReadUnlock(k: Kernel, mm: Mm): void {
  upRead(k, k.mm.mmapLock.at(mm));
}

/** @kernel include/linux/mmap_lock.h mmap_write_lock() */
export function* mmapWriteLock(k: Kernel, mm: Mm): Routine {
  yield* downWrite(k, k.mm.mmapLock.at(mm));
}

/** Ends the write locks of all VMAs, too. @kernel include/linux/mmap_lock.h mmap_write_unlock() */
export function mmapWriteUnlock(k: Kernel, mm: Mm): void {
  vmaEndWriteAll(k, mm);
  upWrite(k, k.mm.mmapLock.at(mm));
}

/** From writing to reading; ends the write locks of all VMAs, too. @kernel include/linux/mmap_lock.h mmap_write_downgrade() */
export function mmapWriteDowngrade(k: Kernel, mm: Mm): void {
  vmaEndWriteAll(k, mm);
  downgradeWrite(k, k.mm.mmapLock.at(mm));
}

/**
 * The area at `vpn`, locked for reading without mmap_lock; NONE where there is none or it is write-locked, and the
 * caller falls back to mmap_lock.
 *
 * One step. The kernel looks the area up under RCU, takes a reference and then checks again that the area is neither
 * write-locked nor detached and still covers the address; if not, it falls back. What holds when this succeeds is what
 * held at the check, so looking up at that moment finds the same; a fall-back because of a change in between ends
 * under mmap_lock, as this does if it arrives a little earlier.
 * @kernel mm/mmap_lock.c lock_vma_under_rcu(), vma_start_read()
 */
export function* lockVmaUnderRcu(k: Kernel, mm: Mm, vpn: Vpn): Routine<Vma> {
  yield at("lock_vma_under_rcu");
  const vma: Vma = vmaWalk(k, mm, vpn);
  if (vma === NONE) return NONE;
  if (k.vma.writeLocked.get(vma)) return NONE;
  vmBugOn(!downReadTrylock(k, k.vma.lock.at(vma)), "mmap-lock: a VMA's readers are held off by something else than its write lock");
  return vma;
}

/** @kernel include/linux/mmap_lock.h vma_end_read() */
export function vmaEndRead(k: Kernel, vma: Vma): void {
  upRead(k, k.vma.lock.at(vma));
}

/**
 * Waits for the readers of the area and keeps new ones out until mmap_lock is released or downgraded.
 *
 * The kernel first marks the reference count, so that new readers fail, and then waits for the old ones. Here readers
 * come in until the last one is gone. That only adds schedules: a reader that the mark would have sent to mmap_lock,
 * where it waits for the caller, holds no lock yet for which anybody could wait.
 * @holds mmap_lock for writing
 * @kernel mm/mmap_lock.c __vma_start_write()
 */
export function* vmaStartWrite(k: Kernel, vma: Vma): Routine {
  vmBugOn(!k.mm.mmapLock.isHeld(k.vma.mm.get(vma)), "mmap-lock: vma_start_write() without mmap_lock");
  if (k.vma.writeLocked.get(vma)) return;
  yield at("vma_start_write", () => !k.vma.lock.isHeld(vma));
  k.vma.writeLocked.set(vma, true);
}

/** @holds mmap_lock for writing @kernel include/linux/mmap_lock.h vma_end_write_all() */
function vmaEndWriteAll(k: Kernel, mm: Mm): void {
  for (let vma = 0; vma < k.vma.count; vma++) if (k.vma.mm.get(vma) === mm && k.vma.writeLocked.get(vma)) k.vma.writeLocked.set(vma, false);
}

/** mas_walk() without mmap_lock: the attached area that covers the page, or NONE. */
function vmaWalk(k: Kernel, mm: Mm, vpn: Vpn): Vma {
  for (let vma = 0; vma < k.vma.count; vma++) {
    if (k.vma.mm.once(vma) === mm && !k.vma.detached.once(vma) && k.vma.start.once(vma) <= vpn && vpn < k.vma.end.once(vma)) return vma;
  }
  return NONE;
}
