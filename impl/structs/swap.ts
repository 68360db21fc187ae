/**
 * Swap: a device with slots, and what is deferred until a flush of the TLBs. None of it without `swapSlots`. What a folio says of
 * its own slots is in `page.ts`. Guards: see `mm-types.ts`.
 */
import { array, bitset, bool, int, ref, spinlock, table } from "thpcheck";
import type { Bounds } from "../../spec/bounds.ts";
import type { KernelConfig } from "../config/options.ts";
import { contentInWords } from "./words.ts";

const hasSwapSlots = (b: Bounds): boolean => b.swapSlots > 0;

/**
 * The one device, with the swap table: a word for each slot, which is written under the lock, and read without it as well. Here
 * its parts are fields.
 *
 *     used  folio  count
 *     no    NONE   0      NULL: free
 *     yes   folio  any    a PFN: in the swap cache
 *     yes   NONE   > 0    a shadow: on the device alone
 *
 * Linux has a lock for each cluster of slots. A folio lies in one cluster, so sections of two of them touch nothing in common,
 * and one lock for all puts them into an order that nobody can tell.
 * @kernel include/linux/swap.h struct swap_info_struct, mm/swap.h struct swap_cluster_info, mm/swap_table.h
 */
export function swapDevice(b: Bounds) {
  const slots = Math.max(1, b.swapSlots);
  return table(hasSwapSlots(b) ? 1 : 0, {
    lock: spinlock("ci->lock"),
    used: array(slots, bool("by slot: the entry is not NULL", { guard: "lock" })),
    folio: array(slots, ref("page", "by slot: the folio that caches it; NONE: the entry is no PFN", { guard: "lock" })),
    // One for each address space. Linux has bits for 14, and counts more in a table beside, which may be missing.
    counts: array(slots, int(0, b.mms, "by slot: swap PTEs that name it", { guard: "lock" })),
    available: int(0, slots, "nr_swap_pages: slots that are free", { guard: "atomic", init: slots }),
    zero: array(slots, bool("by slot, the zero flag: it reads as zeroes, and is not on the device", { guard: "lock" })),
  });
}

/**
 * What the device has: no memory of the kernel's. A transfer between a page and its slot is one instant. Of a free slot, and of one
 * that has never been written, it is poison: what is left there of an earlier user is nobody's to read.
 */
export function swapSlot(b: Bounds) {
  return table(b.swapSlots, {
    content: int(0, b.contents, "what the device has there; the largest value is poison",
      { guard: "model", init: b.contents, show: contentInWords(b.contents) }),
  });
}

/** A write that the device has been given, by the folio's first frame: the device's queue, no memory of the kernel's. */
export function swapBio(b: Bounds & Pick<KernelConfig, "swapIsSynchronous">) {
  return table(hasSwapSlots(b) && !b.swapIsSynchronous ? b.frames : 0, {
    entry: ref("swapSlot", "the first slot that it is written to; NONE: there is no such write", { guard: "model" }),
  });
}

/**
 * folio->lru of folios that reclaim has isolated: nobody else's meanwhile. Without swap the list is in the words of the free lists,
 * which saves room.
 */
export function isolated(b: Bounds) {
  return table(hasSwapSlots(b) ? b.frames : 0, { next: ref("page", "lru.next, on a list of the thread's own", { guard: "lifetime" }) });
}

/** Flushes that reclaim has put off, by the CPU that runs it. @kernel include/linux/mm_types_task.h struct tlbflush_unmap_batch */
export function tlbUbc(b: Bounds) {
  return table(hasSwapSlots(b) ? b.cpus : 0, {
    mms: bitset(Math.min(31, b.mms), "arch: whose CPUs are to be flushed; not empty: flush_required", { guard: "cpu" }),
    writable: bool("one of the entries was dirty", { guard: "cpu" }),
  });
}

/** Generations that mm->tlb_flush_batched counts up to; Linux has 2^14. More than a scenario unmaps, so that none comes back. */
export const TLB_FLUSH_BATCH_PENDING_MAX = 15;

/** By address space. @kernel include/linux/mm_types.h struct mm_struct, tlb_flush_batched */
export function tlbFlushBatched(b: Bounds) {
  const most = (TLB_FLUSH_BATCH_PENDING_MAX + 1) ** 2 - 1;
  return table(hasSwapSlots(b) ? b.mms : 0, {
    batch: int(0, most, "tlb_flush_batched: pending generation, and above it the one that is flushed", { guard: "atomic" }),
  });
}
