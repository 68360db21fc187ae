/**
 * The one interface between what is explored and how it is explored.
 *
 * A compiled coroutine program and a hand-written model both become a `TransitionSystem`; every search strategy,
 * the replayer and the minimiser see nothing else.
 */

import type { RefinementPlan } from "./refinement-plan.ts";

/** The actor could not move: its guard is false, or it has ended. The vector is untouched. */
export const STEP_DISABLED = 0;
/** The actor moved; `vector` holds the successor. */
export const STEP_TAKEN = 1;

export interface ActorInfo {
  readonly name: string;
  /** A daemon need not end: waiting for work (not for a lock) counts as rest. */
  readonly daemon: boolean;
}

/** Where an actor stands, in words a person can read. */
export interface ActorPosition {
  /** The label of the yield at which the actor stands, i.e. the name of its next step; null when it has ended. */
  readonly label: string | null;
  /** False where no label does not mean that the actor has ended: a hand-written model does not say when it has. */
  readonly ended?: boolean;
  /** Innermost first: the routine and source line of each frame. */
  readonly stack: readonly SourceFrame[];
  /** Set when the next step waits for a lock. */
  readonly waitsFor: { readonly lock: string; readonly holders: readonly string[] } | null;
}

export interface SourceFrame {
  readonly routine: string;
  readonly file: string;
  readonly line: number;
}

/** One named value of a state, for printing and comparing: `range[1].unused = 3`. */
export interface NamedValue {
  readonly name: string;
  readonly value: string;
}

/** Why a property is false: the conjunct that failed, as written, and the values it was computed from. */
export interface Explanation {
  readonly conjunct: string;
  readonly values: readonly NamedValue[];
  /** Where the conjunct is written, `file:line`; null when unknown. */
  readonly source: string | null;
  /** The property has no value in this state: what it throws instead. `conjunct` is empty then. */
  readonly throws?: string;
}

export type PropertyKind = "always" | "step" | "finally";

/** States of up to so many words are short: to copy, hash and compare them whole is faster than to keep track of changes. */
export const SHORT_WORDS = 24;

/** The words found by the last `find`. */
export interface Changes {
  /** Ascending; the first so many as `find` returned. */
  readonly words: Int32Array;
  /** Compares the state in the system's `vector` with `before`. */
  find(): number;
}

/**
 * Which state properties and excuses a step may have moved. A set has one bit for each, the properties first, and lies in
 * `words` words of an array, from a place on.
 */
export interface AffectedProperties {
  readonly words: number;
  /**
   * Writes the set of those that may have another value in `vector` than in `before`. Where states are not short
   * (`SHORT_WORDS`), `changes.find` must have been called for these two before.
   */
  mark(into: Int32Array, at: number): void;
  /** Index of the first violated property of the set in `vector`, or -1. */
  check(set: Int32Array, at: number): number;
  /** The excuses of `vector`, as bits, given those of the state before: only those of the set are asked. */
  excused(set: Int32Array, at: number, before: number): number;
}

/**
 * For a search that has checked the state a step starts from: what the step may have moved is checked again, and nothing
 * else. The search puts the state before the step into `before`, steps, calls `changes.find`, and then asks the rest.
 */
export interface Incremental {
  /** The state before the step. `checkStep` copies it here, unless the caller passes this array itself. */
  readonly before: Int32Array;
  /** What differs between `before` and `vector`. */
  readonly changes: Changes;
  readonly affected: AffectedProperties;
  /** As `checkStep(before)`, by the changes found last. */
  readonly checkChanges: () => number;
}

/** The machines that steps are held to; their properties are the last of the step properties. */
export interface RefinementChecks {
  readonly plan: RefinementPlan;
  /** Steps that `checkStep` held to the machines so far, then how often each cell of their tables was taken. To be added to. */
  counts(): Float64Array;
  /** The answer of a machine for a state and a column of its table, where the plan does not know it. */
  ask(machine: number, state: number, column: number): number;
}

