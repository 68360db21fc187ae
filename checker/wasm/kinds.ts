/**
 * What kinds of values the variables and functions of an emitted program can hold. Lowered, all of them are 64-bit integers:
 * whoever compares `1` with `true`, or counts with `undefined`, would get another answer than JavaScript gives.
 */
import * as t from "@babel/types";
import { childrenOf } from "../compile/syntax.ts";

/** Sets of kinds, as bits. */
export const NUMBER = 1;
export const BOOLEAN = 2;
/** `undefined`, `null`, objects, strings: whatever is no number and no boolean. */
export const OTHER = 4;

/** Functions of the prelude that end in a fault, or give what is written here. */
const GIVES: Readonly<Record<string, number>> = { $fit: NUMBER, $slotFit: NUMBER, $oob: NUMBER, $noMember: NUMBER, $isInteger: BOOLEAN };
/** Arrays of whole numbers in the emitted text. */
export const VIEWS: ReadonlySet<string> = new Set([
  "$B", "$H", "$W", "$vector", "$PB", "$PH", "$PW", "$before", "$cs", "$cn", "$changed", "$sets", "$calls",
  "$lockAt", "$lockKind", "$lockQueued", "$spinAt",
]);
const COMPARISONS = new Set(["===", "!==", "<", "<=", ">", ">="]);
/** Variables of the prelude. */
const PRELUDE: Readonly<Record<string, number>> = {
  $fuel: NUMBER, $me: NUMBER, $point: NUMBER, $waitsFor: NUMBER, $ci: NUMBER, $cl: NUMBER, $changes: NUMBER,
  $statistics1: NUMBER, $statistics2: NUMBER, $statistics4: NUMBER,
};

export class Kinds {
  readonly #functions: ReadonlyMap<string, t.FunctionDeclaration>;
  /** By variable, `function.name`, or by function. */
  readonly #of = new Map<string, number>();
  #changed = true;

  constructor(functions: ReadonlyMap<string, t.FunctionDeclaration>) {
    this.#functions = functions;
    while (this.#changed) {
      this.#changed = false;
      for (const [name, fn] of functions) {
        if (canEnd(fn.body)) this.#join(name, OTHER);
        this.#visit(fn.body, name);
      }
    }
  }

  /** The kinds of a local variable of function `fn`, or of a global. */
  variable(fn: string, name: string): number {
    return PRELUDE[name] ?? (this.#of.get(`${fn}.${name}`) ?? 0);
  }

  #join(key: string, kinds: number): void {
    const old = this.#of.get(key) ?? 0;
    if ((old | kinds) === old) return;
    this.#of.set(key, old | kinds);
    this.#changed = true;
  }

  /** A temporary is assigned wherever it is read: `let` alone says nothing of it. */
  #visit(n: t.Node, fn: string): void {
    if (t.isVariableDeclarator(n) && t.isIdentifier(n.id)) {
      if (n.init != null) this.#join(`${fn}.${n.id.name}`, this.of(n.init, fn));
      else if (!/^\$t\d+$/.test(n.id.name)) this.#join(`${fn}.${n.id.name}`, OTHER);
    }
    if (t.isAssignmentExpression(n) && t.isIdentifier(n.left)) {
      this.#join(`${fn}.${n.left.name}`, n.operator === "=" ? this.of(n.right, fn) : NUMBER);
    }
    if (t.isReturnStatement(n)) this.#join(fn, n.argument == null ? OTHER : this.of(n.argument, fn));
    if (t.isCallExpression(n) && t.isIdentifier(n.callee)) {
      const callee = this.#functions.get(n.callee.name);
      callee?.params.forEach((p, i) => {
        const given = n.arguments[i];
        if (t.isIdentifier(p)) this.#join(`${callee.id!.name}.${p.name}`, given === undefined ? OTHER : this.of(given, fn));
      });
    }
    for (const child of childrenOf(n)) this.#visit(child, fn);
  }

  /** The kinds that an expression in function `fn` can have. */
  of(n: t.Node, fn: string): number {
    switch (n.type) {
      case "NumericLiteral": case "UpdateExpression": return NUMBER;
      case "BooleanLiteral": return BOOLEAN;
      case "UnaryExpression": return n.operator === "!" ? BOOLEAN : n.operator === "void" ? OTHER : NUMBER;
      case "BinaryExpression": return COMPARISONS.has(n.operator) ? BOOLEAN : NUMBER;
      case "AssignmentExpression": return n.operator === "=" ? this.of(n.right, fn) : NUMBER;
      case "LogicalExpression": return this.of(n.left, fn) | this.of(n.right, fn);
      case "ConditionalExpression": return this.of(n.consequent, fn) | this.of(n.alternate, fn);
      case "SequenceExpression": return this.of(n.expressions.at(-1)!, fn);
      case "MemberExpression": return t.isIdentifier(n.object) && VIEWS.has(n.object.name) ? NUMBER : OTHER;
      case "Identifier": return this.variable(fn, n.name);
      case "CallExpression": return this.#ofCall(n);
      default: return OTHER;
    }
  }

  #ofCall({ callee }: t.CallExpression): number {
    if (t.isMemberExpression(callee)) return t.isIdentifier(callee.object, { name: "Math" }) ? NUMBER : OTHER;
    if (!t.isIdentifier(callee)) return OTHER;
    return GIVES[callee.name] ?? (this.#functions.has(callee.name) ? this.#of.get(callee.name) ?? 0 : OTHER);
  }
}

/** Whether control can reach the end of a statement. In doubt it can. */
export function canEnd(n: t.Statement): boolean {
  if (t.isReturnStatement(n) || t.isThrowStatement(n)) return false;
  if (t.isBlockStatement(n)) return n.body.every(canEnd);
  if (t.isIfStatement(n)) return n.alternate == null || canEnd(n.consequent) || canEnd(n.alternate);
  if (t.isTryStatement(n)) return canEnd(n.block);
  if (t.isLabeledStatement(n)) return canEnd(n.body) || breaks(n.body);
  if (t.isForStatement(n) && n.test == null) return breaks(n.body);
  return true;
}

/** Whether there is a `break` that may lead out. One within a switch that falls out of it goes on in the loop. */
function breaks(n: t.Node): boolean {
  if (t.isBreakStatement(n)) return true;
  return childrenOf(n).some(breaks);
}
