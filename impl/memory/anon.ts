/** Faults where nothing is mapped yet: mm/memory.c do_anonymous_page(). */
import { NONE, at, spinUnlock, type Routine } from "thpcheck";
import { hasMiddleOrders } from "../huge-memory/orders.ts";
import { memCgroupCharge } from "../memcontrol.ts";
import { PG_SWAPBACKED, PG_UPTODATE, pageFlagsNonatomic } from "../page-flag-word.ts";
import type { Kernel } from "../mm-types.ts";
import type { Entry, Mm, Order, Pfn } from "../structs/types.ts";
import { VM_WRITE } from "../structs/vma.ts";
import { allocFolio } from "../page-alloc.ts";
import { folioNrPages } from "../page-flags.ts";
import { DIRTY, mkEntry, mkPte, pteIndex, pteNone, setPteAt, SPECIAL, vmPageProt, WRITE, YOUNG, zeroPfn } from "../pgtable.ts";
import { pteAlloc, pteOffsetMapLock, ptlOf } from "../pgtable-generic.ts";
import { folioAddNewAnonRmap } from "../rmap.ts";
import { hasReservations } from "../thp-reservation/container.ts";
import { announceReservedPage, getReservedPage, putUnmappedPage, reservedPageMapped } from "../thp-reservation.ts";
import { folioAddLru, folioMarkFaulted, folioPutNew } from "../swap.ts";
import { FAULT_FLAG_WRITE, VM_FAULT_DONE, VM_FAULT_OOM, type VmFault, type VmFaultReason } from "../vm-fault.ts";
import { doAnonymousFolio } from "./anon-folio.ts";
import { folioZeroUser } from "./folio-zero-user.ts";
import { checkStableAddressSpace, vmfAnonPrepare } from "./prepare.ts";

/**
 * The PTE that maps the zero page. Its frame is none of `k.page`: the zero page has no state.
 * @kernel include/linux/pgtable.h my_zero_pfn()
 */
export function mkZeroPte(k: Kernel, vmFlags: number): Entry {
  return mkEntry(zeroPfn(k), vmPageProt(vmFlags) | SPECIAL | YOUNG);
}

/**
 * The zero page for a read, a new page for a write; or a folio of several pages, where there are such: `anon-folio.ts`.
 *
 * @kernel mm/memory.c do_anonymous_page()
 * @holds the VMA lock or mmap_lock, for reading
 */
export function* doAnonymousPage(k: Kernel, vmf: VmFault): Routine<VmFaultReason> {
  const mm: Mm = k.vma.mm.get(vmf.vma);
  const allocated: boolean = yield* pteAlloc(k, mm, vmf.address);
  if (!allocated) return VM_FAULT_OOM;
  if ((vmf.flags & FAULT_FLAG_WRITE) === 0) {
    const read: VmFaultReason = yield* mapZeroPage(k, vmf);
    return read;
  }
  const prepared: VmFaultReason = yield* vmfAnonPrepare(k, vmf);
  if (prepared !== VM_FAULT_DONE) return prepared;
  if (hasMiddleOrders(k)) return yield* doAnonymousFolio(k, vmf);
  let folio: Pfn = NONE;
  if (hasReservations(k)) folio = yield* getReservedPage(k, vmf.vma, vmf.address);
  const reserved: boolean = folio !== NONE;
  if (!reserved) {
    vmf.order = 0;
    folio = yield* folioPrealloc(k, vmf.order, true);
  }
  if (folio === NONE) return VM_FAULT_OOM;
  vmf.pte = yield* pteOffsetMapLock(k, mm, vmf.address);
  if (vmf.pte === NONE) {
    yield* putUnmappedPage(k, vmf.vma, vmf.address, folio, reserved);
    return VM_FAULT_DONE;
  }
  const raced: boolean = !pteNone(k.ptTable.pte.get(vmf.pte, pteIndex(k, vmf.address)));
  const stable: VmFaultReason = yield* checkStableAddressSpace(k, mm);
  if (raced || stable !== VM_FAULT_DONE) {
    spinUnlock(k, ptlOf(k, vmf.pte));
    yield* putUnmappedPage(k, vmf.vma, vmf.address, folio, reserved);
    return raced ? VM_FAULT_DONE : stable;
  }
  if (reserved) yield* reservedPageMapped(k, vmf.vma, vmf.address);
  k.mm.anonPages.add(mm, folioNrPages(k, folio));
  if (k.param.grainFlags.get() !== 0) yield* pageFlagsNonatomic(k, folio, 0, PG_SWAPBACKED);
  folioAddNewAnonRmap(k, folio, vmf.vma, vmf.address);
  if (reserved) announceReservedPage(k, vmf.vma, vmf.address, folio);
  folioMarkFaulted(k, folio);
  yield* folioAddLru(k, folio);
  yield at("set_pte_at");
  const vmFlags = k.vma.flags.get(vmf.vma);
  setPteAt(k, vmf.pte, pteIndex(k, vmf.address), mkPte(folio, vmFlags) | ((vmFlags & VM_WRITE) !== 0 ? WRITE | DIRTY : 0));
  spinUnlock(k, ptlOf(k, vmf.pte));
  return VM_FAULT_DONE;
}

/** The read half: no anon_vma, no rss, no reference. */
function* mapZeroPage(k: Kernel, vmf: VmFault): Routine<VmFaultReason> {
  const mm: Mm = k.vma.mm.get(vmf.vma);
  vmf.pte = yield* pteOffsetMapLock(k, mm, vmf.address);
  if (vmf.pte === NONE) return VM_FAULT_DONE;
  let result: VmFaultReason = VM_FAULT_DONE;
  if (pteNone(k.ptTable.pte.get(vmf.pte, pteIndex(k, vmf.address)))) {
    result = yield* checkStableAddressSpace(k, mm);
    if (result === VM_FAULT_DONE) setPteAt(k, vmf.pte, pteIndex(k, vmf.address), mkZeroPte(k, k.vma.flags.get(vmf.vma)));
  }
  spinUnlock(k, ptlOf(k, vmf.pte));
  return result;
}

/**
 * A charged folio; with `zeroed`, filled with zeroes and up to date. Charge and zeroing touch nothing that another
 * thread sees, so they are no steps of their own. Running out of memory for one page kills the process (VM_FAULT_OOM),
 * so this allocation may fail only where the scenario lets every allocation fail.
 *
 * @kernel mm/memory.c folio_prealloc()
 * @holds no spinlock
 * @returns NONE when allocation or charge failed
 */
export function* folioPrealloc(k: Kernel, order: Order, zeroed: boolean): Routine<Pfn> {
  const folio: Pfn = yield* allocFolio(k, order, true);
  if (folio === NONE) return NONE;
  if (!memCgroupCharge(k)) {
    yield* folioPutNew(k, folio);
    return NONE;
  }
  if (zeroed) folioZeroUser(k, folio);
  if (zeroed && k.param.grainFlags.get() !== 0) yield* pageFlagsNonatomic(k, folio, 0, PG_UPTODATE);
  return folio;
}
