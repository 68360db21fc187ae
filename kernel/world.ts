/**
 * The world of every kernel scenario: a process with one area from page 0 on, whose first thread faults its pages in
 * while the others wait at a gate; processes forked from it; kernel threads; and a record of what the threads have met,
 * for the witnesses. thp.ts, collapse.ts and reservation.ts say what their scenarios start from and are held to.
 */
import {
  bitset, scenario, struct, type Expectation, type Int, type PropertyResult, type Routine, type Scenario, type World,
} from "thpcheck";
import { beyondBounds } from "../impl/config/beyond.ts";
import { kernelConfig, type KernelOptions } from "../impl/config/options.ts";
import { boot, bootVma, gateStructs } from "../impl/entry/boot.ts";
import { kernelStructs } from "../impl/mm-types.ts";
import { LEAF } from "../impl/pgtable.ts";
import { VM_READ, VM_WRITE } from "../impl/structs/vma.ts";
import { always } from "../spec/invariant.ts";
import { INVARIANTS } from "../spec/invariants/index.ts";
import { KERNEL_PICTURE } from "./picture.ts";
import { atRest, reclaimLosesNothing, swapKeepsContent } from "./quiescence.ts";

// ---- bounds ----------------------------------------------------------------------------------------------------

export type Bounds = Omit<KernelOptions, "cpus">;

/**
 * What suffices for one process with one huge range. Too few anon_vmas, chains, references or page tables are a fault
 * that names the bound; too few frames or areas are -ENOMEM, as in the kernel, which is why a scenario that is not about
 * failures has some to spare. More of anything costs bytes a state, and no states.
 */
export const ONE_RANGE = {
  // The smallest huge page: one page that a call is about, and one that it is not.
  pagesPerHugePage: 2,
  hugeRanges: 1,
  // Four huge pages: that of the process; what replaces it (a collapse, copies); the huge zero page; and what an LRU batch
  // still holds of pages that were freed.
  frames: 8,
  mms: 1,
  // That of the area, and one that a second first fault makes in vain.
  anonVmas: 2,
  // Zero-filled, and three stores that can be told apart.
  contents: 4,
  // A batch is full, and is emptied, when both pages of a range are in it.
  lruBatch: 2,
  // Whole huge pages are on no split queue, so that the queue tells of partially mapped ones.
  shrinkUnderused: false,
  // All that 2 pages permit: khugepaged collapses whatever has a page.
  maxPtesNone: 1, maxPtesSwap: 1, maxPtesShared: 1,
} as const satisfies Partial<KernelOptions>;

/**
 * What a child of fork takes besides: its address space; its area, which shares the parent's budget of two; an anon_vma;
 * and three edges of the reverse map: the parent's, the child's own, and the child's to the parent's.
 */
export const TWO_PROCESSES: Partial<KernelOptions> = { mms: 2, vmas: 2, anonVmas: 3, anonVmaChains: 4 };

// ---- the builder -----------------------------------------------------------------------------------------------

function structsOf(options: KernelOptions, notes: boolean) {
  const seen = { seen: struct({ events: bitset(8, "what the scenario's threads have met", { guard: "model" }) }) };
  return { ...kernelStructs(kernelConfig(options)), ...gateStructs(), ...(notes ? seen : ({} as typeof seen)) };
}
export type Structs = ReturnType<typeof structsOf>;
export type K = World<Structs>;
export type Run = (k: K) => Routine<unknown>;
export type Promises = Readonly<Record<string, (k: K) => PropertyResult>>;
export type Witnesses = Readonly<Record<string, (k: K) => boolean>>;

/** What a scenario says, whatever it is held to. */
export interface KernelScenario {
  readonly name: string;
  /** `why`, `tier` and `expect` may be left out, as of any scenario. */
  readonly why?: string;
  readonly tier?: "quick" | "full" | "nightly";
  readonly options?: Partial<KernelOptions>;
  /** Threads of process 0, on the CPUs from 0 on; the first prepares. */
  readonly threads: Readonly<Record<string, Run>>;
  /** On the CPUs behind them, which have no address space: children of fork, kernel threads. */
  readonly others?: Readonly<Record<string, Run>>;
  readonly daemons?: readonly string[];
  /** Pages of the area that process 0 has, from 0 on; all of the address space unless given. */
  readonly areaEnd?: number;
  /** What is there from the start, besides the area: see test/bugs/scenarios/setup/memory.ts. */
  readonly memory?: (k: K) => void;
  readonly sometimes?: Witnesses;
  /** Why the sanitizers leave it out, if they do. */
  readonly sanitize?: string | boolean | undefined;
}

