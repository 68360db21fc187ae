/**
 * Tiny concurrent programs and two explorers for them: one runs each block whole, as the search does, and feeds a
 * sanitizer; the other interleaves single operations, as real threads do. Written for obviousness, not speed.
 */
import * as fc from "fast-check";
import { NONE, int, mutex, planLayout, ref, rwsem, struct, table } from "../../../checker/program/layout.ts";
import { ADD, ATOMIC, READ, READ_ONCE, WRITE, WRITE_ONCE } from "../../../checker/program/observer.ts";
import type { HeldLock, LockMode } from "../../../checker/property/held-locks.ts";
import { makeSanitizer, type Sanitizer, type SanitizerOptions } from "../../../checker/property/sanitize.ts";

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
  }),
  obj: table(VALUES - 1, { l: mutex("guards w while p points here") }),
  box: struct({
    v: int(0, VALUES - 1, "nothing promised, but sometimes a thread's own"),
    b: int(0, VALUES - 1, "under m, or a thread's own", { guard: "g.m" }),
    owner: int(NONE, 2, "who has the box to itself", { role: "ghost", guard: "owner" }),
  }),
}, 3);
export type LockName = "m" | "r" | "q" | "l0" | "l1";
export type FieldName = "x" | "y" | "z" | "u" | "a" | "o" | "p" | "w" | "e" | "v" | "b";
export const LOCKS: readonly LockName[] = ["m", "r", "q", "l0", "l1"];
export const FIELDS: readonly FieldName[] = ["x", "y", "z", "u", "a", "o", "p", "w", "e", "v", "b"];
const fieldId = (name: FieldName | LockName): number => plan.fields.findIndex((f) => f.field === (name.startsWith("l") ? "l" : name));
/** Of a lock or field: the object it belongs to. */
const objectOf = (name: FieldName | LockName): number => (name === "l1" ? 1 : 0);
const OWNER = plan.fields.findIndex((f) => f.field === "owner");
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
  /** Indivisible on the atomic field: adds one and looks at nothing. */
  | { readonly do: "bump"; readonly field: "a" }
  /** Together with the operation before it, if there is one: the thread takes the box for itself, or gives it up. */
  | { readonly do: "own"; readonly takes: boolean }
  /** Unless the value last read is `value`, the next `skip` operations are left out. */
  | { readonly do: "if"; readonly value: number; readonly skip: number };

