/**
 * The state vector: struct layouts, declared once.
 *
 * A declaration gives every field its values, meaning, guard and role; `planLayout` turns the declarations of a
 * program into byte positions. Accessors (native and compiled), pretty printer, state diff, sanitizers and
 * documentation all read the resulting `LayoutPlan` and nothing else.
 *
 * Packing: a field takes the fewest bits that hold its range. Fields narrower than a byte share bytes and never
 * straddle one; wider fields take 1, 2 or 4 whole bytes, naturally aligned. The wide ones of a struct come first.
 * Elements of an array share bytes likewise: a short array lies within one byte, beside other fields; a longer one
 * has its elements 1, 2, 4 or 8 bits apart. A field of one possible value takes no bits at all. Values are stored as
 * `value - min`, so that zeroed memory reads as the smallest value: NONE for a reference, false, the empty set, a
 * free lock.
 *
 * What is made of fields is taken apart where it is declared (`composite.ts`): a plan knows plain fields and arrays only.
 */

import { inWords, isRecord } from "../value-in-words.ts";
import { didYouMean } from "../nearest.ts";
import { partsOf, type ArrayPart } from "./composite.ts";

/** "No such object": the value of a reference that points nowhere. Stored as 0. */
export const NONE = -1;

/** Threads of a scenario: masks of lock holders have so many bits. */
export const ACTORS_MAX = 30;
/** Actors of a model written by hand that has no lock. */
export const UNLOCKED_ACTORS_MAX = 1000;
/** Objects of a table, and elements of an array. */
export const OBJECTS_MAX = 2 ** 20;
/** Bytes of the state and of the statistics that a program's structs may take together. */
const LAYOUT_BYTES_MAX = 2 ** 26;
/** Members of a set that has a mask, one number; a larger one is an array of bits. */
export const MASK_SIZE_MAX = 31;
export const BITSET_SIZE_MAX = 4096;

/**
 * `state` decides the future. `ghost` is state of the specification alone, which routines write and do not read.
 * `statistic` is outside the fingerprint.
 */
export type Role = "state" | "ghost" | "statistic";

export interface FieldOptions {
  /**
   * What protects the field; the sanitizers hold the program to it.
   * - `"lock"`, `"struct.lock"`: a lock of the same object, or of a singleton struct.
   * - `"ref->lock"`: lock field `lock` of the object that the reference `ref`, a field of the same object, points to at
   *   the moment of the access. While it points nowhere nothing protects the field.
   * - `"first | second"`: two locks, `second` one of the same object. A reader holds either; a writer holds
   *   both exclusively. `"first | second | ref->ref2->lock"`: the same with a third one, where the two references lead now;
   *   while they lead nowhere there are two.
   * - `"atomic"`: every access is one indivisible operation; to a bit of a set, one of that bit alone.
   * - `"atomic(group)"`: the same, and accesses to fields of one group that follow one another are one operation together.
   * - `"once"`: written before the object is published and never again. `"once(lock)"`: whoever sets it holds the lock, be it
   *   shared, so that who holds it exclusively may rely on a value that is not set. The lock is named as in a guard of one lock.
   * - `"cpu"`: object i is part of the CPU that runs actor i. That actor uses it freely; another one only by marked
   *   accesses (`once`, `setOnce`, `cmpxchg`, `xchg`, `addReturn`, `addUnless`), each of which stands for an interrupt there.
   * - `"lifetime"`: set while nobody else has a reference to the object, stable for everybody who has one; looked at
   *   without a reference only by marked accesses.
   * - `"model"`: bookkeeping that no memory of the program corresponds to; takes no marked access.
   * - `"owner"`: of a ghost `int(NONE, ...)`, one in a struct: the actor that has the object to itself, NONE for nobody.
   *   While it names an actor, that actor uses all fields of the object freely, whatever their guards; another one only
   *   under the declared lock or by marked accesses. Written by the actor that takes the object, which must be
   *   nobody's, for itself, or gives it up, right after the operation that does so. Nothing is taken on trust:
   *   see `docs/proofs/ownership.md`.
   * - `"owner(referenced)"`: the same, but where the search cannot tell that an object which a thread is in the middle of
   *   using is not taken by another (the user has a reference), that is trusted, and the lines are named.
   * - Unset: nothing is promised, and each access counts as unprotected.
   *
   * `"cpu"`, `"lifetime"`, `"model"` and groups are assumptions more than promises: see `docs/proofs/trusted-guards.md`.
   */
  readonly guard?: string;
  readonly role?: Role;
  /** Initial value; the smallest value when unset (NONE, false, empty, `min`). */
  readonly init?: number | boolean;
  /**
   * Of a field that a lock guards, and that is written without the lock as well: bits which every value has that such a write
   * finds or leaves, as a page-table entry is present that a hardware walk marks. Reads under the lock of a value without one of
   * these bits do not mind those writes. The sanitizers hold each write to it. Unset: the initial value is the one without.
   */
  readonly marks?: number;
  /** Sequence counters: a store out of range wraps instead of being a fault. Integers only. */
  readonly wrapping?: boolean;
  /** The value in words, for traces: `page 5 rw dirty` in place of 2567. It decides nothing, and is no part of the program. */
  readonly show?: (value: number) => string;
}

