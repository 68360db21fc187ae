/** What one collapse, or a scan that may end in one, goes by and finds out on its way: struct collapse_control of mm/khugepaged.c. */
import { record } from "thpcheck";
import type { Kernel } from "../mm-types.ts";
import type { Order } from "../structs/types.ts";

/**
 * Made by the thread for one scan, by MADV_COLLAPSE for one call, by a fault that promotes a reservation; handed down.
 *
 * Elsewhere: `progress`, which the thread alone counts, in `k.khugepaged.budget`. Not covered: node_load and alloc_nmask, as
 * there is one node; mthp_present_ptes, as there are no sizes below the PMD.
 *
 * @kernel mm/khugepaged.c struct collapse_control. The kernel hands `order`, `unmapped` and `lockDropped` down beside it
 */
export interface CollapseControl {
  /** True for the thread, whose limits and policy apply; false for MADV_COLLAPSE, which ignores sysfs. */
  isKhugepaged: boolean;
  /** Order of the folio to collapse into: HPAGE_PMD_ORDER. */
  order: Order;
  /** The scan was content, and met entries that are not present: they have to be brought in before the collapse. */
  unmapped: boolean;
  /** mmap_lock has been released: nothing that was known of the VMA holds any more. */
  lockDropped: boolean;
}

/** Of a huge page, before the first scan. @kernel mm/khugepaged.c khugepaged_collapse_control, madvise_collapse() */
export function collapseControl(k: Kernel, isKhugepaged: boolean): CollapseControl {
  return record({ isKhugepaged, order: k.param.hpagePmdOrder.get(), unmapped: false, lockDropped: false });
}
