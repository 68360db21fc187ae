/** A fault that looks whether its range is untouched, while MADV_DONTNEED gives the page table back that it looks at. */
import { holds, type Routine } from "thpcheck";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { MADV_DONTNEED } from "../../impl/madvise.ts";
import { reservationScenarios, reserved } from "./setup/reservation.ts";
import type { K } from "../../kernel/world.ts";

/** The range has a table, and the zero page in it: under this policy a read reserves nothing. */
function* readsAndDiscards(k: K): Routine {
  yield* load(k, 0);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}
function* storesThere(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 2);
}

export default reservationScenarios({
  name: "reservation-reclaimed-table",
  why:
    "a first write looks whether its range is untouched, while MADV_DONTNEED empties the page table and frees it: what is read " +
    "is not freed before RCU lets go",
  tier: "quick",
  options: { ptReclaim: true },
  threads: { readsAndDiscards, storesThere },
  sometimes: {
    "the table waits for who reads it": (k) => k.rcu.waiting.get() === 1,
    "the write reserves": (k) => reserved(k) === 1,
  },
  expect: { "first-write": holds() },
});