interface FieldBase extends FieldOptions {
  readonly meaning: string;
}
export interface IntField extends FieldBase { readonly kind: "int"; readonly min: number; readonly max: number }
export interface BoolField extends FieldBase { readonly kind: "bool" }
export interface RefField extends FieldBase { readonly kind: "ref"; readonly table: string }
export interface BitsetField extends FieldBase { readonly kind: "bitset"; readonly size: number }
export interface LockField extends FieldBase {
  readonly kind: "spinlock" | "mutex" | "rwsem";
  /** rwsem: a waiting writer holds off new readers, as the kernel's does. */
  readonly queued: boolean;
  readonly nesting: LockNesting | null;
}
/**
 * What orders two locks of this field, one taken inside the other; else that is a lock-order finding. `"ascending"`: the
 * index, smaller first. `"nested"`: another rule, on the author's word (lockdep's spin_lock_nested).
 */
export type LockNesting = "ascending" | "nested";
export interface LockOptions {
  readonly nesting?: LockNesting;
}
export type ScalarField = IntField | BoolField | RefField | BitsetField;
/** As declared; the element of one that a plan knows is a scalar. */
export interface ArrayField<E extends Declaration = ScalarField> {
  readonly kind: "array";
  readonly length: number;
  readonly element: E;
  readonly meaning: string;
  /** Of an array that was taken apart: its lengths, outermost first, whose product is `length`. */
  readonly dims?: readonly number[];
  /** Of an array that is a set, or that holds what waits in a queue. */
  readonly part?: ArrayPart;
}
/** First in, first out: at most `capacity` values. */
export interface QueueField<E extends ScalarField = ScalarField> {
  readonly kind: "queue";
  readonly capacity: number;
  readonly element: E;
  readonly meaning: string;
}
export type Field = ScalarField | LockField | ArrayField;
export type Fields = Readonly<Record<string, Field>>;
/** What a person writes: besides fields, arrays of anything, queues, and records, which are objects of declarations. */
export type Declaration = ScalarField | LockField | QueueField | DeclaredArray | Declarations;
/** By itself, since a type may not name itself in the arguments of another. */
interface DeclaredArray { readonly kind: "array"; readonly length: number; readonly element: Declaration; readonly meaning: string }
export interface Declarations { readonly [name: string]: Declaration }

export interface Struct<F extends Declarations = Declarations> {
  readonly shape: "struct" | "table";
  readonly count: number;
  /** Taken apart: `fieldsOf`. To TypeScript they stay as declared. */
  readonly fields: F;
}
export interface SingletonStruct<F extends Declarations = Declarations> extends Struct<F> { readonly shape: "struct" }
export interface TableStruct<F extends Declarations = Declarations> extends Struct<F> { readonly shape: "table" }
export type Structs = Readonly<Record<string, Struct>>;

/** The plain fields of a struct, members of records as `record.member`. */
export const fieldsOf = (s: Struct): Fields => s.fields as Fields;

const FIELD_OPTIONS = ["guard", "role", "init", "wrapping", "marks", "show"];

/** Throws a RangeError for a meaning that says nothing and for options that a field does not have. */
function checkDeclaration(call: string, meaning: unknown, options: unknown, known: readonly string[]): void {
  if (typeof meaning !== "string" || meaning === "") throw new RangeError(`${call}: the meaning must be a text, found ${inWords(meaning)}`);
  if (!isRecord(options)) {
    throw new RangeError(`${call}: the options must be an object such as { ${known[0]}: ... }`);
  }
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new RangeError(
    `${call}: there is no option ${JSON.stringify(unknown)}; options are ${known.join(", ")}.${didYouMean(unknown, known)}`,
  );
}

