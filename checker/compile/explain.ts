/**
 * Properties that explain themselves: a second version of each property in which every `return a && b && c` records
 * the first conjunct that is not true, with the values of the accesses, calls and locals in it. It runs only to
 * describe a violation.
 */
import * as t from "@babel/types";
import type { LinkedFunction, Linker } from "./link.ts";
import { isLocalName } from "./locals.ts";
import { childrenOf } from "./syntax.ts";
import { Translator } from "./translate.ts";

/** The explaining version of property `fn`, as function `name`. */
export function explainingFunction(linker: Linker, fn: LinkedFunction, name: string): t.FunctionDeclaration {
  const tr = new Translator(linker, fn);
  const named = (o: t.Expression): t.Expression =>
    t.arrayExpression([t.stringLiteral(sourceText(fn, o)), tr.expression(t.cloneNode(o, true))]);
  const rewrite = (s: t.Statement): t.Statement => {
    if (t.isReturnStatement(s) && s.argument != null) {
      const conjuncts = splitConjuncts(s.argument).map((c) => t.arrayExpression([
        t.stringLiteral(sourceText(fn, c)),
        t.numericLiteral(tr.site(c)),
        t.arrowFunctionExpression([], tr.expression(t.cloneNode(c, true))),
        t.arrowFunctionExpression([], t.arrayExpression(operands(tr, c).map(named))),
      ]));
      return t.returnStatement(t.callExpression(t.identifier("$explain"), [t.arrayExpression(conjuncts)]));
    }
    if (t.isBlockStatement(s)) return t.blockStatement(s.body.map(rewrite));
    if (t.isIfStatement(s)) {
      return t.ifStatement(tr.expression(s.test), rewrite(s.consequent), s.alternate == null ? null : rewrite(s.alternate));
    }
    if (t.isForStatement(s)) {
      const init = s.init == null ? null : t.isExpression(s.init) ? tr.expression(s.init) : (tr.statement(s.init) as t.VariableDeclaration);
      const [test, update] = [s.test, s.update].map((e) => (e == null ? null : tr.expression(e)));
      return t.forStatement(init, test, update, rewrite(s.body));
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

/** The largest parts of a conjunct that name something: accesses, calls, locals. Each text once. */
function operands(tr: Translator, conjunct: t.Expression): t.Expression[] {
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
  return [...found.values()];
}

function containsFunction(node: t.CallExpression): boolean {
  return node.arguments.some((a) => t.isFunction(a));
}
