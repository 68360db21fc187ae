/**
 * The parameters and findings of a collapse, or of a scan that may end in one: struct collapse_control of
 * mm/khugepaged.c.
 */
import { record } from "thpcheck";
import type { Kernel } from "../mm-types.ts";
import type { Order } from "../structs/types.ts";

/**
 * The thread makes one for a scan, MADV_COLLAPSE for a call, a fault for the promotion of a reservation. It is handed
 * down.
 *
 * `progress` is in `k.khugepaged.budget`, because only the thread counts it, and so is mthp_present_ptes, in `k.mthpScan`. Not
 * covered: node_load and alloc_nmask, as there is one node.
 *
 * @kernel mm/khugepaged.c struct collapse_control. The kernel hands `order`, `unmapped` and `lockDropped` down beside it
 */
export interface CollapseControl {
  /** True for the thread, whose limits and policy apply; false for MADV_COLLAPSE, which ignores sysfs. */
  isKhugepaged: boolean;
  /** Order of the folio to collapse into: HPAGE_PMD_ORDER, but in khugepaged's walk over smaller windows. */
  order: Order;
  /** The scan succeeded and met entries that are not present. They have to be brought in before the collapse. */
  unmapped: boolean;
  /** mmap_lock has been released: nothing that was known of the VMA holds any more. */
  lockDropped: boolean;
}

/**
 * A control for huge pages, as before the first scan.
 * @kernel mm/khugepaged.c khugepaged_collapse_control, madvise_collapse()
 */
export function collapseControl(k: Kernel, isKhugepaged: boolean): CollapseControl {
  return record({ isKhugepaged, order: k.param.hpagePmdOrder.get(), unmapped: false, lockDropped: false });
}