/** An integer in min..max, both included. */
export function int(min: number, max: number, meaning: string, options: FieldOptions = {}): IntField {
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || max < min || max - min > 0xffff_ffff) {
    throw new RangeError(`int(${min}, ${max}, "${meaning}"): the bounds must be integers with min <= max, at most 2^32 values`);
  }
  checkDeclaration(`int(${min}, ${max}, "${meaning}")`, meaning, options, FIELD_OPTIONS);
  return { kind: "int", min, max, meaning, ...options };
}
export function bool(meaning: string, options: FieldOptions = {}): BoolField {
  checkDeclaration(`bool("${meaning}")`, meaning, options, FIELD_OPTIONS);
  return { kind: "bool", meaning, ...options };
}
/** An index into table `table`, or NONE. */
export function ref(table: string, meaning: string, options: FieldOptions = {}): RefField {
  if (typeof table !== "string") throw new RangeError(`ref(${inWords(table)}, "${meaning}"): the table is given by its name`);
  checkDeclaration(`ref("${table}", "${meaning}")`, meaning, options, FIELD_OPTIONS);
  return { kind: "ref", table, meaning, ...options };
}
/**
 * A set of small integers 0..size-1, read and written one member at a time; of at most 31 members as a bit mask, too. Its `init` is
 * such a mask.
 */
export function bitset(size: number, meaning: string, options: FieldOptions = {}): BitsetField {
  if (!Number.isInteger(size) || size < 0 || size > BITSET_SIZE_MAX) {
    throw new RangeError(`bitset(${size}, "${meaning}"): size must be 0..${BITSET_SIZE_MAX}`);
  }
  checkDeclaration(`bitset(${size}, "${meaning}")`, meaning, options, FIELD_OPTIONS);
  return { kind: "bitset", size, meaning, ...options };
}
/** One of some names, which traces and pages show: `oneOf(PHASE, "...")` with `PHASE = names("idle", "busy")`. */
export function oneOf(values: Readonly<Record<string, number>>, meaning: string, options: Omit<FieldOptions, "show"> = {}): IntField {
  const listed = isRecord(values) ? Object.entries(values) : [];
  if (listed.length === 0 || listed.some(([, value], n) => value !== n)) {
    const wanted = 'the values must be those of names("...", "..."): 0, 1, 2, ... by name';
    throw new RangeError(`oneOf(${inWords(values)}, "${meaning}"): ${wanted}`);
  }
  const words = listed.map(([name]) => name);
  return int(0, words.length - 1, meaning, { ...options, show: (value) => words[value] ?? String(value) });
}
/** Names for the numbers from 0 on: `names("idle", "busy")` is `{ idle: 0, busy: 1 }`. */
export function names<const N extends readonly string[]>(...all: N): Names<N> {
  const wrong = all.find((name, i) => typeof name !== "string" || !/^[A-Za-z_$][\w$]*$/.test(name) || all.indexOf(name) !== i);
  if (wrong !== undefined) {
    throw new RangeError(`names(...): ${inWords(wrong)} is no name, or is there twice; a name has no spaces or signs`);
  }
  return Object.freeze(Object.fromEntries(all.map((name, i) => [name, i]))) as Names<N>;
}
export type Names<N extends readonly string[]> = { readonly [K in N[number]]: number };
/** A fixed number of equal fields, records, queues or arrays, reached by one more index. */
export function array<E extends Declaration>(length: number, element: E): ArrayField<E> {
  checkCount(`array(${length}, ...)`, "length", length);
  checkDeclared(`array(${length}, ...): the element`, element);
  const { meaning } = element as { readonly meaning?: unknown };
  return { kind: "array", length, element, meaning: typeof meaning === "string" ? meaning : "elements" };
}
/** At most `capacity` values, first in, first out: `push`, `shift`, `get(n)` of the n-th that waits, `size`. */
export function queue<E extends ScalarField>(capacity: number, element: E): QueueField<E> {
  const call = `queue(${capacity}, ...)`;
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > QUEUE_MAX) {
    throw new RangeError(`${call}: the capacity must be 1..${QUEUE_MAX}`);
  }
  const { kind, size } = (element ?? {}) as { readonly kind?: unknown; readonly size?: number };
  if (!SCALARS.includes(kind as string) || (kind === "bitset" && size! > MASK_SIZE_MAX)) {
    const wanted = `int(...), bool(...), ref(...), oneOf(...) or bitset(...) of at most ${MASK_SIZE_MAX}`;
    throw new RangeError(`${call}: what waits must be ${wanted}`);
  }
  return { kind: "queue", capacity, element, meaning: element.meaning };
}
/** What a queue holds is moved by one for each `shift`, element by element. */
const QUEUE_MAX = 64;
const SCALARS = ["int", "bool", "ref", "bitset"];
const LOCKS = ["spinlock", "mutex", "rwsem"];

