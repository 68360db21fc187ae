import { describe, expect, it } from "vitest";
import { auditScenario } from "../../../checker/check/audit.ts";
import { checkScenario } from "../../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS, workersFor, type CheckOptions, type Engine } from "../../../checker/check/options.ts";
import { ATOMICITY_NOT_CHECKED, type Counts, type ScenarioResult } from "../../../checker/result.ts";
import { holds, violated, type Expectation, type Scenario } from "../../../checker/scenario.ts";
import type { LoweredSearch } from "../../../checker/search/lowered/module.ts";
import type { ExploreOptions, Finding, Outcome } from "../../../checker/search/explore.ts";
import { measuresOf } from "../../../checker/search/measures.ts";
import { ToySystem, lockInversion, racyCounter, type ToyProgram } from "../trace/toy-system.ts";

/** What an engine of these tests answers; what is left out is as in a search that found nothing. */
type Answer = Partial<Pick<Outcome, "complete" | "stopReason" | "finding"> & Counts & Pick<ExploreOptions, "fingerprintBits" | "exact">>;

function outcome({ complete, stopReason, finding, fingerprintBits = 64, exact = false, ...counts }: Answer = {}): Outcome {
  const counted: Counts = { states: 100, transitions: 200, depth: 7, terminals: 1, levels: [], tableBytes: 800, workers: 1, walks: null, ...counts };
  return {
    complete: complete ?? true, stopReason: stopReason ?? null, finding: finding ?? null, further: [],
    measures: measuresOf(counted, { ...DEFAULT_CHECK_OPTIONS, fingerprintBits, exact }, 0.1, 8),
    witnessesReached: [], inForce: [], refinementCounts: null, blockCounts: null, callsSeen: null, notChecked: [], notLowered: null,
  };
}
const lostUpdate: Finding = {
  kind: "finally", name: "no update is lost", message: "", initial: [], also: [], minimised: true, explanation: null,
  steps: [0, 1, 0, 1].map((actor) => ({ actor, choices: [] })),
};
const scenario = (expect: Expectation): Scenario => ({ name: "toy", why: "", tier: "quick", structs: {}, threads: [{ name: "alice", run: () => { throw new Error("never run"); } }], expect });

/** An engine that answers as `answer` says, and keeps what it was asked. */
/** What the answers are told by that a search runs in WebAssembly. */
const LOWERED = { programHash: "abcdef" } as LoweredSearch;
function engine(answer: (options: ExploreOptions, clearing: boolean) => Answer, program: ToyProgram = racyCounter): Engine {
  let clearing = true;
  return {
    compile: (_s, options) => {
      clearing = options.clearDeadLocals;
      return { system: new ToySystem(program), source: { module: "", data: null, programHash: "abcdef" } };
    },
    explore: (_system, _source, options) => Promise.resolve(outcome(answer(options, clearing))),
    lower: () => Promise.resolve(LOWERED),
  };
}
const check = async (expect: Expectation, answer: Parameters<typeof engine>[0], options: Partial<CheckOptions> = {}): Promise<ScenarioResult> =>
  (await checkScenario(scenario(expect), { ...DEFAULT_CHECK_OPTIONS, ...options }, 2, engine(answer))).result;

describe("comparison with what a scenario expects", () => {
  it.each<[string, Expectation, Answer, Partial<CheckOptions>, string, string | null]>([
    ["holds", holds(), {}, {}, "holds", null],
    ["right pins", holds({ states: 100, transitions: 200, depth: 7 }), {}, {}, "holds", null],
    ["a wrong count of states", holds({ states: 99 }), {}, {}, "holds", "100 states, pinned are 99"],
    ["a wrong count of transitions", holds({ transitions: 1 }), {}, {}, "holds", "200 transitions, pinned are 1"],
    ["a wrong depth", holds({ depth: 8 }), {}, {}, "holds", "7 levels, pinned are 8"],
    ["a depth that a depth-first search cannot know", holds({ depth: 8 }), {}, { strategy: "dfs" }, "holds", null],
    ["a wrong count of a depth-first search", holds({ states: 99 }), {}, { strategy: "dfs" }, "holds", "100 states, pinned are 99"],
    ["pins of the other setting of clearing", holds({ states: 99 }), {}, { clearDeadLocals: false }, "holds", null],
    ["a violation where none should be", holds(), { complete: false, finding: lostUpdate }, {}, "violated", '"no update is lost" must hold when every thread has ended or rests, and does not'],
    ["the violation it expects", violated("no update is lost", { length: 4 }), { complete: false, finding: lostUpdate }, {}, "violated", null],
    ["the violation at another length", violated("no update is lost", { length: 3 }), { complete: false, finding: lostUpdate }, {}, "violated", "the shortest trace has 4 steps, 3 are pinned"],
    ["a long trace that nobody shortened", violated("no update is lost", { length: 3 }), { complete: false, finding: { ...lostUpdate, minimised: false } }, { strategy: "dfs" }, "violated", null],
    ["another violation", violated("I1"), { complete: false, finding: lostUpdate }, {}, "violated", '"I1" should be violated, and "no update is lost" is'],
    ["no violation where one should be", violated("I1"), {}, {}, "holds", '"I1" should be violated, and every promise holds'],
    ["a witness never reached", holds(), { finding: { ...lostUpdate, kind: "sometimes", name: "w", message: "no reachable state shows w", steps: [] } }, {}, "violated", "no reachable state shows w"],
    ["a bound", holds({ states: 5 }), { complete: false, stopReason: "the time bound was reached" }, {}, "incomplete", "the time bound was reached"],
    ["a bound before the violation it expects", violated("I1"), { complete: false, stopReason: "the time bound was reached" }, {}, "incomplete", "the time bound was reached"],
  ])("%s", async (_what, expected, answer, options, verdict, reason) => {
    const r = await check(expected, () => answer, options);
    expect([r.verdict, r.reason]).toEqual([verdict, reason]);
    expect(r.asExpected).toBe(reason === null);
  });

  it("counts once more without dead-local clearing where that count is pinned", async () => {
    const answer = (_: ExploreOptions, clearing: boolean): Answer => ({ states: clearing ? 100 : 150 });
    expect((await check(holds({ states: 100, statesWithoutClearing: 150 }), answer)).reason).toBeNull();
    expect((await check(holds({ states: 100, statesWithoutClearing: 151 }), answer)).reason).toBe("150 states without dead-local clearing, pinned are 151");
  });

  it("turns whatever goes wrong into a result in error", async () => {
    const broken = await check(holds(), () => { throw new Error("scenarios/a.ts:3:1: no such thing. Write another"); });
    expect([broken.verdict, broken.reason]).toEqual(["error", "scenarios/a.ts:3:1: no such thing. Write another"]);
    const odd = await check(holds(), () => ({ complete: false, finding: { ...lostUpdate, steps: [{ actor: 0, choices: [] }] } }));
    expect(odd.verdict).toBe("error");
    expect(odd.reason).toContain("the trace no longer shows a violation");
  });

  it("says how many states collisions are expected to cost", async () => {
    const r = await check(holds(), () => ({ states: 4_164_896, fingerprintBits: 32 }));
    expect(r.expectedCollisions).toBeCloseTo(2019.4, 0);
    expect(r.notChecked).toEqual(["About 2,019 states are expected to be lost to equal 32-bit fingerprints; --exact loses none.", ATOMICITY_NOT_CHECKED]);
    expect((await check(holds(), () => ({ states: 4_164_896, exact: true }))).expectedCollisions).toBe(0);
  });
});

