/**
 * Tiny concurrent programs and two explorers for them: one runs each block whole, as the search does, and feeds a
 * sanitizer; the other interleaves single operations, as real threads do. Written for obviousness, not speed.
 */
import * as fc from "fast-check";
import { NONE, bitset, int, mutex, planLayout, ref, rwsem, struct, table } from "../../../checker/program/layout.ts";
import { ADD, ATOMIC, READ, READ_ONCE, WRITE, WRITE_ONCE, type AccessMode } from "../../../checker/program/observer.ts";
import type { HeldLock, LockMode } from "../../../checker/sanitizer/held-locks.ts";
import { makeSanitizer, type Sanitizer, type SanitizerOptions } from "../../../checker/sanitizer/sanitize.ts";

const VALUES = 3;
export const plan = planLayout({
  g: struct({
    m: mutex("guards x"),
    r: rwsem("guards y"),
    q: rwsem("guards z", { queued: true }),
    x: int(0, VALUES - 1, "under m", { guard: "m" }),
    y: int(0, VALUES - 1, "under r", { guard: "r" }),
    z: int(0, VALUES - 1, "under q", { guard: "q" }),
    u: int(0, VALUES - 1, "nothing promised"),
    a: int(0, VALUES - 1, "atomic", { guard: "atomic" }),
    o: int(0, VALUES - 1, "set once", { guard: "once" }),
    p: ref("obj", "whose lock guards w"),
    w: int(0, VALUES - 1, "under the lock of the object that p points to", { guard: "p->l" }),
    e: int(0, VALUES - 1, "read under m or r, written under both", { guard: "m | r" }),
    s: bitset(2, "atomic, each bit by itself", { guard: "atomic" }),
    i: int(0, VALUES - 1, "kept in step with j", { guard: "atomic(pair)" }),
    j: int(0, VALUES - 1, "kept in step with i", { guard: "atomic(pair)" }),
    h0: int(0, VALUES - 1, "used by the first thread alone"),
    h1: int(0, VALUES - 1, "used by the second"),
    h2: int(0, VALUES - 1, "used by the third"),
  }),
  obj: table(VALUES - 1, { l: mutex("guards w while p points here") }),
  box: struct({
    v: int(0, VALUES - 1, "nothing promised, but sometimes a thread's own"),
    b: int(0, VALUES - 1, "under m, or a thread's own", { guard: "g.m" }),
    c: int(0, VALUES - 1, "atomic", { guard: "atomic" }),
    d: int(0, VALUES - 1, "set once by each owner", { guard: "once" }),
    t: ref("obj", "whose lock guards f"),
    f: int(0, VALUES - 1, "under the lock of the object that t points to", { guard: "t->l" }),
    owner: int(NONE, 2, "who has the box to itself", { role: "ghost", guard: "owner" }),
  }),
}, 3);
export type LockName = "m" | "r" | "q" | "l0" | "l1";
/** In the order of `State.fields`. */
const NAMES = ["x", "y", "z", "u", "a", "o", "p", "w", "e", "v", "b", "c", "d", "t", "f", "i", "j", "s", "h0", "h1", "h2"] as const;
export type FieldName = (typeof NAMES)[number];
export const LOCKS: readonly LockName[] = ["m", "r", "q", "l0", "l1"];
export const FIELDS: readonly FieldName[] = NAMES;
/** Fields that any thread may use. */
const SHARED = FIELDS.filter((name) => !name.startsWith("h"));
const BOX: readonly FieldName[] = ["v", "b", "c", "d", "t", "f"];
const ATOMIC_FIELDS: readonly FieldName[] = ["a", "c", "i", "j", "s"];
const GROUP: readonly FieldName[] = ["i", "j"];
const fieldId = (name: FieldName | LockName): number => plan.fields.findIndex((f) => f.field === (name.startsWith("l") ? "l" : name));
/** Of a lock or field: the object it belongs to. */
const objectOf = (name: FieldName | LockName): number => (name === "l1" ? 1 : 0);
const OWNER = plan.fields.findIndex((f) => f.field === "owner");
const modeOf = (name: FieldName, mode: AccessMode): AccessMode => (ATOMIC_FIELDS.includes(name) ? ATOMIC : mode);
const isMutex = (name: LockName): boolean => name === "m" || name === "l0" || name === "l1";
const lockId = (name: LockName): number => LOCKS.indexOf(name);

