/** Faults that a huge page answers: mm/huge_memory.c. */
import { at, current, emit, NONE, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { announceInstalled } from "../khugepaged/announce.ts";
import { khugepagedEnterVma } from "../khugepaged/mm-slot.ts";
import { memCgroupCharge } from "../memcontrol.ts";
import { PG_SWAPBACKED, PG_UPTODATE, pageFlagsNonatomic } from "../page-flag-word.ts";
import type { Kernel } from "../mm-types.ts";
import { PROMOTION_NONE } from "../structs/ghosts.ts";
import type { Entry, Mm, Pfn, Table, Vma, Vpn } from "../structs/types.ts";
import { folioZeroUser } from "../memory/folio-zero-user.ts";
import { checkStableAddressSpace, vmfAnonPrepare } from "../memory/prepare.ts";
import { allocFolio } from "../page-alloc.ts";
import { folioNrPages } from "../page-flags.ts";
import {
  DIRTY, hpageAddress, LEAF, maybeMkwrite, mkEntry, mkHugePmd, pmdIndex, pmdNone, SPECIAL, vmPageProt, YOUNG,
} from "../pgtable.ts";
import { pgtableTransHugeDeposit, pmdLockptr, pmdpGet, pteAllocOne, pteFree, setPmdAt, tableDisown } from "../pgtable-generic.ts";
import { folioAddNewAnonRmap } from "../rmap.ts";
import { folioAddLru, folioMarkFaulted, folioPutNew } from "../swap.ts";
import { FAULT_FLAG_WRITE, VM_FAULT_DONE, VM_FAULT_FALLBACK, VM_FAULT_OOM, type VmFault, type VmFaultReason } from "../vm-fault.ts";
import { hasReservations } from "../thp-reservation/container.ts";
import { reservationBlocksHugePmd, reserveForFault, reservesInsteadOfHuge } from "../thp-reservation.ts";
import { deferredSplitFolio } from "./deferred-split.ts";
import { thpVmaSuitableOrder } from "./eligibility.ts";
import { mmGetHugeZeroFolio } from "./huge-zero.ts";

/**
 * A fault in an empty PMD of a VMA that may have huge pages: the huge zero page for a read, a huge page for a write.
 *
 * Not covered: userfaultfd, which would take the fault where it finds the PMD empty.
 *
 * @kernel mm/huge_memory.c do_huge_pmd_anonymous_page()
 * @holds the VMA lock (FAULT_FLAG_VMA_LOCK) or mmap_lock, for reading
 * @returns VM_FAULT_FALLBACK: go on with PTEs. VM_FAULT_RETRY: the VMA lock is gone. Else as a fault does
 */
export function* doHugePmdAnonymousPage(k: Kernel, vmf: VmFault): Routine<VmFaultReason> {
  if (hasReservations(k)) {
    yield at("promotion_threshold");
    if (reservesInsteadOfHuge(k)) {
      yield* reserveForFault(k, vmf);
      return VM_FAULT_FALLBACK;
    }
  }
  if (!thpVmaSuitableOrder(k, vmf.vma, vmf.address)) return VM_FAULT_FALLBACK;
  const prepared: VmFaultReason = yield* vmfAnonPrepare(k, vmf);
  if (prepared !== VM_FAULT_DONE) return prepared;
  yield* khugepagedEnterVma(k, vmf.vma);
  if ((vmf.flags & FAULT_FLAG_WRITE) === 0 && k.knob.useZeroPage.once()) return yield* doHugeZeroPage(k, vmf);
  return yield* doHugeAnonymousPage(k, vmf);
}

/** The read half of do_huge_pmd_anonymous_page(): maps the huge zero page, read-only and counted nowhere. */
function* doHugeZeroPage(k: Kernel, vmf: VmFault): Routine<VmFaultReason> {
  const haddr: Vpn = hpageAddress(k, vmf.address);
  const mm: Mm = k.vma.mm.get(vmf.vma);
  const table: Table = yield* pteAllocOne(k, mm);
  if (table === NONE) return VM_FAULT_OOM;
  const zero: Pfn = yield* mmGetHugeZeroFolio(k, mm);
  if (zero === NONE) {
    yield* pteFree(k, table);
    k.vmstat.thpFaultFallback.add(1);
    return VM_FAULT_FALLBACK;
  }
  yield* spinLock(k, pmdLockptr(k, mm));
  const stable: VmFaultReason = yield* checkStableAddressSpace(k, mm);
  if (!pmdNone(pmdpGet(k, mm, haddr)) || stable !== VM_FAULT_DONE) {
    const raced = !pmdNone(pmdpGet(k, mm, haddr));
    spinUnlock(k, pmdLockptr(k, mm));
    yield* pteFree(k, table);
    return raced ? VM_FAULT_DONE : stable;
  }
  const blocked: boolean = yield* reservationBlocksHugePmd(k, vmf.vma, haddr);
  if (blocked) {
    spinUnlock(k, pmdLockptr(k, mm));
    yield* pteFree(k, table);
    return VM_FAULT_FALLBACK;
  }
  yield at("set_huge_zero_folio");
  pgtableTransHugeDeposit(k, mm, haddr, table);
  setPmdAt(k, mm, haddr, mkHugeZeroPmd(zero, k.vma.flags.get(vmf.vma)));
  tableDisown(k, table);
  emit(k, EV.PMD_SET_HUGE_ZERO, mm, pmdIndex(k, haddr));
  k.mm.nrPtes.add(mm, 1);
  spinUnlock(k, pmdLockptr(k, mm));
  return VM_FAULT_DONE;
}

/** The entry that maps the huge zero page. @kernel mm/huge_memory.c set_huge_zero_folio() */
function mkHugeZeroPmd(zero: Pfn, vmFlags: number): Entry {
  return mkEntry(zero, vmPageProt(vmFlags) | LEAF | SPECIAL | YOUNG);
}

/**
 * The write half. Everything that may sleep comes first. Then the PMD is read again, under the PMD lock.
 *
 * @kernel mm/huge_memory.c __do_huge_pmd_anonymous_page()
 */
function* doHugeAnonymousPage(k: Kernel, vmf: VmFault): Routine<VmFaultReason> {
  const haddr: Vpn = hpageAddress(k, vmf.address);
  const mm: Mm = k.vma.mm.get(vmf.vma);
  const folio: Pfn = yield* vmaAllocAnonFolioPmd(k, vmf);
  if (folio === NONE) return VM_FAULT_FALLBACK;
  const table: Table = yield* pteAllocOne(k, mm);
  if (table === NONE) {
    yield* folioPutNew(k, folio);
    return VM_FAULT_OOM;
  }
  yield* spinLock(k, pmdLockptr(k, mm));
  const raced: boolean = !pmdNone(pmdpGet(k, mm, haddr));
  const stable: VmFaultReason = yield* checkStableAddressSpace(k, mm);
  if (raced || stable !== VM_FAULT_DONE) {
    spinUnlock(k, pmdLockptr(k, mm));
    yield* pteFree(k, table);
    yield* folioPutNew(k, folio);
    return raced ? VM_FAULT_DONE : stable;
  }
  const blocked: boolean = yield* reservationBlocksHugePmd(k, vmf.vma, haddr);
  if (blocked) {
    spinUnlock(k, pmdLockptr(k, mm));
    yield* pteFree(k, table);
    yield* folioPutNew(k, folio);
    return VM_FAULT_FALLBACK;
  }
  yield at("pgtable_trans_huge_deposit");
  pgtableTransHugeDeposit(k, mm, haddr, table);
  yield* mapAnonFolioPmd(k, folio, vmf.vma, haddr, table);
  k.mm.nrPtes.add(mm, 1);
  spinUnlock(k, pmdLockptr(k, mm));
  return VM_FAULT_DONE;
}

/**
 * A charged, zeroed, up-to-date huge folio that nobody else knows.
 *
 * Charge and zeroing are no steps of their own. The charge touches nothing that another thread sees, and the page is
 * private until it is mapped. So both commute with every step of another thread.
 *
 * @kernel mm/huge_memory.c vma_alloc_anon_folio_pmd()
 * @holds no spinlock
 * @returns NONE after counting the fallback
 */
export function* vmaAllocAnonFolioPmd(k: Kernel, vmf: VmFault): Routine<Pfn> {
  const folio: Pfn = yield* allocFolio(k, vmf.order, true);
  if (folio === NONE) {
    k.vmstat.thpFaultFallback.add(1);
    k.mthpStat.anonFaultFallback.add(vmf.order, 1);
    return NONE;
  }
  if (!memCgroupCharge(k)) {
    k.vmstat.thpFaultFallback.add(1);
    k.vmstat.thpFaultFallbackCharge.add(1);
    k.mthpStat.anonFaultFallback.add(vmf.order, 1);
    k.mthpStat.anonFaultFallbackCharge.add(vmf.order, 1);
    yield* folioPutNew(k, folio);
    return NONE;
  }
  folioZeroUser(k, folio);
  if (k.param.grainFlags.get() !== 0) yield* pageFlagsNonatomic(k, folio, 0, PG_UPTODATE);
  return folio;
}

/**
 * Maps a new huge folio into the empty PMD at `haddr`. The allocation's reference becomes the mapping's. Reverse map,
 * LRU, PMD entry, split queue and counters change under one hold of the PMD lock; only the LRU and the split queue
 * take locks of their own.
 *
 * @kernel mm/huge_memory.c map_anon_folio_pmd_pf()
 * @holds the PMD lock; a table is deposited for this PMD
 */
export function* mapAnonFolioPmd(k: Kernel, folio: Pfn, vma: Vma, haddr: Vpn, table: Table): Routine {
  folioMarkFaulted(k, folio);
  yield* mapAnonFolioPmdNopf(k, folio, vma, haddr, table);
  k.mm.anonPages.add(k.vma.mm.get(vma), folioNrPages(k, folio));
  k.vmstat.thpFaultAlloc.add(1);
  k.mthpStat.anonFaultAlloc.add(k.param.hpagePmdOrder.get(), 1);
}

/**
 * The same outside of a fault: counts no fault, and leaves MM_ANONPAGES to the caller.
 *
 * @kernel mm/huge_memory.c map_anon_folio_pmd_nopf()
 * @holds the PMD lock; a table is deposited for this PMD
 */
export function* mapAnonFolioPmdNopf(k: Kernel, folio: Pfn, vma: Vma, haddr: Vpn, table: Table): Routine {
  const mm: Mm = k.vma.mm.get(vma);
  if (k.param.grainFlags.get() !== 0) yield* pageFlagsNonatomic(k, folio, 0, PG_SWAPBACKED);
  folioAddNewAnonRmap(k, folio, vma, haddr);
  yield* folioAddLru(k, folio);
  yield at("set_pmd_at");
  setPmdAt(k, mm, haddr, maybeMkwrite(mkHugePmd(folio, k.vma.flags.get(vma)) | DIRTY, k.vma.flags.get(vma)));
  if (table !== NONE) tableDisown(k, table);
  // A promotion in place, if this was one, is over.
  if (hasReservations(k)) k.collapse.promotion.set(current(k), PROMOTION_NONE);
  emit(k, EV.PMD_SET_HUGE, mm, pmdIndex(k, haddr), folio);
  announceInstalled(k);
  yield* deferredSplitFolio(k, folio, false);
}

/**
 * A fault on a huge page whose entry allows the access: for a write the entry becomes young and dirty. On x86 the
 * hardware does this by itself, so nothing changes for a read. Such a fault comes from a stale TLB entry or from
 * get_user_pages().
 *
 * @kernel mm/huge_memory.c huge_pmd_set_accessed(), touch_pmd(), arch/x86/mm/pgtable.c pmdp_set_access_flags()
 * @holds the VMA lock or mmap_lock, for reading
 */
export function* hugePmdSetAccessed(k: Kernel, vmf: VmFault): Routine {
  const mm: Mm = k.vma.mm.get(vmf.vma);
  yield* spinLock(k, pmdLockptr(k, mm));
  const same: boolean = pmdpGet(k, mm, vmf.address) === vmf.origPmd;
  if (same && (vmf.flags & FAULT_FLAG_WRITE) !== 0) {
    yield at("pmdp_set_access_flags");
    setPmdAt(k, mm, hpageAddress(k, vmf.address), vmf.origPmd | YOUNG | DIRTY);
  }
  spinUnlock(k, pmdLockptr(k, mm));
}
