/** Names of scenarios are found through the table where there is one, and without it wherever it is wrong. */
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { likeliestFirst, namesTable, namesTableOf } from "../../../checker/project/names-table.ts";
import { selectScenarios, type Selection } from "../../../checker/project/select.ts";
import { NO_REASON } from "../../../checker/scenario.ts";
import { ROOT } from "../../house/sources.ts";
import { Project } from "../cli/fixture.ts";

const module = (stem: string): string => `
console.error("loads ${stem}");
import { at, holds, int, scenario, struct } from "thpcheck";
const structs = { counter: struct({ value: int(0, 9, "the count") }) };
const one = (n) => scenario({ name: "${stem}-" + n, why: "one of many", tier: "quick", structs,
  threads: [{ name: "t", *run(k) { yield at("write"); k.counter.value.set(n); } }], expect: holds() });
export default [one(1), one(2)];
`;
const CONFIG = `import { defineConfig } from ${JSON.stringify(new URL("../../../checker/config.ts", import.meta.url).href)};
export default defineConfig({ scenarios: ["*.s.ts"] });
`;
const STEMS = ["ape", "bee", "beetle", "cat"];
const files = Object.fromEntries(STEMS.map((s) => [`${s}.s.ts`, module(s)]));
const p = new Project({ "thpcheck.config.ts": CONFIG, ...files });
afterAll(() => { p.remove(); });

const tableFile = namesTableOf(join(p.folder, "thpcheck.config.ts"));
const loads = async (name: string): Promise<string[]> => {
  const r = await p.run(["check", name]);
  expect(r.stdout, r.stderr).toContain(`ok   ${name}`);
  return [...new Set([...r.stderr.matchAll(/^loads (\w+)$/gm)].map((m) => m[1]!))];
};

describe("a computed name", () => {
  it("is looked for in files with a like name first, where there is no table", async () => {
    expect(existsSync(tableFile)).toBe(false);
    expect(await loads("cat-2")).toEqual(["cat"]);
    // Both begin with it as far as it goes.
    expect(await loads("bee-1")).toEqual(["bee"]);
    const modules = STEMS.map((s) => join(p.folder, `${s}.s.ts`));
    expect([...likeliestFirst(modules, ["beetle-9"], tableFile)].map((m) => relative(p.folder, m)))
      .toEqual(["beetle.s.ts", "bee.s.ts", "ape.s.ts", "cat.s.ts"]);
  });

  it("is found at once where `list --update` has written it down", async () => {
    const written = await p.run(["list", "--update"]);
    expect(written).toMatchObject({ code: 0, stdout: "thpcheck.names.json: 8 names\n" });
    expect(JSON.parse(readFileSync(tableFile, "utf8"))).toMatchObject({ "bee.s.ts": ["bee-1", "bee-2"] });
    p.write("zebra.s.ts", module("ant").replace("loads ant", "loads zebra"));
    await p.run(["list", "--update"]);
    expect(await loads("ant-1")).toEqual(["zebra"]);
  });

  it.each([
    ["says another module", '{ "cat.s.ts": ["bee-2"] }', ["cat", "bee"]],
    ["names a module that is gone", '{ "gone.s.ts": ["bee-2"] }', ["bee"]],
    ["is no JSON", "{", ["bee"]],
    ["is no table", '{ "bee.s.ts": 7, "cat.s.ts": [7] }', ["bee"]],
    ["is an array", "[]", ["bee"]],
  ])("is found where the table %s", async (_what, text, loaded) => {
    p.write("thpcheck.names.json", text);
    expect(await loads("bee-2")).toEqual(loaded);
  });

  it("that is nowhere is refused as ever, and --update refuses a pattern", async () => {
    p.write("thpcheck.names.json", '{ "bee.s.ts": ["bee-7"] }');
    const refused = async (args: readonly string[], why: string): Promise<void> => {
      const r = await p.run(args);
      expect(r.code).toBe(2);
      expect(r.stderr).toContain(why);
    };
    await refused(["check", "bee-7"], 'there is no scenario "bee-7"');
    await refused(["list", "bee*", "--update"], "leave out the pattern");
  });
});

describe("the scenarios of this project", () => {
  let all: Selection;
  beforeAll(async () => { all = await selectScenarios([], "nightly", ROOT); });

  it("are in the table, which npx thpcheck list --update writes", () => {
    const config = join(ROOT, "thpcheck.config.ts");
    expect(all.failures).toEqual([]);
    expect(readFileSync(namesTableOf(config), "utf8")).toBe(namesTable(config, all.scenarios));
  });

  it("say why they exist, though they could leave it out", () => {
    expect(all.scenarios.filter((s) => s.scenario.why === NO_REASON).map((s) => s.scenario.name)).toEqual([]);
  });
});