export type Op =
  | { readonly do: "lock"; readonly lock: LockName; readonly mode: LockMode }
  /** When it fails, the next `skip` operations are left out. */
  | { readonly do: "try"; readonly lock: LockName; readonly mode: LockMode; readonly skip: number }
  | { readonly do: "unlock"; readonly lock: LockName }
  | { readonly do: "downgrade"; readonly lock: LockName }
  | { readonly do: "held"; readonly lock: LockName }
  | { readonly do: "read"; readonly field: FieldName; readonly marked: boolean }
  /** Stores a constant, or the value last read. */
  | { readonly do: "write"; readonly field: FieldName; readonly value: number | "read"; readonly marked: boolean }
  /** Indivisible: adds one and reads the result. */
  | { readonly do: "increment"; readonly field: FieldName }
  /** Indivisible on an atomic field: adds one and looks at nothing. */
  | { readonly do: "bump"; readonly field: "a" | "c" | "i" }
  /** Indivisible: sets or clears one bit of s and reads what it was. */
  | { readonly do: "bit"; readonly bit: 0 | 1; readonly sets: boolean }
  /** Uses the field that no other thread uses. */
  | { readonly do: "scratch" }
  /** Together with the operation before it, if there is one: the thread takes the box for itself, or gives it up. */
  | { readonly do: "own"; readonly takes: boolean }
  /** Unless the value last read is `value`, the next `skip` operations are left out. */
  | { readonly do: "if"; readonly value: number; readonly skip: number };

/** A lock that waits comes first, and without a guard: waiting for a lock is a yield of its own. */
export interface TinyBlock {
  /** The block begins when each field has its value. */
  readonly guard: readonly { readonly field: FieldName; readonly value: number }[];
  readonly ops: readonly Op[];
  /** The block is one instruction. It has no lock operations. */
  readonly instruction?: boolean;
}
export type TinyProgram = readonly (readonly TinyBlock[])[];

interface LockState { holder: number; readers: number; waiters: number }
interface ThreadState {
  block: number;
  /** 0: at the yield before the block. Then the guard's conditions and the operations, one by one. */
  pc: number;
  /** Joined the writers that wait at the lock with which the block begins. */
  queued: boolean;
  /** The value last read. */
  last: number;
  /** All values read: part of the result. */
  trail: string;
}
interface State { owner: number; fields: number[]; locks: LockState[]; threads: ThreadState[] }

const copy = (s: State): State => ({ owner: s.owner, fields: [...s.fields], locks: s.locks.map((l) => ({ ...l })), threads: s.threads.map((t) => ({ ...t })) });
const threadKey = (t: ThreadState): string => `|${t.block} ${t.pc}${t.queued ? "q" : "-"}${t.last}${t.trail}`;
function keyOf(s: State): string {
  // Numbers of one digit, but for the positions of threads and what they have read.
  let key = `${s.owner + 1}`;
  for (const value of s.fields) key += value;
  for (const l of s.locks) key += `${l.holder + 1}${l.readers}${l.waiters}`;
  for (const t of s.threads) key += threadKey(t);
  return key;
}

/** Stored: NONE is 0. */
const POINTS_TO_FIRST = 1;
const initial = (program: TinyProgram): State => ({
  owner: NONE,
  fields: FIELDS.map((name) => (name === "p" || name === "t" ? POINTS_TO_FIRST : 0)),
  locks: LOCKS.map(() => ({ holder: -1, readers: 0, waiters: 0 })),
  threads: program.map(() => ({ block: 0, pc: 0, queued: false, last: 0, trail: "" })),
});

const heldMode = (s: State, me: number, lock: LockName): LockMode | null => {
  const l = s.locks[lockId(lock)]!;
  return l.holder === me ? "exclusive" : ((l.readers >> me) & 1) !== 0 ? "shared" : null;
};
const canTake = (l: LockState, lock: LockName, mode: LockMode): boolean =>
  l.holder < 0 && (mode === "exclusive" ? l.readers === 0 : lock !== "q" || l.waiters === 0);
