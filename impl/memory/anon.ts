/** Faults where nothing is mapped yet: mm/memory.c do_anonymous_page(). */
import { NONE, at, spinUnlock, type Routine } from "thpcheck";
import { memCgroupCharge } from "../memcontrol.ts";
import type { Kernel } from "../mm-types.ts";
import type { Entry, Mm, Pfn, Table, Vma, Vpn } from "../structs/types.ts";
import { VM_WRITE } from "../structs/vma.ts";
import { allocFolio } from "../page-alloc.ts";
import { DIRTY, mkEntry, mkPte, pteIndex, pteNone, setPteAt, SPECIAL, vmPageProt, WRITE, YOUNG } from "../pgtable.ts";
import { pteAlloc, pteOffsetMapLock, ptlOf } from "../pgtable-generic.ts";
import { folioAddNewAnonRmap } from "../rmap.ts";
import { announceReservedPage, getReservedPage, hasReservations, putUnmappedPage, reservedPageMapped } from "../thp-reservation.ts";
import { folioAddLru, folioPutNew } from "../swap.ts";
import { FAULT_FLAG_WRITE, VM_FAULT_DONE, VM_FAULT_OOM, type FaultFlags, type VmFault } from "../vm-fault.ts";
import { checkStableAddressSpace, vmfAnonPrepare } from "./prepare.ts";

/** The PTE that maps the zero page. Its frame is none of `k.page`: the zero page has no state. @kernel include/linux/pgtable.h my_zero_pfn() */
export function mkZeroPte(vmFlags: number): Entry {
  return mkEntry(0, vmPageProt(vmFlags) | SPECIAL | YOUNG);
}

/**
 * The zero page for a read, a new page for a write. Orders between a page and a PMD (mTHP) are not covered.
 *
 * @kernel mm/memory.c do_anonymous_page()
 * @holds the VMA lock or mmap_lock, for reading
 */
export function* doAnonymousPage(k: Kernel, vma: Vma, vpn: Vpn, flags: FaultFlags): Routine<VmFault> {
  const mm: Mm = k.vma.mm.get(vma);
  const allocated: boolean = yield* pteAlloc(k, mm, vpn);
  if (!allocated) return VM_FAULT_OOM;
  if ((flags & FAULT_FLAG_WRITE) === 0) {
    const read: VmFault = yield* mapZeroPage(k, vma, vpn);
    return read;
  }
  const prepared: VmFault = yield* vmfAnonPrepare(k, vma, flags);
  if (prepared !== VM_FAULT_DONE) return prepared;
  let folio: Pfn = NONE;
  if (hasReservations(k)) folio = yield* getReservedPage(k, vma, vpn);
  const reserved: boolean = folio !== NONE;
  if (!reserved) folio = yield* folioPrealloc(k, true);
  if (folio === NONE) return VM_FAULT_OOM;
  const table: Table = yield* pteOffsetMapLock(k, mm, vpn);
  if (table === NONE) {
    yield* putUnmappedPage(k, vma, vpn, folio, reserved);
    return VM_FAULT_DONE;
  }
  const raced: boolean = !pteNone(k.ptTable.pte.get(table, pteIndex(k, vpn)));
  const stable: VmFault = checkStableAddressSpace(k, mm);
  if (raced || stable !== VM_FAULT_DONE) {
    spinUnlock(k, ptlOf(k, table));
    yield* putUnmappedPage(k, vma, vpn, folio, reserved);
    return raced ? VM_FAULT_DONE : stable;
  }
  if (reserved) yield* reservedPageMapped(k, vma, vpn);
  k.mm.anonPages.add(mm, 1);
  folioAddNewAnonRmap(k, folio, vma, vpn);
  if (reserved) announceReservedPage(k, vma, vpn, folio);
  yield* folioAddLru(k, folio);
  yield at("set_pte_at");
  const vmFlags = k.vma.flags.get(vma);
  setPteAt(k, table, pteIndex(k, vpn), mkPte(folio, vmFlags) | ((vmFlags & VM_WRITE) !== 0 ? WRITE | DIRTY : 0));
  spinUnlock(k, ptlOf(k, table));
  return VM_FAULT_DONE;
}

/** The read half: no anon_vma, no rss, no reference. */
function* mapZeroPage(k: Kernel, vma: Vma, vpn: Vpn): Routine<VmFault> {
  const mm: Mm = k.vma.mm.get(vma);
  const table: Table = yield* pteOffsetMapLock(k, mm, vpn);
  if (table === NONE) return VM_FAULT_DONE;
  let result: VmFault = VM_FAULT_DONE;
  if (pteNone(k.ptTable.pte.get(table, pteIndex(k, vpn)))) {
    result = checkStableAddressSpace(k, mm);
    if (result === VM_FAULT_DONE) setPteAt(k, table, pteIndex(k, vpn), mkZeroPte(k.vma.flags.get(vma)));
  }
  spinUnlock(k, ptlOf(k, table));
  return result;
}

/**
 * A charged small folio; with `zeroed`, filled with zeroes and up to date. Charge and zeroing touch nothing that another
 * thread sees, so they are no steps of their own. Running out of memory for one page kills the process (VM_FAULT_OOM),
 * so this allocation may fail only where the scenario lets every allocation fail.
 *
 * @kernel mm/memory.c folio_prealloc()
 * @holds no spinlock
 * @returns NONE when allocation or charge failed
 */
export function* folioPrealloc(k: Kernel, zeroed: boolean): Routine<Pfn> {
  const folio: Pfn = yield* allocFolio(k, 0, true);
  if (folio === NONE) return NONE;
  if (!memCgroupCharge(k)) {
    yield* folioPutNew(k, folio);
    return NONE;
  }
  if (zeroed) {
    k.page.content.set(folio, 0);
    k.page.uptodate.set(folio, true);
  }
  return folio;
}
