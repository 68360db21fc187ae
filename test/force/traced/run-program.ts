/**
 * A run as a program of its own, with the sizes of a real machine where the scenario is short of something: the sides have
 * their calls as data, what each call returned is kept, and another thread empties the batches at the end, as the agent does.
 */
import { array, at, bool, current, holds, int, scenario, struct, type Int, type Routine, type Scenario, type World } from "thpcheck";
import { beyondBounds } from "../../../impl/config/beyond.ts";
import { kernelConfig, type KernelOptions } from "../../../impl/config/options.ts";
import { boot, bootVma, gateStructs, openGate, passGate } from "../../../impl/entry/boot.ts";
import { carryOut, type CallNumber, type CallResult } from "../../../impl/entry/carry-out.ts";
import { kernelStructs } from "../../../impl/mm-types.ts";
import { VM_READ, VM_WRITE } from "../../../impl/structs/vma.ts";
import { lruAddDrainAll } from "../../../impl/swap.ts";
import type { Run } from "./run.ts";

/** Calls of a run: that make the memory, and of each side. */
const MEMORY_MAX = 8;
const CALLS_MAX = 8;
const SIDES_MAX = 3;
const ROWS = MEMORY_MAX + SIDES_MAX * CALLS_MAX;
/** The thread that looks, behind those of the sides. */
export const LOOKS = 3;
/** A call and its arguments. */
const WIDTH = 9;
type Row = Int<0, 31>;
type SideNumber = Int<0, 2>;
type Count = Int<0, 16>;

function structsOf(options: KernelOptions) {
  return {
    ...kernelStructs(kernelConfig(options)), ...gateStructs(),
    run: struct({
      words: array(ROWS * WIDTH, int(-0x8000_0000, 0x7fff_ffff, "the calls", { guard: "model" })),
      memory: int(0, MEMORY_MAX, "how many make the memory", { guard: "model" }),
      calls: array(SIDES_MAX, int(0, CALLS_MAX, "how many each side makes", { guard: "model" })),
      done: array(SIDES_MAX, int(0, CALLS_MAX, "how many have returned", { guard: "model" })),
      results: array(SIDES_MAX * CALLS_MAX, int(-134, 0x7fff_ffff, "what they have returned", { guard: "model" })),
      seen: bool("all have returned, and the batches are empty", { guard: "model" }),
    }),
  };
}
export type RunWorld = World<ReturnType<typeof structsOf>>;
type K = RunWorld;

function* callOfRow(k: K, row: Row): Routine<CallResult> {
  const first = row * 9;
  const op: CallNumber = k.run.words.get(first);
  return yield* carryOut(
    k, op, k.run.words.get(first + 1), k.run.words.get(first + 2), k.run.words.get(first + 3), k.run.words.get(first + 4),
    k.run.words.get(first + 5), k.run.words.get(first + 6), k.run.words.get(first + 7), k.run.words.get(first + 8),
  );
}
function* callsOf(k: K, side: SideNumber): Routine {
  for (let n: Count = 0; n < k.run.calls.get(side); n++) {
    const result: CallResult = yield* callOfRow(k, 8 + 8 * side + n);
    yield at("return of a call");
    k.run.results.set(8 * side + n, result);
    k.run.done.set(side, n + 1);
  }
}
function* first(k: K): Routine {
  for (let n: Count = 0; n < k.run.memory.get(); n++) yield* callOfRow(k, n);
  yield* lruAddDrainAll(k);
  yield* openGate(k);
  yield* callsOf(k, 0);
}
function* second(k: K): Routine {
  yield* passGate(k);
  yield* callsOf(k, 1);
}
/** Where there are two sides, it has no calls. */
function* third(k: K): Routine {
  yield* passGate(k);
  yield* callsOf(k, 2);
}
function* looks(k: K): Routine {
  yield at("all have returned", () => k.run.done.get(0) === k.run.calls.get(0) && k.run.done.get(1) === k.run.calls.get(1) &&
    k.run.done.get(2) === k.run.calls.get(2));
  yield* lruAddDrainAll(k);
  k.run.seen.set(current(k) >= 0);
}

/** What a broken promise about user memory leads to is followed to its end. */
export function runProgram(run: Run): Scenario {
  const options: KernelOptions = { ...run.options, userMemoryIsNotJudged: true };
  const config = kernelConfig(options);
  const behind = (run.ranges + 1) * config.pagesPerHugePage;
  return scenario({
    name: "forced-run", why: "a trace, as it is forced on a real kernel", tier: "nightly",
    config, beyond: beyondBounds(config), structs: structsOf(options),
    init: (k: K) => {
      run.memory.forEach(({ words }, n) => { words.forEach((w, i) => { k.run.words.set(n * WIDTH + i, w); }); });
      run.calls.forEach((calls, side) => {
        calls.forEach(({ words }, n) => { words.forEach((w, i) => { k.run.words.set((8 + 8 * side + n) * WIDTH + i, w); }); });
        k.run.calls.set(side, calls.length);
      });
      k.run.memory.set(run.memory.length);
      boot(k, run.calls.length);
      bootVma(k, 0, 0, run.areaEnd, VM_READ | VM_WRITE);
      // The real process has areas behind those of the run.
      bootVma(k, 0, behind, behind + 1, VM_READ | VM_WRITE);
    },
    threads: [{ name: "A", run: first }, { name: "B", run: second }, { name: "C", run: third }, { name: "looks", run: looks }],
    always: {}, expect: holds(),
  }) as unknown as Scenario;
}
