/**
 * The operations of fields, one row each: `k.<struct>.<field>.<operation>(index..., arguments...)`.
 *
 * Everything that has to know an operation reads it here: what the compiler accepts and refuses, what it emits
 * (`compile/access.ts` has an emitter for each name), what the sanitizers are told of an access, and the table in
 * `checker/README.md`. `world.ts` declares the operations to TypeScript and runs them natively; the types of the two are
 * held equal (`test/checker/program/operations.test.ts`).
 */
import type { FieldPlan } from "./layout.ts";

/** What a field holds. `lock` stands for the three kinds of lock. */
export type OperandKind = "int" | "bool" | "ref" | "bitset" | "lock";

/**
 * What other accesses of the thread an operation keeps in order, as Linux has it (Documentation/atomic_t.txt,
 * Documentation/memory-barriers.txt). `relaxed`: none. `acquire`: those behind it stay behind. `release`: those before it
 * stay before. `full`: both; a conditional operation that does not store is relaxed. Memory is sequentially consistent so
 * far, and nothing reads the column yet.
 */
export type MemoryOrder = "relaxed" | "acquire" | "release" | "full";

/** What an operation gives back. `value`: what the field holds, as the routine sees it. */
export type OperationResult = "nothing" | "value" | "number" | "boolean" | "lock";

export interface Operation {
  /** The kinds of field that have it. */
  readonly kinds: readonly OperandKind[];
  /** The arguments behind the indices. */
  readonly takes: readonly string[];
  readonly gives: OperationResult;
  readonly reads: boolean;
  /** Changes the field; a guard and a property may not use it. */
  readonly writes: boolean;
  /** Racy on purpose, or indivisible, whatever the field's guard: for memory that threads race for. */
  readonly marked: boolean;
  /** One indivisible step of memory, whatever the field's guard; on a field guarded "atomic" every operation is. */
  readonly indivisible: boolean;
  /** What routine code may do with a statistic. */
  readonly onStatistics: boolean;
  readonly order: MemoryOrder;
  /** The operation's name in Linux, where it has one. */
  readonly kernel: string | null;
  /** For the README: what it does, where the name does not say it. */
  readonly note: string | null;
}

const VALUES = ["int", "bool", "ref", "bitset"] as const;

/** Most operations read or write plainly; a row says what is different. */
const plain = {
  takes: [], gives: "nothing", reads: false, writes: false, marked: false, indivisible: false, onStatistics: false,
  order: "relaxed", kernel: null, note: null,
} as const;
/** Indivisible, fully ordered, and tells what it found: as an atomic operation of Linux that returns a value. */
const atomic = { ...plain, reads: true, writes: true, marked: true, indivisible: true, order: "full" } as const;
/** Changes the field by what it holds, and tells nothing. */
const update = { ...plain, reads: true, writes: true } as const;

export const OPERATIONS = {
  get: { ...plain, kinds: VALUES, gives: "value", reads: true },
  set: { ...plain, kinds: VALUES, takes: ["value"], writes: true },
  add: { ...update, kinds: ["int"], takes: ["delta"], onStatistics: true, kernel: "atomic_add" },
  once: { ...plain, kinds: VALUES, gives: "value", reads: true, marked: true, kernel: "READ_ONCE" },
  setOnce: { ...plain, kinds: VALUES, takes: ["value"], writes: true, marked: true, kernel: "WRITE_ONCE" },
  cmpxchg: { ...atomic, kinds: VALUES, takes: ["expected", "value"], gives: "boolean", kernel: "try_cmpxchg", note: "true when it stored" },
  xchg: { ...atomic, kinds: VALUES, takes: ["value"], gives: "value", kernel: "xchg", note: "the one that it replaced" },
  addReturn: { ...atomic, kinds: ["int"], takes: ["delta"], gives: "number", kernel: "atomic_add_return", note: "the sum" },
  addUnless: {
    ...atomic, kinds: ["int"], takes: ["delta", "unless"], gives: "boolean", kernel: "atomic_add_unless", note: "true when it added",
  },
  has: { ...plain, kinds: ["bitset"], takes: ["member"], gives: "boolean", reads: true, kernel: "test_bit" },
  insert: { ...update, kinds: ["bitset"], takes: ["member"], kernel: "set_bit" },
  remove: { ...update, kinds: ["bitset"], takes: ["member"], kernel: "clear_bit" },
  size: { ...plain, kinds: ["bitset"], gives: "number", reads: true, kernel: "bitmap_weight", note: "how many members" },
  at: { ...plain, kinds: ["lock"], gives: "lock", note: "names the lock for `spinLock(k, lock)` and its like" },
  isHeld: { ...plain, kinds: ["lock"], gives: "boolean", reads: true, kernel: "spin_is_locked", note: "by anyone, in any mode" },
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof OPERATIONS;

/** The operations that a kind of field has. */
export type OperationOf<K extends OperandKind> = {
  [N in OperationName]: K extends (typeof OPERATIONS)[N]["kinds"][number] ? N : never;
}[OperationName];

export function operandKind(f: FieldPlan): OperandKind {
  return f.kind === "spinlock" || f.kind === "mutex" || f.kind === "rwsem" ? "lock" : f.kind;
}

/** The names of the operations that fields of this kind have, in the order of the table. */
export function operationsOf(kind: OperandKind): readonly OperationName[] {
  return (Object.keys(OPERATIONS) as OperationName[]).filter((name) => hasOperation(kind, name));
}

function hasOperation(kind: OperandKind, name: OperationName): boolean {
  return (OPERATIONS[name].kinds as readonly OperandKind[]).includes(kind);
}

/** The row of an operation that the field has; null when it has none of that name. */
export function operationOf(f: FieldPlan, name: string): Operation | null {
  return Object.hasOwn(OPERATIONS, name) && hasOperation(operandKind(f), name as OperationName) ? OPERATIONS[name as OperationName] : null;
}

/** How many indices the operations of the field take: the object's in a table, the element's in an array. */
export function indexCount(f: FieldPlan): number {
  return (f.singleton ? 0 : 1) + elementIndexCount(f);
}

/** How many of them say which element of an array. */
export function elementIndexCount(f: FieldPlan): number {
  return f.length === null ? 0 : f.dims?.length ?? 1;
}

/** Whether routine code may use the operation on a ghost: it writes, and tells the routine nothing. */
export function leavesGhostsUnread(o: Operation): boolean {
  return o.writes && o.gives === "nothing";
}