/** Throws a RangeError for what is no declaration. */
function checkDeclared(what: string, f: unknown): void {
  const known = "int(...), bool(...), ref(...), bitset(...), oneOf(...), queue(...), array(...), a lock, or a record { name: int(...) }";
  if (!isRecord(f) || Array.isArray(f)) throw new RangeError(`${what} is no field; fields are ${known}`);
  const { kind } = f;
  if (typeof kind === "string") {
    if (![...SCALARS, ...LOCKS, "array", "queue"].includes(kind)) throw new RangeError(`${what} is no field; fields are ${known}`);
    return;
  }
  const members = Object.entries(f);
  if (members.length === 0) throw new RangeError(`${what} is an empty record; fields are ${known}`);
  for (const [name, member] of members) checkDeclared(`${what}.${name}`, member);
}
/** Held by one thread, which may not sleep meanwhile. */
export function spinlock(meaning: string, options: LockOptions = {}): LockField {
  checkDeclaration(`spinlock("${meaning}")`, meaning, options, ["nesting"]);
  return { kind: "spinlock", meaning, queued: false, nesting: options.nesting ?? null };
}
/** Held by one thread, which may sleep. */
export function mutex(meaning: string, options: LockOptions = {}): LockField {
  checkDeclaration(`mutex("${meaning}")`, meaning, options, ["nesting"]);
  return { kind: "mutex", meaning, queued: false, nesting: options.nesting ?? null };
}
/** Held by any number of readers or one writer. `queued`: once a writer waits, new readers wait behind it. */
export function rwsem(meaning: string, options: LockOptions & { readonly queued?: boolean } = {}): LockField {
  checkDeclaration(`rwsem("${meaning}")`, meaning, options, ["queued", "nesting"]);
  return { kind: "rwsem", meaning, queued: options.queued ?? false, nesting: options.nesting ?? null };
}

function checkCount(call: string, what: string, n: number): void {
  if (!Number.isInteger(n) || n < 0) throw new RangeError(`${call}: the ${what} must be a whole number`);
  if (n > OBJECTS_MAX) throw new RangeError(`${call}: the ${what} must be at most ${OBJECTS_MAX}`);
}

/** The plain fields that the declarations come to. Throws a RangeError for what is none. */
function takenApart<F extends Declarations>(call: string, fields: F): F {
  if (!isRecord(fields) || Array.isArray(fields)) throw new RangeError(`${call} needs its fields: { name: int(0, 9, "meaning") }`);
  for (const [name, f] of Object.entries(fields)) checkDeclared(`${call}: ${name}`, f);
  const parts = Object.entries(fields).flatMap(([name, f]) => partsOf(`${call}: ${name}`, name, f, MASK_SIZE_MAX));
  return Object.fromEntries(parts) as unknown as F;
}

/** One object: `k.mm.rss.get()`. */
export function struct<F extends Declarations>(fields: F): SingletonStruct<F> {
  return { shape: "struct", count: 1, fields: takenApart("struct", fields) };
}
/** `count` objects of one kind: `k.page.refcount.get(pfn)`. */
export function table<F extends Declarations>(count: number, fields: F): TableStruct<F> {
  checkCount(`table(${count}, ...)`, "count", count);
  return { shape: "table", count, fields: takenApart(`table(${count}, ...)`, fields) };
}

// ---------------------------------------------------------------------------------------------------------------

