/** What a node has of memory: struct zone, struct lruvec and the counters of the node. @kernel include/linux/mmzone.h */
import { array, int, ref, spinlock, struct } from "thpcheck";
import type { Bounds } from "../../spec/bounds.ts";
import { MECHANISM_OFF, MECHANISM_RFC_2018 } from "../../spec/enumerations.ts";

export function zone(b: Bounds) {
  return struct({
    lock: spinlock("zone->lock"),
    free: array(b.maxOrder + 1, ref("page", "free_area[order]: first block", { guard: "lock" })),
    freePages: int(0, b.frames, "NR_FREE_PAGES", { guard: "lock" }),
  });
}

export function lruvec(b: Bounds) {
  return struct({
    lock: spinlock("lru_lock"),
    anonPages: int(0, b.frames, "NR_INACTIVE_ANON + NR_ACTIVE_ANON", { guard: "lock" }),
    filePages: int(0, b.frames, "NR_INACTIVE_FILE: lazyfree folios", { guard: "lock" }),
    isolated: int(0, b.frames, "NR_ISOLATED_ANON", { guard: "atomic" }),
  });
}

export function node(b: Bounds) {
  return struct({
    anonMapped: int(0, b.frames, "NR_ANON_MAPPED, in pages", { guard: "atomic" }),
    anonThps: int(0, b.frames, "NR_ANON_THPS, in pages: folios with a PMD mapping", { guard: "atomic" }),
    nrAnon: int(0, b.frames, "per-size nr_anon of PMD-size folios", { guard: "atomic" }),
    nrAnonPartiallyMapped: int(0, b.frames, "per-size nr_anon_partially_mapped", { guard: "atomic" }),
    thpReserved: int(b.resvMechanism === MECHANISM_RFC_2018 ? -b.frames : 0, b.resvMechanism === MECHANISM_OFF ? 0 : b.frames,
      "NR_THP_RESERVED: unused pages of reservations; drifts below 0 in the patch of 2018", { guard: "atomic", init: 0 }),
  });
}
