/**
 * THP reservations as they were posted: "[RFC PATCH] mm: thp: implement THP reservations for anonymous memory",
 * November 2018, defects included. Line by line as in the patch; where it is wrong, the comment gives the number of
 * the defect in impl/policy/README.md. The kernel around it is that of today (VMA locks, folios).
 *
 * A mapped page of a reservation has two references: the mapping's and the reservation's.
 */
import { NONE, at, choose, spinLock, spinUnlock, type Routine } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import { thpVmaAllowableOrder, thpVmaSuitableOrder, TVA_PAGEFAULT } from "../huge-memory/eligibility.ts";
import type { Kernel } from "../mm-types.ts";
import type { Container, Pfn, PteIndex, Reservation, Vma, Vpn } from "../structs/types.ts";
import { allocPages, freePages } from "../page-alloc.ts";
import { folioGet } from "../page-ref.ts";
import { hpageAddress, pmdIndex, pteIndex } from "../pgtable.ts";
import { folioPut } from "../swap.ts";
import { containerOf, findReservation, freeReservation, insertReservation, lruAdd, lruDel, removeFromHash } from "./container.ts";

/** Asserts that the VMA's container has not been freed. @model use after free is an assertion here */
export function checkContainer(k: Kernel, container: Container): void {
  vmBugOn(!k.resvs.allocated.get(container), "thp-reservation: the container of reservations is used after it was freed");
}
/** The same for a reservation. @model see checkContainer() */
export function checkReservation(k: Kernel, res: Reservation): void {
  vmBugOn(!k.resv.allocated.get(res), "thp-reservation: a reservation is used after it was freed");
}

// ---- containers ------------------------------------------------------------------------------------------------

/**
 * A container for a new VMA, unless huge pages are installed at fault at the moment. D18: then the VMA never gets one.
 * @kernel mm/khugepaged.c thp_resvs_new(), patch of 2018
 */
export function* rfcResvsNew(k: Kernel, vma: Vma): Routine {
  yield at("hugepage_promotion_threshold");
  if (k.knob.promotionThreshold.once() === 1) return;
  yield at("kzalloc(thp_resvs)");
  if (k.param.allocationMayFail.get() !== 0 && choose(k, "kzalloc(thp_resvs) fails", 2) === 1) return;
  bootResvs(k, vma);
}

/**
 * The part without steps, also for VMAs that a scenario starts with.
 * @kernel mm/khugepaged.c thp_resvs_new(), patch of 2018
 */
export function bootResvs(k: Kernel, vma: Vma): void {
  for (let c = 0; c < k.resvs.count; c++) {
    if (k.resvs.allocated.get(c)) continue;
    k.resvs.allocated.set(c, true);
    for (let i = 0; i < k.param.hugeRanges.get(); i++) k.resvs.hash.set(c, i, NONE);
    k.vma.resvs.set(vma, c);
    return;
  }
}

/**
 * Frees the container, and relies on zaps to have released what is in it: D13.
 * @kernel mm/khugepaged.c __thp_resvs_put(), patch of 2018
 */
export function* rfcResvsPut(k: Kernel, vma: Vma): Routine {
  yield at("thp_resvs_put");
  const container = k.vma.resvs.get(vma);
  if (container === NONE) return;
  k.resvs.allocated.set(container, false);
  k.vma.resvs.set(vma, NONE);
}

// ---- faults ----------------------------------------------------------------------------------------------------

/**
 * R2 to R9.
 * @kernel mm/khugepaged.c khugepaged_reserve(), patch of 2018
 * @holds the VMA lock or mmap_lock, for reading
 */
