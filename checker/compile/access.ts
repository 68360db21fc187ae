/**
 * Field accesses as inline expressions over the views of the state vector: `$B` bytes, `$H` half words, `$W` words
 * (`$PB`, ... for the state before the step). The same positions, checks and faults as the native accessors of
 * `world.ts`; the oracle property test compares the two.
 */
import * as t from "@babel/types";
import { ADD, ATOMIC, READ, READ_ONCE, WRITE, WRITE_ONCE, type AccessMode } from "../program/observer.ts";
import { isAtomic, wholeBytes, type FieldPlan } from "../program/layout.ts";
import { quasi } from "./quasi.ts";

export interface AccessContext {
  /** "" for the current state, "P" for the one before the step. */
  readonly buffer: "" | "P";
  /** Report each access to the observer. */
  readonly instrumented: boolean;
  /** Index of the source site of this access. */
  readonly site: number;
  /** A fresh local of the emitted function. */
  readonly temporary: () => t.Identifier;
}

/** Operations that change the field; properties may not use them. */
export const WRITING_OPERATIONS: ReadonlySet<string> = new Set(["set", "add", "setOnce", "cmpxchg", "xchg", "addReturn", "addUnless", "insert", "remove"]);

/** Operations that are marked as indivisible or racy on purpose, whatever the field's guard. */
export const MARKED_OPERATIONS: ReadonlySet<string> = new Set(["once", "setOnce", "cmpxchg", "xchg", "addReturn", "addUnless"]);

const isSimple = (e: t.Expression): boolean => t.isIdentifier(e) || t.isNumericLiteral(e) || t.isBooleanLiteral(e) || (t.isUnaryExpression(e) && e.operator === "-" && t.isNumericLiteral(e.argument));

/** The integer that the expression is for certain, -0 being 0; null otherwise. */
function constantOf(e: t.Expression): number | null {
  if (t.isBooleanLiteral(e)) return Number(e.value);
  const value = t.isNumericLiteral(e) ? e.value : t.isUnaryExpression(e) && e.operator === "-" && t.isNumericLiteral(e.argument) ? -e.argument.value : NaN;
  return Number.isInteger(value) ? value + 0 : null;
}

/** Emitted functions, whose calls cannot change a local of the caller; any other call may reach a closure that does. */
const EMITTED_CALLEE = /^(\$[a-z]|[frs]\d+_)/;

/** Whether evaluating the expression may change a local. */
function mayAssign(e: t.Expression): boolean {
  let found = false;
  t.traverseFast(e, (node) => {
    found ||= t.isAssignmentExpression(node) || t.isUpdateExpression(node) || (t.isCallExpression(node) && !(t.isIdentifier(node.callee) && EMITTED_CALLEE.test(node.callee.name)));
  });
  return found;
}

const number = (n: number): t.Expression => (n < 0 ? t.unaryExpression("-", t.numericLiteral(-n)) : t.numericLiteral(n));

/** How many index arguments the field takes. */
export function indexCount(f: FieldPlan): number {
  return (f.singleton ? 0 : 1) + (f.length === null ? 0 : 1);
}

