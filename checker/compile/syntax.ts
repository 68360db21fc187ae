/** Walking syntax trees: the children of a node, once for all passes. */
import * as t from "@babel/types";

/** Children that hold types: the emitted program has none. */
const TYPE_KEYS: ReadonlySet<string> = new Set(["typeAnnotation", "returnType", "typeParameters", "typeArguments", "decorators", "predicate"]);

/** Whether the child under `key` is a plain name (of a member, a property, a label) and no expression. */
function isName(node: t.Node, key: string): boolean {
  if (key === "property") return (t.isMemberExpression(node) || t.isOptionalMemberExpression(node)) && !node.computed;
  if (key === "key") return (t.isObjectProperty(node) || t.isObjectMethod(node)) && !node.computed;
  return key === "label";
}

/** Replaces each child that is an expression, statement or pattern by what `change` makes of it; types and names stay. */
export function mapChildren<N extends t.Node>(node: N, change: (child: t.Node, key: string) => t.Node): N {
  const record = node as unknown as Record<string, unknown>;
  for (const key of t.VISITOR_KEYS[node.type] ?? []) {
    if (TYPE_KEYS.has(key) || isName(node, key)) continue;
    const child = record[key];
    if (Array.isArray(child)) record[key] = child.map((c: t.Node | null) => (c === null ? null : change(c, key)));
    else if (child != null && typeof child === "object") record[key] = change(child as t.Node, key);
  }
  return node;
}

/** The same children, in order. */
export function childrenOf(node: t.Node): readonly t.Node[] {
  const children: t.Node[] = [];
  const record = node as unknown as Record<string, unknown>;
  for (const key of t.VISITOR_KEYS[node.type] ?? []) {
    if (TYPE_KEYS.has(key) || isName(node, key)) continue;
    const child = record[key];
    for (const c of Array.isArray(child) ? child as (t.Node | null)[] : [child as t.Node | null | undefined]) if (c != null) children.push(c);
  }
  return children;
}

/** An expression without the type assertions and parentheses around it. */
export function withoutTypes(e: t.Expression): t.Expression {
  const wrapped = t.isTSAsExpression(e) || t.isTSSatisfiesExpression(e) || t.isTSNonNullExpression(e) || t.isTSTypeAssertion(e) || t.isParenthesizedExpression(e);
  return wrapped ? withoutTypes(e.expression) : e;
}