const take = (l: LockState, me: number, mode: LockMode): void => {
  if (mode === "exclusive") l.holder = me;
  else l.readers |= 1 << me;
};

type Place = Op | { readonly field: FieldName; readonly value: number };
const accessesGroup = (p: Place | undefined): boolean => p !== undefined && "field" in p && GROUP.includes(p.field);
const isTransparent = (p: Place | undefined): boolean => p !== undefined && "do" in p && (p.do === "own" || p.do === "scratch");

/** Whether what a block does at `pc` happens in the instant of what it did before. */
function sameInstant(block: TinyBlock, pc: number): boolean {
  const places: readonly Place[] = [...block.guard, ...block.ops];
  const here = places[pc];
  if (block.instruction === true || (here !== undefined && "do" in here && here.do === "own")) return true;
  let before = pc - 1;
  while (isTransparent(places[before])) before--;
  let after = pc;
  while (isTransparent(places[after])) after++;
  return accessesGroup(places[before]) && accessesGroup(places[after]);
}

/** Does one operation of thread `me`, in place, and those of the same instant. "boundary": the thread now stands at a yield, or has ended. */
function micro(program: TinyProgram, s: State, me: number, observer: Sanitizer | null): "blocked" | "inside" | "boundary" {
  const t = s.threads[me]!;
  for (;;) {
    const before = t.pc;
    const result = operation(program, s, me, observer);
    const block = program[me]![t.block];
    // What an operation jumps over was not one instant with what it jumps to.
    if (result !== "inside" || block === undefined || (t.pc !== before + 1 && block.instruction !== true) || !sameInstant(block, t.pc)) return result;
  }
}

