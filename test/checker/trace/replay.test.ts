import { describe, expect, it } from "vitest";
import type { PropertyRef } from "../../../checker/result.ts";
import type { Recipe, RecipeStep } from "../../../checker/trace/recipe.ts";
import { ReplayMismatch, replay, type ReplaySubject } from "../../../checker/trace/replay.ts";
import { ToySystem, badChoice, lockInversion, racyCounter, type ToyProgram } from "./toy-system.ts";

const subject = (program: ToyProgram, programHash = "aaaaaaaaaaaaaaaa"): ReplaySubject => ({ system: new ToySystem(program), scenario: "toy", programHash, config: { pages: 4 }, patch: null });
const steps = (...actors: (number | string)[]): RecipeStep[] => actors.map((actor) => ({ actor, label: null, choices: [] }));
const recipe = (property: PropertyRef, s: readonly RecipeStep[], extra: Partial<Recipe> = {}): Recipe =>
  ({ scenario: "toy", programHash: "", seed: 0, property, initial: [], steps: s, loop: null, ...extra });

const lostUpdate: PropertyRef = { kind: "finally", name: "no update is lost" };
const deadlock: PropertyRef = { kind: "deadlock", name: "deadlock" };
const mismatch = (run: () => unknown): ReplayMismatch => {
  try {
    run();
  } catch (e) {
    if (e instanceof ReplayMismatch) return e;
    throw e;
  }
  throw new Error("the replay applied");
};

describe("replay", () => {
  it("recomputes labels, changes, sources and the reason of each switch", () => {
    const r = replay(subject(racyCounter), recipe(lostUpdate, steps(0, 1, 1, 0)));
    expect(r.trace.steps).toEqual([
      { actor: "alice", label: "load", choices: [] }, { actor: "bob", label: "load", choices: [] },
      { actor: "bob", label: "store", choices: [] }, { actor: "alice", label: "store", choices: [] },
    ]);
    expect(r.rows.map((row) => row.switchReason)).toEqual([null, null, "alice is preempted", null, "bob has ended"]);
    expect(r.rows[3]!.changes).toEqual([{ name: "counter", before: "0", after: "1" }]);
    expect(r.rows[4]!.changes).toEqual([]);
    expect(r.rows[2]!.source).toEqual({ routine: "bob", file: "toy.ts", line: 1 });
    expect(r.explanation?.values).toContainEqual({ name: "counter", value: "1" });
    expect(r.trace.config).toEqual({ pages: 4 });
  });

  it("keeps what a step counted, of hundreds of statistics those that are not zero", () => {
    class Counting extends ToySystem {
      override statistics(): { name: string; value: string }[] {
        return [{ name: "vmstat.faults", value: "1" }, ...Array.from({ length: 300 }, (_, i) => ({ name: `vmstat.x${i}`, value: "0" }))];
      }
    }
    const r = replay({ ...subject(racyCounter), system: new Counting(racyCounter) }, recipe(lostUpdate, steps(0, 1, 1, 0)));
    expect(r.rows[1]!.statistics).toEqual([{ name: "vmstat.faults", value: "1" }]);
  });

  it("gives the same trace from the trace it gave", () => {
    const first = replay(subject(racyCounter), recipe(lostUpdate, steps(0, 1, 1, 0)));
    expect(replay(subject(racyCounter), first.trace)).toEqual(first);
  });

  it("confirms any promise that is broken at the end, in whatever order they are declared", () => {
    const finals: [string, () => boolean][] = [["first", () => false], ["second", () => true], ["third", () => false]];
    for (const order of [finals, finals.toReversed()]) {
      const program = { ...racyCounter, finally: Object.fromEntries(order) };
      const end = (name: string): Recipe => recipe({ kind: "finally", name }, steps(0, 1, 1, 0));
      for (const name of ["first", "third"]) expect(replay(subject(program), end(name)).message).toContain(`"${name}" must hold`);
      expect(mismatch(() => replay(subject(program), end("second"))).message).toMatch(/the promise broken at the end is "(first|third)", not "second"/);
    }
  });

  it("says who waits for what in a deadlock, and names the cycle", () => {
    const r = replay(subject(lockInversion), recipe(deadlock, steps(0, 1)));
    expect(r.waiting).toEqual([
      'alice waits for right, held by bob, at "mutex_lock(right)" in alice (toy.ts:2)',
      'bob waits for left, held by alice, at "mutex_lock(left)" in bob (toy.ts:2)',
      "cycle: alice -[right]-> bob -[left]-> alice",
    ]);
    expect(r.message).toBe("deadlock: no thread can move, and alice, bob have not ended");
  });

  it("names the lock that made a thread wait at a switch", () => {
    const program: ToyProgram = { ...lockInversion, finally: { never: () => false }, threads: { alice: lockInversion.threads["alice"]!, bob: lockInversion.threads["alice"]! } };
    const r = replay(subject(program), recipe({ kind: "finally", name: "never" }, steps(0, 0, 0, 0, 1, 1, 1, 1)));
    expect(r.rows[5]!.switchReason).toBe("alice has ended");
    const early = { ...program, always: { "left is free": (w: Readonly<Record<string, number>>) => w["left"] === 0 } };
    expect(replay(subject(early), recipe({ kind: "always", name: "left is free" }, steps(0))).rows).toHaveLength(2);
  });

  it("follows the choices of init and of steps, up to a fault in the last one", () => {
    const r = replay(subject(badChoice), recipe({ kind: "fault", name: "assertion" }, [{ actor: 0, label: "alloc", choices: [3] }], { initial: [1] }));
    expect(r.initial).toEqual([{ name: "page", value: "-2" }]);
    expect(r.rows[0]!.choices).toEqual(["start=1"]);
    expect(r.rows[1]!.choices).toEqual(["page=3"]);
    expect(r.message).toBe("assertion: page 3 is poisoned (toy.ts:7)");
  });

  it("takes an exception in a step for a fault of the program", () => {
    const program: ToyProgram = { words: {}, threads: { alice: [{ label: "crash", run: () => { throw new TypeError("no such page"); } }] } };
    const r = replay(subject(program), recipe({ kind: "fault", name: "exception" }, steps(0)));
    expect(r.message).toMatch(/^exception: TypeError: no such page/);
  });
});

