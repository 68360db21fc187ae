/**
 * Live locals at each yield of a routine, by backward data flow over the structured syntax tree.
 *
 * A local is live at a yield when some path from there reads it before it is assigned. Only live locals decide the
 * future; the others are cleared in the frame, so that states which differ only in garbage coincide. The analysis
 * errs on the live side: an assignment nested inside a larger expression does not kill, and a read anywhere in an
 * expression counts.
 */
import * as t from "@babel/types";

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

/** `live.get(yieldExpression)`: locals that must survive that yield (for a call: excluding the variable it assigns). */
export function liveAtYields(body: t.BlockStatement, isLocal: (name: string) => boolean): Map<t.YieldExpression, Locals> {
  const live = new Map<t.YieldExpression, Locals>();
  const empty: Locals = new Set();

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
        note(e, rest);
        return union(rest, uses(e.argument));
      }
      const waiting = union(rest, uses(e.argument));
      note(e, waiting);
      return waiting;
    }
    if (t.isAssignmentExpression(e) && t.isIdentifier(e.left) && isLocal(e.left.name) && target === null) {
      if (e.operator === "=") return expression(e.right, e.left.name, after);
      return union(after, uses(e));
    }
    return union(rest, uses(e));
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
        return union(uses(s.test), union(yes, no));
      }
      case "WhileStatement": {
        const start = union(uses(s.test), after);
        return fixpoint(start, (head) => statement(s.body, head, inLoop(c, labels, after, head), []));
      }
      case "DoWhileStatement": {
        // The head is the body's start; `continue` goes to the test.
        let head: Locals = empty;
        for (;;) {
          const test = union(uses(s.test), union(after, head));
          const next = union(head, statement(s.body, test, inLoop(c, labels, after, test), []));
          if (next.size === head.size) return head;
          head = next;
        }
      }
      case "ForStatement": {
        const start = union(uses(s.test), s.test == null ? empty : after);
        const head = fixpoint(start, (h) => {
          const update = s.update == null ? h : expression(s.update, null, h);
          return statement(s.body, update, inLoop(c, labels, after, update), []);
        });
        if (s.init == null) return head;
        return t.isVariableDeclaration(s.init) ? statement(s.init, head, c, []) : expression(s.init, null, head);
      }
      case "ForOfStatement": case "ForInStatement": {
        const start = union(uses(s.right), after);
        return union(uses(s.right), fixpoint(start, (head) => statement(s.body, head, inLoop(c, labels, after, head), [])));
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
        return union(uses(s.discriminant), entries);
      }
      case "LabeledStatement": return statement(s.body, after, c, [...labels, s.label.name]);
      case "BreakStatement": return find(c.breaks, s.label?.name ?? null);
      case "ContinueStatement": return find(c.continues, s.label?.name ?? null);
      case "ReturnStatement": return s.argument == null ? empty : expression(s.argument, null, empty);
      case "ThrowStatement": return uses(s.argument);
      default: return union(after, uses(s));
    }
  };

  block(body.body, empty, { breaks: [], continues: [] });
  return live;
}
