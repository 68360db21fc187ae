/** What is told of a trace: calls, locks, reads of what others change, and what an assertion expects. */
import { describe, expect, it } from "vitest";
import { checkScenario } from "../../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../../checker/check/options.ts";
import { renderTrace } from "../../../checker/report/counterexample.ts";
import type { ReplayedTrace, TraceStory } from "../../../checker/result.ts";
import { CallTimes } from "../../../checker/trace/call-times.ts";
import { FreshReads } from "../../../checker/trace/fresh-reads.ts";
import { StaleReads } from "../../../checker/trace/stale-reads.ts";
import { storyOf } from "../../../checker/trace/story.ts";
import { loadGenerated } from "../compile/load-generated.ts";

/** The trace of a program, and what is told of it. */
async function told(program: string): Promise<{ readonly replayed: ReplayedTrace; readonly story: TraceStory; readonly text: string }> {
  const scenario = loadGenerated(program);
  const { replayed } = await checkScenario(scenario, DEFAULT_CHECK_OPTIONS, 1);
  const story = storyOf(scenario, replayed!);
  const text = renderTrace(replayed!, { width: 100, color: false, full: false, replayCommand: "" }, story);
  return { replayed: replayed!, story: story!, text };
}

const HEAD = `import { at, bool, bugOn, holds, int, mutex, scenario, spinlock, spinLock, spinUnlock, struct } from "thpcheck";
const structs = { s: struct({ lock: spinlock("s"), free: bool("free", { init: true }), users: int(0, 3, "users"), x: int(0, 9, "x") }) };
const base = { name: "t", why: "a test", tier: "quick", structs, expect: holds() };
`;

describe("a story", () => {
  it("of check-then-act names the calls, what was read, and who changed it", async () => {
    const { text } = await told(`${HEAD}
function* take(k, who) {
  yield at("is it free");
  if (!k.s.free.get()) return;
  yield at("take it");
  k.s.free.set(false);
  k.s.users.add(1);
}
function* first(k) { yield* take(k, 1); }
function* second(k) { yield* take(k, 2); }
export default scenario({ ...base, threads: [{ name: "first", run: first }, { name: "second", run: second }],
  always: { "one user": (k) => k.s.users.get() <= 1 } });
`);
    expect(text.slice(0, text.indexOf("broken:"))).toBe(`counterexample of t, 4 steps

at first: s.users = 0

      first                                         | second
      ----------------------------------------------+----------------------------------------------
      take(1)                                       |
   1  is it free                                    |
      take generated.ts:6                           |
      reads s.free = true, which step 3 changes     |
  ~~~~ first is preempted; second runs: take(2)
   2                                                | is it free
                                                    | take generated.ts:6
                                                    | (changes no field)
   3                                                | take it
                                                    | take generated.ts:8
                                                    | s.users: 0 -> 1
                                                    | s.free: true -> false
  ~~~~ second has ended; first runs
   4  take it                                       |
      take generated.ts:8                           |
      s.users: 1 -> 2                               |

`);
    expect(text).toMatch(/broken: always "one user"\n {2}expected: k\.s\.users\.get\(\) <= 1 .*\n {2}found: k\.s\.users\.get\(\) = 2\n/);
  });

  it("of an assertion says what it expects, and reads what its condition reads", async () => {
    const { story, text } = await told(`${HEAD}
function* user(k) { yield at("use"); const x = k.s.x.get(); bugOn(k.s.users.get() === 0, "nobody: uses it" + x); }
export default scenario({ ...base, threads: [{ name: "user", run: user }] });
`);
    expect(story.expectation).toBe("k.s.users.get() !== 0");
    expect(story.reads.map((r) => r.name)).toEqual(["s.users"]);
    expect(text).toMatch(/\n {2}assertion: nobody: uses it0 .*\n {2}expected: k\.s\.users\.get\(\) !== 0\n {2}it read: s\.users = 0\n/);
  });

  it.each([
    ["if (k.s.x.get() !== i * 2 + 1 && i > 0) return false;", "!(k.s.x.get() !== i * 2 + 1 && i > 0)", "k.s.x.get() = 2, i = 1"],
    ["if (k.s.x.get() > i) { return false; }", "k.s.x.get() <= i", "k.s.x.get() = 2, i = 0"],
    ["if (!(k.s.free.get() || i > 7)) return false;", "k.s.free.get() || i > 7", "k.s.free.get() = false, i = 0"],
  ])("of a promise that says `%s` has the contrary, and the loop's counter", async (statement, expected, found) => {
    const { text } = await told(`${HEAD}
function* user(k) { yield at("use"); k.s.x.set(2); k.s.free.set(false); }
export default scenario({ ...base, threads: [{ name: "user", run: user }],
  finally: { "it fits": (k) => { for (let i = 0; i < 3; i++) { ${statement} } return true; } } });
`);
    expect(text).toContain(`\n  expected: ${expected}  (`);
    expect(text).toContain(`\n  found: ${found}\n`);
  });

  it("of a guard that stays false says what the guard reads", async () => {
    const { story, text } = await told(`${HEAD}
function* taker(k) { yield at("take"); k.s.free.set(false); }
function* waiter(k) { yield at("wait", () => k.s.free.get()); k.s.x.set(1); }
export default scenario({ ...base, threads: [{ name: "taker", run: taker }, { name: "waiter", run: waiter }] });
`);
    expect(story.blocked).toEqual([{ actor: "waiter", reads: [{ name: "s.free", value: "false", writer: 1 }] }]);
    expect(text).toMatch(/waiter waits at "wait" in waiter \(.*\): its guard is false: s\.free = false \(step 1,\s+taker\)/);
  });

  it("of a rule about locks reads the lock that it names", async () => {
    const { story } = await told(`${HEAD}
function* keeper(k) { yield* spinLock(k, k.s.lock.at()); k.s.x.set(1); }
export default scenario({ ...base, threads: [{ name: "keeper", run: keeper }] });
`);
    expect(story.reads).toEqual([{ name: "s.lock", value: "held by keeper", writer: 1 }]);
    expect(story.steps[0]!.held).toEqual([{ lock: "s.lock", shared: false }]);
  });
});

