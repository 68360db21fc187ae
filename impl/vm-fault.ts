/**
 * One page fault: struct vm_fault of include/linux/mm.h. Its requests and results: FAULT_FLAG_* and VM_FAULT_* of
 * include/linux/mm_types.h.
 */
import type { U } from "thpcheck";
import type { Entry, Order, Table, Vma, Vpn } from "./structs/types.ts";

export const FAULT_FLAG_WRITE = 1 << 0;
/**
 * The fault must give the process a page of its own, but not make it writable: for a read-only pin of a page that may
 * be shared.
 */
export const FAULT_FLAG_UNSHARE = 1 << 1;
/** Under the per-VMA lock, and not under mmap_lock. */
export const FAULT_FLAG_VMA_LOCK = 1 << 2;
export type FaultFlags = U<3>;

/**
 * One fault, made by handleMmFault() and handed down. The pointers to entries are left out where they follow from `address`:
 * `pmd`, and the index in a table of PTEs.
 *
 * @kernel include/linux/mm.h struct vm_fault. The kernel has no `order`: it decides it where it asks for a folio
 */
export interface VmFault {
  vma: Vma;
  address: Vpn;
  flags: FaultFlags;
  /** Order of the folio to be faulted in: 0 for a page, HPAGE_PMD_ORDER for a huge page. */
  order: Order;
  /** The PMD entry as it was when the kind of fault was decided. */
  origPmd: Entry;
  /** The PTE at that moment. Set if there is a table. */
  origPte: Entry;
  /** The table of PTEs which the entry lies in, once the fault knows it; NONE when it is gone. Its lock is vmf->ptl. */
  pte: Table;
}

/** The fault is done, or there is nothing to do but to try the access again. */
export const VM_FAULT_DONE = 0;
export const VM_FAULT_OOM = 1 << 0;
export const VM_FAULT_SIGBUS = 1 << 1;
export const VM_FAULT_HWPOISON = 1 << 2;
/** Needs mmap_lock: the per-VMA lock has been released. */
export const VM_FAULT_RETRY = 1 << 3;
/** No huge page: go on with PTEs. */
export const VM_FAULT_FALLBACK = 1 << 4;
export type VmFaultReason = U<5>;
export const VM_FAULT_ERROR = VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_HWPOISON;
