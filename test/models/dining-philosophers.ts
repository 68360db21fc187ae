/**
 * Dining philosophers, three ways.
 *
 * `chandy-misra-5`: forks are handed over dirty and cleaned. Source: TLA+ Examples, `specifications/DiningPhilosophers`
 * (NP=5: 67 states, 336 generated, depth 29, the initial state among the generated; steps that change nothing count).
 *
 * `philosophers-net-5`: each takes its two forks in any order and puts both back at once. Source: LTSmin's test suite,
 * `Philosophers-5.pnml` (243 states, one for each way to hand out five forks; 945 transitions). Two of the states are
 * deadlocks: everybody holds the left fork, or everybody the right one.
 *
 * `philosophers-left-first-5` and `philosophers-ordered-5`: forks are mutexes. If everyone takes the left one first,
 * they can wait in a circle; if one of them takes the right one first, they cannot (E. W. Dijkstra, EWD 310).
 */
import { NONE, at, bool, choose, holds, int, mutex, mutexLock, mutexUnlock, ref, scenario, table, violated, type Expectation, type ModelActor, type Routine, type Scenario, type Thread, type World } from "thpcheck";

const PHILOSOPHERS = 5;

// --- Chandy and Misra ----------------------------------------------------------------------------------------------

const dirtyForks = {
  // Fork p lies at the left of philosopher p.
  fork: table(PHILOSOPHERS, {
    holder: ref("philosopher", "who has it"),
    clean: bool("it has not been eaten with since it was handed over"),
  }),
  philosopher: table(PHILOSOPHERS, {
    hungry: bool("wants to eat", { init: true }),
    eating: bool("is about to eat", { role: "ghost" }),
  }),
};
type C = World<typeof dirtyForks>;

/** Cleans a dirty fork and hands it to the neighbour; at most one at a time, the left one first. */
function handOver(k: C, me: number, left: number, right: number): void {
  if (k.fork.holder.get(me) === me && !k.fork.clean.get(me)) {
    k.fork.holder.set(me, left);
    k.fork.clean.set(me, true);
  } else if (k.fork.holder.get(right) === me && !k.fork.clean.get(right)) {
    k.fork.holder.set(right, right);
    k.fork.clean.set(right, true);
  }
}

function canEat(k: C, me: number, right: number): boolean {
  return k.fork.holder.get(me) === me && k.fork.holder.get(right) === me && k.fork.clean.get(me) && k.fork.clean.get(right);
}

function courteous(me: number): Thread<typeof dirtyForks>["run"] {
  const left = (me + PHILOSOPHERS - 1) % PHILOSOPHERS;
  const right = (me + 1) % PHILOSOPHERS;
  return function* dine(k: C): Routine {
    while (true) {
      yield at("look at the forks");
      handOver(k, me, left, right);
      if (!k.philosopher.hungry.get(me)) {
        yield at("think");
        k.philosopher.hungry.set(me, true);
      } else if (canEat(k, me, right)) {
        k.philosopher.eating.set(me, true);
        yield at("eat");
        k.philosopher.eating.set(me, false);
        k.philosopher.hungry.set(me, false);
        k.fork.clean.set(me, false);
        k.fork.clean.set(right, false);
      }
    }
  };
}

function neighboursEat(k: C): boolean {
  for (let p = 0; p < k.philosopher.count; p++) {
    if (k.philosopher.eating.get(p) && k.philosopher.eating.get((p + 1) % k.philosopher.count)) return true;
  }
  return false;
}

const chandyMisra = scenario({
    sanitize: "its steps are those of the published model",
  name: `chandy-misra-${PHILOSOPHERS}`,
  why: "67 states in TLC",
  tier: "quick",
  clearDeadLocals: false,
  structs: dirtyForks,
  init: (k: C) => {
    // Each fork lies with the adjacent philosopher of the lowest number; all are dirty.
    for (let p = 0; p < PHILOSOPHERS; p++) k.fork.holder.set(p, p === 1 ? 0 : p);
  },
  threads: Array.from({ length: PHILOSOPHERS }, (_, p) => ({ name: `p${p}`, run: courteous(p) })),
  always: { "neighbours do not eat at the same time": (k: C) => !neighboursEat(k) },
  sometimes: { "somebody eats": (k: C) => k.philosopher.eating.get(0) },
  endless: true,
  expect: holds({ states: 67, transitions: 335, depth: 29 }),
});

