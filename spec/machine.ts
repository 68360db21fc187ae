/**
 * A machine of the specification, its instances, and which events concern which instance.
 *
 * Product semantics: an event moves every machine whose alphabet contains it, in all the instances that it names, at
 * once; it may happen only where all of them accept it. An event that is ignored (no arrow for it) is refused.
 */
import type { AnyStateMachine } from "xstate";
import type { Bounds } from "./bounds.ts";
import type { EventName } from "./events.ts";

/** The bounds that instance numbers and payloads are computed with: those of a kernel, or of a product of machines. */
export type Sizes = Pick<Bounds, "frames" | "pagesPerHugePage" | "hugeRanges" | "mms" | "pageTables" | "cpus" | "refcountMax"> & {
  /** Slots of the swap area. */
  readonly slots: number;
  /** Largest number of pins of one folio. */
  readonly pins: number;
};

/** The sizes of a kernel; pins are no bound of its own. */
export function sizesOf(b: Bounds, slots: number, pins: number): Sizes {
  const { frames, pagesPerHugePage, hugeRanges, mms, pageTables, cpus, refcountMax } = b;
  return { frames, pagesPerHugePage, hugeRanges, mms, pageTables, cpus, refcountMax, slots, pins };
}

/** Calls `move` for each instance that the event concerns; `payload` is a small natural number that `event` understands. */
export type Route = (args: readonly number[], sizes: Sizes, move: (instance: number, payload: number) => void) => void;

export interface Letter {
  readonly route: Route;
  /** The event object that the machine gets for a payload; without the type, which is the letter's name. */
  readonly event: (payload: number) => Readonly<Record<string, unknown>>;
  /** Payloads that occur at these sizes, for those who draw events at random. */
  readonly payloads: (sizes: Sizes) => number;
}

export interface MachineSpec {
  readonly name: string;
  readonly machine: AnyStateMachine;
  /** What one instance is: "a huge range of an address space". */
  readonly instance: string;
  readonly instances: (sizes: Sizes) => number;
  /** `mm 0, range 1` */
  readonly title: (instance: number, sizes: Sizes) => string;
  readonly alphabet: Readonly<Partial<Record<EventName, Letter>>>;
  /**
   * The largest value of each number in the context that sizes allow; absent where the machine itself keeps it finite. It is
   * no promise, and says only where to stop looking.
   */
  readonly limits?: (sizes: Sizes) => Readonly<Record<string, number>>;
  /**
   * Set when the state is a ghost, with the reason: no kernel data tells the state, so it is carried along. The machine's file
   * says what each state implies.
   */
  readonly ghost?: string;
  /** Set when no implementation is held to it yet, for want of this: the machine is explored on its own. */
  readonly lacks?: string;
}

