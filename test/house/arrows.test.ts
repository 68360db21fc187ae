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

/** What a folder may import besides itself, files or folders; a test may import everything. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  checker: [],
  // The checker's types and layouts, and nothing that runs.
  spec: ["checker/scenario.ts", "checker/system.ts"],
  // The nouns of the specification, and the vocabulary that routines are written in.
  impl: [
    "spec/bounds.ts", "spec/enumerations.ts", "spec/events.ts",
    "checker/program/layout.ts", "checker/program/locks.ts", "checker/program/routine.ts", "checker/program/world.ts",
  ],
  // Scenarios are built of the kernel and of what it is held to.
  kernel: ["impl/", "spec/", "checker/program/", "checker/scenario.ts"],
  // What it draws, and how the kernel reads it; nothing that changes a state.
  picture: [
    "checker/page/picture.ts", "checker/config.ts", "impl/khugepaged/scan-result.ts", "impl/mm-types.ts", "impl/pgtable.ts",
    "impl/structs/page-table.ts",
  ],
};
/** Development dependencies that become part of scripts for the browser; and what a project brings itself, if it wants to. */
const BUNDLED: Readonly<Record<string, RegExp>> = { preact: /^checker\/viewer\// };

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/** Imports of `source` that its folder may not have. */
function forbidden(source: Source): string[] {
  const folder = source.path.split("/")[0]!;
  const allowed = ARROWS[folder];
  if (allowed === undefined) return [];
  const may = (t: string): boolean => t.startsWith(`${folder}/`) || allowed.some((a) => (a.endsWith("/") ? t.startsWith(a) : t === a));
  return targets(source).filter((t) => !may(t)).map((t) => `${source.path} imports ${t}`);
}

describe("the folder arrows", () => {
  it.each(Object.keys(ARROWS))("%s imports only what it may", (folder) => {
    expect(sources.filter((s) => s.path.startsWith(`${folder}/`)).flatMap(forbidden)).toEqual([]);
  });

  it.each(Object.entries(ARROWS))("allow %s nothing that is not there, or that it does not import", (folder, allowed) => {
    const used = new Set(sources.filter((s) => s.path.startsWith(`${folder}/`)).flatMap(targets));
    expect(allowed.filter((a) => ![...used].some((t) => (a.endsWith("/") ? t.startsWith(a) : t === a)))).toEqual([]);
  });

  it.each([
    ["checker/a.ts", 'import { b } from "../impl/b.ts";', "impl/b.ts"],
    ["checker/a/a.ts", 'export * from "../../spec/b.ts";', "spec/b.ts"],
    ["checker/a.ts", 'const b = await import("../test/b.ts");', "test/b.ts"],
    ["spec/a.ts", 'import type { B } from "../impl/b.ts";', "impl/b.ts"],
    ["spec/a.ts", 'import { at } from "thpcheck";', "checker/program/routine.ts"],
    ["impl/a.ts", 'import { scenario } from "thpcheck";', "checker/scenario.ts"],
    ["picture/a.ts", 'import { handleMmFault } from "../impl/memory.ts";', "impl/memory.ts"],
    ["impl/a.ts", 'import { thpScenario } from "../kernel/thp.ts";', "kernel/thp.ts"],
    ["kernel/a.ts", 'import { kernelMachines } from "../test/b.ts";', "test/b.ts"],
    ["impl/a.ts", 'import { I1 } from "../spec/invariants/mapcount.ts";', "spec/invariants/mapcount.ts"],
  ])("would notice in %s: %s", (path, text, imported) => {
    expect(forbidden(sourceOf(path, text))).toEqual([`${path} imports ${imported}`]);
  });

  it.each([
    ["spec/a.ts", 'import { holds } from "thpcheck";'], ["impl/a.ts", 'import { at, spinLock } from "thpcheck";'],
    ["impl/a.ts", 'import { EV } from "../spec/events.ts";'], ["test/a.ts", 'import { at } from "thpcheck"; import "../impl/a.ts";'],
    ["thpcheck.config.ts", 'import "./impl/a.ts";'], ["checker/a.ts", 'import "./cli/b.ts";'],
  ])("allow in %s: %s", (path, text) => {
    expect(forbidden(sourceOf(path, text))).toEqual([]);
  });

  it("only tests import development dependencies; types may come from anywhere", () => {
    const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Manifest;
    const known = new Set([...Object.keys(dependencies), ...Object.keys(peerDependencies), "thpcheck"]);
    const packageOf = (specifier: string): string => specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
    const isKnown = (s: Source, name: string): boolean => known.has(name) || BUNDLED[name]?.test(s.path) === true;
    const wrong = sources.filter((s) => /^(checker|spec|impl|kernel|picture)\//.test(s.path)).flatMap((s) => s.imports
      .filter((i) => !i.typeOnly && !isRelative(i) && !i.specifier.startsWith("node:") && !isKnown(s, packageOf(i.specifier)))
      .map((i) => `${s.path} imports ${i.specifier}`));
    expect(wrong).toEqual([]);
  });
});

describe("import circles", () => {
  const graph = new Map(sources.map((s) => [s.path, [...new Set(targets(s))].filter((t) => byPath.has(t))]));

  it("there are none, types included", () => {
    expect(circles(graph).filter((c) => !c.includes("checker/compile/lower.ts"))).toEqual([]);
  });

  it("would be noticed, of two files or of many", () => {
    const of = (edges: Readonly<Record<string, readonly string[]>>): string[][] => circles(new Map(Object.entries(edges)));
    expect(of({ a: ["b"], b: ["c"], c: [] })).toEqual([]);
    expect(of({ a: ["b"], b: ["a"], c: ["a"] })).toEqual([["a", "b"]]);
    expect(of({ a: ["b"], b: ["c"], c: ["d"], d: ["b"], e: ["e"] })).toEqual([["b", "c", "d"], ["e"]]);
  });
});

describe("the floors of checker/", () => {
  const floors = floorsOf(readFileSync(join(ROOT, "checker/README.md"), "utf8"));
  const inChecker = sources.filter((s) => s.path.startsWith("checker/"));

  it("each file has one in the table of checker/README.md, and each row has files", () => {
    expect(inChecker.map((s) => s.path).filter((p) => p !== "checker/index.ts" && floorOf(floors, p) === null)).toEqual([]);
    expect(floors.flatMap((f) => f.rooms).filter((room) => !inChecker.some((s) => s.path === room || s.path.startsWith(`${room}/`)))).toEqual([]);
  });

  it("no room imports upward", () => {
    const upward = inChecker.filter((s) => s.path !== "checker/index.ts").flatMap((s) => targets(s)
      .filter((t) => t === "checker/index.ts" || (floorOf(floors, t) ?? 0) > floorOf(floors, s.path)!)
      .map((t) => `${s.path} imports ${t}`));
    expect(upward).toEqual([]);
  });
});

interface Floor {
  readonly floor: number;
  /** Paths of folders and files. */
  readonly rooms: readonly string[];
}

/** The rows `| 3 | `program/`, `x.ts` | ... |` of a README of checker/. */
function floorsOf(readme: string): Floor[] {
  return [...readme.matchAll(/^\| (\d+) \| ([^|]*) \|/gm)].map(([, floor, rooms]) => ({
    floor: Number(floor),
    rooms: [...rooms!.matchAll(/`([^`]+)`/g)].map(([, room]) => `checker/${room!.replace(/\/$/, "")}`),
  }));
}

const floorOf = (floors: readonly Floor[], path: string): number | null =>
  floors.find((f) => f.rooms.some((r) => path === r || path.startsWith(`${r}/`)))?.floor ?? null;
