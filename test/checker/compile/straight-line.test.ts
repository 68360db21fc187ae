/** Straight-line programs count the locks that a thread holds; explored ones look at them all. Both give the same faults. */
import { describe, expect, test } from "vitest";
import { StraightLine } from "../../../checker/compile/straight-line.ts";
import { StepFault } from "../../../checker/fault.ts";

import { loadGenerated } from "./load-generated.ts";

function line(body: string): StraightLine {
  return new StraightLine(loadGenerated(`
import { at, downRead, downReadTrylock, downWrite, downWriteTrylock, downgradeWrite, holds, mutex, mutexLock, mutexTrylock, mutexUnlock, rwsem, scenario, spinLock, spinTrylock, spinUnlock, spinlock, struct, table, upRead, upWrite } from "thpcheck";
const structs = { s: struct({ spin: spinlock("spin"), m: mutex("m"), sem: rwsem("sem"), queued: rwsem("queued", { queued: true }) }), page: table(3, { lock: spinlock("page lock") }) };
function* main(k) { yield at("start"); ${body} }
function* sleeper(k) { yield at("start"); yield* mutexLock(k, k.s.m.at()); mutexUnlock(k, k.s.m.at()); }
export default scenario({ name: "straight", why: "a test", tier: "quick", structs, threads: [{ name: "main", run: main }, { name: "sleeper", run: sleeper }], expect: holds() });
`));
}

function outcome(run: () => unknown): string {
  try {
    run();
    return "ended";
  } catch (e) {
    if (e instanceof StepFault) return `${e.rule}: ${e.message}`;
    throw e;
  }
}

describe("a thread that ends", () => {
  test.each([
    ["spinLock", "s.spin"], ["spinTrylock", "s.spin"], ["mutexLock", "s.m"], ["mutexTrylock", "s.m"], ["downRead", "s.sem"],
      ["downReadTrylock", "s.sem"],
    ["downWrite", "s.sem"], ["downWriteTrylock", "s.sem"], ["downWrite", "s.queued"], ["downRead", "s.queued"],
  ])("with %s(%s) is told", (take, lock) => {
    const waits = !take.endsWith("Trylock");
    expect(outcome(() =>
      line(`${waits ? "yield* " : ""}${take}(k, k.${lock}.at());`).run(0))).toContain(`lock-held-at-exit: the thread ends while it holds ${lock}`);
  });

  test("with what is left of a downgraded hold, and of two instances, is told", () => {
    expect(outcome(() => line("yield* downWrite(k, k.s.sem.at()); downgradeWrite(k, k.s.sem.at());").run(0))).toContain("holds s.sem");
    expect(outcome(() =>
      line("yield* spinLock(k, k.page.lock.at(0)); yield* spinLock(k, k.page.lock.at(2)); spinUnlock(k, k.page.lock.at(0));").run(0))).toContain("holds page[2].lock");
  });

  test("with everything released is not, run after run", () => {
    const balanced = line(`
      yield* downWrite(k, k.s.queued.at()); downgradeWrite(k, k.s.queued.at()); upRead(k, k.s.queued.at());
      yield* downRead(k, k.s.sem.at()); yield* mutexLock(k, k.s.m.at());
      if (spinTrylock(k, k.s.spin.at())) spinUnlock(k, k.s.spin.at());
      mutexUnlock(k, k.s.m.at()); upRead(k, k.s.sem.at());
      if (downWriteTrylock(k, k.s.sem.at())) upWrite(k, k.s.sem.at());
      if (mutexTrylock(k, k.s.m.at())) mutexUnlock(k, k.s.m.at());`);
    for (let n = 0; n < 3; n++) expect(outcome(() => balanced.run(0))).toBe("ended");
  });
});

describe("a thread that may sleep", () => {
  test("under a spinlock is told, and not after it, nor under the other thread's", () => {
    expect(outcome(() =>
      line("yield* spinLock(k, k.page.lock.at(1)); yield* mutexLock(k, k.s.m.at());").run(0))).toContain("spinlock page[1].lock");
    expect(outcome(() =>
      line("yield* spinLock(k, k.page.lock.at(1)); spinUnlock(k, k.page.lock.at(1)); yield* mutexLock(k, k.s.m.at()); mutexUnlock(k, k.s.m.at());").run(0))).toBe("ended");
    const leaves = line("yield* spinLock(k, k.page.lock.at(1));");
    expect(outcome(() => leaves.run(0))).toContain("lock-held-at-exit");
    expect(outcome(() => leaves.run(1))).toBe("ended");
  });
});

test("after init every lock is free and none is counted", () => {
  const leaves = line("if (spinTrylock(k, k.s.spin.at())) { spinUnlock(k, k.s.spin.at()); yield* spinLock(k, k.page.lock.at(0)); yield* mutexLock(k, k.s.m.at()); }");
  expect(outcome(() => leaves.run(0))).toContain("sleep-in-atomic");
  leaves.system.init();
  expect(outcome(() => leaves.run(1))).toBe("ended");
  expect(outcome(() => leaves.run(0))).toContain("sleep-in-atomic");
});
