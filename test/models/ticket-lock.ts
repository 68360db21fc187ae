/**
 * ticket-lock-N: the ticket spinlock of arm64 Linux: take a number, wait until it is served.
 *
 * Source: kernel-tla (Catalin Marinas), `ticketlock.tla`, with MAXVAL = 3 and without trylock; TLC finds 924 states for
 * 3 processes (2,293 generated, depth 40) and 5,316 for 4 (16,081; 46), the initial state among the generated.
 */
import { at, holds, int, scenario, struct, type Int, type Routine, type Scenario, type World } from "thpcheck";

const TICKETS = 4;
type Ticket = Int<0, 3>;

const structs = {
  lock: struct({
    owner: int(0, TICKETS - 1, "the ticket that is served", { wrapping: true }),
    next: int(0, TICKETS - 1, "the ticket that is drawn next", { wrapping: true }),
  }),
  critical: struct({
    occupants: int(0, TICKETS, "processes in the critical section", { role: "ghost" }),
  }),
};
type K = World<typeof structs>;

function* process(k: K): Routine {
  while (true) {
    yield at("call spin_lock");
    yield* ticketLock(k);
    k.critical.occupants.add(1);
    yield at("critical section");
    k.critical.occupants.add(-1);
    yield at("call spin_unlock");
    yield* ticketUnlock(k);
  }
}

function* ticketLock(k: K): Routine {
  yield at("draw a ticket");
  const ticket: Ticket = k.lock.next.get();
  k.lock.next.add(1);
  yield at("wait to be served", () => k.lock.owner.get() === ticket);
}

function* ticketUnlock(k: K): Routine {
  yield at("serve the next");
  k.lock.owner.add(1);
  yield at("return from spin_unlock");
}

function ticketLocks(processes: number, states: number, transitions: number, depth: number): Scenario<typeof structs> {
  return scenario({
    name: `ticket-lock-${processes}`,
    why: "the count of TLC",
    tier: "quick",
    clearDeadLocals: false,
    config: { processes },
    structs,
    threads: Array.from({ length: processes }, (_, i) => ({ name: `p${i}`, run: process })),
    always: { "mutual exclusion": (k: K) => k.critical.occupants.get() <= 1 },
    endless: true,
    expect: holds({ states, transitions, depth }),
  });
}

export default [ticketLocks(3, 924, 2_292, 40), ticketLocks(4, 5_316, 16_080, 46)];
