/** What a fault is asked for and what it answers: FAULT_FLAG_* and VM_FAULT_* of include/linux/mm_types.h. */
import type { U } from "thpcheck";

export const FAULT_FLAG_WRITE = 1 << 0;
/** Get a page of one's own without making it writable: a read-only pin of a page that may be shared. */
export const FAULT_FLAG_UNSHARE = 1 << 1;
/** Under the per-VMA lock, and not under mmap_lock. */
export const FAULT_FLAG_VMA_LOCK = 1 << 2;
export type FaultFlags = U<3>;

/** The fault is done, or there is nothing to do but to try the access again. */
export const VM_FAULT_DONE = 0;
export const VM_FAULT_OOM = 1 << 0;
export const VM_FAULT_SIGBUS = 1 << 1;
export const VM_FAULT_HWPOISON = 1 << 2;
/** Needs mmap_lock: the per-VMA lock has been released. */
export const VM_FAULT_RETRY = 1 << 3;
/** No huge page: go on with PTEs. */
export const VM_FAULT_FALLBACK = 1 << 4;
export type VmFault = U<5>;
export const VM_FAULT_ERROR = VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_HWPOISON;
