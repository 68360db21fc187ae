/** Refinement in every strategy: what it reports, where, and that it looks at whatever can have moved. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkScenario } from "../../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS, type CheckOptions } from "../../../checker/check/options.ts";
import { renderTrace } from "../../../checker/report/counterexample.ts";
import { compileScenario } from "../../../checker/compile/compile.ts";
import { withPlaceOfWrite } from "../../../checker/trace/place-of-write.ts";
import { explore } from "../../../checker/search/explore.ts";
import { replay } from "../../../checker/trace/replay.ts";
import { violated } from "../../../checker/scenario.ts";
import { seeded } from "../compile/seeded.ts";
import { DOOR_OPEN, doorScenario, doors, type Fault } from "./doors.ts";
import { walkBoth } from "./walk-both.ts";

const check = async (fault: Fault, options: Partial<CheckOptions> = {}) => checkScenario(doorScenario(fault), { ...DEFAULT_CHECK_OPTIONS, ...options }, 1);

describe("a program that does what its machine allows", () => {
  it.each([[{}], [{ strategy: "dfs" }], [{ exact: true }], [{ clearDeadLocals: false }]] as [Partial<CheckOptions>][])("refines it: %j", async (options) => {
    const { result } = await check("none", options);
    expect(result).toMatchObject({ verdict: "holds" });
    expect(result.refinement!.steps).toBe(result.transitions);
  });

  it("says how often each arrow was taken, the same on one worker and two", async () => {
    const compiled = compileScenario(doorScenario("none"));
    const options = { ...DEFAULT_CHECK_OPTIONS, workers: 2, workersAfterMs: 0 };
    const two = await explore(compiled.system, compiled.source, options);
    const one = await explore(compileScenario(doorScenario("none")).system, null, { ...options, workers: 1 });
    expect(two.measures.workers).toBe(2);
    expect([...two.refinementCounts!]).toEqual([...one.refinementCounts!]);
    const { result } = await check("none");
    expect(result.refinement!.machines).toEqual([{
      machine: "door", instances: 3, moves: expect.any(Number) as number, arrows: 3,
      taken: ["shut", "open", "locked"].map((name) => ({ arrow: `from ${name}`, count: expect.any(Number) as number })),
    }]);
  });

  it("is not held to it when that is not wanted, and the result says so", async () => {
    const { result } = await check("silent", { refine: false });
    expect(result).toMatchObject({ verdict: "holds", refinement: null });
    expect(result.notChecked.join()).toMatch(/--no-refine/);
  });
});

describe("a seeded fault", () => {
  const cases: [Fault, RegExp, RegExp][] = [
    ["silent", /^door is in the state where the events lead it, shut, and not in another, locked$/, /doors\.ts:96$/],
    ["ignored", /^door accepts DOOR_UNLOCK in shut$/, /doors\.ts:100$/],
    ["wrong state", /events lead it, open, and not in another, locked$/, /doors\.ts:104$/],
    ["wrong instance", /events lead it, locked, and not in another, shut$/, /doors\.ts:110$/],
  ];
  it.each(cases)("%s: is found in one step, explained, with its line", async (fault, conjunct, source) => {
    const { result, replayed } = await check(fault);
    expect(result).toMatchObject({ verdict: "violated", asExpected: true, violation: { property: "refines door", kind: "step", length: 1, minimised: true } });
    expect(replayed!.explanation!.conjunct).toMatch(conjunct);
    expect(replayed!.explanation!.source).toMatch(source);
    const names = replayed!.explanation!.values.map((v) => v.name);
    expect(names).toEqual(["machine", "instance", expect.stringMatching(/^state that/) as string, "state after the step", "events of the step"]);
    expect(renderTrace(replayed!, { width: 100, color: false, full: false, replayCommand: "replay it" })).toContain('broken: step "refines door"');
  });

  it.each<Partial<CheckOptions>>([{ strategy: "dfs" }, { strategy: "random", walks: 100 }, { strategy: "pct", walks: 100 }, { exact: true }])("is found with %j, with the same shortest trace", async (options) => {
    const first = await check("silent");
    const other = await check("silent", options);
    expect(other.result.violation?.trace?.steps).toEqual(first.result.violation!.trace!.steps);
  });

  it("is replayed from its trace, with the line of the store", async () => {
    const { result, replayed } = await check("silent");
    const s = doorScenario("silent");
    const { system } = compileScenario(s);
    const trace = result.violation!.trace!;
    const again = withPlaceOfWrite(s, system, true, replay({ system, scenario: s.name, programHash: "", config: {}, patch: null }, trace));
    expect(again.explanation).toEqual(replayed!.explanation);
  });
});

describe("a step that two machines refuse", () => {
  it.each<Fault>(["silent", "ignored", "wrong state", "wrong instance"])("%s: both are named, and either may be expected", async (fault) => {
    const twice = { ...doorScenario(fault), refine: [doors, { ...doors, machine: "door again" }] };
    const names = ["refines door", "refines door again"];
    for (const [shown, other] of [[0, 1], [1, 0]] as const) {
      const s = { ...twice, expect: violated(names[shown]!) };
      const { result, replayed } = await checkScenario(s, DEFAULT_CHECK_OPTIONS, 1);
      expect(result).toMatchObject({ asExpected: true, violation: { property: names[shown] }, alsoViolated: [{ kind: "step", name: names[other] }] });
      expect(replayed!.explanation!.values[0]).toEqual({ name: "machine", value: ["door", "door again"][shown] });
      expect(replayed!.explanation!.conjunct).toContain(["door", "door again"][shown]);
    }
  });
});

describe("a machine that makes no sense", () => {
  it("leads to a state that does not exist", async () => {
    const s = { ...doorScenario("none"), refine: [{ ...doors, next: (state: number, event: number, payload: number) => (event === DOOR_OPEN ? 7 : doors.next(state, event, payload)) }] };
    const { result } = await checkScenario(s, DEFAULT_CHECK_OPTIONS, 1);
    expect(result).toMatchObject({ verdict: "error" });
    expect(result.reason).toMatch(/machine door: DOOR_OPEN leads from shut to state 7, outside of 0\.\.2/);
  });

  it("has an abstraction of unknown origin", async () => {
    const { result } = await checkScenario({ ...doorScenario("none"), refine: [{ ...doors, abstract: () => 0 }] }, DEFAULT_CHECK_OPTIONS, 1);
    expect(result.reason).toMatch(/abstraction of door is not a function of a module loaded through thpcheck/);
  });
});

describe("the instances that are looked at", () => {
  it("are enough: on random walks the verdict of each step is that of looking at all", () => {
    fc.assert(fc.property(fc.constantFrom<Fault>("none", "silent", "ignored", "wrong state", "wrong instance"), fc.infiniteStream(fc.nat(1000)), (fault, choices) => {
      const verdicts = walkBoth(doorScenario(fault), choices, 30);
      expect(verdicts.few).toEqual(verdicts.all);
    }), seeded(60));
  });
});
