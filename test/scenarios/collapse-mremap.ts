/** A thread moves the range that another collapses. */
import { holds, type Routine } from "thpcheck";
import { MADV_COLLAPSE } from "../../impl/madvise.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import { load, store, sysMadvise, sysMremap } from "../../impl/entry/syscalls.ts";
import { passGate } from "../../impl/entry/boot.ts";
import { prepare } from "../../kernel/actors.ts";
import { collapseScenario, type K } from "./setup/collapse.ts";
import { isHuge } from "../../kernel/world.ts";

function* collapser(k: K): Routine {
  yield* prepare(k, 0, 2);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
}

function* collapsesBoth(k: K): Routine {
  yield* prepare(k, 0, 2);
  yield* sysMadvise(k, 0, 4, MADV_COLLAPSE);
}

/** To an aligned address: a table, or a huge PMD, moves as a whole. */
function* moves(k: K): Routine {
  yield* passGate(k);
  yield* sysMremap(k, 0, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 2);
  yield* load(k, 2);
  yield* store(k, 2, 2);
  yield* load(k, 3);
}

/** Page 0 to page 3: a single entry moves, out of a huge PMD that has to be split first. */
function* movesOnePage(k: K): Routine {
  yield* passGate(k);
  yield* sysMremap(k, 0, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, 3);
  yield* load(k, 3);
}

function* sibling(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* load(k, 2);
}

function* collapserOfMoved(k: K): Routine {
  yield* prepare(k, 0, 2);
  yield* sysMadvise(k, 0, 4, MADV_COLLAPSE);
  yield* load(k, 1);
}

function* storesBoth(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* store(k, 2, 3);
  yield* load(k, 0);
  yield* store(k, 3, 3);
  yield* load(k, 2);
  yield* load(k, 3);
}

export default [
  collapseScenario({
    name: "collapse-mremap",
    why: "pages that move between scan and commit are not where the collapse looks; what they hold must arrive",
    tier: "quick",
    sanitize: true,
    options: { hugeRanges: 2, vmas: 4, anonVmaChains: 6 },
    threads: { collapser, moves, sibling },
    sometimes: { "a collapse succeeds before the move": (k) => isHuge(k, 0, 0), "the huge page has moved": (k) => isHuge(k, 0, 1) },
    expect: holds({ states: 9141 }),
  }),
  collapseScenario({
    name: "collapse-mremap-stores",
    why: "the range is collapsed where it was and where it went, while another thread stores to both places",
    tier: "full",
    options: { hugeRanges: 2, frames: 12, vmas: 4, anonVmaChains: 6 },
    threads: { collapserOfMoved, moves, storesBoth },
    sometimes: {
      "a collapse succeeds before the move": (k) => isHuge(k, 0, 0),
      "there is a huge page at the new place": (k) => isHuge(k, 0, 1),
    },
    expect: holds({ states: 282_875 }),
  }),
  collapseScenario({
    name: "collapse-mremap-page",
    why: "one entry moves away under a collapse of both ranges",
    tier: "quick",
    sanitize: true,
    options: { hugeRanges: 2, vmas: 5, anonVmaChains: 8 },
    threads: { collapsesBoth, movesOnePage },
    sometimes: { "a collapse succeeds": (k) => isHuge(k, 0, 0) },
    expect: holds({ states: 727 }),
  }),
];