describe("the default number of workers", () => {
  it("is one, unless the pinned count is worth more", () => {
    expect(workersFor(scenario(holds()), 16)).toBe(1);
    expect(workersFor(scenario(holds({ states: 2_999_999 })), 16)).toBe(1);
    expect(workersFor(scenario(holds({ states: 3_000_000 })), 2)).toBe(2);
    expect(workersFor(scenario(holds({ states: 3_000_000 })), 16)).toBe(8);
  });
});

describe("the audit", () => {
  const audit = async (answer: Parameters<typeof engine>[0], program?: ToyProgram): Promise<readonly string[]> =>
    (await auditScenario(scenario(holds()), DEFAULT_CHECK_OPTIONS, { cores: 2, engine: engine(answer, program) })).disagreements;

  it("is silent when everything agrees, and lets dead locals cost states", async () => {
    expect(await audit((_, clearing) => ({ states: clearing ? 100 : 150, depth: clearing ? 7 : 8 }))).toEqual([]);
  });

  it.each<[string, (o: ExploreOptions, clearing: boolean) => Answer, RegExp]>([
    ["a state lost to a collision", (o) => ({ states: o.exact ? 101 : 100 }), /exact states disagrees .*: 101 states, not 100/],
    ["a state lost with one seed", (o) => ({ states: o.seed === 0 ? 100 : 101 }), /another fingerprint seed disagrees/],
    ["a transition lost by two workers", (o) => ({ transitions: o.workers === 2 ? 199 : 200 }), /two workers disagrees .*: 199 transitions, not 200/],
    ["an end state lost depth first", (o) => ({ terminals: o.strategy === "dfs" ? 1 : 2 }), /depth first disagrees .*: 1 end states, not 2/],
    ["a violation that clearing hides", (_, clearing) => (clearing ? {} : { complete: false, finding: lostUpdate }), /dead locals kept disagrees .*: verdict violated, not holds/],
    ["states that clearing invents", (_, clearing) => ({ states: clearing ? 100 : 99 }), /dead locals kept disagrees .*: 99 states, fewer than 100/],
    ["another depth with another seed", (o) => ({ depth: o.seed === 0 ? 7 : 8 }), /another fingerprint seed disagrees .*: 8 levels, not 7/],
    ["a state lost in WebAssembly", (o) => ({ states: o.lowered == null ? 100 : 99 }), /in WebAssembly disagrees .*: 99 states, not 100/],
    ["another trace of two workers", (o) => ({ complete: false, finding: o.workers === 2 ? { ...lostUpdate, steps: [1, 0, 1, 0].map((actor) => ({ actor, choices: [] })) } : lostUpdate }), /two workers disagrees .*: its trace is another/],
  ])("notices %s", async (_what, answer, sentence) => {
    const found = await audit(answer);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(sentence);
  });

  it("compares no violated promise of a depth-first search, which may meet another first", async () => {
    const deadlock: Finding = { ...lostUpdate, kind: "deadlock", name: "deadlock", steps: [0, 1].map((actor) => ({ actor, choices: [] })) };
    const both: ToyProgram = { ...lockInversion, always: { "left is free": (w) => w["left"] === 0 } };
    const early: Finding = { ...lostUpdate, kind: "always", name: "left is free", steps: [{ actor: 0, choices: [] }] };
    expect(await audit((o) => ({ complete: false, states: o.strategy === "dfs" ? 3 : 9, finding: o.strategy === "dfs" ? deadlock : early }), both)).toEqual([]);
  });
});