// --- The net -------------------------------------------------------------------------------------------------------

const freeForks = {
  // Philosophers have no state of their own: the forks say it all.
  fork: table(PHILOSOPHERS, { holder: int(NONE, PHILOSOPHERS - 1, "the philosopher who has it, or NONE") }),
};
type N = World<typeof freeForks>;

/** `waitsForever`: whether holding one fork for ever is accepted, so that the whole space is counted. */
function taker(me: number, waitsForever: boolean): ModelActor<typeof freeForks> {
  const right = (me + 1) % PHILOSOPHERS;
  return {
    name: `p${me}`,
    step: (k: N) => {
      if (k.fork.holder.get(me) === me && k.fork.holder.get(right) === me) {
        k.fork.holder.set(me, NONE);
        k.fork.holder.set(right, NONE);
        return "put both back";
      }
      const leftFree = k.fork.holder.get(me) === NONE ? 1 : 0;
      const rightFree = k.fork.holder.get(right) === NONE ? 1 : 0;
      if (leftFree + rightFree === 0) return null;
      if (choose(k, "fork", leftFree + rightFree) < leftFree) {
        k.fork.holder.set(me, me);
        return "take left";
      }
      k.fork.holder.set(right, me);
      return "take right";
    },
    atRest: () => waitsForever,
  };
}

function net(name: string, why: string, waitsForever: boolean, expect: Expectation): Scenario<typeof freeForks> {
  return scenario({
    name, why, tier: "quick",
    model: { structs: freeForks, actors: Array.from({ length: PHILOSOPHERS }, (_, p) => taker(p, waitsForever)) },
    expect,
  });
}

// --- Mutexes -------------------------------------------------------------------------------------------------------

const lockedForks = { fork: table(PHILOSOPHERS, { lock: mutex("held by whoever has the fork", { nesting: "ascending" }) }) };
type M = World<typeof lockedForks>;

function diner(first: number, second: number): Thread<typeof lockedForks>["run"] {
  return function* dine(k: M): Routine {
    while (true) {
      yield* mutexLock(k, k.fork.lock.at(first));
      yield* mutexLock(k, k.fork.lock.at(second));
      yield at("eat");
      mutexUnlock(k, k.fork.lock.at(second));
      mutexUnlock(k, k.fork.lock.at(first));
    }
  };
}

function mutexTable(name: string, why: string, lastTakesRightFirst: boolean, expect: Expectation): Scenario<typeof lockedForks> {
  return scenario({
    name, why, tier: "quick",
    structs: lockedForks,
    threads: Array.from({ length: PHILOSOPHERS }, (_, p) => {
      const right = (p + 1) % PHILOSOPHERS;
      const swap = lastTakesRightFirst && p === PHILOSOPHERS - 1;
      return { name: `p${p}`, run: swap ? diner(right, p) : diner(p, right) };
    }),
    endless: true,
    expect,
  });
}

export default [
  chandyMisra,
  net(`philosophers-net-${PHILOSOPHERS}`, "the count of LTSmin, deadlocks included", true, holds({ states: 243, transitions: 945, depth: 6 })),
  net(`philosophers-net-${PHILOSOPHERS}-deadlock`, "one of the two deadlocks, after five forks", false, violated("deadlock", { length: PHILOSOPHERS })),
  mutexTable(`philosophers-left-first-${PHILOSOPHERS}`, "everyone waits for the neighbour's fork", false, violated("deadlock", { length: PHILOSOPHERS })),
  mutexTable(`philosophers-ordered-${PHILOSOPHERS}`, "one philosopher breaks the circle", true, holds({ states: 70, transitions: 219, depth: 6 })),
];
