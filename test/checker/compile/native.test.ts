import { describe, expect, test } from "vitest";
import { at, bugOn, choose, current, downRead, holds, int, mutex, mutexLock, mutexUnlock, rwsem, scenario, spinLock, spinlock, spinUnlock,
  struct, type ProgramScenario, type Routine, type Thread, type World } from "../../../checker/index.ts";
import { ChoiceError, NativeRun, nextChoices, runAlone, WaitsForever } from "../../../checker/compile/native.ts";
import { StepFault } from "../../../checker/fault.ts";

const structs = { s: struct({ x: int(0, 9, "x"), turn: int(0, 3, "turn"), events: int(0, 99, "events", { role: "statistic" }),
  lock: spinlock("lock"), m: mutex("m"), sem: rwsem("sem") }) };
type K = World<typeof structs>;
type Run = (k: K) => Routine<unknown>;

function program(runs: Record<string, Run>, init?: (k: K) => void): ProgramScenario<typeof structs> {
  const threads: Thread<typeof structs>[] = Object.entries(runs).map(([name, run]) => ({ name, run }));
  const s: ProgramScenario<typeof structs> =
    { name: "t", why: "a test", tier: "quick", structs, threads, expect: holds(), ...(init === undefined ? {} : { init }) };
  scenario(s);
  return s;
}
const start = (runs: Record<string, Run>, init?: (k: K) => void, choices: number[] = []): NativeRun<typeof structs> =>
  new NativeRun(program(runs, init), choices);
const fault = (run: () => unknown): string => {
  try {
    run();
  } catch (e) {
    if (e instanceof StepFault) return `${e.rule}: ${e.message}`;
    throw e;
  }
  throw new Error("no fault");
};

describe("NativeRun", () => {
  test("a step runs to the next yield; the last one ends the thread with its result", () => {
    const run = start({
      *a(k) {
        yield at("first");
        k.s.x.set(1);
        yield at("second");
        k.s.x.set(2);
        return 7;
      },
    });
    const seen = (): unknown[] => [run.label(0), run.done(0), run.world.s.x.get(), run.result(0)];
    expect(seen()).toEqual(["first", false, 0, undefined]);
    expect(run.step(0)).toBe("taken");
    expect(seen()).toEqual(["second", false, 1, undefined]);
    expect(run.step(0)).toBe("taken");
    expect(seen()).toEqual([null, true, 2, 7]);
    expect(run.step(0)).toBe("disabled");
    expect(run.enabled(0)).toBe(false);
  });

  test("a guard is evaluated anew in each state, and a disabled step changes nothing", () => {
    const run = start({
      *a(k) {
        yield at("wait", () => k.s.turn.get() === 1);
        k.s.x.set(5);
      },
      *b(k) {
        yield at("go");
        k.s.turn.set(1);
      },
    });
    expect([run.enabled(0), run.enabled(1)]).toEqual([false, true]);
    expect(run.step(0)).toBe("disabled");
    expect([run.world.s.x.get(), run.label(0)]).toEqual([0, "wait"]);
    run.step(1);
    expect(run.enabled(0)).toBe(true);
    expect(run.step(0)).toBe("taken");
    expect(run.world.s.x.get()).toBe(5);
  });

  test("locks exclude, and current names the actor", () => {
    const taker: Run = function* (k) {
      yield* mutexLock(k, k.s.m.at());
      k.s.x.set(1 + current(k));
      yield at("in");
      mutexUnlock(k, k.s.m.at());
    };
    const run = start({ a: taker, b: taker });
    expect(run.label(1)).toBe("mutex_lock(s.m)");
    run.step(1);
    expect([run.enabled(0), run.enabled(1), run.world.s.x.get()]).toEqual([false, true, 2]);
    expect(run.point(0)?.lock).toEqual({ id: run.world.s.m.at(), mode: "exclusive" });
    run.step(1);
    expect(run.enabled(0)).toBe(true);
  });

  test("choices follow the script, then 0, and are recorded with their number of options", () => {
    const branching: Record<string, Run> = {
      *a(k) {
        yield at("go");
        const n = choose(k, "n", 3);
        for (let i = 0; i < n; i++) k.s.x.add(choose(k, `bit${i}`, 2));
      },
    };
    const run = start(branching);
    run.step(0, [2, 1]);
    expect(run.choices).toEqual([{ name: "n", n: 3, value: 2 }, { name: "bit0", n: 2, value: 1 }, { name: "bit1", n: 2, value: 0 }]);
    expect(() => start(branching).step(0, [3])).toThrow(ChoiceError);

    const sums: number[] = [];
    for (let script: number[] | null = []; script !== null;) {
      const branch = start(branching);
      branch.step(0, script);
      sums.push(branch.world.s.x.get());
      script = nextChoices(branch.choices);
    }
    expect(sums).toEqual([0, 0, 1, 0, 1, 1, 2]);
  });

  test("init may choose, which gives several initial states", () => {
    const run = start({ *a() { yield at("go"); } }, (k) => k.s.x.set(choose(k, "x", 4)), [3]);
    expect(run.world.s.x.get()).toBe(3);
    expect(run.choices).toEqual([{ name: "x", n: 4, value: 3 }]);
    run.step(0);
    expect(run.choices).toEqual([]);
  });

  test("statistics are the deltas of the last step", () => {
    const run = start({
      *a(k) {
        yield at("one");
        k.s.events.add(3);
        yield at("two");
      },
    });
    run.step(0);
    expect(run.world.s.events.get()).toBe(3);
    run.step(0);
    expect(run.world.s.events.get()).toBe(0);
  });

  test("two runs of one scenario share nothing", () => {
    const p = program({ *a(k) { yield at("go"); k.s.x.set(4); } });
    const [one, two] = [new NativeRun(p), new NativeRun(p)];
    one.step(0);
    expect([one.world.s.x.get(), two.world.s.x.get(), two.label(0)]).toEqual([4, 0, "go"]);
  });
});

