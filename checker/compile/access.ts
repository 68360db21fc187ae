/**
 * Field accesses as inline expressions over the views of the state vector: `$B` bytes, `$H` half words, `$W` words
 * (`$PB`, ... for the state before the step). The same positions, checks and faults as the native accessors of
 * `world.ts`; the oracle property test compares the two.
 */
import * as t from "@babel/types";
import { isAtomic, wholeBytes, type FieldPlan } from "../program/layout.ts";
import { ADD, ATOMIC, READ, READ_ONCE, WRITE, WRITE_ONCE, type AccessMode } from "../program/observer.ts";
import { OPERATIONS, indexCount, type Operation, type OperationName, type OperationOf } from "../program/operations.ts";
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

const isSimple = (e: t.Expression): boolean =>
  t.isIdentifier(e) || t.isNumericLiteral(e) || t.isBooleanLiteral(e)
  || (t.isUnaryExpression(e) && e.operator === "-" && t.isNumericLiteral(e.argument));

/** The integer that the expression is for certain, -0 being 0; null otherwise. */
function constantOf(e: t.Expression): number | null {
  if (t.isBooleanLiteral(e)) return Number(e.value);
  const negative = t.isUnaryExpression(e) && e.operator === "-" && t.isNumericLiteral(e.argument);
  const value = t.isNumericLiteral(e) ? e.value : negative ? -(e.argument as t.NumericLiteral).value : NaN;
  return Number.isInteger(value) ? value + 0 : null;
}

/** Emitted functions, whose calls cannot change a local of the caller; any other call may reach a closure that does. */
const EMITTED_CALLEE = /^(\$[a-z]|[frs]\d+_)/;

/** Whether evaluating the expression may change a local. */
function mayAssign(e: t.Expression): boolean {
  let found = false;
  t.traverseFast(e, (node) => {
    const isOurs = t.isCallExpression(node) && t.isIdentifier(node.callee) && EMITTED_CALLEE.test(node.callee.name);
    found ||= t.isAssignmentExpression(node) || t.isUpdateExpression(node) || (t.isCallExpression(node) && !isOurs);
  });
  return found;
}

const number = (n: number): t.Expression => (n < 0 ? t.unaryExpression("-", t.numericLiteral(-n)) : t.numericLiteral(n));

const range = (v: string, count: number | string): string => `${v} >>> 0 < ${count} && (${v} | 0) === ${v}`;

/** The element of an array of arrays, counted through. */
function counted(dims: readonly number[], indices: readonly t.Expression[]): t.Expression {
  return indices.reduce((at, e, d) => {
    const [outer, inner] = [constantOf(at), constantOf(e)];
    if (outer !== null && inner !== null) return number(outer * dims[d]! + inner);
    const scaled = outer === null ? quasi(`($a * ${dims[d]!})`, { $a: at }) : number(outer * dims[d]!);
    return outer === 0 ? e : inner === 0 ? scaled : t.binaryExpression("+", scaled, e);
  }, number(0));
}

/** Pieces of the expression that one access becomes. Temporaries get their numbers in the order of the calls. */
class Access {
  readonly f: FieldPlan;
  readonly c: AccessContext;
  /** Object and element index; null where the field takes none. The element's is counted through all arrays, and not checked. */
  readonly i: t.Expression | null;
  readonly j: t.Expression | null;
  /** The indices of an array of arrays. */
  readonly #nested: readonly t.Expression[];
  /** The arguments behind the indices. */
  readonly rest: readonly t.Expression[];
  /** What is evaluated first, in order. */
  readonly #before: t.Expression[] = [];
  /** The last argument that may change a local. */
  readonly #changing: number;
  readonly #arguments: number;
  /** The bytes that the field is read and written in at once, and the view of that width. */
  readonly #width: number;
  readonly #view: string;
  readonly #mask: number;
  /** Where the bits begin in what is read, once `position()` is known. */
  #shift: t.Expression;

  constructor(f: FieldPlan, args: readonly t.Expression[], c: AccessContext) {
    this.f = f;
    this.c = c;
    this.#arguments = args.length;
    this.#changing = args.findLastIndex(mayAssign);
    const first = indexCount(f);
    const indices = args.slice(0, first).map((e, n) => this.once(e, n));
    this.rest = args.slice(first).map((e, n) => this.once(e, first + n));
    this.i = f.singleton ? null : indices[0]!;
    const ofElement = indices.slice(f.singleton ? 0 : 1);
    this.#nested = f.dims === null ? [] : ofElement;
    this.j = f.length === null ? null : f.dims === null ? ofElement[0]! : counted(f.dims, ofElement.map((e) => t.cloneNode(e)));
    this.#width = Math.max(1, wholeBytes(f.bits));
    this.#view = `$${c.buffer}${this.#width === 1 ? "B" : this.#width === 2 ? "H" : "W"}`;
    this.#mask = f.bits >= 32 ? 0xffff_ffff : 2 ** f.bits - 1;
    this.#shift = number(f.shift);
  }

