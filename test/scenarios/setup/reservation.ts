/**
 * Scenarios of THP reservations: one small world, run under one policy after the other. Scenario `x` under policy `p` is
 * named `x@p`; `thpcheck policies` prints the table.
 *
 * 2 pages per huge page unless a scenario says otherwise, so that every policy's threshold is 2: the whole range. What is
 * to show a range that becomes huge before all of it is used takes 4.
 */
import { bitset, holds, scenario, struct, type Expectation, type Int, type PropertyResult, type Routine, type Scenario, type World } from "thpcheck";
import { boot, bootVma, gateStructs, openGate, passGate, scheduleIn } from "../../../impl/entry/boot.ts";
import { khugepagedDoScan } from "../../../impl/khugepaged.ts";
import { kernelStructs } from "../../../impl/mm-types.ts";
import type { Frames } from "../../../impl/structs/types.ts";
import { VM_READ, VM_WRITE } from "../../../impl/structs/vma.ts";
import { ENABLED_ALWAYS } from "../../../impl/config/knobs.ts";
import { kernelConfig, type KernelOptions } from "../../../impl/config/options.ts";
import { LEAF } from "../../../impl/pgtable.ts";
import { policyNamed } from "../../../impl/policy/index.ts";
import { reservationsShrink } from "../../../impl/thp-reservation/shrinker.ts";
import { always } from "../../../spec/invariant.ts";
import { INVARIANTS } from "../../../spec/invariants/index.ts";
import { balance } from "../../../spec/invariants/reservation.ts";
import { atRest } from "./quiescence.ts";

const SMALL: Omit<KernelOptions, "cpus"> = {
  pagesPerHugePage: 2, hugeRanges: 1, frames: 8, mms: 1, vmas: 1, anonVmas: 2, anonVmaChains: 2, contents: 4, refcountMax: 7, lruBatch: 2,
  enabled: ENABLED_ALWAYS, shrinkUnderused: false, maxPtesNone: 1, maxPtesSwap: 1, maxPtesShared: 1, pagesToScan: 2,
};
/** What a child of fork takes besides. */
export const TWO_PROCESSES: Partial<KernelOptions> = { mms: 2, vmas: 2, anonVmas: 3, anonVmaChains: 4 };

function structsOf(options: KernelOptions) {
  return { ...kernelStructs(kernelConfig(options)), ...gateStructs(), seen: struct({ events: bitset(8, "what the scenario's threads have met", { guard: "model" }) }) };
}
type ReservationStructs = ReturnType<typeof structsOf>;
export type K = World<ReservationStructs>;
type Promises = Readonly<Record<string, (k: K) => PropertyResult>>;

export interface ReservationScenario {
  readonly name: string;
  readonly why: string;
  readonly tier: "quick" | "full" | "nightly";
  readonly options?: Partial<KernelOptions>;
  /** Threads of process 0; the first prepares. Then `others`, on CPUs without an address space. */
  readonly threads: Readonly<Record<string, (k: K) => Routine<unknown>>>;
  readonly others?: Readonly<Record<string, (k: K) => Routine<unknown>>>;
  readonly daemons?: readonly string[];
  /** Process 0 has one area, from 0 on; all of the address space unless given. */
  readonly areaEnd?: number;
  readonly pinsMayStay?: boolean;
  readonly finally?: Promises;
  /** Ids of the promises that this scenario is about; all unless given. Where a defect breaks several, the trace is of these. */
  readonly only?: readonly string[];
  readonly sometimes?: Readonly<Record<string, (k: K) => boolean>>;
  /** Witnesses that only some policies can give. */
  readonly sometimesUnder?: Readonly<Record<string, Readonly<Record<string, (k: K) => boolean>>>>;
  /** Unset: the sanitizers look at it under every policy of the safe mechanism. */
  readonly sanitize?: false;
  /** By policy, in the order of the table. */
  readonly expect: Readonly<Record<string, Expectation>>;
}

/** The scenario under each of its policies: under the first in its own tier, under the others in the full tier at the earliest. */
export function reservationScenarios(s: ReservationScenario): readonly Scenario<ReservationStructs>[] {
  return Object.entries(s.expect).map(([policy, expect]) => underPolicy(s, policy, expect));
}

