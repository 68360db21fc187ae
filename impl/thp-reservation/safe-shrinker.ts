/**
 * Memory pressure, the safe design: unused pages of reservations go back to the allocator.
 *
 * All others take the list's lock inside a container's lock. The shrinker begins at the list. It reads there which
 * container a reservation is in, and drops the list's lock. Then it takes the container's lock and the list's lock,
 * and checks again. The container may have been freed and reused meanwhile. It is part of a VMA or an address space,
 * whose memory stays of that type (SLAB_TYPESAFE_BY_RCU). So its lock can be taken, and the second check tells. With
 * both locks the reservation is the shrinker's own; it needs neither address space nor VMA.
 */
import { spinLock, spinUnlock, type Routine } from "thpcheck";
import type { Kernel } from "../mm-types.ts";
import type { Container, Frames, Mm, Reservation } from "../structs/types.ts";
import { isOnLru } from "./container.ts";
import { detachReservation, putUnusedPages } from "./safe-release.ts";

/**
 * One call of the shrinker. It takes the first reservation on the list; by some policies it goes on until the list is
 * empty.
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

/** The address space that the container belongs to, for events only. */
function mmOf(k: Kernel, container: Container): Mm {
  return k.param.resvPerMm.get() !== 0 ? container as number : k.vma.mm.get(container);
}

/** @returns the pages that memory pressure could free, part of MemAvailable @kernel mm/page_alloc.c si_mem_available() */
export function siMemAvailable(k: Kernel): number {
  return k.zone.freePages.once() + k.node.thpReserved.get();
}
