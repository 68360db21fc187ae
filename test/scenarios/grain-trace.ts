/** Trace events that read what they report (grain `trace`): nobody has freed it by then. */
import { holds, type Expectation, type Routine } from "thpcheck";
import type { Grain } from "../../impl/config/grain.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { MADV_DONTNEED } from "../../impl/madvise.ts";
import { lruAddDrain } from "../../impl/swap.ts";
import { thpScenario } from "../../kernel/thp.ts";
import type { K } from "../../kernel/world.ts";

/** The page is in the batch of this CPU, from where it reaches the LRU. */
function* storesAndDrains(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* lruAddDrain(k);
  yield* load(k, 0);
}
function* discards(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
}

/** With the grain that is asked for: a test does without, to show what is not seen then. */
export const traceInsertion = (name: string, grain: Grain, expect: Expectation) => thpScenario({
  name,
  why: "a batch puts a page on the LRU, which is reported, while its mapping goes: the batch has the last reference",
  tier: "quick", options: { enabled: ENABLED_NEVER, grain },
  threads: { storesAndDrains, discards },
  sometimes: { "only the batch has it": (k: K) => k.page.refcount.get(0) === 1 && k.page.mapcount.get(0) === -1 },
  expect,
});

export default [
  traceInsertion("grain-trace-insertion", ["trace"], holds()),
];
