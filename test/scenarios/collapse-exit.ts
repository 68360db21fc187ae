/** A process exits while khugepaged is at work on it. */
import { holds, type Routine } from "thpcheck";
import { load, store, sysExit, sysFork } from "../../impl/entry/syscalls.ts";
import { passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { khugepagedThread, prepareForKhugepaged } from "../../kernel/actors.ts";
import { allIsFreed, collapseScenario, type K } from "./setup/collapse.ts";
import { isHuge } from "../../kernel/world.ts";

function* exits(k: K): Routine {
  yield* prepareForKhugepaged(k, 0, 2);
  yield* sysExit(k);
}

function* siblingExits(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* sysExit(k);
}

function* forksAndExits(k: K): Routine {
  yield* prepareForKhugepaged(k, 0, 2);
  yield* sysFork(k, 1);
  yield* sysExit(k);
}

function* forksWritesAndExits(k: K): Routine {
  yield* prepareForKhugepaged(k, 0, 2);
  yield* sysFork(k, 1);
  yield* store(k, 0, 3);
  yield* sysExit(k);
}

function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 1);
  yield* sysExit(k);
}

function* childWrites(k: K): Routine {
  yield* scheduleIn(k);
  yield* store(k, 1, 3);
  yield* sysExit(k);
}

const promises = {
  sometimes: {
    "a collapse succeeds": (k: K) => isHuge(k, 0, 0),
    "the process exits under the cursor": (k: K) => k.khugepaged.cursorMm.get() === 0 && k.mm.users.get(0) === 0,
  },
  finally: { "nothing is left of the process": allIsFreed },
};
const underCursor = { "the cursor is on a child without users": (k: K) => k.khugepaged.cursorMm.get() === 1 && k.mm.users.get(1) === 0 };
const TWO_PROCESSES = { mms: 2, vmas: 2, anonVmas: 3, anonVmaChains: 4, frames: 10, pageTables: 4 };

export default [
  collapseScenario({
    name: "collapse-exit",
    why: "exit_mmap() must not free page tables that khugepaged is in; who frees the slot depends on where the cursor is",
    tier: "quick",
    sanitize: true,
    threads: { exits },
    others: { khugepagedThread },
    daemons: ["khugepagedThread"],
    ...promises,
    expect: holds({ states: 2943 }),
  }),
  collapseScenario({
    name: "collapse-exit-threads",
    why: "the same with a second thread, which faults and exits too: the last one of the two tears the memory down",
    tier: "quick",
    sanitize: true,
    threads: { exits, siblingExits },
    others: { khugepagedThread },
    daemons: ["khugepagedThread"],
    ...promises,
    expect: holds({ states: 8033 }),
  }),
  collapseScenario({
    name: "collapse-exit-fork",
    why: "parent and child share pages and leave one after the other, each perhaps while the cursor is on it",
    tier: "full",
    options: TWO_PROCESSES,
    threads: { forksAndExits },
    others: { child, khugepagedThread },
    daemons: ["khugepagedThread"],
    sometimes: { ...promises.sometimes, ...underCursor },
    finally: promises.finally,
    expect: holds({ states: 777_973 }),
  }),
  collapseScenario({
    name: "collapse-exit-fork-writes",
    why: "the same, and both write before they leave",
    tier: "nightly",
    options: TWO_PROCESSES,
    threads: { forksWritesAndExits },
    others: { childWrites, khugepagedThread },
    daemons: ["khugepagedThread"],
    sometimes: { ...promises.sometimes, ...underCursor },
    finally: promises.finally,
    expect: holds({ states: 41_716_436 }),
  }),
];
