import { describe, expect, test } from "vitest";
import { at, downgradeWrite, downRead, downReadTrylock, downWrite, downWriteTrylock, holds, mutex, mutexLock, mutexTrylock, mutexUnlock, rwsem, spinlock, spinLock, spinTrylock, spinUnlock, struct, table, upRead, upWrite, int, type ProgramScenario, type Routine, type World } from "../../../checker/index.ts";
import { NativeRun } from "../../../checker/compile/native.ts";
import { StepFault } from "../../../checker/fault.ts";

const structs = { s: struct({ spin: spinlock("spin"), m: mutex("m"), sem: rwsem("sem"), fair: rwsem("fair", { queued: true }), got: int(0, 3, "results of trylocks") }), page: table(2, { lock: spinlock("lock") }) };
type K = World<typeof structs>;
type Run = (k: K) => Routine<unknown>;

/** Runs each thread when its letter comes: `a b a` is a step of a, one of b, one of a. Gives the labels reached. */
function play(runs: Record<string, Run>, schedule: string): { run: NativeRun<typeof structs>; outcome: string[] } {
  const s: ProgramScenario<typeof structs> = { name: "t", why: "a test", tier: "quick", structs, threads: Object.entries(runs).map(([name, run]) => ({ name, run })), expect: holds() };
  const run = new NativeRun(s);
  const outcome = schedule.split(" ").filter((n) => n !== "").map((name) => {
    const actor = run.actors.indexOf(name);
    try {
      return run.step(actor) === "disabled" ? `${name} waits` : `${name}: ${run.label(actor) ?? "end"}`;
    } catch (e) {
      if (e instanceof StepFault) return `${name}! ${e.rule}`;
      throw e;
    }
  });
  return { run, outcome };
}

const exclusive = {
  spin: function* (k) { yield* spinLock(k, k.s.spin.at()); yield at("in"); spinUnlock(k, k.s.spin.at()); },
  mutex: function* (k) { yield* mutexLock(k, k.s.m.at()); yield at("in"); mutexUnlock(k, k.s.m.at()); },
  write: function* (k) { yield* downWrite(k, k.s.sem.at()); yield at("in"); upWrite(k, k.s.sem.at()); },
} satisfies Record<string, Run>;
const reader: Run = function* (k) { yield* downRead(k, k.s.sem.at()); yield at("in"); upRead(k, k.s.sem.at()); };
const fairReader: Run = function* (k) { yield* downRead(k, k.s.fair.at()); yield at("in"); upRead(k, k.s.fair.at()); };
const fairWriter: Run = function* (k) { yield* downWrite(k, k.s.fair.at()); yield at("in"); upWrite(k, k.s.fair.at()); };

describe("mutual exclusion", () => {
  test.each(Object.entries(exclusive))("%s: one holder at a time", (_, run) => {
    expect(play({ a: run, b: run }, "a b a b b").outcome).toEqual(["a: in", "b waits", "a: end", "b: in", "b: end"]);
  });

  test("instances of one lock field are independent", () => {
    const taker = (i: number): Run => function* (k) { yield* spinLock(k, k.page.lock.at(i)); yield at("in"); spinUnlock(k, k.page.lock.at(i)); };
    expect(play({ a: taker(0), b: taker(1), c: taker(1) }, "a b c").outcome).toEqual(["a: in", "b: in", "c waits"]);
  });

  test("readers share; a writer excludes and is excluded", () => {
    expect(play({ a: reader, b: reader, w: exclusive.write }, "a b w a w b w").outcome).toEqual(["a: in", "b: in", "w waits", "a: end", "w waits", "b: end", "w: in"]);
    expect(play({ a: reader, w: exclusive.write }, "w a w a").outcome).toEqual(["w: in", "a waits", "w: end", "a: in"]);
  });

  test("downgrading lets readers in at once and keeps writers out", () => {
    const downgrader: Run = function* (k) { yield* downWrite(k, k.s.sem.at()); yield at("downgrade"); downgradeWrite(k, k.s.sem.at()); yield at("in"); upRead(k, k.s.sem.at()); };
    expect(play({ d: downgrader, r: reader, w: exclusive.write }, "d r d r w d w r w").outcome).toEqual(["d: downgrade", "r waits", "d: in", "r: in", "w waits", "d: end", "w waits", "r: end", "w: in"]);
  });
});

