/** Sets of orders, and which there are: include/linux/huge_mm.h. */
import type { Kernel } from "../mm-types.ts";

/** There are folios of sizes between a page and a huge page. @model a constant: where it is false nothing of them is in the program */
export function hasMiddleOrders(k: Kernel): boolean {
  return k.param.minLargeOrder.get() < k.param.hpagePmdOrder.get();
}

/** All orders of large anonymous folios below that of a PMD. @kernel mm/memory.c alloc_anon_folio(), BIT(PMD_ORDER) - 1 */
export function ordersBelowPmd(k: Kernel): number {
  return (1 << k.param.hpagePmdOrder.get()) - (1 << k.param.minLargeOrder.get());
}

/** The largest order of the set, which is not empty. @kernel include/linux/huge_mm.h highest_order() */
export function highestOrder(orders: number): number {
  return 31 - Math.clz32(orders);
}

/** The set without this order. Its largest is the next one to try. @kernel include/linux/huge_mm.h next_order() */
export function withoutOrder(orders: number, order: number): number {
  return orders & ~(1 << order);
}

/** The order is in the set. @kernel include/linux/bitops.h test_bit() */
export function isInSet(orders: number, order: number): boolean {
  return (orders & (1 << order)) !== 0;
}

/** The set has a smaller order than this one. @kernel mm/khugepaged.c mthp_collapse(), enabled_orders & GENMASK(order - 1, 0) */
export function hasLowerOrder(orders: number, order: number): boolean {
  return (orders & ((1 << order) - 1)) !== 0;
}

/** The first page of the aligned window of this order around the address. @kernel include/linux/align.h ALIGN_DOWN() */
export function windowStart(vpn: number, order: number): number {
  return vpn - (vpn & ((1 << order) - 1));
}
