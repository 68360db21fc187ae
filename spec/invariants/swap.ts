/** Swap: slots, their counts, and the swap cache. Nothing of it in a kernel without swap. */
import type { PropertyResult } from "thpcheck";
import { isSwapEntry, tableHoldsMappings, target } from "../entry.ts";
import { pageTableLocked, type Invariant } from "../invariant.ts";
import type { KernelView } from "../view.ts";
import { headsFolio } from "./page.ts";

/** The device's lock is held: a folio joins the swap cache or leaves it slot by slot. */
function swapLocked(v: KernelView): boolean {
  return v.swapDevice.count > 0 && v.swapDevice.lock.isHeld(0);
}

/** Counts change under a page-table lock, before the entry is there, or before it goes. */
function entriesChange(v: KernelView): boolean {
  return swapLocked(v) || pageTableLocked(v);
}

function slots(v: KernelView): number {
  return v.swapDevice.count > 0 ? v.param.swapSlots.get() : 0;
}

/** Swap PTEs of `mm`, of all for -1, that name the slot, or any for -1. */
function swapEntries(v: KernelView, mm: number, slot: number): number {
  let n = 0;
  for (let i = 0; i < v.ptTable.count; i++) {
    if (!tableHoldsMappings(v.ptTable.state.get(i)) || (mm >= 0 && v.ptTable.mm.get(i) !== mm)) continue;
    for (let j = 0; j < v.param.hpagePmdNr.get(); j++) {
      const e = v.ptTable.pte.get(i, j);
      if (isSwapEntry(e) && (slot < 0 || target(e) === slot)) n++;
    }
  }
  return n;
}

function writesAddressSpace(v: KernelView): boolean {
  if (pageTableLocked(v)) return true;
  for (let m = 0; m < v.mm.count; m++) if (v.mm.mmapLock.isHeld(m)) return true;
  return false;
}

function folioOfSlot(v: KernelView, slot: number): PropertyResult {
  const folio = v.swapDevice.folio.get(0, slot);
  if (folio < 0) return true;
  const first = v.page.swap.get(folio);
  const pages = 1 << v.page.order.get(folio);
  if (first < 0 || slot < first || slot >= first + pages) {
    return { conjunct: "the folio of a slot has that slot", values: { slot, folio, its: first, pages } };
  }
  // Frozen, it is a split's or on its way out.
  const refs = v.page.refcount.get(folio);
  return refs === 0 || refs >= pages || { conjunct: "it has a reference for each of its slots", values: { slot, folio, refs, pages } };
}

export const swapInvariants: readonly Invariant[] = [
  {
    id: "SW1", name: "a slot leads to the folio that has it, and is referenced for it",
    why: "a fault maps what the slot leads to: another folio would be another process's memory",
    source: "mm/swap_state.c __swap_cache_add_folio(); excused under the device's lock, and under lru_lock, where a folio is split",
    excuse: (v) => swapLocked(v) || v.lruvec.lock.isHeld(),
    holds: (v) => {
      for (let slot = 0; slot < slots(v); slot++) {
        const right = folioOfSlot(v, slot);
        if (right !== true) return right;
      }
      return true;
    },
  },
  {
    id: "SW2", name: "a slot is in use exactly if a folio caches it or a swap entry names it",
    why: "a slot that nobody needs and that is not free is lost until swapoff; one that is needed and free is given to somebody else",
    source: "mm/swapfile.c __swap_cluster_free_entries(); excused under the device's lock",
    excuse: swapLocked,
    holds: (v) => {
      let free = 0;
      for (let slot = 0; slot < slots(v); slot++) {
        const needed = v.swapDevice.folio.get(0, slot) >= 0 || v.swapDevice.counts.get(0, slot) > 0;
        const used = v.swapDevice.used.get(0, slot);
        if (used !== needed) return { conjunct: "in use === cached or named", values: { slot, count: v.swapDevice.counts.get(0, slot) } };
        if (!used) free++;
      }
      if (slots(v) === 0 || v.swapDevice.available.get(0) === free) return true;
      return { conjunct: "nr_swap_pages === free slots", values: { counted: v.swapDevice.available.get(0), free } };
    },
  },
  {
    id: "SW3", name: "the count of a slot is the number of swap entries that name it",
    why: "one too few, and the slot is somebody else's while an entry still leads there; one too many, and it is never free again",
    source: "mm/swapfile.c folio_dup_swap(), folio_put_swap(), swap_put_entries_direct(); excused under a page-table lock",
    excuse: entriesChange,
    holds: (v) => {
      for (let slot = 0; slot < slots(v); slot++) {
        const counted = v.swapDevice.counts.get(0, slot);
        const found = swapEntries(v, -1, slot);
        if (counted !== found) return { conjunct: "count === swap entries", values: { slot, counted, found } };
      }
      return true;
    },
  },
  {
    id: "SW4", name: "a folio in the swap cache has an aligned run of slots, and each leads to it",
    why: "an entry's slot tells which page of the folio is meant; a large folio is written and read in one piece",
    source: "mm/swapfile.c folio_alloc_swap(), __swap_cluster_alloc_entries(); excused as SW1",
    excuse: (v) => swapLocked(v) || v.lruvec.lock.isHeld(),
    holds: (v) => {
      for (let folio = 0; folio < v.page.count; folio++) {
        const first = v.page.swap.get(folio);
        if (first < 0) continue;
        if (!headsFolio(v, folio)) return { conjunct: "only the first page of a folio says where its slots are", values: { page: folio } };
        const pages = 1 << v.page.order.get(folio);
        if (first % pages !== 0) return { conjunct: "the run is aligned", values: { folio, first, pages } };
        for (let i = 0; i < pages; i++) {
          const leads = v.swapDevice.folio.get(0, first + i);
          if (leads !== folio) return { conjunct: "each of its slots leads to it", values: { folio, slot: first + i, leads } };
        }
      }
      return true;
    },
  },
  {
    id: "SW5", name: "MM_SWAPENTS equals the swap entries",
    why: "the OOM killer decides by it, and swapoff looks where it is not 0",
    source: "mm/rmap.c try_to_unmap_one(), mm/memory.c; excused under mmap_lock or a page-table lock",
    excuse: writesAddressSpace,
    holds: (v) => {
      if (slots(v) === 0) return true;
      for (let mm = 0; mm < v.mm.count; mm++) {
        const found = swapEntries(v, mm, -1);
        if (v.mm.swapEntries.get(mm) !== found) {
          return { conjunct: "MM_SWAPENTS === swap entries", values: { mm, counted: v.mm.swapEntries.get(mm), found } };
        }
      }
      return true;
    },
  },
];
