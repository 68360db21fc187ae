/**
 * A module as a list of units: its imports, and its top-level declarations with the comments above them.
 *
 * Declarations move between files, imports follow from them. So a change is carried declaration by declaration.
 */
import { parse } from "@babel/parser";
import type { ImportDeclaration, Statement } from "@babel/types";

export interface Unit {
  /** The name it declares (the first, where there are several); null: a statement without a name. */
  readonly name: string | null;
  /** With the comments above it, up to and with the end of its last line. */
  readonly text: string;
  /** Offset of `text` in the module. */
  readonly start: number;
}

export interface ImportedName {
  /** What the module calls it. */
  readonly local: string;
  /** What the other module calls it; "default" or "*" as in the language. */
  readonly imported: string;
  readonly typeOnly: boolean;
}

export interface Import {
  readonly specifier: string;
  readonly names: readonly ImportedName[];
  readonly start: number;
  readonly end: number;
}

/** `export { imported as exported } from "specifier";`, or a name that was imported and is exported again. */
export interface Reexport {
  readonly exported: string;
  readonly imported: string;
  readonly specifier: string;
}

export interface Module {
  readonly text: string;
  readonly imports: readonly Import[];
  readonly reexports: readonly Reexport[];
  readonly units: readonly Unit[];
}

function nameOf(s: Statement): string | null {
  const d = (s.type === "ExportNamedDeclaration" || s.type === "ExportDefaultDeclaration") && s.declaration ? s.declaration : s;
  if (d.type === "VariableDeclaration") return d.declarations[0]?.id.type === "Identifier" ? d.declarations[0].id.name : null;
  if ("id" in d && d.id?.type === "Identifier") return d.id.name;
  return s.type === "ExportDefaultDeclaration" ? "default" : null;
}

function importOf(s: ImportDeclaration): Import {
  const names = s.specifiers.map((x): ImportedName => {
    const typeOnly = s.importKind === "type" || (x.type === "ImportSpecifier" && x.importKind === "type");
    if (x.type === "ImportDefaultSpecifier") return { local: x.local.name, imported: "default", typeOnly };
    if (x.type === "ImportNamespaceSpecifier") return { local: x.local.name, imported: "*", typeOnly };
    return { local: x.local.name, imported: x.imported.type === "Identifier" ? x.imported.name : x.imported.value, typeOnly };
  });
  return { specifier: s.source.value, names, start: s.start!, end: s.end! };
}

function reexportsOf(s: Statement, imports: readonly Import[]): Reexport[] {
  if (s.type !== "ExportNamedDeclaration") return [];
  return s.specifiers.flatMap((x) => {
    if (x.type !== "ExportSpecifier") return [];
    const exported = x.exported.type === "Identifier" ? x.exported.name : x.exported.value;
    const local = x.local.type === "Identifier" ? x.local.name : (x.local as unknown as { value: string }).value;
    if (s.source) return [{ exported, imported: local, specifier: s.source.value }];
    const from = imports.find((i) => i.names.some((n) => n.local === local));
    return from === undefined
      ? []
      : [{ exported, imported: from.names.find((n) => n.local === local)!.imported, specifier: from.specifier }];
  });
}

/** Throws SyntaxError for a text that is no module. */
export function moduleOf(text: string): Module {
  const { body } = parse(text, { sourceType: "module", plugins: ["typescript"], attachComment: false }).program;
  const imports: Import[] = [];
  const units: Unit[] = [];
  const reexports: Reexport[] = [];
  let from = 0;
  for (const s of body) {
    let end = text.indexOf("\n", s.end!);
    end = end === -1 ? text.length : end + 1;
    reexports.push(...reexportsOf(s, imports));
    if (s.type === "ImportDeclaration") imports.push(importOf(s));
    // A second statement on the same line belongs to the unit before it.
    else if (s.start! >= from) units.push({ name: nameOf(s), text: text.slice(from, end), start: from });
    from = Math.max(from, end);
  }
  return { text, imports, reexports, units };
}