/** Where one field lies: element (i, j) starts at bit `8 * (offset + i * stride) + shift + j * elementBits`, see `bitOf`. */
export interface FieldPlan {
  readonly id: number;
  readonly struct: string;
  readonly field: string;
  /** `struct.field` */
  readonly path: string;
  readonly kind: ScalarField["kind"] | LockField["kind"];
  readonly role: Role;
  readonly guard: string | null;
  readonly meaning: string;
  /** Objects in the struct; 1 for a singleton. */
  readonly count: number;
  readonly singleton: boolean;
  /** Array elements per object, or null for a plain field. */
  readonly length: number | null;
  /** The lengths of an array of arrays, outermost first; null for any other field. */
  readonly dims: readonly number[] | null;
  /** What the array is part of; null: of nothing. */
  readonly part: ArrayPart | null;
  readonly offset: number;
  readonly stride: number;
  /** Bits from one element of an array to the next; a multiple of 8 where each has bytes of its own. */
  readonly elementBits: number;
  /** Bits stored; 0 when the field has one possible value. */
  readonly bits: number;
  /** Bits to the right within the byte, of the first element of an array (fields narrower than 8 bits). */
  readonly shift: number;
  readonly min: number;
  readonly max: number;
  readonly wrapping: boolean;
  /** `FieldOptions.marks`; 0: none. */
  readonly marks: number;
  /** For references: the table pointed into. */
  readonly refersTo: string | null;
  readonly init: number;
  /** For locks: the id of instance 0; ids of one field are consecutive. */
  readonly lockBase: number;
  readonly queued: boolean;
}

/** One lock of the program: an instance of a lock field. Lock ids index `LayoutPlan.locks`. */
export interface LockPlan {
  readonly id: number;
  readonly kind: LockField["kind"];
  /** `mm.mmapLock` or `page.lock[3]` */
  readonly name: string;
  /** The lock field, `struct.field`: what lockdep calls the class. */
  readonly lockClass: string;
  readonly queued: boolean;
  readonly nesting: LockNesting | null;
  /** First byte. spinlock, mutex: holder. rwsem: writer, then masks of readers and of waiting writers. */
  readonly offset: number;
}

export interface LayoutPlan {
  readonly structs: Structs;
  readonly fields: readonly FieldPlan[];
  readonly locks: readonly LockPlan[];
  /** Bytes of the state part (role state and ghost), not counting thread frames. */
  readonly stateBytes: number;
  /** Bytes of the statistic part. */
  readonly statisticBytes: number;
  /** Bytes of one reader mask or waiter mask of a rwsem. */
  readonly maskBytes: number;
}

/** Whether a guard says that the field names who has the object to itself. */
export function isOwner(guard: string | null): boolean {
  return guard === "owner" || guard === "owner(referenced)";
}

/** Whether a guard makes each access one indivisible operation. */
export function isAtomic(guard: string | null): boolean {
  return guard !== null && /^atomic(\(\w+\))?$/.test(guard);
}

/** The lowest bit of element (i, j), counted from the start of the field's part of the vector. */
export const bitOf = (f: FieldPlan, i: number, j: number): number => 8 * (f.offset + i * f.stride) + f.shift + j * f.elementBits;

/** Bits needed for `values` different values. */
export function bitsFor(values: number): number {
  return values <= 1 ? 0 : Math.ceil(Math.log2(values));
}

const alignUp = (n: number, alignment: number): number => Math.ceil(n / alignment) * alignment;

/** Bytes that a field of `bits` bits takes when it does not share: 0, 1, 2 or 4. */
export const wholeBytes = (bits: number): number => (bits === 0 ? 0 : bits <= 8 ? 1 : bits <= 16 ? 2 : 4);

interface Range { min: number; max: number; bits: number }

/** A lock takes whole bytes. */
const LOCK_RANGE: Range = { min: 0, max: 255, bits: 8 };

function rangeOf(f: ScalarField, structs: Structs, path: string): Range {
  switch (f.kind) {
    case "int": return { min: f.min, max: f.max, bits: bitsFor(f.max - f.min + 1) };
    case "bool": return { min: 0, max: 1, bits: 1 };
    case "bitset": return { min: 0, max: 2 ** f.size - 1, bits: f.size };
    case "ref": {
      const target = structs[f.table];
      if (target === undefined) {
        const declared = Object.keys(structs).join(", ");
        throw new Error(`${path}: ref("${f.table}") points into a table that is not declared; declared are ${declared}`);
      }
      return { min: NONE, max: target.count - 1, bits: bitsFor(target.count + 1) };
    }
  }
}

type Part = "state" | "statistic";

/** A field with its place in one object of its struct. */
interface PlacedField {
  readonly name: string;
  readonly f: Field;
  readonly path: string;
  readonly position: number;
  readonly shift: number;
  readonly range: Range;
  readonly elementBits: number;
}

