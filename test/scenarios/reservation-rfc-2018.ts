/**
 * The defects of the RFC of 2018, one scenario each: what is expected is the violation. impl/policy/README.md says what
 * each means. Where a defect shows only if something fails or is checked, the scenario's options say so.
 */
import { violated, type Routine } from "thpcheck";
import { gupFast, pfnScanner } from "../../impl/gup.ts";
import { MADV_COLLAPSE, MADV_DONTNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE } from "../../impl/madvise.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { load, store, sysMadvise, sysMprotect, sysMremap, sysMunmap } from "../../impl/entry/syscalls.ts";
import { KNOB_ENABLED, KNOB_PROMOTION_THRESHOLD, sysfsStore } from "../../impl/sysfs.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { scans, shrinks } from "../../kernel/actors.ts";
import { reservationScenarios, reserved } from "./setup/reservation.ts";
import type { K } from "../../kernel/world.ts";

const RW = VM_READ | VM_WRITE;

function* storesHere(k: K): Routine {
  yield* openGate(k);
  yield* store(k, 0, 1);
}
function* storesHereAndReads(k: K): Routine {
  yield* openGate(k);
  yield* store(k, 0, 1);
  yield* load(k, 0);
}
function* storesHereToo(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 2);
}
/** Half of 4 pages, then asks for more. */
function* raisesThreshold(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 1);
  yield* openGate(k);
  yield* sysfsStore(k, KNOB_PROMOTION_THRESHOLD, 3);
}
function* fillsAndDiscards(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
}
function* fillsHalf(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 2, 2);
  yield* openGate(k);
}
function* looksAtUnused(k: K): Routine {
  yield* passGate(k);
  yield* pfnScanner(k, 3);
}
/** Page 0 is no page of the block, and somebody holds it. */
function* foreignAndHeld(k: K): Routine {
  yield* load(k, 2);
  yield* sysMadvise(k, 0, 4, MADV_NOHUGEPAGE);
  yield* store(k, 0, 1);
  yield* sysMadvise(k, 0, 4, MADV_HUGEPAGE);
  const page: Pfn = yield* gupFast(k, 0, 0, 0);
  if (page < 0) return;
  yield* store(k, 2, 2);
  yield* store(k, 3, 2);
  yield* openGate(k);
}
function* unmaps(k: K): Routine {
  yield* openGate(k);
  yield* store(k, 0, 1);
  yield* sysMunmap(k, 0, 2);
}
/** Nothing was written yet: the area at the new address is the area itself, longer. */
function* movesBehindItself(k: K): Routine {
  yield* sysMremap(k, 0, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 4);
}
/** Small pages at first; while MADV_COLLAPSE allocates, the range is emptied and read. */
function* emptiesAndReads(k: K): Routine {
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_NEVER);
  yield* store(k, 0, 1);
  yield* store(k, 1, 1);
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_ALWAYS);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* load(k, 0);
}
function* collapses(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
}
function* splitsAndMerges(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysMprotect(k, 2, 2, VM_READ);
  yield* sysMprotect(k, 2, 2, RW);
}

const four = { pagesPerHugePage: 4, maxPtesNone: 3, maxPtesSwap: 3, maxPtesShared: 3, pagesToScan: 4, frames: 12, vmas: 2 };
const areas = { vmas: 4, anonVmas: 3, anonVmaChains: 5, pageTables: 4 };

/** Containers in use against areas that point to one. */
function containersOwned(k: K): boolean {
  for (let c = 0; c < k.resvs.count; c++) {
    if (!k.resvs.allocated.get(c)) continue;
    let owners = 0;
    for (let v = 0; v < k.vma.count; v++) if (k.vma.mm.get(v) >= 0 && k.vma.resvs.get(v) === c) owners++;
    if (owners !== 1) return false;
  }
  return true;
}