describe("stale reads", () => {
  const read = (step: number) => ({ step, value: "v", stack: ["thread", "call", "look"] });

  it("are what somebody changed before the reader went on", () => {
    const reads = new StaleReads();
    reads.reads("a", "w", read(1));
    reads.reads("b", "w", read(2));
    reads.changes("b", "w", 3);
    expect([...reads.byStep()]).toEqual([]);
    reads.actsIn("a", ["thread", "call", "act"]);
    expect([...reads.byStep()]).toEqual([[1, [{ name: "w", value: "v", changedBy: 3 }]]]);
  });

  it("are none where the reader looks again, or its call is over", () => {
    const reads = new StaleReads();
    for (const w of ["again", "over"]) reads.reads("a", w, read(1));
    for (const w of ["again", "over"]) reads.changes("b", w, 2);
    reads.reads("a", "again", read(3));
    reads.actsIn("a", ["thread", "other"]);
    expect([...reads.byStep()]).toEqual([]);
  });

  it("name the first step that changed the word", () => {
    const reads = new StaleReads();
    reads.reads("a", "w", read(1));
    for (const step of [2, 3]) reads.changes("b", "w", step);
    reads.actsIn("a", read(1).stack);
    expect(reads.byStep().get(1)![0]!.changedBy).toBe(2);
  });
});

describe("calls", () => {
  const inCall = (line: number) => [{ routine: "thread", file: "t.ts", line }, { routine: "call", file: "t.ts", line: 9 }];

  it("are concurrent while one began before the other did something, or did it in a call that it is still in", () => {
    const times = new CallTimes();
    times.takes("a", 1, inCall(1));
    times.takes("b", 2, inCall(1));
    expect(times.areConcurrent("b", "a", 1)).toBe(true);
    times.takes("a", 3, inCall(2));
    expect([1, 2, 3].map((step) => times.areConcurrent("b", "a", step))).toEqual([false, true, true]);
    times.takes("b", 4, inCall(1));
    expect(times.areConcurrent("b", "a", 2)).toBe(true);
  });
});

describe("fresh reads", () => {
  it("are the first of each change by another", () => {
    const times = new CallTimes();
    const reads = new FreshReads(times);
    times.takes("a", 1, []);
    expect(reads.reads("a", ["w"])).toEqual([]);
    reads.changes("b", "w", 2);
    expect(reads.reads("a", ["w", "x"])).toEqual([{ name: "w", writer: 2 }]);
    expect(reads.reads("a", ["w"])).toEqual([]);
    reads.changes("a", "w", 6);
    expect(reads.reads("a", ["w"])).toEqual([]);
  });
});
