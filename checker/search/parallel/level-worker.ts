/**
 * One worker of a breadth-first search, be it alone or one of several that share a visited table.
 *
 * The workers take chunks of the level being expanded from a shared cursor, each writes the states it discovers to
 * memory of its own, and they meet when the level is done. A level is finished before a violation in it is chosen,
 * and the choice is by a total order: verdict and counts do not depend on the number of workers.
 */
import type { TransitionSystem } from "../../system.ts";
import { OutOfMemory } from "../store/column.ts";
import type { Candidate } from "../candidate.ts";
import type { Control } from "./control.ts";
import { STOP_FAILED, STOP_OUT_OF_MEMORY } from "./control.ts";
import type { Discovery } from "./discovery.ts";
import { NO_PARENT } from "./discovery.ts";
import type { Expander } from "../expand.ts";
import { BATCH, layoutOfRecord, makeExpander } from "../expand.ts";
import { LoweredExpander } from "../lowered/lowered-expander.ts";
import type { WorkerMemories } from "../lowered/memories.ts";
import type { LoweredSearch } from "../lowered/module.ts";
import { makeCopyState, type Hashing } from "../store/fingerprint.ts";
import { forEachInitial } from "../steps.ts";
import { releaseMemory } from "../store/release.ts";
import { goalNames } from "../traps/goals.ts";
import { GraphLog, type LoggedGraph } from "../traps/graph-log.ts";
import { SLICE_MS, callsSeen, countedBy, type Counted } from "../run.ts";
import type { SharedFingerprintSet } from "../store/shared-set.ts";
import type { FingerprintSet, Visited } from "../store/visited.ts";
import { ViolationTracker } from "../violation-tracker.ts";

/** What all workers of a search must agree on. */
export interface LevelOptions {
  readonly seed: number;
  readonly fingerprintBits: 32 | 64;
  readonly maxStates: number | null;
  readonly maxDepth: number | null;
  /** The graph is written down, to look for traps in it. `end`: end states are a goal. Null: it is not. */
  readonly traps: { readonly end: boolean } | null;
  /** As `ExploreOptions.goOn`. */
  readonly goOn: boolean;
}

/** What one worker is made of. */
export interface LevelTask {
  readonly system: TransitionSystem;
  readonly options: LevelOptions;
  readonly hashing: Hashing;
  readonly visited: Visited;
  readonly control: Control;
  /** Of every worker, in order; those of others are only read. */
  readonly discoveries: readonly Discovery[];
  /** The search in WebAssembly and its memories, which those of `visited` and `discoveries` are part of; absent: in JavaScript. */
  readonly lowered?: { readonly search: LoweredSearch; readonly memories: WorkerMemories } | null;
}

/** What a worker has done by the end. */
export interface WorkerReport {
  /** States that this worker discovered in each level. */
  readonly counts: readonly number[];
  readonly transitions: number;
  readonly terminals: number;
  /** Of each promise that this worker saw broken, the candidate to report. */
  readonly violations: readonly Candidate[];
  /** 1 where the worker has seen the witness. */
  readonly witnessed: Uint8Array;
  /** By excuse, of the states that the worker discovered: those in which promises that have it were in force. */
  readonly inForce: Float64Array;
  /** By the worker's own instance of the system. */
  readonly counted: Counted;
  /** As `CallOutcomes.seen`. */
  readonly callsSeen: Uint8Array | null;
  /** What the worker wrote down of the graph; null when it did not, or there was no memory for it. */
  readonly graph: LoggedGraph | null;
}

/** States taken from a level at a time: enough that taking is rare, few enough that the last ones are shared out. */
const CHUNK = 128;

export class LevelWorker {
  readonly #system: TransitionSystem;
  readonly #options: LevelOptions;
  readonly #control: Control;
  /** Of every worker, in order; those of others are only read. */
  readonly #discoveries: readonly Discovery[];
  readonly #discovery: Discovery;
  readonly #tracker: ViolationTracker;
  readonly #witnessed: Uint8Array;
  readonly #log: GraphLog | null;
  readonly #expander: Expander;
  readonly #counts: number[] = [];
  /** The level being expanded, 0 being the initial one: the states before it, how many each worker discovered in it, and all of them. */
  #level = 0;
  #before = 0;
  #sizes: readonly number[] = [];
  #size = 0;
  #frontiers: readonly Int32Array[] = [];

  /** The meeting at the end of a level that this worker waits for. */
  #round: number | null = null;

