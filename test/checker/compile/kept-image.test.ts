/** Images and modules from an earlier process: the same as new ones, and none where anything that decides them is another. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Assembly, type CompileOptions } from "../../../checker/compile/assembly.ts";
import { COMPILER_FOLDERS, COMPILER_PACKAGES } from "../../../checker/compile/identity.ts";
import { assembledOrKept } from "../../../checker/compile/kept-image.ts";
import type { ProgramImage } from "../../../checker/image/image.ts";
import { withMachines } from "../../../checker/project/machines.ts";
import type { Scenario } from "../../../checker/scenario.ts";
import { ROOT, isRelative, sourceOf, sources, targets } from "../../house/sources.ts";
import collapse from "../../scenarios/collapse-fault.ts";
import { Project } from "../cli/fixture.ts";

let project: Project;
let cache: string;
beforeEach(() => {
  project = new Project();
  cache = mkdtempSync(join(tmpdir(), "thpcheck-images-"));
  vi.stubEnv("THPCHECK_CACHE", cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
  project.remove();
  rmSync(cache, { recursive: true });
});

/** Entries by name, and when each was written: one that is made anew is written again. */
const written = (): Readonly<Record<string, number>> =>
  Object.fromEntries(readdirSync(cache).map((name) => [name, statSync(join(cache, name), { bigint: false }).ino]));

interface Answer { readonly verdict: string; readonly states: number; readonly transitions: number; readonly trace: string | undefined }
async function check(file: string, ...more: string[]): Promise<Answer> {
  const { stderr } = await project.run(["check", file, "--out", "r.json", ...more]);
  expect(stderr).toBe("");
  const { results: [r] } = JSON.parse(readFileSync(join(project.folder, "r.json"), "utf8")) as {
    results: { verdict: string; states: number; transitions: number; violation?: { trace?: { string: string } } }[];
  };
  return { verdict: r!.verdict, states: r!.states, transitions: r!.transitions, trace: JSON.stringify(r!.violation?.trace) };
}

const SCENARIO = `
import { at, holds, int, scenario, struct, type Routine, type World } from "thpcheck";
import type { Small } from "./small.ts";
import { BOUND, twice, table } from "./values.ts";
const structs = { c: struct({ value: int(0, 20, "the count") }) };
type K = World<typeof structs>;
function* run(k: K): Routine {
  yield at("first");
  const kept: Small = table.first;
  yield at("second");
  if (k.c.value.get() < BOUND) k.c.value.set(twice(kept));
}
export default scenario({ name: "t", why: "a test", tier: "quick", structs, threads: [{ name: "a", run }, { name: "b", run }],
  always: { small: (k: K) => k.c.value.get() < 9 }, expect: holds() });
`;
const VALUES = "export const BOUND = 9; export const table = { first: 3 }; export function twice(n: number): number { return 2 * n; }\n";
const SMALL = 'import type { Int } from "thpcheck";\nexport type Small = Int<0, 3>;\n';
const write = (change: { readonly scenario?: string; readonly values?: string; readonly small?: string } = {}): void => {
  project.write("t.ts", change.scenario ?? SCENARIO);
  project.write("values.ts", change.values ?? VALUES);
  project.write("small.ts", change.small ?? SMALL);
};

describe("a second process", () => {
  it("takes what the first has kept, and says the same", async () => {
    write();
    const first = await check("t.ts");
    expect(first).toMatchObject({ verdict: "holds" });
    const before = written();
    // Two modules of which code is loaded, and the image; the other module has nothing but types.
    expect(Object.keys(before)).toHaveLength(3);
    expect(await check("t.ts")).toEqual(first);
    expect(written()).toEqual(before);
    vi.stubEnv("THPCHECK_CACHE", "off");
    expect(await check("t.ts")).toEqual(first);
  });

  it.each([
    ["a helper", { values: VALUES.replace("2 * n", "3 * n") }, "violated"],
    ["a constant", { values: VALUES.replace("BOUND = 9", "BOUND = 0") }, "holds"],
    ["a member of a table", { values: VALUES.replace("first: 3", "first: 1") }, "holds"],
    ["the scenario", { scenario: SCENARIO.replace("< 9 }", "< 6 }") }, "violated"],
    ["a layout", { scenario: SCENARIO.replace("int(0, 20,", "int(0, 5,") }, "violated"],
    ["a type of a module of types", { small: SMALL.replace("Int<0, 3>", "Int<0, 2>") }, "violated"],
  ])("sees a change of %s", async (_what, change, verdict) => {
    write();
    const unchanged = await check("t.ts");
    write(change);
    const kept = await check("t.ts");
    expect(kept.verdict).toBe(verdict);
    vi.stubEnv("THPCHECK_CACHE", "off");
    expect(kept).toEqual(await check("t.ts"));
    expect(kept).not.toEqual({ ...unchanged, verdict: kept.verdict === "holds" ? "" : kept.verdict });
  });

  it("sees what a module reads when it is loaded", async () => {
    write({ values: VALUES.replace("BOUND = 9", 'BOUND = Number(process.env["BOUND"])') });
    vi.stubEnv("BOUND", "0");
    expect(await check("t.ts")).toMatchObject({ verdict: "holds" });
    vi.stubEnv("BOUND", "9");
    write({ values: VALUES.replace("BOUND = 9", 'BOUND = Number(process.env["BOUND"])').replace("2 * n", "4 * n") });
    const four = await check("t.ts");
    expect(four).toMatchObject({ verdict: "violated" });
    vi.stubEnv("BOUND", "0");
    expect(await check("t.ts")).toMatchObject({ verdict: "holds" });
  });

  it("sees a patch", async () => {
    write();
    const first = await check("t.ts");
    project.write("values.patch", `--- a/values.ts\n+++ b/values.ts\n@@ -1 +1 @@\n-${VALUES}+${VALUES.replace("2 * n", "3 * n")}`);
    const patched = await check("t.ts", "--patch", "values.patch");
    expect(patched).toMatchObject({ verdict: "violated" });
    expect([await check("t.ts"), await check("t.ts", "--patch", "values.patch")]).toEqual([first, patched]);
  });

  it("makes anew what is damaged", async () => {
    write();
    const first = await check("t.ts");
    for (const name of readdirSync(cache)) writeFileSync(join(cache, name), readFileSync(join(cache, name)).subarray(0, 300));
    const before = written();
    expect(await check("t.ts")).toEqual(first);
    for (const [name, ino] of Object.entries(written())) expect(ino, name).not.toBe(before[name]);
  });

  it("at the same time as another says the same, with --no-cache as well", async () => {
    write();
    const run = (name: string, ...more: string[]) => project.run(["check", "t.ts", "--out", name, ...more]);
    const runs = await Promise.all([run("a.json"), run("b.json"), run("c.json", "--no-cache")]);
    expect(runs.map((r) => [r.code, r.stderr])).toEqual([[0, ""], [0, ""], [0, ""]]);
    expect(Object.keys(written())).toHaveLength(3);
  });
});

