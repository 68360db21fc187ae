/**
 * Where reservations are found: the hash of a VMA or of an address space, and the shrinker's list. These are plain
 * data structures; callers hold their locks.
 *
 * Lock order: impl/README.md.
 */
import { NONE, current, emit } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { vmBugOn } from "../bug.ts";
import type { Kernel } from "../mm-types.ts";
import type { Container, Mm, Pfn, Reservation, Vma, Vpn } from "../structs/types.ts";
import { pagesDisown } from "../page-ref.ts";
import { pmdIndex } from "../pgtable.ts";
import { MECHANISM_OFF, MECHANISM_RFC_2018, MECHANISM_SAFE } from "../../spec/enumerations.ts";

/** Whether there may be reservations. @model a choice of the configuration */
export function hasReservations(k: Kernel): boolean {
  return k.param.resvMechanism.get() !== MECHANISM_OFF;
}
/** The safe mechanism: `safe*.ts`. @model a choice of the configuration */
export function isSafe(k: Kernel): boolean {
  return k.param.resvMechanism.get() === MECHANISM_SAFE;
}
/** The patch of 2018: `rfc-2018*.ts`. @model a choice of the configuration */
export function isRfc2018(k: Kernel): boolean {
  return k.param.resvMechanism.get() === MECHANISM_RFC_2018;
}

/**
 * The container of a VMA's reservations; NONE: it has none (patch of 2018).
 * @kernel include/linux/khugepaged.h vma_thp_reservations(), patch of 2018
 */
export function containerOf(k: Kernel, vma: Vma): Container {
  if (k.param.resvMechanism.get() === MECHANISM_RFC_2018) return k.vma.resvs.once(vma);
  return k.param.resvPerMm.get() !== 0 ? k.vma.mm.get(vma) : vma as number;
}

/**
 * The reservation of the huge range around `vpn`, or NONE.
 * @kernel mm/khugepaged.c khugepaged_find_reservation(), patch of 2018
 * @holds the container's lock
 */
export function findReservation(k: Kernel, container: Container, vpn: Vpn): Reservation {
  return k.resvs.hash.get(container, pmdIndex(k, vpn));
}

/**
 * Pages of a reservation that were handed out.
 * @kernel include/linux/khugepaged.h struct thp_reservation, `nr_unused`, patch of 2018
 * @holds the container's lock
 */
export function usedPages(k: Kernel, res: Reservation): number {
  return k.param.hpagePmdNr.get() - k.resv.unused.get(res);
}

/**
 * A new reservation of the whole block, in the hash and last on the shrinker's list; the block's pages are no longer the
 * caller's alone. There is an object for each block, and one for each thread that is about to free one, so one is free.
 * @kernel mm/khugepaged.c khugepaged_reserve(), its hash_add() and list_lru_add(), patch of 2018
 * @holds the container's lock and the list's
 */
export function insertReservation(k: Kernel, container: Container, mm: Mm, vma: Vma, haddr: Vpn, block: Pfn): void {
  const res = unusedObject(k);
  k.resv.allocated.set(res, true);
  k.resv.container.set(res, container);
  k.resv.haddr.set(res, haddr);
  k.resv.page.set(res, block);
  k.resv.unused.set(res, k.param.hpagePmdNr.get());
  if (isRfc2018(k)) k.resv.vma.set(res, vma);
  k.resvs.hash.set(container, pmdIndex(k, haddr), res);
  lruAdd(k, res);
  k.vmstat.thpResAlloc.add(1);
  k.node.thpReserved.add(k.param.hpagePmdNr.get());
  pagesDisown(k, block, k.param.hpagePmdOrder.get());
  emit(k, EV.RESV_CREATE, mm, pmdIndex(k, haddr));
}

function unusedObject(k: Kernel): Reservation {
  for (let res = 0; res < k.resv.count; res++) if (!k.resv.allocated.get(res)) return res;
  vmBugOn(true, "thp-reservation: there are more reservations than blocks of memory and threads that free one");
  return NONE;
}

/**
 * Takes the reservation out of the hash: it is the caller's alone.
 * @kernel include/linux/hashtable.h hash_del()
 * @holds the container's lock and the list's, unless it is not on the list
 */
export function removeFromHash(k: Kernel, res: Reservation): void {
  const container = k.resv.container.get(res);
  k.resvs.hash.set(container, pmdIndex(k, k.resv.haddr.get(res)), NONE);
}

/** Frees the object, which is the caller's alone. @kernel mm/slub.c kfree() */
export function freeReservation(k: Kernel, res: Reservation): void {
  k.resv.container.set(res, NONE);
  k.resv.haddr.set(res, 0);
  k.resv.page.set(res, NONE);
  k.resv.unused.set(res, 0);
  k.resv.vma.set(res, NONE);
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) k.resv.used.set(res, i, false);
  k.resv.allocated.set(res, false);
  k.resv.owner.set(res, NONE);
}

/**
 * The reservation is this thread's. Called right after the operation that takes it out of the reach of all others.
 * @model the sanitizers are told who owns a reservation
 */
export function ownReservation(k: Kernel, res: Reservation): void {
  k.resv.owner.set(res, current(k));
}

/**
 * Asserts that no reservation is left in a container whose VMA or address space ends.
 * @model an assertion: the patch of 2018 has none (D13)
 */
export function checkNoReservations(k: Kernel, container: Container): void {
  for (let i = 0; i < k.param.hugeRanges.get(); i++)
    vmBugOn(k.resvs.hash.once(container, i) !== NONE, "thp-reservation: a reservation outlives what it belongs to");
}

/**
 * An address space is freed, and with it the container that is part of it.
 * @model containers of address spaces are not in the patch of 2018
 */
export function reservationsOfFreedMm(k: Kernel, mm: Mm): void {
  if (isSafe(k) && k.param.resvPerMm.get() !== 0) checkNoReservations(k, mm as number);
}

// ---- the shrinker's list ---------------------------------------------------------------------------------------

/** @holds the list's lock @kernel mm/list_lru.c list_lru_add() */
export function lruAdd(k: Kernel, res: Reservation): void {
  k.resvLru.items.set(k.resvLru.length.get(), res);
  k.resvLru.length.add(1);
}

/** @model list_empty() of the object's link on the shrinker's list @holds the list's lock */
export function isOnLru(k: Kernel, res: Reservation): boolean {
  for (let i = 0; i < k.resvLru.length.get(); i++) if (k.resvLru.items.get(i) === res) return true;
  return false;
}

/** Does nothing for one that is not on it. @holds the list's lock @kernel mm/list_lru.c list_lru_del() */
export function lruDel(k: Kernel, res: Reservation): void {
  const length = k.resvLru.length.get();
  let to = 0;
  for (let from = 0; from < length; from++) {
    const item = k.resvLru.items.get(from);
    if (item === res) continue;
    k.resvLru.items.set(to, item);
    to++;
  }
  for (let i = to; i < length; i++) k.resvLru.items.set(i, NONE);
  k.resvLru.length.set(to);
}
