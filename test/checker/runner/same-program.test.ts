/** A module that gives another program each time that it is loaded: noticed, in one process and in several. */
import { afterAll, describe, expect, it } from "vitest";
import { Project } from "../cli/fixture.ts";

const module = (bound: string, names: readonly string[]): string => `
import { at, holds, int, scenario, struct, type Routine, type World } from "thpcheck";
const bound = ${bound};
const structs = { c: struct({ value: int(0, 7, "the count") }) };
type K = World<typeof structs>;
function* count(k: K): Routine { yield at("count"); k.c.value.set(bound); }
export default [${names.map((n) => JSON.stringify(n)).join()}].map((name) => scenario({ name, why: "a test", tier: "quick", structs,
  threads: [{ name: "a", run: count }, { name: "b", run: count }], expect: holds() }));
`;
/** So many that they are checked side by side. */
const MANY = ["a", "b", "c", "d", "e", "f", "g"];

const projects: Project[] = [];
const project = (files: Readonly<Record<string, string>>): Project => {
  const made = new Project(files);
  projects.push(made);
  return made;
};
afterAll(() => { for (const p of projects) p.remove(); });

const OTHERWISE = new RegExp("varies\\.ts is another program each time that it is loaded: " +
  "bound \\(captured by count, varies\\.ts:6\\) is \\d+ in one and \\d+ in the other; nothing");
/** Of 1e9, so that no two processes draw the same. The range of the field is not asked: nothing is explored. */
const draws = "Math.floor(Math.random() * 1e9)";

describe("in one process", () => {
  it.each([
    ["chance", "(globalThis as any).last === undefined ? ((globalThis as any).last = 1) : 2"],
    ["Math.random()", "[0, 1, 2, 3].map(() => Math.random()).reduce((a, b) => (a * 8 + Math.floor(b * 8)) % 8, 0)"],
    ["the year", "new Date().getFullYear() % 8"], ["the month", "Date.now() % 1000000 % 8"], ["the hour", "new Date().getHours() % 8"],
    ["the time as text", "Number(Date().replace(/\\D/g, '').slice(0, 10))"],
    ["the process", "process.pid % 8"],
  ])("%s is noticed", async (_what, bound) => {
    const p = project({ "varies.ts": module(bound, ["alone"]) });
    // Two draws in a row may be the same.
    let r = await p.run(["check", "varies.ts"]);
    for (let n = 0; n < 4 && r.code === 0; n++) r = await p.run(["check", "varies.ts"]);
    expect(r.stdout).toMatch(OTHERWISE);
    expect(r.code).toBe(2);
  });

  it("a name by chance is noticed", async () => {
    const p = project({ "varies.ts": module("1", ["alone"]).replace('["alone"]', "[`alone-${Math.random()}`]") });
    const r = await p.run(["check", "varies.ts"]);
    expect(r.stdout).toMatch(/varies\.ts is another program each time .*: the other time there is no scenario "alone-0\.\d+"/);
    expect(r.code).toBe(2);
  });

  it("a module that is imported, and varies, is named", async () => {
    const p = project({
      "varies.ts": module("1", ["alone"]).replace("const bound = 1;", 'import { bound } from "./drawn.ts";'),
      "drawn.ts": "export const bound = process.pid % 8;",
    });
    expect((await p.run(["check", "varies.ts"])).stdout).toMatch(OTHERWISE);
  });

  it("a module that does not vary is checked, whatever it reads", async () => {
    const p = project({ "still.ts": `${module("3", ["alone"])}\nexport const started = Date.now() + Math.random();` });
    const r = await p.run(["check", "still.ts"]);
    expect(r.stdout).toContain("ok   alone holds");
    expect(r.code).toBe(0);
  });

  it("one that cannot be loaded twice is checked, and says what was not", async () => {
    const once = 'if ((globalThis as any).seen) throw new Error("only once"); (globalThis as any).seen = true;';
    const p = project({ "once.ts": `${module("3", ["alone"])}\n${once}` });
    const r = await p.run(["check", "once.ts"]);
    expect(r.stdout).toContain("ok   alone holds");
    expect(r.stdout).toMatch(/note: That its module gives the same program in every process was not checked: loaded again, .*only once/);
    expect(r.code).toBe(0);
  });
});

describe("in several processes", () => {
  it.each([["the process", "process.pid"], ["what only a member has", "process.send === undefined ? 1 : 2"]])(
    "%s is noticed, for each scenario", async (_what, bound) => {
      const p = project({ "varies.ts": module(bound, MANY) });
      const r = await p.run(["check", "varies.ts", "--workers", "2"]);
      expect(r.stdout).toMatch(OTHERWISE);
      expect(r.stdout).toContain("7 scenarios: 0 as expected, 7 in error");
      expect(r.code).toBe(2);
    });

  it("a module that varies does not keep the others from being checked", async () => {
    const p = project({ "varies.ts": module(draws, MANY.slice(3)), "still.ts": module("3", MANY.slice(0, 3)) });
    const r = await p.run(["check", "varies.ts", "still.ts", "--workers", "2"]);
    expect(r.stdout.match(/^ok {3}[abc] holds/gm)).toHaveLength(3);
    expect(r.stdout).toMatch(OTHERWISE);
    expect(r.code).toBe(2);
  });

  it("a file that changes while the run goes on is noticed", async () => {
    const p = project({ "varies.ts": module("1", MANY) });
    const changes = "import { writeFileSync, readFileSync } from 'node:fs'; const me = import.meta.filename;" +
      "if (process.send === undefined) writeFileSync(me, readFileSync(me, 'utf8').replace('const bound = 1', 'const bound = 2'));\n";
    p.write("varies.ts", changes + module("1", MANY));
    const r = await p.run(["check", "varies.ts", "--workers", "2"]);
    expect(r.stdout).toMatch(/varies\.ts is another program .*: .* is function count at \d+ of \w+ in one and function count at \d+ of/);
    expect(r.code).toBe(2);
  });
});
