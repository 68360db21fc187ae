/** Whether a VMA may have huge pages, and whether one fits: include/linux/huge_mm.h. */
import type { Kernel } from "../mm-types.ts";
import { MMF_DISABLE_THP_COMPLETELY_BIT, MMF_DISABLE_THP_EXCEPT_ADVISED_BIT } from "../structs/mm.ts";
import type { Orders, VmFlags, Vma, Vpn } from "../structs/types.ts";
import { VM_HUGEPAGE, VM_NOHUGEPAGE } from "../structs/vma.ts";
import { ENABLED_ALWAYS, ENABLED_MADVISE, PMD_ENABLED_INHERIT } from "../config/knobs.ts";
import { NONE, at, type Int, type Routine } from "thpcheck";
import { hpageAddress } from "../pgtable.ts";
import { highestOrder, windowStart, withoutOrder } from "./orders.ts";

/** The caller's purpose. @kernel include/linux/huge_mm.h enum tva_type */
export const TVA_SMAPS = 0;
export const TVA_PAGEFAULT = 1;
export const TVA_KHUGEPAGED = 2;
/** MADV_COLLAPSE: sysfs has no say. */
export const TVA_FORCED_COLLAPSE = 3;
export type TvaType = Int<0, 3>;

/**
 * Whether policy allows a huge page in the VMA. All callers but faults also need an aligned range inside the VMA. A
 * fault asks `thpVmaSuitableOrder` about its own address instead.
 *
 * Not covered, since the VMA kinds do not exist here: DAX, shmem and files, special and hugetlb VMAs, temporary stacks.
 * For sizes between a page and a PMD see `thpVmaAllowableOrders`.
 *
 * @kernel mm/huge_memory.c thp_vma_allowable_orders(), __thp_vma_allowable_orders()
 * @holds mmap_lock or the VMA lock, in any mode
 */
export function thpVmaAllowableOrder(k: Kernel, vma: Vma, type: TvaType): boolean {
  return thpVmaAllowableOrderWith(k, vma, k.vma.flags.get(vma), type);
}

/**
 * The same for a VMA that is about to have these flags.
 * @kernel mm/huge_memory.c __thp_vma_allowable_orders()
 * @holds mmap_lock or the VMA lock, in any mode
 */
export function thpVmaAllowableOrderWith(k: Kernel, vma: Vma, flags: VmFlags, type: TvaType): boolean {
  if (type !== TVA_FORCED_COLLAPSE) {
    const enabled = pmdOrderEnabled(k);
    if (enabled !== ENABLED_ALWAYS && !(enabled === ENABLED_MADVISE && (flags & VM_HUGEPAGE) !== 0)) return false;
  }
  if (k.vma.mm.get(vma) === NONE || vmaThpDisabled(k, vma, flags, type)) return false;
  if (type !== TVA_PAGEFAULT && !hasAlignedRange(k, vma)) return false;
  if (type === TVA_SMAPS || type === TVA_PAGEFAULT) return true;
  // Nothing was ever written here: there is nothing to collapse.
  return k.vma.anonVma.once(vma) !== NONE;
}

/**
 * For which VMAs huge pages of PMD size are enabled, by the sysfs file of this size and the one of all sizes:
 * ENABLED_*.
 * @kernel mm/huge_memory.c huge_anon_orders_always, huge_anon_orders_madvise, huge_anon_orders_inherit
 */
export function pmdOrderEnabled(k: Kernel): number {
  const own = k.param.pmdEnabled.get();
  return own === PMD_ENABLED_INHERIT ? k.knob.enabled.once() : own;
}

/** @kernel include/linux/huge_mm.h vma_thp_disabled() */
function vmaThpDisabled(k: Kernel, vma: Vma, flags: VmFlags, type: TvaType): boolean {
  if ((flags & VM_NOHUGEPAGE) !== 0 || k.mm.flags.has(k.vma.mm.get(vma), MMF_DISABLE_THP_COMPLETELY_BIT)) return true;
  if ((flags & VM_HUGEPAGE) !== 0 || type === TVA_FORCED_COLLAPSE) return false;
  return k.mm.flags.has(k.vma.mm.get(vma), MMF_DISABLE_THP_EXCEPT_ADVISED_BIT);
}

/** thp_vma_suitable_order() at vm_end - HPAGE_PMD_SIZE: the last aligned range that ends inside the VMA also begins there. */
function hasAlignedRange(k: Kernel, vma: Vma): boolean {
  const nr = k.param.hpagePmdNr.get();
  return k.vma.end.get(vma) >= nr && thpVmaSuitableOrder(k, vma, k.vma.end.get(vma) - nr);
}

