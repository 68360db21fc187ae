/** What kills and what does not; how a sample is tried, kept, judged and explained. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { blockAt, Reach } from "./blocks.ts";
import { refuseStale } from "./explained.ts";
import { mutantsOfModule } from "./generate.ts";
import { Journal } from "./journal.ts";
import type { Mutant } from "./mutant.ts";
import { readModule } from "./program.ts";
import { trySample } from "./run.ts";
import { quotas, ranked } from "./sample.ts";
import { judge } from "./score.ts";
import { tasksFor, tryMutant, type Task, type Trial } from "./try-mutant.ts";
import { killedBy, type Outcome } from "./verdict.ts";
import type { Measured } from "./worker.ts";

const SOURCE = `import { at } from "thpcheck";
function* f(k: K): Routine {
  yield* a(k);
  if (x > y) {
    b(k);
    c(k);
    return;
  }
  d(k);
}
function* g(k: K): Routine { e(k); }
function h(k: K): void { e(k); }
`;
const MUTANTS = mutantsOfModule(readModule("impl/f.ts", SOURCE));
const mutantOf = (part: string): Mutant => MUTANTS.find((m) => m.operator === "skip-call" && m.summary.includes(part))!;
const measured = (scenario: string, more: Partial<Measured> = {}): Measured =>
  ({ scenario, file: `test/scenarios/${scenario}.ts`, tier: "quick", unusable: null, states: 10, cpuSeconds: 1, sanitized: false, ran: [], idle: [], ...more });
const violated = (property: string, of: (Outcome & { kind: "violated" })["of"]): Outcome => ({ kind: "violated", property, of, message: "m", steps: 3 });

describe("a mutant is killed", () => {
  it.each([
    ["an invariant", violated("I1 mapcount sums", "always"), "I1 mapcount sums"],
    ["a promise at rest", violated("L4", "finally"), "L4"],
    ["a machine", violated("refines folio", "step"), "refines folio"],
    ["a deadlock", violated("deadlock", "deadlock"), "deadlock"],
    ["a witness that is not reached any more", violated("it collapses", "sometimes"), "witness lost: it collapses"],
    ["an assertion", violated("assertion", "fault"), "assertion"],
    ["a sanitizer", violated("data-race", "fault"), "data-race"],
    ["a lock that is still held", violated("lock-held-at-exit", "fault"), "lock-held-at-exit"],
  ])("by %s", (_, outcome, promise) => {
    expect(killedBy(outcome)).toBe(promise);
  });
  it.each([
    ["an exception of the routine", violated("exception", "fault")],
    ["a loop that does not end", violated("endless-step", "fault")],
    ["a choice of nothing", violated("choose-from-nothing", "fault")],
    ["other counts than those pinned", { kind: "holds" } as const],
    ["a bound", { kind: "bounded", reason: "60 s" } as const],
    ["a crash", { kind: "crashed", reason: "no answer" } as const],
    ["a program that does not compile", { kind: "invalid", reason: "type" } as const],
  ])("not by %s", (_, outcome) => {
    expect(killedBy(outcome)).toBeNull();
  });
});

describe("one mutant", () => {
  const mutant = mutantOf("d(k)");
  const scenarios = ["s1", "s2", "s3", "s4", "s5", "s6", "s7"].map((s) => measured(s));
  const answering = (outcomes: readonly Outcome[]): { ask: (task: Task) => Promise<{ outcome: Outcome; cpuSeconds: number }>; asked: string[] } => {
    const asked: string[] = [];
    return { asked, ask: (task) => { asked.push(task.scenario.scenario); return Promise.resolve({ outcome: outcomes[asked.length - 1] ?? { kind: "holds" }, cpuSeconds: 2 }); } };
  };

  it("is killed by the first promise, and tried no further", async () => {
    const { ask, asked } = answering([{ kind: "holds" }, violated("I1", "always")]);
    expect(await tryMutant(mutant, [scenarios], 60, ask)).toMatchObject({ verdict: "killed", promise: "I1", scenario: "s2", tried: 2, possible: 7 });
    expect(asked).toEqual(["s1", "s2"]);
  });
  it("survives bounds, crashes and endless loops, which are counted", async () => {
    const { ask } = answering([{ kind: "bounded", reason: "time" }, { kind: "crashed", reason: "no answer" }, violated("endless-step", "fault")]);
    expect(await tryMutant(mutant, [scenarios], 60, ask)).toMatchObject({ verdict: "survived", promise: null, tried: 7, unfinished: 3, message: "s3: endless-step: m" });
  });
  it("is invalid if it does not compile, and only then", async () => {
    expect(await tryMutant(mutant, [scenarios], 60, answering([{ kind: "invalid", reason: "no such name" }]).ask)).toMatchObject({ verdict: "invalid", message: "no such name", tried: 1 });
    expect(await tryMutant(mutant, [scenarios], 60, answering([{ kind: "holds" }, { kind: "invalid", reason: "x" }]).ask)).toMatchObject({ verdict: "survived" });
  });
  it("looks for a promise that says more than a value out of its range", async () => {
    const range = violated("range", "fault");
    expect(await tryMutant(mutant, [scenarios], 60, answering([range, { kind: "holds" }, violated("I1", "always")]).ask)).toMatchObject({ verdict: "killed", promise: "I1" });
    expect(await tryMutant(mutant, [scenarios], 60, answering([range]).ask)).toMatchObject({ verdict: "killed", promise: "range", scenario: "s1", tried: 5 });
  });
  it("gets no more time than its budget", async () => {
    const { ask, asked } = answering([]);
    expect(await tryMutant(mutant, [scenarios], 5, ask)).toMatchObject({ verdict: "survived", tried: 3, possible: 7 });
    expect(asked).toHaveLength(3);
  });
  it("is tried where scenarios are about different things first, and the sanitizers come early where a lock is at stake", () => {
    const world = [measured("a1", { file: "a" }), measured("a2", { file: "a" }), measured("b1", { file: "b", states: 500, sanitized: true }), measured("out", { unusable: "too large" })];
    const order = (operator: Mutant["operator"]): string[] => tasksFor({ operator }, world).map((t) => `${t.scenario.scenario} ${t.pass}`);
    expect(order("skip-call")).toEqual(["a1 plain", "b1 plain", "a2 plain", "b1 sanitized"]);
    expect(order("drop-lock-pair")).toEqual(["b1 sanitized", "a1 plain", "a2 plain", "b1 plain"]);
  });
});

describe("a scenario can tell", () => {
  const module = readModule("impl/f.ts", SOURCE);
  const known = new Set(["impl/f.ts:3:3", "impl/f.ts:5:5", "impl/f.ts:9:3", "impl/f.ts:4:3"]);
  const block = (text: string): string => blockAt(module, SOURCE.indexOf(text), known);
  it("only if it runs the block", () => {
    expect([block("a(k)"), block("x > y"), block("b(k)"), block("c(k)"), block("d(k)")]).toEqual(["impl/f.ts:3:3", "impl/f.ts:4:3", "impl/f.ts:5:5", "impl/f.ts:5:5", "impl/f.ts:9:3"]);
  });
  it("about a routine that no program has: none; about other code without counters: any", () => {
    expect(block("{ e(k); }")).toBe("nowhere");
    expect(blockAt(module, SOURCE.lastIndexOf("e(k)"), known)).toBe("anywhere");
    expect(blockAt(module, 0, known)).toBe("anywhere");
  });
  it("and then is asked", () => {
    const scenarios = [measured("early", { ran: ["impl/f.ts:3:3"], idle: ["impl/f.ts:5:5", "impl/f.ts:9:3"] }), measured("late", { ran: ["impl/f.ts:3:3", "impl/f.ts:9:3"] })];
    const reach = new Reach(scenarios);
    const names = (m: Mutant): string[][] => reach.of(m).map((group) => group.map((s) => s.scenario));
    expect(names(mutantOf("d(k)"))).toEqual([["late"]]);
    expect(names(mutantOf("b(k)"))).toEqual([[]]);
    expect(names(mutantOf("a(k)"))).toEqual([["early", "late"]]);
  });
  it("of a check that goes, where the check would have stopped the routine; first, if the check does something itself", () => {
    const text = `function* f(k: K): Routine {
  if (k.a.b.get() === x) return 1;
  if (!trylock(k)) return 2;
}
`;
    const all = mutantsOfModule(readModule("impl/c.ts", text));
    const check = (part: string): Mutant => all.find((m) => m.operator === "drop-refusal" && m.summary.includes(part))!;
    const reach = new Reach([measured("passes", { ran: ["impl/c.ts:2:3", "impl/c.ts:3:3"], idle: ["impl/c.ts:2:26", "impl/c.ts:3:20"] }), measured("stops", { ran: ["impl/c.ts:2:3", "impl/c.ts:2:26", "impl/c.ts:3:3", "impl/c.ts:3:20"] })]);
    expect(reach.of(check("return 1")).map((g) => g.map((s) => s.scenario))).toEqual([["stops"]]);
    expect(reach.of(check("return 2")).map((g) => g.map((s) => s.scenario))).toEqual([["stops"], ["passes"]]);
  });
});

const trial = (m: Mutant, verdict: Trial["verdict"]): Trial => ({ id: m.id, verdict, promise: verdict === "killed" ? "I1" : null, message: null, scenario: null, pass: null, steps: null, tried: 1, possible: 1, unfinished: 0, cpuSeconds: 1 });
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "thpcheck-mutate-"));
  onTestFinished(() => { rmSync(made, { recursive: true, force: true }); });
  return made;
}

describe("a sample", () => {
  it("has the mix, whatever its size", () => {
    for (const size of [1, 7, 100, 250]) expect([...quotas(size).values()].reduce((a, b) => a + b, 0)).toBe(size);
    expect(quotas(100).get("drop-recheck")).toBe(14);
  });
  it("is the same for the same seed, in whatever order mutants come, and keeps its ranks when one goes", () => {
    const order = (mutants: readonly Mutant[], seed: number): string[] => [...ranked(mutants, seed).values()].flat().map((m) => m.id);
    expect(order([...MUTANTS].reverse(), 14)).toEqual(order(MUTANTS, 14));
    expect(order(MUTANTS.slice(1), 14)).toEqual(order(MUTANTS, 14).filter((id) => id !== MUTANTS[0]!.id));
    expect([...Array(20).keys()].some((seed) => order(MUTANTS, seed).join() !== order(MUTANTS, 14).join())).toBe(true);
  });
  it("replaces what does not compile by the next in rank, and does not try twice what the journal has", async () => {
    const ranks = ranked(MUTANTS, 14);
    const calls = ranks.get("skip-call")!;
    const file = join(folder(), "trials.jsonl");
    const tried: string[] = [];
    const attempt = (m: Mutant): Promise<Trial> => { tried.push(m.id); return Promise.resolve(trial(m, m.id === calls[0]!.id ? "invalid" : "killed")); };
    const result = await trySample(ranks, new Map([["skip-call", 2]]), 2, attempt, new Journal(file, "world"), () => {});
    expect(result.map((t) => t.mutant.id).sort()).toEqual(calls.slice(0, 3).map((m) => m.id).sort());
    writeFileSync(file, `${readFileSync(file, "utf8")}{"world":"world","tri`);
    const again = await trySample(ranks, new Map([["skip-call", 2]]), 2, attempt, new Journal(file, "world"), () => {});
    expect(again).toHaveLength(3);
    expect(tried).toHaveLength(3);
    await trySample(ranks, new Map([["skip-call", 2]]), 2, attempt, new Journal(file, "another world"), () => {});
    expect(tried).toHaveLength(6);
  });
  it("keeps what is known when it is interrupted", async () => {
    const file = join(folder(), "trials.jsonl");
    let n = 0;
    const result = await trySample(ranked(MUTANTS, 14), new Map([["skip-call", 3]]), 1, (m) => Promise.resolve(n++ === 1 ? null : trial(m, "killed")), new Journal(file, "w"), () => {});
    expect(result).toHaveLength(1);
    expect(new Journal(file, "w").get(result[0]!.mutant.id)?.verdict).toBe("killed");
  });
});

describe("the score", () => {
  const [a, b, c, d] = MUTANTS as [Mutant, Mutant, Mutant, Mutant];
  const because = (m: Mutant) => ({ id: m.id, change: m.summary, why: "argument" });
  const tried = [{ mutant: a, trial: trial(a, "killed") }, { mutant: b, trial: trial(b, "survived") }, { mutant: c, trial: trial(c, "survived") }, { mutant: d, trial: trial(d, "invalid") }];
  it("is of those that are not equivalent and compile", () => {
    expect(judge(tried, [], [])).toMatchObject({ score: 100 / 3, killed: 1, invalid: 1 });
    expect(judge(tried, [], []).unexplained.map((t) => t.mutant.id).sort()).toEqual([b.id, c.id].sort());
    expect(judge(tried, [because(b)], [because(c)])).toMatchObject({ score: 50, unexplained: [], wrong: [], equivalents: [{ why: "argument" }], survivors: [{ why: "argument" }] });
  });
  it("has no score where nothing was tried that is not equivalent", () => {
    expect(judge([], [], []).score).toBeNull();
    expect(judge(tried.filter((t) => t.mutant === b), [because(b)], [])).toMatchObject({ score: null, equivalents: [{ why: "argument" }] });
  });
  it("takes no argument for the life of a mutant that is dead", () => {
    expect(judge(tried, [because(a)], []).wrong).toMatchObject([{ mutant: a }]);
    expect(judge(tried, [], [because(a)]).wrong).toMatchObject([{ mutant: a }]);
    expect(judge(tried, [because(a)], []).score).toBe(100 / 3);
  });
  it("takes no explanation of code that is not there, or of another change", () => {
    expect(() => { refuseStale([because(a)], MUTANTS); }).not.toThrow();
    expect(() => { refuseStale([{ ...because(a), id: "0000000000" }], MUTANTS); }).toThrow(/1 written explanations .* not there any more.*\n {2}0000000000/s);
    expect(() => { refuseStale([{ ...because(a), change: "- other();" }], MUTANTS); }).toThrow(/not there any more/);
    expect(() => { refuseStale([because(a), because(a)], MUTANTS); }).toThrow(/twice/);
  });
});
