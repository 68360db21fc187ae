/** A folio is split while somebody takes, or holds, references to its pages. */
import { NONE, holds, type Routine } from "thpcheck";
import { FOLL_PIN, FOLL_WRITE, gupFast, gupFastFallback, gupSlow, pinnedLoad, pinnedStore, unpinFolio } from "../../impl/gup.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { entryTarget, MIGRATION, pmdTable } from "../../impl/pgtable.ts";
import { load, store } from "../../impl/entry/syscalls.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { SPLIT_DONE, SPLIT_FAILED, splitPage } from "../../kernel/actors.ts";
import { anyPinned, thpScenario } from "../../kernel/thp.ts";
import { isHuge, note, noted, type K, type Met } from "../../kernel/world.ts";

const FELL_BACK: Met = 2;
const PINNED: Met = 3;

function* splitter(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
  yield* splitPage(k, 0);
  yield* load(k, 1);
}

/** A device writes to page 1; without the page, the thread goes on without it. */
function* device(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFast(k, 0, 1, FOLL_PIN | FOLL_WRITE);
  if (page === NONE) note(k, FELL_BACK);
  else {
    yield* pinnedStore(k, 0, 1, page, 3);
    yield* unpinFolio(k, page);
  }
  yield* load(k, 1);
}

function* sibling(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
  yield* store(k, 1, 1);
  yield* load(k, 0);
}

/** A read-only pin under mmap_lock, for which a migration entry has to be waited for. */
function* slowReader(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupSlow(k, 0, 1, FOLL_PIN);
  if (page === NONE) return;
  yield* pinnedLoad(k, 0, 1, page);
  yield* unpinFolio(k, page);
}

function* slowWriter(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFastFallback(k, 0, 0, FOLL_PIN | FOLL_WRITE);
  if (page === NONE) return;
  yield* pinnedStore(k, 0, 0, page, 3);
  yield* unpinFolio(k, page);
  yield* load(k, 0);
}

function* splitterOfFour(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 2, 2);
  yield* openGate(k);
  yield* splitPage(k, 2);
  yield* load(k, 2);
}
/** Registers page 2 as a buffer and never gives it back; a device writes to it at leisure. */
function* longtermPin(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFastFallback(k, 0, 2, FOLL_PIN | FOLL_WRITE);
  if (page === NONE) return;
  note(k, PINNED);
  yield* pinnedStore(k, 0, 2, page, 3);
  yield* load(k, 2);
}
function* storerOfFour(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 3, 3);
  yield* load(k, 2);
}

const done = { "the folio is split": noted(SPLIT_DONE), "a reference keeps it from being split": noted(SPLIT_FAILED) };
/** In the first range. */
function migratingAt(k: K, vpn: number): boolean {
  const pmd = k.mm.pmd.get(0, 0);
  return pmdTable(pmd) && (k.ptTable.pte.get(entryTarget(pmd), vpn) & MIGRATION) !== 0;
}
/** The PMD has been split for nothing: the folio was pinned too late to see it beforehand. */
const inVain = (k: K): boolean => !isHuge(k, 0, 0) && anyPinned(k) && k.page.order.get(0) > 0 && !k.page.lock.isHeld(0);

export default [
  thpScenario({
    name: "split-gup-fast",
    why:
      "a pin without locks either stops the split (freeze by expected count: -EAGAIN) or finds the entry gone; what the " +
      "device writes is what the process reads",
    tier: "quick",
    threads: { splitter, device, sibling },
    sometimes: { ...done, "GUP-fast meets the split and gives up": noted(FELL_BACK), "the PMD is split in vain": inVain },
    expect: holds({ states: 147_823 }),
  }),
  thpScenario({
    name: "split-gup-slow",
    why: "get_user_pages() under mmap_lock waits for the migration entry, or its pins make the split fail; one reads, one writes",
    tier: "quick",
    threads: { splitter, slowReader, slowWriter },
    sometimes: { ...done, "the PMD is split in vain": inVain },
    // The PMD that get_user_pages() has read dies before the look at the table.
    expect: holds({ states: 72_149 }),
  }),
  thpScenario({
    name: "split-longterm-pin",
    why:
      "a page that a device keeps must stay where it is and stay exclusive, whichever PTE of the folio the split had " +
      "already replaced (S6, X3)",
    tier: "quick",
    options: { pagesPerHugePage: 4, frames: 8 },
    pinsMayStay: true,
    threads: { splitter: splitterOfFour, longtermPin, sibling: storerOfFour },
    sometimes: { ...done, "the PMD is split in vain": inVain },
    always: { "X3 a pinned page is not replaced, not even by a migration entry": (k) => !k.seen.events.has(PINNED) || !migratingAt(k, 2) },
    finally: { "X3 the pinned page is exclusive": (k) => !anyPinned(k) || k.page.anonExclusive.get(2) || (isHuge(k, 0, 0) && k.page.anonExclusive.get(0)) },
    expect: holds({ states: 67_394 }),
  }),
];