/** The expression for `k.struct.field.operation(args)`. Null when the field has no such operation. */
export function accessExpression(f: FieldPlan, operation: string, args: readonly t.Expression[], c: AccessContext): t.Expression | null {
  const before: t.Expression[] = [];
  /** Evaluate once, in order: what is not a name or a number goes through a temporary, and a name too when something behind it may change it. */
  const changing = args.findLastIndex(mayAssign);
  const once = (e: t.Expression, position: number = args.length): t.Expression => {
    if (isSimple(e) && (!t.isIdentifier(e) || position >= changing)) return e;
    const v = c.temporary();
    before.push(t.assignmentExpression("=", v, e));
    return t.cloneNode(v);
  };
  const indices = args.slice(0, indexCount(f)).map((e, n) => once(e, n));
  const rest = args.slice(indexCount(f)).map((e, n) => once(e, indexCount(f) + n));
  const i = f.singleton ? null : indices[0]!;
  const j = f.length === null ? null : indices[f.singleton ? 0 : 1]!;
  const checked = (index: t.Expression, bound: number): t.Expression => {
    const k = constantOf(index);
    if (k !== null && k >= 0 && k < bound) return number(k);
    return quasi(`($i >>> 0 < ${bound} && ($i | 0) === $i ? $i : $oob($i, ${bound}, ${f.id}, ${c.site}))`, { $i: index });
  };
  const width = Math.max(1, wholeBytes(f.bits));
  const view = `$${c.buffer}${width === 1 ? "B" : width === 2 ? "H" : "W"}`;
  const base = f.offset;
  /** Element index in `view`, with index checks. */
  const position = (): t.Expression => {
    let constant = base / width;
    // Where statistics start is known only when all frames are: a constant of the emitted text.
    let sum: t.Expression | null = f.role === "statistic" ? t.identifier(`$statistics${width}`) : null;
    for (const [index, bound, stride] of [[i, f.count, f.stride / width], [j, f.length ?? 0, f.elementStride / width]] as const) {
      if (index === null) continue;
      const at = checked(index, bound);
      const k = constantOf(at);
      if (k !== null) { constant += k * stride; continue; }
      const scaled = stride === 1 ? at : t.binaryExpression("*", at, t.numericLiteral(stride));
      sum = sum === null ? scaled : t.binaryExpression("+", sum, scaled);
    }
    if (sum === null) return t.numericLiteral(constant);
    return constant === 0 ? sum : t.binaryExpression("+", sum, t.numericLiteral(constant));
  };
  const mask = f.bits >= 32 ? 0xffff_ffff : 2 ** f.bits - 1;
  const rawAt = (p: t.Expression): t.Expression => {
    if (f.bits === 0) return quasi("($p, 0)", { $p: p });
    if (f.bits < 8) return f.shift === 0 ? quasi(`(${view}[$p] & ${mask})`, { $p: p }) : quasi(`(${view}[$p] >> ${f.shift} & ${mask})`, { $p: p });
    return quasi(`${view}[$p]`, { $p: p });
  };
  const decode = (raw: t.Expression): t.Expression => {
    if (f.kind === "bool") return quasi("($r !== 0)", { $r: raw });
    return f.min === 0 ? raw : quasi(f.min < 0 ? `($r - ${-f.min})` : `($r + ${f.min})`, { $r: raw });
  };
  const encode = (v: t.Expression): t.Expression => {
    const k = constantOf(v);
    if (k !== null && k >= f.min && k <= f.max) return number(k - f.min);
    if (f.kind === "bool") return quasi("($v ? 1 : 0)", { $v: v });
    const biased = f.min === 0 ? "$v" : f.min < 0 ? `$v + ${-f.min}` : `$v - ${f.min}`;
    const whole = f.max < 2 ** 31 && f.min >= -(2 ** 31) ? "($v | 0) === $v" : "$isInteger($v)";
    return quasi(`($v >= ${f.min} && $v <= ${f.max} && ${whole} ? ${biased} : $fit($v, ${f.id}, ${c.site}))`, { $v: v });
  };
  const storeAt = (p: t.Expression, raw: t.Expression): t.Expression => {
    if (f.bits === 0) return t.sequenceExpression([p, raw]);
    if (f.bits >= 8) return quasi(`${view}[$p] = $r`, { $p: p, $r: raw });
    return quasi(`${view}[$p] = ${view}[$p] & ${255 & ~(mask << f.shift)} | $r${f.shift === 0 ? "" : ` << ${f.shift}`}`, { $p: p, $r: raw });
  };
  const member = (m: t.Expression): t.Expression => {
    const k = constantOf(m);
    if (k !== null && k >= 0 && k < f.bits) return number(k);
    return quasi(`($m >>> 0 < ${f.bits} && ($m | 0) === $m ? $m : $noMember($m, ${f.id}, ${c.site}))`, { $m: m });
  };
  const report = (mode: AccessMode, index: t.Expression = j ?? number(0)): void => {
    if (!c.instrumented) return;
    before.push(quasi(`$observer.access(${f.id}, $i, $j, ${mode}, ${c.site})`, { $i: i ?? number(0), $j: index }));
  };
  /** The array index to report for one bit of an atomic set: its number, counted from 1. */
  const bitOf = (m: t.Expression): t.Expression => (isAtomic(f.guard) && j === null ? quasi("($m) + 1", { $m: t.cloneNode(m) }) : j ?? number(0));
  /** A read-modify-write: one indivisible operation on an atomic field, otherwise a read and a write. */
  const reportUpdate = (indivisible: typeof ATOMIC | typeof ADD, index: t.Expression = j ?? number(0)): void => {
    if (isAtomic(f.guard)) report(indivisible, index);
    else {
      report(READ);
      report(WRITE);
    }
  };
  /** A position that is used twice goes through a temporary. */
  const stablePosition = (): t.Expression => {
    const p = position();
    if (isSimple(p)) return p;
    const v = c.temporary();
    before.push(t.assignmentExpression("=", v, p));
    return v;
  };
  const finish = (e: t.Expression): t.Expression => (before.length === 0 ? e : t.sequenceExpression([...before, e]));

  switch (operation) {
    case "get": case "once": {
      // A configuration value: one possible value, nowhere stored.
      if (f.bits === 0 && i === null && j === null) return f.kind === "bool" ? t.booleanLiteral(false) : number(f.min);
      report(operation === "get" ? READ : READ_ONCE);
      return finish(decode(rawAt(position())));
    }
    case "set": case "setOnce": {
      report(operation === "set" ? WRITE : WRITE_ONCE);
      const p = stablePosition();
      return finish(storeAt(p, once(encode(rest[0]!))));
    }
    case "add": {
      if (f.kind !== "int") return null;
      reportUpdate(ADD);
      const p = stablePosition();
      const sum = once(quasi("($r + $d)", { $r: decode(rawAt(p)), $d: rest[0]! }));
      return finish(storeAt(p, once(encode(sum))));
    }
    case "cmpxchg": {
      report(ATOMIC);
      const p = stablePosition();
      const v = c.temporary();
      return finish(quasi("($now === $expected ? ($v = $encoded, $store, true) : false)", { $now: decode(rawAt(p)), $expected: rest[0]!, $v: v, $encoded: encode(rest[1]!), $store: storeAt(p, v) }));
    }
    case "xchg": {
      report(ATOMIC);
      const p = stablePosition();
      const stored = once(encode(rest[0]!));
      const old = c.temporary();
      return finish(quasi("($old = $now, $store, $old)", { $old: old, $now: decode(rawAt(p)), $store: storeAt(p, stored) }));
    }
    case "addReturn": {
      if (f.kind !== "int") return null;
      report(ATOMIC);
      const p = stablePosition();
      const v = c.temporary();
      const encoded = c.temporary();
      return finish(quasi("($v = $now + $delta, $e = $encoded, $store, $result)", { $v: v, $now: decode(rawAt(p)), $delta: rest[0]!, $e: encoded, $encoded: encode(v), $store: storeAt(p, encoded), $result: decode(encoded) }));
    }
    case "addUnless": {
      if (f.kind !== "int") return null;
      report(ATOMIC);
      const p = stablePosition();
      const v = c.temporary();
      return finish(quasi("(($v = $now) === $unless ? false : ($v += $delta, $v = $encoded, $store, true))", { $v: v, $now: decode(rawAt(p)), $unless: rest[1]!, $delta: rest[0]!, $encoded: encode(v), $store: storeAt(p, v) }));
    }
    case "has": {
      if (f.kind !== "bitset") return null;
      report(READ, bitOf(rest[0]!));
      return finish(quasi("(($r >> $m & 1) !== 0)", { $r: rawAt(position()), $m: member(rest[0]!) }));
    }
    case "insert": case "remove": {
      if (f.kind !== "bitset") return null;
      reportUpdate(ATOMIC, bitOf(rest[0]!));
      const p = stablePosition();
      const raw = quasi(operation === "insert" ? "($r | 1 << $m)" : "($r & ~(1 << $m))", { $r: rawAt(p), $m: member(rest[0]!) });
      return finish(storeAt(p, once(raw)));
    }
    case "size": {
      if (f.kind !== "bitset") return null;
      report(READ);
      return finish(quasi("$popcount($r)", { $r: rawAt(position()) }));
    }
    default: return null;
  }
}

