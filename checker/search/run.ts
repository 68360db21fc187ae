/** What every strategy is asked and what it answers. */
import type { Counts, StrategyName } from "../result.ts";
import type { TransitionSystem } from "../system.ts";
import type { Broken } from "./candidate.ts";
import type { LoweredSearch } from "./lowered/module.ts";
import type { Path } from "./steps.ts";
import type { Hashing } from "./store/fingerprint.ts";

/** Threads that can share one search. */
export const SEARCH_WORKERS_MAX = 64;

export interface ExploreOptions {
  /** How many states an earlier run found: the visited table begins with room for them. A hint; it decides nothing. */
  readonly expectedStates?: number | null;
  readonly strategy: StrategyName;
  /** Worker threads, 1..SEARCH_WORKERS_MAX. With 1 the search runs in the calling thread, in slices. */
  readonly workers: number;
  /** Store and compare whole states, not fingerprints. Runs on one worker. */
  readonly exact: boolean;
  /** Stop when so many states are known; looked at when a BFS level ends, so that every number of workers stops alike. */
  readonly maxStates: number | null;
  /** States at this depth (the initial state has depth 1) are checked but not expanded. */
  readonly maxDepth: number | null;
  readonly seconds: number | null;
  /** Bytes of resident memory of the process. */
  readonly memoryBytes: number | null;
  /** Seeds the fingerprints, and the choices of random walks. */
  readonly seed: number;
  /** 32 is a test mode, in which collisions can be seen. */
  readonly fingerprintBits: 32 | 64;
  /** Walks to take with "random" and "pct"; null: until a bound ends them, or DEFAULT_WALKS if there is none. */
  readonly walks: number | null;
  /** Ordering constraints of the bugs that "pct" looks for, from 1 upward. */
  readonly pctDepth: number;
  /** Milliseconds of search in the calling thread before worker threads are started; 0: they do all the work. */
  readonly workersAfterMs?: number;
  /** Where several promises are broken, the one whose violation is shown; null, or one that is not broken: the first. */
  readonly wanted?: string | null;
  /**
   * Ask that an end stays reachable from every state, and what the system says must be reachable again (`recurring`). Unless set:
   * not. Breadth-first searches only.
   */
  readonly traps?: boolean;
  /** Nothing is meant to end: only what is recurring is asked. */
  readonly endless?: boolean;
  /** Ask what the system promises of whole runs (`liveness`), where every state was seen and nothing is broken. Unless set: not. */
  readonly liveness?: boolean;
  /**
   * Go on past violations, so that each promise that breaks anywhere is found, with its own trace. Unless set: the search ends with
   * the level of the first. Breadth-first searches only. A step that fails leads nowhere. Traps, and witnesses that no state
   * shows, are told of only where nothing is broken.
   */
  readonly goOn?: boolean;
  /**
   * The system and its breadth-first search as WebAssembly, for one worker. Null or absent: the search runs in JavaScript, and so
   * does any other. Made of another program than the system is, it is refused.
   */
  readonly lowered?: LoweredSearch | null;
  /** Search again for the shortest trace with the fewest context switches. */
  readonly minimise: boolean;
  /** Asked about 20 times a second. True ends the run as incomplete. */
  readonly shouldStop: () => boolean;
  /** Called about 4 times a second. */
  readonly onProgress: (progress: Progress) => void;
}

export interface Progress {
  readonly states: number;
  readonly transitions: number;
  /** BFS: the level being expanded; otherwise the longest path so far, in states. */
  readonly depth: number;
  /** States known and not yet expanded. */
  readonly frontier: number;
  readonly seconds: number;
  readonly statesPerSecond: number;
  /** Bytes of resident memory of the process that searches. */
  readonly memoryBytes: number;
}

/** What a strategy is given. */
export interface SearchTask {
  readonly system: TransitionSystem;
  readonly options: ExploreOptions;
  /** For the states of this system, under the seed and the bits of the options. */
  readonly hashing: Hashing;
}

/** Whether a search on so many workers runs in WebAssembly. */
export function isLowered({ lowered, exact, strategy }: Pick<ExploreOptions, "lowered" | "exact" | "strategy">, workers: number): boolean {
  return lowered != null && !exact && strategy === "bfs" && workers === lowered.workers;
}

/** Why a search ended that had no memory for more states. */
export const OUT_OF_MEMORY = "out of memory: the visited set or the frontier cannot grow";

