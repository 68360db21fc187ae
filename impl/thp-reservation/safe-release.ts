/** Reservations, the safe design: their end. Unused pages go back to the allocator; used ones are ordinary pages. */
import { NONE, at, emit, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { vmBugOn } from "../bug.ts";
import type { Kernel } from "../mm-types.ts";
import type { Container, Mm, PteIndex, Reservation, Vma, Vpn } from "../structs/types.ts";
import { hpageAddress, pmdIndex } from "../pgtable.ts";
import { folioPut } from "../swap.ts";
import { containerOf, findReservation, freeReservation, lruDel, ownReservation, removeFromHash } from "./container.ts";

/**
 * Drops the reservation of the huge range around `vpn`, if there is one: its unused pages go back to the allocator.
 * @model part of the safe mechanism: the patch of 2018 has khugepaged_release_reservation()
 * @holds the VMA lock or mmap_lock, in any mode; no spinlock
 */
export function* safeRelease(k: Kernel, vma: Vma, vpn: Vpn): Routine {
  const container: Container = containerOf(k, vma);
  yield* spinLock(k, k.resvs.lock.at(container));
  const res: Reservation = findReservation(k, container, vpn);
  if (res === NONE) {
    spinUnlock(k, k.resvs.lock.at(container));
    return;
  }
  yield* spinLock(k, k.resvLru.lock.at());
  detachReservation(k, k.vma.mm.get(vma), res);
  spinUnlock(k, k.resvLru.lock.at());
  spinUnlock(k, k.resvs.lock.at(container));
  yield* putUnusedPages(k, res);
}

/**
 * Takes the reservation out of hash and list, and its unused pages out of the counter. It is the caller's alone then.
 * @model part of the safe mechanism: the patch of 2018 frees with the lock held
 * @holds the container's lock and the list's
 */
export function detachReservation(k: Kernel, mm: Mm, res: Reservation): void {
  const haddr = k.resv.haddr.get(res);
  vmBugOn(!k.resvs.lock.isHeld(k.resv.container.get(res)), "thp-reservation: a reservation is taken out of a hash whose lock is not held");
  lruDel(k, res);
  removeFromHash(k, res);
  k.node.thpReserved.add(-k.resv.unused.get(res));
  ownReservation(k, res);
  emit(k, EV.RESV_RELEASE, mm, pmdIndex(k, haddr), k.resv.unused.get(res));
}

/**
 * Gives back the unused pages of a reservation after detachReservation(), and frees the object.
 * @model part of the safe mechanism: the patch of 2018 has khugepaged_free_reservation()
 */
export function* putUnusedPages(k: Kernel, res: Reservation): Routine {
  for (let i: PteIndex = 0; i < k.param.hpagePmdNr.get(); i++) {
    if (!k.resv.used.get(res, i)) yield* folioPut(k, k.resv.page.get(res) + i);
  }
  yield at("kfree(thp_reservation)");
  freeReservation(k, res);
}

/**
 * Drops the reservations of all huge ranges that start..end - 1 touches.
 * @model part of the safe mechanism: the patch of 2018 has __khugepaged_release_reservations()
 * @holds the VMA lock or mmap_lock, in any mode; no spinlock
 */
export function* safeReleaseRange(k: Kernel, vma: Vma, start: Vpn, end: Vpn): Routine {
  for (let haddr: Vpn = hpageAddress(k, start); haddr < end; haddr += k.param.hpagePmdNr.get()) yield* safeRelease(k, vma, haddr);
}
