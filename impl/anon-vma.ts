/**
 * anon_vma: which VMAs may map the pages of a folio. The first half of mm/rmap.c; the second is `rmap.ts`.
 *
 * A folio's `mapping` is an anon_vma, whose tree holds an edge (avc) to each VMA that may map the folio: the VMA it was
 * faulted in, and those that fork or a VMA split copied from it. A child of fork is in the trees of all its ancestors and
 * has an anon_vma of its own for pages that it faults in itself. All anon_vmas of a family share the lock of their root.
 *
 * The tree of an anon_vma is ordered by vm_pgoff, equal ones by age, as the kernel's interval tree is. That order is
 * relied upon: a walk that restores migration entries visits a parent before the child that fork copies it to, so an
 * entry that fork copies meanwhile is met in the child.
 *
 * The tree is a sorted list, not a search tree; a walk looks at each edge. A kernel of thousands of VMAs per anon_vma
 * would be slow; nothing else depends on it. Not covered: KSM (folios without a mapping), and
 * folio_lock_anon_vma_read(), by which reclaim takes the lock without a reference. So __put_anon_vma() need not wait
 * for a holder.
 */
import { NONE, at, choose, current, downRead, downWrite, spinLock, spinUnlock, upRead, upWrite, type Routine } from "thpcheck";
import { vmBugOn } from "./bug.ts";
import { anonVmaIsFree } from "./dead-object.ts";
import { ENOMEM } from "./errno.ts";
import { shortageIsSeen } from "./lost-function.ts";
import { folioMapcount } from "./page-ref.ts";
import { findVma, vmaBefore } from "./vma-tree.ts";
import type { Kernel } from "./mm-types.ts";
import type { AnonVma, Avc, Errno, Mm, Pfn, Vma } from "./structs/types.ts";
import { VM_READ, VM_WRITE } from "./structs/vma.ts";

/** Flags in which VMAs that share an anon_vma may differ. @kernel include/linux/mm.h VM_ACCESS_FLAGS */
const VM_ACCESS_FLAGS = VM_READ | VM_WRITE;

// ---- locks and references -------------------------------------------------------------------------------------

/** Takes the lock of the family for writing. May sleep. @kernel include/linux/rmap.h anon_vma_lock_write() */
export function* anonVmaLockWrite(k: Kernel, anonVma: AnonVma): Routine {
  vmBugOn(anonVmaIsFree(k, anonVma), "use after free: anon_vma_lock_write() of an anon_vma that has been freed");
  const root: AnonVma = k.anonVma.root.get(anonVma);
  yield* downWrite(k, k.anonVma.lock.at(root));
  vmBugOn(anonVmaIsFree(k, root), "use after free: anon_vma_lock_write() has waited for an anon_vma that has been freed");
}
/** @kernel include/linux/rmap.h anon_vma_unlock_write() */
export function anonVmaUnlockWrite(k: Kernel, anonVma: AnonVma): void {
  upWrite(k, k.anonVma.lock.at(k.anonVma.root.get(anonVma)));
}
/** Takes the lock of the family for reading. May sleep. @kernel include/linux/rmap.h anon_vma_lock_read() */
export function* anonVmaLockRead(k: Kernel, anonVma: AnonVma): Routine {
  vmBugOn(anonVmaIsFree(k, anonVma), "use after free: anon_vma_lock_read() of an anon_vma that has been freed");
  const root: AnonVma = k.anonVma.root.get(anonVma);
  yield* downRead(k, k.anonVma.lock.at(root));
  vmBugOn(anonVmaIsFree(k, root), "use after free: anon_vma_lock_read() has waited for an anon_vma that has been freed");
}
/** @kernel include/linux/rmap.h anon_vma_unlock_read() */
export function anonVmaUnlockRead(k: Kernel, anonVma: AnonVma): void {
  upRead(k, k.anonVma.lock.at(k.anonVma.root.get(anonVma)));
}

