/**
 * Live locals at each yield of a routine, by backward data flow over the structured syntax tree.
 *
 * A local is live at a yield when some path from there reads it before it is assigned. Only live locals decide the
 * future; the others are cleared in the frame, so that states which differ only in garbage coincide. The analysis
 * errs on the live side: an assignment nested inside a larger expression does not kill, and a read anywhere in an
 * expression counts.
 */
import * as t from "@babel/types";
import { childrenOf } from "./syntax.ts";

export type Locals = ReadonlySet<string>;

interface Targets {
  /** What is live where `break` (label or plain) goes, innermost last. */
  readonly breaks: readonly { label: string | null; live: Locals }[];
  readonly continues: readonly { label: string | null; live: Locals }[];
}

const union = (a: Locals, b: Locals): Locals => {
  if (b.size === 0 || a === b) return a;
  if (a.size === 0) return b;
  const u = new Set(a);
  for (const x of b) u.add(x);
  return u;
};
const without = (a: Locals, x: string): Locals => {
  if (!a.has(x)) return a;
  const r = new Set(a);
  r.delete(x);
  return r;
};

/** What a call of a routine does with the caller's locals, besides evaluating its arguments. */
export interface CallEffect {
  /** It may replace these. */
  readonly writes: readonly { readonly variable: string }[];
  /** It reads these, when of those that it may replace only `wanted` are of use to the caller. */
  readonly reads: (wanted: Locals) => readonly string[];
}

export interface Liveness {
  /** Locals that must survive a yield (for a call: excluding those it assigns). */
  readonly atYields: Map<t.YieldExpression, Locals>;
  /** For calls with an effect: the locals that are live behind them. */
  readonly afterCalls: Map<t.YieldExpression, Locals>;
  /** Locals that are live where the function begins. */
  readonly entry: Locals;
}

