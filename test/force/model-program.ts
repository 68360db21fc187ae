/**
 * Pairs as scenarios of the checker: two threads of a process, each with its call, once the first has made the memory; and a
 * third that empties the LRU batches when both calls have returned, as the agent does before it looks. One program for all
 * pairs of a size; `init` chooses.
 */
import { at, bool, choose, current, holds, int, scenario, struct, type Int, type Routine, type Scenario, type World } from "thpcheck";
import { beyondBounds } from "../../impl/config/beyond.ts";
import { ENABLED_MADVISE } from "../../impl/config/knobs.ts";
import { hostRelease } from "../../impl/config/linux-release.ts";
import { kernelConfig, type KernelOptions } from "../../impl/config/options.ts";
import { switchesAt } from "../../impl/config/release.ts";
import { boot, bootVma, gateStructs, openGate, passGate } from "../../impl/entry/boot.ts";
import { CALL } from "../../impl/entry/calls.ts";
import { carryOut, type CallNumber, type CallResult } from "../../impl/entry/carry-out.ts";
import { unpinFolio } from "../../impl/gup.ts";
import { kernelStructs } from "../../impl/mm-types.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { lruAddDrainAll } from "../../impl/swap.ts";
import type { Step } from "../conformance/program.ts";
import { PAIRS, type Pair } from "./pairs.ts";
import { scaledWords } from "./scaled.ts";

/** CPUs: the two sides, the one that looks, and two that children run on, which do nothing. */
const CPUS = 5;
const CHILDREN = 3;
/** Huge ranges that pairs are about, and that outcomes tell of. */
export const SHOWN_RANGES = 3;
/** Steps of a preparation. */
const STEPS_MAX = 6;
/** What a result is before the call has returned: no call returns it. */
const NOT_YET = -134;

const NOTHING = [CALL.lruAddDrainAll, 0, 0, 0, 0, 0, 0, 0, 0] as const;
/** The child of the step's number runs on a CPU of its own. */
const words = (pair: Pair, step: Step): readonly number[] =>
  (step.call === "fork" ? [CALL.fork, CHILDREN + step.args[0]! - 1, 0, 0, 0, 0, 0, 0, 0] : scaledWords(step, pair.pages));
/** By pair: its preparation, filled up with steps that do nothing, then the two calls, one of each side. */
const WORDS = PAIRS.flatMap((p) => [
  ...Array.from({ length: STEPS_MAX }, (_, i) => (p.memory[i] === undefined ? NOTHING : words(p, p.memory[i]))),
  ...p.calls.flatMap((side) => side.map((c) => words(p, c))),
]);
const ROW = STEPS_MAX + 2;
const NAMES = PAIRS.map((p) => p.name);
type WordsRow = Int<0, 1023>;

function structsOf(options: KernelOptions) {
  return {
    ...kernelStructs(kernelConfig(options)), ...gateStructs(),
    forced: struct({
      pair: int(0, PAIRS.length - 1, "its place in PAIRS", { guard: "model" }),
      a: int(NOT_YET, 0xffff, "what the first call has returned", { guard: "model" }),
      b: int(NOT_YET, 0xffff, "what the second call has returned", { guard: "model" }),
      seen: bool("both have returned, and the batches are empty", { guard: "model" }),
    }),
  };
}
export type K = World<ReturnType<typeof structsOf>>;

function* step(k: K, row: WordsRow): Routine<CallResult> {
  const w = WORDS[row]!;
  const result: CallResult = yield* carryOut(k, w[0]!, w[1]!, w[2]!, w[3]!, w[4]!, w[5]!, w[6]!, w[7]!, w[8]!);
  const op: CallNumber = WORDS[row]![0]!;
  if (op !== CALL.getUserPage || result < 0) return result;
  yield at("copy_page_to_iter");
  yield* unpinFolio(k, result);
  return 0;
}

function* first(k: K): Routine {
  for (let n: WordsRow = 0; n < STEPS_MAX; n++) yield* step(k, k.forced.pair.get() * ROW + n);
  yield* lruAddDrainAll(k);
  yield* openGate(k);
  const result: CallResult = yield* step(k, k.forced.pair.get() * ROW + STEPS_MAX);
  yield at("return of the first call");
  k.forced.a.set(result);
}
function* second(k: K): Routine {
  yield* passGate(k);
  const result: CallResult = yield* step(k, k.forced.pair.get() * ROW + STEPS_MAX + 1);
  yield at("return of the second call");
  k.forced.b.set(result);
}
function* looks(k: K): Routine {
  yield at("both have returned", () => k.forced.a.get() !== NOT_YET && k.forced.b.get() !== NOT_YET);
  yield* lruAddDrainAll(k);
  k.forced.seen.set(current(k) >= 0);
}

/** The pairs with so many pages per huge page, on this release. Its `init` chooses one by its place in PAIRS. */
export function modelProgram(release: string, pages: number): Scenario {
  const options: KernelOptions = {
    pagesPerHugePage: pages, hugeRanges: SHOWN_RANGES + 1, frames: 8 * pages, mms: 3, cpus: CPUS, contents: 5,
    vmas: 12, anonVmas: 12, anonVmaChains: 24, pageTables: 18, refcountMax: 31, enabled: ENABLED_MADVISE, pagesToScan: 4 * pages,
    // No batch is ever full: that of the kernel has 31 places, and the calls add a few pages.
    lruBatch: 2 * pages + 2, ...switchesAt(hostRelease(release)),
  };
  const config = kernelConfig(options);
  return scenario({
    name: `forced-${pages}`, why: "two calls at a time, as they are forced on a real kernel", tier: "nightly",
    config, beyond: beyondBounds(config), structs: structsOf(options),
    init: (k: K) => {
      k.forced.pair.set(choose(k, "pair", NAMES));
      k.forced.a.set(NOT_YET);
      k.forced.b.set(NOT_YET);
      boot(k, 2);
      // The real process has areas behind those of the pair: who looks for one that is gone finds the next.
      bootVma(k, 0, SHOWN_RANGES * pages, SHOWN_RANGES * pages + 1, VM_READ | VM_WRITE);
    },
    threads: [{ name: "A", run: first }, { name: "B", run: second }, { name: "looks", run: looks }],
    always: {}, expect: holds(),
  }) as unknown as Scenario;
}