function underPolicy(s: ReservationScenario, policy: string, expect: Expectation): Scenario<ReservationStructs> {
  const named = Object.entries({ ...s.threads, ...s.others });
  const options: KernelOptions = { ...SMALL, ...s.options, policy, cpus: named.length };
  const own = Object.keys(s.threads).length;
  const areaEnd = s.areaEnd ?? options.hugeRanges * options.pagesPerHugePage;
  const safe = policyNamed(policy).mechanism === "safe";
  return scenario<ReservationStructs>({
    name: `${s.name}@${policy}`, why: `${s.why} (${policyNamed(policy).why})`, tier: policy === Object.keys(s.expect)[0] || s.tier === "nightly" ? s.tier : "full", config: kernelConfig(options), structs: structsOf(options),
    init: (k) => {
      boot(k, own);
      bootVma(k, 0, 0, areaEnd, VM_READ | VM_WRITE);
    },
    threads: named.map(([name, run]) => ({ name, run, daemon: s.daemons?.includes(name) ?? false })),
    always: chosen(s, always(INVARIANTS)),
    finally: { ...chosen(s, promisesAtRest(safe, s.pinsMayStay ?? false)), ...s.finally },
    sometimes: { ...s.sometimes, ...s.sometimesUnder?.[policy] },
    policy, underPolicy: (other) => underPolicy(s, other, s.expect[other] ?? holds()),
    // The machines, and the declared owners of objects, are those of the safe design.
    ...(safe ? { sanitize: s.sanitize ?? true } : { refine: [] }),
    expect,
  });
}

function chosen(s: ReservationScenario, promises: Promises): Promises {
  return Object.fromEntries(Object.entries(promises).filter(([name]) => s.only === undefined || s.only.includes(name.split(" ")[0]!)));
}

/** The patch of 2018 gives a mapped page of a reservation a reference more, and counts NR_THP_RESERVED ahead of nr_unused. */
function promisesAtRest(safe: boolean, pinsMayStay: boolean): Promises {
  const { "P2 references are mappings, batches and pins": references, "P1 a frame that holds nothing is free, or reserved": leaked, ...others } = atRest(pinsMayStay) as unknown as Promises;
  const counter = { "R3 at rest: NR_THP_RESERVED equals the unused pages of all reservations": balance as unknown as (k: K) => PropertyResult };
  return safe ? { ...others, "P2 references are mappings, batches and pins": references!, "P1 a frame that holds nothing is free, or reserved": leaked!, ...counter } : { ...counter, ...others };
}

// ---- what witnesses look at ------------------------------------------------------------------------------------

/** A huge page maps the n-th range of process 0. */
export function isHuge(k: K, range: number): boolean {
  return (k.mm.pmd.get(0, range) & LEAF) !== 0;
}
/** How many reservations there are. */
export function reserved(k: K): number {
  let n = 0;
  for (let i = 0; i < k.resv.count; i++) if (k.resv.allocated.get(i)) n++;
  return n;
}
/** A reservation of which some page is used and some is not. */
export function partlyUsed(k: K): boolean {
  for (let i = 0; i < k.resv.count; i++) if (k.resv.allocated.get(i) && k.resv.unused.get(i) > 0 && k.resv.unused.get(i) < k.param.hpagePmdNr.get()) return true;
  return false;
}
/** Both of two threads are done: their notes are there. */
export function noted(event: number): (k: K) => boolean {
  return (k) => k.seen.events.has(event);
}

// ---- actors ----------------------------------------------------------------------------------------------------

/** What `shrinks` notes. */
export const FREED: Note = 0;
type Note = Int<0, 7>;
/** Remembers it: part of the caller's step. */
export function note(k: K, event: Note): void {
  k.seen.events.insert(event);
}

/** Memory pressure: one call of the shrinker. */
export function* shrinks(k: K): Routine {
  yield* passGate(k);
  const freed: Frames = yield* reservationsShrink(k);
  if (freed > 0) note(k, FREED);
}
/** One scan of khugepaged. */
export function* scans(k: K): Routine {
  yield* passGate(k);
  yield* khugepagedDoScan(k);
}

export { openGate, passGate, scheduleIn };