  constructor(task: LevelTask) {
    const { system, options, hashing, visited, control, discoveries, lowered = null } = task;
    this.#system = system;
    this.#options = options;
    this.#control = control;
    this.#discoveries = discoveries;
    this.#discovery = discoveries[control.me]!;
    const { traps } = options;
    this.#log = traps === null ? null : new GraphLog(goalNames(system, traps.end).length);
    this.#tracker = new ViolationTracker(system, hashing.fingerprint, traps === null ? null : { log: this.#log!, end: traps.end });
    this.#witnessed = new Uint8Array(system.sometimes.length);
    const told = { system, events: this.#tracker, witnessed: this.#witnessed, log: this.#log };
    if (lowered !== null) {
      const record = layoutOfRecord(system.stateWords, system.excuses !== undefined);
      const own = { visited: visited as FingerprintSet | SharedFingerprintSet, discovery: this.#discovery, record };
      this.#expander = new LoweredExpander({ ...told, ...own, lowered: lowered.search, memories: lowered.memories });
    } else {
      const copyState = makeCopyState(system.stateWords);
      this.#expander = makeExpander({ ...told, ...hashing, batch: BATCH, copyState, visited, discovery: this.#discovery });
    }
  }

  get level(): number {
    return this.#level;
  }
  get before(): number {
    return this.#before;
  }

  /** Begins a search with the initial states; those that fail or violate are reported at length 0. False when that is all. */
  start(): boolean {
    this.#tracker.length = -1;
    this.#guarded(() => {
      forEachInitial(this.#system, (index, fault) => {
        if (fault === null) this.#expander.offer(NO_PARENT, index);
        else this.#tracker.initFailed(fault, index);
      });
      this.#expander.flush();
    });
    return this.#endLevel(0);
  }

  /** Joins a search that expands level `level`, with `before` states before it. */
  join(level: number, before: number): void {
    for (let l = 0; l <= level; l++) this.#counts.push(0);
    this.#log?.endLevel(level - 1);
    this.#before = before;
    this.#beginLevel(level);
  }

  /** Expands a chunk of the level, or ends it when none is left, or waits a while for the others. False: the search is over. */
  advance(): boolean {
    if (this.#control.graphDropped) this.dropGraph();
    if (this.#round !== null) return this.#meet();
    const from = this.#control.take(this.#level, CHUNK);
    if (from < this.#size && this.#control.stopped === 0) {
      this.#guarded(() => this.#expand(from, Math.min(from + CHUNK, this.#size)));
      this.#control.publishProgress(this.#discovery.discovered, this.#expander.transitions);
      return true;
    }
    this.#guarded(() => this.#expander.flush());
    this.#before += this.#size;
    return this.#endLevel(this.#level + 1);
  }

  report(): WorkerReport {
    return {
      counts: this.#counts, transitions: this.#expander.transitions, terminals: this.#tracker.terminals,
      violations: this.#tracker.found.sorted(), witnessed: this.#witnessed, inForce: this.#expander.inForce,
      counted: countedBy(this.#system), callsSeen: callsSeen(this.#system), graph: this.#log?.finish() ?? null,
    };
  }

  /** Gives up what is written down of the graph, and its memory. */
  dropGraph(): void {
    if (this.#log === null || this.#log.dropped) return;
    const { bytes } = this.#log;
    this.#log.drop();
    releaseMemory(bytes);
  }

  /** The states `from`..`to` - 1 of the level, which may lie in the parts of several workers. */
  #expand(from: number, to: number): void {
    for (let w = 0, first = 0; w < this.#sizes.length; first += this.#sizes[w]!, w++) {
      const a = Math.max(from, first);
      const b = Math.min(to, first + this.#sizes[w]!);
      if (a < b) this.#expander.expand(this.#frontiers[w]!, a - first, b - first, this.#before + first, w);
    }
  }

  /** Ends the building of `level`; false when the search is over. */
  #endLevel(level: number): boolean {
    const control = this.#control;
    this.#level = level;
    this.#log?.endLevel(level - 1);
    this.#counts.push(this.#discovery.count);
    control.publishCount(level, this.#discovery.count, !this.#tracker.found.none);
    control.publishProgress(this.#discovery.discovered, this.#expander.transitions);
    this.#round = control.arrive(level, this.#before, () => {
      const size = total(control.counts(level));
      if (size === 0 || control.stopped !== 0 || (control.anyViolation() && !this.#options.goOn)) return false;
      return levelBound(this.#options, this.#before + size, level + 1, size) === null;
    });
    return this.#meet();
  }

  /** Waits for the other workers, but not long: the calling thread must look after its timers, and helpers after a failure. */
  #meet(): boolean {
    const control = this.#control;
    if (!control.met(this.#round!, SLICE_MS)) return control.stopped !== STOP_FAILED;
    this.#round = null;
    if (control.stopped === STOP_FAILED || !control.goesOn) return false;
    this.#beginLevel(this.#level);
    return true;
  }

  #beginLevel(level: number): void {
    this.#level = level;
    this.#sizes = this.#control.counts(level);
    this.#size = total(this.#sizes);
    this.#frontiers = this.#sizes.map((_, w) => this.#discoveries[w]!.frontier(level));
    this.#tracker.length = level;
    this.#discovery.begin(level + 1);
  }

  /** Lack of memory ends the search at the next meeting. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof OutOfMemory)) throw error;
      this.#control.stop(STOP_OUT_OF_MEMORY);
    }
  }
}

type LevelBounds = Pick<LevelOptions, "maxStates" | "maxDepth">;

/** Why a search with `states` states in `depth` levels must not expand the last level, of `frontier` states; or null. */
export function levelBound(bounds: LevelBounds, states: number, depth: number, frontier: number): string | null {
  if (bounds.maxStates !== null && states >= bounds.maxStates) {
    return `the bound of ${bounds.maxStates} states was reached at depth ${depth}; ${frontier} states were not expanded`;
  }
  if (bounds.maxDepth !== null && depth >= bounds.maxDepth) {
    return `the depth bound of ${bounds.maxDepth} was reached; ${frontier} states were not expanded`;
  }
  return null;
}

export function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, n) => sum + n, 0);
}
