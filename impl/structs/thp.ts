/** What THP has of its own: the huge zero page, the deferred split queue, khugepaged. @kernel mm/huge_memory.c, mm/khugepaged.c */
import { NONE, array, bitset, bool, int, ref, spinlock, struct, table } from "thpcheck";
import type { Bounds } from "../../spec/bounds.ts";
import type { GrainFlags } from "../config/grain.ts";
import type { SwitchValues } from "../config/release.ts";
import type { AnonOrders } from "../config/thp-anon.ts";
import { KHUGEPAGED_MTHP_NONE, KHUGEPAGED_MTHP_V10 } from "../../spec/enumerations.ts";

export function hugeZero() {
  return struct({
    refcount: int(0, 7, "huge_zero_refcount", { guard: "atomic" }),
    page: ref("page", "huge_zero_folio", { guard: "atomic" }),
  });
}

/** What the grain `zero` adds: none without it. */
export function hugeZeroWords(c: Bounds & GrainFlags) {
  return table(c.grainZero ? 1 : 0, {
    lock: spinlock("huge_zero_lock"),
    pfn: ref("page", "huge_zero_pfn; NONE: HUGE_ZERO_UNSET_PFN", { guard: "atomic" }),
  });
}

/** How many sizes there are between a page and a huge page. */
const middleOrders = (b: Bounds): number => b.hpagePmdOrder - b.minLargeOrder;

/**
 * For which areas folios of each size between a page and a huge page are enabled: no object without `thpAnon`. A bit for each
 * order; an order that is in none of the sets is never used.
 */
export function anonOrders(c: Bounds & Pick<AnonOrders, "anonAlways" | "anonMadvise" | "anonInherit">) {
  const orders = 2 ** c.hpagePmdOrder - 1;
  return table(middleOrders(c) > 0 ? 1 : 0, {
    lock: spinlock("huge_anon_orders_lock"),
    always: int(0, orders, "huge_anon_orders_always", { guard: "atomic", init: c.anonAlways }),
    inherit: int(0, orders, "huge_anon_orders_inherit", { guard: "atomic", init: c.anonInherit }),
    madvise: int(0, orders, "huge_anon_orders_madvise", { guard: "atomic", init: c.anonMadvise }),
  });
}

/** hugepages-<size>kB/stats of the sizes between a page and a huge page, the smallest first: gauges. Those of PMD size are the node's. */
export function thpSize(b: Bounds) {
  return table(middleOrders(b), {
    nrAnon: int(0, b.frames, "nr_anon: anonymous folios of this size", { guard: "atomic" }),
    nrAnonPartiallyMapped: int(0, b.frames, "nr_anon_partially_mapped", { guard: "atomic" }),
  });
}

type OfMthpCollapse = Bounds & Pick<SwitchValues, "khugepagedMthp">;
/** khugepaged collapses to sizes between a page and a huge page: without, there is nothing of it. */
export const collapsesToSizes = (c: OfMthpCollapse): boolean => middleOrders(c) > 0 && c.khugepagedMthp !== KHUGEPAGED_MTHP_NONE;

/** What khugepaged's scan of a range has found, for the walk behind it: of khugepaged_collapse_control, which is one. */
export function mthpScan(c: OfMthpCollapse) {
  return table(collapsesToSizes(c) ? 1 : 0, {
    presentPtes: array(c.pagesPerHugePage, bool("mthp_present_ptes: the entry maps a page that may be collapsed", { guard: "model" })),
    unmapped: int(0, c.pagesPerHugePage, "entries that are not present", { guard: "model" }),
    enabledOrders: int(0, 2 ** (c.hpagePmdOrder + 1) - 1, "enabled_orders: a bit for each", { guard: "model" }),
  });
}

/** What the form of 2025 (v10) has in struct collapse_control; none without it. A chunk is as large as the smallest folio. */
export function scanBitmap(c: OfMthpCollapse) {
  const chunks = 2 ** middleOrders(c);
  return table(collapsesToSizes(c) && c.khugepagedMthp === KHUGEPAGED_MTHP_V10 ? 1 : 0, {
    chunks: array(chunks, bool("mthp_bitmap: few enough entries of the chunk are empty", { guard: "model" })),
    shifted: array(chunks, bool("mthp_bitmap_temp: the same from the chunk on that is looked at", { guard: "model" })),
    stackOrder: array(chunks, int(0, middleOrders(c), "mthp_bitmap_stack[].order, of chunks", { guard: "model" })),
    stackOffset: array(chunks, int(0, chunks - 1, "mthp_bitmap_stack[].offset, in chunks", { guard: "model" })),
  });
}

/** Of which part of its huge range the thread of each CPU is about to make a folio: all of it, but in khugepaged's walk. */
export function window(c: OfMthpCollapse) {
  return table(collapsesToSizes(c) ? c.cpus : 0, {
    first: int(0, c.pagesPerHugePage - 1, "pte_index(start_addr)", { guard: "model" }),
    order: int(0, c.hpagePmdOrder, "order", { guard: "model", init: c.hpagePmdOrder }),
  });
}

export function deferredSplit(b: Bounds) {
  return struct({
    lock: spinlock("split_queue_lock"),
    length: int(0, b.frames, "split_queue_len", { guard: "lock" }),
    // A large folio begins at an even frame: half as many as flags of pages would be.
    unmappedInSplit: array(Math.ceil(b.frames / 2),
      bool("by pair of frames: the large folio that begins there lost a mapping amid a split; of the specification", { guard: "model" })),
  });
}

/** Slots of mm_slots, one for each address space, and the head of the list behind them: none without the grain `slots`. */
export function mmSlot(c: Bounds & GrainFlags) {
  return table(c.grainSlots ? c.mms + 1 : 0, {
    allocated: bool("kmem_cache_alloc(); of the head, false", { guard: "khugepaged.lock" }),
    next: int(NONE, c.mms, "mm_node.next; the head is behind the slots; NONE: poison", { guard: "khugepaged.lock", init: c.mms }),
    prev: int(NONE, c.mms, "mm_node.prev", { guard: "khugepaged.lock", init: c.mms }),
  });
}

export function khugepaged(b: Bounds) {
  return struct({
    lock: spinlock("khugepaged_mm_lock"),
    slots: bitset(Math.min(31, b.mms), "mm_slots on the list", { guard: "lock" }),
    cursorMm: ref("mm", "khugepaged_scan.mm_slot", { guard: "lock" }),
    /** Only the thread itself touches these two. */
    cursorAddress: int(0, b.vpnMax, "khugepaged_scan.address", { guard: "atomic" }),
    budget: int(0, Math.max(1, b.pagesToScan), "pages_to_scan less cc->progress: what this scan may still look at", { guard: "atomic" }),
  });
}
