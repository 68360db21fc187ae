/**
 * lock-2 and peterson-turn-2: an abstract lock for two processes, and Peterson's algorithm, which implements it.
 *
 * Source: TLA+ Examples, `specifications/locks_auxiliary_vars` (Lock: 12 states, 21 generated, depth 5; Peterson: 42,
 * 77, 11), the initial state among the generated. `peterson.ts` has the filter lock for more processes.
 */
import { array, at, bool, holds, int, scenario, struct, type Routine, type World } from "thpcheck";

const critical = struct({ occupants: int(0, 2, "processes in the critical section", { role: "ghost" }) });

const lockStructs = { lock: struct({ free: bool("nobody has the lock", { init: true }) }), critical };
type L = World<typeof lockStructs>;

function* lockUser(k: L): Routine {
  while (true) {
    yield at("non-critical section");
    yield at("lock", () => k.lock.free.get());
    k.lock.free.set(false);
    k.critical.occupants.add(1);
    yield at("critical section");
    yield at("unlock");
    k.lock.free.set(true);
    k.critical.occupants.add(-1);
  }
}

const petersonStructs = {
  shared: struct({
    interested: array(2, bool("the process wants to enter or is inside")),
    turn: int(0, 1, "who may go first when both are interested"),
  }),
  critical,
};
type P = World<typeof petersonStructs>;

function competitor(me: number) {
  const other = 1 - me;
  return function* compete(k: P): Routine {
    while (true) {
      yield at("non-critical section");
      yield at("show interest");
      k.shared.interested.set(me, true);
      yield at("let the other go first");
      k.shared.turn.set(other);
      yield at("wait", () => !k.shared.interested.get(other) || k.shared.turn.get() === me);
      k.critical.occupants.add(1);
      yield at("critical section");
      yield at("leave");
      k.shared.interested.set(me, false);
      k.critical.occupants.add(-1);
    }
  };
}

export default [
  scenario({
    name: "lock-2",
    why: "12 states in TLC",
    tier: "quick",
    structs: lockStructs,
    threads: [{ name: "p0", run: lockUser }, { name: "p1", run: lockUser }],
    always: { "mutual exclusion": (k: L) => k.critical.occupants.get() <= 1 },
    endless: true,
    expect: holds({ states: 12, transitions: 20, depth: 5 }),
  }),
  scenario({
    name: "peterson-turn-2",
    why: "42 states in TLC",
    tier: "quick",
    structs: petersonStructs,
    threads: [{ name: "p0", run: competitor(0) }, { name: "p1", run: competitor(1) }],
    always: { "mutual exclusion": (k: P) => k.critical.occupants.get() <= 1 },
    endless: true,
    expect: holds({ states: 42, transitions: 76, depth: 11 }),
  }),
];
