/** Scenarios around huge pages: huge pages wherever they fit, and every invariant. */
import type { Expectation, Scenario } from "thpcheck";
import { ENABLED_ALWAYS } from "../impl/config/knobs.ts";
import { folioMaybeDmaPinned } from "../impl/page-ref.ts";
import { MIGRATION, entryTarget, pmdTable } from "../impl/pgtable.ts";
import {
  alwaysPromised, kernelScenario, ONE_RANGE, promisedAtRest, type Bounds, type K, type KernelScenario, type Promises, type Structs,
} from "./world.ts";

const HUGE: Bounds = {
  ...ONE_RANGE,
  // The area, and what a cut leaves of it.
  vmas: 2,
  // Both pages mapped by two processes, in batches and isolated, pinned, and locked by every walker at once: 4 threads at most.
  refcountMax: 15,
  enabled: ENABLED_ALWAYS,
  // One scan of khugepaged sees the whole range, and goes on.
  pagesToScan: 4,
};

export interface ThpScenario extends KernelScenario {
  readonly pinsMayStay?: boolean;
  /** Besides the invariants. */
  readonly always?: Promises;
  readonly finally?: Promises;
  readonly expect?: Expectation;
}

export function thpScenario(s: ThpScenario): Scenario<Structs> {
  return kernelScenario(s, {
    bounds: HUGE, notes: true,
    always: { ...alwaysPromised(), ...s.always },
    finally: { ...promisedAtRest(s.pinsMayStay ?? false), ...s.finally },
    expect: s.expect,
  });
}

// ---- what witnesses look at ------------------------------------------------------------------------------------

/** A migration entry stands in the page table of the process. */
export function migrating(k: K, mm: number): boolean {
  for (let range = 0; range < k.param.hugeRanges.get(); range++) {
    const pmd = k.mm.pmd.get(mm, range);
    if (!pmdTable(pmd)) continue;
    for (let i = 0; i < k.param.hpagePmdNr.get(); i++) if ((k.ptTable.pte.get(entryTarget(pmd), i) & MIGRATION) !== 0) return true;
  }
  return false;
}
export function anyPinned(k: K): boolean {
  for (let page = 0; page < k.page.count; page++) if (folioMaybeDmaPinned(k, page)) return true;
  return false;
}
/** No page is in use, but for those that wait in an LRU batch. */
export function allFree(k: K): boolean {
  let batched = 0;
  for (let cpu = 0; cpu < k.cpu.count; cpu++) {
    for (let i = 0; i < k.param.lruBatch.get(); i++) if (k.cpu.lruBatch.get(cpu, i) >= 0) batched++;
  }
  return k.zone.freePages.get() + batched === k.param.frames.get() && k.node.anonMapped.get() === 0;
}
