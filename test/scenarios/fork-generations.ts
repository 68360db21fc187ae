/** Generations of forks whose elders end: an anon_vma that has lost its last area is taken up again, by one process. */
import { NONE, at, current, holds, type Routine } from "thpcheck";
import { scheduleIn } from "../../impl/entry/boot.ts";
import { load, store, sysExit, sysFork } from "../../impl/entry/syscalls.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { thpScenario } from "../../kernel/thp.ts";
import type { K } from "../../kernel/world.ts";

/** The elder is gone, with its address space. */
function* elderHasEnded(k: K): Routine {
  yield at("wait for the elder to end", () => k.cpu.mm.get(current(k) - 1) === NONE && alive(k) === 1);
}
function alive(k: K): number {
  let n = 0;
  for (let mm = 0; mm < k.mm.count; mm++) if (k.mm.allocated.get(mm)) n++;
  return n;
}

function* founder(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysFork(k, 1);
  yield* sysExit(k);
}
function* secondGeneration(k: K): Routine {
  yield* scheduleIn(k);
  yield* elderHasEnded(k);
  yield* sysFork(k, 2);
  yield* sysExit(k);
}
function* thirdGeneration(k: K): Routine {
  yield* scheduleIn(k);
  yield* elderHasEnded(k);
  yield* sysFork(k, 3);
  yield* sysExit(k);
}
/** Its own anon_vma is that of the second generation; that of the third has no area any more, and no child. */
function* fourthGeneration(k: K): Routine {
  yield* scheduleIn(k);
  yield* elderHasEnded(k);
  yield* sysFork(k, 4);
  yield* sysFork(k, 5);
}
function* reader(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 0);
}

/** The area of one process has an anon_vma of its own that is older than it: another one's area is in its tree. */
function takenUpAgain(k: K): boolean {
  for (let vma = 0; vma < k.vma.count; vma++) {
    const own = k.vma.anonVma.get(vma);
    if (own === NONE || k.vma.mm.get(vma) === NONE || k.anonVma.root.get(own) === own) continue;
    const first = k.anonVma.tree.get(own);
    if (first !== NONE && k.avc.vma.get(first) !== vma && k.vma.anonVma.get(k.avc.vma.get(first)) !== own) return true;
  }
  return false;
}

export default thpScenario({
  name: "fork-generations",
  why:
    "a fork takes up an anon_vma of an ancestor that has ended, and the next fork must not take up the same. It takes four " +
    "generations: in fewer, no anon_vma but the forker's own has neither child nor area",
  tier: "quick",
  options: {
    // The forker and two children at once; those that have ended have given their room back.
    mms: 3, vmas: 3, pageTables: 6,
    // One for each generation up to the third, one that is made anew; a chain of each area to all that are left of them.
    anonVmas: 5, anonVmaChains: 15,
    pagesPerHugePage: 2, enabled: ENABLED_NEVER,
  },
  threads: { founder },
  others: { secondGeneration, thirdGeneration, fourthGeneration, fifth: reader, sixth: reader },
  sometimes: { "an anon_vma is taken up again": takenUpAgain },
  expect: holds({ states: 454 }),
});
