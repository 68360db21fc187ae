/**
 * Properties that explain themselves: a second version of each property in which every `return a && b && c` records
 * the first conjunct that is not true, with the values of the accesses, calls and locals in it, and `if (a) return false`
 * the contrary of `a`. It runs only to describe a violation.
 */
import * as t from "@babel/types";
import { contraryOf } from "./contrary.ts";
import type { LinkedFunction, Linker } from "./link.ts";
import { isLocalName } from "./locals.ts";
import { childrenOf } from "./syntax.ts";
import { Translator } from "./translate.ts";

/** The explaining version of property `fn`, as function `name`. */
export function explainingFunction(linker: Linker, fn: LinkedFunction, name: string): t.FunctionDeclaration {
  const tr = new Translator(linker, fn);
  const named = (o: t.Expression): t.Expression =>
    t.arrayExpression([t.stringLiteral(sourceText(fn, o)), tr.expression(t.cloneNode(o, true))]);
  /** What to record of `c`, under another text and with another answer where they are given. */
  const recorded = (c: t.Expression, text = sourceText(fn, c), answer = tr.expression(t.cloneNode(c, true))): t.Expression =>
    t.arrayExpression([
      t.stringLiteral(text),
      t.numericLiteral(tr.site(c)),
      t.arrowFunctionExpression([], answer),
      t.arrowFunctionExpression([], t.arrayExpression(operands(tr, c, counters).map(named))),
    ]);
  const explained = (conjuncts: t.Expression[]): t.Statement =>
    t.returnStatement(t.callExpression(t.identifier("$explain"), [t.arrayExpression(conjuncts)]));
  /** Counters of the loops around the statement. */
  let counters: readonly t.Identifier[] = [];
  const rewrite = (s: t.Statement): t.Statement => {
    if (t.isReturnStatement(s) && s.argument != null) return explained(splitConjuncts(s.argument).map((c) => recorded(c)));
    if (t.isBlockStatement(s)) return t.blockStatement(s.body.map(rewrite));
    if (t.isIfStatement(s)) {
      const contrary = contraryOf(s.test, (node) => sourceText(fn, node));
      const then = returnsFalse(s.consequent) ? explained([recorded(s.test, contrary, t.booleanLiteral(false))]) : rewrite(s.consequent);
      return t.ifStatement(tr.expression(s.test), then, s.alternate == null ? null : rewrite(s.alternate));
    }
    if (t.isForStatement(s)) {
      const init = s.init == null ? null : t.isExpression(s.init) ? tr.expression(s.init) : (tr.statement(s.init) as t.VariableDeclaration);
      const [test, update] = [s.test, s.update].map((e) => (e == null ? null : tr.expression(e)));
      const outer = counters;
      counters = [...outer, ...countersOf(s.init)];
      const body = rewrite(s.body);
      counters = outer;
      return t.forStatement(init, test, update, body);
    }
    if (t.isForOfStatement(s)) {
      const left = t.isVariableDeclaration(s.left) ? (tr.statement(s.left) as t.VariableDeclaration) : s.left;
      return t.forOfStatement(left, tr.expression(s.right), rewrite(s.body));
    }
    if (t.isWhileStatement(s)) return t.whileStatement(tr.expression(s.test), rewrite(s.body));
    return tr.statement(s);
  };
  const body = t.blockStatement(tr.prepared.body.body.map(rewrite));
  if (tr.temporaries.length > 0) {
    body.body.unshift(t.variableDeclaration("let", tr.temporaries.map((x) => t.variableDeclarator(t.identifier(x)))));
  }
  return t.functionDeclaration(t.identifier(name), [], body);
}

function splitConjuncts(e: t.Expression): t.Expression[] {
  if (t.isParenthesizedExpression(e)) return splitConjuncts(e.expression);
  return t.isLogicalExpression(e, { operator: "&&" }) ? [...splitConjuncts(e.left), ...splitConjuncts(e.right)] : [e];
}

function sourceText(fn: LinkedFunction, node: t.Node): string {
  return fn.module.textOf(node).replace(/\s+/g, " ");
}

/** `return false`, alone or in braces. */
function returnsFalse(s: t.Statement): boolean {
  const only = t.isBlockStatement(s) && s.body.length === 1 ? s.body[0]! : s;
  return t.isReturnStatement(only) && t.isBooleanLiteral(only.argument, { value: false });
}

function countersOf(init: t.ForStatement["init"]): t.Identifier[] {
  return t.isVariableDeclaration(init) ? init.declarations.flatMap((d) => (t.isIdentifier(d.id) ? [d.id] : [])) : [];
}

/** The largest parts of a conjunct that name something: accesses, calls, locals; and the counters. Each text once. */
function operands(tr: Translator, conjunct: t.Expression, counters: readonly t.Identifier[]): t.Expression[] {
  const found = new Map<string, t.Expression>();
  const visit = (node: t.Node): void => {
    if (t.isFunction(node)) return;
    if (t.isCallExpression(node) && !containsFunction(node)) {
      found.set(sourceText(tr.fn, node), node);
      return;
    }
    if (t.isIdentifier(node)) {
      if (isLocalName(node.name) && !tr.worlds.has(node.name)) found.set(sourceText(tr.fn, node), node);
      return;
    }
    for (const child of childrenOf(node)) if (!(t.isCallExpression(node) && child === node.callee)) visit(child);
  };
  visit(conjunct);
  for (const c of counters) found.set(sourceText(tr.fn, c), c);
  return [...found.values()];
}

function containsFunction(node: t.CallExpression): boolean {
  return node.arguments.some((a) => t.isFunction(a));
}
