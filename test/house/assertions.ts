/** The assertions of impl/, by their messages. */
import * as t from "@babel/types";
import { parse } from "@babel/parser";
import type { Source } from "./sources.ts";

type Text = Pick<Source, "text">;

/**
 * The messages of `vmBugOn(condition, message)` in the sources; of a template what stands before the first value. A message may
 * be a constant of any of them, or one of two.
 */
export function assertionsIn(sources: readonly Text[]): string[] {
  const parsed = sources.map(({ text }) => ({ text, file: parse(text, { sourceType: "module", plugins: ["typescript"] }) }));
  const constants = new Map<string, t.Node>();
  for (const { file } of parsed) t.traverseFast(file, (node) => {
    if (t.isVariableDeclarator(node) && t.isIdentifier(node.id) && t.isStringLiteral(node.init)) constants.set(node.id.name, node.init);
  });
  return parsed.flatMap(({ text, file }) => messagesIn(text, file, constants));
}

function messagesIn(text: string, file: t.Node, constants: ReadonlyMap<string, t.Node>): string[] {
  const found: string[] = [];
  t.traverseFast(file, (node) => {
    if (!t.isCallExpression(node) || !t.isIdentifier(node.callee, { name: "vmBugOn" })) return;
    const messages = beginningsOf(node.arguments[1], constants);
    if (messages.length === 0) throw new Error(`an assertion has no message that is written down: ${text.slice(node.start!, node.end!)}`);
    found.push(...messages);
  });
  return found;
}

function beginningsOf(node: t.Node | undefined, constants: ReadonlyMap<string, t.Node>): string[] {
  const of = (part: t.Node | undefined): string[] => beginningsOf(part, constants);
  if (t.isStringLiteral(node)) return [node.value];
  if (t.isTemplateLiteral(node)) return [(node.quasis[0]!.value.cooked ?? "").trimEnd()];
  if (t.isIdentifier(node)) return of(constants.get(node.name));
  if (t.isConditionalExpression(node)) return [...of(node.consequent), ...of(node.alternate)];
  return t.isBinaryExpression(node, { operator: "+" }) ? of(node.left) : [];
}

export interface AssertionRow { readonly message: string; readonly kind: string; readonly why: string }

/** The rows of the tables of impl/ASSERTIONS.md. */
export function rowsIn(markdown: string): AssertionRow[] {
  return markdown.split("\n").filter((l) => l.startsWith("| ") && !l.startsWith("| message |")).map((line) => {
    const [message, kind, why] = line.slice(1, -1).split("|").map((cell) => cell.trim());
    return { message: message!, kind: kind!, why: why! };
  });
}
