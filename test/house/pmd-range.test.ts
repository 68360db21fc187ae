/** HPAGE_PMD_NR and HPAGE_PMD_ORDER mean the range of a PMD, and not the size of some folio: see `pmd-range.ts`. */
import type { Statement } from "@babel/types";
import { expect, it } from "vitest";
import { PMD_RANGE } from "./pmd-range.ts";
import { sourceOf, sources, walk, type Source } from "./sources.ts";

const NAMES = ["hpagePmdNr", "hpagePmdOrder"];

function nameOf(s: Statement): string {
  const d = s.type === "ExportNamedDeclaration" ? s.declaration : s;
  if (d?.type === "FunctionDeclaration") return d.id?.name ?? "";
  const [first] = d?.type === "VariableDeclaration" ? d.declarations : [];
  return first?.id.type === "Identifier" ? first.id.name : "";
}

/** `file function: uses` of each function that asks for one of the two. */
function usesOf(source: Source): string[] {
  return source.tree.program.body.flatMap((s) => {
    let uses = 0;
    walk(s, (n) => {
      if (n.type === "MemberExpression" && n.property.type === "Identifier" && NAMES.includes(n.property.name)) uses++;
    });
    return uses === 0 ? [] : [`${source.path} ${nameOf(s)}: ${uses}`];
  });
}

it("only the listed functions of impl/ ask for the size of a PMD range, and no oftener than listed", () => {
  const found = sources.filter((s) => s.path.startsWith("impl/") && !s.path.startsWith("impl/config/")).flatMap(usesOf);
  const listed = PMD_RANGE.map((u) => `${u.file} ${u.function}: ${u.uses}`);
  // New: say folioNrPages(k, folio), or the order that is handed down; what does mean the PMD range goes into the list.
  expect(found.filter((u) => !listed.includes(u))).toEqual([]);
  // Gone: shorten the list.
  expect(listed.filter((u) => !found.includes(u))).toEqual([]);
});

it("a use would be noticed", () => {
  const text = "export function* f(k: K): Routine { const h = k.param.hpagePmdNr.get(); }\n// hpagePmdNr\nconst g = 1;";
  expect(usesOf(sourceOf("impl/x.ts", text))).toEqual(["impl/x.ts f: 1"]);
});
