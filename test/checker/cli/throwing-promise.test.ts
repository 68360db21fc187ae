/** A promise that throws is broken, of whatever kind it is, and the run that leads there is shown. */
import { expect, it } from "vitest";
import type { ResultFile } from "../../../checker/result.ts";
import { Project } from "./fixture.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A counter that goes to 2 in two steps; the promise looks behind the end of a table of two, in the state with the value `at`. */
const scenarioWith = (promises: string, expected: string): string => `
import { at, holds, int, scenario, struct, table, violated, type Routine, type World } from "thpcheck";
const structs = { c: struct({ v: int(0, 3, "n") }), t: table(2, { x: int(0, 3, "n") }) };
type K = World<typeof structs>;
function* over(k: K): Routine { yield at("one"); k.c.v.add(1); yield at("two"); k.c.v.add(1); }
const beyond = (k: K): boolean => k.t.x.get(k.c.v.get() as never) === 0;
export default scenario({
  name: "beyond", why: "a test", tier: "quick", structs, threads: [{ name: "a", run: over }], ${promises}, expect: ${expected},
});
`;

const KINDS: readonly (readonly [string, string, string])[] = [
  ["a state", "always", 'always: { "no end": beyond }'],
  ["a step", "step", 'step: { "no end": (before, after) => beyond(after) }'],
  ["an end state", "finally", 'finally: { "no end": beyond }'],
];
const SEARCHES = [["--workers", "1"], ["--workers", "2"], ["--strategy", "dfs"], ["--strategy", "random", "--walks", "3"]];

it.each(KINDS.flatMap(([what, kind, text]) => SEARCHES.map((how) => [what, how.join(" "), kind, text, how] as const)))(
  "a promise of %s, %s", async (_what, _how, kind, text, how) => {
    const project = new Project({ "a.ts": scenarioWith(text, "holds()") });
    const r = await project.run(["check", "a.ts", ...how, "--out", "r.json"]);
    expect(r.stdout).toMatch(/broken: .*"no end"\n {2}it throws t\.x\[2\]: the index is outside 0\.\.1 {2}\(a\.ts:6\)/);
    expect(r.stdout).toContain("it read: c.v = 2 (step 2, a)");
    expect(r.code).toBe(1);
    const { results: [result] } = JSON.parse(readFileSync(join(project.folder, "r.json"), "utf8")) as ResultFile;
    expect(result!.violation).toMatchObject({ property: "no end", kind, length: 2, throws: "t.x[2]: the index is outside 0..1" });
    const replayed = await project.run(/npx thpcheck (replay \S+ --from a\.ts)/.exec(r.stdout)![1]!.split(" "));
    expect(replayed.stdout).toContain("it throws t.x[2]");
    project.remove();
  },
);

it("is not the violation that is expected", async () => {
  const project = new Project({ "a.ts": scenarioWith('always: { "no end": beyond }', 'violated("no end")') });
  const r = await project.run(["check", "a.ts"]);
  expect(r.stdout).toContain('"no end" should be false, and throws t.x[2]: the index is outside 0..1');
  expect(r.code).toBe(1);
  project.remove();
});

it("is no broken promise when it goes round for ever: nobody can ask it, and to show it would be to go round again", async () => {
  const project = new Project({ "a.ts": scenarioWith('always: { "no end": () => (() => { for (;;); })() }', "holds()") });
  const r = await project.run(["check", "a.ts"]);
  expect(r.stdout).toMatch(/^FAIL beyond: .*a\.ts:\d+/m);
  expect(r.code).toBe(2);
  project.remove();
});