function operation(program: TinyProgram, s: State, me: number, observer: Sanitizer | null): "blocked" | "inside" | "boundary" {
  const t = s.threads[me]!;
  const block = program[me]![t.block]!;
  const site = me * 100 + t.block * 20 + t.pc;
  const advance = (by = 1): "inside" | "boundary" => {
    t.pc += by;
    if (t.pc < block.guard.length + block.ops.length) return "inside";
    t.pc = 0;
    t.block++;
    return "boundary";
  };
  const see = (value: number): void => {
    t.last = value;
    t.trail += value;
  };
  const condition = block.guard[t.pc];
  if (condition !== undefined) {
    observer?.access(fieldId(condition.field), 0, 0, modeOf(condition.field, READ), site);
    if (s.fields[FIELDS.indexOf(condition.field)] !== condition.value) {
      t.pc = 0;
      return "blocked";
    }
    return advance();
  }
  const op = block.ops[t.pc - block.guard.length];
  if (op === undefined) return advance(); // an empty block
  switch (op.do) {
    case "lock": {
      const l = s.locks[lockId(op.lock)]!;
      const mode = isMutex(op.lock) ? "exclusive" : op.mode;
      if (heldMode(s, me, op.lock) !== null) return advance();
      if (op.lock === "q" && mode === "exclusive" && t.pc === 0 && !t.queued && !(canTake(l, op.lock, mode) && l.waiters === 0)) {
        l.waiters |= 1 << me;
        t.queued = true;
        return "boundary";
      }
      if (!canTake(l, op.lock, mode)) return "blocked";
      l.waiters &= ~(1 << me);
      t.queued = false;
      take(l, me, mode);
      observer?.acquire(lockId(op.lock), mode, false, site);
      return advance();
    }
    case "try": {
      const l = s.locks[lockId(op.lock)]!;
      const mode = isMutex(op.lock) ? "exclusive" : op.mode;
      if (heldMode(s, me, op.lock) !== null) return advance();
      if (!canTake(l, op.lock, mode)) {
        observer?.acquireFailed(lockId(op.lock), mode, site);
        t.trail += "f";
        return advance(1 + op.skip);
      }
      take(l, me, mode);
      t.trail += "t";
      observer?.acquire(lockId(op.lock), mode, true, site);
      return advance();
    }
    case "unlock": {
      const l = s.locks[lockId(op.lock)]!;
      const mode = heldMode(s, me, op.lock);
      if (mode === null) return advance();
      if (mode === "exclusive") l.holder = -1;
      else l.readers &= ~(1 << me);
      observer?.release(lockId(op.lock), mode, site);
      return advance();
    }
    case "downgrade": {
      if (isMutex(op.lock) || heldMode(s, me, op.lock) !== "exclusive") return advance();
      const l = s.locks[lockId(op.lock)]!;
      l.holder = -1;
      l.readers |= 1 << me;
      observer?.release(lockId(op.lock), "exclusive", site);
      observer?.acquire(lockId(op.lock), "shared", true, site);
      return advance();
    }
    case "held": {
      const l = s.locks[lockId(op.lock)]!;
      observer?.access(fieldId(op.lock), objectOf(op.lock), 0, READ, site);
      see(l.holder >= 0 || l.readers !== 0 ? 1 : 0);
      return advance();
    }
    case "read":
      observer?.access(fieldId(op.field), 0, 0, modeOf(op.field, op.marked ? READ_ONCE : READ), site);
      see(s.fields[FIELDS.indexOf(op.field)]!);
      return advance();
    case "write":
      observer?.access(fieldId(op.field), 0, 0, modeOf(op.field, op.marked ? WRITE_ONCE : WRITE), site);
      s.fields[FIELDS.indexOf(op.field)] = op.value === "read" ? t.last : op.value;
      return advance();
    case "increment": {
      observer?.access(fieldId(op.field), 0, 0, ATOMIC, site);
      const value = (s.fields[FIELDS.indexOf(op.field)]! + 1) % VALUES;
      s.fields[FIELDS.indexOf(op.field)] = value;
      see(value);
      return advance();
    }
    case "bump": {
      observer?.access(fieldId(op.field), 0, 0, ADD, site);
      const n = FIELDS.indexOf(op.field);
      s.fields[n] = (s.fields[n]! + 1) % VALUES;
      return advance();
    }
    case "bit": {
      observer?.access(fieldId("s"), 0, 1 + op.bit, ATOMIC, site);
      const n = FIELDS.indexOf("s");
      see((s.fields[n]! >> op.bit) & 1);
      s.fields[n] = op.sets ? s.fields[n]! | (1 << op.bit) : s.fields[n]! & ~(1 << op.bit);
      return advance();
    }
    case "scratch": {
      const name = `h${me}` as FieldName;
      observer?.access(fieldId(name), 0, 0, READ, site);
      observer?.access(fieldId(name), 0, 0, WRITE, site);
      return advance();
    }
    case "own":
      observer?.access(OWNER, 0, 0, WRITE, site);
      s.owner = op.takes ? me : NONE;
      return advance();
    case "if":
      return advance(t.last === op.value ? 1 : 1 + op.skip);
  }
}

const ended = (program: TinyProgram, s: State): boolean => s.threads.every((t, n) => t.block === program[n]!.length);
const atYields = (s: State): boolean => s.threads.every((t) => t.pc === 0);

export interface Explored {
  /** States in which all threads have ended. */
  readonly ends: ReadonlySet<string>;
  /** States in which all threads stand at yields. */
  readonly yields: ReadonlySet<string>;
}

export const STATES_MAX = 20_000;

/** All states reachable by whole blocks. Null when there are more than STATES_MAX. */
export function exploreBlocks(program: TinyProgram, options: SanitizerOptions = {}): (Explored & { readonly sanitizer: Sanitizer }) | null {
  let now = initial(program);
  const heldAt = (me: number): HeldLock[] => LOCKS.flatMap((lock) => {
    const mode = heldMode(now, me, lock);
    return mode === null ? [] : [{ lock: lockId(lock), mode }];
  });
  const isInitial = (field: number): boolean => now.fields[FIELDS.indexOf(plan.fields[field]!.field as FieldName)] === 0;
  // As precise as a position can be: it tells most of the threads apart that the rule for objects with owners might mix up.
  const position = (me: number): number => {
    let hash = me;
    for (const c of threadKey(now.threads[me]!)) hash = (Math.imul(hash, 31) + c.charCodeAt(0)) | 0;
    return hash;
  };
  const sanitizer = makeSanitizer(plan, [], { heldAt, isInitial, isStill: isInitial, reference: (field) => (field === OWNER ? now.owner : now.fields[FIELDS.indexOf(plan.fields[field]!.field as FieldName)]! + NONE), actors: program.length, position }, options);
  const runBlock = (s: State, me: number, observer: Sanitizer | null): boolean => {
    for (;;) {
      const result = micro(program, s, me, observer);
      if (result !== "inside") return result === "boundary";
    }
  };
  const seen = new Map([[keyOf(now), now]]);
  for (const s of seen.values()) {
    if (seen.size > STATES_MAX) return null;
    for (const [me, t] of s.threads.entries()) {
      if (t.block === program[me]!.length) continue;
      now = copy(s);
      sanitizer.beginStep(me, `${t.block}`, program[me]![t.block]!.instruction);
      if (!runBlock(now, me, sanitizer)) {
        sanitizer.guardFailed(me);
        continue;
      }
      sanitizer.endStep(me);
      if (!seen.has(keyOf(now))) seen.set(keyOf(now), now);
    }
  }
  return { ...summary(program, seen), sanitizer };
}

