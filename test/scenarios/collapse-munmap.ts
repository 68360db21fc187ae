/** A thread unmaps all or a part of the range that another collapses. */
import { type Routine } from "thpcheck";
import { MADV_COLLAPSE } from "../../impl/madvise.ts";
import { load, store, sysMadvise, sysMunmap } from "../../impl/syscalls.ts";
import { collapseScenario, isHuge, passGate, prepare, type K } from "./collapse-setup.ts";

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

function* sibling(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* load(k, 1);
}

const witness = { "a collapse succeeds": (k: K) => isHuge(k, 0) };
export default [
  collapseScenario({
    name: "collapse-munmap",
    why: "the area may be gone when the collapse has mmap_lock again; a fault may still run in it",
    tier: "quick",
    threads: { collapser, unmapsAll, sibling },
    sometimes: { ...witness, "the area is gone": (k) => k.vma.mm.get(0) < 0 },
  }),
  collapseScenario({
    name: "collapse-munmap-half",
    why: "the area may be smaller than the huge range; or the huge page, if it was faster, must be split",
    tier: "quick",
    options: { vmas: 3 },
    threads: { collapser, unmapsHalf, sibling },
    sometimes: { ...witness, "the area is half": (k) => k.vma.mm.get(0) >= 0 && k.vma.end.get(0) - k.vma.start.get(0) === 1 },
  }),
];
