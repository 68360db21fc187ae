/** What narrows a check: a filter on initial states, a bound on the search, deadlocks that are fine. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkScenario } from "../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS, type Checked, type CheckOptions } from "../../checker/check/options.ts";
import { compileScenario } from "../../checker/compile/compile.ts";
import { digestOf, stepsDigestOf } from "../../checker/compile/digest.ts";
import { Session } from "../../checker/explorer/session.ts";
import { scenario, type ProgramScenario, type Scenario } from "../../checker/scenario.ts";
import { replay } from "../../checker/trace/replay.ts";
import * as s from "./bounded-scenarios.ts";
import { compareRuns } from "./compile/compare-runs.ts";
import { schedules } from "./compile/random-programs.ts";
import { seeded } from "./compile/seeded.ts";

const check = (of: Scenario, options: Partial<CheckOptions> = {}): Promise<Checked> =>
  checkScenario(of, { ...DEFAULT_CHECK_OPTIONS, ...options }, 1);

describe.each<[string, Partial<CheckOptions>]>([
  ["breadth-first", {}], ["on two threads", { workers: 2, workersAfterMs: 0 } as Partial<CheckOptions>],
  ["depth-first", { strategy: "dfs" }], ["exact", { exact: true }],
])("%s", (_name, options) => {
  it("begins where initially is true, and nowhere else", async () => {
    expect((await check(s.all, options)).result).toMatchObject({ reason: null, verdict: "holds", states: 7, terminals: 1 });
    expect((await check(s.fromTwo, options)).result).toMatchObject({ reason: null, verdict: "holds", states: 5, terminals: 1 });
  });

  it("is an error where there is no initial state", async () => {
    const { result } = await check(s.fromNowhere, options);
    expect(result).toMatchObject({ verdict: "error", asExpected: false });
    expect(result.reason).toContain("there is no initial state: initially is true of none that init makes");
  });

  it("looks at states beyond the bound, goes no further, and says so", async () => {
    const { result } = await check(s.cut, options);
    expect(result).toMatchObject({ reason: null, verdict: "holds", states: 5, terminals: 0 });
    expect(result.notChecked.join()).toContain("The search was bounded");
    expect((await check(s.all, options)).result.notChecked.join()).not.toContain("bounded");
    expect((await check(s.cutBroken, options)).result).toMatchObject({ verdict: "violated", violation: { property: "few" } });
  });

  it("takes what is beyond the bound for no end", async () => {
    const { result } = await check(s.cutEnd, options);
    expect(result.reason).toContain('no end state is reachable, so "small" was never evaluated');
  });

  it("lets a deadlock be where the scenario says that it is fine", async () => {
    expect((await check(s.stuck, options)).result).toMatchObject({ verdict: "violated", violation: { property: "deadlock" } });
    expect((await check(s.stuckFine, options)).result).toMatchObject({ reason: null, verdict: "holds", terminals: 1 });
  });
});

describe("what stays reachable", () => {
  it("counts a state beyond the bound as good, and a deadlock that is fine as a place to stay, not as what recurs", async () => {
    expect((await check(s.cutRecurring)).result).toMatchObject({ reason: null, verdict: "holds" });
    const left = { property: "start", kind: "recurring" };
    expect((await check(s.fullRecurring)).result).toMatchObject({ verdict: "violated", violation: left });
    const trapped = { property: "somebody is done", kind: "recurring" };
    expect((await check(s.stuckRecurring)).result).toMatchObject({ verdict: "violated", violation: trapped });
    expect((await check(s.stuckCut)).result).toMatchObject({ reason: null, verdict: "holds" });
  });
});

describe("traces", () => {
  it("begin at an initial state, and no other is taken", async () => {
    const { replayed } = await check(s.fromTwoBroken);
    expect(replayed!.trace).toMatchObject({ initial: [2], property: { name: "few" } });
    expect(replayed!.trace.steps).toHaveLength(2);
    const { system, source } = compileScenario(s.fromTwoBroken);
    const subject = { system, scenario: "from-two-broken", programHash: source.programHash, config: {}, policy: undefined, patch: null };
    const { trace } = replayed!;
    expect(replay(subject, trace).message).toContain("few");
    const other = { ...trace, initial: [3], steps: trace.steps.slice(1) };
    expect(() => replay(subject, other)).toThrow("initially is not true of the initial state");
  });

  it("of a deadlock are refused where it is fine", async () => {
    const { replayed } = await check(s.stuck);
    const { system, source } = compileScenario(s.stuckFine);
    const subject = { system, scenario: "stuck", programHash: source.programHash, config: {}, policy: undefined, patch: null };
    const { trace } = replayed!;
    expect(() => replay(subject, { ...trace, programHash: source.programHash })).toThrow("the scenario says that a deadlock is fine");
  });

  it("of the explorer begin at the first initial state, and offer the others", () => {
    const { system, source } = compileScenario(s.fromTwo);
    const session = new Session({
      system, scenario: "from-two", programHash: source.programHash, config: {}, policy: undefined, patch: null,
      program: s.fromTwo, from: null,
    });
    const at = session.at({ initial: [], steps: [] });
    expect(at.path.initial).toEqual([2]);
    expect(at.initials.map((i) => i.choices)).toEqual([[2]]);
  });
});

describe("a bound", () => {
  it("is the same natively and compiled", () => {
    const bounded = s.stuckCut as ProgramScenario;
    const steps = fc.sample(schedules, seeded(6)).reduce((sum, schedule) => sum + compareRuns(bounded, schedule), 0);
    expect(steps).toBeGreaterThan(0);
  });

  it("is the same in WebAssembly", async () => {
    const [js, wasm] = [await check(s.twoCounters), await check(s.twoCounters, { engine: "wasm" })];
    expect(wasm.result).toMatchObject({ engine: "wasm", verdict: "holds", states: 36, transitions: 50, terminals: 0 });
    expect(wasm.result.notChecked).toEqual(js.result.notChecked);
    expect(js.result).toMatchObject({ engine: "js", verdict: "holds", states: 36, transitions: 50, terminals: 0 });
  });

  it("is a walk's, too", async () => {
    const { result } = await check(s.cutBroken, { strategy: "random" });
    expect(result).toMatchObject({ verdict: "violated", violation: { property: "few" } });
    expect((await check(s.cut, { strategy: "random" })).result).toMatchObject({ verdict: "incomplete", states: 5 });
  });

  it.each([
    ["initially", s.fromTwo], ["within", s.cut], ["deadlock", s.stuckFine],
  ] as const)("%s is part of what the scenario is", (member, whole) => {
    const { [member]: left, ...rest } = whole;
    expect(left).toBeDefined();
    expect(digestOf(rest as Scenario)).not.toBe(digestOf(whole));
    // A deadlock that is fine leads to no other states.
    if (member !== "deadlock") expect(stepsDigestOf(rest as Scenario)).not.toBe(stepsDigestOf(whole));
  });

  it.each(["initially", "within"] as const)("%s is a plain function", (member) => {
    expect(() => scenario({ ...s.all, [member]: true })).toThrow(new RegExp(`${member}.*a plain function`));
  });

  it("is not asked of a system that is ready made, which would not heed it", () => {
    const model = { structs: {}, actors: [], system: { module: "file:///x.ts", data: null } };
    const refused = "within is given, of which a system that is ready made knows nothing";
    expect(() => scenario({ name: "made", model, within: () => true })).toThrow(refused);
    expect(() => scenario({ name: "made", model, deadlock: "why" })).toThrow("deadlock is given");
  });

  it("needs a reason where a deadlock is fine", () => {
    expect(() => scenario({ ...s.all, deadlock: true } as never)).toThrow(/deadlock.*a text that says why/);
  });
});