/** All states reachable by single operations. Null when there are more than STATES_MAX. */
export function exploreOperations(program: TinyProgram): Explored | null {
  const first = initial(program);
  const seen = new Map([[keyOf(first), first]]);
  for (const s of seen.values()) {
    if (seen.size > STATES_MAX) return null;
    for (const [me, t] of s.threads.entries()) {
      if (t.block === program[me]!.length) continue;
      const next = copy(s);
      micro(program, next, me, null); // blocked: back at its yield, or unchanged
      if (!seen.has(keyOf(next))) seen.set(keyOf(next), next);
    }
  }
  return summary(program, seen);
}

function summary(program: TinyProgram, seen: ReadonlyMap<string, State>): Explored {
  const ends = new Set<string>();
  const yields = new Set<string>();
  for (const [key, s] of seen) {
    if (!atYields(s)) continue;
    yields.add(key);
    if (ended(program, s)) ends.add(key);
  }
  return { ends, yields };
}

// ---------------------------------------------------------------------------------------------------------------

const fieldsOf: Record<LockName, readonly FieldName[]> = { m: ["x", "e", "b"], r: ["y", "e"], q: ["z"], l0: ["w", "p", "f"], l1: ["w", "f"] };
const anyLock = fc.constantFrom(...LOCKS);
const anyMode = fc.constantFrom<LockMode>("exclusive", "shared");
const skip = fc.integer({ min: 1, max: 2 });
const value = fc.integer({ min: 0, max: VALUES - 1 });
const accessTo = (field: fc.Arbitrary<FieldName>): fc.Arbitrary<Op> => fc.oneof(
  fc.record({ do: fc.constant("read" as const), field, marked: fc.boolean() }),
  fc.record({ do: fc.constant("write" as const), field, value: fc.oneof(value, fc.constant("read" as const)), marked: fc.boolean() }),
  { weight: 1, arbitrary: fc.record({ do: fc.constant("increment" as const), field }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("bump" as const), field: fc.constantFrom("a" as const, "c" as const, "i" as const) }) },
);
const acquisition: fc.Arbitrary<Op> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("lock" as const), lock: anyLock, mode: anyMode }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("try" as const), lock: anyLock, mode: anyMode, skip }) },
);
const release: fc.Arbitrary<Op> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("unlock" as const), lock: anyLock }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("downgrade" as const), lock: anyLock }) },
);
const other: fc.Arbitrary<Op> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant("if" as const), value, skip }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("held" as const), lock: anyLock }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("bit" as const), bit: fc.constantFrom(0 as const, 1 as const), sets: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ do: "scratch" as const }) },
);
const guards = fc.oneof(
  { weight: 6, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(fc.record({ field: fc.constantFrom(...SHARED), value }), { minLength: 1, maxLength: 2 }) },
);

