/**
 * increment-2: two threads that each read a shared counter and later write it back plus one, observed without a promise.
 *
 * Source: Stateright, `examples/increment.rs`, whose comment lists all 13 states for two threads. What a thread has
 * read stays part of the state after it has finished, so this is a hand-written model.
 */
import { holds, int, scenario, struct, table, type ModelActor, type World } from "thpcheck";

const THREADS = 2;

const structs = {
  shared: struct({ counter: int(0, THREADS, "the counter") }),
  thread: table(THREADS, {
    pc: int(1, 3, "1 reads next, 2 writes next, 3 finished"),
    seen: int(0, THREADS, "what the thread read"),
  }),
};
type K = World<typeof structs>;

function incrementer(t: number): ModelActor<typeof structs> {
  return {
    name: `t${t}`,
    step: (k: K) => {
      switch (k.thread.pc.get(t)) {
        case 1:
          k.thread.seen.set(t, k.shared.counter.get());
          k.thread.pc.set(t, 2);
          return "read";
        case 2:
          k.shared.counter.set(k.thread.seen.get(t) + 1);
          k.thread.pc.set(t, 3);
          return "write";
        default:
          return null;
      }
    },
    atRest: (k: K) => k.thread.pc.get(t) === 3,
  };
}

export default scenario({
  name: `increment-${THREADS}`,
  why: "13 states, every one listed in the comment of Stateright's example",
  tier: "quick",
  model: { structs, actors: Array.from({ length: THREADS }, (_, t) => incrementer(t)) },
  sometimes: {
    "an update is lost": (k: K) => k.thread.pc.get(0) === 3 && k.thread.pc.get(1) === 3 && k.shared.counter.get() === 1,
    "no update is lost": (k: K) => k.shared.counter.get() === 2,
  },
  expect: holds({ states: 13, transitions: 14, depth: 5 }),
});
