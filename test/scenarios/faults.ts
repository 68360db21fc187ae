/** Several threads fault in one range at once. */
import { holds, type Routine } from "thpcheck";
import { FOLL_PIN, FOLL_WRITE, gupSlow, pinnedStore, unpinFolio } from "../../impl/gup.ts";
import { MADV_DONTNEED, MADV_POPULATE_READ, MADV_POPULATE_WRITE } from "../../impl/madvise.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { folioMaybeDmaPinned } from "../../impl/page-ref.ts";
import { KNOB_ENABLED, sysfsStore } from "../../impl/sysfs.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { isHuge, type K } from "../../kernel/world.ts";

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