/** A critical section, or part of one: mostly what it should be, so that many programs are silent. */
const section: fc.Arbitrary<TinyBlock> = fc.record({
  guard: guards,
  take: fc.array(acquisition, { maxLength: 2 }),
  touch: fc.array(fc.oneof({ weight: 3, arbitrary: fc.nat({ max: 1 }) }, { weight: 2, arbitrary: accessTo(fc.constantFrom(...SHARED)) }, { weight: 1, arbitrary: other }), { maxLength: 3 }),
  covered: fc.array(accessTo(fc.constant("x")), { minLength: 3, maxLength: 3 }),
  drop: fc.array(release, { maxLength: 1 }),
  dropAll: fc.boolean(),
}).map(({ guard, take, touch, covered, drop, dropAll }) => {
  const locks = take.flatMap((op) => ("lock" in op ? [op.lock] : []));
  const accesses = touch.map((op, n) => {
    if (typeof op !== "number") return op;
    const lock = locks[op] ?? locks[0];
    const fields = lock === undefined ? (["o"] as const) : fieldsOf[lock];
    return { ...covered[n]!, field: fields[n % fields.length]! } as Op;
  });
  return { guard, ops: [...take, ...accesses, ...drop, ...(dropAll ? locks.map((lock): Op => ({ do: "unlock", lock })) : [])] };
});
/** What a thread does to the box: it takes it with an operation, uses it, and gives it up with another; in one block or more, under a lock or not. */
const owning: fc.Arbitrary<TinyBlock[]> = fc.record({
  guard: guards,
  lock: fc.option(fc.constantFrom<LockName>("m", "r", "l0"), { freq: 2 }),
  early: fc.array(accessTo(fc.constantFrom(...BOX)), { maxLength: 1 }),
  first: accessTo(fc.constantFrom("u", "a", "x", "o", "c")),
  takes: fc.integer({ min: 0, max: 3 }),
  uses: fc.array(accessTo(fc.constantFrom(...BOX)), { minLength: 1, maxLength: 3 }),
  split: fc.integer({ min: 0, max: 3 }),
  last: fc.array(accessTo(fc.constantFrom("u", "a", "o", "c")), { maxLength: 1 }),
  gives: fc.boolean(),
  late: fc.array(accessTo(fc.constantFrom(...BOX)), { maxLength: 1 }),
}).map(({ guard, lock, early, first, takes, uses, split, last, gives, late }) => {
  const taken: Op[] = lock === null ? [] : [{ do: "lock", lock, mode: "exclusive" }];
  const begin: Op[] = [...taken, ...early, first, ...(takes > 0 ? [{ do: "own", takes: true } as const] : []), ...uses];
  const given: Op[] = [...last, ...(gives ? [{ do: "own", takes: false } as const] : [])];
  const end: Op[] = [...late, ...(lock === null ? [] : [{ do: "unlock", lock } as const])];
  switch (split) {
    case 0: return [{ guard, ops: [...begin, ...given, ...end] }];
    case 1: return [{ guard, ops: begin }, { guard: [], ops: [...given, ...end] }];
    case 2: return [{ guard, ops: [...begin, ...given] }, { guard: [], ops: end }];
    default: return [{ guard, ops: begin }, { guard: [], ops: given }, { guard: [], ops: end }];
  }
});
/**
 * One side of a handshake about the box: a block that waits for a signal, or one that gives it, and what it does to the
 * box just after. So threads take turns with the box that no lock makes them take, and take it when others have not quite finished.
 */
