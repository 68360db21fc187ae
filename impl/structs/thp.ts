/** What THP has of its own: the huge zero page, the deferred split queue, khugepaged. @kernel mm/huge_memory.c, mm/khugepaged.c */
import { bitset, int, ref, spinlock, struct } from "thpcheck";
import type { Bounds } from "../../spec/bounds.ts";

export function hugeZero() {
  return struct({
    refcount: int(0, 7, "huge_zero_refcount", { guard: "atomic" }),
    page: ref("page", "huge_zero_folio", { guard: "atomic" }),
  });
}

export function deferredSplit(b: Bounds) {
  return struct({
    lock: spinlock("split_queue_lock"),
    length: int(0, b.frames, "split_queue_len", { guard: "lock" }),
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