describe("faults", () => {
  test("a fault leaves the thread dead, the others alive, and the writes before it in place", () => {
    const run = start({
      *a(k) {
        yield at("go");
        k.s.x.set(4);
        bugOn(true, "no");
        yield at("never");
      },
      *b() { yield at("other"); },
    });
    expect(fault(() => run.step(0))).toBe("assertion: no");
    expect([run.done(0), run.label(0), run.step(0), run.world.s.x.get(), run.enabled(1)]).toEqual([true, null, "disabled", 4, true]);
  });

  test.each<[string, Run, RegExp]>([
    ["a store out of range", function* (k) { yield at("go"); k.s.x.set(10); }, /^range: s\.x = 10/],
    ["another thread's lock", function* (k) { yield at("go"); spinUnlock(k, k.s.lock.at()); }, /^lock-ownership: .*nobody holds it/],
    ["a lock kept at the end", function* (k) { yield* spinLock(k, k.s.lock.at()); },
      /^lock-held-at-exit: thread a ends while it holds s\.lock/],
    ["sleeping under a spinlock", function* (k) { yield* spinLock(k, k.s.lock.at()); yield* mutexLock(k, k.s.m.at()); },
      /^sleep-in-atomic: /],
    ["a semaphore read twice", function* (k) { yield* downRead(k, k.s.sem.at()); yield* downRead(k, k.s.sem.at()); },
      /^lock-ownership: .*holds it already/],
    ["choosing from nothing", function* (k) { yield at("go"); choose(k, "x", 0); }, /^choose-from-nothing/],
    ["any other error", function* () { yield at("go"); (undefined as unknown as { x: number }).x = 1; }, /^exception: TypeError/],
    ["a guard that writes", function* (k) { yield at("go"); yield at("bad", () => { k.s.x.set(1); return true; }); },
      /^exception: the guard of "bad" writes/],
    ["a guard that chooses", function* (k) { yield at("go"); yield at("bad", () => choose(k, "x", 2) === 0); },
      /^exception: .*choose\("x"\): a property or a guard only looks/],
  ])("%s", (_, a, message) => {
    const run = start({ a });
    expect(fault(() => { while (run.step(0) === "taken"); })).toMatch(message);
    expect(run.done(0)).toBe(true);
  });

  test("nothing shared is touched before the first yield", () => {
    expect(fault(() => start({ *a(k) { k.s.x.set(1); yield at("go"); } }))).toMatch(/^assertion: thread a touches the shared state before its first yield/);
    expect(fault(() => start({ *a(k) { choose(k, "x",
      2); yield at("go"); } }))).toMatch(/^assertion: thread a chooses before its first yield/);
    expect(start({ *a(k) { const x = k.s.x.get(); yield at("go"); k.s.turn.set(x); } }, (k) => k.s.x.set(2)).label(0)).toBe("go");
  });

  test("init has no thread: it cannot take locks", () => {
    expect(fault(() => start({ *a() { yield at("go"); } }, (k) => { current(k); }))).toMatch(/^exception: .*init runs before any thread/);
  });
});

describe("runAlone", () => {
  const sequential = program({
    *a(k) {
      yield* spinLock(k, k.s.lock.at());
      for (let i = 0; i < 3; i++) {
        yield at("round", () => k.s.x.get() === i);
        k.s.x.add(1);
        k.s.events.add(2);
      }
      spinUnlock(k, k.s.lock.at());
      return choose(k, "answer", 5);
    },
    *b(k) { yield at("wait", () => k.s.turn.get() === 1); },
    *c(k) { yield* spinLock(k, k.s.lock.at()); yield* spinLock(k, k.s.lock.at()); },
  });

  test("runs one thread to its end and keeps totals of statistics", () => {
    const run = runAlone(sequential, 0, [4]);
    expect(run.result).toBe(4);
    expect(run.choices).toEqual([{ name: "answer", n: 5, value: 4 }]);
    expect(run.bytes.u8[run.statisticBase]).toBe(6);
  });

  test("agrees with stepping", () => {
    const run = new NativeRun(sequential);
    while (!run.done(0)) expect(run.step(0)).toBe("taken");
    expect(run.bytes.u8.subarray(0, run.plan.stateBytes)).toEqual(runAlone(sequential, 0).bytes.u8.subarray(0, run.plan.stateBytes));
  });

  test("says where a thread would wait forever, and for what", () => {
    expect(() => runAlone(sequential, 1)).toThrow(WaitsForever);
    expect(() => runAlone(sequential, 1)).toThrow(/thread b would wait forever at "wait": the guard is false/);
    expect(() => runAlone(sequential, 2)).toThrow(/at "spin_lock\(s\.lock\)": s\.lock is held/);
  });
});
