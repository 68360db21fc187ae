/**
 * The world `k`: typed accessors over one state vector.
 *
 * These are the accessors that native runs call. The compiler replaces each call by the same operation inline
 * (`compile/access.ts`); a property test holds the two equal, byte for byte.
 */
import { StepFault } from "../fault.ts";
import { indexCount } from "./operations.ts";
import { bitOf } from "./layout.ts";
import type {
  ArrayField, BitsetField, BoolField, Declaration, FieldPlan, IntField, LayoutPlan, LockField, QueueField, RefField, ScalarField,
  SingletonStruct, Struct, Structs,
} from "./layout.ts";

/** Identity of one lock of the program; what `k.mm.mmapLock.at()` gives and `spinLock` takes. */
export type LockId = number & { readonly __lock?: never };

export interface NumberAccess<I extends readonly number[], V = number> {
  get(...index: I): V;
  set(...indexAndValue: [...I, V]): void;
  /** READ_ONCE: a deliberate access without the declared lock. */
  once(...index: I): V;
  /** WRITE_ONCE */
  setOnce(...indexAndValue: [...I, V]): void;
  /** Indivisible compare and exchange; true when it stored. */
  cmpxchg(...indexExpectedAndValue: [...I, V, V]): boolean;
  /** Indivisible exchange: stores the value and gives the one that it replaced. */
  xchg(...indexAndValue: [...I, V]): V;
}
export interface IntAccess<I extends readonly number[]> extends NumberAccess<I> {
  add(...indexAndDelta: [...I, number]): void;
  /** Indivisible: adds, and gives the sum. */
  addReturn(...indexAndDelta: [...I, number]): number;
  /** Indivisible: adds unless the value is `unless`; true when it added. */
  addUnless(...indexDeltaAndUnless: [...I, number, number]): boolean;
}
export interface BitsetAccess<I extends readonly number[]> extends NumberAccess<I> {
  has(...indexAndMember: [...I, number]): boolean;
  insert(...indexAndMember: [...I, number]): void;
  remove(...indexAndMember: [...I, number]): void;
  /** Number of members. */
  size(...index: I): number;
}
/** First in, first out. A push to a full queue and a shift of an empty one are faults. */
export interface QueueAccess<I extends readonly number[], V = number> {
  push(...indexAndValue: [...I, V]): void;
  /** Takes out the value that waits longest. */
  shift(...index: I): V;
  /** The n-th that waits, 0 being the first to be taken out. */
  get(...indexAndN: [...I, number]): V;
  /** How many wait. */
  size(...index: I): number;
  readonly capacity: number;
}
export interface LockAccess<I extends readonly number[]> {
  at(...index: I): LockId;
  /** Held by anyone, in any mode. */
  isHeld(...index: I): boolean;
}

type ScalarAccess<F, I extends readonly number[]> =
  F extends IntField ? IntAccess<I>
  : F extends BoolField ? NumberAccess<I, boolean>
  : F extends RefField ? NumberAccess<I>
  : F extends BitsetField ? BitsetAccess<I>
  : F extends LockField ? LockAccess<I>
  : never;
/** Of any declaration nothing is known: it may hold others without end. */
type FieldAccess<F, I extends readonly number[]> =
  Declaration extends F ? unknown
  : F extends ArrayField<infer E> ? FieldAccess<E, [...I, number]> & { readonly length: number }
  : F extends QueueField<infer E> ? QueueAccess<I, E extends BoolField ? boolean : number>
  : F extends ScalarField | LockField ? ScalarAccess<F, I>
  : { readonly [N in keyof F]: FieldAccess<F[N], I> };
type StructAccess<S extends Struct> = S extends Struct<infer F>
  ? { readonly [N in keyof F]: FieldAccess<F[N], S extends SingletonStruct ? [] : [number]> } & { readonly count: number }
  : never;

/** The world of a program with these structs: `k.<struct>.<field>.<operation>(index...)`. */
export type World<S extends Structs> = { readonly [N in keyof S]: StructAccess<S[N]> };

/** Any world; what generic code (the runner, locks) is written against. */
export type AnyWorld = Readonly<Record<string, unknown>>;

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The bytes of one state, seen at the three widths that fields use. */
export class StateBytes {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  constructor(buffer: ArrayBufferLike) {
    if (!littleEndian) throw new Error("thpcheck needs a little-endian machine");
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.u32 = new Uint32Array(buffer);
  }

  /** The stored value, without its bias, of the field that starts at a bit. */
  raw(f: FieldPlan, bit: number): number {
    if (f.bits === 0) return 0;
    if (f.bits < 8) return (this.u8[bit >> 3]! >> (bit & 7)) & ((1 << f.bits) - 1);
    if (f.bits === 8) return this.u8[bit >> 3]!;
    return f.bits <= 16 ? this.u16[bit >> 4]! : this.u32[bit >> 5]!;
  }

