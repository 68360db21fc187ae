/**
 * barrier-6 and barriers-N: a reusable barrier, as what it promises and as the algorithm with two waiting rooms.
 *
 * Source: TLA+ Examples, `specifications/barriers` (Barrier.tla with N=6: 64 states, 194 generated; Barriers.tla with
 * N=6: 29,279 states, 104,515 generated, depth 93). TLC counts the initial state among the generated ones.
 */
import { at, bitset, bool, holds, int, scenario, struct, table, type Routine, type Scenario, type World } from "thpcheck";

const PROCESSES = 6;

const promise = { barrier: struct({ waiting: bitset(PROCESSES, "processes that have arrived") }) };
type P = World<typeof promise>;

/** The abstract barrier: processes arrive one by one and leave all at once. */
const barrier = scenario({
  name: `barrier-${PROCESSES}`,
  why: "64 states in TLC",
  tier: "quick",
  model: {
    structs: promise,
    actors: [
      ...Array.from({ length: PROCESSES }, (_, p) => ({
        name: `p${p}`,
        step: (k: P) => {
          if (k.barrier.waiting.has(p)) return null;
          k.barrier.waiting.insert(p);
          return "arrive";
        },
        atRest: () => false,
      })),
      {
        name: "barrier",
        step: (k: P) => {
          if (k.barrier.waiting.size() < PROCESSES) return null;
          k.barrier.waiting.set(0);
          return "open";
        },
        atRest: () => false,
      },
    ],
  },
  step: {
    "nobody leaves while somebody has yet to arrive": (before: P, after: P) =>
      before.barrier.waiting.size() === PROCESSES || (before.barrier.waiting.get() & ~after.barrier.waiting.get()) === 0,
  },
  endless: true,
  expect: holds({ states: 64, transitions: 193, depth: 7 }),
});

function rooms(processes: number) {
  return {
    shared: struct({
      locked: bool("the lock over `met`"),
      met: int(0, processes, "processes between their arrival in room 1 and their arrival in room 2"),
    }),
    room: table(2, {
      gate: int(0, processes, "processes that may still leave the room"),
    }),
  };
}
type K = World<ReturnType<typeof rooms>>;

/** Each waiting room opens when the last process has come in; two of them, so that nobody laps the others. */
function barriers(processes: number, tier: "quick" | "full", states: number, transitions: number, depth: number): Scenario<ReturnType<typeof rooms>> {
  function* arrive(k: K): Routine {
    while (true) {
      yield at("work");
      yield* passRoom(k, 0);
      yield* passRoom(k, 1);
    }
  }
  function* passRoom(k: K, room: 0 | 1): Routine {
    yield at("lock", () => !k.shared.locked.get());
    k.shared.locked.set(true);
    yield at("count");
    k.shared.met.add(room === 0 ? 1 : -1);
    yield at("last to arrive?");
    if (k.shared.met.get() === (room === 0 ? processes : 0)) {
      yield at("open the room");
      k.room.gate.add(room, processes);
    }
    yield at("unlock");
    k.shared.locked.set(false);
    yield at("wait", () => k.room.gate.get(room) > 0);
    k.room.gate.add(room, -1);
  }
  return scenario({
    sanitize: "its steps are those of the published model, several accesses each",
    name: `barriers-${processes}`,
    why: "the count of TLC",
    tier,
    clearDeadLocals: false,
    config: { processes },
    structs: rooms(processes),
    threads: Array.from({ length: processes }, (_, p) => ({ name: `p${p}`, run: arrive })),
    always: {
      "one room at a time": (k: K) => k.room.gate.get(0) === 0 || k.room.gate.get(1) === 0,
    },
    endless: true,
    expect: holds({ states, transitions, depth }),
  });
}

export default [barrier, barriers(6, "quick", 29_279, 104_514, 93)];
