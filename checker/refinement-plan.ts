/**
 * The machines of a scenario as plain data: what the emitted check of refinement needs to know, and what explains its
 * findings. `refinement.ts` says what refinement is; the compiler makes the plan; worker threads receive it as it is.
 */

/** The answer of a machine that has no transition for an event in a state. */
export const REFUSED = -1;

/** Plain data that routes compute with: how many of each there are. */
export type Bounds = Readonly<Record<string, number>>;

/** Calls `move` for each instance that an event with these arguments names; an instance that does not exist is passed over. */
export type Route = (args: readonly number[], bounds: Bounds, move: (instance: number, payload: number) => void) => void;

/** A machine as data: names, and where its part of the table lies. */
export interface MachinePlan {
  readonly name: string;
  /** Number of its first instance among those of all machines, and how many there are. */
  readonly firstInstance: number;
  readonly instances: number;
  readonly titles: readonly string[];
  /** Of each state. */
  readonly descriptions: readonly string[];
  /** One for each event and payload, in the order of the table's columns. */
  readonly columns: readonly { readonly event: number; readonly payload: number }[];
  /** Where its table begins in `RefinementPlan.cells`: a row for each state. */
  readonly firstCell: number;
}

/** A cell of the table whose answer has not been asked for. */
export const UNKNOWN = -2;

/** What the emitted check needs to know, and what explains its findings. Plain data: workers receive it as it is. */
export interface RefinementPlan {
  readonly machines: readonly MachinePlan[];
  /** The tables of all machines: next state, REFUSED or UNKNOWN. */
  readonly cells: Int32Array;
  readonly eventNames: Readonly<Record<number, string>>;
  /** The machine of each instance. */
  readonly machineOf: Int16Array;
  /** Words of the state vector that some abstraction reads, and which of their bits. */
  readonly words: Int32Array;
  readonly masks: Int32Array;
  /** Groups of instances that depend on the same bits of word n: firstGroup[n]..firstGroup[n + 1] - 1. */
  readonly firstGroup: Int32Array;
  readonly groupMasks: Int32Array;
  /** Unless 0: a group counts only where the word, before or after, has one of these bits. */
  readonly groupNeeds: Int32Array;
  /** The instances of group g, 32 to a word: entries firstTouched[g]..firstTouched[g + 1] - 1. */
  readonly firstTouched: Int32Array;
  readonly touchedWords: Int32Array;
  readonly touchedBits: Int32Array;
}
