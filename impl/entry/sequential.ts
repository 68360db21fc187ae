/**
 * Programs of system calls, one call after the other: for functional tests, full-size runs and the comparison with a
 * real kernel.
 *
 * A call is written into `k.call` and one thread's `dispatch` carries it out, straight through. Thread n is process n
 * (or another thread of it): it runs on CPU n. So one compiled program serves every list of calls.
 */
import { int, struct, type Routine, type World } from "thpcheck";
import type { KernelConfig } from "../config/options.ts";
import { kernelStructs } from "../mm-types.ts";
import { carryOut, type CallResult } from "./carry-out.ts";

export type { CallResult } from "./carry-out.ts";

const word = (meaning: string) => int(-0x8000_0000, 0x7fff_ffff, meaning, { guard: "atomic", init: 0 });

/** A kernel with a call to be carried out. @model holds a call as data */
export function sequentialStructs(c: KernelConfig) {
  return {
    ...kernelStructs(c),
    call: struct({
      op: int(0, 255, "which one: CALL of calls.ts", { guard: "atomic" }),
      a0: word("first argument"), a1: word("second argument"), a2: word("third argument"), a3: word("fourth argument"),
      a4: word("fifth argument"), a5: word("sixth argument"), a6: word("seventh argument"), a7: word("eighth argument"),
    }),
  };
}
export type SequentialKernel = World<ReturnType<typeof sequentialStructs>>;

/**
 * Carries out `k.call`. For straight-line runs only: an explored thread may not begin by reading shared state.
 * @model calls as data: the table of system calls of a straight-line run
 */
export function* dispatch(k: SequentialKernel): Routine<CallResult> {
  return yield* carryOut(
    k, k.call.op.get(), k.call.a0.get(), k.call.a1.get(), k.call.a2.get(), k.call.a3.get(), k.call.a4.get(), k.call.a5.get(),
    k.call.a6.get(), k.call.a7.get(),
  );
}
