/**
 * Scenarios of THP reservations: one small world, run under one policy after the other. Scenario `x` under policy `p` is
 * named `x@p`; `thpcheck policies` prints the table.
 *
 * 2 pages per huge page unless a scenario says otherwise, so that every policy's threshold is 2: the whole range. What is
 * to show a range that becomes huge before all of it is used takes 4.
 */
import { holds, type Expectation, type PropertyResult, type Scenario } from "thpcheck";
import { ENABLED_ALWAYS } from "../../../impl/config/knobs.ts";
import { policyNamed } from "../../../impl/policy/index.ts";
import { always } from "../../../spec/invariant.ts";
import { INVARIANTS } from "../../../spec/invariants/index.ts";
import { balance } from "../../../spec/invariants/reservation.ts";
import {
  kernelScenario, ONE_RANGE, promisedAtRest, type Bounds, type K, type KernelScenario, type Promises, type Structs, type Witnesses,
} from "../../../kernel/world.ts";

const RESERVED: Bounds = {
  ...ONE_RANGE,
  // The area; nothing cuts it unless the scenario says so.
  vmas: 1,
  // The area's edge, and one that a second first fault makes in vain.
  anonVmaChains: 2,
  // A page of a reservation: the reservation's own reference (2018), its mapping, a batch, a pin, and walkers.
  refcountMax: 7,
  enabled: ENABLED_ALWAYS,
  // One scan of khugepaged ends with the range.
  pagesToScan: 2,
};

export interface ReservationScenario extends KernelScenario {
  readonly why: string;
  readonly tier: "quick" | "full" | "nightly";
  readonly pinsMayStay?: boolean;
  readonly finally?: Promises;
  /** Ids of the promises that this scenario is about; all unless given. Where a defect breaks several, the trace is of these. */
  readonly only?: readonly string[];
  /** Witnesses that only some policies can give. */
  readonly sometimesUnder?: Readonly<Record<string, Witnesses>>;
  /** Why the sanitizers leave it out. Unset: they look at it under every policy of the safe mechanism. */
  readonly sanitize?: string;
  /** By policy, in the order of the table. */
  readonly expect: Readonly<Record<string, Expectation>>;
}

/** The scenario under each of its policies: under the first in its own tier, under the others in the full tier at the earliest. */
export function reservationScenarios(s: ReservationScenario): readonly Scenario<Structs>[] {
  return Object.entries(s.expect).map(([policy, expect]) => underPolicy(s, policy, expect));
}

/** Its defects of locking are what scenarios of the patch are to find, and find by what comes of them. */
const RFC_UNSANITIZED = "the patch of 2018 breaks rules of locking on purpose";

function underPolicy(s: ReservationScenario, policy: string, expect: Expectation): Scenario<Structs> {
  const { why, mechanism } = policyNamed(policy);
  const safe = mechanism === "safe";
  const ownTier = policy === Object.keys(s.expect)[0] || s.tier === "nightly";
  return kernelScenario({
    ...s, name: `${s.name}@${policy}`, why: `${s.why} (${why})`, tier: ownTier ? s.tier : "full", options: { ...s.options, policy },
    sometimes: { ...s.sometimes, ...s.sometimesUnder?.[policy] },
  }, {
    bounds: RESERVED, notes: true,
    always: chosen(s, always(INVARIANTS)),
    finally: { ...chosen(s, promisesAtRest(safe, s.pinsMayStay ?? false)), ...s.finally },
    more: {
      policy, underPolicy: (other) => underPolicy(s, other, s.expect[other] ?? holds()),
      // The machines, and the declared owners of objects, are those of the safe design.
      ...(safe ? { sanitize: s.sanitize ?? true } : { sanitize: RFC_UNSANITIZED, refine: [] }),
    },
    expect,
  });
}

function chosen(s: ReservationScenario, promises: Promises): Promises {
  return Object.fromEntries(Object.entries(promises).filter(([name]) => s.only === undefined || s.only.includes(name.split(" ")[0]!)));
}

/** The patch of 2018 gives a mapped page of a reservation a reference more, and counts NR_THP_RESERVED ahead of nr_unused. */
function promisesAtRest(safe: boolean, pinsMayStay: boolean): Promises {
  const counter = { [BALANCED]: balance as unknown as (k: K) => PropertyResult };
  const all = promisedAtRest(pinsMayStay);
  const last = { [REFERENCES]: all[REFERENCES]!, [LEAKED]: all[LEAKED]! };
  const others = Object.fromEntries(Object.entries(all).filter(([name]) => !(name in last)));
  return safe ? { ...others, ...last, ...counter } : { ...counter, ...others };
}
const REFERENCES = "P2 references are mappings, batches and pins";
const LEAKED = "P1 a frame that holds nothing is free, or reserved";
const BALANCED = "R3 at rest: NR_THP_RESERVED equals the unused pages of all reservations";

// ---- what witnesses look at ------------------------------------------------------------------------------------

/** How many reservations there are. */
export function reserved(k: K): number {
  let n = 0;
  for (let i = 0; i < k.resv.count; i++) if (k.resv.allocated.get(i)) n++;
  return n;
}
/** A reservation of which some page is used and some is not. */
export function partlyUsed(k: K): boolean {
  for (let i = 0; i < k.resv.count; i++) {
    const unused = k.resv.unused.get(i);
    if (k.resv.allocated.get(i) && unused > 0 && unused < k.param.hpagePmdNr.get()) return true;
  }
  return false;
}