const scalarOf = (f: Field): ScalarField | LockField => (f.kind === "array" ? f.element : f);
const isLock = (f: ScalarField | LockField): f is LockField => f.kind === "spinlock" || f.kind === "mutex" || f.kind === "rwsem";
const roleOf = (f: ScalarField | LockField): Role => f.role ?? "state";

/**
 * Assigns byte positions. Structs lie in declaration order; statistics get positions of their own, counted from
 * `stateBytes` rounded up by the caller. Throws for more than 30 actors, for a field named `count`, for a reference to a
 * table that is not declared, and for an initial value out of range.
 */
export function planLayout(structs: Structs, actorCount: number): LayoutPlan {
  const hasLocks = Object.values(structs).some((s) => Object.values(fieldsOf(s)).some((f) => isLock(scalarOf(f))));
  const most = hasLocks ? ACTORS_MAX : UNLOCKED_ACTORS_MAX;
  if (actorCount > most) {
    throw new RangeError(`${actorCount} actors: at most ${most}${hasLocks ? ", since masks of lock holders have no more" : ""}`);
  }
  const maskBytes = wholeBytes(actorCount);
  const fields: FieldPlan[] = [];
  const locks: LockPlan[] = [];
  const ends = { state: 0, statistic: 0 };
  for (const [structName, s] of Object.entries(structs)) {
    for (const part of ["state", "statistic"] as const) {
      const packer = new Packer();
      const placed = placeFields(structs, structName, part, maskBytes, packer);
      const stride = alignUp(packer.size, packer.alignment);
      const base = alignUp(ends[part], packer.alignment);
      if (base + stride * s.count > LAYOUT_BYTES_MAX) {
        throw new RangeError(`${structName}: ${s.count} objects of ${stride} bytes make the state larger than ${LAYOUT_BYTES_MAX} bytes`);
      }
      for (const p of placed) {
        const scalar = scalarOf(p.f);
        const lockBase = isLock(scalar) ? locks.length : -1;
        if (isLock(scalar)) {
          // One by one: a table can have more locks than a call has room for arguments.
          for (const lock of planLocks(s, structName, p, scalar, { first: lockBase, offset: base + p.position, stride })) locks.push(lock);
        }
        fields.push(planField(s, structName, p, { id: fields.length, lockBase, offset: base + p.position, stride }));
      }
      ends[part] = base + stride * s.count;
    }
  }
  return { structs: asData(structs), fields, locks, stateBytes: ends.state, statisticBytes: ends.statistic, maskBytes };
}

/** A plan is plain data, which worker threads receive: functions stay with the declarations. */
function asData(structs: Structs): Structs {
  const plain = <F extends ScalarField | LockField>(f: F): F => ("show" in f && f.show !== undefined ? omitShow(f) : f);
  const fieldAsData = (f: Field): Field => (f.kind === "array" ? { ...f, element: plain(f.element) } : plain(f));
  return Object.fromEntries(Object.entries(structs).map(([name, s]) => {
    const fields = Object.entries(fieldsOf(s)).map(([field, f]) => [field, fieldAsData(f)] as const);
    return [name, { ...s, fields: Object.fromEntries(fields) }];
  }));
}

function omitShow<F extends ScalarField | LockField>(f: F): F {
  return Object.fromEntries(Object.entries(f).filter(([option]) => option !== "show")) as unknown as F;
}

/**
 * The fields of one part of a struct, packed into one object: those that are aligned to more first, so that nothing is left out
 * between them, then the widest, so that small ones fill what is left of a byte. Equals lie in the order of their declaration,
 * which is the order of the result.
 */
function placeFields(structs: Structs, structName: string, part: Part, maskBytes: number, packer: Packer): PlacedField[] {
  const sized = Object.entries(fieldsOf(structs[structName]!)).flatMap(([name, f]) => {
    const element = scalarOf(f);
    if ((roleOf(element) === "statistic") !== (part === "statistic")) return [];
    const path = `${structName}.${name}`;
    if (name === "count") {
      throw new Error(`${path}: the name "count" is taken by the number of objects, k.${structName}.count; choose another`);
    }
    if (isLock(element)) {
      const bytes = element.kind === "rwsem" ? 1 + maskBytes * 2 : 1;
      return [{ name, f, path, range: LOCK_RANGE, bytes, bits: 8 * bytes }];
    }
    const range = rangeOf(element, structs, path);
    return [{ name, f, path, range, bytes: 0, bits: range.bits * (f.kind === "array" ? f.length : 1) }];
  });
  const place = ({ f, range, bytes }: (typeof sized)[number]): Pick<PlacedField, "position" | "shift" | "elementBits"> => {
    if (bytes > 0) return { position: packer.bytes(bytes, 1), shift: 0, elementBits: 0 };
    return f.kind === "array" ? packer.elements(f.length, range.bits) : { ...packer.bits(range.bits), elementBits: 0 };
  };
  const ordered = sized.toSorted((a, b) => alignmentOf(b.f, b.range) - alignmentOf(a.f, a.range) || b.bits - a.bits);
  const places = new Map(ordered.map((field) => [field.name, place(field)]));
  return sized.map(({ name, f, path, range }) => ({ name, f, path, range, ...places.get(name)! }));
}

