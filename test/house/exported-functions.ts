/** The exported functions of `impl/`: what each is called with, and what its comment says that it stands for. */
import type { Comment, Expression, Node, Statement } from "@babel/types";
import type { Source } from "./sources.ts";

export interface ExportedFunction {
  readonly name: string;
  /** Name, parameters with types, and result, on one line. */
  readonly signature: string;
  /** The comment in front of it, without its frame; empty where there is none. */
  readonly doc: string;
}

const docOf = (s: Statement): string =>
  (s.leadingComments ?? []).slice(-1).map((c: Comment) => c.value.replaceAll(/^\s*\*+ ?/gm, "").trim()).join("");

const isFunction = (init: Expression | null | undefined): init is Extract<Expression, { type: "ArrowFunctionExpression" }> =>
  init?.type === "ArrowFunctionExpression";

/** The text from `from` to where the body begins, on one line. */
function head(text: string, from: Node, body: Node): string {
  return text.slice(from.start!, body.start!).replace(/\s*=>\s*$/, "").replaceAll(/\s+/g, " ").replaceAll("( ", "(").replaceAll(/,? \)/g, ")").trim();
}

export function exportedFunctions(source: Source): ExportedFunction[] {
  return source.tree.program.body.flatMap((s): ExportedFunction[] => {
    if (s.type !== "ExportNamedDeclaration" || !s.declaration) return [];
    const d = s.declaration;
    const doc = docOf(s);
    if (d.type === "FunctionDeclaration") return [{ name: d.id!.name, doc, signature: head(source.text, d.id!, d.body) }];
    if (d.type !== "VariableDeclaration") return [];
    return d.declarations.flatMap((x) => (x.id.type === "Identifier" && isFunction(x.init)
      ? [{ name: x.id.name, doc, signature: `${x.id.name}${head(source.text, x.init, x.init.body)}` }] : []));
  });
}

/** The names of all functions that a file declares, exported or not. */
export function declaredFunctions(source: Source): Set<string> {
  return new Set(source.tree.program.body.flatMap((s) => {
    const d = s.type === "ExportNamedDeclaration" ? s.declaration : s;
    return d?.type === "FunctionDeclaration" && d.id ? [d.id.name] : [];
  }));
}

/** What the tag says, on one line; null without one. */
export function tag(doc: string, name: "kernel" | "model"): string | null {
  const found = new RegExp(`@${name} +([^@]*)`).exec(doc)?.[1];
  return found === undefined ? null : found.replaceAll(/\s+/g, " ").trim();
}
