/**
 * THP reservations for anonymous memory: the first fault in a huge range reserves a huge page's worth of single pages,
 * each later fault takes the page at its own offset, and when enough are in use the block becomes a huge page, in place.
 * No kernel has them: they were proposed once, in November 2018.
 *
 * This file is what the rest of the kernel calls. Behind it are two mechanisms, one of which a policy names
 * (`policy/policy.ts`): `thp-reservation/safe*.ts`, which is right, and `thp-reservation/rfc-2018*.ts`, which is the
 * patch as it was posted. Without a policy every call here does nothing, and the compiler leaves it out.
 *
 * Policies decide when; the mechanism decides how. Promotion itself is called by khugepaged, or by the fault
 * (`khugepaged/collapse-single-pmd.ts`).
 */
import { NONE, at, emit, type Routine } from "thpcheck";
import { EV } from "../spec/events.ts";
import { khugepagedEnterVma } from "./khugepaged/mm-slot.ts";
import { memCgroupCharge } from "./memcontrol.ts";
import type { Kernel } from "./mm-types.ts";
import type { Pfn, PteIndex, Table, Vma, Vpn } from "./structs/types.ts";
import { entryTarget, isZeroPte, pmdIndex, pmdNone, pmdTable, pteIndex, pteNone, ptepGetLockless } from "./pgtable.ts";
import { pmdpGetLockless } from "./pgtable-generic.ts";
import { FORK_FIRST_WRITER, FORK_NOBODY } from "./policy/switches.ts";
import { rcuReadLock, rcuReadUnlock } from "./rcu.ts";
import { folioPut, folioPutNew } from "./swap.ts";
import { FAULT_FLAG_WRITE, type VmFault } from "./vm-fault.ts";
import { checkNoReservations, hasReservations, isRfc2018, isSafe } from "./thp-reservation/container.ts";
import {
  rfcGetReservedPage, rfcModResvUnused, rfcMove, rfcMremap, rfcRelease, rfcReserve, rfcResvsNew, rfcResvsPut,
} from "./thp-reservation/rfc-2018.ts";
import { safeBlocksHugePmd, safeGiveBack, safeReserve, safeTake } from "./thp-reservation/safe.ts";
import { safeRelease, safeReleaseRange } from "./thp-reservation/safe-release.ts";
import { safeBoundary, safeMremap, safeTakeOver } from "./thp-reservation/safe-move.ts";

// ---- faults ----------------------------------------------------------------------------------------------------

/**
 * Whether faults reserve, and do not install huge pages.
 * @kernel mm/huge_memory.c do_huge_pmd_anonymous_page(), patch of 2018
 */
export function reservesInsteadOfHuge(k: Kernel): boolean {
  return hasReservations(k) && k.knob.promotionThreshold.once() > 1;
}

/**
 * A fault in an empty PMD: reserves, unless the policy waits for a write.
 * @kernel mm/khugepaged.c khugepaged_reserve(), called by do_huge_pmd_anonymous_page(); patch of 2018
 * @holds the VMA lock or mmap_lock, for reading
 */
export function* reserveForFault(k: Kernel, vmf: VmFault): Routine {
  if ((vmf.flags & FAULT_FLAG_WRITE) === 0 && k.param.resvOnRead.get() === 0) return;
  if (isRfc2018(k)) yield* rfcReserve(k, vmf.vma, vmf.address);
  else yield* safeReserve(k, vmf.vma, vmf.address);
}

/**
 * The first write to a range of which nothing but zero pages is mapped: reserves, where reads did not.
 * @holds the VMA lock or mmap_lock, for reading
 */
function* reserveForFirstWrite(k: Kernel, vma: Vma, vpn: Vpn): Routine {
  yield at("promotion_threshold");
  if (!reservesInsteadOfHuge(k)) return;
  const untouched: boolean = yield* isUntouched(k, vma, vpn);
  if (untouched) yield* safeReserve(k, vma, vpn);
}

/**
 * Whether nothing but zero pages is mapped: a hint. A page that is mapped meanwhile only makes the reservation one
 * that cannot be promoted. The table may be freed meanwhile, by reclaim of page tables; RCU keeps what is read.
 */
function* isUntouched(k: Kernel, vma: Vma, vpn: Vpn): Routine<boolean> {
  rcuReadLock(k);
  const untouched: boolean = yield* mapsNothing(k, vma, vpn);
  rcuReadUnlock(k);
  return untouched;
}

/** @holds RCU */
function* mapsNothing(k: Kernel, vma: Vma, vpn: Vpn): Routine<boolean> {
  yield at("is the range untouched: pmd");
  const pmd = pmdpGetLockless(k, k.vma.mm.get(vma), vpn);
  if (!pmdTable(pmd)) return pmdNone(pmd);
  const table: Table = entryTarget(pmd);
  for (let i: PteIndex = 0; i < k.param.hpagePmdNr.get(); i++) {
    yield at("is the range untouched: pte");
    const pte = ptepGetLockless(k, table, i);
    if (!pteNone(pte) && !isZeroPte(k, pte)) return false;
  }
  return true;
}

