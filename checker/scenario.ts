/** The scenario module: what a user writes, and what every strategy runs. See contracts, "Scenario module". */
import type { Fairness, LivenessKind } from "./system.ts";
import { FormError } from "./form.ts";
import { inWords, isRecord } from "./value-in-words.ts";
import type { Structs } from "./program/layout.ts";
import type { Routine } from "./program/routine.ts";
import type { World } from "./program/world.ts";
import type { Refinement } from "./refinement.ts";
import type { Tier } from "./result.ts";
import { checkPins, holdsPins, scenarioProblem, violatedPins } from "./scenario-form.ts";

/** A property is true, or says which conjunct failed and from which values. A plain `false` is explained from its source. */
export type PropertyResult = boolean | { readonly conjunct: string; readonly values: Readonly<Record<string, unknown>> };

/** A promise about every state. */
export interface StateProperty<S extends Structs> {
  (k: World<S>): PropertyResult;
  /**
   * Where the promise is suspended: it is then true whatever else the state says. Told apart from the rest so that a run
   * can say in how many states the promise was in force.
   */
  readonly excuse?: (k: World<S>) => boolean;
  /** Why it is promised, for the trace of a violation. */
  readonly why?: string;
}

/** What a promise about whole runs speaks of: a state that shows it. */
export interface RunProperty<S extends Structs> {
  (k: World<S>): boolean;
  /** Why it is promised, for the trace of a violation. */
  readonly why?: string;
}

export interface LeadsTo<S extends Structs> {
  readonly from: (k: World<S>) => boolean;
  readonly to: (k: World<S>) => boolean;
  /** Why it is promised, for the trace of a violation. */
  readonly why?: string;
}

export interface Thread<S extends Structs> {
  readonly name: string;
  readonly run: (k: World<S>) => Routine<unknown>;
  /** Need not end: waiting for work (not for a lock) counts as rest. */
  readonly daemon?: boolean;
}

/** An actor of a hand-written model: one guarded step function over the same structs, with no hidden state. */
export interface ModelActor<S extends Structs> {
  readonly name: string;
  readonly daemon?: boolean;
  /** Takes one step and returns its label, or null when the actor cannot move (having changed nothing). May `choose`. */
  readonly step: (k: World<S>) => string | null;
  /** Whether the actor has finished, or may rest here forever. */
  readonly atRest: (k: World<S>) => boolean;
}

/** A model written by hand: the state is the structs and nothing else. */
export interface Model<S extends Structs> {
  readonly structs: S;
  readonly init?: (k: World<S>) => void;
  readonly actors: readonly ModelActor<S>[];
  /**
   * In place of actors: a transition system that is ready made, with properties and witnesses of its own. `module`, a file
   * URL, exports `instantiate(data): TransitionSystem`, which each thread that searches calls, and `behaviour(data)`, the
   * text that decides what it does: traces recorded with another are refused. `data` is plain.
   */
  readonly system?: { readonly module: string; readonly data: unknown };
}

/** Counts that a scenario pins; null: not pinned. */
interface Pins {
  readonly states: number | null;
  readonly transitions: number | null;
  readonly depth: number | null;
  readonly statesWithoutClearing: number | null;
}
export type Expectation =
  | { readonly verdict: "holds" } & Pins
  | { readonly verdict: "violated"; readonly property: string; readonly length: number | null };

/**
 * The scenario must hold; counts that are given are pinned (`check --update-pins` rewrites them). Throws a FormError for
 * counts that are none.
 */
export function holds(pins: { states?: number; transitions?: number; depth?: number; statesWithoutClearing?: number } = {}): Expectation {
  checkPins(holdsPins, pins, "holds(...)");
  const { states = null, transitions = null, depth = null, statesWithoutClearing = null } = pins;
  return { verdict: "holds", states, transitions, depth, statesWithoutClearing };
}

/**
 * The scenario must violate this promise. Others may break beside it, in the same level of the search; a crash does not count, nor
 * does a violation of another promise nearer to the start. `length`: steps of the shortest trace.
 */
export function violated(property: string, pins: { length?: number } = {}): Expectation {
  if (typeof property !== "string" || property === "")
    throw new FormError(`violated(...): it needs the name of a promise, found ${inWords(property)}`);
  checkPins(violatedPins, pins, `violated(${inWords(property)})`);
  return { verdict: "violated", property, length: pins.length ?? null };
}

