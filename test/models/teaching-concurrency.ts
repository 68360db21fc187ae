/**
 * simple-5 and simple-regular-8: N processes in a ring; each sets its own register, then looks at its left neighbour's.
 * When all are done, somebody has seen a 1.
 *
 * Source: L. Lamport, "Teaching Concurrency", 2009; TLA+ Examples, `specifications/TeachingConcurrency` (Simple, N=5:
 * 723 states, 1,842 generated, depth 11; SimpleRegular, N=8: 277,726, 1,454,776, 25). TLC's generated states contain
 * the initial one and a stuttering step in each of the 2^N - 1 end states.
 */
import { array, at, choose, holds, int, scenario, struct, type Routine, type Scenario, type Thread, type World } from "thpcheck";

/** Values of a register; a regular register under a write may be read as its old or its new value. */
const ZERO = 0;
const ONE = 1;
const BEING_WRITTEN = 2;

function structs(processes: number) {
  return {
    ring: struct({
      x: array(processes, int(ZERO, BEING_WRITTEN, "the process's register")),
      y: array(processes, int(0, 1, "what it saw at its left")),
    }),
  };
}
type RingStructs = ReturnType<typeof structs>;
type K = World<RingStructs>;

/** Registers that are read and written in one step. */
function atomicProcess(me: number, left: number): Thread<RingStructs>["run"] {
  return function* setAndLook(k: K): Routine {
    yield at("set x");
    k.ring.x.set(me, ONE);
    yield at("look left");
    k.ring.y.set(me, k.ring.x.get(left));
  };
}

/** Registers whose writes take time. */
function regularProcess(me: number, left: number): Thread<RingStructs>["run"] {
  return function* setAndLook(k: K): Routine {
    yield at("begin to set x");
    k.ring.x.set(me, BEING_WRITTEN);
    yield at("end setting x");
    k.ring.x.set(me, ONE);
    yield at("look left");
    const seen = k.ring.x.get(left);
    k.ring.y.set(me, seen === BEING_WRITTEN ? choose(k, "seen", 2) : seen);
  };
}

function somebodySawOne(k: K): boolean {
  for (let i = 0; i < k.ring.y.length; i++) if (k.ring.y.get(i) === 1) return true;
  return false;
}

function ring(name: string, processes: number, process: typeof atomicProcess, states: number, transitions: number, depth: number): Scenario<RingStructs> {
  return scenario({
    sanitize: "its steps are those of the published model, in which registers are read and written without more",
    name: `${name}-${processes}`,
    why: "the count of TLC",
    tier: "quick",
    clearDeadLocals: false,
    config: { processes },
    structs: structs(processes),
    threads: Array.from({ length: processes }, (_, i) => ({ name: `p${i}`, run: process(i, (i + processes - 1) % processes) })),
    finally: { "somebody saw a 1": (k: K) => somebodySawOne(k) },
    expect: holds({ states, transitions, depth }),
  });
}

export default [
  ring("simple", 5, atomicProcess, 723, 1_842 - 1 - 31, 11),
  ring("simple-regular", 8, regularProcess, 277_726, 1_454_776 - 1 - 255, 25),
];
