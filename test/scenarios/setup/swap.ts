/** Scenarios around swap: a device with room for a huge page or two, and what the specification says of it besides. */
import type { Expectation, Scenario } from "thpcheck";
import { ENABLED_ALWAYS } from "../../../impl/config/knobs.ts";
import { entryTarget, pmdTable, pteSwap } from "../../../impl/pgtable.ts";
import { swapDeviceThread } from "../../../impl/swap/page-io.ts";
import {
  alwaysPromised, kernelScenario, ONE_RANGE, promisedAtRest, swapPromised, type Bounds, type K, type KernelScenario, type Promises,
  type Structs,
} from "../../../kernel/world.ts";

const SWAP: Bounds = {
  ...ONE_RANGE,
  // The area, and what a cut leaves of it.
  vmas: 2,
  // A page of a huge page: mapped, cached, isolated, in batches, and in the hands of each thread; 4 threads at most.
  refcountMax: 15,
  enabled: ENABLED_ALWAYS,
  pagesToScan: 4,
  // A huge page, and one that goes out beside.
  swapSlots: 2,
};

export interface SwapScenario extends KernelScenario {
  readonly pinsMayStay?: boolean;
  readonly finally?: Promises;
  readonly expect?: Expectation;
}

/** By default the device is synchronous, as zram is: who writes does the transfer. */
export function swapScenario(s: SwapScenario): Scenario<Structs> {
  return kernelScenario({ ...s, options: { swapIsSynchronous: true, ...s.options } }, {
    bounds: SWAP, notes: true,
    always: { ...alwaysPromised(), ...swapPromised() },
    finally: { ...promisedAtRest(s.pinsMayStay ?? false), ...s.finally },
    expect: s.expect,
  });
}

/** The same with a device of its own, which ends writes when it likes. */
export function deviceScenario(s: SwapScenario): Scenario<Structs> {
  return swapScenario({
    ...s, options: { swapIsSynchronous: false, ...s.options },
    others: { ...s.others, device: swapDeviceThread }, daemons: ["device"],
  });
}

// ---- what witnesses look at ------------------------------------------------------------------------------------

/** The page is swapped out, or on its way. */
export function isOut(k: K, mm: number, vpn: number): boolean {
  const pmd = k.mm.pmd.get(mm, Math.floor(vpn / k.param.hpagePmdNr.get()));
  return pmdTable(pmd) && pteSwap(k.ptTable.pte.get(entryTarget(pmd), vpn % k.param.hpagePmdNr.get()));
}
/** The slot is on the device alone. */
export function isStored(k: K, slot: number): boolean {
  return k.swapDevice.used.get(0, slot) && k.swapDevice.folio.get(0, slot) < 0;
}
