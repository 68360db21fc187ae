/** Syntax trees from text with holes: `quasi("B[$p] >> 3", { $p: node })`. Parsed once per text. */
import { parseExpression } from "@babel/parser";
import * as t from "@babel/types";

const parsed = new Map<string, t.Expression>();

/** The expression `text`, with each identifier named in `holes` replaced by (a copy of) its node. */
export function quasi(text: string, holes: Readonly<Record<string, t.Expression>> = {}): t.Expression {
  let tree = parsed.get(text);
  if (tree === undefined) {
    tree = parseExpression(text);
    parsed.set(text, tree);
  }
  return fill(t.cloneNode(tree, true, true), holes);
}

function fill<N extends t.Node>(node: N, holes: Readonly<Record<string, t.Expression>>): N {
  if (t.isIdentifier(node)) {
    const hole = holes[node.name];
    return hole === undefined ? node : (t.cloneNode(hole) as t.Node as N);
  }
  const record = node as unknown as Record<string, unknown>;
  for (const key of t.VISITOR_KEYS[node.type] ?? []) {
    const child = record[key];
    if (Array.isArray(child)) record[key] = child.map((c: t.Node | null) => (c === null ? null : fill(c, holes)));
    else if (child != null) record[key] = fill(child as t.Node, holes);
  }
  return node;
}
