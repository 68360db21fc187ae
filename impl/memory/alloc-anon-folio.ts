/**
 * A folio for a fault where nothing is mapped yet, as large as it may be: mm/memory.c alloc_anon_folio(). Only where there are
 * sizes between a page and a huge page (`thpAnon`).
 *
 * Not covered: userfaultfd, which wants each page for itself; folio_memcg_alloc_deferred(), for want of memcg.
 */
import { NONE, at, type Routine } from "thpcheck";
import { thpVmaAllowableOrders, thpVmaSuitableOrders } from "../huge-memory/eligibility.ts";
import { highestOrder, ordersBelowPmd, windowStart, withoutOrder } from "../huge-memory/orders.ts";
import { memCgroupCharge } from "../memcontrol.ts";
import { PG_UPTODATE, pageFlagsNonatomic } from "../page-flag-word.ts";
import type { Kernel } from "../mm-types.ts";
import type { Order, Orders, Pfn, PteIndex, Table } from "../structs/types.ts";
import { allocFolio } from "../page-alloc.ts";
import { entryTarget, pmdTable, pteIndex, ptepGetLockless, pteNone } from "../pgtable.ts";
import { pmdpGetLockless } from "../pgtable-generic.ts";
import { rcuReadLock, rcuReadUnlock } from "../rcu.ts";
import { folioPutNew } from "../swap.ts";
import type { VmFault } from "../vm-fault.ts";
import { folioZeroUser } from "./folio-zero-user.ts";

/** Of `anonFolioOrders`: the page table has gone meanwhile. Order 0, which is always allowed, is in no set otherwise. */
export const ORDERS_NO_TABLE = 1;

/**
 * The orders that the fault may take: those that are enabled for the area, whose window around the address lies inside of it,
 * and is empty. The entries are read one by one without a lock, so the answer may be stale: they are looked at again when the
 * folio is mapped. In a window that is empty all smaller ones are.
 *
 * @kernel mm/memory.c alloc_anon_folio(), pte_range_none()
 * @holds the VMA lock or mmap_lock, for reading
 * @returns 0: a single page; ORDERS_NO_TABLE: the access is to be tried again (-EAGAIN)
 */
export function* anonFolioOrders(k: Kernel, vmf: VmFault): Routine<Orders> {
  const allowed: Orders = yield* thpVmaAllowableOrders(k, vmf.vma, ordersBelowPmd(k));
  let orders: Orders = thpVmaSuitableOrders(k, vmf.vma, vmf.address, allowed);
  if (orders === 0) return 0;
  yield at("pte_offset_map");
  rcuReadLock(k);
  const pmd = pmdpGetLockless(k, k.vma.mm.get(vmf.vma), vmf.address);
  if (!pmdTable(pmd)) {
    rcuReadUnlock(k);
    return ORDERS_NO_TABLE;
  }
  const table: Table = entryTarget(pmd);
  while (orders !== 0) {
    const order: Order = highestOrder(orders);
    const first: PteIndex = pteIndex(k, windowStart(vmf.address, order));
    let i: PteIndex = 0;
    while (i < 1 << order) {
      yield at("pte_range_none: ptep_get_lockless");
      if (!pteNone(ptepGetLockless(k, table, first + i))) break;
      i++;
    }
    if (i === 1 << order) break;
    orders = withoutOrder(orders, order);
  }
  rcuReadUnlock(k);
  return orders;
}

/**
 * A charged folio, zeroed and up to date, of the largest of these orders that there is memory for; else a single page.
 * `vmf.order` is the order of the folio.
 *
 * @kernel mm/memory.c alloc_anon_folio(), folio_prealloc()
 * @holds no spinlock
 * @returns NONE: there is no single page either
 */
export function* allocAnonFolio(k: Kernel, vmf: VmFault, orders: Orders): Routine<Pfn> {
  let left: Orders = orders;
  for (;;) {
    vmf.order = left === 0 ? 0 : highestOrder(left);
    const folio: Pfn = yield* allocFolio(k, vmf.order, true);
    const charged: boolean = folio !== NONE && memCgroupCharge(k);
    if (charged) {
      folioZeroUser(k, folio);
      if (k.param.grainFlags.get() !== 0) yield* pageFlagsNonatomic(k, folio, 0, PG_UPTODATE);
      return folio;
    }
    if (vmf.order > 0) {
      k.mthpStat.anonFaultFallback.add(vmf.order, 1);
      if (folio !== NONE) k.mthpStat.anonFaultFallbackCharge.add(vmf.order, 1);
    }
    if (folio !== NONE) yield* folioPutNew(k, folio);
    if (vmf.order === 0) return NONE;
    left = withoutOrder(left, vmf.order);
  }
}
