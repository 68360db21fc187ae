/**
 * Basic-block counters: a call `$cover(n)` at the start of each block of a routine or helper, behind each yield, and
 * behind each statement that may not be left at its end (an `if` with a return in it: what follows is a block of its own).
 * They are ordinary statements to the rest of the compiler, which turns them into `$cov[n]++`. Either value of a
 * conditional expression is a block too: the condition becomes `$took(n, m, condition)`, which counts and gives it back.
 * `code-map.ts` says of a text where they are: what changes here changes there.
 */
import * as t from "@babel/types";
import { isInserted } from "./records.ts";
import { containsYield } from "./syntax.ts";
import type { Translator } from "./translate.ts";

export function insertBlockCounters(tr: Translator): void {
  const counter = (at: t.Node): t.Statement => {
    const block = tr.linker.blocks.push(tr.site(at)) - 1;
    return t.expressionStatement(t.callExpression(t.identifier("$cover"), [t.numericLiteral(block)]));
  };
  const counted = (statements: readonly t.Statement[], at: t.Node | null): t.Statement[] => {
    const out: t.Statement[] = at === null ? [] : [counter(statements[0] ?? at)];
    statements.forEach((s, i) => {
      out.push(visit(s));
      const next = statements[i + 1];
      if (next !== undefined && !isInserted(next) && (containsYield(s) || leavesAnywhere(s))) out.push(counter(next));
    });
    return out;
  };
  const branch = (s: t.Statement): t.Statement => t.blockStatement(counted(t.isBlockStatement(s) ? s.body : [s], s));
  const visit = (s: t.Statement): t.Statement => {
    switch (s.type) {
      case "BlockStatement": s.body = counted(s.body, null); break;
      case "IfStatement":
        s.consequent = branch(s.consequent);
        if (s.alternate != null) s.alternate = branch(s.alternate);
        break;
      case "WhileStatement": case "DoWhileStatement": case "ForStatement": case "ForOfStatement": case "ForInStatement":
        s.body = branch(s.body);
        break;
      case "LabeledStatement": s.body = t.isBlockStatement(s.body) ? branch(s.body) : visit(s.body); break;
      case "SwitchStatement":
        for (const k of s.cases) k.consequent = counted(k.consequent, k);
        break;
      default: break;
    }
    return s;
  };
  const { body } = tr.prepared;
  forConditionals(body, (c) => {
    const [then, otherwise] = [c.consequent, c.alternate].map((value) => t.numericLiteral(tr.linker.blocks.push(tr.site(value)) - 1));
    c.test = t.callExpression(t.identifier("$took"), [then!, otherwise!, c.test]);
  });
  body.body = counted(body.body, tr.fn.node);
}

/** Not those of a guard: that is asked as often as the scheduler likes. */
function forConditionals(body: t.Node, visit: (c: t.ConditionalExpression) => void): void {
  t.traverse(body, { enter: (node, ancestors) => {
    if (t.isConditionalExpression(node) && !ancestors.some((a) => t.isFunction(a.node))) visit(node);
  } });
}

/** Whether a return, break or continue may keep what follows the statement from running. */
export function leavesAnywhere(s: t.Statement): boolean {
  let found = false;
  t.traverse(s, { enter: (node, ancestors) => {
    found ||= (t.isReturnStatement(node) || t.isBreakStatement(node) || t.isContinueStatement(node)) &&
      !ancestors.some((a) => t.isFunction(a.node));
  } });
  return found;
}
