/** A thread unmaps all or a part of the range that another collapses. */
import { holds, type Routine } from "thpcheck";
import { MADV_COLLAPSE } from "../../impl/madvise.ts";
import { load, store, sysMadvise, sysMunmap } from "../../impl/entry/syscalls.ts";
import { passGate } from "../../impl/entry/boot.ts";
import { prepare } from "../../kernel/actors.ts";
import { collapseScenario, type K } from "./setup/collapse.ts";
import { isHuge } from "../../kernel/world.ts";

function* collapser(k: K): Routine {
  yield* prepare(k, 0, 2);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  yield* load(k, 1);
}

function* unmapsAll(k: K): Routine {
  yield* passGate(k);
  yield* sysMunmap(k, 0, 2);
}

function* unmapsHalf(k: K): Routine {
  yield* passGate(k);
  yield* sysMunmap(k, 0, 1);
}

/** The second half of the first range and the first half of the second. */
function* unmapsAcross(k: K): Routine {
  yield* passGate(k);
  yield* sysMunmap(k, 1, 2);
  yield* load(k, 3);
  yield* store(k, 0, 2);
}

function* collapserOfTwo(k: K): Routine {
  yield* prepare(k, 0, 3);
  yield* sysMadvise(k, 0, 4, MADV_COLLAPSE);
  yield* load(k, 0);
}

function* storesAround(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* store(k, 3, 3);
  yield* store(k, 0, 3);
  yield* load(k, 3);
}

function* sibling(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* load(k, 1);
}

const witness = { "a collapse succeeds": (k: K) => isHuge(k, 0, 0) };
export default [
  collapseScenario({
    name: "collapse-munmap",
    why: "the area may be gone when the collapse has mmap_lock again; a fault may still run in it",
    tier: "quick",
    sanitize: true,
    threads: { collapser, unmapsAll, sibling },
    sometimes: { ...witness, "the area is gone": (k) => k.vma.mm.get(0) < 0 },
    expect: holds({ states: 13_189 }),
  }),
  collapseScenario({
    name: "collapse-munmap-across",
    why: "munmap takes a piece out of two ranges, each of which may be small, detached or huge at that moment",
    tier: "full",
    options: { hugeRanges: 2, frames: 12, vmas: 4, anonVmaChains: 4 },
    threads: { collapserOfTwo, unmapsAcross, storesAround },
    sometimes: { ...witness, "both ranges are collapsed": (k) => isHuge(k, 0, 0) && isHuge(k, 0, 1) },
    expect: holds({ states: 272_190 }),
  }),
  collapseScenario({
    name: "collapse-munmap-half",
    why: "the area may be smaller than the huge range; or the huge page, if it was faster, must be split",
    tier: "quick",
    sanitize: true,
    options: { vmas: 3 },
    threads: { collapser, unmapsHalf, sibling },
    sometimes: { ...witness, "the area is half": (k) => k.vma.mm.get(0) >= 0 && k.vma.end.get(0) - k.vma.start.get(0) === 1 },
    expect: holds({ states: 9934 }),
  }),
];
