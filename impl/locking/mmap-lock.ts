/**
 * include/linux/mmap_lock.h: the lock of an address space, and the locks of its VMAs.
 *
 * A VMA is write-locked when its vm_lock_seq equals mm_lock_seq; advancing mm_lock_seq, which the release of
 * mmap_lock for writing does, ends all VMA write locks of the mm. Here the VMA's lock is really held for writing as
 * long as that equality lasts, and `vma.writeLocked` notes it. Two counters would make equal situations different;
 * small ones would wrap round and be equal by accident.
 */
import { NONE, at, downRead, downReadTrylock, downWrite, downgradeWrite, upRead, upWrite, type Routine } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import { mmIsFree, vmaIsFree } from "../dead-object.ts";
import type { Kernel } from "../mm-types.ts";
import type { Mm, Vma, Vpn } from "../structs/types.ts";
import { masWalk } from "../vma-tree.ts";

/** @kernel include/linux/mmap_lock.h mmap_read_lock() */
export function* mmapReadLock(k: Kernel, mm: Mm): Routine {
  yield* downRead(k, k.mm.mmapLock.at(mm));
  vmBugOn(mmIsFree(k, mm), "use after free: mmap_read_lock() of an mm that is gone");
}

/** @kernel include/linux/mmap_lock.h mmap_read_trylock() */
export function mmapReadTrylock(k: Kernel, mm: Mm): boolean {
  vmBugOn(mmIsFree(k, mm), "use after free: mmap_read_trylock() of an mm that is gone");
  return downReadTrylock(k, k.mm.mmapLock.at(mm));
}

/** @kernel include/linux/mmap_lock.h mmap_read_unlock() */
export function* mmapReadUnlock(k: Kernel, mm: Mm): Routine {
  yield at("mmap_read_unlock");
  vmBugOn(mmIsFree(k, mm), "use after free: mmap_read_unlock() of an mm that is gone");
  upRead(k, k.mm.mmapLock.at(mm));
}

/** @kernel include/linux/mmap_lock.h mmap_write_lock() */
export function* mmapWriteLock(k: Kernel, mm: Mm): Routine {
  yield* downWrite(k, k.mm.mmapLock.at(mm));
  vmBugOn(mmIsFree(k, mm), "use after free: mmap_write_lock() of an mm that is gone");
}

/** Ends the write locks of all VMAs, too. @kernel include/linux/mmap_lock.h mmap_write_unlock() */
export function* mmapWriteUnlock(k: Kernel, mm: Mm): Routine {
  yield* vmaEndWriteAll(k, mm);
  yield at("mmap_write_unlock");
  upWrite(k, k.mm.mmapLock.at(mm));
}

/** From writing to reading; ends the write locks of all VMAs, too. @kernel include/linux/mmap_lock.h mmap_write_downgrade() */
export function* mmapWriteDowngrade(k: Kernel, mm: Mm): Routine {
  yield* vmaEndWriteAll(k, mm);
  yield at("mmap_write_downgrade");
  downgradeWrite(k, k.mm.mmapLock.at(mm));
}

/**
 * The VMA at `vpn`, locked for reading without mmap_lock; NONE where there is none or it is write-locked, and the
 * caller falls back to mmap_lock.
 *
 * One step. In the kernel the VMA can be changed or freed between the walk of the tree, under RCU, and the trylock.
 * So the kernel checks mm, range and `detached` again, and falls back or starts over. If it succeeds, its checks hold
 * at the trylock, so a walk at that moment finds the same VMA. If it falls back, somebody took the VMA's write lock
 * after the walk and before the second check. A trylock while that lock is held falls back as well, and in both cases
 * the thread goes on by waiting for mmap_lock. The kernel's second check is an assertion here, because it is what the
 * tree says.
 * @kernel mm/mmap_lock.c lock_vma_under_rcu(), vma_start_read()
 */
export function* lockVmaUnderRcu(k: Kernel, mm: Mm, vpn: Vpn): Routine<Vma> {
  yield at("lock_vma_under_rcu");
  const vma: Vma = masWalk(k, mm, vpn);
  if (vma === NONE) return NONE;
  if (!downReadTrylock(k, k.vma.lock.at(vma))) return NONE;
  vmBugOn(
    k.vma.detached.get(vma) || k.vma.mm.get(vma) !== mm || vpn < k.vma.start.get(vma) || vpn >= k.vma.end.get(vma),
    "mmap-lock: an area is in the tree, not write-locked, and not as the tree has it",
  );
  return vma;
}

/** @kernel include/linux/mmap_lock.h vma_end_read() */
export function vmaEndRead(k: Kernel, vma: Vma): void {
  vmBugOn(vmaIsFree(k, vma), "use after free: vma_end_read() of an area that has been freed");
  upRead(k, k.vma.lock.at(vma));
}

/**
 * Waits for the readers of the VMA and keeps new ones out until mmap_lock is released or downgraded.
 *
 * The kernel first marks the reference count, so that new readers fail, and then waits for the old ones. Here readers
 * come in until the last one is gone. That only adds schedules. In the kernel such a reader goes to mmap_lock and
 * waits there for the caller; it holds no lock for which anybody could wait.
 * @holds mmap_lock for writing
 * @kernel mm/mmap_lock.c __vma_start_write()
 */
export function* vmaStartWrite(k: Kernel, vma: Vma): Routine {
  vmBugOn(vmaIsFree(k, vma), "use after free: vma_start_write() of an area that has been freed");
  vmBugOn(!k.mm.mmapLock.isHeld(k.vma.mm.get(vma)), "mmap-lock: vma_start_write() without mmap_lock");
  if (k.vma.writeLocked.get(vma)) return;
  yield* downWrite(k, k.vma.lock.at(vma));
  vmBugOn(vmaIsFree(k, vma), "use after free: vma_start_write() waits for an area that has been freed meanwhile");
  k.vma.writeLocked.set(vma, true);
}

/**
 * The kernel makes one store to mm_lock_seq. Here each lock is released by itself, and trylocks see the releases one
 * by one. A fault that finds a lock still held falls back to mmap_lock, as it would have a moment before.
 * @holds mmap_lock for writing
 * @kernel include/linux/mmap_lock.h vma_end_write_all()
 */
function* vmaEndWriteAll(k: Kernel, mm: Mm): Routine {
  for (let vma: Vma = 0; vma < k.vma.count; vma++) {
    if (k.vma.mm.get(vma) !== mm || !k.vma.writeLocked.get(vma)) continue;
    yield at("vma_end_write_all");
    vmaEndWrite(k, vma);
  }
}

/**
 * Unlocks one VMA, which is about to be freed.
 * @model a freed object is used again, and the next VMA in it begins unlocked
 * @holds mmap_lock and the VMA lock for writing
 */
export function vmaEndWrite(k: Kernel, vma: Vma): void {
  k.vma.writeLocked.set(vma, false);
  upWrite(k, k.vma.lock.at(vma));
}
