/** Reservations: the last page is handed out, and comes back. */
import { holds, type Routine } from "thpcheck";
import { load, store } from "../../impl/syscalls.ts";
import { FREED, noted, openGate, passGate, reservationScenarios, shrinks, type K } from "./setup/reservation.ts";

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

export default [
  ...reservationScenarios({
    name: "reservation-last-page-back",
    why: "a store takes the last page of a reservation, finds the zero page mapped by a load, and gives its page back, while memory pressure looks for unused pages",
    tier: "quick",
    threads: { storesBoth, loadsTheLast },
    others: { shrinks },
    sometimes: { "the shrinker frees a page": noted(FREED) },
    expect: { "full-leaves-lru": holds(), "rfc-choices": holds() },
  }),
];
