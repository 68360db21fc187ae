/** Whether a VMA may have huge pages, and whether one fits: include/linux/huge_mm.h. */
import type { Kernel } from "../mm-types.ts";
import { MMF_DISABLE_THP_COMPLETELY_BIT, MMF_DISABLE_THP_EXCEPT_ADVISED_BIT } from "../structs/mm.ts";
import type { VmFlags, Vma, Vpn } from "../structs/types.ts";
import { VM_HUGEPAGE, VM_NOHUGEPAGE } from "../structs/vma.ts";
import { ENABLED_ALWAYS, ENABLED_MADVISE, PMD_ENABLED_INHERIT } from "../config/knobs.ts";
import { NONE, type Int } from "thpcheck";
import { hpageAddress } from "../pgtable.ts";

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
 * Not covered, since the VMA kinds do not exist here: DAX, shmem and files, special and hugetlb VMAs, temporary stacks;
 * and sizes between a page and a PMD.
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
