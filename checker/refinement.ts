/**
 * Refinement: at every step, a program does what machines of its specification allow.
 *
 * A machine has instances (one for each page, for each page-table entry, ...). An abstraction reads the state of an
 * instance from the program's state. Routines announce events (`emit`), each in the step of the store that makes it
 * true. A step s -> s' with the events e1..en refines a machine when each of its instances accepts the events that name
 * it, in order, and arrives from abstract(s) at abstract(s'). An event that the machine refuses, and a state that
 * changed without an event or another way than the events say, are violations of the property `refines <machine>`.
 *
 * Why each step suffices: states are compared through the abstraction alone, so every path of the program maps to a
 * path of each machine. What init builds is no step: there the machines start wherever the abstraction finds them.
 */
import type { Structs } from "./program/layout.ts";
import type { World } from "./program/world.ts";
import { REFUSED, type Bounds, type Route } from "./refinement-plan.ts";

/** An event of a machine's alphabet. */
export interface RefinedEvent {
  /** The number that routines emit, and its name. */
  readonly event: number;
  readonly name: string;
  /** Payloads are 0..payloads - 1: what of the event, besides the instances, decides where it leads. */
  readonly payloads: number;
  readonly route: Route;
}

/** A machine and how a program's state is read in its terms, for the bounds of one scenario. */
export interface Refinement<S extends Structs = Structs> {
  /** Name of the machine; the property is `refines <machine>`. */
  readonly machine: string;
  /** The instances are 0..instances - 1. */
  readonly instances: number;
  /** An instance in words: `mm 0, range 1`. */
  readonly title: (instance: number) => string;
  readonly bounds: Bounds;
  /** The machine's states are 0..states - 1. */
  readonly states: number;
  /** A state in words, context included. */
  readonly describe: (state: number) => string;
  /** The state of an instance, read from what the program's state says and not from what events said. */
  abstract(this: void, k: World<S>, instance: number): number;
  /**
   * Of a field, as `struct.field`: bits without which its values are all the same to the abstraction. A change between
   * two values that have none of them then moves no instance, and none is looked at: a promise of whoever writes the
   * abstraction, held to by a run with `refineAll`.
   */
  readonly sees?: Readonly<Record<string, number>>;
  readonly events: readonly RefinedEvent[];
  /** The state after an event, or REFUSED. A function of its arguments; asked once for each. */
  readonly next: (state: number, event: number, payload: number) => number;
  /** The transitions as a reader of the machine counts them, which coverage is about; `lacks`: why no program can take it yet. */
  readonly arrows: readonly { readonly name: string; readonly lacks: string | null }[];
  /** Which of them `next` takes; asked only where `next` is not REFUSED. */
  readonly arrow: (state: number, event: number, payload: number) => number;
}

/** The property that a machine is held to under. */
export function refinementProperty(machine: string): string {
  return `refines ${machine}`;
}

/** The machine's answer, checked. Throws RangeError for a state that does not exist. */
export function answer(r: Refinement, state: number, column: { readonly event: number; readonly payload: number }): number {
  const next = r.next(state, column.event, column.payload);
  if (next === REFUSED || (next >= 0 && next < r.states && Number.isInteger(next))) return next;
  const name = r.events.find((e) => e.event === column.event)?.name;
  throw new RangeError(`machine ${r.machine}: ${name} leads from ${r.describe(state)} to state ${next}, outside of 0..${r.states - 1}`);
}
