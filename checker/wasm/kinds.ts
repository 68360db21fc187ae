/**
 * What kinds of values the variables and functions of an emitted program can hold. Lowered, all of them are 64-bit integers:
 * whoever compares `1` with `true`, or counts with an object, would get another answer than JavaScript gives.
 */
import * as t from "@babel/types";
import { childrenOf } from "../compile/syntax.ts";
import { handedBack, type HandedBack } from "./handed-back.ts";

/** Sets of kinds, as bits. */
export const NUMBER = 1;
export const BOOLEAN = 2;
export const UNDEFINED = 4;
export const NULL = 8;
/** Objects and strings. */
export const OTHER = 16;

/** Functions of the prelude that end in a fault, or give what is written here. */
const GIVES: Readonly<Record<string, number>> = {
  $fit: NUMBER, $slotFit: NUMBER, $oob: NUMBER, $noMember: NUMBER, $queueFault: NUMBER, $isInteger: BOOLEAN, $bugOn: UNDEFINED,
  $word: NUMBER, $refine: NUMBER, $move: NUMBER, $enter: NUMBER,
};
/** Arrays of whole numbers in the emitted text. */
const VIEWS: readonly string[] = [
  "$B", "$H", "$W", "$vector", "$PB", "$PH", "$PW", "$before", "$cs", "$cn", "$changed", "$sets", "$calls",
  "$lockAt", "$lockKind", "$lockQueued", "$spinAt", "$event", "$args", "$machineOf",
];
const COMPARISONS = new Set(["===", "!==", "<", "<=", ">", ">="]);
/** Variables of the prelude. */
const PRELUDE: Readonly<Record<string, number>> = {
  $fuel: NUMBER, $me: NUMBER, $point: NUMBER, $waitsFor: NUMBER, $ci: NUMBER, $cl: NUMBER, $changes: NUMBER, $events: NUMBER,
  $statistics1: NUMBER, $statistics2: NUMBER, $statistics4: NUMBER,
};

export class Kinds {
  readonly #functions: ReadonlyMap<string, t.FunctionDeclaration>;
  /** By variable, `function.name`, or by function. */
  readonly #of = new Map<string, number>();
  readonly #handedBack: HandedBack;
  readonly #views: ReadonlySet<string>;
  /** What each can hold: `key` the value of an expression in function `fn`. */
  readonly #assigned: { readonly key: string; readonly value: t.Node; readonly fn: string }[] = [];
  #changed = false;

  /** `tables`: arrays of numbers that the program has written down. */
  constructor(functions: ReadonlyMap<string, t.FunctionDeclaration>, tables: readonly string[]) {
    this.#functions = functions;
    this.#views = new Set([...VIEWS, ...tables]);
    this.#handedBack = handedBack(functions);
    for (const [name, fn] of functions) {
      if (canEnd(fn.body)) this.#join(name, UNDEFINED);
      this.#visit(fn.body, name);
    }
    do {
      this.#changed = false;
      for (const { key, value, fn } of this.#assigned) this.#join(key, this.of(value, fn));
      for (const { by, from, register } of this.#handedBack.passed) {
        this.#join(`${by}.${register}`, this.#of.get(`${from}.${register}`) ?? 0);
      }
    } while (this.#changed);
  }

  #join(key: string, kinds: number): void {
    const old = this.#of.get(key) ?? 0;
    if ((old | kinds) === old) return;
    this.#of.set(key, old | kinds);
    this.#changed = true;
  }

  /**
   * A temporary is assigned wherever it is read: `let` alone says nothing of it. Nor does the 0 by which a routine declares a local
   * that has no slot: such a local does not live across a yield, and its declaration assigns it, `undefined` where it gives no value.
   */
  #visit(n: t.Node, fn: string): void {
    if (t.isVariableDeclaration(n) && declaresRoutine(n)) {
      for (const d of n.declarations) if (!t.isNumericLiteral(d.init, { value: 0 })) this.#visit(d, fn);
      return;
    }
    if (t.isVariableDeclarator(n) && t.isIdentifier(n.id)) {
      if (n.init != null) this.#assigned.push({ key: `${fn}.${n.id.name}`, value: n.init, fn });
      else if (!/^\$t\d+$/.test(n.id.name)) this.#join(`${fn}.${n.id.name}`, UNDEFINED);
    }
    if (t.isAssignmentExpression(n) && t.isIdentifier(n.left)) {
      const key = `${fn}.${n.left.name}`;
      if (n.operator === "=") this.#assigned.push({ key, value: n.right, fn });
      else this.#join(key, NUMBER);
    }
    if (t.isUpdateExpression(n) && t.isIdentifier(n.argument)) this.#join(`${fn}.${n.argument.name}`, NUMBER);
    if (t.isReturnStatement(n)) {
      if (n.argument == null) this.#join(fn, UNDEFINED);
      else this.#assigned.push({ key: fn, value: n.argument, fn });
    }
    if (t.isCallExpression(n) && t.isIdentifier(n.callee)) this.#given(n, n.callee.name, fn);
    for (const child of childrenOf(n)) this.#visit(child, fn);
  }

