/**
 * Areas grow over huge ranges, are cut inside them, and grow together again, with small pages and with huge ones inside:
 * each way in which the boundary of an area may pass a range (spec/machines/vma-bounds.ts).
 */
import { holds, type Routine } from "thpcheck";
import { MAP_FIXED } from "../../impl/mmap.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { load, store, sysExit, sysMmap, sysMprotect, sysMunmap } from "../../impl/entry/syscalls.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { isHuge, type K } from "../../kernel/world.ts";

const RW = VM_READ | VM_WRITE;

/** Page by page from one page to two huge ranges; the ranges get huge pages as soon as the area contains them. */
function* growsByPages(k: K): Routine {
  yield* openGate(k);
  yield* sysMmap(k, 1, 1, RW, MAP_FIXED);
  yield* sysMmap(k, 2, 1, RW, MAP_FIXED);
  yield* sysMmap(k, 3, 1, RW, MAP_FIXED);
  yield* store(k, 2, 1);
  yield* sysMprotect(k, 2, 2, VM_READ);
  yield* sysMprotect(k, 2, 2, RW);
  yield* store(k, 3, 2);
  yield* sysExit(k);
}
/** A huge range goes and comes back as part of the area beside it; then half of it goes, and what is left beside a stranger. */
function* shrinks(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMunmap(k, 2, 2);
  yield* sysMmap(k, 2, 2, RW, MAP_FIXED);
  yield* sysMprotect(k, 2, 2, VM_READ);
  yield* sysMprotect(k, 2, 2, RW);
  yield* sysMunmap(k, 3, 1);
  yield* sysMmap(k, 3, 1, VM_READ, MAP_FIXED);
  yield* store(k, 2, 2);
  yield* sysMunmap(k, 3, 1);
  yield* sysMunmap(k, 2, 1);
  yield* sysMmap(k, 2, 1, RW, MAP_FIXED);
  yield* store(k, 2, 3);
  yield* sysExit(k);
}
/** A boundary moves inside one huge range, from page to page. */
function* growsInside(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMmap(k, 1, 1, RW, MAP_FIXED);
  yield* store(k, 1, 2);
  yield* sysMmap(k, 2, 2, RW, MAP_FIXED);
  yield* sysExit(k);
}
function* sibling(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 0);
  yield* store(k, 0, 3);
  yield* sysExit(k);
}

const ROOM: Partial<KernelOptions> = {
  // The area grows from one into the other.
  hugeRanges: 2,
  // The four huge pages of one range, and two that the second range has while its small pages are given back.
  frames: 12,
  // The area, what is mapped beside it, and what a merge or a cut makes before it frees.
  vmas: 4,
  // One an area.
  anonVmas: 4,
  // One an area, and those that a merge clones before it unlinks the old ones.
  anonVmaChains: 6,
};

export default [
  thpScenario({
    name: "vma-grows", why: "the boundary of an area passes through a huge range while another thread faults below it", tier: "quick",
    options: ROOM, areaEnd: 1,
    threads: { growsByPages, sibling },
    sometimes: { "the range that the area has grown over gets a huge page": (k) => isHuge(k, 0, 1) },
    expect: holds({ states: 21_058 }),
  }),
  thpScenario({
    name: "vma-shrinks", why: "what a huge page needs, a range inside one area, comes and goes; the process exits with an area that ends inside a range", tier: "quick",
    options: ROOM,
    threads: { shrinks, sibling },
    sometimes: { "the range below stays huge": (k) => isHuge(k, 0, 0) },
    expect: holds({ states: 988 }),
  }),
  thpScenario({
    name: "vma-grows-inside", why: "huge pages of four: the boundary of an area stays inside a range when it moves", tier: "quick",
    options: {
      pagesPerHugePage: 4, frames: 8, vmas: 3, anonVmas: 3, anonVmaChains: 4, maxPtesNone: 3, maxPtesSwap: 3, maxPtesShared: 3,
    }, areaEnd: 1,
    threads: { growsInside, sibling },
    expect: holds({ states: 354 }),
  }),
];
