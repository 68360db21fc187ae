/**
 * What a configuration leaves out takes no room: a branch that it can never take is dropped from a routine before its yields
 * are found and its frame is planned, with the routines that only this branch calls and the locals that only it keeps.
 *
 * A condition counts as known only if it is made of literals, captured constants and fields with one possible value
 * (`k.param.pagesPerHugePage.get()`), so that evaluating it has no effect and gives the same in every state. What is left of
 * a routine takes the same steps as before: nothing that could run is dropped. What is dropped is not held to the subset; a
 * configuration that can take the branch compiles it.
 */
import * as t from "@babel/types";
import { withoutTypes } from "./syntax.ts";
import type { Translator } from "./translate.ts";

type Known = number | boolean | null;

const COMPARISONS: Readonly<Record<string, (a: number | boolean, b: number | boolean) => boolean>> = {
  "===": (a, b) => a === b, "!==": (a, b) => a !== b,
  "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
};

/** Drops from the body of a routine what can never run. */
export function pruneBranches(tr: Translator): void {
  const { body } = tr.prepared;
  body.body = prunedList(tr, body.body);
}

/** The value of an expression that is the same in every state of this program; null where it is not, or may not be. */
function valueOf(tr: Translator, expression: t.Expression): Known {
  const e = withoutTypes(expression);
  if (t.isBooleanLiteral(e)) return e.value;
  if (t.isUnaryExpression(e, { operator: "!" })) {
    const operand = valueOf(tr, e.argument);
    return operand === null ? null : !operand;
  }
  if (t.isLogicalExpression(e) && e.operator !== "??") {
    const left = valueOf(tr, e.left);
    if (left === null) return null;
    return Boolean(left) === (e.operator === "||") ? left : valueOf(tr, e.right);
  }
  if (t.isBinaryExpression(e) && e.operator in COMPARISONS && t.isExpression(e.left)) {
    const left = valueOf(tr, e.left);
    const right = valueOf(tr, e.right);
    return left === null || right === null ? null : COMPARISONS[e.operator]!(left, right);
  }
  const captured = tr.staticValue(e)?.value;
  if (typeof captured === "boolean" || typeof captured === "number") return captured;
  const source = tr.source(e);
  return source?.kind === "constant" && !isIndexed(e) ? source.value : null;
}

/** An access that gives an index: it may be wild, and then it is a fault. */
function isIndexed(e: t.Expression): boolean {
  return t.isCallExpression(e) && e.arguments.length > 0;
}

/** The list without what comes after a statement that is always left by a jump. */
function prunedList(tr: Translator, list: readonly t.Statement[]): t.Statement[] {
  const out: t.Statement[] = [];
  for (const s of list) {
    const left = pruned(tr, s);
    if (left === null) continue;
    out.push(left);
    if (neverFallsThrough(left)) break;
  }
  return out;
}

/** A statement with its branches pruned; null: nothing is left. */
function pruned(tr: Translator, s: t.Statement): t.Statement | null {
  switch (s.type) {
    case "BlockStatement": s.body = prunedList(tr, s.body); return s;
    case "IfStatement": return prunedIf(tr, s);
    case "WhileStatement": case "DoWhileStatement": case "ForStatement": case "ForOfStatement": case "ForInStatement":
    case "LabeledStatement":
      s.body = pruned(tr, s.body) ?? t.blockStatement([]);
      return s;
    case "SwitchStatement":
      for (const k of s.cases) k.consequent = prunedList(tr, k.consequent);
      return s;
    default: return s;
  }
}

function prunedIf(tr: Translator, s: t.IfStatement): t.Statement | null {
  const known = valueOf(tr, s.test);
  if (known === null) {
    s.consequent = pruned(tr, s.consequent) ?? t.blockStatement([]);
    s.alternate = s.alternate == null ? null : pruned(tr, s.alternate);
    return s;
  }
  const taken = known ? s.consequent : s.alternate;
  return taken == null ? null : pruned(tr, taken);
}

/** Whether control never gets behind the statement. A label may be what a jump inside goes to, so it may. */
function neverFallsThrough(s: t.Statement): boolean {
  if (t.isReturnStatement(s) || t.isBreakStatement(s) || t.isContinueStatement(s)) return true;
  if (t.isBlockStatement(s)) return s.body.some(neverFallsThrough);
  return t.isIfStatement(s) && s.alternate != null && neverFallsThrough(s.consequent) && neverFallsThrough(s.alternate);
}
