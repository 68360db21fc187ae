/**
 * The window of a collapse: which pages of its huge range it is about. All of them, unless khugepaged collapses to a size
 * between a page and a huge page.
 *
 * The kernel hands start_addr, pte and order down. Here the first page and the order are the thread's row of `k.window`, so
 * that a program without these sizes has nothing of them: without rows the window is the range.
 */
import { current } from "thpcheck";
import { KHUGEPAGED_MTHP_NONE, KHUGEPAGED_MTHP_V10 } from "../../spec/enumerations.ts";
import { hasMiddleOrders } from "../huge-memory/orders.ts";
import type { Kernel } from "../mm-types.ts";

/**
 * khugepaged collapses to sizes between a page and a huge page: this kernel can, and there are such sizes.
 * @model a constant: where it is false nothing of it is in the program
 */
export function hasMthpCollapse(k: Kernel): boolean {
  return k.param.khugepagedMthp.get() !== KHUGEPAGED_MTHP_NONE && hasMiddleOrders(k);
}

/** They are collapsed as posted in 2025: collapse-scan-bitmap.ts. @model a constant, as above */
export function isMthpV10(k: Kernel): boolean {
  return k.param.khugepagedMthp.get() === KHUGEPAGED_MTHP_V10 && hasMiddleOrders(k);
}

/** The window is the whole range, for a huge page. @kernel include/linux/huge_mm.h is_pmd_order() */
export function isPmdOrder(k: Kernel, order: number): boolean {
  return !hasMthpCollapse(k) || order === k.param.hpagePmdOrder.get();
}

/** Index of the window's first PTE in its table. @kernel mm/khugepaged.c collapse_huge_page(), pte_index(start_addr) */
export function windowFirst(k: Kernel): number {
  return hasMthpCollapse(k) ? k.window.first.get(current(k)) : 0;
}

/**
 * This thread's attempt is about 2^order pages from entry `first` of the table on.
 * @kernel mm/khugepaged.c mthp_collapse(): what it hands to collapse_huge_page()
 */
export function setWindow(k: Kernel, first: number, order: number): void {
  k.window.first.set(current(k), first);
  k.window.order.set(current(k), order);
}