/** What a strategy found out. */
export interface SearchRun {
  /** Every reachable state was expanded. */
  readonly complete: boolean;
  /** The bound that ended the run; null when it is complete or ended with a violation. */
  readonly stopReason: string | null;
  readonly counts: Counts;
  /** By witness: 1 where it was seen. */
  readonly witnessed: Uint8Array;
  /** By excuse of the system: the states in which promises that have it were in force; null without excuses. */
  readonly inForce: Float64Array | null;
  /** What the system had counted by the end of the search. */
  readonly counted: Counted;
  /** As `CallOutcomes.seen`; null without calls from the outside. */
  readonly callsSeen: Uint8Array | null;
  /**
   * The promises that are broken where the search ended, each once, the one to report first: breadth-first, those that break
   * in a state or step of the level at which it ended, with `goOn` of any level; otherwise those that break in the state or step
   * at which it ended.
   */
  readonly violations: readonly Violated[];
  /** Why nobody looked for traps, though that was asked for; null when somebody did, or it was not. */
  readonly trapsNotChecked: string | null;
}

export interface Violated {
  readonly broken: Broken;
  /** The path that led the search there. */
  readonly path: () => Path;
  /** Of a promise about whole runs: how the path goes on for ever. It is a shortest one then. */
  readonly lasso?: {
    /** How many of its steps come before those that repeat; as many as it has: the run stops. */
    readonly loop: number;
    readonly isShortest: boolean;
    /** How short the loop is, in words; may be empty. */
    readonly remark: string;
  };
  /** Of a trap: whether the state at a place of an array is one of the nearest trapped states. */
  readonly isNearest?: (words: Int32Array, at: number) => boolean;
}

/** What instances of a system count beside the search, added up over all of them. */
export interface Counted {
  /** As `RefinementChecks.counts`; null without machines. */
  readonly refinement: Float64Array | null;
  /** As `BlockCounts.raw`; null where no block is counted. */
  readonly blocks: Float64Array | null;
}

/** What the system has counted so far, kept apart from what it counts from here on. */
export function countedBy(system: TransitionSystem): Counted {
  return { refinement: system.refinement?.counts().slice() ?? null, blocks: system.coverage?.raw().slice() ?? null };
}

/** What was counted, less what had been before. */
export function countedSince(before: Counted, now: Counted): Counted {
  const less = (a: Float64Array | null, b: Float64Array | null): Float64Array | null => a?.map((n, i) => n - b![i]!) ?? null;
  return { refinement: less(now.refinement, before.refinement), blocks: less(now.blocks, before.blocks) };
}

/** What several instances have counted. */
export function countedByAll(all: readonly Counted[]): Counted {
  const sum = (of: (c: Counted) => Float64Array | null): Float64Array | null =>
    of(all[0]!)?.map((_, i) => all.reduce((n, c) => n + of(c)![i]!, 0)) ?? null;
  return { refinement: sum((c) => c.refinement), blocks: sum((c) => c.blocks) };
}

/** What became of the system's calls from the outside so far. */
export function callsSeen(system: TransitionSystem): Uint8Array | null {
  return system.calls?.seen().slice() ?? null;
}

/** Milliseconds of search between looks at the clock, the bounds and Ctrl-C. */
export const SLICE_MS = 50;
const PROGRESS_MS = 250;

/** What a search says of itself; clock and memory are looked at here. */
type Found = Omit<Progress, "seconds" | "statesPerSecond" | "memoryBytes">;

/** Clock, bounds and progress of a run in the calling thread. */
export class Pacer {
  readonly #options: ExploreOptions;
  readonly #start = performance.now();
  #sliceEnd = this.#start + SLICE_MS;
  #nextProgress = this.#start + PROGRESS_MS;

  constructor(options: ExploreOptions) {
    this.#options = options;
  }

  get elapsed(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** Whether it is time for `pause`. */
  due(): boolean {
    return performance.now() >= this.#sliceEnd;
  }

  /** Lets timers and signals run; returns why the search must end, or null. */
  async pause(progress: () => Found): Promise<string | null> {
    this.report(progress);
    await new Promise((resolve) => setImmediate(resolve));
    this.#sliceEnd = performance.now() + SLICE_MS;
    return this.bound();
  }

  /** Calls `onProgress` when it is time. */
  report(progress: () => Found): void {
    const now = performance.now();
    if (now < this.#nextProgress) return;
    this.#nextProgress = now + PROGRESS_MS;
    const seconds = this.elapsed;
    const p = progress();
    this.#options.onProgress({ ...p, seconds, statesPerSecond: p.states / seconds, memoryBytes: process.memoryUsage.rss() });
  }

  /** Whether the process holds more than it may. */
  overMemory(): boolean {
    const { memoryBytes } = this.#options;
    return memoryBytes !== null && process.memoryUsage.rss() > memoryBytes;
  }

  /** Why the search must end now, or null. */
  bound(): string | null {
    const { seconds, memoryBytes, shouldStop } = this.#options;
    if (shouldStop()) return "interrupted";
    if (seconds !== null && this.elapsed >= seconds) return `the time bound of ${seconds} s was reached`;
    if (this.overMemory()) {
      return `the memory bound of ${(memoryBytes! / 2 ** 20).toFixed(0)} MiB was reached`;
    }
    return null;
  }
}
