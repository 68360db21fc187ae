/** Reservations: two faults in one huge range. */
import { holds, violated, type Routine } from "thpcheck";
import { load, store } from "../../impl/entry/syscalls.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { partlyUsed, reservationScenarios, reserved } from "./setup/reservation.ts";
import type { K } from "../../kernel/world.ts";

function* storesHere(k: K): Routine {
  yield* openGate(k);
  yield* store(k, 0, 1);
}
function* storesHereToo(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 2);
}
function* storesThere(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 2);
  yield* load(k, 0);
}

export default [
  ...reservationScenarios({
    name: "reservation-one-page",
    why: "two threads write to the same page for the first time: one page of the reservation is theirs, and it is handed out once",
    tier: "quick",
    threads: { storesHere, storesHereToo },
    sometimes: { "a page is handed out": partlyUsed },
    expect: {
      "rfc-choices": holds(), "gorman-2018": holds(), "first-write": holds(), "full-leaves-lru": holds(),
      "rfc-2018": violated("R3 at rest: NR_THP_RESERVED equals the unused pages of all reservations"),
    },
  }),
  ...reservationScenarios({
    name: "reservation-two-pages",
    why: "two threads write to two pages of a range for the first time: one of them reserves, and each gets its own",
    tier: "quick",
    threads: { storesHere, storesThere },
    sometimes: { "both pages are the reservation's": (k) => reserved(k) === 1 && k.node.thpReserved.get() === 0 },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "first-write": holds(), "full-leaves-lru": holds() },
  }),
];
