/** Pins of scenarios whose names are computed: a table beside the module, written by `--update-pins`. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Project } from "../cli/fixture.ts";

const module = (expectRacy: string): string => `
import { at, holds, int, scenario, struct, violated } from "thpcheck";
import type { Routine, U8, World } from "thpcheck";
const structs = { counter: struct({ value: int(0, 9, "the count") }) };
type K = World<typeof structs>;
function* add(k: K): Routine {
  yield at("read");
  const seen: U8 = k.counter.value.get();
  yield at("write");
  k.counter.value.set(seen + 1);
}
const many = (n: number, racy: boolean) => scenario({
  name: \`\${racy ? "racy" : "some"}-\${n}\`, why: "one of many", tier: "quick", structs,
  threads: Array.from({ length: n }, (_, i) => ({ name: "t" + i, run: add })),
  finally: racy ? { "all count": (k: K) => k.counter.value.get() === n } : {},
  expect: racy ? ${expectRacy} : holds(),
});
export default [many(2, false), many(3, false), many(2, true)];
`;
const projects: Project[] = [];
const project = (files: Readonly<Record<string, string>>): Project => {
  const made = new Project(files);
  projects.push(made);
  return made;
};
afterAll(() => { for (const p of projects) p.remove(); });
const table = (p: Project): string => readFileSync(join(p.folder, "many.pins.json"), "utf8");

describe("a table of pins", () => {
  it("is written by --update-pins, one line a scenario, and read by the next check", async () => {
    const p = project({ "many.ts": module('violated("all count")') });
    const first = await p.run(["check", "many.ts", "--update-pins"]);
    expect(first.code, first.stdout + first.stderr).toBe(0);
    expect(table(p)).toMatch(/^\{\n {2}"racy-2": \{"length":\d+\},\n {2}"some-2": \{"states":\d+,"transitions":\d+,"depth":\d+\},\n {2}"some-3": .*\n\}\n$/);
    const written = table(p);
    expect((await p.run(["check", "many.ts", "--update-pins"])).stdout).toContain("some-2: its pins are right");
    expect(table(p)).toBe(written);

    p.write("many.pins.json", written.replace(/("some-3": \{"states":)\d+/, "$17").replace(/"length":\d+/, '"length":99'));
    const wrong = await p.run(["check", "many.ts"]);
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toMatch(/\d+ states, pinned are 7/);
    expect(wrong.stdout).toMatch(/the shortest trace has \d steps, 99 are pinned/);
    await p.run(["check", "many.ts", "--update-pins"]);
    expect(table(p)).toBe(written);
  });

  it("leaves counts that a scenario states itself to a person", async () => {
    const p = project({ "many.ts": module('violated("all count", { length: 2 })') });
    const r = await p.run(["check", "many.ts", "--update-pins"]);
    expect(r.stdout).toMatch(/the pins of racy-2 must be edited by hand/);
    expect(table(p)).not.toContain("racy-2");
  });

  it.each([
    ['{ "gone": { "states": 1 } }', 'many.pins.json pins "gone", and many.ts has no such scenario'],
    ['{ "some-2": { "length": 1 } }', 'many.pins.json pins the length of "some-2", and a scenario that holds has states, transitions'],
    ['{ "some-2": 5 }', "many.pins.json is no table of pins"],
    ["{", "many.pins.json is no JSON"],
    ['{ "racy-2": { "length": 4 } }', 'many.pins.json pins "racy-2", and so does many.ts'],
  ])("that does not fit is refused: %s", async (text, why) => {
    const p = project({ "many.ts": module('violated("all count", { length: 4 })'), "many.pins.json": text });
    const r = await p.run(["check", "many.ts"]);
    expect(r.code).toBe(2);
    expect(r.stderr).toContain(why);
  });

  it("is not made for a run that pins nothing", async () => {
    const p = project({ "many.ts": module('violated("all count")') });
    await p.run(["check", "many.ts", "--update-pins", "--max-states", "1"]);
    expect(existsSync(join(p.folder, "many.pins.json"))).toBe(false);
  });
});
