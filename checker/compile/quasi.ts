/** Syntax trees from text with holes: `quasi("B[$p] >> 3", { $p: node })`. */
import { parseExpression } from "@babel/parser";
import * as t from "@babel/types";
import { copyNode } from "./syntax.ts";

/**
 * Templates by text. Numbers are holes as well, so that there are as many templates as there are forms of accesses, and
 * not as many as there are accesses: a process that compiles hundreds of scenarios would keep them all.
 */
const templates = new Map<string, t.Expression>();

export function templateCount(): number {
  return templates.size;
}

/** A string, which stays as it is, or a number that is not part of a name. */
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|(?<![\w$.])\d+(?![\w$.])/g;

/** The expression `text`, with each identifier named in `holes` replaced by its node. */
export function quasi(text: string, holes: Readonly<Record<string, t.Expression>> = {}): t.Expression {
  const numbers: number[] = [];
  const key = text.replace(STRING_OR_NUMBER, (found) => (found.startsWith('"') ? found : `$$n${numbers.push(Number(found)) - 1}`));
  let template = templates.get(key);
  if (template === undefined) {
    template = t.cloneNode(parseExpression(key), true, true);
    templates.set(key, template);
  }
  return fill(template, numbers, holes);
}

/**
 * A copy with its holes filled. The nodes in the holes are not copied, unless they are leaves: the same tree may then
 * be part of another in two places, which is right as long as translated trees are not edited below their root.
 */
function fill<N extends t.Node>(node: N, numbers: readonly number[], holes: Readonly<Record<string, t.Expression>>): N {
  if (t.isIdentifier(node)) {
    if (node.name.startsWith("$$n")) return t.numericLiteral(numbers[Number(node.name.slice(3))]!) as t.Node as N;
    const hole = holes[node.name];
    if (hole === undefined) return { ...node };
    return (t.isIdentifier(hole) || t.isLiteral(hole) ? { ...hole } : hole) as t.Node as N;
  }
  return copyNode(node, (child) => fill(child, numbers, holes));
}

/** A copy of the whole tree. Positions are shared: nobody edits them. `t.cloneNode` does the same, several times slower. */
export function copyTree<N extends t.Node>(node: N): N {
  return copyNode(node, copyTree);
}

/**
 * Statements by their text, which is printed as it is: what is only written down need not be parsed first. `text` is on
 * one line and ends with a semicolon.
 */
export function verbatim(text: string): t.Statement {
  return { type: "ExpressionStatement", expression: { type: "Identifier", name: text.slice(0, -1) } };
}