/**
 * Drops a reference; the last one frees the object, and with it the reference to its root. Begins in the caller's
 * step. The object can be allocated anew at once (SLAB_TYPESAFE_BY_RCU). A thread that finds it through a stale
 * `mapping` takes a reference, unless there is none, and then checks that the folio is still mapped.
 * @kernel include/linux/rmap.h put_anon_vma(), mm/rmap.c __put_anon_vma()
 */
export function* putAnonVma(k: Kernel, anonVma: AnonVma): Routine {
  if (k.anonVma.refcount.addReturn(anonVma, -1) > 0) return;
  const root: AnonVma = k.anonVma.root.get(anonVma);
  anonVmaFree(k, anonVma);
  if (root === anonVma) return;
  yield at("put_anon_vma: root");
  if (k.anonVma.refcount.addReturn(root, -1) === 0) anonVmaFree(k, root);
}

/** num_children and num_active_vmas are 0 again when an anon_vma goes. */
function anonVmaFree(k: Kernel, anonVma: AnonVma): void {
  vmBugOn(k.anonVma.tree.get(anonVma) !== NONE, "anon-vma: freed with VMAs in its tree");
  vmBugOn(
    k.anonVma.numChildren.get(anonVma) !== 0 || k.anonVma.numActiveVmas.get(anonVma) !== 0,
    "anon-vma: freed with children or active VMAs",
  );
  k.anonVma.parent.set(anonVma, NONE);
  k.anonVma.root.set(anonVma, NONE);
}

/**
 * The folio's anon_vma with a reference, or NONE if the folio is not (any more) mapped: then the object may be gone.
 * The kernel looks at folio_mapped() before taking the reference, too. That test is left out: with or without it an
 * unmapped folio gives NONE, since under the folio lock, which every caller here holds, no mapping comes back.
 * @kernel mm/rmap.c folio_get_anon_vma()
 * @holds folio lock, a reference to the folio
 */
export function* folioGetAnonVma(k: Kernel, folio: Pfn): Routine<AnonVma> {
  yield at("S2: folio_get_anon_vma");
  if (!k.page.anon.get(folio)) return NONE;
  const anonVma: AnonVma = k.page.mapping.get(folio);
  yield at("atomic_inc_not_zero");
  if (!k.anonVma.refcount.addUnless(anonVma, 1, 0)) return NONE;
  yield at("folio_mapped");
  if (folioMapcount(k, folio) > 0) return anonVma;
  yield at("put_anon_vma");
  yield* putAnonVma(k, anonVma);
  return NONE;
}

// ---- objects --------------------------------------------------------------------------------------------------

/** A new root with one reference, or NONE without memory. One step: the slab allocator is atomic. @kernel mm/rmap.c anon_vma_alloc() */
function anonVmaAlloc(k: Kernel): AnonVma {
  if (k.param.allocationMayFail.get() !== 0 && choose(k, "anon_vma_alloc fails", 2) === 1) {
    shortageIsSeen(k);
    return NONE;
  }
  for (let i = 0; i < k.anonVma.count; i++) {
    if (k.anonVma.root.get(i) !== NONE) continue;
    k.anonVma.root.set(i, i);
    k.anonVma.parent.set(i, i);
    k.anonVma.refcount.set(i, 1);
    return i;
  }
  vmBugOn(true, "anon-vma: all anon_vmas are in use; raise anonVmas in kernelConfig()");
  return NONE;
}

/** A new edge, not in any list, or NONE without memory. @kernel mm/rmap.c anon_vma_chain_alloc() */
function anonVmaChainAlloc(k: Kernel): Avc {
  if (k.param.allocationMayFail.get() !== 0 && choose(k, "anon_vma_chain_alloc fails", 2) === 1) {
    shortageIsSeen(k);
    return NONE;
  }
  for (let i = 0; i < k.avc.count; i++) {
    if (k.avc.allocated.get(i)) continue;
    k.avc.allocated.set(i, true);
    return i;
  }
  vmBugOn(true, "anon-vma: all anon_vma_chains are in use; raise anonVmaChains in kernelConfig()");
  return NONE;
}

