/** A promise that throws is broken, of whatever kind it is, and the run that leads there is shown. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ResultFile } from "../../../checker/result.ts";
import { Project, type Finished } from "./fixture.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A counter that goes to 2 in two steps; the promise looks behind the end of a table of two, in the state with the value `at`. */
const moduleWith = (...scenarios: string[]): string => `
import { at, holds, int, scenario, struct, table, violated, type Routine, type World } from "thpcheck";
const structs = { c: struct({ v: int(0, 3, "n") }), t: table(2, { x: int(0, 3, "n") }) };
type K = World<typeof structs>;
function* over(k: K): Routine { yield at("one"); k.c.v.add(1); yield at("two"); k.c.v.add(1); }
const beyond = (k: K): boolean => k.t.x.get(k.c.v.get() as never) === 0;
export default [
${scenarios.join("\n")}
];
`;
const scenarioOf = (name: string, promises: string, expected: string): string => `  scenario({
    name: "${name}", why: "a test", tier: "quick", structs, threads: [{ name: "a", run: over }], ${promises}, expect: ${expected},
  }),`;

const KINDS: readonly (readonly [string, string, string])[] = [
  ["a state", "always", 'always: { "no end": beyond }'],
  ["a step", "step", 'step: { "no end": (before, after) => beyond(after) }'],
  ["an end state", "finally", 'finally: { "no end": beyond }'],
];
const SEARCHES = [["--workers", "1"], ["--workers", "2"], ["--strategy", "dfs"], ["--strategy", "random", "--walks", "3"]];

const MODULE = moduleWith(...KINDS.map(([, kind, text]) => scenarioOf(kind, text, "holds()")));
/** Commands that replay, by the kind of the promise. */
const replays = new Map<string, Set<string>>();

// So few scenarios are checked one after the other: two workers are two threads of one search.
describe.each(SEARCHES.map((how) => [how.join(" "), how] as const))("%s", (_name, how) => {
  const project = new Project({ "a.ts": MODULE });
  let ran: Finished;
  beforeAll(async () => { ran = await project.run(["check", "a.ts", ...how, "--out", "r.json"]); });
  afterAll(() => { project.remove(); });
  const reported = (kind: string): string => ran.stdout.slice(ran.stdout.indexOf(`FAIL ${kind} `)).split(/\n(?=FAIL |\d+ scenarios)/)[0]!;

  it.each(KINDS)("a promise of %s", (_what, kind) => {
    expect(ran.code).toBe(1);
    expect(reported(kind)).toMatch(/broken: .*"no end"\n {2}it throws t\.x\[2\]: the index is outside 0\.\.1 {2}\(a\.ts:6\)/);
    expect(reported(kind)).toContain("it read: c.v = 2 (step 2, a)");
    const { results } = JSON.parse(readFileSync(join(project.folder, "r.json"), "utf8")) as ResultFile;
    const { violation } = results.find((r) => r.scenario === kind)!;
    expect(violation).toMatchObject({ property: "no end", kind, length: 2, throws: "t.x[2]: the index is outside 0..1" });
    // The thread has one run of two steps: every search has the same trace, and it is replayed once for each kind.
    replays.set(kind, (replays.get(kind) ?? new Set()).add(/npx thpcheck (replay \S+ --from a\.ts)/.exec(reported(kind))![1]!));
  });
});

it.each(KINDS)("the trace of every search, of a promise of %s, is one that replays", async (_what, kind) => {
  const project = new Project({ "a.ts": MODULE });
  const [command, ...others] = replays.get(kind)!;
  expect(others).toEqual([]);
  expect((await project.run(command!.split(" "))).stdout).toContain("it throws t.x[2]");
  project.remove();
});

it("is not the violation that is expected", async () => {
  const project = new Project({ "a.ts": moduleWith(scenarioOf("beyond", 'always: { "no end": beyond }', 'violated("no end")')) });
  const r = await project.run(["check", "a.ts"]);
  expect(r.stdout).toContain('"no end" should be false, and throws t.x[2]: the index is outside 0..1');
  expect(r.code).toBe(1);
  project.remove();
});

it("is no broken promise when it goes round for ever: nobody can ask it, and to show it would be to go round again", async () => {
  const forEver = scenarioOf("beyond", 'always: { "no end": () => (() => { for (;;); })() }', "holds()");
  const project = new Project({ "a.ts": moduleWith(forEver) });
  const r = await project.run(["check", "a.ts"]);
  expect(r.stdout).toMatch(/^FAIL beyond: .*a\.ts:\d+/m);
  expect(r.code).toBe(2);
  project.remove();
});