/**
 * The page for a write fault to map: charged, filled with zeroes. A fault that fails gives it back with
 * `putReservedPage`. NONE: there is no such page, or its charge failed, and the fault maps an ordinary page.
 * @kernel mm/khugepaged.c khugepaged_get_reserved_page(), called by do_anonymous_page(), wp_page_copy(); patch of 2018
 * @holds the VMA lock or mmap_lock, for reading
 */
export function* getReservedPage(k: Kernel, vma: Vma, vpn: Vpn): Routine<Pfn> {
  if (isSafe(k) && k.param.resvOnRead.get() === 0) yield* reserveForFirstWrite(k, vma, vpn);
  let page: Pfn = NONE;
  if (isRfc2018(k)) page = yield* rfcGetReservedPage(k, vma, vpn);
  else page = yield* safeTake(k, vma, vpn);
  if (page === NONE) return NONE;
  // In the patch of 2018 another fault may have the same page.
  if (isRfc2018(k)) yield at("clear_user_highpage");
  k.page.content.set(page, 0);
  k.page.uptodate.set(page, true);
  if (!memCgroupCharge(k)) {
    yield* putReservedPage(k, vma, vpn, page);
    return NONE;
  }
  // A VMA is registered only with an anon_vma, which it has by now. The kernel of 2018 registered it when the
  // reservation was made.
  yield* khugepagedEnterVma(k, vma);
  return page;
}

/**
 * The page of getReservedPage has become an anonymous page of the VMA. Called in the step that makes it one.
 * @model an event of the machine `reserved-page`
 */
export function announceReservedPage(k: Kernel, vma: Vma, vpn: Vpn, page: Pfn): void {
  emit(k, EV.RESV_INSTALL, k.vma.mm.get(vma), pmdIndex(k, vpn), pteIndex(k, vpn), page);
}

/** Gives the page of a failed fault back. @model the patch of 2018 has no way back for a fault that fails */
export function* putReservedPage(k: Kernel, vma: Vma, vpn: Vpn, page: Pfn): Routine {
  if (isRfc2018(k)) yield* folioPut(k, page);
  else yield* safeGiveBack(k, vma, vpn, page);
}

/** The same for a page that is `reserved`, or else a new one that nobody else has seen. @model see putReservedPage() */
export function* putUnmappedPage(k: Kernel, vma: Vma, vpn: Vpn, page: Pfn, reserved: boolean): Routine {
  if (reserved) yield* putReservedPage(k, vma, vpn, page);
  else yield* folioPutNew(k, page);
}

/**
 * A fault is about to map a page that it got from getReservedPage.
 * @kernel mm/khugepaged.c khugepaged_mod_resv_unused(), patch of 2018
 * @holds the page-table lock
 */
export function* reservedPageMapped(k: Kernel, vma: Vma, vpn: Vpn): Routine {
  if (isRfc2018(k)) yield* rfcModResvUnused(k, vma, vpn);
}

/**
 * Copy-on-write of a page. The copy cannot lie in the old block. By some policies the writer gets a new reservation
 * to copy to.
 * @kernel mm/khugepaged.c khugepaged_release_reservation(), called by wp_page_copy(); patch of 2018
 * @returns the page to copy to, or NONE: an ordinary one
 * @holds the VMA lock or mmap_lock, for reading
 */
export function* reservationForCow(k: Kernel, vma: Vma, vpn: Vpn): Routine<Pfn> {
  if (isRfc2018(k)) {
    yield* rfcRelease(k, vma, vpn);
    return NONE;
  }
  yield* safeRelease(k, vma, vpn);
  if (k.param.resvAfterFork.get() !== FORK_FIRST_WRITER) return NONE;
  yield at("promotion_threshold");
  if (!reservesInsteadOfHuge(k)) return NONE;
  yield* safeReserve(k, vma, vpn);
  const page: Pfn = yield* safeTake(k, vma, vpn);
  if (page === NONE) return NONE;
  if (!memCgroupCharge(k)) {
    yield* safeGiveBack(k, vma, vpn, page);
    return NONE;
  }
  return page;
}

/**
 * Whether a reservation keeps a fault from installing a huge page at `haddr`.
 * @model the patch of 2018 installs no huge pages where it reserves
 * @holds the PMD lock
 */
export function* reservationBlocksHugePmd(k: Kernel, vma: Vma, haddr: Vpn): Routine<boolean> {
  if (!isSafe(k)) return false;
  return yield* safeBlocksHugePmd(k, vma, haddr);
}

// ---- unmapping -------------------------------------------------------------------------------------------------