/**
 * Whether the aligned huge range around `vpn` lies inside the VMA. Anonymous VMAs need only the virtual alignment.
 *
 * @kernel include/linux/huge_mm.h thp_vma_suitable_order()
 * @holds mmap_lock or the VMA lock, in any mode
 */
export function thpVmaSuitableOrder(k: Kernel, vma: Vma, vpn: Vpn): boolean {
  const start = hpageAddress(k, vpn);
  return start >= k.vma.start.get(vma) && start + k.param.hpagePmdNr.get() <= k.vma.end.get(vma);
}

/**
 * Of a set of orders below that of a PMD, those that policy allows a fault in the VMA: enabled always, or by its advice, or by
 * the word of all sizes. Each of these words is read without a lock, and each on a step of its own by the grain `knobs`.
 *
 * @kernel include/linux/huge_mm.h thp_vma_allowable_orders(), for TVA_PAGEFAULT
 * @holds mmap_lock or the VMA lock, in any mode
 */
export function* thpVmaAllowableOrders(k: Kernel, vma: Vma, orders: Orders): Routine<Orders> {
  const advised: boolean = (k.vma.flags.get(vma) & VM_HUGEPAGE) !== 0;
  if (k.param.grainKnobs.get() !== 0) yield at("huge_anon_orders_always");
  let enabled: Orders = k.anonOrders.always.once(0);
  if (advised) {
    if (k.param.grainKnobs.get() !== 0) yield at("huge_anon_orders_madvise");
    enabled = enabled | k.anonOrders.madvise.once(0);
  }
  if (k.param.grainKnobs.get() !== 0) yield at("hugepage_global_enabled");
  const global = k.knob.enabled.once();
  if (global === ENABLED_ALWAYS || (global === ENABLED_MADVISE && advised)) {
    if (k.param.grainKnobs.get() !== 0) yield at("huge_anon_orders_inherit");
    enabled = enabled | k.anonOrders.inherit.once(0);
  }
  return vmaThpDisabled(k, vma, k.vma.flags.get(vma), TVA_PAGEFAULT) ? 0 : orders & enabled;
}

/**
 * All orders of which khugepaged may make a folio in a VMA that has these flags, a huge page's included. The words of the sizes are
 * read in one step: whoever writes one of them moves a size from word to word, and a scan that misses it comes back.
 *
 * @kernel include/linux/huge_mm.h thp_vma_allowable_orders(), for TVA_KHUGEPAGED and THP_ORDERS_ALL_ANON
 * @holds mmap_lock or the VMA lock, in any mode
 */
export function thpVmaCollapsibleOrders(k: Kernel, vma: Vma, flags: VmFlags): number {
  const advised = (flags & VM_HUGEPAGE) !== 0;
  const global = k.knob.enabled.once();
  let orders = k.anonOrders.always.once(0);
  if (advised) orders |= k.anonOrders.madvise.once(0);
  if (global === ENABLED_ALWAYS || (global === ENABLED_MADVISE && advised)) orders |= k.anonOrders.inherit.once(0);
  const pmd = pmdOrderEnabled(k);
  if (pmd === ENABLED_ALWAYS || (pmd === ENABLED_MADVISE && advised)) orders |= 1 << k.param.hpagePmdOrder.get();
  if (k.vma.mm.get(vma) === NONE || vmaThpDisabled(k, vma, flags, TVA_KHUGEPAGED) || k.vma.anonVma.once(vma) === NONE) return 0;
  // The largest whose last window ends with the VMA, and all below it.
  while (orders !== 0) {
    const order = highestOrder(orders);
    const size = 1 << order;
    const start = windowStart(k.vma.end.get(vma) - size, order);
    if (k.vma.end.get(vma) >= size && start >= k.vma.start.get(vma)) return orders;
    orders = withoutOrder(orders, order);
  }
  return 0;
}

/**
 * Of a set of orders, those whose aligned window around `vpn` lies inside the VMA: of such an order all smaller ones do.
 *
 * @kernel include/linux/huge_mm.h thp_vma_suitable_orders()
 * @holds mmap_lock or the VMA lock, in any mode
 */
export function thpVmaSuitableOrders(k: Kernel, vma: Vma, vpn: Vpn, orders: number): number {
  let left = orders;
  while (left !== 0) {
    const order = highestOrder(left);
    const start = windowStart(vpn, order);
    if (start >= k.vma.start.get(vma) && start + (1 << order) <= k.vma.end.get(vma)) return left;
    left = withoutOrder(left, order);
  }
  return 0;
}
