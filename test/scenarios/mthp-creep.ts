/**
 * The questions that were put to khugepaged's collapse to sizes below a huge page when it was reviewed in 2025, each as a scenario
 * whose expectation is the answer: the form that was posted in August 2025 (v10), and the one that was merged. `impl/khugepaged/README.md`
 * lists them. Eight pages per huge page have folios of two and of four.
 *
 * Creep: a scan makes a folio of what the scan before it has made and filled, and so on until the range is a huge page, although nobody
 * touches it.
 */
import { holds, violated, type Int, type Routine } from "thpcheck";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../impl/config/knobs.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { khugepagedDoScan } from "../../impl/khugepaged.ts";
import { MADV_HUGEPAGE } from "../../impl/madvise.ts";
import { COLLAPSE_ALLOCATED } from "../../impl/structs/ghosts.ts";
import type { Vpn } from "../../impl/structs/types.ts";
import { anonEnabledStore, KNOB_ENABLED, sysfsStore } from "../../impl/sysfs.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { isHuge, note, type K, type Met } from "../../kernel/world.ts";
import { KHUGEPAGED_MTHP_MERGED, KHUGEPAGED_MTHP_V10 } from "../../spec/enumerations.ts";

const GREW: Met = 0;
const GREW_AGAIN: Met = 1;

const SIZES: Partial<KernelOptions> = {
  pagesPerHugePage: 8, frames: 24, thpAnon: "8K-32K:inherit", enabled: ENABLED_NEVER, maxPtesSwap: 0, maxPtesShared: 0, pagesToScan: 32,
};
const V10: Partial<KernelOptions> = { ...SIZES, khugepagedMthp: KHUGEPAGED_MTHP_V10 };
const MERGED: Partial<KernelOptions> = { ...SIZES, khugepagedMthp: KHUGEPAGED_MTHP_MERGED };

// ---- what is promised ------------------------------------------------------------------------------------------

const NO_CREEP = "a range that nobody touches is filled by one scan at most";
const notAgain = { [NO_CREEP]: (k: K) => !k.seen.events.has(GREW_AGAIN) };
const huge = { "the range is a huge page": (k: K) => isHuge(k, 0, 0) };
/** The process has this many pages. */
const has = (pages: number) => (k: K): boolean => k.mm.anonPages.get(0) === pages;
/** An attempt at a window of this order has its folio, and takes no lock yet. */
function allocated(k: K, order: number): boolean {
  for (let cpu = 0; cpu < k.collapse.count; cpu++) {
    if (k.collapse.stage.get(cpu) === COLLAPSE_ALLOCATED && k.window.order.get(cpu) === order) return true;
  }
  return false;
}

// ---- the process, and khugepaged -------------------------------------------------------------------------------

/** Pages 0..n - 1 are touched, while no size is enabled. */
function* touches(k: K, n: Vpn): Routine {
  for (let vpn: Vpn = 0; vpn < n; vpn++) yield* store(k, vpn, 1);
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_ALWAYS);
  yield* sysMadvise(k, 0, 8, MADV_HUGEPAGE);
}
/** Two, and nobody touches anything again. */
function* touchesTwo(k: K): Routine {
  yield* touches(k, 2);
  yield* openGate(k);
}
function* touchesAll(k: K): Routine {
  yield* touches(k, 8);
  yield* openGate(k);
}
/** One, in a window of four that is enabled always. */
function* touchesOne(k: K): Routine {
  yield* touches(k, 1);
  yield* anonEnabledStore(k, 2, ENABLED_ALWAYS);
  yield* openGate(k);
}
/** Three scans; whether the process had more pages after one than before it, and after a later one again. */
function* scans(k: K): Routine {
  yield* passGate(k);
  for (let scan: Int<0, 3> = 0; scan < 3; scan++) {
    const before = k.mm.anonPages.get(0);
    yield* khugepagedDoScan(k);
    if (k.mm.anonPages.get(0) > before) note(k, k.seen.events.has(GREW) ? GREW_AGAIN : GREW);
  }
}
function* storesToBoth(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* load(k, 6);
}