export function* rfcReserve(k: Kernel, vma: Vma, vpn: Vpn): Routine {
  const container: Container = containerOf(k, vma);
  if (container === NONE || !thpVmaSuitableOrder(k, vma, vpn)) return;
  yield* spinLock(k, k.resvs.lock.at(container));
  if (findReservation(k, container, vpn) !== NONE) {
    spinUnlock(k, k.resvs.lock.at(container));
    return;
  }
  const block: Pfn = yield* allocPages(k, k.param.hpagePmdOrder.get(), true);
  if (block === NONE) {
    k.vmstat.thpResAllocFailed.add(1);
    spinUnlock(k, k.resvs.lock.at(container));
    return;
  }
  // D1: GFP_KERNEL, with the lock held.
  yield at("kzalloc(thp_reservation, GFP_KERNEL)");
  vmBugOn(
    k.param.debugAtomicSleep.get() !== 0 && k.resvs.lock.isHeld(container),
    "thp-reservation: sleeping function called from invalid context: kzalloc(GFP_KERNEL) under res_hash_lock",
  );
  if (k.param.allocationMayFail.get() !== 0 && choose(k, "kzalloc(thp_reservation) fails", 2) === 1) {
    k.vmstat.thpResAllocFailed.add(1);
    // D2: every page has a reference by now, and only the first one's is dropped.
    yield* freePages(k, block, k.param.hpagePmdOrder.get());
    spinUnlock(k, k.resvs.lock.at(container));
    return;
  }
  yield* spinLock(k, k.resvLru.lock.at());
  insertReservation(k, container, k.vma.mm.get(vma), vma, hpageAddress(k, vpn), block);
  spinUnlock(k, k.resvLru.lock.at());
  spinUnlock(k, k.resvs.lock.at(container));
}

/**
 * R11, R12: the page with a reference of its own, even if another fault has it already (D5). The counter follows now,
 * but nr_unused only when the page is mapped, if it ever is (D4).
 * @kernel mm/khugepaged.c khugepaged_get_reserved_page(), patch of 2018
 */
export function* rfcGetReservedPage(k: Kernel, vma: Vma, vpn: Vpn): Routine<Pfn> {
  yield at("transparent_hugepage_enabled");
  const enabled: boolean = thpVmaAllowableOrder(k, vma, TVA_PAGEFAULT);
  const container: Container = containerOf(k, vma);
  if (!enabled || container === NONE) return NONE;
  yield* spinLock(k, k.resvs.lock.at(container));
  const res: Reservation = findReservation(k, container, vpn);
  let page: Pfn = NONE;
  if (res !== NONE) {
    page = k.resv.page.get(res) + pteIndex(k, vpn);
    yield at("get_page");
    folioGet(k, page);
    yield* spinLock(k, k.resvLru.lock.at());
    lruDel(k, res);
    lruAdd(k, res);
    spinUnlock(k, k.resvLru.lock.at());
    k.node.thpReserved.add(-1);
  }
  spinUnlock(k, k.resvs.lock.at(container));
  return page;
}

/** R17. @kernel mm/khugepaged.c khugepaged_mod_resv_unused(), patch of 2018, by -1 @holds the page-table lock */
export function* rfcModResvUnused(k: Kernel, vma: Vma, vpn: Vpn): Routine {
  const container: Container = containerOf(k, vma);
  if (container === NONE) return;
  yield* spinLock(k, k.resvs.lock.at(container));
  const res: Reservation = findReservation(k, container, vpn);
  if (res !== NONE && k.resv.unused.get(res) > 0) {
    k.resv.unused.add(res, -1);
    // The patch has no such field. The specification and the figures of scenarios read it.
    k.resv.used.set(res, pteIndex(k, vpn), true);
  }
  spinUnlock(k, k.resvs.lock.at(container));
}

// ---- the end ---------------------------------------------------------------------------------------------------

/**
 * @kernel mm/khugepaged.c khugepaged_release_reservation(), patch of 2018
 * @holds anything but the container's lock
 */
export function* rfcRelease(k: Kernel, vma: Vma, vpn: Vpn): Routine {
  const container: Container = containerOf(k, vma);
  if (container === NONE) return;
  yield* spinLock(k, k.resvs.lock.at(container));
  const res: Reservation = findReservation(k, container, vpn);
  if (res !== NONE) yield* rfcFreeReservation(k, res, false);
  spinUnlock(k, k.resvs.lock.at(container));
}

/**
 * Gives back the reservation's reference to every page, with the lock held. `compound`: the block is a huge page, and
 * only the object is freed.
 * @kernel mm/khugepaged.c khugepaged_free_reservation(), patch of 2018
 * @holds the container's lock
 */
export function* rfcFreeReservation(k: Kernel, res: Reservation, compound: boolean): Routine {
  yield* spinLock(k, k.resvLru.lock.at());
  lruDel(k, res);
  spinUnlock(k, k.resvLru.lock.at());
  removeFromHash(k, res);
  const page: Pfn = k.resv.page.get(res);
  const unused: PteIndex = k.resv.unused.get(res);
  freeReservation(k, res);
  if (compound) return;
  for (let i: PteIndex = 0; i < k.param.hpagePmdNr.get(); i++) yield* folioPut(k, page + i);
  yield at("mod_node_page_state(NR_THP_RESERVED)");
  k.node.thpReserved.add(-unused);
}

