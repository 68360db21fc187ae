/** How one scenario is checked: what can be asked for, what a check is made of, and what it hands back. */
import type { Site } from "../program/observer.ts";
import type { EngineChoice, Patch, ReplayedTrace, ScenarioResult, StrategyName, TraceStory } from "../result.ts";
import { isModel, type Scenario } from "../scenario.ts";
import type { ExploreOptions, Outcome } from "../search/explore.ts";
import type { LoweredSearch } from "../search/lowered/module.ts";
import { DEFAULT_PCT_DEPTH } from "../search/strategy/pct.ts";
import type { SystemSource, TransitionSystem } from "../system.ts";

/** What a check decides itself. */
type Decided = "lowered" | "workers" | "workersAfterMs" | "expectedStates" | "wanted" | "traps" | "endless" | "liveness";

export interface CheckOptions extends Omit<ExploreOptions, Decided> {
  /** Threads, or null: as many as the size of the scenario deserves (`workersFor`). */
  readonly workers: number | null;
  /**
   * Run the sanitizer pass: on scenarios that ask for it ("asked"), on these and on all of the lower tiers that pin few states
   * ("small"), on every program ("all"), or on none. Those that say why not (`Scenario.sanitize`) are left out by each.
   */
  readonly sanitize: "asked" | "small" | "all" | "none";
  /**
   * What searches run in that can: JavaScript, or WebAssembly; `auto`: `runsInWasm` decides. One that cannot run in WebAssembly runs in
   * JavaScript, and its result says why.
   */
  readonly engine: EngineChoice;
  /** Overrides the scenario's own setting; null keeps it. */
  readonly clearDeadLocals: boolean | null;
  /** Hold each step to the scenario's machines (`Scenario.refine`). */
  readonly refine: boolean;
  /** Ask that an end stays reachable, and what scenarios name as recurring. */
  readonly traps: boolean;
  /** Ask what scenarios promise of whole runs. */
  readonly liveness: boolean;
  /** The patch under which the scenario was loaded; recorded in its trace. */
  readonly patch: Patch | null;
  /** Count the basic blocks that run: of all modules, of those of these files (absolute paths), or none. */
  readonly coverage: boolean | readonly string[];
  /** Tell why the steps of a trace matter, also of a violation that is expected; `trace/story.ts`. */
  readonly story: boolean;
}

export const DEFAULT_CHECK_OPTIONS: CheckOptions = {
  strategy: "bfs", workers: null, exact: false, seed: 0, fingerprintBits: 64, walks: null, pctDepth: DEFAULT_PCT_DEPTH, minimise: true,
  maxStates: null, maxDepth: null, seconds: null, memoryBytes: null,
  engine: "auto", sanitize: "none", clearDeadLocals: null, refine: true, traps: true, liveness: true, patch: null, coverage: false,
  story: false,
  shouldStop: () => false, onProgress: () => {},
};

export interface CompileRequest {
  readonly clearDeadLocals: boolean;
  readonly coverage?: boolean | readonly string[];
  readonly refine?: boolean;
  readonly sourceMap?: boolean;
}

export interface Compiled {
  readonly system: TransitionSystem;
  readonly source: SystemSource | null;
}

/** What a check is made of. Tests put their own in its place. */
export interface Engine {
  readonly compile: (s: Scenario, request: CompileRequest) => Compiled | Promise<Compiled>;
  readonly explore: (system: TransitionSystem, source: SystemSource | null, options: ExploreOptions) => Promise<Outcome>;
  /** The search of what was compiled, as WebAssembly, or why there is none, in a sentence without its end. Absent: there is none. */
  readonly lower?: (compiled: Compiled, request: LoweringRequest) => Promise<LoweredSearch | { readonly reason: string }>;
}

/** What a lowered search depends on, besides the program. */
export type LoweringRequest = Pick<ExploreOptions, "seed" | "fingerprintBits" | "workers">;

