/** One entry of the swap table: mm/swap_table.h, and what mm/swapfile.c does to a single one. */
import { NONE, at, emit, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { vmBugOn } from "../bug.ts";
import type { Kernel } from "../mm-types.ts";
import type { PteIndex, SwapSlot } from "../structs/types.ts";

/** One swap PTE fewer names the slot. @kernel mm/swapfile.c __swap_cluster_put_entry() @holds ci->lock */
export function swapEntryPut(k: Kernel, entry: SwapSlot): void {
  vmBugOn(k.swapDevice.counts.get(0, entry) === 0, "swap-table: a slot loses a count that it does not have");
  k.swapDevice.counts.add(0, entry, -1);
  emit(k, EV.SWAP_UNSET, entry);
}

/** Nobody uses the slot any more. @kernel mm/swapfile.c __swap_cluster_free_entries() @holds ci->lock */
export function swapEntryFree(k: Kernel, entry: SwapSlot): void {
  const inUse = k.swapDevice.counts.get(0, entry) !== 0 || k.swapDevice.folio.get(0, entry) !== NONE;
  vmBugOn(inUse, "swap-table: a slot is freed that is in use");
  vmBugOn(!k.swapDevice.used.get(0, entry), "swap-table: a slot is freed twice");
  k.swapDevice.used.set(0, entry, false);
  k.swapDevice.zero.set(0, entry, false);
  k.swapSlot.content.set(entry, k.param.contents.get());
}

/** The number of free slots changes: a counter, apart from the table. @kernel mm/swapfile.c swap_range_alloc(), swap_range_free() */
export function* modNrSwapPages(k: Kernel, by: PteIndex, free: boolean): Routine {
  if (by === 0) return;
  yield at("nr_swap_pages");
  k.swapDevice.available.add(0, free ? by : -by);
}

/**
 * More than half of the slots are in use: a mapped page does without one then. There is no limit of a memory cgroup.
 * @kernel include/linux/swap.h vm_swap_full(), mm/memcontrol.c mem_cgroup_swap_full()
 */
export function memCgroupSwapFull(k: Kernel): boolean {
  return k.swapDevice.available.get(0) * 2 < k.param.swapSlots.get();
}
