/** What captured names stand for: values that are known when the program is compiled. */
import { types } from "node:util";
import * as t from "@babel/types";
import { inWords } from "../value-in-words.ts";
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
  if (member === null || typeof object !== "object" || object === null || !isPlainObject(object)) return null;
  // What a getter says is no member: it may say something else the next time. What cannot be listed is none, either.
  const found = Object.getOwnPropertyDescriptor(object, member);
  return found?.enumerable !== true || !("value" in found) ? null : { value: found.value as unknown };
}

/** An object of no class. What a Proxy says may be another thing the next time. */
export function isPlainObject(object: object): boolean {
  if (types.isProxy(object)) return false;
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === null || prototype === Object.prototype;
}

function memberName(node: t.MemberExpression, indexOf: IndexOf): string | null {
  if (!node.computed) return t.isIdentifier(node.property) ? node.property.name : null;
  const index = t.isExpression(node.property) ? indexOf(node.property) : null;
  return index === null ? null : String(index);
}

/** Its members as text, each as `textOf` has it. Frozen: what a program could change would be state that nobody sees. */
export function literal(value: object, textOf: (part: unknown) => string): string {
  if (Array.isArray(value)) return `Object.freeze([${value.map(textOf).join(", ")}])`;
  // A computed key is a member whatever its name; `__proto__` would be no member otherwise.
  const members = Object.entries(value).map(([k, v]) => `${k === "__proto__" ? '["__proto__"]' : JSON.stringify(k)}: ${textOf(v)}`);
  if (Object.getPrototypeOf(value) === null) members.unshift("__proto__: null");
  return `Object.freeze({ ${members.join(", ")} })`;
}

const DEPTH_MAX = 8;

/**
 * Why the value of `name` cannot be written down, as a whole sentence without its full stop; null: it can. What can be is made of
 * numbers, texts, true, false, null, undefined, arrays and plain objects, each of them always the same.
 */
export function whyNotPlain(value: unknown, name: string): string | null {
  if (typeof value === "function" && !types.isProxy(value)) return `${name} is ${FOREIGN_FUNCTION}`;
  if (typeof value === "bigint" || typeof value === "symbol") return `${name} is a ${typeof value}`;
  const found = problemIn(value, name, 0);
  if (found === null) return null;
  return found.at === name || found.isWhole ? `${found.at} ${found.problem}`
    : `${name} is an object that is not plain data: ${found.at} ${found.problem}`;
}

const FOREIGN_FUNCTION = "a function that was not loaded through thpcheck (or is async, a class or nested in a routine)";

/** What is wrong, and with which part. `isWhole`: that says it all, however deep in the object it is. */
interface Problem { readonly at: string; readonly problem: string; readonly isWhole: boolean }

function problemIn(value: unknown, at: string, depth: number): Problem | null {
  const wrong = (problem: string, isWhole = false): Problem => ({ at, problem, isWhole });
  if (value === null || value === undefined || ["number", "string", "boolean"].includes(typeof value)) return null;
  if (types.isProxy(value)) return wrong("is a Proxy, which may answer otherwise each time that it is asked", true);
  if (typeof value === "function") return wrong("is a function");
  if (typeof value !== "object") return wrong(`is a ${typeof value}`);
  if (depth > DEPTH_MAX) return wrong(`is nested more than ${DEPTH_MAX} deep`);
  const isPlain = Array.isArray(value) ? Object.getPrototypeOf(value) === Array.prototype : isPlainObject(value);
  if (!isPlain) return wrong(`is ${inWords(value)}, which is not plain data`);
  return Array.isArray(value) && value.length !== Object.keys(value).length
    ? wrong("is an array with holes or further members, which is not plain data") : problemOfMembers(value, at, depth);
}

function problemOfMembers(value: object, at: string, depth: number): Problem | null {
  for (const key of Reflect.ownKeys(value)) {
    if (typeof key === "symbol" ? types.isModuleNamespaceObject(value) : key === "length" && Array.isArray(value)) continue;
    const member = Array.isArray(value) ? `${at}[${String(key)}]` : `${at}.${String(key)}`;
    const d = Object.getOwnPropertyDescriptor(value, key)!;
    const wrong = (problem: string): Problem => ({ at: member, problem, isWhole: true });
    if (d.get !== undefined || d.set !== undefined) return wrong("is a getter, which is asked once, when the program is compiled");
    if (d.enumerable !== true) return wrong("cannot be seen by who lists its members: it is not enumerable");
    if (typeof key === "symbol") return wrong("is named by a symbol");
    const problem = problemIn(d.value, member, depth + 1);
    if (problem !== null) return problem;
  }
  return null;
}
