/** Pages of a reservation that MADV_FREE has given up: reclaim frees them, so they are of no reservation any more. */
import { holds, type Routine } from "thpcheck";
import { store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { MADV_FREE } from "../../impl/madvise.ts";
import { lruAddDrain } from "../../impl/swap.ts";
import { shrinkLazyfreeFolio } from "../../impl/vmscan.ts";
import { reservationScenarios, reserved } from "./setup/reservation.ts";
import { note, noted, type K, type Met } from "../../kernel/world.ts";

const RECLAIMED: Met = 1;

function* frees(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_FREE);
  // Until then no other CPU finds the page among those that may be reclaimed.
  yield* lruAddDrain(k);
}
/** Memory pressure of the ordinary kind, on the page that was stored to. */
function* reclaims(k: K): Routine {
  yield* passGate(k);
  const freed: boolean = yield* shrinkLazyfreeFolio(k, 0);
  if (freed) note(k, RECLAIMED);
}
/** The other page of the range. */
function* storesOther(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 2);
}

export default reservationScenarios({
  name: "reservation-free-reclaim",
  why:
    "a used page of a reservation is reclaimed after MADV_FREE, while a fault takes the other one: nobody finds a page there " +
    "that is somebody else's",
  tier: "quick",
  threads: { frees, storesOther },
  others: { reclaims },
  sometimes: {
    "the page is reclaimed": noted(RECLAIMED),
    "the reservation is used up": (k) => reserved(k) === 1 && k.node.thpReserved.get() === 0,
  },
  expect: {
    "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "first-write": holds(), "fork-first-writer": holds(),
  },
});
