/**
 * The write half of a fault where nothing is mapped yet, where there are sizes between a page and a huge page (`thpAnon`):
 * mm/memory.c do_anonymous_page() from alloc_anon_folio() on. Without them it is part of `anon.ts`, for a single page.
 */
import { NONE, at, spinUnlock, type Routine } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import { windowStart } from "../huge-memory/orders.ts";
import { PG_SWAPBACKED, pageFlagsNonatomic } from "../page-flag-word.ts";
import type { Kernel } from "../mm-types.ts";
import type { Mm, Orders, Pfn, Table, Vpn } from "../structs/types.ts";
import { VM_WRITE } from "../structs/vma.ts";
import { folioNrPages } from "../page-flags.ts";
import { folioRefAdd } from "../page-ref.ts";
import { DIRTY, mkPte, pteIndex, pteNone, setPteAt, WRITE } from "../pgtable.ts";
import { pteOffsetMapLock, ptlOf } from "../pgtable-generic.ts";
import { folioAddNewAnonRmap } from "../rmap.ts";
import { folioAddLru, folioMarkFaulted, folioPutNew } from "../swap.ts";
import { VM_FAULT_DONE, VM_FAULT_OOM, type VmFault, type VmFaultReason } from "../vm-fault.ts";
import { ORDERS_NO_TABLE, allocAnonFolio, anonFolioOrders } from "./alloc-anon-folio.ts";
import { checkStableAddressSpace } from "./prepare.ts";

/**
 * A new folio, mapped by as many PTEs as it has pages. Under the table's lock all of these must be empty still. If one is not,
 * the access is tried again; it does not try a smaller order here.
 *
 * @kernel mm/memory.c do_anonymous_page()
 * @holds the VMA lock or mmap_lock, for reading; the VMA has an anon_vma
 */
export function* doAnonymousFolio(k: Kernel, vmf: VmFault): Routine<VmFaultReason> {
  const mm: Mm = k.vma.mm.get(vmf.vma);
  const orders: Orders = yield* anonFolioOrders(k, vmf);
  if (orders === ORDERS_NO_TABLE) return VM_FAULT_DONE;
  const folio: Pfn = yield* allocAnonFolio(k, vmf, orders);
  if (folio === NONE) return VM_FAULT_OOM;
  const start: Vpn = windowStart(vmf.address, vmf.order);
  vmf.pte = yield* pteOffsetMapLock(k, mm, start);
  if (vmf.pte === NONE) {
    yield* folioPutNew(k, folio);
    return VM_FAULT_DONE;
  }
  const raced: boolean = !pteRangeNone(k, vmf.pte, start, 1 << vmf.order);
  const stable: VmFaultReason = yield* checkStableAddressSpace(k, mm);
  if (raced || stable !== VM_FAULT_DONE) {
    spinUnlock(k, ptlOf(k, vmf.pte));
    yield* folioPutNew(k, folio);
    return raced ? VM_FAULT_DONE : stable;
  }
  yield* mapAnonFolioPte(k, vmf, folio, start);
  k.mm.anonPages.add(mm, folioNrPages(k, folio));
  if (vmf.order > 0) k.mthpStat.anonFaultAlloc.add(vmf.order, 1);
  spinUnlock(k, ptlOf(k, vmf.pte));
  return VM_FAULT_DONE;
}

/** @kernel mm/memory.c pte_range_none() @holds the table's lock */
function pteRangeNone(k: Kernel, table: Table, start: Vpn, nr: number): boolean {
  for (let i = 0; i < nr; i++) if (!pteNone(k.ptTable.pte.get(table, pteIndex(k, start + i)))) return false;
  return true;
}

/**
 * The allocation's reference becomes that of the first mapping. The entries are stores of their own: the hardware may see the
 * first ones before the others.
 *
 * @kernel mm/memory.c map_anon_folio_pte_pf(), map_anon_folio_pte_nopf()
 * @holds the table's lock; all of these entries are none
 */
function* mapAnonFolioPte(k: Kernel, vmf: VmFault, folio: Pfn, start: Vpn): Routine {
  if (vmf.order > 0) {
    yield at("folio_ref_add");
    folioRefAdd(k, folio, (1 << vmf.order) - 1);
  }
  if (k.param.grainFlags.get() !== 0) yield* pageFlagsNonatomic(k, folio, 0, PG_SWAPBACKED);
  yield at("folio_add_new_anon_rmap");
  folioAddNewAnonRmap(k, folio, vmf.vma, start);
  folioMarkFaulted(k, folio);
  yield* folioAddLru(k, folio);
  for (let i: Vpn = 0; i < 1 << vmf.order; i++) {
    yield at("set_ptes");
    const vmFlags = k.vma.flags.get(vmf.vma);
    const index = pteIndex(k, start + i);
    vmBugOn(!pteNone(k.ptTable.pte.get(vmf.pte, index)), "memory: a fault maps a new folio over what another entry maps");
    setPteAt(k, vmf.pte, index, mkPte(folio + i, vmFlags) | ((vmFlags & VM_WRITE) !== 0 ? WRITE | DIRTY : 0));
  }
}
