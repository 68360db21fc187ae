/** khugepaged collapses what a process has just shared with its child, or is about to. */
import { holds, type Routine } from "thpcheck";
import { khugepagedDoScan } from "../../impl/khugepaged.ts";
import { MADV_COLLAPSE, MADV_HUGEPAGE } from "../../impl/madvise.ts";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { load, store, sysFork, sysMadvise } from "../../impl/entry/syscalls.ts";
import { KNOB_ENABLED, sysfsStore } from "../../impl/sysfs.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { isHuge, TWO_PROCESSES, type K } from "../../kernel/world.ts";

/** Small pages, then huge ones are wanted. */
function* forker(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_ALWAYS);
  yield* sysMadvise(k, 0, 2, MADV_HUGEPAGE);
  yield* openGate(k);
  yield* sysFork(k, 1);
  yield* store(k, 0, 3);
}
function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 0);
  yield* store(k, 1, 3);
  yield* load(k, 1);
}
/** The collapse of shared pages copies them: a write of the other process may not show. */
function* collapsingChild(k: K): Routine {
  yield* scheduleIn(k);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  yield* store(k, 0, 2);
  yield* load(k, 1);
}
/** One scan of the thread. */
function* oneScan(k: K): Routine {
  yield* passGate(k);
  yield* khugepagedDoScan(k);
}
const small = { ...TWO_PROCESSES, enabled: ENABLED_NEVER, frames: 8 };
const collapsed = {
  "the parent's pages are collapsed": (k: K) => isHuge(k, 0, 0), "the child's pages are collapsed": (k: K) => isHuge(k, 1, 0),
};

export default [
  thpScenario({
    name: "fork-khugepaged",
    why:
      "fork copies a table that khugepaged is about to take away, or has: mmap_lock, the write locks of the areas and " +
      "write_protect_seq between them",
    tier: "full",
    options: small,
    threads: { forker },
    others: { child, oneScan },
    sometimes: {
      "the parent's pages are collapsed": (k: K) => isHuge(k, 0, 0), "both are registered": (k) => k.khugepaged.slots.get() === 3,
    },
    expect: holds({ states: 354_516 }),
  }),
  thpScenario({
    name: "fork-collapse-shared",
    why:
      "the child collapses what it shares while the parent writes to it and khugepaged looks at either: a copy, never an " +
      "exclusive page of both (X2)",
    tier: "full",
    options: { ...small, frames: 10 },
    threads: { forker },
    others: { collapsingChild, oneScan },
    sometimes: collapsed,
    expect: holds({ states: 1_718_063 }),
  }),
];
