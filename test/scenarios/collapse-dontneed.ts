/** A thread discards pages while another collapses them. */
import { holds, type Routine } from "thpcheck";
import { MADV_COLLAPSE, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE } from "../../impl/madvise.ts";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { COLLAPSE_COPIED } from "../../impl/structs/ghosts.ts";
import { ENABLED_ALWAYS } from "../../impl/config/knobs.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { collapser, prepare, sibling } from "../../kernel/actors.ts";
import { collapseScenario, type K } from "./setup/collapse.ts";
import { isHuge } from "../../kernel/world.ts";

function* discardsOne(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
  yield* store(k, 0, 3);
}

function* discardsAll(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}

/** Huge pages are on, but for these two at first: what is read anew is the huge zero page. */
function* collapserOfHuge(k: K): Routine {
  yield* sysMadvise(k, 0, 2, MADV_NOHUGEPAGE);
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysMadvise(k, 0, 2, MADV_HUGEPAGE);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
}
function* discardsAndReads(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* load(k, 0);
}

/** Half of each range. */
function* discardsAcross(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 1, 2, MADV_DONTNEED);
  yield* load(k, 1);
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
  yield* load(k, 2);
}

function* frees(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_FREE);
  yield* store(k, 1, 3);
}

const witness = { "a collapse succeeds": (k: K) => isHuge(k, 0, 0) };
export default [
  collapseScenario({
    name: "collapse-dontneed-page",
    why: "half of the range is discarded: before the collapse, which fills the hole, or after it, which splits the huge page",
    tier: "quick",
    sanitize: true,
    threads: { collapser, discardsOne },
    sometimes: { ...witness, "the huge page is split": (k) => k.deferredSplit.length.get() > 0 },
    expect: holds({ states: 2294 }),
  }),
  collapseScenario({
    name: "collapse-dontneed",
    why: "all of the range is discarded, while another thread stores to it",
    tier: "quick",
    sanitize: true,
    threads: { collapser, discardsAll, sibling },
    sometimes: witness,
    expect: holds({ states: 79_674 }),
  }),
  collapseScenario({
    name: "collapse-dontneed-read",
    why:
      "all of the range is discarded and read again before the collapse has reported its success: it reports it all the " +
      "same, of a range that the huge zero page maps",
    tier: "quick",
    sanitize: true,
    options: { enabled: ENABLED_ALWAYS },
    threads: { collapserOfHuge, discardsAndReads },
    sometimes: {
      ...witness,
      "the huge zero page, before the report": (k) => k.collapse.stage.get(0) === COLLAPSE_COPIED && isHuge(k, 0, 0) && k.mm.anonPages.get(0) === 0,
    },
    expect: holds({ states: 1275 }),
  }),
  collapseScenario({
    name: "collapse-dontneed-across",
    why: "half of each of two ranges is discarded; what is stored afterwards stays",
    tier: "full",
    options: { hugeRanges: 2, frames: 12 },
    threads: { collapserOfTwo, discardsAcross, storesAround },
    sometimes: { ...witness, "both ranges are collapsed": (k) => isHuge(k, 0, 0) && isHuge(k, 0, 1) },
    expect: holds({ states: 1_515_787 }),
  }),
  collapseScenario({
    name: "collapse-free",
    why: "pages are lazily freed: a collapse makes them ordinary again, and a store afterwards must not get lost",
    tier: "quick",
    sanitize: true,
    threads: { collapser, frees },
    sometimes: witness,
    expect: holds({ states: 1746 }),
  }),
];
