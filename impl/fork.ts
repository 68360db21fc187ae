/** Address spaces come and go: kernel/fork.c, and exit_mmap() of mm/mmap.c. */
import { NONE, at, current, emit, record, type Routine } from "thpcheck";
import { EV } from "../spec/events.ts";
import { ENOMEM } from "./errno.ts";
import { mmPutHugeZeroFolio } from "./huge-memory/huge-zero.ts";
import { khugepagedExit, khugepagedFork } from "./khugepaged/mm-slot.ts";
import { mmapReadLock, mmapReadUnlock, mmapWriteLock, mmapWriteUnlock, vmaStartWrite } from "./locking/mmap-lock.ts";
import { copyPageRange } from "./memory/copy.ts";
import { drainForUnmap, freePgtables, unmapVmas, type UnmapDesc } from "./memory/zap.ts";
import { tlbFinishMmu, tlbGatherMmu } from "./mmu-gather.ts";
import type { Kernel } from "./mm-types.ts";
import { MMF_DISABLE_THP_COMPLETELY_BIT, MMF_DISABLE_THP_EXCEPT_ADVISED_BIT, MMF_UNSTABLE_BIT } from "./structs/mm.ts";
import type { Errno, Mm, Vma } from "./structs/types.ts";
import { VM_DONTCOPY, VM_LOCKED, VM_WIPEONFORK } from "./structs/vma.ts";
import { mmdrop } from "./mm-refs.ts";
import { anonVmaFork } from "./anon-vma.ts";
import { hasReservations } from "./thp-reservation/container.ts";
import { reservationsFork, reservationsOfFreedVma } from "./thp-reservation.ts";
import { flushTlbMm } from "./tlb.ts";
import { userMemoryForkAbort, userMemoryForkBegin, userMemoryForkEnd } from "./user-memory.ts";
import { findVma } from "./vma-tree.ts";
import { vmAreaAlloc, vmAreaFree, vmaLink, vmaMarkDetached, vmaStartWriteNew } from "./vma.ts";

// ---- the end ---------------------------------------------------------------------------------------------------

/**
 * One user less; the last one tears the memory down. Sleeps: never under a lock that the teardown needs.
 * @kernel kernel/fork.c mmput(), __mmput()
 */
export function* mmput(k: Kernel, mm: Mm): Routine {
  yield at("mmput");
  if (k.mm.users.addReturn(mm, -1) > 0) return;
  emit(k, EV.MM_EXIT, mm);
  // Before exit_mmap(): khugepaged must not find page tables that are going.
  yield* khugepagedExit(k, mm);
  yield* exitMmap(k, mm);
  yield* mmPutHugeZeroFolio(k, mm);
  yield* mmdrop(k, mm);
}

/**
 * Unmaps everything and frees tables and VMAs. Readers are locked out only while tables are freed: reverse-map walks
 * and the OOM reaper may run while pages are unmapped.
 * @kernel mm/mmap.c exit_mmap()
 * @holds nothing; mm_users is 0
 */
export function* exitMmap(k: Kernel, mm: Mm): Routine {
  const end = k.param.vpnMax.get();
  yield* mmapReadLock(k, mm);
  if (findVma(k, mm, 0) === NONE) {
    // Nothing was ever mapped, or fork gave up before the first VMA.
    yield* mmapReadUnlock(k, mm);
    return;
  }
  yield* drainForUnmap(k);
  tlbGatherMmu(k);
  const unmap: UnmapDesc = record({ mm, vmaStart: 0, vmaEnd: end, pgStart: 0, pgEnd: end, detached: false });
  yield* unmapVmas(k, unmap);
  yield* mmapReadUnlock(k, mm);
  yield* mmapWriteLock(k, mm);
  // free_pgtables() does it to one after the other, as it takes them out of the reverse map.
  for (let vma: Vma = findVma(k, mm, 0); vma !== NONE; vma = findVma(k, mm, k.vma.end.get(vma))) {
    yield* vmaStartWrite(k, vma);
  }
  yield* freePgtables(k, unmap);
  yield* tlbFinishMmu(k, mm);
  for (let vma: Vma = findVma(k, mm, 0); vma !== NONE; vma = findVma(k, mm, 0)) {
    vmaMarkDetached(k, vma);
    if (hasReservations(k)) yield* reservationsOfFreedVma(k, vma);
    yield* vmAreaFree(k, vma);
  }
  yield* mmapWriteUnlock(k, mm);
}

// ---- fork ------------------------------------------------------------------------------------------------------

/**
 * A fresh address space with one user, which is the caller's alone, or NONE. One step: the slab allocator is atomic.
 * @kernel kernel/fork.c mm_alloc(), mm_init()
 */
export function mmAlloc(k: Kernel): Mm {
  for (let mm = 0; mm < k.mm.count; mm++) {
    if (k.mm.allocated.get(mm)) continue;
    k.mm.allocated.set(mm, true);
    k.mm.mmCount.set(mm, 1);
    k.mm.owner.set(mm, current(k));
    k.mm.users.set(mm, 1);
    return mm;
  }
  return NONE;
}