  /**
   * Evaluates once, in order: what is not a name or a number goes through a temporary, and so does a name that an argument
   * behind it may change.
   */
  once(e: t.Expression, position: number = this.#arguments): t.Expression {
    if (isSimple(e) && (!t.isIdentifier(e) || position >= this.#changing)) return e;
    return this.#kept(e);
  }

  #kept(e: t.Expression): t.Identifier {
    const v = this.c.temporary();
    this.#before.push(t.assignmentExpression("=", v, e));
    return t.cloneNode(v);
  }

  /** `element`: of the field's array, not of the table. */
  #index(index: t.Expression, bound: number, element: boolean): t.Expression {
    const k = constantOf(index);
    if (k !== null && k >= 0 && k < bound) return number(k);
    const fault = `$oob($i, ${bound}, ${this.f.id}, ${this.c.site}${element ? ", true" : ""})`;
    return quasi(`(${range("$i", bound)} ? $i : ${fault})`, { $i: index });
  }

  /** Element index in the view, with index checks. */
  position(): t.Expression {
    const { f } = this;
    const width = this.#width;
    let constant = f.offset / width;
    // Where statistics start is known only when all frames are: a constant of the emitted text.
    let sum: t.Expression | null = f.role === "statistic" ? t.identifier(`$statistics${width}`) : null;
    const add = (e: t.Expression): void => { sum = sum === null ? e : t.binaryExpression("+", sum, e); };
    const addScaled = (at: t.Expression, stride: number): void => {
      const k = constantOf(at);
      if (k !== null) constant += k * stride;
      else add(stride === 1 ? at : t.binaryExpression("*", at, t.numericLiteral(stride)));
    };
    const sharesBytes = this.j !== null && f.elementBits % 8 !== 0;
    if (this.i !== null) {
      const at = this.#index(this.i, f.count, false);
      // The element's index is looked at twice, and only after the object's.
      addScaled(sharesBytes && constantOf(at) === null ? this.#kept(at) : at, f.stride / width);
    }
    if (this.j !== null) {
      const { dims } = f;
      const at = dims === null ? this.#index(this.j, f.length ?? 0, true)
        : counted(dims, this.#nested.map((e, d) => this.#index(e, dims[d]!, true)));
      if (!sharesBytes) addScaled(at, f.elementBits / 8 / width);
      else {
        const { byte, shift } = this.#within(constantOf(at) === null ? this.#kept(at) : at);
        this.#shift = shift;
        if (typeof byte === "number") constant += byte;
        else add(byte);
      }
    }
    if (sum === null) return t.numericLiteral(constant);
    return constant === 0 ? sum : t.binaryExpression("+", sum, t.numericLiteral(constant));
  }

  /** Of an array whose elements share bytes: the byte of element `at`, counted from the first, and the bit in it. */
  #within(at: t.Expression): { readonly byte: number | t.Expression; readonly shift: t.Expression } {
    const { elementBits, shift, length, bits } = this.f;
    const k = constantOf(at);
    const bit = shift + (k ?? 0) * elementBits;
    if (k !== null) return { byte: bit >> 3, shift: number(bit & 7) };
    const distance = elementBits === 1 ? at : quasi(`$j * ${elementBits}`, { $j: at });
    // All in one byte, beside other fields; else they begin a byte.
    if (bits * length! <= 8) return { byte: 0, shift: shift === 0 ? distance : t.binaryExpression("+", distance, number(shift)) };
    const perByte = 8 / elementBits;
    return {
      byte: quasi(`($j >> ${Math.log2(perByte)})`, { $j: t.cloneNode(at) }),
      shift: quasi(elementBits === 1 ? `($j & ${perByte - 1})` : `($j & ${perByte - 1}) * ${elementBits}`, { $j: at }),
    };
  }

  /** A position that is used twice goes through a temporary. */
  stablePosition(): t.Expression {
    const p = this.position();
    return isSimple(p) ? p : this.#kept(p);
  }

  /** The stored bits at a position. */
  rawAt(p: t.Expression): t.Expression {
    const { bits } = this.f;
    const view = this.#view;
    if (bits === 0) return quasi("($p, 0)", { $p: p });
    if (bits >= 8) return quasi(`${view}[$p]`, { $p: p });
    if (constantOf(this.#shift) === 0) return quasi(`(${view}[$p] & ${this.#mask})`, { $p: p });
    return quasi(`(${view}[$p] >> $s & ${this.#mask})`, { $p: p, $s: t.cloneNode(this.#shift) });
  }

  storeAt(p: t.Expression, raw: t.Expression): t.Expression {
    const { bits } = this.f;
    const view = this.#view;
    if (bits === 0) return t.sequenceExpression([p, raw]);
    if (bits >= 8) return quasi(`${view}[$p] = $r`, { $p: p, $r: raw });
    const shift = constantOf(this.#shift);
    const $s = (): t.Expression => t.cloneNode(this.#shift);
    if (shift === null) return quasi(`${view}[$p] = ${view}[$p] & ~(${this.#mask} << $s) | $r << $s`, { $p: p, $r: raw, $s: $s() });
    const others = 255 & ~(this.#mask << shift);
    return quasi(`${view}[$p] = ${view}[$p] & ${others} | $r${shift === 0 ? "" : ` << ${shift}`}`, { $p: p, $r: raw });
  }

  decode(raw: t.Expression): t.Expression {
    const { kind, min } = this.f;
    if (kind === "bool") return quasi("($r !== 0)", { $r: raw });
    return min === 0 ? raw : quasi(min < 0 ? `($r - ${-min})` : `($r + ${min})`, { $r: raw });
  }

  /** The bits to store for a value, with a check of its range. */
  encode(v: t.Expression): t.Expression {
    const { f } = this;
    const k = constantOf(v);
    if (k !== null && k >= f.min && k <= f.max) return number(k - f.min);
    if (f.kind === "bool") return quasi("($v ? 1 : 0)", { $v: v });
    const biased = f.min === 0 ? "$v" : f.min < 0 ? `$v + ${-f.min}` : `$v - ${f.min}`;
    const whole = f.max < 2 ** 31 && f.min >= -(2 ** 31) ? "($v | 0) === $v" : "$isInteger($v)";
    return quasi(`($v >= ${f.min} && $v <= ${f.max} && ${whole} ? ${biased} : $fit($v, ${f.id}, ${this.c.site}))`, { $v: v });
  }

  /** The number of a set's member, checked. */
  member(m: t.Expression): t.Expression {
    const { bits, id } = this.f;
    const k = constantOf(m);
    if (k !== null && k >= 0 && k < bits) return number(k);
    return quasi(`(${range("$m", bits)} ? $m : $noMember($m, ${id}, ${this.c.site}))`, { $m: m });
  }

  /** Tells the observer, before the access. */
  report(operation: Operation, name: ValueOperation): void {
    if (!this.c.instrumented) return;
    const modes = reportedModes(operation, name, isAtomic(this.f.guard));
    // For one bit of a set guarded "atomic" its number, counted from 1, stands for the index.
    const ofBit = operation.takes[0] === "member" && isAtomic(this.f.guard) && this.j === null;
    const index = ofBit ? quasi("($m) + 1", { $m: t.cloneNode(this.rest[0]!) }) : this.j ?? number(0);
    for (const mode of modes) {
      const place = { $i: this.i ?? number(0), $j: index };
      this.#before.push(quasi(`$observer.access(${this.f.id}, $i, $j, ${mode}, ${this.c.site})`, place));
    }
  }

  finish(e: t.Expression): t.Expression {
    return this.#before.length === 0 ? e : t.sequenceExpression([...this.#before, e]);
  }
}

/** What the observer is told: an update is one indivisible operation on an atomic field, otherwise a read and a write. */
function reportedModes(o: Operation, name: ValueOperation, atomicField: boolean): readonly AccessMode[] {
  if (o.indivisible) return [ATOMIC];
  if (o.reads && o.writes) return !atomicField ? [READ, WRITE] : [name === "add" ? ADD : ATOMIC];
  if (o.writes) return [o.marked ? WRITE_ONCE : WRITE];
  return [o.marked ? READ_ONCE : READ];
}

const load = (a: Access): t.Expression => a.decode(a.rawAt(a.position()));
const store = (a: Access): t.Expression => {
  const p = a.stablePosition();
  return a.storeAt(p, a.once(a.encode(a.rest[0]!)));
};
const changeMember = (text: string) => (a: Access): t.Expression => {
  const p = a.stablePosition();
  return a.storeAt(p, a.once(quasi(text, { $r: a.rawAt(p), $m: a.member(a.rest[0]!) })));
};

type ValueOperation = OperationOf<"int" | "bool" | "ref" | "bitset">;

/** The expression of each operation, without what is evaluated before it. */
const EMITTERS: Readonly<Record<ValueOperation, (a: Access) => t.Expression>> = {
  get: load,
  once: load,
  set: store,
  setOnce: store,
  add: (a) => {
    const p = a.stablePosition();
    const sum = a.once(quasi("($r + $d)", { $r: a.decode(a.rawAt(p)), $d: a.rest[0]! }));
    return a.storeAt(p, a.once(a.encode(sum)));
  },
  cmpxchg: (a) => {
    const p = a.stablePosition();
    const v = a.c.temporary();
    return quasi("($now === $expected ? ($v = $encoded, $store, true) : false)", {
      $now: a.decode(a.rawAt(p)), $expected: a.rest[0]!, $v: v, $encoded: a.encode(a.rest[1]!), $store: a.storeAt(p, v),
    });
  },
  xchg: (a) => {
    const p = a.stablePosition();
    const stored = a.once(a.encode(a.rest[0]!));
    const old = a.c.temporary();
    return quasi("($old = $now, $store, $old)", { $old: old, $now: a.decode(a.rawAt(p)), $store: a.storeAt(p, stored) });
  },
  addReturn: (a) => {
    const p = a.stablePosition();
    const v = a.c.temporary();
    const encoded = a.c.temporary();
    return quasi("($v = $now + $delta, $e = $encoded, $store, $result)", {
      $v: v, $now: a.decode(a.rawAt(p)), $delta: a.rest[0]!, $e: encoded, $encoded: a.encode(v),
      $store: a.storeAt(p, encoded), $result: a.decode(encoded),
    });
  },
  addUnless: (a) => {
    const p = a.stablePosition();
    const v = a.c.temporary();
    return quasi("(($v = $now) === $unless ? false : ($v += $delta, $v = $encoded, $store, true))", {
      $v: v, $now: a.decode(a.rawAt(p)), $unless: a.rest[1]!, $delta: a.rest[0]!, $encoded: a.encode(v), $store: a.storeAt(p, v),
    });
  },
  has: (a) => quasi("(($r >> $m & 1) !== 0)", { $r: a.rawAt(a.position()), $m: a.member(a.rest[0]!) }),
  insert: changeMember("($r | 1 << $m)"),
  remove: changeMember("($r & ~(1 << $m))"),
  size: (a) => quasi("$popcount($r)", { $r: a.rawAt(a.position()) }),
};

/** The expression for `k.struct.field.operation(args)`: an operation that the field has. */
export function accessExpression(f: FieldPlan, name: OperationName, args: readonly t.Expression[], c: AccessContext): t.Expression {
  if (name === "at") return lockIdExpression(f, args, c);
  if (name === "isHeld") return lockHeldExpression(f, args, c);
  // A configuration value: one possible value, nowhere stored.
  const read = name === "get" || name === "once";
  if (read && f.bits === 0 && args.length === 0) return f.kind === "bool" ? t.booleanLiteral(false) : number(f.min);
  const access = new Access(f, args, c);
  access.report(OPERATIONS[name], name);
  return access.finish(EMITTERS[name](access));
}

/** The lock id `k.struct.lock.at(i)`. */
function lockIdExpression(f: FieldPlan, args: readonly t.Expression[], c: AccessContext): t.Expression {
  if (f.singleton) return t.numericLiteral(f.lockBase);
  const index = args[0]!;
  const k = constantOf(index);
  if (k !== null && k >= 0 && k < f.count) return t.numericLiteral(f.lockBase + k);
  if (isSimple(index)) {
    return quasi(`(${range("$i", f.count)} ? $i + ${f.lockBase} : $oob($i, ${f.count}, ${f.id}, ${c.site}))`, { $i: index });
  }
  const v = c.temporary();
  return t.sequenceExpression([t.assignmentExpression("=", v, index), lockIdExpression(f, [v], c)]);
}

/** `k.struct.lock.isHeld(i)`. */
function lockHeldExpression(f: FieldPlan, args: readonly t.Expression[], c: AccessContext): t.Expression {
  const held = (l: t.Expression): t.Expression => quasi(`$isHeld${c.buffer}($l)`, { $l: l });
  if (!c.instrumented) return held(lockIdExpression(f, args, c));
  const id = c.temporary();
  return quasi(`($id = $l, $observer.access(${f.id}, $id - ${f.lockBase}, 0, ${READ}, ${c.site}), $held)`, {
    $id: id, $l: lockIdExpression(f, args, c), $held: held(t.cloneNode(id)),
  });
}
