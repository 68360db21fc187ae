/**
 * Memory pressure, the safe design: unused pages of reservations go back to the allocator.
 *
 * Everybody else takes the list's lock inside a container's. The shrinker, which comes from the list, reads there which
 * container it is, lets the list go, takes the container's lock, then the list's, and asks again. The container may be
 * freed meanwhile, and be another's: it is part of an area or an address space, whose memory stays of that kind
 * (SLAB_TYPESAFE_BY_RCU), so its lock can be taken, and the second look tells. Once it has both locks the reservation is its
 * own; it needs neither address space nor area.
 */
import { spinLock, spinUnlock, type Routine } from "thpcheck";
import type { Kernel } from "../mm-types.ts";
import type { Container, Frames, Mm, Reservation } from "../structs/types.ts";
import { isOnLru } from "./container.ts";
import { detachReservation, putUnusedPages } from "./safe-release.ts";

/**
 * One call of the shrinker: it takes one reservation, the first on the list, or (policy) goes on until there is none.
 * @model part of the safe mechanism: the patch of 2018 has thp_resvs_shrink_scan()
 * @holds nothing
 * @returns pages given back
 */
export function* safeShrink(k: Kernel): Routine<Frames> {
  let freed: Frames = 0;
  for (;;) {
    yield* spinLock(k, k.resvLru.lock.at());
    if (k.resvLru.length.get() === 0) {
      spinUnlock(k, k.resvLru.lock.at());
      return freed;
    }
    const res: Reservation = k.resvLru.items.get(0);
    const container: Container = k.resv.container.get(res);
    spinUnlock(k, k.resvLru.lock.at());

    yield* spinLock(k, k.resvs.lock.at(container));
    yield* spinLock(k, k.resvLru.lock.at());
    const taken: boolean = isOnLru(k, res) && k.resv.container.get(res) === container;
    if (taken) {
      freed += k.resv.unused.get(res);
      detachReservation(k, mmOf(k, container), res);
    }
    spinUnlock(k, k.resvLru.lock.at());
    spinUnlock(k, k.resvs.lock.at(container));
    if (taken) yield* putUnusedPages(k, res);
    if (taken && k.param.resvPressureAll.get() === 0) return freed;
  }
}

/** Whose address space the container belongs to: for the events alone. */
function mmOf(k: Kernel, container: Container): Mm {
  return k.param.resvPerMm.get() !== 0 ? container as number : k.vma.mm.get(container);
}

/** @returns the pages that memory pressure could free, part of MemAvailable @kernel mm/page_alloc.c si_mem_available() */
export function siMemAvailable(k: Kernel): number {
  return k.zone.freePages.once() + k.node.thpReserved.get();
}
