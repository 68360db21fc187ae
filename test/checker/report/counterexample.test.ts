import { describe, expect, it } from "vitest";
import { renderTrace, wrap, type TraceView } from "../../../checker/report/counterexample.ts";
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

at first, of the fields that change: counter = 0

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
  "no update is lost" must hold when every thread has ended or rests,
    and does not
  this failed: no update is lost  (toy.ts:99)
    counter = 1
    a = 0
    b = 0

replay it with
  npx thpcheck replay tc1.toy.AAAA
`);
  });

  it("shows the cycle of a deadlock", () => {
    const text = render(lockInversion, { kind: "deadlock", name: "deadlock" }, [0, 1]);
    expect(text).toContain("broken: freedom from deadlock");
    expect(text).toContain("cycle: alice -[right]-> bob -[left]-> alice");
  });

  it("falls back to one list with actor names where columns would be too narrow", () => {
    const text = render(racyCounter, { kind: "finally", name: "no update is lost" }, [0, 1, 1, 0], { width: 50 });
    expect(text).toContain("\n   3  bob: store\n");
    expect(text).not.toContain("|");
  });

  it.each([40, 60, 80, 200])("keeps every line within %i characters, but for the replay command", (width) => {
    const text = render(racyCounter, { kind: "finally", name: "no update is lost" }, [0, 1, 1, 0], { width });
    const longest = Math.max(...text.split("\n").filter((line) => !line.includes("npx")).map((line) => line.length));
    expect(longest).toBeLessThanOrEqual(width);
  });

  it("folds the middle of a long trace, and shows all of it when asked", () => {
    const long: ToyProgram = { words: { n: 0 }, threads: { alice: Array.from({ length: 300 }, (_, i) => ({ label: `tick ${i}`, run: (w) => { w["n"]!++; } })) }, finally: { never: () => false } };
    const steps = Array.from({ length: 300 }, () => 0);
    const folded = render(long, { kind: "finally", name: "never" }, steps);
    expect(folded).toContain("... steps 21 to 220 are not shown; replay with --full");
    expect(folded).toContain("tick 19\n");
    expect(folded).not.toContain("tick 20\n");
    expect(folded).toContain("tick 220\n");
    expect(render(long, { kind: "finally", name: "never" }, steps, { full: true })).toContain("tick 100\n");
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
