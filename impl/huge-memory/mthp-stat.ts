/**
 * The gauges of hugepages-<size>kB/stats, each for its size: include/linux/huge_mm.h mod_mthp_stat(). Those of PMD size are
 * `k.node`'s, those of smaller sizes rows of `k.thpSize`; single pages have none. Events are added where they happen:
 * `k.mthpStat`.
 */
import type { Kernel } from "../mm-types.ts";
import { hasMiddleOrders } from "./orders.ts";

/**
 * A folio of this order is anonymous from now on (1), or no longer there (-1).
 * @kernel include/linux/huge_mm.h mod_mthp_stat(MTHP_STAT_NR_ANON)
 */
export function modNrAnon(k: Kernel, order: number, by: number): void {
  if (order === k.param.hpagePmdOrder.get()) k.node.nrAnon.add(by);
  else if (isMiddleOrder(k, order)) k.thpSize.nrAnon.add(order - k.param.minLargeOrder.get(), by);
}

/**
 * A folio of this order is partially mapped from now on (1), or no longer (-1).
 * @kernel include/linux/huge_mm.h mod_mthp_stat(MTHP_STAT_NR_ANON_PARTIALLY_MAPPED)
 */
export function modNrAnonPartiallyMapped(k: Kernel, order: number, by: number): void {
  if (order === k.param.hpagePmdOrder.get()) k.node.nrAnonPartiallyMapped.add(by);
  else if (isMiddleOrder(k, order)) k.thpSize.nrAnonPartiallyMapped.add(order - k.param.minLargeOrder.get(), by);
}

function isMiddleOrder(k: Kernel, order: number): boolean {
  return hasMiddleOrders(k) && order >= k.param.minLargeOrder.get();
}
