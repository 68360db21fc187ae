/**
 * The house checks itself: folder arrows, dead files, leftovers, sizes, a README in each room.
 *
 * The arrows (who may import whom) are what keeps the engine free of kernels and the specification free of the code
 * that it judges.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "@babel/parser";
import type { Node } from "@babel/types";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TOP_FOLDERS = ["checker", "spec", "impl", "test", "examples", "docs/proofs"];
const ENTRIES = ["checker/index.ts", "checker/cli/thpcheck.js", "thpcheck.config.ts", "vitest.config.ts", "spec/models.ts", "test/bench/bench.ts", "test/bench/full-size-faults.ts", "test/moves/carry.ts"];
const LINES_MAX = 600;
/** Files that were longer when the limit came, and how long they may be. Numbers here only go down. */
const LONGER: Readonly<Record<string, number>> = {
  "test/checker/compile/print-program.ts": 767,
};

/** What a folder may import besides itself; a test may import everything. */
const ARROWS: Readonly<Record<string, readonly RegExp[]>> = {
  checker: [],
  // The checker's types and layouts, and nothing that runs.
  spec: [/^checker\/(result|scenario|system)\.ts$/, /^checker\/program\/(layout|world)\.ts$/],
  // The nouns of the specification, and the vocabulary that routines are written in.
  impl: [/^spec\/(bounds|enumerations|events)\.ts$/, /^checker\/fault\.ts$/, /^checker\/program\/(layout|locks|routine|world)\.ts$/],
};

interface Import {
  readonly specifier: string;
  /** Names taken from it; null where all are. */
  readonly names: readonly string[] | null;
  readonly typeOnly: boolean;
}
interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  /** Files named by `new URL("./x.ts", import.meta.url)`: workers and modules handed on by address. */
  readonly addresses: readonly string[];
}

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";

function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  for (const value of Object.values(node) as unknown[]) {
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) if (isNode(child)) walk(child, visit);
  }
}

const read = (path: string): Source => sourceOf(path, readFileSync(join(ROOT, path), "utf8"));

function sourceOf(path: string, text: string): Source {
  const imports: Import[] = [];
  const addresses: string[] = [];
  const literal = (n: Node | undefined): string | null => (n?.type === "StringLiteral" ? n.value : null);
  walk(parse(text, { sourceType: "module", plugins: ["typescript"] }).program, (n) => {
    if (n.type === "ImportDeclaration") {
      const names = n.specifiers.map((s) => (s.type === "ImportSpecifier" ? (s.imported.type === "Identifier" ? s.imported.name : s.imported.value) : null));
      imports.push({ specifier: n.source.value, names: names.includes(null) ? null : (names as string[]), typeOnly: n.importKind === "type" });
    } else if (n.type === "ExportNamedDeclaration" && n.source) {
      const names = n.specifiers.map((s) => (s.type === "ExportSpecifier" ? (s.local.type === "Identifier" ? s.local.name : s.local.value) : null));
      imports.push({ specifier: n.source.value, names: names.includes(null) ? null : (names as string[]), typeOnly: n.exportKind === "type" });
    } else if (n.type === "ExportAllDeclaration") imports.push({ specifier: n.source.value, names: null, typeOnly: false });
    else if (n.type === "ImportExpression") {
      const specifier = literal(n.source);
      if (specifier !== null) imports.push({ specifier, names: null, typeOnly: false });
    } else if (n.type === "CallExpression" && n.callee.type === "Import") {
      const specifier = literal(n.arguments[0]);
      if (specifier !== null) imports.push({ specifier, names: null, typeOnly: false });
    } else if (n.type === "NewExpression" && n.callee.type === "Identifier" && n.callee.name === "URL") {
      const address = literal(n.arguments[0]);
      if (address !== null && /\.[cm]?[jt]s$/.test(address)) addresses.push(relative(ROOT, resolve(ROOT, dirname(path), address)));
    }
  });
  return { path, text, imports, addresses };
}