/**
 * The child's address space: a copy of the parent's.
 * @kernel kernel/fork.c dup_mm()
 * @holds nothing; `oldmm` is in use
 * @returns NONE: no memory
 */
export function* dupMm(k: Kernel, oldmm: Mm): Routine<Mm> {
  yield at("allocate_mm");
  const mm: Mm = mmAlloc(k);
  if (mm === NONE) return NONE;
  // The flags that a child inherits. @kernel include/linux/mm_types.h MMF_INIT_LEGACY_MASK
  if (k.mm.flags.has(oldmm, MMF_DISABLE_THP_COMPLETELY_BIT)) k.mm.flags.insert(mm, MMF_DISABLE_THP_COMPLETELY_BIT);
  if (k.mm.flags.has(oldmm, MMF_DISABLE_THP_EXCEPT_ADVISED_BIT)) k.mm.flags.insert(mm, MMF_DISABLE_THP_EXCEPT_ADVISED_BIT);
  emit(k, EV.MM_CREATE, mm);
  const err: Errno = yield* dupMmap(k, mm, oldmm);
  if (err === 0) return mm;
  yield* mmput(k, mm);
  return NONE;
}

/**
 * Copies the VMAs, the reverse map and the page tables. The parent's translations are flushed once, at the end.
 * Until then its threads may write through old writable translations to pages that both processes map. The child,
 * which does not run yet, will see those writes. write_protect_seq is odd in copyPageRange.
 *
 * @kernel mm/mmap.c dup_mmap()
 * @holds nothing
 * @returns 0; -ENOMEM or what copyPageRange says: the caller drops the child, which has what was copied
 */
function* dupMmap(k: Kernel, mm: Mm, oldmm: Mm): Routine<Errno> {
  yield* mmapWriteLock(k, oldmm);
  // Not linked anywhere yet: nobody can hold it.
  yield* mmapWriteLock(k, mm);
  k.mm.owner.set(mm, NONE);
  let err: Errno = 0;
  let vma: Vma = findVma(k, oldmm, 0);
  while (vma !== NONE) {
    yield* vmaStartWrite(k, vma);
    if ((k.vma.flags.get(vma) & VM_DONTCOPY) === 0) {
      err = yield* dupVma(k, mm, vma);
      if (err !== 0) break;
    }
    vma = findVma(k, oldmm, k.vma.end.get(vma));
  }
  if (err === 0) yield* khugepagedFork(k, mm, oldmm);
  // Incomplete: nobody may fault in it until it is dropped.
  else {
    yield at("MMF_UNSTABLE");
    k.mm.flags.insert(mm, MMF_UNSTABLE_BIT);
  }
  yield* mmapWriteUnlock(k, mm);
  yield* flushTlbMm(k, oldmm);
  forkEnd(k, mm, oldmm, vma);
  yield* mmapWriteUnlock(k, oldmm);
  return err;
}

/**
 * One VMA of dup_mmap(). From its first step on it is settled what the child may read.
 * @holds mmap_lock of both, the VMA lock of the parent's VMA, for writing
 */
function* dupVma(k: Kernel, mm: Mm, parent: Vma): Routine<Errno> {
  const flags = k.vma.flags.get(parent);
  const wipe: boolean = (flags & VM_WIPEONFORK) !== 0;
  if (!wipe) userMemoryForkBegin(k, k.vma.mm.get(parent), mm, k.vma.start.get(parent), k.vma.end.get(parent));
  const child: Vma = yield* vmAreaAlloc(k, mm, k.vma.start.get(parent), k.vma.end.get(parent), k.vma.pgoff.get(parent), flags & ~VM_LOCKED);
  if (child === NONE) return -ENOMEM;
  // In the kernel after anon_vma_fork(); see splitVma().
  yield* vmaStartWriteNew(k, child);
  if (!wipe) {
    const err: Errno = yield* anonVmaFork(k, child, parent);
    if (err !== 0) {
      yield* vmAreaFree(k, child);
      return err;
    }
  }
  yield at("vma_iter_bulk_store");
  vmaLink(k, child);
  if (wipe) return 0;
  if (hasReservations(k)) yield* reservationsFork(k, parent);
  return yield* copyPageRange(k, child, parent);
}

/**
 * Ends the copy of the parent's VMAs that were begun: those up to `failed`, or all if that is NONE.
 * @holds mmap_lock of `oldmm`
 */
function forkEnd(k: Kernel, mm: Mm, oldmm: Mm, failed: Vma): void {
  for (let vma = findVma(k, oldmm, 0); vma !== NONE; vma = findVma(k, oldmm, k.vma.end.get(vma))) {
    if ((k.vma.flags.get(vma) & (VM_DONTCOPY | VM_WIPEONFORK)) === 0) {
      if (failed === NONE) userMemoryForkEnd(k, oldmm, mm, k.vma.start.get(vma), k.vma.end.get(vma));
      else userMemoryForkAbort(k, oldmm, mm, k.vma.start.get(vma), k.vma.end.get(vma));
    }
    if (vma === failed) return;
  }
}