/** Where a basic block of the program begins. */
export interface BlockSite {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly routine: string;
}

export interface BlockCount {
  readonly site: BlockSite;
  readonly count: number;
}

/** Coverage: how often each basic block ran. */
export interface BlockCounts {
  /** The blocks that are counted; a place can occur more than once, where a function has several roles. */
  readonly sites: readonly BlockSite[];
  /** By block, how often it ran in this instance so far: the array that is counted in. */
  raw(): Float64Array;
  /** The same with its places. */
  counts(): BlockCount[];
}

/** Excuses: conditions under which state properties are suspended. */
export interface Excuses {
  /** How many there are: 1..EXCUSES_MAX. */
  readonly count: number;
  /** The excuse of each state property, in the order of `always`; -1: it has none. */
  readonly of: readonly number[];
  /** Bit n: excuse n applies to the state in `vector`. */
  evaluate(): number;
}

/** A place in the program that calls a routine through which the outside calls it. */
export interface OutsideCallSite {
  /** The routine that is called. */
  readonly callee: string;
  readonly place: { readonly file: string; readonly line: number };
  /** Actors whose code the place is part of. */
  readonly actors: readonly number[];
}

/** The call returned, and had not failed; it returned, and had. */
export const CALL_SUCCEEDED = 1;
export const CALL_FAILED = 2;

/** What became of calls from the outside. */
export interface CallOutcomes {
  readonly sites: readonly OutsideCallSite[];
  /** For each site and actor, in word `site * actors + actor`: CALL_SUCCEEDED and CALL_FAILED, of all steps of this instance so far. */
  seen(): Uint8Array;
}

/** States that must be reachable again from every state. */
export interface Recurring {
  /** The promises, in the order of their indices. */
  readonly names: readonly string[];
  /** Whether `vector` is a state that promise `index` speaks of. */
  holds(index: number): boolean;
}

/** What is promised of whole runs. */
export type LivenessKind = "eventually" | "leadsTo" | "alwaysEventually" | "eventuallyAlways" | "progress";

/** A promise about every fair run; a run that can go no further stays in its last state for ever. */
export interface LivenessPromise {
  readonly kind: LivenessKind;
  readonly name: string;
  /** The predicate of what must come: once (`eventually`, and after each `from` `leadsTo`), or again and again, or to stay. */
  readonly goal: number;
  /** Of `leadsTo`: the predicate of the states after which it must come. Null: of another kind. */
  readonly from: number | null;
}

/**
 * What runs owe an actor. `weak`: who can move from some time on moves; `strong`: who can move again and again moves; `none`: nothing.
 */
export type Fairness = "none" | "weak" | "strong";

/** Promises about whole runs, and which runs are meant. */
export interface Liveness {
  readonly promises: readonly LivenessPromise[];
  /** Predicates that the promises speak of: 1..PREDICATES_MAX. */
  readonly predicates: number;
  /** Whether a predicate is true of `vector`. */
  holds(predicate: number): boolean;
  /** By actor. */
  readonly fairness: readonly Fairness[];
}

/** Predicates that one system can have: those that a state shows are kept in a word. */
export const PREDICATES_MAX = 32;

/** Excuses that one system can have: those of a state are kept in a word. */
export const EXCUSES_MAX = 32;

/**
 * A transition system over vectors of 32-bit words.
 *
 * Steps work in place on `vector`. The first `stateWords` words are the state: they alone are saved, hashed and
 * compared. The words behind them hold statistics: `step` zeroes them first, so that afterwards they are the
 * step's deltas.
 *
 * Branching: a step (or `init`) that calls `choose` follows the current script. `step(a)` runs the branch that the
 * script selects; `nextBranch()` then moves the script to the next branch and returns false (with the script empty
 * again) when all are done. The caller restores `vector` to the parent between branches.
 */
