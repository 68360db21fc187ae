/** Reservations: the last page is handed out, and comes back; a range becomes huge of which half is used. */
import { holds, type Routine } from "thpcheck";
import { MADV_COLLAPSE } from "../../impl/madvise.ts";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { FREED, shrinks } from "../../kernel/actors.ts";
import { reservationScenarios } from "./setup/reservation.ts";
import { isHuge, noted, type K } from "../../kernel/world.ts";

function* storesBoth(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* store(k, 1, 2);
}
/** Where it comes first, it maps the zero page, and the store's page is not needed any more. */
function* loadsTheLast(k: K): Routine {
  yield* passGate(k);
  yield* load(k, 1);
}
/** What khugepaged would leave alone: the threshold is for it. */
function* collapsesHalf(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
}

export default [
  ...reservationScenarios({
    name: "reservation-last-page-back",
    why:
      "a store takes the last page of a reservation, finds the zero page mapped by a load, and gives its page back, while " +
      "memory pressure looks for unused pages",
    tier: "quick",
    threads: { storesBoth, loadsTheLast },
    others: { shrinks },
    sometimes: { "the shrinker frees a page": noted(FREED) },
    expect: { "full-leaves-lru": holds(), "rfc-choices": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-collapse-half",
    why: "MADV_COLLAPSE does not ask how much of a reservation is used",
    tier: "quick",
    threads: { collapsesHalf },
    finally: { "the range is huge": (k) => isHuge(k, 0, 0) },
    expect: { "rfc-choices": holds(), "gorman-2018": holds() },
  }),
];
