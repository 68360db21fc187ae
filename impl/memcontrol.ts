/** mm/memcontrol.c: the memory cgroup, of which there is one, without a limit of its own: a charge succeeds or, where the scenario wants it, fails. */
import { choose } from "thpcheck";
import type { Kernel } from "./mm-types.ts";

/**
 * Charges a new folio to the memory cgroup; false is ENOMEM. Charges are not counted (there is no limit to reach), so
 * uncharging, which free does, leaves nothing to do. Its sleeping, reclaim and OOM are not covered.
 * @kernel mm/memcontrol.c mem_cgroup_charge()
 */
export function memCgroupCharge(k: Kernel): boolean {
  return k.param.chargeMayFail.get() === 0 || choose(k, "mem_cgroup_charge fails", 2) === 0;
}
