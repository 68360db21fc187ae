/** What a page is part of: include/linux/page-flags.h, and the sizes of include/linux/mm.h. */
import { NONE } from "thpcheck";
import type { Kernel } from "./mm-types.ts";
import type { Pfn } from "./structs/types.ts";

/** The folio that a page is part of. @kernel include/linux/page-flags.h page_folio() */
export function pageFolio(k: Kernel, page: Pfn): Pfn {
  const head: Pfn = k.page.head.get(page);
  return head === NONE ? page : head;
}

/**
 * The same for a page that may be joined to a folio or split off at the same time. The caller yields first.
 * @kernel include/linux/page-flags.h page_folio()
 */
export function pageFolioLockless(k: Kernel, page: Pfn): Pfn {
  const head: Pfn = k.page.head.once(page);
  return head === NONE ? page : head;
}

/** @kernel include/linux/page-flags.h folio_test_large() */
export function folioTestLarge(k: Kernel, folio: Pfn): boolean {
  return k.page.order.get(folio) > 0;
}

/** @kernel include/linux/mm.h folio_nr_pages() */
export function folioNrPages(k: Kernel, folio: Pfn): number {
  return 1 << k.page.order.get(folio);
}

/** The folio is as large as what one PMD maps. @kernel include/linux/huge_mm.h folio_test_pmd_mappable() */
export function folioTestPmdMappable(k: Kernel, folio: Pfn): boolean {
  return k.page.order.get(folio) === k.param.hpagePmdOrder.get();
}

/** There is a swap device. @kernel include/linux/swap.h total_swap_pages */
export function hasSwap(k: Kernel): boolean {
  return k.param.swapSlots.get() !== 0;
}

/** PG_swapcache, under the folio lock: it cannot change. @kernel include/linux/page-flags.h folio_test_swapcache() */
export function folioTestSwapcache(k: Kernel, folio: Pfn): boolean {
  return hasSwap(k) && k.page.swap.get(folio) !== NONE;
}