function anonVmaChainFree(k: Kernel, avc: Avc): void {
  k.avc.allocated.set(avc, false);
}

// ---- the two lists of an edge ---------------------------------------------------------------------------------

/**
 * @holds root->lock for writing, and mmap_lock of the VMA's mm for writing, or for reading with page_table_lock
 * @kernel mm/rmap.c anon_vma_chain_link()
 */
function anonVmaChainLink(k: Kernel, vma: Vma, avc: Avc, anonVma: AnonVma): void {
  k.avc.root.set(avc, k.anonVma.root.get(anonVma));
  k.avc.vma.set(avc, vma);
  k.avc.anonVma.set(avc, anonVma);
  k.avc.nextOfVma.set(avc, NONE);
  let last = k.vma.anonVmaChain.get(vma);
  if (last === NONE) k.vma.anonVmaChain.set(vma, avc);
  else {
    while (k.avc.nextOfVma.get(last) !== NONE) last = k.avc.nextOfVma.get(last);
    k.avc.nextOfVma.set(last, avc);
  }
  anonVmaIntervalTreeInsert(k, avc);
}

/**
 * Inserts behind the last edge whose VMA starts at the same vm_pgoff or before. In fork that is behind the parent's
 * edge, even if other offsets have changed since their edges were inserted.
 * @kernel mm/interval_tree.c anon_vma_interval_tree_insert()
 * @holds root->lock for writing
 */
function anonVmaIntervalTreeInsert(k: Kernel, avc: Avc): void {
  const anonVma = k.avc.anonVma.get(avc);
  const pgoff = vmaStartPgoff(k, k.avc.vma.get(avc));
  let before = NONE;
  for (let other = k.anonVma.tree.get(anonVma); other !== NONE; other = k.avc.nextInTree.get(other)) {
    if (vmaStartPgoff(k, k.avc.vma.get(other)) <= pgoff) before = other;
  }
  if (before === NONE) {
    k.avc.nextInTree.set(avc, k.anonVma.tree.get(anonVma));
    k.anonVma.tree.set(anonVma, avc);
  } else {
    k.avc.nextInTree.set(avc, k.avc.nextInTree.get(before));
    k.avc.nextInTree.set(before, avc);
  }
}

/** @holds root->lock for writing @kernel mm/interval_tree.c anon_vma_interval_tree_remove() */
function anonVmaIntervalTreeRemove(k: Kernel, avc: Avc): void {
  const anonVma = k.avc.anonVma.get(avc);
  const after = k.avc.nextInTree.get(avc);
  let before = k.anonVma.tree.get(anonVma);
  if (before === avc) k.anonVma.tree.set(anonVma, after);
  else {
    while (k.avc.nextInTree.get(before) !== avc) before = k.avc.nextInTree.get(before);
    k.avc.nextInTree.set(before, after);
  }
  k.avc.nextInTree.set(avc, NONE);
}

/** vm_pgoff changes only under mmap_lock, VMA lock and root lock together, so any one of them is enough to read it. */
function vmaStartPgoff(k: Kernel, vma: Vma): number { return k.vma.pgoff.get(vma); }

/**
 * Takes the VMA out of the trees it is in, before its bounds change.
 * @kernel mm/vma.c anon_vma_interval_tree_pre_update_vma()
 * @holds mmap_lock and root->lock for writing
 */
export function anonVmaIntervalTreePreUpdateVma(k: Kernel, vma: Vma): void {
  for (let avc = k.vma.anonVmaChain.get(vma); avc !== NONE; avc = k.avc.nextOfVma.get(avc)) anonVmaIntervalTreeRemove(k, avc);
}
/** Puts it back. @kernel mm/vma.c anon_vma_interval_tree_post_update_vma() @holds mmap_lock and root->lock for writing */
export function anonVmaIntervalTreePostUpdateVma(k: Kernel, vma: Vma): void {
  for (let avc = k.vma.anonVmaChain.get(vma); avc !== NONE; avc = k.avc.nextOfVma.get(avc)) anonVmaIntervalTreeInsert(k, avc);
}