export default [
  thpScenario({
    name: "mthp-collapse-creep",
    why: "v10, max_ptes_none above half of a huge page: two pages that were touched once become four, and then eight",
    tier: "quick",
    options: { ...V10, maxPtesNone: 5 },
    threads: { touchesTwo },
    others: { scans },
    always: notAgain,
    expect: violated(NO_CREEP, { length: 286 }),
  }),
  thpScenario({
    name: "mthp-collapse-creep-half",
    why: "v10, exactly half: it creeps as well, where the text of the patch says that it takes more than half",
    tier: "quick",
    options: { ...V10, maxPtesNone: 4 },
    threads: { touchesTwo },
    others: { scans },
    always: notAgain,
    expect: violated(NO_CREEP, { length: 286 }),
  }),
  thpScenario({
    name: "mthp-collapse-creep-below",
    why: "v10, less than half: the two pages become a folio, and that is all",
    tier: "quick",
    options: { ...V10, maxPtesNone: 3 },
    threads: { touchesTwo },
    others: { scans },
    always: notAgain,
    finally: { "the process has the two pages": has(2) },
    sometimes: { "they are one folio": (k) => k.thpSize.nrAnon.get(0) === 1 },
    expect: holds({ states: 292 }),
  }),
  thpScenario({
    name: "mthp-collapse-creep-merged",
    why: "merged, the same limit as in mthp-collapse-creep: for sizes below a huge page it means 0, so that nothing is filled",
    tier: "quick",
    options: { ...MERGED, maxPtesNone: 5 },
    threads: { touchesTwo },
    others: { scans },
    always: notAgain,
    finally: { "the process has the two pages": has(2) },
    sometimes: { "they are one folio": (k) => k.thpSize.nrAnon.get(0) === 1 },
    expect: holds({ states: 293 }),
  }),
  thpScenario({
    name: "mthp-collapse-creep-merged-all",
    why: "merged, max_ptes_none all but one: the range is filled at once, by one scan, which is what the limit says",
    tier: "quick",
    options: { ...MERGED, maxPtesNone: 7 },
    threads: { touchesTwo },
    others: { scans },
    always: notAgain,
    sometimes: huge,
    expect: holds({ states: 195 }),
  }),
  thpScenario({
    name: "mthp-collapse-idle",
    why: "merged, two folios of four that nobody touches: each scan allocates a folio of four for each of them, and gives it back",
    tier: "quick",
    options: { ...MERGED, thpAnon: "8K-16K:inherit", maxPtesNone: 0 },
    threads: { touchesAll },
    others: { scans },
    always: { "no folio is allocated in vain": (k) => k.thpSize.nrAnon.get(1) !== 2 || !allocated(k, 2) },
    expect: violated("no folio is allocated in vain"),
  }),
  thpScenario({
    name: "mthp-collapse-v10-last",
    why: "v10, max_ptes_none 0: a full range never becomes a huge page, since the bit of its last chunk is never set",
    tier: "quick",
    options: { ...V10, maxPtesNone: 0 },
    threads: { touchesAll },
    others: { scans },
    finally: { "a full range is a huge page": huge["the range is a huge page"] },
    expect: violated("a full range is a huge page", { length: 660 }),
  }),
  thpScenario({
    name: "mthp-collapse-merged-last",
    why: "merged, the same: the first scan makes a huge page of it",
    tier: "quick",
    options: { ...MERGED, maxPtesNone: 0 },
    threads: { touchesAll },
    others: { scans },
    finally: { "a full range is a huge page": huge["the range is a huge page"] },
    expect: holds({ states: 435 }),
  }),
  thpScenario({
    name: "mthp-collapse-v10-always",
    why: "v10: a size that is enabled always is tried whatever the bits say; the limit stops it later, when a folio was allocated for it",
    tier: "quick",
    options: { ...V10, maxPtesNone: 3 },
    threads: { touchesOne },
    others: { scans },
    always: { "no folio of four is allocated for one page": (k) => k.mm.anonPages.get(0) !== 1 || !allocated(k, 2) },
    expect: violated("no folio of four is allocated for one page", { length: 70 }),
  }),
  thpScenario({
    name: "mthp-collapse-v10-stores",
    why: "v10: a page is stored to, and another read, while khugepaged makes folios of all chunks but the last: nothing is lost",
    tier: "full",
    options: { ...V10, maxPtesNone: 0 },
    threads: { touchesAll, storesToBoth },
    others: { scans },
    sometimes: { "there is a folio of four": (k) => k.thpSize.nrAnon.get(1) === 1, "and one of two": (k) => k.thpSize.nrAnon.get(0) === 1 },
    expect: holds({ states: 9319 }),
  }),
];
