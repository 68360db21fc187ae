/** When a reservation becomes a huge page: asked by khugepaged and MADV_COLLAPSE, or by the fault that reaches the threshold. */
import { NONE, spinLock, spinUnlock, at, type Int, type Routine } from "thpcheck";
import { announceResult, announceScan } from "../khugepaged/announce.ts";
import { collapseControl, type CollapseControl } from "../khugepaged/collapse-control.ts";
import { SCAN_PAGE_COUNT, SCAN_SUCCEED, type ScanResult } from "../khugepaged/scan-result.ts";
import { mmapReadUnlock } from "../locking/mmap-lock.ts";
import type { Kernel } from "../mm-types.ts";
import type { Container, Mm, Reservation, Vma, Vpn } from "../structs/types.ts";
import { hpageAddress } from "../pgtable.ts";
import { lruAddDrain } from "../swap.ts";
import { containerOf, findReservation, isRfc2018, usedPages } from "./container.ts";
import { rfcFindLockless, rfcPromote } from "./rfc-2018-promote.ts";
import { safePromote } from "./safe-promote.ts";

/** A scan result, or that there is no reservation. */
export type PromotionResult = Int<-1, 23>;
export const NOT_RESERVED = -1;

/**
 * The scan of a huge range succeeded. Promotes the range's reservation, if it has one.
 * @kernel mm/khugepaged.c collapse_huge_page() with a reservation, patch of 2018
 * @holds mmap_lock for reading; a reference to the mm
 * @returns NOT_RESERVED, or SCAN_PAGE_COUNT where not enough is used, with mmap_lock held; else `cc.lockDropped`
 */
export function* promoteRange(k: Kernel, mm: Mm, vma: Vma, start: Vpn, cc: CollapseControl): Routine<PromotionResult> {
  if (isRfc2018(k)) {
    yield at("khugepaged_find_reservation");
    const found: Reservation = rfcFindLockless(k, vma, start);
    if (found === NONE) return NOT_RESERVED;
    return yield* rfcPromote(k, mm, start, found, cc);
  }
  const container: Container = containerOf(k, vma);
  yield* spinLock(k, k.resvs.lock.at(container));
  const res: Reservation = findReservation(k, container, start);
  const enough: boolean = res !== NONE && (!cc.isKhugepaged || usedPages(k, res) >= k.knob.promotionThreshold.once());
  spinUnlock(k, k.resvs.lock.at(container));
  if (!enough) return res === NONE ? NOT_RESERVED : SCAN_PAGE_COUNT;
  cc.lockDropped = true;
  yield* mmapReadUnlock(k, mm);
  return yield* safePromote(k, mm, start, cc);
}

/**
 * Whether this fault used as many pages of the range as its promotion needs.
 * @model promotion by the fault itself is a proposal of the review of 2018
 * @holds the VMA lock or mmap_lock, for reading
 */
export function* reachesThreshold(k: Kernel, vma: Vma, vpn: Vpn): Routine<boolean> {
  const container: Container = containerOf(k, vma);
  yield* spinLock(k, k.resvs.lock.at(container));
  const res: Reservation = findReservation(k, container, vpn);
  const enough: boolean = res !== NONE && usedPages(k, res) >= k.knob.promotionThreshold.once();
  spinUnlock(k, k.resvs.lock.at(container));
  return enough;
}

/**
 * Promotes the range of a fault that has reached the threshold and has released its locks. The pages that the fault
 * has mapped are in this CPU's LRU batch and must leave it first. Pages in another CPU's batch make the promotion
 * fail.
 * @model see reachesThreshold()
 * @holds nothing
 */
export function* promoteInFault(k: Kernel, mm: Mm, vpn: Vpn): Routine {
  yield* lruAddDrain(k);
  yield at("promote in fault");
  announceScan(k, mm, hpageAddress(k, vpn));
  const cc: CollapseControl = collapseControl(k, true);
  const result: ScanResult = yield* safePromote(k, mm, hpageAddress(k, vpn), cc);
  announceResult(k, mm, hpageAddress(k, vpn), result);
  if (result === SCAN_SUCCEED) k.vmstat.khugepagedPagesCollapsed.add(1);
}
