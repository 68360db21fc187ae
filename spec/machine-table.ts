/**
 * A machine of the specification as an integer transition table.
 *
 * `transition()` of XState takes microseconds and allocates; a look-up in the table takes nanoseconds. The table is
 * filled lazily: a state (value and context) gets a number when it is first met, and the answer of XState for a state,
 * an event and its payload is asked for once. Numbers of states therefore depend on the order of questions: they are
 * good for comparing and for asking on, never for storing in a state vector or in a file; `describe` gives what lasts.
 * Numbers of transitions are those of the machine's text and always the same.
 */
import type { MachineSpec } from "./machine.ts";

/** The machine does not accept the event in this state: nothing that it describes may do that. */
export const REFUSED = -1;

/** Whole numbers and truth values only. */
export type Context = Readonly<Record<string, number | boolean>>;

/** One arrow of the machine as its text gives it: a source, an event, and which of the alternatives for that event. */
export interface TransitionInfo {
  readonly source: string;
  /** Key of `EV`. */
  readonly event: string;
  readonly guard: string | null;
  readonly target: string;
  readonly description: string;
  /** Set where no implementation has the subject of this arrow yet: coverage does not ask for it. */
  readonly lacks: string | null;
}

export interface MachineTable {
  readonly spec: MachineSpec;
  readonly name: string;
  /** State numbers below this have been met so far. */
  readonly states: number;
  /** Number of the machine's initial state. */
  readonly initial: number;
  /** Every arrow, in the order of the machine's text; the index is the number that `transitionId` gives. */
  readonly transitions: readonly TransitionInfo[];
  /** The state after the event, or REFUSED. `event` is a value of `EV`, `payload` what the route gives (see `machine.ts`). */
  next(state: number, event: number, payload: number): number;
  /** The number of the arrow that `next` takes, or REFUSED. */
  transitionId(state: number, event: number, payload: number): number;
  /**
   * The number of a state that was computed from data. Throws RangeError for a value that the machine does not have,
   * and for a context whose keys are not the machine's.
   */
  encode(value: string, context: Context): number;
  value(state: number): string;
  context(state: number): Context;
  /** `mapped {pmds: 1, ptes: 0}` */
  describe(state: number): string;
}