  /**
   * What parameters are given. Who goes on with a routine, `r($b, false)`, gives none: there each of them is loaded from the
   * frame before it is read, or nobody reads it any more (`compile/liveness.ts`).
   */
  #given(call: t.CallExpression, name: string, fn: string): void {
    const params = this.#functions.get(name)?.params ?? [];
    const goesOn = t.isIdentifier(params[1], { name: "$start" }) && t.isBooleanLiteral(call.arguments[1], { value: false });
    params.forEach((p, i) => {
      const given = call.arguments[i];
      if (!t.isIdentifier(p) || (given === undefined && goesOn)) return;
      if (given === undefined) this.#join(`${name}.${p.name}`, UNDEFINED);
      else this.#assigned.push({ key: `${name}.${p.name}`, value: given, fn });
    });
  }

  /** The kinds that an expression in function `fn` can have. */
  of(n: t.Node, fn: string): number {
    switch (n.type) {
      case "NumericLiteral": case "UpdateExpression": return NUMBER;
      case "BooleanLiteral": return BOOLEAN;
      case "NullLiteral": return NULL;
      case "UnaryExpression": return n.operator === "!" ? BOOLEAN : n.operator === "void" ? UNDEFINED : NUMBER;
      case "BinaryExpression": return COMPARISONS.has(n.operator) ? BOOLEAN : NUMBER;
      case "AssignmentExpression": return n.operator === "=" ? this.of(n.right, fn) : NUMBER;
      case "LogicalExpression": return this.of(n.left, fn) | this.of(n.right, fn);
      case "ConditionalExpression": return this.of(n.consequent, fn) | this.of(n.alternate, fn);
      case "SequenceExpression": return this.of(n.expressions.at(-1)!, fn);
      case "MemberExpression": return t.isIdentifier(n.object) && this.#views.has(n.object.name) ? NUMBER : OTHER;
      case "Identifier":
        if (n.name === "undefined") return UNDEFINED;
        return PRELUDE[n.name] ?? this.#of.get(`${this.#handedBack.writers.get(n) ?? fn}.${n.name}`) ?? 0;
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

/** Whether these are the locals of a routine, of which `$L` is the first: where it goes on. */
const declaresRoutine = ({ declarations: [first] }: t.VariableDeclaration): boolean => t.isIdentifier(first?.id, { name: "$L" });

/** Whether control can reach the end of a statement. In doubt it can. */
export function canEnd(n: t.Statement, label: string | null = null): boolean {
  if (t.isReturnStatement(n) || t.isThrowStatement(n)) return false;
  if (t.isBlockStatement(n)) return n.body.every((s) => canEnd(s));
  if (t.isIfStatement(n)) return n.alternate == null || canEnd(n.consequent) || canEnd(n.alternate);
  if (t.isTryStatement(n)) return canEnd(n.block);
  if (t.isLabeledStatement(n)) return canEnd(n.body, n.label.name) || breaks(n.body, n.label.name, false);
  if (t.isForStatement(n) && n.test == null) return breaks(n.body, label, true);
  return true;
}

/** Whether there is a `break` that leads out of the loop around it, by its label or, where `bare`, without. */
function breaks(n: t.Node, label: string | null, bare: boolean): boolean {
  if (t.isBreakStatement(n)) return n.label == null ? bare : n.label.name === label;
  const own = t.isLoop(n) || t.isSwitchStatement(n);
  return childrenOf(n).some((c) => breaks(c, label, bare && !own));
}
