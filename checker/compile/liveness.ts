/**
 * Live locals at each yield of a routine, by backward data flow over the structured syntax tree.
 *
 * A local is live at a yield when some path from there reads it before it is assigned. Only live locals decide the
 * future; the others are cleared in the frame, so that states which differ only in garbage coincide. The analysis
 * errs on the live side: an assignment nested inside a larger expression does not kill, and a read anywhere in an
 * expression counts.
 */
import * as t from "@babel/types";
import { childrenOf, contains } from "./syntax.ts";

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
export function liveness(
  body: t.BlockStatement, isLocal: (name: string) => boolean, effectOf: (y: t.YieldExpression) => CallEffect | null,
): Liveness {
  return new Analysis(body, isLocal, effectOf).run();
}

const NONE: Locals = new Set();

/** Methods take what is live behind a node and give what is live before it. */
class Analysis {
  readonly #body: t.BlockStatement;
  readonly #isLocal: (name: string) => boolean;
  readonly #effectOf: (y: t.YieldExpression) => CallEffect | null;
  readonly #atYields = new Map<t.YieldExpression, Locals>();
  readonly #afterCalls = new Map<t.YieldExpression, Locals>();
  /**
   * Calls of plain functions that replace locals stand in sequences that say so. Where there is none, expressions need no
   * closer look.
   */
  readonly #looksCloser: boolean;

  constructor(body: t.BlockStatement, isLocal: (name: string) => boolean, effectOf: (y: t.YieldExpression) => CallEffect | null) {
    this.#body = body;
    this.#isLocal = isLocal;
    this.#effectOf = effectOf;
    this.#looksCloser = contains(body, copiesOut);
  }

  run(): Liveness {
    const entry = this.#block(this.#body.body, NONE, { breaks: [], continues: [] });
    return { atYields: this.#atYields, afterCalls: this.#afterCalls, entry };
  }

  // ------------------------------------------------------------------------------------- expressions

  /** Locals that are read anywhere in the node. */
  #uses(node: t.Node | null | undefined): Locals {
    const found = new Set<string>();
    const visit = (n: t.Node): void => {
      if (t.isIdentifier(n)) {
        if (this.#isLocal(n.name)) found.add(n.name);
      } else if (t.isAssignmentExpression(n) && n.operator === "=" && t.isIdentifier(n.left)) visit(n.right);
      else childrenOf(n).forEach(visit);
    };
    if (node != null) visit(node);
    return found;
  }

  #note(y: t.YieldExpression, live: Locals): void {
    this.#atYields.set(y, union(this.#atYields.get(y) ?? NONE, live));
  }

