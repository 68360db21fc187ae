/**
 * Reservations follow when VMAs change: the safe design. The caller holds mmap_lock and the locks of the VMAs for
 * writing. So nobody makes, uses or promotes one of their reservations meanwhile, but the shrinker may take one away.
 *
 * If reservations belong to the address space, a boundary ends only those that it cuts. If they belong to a VMA,
 * those on the other side also change their container.
 */
import { NONE, emit, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { vmBugOn } from "../bug.ts";
import type { Kernel } from "../mm-types.ts";
import type { Container, Mm, PteIndex, Reservation, Vma, Vpn } from "../structs/types.ts";
import { hpageAddress, pmdIndex, pteIndex } from "../pgtable.ts";
import { containerOf, findReservation, removeFromHash, usedPages } from "./container.ts";
import { safeRelease } from "./safe-release.ts";

/**
 * The boundary between `lower` and `upper` has moved from `from` to `to`; both VMAs have their new bounds. A new
 * VMA had none of the range before; a removed one has none of it now.
 * @model part of the safe mechanism: the patch of 2018 has _khugepaged_move_reservations_adj()
 */
export function* safeBoundary(k: Kernel, lower: Vma, upper: Vma, from: Vpn, to: Vpn): Routine {
  const source: Vma = to > from ? upper : lower;
  const target: Vma = to > from ? lower : upper;
  // A reservation that is cut in two ends.
  if (pteIndex(k, to) !== 0) yield* safeRelease(k, source, to);
  if (k.param.resvPerMm.get() !== 0) return;
  const end: Vpn = Math.max(from, to);
  for (
    let haddr: Vpn = hpageAddress(k, Math.min(from, to) + k.param.hpagePmdNr.get() - 1);
    haddr + k.param.hpagePmdNr.get() <= end;
    haddr += k.param.hpagePmdNr.get()
  ) {
    yield* rekey(k, source, haddr, target, haddr);
  }
}

/**
 * All of `from` is part of `to` now, and `from` is about to be freed.
 * @model part of the safe mechanism: the patch of 2018 has _khugepaged_reservations_fixup()
 */
export function* safeTakeOver(k: Kernel, from: Vma, to: Vma): Routine {
  if (k.param.resvPerMm.get() !== 0) return;
  for (let haddr: Vpn = hpageAddress(k, k.vma.start.get(from)); haddr < k.vma.end.get(from); haddr += k.param.hpagePmdNr.get())
    yield* rekey(k, from, haddr, to, haddr);
}

/**
 * The pages oldAddr..oldAddr + length - 1 of `vma` are about to move to newAddr in `newVma`, which may be the same VMA.
 * A reservation of which only a part moves is dropped; so are all where the alignment differs, or the policy says so.
 * @model part of the safe mechanism: the patch of 2018 has thp_reservations_mremap()
 */
export function* safeMremap(k: Kernel, vma: Vma, oldAddr: Vpn, newVma: Vma, newAddr: Vpn, length: Vpn): Routine {
  const h = k.param.hpagePmdNr.get();
  const aligned: boolean = pteIndex(k, oldAddr) === pteIndex(k, newAddr) && k.param.resvMremapMoves.get() !== 0;
  for (let haddr: Vpn = hpageAddress(k, oldAddr); haddr < oldAddr + length; haddr += h) {
    if (aligned && haddr >= oldAddr && haddr + h <= oldAddr + length) yield* rekey(k, vma, haddr, newVma, newAddr + haddr - oldAddr);
    else yield* safeRelease(k, vma, haddr);
  }
}

/** A reservation changes its range, its container, or both. */
function* rekey(k: Kernel, from: Vma, haddr: Vpn, to: Vma, newHaddr: Vpn): Routine {
  const source: Container = containerOf(k, from);
  const target: Container = containerOf(k, to);
  if (source === target && haddr === newHaddr) return;
  yield* spinLock(k, k.resvs.lock.at(source));
  if (source !== target) yield* spinLock(k, k.resvs.lock.at(target));
  const res: Reservation = findReservation(k, source, haddr);
  if (res !== NONE) {
    vmBugOn(findReservation(k, target, newHaddr) !== NONE, "thp-reservation: there is a reservation where one is moved to");
    // The list's lock protects which lock the shrinker has to try.
    yield* spinLock(k, k.resvLru.lock.at());
    removeFromHash(k, res);
    k.resv.container.set(res, target);
    k.resv.haddr.set(res, newHaddr);
    k.resvs.hash.set(target, pmdIndex(k, newHaddr), res);
    if (haddr !== newHaddr) announceMove(k, k.vma.mm.get(to), haddr, newHaddr, res);
    spinUnlock(k, k.resvLru.lock.at());
  }
  if (source !== target) spinUnlock(k, k.resvs.lock.at(target));
  spinUnlock(k, k.resvs.lock.at(source));
}

/** For the specification one reservation ends, and another with the same used pages begins. */
function announceMove(k: Kernel, mm: Mm, haddr: Vpn, newHaddr: Vpn, res: Reservation): void {
  emit(k, EV.RESV_RELEASE, mm, pmdIndex(k, haddr), k.resv.unused.get(res));
  emit(k, EV.RESV_CREATE, mm, pmdIndex(k, newHaddr));
  const used: PteIndex = usedPages(k, res);
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) {
    if (used === 0 || !k.resv.used.get(res, i)) continue;
    emit(k, EV.RESV_TAKE, mm, pmdIndex(k, newHaddr), i, k.resv.page.get(res) + i);
    // No fault is under way that has one and has not mapped it.
    emit(k, EV.RESV_INSTALL, mm, pmdIndex(k, newHaddr), i, k.resv.page.get(res) + i);
  }
}