  setRaw(f: FieldPlan, bit: number, raw: number): void {
    if (f.bits === 0) return;
    if (f.bits < 8) {
      const shift = bit & 7;
      const mask = ((1 << f.bits) - 1) << shift;
      this.u8[bit >> 3] = (this.u8[bit >> 3]! & ~mask) | (raw << shift);
    } else if (f.bits === 8) this.u8[bit >> 3] = raw;
    else if (f.bits <= 16) this.u16[bit >> 4] = raw;
    else this.u32[bit >> 5] = raw >>> 0;
  }
}

/** Throws the fault that a wild index deserves. */
function checkIndex(what: string, index: number, count: number): void {
  if (index >= 0 && index < count && Number.isInteger(index)) return;
  throw new StepFault("range", `${what}[${index}]: the index is outside 0..${count - 1}`);
}

/** The bit at which an element starts. Throws a range fault for a wild index. */
export function positionOf(f: FieldPlan, statisticBase: number, i: number, j: number): number {
  checkIndex(f.path, i, f.count);
  if (f.length !== null) checkIndex(`${f.path}[${i}]`, j, f.length);
  return bitOf(f, i, j) + (f.role === "statistic" ? 8 * statisticBase : 0);
}

/** Which element of an array its indices mean, counted through. Throws a range fault for a wild one. */
export function elementOf(f: FieldPlan, indices: readonly number[]): number {
  if (f.dims === null) return indices[0]!;
  return f.dims.reduce((at, n, d) => {
    checkIndex(f.path, indices[d]!, n);
    return at * n + indices[d]!;
  }, 0);
}

/** The value to store, biased; throws the fault that a store out of range deserves. */
export function encode(f: FieldPlan, value: number | boolean): number {
  const v = Number(value);
  if (v >= f.min && v <= f.max && Number.isInteger(v)) return v - f.min;
  if (f.wrapping && Number.isInteger(v)) {
    const values = f.max - f.min + 1;
    return (((v - f.min) % values) + values) % values;
  }
  throw new StepFault("range", `${f.path} = ${String(value)}: the value does not fit ${f.min}..${f.max}`);
}

/** Gives every field its initial value. `bytes` must be zeroed. */
export function writeInitialValues(plan: LayoutPlan, bytes: StateBytes, statisticBase: number): void {
  for (const f of plan.fields) {
    if (f.lockBase >= 0) continue;
    for (let i = 0; i < f.count; i++) {
      for (let j = 0; j < (f.length ?? 1); j++) bytes.setRaw(f, positionOf(f, statisticBase, i, f.length === null ? 0 : j), f.init - f.min);
    }
  }
}

/** Native accessors over `bytes`. `statisticBase`: byte at which the statistic part starts. */
export function makeWorld<S extends Structs>(plan: LayoutPlan, bytes: StateBytes, statisticBase: number): World<S> {
  const world: Record<string, Record<string, unknown>> = {};
  for (const [name, s] of Object.entries(plan.structs)) world[name] = { count: s.count };
  for (const f of plan.fields) {
    world[f.struct]![f.field] = f.lockBase >= 0 ? lockAccess(f, bytes, plan.maskBytes) : scalarAccess(f, bytes, statisticBase);
  }
  const queues = new Set(plan.fields.filter((f) => f.part === "items").map((f) => f.path.replace(/\.items$/, ".used")));
  for (const f of plan.fields) if (!queues.has(f.path)) addComposites(world[f.struct]!, f);
  return world as unknown as World<S>;
}

/** Members of records under the names of the records; a set and a queue with operations of their own, made of those of the parts. */
function addComposites(struct: Record<string, unknown>, f: FieldPlan): void {
  const access = struct[f.field] as AnyScalarAccess;
  const indices = indexCount(f);
  if (f.part === "set") {
    Object.assign(access, {
      has: (...args: number[]) => access.get(...args) as unknown as boolean,
      insert: (...args: number[]) => { access.set(...args, 1); },
      remove: (...args: number[]) => { access.set(...args, 0); },
      size: (...args: number[]) =>
        Array.from({ length: lastLength(f) }, (_, m) => Number(access.get(...args, m))).reduce((a, b) => a + b, 0),
    });
  }
  const isQueue = f.part === "items";
  const path = f.field.split(".").slice(0, isQueue ? -1 : undefined);
  if (path.length === 1 && !isQueue) return;
  let at = struct;
  for (const name of path.slice(0, -1)) at = (at[name] ??= {}) as Record<string, unknown>;
  const own = path.at(-1)!;
  at[own] = isQueue ? queueAccess(f, access, struct[`${path.join(".")}.used`] as AnyScalarAccess, indices - 1) : access;
}

/** The length of the innermost array. */
export function lastLength(f: FieldPlan): number {
  return f.dims?.at(-1) ?? f.length ?? 1;
}

