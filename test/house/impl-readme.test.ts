/** impl/README.md and impl/FUNCTIONS.md say what is there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { declaredFunctions } from "./exported-functions.ts";
import { FUNCTIONS, functionList } from "./function-list.ts";
import { byPath, ROOT, sourceOf, sources } from "./sources.ts";

const COLUMNS_MAX = 140;
const readme = readFileSync(join(ROOT, "impl/README.md"), "utf8");

/** What stands in code marks. */
const quoted = (document: string): string[] => [...document.matchAll(/`([^`\n]+)`/g)].map((m) => m[1]!);

/** `a/{b,c}.ts` is a/b.ts and a/c.ts. */
function spelledOut(name: string): string[] {
  const braces = /^(.*)\{(.*)\}(.*)$/.exec(name);
  return braces === null ? [name] : braces[2]!.split(",").map((part) => `${braces[1]}${part}${braces[3]}`);
}

const files = (document: string): string[] => quoted(document).filter((q) => q.endsWith(".ts")).flatMap(spelledOut);

/** `file.ts:function` in a document that is about impl/, where there is no such function. */
function wrongWalks(document: string): string[] {
  return quoted(document).flatMap((q) => {
    const [, path, name] = /^([\w/.-]+\.ts):(\w+)$/.exec(q) ?? [];
    if (path === undefined || name === undefined) return [];
    const source = byPath.get(`impl/${path}`);
    return source !== undefined && declaredFunctions(source).has(name) ? [] : [q];
  });
}

describe("impl/README.md", () => {
  it("names every file of impl/", () => {
    const named = new Set(files(readme));
    const here = sources.filter((s) => s.path.startsWith("impl/")).map((s) => s.path.slice("impl/".length));
    expect(here.filter((path) => !named.has(path)), "add them to the table of subsystems").toEqual([]);
  });

  it("names no file that is not there", () => {
    const somewhere = (f: string): boolean => existsSync(join(ROOT, "impl", f)) || existsSync(join(ROOT, f));
    const shortened = (f: string): boolean => !f.includes("/") && sources.some((s) => s.path.startsWith("impl/") && s.path.endsWith(`/${f}`));
    expect(files(readme).filter((f) => !somewhere(f) && !shortened(f))).toEqual([]);
  });

  it("walks through functions that exist in the files named", () => {
    expect(quoted(readme).filter((q) => /\.ts:\w+$/.test(q)).length).toBeGreaterThan(40);
    expect(wrongWalks(readme)).toEqual([]);
  });

  it("would notice a function that is gone, and a file", () => {
    expect(wrongWalks("`memory.ts:handleMmFault`, `memory.ts:gone`, `gone.ts:handleMmFault`")).toEqual(["memory.ts:gone", "gone.ts:handleMmFault"]);
    expect(files("| `a/{b,c-d}.ts`, `e.ts` and `f()` |")).toEqual(["a/b.ts", "a/c-d.ts", "e.ts"]);
  });

  it(`has lines of at most ${COLUMNS_MAX} columns`, () => {
    expect(readme.split("\n").filter((line) => line.length > COLUMNS_MAX)).toEqual([]);
  });
});

describe("impl/FUNCTIONS.md", () => {
  it("is the list of exported functions; if not: npx thpcheck functions --write", () => {
    expect(readFileSync(FUNCTIONS, "utf8") === functionList(), "run: npx thpcheck functions --write").toBe(true);
  });
});

describe("the functions that a file declares", () => {
  it("are those that it exports and those that it keeps", () => {
    const text = "export function a() {}\nfunction* b() {}\nexport const c = 1;";
    expect([...declaredFunctions(sourceOf("impl/x.ts", text))]).toEqual(["a", "b"]);
  });
});
