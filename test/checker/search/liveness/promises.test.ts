/** Promises about whole runs, as scenarios say them: each kind kept and broken, who is owed steps, runs that end, what a trace shows. */
import { describe, expect, it } from "vitest";
import { checkScenario } from "../../../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS, type Checked, type CheckOptions } from "../../../../checker/check/options.ts";
import { compileScenario, programHash } from "../../../../checker/compile/compile.ts";
import { digestOf } from "../../../../checker/compile/digest.ts";
import type { GivenScenario, ModelActor, Scenario } from "../../../../checker/scenario.ts";
import { renderTrace } from "../../../../checker/report/counterexample.ts";
import { promiseInWords } from "../../../../checker/report/promise-text.ts";
import { decodeTrace, encodeTrace } from "../../../../checker/trace/codec.ts";
import { checkTrace, writeTrace } from "../../../../checker/trace/json.ts";
import { replay, type ReplaySubject } from "../../../../checker/trace/replay.ts";
import { busy, early, ender, few, is, late, one, shares, stuck, three, two, used, walker, walks, wanted, type S } from "./runs.ts";

const check = (of: Scenario, options: Partial<CheckOptions> = {}): Promise<Checked> =>
  checkScenario(of, { ...DEFAULT_CHECK_OPTIONS, ...options }, 1);

const violation = async (of: Scenario, options: Partial<CheckOptions> = {}) => {
  const { result } = await check(of, options);
  return result.violation === null ? result.verdict : [result.violation.property, result.violation.length, result.violation.trace?.loop];
};

describe("each kind", () => {
  it.each<[string, ModelActor<S>, Partial<GivenScenario<S>>, unknown]>([
    ["eventually, kept", walker, { eventually: { p: three } }, "holds"],
    ["eventually, by the first state", walker, { eventually: { p: is(0) } }, "holds"],
    ["eventually, broken", walker, { eventually: { p: used } }, ["p", 4, 2]],
    ["eventually, broken by an end", ender, { eventually: { p: used } }, ["p", 3, 3]],
    ["leadsTo, kept", walker, { leadsTo: { p: { from: one, to: three } } }, "holds"],
    ["leadsTo, kept by the state itself", ender, { leadsTo: { p: { from: three, to: three } } }, "holds"],
    ["leadsTo, broken", walker, { leadsTo: { p: { from: two, to: one } } }, ["p", 4, 2]],
    ["leadsTo, broken by what comes in the loop alone", walker, { leadsTo: { p: { from: three, to: one } } }, ["p", 4, 2]],
    ["leadsTo, broken by an end", ender, { leadsTo: { p: { from: three, to: one } } }, ["p", 3, 3]],
    ["leadsTo, of what never is", walker, { leadsTo: { p: { from: used, to: one } } }, "holds"],
    ["alwaysEventually, kept", walker, { alwaysEventually: { p: two } }, "holds"],
    ["alwaysEventually, broken", walker, { alwaysEventually: { p: one } }, ["p", 4, 2]],
    ["alwaysEventually, kept by an end", ender, { alwaysEventually: { p: three } }, "holds"],
    ["alwaysEventually, broken by an end", ender, { alwaysEventually: { p: two } }, ["p", 3, 3]],
    ["eventuallyAlways, kept", walker, { eventuallyAlways: { p: late } }, "holds"],
    ["eventuallyAlways, broken", walker, { eventuallyAlways: { p: three } }, ["p", 4, 2]],
    ["eventuallyAlways, kept by an end", ender, { eventuallyAlways: { p: three } }, "holds"],
    ["progress, kept", walker, { progress: { p: two } }, "holds"],
    ["progress, broken", walker, { progress: { p: one } }, ["p", 4, 2]],
    ["progress, kept by an end", ender, { progress: { p: one } }, "holds"],
  ])("%s", async (_, actor, parts, expected) => {
    expect(await violation(walks(actor, parts))).toEqual(expected);
  });

  it("names the others that break, and shows the one that is expected", async () => {
    const all = walks(walker, { eventually: { a: used }, alwaysEventually: { b: one }, progress: { c: two } });
    const { result } = await check(all);
    expect([result.violation?.property, result.alsoViolated.map((p) => `${p.kind} ${p.name}`)]).toEqual(["a", ["alwaysEventually b"]]);
    expect((await check(all, { goOn: true })).result.further.map((v) => v.property)).toEqual(["b"]);
  });
});

describe("fairness", () => {
  it("weak is not enough for who can move now and then; strong is; none is owed nothing", async () => {
    expect(await violation(shares({}))).toEqual(["served", 3, 1]);
    expect(await violation(shares({ fairness: { wants: "strong" } }))).toBe("holds");
    // The hog has it, and stops.
    expect(await violation(shares({ fairness: { wants: "strong", hog: "none" } }))).toEqual(["served", 2, 2]);
    expect(await violation(walks(walker, { eventually: { p: one }, fairness: { walker: "none" } }))).toEqual(["p", 0, 0]);
  });

  it("is said to be why the loop can go on", async () => {
    const { replayed } = await check(shares({}));
    expect(replayed!.waiting).toEqual([
      "hog moves in the loop: 2 steps, the first is 2",
      'wants can move in state 1 and not in state 2, where it waits at "take", again and again: weak fairness does not make it move',
    ]);
    const stops = await check(shares({ fairness: { wants: "strong", hog: "none" } }));
    expect(stops.replayed!.waiting).toEqual([
      'hog could move in state 2, and need not: nothing is owed to it (fairness "none")', 'wants never can move: it waits at "take"',
    ]);
    expect(stops.replayed!.message).toContain("no step follows the last state");
  });
});

