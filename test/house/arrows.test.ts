/**
 * Who may import whom: between the top folders, between the rooms of the checker, and never in a circle.
 *
 * The arrows are what keeps the engine free of kernels, and the specification free of the code that it judges.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { circles } from "./circles.ts";
import { byPath, isRelative, ROOT, sourceOf, sources, targets, type Source } from "./sources.ts";

/** What a folder may import besides itself; a test may import everything. */
const ARROWS: Readonly<Record<string, readonly RegExp[]>> = {
  checker: [],
  // The checker's types and layouts, and nothing that runs.
  spec: [/^checker\/(refinement-plan|result|scenario|system)\.ts$/, /^checker\/program\/(layout|world)\.ts$/],
  // The nouns of the specification, and the vocabulary that routines are written in.
  impl: [/^spec\/(enumerations|events|types)\.ts$/, /^checker\/(fault|system)\.ts$/, /^checker\/program\/(layout|locks|routine|world)\.ts$/],
};

/** Imports of `source` that its folder may not have. */
function forbidden(source: Source): string[] {
  const folder = source.path.split("/")[0]!;
  const allowed = ARROWS[folder];
  if (allowed === undefined) return [];
  return targets(source).filter((t) => !t.startsWith(`${folder}/`) && !allowed.some((a) => a.test(t))).map((t) => `${source.path} imports ${t}`);
}

describe("the folder arrows", () => {
  it.each(Object.keys(ARROWS))("%s imports only what it may", (folder) => {
    expect(sources.filter((s) => s.path.startsWith(`${folder}/`)).flatMap(forbidden)).toEqual([]);
  });

  it("allow nothing that is not there", () => {
    const alternatives = Object.values(ARROWS).flat().flatMap((a) => {
      const [, folder, names] = /^\^([^(]*)\\\/\(([^)]*)\)/.exec(a.source.replaceAll("\\/", "\\/"))!;
      return names!.split("|").map((n) => `${folder!.replaceAll("\\/", "/")}/${n}.ts`);
    });
    expect(alternatives.filter((path) => !byPath.has(path))).toEqual([]);
  });

  it.each([
    ["checker/a.ts", 'import { b } from "../impl/b.ts";', "impl/b.ts"],
    ["checker/a/a.ts", 'export * from "../../spec/b.ts";', "spec/b.ts"],
    ["checker/a.ts", 'const b = await import("../test/b.ts");', "test/b.ts"],
    ["spec/a.ts", 'import type { B } from "../impl/b.ts";', "impl/b.ts"],
    ["spec/a.ts", 'import { at } from "thpcheck";', "checker/program/routine.ts"],
    ["impl/a.ts", 'import { scenario } from "thpcheck";', "checker/scenario.ts"],
    ["impl/a.ts", 'import { I1 } from "../spec/invariants/mapcount.ts";', "spec/invariants/mapcount.ts"],
  ])("would notice in %s: %s", (path, text, imported) => {
    expect(forbidden(sourceOf(path, text))).toEqual([`${path} imports ${imported}`]);
  });

  it.each([
    ["spec/a.ts", 'import { struct, int } from "thpcheck";'], ["impl/a.ts", 'import { at, spinLock } from "thpcheck";'],
    ["impl/a.ts", 'import { EV } from "../spec/events.ts";'], ["test/a.ts", 'import { at } from "thpcheck"; import "../impl/a.ts";'],
    ["thpcheck.config.ts", 'import "./impl/a.ts";'], ["checker/a.ts", 'import "./cli/b.ts";'],
  ])("allow in %s: %s", (path, text) => {
    expect(forbidden(sourceOf(path, text))).toEqual([]);
  });

  it("only tests import development dependencies; types may come from anywhere", () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { dependencies: Record<string, string> };
    const known = new Set([...Object.keys(dependencies), "thpcheck"]);
    const packageOf = (specifier: string): string => specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
    const wrong = sources.filter((s) => /^(checker|spec|impl)\//.test(s.path)).flatMap((s) => s.imports
      .filter((i) => !i.typeOnly && !isRelative(i) && !i.specifier.startsWith("node:") && !known.has(packageOf(i.specifier)))
      .map((i) => `${s.path} imports ${i.specifier}`));
    expect(wrong).toEqual([]);
  });
});

describe("import circles", () => {
  const graph = new Map(sources.map((s) => [s.path, [...new Set(targets(s))].filter((t) => byPath.has(t))]));

  it("there are none, types included", () => { expect(circles(graph)).toEqual([]); });

  it("would be noticed, of two files or of many", () => {
    const of = (edges: Readonly<Record<string, readonly string[]>>): string[][] => circles(new Map(Object.entries(edges)));
    expect(of({ a: ["b"], b: ["c"], c: [] })).toEqual([]);
    expect(of({ a: ["b"], b: ["a"], c: ["a"] })).toEqual([["a", "b"]]);
    expect(of({ a: ["b"], b: ["c"], c: ["d"], d: ["b"], e: ["e"] })).toEqual([["b", "c", "d"], ["e"]]);
  });
});

describe("the floors of checker/", () => {
  /** Rooms from the ground up; a room imports from its own floor's room and from floors below. `*` is the rest of the folder. */
  const FLOORS: readonly (readonly string[])[] = [];
  it.skipIf(FLOORS.length === 0)("no room imports upward", () => { expect(FLOORS).not.toEqual([]); });
});
