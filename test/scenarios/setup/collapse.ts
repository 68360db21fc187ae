/**
 * Scenarios of collapses: the memory is small pages, and threads begin when the first of them has written to it. Huge
 * pages are off in sysfs until then, so that the pages are small; MADV_COLLAPSE does not ask sysfs.
 */
import type { Expectation, Scenario } from "thpcheck";
import { ENABLED_NEVER } from "../../../impl/config/knobs.ts";
import { TABLE_FREE } from "../../../impl/structs/page-table.ts";
import {
  alwaysPromised, kernelScenario, ONE_RANGE, promisedAtRest, type Bounds, type K as Noting, type KernelScenario, type Promises,
  type Structs,
} from "../../../kernel/world.ts";

const SMALL: Bounds = {
  ...ONE_RANGE,
  // The area, and what a cut leaves of it.
  vmas: 2,
  // A small page: mapped twice, in a batch, isolated, pinned, and in the hands of a walker.
  refcountMax: 7,
  enabled: ENABLED_NEVER,
  // One scan of khugepaged sees the whole range, and goes on.
  pagesToScan: 4,
};

/** Nobody notes anything. */
export type K = Omit<Noting, "seen">;

export interface CollapseScenario extends KernelScenario {
  readonly finally?: Promises;
  /** Explore it with the sanitizers, too. */
  readonly sanitize?: boolean;
  readonly expect: Expectation;
}

export function collapseScenario(s: CollapseScenario): Scenario<Structs> {
  return kernelScenario(s, {
    bounds: SMALL, notes: false,
    always: alwaysPromised(),
    finally: { ...promisedAtRest(false), ...s.finally },
    more: s.sanitize === undefined ? {} : { sanitize: s.sanitize },
    expect: s.expect,
  });
}

/** No process is left, nor anything of one. */
export function allIsFreed(k: K): boolean {
  for (let mm = 0; mm < k.mm.count; mm++) if (k.mm.mmCount.get(mm) !== 0) return false;
  for (let table = 0; table < k.ptTable.count; table++) if (k.ptTable.state.get(table) !== TABLE_FREE) return false;
  return k.khugepaged.slots.get() === 0;
}