  /** The value of `e` goes to `target` (null: nowhere, or to something that is no local). */
  #expression(e: t.Expression, target: string | null, after: Locals): Locals {
    const rest = target === null ? after : without(after, target);
    if (t.isYieldExpression(e)) return e.delegate ? this.#call(e, rest) : this.#wait(e, rest);
    if (t.isAssignmentExpression(e) && t.isIdentifier(e.left) && target === null &&
      (this.#isLocal(e.left.name) || t.isYieldExpression(e.right))) {
      if (e.operator === "=") return this.#expression(e.right, e.left.name, after);
      return union(after, this.#before(e, after));
    }
    return this.#before(e, rest);
  }

  #wait(y: t.YieldExpression, after: Locals): Locals {
    const waiting = union(after, this.#uses(y.argument));
    this.#note(y, waiting);
    return waiting;
  }

  #call(y: t.YieldExpression, after: Locals): Locals {
    const effect = this.#effectOf(y);
    if (effect === null) {
      this.#note(y, after);
      return union(after, this.#uses(y.argument));
    }
    this.#afterCalls.set(y, union(this.#afterCalls.get(y) ?? NONE, after));
    const kept = effect.writes.reduce((l, w) => without(l, w.variable), after);
    this.#note(y, kept);
    return union(union(kept, this.#uses(y.argument)), new Set(effect.reads(after)));
  }

  /** An expression whose value goes nowhere in particular. */
  #before(e: t.Node | null | undefined, after: Locals): Locals {
    if (e == null) return after;
    if (!this.#looksCloser || !contains(e, copiesOut)) return union(after, this.#uses(e));
    if (t.isLogicalExpression(e)) return this.#before(e.left, union(after, this.#before(e.right, after)));
    if (t.isConditionalExpression(e)) {
      return this.#before(e.test, union(this.#before(e.consequent, after), this.#before(e.alternate, after)));
    }
    if (copiesOut(e)) return this.#copyingOut(e as t.SequenceExpression, after);
    if (!t.isExpression(e) || t.isFunction(e) || e.type.startsWith("Optional")) return union(after, this.#uses(e));
    // All operands are evaluated, from left to right. What else the expression assigns to does not count as replaced.
    if (t.isAssignmentExpression(e, { operator: "=" }) && t.isIdentifier(e.left)) return this.#before(e.right, after);
    return childrenOf(e).reduceRight((live, child) => this.#before(child, live), after);
  }

  #copyingOut(e: t.SequenceExpression, after: Locals): Locals {
    return e.expressions.reduceRight((live: Locals, x) => {
      const replaced = t.isAssignmentExpression(x, { operator: "=" }) && t.isIdentifier(x.left) ? x.left.name : null;
      return replaced === null ? this.#before(x, live) : this.#before((x as t.AssignmentExpression).right, without(live, replaced));
    }, after);
  }

  // ------------------------------------------------------------------------------------- statements

  #block(statements: readonly t.Statement[], after: Locals, c: Targets): Locals {
    return statements.reduceRight((live, s) => this.#statement(s, live, c, []), after);
  }

  #statement(s: t.Statement, after: Locals, c: Targets, labels: readonly string[]): Locals {
    switch (s.type) {
      case "BlockStatement": return this.#block(s.body, after, breakable(c, labels, after));
      case "EmptyStatement": return after;
      case "ExpressionStatement": return this.#expression(s.expression, null, after);
      case "VariableDeclaration": return s.declarations.reduceRight((live, d) => this.#declarator(d, live), after);
      case "IfStatement": {
        const inner = breakable(c, labels, after);
        const yes = this.#statement(s.consequent, after, inner, []);
        const no = s.alternate == null ? after : this.#statement(s.alternate, after, inner, []);
        return this.#before(s.test, union(yes, no));
      }
      case "WhileStatement": return this.#while(s, after, c, labels);
      case "DoWhileStatement": return this.#doWhile(s, after, c, labels);
      case "ForStatement": return this.#for(s, after, c, labels);
      case "ForOfStatement": case "ForInStatement": {
        const start = union(this.#uses(s.right), after);
        return this.#before(s.right, fixpoint(start, (head) => this.#statement(s.body, head, inLoop(c, labels, after, head), [])));
      }
      case "SwitchStatement": return this.#switch(s, after, c, labels);
      case "LabeledStatement": return this.#statement(s.body, after, c, [...labels, s.label.name]);
      case "BreakStatement": return find(c.breaks, s.label?.name ?? null);
      case "ContinueStatement": return find(c.continues, s.label?.name ?? null);
      case "ReturnStatement": return s.argument == null ? NONE : this.#expression(s.argument, null, NONE);
      case "ThrowStatement": return this.#before(s.argument, NONE);
      default: return union(after, this.#uses(s));
    }
  }

  #declarator(d: t.VariableDeclarator, after: Locals): Locals {
    const name = t.isIdentifier(d.id) ? d.id.name : null;
    if (d.init != null) return this.#expression(d.init, name, after);
    return name === null ? after : without(after, name);
  }

  #while(s: t.WhileStatement, after: Locals, c: Targets, labels: readonly string[]): Locals {
    const around = (head: Locals): Locals =>
      this.#before(s.test, union(after, this.#statement(s.body, head, inLoop(c, labels, after, head), [])));
    return fixpoint(this.#before(s.test, after), around);
  }

  /** The head is the body's start; `continue` goes to the test. */
  #doWhile(s: t.DoWhileStatement, after: Locals, c: Targets, labels: readonly string[]): Locals {
    return fixpoint(NONE, (head) => {
      const test = this.#before(s.test, union(after, head));
      return this.#statement(s.body, test, inLoop(c, labels, after, test), []);
    });
  }

  /** `continue` goes to the update. */
  #for(s: t.ForStatement, after: Locals, c: Targets, labels: readonly string[]): Locals {
    const head = fixpoint(s.test == null ? NONE : this.#before(s.test, after), (h) => {
      const update = s.update == null ? h : this.#expression(s.update, null, h);
      const body = this.#statement(s.body, update, inLoop(c, labels, after, update), []);
      return s.test == null ? body : this.#before(s.test, union(after, body));
    });
    if (s.init == null) return head;
    return t.isVariableDeclaration(s.init) ? this.#statement(s.init, head, c, []) : this.#expression(s.init, null, head);
  }

  #switch(s: t.SwitchStatement, after: Locals, c: Targets, labels: readonly string[]): Locals {
    const inner: Targets =
      { ...c, breaks: [...c.breaks, { label: null, live: after }, ...labels.map((label) => ({ label, live: after }))] };
    let live = after;
    let entries = s.cases.some((k) => k.test == null) ? NONE : after;
    for (const k of s.cases.toReversed()) {
      live = this.#block(k.consequent, live, inner);
      entries = union(entries, union(live, this.#uses(k.test)));
    }
    return this.#before(s.discriminant, entries);
  }
}

/** Iterates `around` (live at the loop head -> live at the loop head) to its least fixpoint. */
function fixpoint(start: Locals, around: (head: Locals) => Locals): Locals {
  let head = start;
  for (;;) {
    const next = union(head, around(head));
    if (next.size === head.size) return head;
    head = next;
  }
}

/** A labelled statement that is no loop: `break` with its label goes behind it. */
function breakable(c: Targets, labels: readonly string[], after: Locals): Targets {
  return labels.length === 0 ? c : { ...c, breaks: [...c.breaks, ...labels.map((label) => ({ label, live: after }))] };
}

function inLoop(c: Targets, labels: readonly string[], breakLive: Locals, continueLive: Locals): Targets {
  return {
    breaks: [...c.breaks, { label: null, live: breakLive }, ...labels.map((label) => ({ label, live: breakLive }))],
    continues: [...c.continues, { label: null, live: continueLive }, ...labels.map((label) => ({ label, live: continueLive }))],
  };
}

function find(targets: Targets["breaks"], label: string | null): Locals {
  return targets.findLast((x) => x.label === label)?.live ?? NONE;
}

/** A sequence in which each assignment replaces a local for certain (`records.ts` makes them). */
function copiesOut(node: t.Node): boolean {
  return node.extra?.["copiesOut"] === true;
}
