/** Reservations become huge pages while others use, discard, pin or look at their pages. */
import { holds, violated, type Routine } from "thpcheck";
import { FOLL_PIN, FOLL_WRITE, gupFast, pfnScanner, pinnedStore, unpinFolio } from "../../impl/gup.ts";
import { MADV_DONTNEED } from "../../impl/madvise.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { folioMaybeDmaPinned } from "../../impl/page-ref.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { khugepagedDoScan } from "../../impl/khugepaged.ts";
import { scans } from "../../kernel/actors.ts";
import { reservationScenarios, reserved } from "./setup/reservation.ts";
import { isHuge, type K } from "../../kernel/world.ts";

function* storesAndReads(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* store(k, 1, 2);
  yield* load(k, 0);
}
function* fills(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
  yield* load(k, 0);
}
function* fillsAndDiscards(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
  yield* load(k, 1);
}
/** As many pages as a gather takes: they are freed before the call is done with the range. */
function* fillsAndDiscardsAll(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* load(k, 1);
}
function* storesSecond(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
}
function* pins(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFast(k, 0, 0, FOLL_PIN | FOLL_WRITE);
  if (page < 0) return;
  yield* pinnedStore(k, 0, 0, page, 3);
  yield* unpinFolio(k, page);
}
/** Half of the range, which is enough where there are 4 pages. */
function* storesHalf(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 2, 2);
  yield* openGate(k);
  yield* load(k, 1);
}
/** Looks at the last page of the block, which nobody uses. */
function* looksAtUnused(k: K): Routine {
  yield* passGate(k);
  yield* pfnScanner(k, 3);
}

/** One page of two, which is less than the threshold. */
function* storesOneAndScans(k: K): Routine {
  yield* store(k, 0, 1);
  yield* khugepagedDoScan(k);
  yield* load(k, 0);
}

const huge = { "the reservation becomes a huge page": (k: K) => isHuge(k, 0, 0) };
const four = { pagesPerHugePage: 4, maxPtesNone: 3, pagesToScan: 4, frames: 8 };

export default [
  ...reservationScenarios({
    name: "reservation-khugepaged",
    why: "khugepaged comes by while a fault takes the page that makes the range a huge page",
    tier: "quick",
    threads: { storesAndReads },
    others: { scans },
    sometimes: huge,
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "full-leaves-lru": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-below-threshold",
    why: "khugepaged promotes no range of which fewer pages are used than promotion_threshold says",
    tier: "quick",
    threads: { storesOneAndScans },
    finally: { "it stays a reservation": (k) => !isHuge(k, 0, 0) && reserved(k) === 1 },
    expect: { "rfc-choices": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-dontneed",
    why: "a page is discarded while its range is promoted: before, and the reservation is gone; or after, and the huge page is split",
    tier: "quick",
    threads: { fillsAndDiscards },
    others: { scans },
    sometimes: huge,
    expect: {
      "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "full-leaves-lru": holds(),
      "rfc-2018": violated("assertion"),
    },
  }),
  ...reservationScenarios({
    name: "reservation-dontneed-whole",
    why: "all pages of a reservation are discarded while a fault wants one: the reservation ends before its pages are somebody else's",
    tier: "quick",
    threads: { fillsAndDiscardsAll, storesSecond },
    sometimes: { "the reservation is gone": (k) => k.gate.open.get() && reserved(k) === 0 },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "full-leaves-lru": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-pin",
    why: "a page is pinned without locks while its range is promoted: the pin makes the promotion fail, or finds the page in the huge page",
    tier: "quick",
    threads: { fills, pins },
    others: { scans },
    sometimes: { ...huge, "a page of the reservation is pinned": (k) => folioMaybeDmaPinned(k, 0) && !isHuge(k, 0, 0) },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "full-leaves-lru": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-scanner",
    why:
      "somebody takes a reference to an unused page by its frame number while the range is promoted: it makes the promotion " +
      "fail, and is not lost",
    tier: "quick",
    options: four,
    sanitize: "the allocator gives the pages of a block their references in one step: who looks at one page cannot tell, the rule can",
    threads: { storesHalf },
    others: { scans, looksAtUnused },
    sometimes: huge,
    expect: {
      "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "full-leaves-lru": holds(),
      "rfc-2018": violated("assertion"),
    },
  }),
];
