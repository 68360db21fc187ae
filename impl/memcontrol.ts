/**
 * mm/memcontrol.c: the memory cgroup. There is one, without a limit. A charge succeeds, or may fail if the scenario
 * says so.
 */
import { choose } from "thpcheck";
import type { Kernel } from "./mm-types.ts";

/**
 * Charges a new folio to the memory cgroup; false is ENOMEM. Charges are not counted, since there is no limit. So
 * freeing a folio need not uncharge it. Not covered: sleep, reclaim and OOM in a charge.
 * @kernel mm/memcontrol.c mem_cgroup_charge()
 */
export function memCgroupCharge(k: Kernel): boolean {
  return k.param.chargeMayFail.get() === 0 || choose(k, "mem_cgroup_charge fails", 2) === 0;
}