// ---- life cycle -----------------------------------------------------------------------------------------------

/**
 * Gives the VMA an anon_vma, its own or a neighbour's, before its first anonymous page. Faults of several threads can
 * do it at once: the lock and page_table_lock let one of them win, and the others free what they have allocated.
 * @kernel mm/rmap.c __anon_vma_prepare(), include/linux/rmap.h anon_vma_prepare()
 * @holds mmap_lock for reading (the VMA lock is not enough: neighbours are looked at)
 * @returns 0 or -ENOMEM
 */
export function* anonVmaPrepare(k: Kernel, vma: Vma): Routine<Errno> {
  yield at("anon_vma_prepare");
  if (k.vma.anonVma.once(vma) !== NONE) return 0;
  yield at("anon_vma_chain_alloc");
  const avc: Avc = anonVmaChainAlloc(k);
  if (avc === NONE) return -ENOMEM;

  yield at("find_mergeable_anon_vma");
  let anonVma: AnonVma = findMergeableAnonVma(k, vma);
  let allocated: boolean = false;
  if (anonVma === NONE) {
    yield at("anon_vma_alloc");
    anonVma = anonVmaAlloc(k);
    if (anonVma === NONE) {
      anonVmaChainFree(k, avc);
      return -ENOMEM;
    }
    allocated = true;
  }

  yield* anonVmaLockWrite(k, anonVma);
  const mm: Mm = k.vma.mm.get(vma);
  yield* spinLock(k, k.mm.pageTableLock.at(mm));
  const linked: boolean = k.vma.anonVma.once(vma) === NONE;
  if (linked) {
    // It is its own parent. The kernel counts that before it takes the lock, which nobody else can want.
    if (allocated) k.anonVma.numChildren.add(anonVma, 1);
    anonVmaChainLink(k, vma, avc, anonVma);
    k.anonVma.numActiveVmas.add(anonVma, 1);
    yield at("vma->anon_vma = anon_vma");
    k.vma.anonVma.set(vma, anonVma);
  }
  spinUnlock(k, k.mm.pageTableLock.at(mm));
  anonVmaUnlockWrite(k, anonVma);
  if (linked) return 0;

  yield at("anon_vma_chain_free");
  anonVmaChainFree(k, avc);
  if (allocated) yield* putAnonVma(k, anonVma);
  return 0;
}

/**
 * The anon_vma of a neighbour with which the VMA could be merged one day, if no other anon_vma is in the neighbour's chain.
 * Read without the neighbour's page_table_lock: it may get its anon_vma just now. Then it is missed, or found complete.
 * @kernel mm/rmap.c find_mergeable_anon_vma(), reusable_anon_vma()
 */
function findMergeableAnonVma(k: Kernel, vma: Vma): AnonVma {
  const mm = k.vma.mm.get(vma);
  const next = findVma(k, mm, k.vma.end.get(vma));
  if (next !== NONE && compatible(k, vma, next) && reusable(k, next)) return k.vma.anonVma.once(next);
  const prev = vmaBefore(k, mm, k.vma.start.get(vma));
  if (prev !== NONE && compatible(k, prev, vma) && reusable(k, prev)) return k.vma.anonVma.once(prev);
  return NONE;
}

function reusable(k: Kernel, vma: Vma): boolean {
  const chain = k.vma.anonVmaChain.once(vma);
  return k.vma.anonVma.once(vma) !== NONE && chain !== NONE && k.avc.nextOfVma.once(chain) === NONE;
}