describe("an image of a kernel scenario", () => {
  const OPTIONS: CompileOptions = { clearDeadLocals: true, sourceMap: false };
  const fresh = (scenario: Scenario, options = OPTIONS): ProgramImage => new Assembly(scenario, options).assembled().image;
  const plain = collapse.find((s) => s.name === "collapse-fault")! as unknown as Scenario;
  const kernelScenario = async (): Promise<Scenario> => withMachines(plain, ROOT);

  it("is the same as a new one, and its machines answer", async () => {
    const scenario = await kernelScenario();
    const { image: made } = assembledOrKept(scenario, OPTIONS);
    const before = written();
    const { image, ask } = assembledOrKept(scenario, OPTIONS);
    expect(written()).toEqual(before);
    expect(image).not.toBe(made);
    expect(image).toEqual(fresh(scenario));
    const { machines } = image.refinement!;
    expect(machines.length).toBeGreaterThan(5);
    for (const [n, r] of scenario.refine!.entries()) {
      const { event, payload } = machines[n]!.columns[0]!;
      const states = Array.from({ length: r.states }, (_, state) => state);
      expect(states.map((state) => ask(n, state, 0))).toEqual(states.map((state) => r.next(state, event, payload)));
    }
  });

  it("is another where options are, and is not kept where it has a map", async () => {
    const scenario = await kernelScenario();
    const counted = fresh(scenario, { ...OPTIONS, coverage: true });
    const files = [...new Set(counted.blocks.map((site) => counted.sites[site]!.file))].slice(0, 2);
    const kept: readonly CompileOptions[] = [
      { refine: false }, { clearDeadLocals: false }, { coverage: true }, { coverage: files.slice(0, 1) }, { coverage: files },
    ];
    for (const changed of [...kept, { coverage: files.toReversed() }, { sourceMap: true }]) {
      const options = { ...OPTIONS, ...changed };
      const images = [assembledOrKept(scenario, options).image, assembledOrKept(scenario, options).image];
      const made = fresh(scenario, options);
      expect(images).toEqual([made, made]);
    }
    expect(Object.keys(written())).toHaveLength(kept.length);
  });

  it("has the machines, the words and the routines that call in from the outside of now", async () => {
    const scenario = await kernelScenario();
    assembledOrKept(scenario, OPTIONS);
    const [first, ...others] = scenario.refine!;
    for (const changed of [
      { ...scenario, refine: [{ ...first!, describe: (state: number) => `state ${state}` }, ...others] },
      { ...scenario, refine: others },
      { ...scenario, refine: [] },
      { ...scenario, beyond: { page: "no page %" } },
      { ...scenario, calls: scenario.calls!.slice(1) },
    ]) expect(assembledOrKept(changed, OPTIONS).image).toEqual(fresh(changed));
    expect(assembledOrKept(scenario, OPTIONS).image).toEqual(fresh(scenario));
  });
});

describe("the compiler's identity", () => {
  it("has every module that a compilation or the transform may use, and every package", () => {
    const inside = (path: string): boolean => {
      const folder = /^checker\/(?:([\w-]+)\/)?[^/]+$/.exec(path);
      return folder !== null && COMPILER_FOLDERS.includes(folder[1] ?? "");
    };
    const reached = new Set<string>();
    const packages = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      const source = sources.find((s) => s.path === path) ?? sourceOf(path, readFileSync(join(ROOT, path), "utf8"));
      const loaded = source.imports.filter((i) => !i.typeOnly && !isRelative(i) && !i.specifier.startsWith("node:"));
      for (const i of loaded) packages.add(i.specifier);
      for (const target of targets(source)) visit(target);
    };
    for (const entry of ["checker/compile/compile.ts", "checker/compile/register.ts"]) visit(entry);
    expect([...reached].filter((path) => !inside(path))).toEqual([]);
    expect([...packages].filter((name) => !COMPILER_PACKAGES.includes(name))).toEqual([]);
    expect(COMPILER_PACKAGES.filter((name) => !packages.has(name))).toEqual([]);
  });
});
