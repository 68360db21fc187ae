/** A page is pinned without locks while it is discarded, freed, and given to somebody else. */
import { NONE, holds, type Routine } from "thpcheck";
import { FOLL_PIN, FOLL_WRITE, gupFast, gupFastFallback, unpinFolio } from "../../impl/gup.ts";
import { MADV_DONTNEED } from "../../impl/madvise.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { load, store, sysMadvise, sysMunmap } from "../../impl/entry/syscalls.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { deviceWrites } from "../../kernel/actors.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { isHuge, note, noted, type K, type Met } from "../../kernel/world.ts";

const PINNED: Met = 0;
const FELL_BACK: Met = 1;

/** What is freed at page 0 comes back at page 1: the allocator gives the lowest frame. */
function* recycles(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
  yield* store(k, 1, 2);
  yield* load(k, 1);
}
/** The same with huge pages, from the first range to the second. */
function* recyclesHuge(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* store(k, 3, 2);
  yield* load(k, 3);
}
/** A huge page is freed, small ones come in its place: head and tails are folios of their own. */
function* recyclesAsSmall(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMunmap(k, 1, 1);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
  yield* store(k, 0, 2);
  yield* load(k, 0);
}

function* device(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFast(k, 0, 0, FOLL_PIN | FOLL_WRITE);
  if (page === NONE) {
    note(k, FELL_BACK);
    return;
  }
  note(k, PINNED);
  yield* deviceWrites(k, 0, 0, page, 3);
  yield* unpinFolio(k, page);
}
function* slowDevice(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFastFallback(k, 0, 0, FOLL_PIN | FOLL_WRITE);
  if (page === NONE) return;
  note(k, PINNED);
  yield* deviceWrites(k, 0, 0, page, 3);
  yield* unpinFolio(k, page);
}
function* toucher(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 2);
  yield* load(k, 1);
}

const small = { enabled: ENABLED_NEVER, lruBatch: 1 };
const met = { "pinned": noted(PINNED), "GUP-fast finds the page gone and gives up": noted(FELL_BACK) };

export default [
  thpScenario({
    name: "gup-discard-small",
    why:
      "between its look at the PTE and its reference the page is unmapped, and then freed and mapped elsewhere: not before " +
      "the flush has reached the CPU, whose interrupts are off until it has looked again",
    tier: "quick",
    options: small,
    threads: { recycles, device, toucher },
    sometimes: met,
    expect: holds({ states: 70_169 }),
  }),
  thpScenario({
    name: "gup-discard-huge",
    why: "the same with a huge page, for two devices: one goes on to the slow way, which faults a new page in",
    tier: "quick",
    options: { hugeRanges: 2 },
    threads: { recyclesHuge, device, slowDevice },
    sometimes: { ...met, "the frame is back in the other range": (k) => isHuge(k, 0, 1) && !isHuge(k, 0, 0) },
    expect: holds({ states: 32_235 }),
  }),
  thpScenario({
    name: "gup-discard-parts",
    why: "the folio is freed while its head is about to be referenced, and its frames come back as small pages",
    tier: "quick",
    options: { vmas: 3, anonVmaChains: 4, anonVmas: 3 },
    threads: { recyclesAsSmall, device, slowDevice },
    sometimes: met,
    expect: holds({ states: 69_680 }),
  }),
];