/** `effectOf`: of a yield that is a call, what it does with locals that are no plain arguments; null: nothing. */
export function liveness(body: t.BlockStatement, isLocal: (name: string) => boolean, effectOf: (y: t.YieldExpression) => CallEffect | null): Liveness {
  const live = new Map<t.YieldExpression, Locals>();
  const afterCalls = new Map<t.YieldExpression, Locals>();
  const empty: Locals = new Set();
  // Calls of plain functions that replace locals stand in sequences that say so. Where there is none, expressions need no closer look.
  const looksCloser = contains(body, copiesOut);

  const uses = (node: t.Node | null | undefined): Locals => {
    const found = new Set<string>();
    const visit = (n: t.Node): void => {
      if (t.isIdentifier(n)) {
        if (isLocal(n.name)) found.add(n.name);
        return;
      }
      if (t.isAssignmentExpression(n) && n.operator === "=" && t.isIdentifier(n.left)) { visit(n.right); return; }
      const record = n as unknown as Record<string, unknown>;
      for (const key of t.VISITOR_KEYS[n.type] ?? []) {
        if ((key === "property" && t.isMemberExpression(n) && !n.computed) || (key === "key" && t.isObjectProperty(n) && !n.computed)) continue;
        const child = record[key];
        if (Array.isArray(child)) { for (const c of child) if (c != null) visit(c as t.Node); }
        else if (child != null && typeof child === "object" && "type" in child) visit(child as t.Node);
      }
    };
    if (node != null) visit(node);
    return found;
  };

  const note = (y: t.YieldExpression, at: Locals): void => { live.set(y, union(live.get(y) ?? empty, at)); };

  /** Live before `e` when its value goes to `target` (null: nowhere, or to something that is no local). */
  const expression = (e: t.Expression, target: string | null, after: Locals): Locals => {
    const rest = target === null ? after : without(after, target);
    if (t.isYieldExpression(e)) {
      if (e.delegate) {
        const effect = effectOf(e);
        if (effect === null) {
          note(e, rest);
          return union(rest, uses(e.argument));
        }
        afterCalls.set(e, union(afterCalls.get(e) ?? empty, rest));
        const kept = effect.writes.reduce((l, w) => without(l, w.variable), rest);
        note(e, kept);
        return union(union(kept, uses(e.argument)), new Set(effect.reads(rest)));
      }
      const waiting = union(rest, uses(e.argument));
      note(e, waiting);
      return waiting;
    }
    if (t.isAssignmentExpression(e) && t.isIdentifier(e.left) && target === null && (isLocal(e.left.name) || t.isYieldExpression(e.right))) {
      if (e.operator === "=") return expression(e.right, e.left.name, after);
      return union(after, before(e, after));
    }
    return before(e, rest);
  };

  /** Live before an expression whose value goes nowhere in particular. */
  const before = (e: t.Node | null | undefined, after: Locals): Locals => {
    if (e == null) return after;
    if (!looksCloser || !contains(e, copiesOut)) return union(after, uses(e));
    if (t.isLogicalExpression(e)) return before(e.left, union(after, before(e.right, after)));
    if (t.isConditionalExpression(e)) return before(e.test, union(before(e.consequent, after), before(e.alternate, after)));
    if (copiesOut(e)) {
      let l = after;
      for (const x of (e as t.SequenceExpression).expressions.toReversed()) {
        const assigned = t.isAssignmentExpression(x, { operator: "=" }) && t.isIdentifier(x.left) ? x : null;
        l = assigned === null ? before(x, l) : before(assigned.right, without(l, (assigned.left as t.Identifier).name));
      }
      return l;
    }
    if (!t.isExpression(e) || t.isFunction(e) || e.type.startsWith("Optional")) return union(after, uses(e));
    // All operands are evaluated, from left to right. What else the expression assigns to does not count as replaced.
    if (t.isAssignmentExpression(e, { operator: "=" }) && t.isIdentifier(e.left)) return before(e.right, after);
    let l = after;
    for (const child of childrenOf(e).toReversed()) l = before(child, l);
    return l;
  };

  const block = (statements: readonly t.Statement[], after: Locals, c: Targets): Locals => {
    let l = after;
    for (let i = statements.length - 1; i >= 0; i--) l = statement(statements[i]!, l, c, []);
    return l;
  };

  /** Iterates `around` (live at the loop head -> live at the loop head) to its least fixpoint. */
  const fixpoint = (start: Locals, around: (head: Locals) => Locals): Locals => {
    let head = start;
    for (;;) {
      const next = union(head, around(head));
      if (next.size === head.size) return head;
      head = next;
    }
  };

  const inLoop = (c: Targets, labels: readonly string[], breakLive: Locals, continueLive: Locals): Targets => ({
    breaks: [...c.breaks, { label: null, live: breakLive }, ...labels.map((label) => ({ label, live: breakLive }))],
    continues: [...c.continues, { label: null, live: continueLive }, ...labels.map((label) => ({ label, live: continueLive }))],
  });
  const find = (targets: Targets["breaks"], label: string | null): Locals => {
    for (let i = targets.length - 1; i >= 0; i--) if (targets[i]!.label === label) return targets[i]!.live;
    return empty;
  };

  const statement = (s: t.Statement, after: Locals, c: Targets, labels: readonly string[]): Locals => {
    switch (s.type) {
      case "BlockStatement": return block(s.body, after, labels.length === 0 ? c : { ...c, breaks: [...c.breaks, ...labels.map((label) => ({ label, live: after }))] });
      case "EmptyStatement": return after;
      case "ExpressionStatement": return expression(s.expression, null, after);
      case "VariableDeclaration": {
        let l = after;
        for (let i = s.declarations.length - 1; i >= 0; i--) {
          const d = s.declarations[i]!;
          const name = t.isIdentifier(d.id) ? d.id.name : null;
          l = d.init == null ? (name === null ? l : without(l, name)) : expression(d.init, name, l);
        }
        return l;
      }
      case "IfStatement": {
        const inner = labels.length === 0 ? c : { ...c, breaks: [...c.breaks, ...labels.map((label) => ({ label, live: after }))] };
        const yes = statement(s.consequent, after, inner, []);
        const no = s.alternate == null ? after : statement(s.alternate, after, inner, []);
        return before(s.test, union(yes, no));
      }
      case "WhileStatement": {
        return fixpoint(before(s.test, after), (head) => before(s.test, union(after, statement(s.body, head, inLoop(c, labels, after, head), []))));
      }
      case "DoWhileStatement": {
        // The head is the body's start; `continue` goes to the test.
        let head: Locals = empty;
        for (;;) {
          const test = before(s.test, union(after, head));
          const next = union(head, statement(s.body, test, inLoop(c, labels, after, test), []));
          if (next.size === head.size) return head;
          head = next;
        }
      }
      case "ForStatement": {
        const head = fixpoint(s.test == null ? empty : before(s.test, after), (h) => {
          const update = s.update == null ? h : expression(s.update, null, h);
          const body = statement(s.body, update, inLoop(c, labels, after, update), []);
          return s.test == null ? body : before(s.test, union(after, body));
        });
        if (s.init == null) return head;
        return t.isVariableDeclaration(s.init) ? statement(s.init, head, c, []) : expression(s.init, null, head);
      }
      case "ForOfStatement": case "ForInStatement": {
        const start = union(uses(s.right), after);
        return before(s.right, fixpoint(start, (head) => statement(s.body, head, inLoop(c, labels, after, head), [])));
      }
      case "SwitchStatement": {
        const inner: Targets = { ...c, breaks: [...c.breaks, { label: null, live: after }, ...labels.map((label) => ({ label, live: after }))] };
        let l = after;
        let entries = s.cases.some((k) => k.test == null) ? empty : after;
        for (let i = s.cases.length - 1; i >= 0; i--) {
          const k = s.cases[i]!;
          l = block(k.consequent, l, inner);
          entries = union(entries, union(l, uses(k.test)));
        }
        return before(s.discriminant, entries);
      }
      case "LabeledStatement": return statement(s.body, after, c, [...labels, s.label.name]);
      case "BreakStatement": return find(c.breaks, s.label?.name ?? null);
      case "ContinueStatement": return find(c.continues, s.label?.name ?? null);
      case "ReturnStatement": return s.argument == null ? empty : expression(s.argument, null, empty);
      case "ThrowStatement": return before(s.argument, empty);
      default: return union(after, uses(s));
    }
  };

  const entry = block(body.body, empty, { breaks: [], continues: [] });
  return { atYields: live, afterCalls, entry };
}

/** A sequence in which each assignment replaces a local for certain (`records.ts` makes them). */
function copiesOut(node: t.Node): boolean {
  return node.extra?.["copiesOut"] === true;
}

function contains(node: t.Node, wanted: (node: t.Node) => boolean): boolean {
  let found = false;
  t.traverseFast(node, (n) => {
    found ||= wanted(n);
  });
  return found;
}
