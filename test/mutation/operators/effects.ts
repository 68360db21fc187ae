/** Things that are not done: flushes, counters, references, stores, calls. */
import * as t from "@babel/types";
import type { Change, OperatorName } from "../mutant.ts";
import { callOf, type Call, type KernelFunction, type Module } from "../program.ts";
import { acquires, isCounter, isFlush, isLock, isReference, isStore, isUnlock } from "../vocabulary.ts";
import { loopVariables } from "./checks.ts";
import { bareBranches, dropped, kernelStatements } from "./operator.ts";

/** Which operator drops the statement; null: none. */
function operatorFor(node: t.Statement, call: Call | null, looping: ReadonlySet<string>): OperatorName | null {
  if (call === null) return countsLocally(node, looping) ? "skip-counter" : null;
  if (isFlush(call)) return "drop-flush";
  if (isReference(call)) return "drop-reference";
  if (isCounter(call)) return "skip-counter";
  if (isStore(call)) return "skip-store";
  // Not to take or not to release a lock is the business of the pairs.
  if (isLock(call) || isUnlock(call) || acquires(call)) return null;
  return call.method ? null : "skip-call";
}

/** `n++`, `n += m`, where no loop ends by `n`. */
function countsLocally(node: t.Statement, looping: ReadonlySet<string>): boolean {
  if (!t.isExpressionStatement(node)) return false;
  const e = node.expression;
  const counted = t.isUpdateExpression(e) ? e.argument : t.isAssignmentExpression(e) && (e.operator === "+=" || e.operator === "-=") ? e.left : null;
  return counted !== null && t.isIdentifier(counted) && !looping.has(counted.name);
}

export function* dropEffects(module: Module, fn: KernelFunction): Generator<Change> {
  const bare = bareBranches(fn);
  const looping = loopVariables(fn);
  for (const node of kernelStatements(fn)) {
    const call = callOf(node);
    const operator = operatorFor(node, call, looping);
    if (operator !== null) yield { operator, node, edits: [dropped(module, node, call, bare)] };
  }
}