describe("what narrows a search", () => {
  it("beyond the bound nothing is said of runs, and where nothing can move a run stays", async () => {
    expect(await violation(walks(walker, { within: early, eventually: { p: three } }))).toBe("holds");
    expect(await violation(walks(ender, { within: early, eventuallyAlways: { p: is(0) } }))).toBe("holds");
    expect(await violation(walks(stuck, { deadlock: "it is over", alwaysEventually: { p: two } }))).toEqual(["p", 3, 3]);
  });

  it("is asked of no search that did not see all, or found something else, and says so", async () => {
    const broken = walks(walker, { eventually: { p: used }, always: { few: few } });
    const { result } = await check(broken);
    expect([result.violation?.property, result.notChecked.some((n) => n.includes("liveness) was not checked: other promises are broken"))])
      .toEqual(["few", true]);
    const left = await check(walks(walker, { eventually: { p: used } }), { liveness: false });
    expect([left.result.verdict, left.result.notChecked]).toEqual(["holds", [expect.stringContaining("(--no-liveness)")]]);
    expect((await check(shares({}), { strategy: "random", walks: 3 })).result.verdict).toBe("incomplete");
    const bound = await check(shares({}), { memoryBytes: 1 });
    expect([bound.result.verdict, bound.result.asExpected]).toEqual(["incomplete", false]);
  });

  it("comes out the same in each way to search, and with dead locals kept", async () => {
    for (const options of [{ exact: true }, { strategy: "dfs" }, { engine: "wasm" }, { workers: 2 }, { clearDeadLocals: false }] as const) {
      expect(await violation(shares({}), options)).toEqual(["served", 3, 1]);
    }
  });
});

describe("a trace", () => {
  const subjectOf = (s: Scenario): ReplaySubject => {
    const { system, image } = compileScenario(s);
    return { system, scenario: s.name, programHash: programHash(image), config: {}, patch: null };
  };

  it("comes back from its string and its file, and is shown with its loop", async () => {
    const s = shares({});
    const { trace } = (await check(s)).replayed!;
    const text = encodeTrace(trace, ["hog", "wants"]);
    expect(replay(subjectOf(s), decodeTrace(text)).trace).toEqual(trace);
    expect(checkTrace(JSON.parse(writeTrace(trace)), "it")).toEqual(trace);
    expect(promiseInWords(trace.property)).toBe('leadsTo "served"');
    const replayed = replay(subjectOf(s), trace);
    for (const full of [true, false]) {
      const shown = renderTrace(replayed, { width: 120, color: false, full, replayCommand: "again" });
      const order = ["want", "the loop begins here, in state 1", "take", "give", "back in state 1; from there it repeats for ever"];
      expect(order.map((o) => shown.indexOf(o)).every((at, i, all) => at >= 0 && (i === 0 || at > all[i - 1]!))).toBe(true);
    }
  });

  it("is held to its loop, to its promise and to fairness", async () => {
    const s = shares({});
    const { trace } = (await check(s)).replayed!;
    const again = (changes: object, of: Scenario = s) => () => replay(subjectOf(of), { ...trace, ...changes });
    expect(again({})).not.toThrow();
    expect(again({ loop: 0 })).toThrow("the last state is not state 0 again");
    expect(again({ loop: null })).toThrow("it has no loop");
    expect(again({ loop: 3 })).toThrow("the run is not fair to hog");
    expect(again({ property: { kind: "leadsTo", name: "other" } })).toThrow('no promise "other" of this kind');
    expect(again({}, shares({ fairness: { wants: "strong" } }))).toThrow("the run is not fair to wants");
    expect(again({}, shares({ leadsTo: { served: { from: wanted, to: busy } } })))
      .toThrow('the run keeps "served"');
  });
});

describe("the form", () => {
  const given = (parts: object): (() => unknown) => () => shares(parts);
  it.each<[string, object, string]>([
    ["a thread that is none", { fairness: { nobody: "weak" } }, 'fairness names "nobody", which is no thread of it'],
    ["another fairness", { fairness: { hog: "very" } }, "fairness.hog"],
    ["no pair", { leadsTo: { served: used } }, "{ from, to }"],
    ["no function", { eventually: { served: true } }, "eventually.served must be a plain function"],
    ["one name twice", { eventually: { served: one } }, 'two properties are named "served"'],
  ])("%s is refused", (_, parts, message) => {
    expect(given(parts)).toThrow(message);
  });

  it("more predicates than a word has are refused, and shared ones count once", async () => {
    const many = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`p${i}`, one]));
    expect((await check(walks(walker, { eventually: many }))).result.verdict).toBe("holds");
    const source = Array.from({ length: 33 }, (_, i) => [`p${i}`, i] as const);
    const kinds = { eventually: {}, progress: {} } as Record<string, Record<string, unknown>>;
    for (const [name, i] of source) kinds[i % 2 === 0 ? "eventually" : "progress"]![name] = is(i);
    expect((await check(walks(walker, kinds as Partial<GivenScenario<S>>))).result.reason).toContain("33 predicates; at most 32");
  });

  it("what is promised and what is owed are part of the program", () => {
    const programs = [shares({}), shares({ fairness: { wants: "strong" } }), shares({ leadsTo: {} })];
    expect(new Set(programs.map((s) => programHash(compileScenario(s).image))).size).toBe(3);
    expect(new Set(programs.map(digestOf)).size).toBe(3);
  });
});
