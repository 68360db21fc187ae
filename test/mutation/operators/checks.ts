/** Decisions that are not taken: checks that go, conditions of which a part goes, bounds that are off by one. */
import * as t from "@babel/types";
import { removal, replacement, type Change } from "../mutant.ts";
import { callOf, chainOf, initialCall, nodesOf, sourceOf, type KernelFunction, type Module } from "../program.ts";
import { acquires } from "../vocabulary.ts";
import { bareBranches, chooses, kernelNodes, kernelStatements } from "./operator.ts";

/** `if (...) return`, break or continue, whatever is undone before; without an else. */
function leaves(node: t.Statement): node is t.IfStatement {
  if (!t.isIfStatement(node) || node.alternate != null) return false;
  const body = t.isBlockStatement(node.consequent) ? node.consequent.body.at(-1) : node.consequent;
  return t.isReturnStatement(body) || t.isBreakStatement(body) || t.isContinueStatement(body);
}

const firstOf = (s: t.Statement): t.Statement => (t.isBlockStatement(s) ? s.body[0]! : s);

/** Whether to evaluate it changes nothing: it compares variables, constants and fields. */
function onlyLooks(test: t.Expression): boolean {
  for (const { node } of nodesOf(test)) {
    if (t.isAssignmentExpression(node) || t.isUpdateExpression(node) || t.isYieldExpression(node)) return false;
    if (t.isCallExpression(node) && !/\.(get|once|has|isHeld)$/.test(chainOf(node.callee)?.join(".") ?? "")) return false;
  }
  return true;
}

/** After a lock was taken, what was known before has to be looked at again: "drop-recheck". Elsewhere: "drop-refusal". */
export function* dropChecks(module: Module, fn: KernelFunction): Generator<Change> {
  const bare = bareBranches(fn);
  let locked = false;
  for (const node of kernelStatements(fn)) {
    locked ||= acquires(callOf(node) ?? initialCall(node));
    if (leaves(node) && !chooses(node.test)) yield { operator: locked ? "drop-recheck" : "drop-refusal", node, telling: { node: firstOf(node.consequent), alone: onlyLooks(node.test) }, edits: [removal(module.text, node, bare.has(node))] };
  }
}

/** One side of "and" or "or" goes. */
export function* dropConditions(module: Module, fn: KernelFunction): Generator<Change> {
  for (const node of kernelNodes(fn)) {
    if (!t.isLogicalExpression(node) || node.operator === "??") continue;
    for (const kept of [node.left, node.right]) yield { operator: "drop-condition", node, edits: [replacement(node, parenthesised(module, kept))] };
  }
}

/** What is kept may bind less than what stood there. */
function parenthesised(module: Module, kept: t.Expression): string {
  const text = sourceOf(module, kept);
  return t.isLogicalExpression(kept) || t.isConditionalExpression(kept) ? `(${text})` : text;
}

const OTHER: Readonly<Record<string, readonly [flipped: string, shifted: string]>> = { "<": ["<=", "< -1"], "<=": ["<", "<= +1"], ">": [">=", "> +1"], ">=": [">", ">= -1"] };

/** A comparison takes in one more, or one less; "+ 1" and "- 1" go. */
export function* offByOne(module: Module, fn: KernelFunction): Generator<Change> {
  for (const node of kernelNodes(fn)) {
    if (!t.isBinaryExpression(node) || t.isPrivateName(node.left)) continue;
    const left = sourceOf(module, node.left);
    const right = t.isBinaryExpression(node.right) && !["+", "-", "*"].includes(node.right.operator) ? `(${sourceOf(module, node.right)})` : sourceOf(module, node.right);
    const other = OTHER[node.operator];
    if (other !== undefined) {
      const [operator, by] = other[1].split(" ");
      yield { operator: "off-by-one", node, edits: [replacement(node, `${left} ${other[0]} ${right}`)] };
      yield { operator: "off-by-one", node, edits: [replacement(node, `${left} ${operator} ${right} ${by![0]} 1`)] };
    } else if ((node.operator === "+" || node.operator === "-") && t.isNumericLiteral(node.right, { value: 1 })) {
      yield { operator: "off-by-one", node, edits: [replacement(node, left)] };
    }
  }
}

/** Names that the loops around a node look at: not to count them would only make the loop endless. */
export function loopVariables(fn: KernelFunction): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { node } of nodesOf(fn.body)) {
    const test = t.isWhileStatement(node) || t.isForStatement(node) || t.isDoWhileStatement(node) ? node.test : null;
    if (test == null) continue;
    for (const { node: inner } of nodesOf(test)) if (t.isIdentifier(inner)) names.add(inner.name);
  }
  return names;
}