/** Whether `b` continues `a`. @kernel mm/vma.c anon_vma_compatible() @holds mmap_lock */
function compatible(k: Kernel, a: Vma, b: Vma): boolean {
  return k.vma.end.get(a) === k.vma.start.get(b)
    && ((k.vma.flags.get(a) ^ k.vma.flags.get(b)) & ~VM_ACCESS_FLAGS) === 0
    && k.vma.pgoff.get(b) === k.vma.pgoff.get(a) + k.vma.start.get(b) - k.vma.start.get(a);
}

/**
 * Puts `dst` into every tree that `src` is in: for fork, a VMA split, mremap and a VMA that grows over another. If
 * `dst` has no anon_vma yet, it reuses one that serves no other VMA any more: the anon_vma of an ancestor that has
 * exited and has one child at most. A root is never reused, because it is its own child.
 * @kernel mm/rmap.c anon_vma_clone()
 * @holds mmap_lock of both VMAs for writing
 * @returns 0 or -ENOMEM; then dst is in no tree and has no anon_vma
 */
export function* anonVmaClone(k: Kernel, dst: Vma, src: Vma): Routine<Errno> {
  let locked: AnonVma = NONE;
  let from: Avc = k.vma.anonVmaChain.get(src);
  while (from !== NONE) {
    if (locked === NONE) yield at("anon_vma_chain_alloc");
    let avc: Avc = anonVmaChainAlloc(k); // GFP_NOWAIT where the lock is held
    if (avc === NONE) {
      if (locked !== NONE) anonVmaUnlockWrite(k, locked);
      locked = NONE;
      yield at("anon_vma_chain_alloc GFP_KERNEL");
      avc = anonVmaChainAlloc(k);
      if (avc === NONE) {
        // Unlinking must not take an active VMA off an anon_vma that does not count it yet.
        k.vma.anonVma.set(dst, NONE);
        yield* unlinkAnonVmas(k, dst, false);
        return -ENOMEM;
      }
    }
    const anonVma: AnonVma = k.avc.anonVma.get(from);
    if (locked === NONE) {
      yield* anonVmaLockWrite(k, anonVma);
      locked = anonVma;
    }
    vmBugOn(k.anonVma.root.get(anonVma) !== k.anonVma.root.get(locked), "anon-vma: a VMA is in the trees of two families");
    anonVmaChainLink(k, dst, avc, anonVma);
    if (
      k.vma.anonVma.get(dst) === NONE && k.vma.anonVma.get(src) !== NONE &&
      k.anonVma.numChildren.get(anonVma) < 2 && k.anonVma.numActiveVmas.get(anonVma) === 0
    ) {
      k.vma.anonVma.set(dst, anonVma);
    }
    from = k.avc.nextOfVma.get(from);
  }
  if (k.vma.anonVma.get(dst) !== NONE) k.anonVma.numActiveVmas.add(k.vma.anonVma.get(dst), 1);
  if (locked !== NONE) anonVmaUnlockWrite(k, locked);
  return 0;
}

/**
 * Puts the child's copy of a VMA into all trees of the parent, and gives it an anon_vma of its own for pages that
 * only the child has.
 * @kernel mm/rmap.c anon_vma_fork()
 * @holds mmap_lock of both mms for writing
 * @returns 0 or -ENOMEM; then the child's VMA is in no tree
 */
