/** What captured names stand for: values that are known when the program is compiled. */
import * as t from "@babel/types";
import { isLocalName } from "./locals.ts";

/**
 * The value of a captured name, or of a member of a captured plain object (`config.faults`, `SCHEMES[k.param.scheme.get()]`);
 * null where only a run would tell. `indexOf` gives the number that an index is for certain, or null.
 */
export function staticValue(scope: Readonly<Record<string, unknown>>, node: t.Node, indexOf: (index: t.Expression) => number | null): { value: unknown } | null {
  if (t.isTSNonNullExpression(node)) return staticValue(scope, node.expression, indexOf);
  if (t.isIdentifier(node)) return isLocalName(node.name) || !(node.name in scope) ? null : { value: scope[node.name] };
  if (!t.isMemberExpression(node)) return null;
  const member = memberName(node, indexOf);
  const object = member === null ? null : staticValue(scope, node.object, indexOf)?.value;
  if (member === null || typeof object !== "object" || object === null || Array.isArray(object) || !Object.hasOwn(object, member)) return null;
  return { value: (object as Record<string, unknown>)[member] };
}

function memberName(node: t.MemberExpression, indexOf: (index: t.Expression) => number | null): string | null {
  if (!node.computed) return t.isIdentifier(node.property) ? node.property.name : null;
  const index = t.isExpression(node.property) ? indexOf(node.property) : null;
  return index === null ? null : String(index);
}
