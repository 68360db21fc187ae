/** Reservations beside what is not: huge faults, failing allocations, MADV_COLLAPSE. */
import { holds, type Routine } from "thpcheck";
import { MADV_COLLAPSE } from "../../impl/madvise.ts";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { KNOB_PROMOTION_THRESHOLD, sysfsStore } from "../../impl/sysfs.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { partlyUsed, reservationScenarios, reserved } from "./setup/reservation.ts";
import { isHuge, type K } from "../../kernel/world.ts";

/** From here on faults install huge pages: whoever has asked before still reserves. */
function* switchesOff(k: K): Routine {
  yield* openGate(k);
  yield* sysfsStore(k, KNOB_PROMOTION_THRESHOLD, 1);
  yield* store(k, 0, 1);
}
/** The first access installs the huge zero page, and the second one writes to it. */
function* switchesOffAndReads(k: K): Routine {
  yield* openGate(k);
  yield* sysfsStore(k, KNOB_PROMOTION_THRESHOLD, 1);
  yield* load(k, 0);
  yield* store(k, 0, 1);
}
function* storesFirst(k: K): Routine {
  yield* openGate(k);
  yield* store(k, 0, 1);
}
function* storesSecond(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 2);
}
function* readsFirst(k: K): Routine {
  yield* openGate(k);
  yield* load(k, 0);
  yield* store(k, 0, 1);
}
function* fillsHalf(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* store(k, 1, 2);
}
/** Both pages wait in the CPU's batch when the second fault promotes them. */
function* fills(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
}
function* collapses(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
}

export default [
  ...reservationScenarios({
    name: "reservation-threshold",
    why: "promotion_threshold falls to 1 between two faults: one reserves, the other installs a huge page, of the same range",
    tier: "quick",
    threads: { switchesOff, storesSecond },
    sometimes: { "a huge page": (k) => isHuge(k, 0, 0), "a reservation": partlyUsed },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "first-write": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-threshold-read",
    why:
      "the same, and the huge zero page is installed, to which somebody writes: no reservation is made of its range, nor of " +
      "one that is reserved",
    tier: "quick",
    threads: { switchesOffAndReads, storesSecond },
    sometimes: { "the huge zero page": (k) => isHuge(k, 0, 0) && k.mm.anonPages.get(0) === 0, "a reservation": partlyUsed },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "first-write": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-failures",
    why: "every allocation and every charge may fail while two faults reserve and use a range: what was taken goes back",
    tier: "full",
    options: { allocationMayFail: true, chargeMayFail: true },
    threads: { storesFirst, storesSecond },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "full-leaves-lru": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-read-first",
    why: "one thread reads before it writes, another writes: policies differ in which access reserves",
    tier: "quick",
    threads: { readsFirst, storesSecond },
    sometimes: { "a reservation": (k) => reserved(k) === 1 },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "first-write": holds(), "populated": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-collapse",
    why: "MADV_COLLAPSE of a range that is reserved: promotes it if it can, else copies, while a fault takes the other page",
    tier: "quick",
    threads: { fillsHalf, collapses },
    sometimes: { "a huge page": (k) => isHuge(k, 0, 0) },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "full-leaves-lru": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-synchronous-batch",
    why: "the fault that reaches the threshold empties the batch in which the pages of the range wait, and promotes it",
    tier: "quick",
    options: { lruBatch: 4 },
    threads: { fills },
    finally: { "a huge page": (k) => isHuge(k, 0, 0) },
    expect: { "synchronous": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-synchronous",
    why: "the fault that reaches the threshold promotes the range, while another thread uses it",
    tier: "quick",
    threads: { fillsHalf, storesSecond },
    // Nobody else promotes: khugepaged does not run.
    sometimesUnder: { synchronous: { "a huge page": (k) => isHuge(k, 0, 0) } },
    expect: { "synchronous": holds(), "rfc-choices": holds(), "gorman-2018": holds(), "populated": holds() },
  }),
];
