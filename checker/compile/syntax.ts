/** Walking syntax trees: the children of a node, once for all passes. */
import * as t from "@babel/types";

/** Children that hold types: the emitted program has none. */
const TYPE_KEYS: ReadonlySet<string> =
  new Set(["typeAnnotation", "returnType", "typeParameters", "typeArguments", "decorators", "predicate"]);

/** Whether the child under `key` is a plain name (of a member, a property, a label) and no expression. */
function isName(node: t.Node, key: string): boolean {
  if (key === "property") return (t.isMemberExpression(node) || t.isOptionalMemberExpression(node)) && !node.computed;
  if (key === "key") return (t.isObjectProperty(node) || t.isObjectMethod(node)) && !node.computed;
  return key === "label";
}

/** What a child becomes; in a list several nodes may stand for one. */
type Change = (child: t.Node, key: string, inList: boolean) => t.Node | readonly t.Node[];

function replaceChildren(node: t.Node, keys: readonly string[], change: Change): void {
  const record = node as unknown as Record<string, unknown>;
  for (const key of keys) {
    const child = record[key];
    if (Array.isArray(child)) {
      record[key] = child.flatMap((c: t.Node | null): (t.Node | null)[] => (c === null ? [c] : [change(c, key, true)].flat()));
    }
    else if (child != null && typeof child === "object") record[key] = change(child as t.Node, key, false);
  }
}

/** Keys of the children that are expressions, statements or patterns: neither types nor plain names. */
function valueKeys(node: t.Node): string[] {
  return keysBesidesTypes(node.type).filter((key) => !isName(node, key));
}

const besidesTypes = new Map<string, readonly string[]>();
function keysBesidesTypes(type: string): readonly string[] {
  const known = besidesTypes.get(type);
  if (known !== undefined) return known;
  const keys = (t.VISITOR_KEYS[type] ?? []).filter((key) => !TYPE_KEYS.has(key));
  besidesTypes.set(type, keys);
  return keys;
}

/** Replaces each child that is an expression, statement or pattern by what `change` makes of it; types and names stay. */
export function mapChildren<N extends t.Node>(node: N, change: Change): N {
  replaceChildren(node, valueKeys(node), change);
  return node;
}

/** The same children, in order. */
export function childrenOf(node: t.Node): readonly t.Node[] {
  const children: t.Node[] = [];
  for (const key of keysBesidesTypes(node.type)) {
    const child = (node as unknown as Record<string, t.Node | (t.Node | null)[] | null | undefined>)[key];
    if (child == null || isName(node, key)) continue;
    if (!Array.isArray(child)) children.push(child);
    else for (const c of child) if (c != null) children.push(c);
  }
  return children;
}

/** Takes the types off a node: annotations, arguments of types, decorators. */
export function dropTypes(node: t.Node): void {
  const record = node as unknown as Record<string, unknown>;
  for (const key of t.VISITOR_KEYS[node.type] ?? []) if (TYPE_KEYS.has(key)) record[key] = null;
}

/** A copy whose children are what `copyChild` makes of them. */
export function copyNode<N extends t.Node>(node: N, copyChild: (child: t.Node) => t.Node): N {
  const copy = { ...node };
  const record = copy as unknown as Record<string, unknown>;
  for (const key of t.VISITOR_KEYS[node.type]!) {
    const child = record[key];
    if (Array.isArray(child)) record[key] = child.map((c: t.Node | null) => (c === null ? null : copyChild(c)));
    else if (child != null) record[key] = copyChild(child as t.Node);
  }
  return copy;
}

/** Whether the node, or a node below it, is of the kind wanted. */
export function contains(node: t.Node, wanted: (node: t.Node) => boolean): boolean {
  return t.traverseFast(node, (n) => (wanted(n) ? t.traverseFast.stop : undefined));
}

/** Whether the node contains a yield of its own function. */
export function containsYield(node: t.Node | null | undefined): boolean {
  return t.traverseFast(node, (n) => (t.isYieldExpression(n) ? t.traverseFast.stop : t.isFunction(n) ? t.traverseFast.skip : undefined));
}

/** Gives `node` the place in the source of another. */
export function withPlace<N extends t.Node>(node: N, from: t.Node): N {
  node.loc = from.loc ?? null;
  node.start = from.start ?? null;
  node.end = from.end ?? null;
  return node;
}

/** An expression without the type assertions and parentheses around it. */
export function withoutTypes(e: t.Expression): t.Expression {
  const asserted = t.isTSAsExpression(e) || t.isTSSatisfiesExpression(e) || t.isTSNonNullExpression(e) || t.isTSTypeAssertion(e);
  return asserted || t.isParenthesizedExpression(e) ? withoutTypes(e.expression) : e;
}