/** A further violation of a search that went on past the first. */
export interface FurtherTrace {
  readonly replayed: ReplayedTrace;
  /** Null unless it was asked for, as `CheckAnswer.story`. */
  readonly story: TraceStory | null;
}

export interface Checked {
  readonly result: ScenarioResult;
  /** The violation's trace with all that replay recomputes; null when there is none. */
  readonly replayed: ReplayedTrace | null;
  /** Those of `result.further`, in the same order. */
  readonly further: readonly FurtherTrace[];
  /** States found with dead-local clearing off, where the scenario pins that count and the check got that far. */
  readonly statesWithoutClearing: number | null;
  /** How often each basic block ran, where that was asked for. */
  readonly coverage: readonly { readonly site: Site; readonly count: number }[];
  /** Hash of the program that was searched, with its counters; null when there was none. */
  readonly program: string | null;
}

/** What is handed back of a scenario that could not be checked. */
export function nothingChecked(result: ScenarioResult): Checked {
  return { result, replayed: null, further: [], statesWithoutClearing: null, coverage: [], program: null };
}

/** Whether the strategy covers a state space: walks do not. */
export function isSearch(strategy: StrategyName): boolean {
  return strategy === "bfs" || strategy === "dfs";
}

/**
 * Whether dead locals are cleared, in all routines but those that the scenario excepts: as `override` says or, where it is null, as
 * the scenario does. Default: true.
 */
export function clearsDeadLocals(s: Scenario, override: boolean | null): boolean {
  return override ?? s.clearDeadLocals !== false;
}

/** The reductions that a check applies, by the names in its result. A hand-written model has no locals. */
export function reductionsOf(s: Scenario, clearing: boolean): string[] {
  return clearing && !isModel(s) ? ["dead-local clearing"] : [];
}

/** Pinned size from which threads pay: on two cores, 1.3 million states take longer with two than with one, 4 million less. */
const PARALLEL_STATES_MIN = 3_000_000;

/**
 * Pinned size from which a search is lowered by itself. To lower a scenario of the kernel takes 1.5 seconds, once: it is kept. Each
 * state then takes 1.3 microseconds less (collapse-fault-2-ranges), so with an empty cache it pays from a million states on, with a
 * warm one from far fewer.
 */
const LOWERED_STATES_MIN = 500_000;

/** Whether a scenario is searched in WebAssembly if it can be. */
export function runsInWasm(s: Scenario, { engine, strategy, exact, coverage }: CheckOptions): boolean {
  if (engine !== "auto") return engine === "wasm";
  return strategy === "bfs" && !exact && coverage === false && pinnedStates(s) >= LOWERED_STATES_MIN;
}

/** Up to so many pinned states, a scenario of the quick or full tier is sanitized in the nightly one. */
export const SANITIZED_STATES_MAX = 150_000;

/** Whether the sanitizers look at a program, or else, where the scenario says why not, that text. */
export function sanitizes(s: Scenario, how: CheckOptions["sanitize"]): boolean | string {
  if (isModel(s) || how === "none") return false;
  if (typeof s.sanitize === "string") return how === "asked" ? false : s.sanitize;
  const states = s.expect.verdict === "holds" ? s.expect.states : null;
  const small = s.tier !== "nightly" && states !== null && states <= SANITIZED_STATES_MAX;
  return how === "all" || s.sanitize === true || (how === "small" && small);
}

/** Threads that one check takes at most when their number is not given. */
export const DEFAULT_WORKERS_MAX = 8;

/** One worker, unless the scenario pins a count that is large enough to share. Any number gives the same result. */
export function workersFor(s: Scenario, cores: number): number {
  return pinnedStates(s) >= PARALLEL_STATES_MIN ? Math.max(1, Math.min(cores, DEFAULT_WORKERS_MAX)) : 1;
}

/** 0: the scenario pins none. */
function pinnedStates({ expect }: Scenario): number {
  return expect.verdict === "holds" ? expect.states ?? 0 : 0;
}