/** A lock that waits comes first, and without a guard: waiting for a lock is a yield of its own. */
export interface TinyBlock {
  /** The block begins when each field has its value. */
  readonly guard: readonly { readonly field: FieldName; readonly value: number }[];
  readonly ops: readonly Op[];
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
function keyOf(s: State): string {
  let key = `${s.owner} ${s.fields.join(" ")}`;
  for (const l of s.locks) key += `|${l.holder} ${l.readers} ${l.waiters}`;
  for (const t of s.threads) key += `|${t.block} ${t.pc} ${t.queued} ${t.last} ${t.trail}`;
  return key;
}

/** Stored: NONE is 0. */
const POINTS_TO_FIRST = 1;
const initial = (program: TinyProgram): State => ({
  owner: NONE,
  fields: FIELDS.map((name) => (name === "p" ? POINTS_TO_FIRST : 0)),
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

/** Does one operation of thread `me`, in place, and the changes of the owner that belong to it. "boundary": the thread now stands at a yield, or has ended. */
function micro(program: TinyProgram, s: State, me: number, observer: Sanitizer | null): "blocked" | "inside" | "boundary" {
  const t = s.threads[me]!;
  for (;;) {
    const result = operation(program, s, me, observer);
    const block = program[me]![t.block];
    if (result !== "inside" || block?.ops[t.pc - block.guard.length]?.do !== "own") return result;
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
    observer?.access(fieldId(condition.field), 0, 0, condition.field === "a" ? ATOMIC : READ, site);
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
      observer?.access(fieldId(op.field), 0, 0, op.field === "a" ? ATOMIC : op.marked ? READ_ONCE : READ, site);
      see(s.fields[FIELDS.indexOf(op.field)]!);
      return advance();
    case "write":
      observer?.access(fieldId(op.field), 0, 0, op.field === "a" ? ATOMIC : op.marked ? WRITE_ONCE : WRITE, site);
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
  const sanitizer = makeSanitizer(plan, [], { heldAt, isInitial, reference: (field) => (field === OWNER ? now.owner : now.fields[FIELDS.indexOf("p")]! + NONE) }, options);
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
      sanitizer.beginStep(me, `${t.block}`);
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

const fieldsOf: Record<LockName, readonly FieldName[]> = { m: ["x", "e"], r: ["y", "e"], q: ["z"], l0: ["w", "p"], l1: ["w"] };
const anyLock = fc.constantFrom(...LOCKS);
const anyMode = fc.constantFrom<LockMode>("exclusive", "shared");
const skip = fc.integer({ min: 1, max: 2 });
const value = fc.integer({ min: 0, max: VALUES - 1 });
const accessTo = (field: fc.Arbitrary<FieldName>): fc.Arbitrary<Op> => fc.oneof(
  fc.record({ do: fc.constant("read" as const), field, marked: fc.boolean() }),
  fc.record({ do: fc.constant("write" as const), field, value: fc.oneof(value, fc.constant("read" as const)), marked: fc.boolean() }),
  { weight: 1, arbitrary: fc.record({ do: fc.constant("increment" as const), field }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("bump" as const), field: fc.constant("a" as const) }) },
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
);
const guards = fc.oneof(
  { weight: 6, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(fc.record({ field: fc.constantFrom(...FIELDS), value }), { minLength: 1, maxLength: 2 }) },
);

/** A critical section, or part of one: mostly what it should be, so that many programs are silent. */
const section: fc.Arbitrary<TinyBlock> = fc.record({
  guard: guards,
  take: fc.array(acquisition, { maxLength: 2 }),
  touch: fc.array(fc.oneof({ weight: 3, arbitrary: fc.nat({ max: 1 }) }, { weight: 2, arbitrary: accessTo(fc.constantFrom(...FIELDS)) }, { weight: 1, arbitrary: other }), { maxLength: 3 }),
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
/** What a thread does to the box: it takes it with an operation, uses it, and gives it up with another; in one block or two. */
const owning: fc.Arbitrary<TinyBlock[]> = fc.record({
  guard: guards,
  first: accessTo(fc.constantFrom("u", "a", "x")),
  takes: fc.integer({ min: 0, max: 3 }),
  uses: fc.array(accessTo(fc.constantFrom("v", "b")), { minLength: 1, maxLength: 3 }),
  split: fc.boolean(),
  last: accessTo(fc.constantFrom("u", "a", "o")),
  gives: fc.boolean(),
}).map(({ guard, first, takes, uses, split, last, gives }) => {
  const begin: Op[] = [first, ...(takes > 0 ? [{ do: "own", takes: true } as const] : []), ...uses];
  const end: Op[] = [last, ...(gives ? [{ do: "own", takes: false } as const] : [])];
  return split ? [{ guard, ops: begin }, { guard: [], ops: end }] : [{ guard, ops: [...begin, ...end] }];
});
const anyBlock: fc.Arbitrary<TinyBlock> = fc.record({
  guard: guards,
  ops: fc.array(fc.oneof(acquisition, accessTo(fc.constantFrom(...FIELDS)), release, other), { minLength: 1, maxLength: 5 }),
});
/** Begins a new block at each lock that waits. */
function splitAtLocks(b: TinyBlock): TinyBlock[] {
  const blocks: { guard: TinyBlock["guard"]; ops: Op[] }[] = [{ guard: b.guard, ops: [] }];
  for (const op of b.ops) {
    const last = blocks.at(-1)!;
    if (op.do === "lock" && last.guard.length + last.ops.length > 0) blocks.push({ guard: [], ops: [op] });
    else last.ops.push(op);
  }
  return blocks;
}
const thread = (blocksMax: number): fc.Arbitrary<TinyBlock[]> => fc.record({
  blocks: fc.array(fc.oneof({ weight: 4, arbitrary: section.map((b) => [b]) }, { weight: 3, arbitrary: owning }, { weight: 1, arbitrary: anyBlock.map((b) => [b]) }), { minLength: 1, maxLength: blocksMax }),
  releases: fc.boolean(),
}).map(({ blocks: unsplit, releases }) => {
  const blocks = unsplit.flat().flatMap(splitAtLocks);
  return releases ? [...blocks, ...LOCKS.map((lock): TinyBlock => ({ guard: [], ops: [{ do: "unlock", lock }] }))] : blocks;
});

/** Two threads of up to three blocks, or three of up to two. */
export const tinyProgram: fc.Arbitrary<TinyProgram> = fc.oneof(
  fc.array(thread(3), { minLength: 2, maxLength: 2 }),
  fc.array(thread(2), { minLength: 3, maxLength: 3 }),
);
