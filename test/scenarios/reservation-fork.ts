/** Reservations and fork: who has them afterwards, and what becomes of them when shared pages are written. */
import { holds, type Routine } from "thpcheck";
import { FORK_FIRST_WRITER } from "../../impl/policy/switches.ts";
import { load, store, sysFork } from "../../impl/entry/syscalls.ts";
import { openGate, scheduleIn } from "../../impl/entry/boot.ts";
import { reservationScenarios, reserved } from "./setup/reservation.ts";
import { TWO_PROCESSES, type K } from "../../kernel/world.ts";

function* forksAndWrites(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysFork(k, 1);
  yield* store(k, 0, 2);
}
function* forksAndFills(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysFork(k, 1);
  yield* store(k, 1, 2);
}
function* forksOnly(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysFork(k, 1);
}
function* childReads(k: K): Routine {
  yield* scheduleIn(k);
  yield* load(k, 0);
}
function* childWrites(k: K): Routine {
  yield* scheduleIn(k);
  yield* store(k, 0, 3);
}

/** Reservations are in the hash of process 0, or of the child. */
function reservationsOf(k: K, mm: number): number {
  let n = 0;
  for (let c = 0; c < k.resvs.count; c++) for (let r = 0; r < k.param.hugeRanges.get(); r++) {
    if (k.resvs.hash.get(c, r) >= 0 && (k.param.resvPerMm.get() !== 0 ? c : k.vma.mm.get(c)) === mm) n++;
  }
  return n;
}
const childHas = { "fork-first-writer": { "the child has a reservation": (k: K) => reservationsOf(k, 1) > 0 } };
const childNever = { "R10 the child has no reservation, unless the policy gives one to the first writer": (k: K) => reservationsOf(k, 1) === 0 || k.param.resvAfterFork.get() === FORK_FIRST_WRITER };

export default [
  ...reservationScenarios({
    name: "reservation-fork-parent-writes",
    why: "the parent writes to a page that it shares with the child, which reads it",
    tier: "quick",
    options: { ...TWO_PROCESSES, frames: 12 },
    threads: { forksAndWrites },
    others: { childReads },
    finally: childNever,
    sometimes: { "the reservation is gone": (k) => reserved(k) === 0 && k.mm.users.get(1) > 0 },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "fork-nobody": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-fork-child-writes",
    why: "the child writes to a page that it shares, while the parent fills its range: the parent's reservation is not the child's",
    tier: "quick",
    options: { ...TWO_PROCESSES, frames: 12 },
    threads: { forksAndFills },
    others: { childWrites },
    finally: childNever,
    sometimes: { "the parent has used its reservation up": (k) => reservationsOf(k, 0) === 1 && k.node.thpReserved.get() === 0 },
    sometimesUnder: childHas,
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "full-leaves-lru": holds(), "fork-first-writer": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-fork-child-first",
    why: "the child writes first to what it shares, and has no reservation: by this policy it gets one, and the copy lies in it",
    tier: "quick",
    options: { ...TWO_PROCESSES, frames: 12 },
    threads: { forksOnly },
    others: { childWrites },
    sometimesUnder: childHas,
    expect: { "fork-first-writer": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-fork-both-write",
    why: "parent and child write to the page that they share: each gets a copy, one of them may keep the page",
    tier: "quick",
    options: { ...TWO_PROCESSES, frames: 12 },
    threads: { forksAndWrites },
    others: { childWrites },
    sometimesUnder: childHas,
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "fork-nobody": holds(), "fork-first-writer": holds(), "rfc-2018": holds() },
  }),
];
