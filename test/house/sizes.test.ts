/**
 * Sizes that a person reads: lines of a file, columns of a line, lines of a function.
 *
 * What was larger when a limit came is listed in `larger.json`, and may not grow. The numbers there only go down:
 * a number that is larger than what is there fails as well.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Node } from "@babel/types";
import { describe, expect, it } from "vitest";
import { ROOT, sources, walk, type Source } from "./sources.ts";

const LINES_MAX = 600;
const COLUMNS_MAX = 140;
const FUNCTION_LINES_MAX = 70;

interface Larger {
  /** Lines of a file. */
  readonly lines: Readonly<Record<string, number>>;
  /** How many lines of a file are wider. */
  readonly wide: Readonly<Record<string, number>>;
  /** Lines of a function, by `file name`. */
  readonly functions: Readonly<Record<string, number>>;
}
const LARGER = JSON.parse(readFileSync(join(ROOT, "test/house/larger.json"), "utf8")) as Larger;

/** What is over the limit and not listed with that number, and what is listed with another number than is there. */
function unlike(found: ReadonlyMap<string, number>, listed: Readonly<Record<string, number>>): string[] {
  return [...new Set([...found.keys(), ...Object.keys(listed)])].sort().flatMap((name) => {
    const [is, allowed] = [found.get(name) ?? 0, listed[name] ?? 0];
    if (is === allowed) return [];
    return [is > allowed ? `${name}: ${is}, allowed ${allowed}` : `${name}: ${is}; write that number into larger.json, it was ${allowed}`];
  });
}

function functionName(n: Node, parent: Node | null): string | null {
  if (n.type === "FunctionDeclaration" || n.type === "FunctionExpression") return n.id?.name ?? ownerName(parent);
  if (n.type === "ClassMethod" || n.type === "ObjectMethod") return n.key.type === "Identifier" ? n.key.name : null;
  if (n.type === "ClassPrivateMethod") return `#${n.key.id.name}`;
  return n.type === "ArrowFunctionExpression" ? ownerName(parent) : null;
}
const ownerName = (parent: Node | null): string | null =>
  parent?.type === "VariableDeclarator" && parent.id.type === "Identifier" ? parent.id.name : null;

/** Named functions over the limit; callbacks of describe() and it() have no name, and the file's limit holds for them. */
export function longFunctions(source: Source): Map<string, number> {
  const found = new Map<string, number>();
  const parents = new Map<Node, Node>();
  walk(source.tree.program, (n) => {
    for (const value of Object.values(n) as unknown[]) {
      for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) {
        if (typeof child === "object" && child !== null && "type" in child) parents.set(child as Node, n);
      }
    }
    const name = functionName(n, parents.get(n) ?? null);
    const lines = n.loc == null ? 0 : n.loc.end.line - n.loc.start.line + 1;
    if (name !== null && lines > FUNCTION_LINES_MAX) found.set(`${source.path} ${name}`, lines);
  });
  return found;
}

const linesOf = (s: Source): string[] => s.text.split("\n");

describe("every source", () => {
  it(`has at most ${LINES_MAX} lines, or as many as are listed`, () => {
    const found = new Map(sources.map((s) => [s.path, linesOf(s).length - 1] as const).filter(([, n]) => n > LINES_MAX));
    expect(unlike(found, LARGER.lines)).toEqual([]);
  });

  it(`has lines of at most ${COLUMNS_MAX} columns, or as many wider ones as are listed`, () => {
    const wide = sources.map((s) => [s.path, linesOf(s).filter((l) => l.length > COLUMNS_MAX).length] as const);
    expect(unlike(new Map(wide.filter(([, n]) => n > 0)), LARGER.wide)).toEqual([]);
  });

  it("none of the wider lines is in checker/, spec/, impl/, kernel/ or picture/", () => {
    expect(Object.keys(LARGER.wide).filter((p) => /^(checker|spec|impl|kernel|picture)\//.test(p))).toEqual([]);
  });

  it(`has functions of at most ${FUNCTION_LINES_MAX} lines, or as long as they are listed`, () => {
    expect(unlike(new Map(sources.flatMap((s) => [...longFunctions(s)])), LARGER.functions)).toEqual([]);
  });
});