export interface TransitionSystem {
  readonly stateWords: number;
  /** Length `stateWords` + statistic words. */
  readonly vector: Int32Array;
  readonly actors: readonly ActorInfo[];
  /** Property names, in the order of the indices that the check functions return. */
  readonly always: readonly string[];
  readonly stepProperties: readonly string[];
  readonly finally: readonly string[];
  readonly sometimes: readonly string[];

  /** Build the initial state that the script selects, with every actor run up to its first yield. Throws StepFault. */
  init(): void;
  /** Returns STEP_DISABLED or STEP_TAKEN; throws StepFault when the step itself goes wrong (an assertion, a range, a lock rule). */
  step(actor: number): number;
  /** Move to the next branch; false, with an empty script, when there is none. */
  nextBranch(): boolean;
  /** The choices taken by the last `step` or `init`. */
  branch(): number[];
  /** Follow exactly these choices in the next `step` or `init`. */
  setBranch(choices: readonly number[]): void;

  /** Index of the first violated state property of `vector`, or -1. A property of any kind that throws is violated. */
  checkState(): number;
  /**
   * Index of the first violated step property of the step `before` -> `vector`, or -1. The step is the one that `step`
   * took last: where it announced events, they are part of it.
   */
  checkStep(before: Int32Array): number;
  /** Index of the first violated end-state property of `vector`, or -1. */
  checkEnd(): number;
  /**
   * Whether this property alone is violated, of `vector` or, for "step", of the step `before` -> `vector`, which is the one
   * taken last. Asked only where a check function has found some property violated, to name them all.
   */
  isBroken(kind: PropertyKind, index: number, before: Int32Array | null): boolean;
  /** Whether witness `index` is shown by `vector`. */
  witness(index: number): boolean;
  /** Whether the actor has ended, or rests where it may rest forever. */
  atRest(actor: number): boolean;

  /** The label of the step last taken: that of the yield it started from, or what a hand-written model returned. */
  label(): string;
  /** The choice names and option texts of the branch last taken, for traces: e.g. `page=3`. */
  branchNames(): string[];
  position(actor: number): ActorPosition;
  /** Every field and live local of `vector`, in declaration order. */
  values(): NamedValue[];
  /** Values of the statistics in `vector` (deltas of the last step). */
  statistics(): NamedValue[];
  explain(kind: PropertyKind, index: number, before: Int32Array | null): Explanation | null;

  // Capabilities: what a system can do besides. Whoever can use one asks for it once, and does without where it is absent.

  /** Absent: every property of every state is checked. */
  readonly incremental?: Incremental;
  /** Present where some state property has an excuse. */
  readonly excuses?: Excuses;
  /** Present where steps are held to machines. */
  readonly refinement?: RefinementChecks;
  readonly coverage?: BlockCounts;
  /** Present where a scenario names states that must be reachable again from everywhere. */
  readonly recurring?: Recurring;
  /** Present where something is promised of whole runs. */
  readonly liveness?: Liveness;
  /** Present where a scenario says which routines the outside calls. */
  readonly calls?: CallOutcomes;
  /** Present where not every state that `init` makes is an initial one: whether `vector`, which it has just made, is. */
  readonly isInitial?: () => boolean;
  /** Present where the search has a bound: whether `vector` is beyond it. No step is then possible, and it is no end. */
  readonly isBeyond?: () => boolean;
  /** True where a state in which nothing can move is no violation, though some actor is not at rest. */
  readonly deadlockIsFine?: boolean;
  /** By actor: it is never at rest where it can move, so that a search need not ask. Absent: any may be. */
  readonly restless?: readonly boolean[];
}

/**
 * How a worker thread builds its own copy of a system: import `module`, call its export `instantiate(data)`.
 * `data` must survive structured cloning, so that no worker has to load or compile the user's modules.
 */
export interface SystemSource {
  /** File URL of a module with `export function instantiate(data): TransitionSystem`. */
  readonly module: string;
  readonly data: unknown;
  /** Hash of everything that decides behaviour; recorded in traces. */
  readonly programHash: string;
}
