/** What an operator is: from a function of the kernel to the changes that it proposes there. */
import * as t from "@babel/types";
import { removal, replacement, type Change, type Edit } from "../mutant.ts";
import { nodesOf, type Call, type KernelFunction, type Module } from "../program.ts";
import { isNotKernel, isNotKernelCall, isOfRfc2018 } from "../vocabulary.ts";

export type Operator = (module: Module, fn: KernelFunction) => Iterable<Change>;

/** A preemption point in place of a routine that went: what came before and after it stay steps of their own. */
export const preemption = (what: string): string => `yield at("${what}");`;

/** Statements that are the whole branch of an `if` or the body of a loop, without braces. */
export function bareBranches(fn: KernelFunction): ReadonlySet<t.Node> {
  const bare = new Set<t.Node>();
  for (const { node } of nodesOf(fn.body)) {
    const branches = t.isIfStatement(node) ? [node.consequent, node.alternate] : t.isLoop(node) ? [node.body] : [];
    for (const b of branches) if (b != null && !t.isBlockStatement(b)) bare.add(b);
  }
  return bare;
}

/** Takes the statement out. What could be preempted leaves a preemption point, so that no two steps become one. */
export function dropped(module: Module, node: t.Statement, call: Call | null, bare: ReadonlySet<t.Node>): Edit {
  return call?.delegated === true ? replacement(node, preemption(`${call.name}: dropped`)) : removal(module.text, node, bare.has(node));
}

/** Statements of the function that are the kernel's, the inner ones as well. */
export function* kernelStatements(fn: KernelFunction): Generator<t.Statement> {
  for (const { node, ancestors } of nodesOf(fn.body)) if (t.isStatement(node) && !isOfRfc2018(node, ancestors) && ![...ancestors, node].some(isNotKernel)) yield node;
}

/** Whether something is left to the environment: an allocation that fails, a page that is poisoned. */
export const chooses = (node: t.Node): boolean => [...nodesOf(node)].some((n) => t.isCallExpression(n.node) && t.isIdentifier(n.node.callee, { name: "choose" }));

/** Expressions of the function that are the kernel's: none in an assertion, an announcement, a type, and not whether the environment fails (`choose`). */
export function* kernelNodes(fn: KernelFunction): Generator<t.Node> {
  for (const { node, ancestors } of nodesOf(fn.body)) {
    const judged = isOfRfc2018(node, ancestors) || [...ancestors, node].some((a) => isNotKernel(a) || (t.isCallExpression(a) && isNotKernelCall(a)) || t.isTSType(a));
    if (!judged && !chooses(node)) yield node;
  }
}
