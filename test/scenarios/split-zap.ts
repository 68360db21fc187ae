/** A folio is split while its pages are discarded or unmapped. */
import { NONE, holds, type Routine } from "thpcheck";
import { FOLL_PIN, FOLL_WRITE, gupFast, unpinFolio } from "../../impl/gup.ts";
import { MADV_DONTNEED, MADV_FREE } from "../../impl/madvise.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { load, store, sysMadvise, sysMunmap } from "../../impl/entry/syscalls.ts";
import { lruAddDrain } from "../../impl/swap.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { SPLIT_DONE, SPLIT_FAILED, splitPage } from "../../kernel/actors.ts";
import { allFree, anyPinned, migrating, thpScenario } from "../../kernel/thp.ts";
import { isHuge, noted, type K } from "../../kernel/world.ts";

function* splitter(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
  yield* splitPage(k, 1);
}

function* discardsAll(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}

function* discardsHalf(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* store(k, 1, 3);
}

function* unmapsAll(k: K): Routine {
  yield* passGate(k);
  yield* sysMunmap(k, 0, 2);
}

function* unmapsHalf(k: K): Routine {
  yield* passGate(k);
  yield* sysMunmap(k, 0, 1);
  yield* load(k, 1);
}

/** Splits the folio itself, to make half of it lazyfree. */
function* freesHalf(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 1, MADV_FREE);
  // The batch would wait for another page.
  yield* lruAddDrain(k);
  yield* load(k, 0);
}

function* sibling(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* load(k, 0);
  yield* store(k, 0, 2);
}

/** Its pin may be of a page that nobody maps any more by the time it is given back. */
function* device(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFast(k, 0, 1, FOLL_PIN | FOLL_WRITE);
  if (page !== NONE) yield* unpinFolio(k, page);
}

function* reader(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 0);
  yield* load(k, 1);
}

const done = {
  "the folio is split": noted(SPLIT_DONE), "the split finds a reference that it did not expect, or no mapping": noted(SPLIT_FAILED),
};
const gathered = (k: K): boolean => {
  for (let cpu = 0; cpu < k.cpu.count; cpu++) if (k.cpu.gatherEnd.get(cpu) !== 0) return true;
  return false;
};

export default [
  thpScenario({
    name: "split-dontneed",
    why:
      "zap drops migration entries, whose pages then have nothing but the split's own reference; or the mapping is gone " +
      "before the split begins",
    tier: "quick",
    threads: { splitter, discardsAll, sibling },
    sometimes: { ...done, "the zap meets migration entries": (k) => migrating(k, 0) && gathered(k), "everything is free": allFree },
    expect: holds({ states: 54_964 }),
  }),
  thpScenario({
    name: "split-dontneed-pin",
    why: "a pinned page outlives its mapping, wherever the pin found it: in the folio, or in a page of its own",
    tier: "quick",
    threads: { splitter, discardsAll, device },
    sometimes: { ...done, "pinned and unmapped": (k) => anyPinned(k) && k.node.anonMapped.get() === 0 },
    finally: { "everything is free": allFree },
    expect: holds({ states: 10_701 }),
  }),
  thpScenario({
    name: "split-dontneed-half",
    why: "both split the PMD; a page that the split had unmapped is filled anew while its old frame still belongs to the folio",
    tier: "quick",
    threads: { splitter, discardsHalf, sibling },
    sometimes: {
      ...done, "the zap meets migration entries": (k) => migrating(k, 0) && gathered(k),
      "partially mapped": (k) => k.deferredSplit.length.get() > 0,
    },
    expect: holds({ states: 219_357 }),
  }),
  thpScenario({
    name: "split-munmap",
    why: "munmap takes the area out of the reverse map that the split walks, and frees its table",
    tier: "quick",
    threads: { splitter, unmapsAll, sibling },
    sometimes: { ...done, "the zap meets migration entries": (k) => migrating(k, 0) && gathered(k) },
    finally: { "everything is free": allFree },
    expect: holds({ states: 30_609 }),
  }),
  thpScenario({
    name: "split-munmap-half",
    why: "cutting the area splits the PMD under the anon_vma lock that the folio split holds while migration entries stand",
    tier: "quick",
    options: { vmas: 3, anonVmaChains: 4 },
    threads: { splitter, unmapsHalf, sibling },
    sometimes: { ...done, "the zap meets migration entries": (k) => migrating(k, 0) && gathered(k) },
    expect: holds({ states: 73_305 }),
  }),
  thpScenario({
    name: "split-free-half",
    why: "two threads split one folio: each other's reference, or lock, is in the way",
    tier: "quick",
    threads: { splitter, freesHalf, reader },
    sometimes: {
      ...done,
      "half of it is lazyfree": (k) => !isHuge(k, 0, 0) && (!k.page.swapbacked.get(0)) && k.page.order.get(0) === 0 && k.page.refcount.get(0) > 0,
    },
    expect: holds({ states: 81_213 }),
  }),
];