describe("a recipe that does not fit", () => {
  it("names the first step that cannot be taken, and another version of the program as the cause", () => {
    const e = mismatch(() => replay(subject(lockInversion), recipe(deadlock, steps(0, 1, 1), { programHash: "bbbbbbbbbbbb" })));
    expect(e.step).toBe(3);
    expect(e.message).toBe('the trace does not apply from step 3 of 3 on: bob at "mutex_lock(left)" cannot move here: it waits for left held by alice. '
      + "The trace was recorded from another version of the program (bbbbbbbbbbbb, now aaaaaaaaaaaa): check the scenario again for a new trace.");
  });

  it("blames the program when its hash is the recorded one", () => {
    const e = mismatch(() => replay(subject(racyCounter), recipe(lostUpdate, [{ actor: "alice", label: "store", choices: [] }], { programHash: "aaaaaaaaaaaa" })));
    expect(e.message).toContain('alice takes the step "load", the trace has "store"');
    expect(e.message).toContain("not deterministic");
  });

  it.each([
    ["an unknown thread", racyCounter, recipe(lostUpdate, steps("carol")), /no thread "carol"/],
    ["a thread that has ended", racyCounter, recipe(lostUpdate, steps(0, 0, 0)), /step 3 of 3 on: alice cannot move here/],
    ["too many choices", racyCounter, recipe(lostUpdate, [{ actor: 0, label: null, choices: [1] }]), /takes the choices \[\], the trace has \[1\]/],
    ["a choice out of range", badChoice, recipe({ kind: "always", name: "x" }, [{ actor: 0, label: null, choices: [9] }], { initial: [0] }), /goes wrong \(exception: RangeError: choice 9 of 4\)/],
    ["other initial choices", racyCounter, recipe(lostUpdate, [], { initial: [1] }), /does not apply from its start/],
    ["a promise that holds at the end", racyCounter, recipe(lostUpdate, steps(0, 0, 1, 1)), /every step applies, but "no update is lost" is not broken/],
    ["a state that is no end state", racyCounter, recipe(lostUpdate, steps(0, 1, 0)), /no end state: bob can move/],
    ["a deadlock in place of an end state", lockInversion, recipe(lostUpdate, steps(0, 1)), /no end state: alice, bob wait\./],
    ["a state that is no deadlock", lockInversion, recipe(deadlock, steps(0)), /no deadlock: alice can move/],
    ["threads that have ended", racyCounter, recipe(deadlock, steps(0, 0, 1, 1)), /no deadlock: every thread has ended or rests/],
    ["a fault that is gone", racyCounter, recipe({ kind: "fault", name: "range" }, steps(0)), /the last one does not go wrong/],
    ["another fault", badChoice, recipe({ kind: "fault", name: "range" }, [{ actor: 0, label: null, choices: [3] }], { initial: [0] }), /breaks the rule "assertion"/],
    ["a fault in the middle", badChoice, recipe({ kind: "fault", name: "assertion" }, [{ actor: 0, label: null, choices: [3] }, ...steps(0)], { initial: [0] }), /step 1 of 2 on/],
  ])("is refused: %s", (_what, program, r, message) => {
    expect(mismatch(() => replay(subject(program), r)).message).toMatch(message);
  });

  it("notices a label that changed, from one byte of it", () => {
    expect(mismatch(() => replay(subject(racyCounter), recipe(lostUpdate, [{ actor: 0, label: 7, choices: [] }]))).message).toContain('takes the step "load", and the trace has another');
  });
});