/** In bytes. */
function alignmentOf(f: Field, { bits }: Range): number {
  return isLock(scalarOf(f)) ? 1 : Math.max(wholeBytes(bits), 1);
}

/** The locks of a field, one for each object. `first`: the id of that of object 0, which lies at `offset`. */
function planLocks(
  s: Struct, structName: string, { name, path }: PlacedField, f: LockField,
  at: { readonly first: number; readonly offset: number; readonly stride: number },
): LockPlan[] {
  return Array.from({ length: s.count }, (_, i) => ({
    id: at.first + i, kind: f.kind, name: s.shape === "struct" ? path : `${structName}[${i}].${name}`, lockClass: path,
    queued: f.queued, nesting: f.nesting, offset: at.offset + i * at.stride,
  }));
}

function planField(s: Struct, struct: string, p: PlacedField, at: Pick<FieldPlan, "id" | "lockBase" | "offset" | "stride">): FieldPlan {
  const { f, path, range } = p;
  const scalar = scalarOf(f);
  const init = scalar.init === undefined ? range.min : Number(scalar.init);
  if (!isLock(scalar) && !(init >= range.min && init <= range.max && Number.isInteger(init))) {
    throw new RangeError(`${path}: init ${init} is outside ${range.min}..${range.max}`);
  }
  return {
    id: at.id, struct, field: p.name, path, kind: scalar.kind, role: roleOf(scalar), guard: scalar.guard ?? null,
    meaning: f.meaning, count: s.count, singleton: s.shape === "struct", length: f.kind === "array" ? f.length : null,
    dims: f.kind === "array" ? f.dims ?? null : null, part: f.kind === "array" ? f.part ?? null : null,
    offset: at.offset, stride: at.stride, elementBits: p.elementBits, bits: range.bits, shift: p.shift,
    min: range.min, max: range.max, wrapping: scalar.kind === "int" && scalar.wrapping === true,
    marks: scalar.kind === "int" ? scalar.marks ?? 0 : 0,
    refersTo: scalar.kind === "ref" ? scalar.table : null, init, lockBase: at.lockBase, queued: isLock(scalar) && scalar.queued,
  };
}

/** First-fit packing of one struct: narrow fields into shared bytes, wide ones into aligned whole bytes. */
class Packer {
  size = 0;
  alignment = 1;
  readonly #free: { position: number; used: number }[] = [];

  bytes(count: number, alignment: number): number {
    const position = alignUp(this.size, alignment);
    this.size = position + count;
    if (count > 0) this.alignment = Math.max(this.alignment, alignment);
    return position;
  }

  /** An array. Within one byte its elements lie side by side; over several, none of them straddles two. */
  elements(length: number, bits: number): { position: number; shift: number; elementBits: number } {
    if (bits * length <= 8) return { ...this.bits(bits * length), elementBits: bits };
    const elementBits = bits > 4 ? wholeBytes(bits) * 8 : 2 ** bitsFor(bits);
    return { position: this.bytes(Math.ceil(length * elementBits / 8), Math.max(elementBits / 8, 1)), shift: 0, elementBits };
  }

  bits(count: number): { position: number; shift: number } {
    if (count === 0) return { position: 0, shift: 0 };
    if (count >= 8) {
      const width = wholeBytes(count);
      return { position: this.bytes(width, width), shift: 0 };
    }
    const open = this.#free.find((b) => b.used + count <= 8);
    if (open !== undefined) {
      const shift = open.used;
      open.used += count;
      return { position: open.position, shift };
    }
    const position = this.bytes(1, 1);
    this.#free.push({ position, used: count });
    return { position, shift: 0 };
  }
}