/** A routine through which the outside calls the program. */
export interface OutsideCall {
  readonly run: (...args: never) => Routine<unknown>;
  /** The result that says that the call failed, besides one below 0 and false. */
  readonly failure?: number;
}

/** What a scenario says of itself; each has a default where it is left out, see `scenario`. */
interface Stated {
  /** Why the scenario exists. */
  readonly why: string;
  /** The tier that it belongs to. */
  readonly tier: Tier;
  readonly expect: Expectation;
}

interface ScenarioBase<S extends Structs> {
  readonly name: string;
  /** Bounds, version switches, knobs: plain data, recorded in traces. */
  readonly config?: Readonly<Record<string, unknown>>;
  /**
   * Absolute path of the module that draws this scenario's states on pages (`page/picture.ts`); unset: what the configuration's
   * `picture` gives.
   */
  readonly picture?: string;
  /**
   * Clear dead locals at each yield; true unless set. Off, states that differ only in garbage count as different. Off in some
   * routines: `{ except: [routine] }`, as where a peer's model keeps what one of its processes has read last.
   */
  readonly clearDeadLocals?: boolean | { readonly except: readonly ((...args: never[]) => Routine<unknown>)[] };
  /**
   * Hold every block to the sanitizers (block atomicity, data races, lock order) as well, over the same state space, in
   * the full tier and with --sanitize; the nightly tier does so with all that pin few states. Off unless set. A text: never,
   * and why, as for an abstract model, which states its atomic steps instead of claiming them.
   */
  readonly sanitize?: boolean | string;
  readonly always?: Readonly<Record<string, StateProperty<S>>>;
  readonly step?: Readonly<Record<string, (before: World<S>, after: World<S>) => PropertyResult>>;
  readonly finally?: Readonly<Record<string, (k: World<S>) => PropertyResult>>;
  readonly sometimes?: Readonly<Record<string, (k: World<S>) => boolean>>;
  /** From every reachable state, one that shows this must be reachable again. For programs that are not meant to end. */
  readonly recurring?: Readonly<Record<string, (k: World<S>) => boolean>>;
  /** What every fair run comes to, once at least. Of a run: see `fairness`. */
  readonly eventually?: Readonly<Record<string, RunProperty<S>>>;
  /** After each state that shows `from` (or in it), every fair run comes to one that shows `to`. */
  readonly leadsTo?: Readonly<Record<string, LeadsTo<S>>>;
  /** What every fair run comes to again and again; one that ends must end in it. */
  readonly alwaysEventually?: Readonly<Record<string, RunProperty<S>>>;
  /** What is so for ever in every fair run, from some time on. */
  readonly eventuallyAlways?: Readonly<Record<string, RunProperty<S>>>;
  /** What every fair run that never ends comes to again and again: no cycle is without it (livelock). A run may end without. */
  readonly progress?: Readonly<Record<string, RunProperty<S>>>;
  /**
   * What runs owe to actors, by name. "weak": who can move from some time on moves; "strong": who can move again and again moves, for
   * those that wait for what others have at times; "none": it may stop at any time, as an environment may. Choices within a step
   * are nobody's: each may turn out the same for ever. Unless given: "weak". Only promises about whole runs ask for it.
   */
  readonly fairness?: Readonly<Record<string, Fairness>>;
  /**
   * A filter on what `init` and its choices make: only states where it is true are initial. Unset: all of them. A check of a
   * scenario that is left with none is an error.
   */
  readonly initially?: (k: World<S>) => boolean;
  /**
   * A bound on the search: a state where it is false is held to the promises, and no step is taken from it. Such a state is neither
   * an end nor a deadlock, and whatever can come of it counts as good. Each result says that the search was bounded. Unset: none.
   */
  readonly within?: (k: World<S>) => boolean;
  /**
   * States in which nothing can move although some thread has not ended are no violation, and why. Such a state is no end: what
   * `finally` promises is not asked of it, but it is a good place to stay (see `endless`). Unset: a deadlock is a violation.
   */
  readonly deadlock?: string;
  /**
   * Nothing is meant to end. Unless set, every check asks that an end (every thread has ended or rests) stays reachable from every
   * reachable state.
   */
  readonly endless?: boolean;
  /**
   * Routines through which the outside calls the program, such as system calls. A check that holds warns where no call ever
   * succeeds, and where a thread never gets past its first one: such a check says less than it seems to. Unless given: what the
   * configuration says (`Config.calls`).
   */
  readonly calls?: readonly OutsideCall[];
  /** No call is meant to succeed, and why. */
  readonly allFail?: string;
  /** Threads that are not meant to get past their first call, by name, and why. */
  readonly cutShort?: Readonly<Record<string, string>>;
  /**
   * What is said of an index or a value that the scenario's world is too small for, % standing for the number: by the name of a
   * table, of a field (`struct.field`), or of a value of `config` that a local's type names (`UpTo<"name">`).
   */
  readonly beyond?: Readonly<Record<string, string>>;
  /** The policy that the program runs under. Under another one the scenario is named `name@policy`; see `project/under-policy.ts`. */
  readonly policy?: string;
  /** Throws a RangeError that lists the policies there are. */
  readonly underPolicy?: (policy: string) => Scenario<S>;
  /** Machines that each step is held to; see `refinement.ts`. */
  readonly refine?: readonly Refinement<S>[];
}
interface ProgramParts<S extends Structs> extends ScenarioBase<S> {
  readonly structs: S;
  /** Straight-line, not explored; may `choose`, which gives several initial states. */
  readonly init?: (k: World<S>) => void;
  readonly threads: readonly Thread<S>[];
}
interface ModelParts<S extends Structs> extends ScenarioBase<S> {
  readonly model: Model<S>;
}
/** A scenario of threads that run routines. */
export interface ProgramScenario<S extends Structs = Structs> extends ProgramParts<S>, Stated {}
/** A scenario of a hand-written model. */
export interface ModelScenario<S extends Structs = Structs> extends ModelParts<S>, Stated {}
/** What `scenario` takes: `why`, `tier` and `expect` may be left out. */
export type GivenScenario<S extends Structs = Structs> = (ProgramParts<S> & Partial<Stated>) | (ModelParts<S> & Partial<Stated>);
export type Scenario<S extends Structs = Structs> = ProgramScenario<S> | ModelScenario<S>;

