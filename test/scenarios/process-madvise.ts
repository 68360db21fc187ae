/** A process ends while another one's process_madvise() is at work on its memory. */
import { holds, record, type Routine } from "thpcheck";
import { MADV_COLLAPSE, type IovIter } from "../../impl/madvise.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { load, store, sysExit, sysFork, sysMadvise, sysMunmap, sysProcessMadvise, sysSplitHugePages } from "../../impl/entry/syscalls.ts";
import { SINGLE_PAGES } from "../../impl/huge-memory/split-parts.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { allFree, thpScenario } from "../../kernel/thp.ts";
import { isHuge, TWO_PROCESSES, type K } from "../../kernel/world.ts";

/** Small pages, and a child that shares them. */
function* target(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysFork(k, 1);
  yield* openGate(k);
  yield* store(k, 1, 3);
  yield* sysExit(k);
}
function* targetUnmaps(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysFork(k, 1);
  yield* openGate(k);
  yield* store(k, 1, 3);
  yield* sysMunmap(k, 1, 1);
  yield* load(k, 0);
}
/** Collapses the target's range, if it is still there: its mm_users may be the last. */
function* adviser(k: K): Routine {
  yield* scheduleIn(k);
  yield* passGate(k);
  const iter: IovIter = record({ addr: 0, length: 2, addr2: 0, length2: 0 });
  yield* sysProcessMadvise(k, 0, iter, MADV_COLLAPSE, 0, true);
  yield* load(k, 0);
}
function* advisesBoth(k: K): Routine {
  yield* scheduleIn(k);
  yield* passGate(k);
  const iter: IovIter = record({ addr: 0, length: 2, addr2: 0, length2: 0 });
  yield* sysProcessMadvise(k, 0, iter, MADV_COLLAPSE, 0, true);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  yield* store(k, 0, 2);
  yield* sysExit(k);
}
/** A huge page; debugfs is asked to split what the process has, by its pid. */
function* ends(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysExit(k);
}
function* splitsByPid(k: K): Routine {
  yield* passGate(k);
  yield* sysSplitHugePages(k, 0, 0, 2, SINGLE_PAGES);
}

const small = { ...TWO_PROCESSES, enabled: ENABLED_NEVER, frames: 10, vmas: 4, anonVmaChains: 8 };
const collapsed = { "the other process's memory is collapsed": (k: K) => isHuge(k, 0, 0) };

export default [
  thpScenario({
    name: "process-madvise-exit",
    why: "the adviser's mm_users outlives the process: exit_mmap() then runs in the adviser, behind the collapse",
    tier: "quick",
    options: small,
    threads: { target },
    others: { adviser },
    sometimes: { ...collapsed, "the adviser alone keeps the memory": (k) => k.cpu.mm.get(0) < 0 && k.mm.users.get(0) === 1 },
    expect: holds({ states: 3027 }),
  }),
  thpScenario({
    name: "process-madvise-both",
    why: "the adviser collapses the same shared pages in both processes, and both end",
    tier: "quick",
    options: small,
    threads: { target },
    others: { advisesBoth },
    sometimes: { ...collapsed, "collapsed in both": (k) => isHuge(k, 0, 0) && isHuge(k, 1, 0) },
    finally: { "everything is free": allFree },
    expect: holds({ states: 32_471 }),
  }),
  thpScenario({
    name: "split-by-pid-exit",
    why: "debugfs splits the memory of a process that ends: it finds no process, or keeps the memory until it is through",
    tier: "quick",
    threads: { ends },
    others: { splitsByPid },
    sometimes: {
      "debugfs alone keeps the memory": (k: K) => k.cpu.mm.get(0) < 0 && k.mm.users.get(0) === 1,
      "split": (k: K) => k.page.order.get(0) === 0 && k.page.refcount.get(0) > 0,
    },
    finally: { "everything is free": allFree },
    expect: holds({ states: 357 }),
  }),
  thpScenario({
    name: "process-madvise-munmap",
    why: "half of the range is unmapped by its owner: the area is looked up anew, and is too small now",
    tier: "quick",
    options: small,
    threads: { targetUnmaps },
    others: { adviser },
    sometimes: collapsed,
    expect: holds({ states: 4521 }),
  }),
];
