/** What captured names stand for: values that are known when the program is compiled. */
import * as t from "@babel/types";
import { isLocalName } from "./locals.ts";

type Scope = Readonly<Record<string, unknown>>;
type IndexOf = (index: t.Expression) => number | null;

/**
 * The value of a captured name, or of a member of a captured plain object (`config.faults`, `SCHEMES[k.param.scheme.get()]`);
 * null where only a run would tell. `indexOf` gives the number that an index is for certain, or null.
 */
export function staticValue(scope: Scope, node: t.Node, indexOf: IndexOf): { value: unknown } | null {
  if (t.isTSNonNullExpression(node)) return staticValue(scope, node.expression, indexOf);
  if (t.isIdentifier(node)) return isLocalName(node.name) || !(node.name in scope) ? null : { value: scope[node.name] };
  if (!t.isMemberExpression(node)) return null;
  const member = memberName(node, indexOf);
  const object = member === null ? null : staticValue(scope, node.object, indexOf)?.value;
  if (member === null || typeof object !== "object" || object === null || Array.isArray(object)) return null;
  if (!Object.hasOwn(object, member)) return null;
  return { value: (object as Record<string, unknown>)[member] };
}

function memberName(node: t.MemberExpression, indexOf: IndexOf): string | null {
  if (!node.computed) return t.isIdentifier(node.property) ? node.property.name : null;
  const index = t.isExpression(node.property) ? indexOf(node.property) : null;
  return index === null ? null : String(index);
}

/** The value as program text, frozen all through: what a program could change would be state that nobody sees. */
export function literal(value: unknown): string {
  if (Array.isArray(value)) return `Object.freeze([${value.map(literal).join(", ")}])`;
  if (typeof value === "object" && value !== null) {
    return `Object.freeze({ ${Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}: ${literal(v)}`).join(", ")} })`;
  }
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return JSON.stringify(value);
}

/** Whether the value can be written down: numbers, strings, truths, and arrays and plain objects of such. */
export function isPlainData(value: unknown, depth = 0): boolean {
  if (value === null || ["number", "string", "boolean"].includes(typeof value)) return true;
  if (typeof value !== "object" || depth > 8) return false;
  // `every` passes over holes, which no literal could give back.
  if (Array.isArray(value)) return Object.keys(value).length === value.length && value.every((v) => isPlainData(v, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every((v) => isPlainData(v, depth + 1));
}
