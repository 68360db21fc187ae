/** Who may write in place, as Linux decided it before PageAnonExclusive. */
import { NONE, holds, type Routine } from "thpcheck";
import { FOLL_FORCE, FOLL_WRITE, gupSlow } from "../../../impl/gup.ts";
import { bootProcess } from "../../../impl/entry/boot.ts";
import { MADV_DONTNEED, MADV_POPULATE_READ } from "../../../impl/madvise.ts";
import type { Pfn } from "../../../impl/structs/types.ts";
import { VM_READ } from "../../../impl/structs/vma.ts";
import { pageFolio } from "../../../impl/page-flags.ts";
import { folioPut } from "../../../impl/swap.ts";
import { load, store, sysMadvise } from "../../../impl/entry/syscalls.ts";
import { deviceWrites } from "../../../kernel/actors.ts";
import { thpScenario } from "../../../kernel/thp.ts";
import { isHuge, type K } from "../../../kernel/world.ts";
import { bootAnonVma, bootForkedHugePage, bootForkedVma, bootHugePage, bootHugeZeroPage } from "./setup/memory.ts";

/** A debugger writes to memory that its process may only read: /proc/pid/mem. */
function* forcesWrite(k: K): Routine {
  const page: Pfn = yield* gupSlow(k, 0, 0, FOLL_WRITE | FOLL_FORCE);
  if (page !== NONE) {
    yield* deviceWrites(k, 0, 0, page, 3);
    yield* folioPut(k, pageFolio(k, page));
  }
}
/** One write is forced, and splits the PMD; the other is an ordinary one, to the page beside it, whose entry is dirty. */
function* writesSharedPages(k: K): Routine {
  yield* forcesWrite(k);
  const page: Pfn = yield* gupSlow(k, 0, 1, FOLL_WRITE);
  if (page === NONE) return;
  yield* deviceWrites(k, 0, 1, page, 3);
  yield* folioPut(k, pageFolio(k, page));
}
function* childReads(k: K): Routine {
  yield* load(k, 0);
  yield* load(k, 1);
}
function* discardsAndReads(k: K): Routine {
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* sysMadvise(k, 0, 2, MADV_POPULATE_READ);
}
function* parentWrites(k: K): Routine {
  yield* store(k, 0, 2);
}
function* childDiscardsHalf(k: K): Routine {
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* load(k, 0);
}

function readOnlyZeroPage(k: K): void {
  k.vma.flags.set(0, VM_READ);
  bootAnonVma(k, 0);
  bootHugeZeroPage(k, 0, 0);
}
/** The child runs on the second CPU. */
function sharedHugePage(k: K): void {
  bootAnonVma(k, 0);
  bootHugePage(k, 0, 0, 1);
  bootProcess(k, 1, 1);
  bootForkedHugePage(k, bootForkedVma(k, 1, 0), 0, 0);
}

export default [
  thpScenario({
    name: "cow-forced-write",
    why:
      "before 6.1 a forced write took a dirty entry for its own copy: nothing but a write may make an entry dirty, least of " +
      "all that of the huge zero page",
    tier: "full",
    options: { forcedWriteByDirty: true },
    memory: readOnlyZeroPage,
    threads: { forcesWrite, discardsAndReads },
    sometimes: {
      "a huge page of its own": (k) => k.mm.anonPages.get(0) === 2,
      "discarded, read again": (k) => isHuge(k, 0, 0) && k.mm.anonPages.get(0) === 0 && k.page.content.get(2) === k.param.contents.get(),
    },
    // The PMD that get_user_pages() has read dies before the look at the table.
    expect: holds({ states: 3617 }),
  }),
  thpScenario({
    name: "cow-forced-write-shared",
    why:
      "the same rule with pages that a child has, too, and that are dirty: the fault must have broken COW when it returns, and " +
      "a write that is not forced never goes by the mark",
    tier: "quick",
    options: { forcedWriteByDirty: true, mms: 2, anonVmas: 3, anonVmaChains: 4, frames: 10 },
    memory: sharedHugePage,
    threads: { writesSharedPages },
    others: { childReads },
    sometimes: { "the parent has pages of its own": (k) => !isHuge(k, 0, 0) && isHuge(k, 1, 0) && k.page.refcount.get(0) === 1 },
    expect: holds({ states: 267 }),
  }),
  thpScenario({
    sanitize: "before 5.18 a split of a PMD unlocks a folio that nothing keeps; here it does so as it drops the PMD lock",
    name: "cow-reuse-pmd-split",
    why:
      "before 5.18 a write went by mapcounts: a PMD split in another process, which moves them, must hold the folio lock as " +
      "the write fault does",
    tier: "full",
    options: { reuseByMapcount: true, mms: 2, anonVmas: 3, anonVmaChains: 4, frames: 10 },
    memory: sharedHugePage,
    threads: { parentWrites },
    others: { childDiscardsHalf },
    sometimes: { "split in the child": (k) => !isHuge(k, 1, 0) && isHuge(k, 0, 0) },
    expect: holds({ states: 1071 }),
  }),
];