/** What it is held to, and what else the checker is told. */
export interface Terms {
  readonly bounds: Bounds;
  /** Whether threads note what they meet: `note`, `noted`. */
  readonly notes: boolean;
  readonly always: Promises;
  readonly finally: Promises;
  readonly expect?: Expectation | undefined;
  /** sanitize, refine, policy, underPolicy: as of a scenario. */
  readonly more?: Partial<Scenario<Structs>>;
}

/** Why the sanitizers leave out scenarios in which somebody tries the lock of a folio that reclaim frees. */
export const RECLAIM_UNLOCKS =
  "reclaim unlocks a folio in the step that freezes it: the machines tell a folio that a split has frozen by its lock";

/** Why the sanitizers leave out scenarios in which reclaim has several folios at once. */
export const ISOLATED_UNSANITIZED =
  "the folios that reclaim has isolated are a list in the words of the free lists, which zone->lock guards";

/** What is done to the words of a list under its lock is one step. It is not held to be several: nobody reads two of them without. */
const LISTS_UNSANITIZED = "under split_queue_lock the words of the lists change in one step; who looks without the lock reads one word";
/** Why the sanitizers leave out the grain `flags`: the coarse scenarios have the same unlocks, without sleepers. */
const FLAGS_UNSANITIZED = "folio_unlock() wakes those who sleep for the folio in the step of its own, which may be part of a longer one";

/** Own threads run on the first CPUs, and each thread has a CPU. */
export function kernelScenario(s: KernelScenario, terms: Terms): Scenario<Structs> {
  if (s.options?.userMemoryIsNotJudged === true) {
    throw new RangeError(`${s.name}: userMemoryIsNotJudged is for runs that are followed; a scenario is held to what users may read`);
  }
  const named = Object.entries({ ...s.threads, ...s.others });
  const options: KernelOptions = { ...terms.bounds, ...s.options, cpus: named.length };
  const own = Object.keys(s.threads).length;
  const memory = s.memory ?? nothing;
  const areaEnd = s.areaEnd ?? options.hugeRanges * options.pagesPerHugePage;
  const config = kernelConfig(options);
  return scenario<Structs>({
    name: s.name, picture: KERNEL_PICTURE,
    ...(s.why === undefined ? {} : { why: s.why }), ...(s.tier === undefined ? {} : { tier: s.tier }),
    config, beyond: beyondBounds(config), structs: structsOf(options, terms.notes),
    init: (k) => {
      boot(k, own);
      bootVma(k, 0, 0, areaEnd, VM_READ | VM_WRITE);
      memory(k);
    },
    threads: named.map(([name, run]) => ({ name, run, daemon: s.daemons?.includes(name) ?? false })),
    always: terms.always,
    finally: terms.finally,
    ...(s.sometimes === undefined ? {} : { sometimes: s.sometimes }),
    ...(config.grainLists || config.grainFlags ? { sanitize: config.grainLists ? LISTS_UNSANITIZED : FLAGS_UNSANITIZED }
      : s.sanitize === undefined ? {} : { sanitize: s.sanitize }),
    ...terms.more,
    ...(terms.expect === undefined ? {} : { expect: terms.expect }),
  });
}

function nothing(_k: K): void {
  // The area is empty.
}

/** The invariants, and what is promised of reclaim: in every state of every scenario. */
export function alwaysPromised(): Promises {
  return { ...(always(INVARIANTS) as unknown as Promises), "C7 reclaim may drop only what may be lost": reclaimLosesNothing };
}
/** Of scenarios with swap, besides. */
export function swapPromised(): Promises {
  return { "C8 what is swapped out is what was stored": swapKeepsContent };
}
/** What is promised when every thread has ended. */
export function promisedAtRest(pinsMayStay: boolean): Promises {
  return atRest(pinsMayStay);
}

// ---- what threads have met -------------------------------------------------------------------------------------

export type Met = Int<0, 7>;
/** Remembers it: part of the caller's step. */
export function note(k: K, met: Met): void {
  k.seen.events.insert(met);
}
export function noted(met: number): (k: K) => boolean {
  return (k) => k.seen.events.has(met);
}

// ---- what witnesses look at ------------------------------------------------------------------------------------

/** A huge page, or the huge zero page, maps the n-th range of the process. */
export function isHuge(k: Omit<K, "seen">, mm: number, range: number): boolean {
  return (k.mm.pmd.get(mm, range) & LEAF) !== 0;
}
