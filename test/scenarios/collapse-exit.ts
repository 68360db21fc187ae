/** A process exits while khugepaged is at work on it. */
import { type Routine } from "thpcheck";
import { store, sysExit } from "../../impl/syscalls.ts";
import { allIsFreed, collapseScenario, isHuge, khugepagedThread, passGate, prepareForKhugepaged, type K } from "./collapse-setup.ts";

function* exits(k: K): Routine {
  yield* prepareForKhugepaged(k, 0, 2);
  yield* sysExit(k);
}

function* siblingExits(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* sysExit(k);
}

const promises = {
  sometimes: { "a collapse succeeds": (k: K) => isHuge(k, 0), "the process exits under the cursor": (k: K) => k.khugepaged.cursorMm.get() === 0 && k.mm.users.get(0) === 0 },
  finally: { "nothing is left of the process": allIsFreed },
};
export default [
  collapseScenario({
    name: "collapse-exit",
    why: "exit_mmap() must not free page tables that khugepaged is in; who frees the slot depends on where the cursor is",
    tier: "quick",
    threads: { exits },
    others: { khugepagedThread },
    daemons: ["khugepagedThread"],
    ...promises,
  }),
  collapseScenario({
    name: "collapse-exit-threads",
    why: "the same with a second thread, which faults and exits too: the last one of the two tears the memory down",
    tier: "quick",
    threads: { exits, siblingExits },
    others: { khugepagedThread },
    daemons: ["khugepagedThread"],
    ...promises,
  }),
];
