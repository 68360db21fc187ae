/**
 * Folios of a size between a page and a huge page (mTHP): 4 pages per huge page have one, of two pages. Huge pages of PMD size are
 * never made by faults here.
 */
import { holds, type Routine } from "thpcheck";
import type { KernelOptions } from "../../impl/config/options.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { MADV_DONTNEED } from "../../impl/madvise.ts";
import { thpScenario } from "../../kernel/thp.ts";
import type { K } from "../../kernel/world.ts";
import { scanned, shrinker } from "./setup/torn.ts";

/** Folios of two pages. Two blocks of four pages: for the process's folios, and for what replaces them. */
const TWO_PAGES: Partial<KernelOptions> = { pagesPerHugePage: 4, frames: 8, thpAnon: "8K:always" };

/** Anonymous folios of the size that is the n-th above a page. */
const folios = (k: K, size: number): number => k.thpSize.nrAnon.get(size);
const twoPages = { "there is a folio of two pages": (k: K) => folios(k, 0) > 0 };

function* storesFirst(k: K): Routine {
  yield* openGate(k);
  yield* store(k, 0, 1);
  yield* load(k, 1);
}
function* storesSecond(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 2);
  yield* load(k, 0);
}
/** Fills the entry with the zero page, of a window that another fault may have found empty. */
function* readsSecond(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 1);
  yield* load(k, 0);
}
/** Both pages of a folio of two are written to. */
function* fills(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
}
function* tornOwnerDiscards(k: K): Routine {
  yield* fills(k);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* store(k, 0, 3);
}

export default [
  thpScenario({
    name: "mthp-faults",
    why: "two first faults in one window: one maps both pages, the other finds the window filled when it has the lock, and tries again",
    tier: "quick",
    options: TWO_PAGES,
    threads: { storesFirst, storesSecond },
    sometimes: twoPages,
    expect: holds({ states: 11_441 }),
  }),
  thpScenario({
    name: "mthp-faults-read",
    why: "the zero page comes into a window that was seen empty: the fault has to look again under the lock",
    tier: "quick",
    options: TWO_PAGES,
    threads: { storesFirst, readsSecond },
    sometimes: { ...twoPages, "the zero page came first": (k) => folios(k, 0) === 0 && k.mm.anonPages.get(0) > 0 },
    expect: holds({ states: 2698 }),
  }),
  thpScenario({
    name: "mthp-shrinker-dontneed",
    why: "the rest of the folio goes while the shrinker holds it: the last reference takes it off the queue, and off the gauge of its size",
    tier: "quick",
    options: TWO_PAGES,
    threads: { tornOwnerDiscards },
    others: { shrinker },
    sometimes: scanned,
    expect: holds({ states: 2788 }),
  }),
];
