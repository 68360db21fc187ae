/** Scenarios with a filter on initial states, a bound on the search, and deadlocks that are fine; and the same without. */
import {
  at, choose, int, scenario, spinLock, spinUnlock, spinlock, struct, type Int, type Model, type Routine, type Scenario, type World,
} from "thpcheck";

const asScenario = (s: unknown): Scenario => s as Scenario;

const structs = { s: struct({ x: int(0, 6, "where the walker is") }) };
type K = World<typeof structs>;

const isAtTwo = (k: K): boolean => k.s.x.get() === 2;
const never = (k: K): boolean => k.s.x.get() > 6;
const belowFour = (k: K): boolean => k.s.x.get() < 4;
const atMost = (k: K): boolean => k.s.x.get() <= 4;
const belowThree = (k: K): boolean => k.s.x.get() < 3;
const isSix = (k: K): boolean => k.s.x.get() === 6;

/** Begins at 0..3 and goes up to 6. */
const up: Model<typeof structs> = {
  structs,
  init: (k) => { k.s.x.set(choose(k, "start", 4)); },
  actors: [{
    name: "walker", atRest: isSix,
    step: (k) => {
      if (k.s.x.get() === 6) return null;
      k.s.x.add(1);
      return "up";
    },
  }],
};

export const all = asScenario(scenario({ name: "all", model: up, finally: { "ends at six": isSix } }));
export const fromTwo = asScenario(scenario({ name: "from-two", model: up, initially: isAtTwo, finally: { "ends at six": isSix } }));
export const fromTwoBroken = asScenario(scenario({ name: "from-two-broken", model: up, initially: isAtTwo, always: { few: belowFour } }));
export const fromNowhere = asScenario(scenario({ name: "from-nowhere", model: up, initially: never }));
export const cut = asScenario(scenario({ name: "cut", model: up, within: belowFour, always: { "at most four": atMost } }));
export const cutBroken = asScenario(scenario({ name: "cut-broken", model: up, within: belowFour, always: { few: belowFour } }));
export const cutEnd = asScenario(scenario({ name: "cut-end", model: up, within: belowFour, finally: { small: belowThree } }));
export const cutRecurring = asScenario(scenario({ name: "cut-recurring", model: up, within: belowFour, recurring: { six: isSix } }));
export const fullRecurring = asScenario(scenario({ name: "full-recurring", model: up, recurring: { start: belowThree } }));

const pair = {
  a: struct({ lock: spinlock("first") }), b: struct({ lock: spinlock("second") }), n: struct({ done: int(0, 2, "who is done") }),
};
type P = World<typeof pair>;

function* firstSecond(k: P): Routine {
  yield* spinLock(k, k.a.lock.at());
  yield at("between");
  yield* spinLock(k, k.b.lock.at());
  k.n.done.add(1);
  spinUnlock(k, k.b.lock.at());
  spinUnlock(k, k.a.lock.at());
}

function* secondFirst(k: P): Routine {
  yield* spinLock(k, k.b.lock.at());
  yield at("between");
  yield* spinLock(k, k.a.lock.at());
  k.n.done.add(1);
  spinUnlock(k, k.a.lock.at());
  spinUnlock(k, k.b.lock.at());
}

const bothDone = (k: P): boolean => k.n.done.get() === 2;
const someDone = (k: P): boolean => k.n.done.get() > 0;
const nobodyDone = (k: P): boolean => k.n.done.get() === 0;
const threads = [{ name: "one", run: firstSecond }, { name: "two", run: secondFirst }] as const;
const fine = "the example is about what happens otherwise";

export const stuck = asScenario(scenario({ name: "stuck", structs: pair, threads }));
export const stuckFine = asScenario(scenario({ name: "stuck-fine", structs: pair, threads, deadlock: fine, finally: { both: bothDone } }));
export const stuckRecurring = asScenario(scenario({
  name: "stuck-recurring", structs: pair, threads, deadlock: fine, recurring: { "somebody is done": someDone },
}));
export const stuckCut = asScenario(scenario({ name: "stuck-cut", structs: pair, threads, deadlock: fine, within: nobodyDone }));

const both = { left: struct({ x: int(0, 9, "steps of the one") }), right: struct({ x: int(0, 9, "steps of the other") }) };
type B = World<typeof both>;
function* stepsLeft(k: B): Routine {
  for (let i: Int<0, 5> = 0; i < 5; i++) {
    yield at("left");
    k.left.x.add(1);
  }
}
function* stepsRight(k: B): Routine {
  for (let i: Int<0, 5> = 0; i < 5; i++) {
    yield at("right");
    k.right.x.add(1);
  }
}
const isAhead = (k: B): boolean => k.left.x.get() > 1;
const isNear = (k: B): boolean => k.left.x.get() + k.right.x.get() < 7;
/** Without locks, so that it is lowered to WebAssembly. */
export const twoCounters = asScenario(scenario({
  name: "two-counters", structs: both, init: (k) => { k.left.x.set(choose(k, "start", 4)); },
  threads: [{ name: "one", run: stepsLeft }, { name: "two", run: stepsRight }], initially: isAhead, within: isNear,
}));