/** The lock id `k.struct.lock.at(i)`. */
export function lockIdExpression(f: FieldPlan, args: readonly t.Expression[], c: AccessContext): t.Expression {
  if (f.singleton) return t.numericLiteral(f.lockBase);
  const index = args[0]!;
  const k = constantOf(index);
  if (k !== null && k >= 0 && k < f.count) return t.numericLiteral(f.lockBase + k);
  if (isSimple(index)) return quasi(`($i >>> 0 < ${f.count} && ($i | 0) === $i ? $i + ${f.lockBase} : $oob($i, ${f.count}, ${f.id}, ${c.site}))`, { $i: index });
  const v = c.temporary();
  return t.sequenceExpression([t.assignmentExpression("=", v, index), lockIdExpression(f, [v], c)]);
}

/** `k.struct.lock.isHeld(i)`. */
export function lockHeldExpression(f: FieldPlan, args: readonly t.Expression[], c: AccessContext): t.Expression {
  const held = (l: t.Expression): t.Expression => quasi(`$isHeld${c.buffer}($l)`, { $l: l });
  if (!c.instrumented) return held(lockIdExpression(f, args, c));
  const id = c.temporary();
  return quasi(`($id = $l, $observer.access(${f.id}, $id - ${f.lockBase}, 0, ${READ}, ${c.site}), $held)`, { $id: id, $l: lockIdExpression(f, args, c), $held: held(t.cloneNode(id)) });
}