/** `indices`: how many say which queue. The compiler does the same in the same order: `compile/composite-access.ts`. */
function queueAccess(f: FieldPlan, items: AnyScalarAccess, used: AnyScalarAccess, indices: number): QueueAccess<number[]> {
  const capacity = lastLength(f);
  const smallest = f.kind === "bool" ? (false as unknown as number) : f.min;
  return {
    capacity,
    size: (...index) => used.get(...index),
    get: (...args) => {
      const [queue, n] = [args.slice(0, indices), args[indices]!];
      checkIndex(queueName(f), n, used.get(...queue));
      return items.get(...queue, n);
    },
    push: (...args) => {
      const [queue, value] = [args.slice(0, indices), args[indices]!];
      const n = used.get(...queue);
      if (n >= capacity) throw new StepFault("range", queueIsFull(f));
      items.set(...queue, n, value);
      used.set(...queue, n + 1);
    },
    shift: (...queue) => {
      const n = used.get(...queue);
      if (n <= 0) throw new StepFault("range", queueIsEmpty(f));
      const first = items.get(...queue, 0);
      for (let m = 0; m + 1 < capacity; m++) items.set(...queue, m, items.get(...queue, m + 1));
      items.set(...queue, capacity - 1, smallest);
      used.set(...queue, n - 1);
      return first;
    },
  };
}
const queueName = (f: FieldPlan): string => f.path.replace(/\.items$/, "");
export const queueIsFull = (f: FieldPlan): string =>
  `${queueName(f)} is full: its capacity is ${lastLength(f)}; push only where size() is less, or declare a larger one`;
export const queueIsEmpty = (f: FieldPlan): string => `${queueName(f)} is empty: shift only where size() is more than 0`;

function lockAccess(f: FieldPlan, bytes: StateBytes, maskBytes: number): LockAccess<number[]> {
  return {
    at: (...index) => {
      const i = f.singleton ? 0 : index[0]!;
      checkIndex(f.path, i, f.count);
      return f.lockBase + i;
    },
    isHeld: (...index) => {
      const i = f.singleton ? 0 : index[0]!;
      checkIndex(f.path, i, f.count);
      const p = f.offset + i * f.stride;
      const heldBytes = f.kind === "rwsem" ? 1 + maskBytes : 1;
      return bytes.u8.subarray(p, p + heldBytes).some((b) => b !== 0);
    },
  };
}

type AnyScalarAccess = BitsetAccess<number[]> & IntAccess<number[]> & { length: number };

function scalarAccess(f: FieldPlan, bytes: StateBytes, statisticBase: number): AnyScalarAccess {
  const indices = indexCount(f);
  const first = f.singleton ? 0 : 1;
  const at = (index: readonly number[]): number => {
    const i = f.singleton ? 0 : index[0]!;
    // The object's index is looked at first.
    if (f.dims !== null) checkIndex(f.path, i, f.count);
    return positionOf(f, statisticBase, i, f.length === null ? 0 : elementOf(f, index.slice(first)));
  };
  const decode = (raw: number): number => (f.kind === "bool" ? (raw !== 0) as unknown as number : raw + f.min);
  const get = (...index: number[]): number => decode(bytes.raw(f, at(index)));
  const set = (...args: number[]): void => bytes.setRaw(f, at(args), encode(f, args[indices]!));
  const member = (m: number): number => {
    if (m >= 0 && m < f.bits && Number.isInteger(m)) return m;
    throw new StepFault("range", `${f.path}: member ${m} is outside 0..${f.bits - 1}`);
  };
  return {
    length: f.dims?.[0] ?? f.length ?? 1,
    get, set, once: get, setOnce: set,
    add: (...args) => { const p = at(args); bytes.setRaw(f, p, encode(f, bytes.raw(f, p) + f.min + args[indices]!)); },
    cmpxchg: (...args) => {
      const p = at(args);
      if (decode(bytes.raw(f, p)) !== args[indices]) return false;
      bytes.setRaw(f, p, encode(f, args[indices + 1]!));
      return true;
    },
    xchg: (...args) => {
      const p = at(args);
      const old = decode(bytes.raw(f, p));
      bytes.setRaw(f, p, encode(f, args[indices]!));
      return old;
    },
    addReturn: (...args) => {
      const p = at(args);
      const sum = encode(f, bytes.raw(f, p) + f.min + args[indices]!);
      bytes.setRaw(f, p, sum);
      return sum + f.min;
    },
    addUnless: (...args) => {
      const p = at(args);
      const now = bytes.raw(f, p) + f.min;
      if (now === args[indices + 1]) return false;
      bytes.setRaw(f, p, encode(f, now + args[indices]!));
      return true;
    },
    has: (...args) => ((bytes.raw(f, at(args)) >> member(args[indices]!)) & 1) !== 0,
    insert: (...args) => { const p = at(args); bytes.setRaw(f, p, bytes.raw(f, p) | (1 << member(args[indices]!))); },
    remove: (...args) => { const p = at(args); bytes.setRaw(f, p, bytes.raw(f, p) & ~(1 << member(args[indices]!))); },
    size: (...index) => {
      let n = 0;
      for (let m = bytes.raw(f, at(index)); m !== 0; m &= m - 1) n++;
      return n;
    },
  };
}