export default [
  ...reservationScenarios({
    name: "rfc-2018-d1-sleeps",
    why: "D1: kzalloc(GFP_KERNEL) under res_hash_lock",
    tier: "quick",
    options: { debugAtomicSleep: true },
    threads: { storesHere },
    expect: { "rfc-2018": violated("assertion") },
  }),
  ...reservationScenarios({
    name: "rfc-2018-d2-frees-block",
    why: "D2: no memory for the struct: a block of pages with a reference each is freed as if only the first had one",
    tier: "quick",
    options: { allocationMayFail: true },
    threads: { storesHere },
    expect: { "rfc-2018": violated("assertion") },
  }),
  ...reservationScenarios({
    name: "rfc-2018-d5-same-page",
    why: "D5: two faults get the same page, and the slower one clears what the faster one's process has stored",
    tier: "quick",
    only: [],
    threads: { storesHereAndReads, storesHereToo },
    expect: { "rfc-2018": violated("assertion") },
  }),
  ...reservationScenarios({
    name: "rfc-2018-d6-use-after-free",
    why: "D6: khugepaged keeps a pointer to the reservation that MADV_DONTNEED frees",
    tier: "quick",
    threads: { fillsAndDiscards },
    others: { scans },
    expect: { "rfc-2018": violated("assertion") },
  }),
  ...reservationScenarios({
    name: "rfc-2018-d7-lock-leak",
    why: "D7: the threshold rises between scan and commit: the way out forgets the anon_vma lock",
    tier: "quick",
    options: four,
    threads: { raisesThreshold },
    others: { scans },
    expect: { "rfc-2018": violated("lock-held-at-exit") },
  }),
  ...reservationScenarios({
    name: "rfc-2018-d8-foreign-page",
    why:
      "D8, D9: a page from before MADV_HUGEPAGE lies in the range, and somebody holds it: its reference passes for the " +
      "reservation's, and page 0 of the block is unlocked in its place",
    tier: "quick",
    options: { ...four, frames: 12 },
    pinsMayStay: true,
    threads: { foreignAndHeld },
    others: { scans },
    expect: { "rfc-2018": violated("lock-ownership") },
  }),
  ...reservationScenarios({
    name: "rfc-2018-d10-lost-reference",
    why: "D10: a reference taken to an unused page by its frame number is overwritten when the page becomes a tail",
    tier: "quick",
    options: four,
    threads: { fillsHalf },
    others: { scans, looksAtUnused },
    expect: { "rfc-2018": violated("assertion") },
  }),
  ...reservationScenarios({
    name: "rfc-2018-d12-container-leak",
    why: "D12: an area that is merged away is freed without its container of reservations",
    tier: "quick",
    options: { ...areas, hugeRanges: 2 },
    threads: { splitsAndMerges },
    finally: { "every container of reservations belongs to an area": containersOwned },
    expect: { "rfc-2018": violated("every container of reservations belongs to an area") },
  }),
  ...reservationScenarios({
    name: "rfc-2018-d13-orphan",
    why:
      "D13: no memory for the page table after reserving: munmap finds an empty PMD, frees the container, and the shrinker " +
      "finds the reservation",
    tier: "quick",
    options: { pageTables: 0, vmas: 2 },
    only: [],
    threads: { unmaps },
    others: { shrinks },
    expect: { "rfc-2018": violated("assertion") },
  }),
  ...reservationScenarios({
    name: "rfc-2018-d14-self-deadlock",
    why: "D14: mremap of an area that was never written extends it, and takes the lock of its reservations twice",
    tier: "quick",
    options: { ...areas, hugeRanges: 3 },
    areaEnd: 4,
    threads: { movesBehindItself },
    expect: { "rfc-2018": violated("deadlock") },
  }),
  ...reservationScenarios({
    name: "rfc-2018-d16-huge-pmd",
    why: "D16: a range is reserved after the scan has found it unreserved: the copy installs a huge PMD over the reservation",
    tier: "quick",
    options: { ptReclaim: true, vmas: 2 },
    only: ["R8"],
    threads: { emptiesAndReads, collapses },
    sometimes: { "a reservation": (k) => reserved(k) === 1 },
    expect: { "rfc-2018": violated("R8 a huge PMD and a reservation of its range exclude each other") },
  }),
];
