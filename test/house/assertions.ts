/** The assertions of impl/, by their messages. */
import * as t from "@babel/types";
import { parse } from "@babel/parser";
import type { Source } from "./sources.ts";

/** The messages of `vmBugOn(condition, message)` in a source; of a template what stands before the first value. */
export function assertionsIn({ text }: Pick<Source, "text">): string[] {
  const found: string[] = [];
  t.traverseFast(parse(text, { sourceType: "module", plugins: ["typescript"] }), (node) => {
    if (!t.isCallExpression(node) || !t.isIdentifier(node.callee, { name: "vmBugOn" })) return;
    const message = beginningOf(node.arguments[1]);
    if (message === null) throw new Error(`an assertion has no message that is written down: ${text.slice(node.start!, node.end!)}`);
    found.push(message);
  });
  return found;
}

function beginningOf(node: t.Node | undefined): string | null {
  if (t.isStringLiteral(node)) return node.value;
  if (t.isTemplateLiteral(node)) return (node.quasis[0]!.value.cooked ?? "").trimEnd();
  return t.isBinaryExpression(node, { operator: "+" }) ? beginningOf(node.left) : null;
}

export interface AssertionRow { readonly message: string; readonly kind: string; readonly why: string }

/** The rows of the tables of impl/ASSERTIONS.md. */
export function rowsIn(markdown: string): AssertionRow[] {
  return markdown.split("\n").filter((l) => l.startsWith("| ") && !l.startsWith("| message |")).map((line) => {
    const [message, kind, why] = line.slice(1, -1).split("|").map((cell) => cell.trim());
    return { message: message!, kind: kind!, why: why! };
  });
}
