/** A thread pins a page without locks, and a device writes to it, while another thread collapses the range. */
import { NONE, holds, type Routine } from "thpcheck";
import { FOLL_PIN, FOLL_WRITE, dumpPageTables, gupFast, gupFastFallback, pinnedLoad, pinnedStore, unpinFolio } from "../../impl/gup.ts";
import { MADV_COLLAPSE } from "../../impl/madvise.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { folioMaybeDmaPinned } from "../../impl/page-ref.ts";
import { passGate } from "../../impl/entry/boot.ts";
import { collapser, prepare } from "../../kernel/actors.ts";
import { collapseScenario, type K } from "./setup/collapse.ts";
import { isHuge } from "../../kernel/world.ts";

function* pinsToWrite(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFast(k, 0, 0, FOLL_PIN | FOLL_WRITE);
  if (page !== NONE) {
    yield* pinnedStore(k, 0, 0, page, 3);
    yield* unpinFolio(k, page);
  }
  yield* load(k, 0);
}

function* pinsToRead(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFastFallback(k, 0, 1, FOLL_PIN);
  if (page !== NONE) {
    yield* pinnedLoad(k, 0, 1, page);
    yield* unpinFolio(k, page);
  }
}

/** Reads a page of the other range through a pin that may have to fault it in first, and stores to both. */
function* pinsHole(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 2);
  const page: Pfn = yield* gupFastFallback(k, 0, 3, FOLL_PIN | FOLL_WRITE);
  if (page !== NONE) {
    yield* pinnedStore(k, 0, 3, page, 3);
    yield* unpinFolio(k, page);
  }
  yield* load(k, 3);
}

function* collapserOfTwo(k: K): Routine {
  yield* prepare(k, 0, 3);
  yield* sysMadvise(k, 0, 4, MADV_COLLAPSE);
  yield* load(k, 2);
}

function* walker(k: K): Routine {
  yield* passGate(k);
  yield* dumpPageTables(k, 0);
}

const witnesses = {
  "a collapse succeeds": (k: K) => isHuge(k, 0, 0), "a small page is pinned": (k: K) => !isHuge(k, 0, 0) && anyPinned(k),
};
function anyPinned(k: K): boolean {
  for (let page = 0; page < k.page.count; page++) if (folioMaybeDmaPinned(k, page)) return true;
  return false;
}

export default [
  collapseScenario({
    name: "collapse-gup-fast",
    why: "what a device writes to a pinned page is what the process reads: a pin either stops the collapse or gets the huge page",
    tier: "quick",
    sanitize: true,
    threads: { collapser, pinsToWrite },
    sometimes: { ...witnesses, "a page of the huge page is pinned": (k) => isHuge(k, 0, 0) && anyPinned(k) },
    expect: holds({ states: 1727 }),
  }),
  collapseScenario({
    name: "collapse-gup-two-pins",
    why: "two pins of different pages, one without locks and one with mmap_lock to fall back on",
    tier: "quick",
    sanitize: true,
    threads: { collapser, pinsToWrite, pinsToRead },
    sometimes: witnesses,
    expect: holds({ states: 34_292 }),
  }),
  collapseScenario({
    name: "collapse-gup-2-ranges",
    why: "one pin without locks in a range that is there, one that faults its page into the range collapsed next",
    tier: "quick",
    options: { hugeRanges: 2, frames: 12 },
    threads: { collapserOfTwo, pinsToWrite, pinsHole },
    sometimes: { ...witnesses, "both ranges are collapsed": (k) => isHuge(k, 0, 0) && isHuge(k, 0, 1) },
    expect: holds({ states: 337_109 }),
  }),
  collapseScenario({
    name: "collapse-gup-walker",
    why: "a walker with nothing but RCU is in the table that becomes the deposit",
    tier: "quick",
    sanitize: true,
    threads: { collapser, pinsToWrite, walker },
    sometimes: witnesses,
    expect: holds({ states: 8463 }),
  }),
];