/** Scenarios whose form was found right. */
const known = new WeakSet<object>();

/** `why` of a scenario that does not say why. */
export const NO_REASON = "no reason is given";

/**
 * Marks a scenario; checks its form. What is left out of `why`, `tier` and `expect` becomes `NO_REASON`, "quick", which is
 * in every tier, and `holds()`. Throws a FormError that names the member, what it must be, and what it is.
 */
export function scenario<const S extends Structs>(given: GivenScenario<S>): Scenario<S> {
  const s = completed(given);
  if (known.has(s)) return s;
  const problem = scenarioProblem(s);
  if (problem !== null) {
    const name: unknown = (s as { readonly name?: unknown } | null | undefined)?.name;
    throw new FormError(`${typeof name === "string" ? `scenario ${inWords(name)}` : "a scenario without a name"}: ${problem}`);
  }
  known.add(s);
  return s;
}

/** The scenario itself if it leaves nothing out, and if it is none, whose form is then refused. */
function completed<S extends Structs>(s: GivenScenario<S>): Scenario<S> {
  if (!isRecord(s) || ("why" in s && "tier" in s && "expect" in s)) return s as Scenario<S>;
  return { why: NO_REASON, tier: "quick", expect: holds(), ...s };
}

/** Whether the scenario is one of a hand-written model; otherwise it has threads that run routines. */
export function isModel<S extends Structs>(s: Scenario<S>): s is ModelScenario<S> {
  return "model" in s;
}

/** The kinds of promises about whole runs, in the order in which they are looked at. */
export const LIVENESS_KINDS = ["eventually", "leadsTo", "alwaysEventually", "eventuallyAlways", "progress"] as const satisfies
  readonly LivenessKind[];

/** Whether the scenario promises something of whole runs. */
export function promisesOfRuns(s: Scenario): boolean {
  return LIVENESS_KINDS.some((kind) => Object.keys(s[kind] ?? {}).length > 0);
}

export function isScenario(value: unknown): value is Scenario {
  return typeof value === "object" && value !== null && "name" in value && "expect" in value && ("threads" in value || "model" in value);
}