// ---- VMAs change ----------------------------------------------------------------------------------------------

/** @kernel mm/khugepaged.c __khugepaged_release_reservations(), patch of 2018 @holds mmap_lock for writing */
function* releaseRange(k: Kernel, vma: Vma, addr: Vpn, length: Vpn): Routine {
  const container: Container = containerOf(k, vma);
  if (container === NONE) return;
  yield* spinLock(k, k.resvs.lock.at(container));
  for (let haddr: Vpn = hpageAddress(k, addr); haddr < addr + length; haddr += k.param.hpagePmdNr.get()) {
    const res: Reservation = findReservation(k, container, haddr);
    if (res !== NONE) yield* rfcFreeReservation(k, res, false);
  }
  spinUnlock(k, k.resvs.lock.at(container));
}

/** @kernel mm/khugepaged.c __khugepaged_move_reservations(), patch of 2018 @holds mmap_lock for writing */
export function* rfcMove(k: Kernel, src: Vma, dst: Vma, splitAddr: Vpn, dstIsBelow: boolean): Routine {
  const source: Container = containerOf(k, src);
  const target: Container = containerOf(k, dst);
  if (source === NONE) return;
  yield* spinLock(k, k.resvs.lock.at(source));
  if (target !== NONE) yield* spinLock(k, k.resvs.lock.at(target));
  for (let haddr: Vpn = 0; haddr < k.param.vpnMax.get(); haddr += k.param.hpagePmdNr.get()) {
    const res: Reservation = findReservation(k, source, haddr);
    if (res === NONE) continue;
    const straddles: boolean = pteIndex(k, splitAddr) !== 0 && haddr === hpageAddress(k, splitAddr);
    if (!straddles && (dstIsBelow ? haddr >= splitAddr : haddr < splitAddr)) continue;
    if (straddles || target === NONE) yield* rfcFreeReservation(k, res, false);
    else rekey(k, res, target, dst, haddr);
  }
  if (target !== NONE) spinUnlock(k, k.resvs.lock.at(target));
  spinUnlock(k, k.resvs.lock.at(source));
}

function rekey(k: Kernel, res: Reservation, target: Container, dst: Vma, haddr: Vpn): void {
  removeFromHash(k, res);
  k.resv.container.set(res, target);
  k.resv.vma.set(res, dst);
  k.resv.haddr.set(res, haddr);
  k.resvs.hash.set(target, pmdIndex(k, haddr), res);
}

/**
 * D14: both VMAs can be the same, and then the second lock is the first.
 * @kernel mm/khugepaged.c thp_reservations_mremap(), patch of 2018
 * @holds mmap_lock for writing
 */
export function* rfcMremap(k: Kernel, vma: Vma, oldAddr: Vpn, newVma: Vma, newAddr: Vpn, length: Vpn): Routine {
  const source: Container = containerOf(k, vma);
  const target: Container = containerOf(k, newVma);
  if (source === NONE) return;
  if (target === NONE || pteIndex(k, oldAddr) !== pteIndex(k, newAddr)) {
    yield* releaseRange(k, vma, oldAddr, length);
    return;
  }
  yield* spinLock(k, k.resvs.lock.at(source));
  yield* spinLock(k, k.resvs.lock.at(target));
  const end: Vpn = oldAddr + length;
  for (let haddr: Vpn = 0; haddr < k.param.vpnMax.get(); haddr += k.param.hpagePmdNr.get()) {
    const res: Reservation = findReservation(k, source, haddr);
    if (res === NONE) continue;
    const cut: boolean =
      (pteIndex(k, oldAddr) !== 0 && haddr === hpageAddress(k, oldAddr)) || (pteIndex(k, end) !== 0 && haddr === hpageAddress(k, end));
    if (cut) yield* rfcFreeReservation(k, res, false);
    else if (haddr >= oldAddr && haddr < end) rekey(k, res, target, newVma, haddr + newAddr - oldAddr);
  }
  spinUnlock(k, k.resvs.lock.at(target));
  spinUnlock(k, k.resvs.lock.at(source));
}