export function* anonVmaFork(k: Kernel, vma: Vma, parentVma: Vma): Routine<Errno> {
  if (k.vma.anonVma.get(parentVma) === NONE) return 0;
  const error: Errno = yield* anonVmaClone(k, vma, parentVma);
  if (error !== 0) return error;
  if (k.vma.anonVma.get(vma) !== NONE) return 0; // reused

  yield at("anon_vma_alloc");
  const anonVma: AnonVma = anonVmaAlloc(k);
  if (anonVma === NONE) {
    yield* unlinkAnonVmas(k, vma, false);
    return -ENOMEM;
  }
  yield at("anon_vma_chain_alloc");
  const avc: Avc = anonVmaChainAlloc(k);
  if (avc === NONE) {
    yield* putAnonVma(k, anonVma);
    yield* unlinkAnonVmas(k, vma, false);
    return -ENOMEM;
  }
  const parent: AnonVma = k.vma.anonVma.get(parentVma);
  k.anonVma.root.set(anonVma, k.anonVma.root.get(parent));
  k.anonVma.parent.set(anonVma, parent);
  k.vma.anonVma.set(vma, anonVma);
  // The lock lives in the root, which must outlive this one.
  k.anonVma.refcount.add(k.anonVma.root.get(parent), 1);
  yield* anonVmaLockWrite(k, anonVma);
  // The kernel counts this when nobody else has the anon_vma yet.
  k.anonVma.numActiveVmas.add(anonVma, 1);
  anonVmaChainLink(k, vma, avc, anonVma);
  k.anonVma.numChildren.add(parent, 1);
  anonVmaUnlockWrite(k, anonVma);
  return 0;
}

/**
 * Takes the VMA out of all trees. Those of its anon_vmas that have no VMA left are freed after the lock is released,
 * because the lock is part of one of them.
 *
 * Clears `anonVma`, which faults read under the VMA lock or mmap_lock. No such fault can be running: either the VMA
 * lock is held for writing, or the VMA was detached under it. A detached VMA cannot be found, and every fault that
 * had found it has ended.
 * `last`: the area is freed next. Nobody can come to it any more, so from here on it is the caller's alone.
 * @kernel mm/rmap.c unlink_anon_vmas()
 * @holds mmap_lock and the VMA lock for writing; or mmap_lock in any mode, and the VMA is detached
 */
export function* unlinkAnonVmas(k: Kernel, vma: Vma, last: boolean): Routine {
  const first: Avc = k.vma.anonVmaChain.get(vma);
  if (first === NONE) {
    if (!last) return;
    yield at("unlink_anon_vmas");
    k.vma.owner.set(vma, current(k));
    return;
  }
  const locked: AnonVma = k.avc.anonVma.get(first);
  yield* anonVmaLockWrite(k, locked);
  // The root may be freed below only after its lock is released: hold on to it.
  const root: AnonVma = k.anonVma.root.get(locked);
  let kept: Avc = NONE;
  let avc = first;
  while (avc !== NONE) {
    const next = k.avc.nextOfVma.get(avc);
    const anonVma = k.avc.anonVma.get(avc);
    anonVmaIntervalTreeRemove(k, avc);
    if (k.anonVma.tree.get(anonVma) === NONE) {
      k.anonVma.numChildren.add(k.anonVma.parent.get(anonVma), -1);
      k.avc.nextOfVma.set(avc, kept); // newest first from here on
      kept = avc;
    } else {
      avcUnlink(k, avc);
    }
    avc = next;
  }
  if (last) k.vma.owner.set(vma, current(k));
  k.vma.anonVmaChain.set(vma, kept);
  if (k.vma.anonVma.get(vma) !== NONE) {
    k.anonVma.numActiveVmas.add(k.vma.anonVma.get(vma), -1);
    k.vma.anonVma.set(vma, NONE);
  }
  upWrite(k, k.anonVma.lock.at(root));

  while (kept !== NONE) {
    yield at("put_anon_vma");
    const empty = kept;
    const emptied: AnonVma = k.avc.anonVma.get(empty);
    kept = k.avc.nextOfVma.get(empty);
    k.vma.anonVmaChain.set(vma, kept);
    avcUnlink(k, empty);
    yield* putAnonVma(k, emptied);
  }
}

function avcUnlink(k: Kernel, avc: Avc): void {
  k.avc.vma.set(avc, NONE);
  k.avc.anonVma.set(avc, NONE);
  k.avc.root.set(avc, NONE);
  k.avc.nextOfVma.set(avc, NONE);
  anonVmaChainFree(k, avc);
}
