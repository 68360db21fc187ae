/** Several threads fault in one range at once. */
import { holds, type Int, type Routine } from "thpcheck";
import { FOLL_PIN, FOLL_WRITE, gupSlow, pinnedStore, unpinFolio } from "../../impl/gup.ts";
import { MADV_DONTNEED, MADV_POPULATE_READ, MADV_POPULATE_WRITE } from "../../impl/madvise.ts";
import type { Errno, Pfn } from "../../impl/structs/types.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { allocFolio } from "../../impl/page-alloc.ts";
import { folioMaybeDmaPinned } from "../../impl/page-ref.ts";
import { folioPutNew } from "../../impl/swap.ts";
import { KNOB_ENABLED, sysfsStore } from "../../impl/sysfs.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { isHuge, note, type K, type Met } from "../../kernel/world.ts";

const POPULATED: Met = 2;

function* first(k: K): Routine {
  yield* openGate(k);
  yield* store(k, 0, 1);
  yield* load(k, 1);
}
function* second(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 2);
  yield* load(k, 0);
}
function* reader(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 0);
  yield* load(k, 1);
}
function* readsOnce(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 0);
}
function* writesOnce(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 2);
}
/** From here on small pages only: whoever has asked before still maps a huge one. */
function* switchesOff(k: K): Routine {
  yield* openGate(k);
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_NEVER);
  yield* store(k, 0, 1);
}
function* populatesToWrite(k: K): Routine {
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_POPULATE_WRITE);
}
function* populatesToRead(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_POPULATE_READ);
  yield* store(k, 1, 3);
}
function* discards(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}
/** A pin faults the page in, under mmap_lock. */
function* pins(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupSlow(k, 0, 1, FOLL_PIN | FOLL_WRITE);
  if (page < 0) return;
  yield* pinnedStore(k, 0, 1, page, 3);
  yield* unpinFolio(k, page);
  yield* load(k, 1);
}

const small = { enabled: ENABLED_NEVER };
const huge = { "a huge page": (k: K) => isHuge(k, 0, 0) && k.mm.anonPages.get(0) === 2 };
const zero = { "the huge zero page first": (k: K) => isHuge(k, 0, 0) && k.mm.anonPages.get(0) === 0 };
const fallback = { "small pages, for want of a huge one": (k: K) => !isHuge(k, 0, 0) && k.mm.anonPages.get(0) > 0 };

function* populatesSmall(k: K): Routine {
  const error: Errno = yield* sysMadvise(k, 0, 2, MADV_POPULATE_WRITE);
  if (error === 0) note(k, POPULATED);
}
/** The third look makes the page active, which the next one in its frame must not be. */
function* usesAndDiscards(k: K): Routine {
  for (let i: Int<0, 3> = 0; i < 3; i++) yield* sysMadvise(k, 0, 1, MADV_POPULATE_WRITE);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
  yield* store(k, 0, 1);
}
/** As check_new_page() asks of all flags, when the page is allocated. A free page has poison for content. */
function freeIsNotActive(k: K): boolean {
  for (let page = 0; page < k.page.count; page++) {
    if (k.page.content.get(page) === k.param.contents.get() && k.page.refcount.get(page) === 0 && k.page.active.get(page)) return false;
  }
  return true;
}
/** Somebody has two folios of half the size, side by side, and gives them back. */
function* freesHalves(k: K): Routine {
  const lower: Pfn = yield* allocFolio(k, 1, false);
  const upper: Pfn = yield* allocFolio(k, 1, false);
  yield* folioPutNew(k, lower);
  yield* folioPutNew(k, upper);
  yield* store(k, 0, 1);
}

export default [
  thpScenario({
    name: "faults-huge",
    why:
      "three threads bring a huge page, or the huge zero page, for one empty PMD: one is mapped, the others are given back " +
      "with their tables",
    tier: "full",
    options: { anonVmas: 4, anonVmaChains: 4 },
    threads: { first, second, reader },
    sometimes: { ...huge, ...zero },
    expect: holds({ states: 1_733_715 }),
  }),
  thpScenario({
    name: "faults-fallback",
    why:
      "the same where every allocation, and every charge, may fail: huge and small faults meet in one PMD, some with a " +
      "signal for an answer",
    tier: "quick",
    options: { allocationMayFail: true, chargeMayFail: true, anonVmas: 4, anonVmaChains: 4 },
    threads: { first, second },
    sometimes: { ...huge, ...fallback },
    expect: holds({ states: 172_575 }),
  }),
  thpScenario({
    name: "faults-small",
    why: "one table and its pages by three threads, of which one reads zero pages that the others replace",
    tier: "full",
    options: { ...small, anonVmas: 4, anonVmaChains: 4 },
    threads: { first, second, reader },
    sometimes: { "a zero page and a page": (k) => k.mm.anonPages.get(0) === 1 },
    expect: holds({ states: 818_039 }),
  }),
  thpScenario({
    name: "faults-knob",
    why: "huge pages are switched off in the middle of the faults: a table may be there when the huge fault comes to install its PMD",
    tier: "full",
    options: { anonVmas: 4, anonVmaChains: 4 },
    threads: { switchesOff, writesOnce, readsOnce },
    sometimes: { ...huge, ...fallback },
    expect: holds({ states: 2_451_643 }),
  }),
  thpScenario({
    name: "faults-populate",
    why: "MADV_POPULATE for writing, for reading, and MADV_DONTNEED in one range",
    tier: "full",
    options: { anonVmas: 4, anonVmaChains: 4 },
    threads: { populatesToWrite, populatesToRead, discards },
    sometimes: { ...huge, ...zero },
    expect: holds({ states: 730_624 }),
  }),
  thpScenario({
    name: "faults-populate-small",
    why: "MADV_POPULATE_WRITE of small pages comes to an end: what the fault has mapped is good enough",
    tier: "quick",
    options: small,
    threads: { populatesSmall },
    sometimes: { "it is populated": (k) => k.seen.events.has(POPULATED) && k.mm.anonPages.get(0) === 2 },
    expect: holds({ states: 54 }),
  }),
  thpScenario({
    name: "faults-frame-reused",
    why: "a page that was used often is freed, and its frame is the next fault's: a free page has no flags",
    tier: "quick",
    options: { ...small, lruBatch: 1 },
    threads: { usesAndDiscards },
    always: { "a free page is not active": freeIsNotActive },
    sometimes: { "it is active": (k) => k.page.active.get(0) },
    expect: holds({ states: 78 }),
  }),
  thpScenario({
    name: "faults-block-of-halves",
    why: "two folios of half the size are freed, and are a huge page next: nothing of them is left inside of the block",
    tier: "quick",
    options: { pagesPerHugePage: 4, maxPtesNone: 3 },
    threads: { freesHalves },
    sometimes: { "it is huge": (k) => isHuge(k, 0, 0) && k.page.order.get(0) === 2 },
    expect: holds({ states: 40 }),
  }),
  thpScenario({
    name: "faults-pin",
    why:
      "a pin under mmap_lock faults beside stores under the VMA lock: whose page is mapped, the device's or another's, all " +
      "must write to the same",
    tier: "full",
    options: { anonVmas: 4, anonVmaChains: 4 },
    threads: { first, pins, second },
    sometimes: { ...huge, "pinned": (k) => folioMaybeDmaPinned(k, 0) },
    expect: holds({ states: 1_121_408 }),
  }),
];
