/** A folio is split while fork shares it, and while those who share it write. */
import { NONE, holds, type Routine } from "thpcheck";
import { FOLL_PIN, gupFastFallback, pinnedLoad, unpinFolio } from "../../impl/gup.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { load, store, sysExit, sysFork } from "../../impl/entry/syscalls.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { SPLIT_DONE, SPLIT_FAILED, splitPage, splitter } from "../../kernel/actors.ts";
import { bootAnonVma, bootHugePage, bootPage } from "../bugs/scenarios/setup/memory.ts";
import { migrating, thpScenario } from "../../kernel/thp.ts";
import { isHuge, noted, TWO_PROCESSES, type K } from "../../kernel/world.ts";

/** Forks while the folio is split: the child runs on CPU 1, or 2 where there is a sibling. */
function* forks(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
  yield* sysFork(k, 1);
  yield* load(k, 1);
}
function* forksAside(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
  yield* sysFork(k, 2);
}
/** Has forked when the others begin: the folio is mapped read-only by two PMDs. */
function* sharer(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* sysFork(k, 1);
  yield* openGate(k);
  yield* store(k, 0, 3);
  yield* load(k, 1);
}

function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 0);
  yield* store(k, 1, 3);
  yield* load(k, 1);
}
function* leaves(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 1);
  yield* sysExit(k);
}
function* sharingChild(k: K): Routine {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* store(k, 0, 2);
  yield* load(k, 0);
}
/** Its read-only pin must be of a page of its own: unsharing copies, or reuses. */
function* pinningChild(k: K): Routine {
  yield* scheduleIn(k);
  yield* passGate(k);
  const page: Pfn = yield* gupFastFallback(k, 1, 0, FOLL_PIN);
  if (page !== NONE) {
    yield* pinnedLoad(k, 1, 0, page);
    yield* unpinFolio(k, page);
  }
}

function* sibling(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
}

const done = { "the folio is split": noted(SPLIT_DONE), "the split fails": noted(SPLIT_FAILED) };

/** Frame 0 is a small page, frame 1 is free, frames 2 and 3 are the huge page. */
function hugePageBehindFreeFrame(k: K): void {
  bootAnonVma(k, 0);
  bootPage(k, 0, 2, 2);
  bootHugePage(k, 0, 0, 1);
}
function* forksOnly(k: K): Routine {
  yield* sysFork(k, 1);
}
/** The copy takes the frame before the folio: the walk of the split meets it where the folio was. */
function* copiesAndSplits(k: K): Routine {
  yield* scheduleIn(k);
  yield* store(k, 0, 3);
  yield* splitPage(k, 2);
  yield* load(k, 0);
}

export default [
  thpScenario({
    name: "split-fork",
    why: "fork copies migration entries: the walk that restores them must meet the child's after the parent's, and neither may be writable",
    tier: "quick",
    options: TWO_PROCESSES,
    threads: { forks },
    others: { child, splitter },
    sometimes: {
      ...done, "both have migration entries": (k) => migrating(k, 0) && migrating(k, 1),
      "the child shares the huge page": (k) => isHuge(k, 1, 0),
    },
    expect: holds({ states: 74_743 }),
  }),
  thpScenario({
    name: "split-fork-sibling",
    why: "the same with a sibling that writes: each page of the child is as it was at some moment of the fork",
    tier: "full",
    options: TWO_PROCESSES,
    threads: { forksAside, sibling },
    others: { leaves, splitter },
    sometimes: { ...done, "both have migration entries": (k) => migrating(k, 0) && migrating(k, 1) },
    expect: holds({ states: 507_124 }),
  }),
  thpScenario({
    name: "split-cow",
    why:
      "parent and child write to a shared huge page that is being split: each PMD split, each copy and each reuse meets the " +
      "frozen folio or its migration entries",
    tier: "quick",
    options: TWO_PROCESSES,
    threads: { sharer },
    others: { sharingChild, splitter },
    sometimes: { ...done, "one has migration entries, the other its own page": (k) => migrating(k, 0) !== migrating(k, 1) },
    expect: holds({ states: 471_334 }),
  }),
  thpScenario({
    name: "split-unshare",
    why: "a read-only pin of a shared page wants a page of its own (FAULT_FLAG_UNSHARE) while the folio is split",
    tier: "quick",
    options: TWO_PROCESSES,
    threads: { sharer },
    others: { pinningChild, splitter },
    sometimes: done,
    // The PMD that get_user_pages() has read dies before the look at the table.
    expect: holds({ states: 639_655 }),
  }),
  thpScenario({
    name: "split-beside-copy",
    why: "a child has copied a page to the frame before the folio: the split leaves alone what is not the folio's",
    tier: "quick",
    options: { ...TWO_PROCESSES, hugeRanges: 2 },
    memory: hugePageBehindFreeFrame,
    threads: { forksOnly },
    others: { copiesAndSplits },
    sometimes: {
      "split": noted(SPLIT_DONE),
      "the copy is in the frame before the folio": (k) => k.page.order.get(2) === 1 && k.page.mapcount.get(1) === 0,
    },
    expect: holds({ states: 173 }),
  }),
];
