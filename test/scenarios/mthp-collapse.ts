/**
 * khugepaged's collapse to a size between a page and a huge page, as merged in 7.2: 4 pages per huge page have folios of two.
 * The first thread fills single pages, as long as no size is enabled; then two pages are enabled, and huge pages are not.
 */
import { holds, type Routine } from "thpcheck";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../impl/config/knobs.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { khugepagedDoScan } from "../../impl/khugepaged.ts";
import { MADV_HUGEPAGE } from "../../impl/madvise.ts";
import type { Vpn } from "../../impl/structs/types.ts";
import { KNOB_ENABLED, sysfsStore } from "../../impl/sysfs.ts";
import { thpScenario } from "../../kernel/thp.ts";
import type { K } from "../../kernel/world.ts";
import { KHUGEPAGED_MTHP_MERGED } from "../../spec/enumerations.ts";

const MERGED: Partial<KernelOptions> = {
  pagesPerHugePage: 4, frames: 12, thpAnon: "8K:inherit", khugepagedMthp: KHUGEPAGED_MTHP_MERGED,
  enabled: ENABLED_NEVER, maxPtesNone: 0, maxPtesSwap: 0, maxPtesShared: 0, pagesToScan: 8,
};
const folios = (k: K): number => k.thpSize.nrAnon.get(0);

/** Single pages at start..end - 1; then khugepaged may make folios of two. */
function* fills(k: K, start: Vpn, end: Vpn): Routine {
  for (let vpn: Vpn = start; vpn < end; vpn++) yield* store(k, vpn, 1 + (vpn % 2));
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_ALWAYS);
  yield* sysMadvise(k, 0, 4, MADV_HUGEPAGE);
  yield* openGate(k);
}
function* fillsAll(k: K): Routine {
  yield* fills(k, 0, 4);
  yield* load(k, 0);
}
/** The last page is a hole. */
function* fillsThree(k: K): Routine {
  yield* fills(k, 0, 3);
  yield* load(k, 0);
}
function* storesToBoth(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* store(k, 2, 3);
}
function* scans(k: K): Routine {
  yield* passGate(k);
  yield* khugepagedDoScan(k);
}

export default [
  thpScenario({
    name: "mthp-collapse-alone",
    why: "khugepaged makes two folios of two pages from four single pages, and gives nothing more away",
    tier: "quick",
    options: MERGED,
    threads: { fillsAll },
    others: { scans },
    sometimes: { "both windows are folios": (k) => folios(k) === 2 },
    expect: holds({ states: 921 }),
  }),
  thpScenario({
    name: "mthp-collapse-stores",
    why: "the process stores to a page of each window while khugepaged collapses them: nothing that is stored is lost",
    tier: "full",
    options: MERGED,
    threads: { fillsAll, storesToBoth },
    others: { scans },
    sometimes: { "both windows are folios": (k) => folios(k) === 2 },
    expect: holds({ states: 15_671 }),
  }),
  thpScenario({
    name: "mthp-collapse-hole",
    why: "max_ptes_none is 0: the window with a hole stays as it is, the full one becomes a folio",
    tier: "quick",
    options: MERGED,
    threads: { fillsThree },
    others: { scans },
    sometimes: { "the full window is a folio": (k) => folios(k) === 1 },
    finally: { "three pages are left": (k) => k.mm.anonPages.get(0) === 3 },
    expect: holds({ states: 523 }),
  }),
];
