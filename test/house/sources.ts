/** The project's own sources, parsed once, for the tests of the house. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "@babel/parser";
import type { File, Node } from "@babel/types";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Import {
  readonly specifier: string;
  /** Names taken from it; null where all are. */
  readonly names: readonly string[] | null;
  readonly typeOnly: boolean;
}

export interface Source {
  /** From the project's root. */
  readonly path: string;
  readonly text: string;
  readonly tree: File;
  readonly imports: readonly Import[];
  /** Files named by `new URL("./x.ts", import.meta.url)`: workers and modules handed on by address. */
  readonly addresses: readonly string[];
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";

/** Visits a node and everything below it, parents first. */
export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  for (const value of Object.values(node) as unknown[]) {
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) if (isNode(child)) walk(child, visit);
  }
}

const nameOf = (n: { type: string; name?: string; value?: string }): string => n.name ?? n.value ?? "";

/** The import or export of another module that this node is, or null. */
function importOf(n: Node): Import | null {
  if (n.type === "ImportDeclaration") {
    const names = n.specifiers.map((s) => (s.type === "ImportSpecifier" ? nameOf(s.imported) : null));
    return { specifier: n.source.value, names: names.includes(null) ? null : (names as string[]), typeOnly: n.importKind === "type" };
  }
  if (n.type === "ExportNamedDeclaration" && n.source) {
    const names = n.specifiers.map((s) => (s.type === "ExportSpecifier" ? nameOf(s.local) : null));
    return { specifier: n.source.value, names: names.includes(null) ? null : (names as string[]), typeOnly: n.exportKind === "type" };
  }
  if (n.type === "ExportAllDeclaration") return { specifier: n.source.value, names: null, typeOnly: false };
  const imported = n.type === "ImportExpression" ? n.source : n.type === "CallExpression" && n.callee.type === "Import" ? n.arguments[0] : undefined;
  return imported?.type === "StringLiteral" ? { specifier: imported.value, names: null, typeOnly: false } : null;
}

function addressOf(n: Node): string | null {
  if (n.type !== "NewExpression" || n.callee.type !== "Identifier" || n.callee.name !== "URL") return null;
  const [first] = n.arguments;
  return first?.type === "StringLiteral" && /\.[cm]?[jt]s$/.test(first.value) ? first.value : null;
}

/** A text as the source that it would be at `path`. */
export function sourceOf(path: string, text: string): Source {
  const imports: Import[] = [];
  const addresses: string[] = [];
  const tree = parse(text, { sourceType: "module", plugins: ["typescript"], attachComment: true });
  walk(tree.program, (n) => {
    const found = importOf(n);
    if (found !== null) imports.push(found);
    const address = addressOf(n);
    if (address !== null) addresses.push(relative(ROOT, resolve(ROOT, dirname(path), address)));
  });
  return { path, text, tree, imports, addresses };
}

const PATTERNS = ["{checker,spec,impl,kernel,picture,test,examples}/**/*.{ts,js,mjs}", "*.ts"];
/** Inputs that are kept as they came. */
const AS_THEY_CAME = ["test/cases/checker/*", "test/cases/kernel/*"];

export const sources: readonly Source[] = globSync(PATTERNS, { cwd: ROOT, exclude: AS_THEY_CAME }).sort()
  .map((path) => sourceOf(path, readFileSync(join(ROOT, path), "utf8")));
export const byPath: ReadonlyMap<string, Source> = new Map(sources.map((s) => [s.path, s]));

export const isRelative = (i: Import): boolean => i.specifier.startsWith(".");
export const target = (from: string, specifier: string): string => relative(ROOT, resolve(ROOT, dirname(from), specifier));

/** Where each public name of "thpcheck" is declared, so that an import of it counts as one of that file. */
const publicNames = new Map(byPath.get("checker/index.ts")!.imports.flatMap((i) =>
  (i.names ?? []).map((n) => [n, target("checker/index.ts", i.specifier)] as const)));

/** The project's files that `source` imports, types included. */
export function targets(source: Source): string[] {
  return source.imports.flatMap((i) => {
    if (isRelative(i)) return [target(source.path, i.specifier)];
    if (i.specifier !== "thpcheck") return [];
    return i.names === null ? ["checker/index.ts"] : i.names.map((n) => publicNames.get(n) ?? "checker/index.ts");
  });
}