describe("a queued semaphore", () => {
  test("a waiting writer holds off new readers; an unqueued one does not", () => {
    expect(play({ a: fairReader, w: fairWriter, b: fairReader }, "a w b a w b w b").outcome).toEqual(["a: in", "w: down_write(s.fair)", "b waits", "a: end", "w: in", "b waits", "w: end", "b: in"]);
    expect(play({ a: reader, w: exclusive.write, b: reader }, "a w b").outcome).toEqual(["a: in", "w waits", "b: in"]);
  });

  test("a writer that finds it free takes it on arrival", () => {
    const { run, outcome } = play({ w: fairWriter, a: fairReader }, "w a w a");
    expect(outcome).toEqual(["w: in", "a waits", "w: end", "a: in"]);
    expect(run.world.s.fair.isHeld()).toBe(true);
  });

  test("waiting leaves no mark once the writer has been served", () => {
    const { run } = play({ a: fairReader, w: fairWriter }, "a w a w w");
    expect(run.bytes.u8.every((b) => b === 0)).toBe(true);
  });
});

describe("trylocks", () => {
  test("take what is free, refuse what is not, and never wait", () => {
    const tries: Run = function* (k) {
      yield at("try");
      const got = [spinTrylock(k, k.s.spin.at()), mutexTrylock(k, k.s.m.at()), downReadTrylock(k, k.s.sem.at()), downWriteTrylock(k, k.s.fair.at())];
      k.s.got.set(got.filter(Boolean).length === 4 ? 3 : got.some(Boolean) ? 1 : 2);
      yield at("in");
      if (got[0]) spinUnlock(k, k.s.spin.at());
      if (got[1]) mutexUnlock(k, k.s.m.at());
      if (got[2]) upRead(k, k.s.sem.at());
      if (got[3]) upWrite(k, k.s.fair.at());
    };
    expect(play({ a: tries }, "a").run.world.s.got.get()).toBe(3);
    const second = play({ a: tries, b: tries }, "a b").run.world.s.got.get();
    expect(second).toBe(1); // of the four, only the read lock can be shared
    expect(play({ w: exclusive.write, a: exclusive.spin, b: exclusive.mutex, f: fairWriter, t: tries }, "w a b f t").run.world.s.got.get()).toBe(2);
  });
});

describe("rules", () => {
  test.each<[string, Record<string, Run>, string, string]>([
    ["released by another", { a: exclusive.mutex, *b(k) { yield at("go"); mutexUnlock(k, k.s.m.at()); } }, "a b", "b! lock-ownership"],
    ["released twice", { *a(k) { yield* spinLock(k, k.s.spin.at()); spinUnlock(k, k.s.spin.at()); spinUnlock(k, k.s.spin.at()); } }, "a", "a! lock-ownership"],
    ["read lock released by one who does not hold it", { r: reader, *b(k) { yield at("go"); upRead(k, k.s.sem.at()); } }, "r b", "b! lock-ownership"],
    ["downgraded without holding", { *a(k) { yield at("go"); downgradeWrite(k, k.s.sem.at()); } }, "a", "a! lock-ownership"],
    ["the wrong operation", { *a(k) { yield* spinLock(k, k.s.m.at()); } }, "a", "a! lock-ownership"],
    ["no such lock", { *a(k) { yield at("go"); spinUnlock(k, 99); } }, "a", "a! range"],
    ["mutex under a spinlock", { *a(k) { yield* spinLock(k, k.s.spin.at()); yield* mutexLock(k, k.s.m.at()); } }, "a a", "a! sleep-in-atomic"],
    ["semaphore under a spinlock", { *a(k) { yield* spinLock(k, k.s.spin.at()); yield* downRead(k, k.s.sem.at()); } }, "a a", "a! sleep-in-atomic"],
    ["held at the end", { *a(k) { yield* downRead(k, k.s.sem.at()); } }, "a", "a! lock-held-at-exit"],
  ])("%s", (_, runs, schedule, last) => {
    expect(play(runs, schedule).outcome.at(-1)).toBe(last);
  });

  test("a spinlock under a spinlock, a trylock of a mutex under one, and a plain yield under one are allowed", () => {
    const nested: Run = function* (k) {
      yield* spinLock(k, k.s.spin.at());
      yield* spinLock(k, k.page.lock.at(1));
      if (mutexTrylock(k, k.s.m.at())) mutexUnlock(k, k.s.m.at());
      yield at("in");
      spinUnlock(k, k.page.lock.at(1));
      spinUnlock(k, k.s.spin.at());
    };
    expect(play({ a: nested }, "a a a").outcome).toEqual(["a: spin_lock(page.lock)", "a: in", "a: end"]);
  });

  test("taking an exclusive lock twice waits for oneself: a deadlock, not a fault", () => {
    expect(play({ *a(k) { yield* mutexLock(k, k.s.m.at()); yield* mutexLock(k, k.s.m.at()); } }, "a a").outcome).toEqual(["a: mutex_lock(s.m)", "a waits"]);
  });
});
