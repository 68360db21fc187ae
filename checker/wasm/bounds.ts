/**
 * What is known of the values of an expression of an emitted program from its text alone. A field is read by a mask and written
 * through a test of its range, so most of what a step computes with is known to be small: no test need ask for it again.
 */
import * as t from "@babel/types";
import { OP } from "./encode.ts";
import type { ViewPlace } from "./memory.ts";

export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** Which names are views, and which calls end in a fault. */
export interface Known {
  readonly places: Readonly<Record<string, ViewPlace>>;
  readonly traps: (n: t.Node) => boolean;
}

const WIDTHS: Readonly<Record<number, Bounds>> = {
  [OP.load8u]: { low: 0, high: 0xff }, [OP.load16u]: { low: 0, high: 0xffff },
  [OP.load32s]: { low: -(2 ** 31), high: 2 ** 31 - 1 }, [OP.load32u]: { low: 0, high: 2 ** 32 - 1 },
};

/** Whether all values have 32 bits, with their sign. */
export const isInt32 = (b: Bounds | null): boolean => b !== null && b.low >= -(2 ** 31) && b.high < 2 ** 31;
/** Whether none is negative besides. */
export const isIndex = (b: Bounds | null): boolean => isInt32(b) && b!.low >= 0;

/** Null: nothing is known, or they may leave the integers that JavaScript has. */
export function boundsOf(n: t.Node, known: Known): Bounds | null {
  const value = literal(n);
  if (value !== null) return { low: value, high: value };
  if (t.isMemberExpression(n) && t.isIdentifier(n.object) && n.computed) return WIDTHS[known.places[n.object.name]?.load ?? -1] ?? null;
  if (t.isConditionalExpression(n)) return ofConditional(n, known);
  return t.isBinaryExpression(n) ? boundsOfBinary(n.operator, n.left, n.right, known) : null;
}

/** The same of what an operator makes of two expressions. */
export function boundsOfBinary(operator: string, left: t.Node, right: t.Node, known: Known): Bounds | null {
  const [a, b] = [boundsOf(left, known), boundsOf(right, known)];
  // What is cut to 32 bits has no more than these, whatever the other side is.
  if (operator === "&") return isIndex(b) ? { low: 0, high: b!.high } : isIndex(a) ? { low: 0, high: a!.high } : null;
  return a === null || b === null ? null : ofTwo(operator, a, b);
}

function ofTwo(operator: string, a: Bounds, b: Bounds): Bounds | null {
  if (operator === "+") return exact(a.low + b.low, a.high + b.high);
  if (operator === "-") return exact(a.low - b.high, a.high - b.low);
  if (operator === "*" && a.low >= 0 && b.low >= 0) return exact(a.low * b.low, a.high * b.high);
  const isShift = isIndex(a) && b.low === b.high && b.low >= 0 && b.low < 32;
  if (isShift && (operator === ">>" || operator === ">>>")) return { low: a.low >> b.low, high: a.high >> b.low };
  if (isShift && operator === "<<") return isIndex(exact(0, a.high * 2 ** b.low)) ? { low: 0, high: a.high * 2 ** b.low } : null;
  return null;
}

const exact = (low: number, high: number): Bounds | null => (low > -(2 ** 53) && high < 2 ** 53 ? { low, high } : null);

/** A value that is tested, and otherwise a fault: the value itself, or a sum with it. */
function ofConditional(n: t.ConditionalExpression, known: Known): Bounds | null {
  const range = rangeTest(n.test);
  if (range === null || !known.traps(n.alternate)) return null;
  const { consequent } = n;
  if (t.isIdentifier(consequent, { name: range.name })) return range;
  const isSum = t.isBinaryExpression(consequent) && (consequent.operator === "+" || consequent.operator === "-")
    && t.isIdentifier(consequent.left, { name: range.name });
  const other = isSum ? boundsOf(consequent.right, known) : null;
  return other === null ? null : ofTwo((consequent as t.BinaryExpression).operator, range, other);
}

export interface RangeTest extends Bounds {
  readonly name: string;
  readonly variable: t.Identifier;
}

/**
 * The range that a condition asks of a variable, which must be a number, not `undefined`: `x >>> 0 < 12 && (x | 0) === x`, or
 * `x >= -1 && x <= 6 && (x | 0) === x`. Null: it is no such condition.
 */
export function rangeTest(n: t.Node): RangeTest | null {
  if (!t.isLogicalExpression(n, { operator: "&&" })) return null;
  const variable = wholeNumber(n.right);
  if (variable === null) return null;
  const { name } = variable;
  if (t.isBinaryExpression(n.left, { operator: "<" })) {
    const { left, right } = n.left;
    const isIndexTest = t.isBinaryExpression(left, { operator: ">>>" }) && t.isIdentifier(left.left, { name })
      && t.isNumericLiteral(left.right, { value: 0 }) && t.isNumericLiteral(right) && right.value > 0 && right.value < 2 ** 31;
    return isIndexTest ? { name, variable, low: 0, high: right.value - 1 } : null;
  }
  if (!t.isLogicalExpression(n.left, { operator: "&&" })) return null;
  const low = comparedWith(n.left.left, name, ">=");
  const high = comparedWith(n.left.right, name, "<=");
  return low === null || high === null || high < low ? null : { name, variable, low, high };
}

/** `(x | 0) === x`: the variable. */
function wholeNumber(n: t.Node): t.Identifier | null {
  if (!t.isBinaryExpression(n, { operator: "===" }) || !t.isIdentifier(n.right)) return null;
  const { name } = n.right;
  const isCut = t.isBinaryExpression(n.left, { operator: "|" }) && t.isIdentifier(n.left.left, { name })
    && t.isNumericLiteral(n.left.right, { value: 0 });
  return isCut ? n.right : null;
}

function comparedWith(n: t.Node, name: string, operator: ">=" | "<="): number | null {
  if (!t.isBinaryExpression(n, { operator }) || !t.isIdentifier(n.left, { name })) return null;
  const value = literal(n.right);
  return value !== null && Math.abs(value) < 2 ** 31 ? value : null;
}

function literal(n: t.Node): number | null {
  if (t.isNumericLiteral(n)) return n.value;
  return t.isUnaryExpression(n, { operator: "-" }) && t.isNumericLiteral(n.argument) ? -n.argument.value : null;
}
