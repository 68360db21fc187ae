/** Areas that become one, while a sibling's first faults hold the lock of the area that is merged and nothing else. */
import { holds, type Routine } from "thpcheck";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { load, store, sysFork, sysMprotect } from "../../impl/entry/syscalls.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { isHuge, TWO_PROCESSES, type K } from "../../kernel/world.ts";

const RW = VM_READ | VM_WRITE;

/** The lower half is read-only, and then is as the upper one again: the upper area grows downward, and takes its place. */
function* joinsUpward(k: K): Routine {
  yield* sysMprotect(k, 0, 2, VM_READ);
  yield* openGate(k);
  yield* sysMprotect(k, 0, 2, RW);
  yield* store(k, 0, 1);
}
/** The middle page is read-only, and then is as both its neighbours: three areas become one. */
function* joinsThree(k: K): Routine {
  yield* sysMprotect(k, 1, 1, VM_READ);
  yield* openGate(k);
  yield* sysMprotect(k, 1, 1, RW);
  yield* store(k, 1, 1);
}
/** Of two areas only the upper one was ever written to; then nothing else tells them apart. */
function* joinsUnused(k: K): Routine {
  yield* sysMprotect(k, 0, 2, VM_READ);
  yield* store(k, 2, 1);
  yield* openGate(k);
  yield* sysMprotect(k, 2, 2, VM_READ);
  yield* load(k, 2);
}
/** The lower half was never touched; the upper one has a page, which the child shares. */
function* forksTwoAreas(k: K): Routine {
  yield* sysMprotect(k, 0, 2, VM_READ);
  yield* store(k, 2, 1);
  yield* sysFork(k, 1);
}
/** The upper half is as the lower one, and is in the anon_vmas of two processes. */
function* childJoins(k: K): Routine {
  yield* scheduleIn(k);
  yield* sysMprotect(k, 2, 2, VM_READ);
  yield* load(k, 2);
}
function* readsBelow(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 0);
}
function areas(k: K, mm: number): number {
  let n = 0;
  for (let vma = 0; vma < k.vma.count; vma++) if (k.vma.mm.get(vma) === mm) n++;
  return n;
}
function* faultsAbove(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 2, 2);
  yield* load(k, 3);
}

const ROOM: Partial<KernelOptions> = {
  // Areas meet at the boundary of the two.
  hugeRanges: 2,
  // Three neighbours at most; a merge makes none.
  vmas: 3,
  // One an area.
  anonVmas: 3,
  // One an area, and one to the anon_vma that a merge brings with it.
  anonVmaChains: 6,
};

export default [
  thpScenario({
    name: "vma-joins-next",
    why: "mprotect makes an area equal to the next one, which takes it in, while another thread has its first fault there",
    tier: "quick", options: ROOM,
    threads: { joinsUpward, faultsAbove },
    sometimes: { "both ranges are huge": (k) => isHuge(k, 0, 0) && isHuge(k, 0, 1) },
    expect: holds({ states: 4764 }),
  }),
  thpScenario({
    name: "vma-joins-three",
    why:
      "mprotect makes an area equal to both its neighbours, and one takes in the others, while another thread has its first " +
      "fault in the last",
    tier: "quick", options: ROOM,
    threads: { joinsThree, faultsAbove },
    sometimes: { "the range above is huge": (k) => isHuge(k, 0, 1) },
    expect: holds({ states: 4810 }),
  }),
  thpScenario({
    name: "vma-joins-unused",
    sanitize: "find_mergeable_anon_vma() reads a neighbour's anon_vma and its chain in one step, while the neighbour gets them",
    why: "an area without anon_vma takes in the next one, and its anon_vma with it",
    tier: "quick", options: ROOM,
    threads: { joinsUnused, readsBelow },
    finally: { "there is one area": (k) => areas(k, 0) === 1 },
    expect: holds({ states: 283 }),
  }),
  thpScenario({
    name: "vma-child-stays-apart",
    why: "in a child an area without anon_vma does not take in one that shares pages with the parent: the chain would spread",
    tier: "quick", options: { ...ROOM, ...TWO_PROCESSES, vmas: 6, anonVmas: 4, anonVmaChains: 8 },
    threads: { forksTwoAreas },
    others: { childJoins },
    finally: { "the child has two areas": (k) => areas(k, 1) === 2 },
    expect: holds({ states: 86 }),
  }),
];
