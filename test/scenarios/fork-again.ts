/** A process that is forked into the room of one that has ended: nothing of the old one is left in it. */
import { holds, type Int, type Routine } from "thpcheck";
import { load, store, sysExit, sysFork, sysGetThpDisable, sysSetThpDisable } from "../../impl/entry/syscalls.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { isHuge, note, TWO_PROCESSES, type K, type Met } from "../../kernel/world.ts";

/** prctl(PR_GET_THP_DISABLE) of the second child gives what only the first one has asked for. */
const DISABLED: Met = 4;

function* parent(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysFork(k, 1);
  yield* passGate(k);
  yield* sysFork(k, 2);
}
function* firstChild(k: K): Routine {
  yield* scheduleIn(k);
  yield* sysSetThpDisable(k, true, 0);
  yield* sysExit(k);
  yield* openGate(k);
}
function* secondChild(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 0);
  const disabled: Int<0, 3> = yield* sysGetThpDisable(k);
  if (disabled !== 0) note(k, DISABLED);
}

export default [
  thpScenario({
    name: "fork-again",
    why: "the flags of an address space, its place on khugepaged's list, its counters: the second child begins with its own",
    tier: "quick", options: { ...TWO_PROCESSES, frames: 6 }, threads: { parent }, others: { firstChild, secondChild },
    sometimes: { "the second child shares the huge page": (k) => k.gate.open.get() && isHuge(k, 1, 0) },
    finally: { "it may have huge pages": (k) => !k.seen.events.has(DISABLED) },
    expect: holds({ states: 126 }),
  }),
];