const turn: fc.Arbitrary<TinyBlock[]> = fc.record({
  signal: fc.record({ field: fc.constantFrom<FieldName>("a", "u"), value: fc.integer({ min: 1, max: VALUES - 1 }) }),
  waits: fc.boolean(),
  lock: fc.option(fc.constantFrom<Op>({ do: "lock", lock: "m", mode: "exclusive" }, { do: "lock", lock: "r", mode: "shared" }, { do: "lock", lock: "r", mode: "exclusive" }), { freq: 2 }),
  early: fc.array(accessTo(fc.constantFrom(...BOX)), { maxLength: 1 }),
  owns: fc.constantFrom<readonly Op[]>([], [], [{ do: "own", takes: true }], [{ do: "own", takes: true }], [{ do: "own", takes: false }]),
  uses: fc.array(accessTo(fc.constantFrom(...BOX)), { maxLength: 2 }),
  drops: fc.boolean(),
}).map(({ signal, waits, lock, early, owns, uses, drops }) => {
  const gives: Op = { do: "write", ...signal, marked: true };
  const unlock: Op[] = lock !== null && "lock" in lock && drops ? [{ do: "unlock", lock: lock.lock }] : [];
  if (waits) return lock === null ? [{ guard: [signal], ops: [...owns, ...uses] }] : [{ guard: [signal], ops: [] }, { guard: [], ops: [lock, ...owns, ...uses, ...unlock] }];
  return [{ guard: [], ops: [...(lock === null ? [] : [lock]), ...early, gives, ...owns, ...uses, ...unlock] }];
});
/** Several values in one operation: of a group, or of one instruction. */
const together: fc.Arbitrary<TinyBlock> = fc.record({
  guard: guards,
  before: fc.array(fc.oneof(accessTo(fc.constantFrom(...SHARED)), other), { maxLength: 1 }),
  values: fc.array(accessTo(fc.constantFrom(...GROUP)), { minLength: 1, maxLength: 3 }),
  scratch: fc.boolean(),
  owns: fc.integer({ min: 0, max: 5 }),
  after: fc.array(accessTo(fc.constantFrom(...SHARED)), { maxLength: 2 }),
  instruction: fc.integer({ min: 0, max: 3 }),
}).map(({ guard, before, values, scratch, owns, after, instruction }) => {
  const [first, ...rest] = values as [Op, ...Op[]];
  const ops: Op[] = [...before, first, ...(scratch ? [{ do: "scratch" } as const] : []), ...rest, ...(owns < 2 ? [{ do: "own", takes: owns === 0 } as const] : []), ...after];
  return instruction === 0 && ops.every((op) => !("lock" in op)) ? { guard, ops, instruction: true } : { guard, ops };
});
const anyBlock: fc.Arbitrary<TinyBlock> = fc.record({
  guard: guards,
  ops: fc.array(fc.oneof(acquisition, accessTo(fc.constantFrom(...SHARED)), release, other), { minLength: 1, maxLength: 5 }),
});
/** Leaves out what is between accesses to the group: whether it is one operation with them depends on what other threads do. */
function withoutGaps(b: TinyBlock): TinyBlock {
  if (b.instruction === true) return b;
  const places: readonly Place[] = [...b.guard, ...b.ops];
  const first = places.findIndex(accessesGroup);
  const last = places.findLastIndex(accessesGroup);
  const stays = (p: Place, at: number): boolean => at <= first || at >= last || accessesGroup(p) || isTransparent(p);
  return { guard: b.guard.filter(stays), ops: b.ops.filter((op, n) => stays(op, b.guard.length + n)) };
}
/** Begins a new block at each lock that waits. */
function splitAtLocks(b: TinyBlock): TinyBlock[] {
  if (b.instruction === true) return [b];
  const blocks: { guard: TinyBlock["guard"]; ops: Op[] }[] = [{ guard: b.guard, ops: [] }];
  for (const op of b.ops) {
    const last = blocks.at(-1)!;
    if (op.do === "lock" && last.guard.length + last.ops.length > 0) blocks.push({ guard: [], ops: [op] });
    else last.ops.push(op);
  }
  return blocks;
}
const thread = (blocksMax: number): fc.Arbitrary<TinyBlock[]> => fc.record({
  blocks: fc.array(fc.oneof({ weight: 4, arbitrary: section.map((b) => [b]) }, { weight: 3, arbitrary: owning }, { weight: 4, arbitrary: turn }, { weight: 1, arbitrary: together.map((b) => [b]) }, { weight: 1, arbitrary: anyBlock.map((b) => [b]) }), { minLength: 1, maxLength: blocksMax }),
  releases: fc.boolean(),
}).map(({ blocks: unsplit, releases }) => {
  const blocks = unsplit.flat().flatMap(splitAtLocks).map(withoutGaps);
  return releases ? [...blocks, ...LOCKS.map((lock): TinyBlock => ({ guard: [], ops: [{ do: "unlock", lock }] }))] : blocks;
});

/** Two threads of up to three blocks, or three of up to two. */
export const tinyProgram: fc.Arbitrary<TinyProgram> = fc.oneof(
  fc.array(thread(3), { minLength: 2, maxLength: 2 }),
  fc.array(thread(2), { minLength: 3, maxLength: 3 }),
);