const sources = globSync(["{checker,spec,impl,test,examples}/**/*.{ts,js,mjs}", "*.ts"], { cwd: ROOT }).sort().map(read);
const byPath = new Map(sources.map((s) => [s.path, s]));
const isRelative = (i: Import): boolean => i.specifier.startsWith(".");
const target = (from: string, specifier: string): string => relative(ROOT, resolve(ROOT, dirname(from), specifier));

/** Where each public name of "thpcheck" is declared, so that an import of it counts as one of that file. */
const publicNames = new Map(byPath.get("checker/index.ts")!.imports.flatMap((i) => (i.names ?? []).map((n) => [n, target("checker/index.ts", i.specifier)] as const)));

/** The project's files that `source` imports. */
function targets(source: Source): string[] {
  return source.imports.flatMap((i) => {
    if (isRelative(i)) return [target(source.path, i.specifier)];
    if (i.specifier !== "thpcheck") return [];
    return i.names === null ? ["checker/index.ts"] : i.names.map((n) => publicNames.get(n) ?? "checker/index.ts");
  });
}

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
    ["spec/a.ts", 'import { struct, int } from "thpcheck";'], ["impl/a.ts", 'import { at, spinLock } from "thpcheck";'], ["impl/a.ts", 'import { EV } from "../spec/events.ts";'],
    ["test/a.ts", 'import { at } from "thpcheck"; import "../impl/a.ts";'], ["thpcheck.config.ts", 'import "./impl/a.ts";'], ["checker/a.ts", 'import "./cli/b.ts";'],
  ])("allow in %s: %s", (path, text) => {
    expect(forbidden(sourceOf(path, text))).toEqual([]);
  });

  it("only tests import development dependencies; types may come from anywhere", () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { dependencies: Record<string, string> };
    const known = new Set([...Object.keys(dependencies), "thpcheck"]);
    const wrong = sources.filter((s) => /^(checker|spec|impl)\//.test(s.path)).flatMap((s) => s.imports
      .filter((i) => !i.typeOnly && !isRelative(i) && !i.specifier.startsWith("node:") && !known.has(i.specifier.split("/").slice(0, i.specifier.startsWith("@") ? 2 : 1).join("/")))
      .map((i) => `${s.path} imports ${i.specifier}`));
    expect(wrong).toEqual([]);
  });
});

describe("every file", () => {
  it("is imported from somewhere, or is an entry", () => {
    const used = new Set([...sources.flatMap((s) => [...targets(s), ...s.imports.filter(isRelative).map((i) => target(s.path, i.specifier)), ...s.addresses]), ...ENTRIES]);
    const dead = sources.map((s) => s.path).filter((p) => !used.has(p) && !/\.(test|test-d|bench)\.ts$/.test(p) && !/^(examples|test\/(models|scenarios|bugs\/scenarios|cases\/checker|cases\/kernel))\/[^/]+\.ts$/.test(p));
    expect(dead).toEqual([]);
  });

  it("imports files that exist", () => {
    expect(sources.flatMap((s) => s.imports.filter(isRelative).map((i) => target(s.path, i.specifier)).filter((t) => !existsSync(join(ROOT, t))).map((t) => `${s.path} imports ${t}`))).toEqual([]);
  });

  it("has no leftover of unfinished work", () => {
    const leftover = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "XX" + "X"].join("|")})\\b`);
    expect(sources.flatMap((s) => s.text.split("\n").flatMap((line, i) => (leftover.test(line) ? [`${s.path}:${i + 1}`] : [])))).toEqual([]);
  });

  it(`has at most ${LINES_MAX} lines, or fewer than it had`, () => {
    const lines = (s: Source): number => s.text.split("\n").length - 1;
    expect(sources.filter((s) => lines(s) > (LONGER[s.path] ?? LINES_MAX)).map((s) => `${s.path} has ${lines(s)} lines`)).toEqual([]);
    expect(Object.keys(LONGER).filter((p) => !byPath.has(p) || lines(byPath.get(p)!) <= LINES_MAX), "these need no exception any more").toEqual([]);
  });
});

describe("every top folder, and that of the proofs", () => {
  it.each(["", ...TOP_FOLDERS])("%s has a README", (folder) => {
    expect(existsSync(join(ROOT, folder, "README.md"))).toBe(true);
  });
});
