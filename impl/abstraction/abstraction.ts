/**
 * An abstraction reads the state of one instance of a machine from the kernel's data. It reads nothing that an event
 * wrote. Refinement (checker/refinement.ts) compares that state, before and after each step, with the state to which
 * the events of the step lead the machine.
 *
 * A state is a value and a context, written as one number, digit by digit: the value first, then each entry of the
 * context. The sizes here and the function `abstract` of a machine must say the same; `test/refinement/kernel-machines.test.ts`
 * compares them.
 */
import type { Bounds } from "../../spec/bounds.ts";
import type { Kernel } from "../mm-types.ts";

/** One entry of a machine's context. */
export interface Digit {
  readonly name: string;
  /** How many values it has. */
  readonly size: (c: Bounds) => number;
  /** The smallest of them, 0 unless set. */
  readonly first?: number;
  /** The values are false and true. */
  readonly truth?: true;
}

export interface Abstraction {
  /** Name of the machine in spec/alphabet.ts. */
  readonly machine: string;
  /** The machine's states, in the order of the numbers that `abstract` gives. */
  readonly values: readonly string[];
  readonly context: readonly Digit[];
  /** The state of an instance; NO_STATE if no state of the machine describes the kernel's data. */
  readonly abstract: (k: Kernel, instance: number) => number;
  /** Kernels that have the machine's subject; all unless given. */
  readonly when?: (c: Bounds) => boolean;
  /** Bits of a field that matter at all; see `sees` in checker/refinement.ts. */
  readonly sees?: Readonly<Record<string, number>>;
}

export const NO_STATE = -1;
