/**
 * The words of khugepaged's list of slots, for the grain `slots`: include/linux/list.h on mm_slot.mm_node. A slot that has been
 * freed says nothing any more, where it goes on least of all: the cursor must have left it before.
 */
import { NONE } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import type { Kernel } from "../mm-types.ts";
import type { Mm } from "../structs/types.ts";

/** The head of the list. @kernel mm/khugepaged.c khugepaged_scan.mm_head */
function head(k: Kernel): number {
  return k.mm.count;
}

/** @kernel mm/khugepaged.c __khugepaged_enter(): mm_slot_alloc(), list_add_tail() @holds khugepaged_mm_lock */
export function slotAdd(k: Kernel, mm: Mm): void {
  vmBugOn(k.mmSlot.allocated.get(mm), "mm-slot: an address space has two slots");
  const last = k.mmSlot.prev.get(head(k));
  k.mmSlot.allocated.set(mm, true);
  k.mmSlot.next.set(mm, head(k));
  k.mmSlot.prev.set(mm, last);
  k.mmSlot.next.set(last, mm);
  k.mmSlot.prev.set(head(k), mm);
}

/** @kernel mm/khugepaged.c collect_mm_slot(), __khugepaged_exit(): list_del(), mm_slot_free() @holds khugepaged_mm_lock */
export function slotDelete(k: Kernel, mm: Mm): void {
  vmBugOn(!k.mmSlot.allocated.get(mm), "mm-slot: a slot is freed twice");
  const next = k.mmSlot.next.get(mm);
  const prev = k.mmSlot.prev.get(mm);
  k.mmSlot.prev.set(next, prev);
  k.mmSlot.next.set(prev, next);
  k.mmSlot.next.set(mm, NONE);
  k.mmSlot.prev.set(mm, NONE);
  k.mmSlot.allocated.set(mm, false);
}

/**
 * The slot behind that of `mm`, or the first one; NONE at the end.
 * @kernel include/linux/list.h list_next_entry()
 * @holds khugepaged_mm_lock
 */
export function slotNext(k: Kernel, mm: Mm): Mm {
  vmBugOn(mm !== NONE && !k.mmSlot.allocated.get(mm), "mm-slot: khugepaged goes on from a slot that has been freed");
  const next = k.mmSlot.next.get(mm === NONE ? head(k) : mm);
  return next === head(k) ? NONE : next;
}
