/**
 * What operators make of 64-bit integers as they would of JavaScript's numbers. Numbers are whole: where an operator could leave the
 * integers that JavaScript has, or give a fraction, the step traps, and JavaScript takes it.
 */
import * as t from "@babel/types";
import { Body } from "./body.ts";
import { boundsOf, boundsOfBinary, isIndex, isInt32, type Known } from "./bounds.ts";
import { OP, signed, unsigned } from "./encode.ts";
import { BOOLEAN, NUMBER } from "./kinds.ts";
import { NotLowered } from "./not-lowered.ts";

/** Operators of which only the low 32 bits of both sides count. */
const BITWISE: Readonly<Record<string, keyof typeof OP>> = { "&": "and", "|": "or", "^": "xor", "<<": "shl" };
/** Literals that can be added ten million times a loop without leaving the integers. */
const SMALL = 2 ** 20;
/** Sums that JavaScript keeps exact. */
const EXACT = 2n ** 53n;
const ZERO: readonly number[] = [OP.i64Const, 0];

export abstract class Arithmetic<Open> extends Body<Open> {
  protected abstract readonly known: Known;
  /** Locals that hold values in between. */
  #held = 0;

  /** The value of an expression that is to be of these kinds. */
  protected abstract operand(n: t.Node, kinds: number): void;

  /** Puts the value in hand into a local of its own. */
  protected keep(): readonly number[] {
    const held = unsigned(this.local(`$held${this.#held++}`));
    this.put(OP.localSet, ...held);
    return held;
  }

  protected binary(operator: string, left: t.Node, right: t.Node, whole: t.Node): void {
    if (operator === "/") return this.divide(left, right, null);
    if (operator === "**") return this.#power(left, right, whole);
    const bounds = boundsOfBinary(operator, left, right, this.known);
    if (BITWISE[operator] !== undefined) {
      this.#bitwise(operator, left, right);
      return isInt32(bounds) ? undefined : this.put(OP.extend32);
    }
    this.operand(left, NUMBER | BOOLEAN);
    const ofLeft = boundsOf(left, this.known);
    if (operator === ">>>" && !isIndex(ofLeft)) this.put(OP.i64Const, ...signed(0xffffffffn), OP.and);
    if (operator === ">>" && !isInt32(ofLeft)) this.put(OP.extend32);
    if (operator === ">>" || operator === ">>>") return this.#shift(operator === ">>" ? OP.shr : OP.shru, right);
    this.operand(right, NUMBER | BOOLEAN);
    switch (operator) {
      case "+": this.put(OP.add); return bounds === null ? this.#exact([left, right]) : undefined;
      case "-": this.put(OP.sub); return bounds === null ? this.#exact([left, right]) : undefined;
      case "*": return bounds === null ? this.#multiply([left, right]) : this.put(OP.mul);
      // A division by zero traps.
      case "%": return this.put(OP.rem);
      default: throw new NotLowered(whole, "this operator is not lowered");
    }
  }