/**
 * The pages of a huge range, or some of them, have been unmapped. `hadTable`: by PTEs. The patch of 2018 does nothing
 * else, and leaves a reservation behind of which nothing is mapped yet (D13).
 * @kernel mm/khugepaged.c khugepaged_release_reservation(), called by zap_pmd_range(); patch of 2018
 * @holds the VMA lock or mmap_lock; no spinlock
 */
export function* reservationZapped(k: Kernel, vma: Vma, vpn: Vpn, hadTable: boolean): Routine {
  if (isSafe(k)) yield* safeRelease(k, vma, vpn);
  else if (isRfc2018(k) && hadTable) yield* rfcRelease(k, vma, vpn);
}

/**
 * Pages of a huge range have been unmapped. They are about to be freed before the zap is done with the range, because
 * the gather is full. The reservation ends first: a used page of a reservation must not be free.
 * @model the patch of 2018 gives every page a reference of its own
 * @holds the VMA lock or mmap_lock; no spinlock
 */
export function* reservationLosesPages(k: Kernel, vma: Vma, vpn: Vpn): Routine {
  if (isSafe(k)) yield* safeRelease(k, vma, vpn);
}

/**
 * A collapse by copying is about to install a huge page. The patch of 2018 does not look (D16).
 * @model the patch of 2018 does not look
 * @holds mmap_lock and the VMA lock for writing
 */
export function* reservationCollapsed(k: Kernel, vma: Vma, haddr: Vpn): Routine {
  if (isSafe(k)) yield* safeRelease(k, vma, haddr);
}

// ---- VMAs -----------------------------------------------------------------------------------------------------

/**
 * A VMA is new, or a copy of `like`. NONE: new memory.
 * @kernel mm/khugepaged.c thp_resvs_new(), patch of 2018
 * @holds mmap_lock for writing
 */
export function* reservationsOfNewVma(k: Kernel, vma: Vma, like: Vma): Routine {
  if (!isRfc2018(k)) return;
  if (like === NONE || k.vma.resvs.get(like) !== NONE) yield* rfcResvsNew(k, vma);
}

/** A VMA is about to be freed, unmapped. @kernel include/linux/khugepaged.h thp_resvs_put(), patch of 2018 */
export function* reservationsOfFreedVma(k: Kernel, vma: Vma): Routine {
  if (isRfc2018(k)) yield* rfcResvsPut(k, vma);
  else if (isSafe(k) && k.param.resvPerMm.get() === 0) checkNoReservations(k, vma as number);
}

/**
 * The boundary between two VMAs has moved; see safeBoundary().
 * @kernel mm/khugepaged.c _khugepaged_move_reservations_adj(), patch of 2018
 * @holds mmap_lock and the locks of both VMAs for writing
 */
export function* reservationsBoundary(k: Kernel, lower: Vma, upper: Vma, from: Vpn, to: Vpn): Routine {
  if (isRfc2018(k)) yield* rfcMove(k, to > from ? upper : lower, to > from ? lower : upper, to, to > from);
  else if (isSafe(k)) yield* safeBoundary(k, lower, upper, from, to);
}

/**
 * `from` has become part of `to`.
 * @kernel mm/khugepaged.c _khugepaged_reservations_fixup(), patch of 2018
 * @holds mmap_lock and the locks of both VMAs for writing
 */
export function* reservationsTakenOver(k: Kernel, from: Vma, to: Vma): Routine {
  if (isRfc2018(k)) yield* rfcMove(k, from, to, 0, false);
  else if (isSafe(k)) yield* safeTakeOver(k, from, to);
  // D12: the patch of 2018 frees the VMA, not its container.
  if (isRfc2018(k)) k.vma.resvs.set(from, NONE);
}

/**
 * Pages are about to move to another address, or back.
 * @kernel mm/khugepaged.c thp_reservations_mremap(), patch of 2018
 * @holds mmap_lock and the locks of both VMAs for writing
 */
export function* reservationsMremap(k: Kernel, vma: Vma, oldAddr: Vpn, newVma: Vma, newAddr: Vpn, length: Vpn): Routine {
  if (isRfc2018(k)) yield* rfcMremap(k, vma, oldAddr, newVma, newAddr, length);
  else if (isSafe(k)) yield* safeMremap(k, vma, oldAddr, newVma, newAddr, length);
}

/**
 * A VMA has been copied to a child, which has no reservations.
 * @kernel include/linux/khugepaged.h thp_resvs_fork(), patch of 2018
 * @holds mmap_lock for writing
 */
export function* reservationsFork(k: Kernel, parent: Vma): Routine {
  if (isSafe(k) && k.param.resvAfterFork.get() === FORK_NOBODY)
    yield* safeReleaseRange(k, parent, k.vma.start.get(parent), k.vma.end.get(parent));
}
