/** A process forks while one of its threads collapses a range; parent and child go on writing. */
import { holds, type Routine } from "thpcheck";
import { MADV_COLLAPSE } from "../../impl/madvise.ts";
import { LEAF, entryHas } from "../../impl/pgtable.ts";
import { load, store, sysFork, sysMadvise } from "../../impl/entry/syscalls.ts";
import { passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { prepare } from "../../kernel/actors.ts";
import { collapseScenario, type K } from "./setup/collapse.ts";
import { isHuge } from "../../kernel/world.ts";

function* collapser(k: K): Routine {
  yield* prepare(k, 0, 2);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  yield* store(k, 1, 3);
}

function* forker(k: K): Routine {
  yield* passGate(k);
  yield* sysFork(k, 2);
  yield* store(k, 0, 3);
}

function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 0);
  yield* store(k, 1, 2);
}

/** Collapses what it shares with its parent. */
function* childCollapses(k: K): Routine {
  yield* scheduleIn(k);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  yield* load(k, 0);
}

function* parent(k: K): Routine {
  yield* prepare(k, 0, 2);
  yield* sysFork(k, 1);
  yield* store(k, 0, 3);
  yield* load(k, 1);
}

const options = { mms: 2, vmas: 2, anonVmas: 3, anonVmaChains: 4, frames: 10, pageTables: 4 };
export default [
  collapseScenario({
    name: "collapse-fork",
    why: "the child sees what the parent had at the fork, whether it shares small pages or the huge one",
    tier: "full",
    options,
    threads: { collapser, forker },
    others: { child },
    sometimes: {
      "a collapse succeeds": (k) => isHuge(k, 0, 0),
      "the child shares the huge page": (k) => isHuge(k, 0, 0) && k.mm.pmd.get(0, 0) === k.mm.pmd.get(1, 0),
    },
    expect: holds({ states: 537_989 }),
  }),
  collapseScenario({
    name: "collapse-in-child",
    why: "a collapse of shared pages copies them: the child gets a huge page of its own, and the parent keeps its pages",
    tier: "quick",
    sanitize: true,
    options,
    threads: { parent },
    others: { childCollapses },
    sometimes: { "the child's collapse succeeds": (k) => entryHas(k.mm.pmd.get(1, 0), LEAF) },
    expect: holds({ states: 4228 }),
  }),
];
