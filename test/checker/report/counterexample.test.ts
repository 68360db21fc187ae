import { describe, expect, it } from "vitest";
import { renderTrace } from "../../../checker/report/counterexample.ts";
import { wrap } from "../../../checker/report/full-trace.ts";
import type { TraceView } from "../../../checker/report/trace-view.ts";
import type { Recipe } from "../../../checker/trace/recipe.ts";
import { replay } from "../../../checker/trace/replay.ts";
import { ToySystem, lockInversion, racyCounter, type ToyProgram } from "../trace/toy-system.ts";

const view: TraceView = { width: 72, color: false, full: false, replayCommand: "npx thpcheck replay tc1.toy.AAAA" };
const render = (program: ToyProgram, property: Recipe["property"], actors: readonly number[], v: Partial<TraceView> = {}): string =>
  renderTrace(replay(
    { system: new ToySystem(program), scenario: "toy", programHash: "", config: {}, patch: null },
    { scenario: "toy", programHash: "", seed: 0, property, initial: [], loop: null, steps: actors.map((actor) => ({ actor, label: null, choices: [] })) },
  ), { ...view, ...v });

describe("the terminal view", () => {
  it("has a column for each thread, a row for each switch, and ends with the promise and the replay command", () => {
    expect(`\n${render(racyCounter, { kind: "finally", name: "no update is lost" }, [0, 1, 1, 0])}`).toBe(`
counterexample of toy, 4 steps

at first: counter = 0

      alice                           | bob
      --------------------------------+--------------------------------
   1  load                            |
      alice toy.ts:1                  |
      (changes no field)              |
  ~~~~ alice is preempted; bob runs
   2                                  | load
                                      | bob toy.ts:1
                                      | (changes no field)
   3                                  | store
                                      | bob toy.ts:2
                                      | counter: 0 -> 1
  ~~~~ bob has ended; alice runs
   4  store                           |
      alice toy.ts:2                  |
      (changes no field)              |

broken: finally "no update is lost"
  expected: no update is lost  (toy.ts:99)
  found: counter = 1, a = 0, b = 0
  it read: counter = 1 (step 3, bob)

replay it with
  npx thpcheck replay tc1.toy.AAAA
`);
  });

  it("shows the cycle of a deadlock", () => {
    const text = render(lockInversion, { kind: "deadlock", name: "deadlock" }, [0, 1]);
    expect(text).toContain("broken: freedom from deadlock");
    expect(text).toContain("cycle: alice -[right]-> bob -[left]-> alice");
  });

  it("falls back to one list where columns would be too narrow, and says who runs", () => {
    const text = render(racyCounter, { kind: "finally", name: "no update is lost" }, [0, 1, 1, 0], { width: 50 });
    expect(text).toContain("\n  ~~~~ alice is preempted; bob runs\n      2  load  bob toy.ts:1\n      3  store  bob toy.ts:2\n");
    expect(text).not.toContain("|");
  });

  it.each([40, 60, 80, 200])("keeps every line within %i characters, but for the replay command", (width) => {
    const text = render(racyCounter, { kind: "finally", name: "no update is lost" }, [0, 1, 1, 0], { width });
    const longest = Math.max(...text.split("\n").filter((line) => !line.includes("npx")).map((line) => line.length));
    expect(longest).toBeLessThanOrEqual(width);
  });

  it("folds what does not matter to the promise, and shows all of it when asked", () => {
    const ticks = Array.from({ length: 300 }, (_, i) => ({ label: `tick ${i}`, run: (w: Record<string, number>) => { w["n"]!++; } }));
    const long: ToyProgram = { words: { n: 0 }, threads: { alice: ticks }, finally: { never: () => false } };
    const steps = Array.from({ length: 300 }, () => 0);
    const folded = render(long, { kind: "finally", name: "never" }, steps);
    expect(folded).toContain("counterexample of toy, 300 steps (299 folded; --full shows all)");
    expect(folded).toContain("\n  1-299  alice\n    300  tick 299  alice toy.ts:300\n           n: 299 -> 300\n");
    const all = render(long, { kind: "finally", name: "never" }, steps, { full: true });
    for (const { label } of ticks) expect(all).toContain(`${label}\n`);
  });

  it("colours only when asked", () => {
    expect(render(racyCounter, { kind: "finally", name: "no update is lost" }, [0, 1, 1, 0])).not.toContain("\u001b");
    expect(render(racyCounter, { kind: "finally", name: "no update is lost" }, [0, 1, 1, 0], { color: true })).toContain("\u001b[");
  });
});

describe("wrap", () => {
  it("breaks at spaces, inside words that are too long, and never loses a character", () => {
    expect(wrap("one two three", 8)).toEqual(["one two", "  three"]);
    expect(wrap("abcdefghij", 4)).toEqual(["abcd", "  ef", "  gh", "  ij"]);
    expect(wrap("  one two three", 10)).toEqual(["  one two", "    three"]);
    expect(wrap("", 10)).toEqual([""]);
    expect(wrap("ab cd", 2)).toEqual(["ab cd"]);
  });
});
