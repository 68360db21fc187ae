/** Reservations of huge pages: struct thp_reservation, its containers and its LRU. Guards: see `mm-types.ts`. */
import { NONE, array, bool, int, ref, spinlock, struct, table } from "thpcheck";
import type { Bounds } from "../../spec/bounds.ts";

/**
 * Containers of reservations, one for each VMA or each address space: thp_resvs. In the safe design a container is
 * part of its object and has the same number. The patch of 2018 allocates it with the VMA, whose `resvs` points to
 * it.
 */
export function resvs(b: Bounds) {
  return table(b.resvContainers, {
    lock: spinlock("res_hash_lock; two at once under mmap_lock for writing", { nesting: "nested" }),
    allocated: bool("in use (patch of 2018)", { guard: "model" }),
    hash: array(b.hugeRanges, ref("resv", "res_hash: the reservation of each huge range", { guard: "lock" })),
  });
}

/**
 * struct thp_reservation. The base pages lie one after the other; a page that was not handed out has one reference, the
 * reservation's.
 */
export function resv(b: Bounds) {
  const h = b.pagesPerHugePage;
  return table(b.reservations, {
    allocated: bool("in use", { guard: "model" }),
    container: ref("resvs", "whose hash it is in; its lock", { guard: "resvLru.lock" }),
    haddr: int(0, b.vpnMax, "first page of its huge range", { guard: "container->lock" }),
    page: ref("page", "first page of its block", { guard: "lifetime" }),
    unused: int(0, h, "nr_unused: pages that were not handed out", { guard: "container->lock" }),
    used: array(h, bool("handed out", { guard: "container->lock" })),
    vma: ref("vma", "its VMA (patch of 2018)", { guard: "container->lock" }),
    owner: int(NONE, b.cpus - 1, "who has it to itself: who took it out of the hash, until it is freed",
      { role: "ghost", guard: "owner(referenced)" }),
  });
}

/** thp_reservations_lru, of the node that the pages are on, in the order in which the shrinker looks at them. */
export function resvLru(b: Bounds) {
  return struct({
    lock: spinlock("list_lru_node.lock"),
    length: int(0, b.reservations, "reservations on the list", { guard: "lock" }),
    items: array(b.reservations, ref("resv", "from the first one to be looked at", { guard: "lock" })),
  });
}
