/**
 * The vocabulary that kernel-style routines are written in.
 *
 * A routine is a generator function `function* name(k, ...): Routine<T>`. It yields where it can be preempted:
 * `yield at("label", () => guard)`. Between two yields it runs atomically. `choose` branches inside a step.
 * The compiler (`compile/`) turns the same source into step functions; run natively, these functions are the oracle.
 */
import { StepFault } from "../fault.ts";

/** What a yield hands to whoever runs the routine. */
export interface YieldPoint {
  readonly label: string;
  readonly guard: (() => boolean) | null;
  /** A thread may stay here forever without being deadlocked. */
  readonly idle: boolean;
  /** Set when the guard waits for a lock: its id and the mode wanted. */
  readonly lock: { readonly id: number; readonly mode: "exclusive" | "shared" } | null;
}

/** A routine that ends with a `T`. */
export type Routine<T = void> = Generator<YieldPoint, T, void>;

// The types of locals say how many bits a frame slot takes; the compiler reads them from the source. To TypeScript the
// numeric ones are numbers, interchangeable, since what fits is checked when a local is saved; references are told apart.

/** A local of this type takes `N` bits in its frame. */
export type U<N extends number> = number & { readonly __width?: Record<never, N> };
export type U8 = U<8>;
export type U16 = U<16>;
export type U32 = U<32>;
/** An integer local in Min..Max, both included. */
export type Int<Min extends number, Max extends number> = number & { readonly __width?: Record<never, Min | Max> };
/** A local that is an index into table `T`, or NONE. */
export type Ref<T extends string> = number & { readonly __table?: T };
/** A local in 0..config[Name]: its width follows from the scenario's bounds. */
export type UpTo<Name extends string> = number & { readonly __width?: Record<never, Name> };
/** A local that is a subset of 0..N-1, as a bit mask. */
export type Mask<N extends number> = number & { readonly __width?: Record<never, N> };
export type Bool = boolean;

export interface YieldOptions {
  /** An allowed resting place: waiting here forever is no deadlock. */
  readonly idle?: boolean;
  /**
   * The CPU executes one instruction from here to the next yield: for the sanitizers all accesses of the block happen in
   * one instant. An assumption of the model, which a sanitized run names by the label.
   */
  readonly instruction?: boolean;
}

/**
 * A preemption point. The label names the step that follows; the guard, evaluated in the state where that step would
 * start, says whether it can be taken.
 */
export function at(label: string, guard: (() => boolean) | null = null, options: YieldOptions = {}): YieldPoint {
  return { label, guard, idle: options.idle ?? false, lock: null };
}

/**
 * A record: a struct on the caller's stack, such as the kernel's `struct vm_fault`. `T` is an interface or type of members
 * that each have a type of known width. Give the record a name of its own, `const vmf: Fault = record({ ... })`, read and
 * write its members, and hand it down as an argument: what a callee writes, its caller sees. The compiler keeps one slot
 * per member, and only while that member is live (`compile/records.ts` says what it refuses: second names above all).
 */
export function record<T extends object>(members: T): T {
  return { ...members };
}

/** What a native world answers to the vocabulary below; compiled code has it built in. */
export interface Scheduler {
  /** The actor that is taking the step. */
  readonly current: number;
  /** `options`: their names, where they have some. */
  choose(name: string, n: number, options?: readonly string[]): number;
  /** Told of each specification event, where somebody listens. */
  emit?(event: number, instances: readonly number[]): void;
}

/** Key under which a native world carries its scheduler. */
export const SCHEDULER: unique symbol = Symbol("thpcheck.scheduler");

export interface Schedulable {
  readonly [SCHEDULER]?: Scheduler;
}

/** The scheduler of a native world. Throws where none runs, e.g. in a property. */
export function schedulerOf(k: object): Scheduler {
  const s = (k as Schedulable)[SCHEDULER];
  if (s === undefined) throw new Error("choose, current and locks work only while a routine runs, not in a property or a guard");
  return s;
}

/** Options of one choice, at most: each of them is a step of its own. */
export const OPTIONS_MAX = 65_536;

/** What is wrong with a number of options: 1 or more it is, as what is less is another fault. */
export function tooManyOptions(name: string, n: number | string): string {
  return `choose("${name}", ${n}): the number of options must be an integer in 1..${OPTIONS_MAX}`;
}

/**
 * Branch: some number in 0..n-1, every one of them explored. Not a preemption point. `name` is for the trace. In place of n
 * the options may be listed by name: then their number is n, and the trace says which was taken.
 */
export function choose(k: object, name: string, options: number | readonly string[]): number {
  const n = typeof options === "number" ? options : options.length;
  if (!(n >= 1)) throw new StepFault("choose-from-nothing", `choose("${name}", ${n}): there is nothing to choose; guard the step instead`);
  if (!Number.isInteger(n) || n > OPTIONS_MAX) throw new StepFault("range", tooManyOptions(name, n));
  return typeof options === "number" ? schedulerOf(k).choose(name, n) : schedulerOf(k).choose(name, n, options);
}

/** The actor that is taking the step, 0 being the first thread of the scenario. */
export function current(k: object): number {
  return schedulerOf(k).current;
}

/**
 * Announce a specification event, in the same step as the store that makes it true. `event` and the instances that it
 * names are small integers. Costs nothing where nobody listens.
 */
export function emit(k: object, event: number, ...instances: readonly number[]): void {
  schedulerOf(k).emit?.(event, instances);
}

/** BUG_ON: the step that gets here with `condition` true is a violation, reported with the message. */
export function bugOn(condition: boolean, message: string): void {
  if (condition) throw new StepFault("assertion", message);
}
