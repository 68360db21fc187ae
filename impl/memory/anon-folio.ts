/**
 * The write half of a fault where nothing is mapped yet, where there are sizes between a page and a huge page (`thpAnon`):
 * mm/memory.c do_anonymous_page() from alloc_anon_folio() on. Without them it is part of `anon.ts`, for a single page.
 */
import { NONE, spinUnlock, type Routine } from "thpcheck";
import { windowStart } from "../huge-memory/orders.ts";
import type { Kernel } from "../mm-types.ts";
import type { Mm, Orders, Pfn, Table, Vpn } from "../structs/types.ts";
import { folioNrPages } from "../page-flags.ts";
import { pteIndex, pteNone } from "../pgtable.ts";
import { pteOffsetMapLock, ptlOf } from "../pgtable-generic.ts";
import { folioMarkFaulted, folioPutNew } from "../swap.ts";
import { VM_FAULT_DONE, VM_FAULT_OOM, type VmFault, type VmFaultReason } from "../vm-fault.ts";
import { ORDERS_NO_TABLE, allocAnonFolio, anonFolioOrders } from "./alloc-anon-folio.ts";
import { mapAnonFolioPteNopf } from "./map-anon-folio.ts";
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
  folioMarkFaulted(k, folio);
  yield* mapAnonFolioPteNopf(k, folio, vmf.pte, vmf.vma, start);
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
