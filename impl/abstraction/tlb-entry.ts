/** What a CPU has cached for a page: a 4K translation, the 2M translation of its range, nothing; both are no state. */
import type { Kernel } from "../mm-types.ts";
import { NO_STATE, type Abstraction } from "./abstraction.ts";

const EMPTY = 0;
const SMALL = 1;
const HUGE = 2;

function abstract(k: Kernel, instance: number): number {
  const pages = k.param.vpnMax.get();
  const cpu = Math.floor(instance / pages);
  return cached(k, cpu, instance - cpu * pages);
}
function cached(k: Kernel, cpu: number, vpn: number): number {
  const small = k.cpu.tlb.get(cpu, vpn) !== 0;
  const huge = k.cpu.tlbHuge.get(cpu, Math.floor(vpn / k.param.hpagePmdNr.get())) !== 0;
  if (small && huge) return NO_STATE;
  return small ? SMALL : huge ? HUGE : EMPTY;
}

export const tlbEntryAbstraction: Abstraction = { machine: "tlb-entry", values: ["empty", "small", "huge"], context: [], abstract };
