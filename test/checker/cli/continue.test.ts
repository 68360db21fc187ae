/** `check --continue`: everything that breaks, each by its own trace, on the screen and for programs. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "sarif";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ResultFile, ScenarioResult } from "../../../checker/result.ts";
import { CONFIG, Project, type Finished } from "./fixture.ts";

/** Three threads count without a lock: promises break at several depths, one step fails, one promise holds. */
const MANY = `import { at, bugOn, holds, int, scenario, struct, type Routine, type U8, type World } from "thpcheck";
const structs = { c: struct({ value: int(0, 8, "counter") }) };
type K = World<typeof structs>;
function* counts(k: K): Routine {
  yield at("read");
  const seen: U8 = k.c.value.get();
  yield at("write");
  k.c.value.set(seen + 1);
  yield at("again");
  bugOn(k.c.value.get() === 4, "four");
  k.c.value.add(1);
}
export default scenario({
  name: "many", why: "breaks in several ways", tier: "quick", structs,
  threads: ["alice", "bob", "carol"].map((name) => ({ name, run: counts })),
  always: {
    "below two": (k: K) => k.c.value.get() < 2, "below three": (k: K) => k.c.value.get() < 3, "below seven": (k: K) => k.c.value.get() < 7,
  },
  step: { "no step back": (before: K, after: K) => after.c.value.get() >= before.c.value.get() },
  finally: { "all are counted": (k: K) => k.c.value.get() === 6 },
  expect: holds(),
});
`;
/** A promise throws behind a state in which another is broken. */
const LATE = `import { at, holds, int, scenario, struct, type Routine, type World } from "thpcheck";
const structs = { c: struct({ value: int(0, 8, "counter") }) };
type K = World<typeof structs>;
function* counts(k: K): Routine {
  yield at("one");
  k.c.value.add(1);
  yield at("two");
  k.c.value.add(1);
}
export default scenario({
  name: "late", why: "a promise throws behind another violation", tier: "quick", structs,
  threads: [{ name: "alice", run: counts }],
  always: {
    "zero": (k: K) => k.c.value.get() === 0,
    "late": (k: K) => {
      if (k.c.value.get() === 2) throw new RangeError("too late");
      return true;
    },
  },
  expect: holds(),
});
`;
/** A promise that is called as a rule is: two violations of one name, and a witness that nobody sees. */
const NAMESAKES = `import { at, int, scenario, struct, type Routine, type World } from "thpcheck";
const structs = { c: struct({ value: int(0, 2, "counter") }) };
type K = World<typeof structs>;
function* counts(k: K): Routine {
  yield at("one");
  k.c.value.set(1);
  yield at("two");
  k.c.value.add(2);
}
export default scenario({
  name: "namesakes", structs, threads: [{ name: "alice", run: counts }],
  always: { zero: (k: K) => k.c.value.get() === 0, range: (k: K) => k.c.value.get() === 0 },
  sometimes: { two: (k: K) => k.c.value.get() === 2 },
});
`;
const SHOWN = ['always "below two"', 'always "below three"', 'step "no step back"', 'fault "assertion"', 'finally "all are counted"'];

const project = new Project({
  "thpcheck.config.ts": CONFIG, "scenarios/many.ts": MANY, "scenarios/late.ts": LATE, "scenarios/namesakes.ts": NAMESAKES,
});
const results = (name: string): ScenarioResult[] =>
  (JSON.parse(readFileSync(join(project.folder, name), "utf8")) as ResultFile).results as unknown as ScenarioResult[];
const found = (r: ScenarioResult): string[] => [r.violation!, ...r.further].map((v) => `${v.kind} "${v.property}"`);
let ran: Finished;
beforeAll(async () => {
  ran = await project.run(["check", "many", "--continue", "--out", "r.json", "--out", "sarif:r.sarif", "--report", "report"]);
});
afterAll(() => { project.remove(); });

