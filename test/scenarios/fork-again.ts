/** A process that is forked into the room of one that has ended: nothing of the old one is left in it. */
import { holds, type Routine } from "thpcheck";
import { load, store, sysExit, sysFork } from "../../impl/syscalls.ts";
import { isHuge, openGate, passGate, scheduleIn, thpScenario, TWO_PROCESSES, type K } from "./setup/thp.ts";

function* parent(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysFork(k, 1);
  yield* passGate(k);
  yield* sysFork(k, 2);
}
function* firstChild(k: K): Routine {
  yield* scheduleIn(k);
  yield* sysExit(k);
  yield* openGate(k);
}
function* secondChild(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 0);
}

export default [
  thpScenario({
    name: "fork-again",
    why: "the flags of an address space, its place on khugepaged's list, its counters: the second child begins with its own",
    tier: "quick", options: { ...TWO_PROCESSES, frames: 6 }, threads: { parent }, others: { firstChild, secondChild },
    sometimes: { "the second child shares the huge page": (k) => k.gate.open.get() && isHuge(k, 1, 0) },
    expect: holds(),
  }),
];