  #shift(op: number, by: t.Node): void {
    if (t.isNumericLiteral(by)) return this.put(OP.i64Const, ...signed(BigInt(by.value & 31)), op);
    this.operand(by, NUMBER | BOOLEAN);
    this.put(OP.i64Const, 31, OP.and, op);
  }

  /** The low 32 bits are those of JavaScript's answer. Those above are its sign where `boundsOf` says that it has 32 bits. */
  #bitwise(operator: string, left: t.Node, right: t.Node): void {
    this.low(left);
    if (operator === "<<") return this.#shift(OP[BITWISE[operator]!], right);
    this.low(right);
    this.put(OP[BITWISE[operator]!]);
  }

  /** An operand of which 32 bits count. */
  protected low(n: t.Node): void {
    if (t.isBinaryExpression(n) && BITWISE[n.operator] !== undefined) this.#bitwise(n.operator, n.left, n.right);
    else this.operand(n, NUMBER | BOOLEAN);
  }

  /** A power of two, up to 2 ** 30; with another exponent it traps. */
  #power(base: t.Node, exponent: t.Node, whole: t.Node): void {
    if (!t.isNumericLiteral(base, { value: 2 })) throw new NotLowered(whole, "this operator is not lowered");
    this.operand(exponent, NUMBER);
    const held = this.keep();
    this.put(OP.localGet, ...held, OP.i64Const, 30, OP.gtu, OP.if, OP.empty, OP.unreachable, OP.end);
    this.put(OP.i64Const, 1, OP.localGet, ...held, OP.shl);
  }

  /** Traps where the sum in hand is one that JavaScript would round. */
  #exact(operands: readonly t.Node[]): void {
    if (operands.some((o) => t.isNumericLiteral(o) && o.value <= SMALL)) return;
    const held = unsigned(this.local("$exact"));
    this.put(OP.localTee, ...held, OP.i64Const, ...signed(EXACT), OP.add, OP.i64Const, ...signed(2n * EXACT), OP.gtu);
    this.put(OP.if, OP.empty, OP.unreachable, OP.end, OP.localGet, ...held);
  }

  /**
   * Traps where the product might leave the integers that JavaScript keeps exact: a small literal takes any other factor of
   * 33 bits, and two unknown factors may have 26 each. JavaScript does such a step without a fault, so its answer counts.
   */
  #multiply(factors: readonly t.Node[]): void {
    const isSmall = (f: t.Node): boolean => t.isNumericLiteral(f) && f.value <= SMALL;
    const bits = factors.some(isSmall) ? 33n : 26n;
    const [a, b] = [unsigned(this.local("$left")), unsigned(this.local("$right"))];
    const outside = (l: readonly number[]): number[] =>
      [OP.localGet, ...l, OP.i64Const, ...signed(2n ** bits), OP.add, OP.i64Const, ...signed(2n ** (bits + 1n)), OP.gtu];
    this.put(OP.localSet, ...b, OP.localSet, ...a, ...outside(a), ...outside(b), OP.i32Or);
    this.put(OP.if, OP.empty, OP.unreachable, OP.end, OP.localGet, ...a, OP.localGet, ...b, OP.mul);
  }

  /**
   * A quotient, rounded down, up or towards zero; null: traps where it is no whole number. A division by zero traps. It is the
   * quotient of JavaScript: with a dividend under 2 ** 53, what is no whole number is not rounded to one.
   */
  protected divide(left: t.Node, right: t.Node, rounded: "floor" | "ceil" | "trunc" | null): void {
    const [a, b] = [left, right].map((side) => {
      this.operand(side, NUMBER | BOOLEAN);
      return this.keep();
    }) as [readonly number[], readonly number[]];
    const both = [OP.localGet, ...a, OP.localGet, ...b];
    if (rounded === null) this.put(...both, OP.rem, ...ZERO, OP.ne, OP.if, OP.empty, OP.unreachable, OP.end);
    this.put(...both, OP.div);
    if (rounded !== "floor" && rounded !== "ceil") return;
    // One less where something is left and the signs differ, or one more where they do not.
    const [signs, change] = rounded === "floor" ? [OP.lt, OP.sub] : [OP.ge, OP.add];
    this.put(...both, OP.rem, ...ZERO, OP.ne, ...both, OP.xor, ...ZERO, signs, OP.i32And, OP.extendU, change);
  }

  protected math(n: t.CallExpression, name: string): void {
    const [first, ...others] = n.arguments;
    if (first === undefined) throw new NotLowered(n, "this call is not lowered");
    if (name === "clz32") {
      this.operand(first, NUMBER);
      return this.put(OP.i64Const, ...signed(0xffffffffn), OP.and, OP.clz, OP.i64Const, 32, OP.sub);
    }
    if (name === "floor" || name === "ceil" || name === "trunc") {
      if (t.isBinaryExpression(first, { operator: "/" })) return this.divide(first.left, first.right, name);
      // Every value here is a whole number.
      return this.operand(first, NUMBER);
    }
    if (name !== "min" && name !== "max") throw new NotLowered(n, "this call is not lowered");
    this.operand(first, NUMBER);
    for (const other of others) {
      const a = this.keep();
      this.operand(other, NUMBER);
      const b = this.keep();
      const both = [OP.localGet, ...a, OP.localGet, ...b];
      this.put(...both, ...both, name === "min" ? OP.lt : OP.gt, OP.select);
    }
  }
}