describe("check --continue", () => {
  it("finds each promise that breaks, by a shortest trace of its own, and nothing else", () => {
    expect(ran.code).toBe(1);
    const [result] = results("r.json");
    expect(found(result!).sort()).toEqual(SHOWN.toSorted());
    expect(result!.alsoViolated.map(({ kind, name }) => `${kind} "${name}"`)).toEqual(found(result!).slice(1));
    const lengths = [result!.violation!, ...result!.further].map((v) => v.length);
    expect(lengths).toEqual(lengths.toSorted((a, b) => a - b));
    expect(new Set(lengths).size).toBeGreaterThan(2);
    expect(result!.further.every((v) => v.minimised && v.trace!.steps.length === v.length)).toBe(true);
    expect(result!.notChecked).toContainEqual(expect.stringContaining("what a step that fails would lead to is not known"));
    expect(result!.notChecked).toContainEqual(expect.stringContaining("was not checked: other promises are broken"));
  });

  it("shows each trace on the screen, with the command that replays it", async () => {
    const commands = [...ran.stdout.matchAll(/npx thpcheck replay (tc1\.\S+)/g)].map((m) => m[1]!);
    expect(commands).toHaveLength(SHOWN.length);
    const replayed = await project.run(["replay", commands.at(-1)!]);
    expect(replayed.code).toBe(0);
    expect(replayed.stdout).toContain(results("r.json")[0]!.further.at(-1)!.property);
  });

  it("keeps each trace in the file of results, by the name of its promise", async () => {
    const replayed = await project.run(["replay", "r.json", "--scenario", "many: below three"]);
    expect(replayed.code).toBe(0);
    expect(replayed.stdout).toContain('broken: always "below three"');
    const { code, stderr } = await project.run(["replay", "r.json", "--scenario", "many: no such"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("no trace of many: no such, only of many, many: below three")]);
  });

  it("has a case for each in formats of cases, and a page for each in reports", () => {
    const told = (JSON.parse(readFileSync(join(project.folder, "r.sarif"), "utf8")) as Log).runs[0]!.results!;
    expect(told.map((r) => r.codeFlows!.length)).toEqual(SHOWN.map(() => 1));
    expect(new Set(told.map((r) => r.ruleId)).size).toBe(SHOWN.length);
    const pages = ["many.2.html", "many.3.html", "many.4.html", "many.5.html", "many.html"];
    expect(readdirSync(join(project.folder, "report/traces")).sort()).toEqual(pages);
    const index = readFileSync(join(project.folder, "report/index.html"), "utf8");
    expect(index.match(/href="traces\/many[^"]*"/g)).toHaveLength(SHOWN.length);
  });

  it.each([["--engine", "wasm"], ["--workers", "2"], ["--exact"]])("comes to the same with %s", async (...how) => {
    await project.run(["check", "many", "--continue", ...how, "--out", "other.json"]);
    const [[a], [b]] = [results("r.json"), results("other.json")];
    expect([b!.violation, b!.further]).toEqual([a!.violation, a!.further]);
    expect([b!.states, b!.transitions, b!.terminals]).toEqual([a!.states, a!.transitions, a!.terminals]);
  });

  it("names the line of a promise that throws, though another broke before", async () => {
    const { stdout } = await project.run(["check", "late", "--continue"]);
    expect(stdout).toContain("it throws RangeError: too late  (scenarios/late.ts:16)");
  });

  it("ends at the level of the first violation without it", async () => {
    await project.run(["check", "many", "--out", "first.json"]);
    const [first] = results("first.json");
    expect(first!.further).toEqual([]);
    expect(found(first!)).toEqual(found(results("r.json")[0]!).slice(0, 1));
    expect(first!.states).toBeLessThan(results("r.json")[0]!.states);
  });

  it.each([
    [["--strategy", "dfs"], "--continue needs --strategy bfs; dfs ends with the first violation"],
    [["--audit"], "--audit compares searches that end with the first violation; leave out --continue"],
  ])("is refused with %s", async (how, says) => {
    const { code, stderr } = await project.run(["check", "many", "--continue", ...how]);
    expect([code, stderr]).toEqual([2, `thpcheck: ${says}\n`]);
  });
});

it("a promise and a rule of one name have a page each, and what was never shown is said", async () => {
  const { stdout } = await project.run(["check", "namesakes", "--continue", "--report", "namesakes",
    "--out", "n.json", "--out", "sarif:n.sarif"]);
  expect(stdout).toContain('broken: sometimes "two" too');
  expect(results("n.json")[0]!.alsoViolated).toContainEqual({ kind: "sometimes", name: "two" });
  const told = (JSON.parse(readFileSync(join(project.folder, "n.sarif"), "utf8")) as Log).runs[0]!.results!;
  expect(told.map((r) => r.message.text)).toContainEqual(expect.stringContaining('no reachable state shows "two"'));
  const index = readFileSync(join(project.folder, "namesakes/index.html"), "utf8");
  const links = [...index.matchAll(/<a href="(traces\/[^"]*)">/g)].map((m) => m[1]!);
  expect(links).toHaveLength(3);
  expect(new Set(links).size).toBe(3);
  expect(new Set(links.map((l) => readFileSync(join(project.folder, "namesakes", l), "utf8"))).size).toBe(3);
});
