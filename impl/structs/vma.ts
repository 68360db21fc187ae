/** struct vm_area_struct: include/linux/mm_types.h. Guards: see `mm-types.ts`. */
import { NONE, bitset, bool, int, ref, rwsem, table } from "thpcheck";
import type { Bounds } from "../../spec/bounds.ts";
import { flagsInWords } from "./words.ts";

// ---- struct vm_area_struct.vm_flags (bits of vma.flags) --------------------------------------------------------
export const VM_READ = 1 << 0;
export const VM_WRITE = 1 << 1;
export const VM_HUGEPAGE = 1 << 2;
export const VM_NOHUGEPAGE = 1 << 3;
export const VM_LOCKED = 1 << 4;
export const VM_DONTCOPY = 1 << 5;
export const VM_WIPEONFORK = 1 << 6;
export const VM_SHARED = 1 << 7;
const VM_FLAGS = 8;
/** Their names, the lowest bit first; a test holds them to the values. */
export const VM_FLAG_NAMES: readonly string[] = [
  "VM_READ", "VM_WRITE", "VM_HUGEPAGE", "VM_NOHUGEPAGE", "VM_LOCKED", "VM_DONTCOPY", "VM_WIPEONFORK", "VM_SHARED",
];

/**
 * Bounds change under three locks, of which a reader needs one; walks of the reverse map have the third one, of the family of
 * anon_vmas. Its chain is changed under mmap_lock and that lock, and led to from a tree only in between.
 */
const BOUNDS_GUARD = "mm->mmapLock | lock | anonVmaChain->root->lock";

export function vma(b: Bounds) {
  return table(b.vmas, {
    /**
     * Never changes while the object is in use. NONE marks a free object, and the tree and the slab are searched by this
     * field: that is bookkeeping.
     */
    mm: ref("mm", "vm_mm; NONE: the object is free", { guard: "model" }),
    owner: int(NONE, b.cpus - 1, "who has the VMA to itself: made and not yet locked, or out of the tree and of the reverse map",
      { role: "ghost", guard: "owner(referenced)" }),
    lock: rwsem("per-VMA lock; mremap, merge and munmap write-lock several, all under mmap_lock for writing", { nesting: "nested" }),
    /** vma_end_write_all() ends the per-VMA locks for which this is set. */
    writeLocked: bool("vm_lock_seq equals mm_lock_seq: the lock is held for writing", { guard: "model" }),
    /**
     * The entry of the VMA in the maple tree. The tree's own lock and RCU make a walk and a store one instant each.
     * Both 0: not in the tree.
     */
    treeStart: int(0, b.vpnMax, "mm_mt: first page of the VMA's entry", { guard: "model" }),
    treeEnd: int(0, b.vpnMax, "mm_mt: end of the VMA's entry", { guard: "model" }),
    detached: bool("no longer in the tree", { guard: "mm->mmapLock | lock" }),
    start: int(0, b.vpnMax, "vm_start, in pages", { guard: BOUNDS_GUARD }),
    end: int(0, b.vpnMax, "vm_end, in pages", { guard: BOUNDS_GUARD }),
    pgoff: int(0, b.vpnMax, "vm_pgoff", { guard: BOUNDS_GUARD }),
    flags: bitset(VM_FLAGS, "VM_*", { guard: "mm->mmapLock | lock", show: flagsInWords(VM_FLAG_NAMES) }),
    /** Set once, by a fault under page_table_lock while other faults may read it; cleared after the VMA has left the tree. */
    anonVma: ref("anonVma", "anon_vma", { guard: "once(mm->mmapLock)" }),
    /**
     * "Serialized by mmap_lock & page_table_lock": changed and walked with mmap_lock for writing, or when the VMA is
     * detached; its first member may also come under mmap_lock for reading with page_table_lock and the lock of the
     * root. No guard can say that. Oldest ancestor first: the kernel's list, read from its end.
     */
    anonVmaChain: ref("avc", "anon_vma_chain: first avc of this VMA", { guard: "lifetime" }),
    resvs: ref("resvs", "thp_reservations (patch of 2018); NONE: made while promotion_threshold was 1, or there was no memory",
      { guard: "once" }),
  });
}
