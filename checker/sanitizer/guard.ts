/**
 * What guards each element of the state vector, resolved once from the declarations.
 *
 * An *element* is the smallest thing that is read or written: one field of one object, one array entry of it. Elements
 * are numbered densely, so that what is known of them fits in flat arrays. Only role `state` has elements, and owner
 * fields. Statistics are added up outside the state, so their order cannot matter. Other ghosts are auxiliary variables
 * (Owicki and Gries 1976), written in the action of the real operation beside them. Locks are handled as locks.
 *
 * Why accesses under a guard commute: docs/proofs/lock-guards.md (a lock through a reference, one of several) and
 * docs/proofs/ownership.md (`"owner"`). What `"lifetime"`, `"cpu"`, `"model"` and groups assume: docs/proofs/trusted-guards.md.
 */
import { NONE, isAtomic, isOwner, type FieldPlan, type LayoutPlan } from "../program/layout.ts";

export const GUARD_NONE = 0;
export const GUARD_ATOMIC = 1;
export const GUARD_ONCE = 2;
/** A lock: of the object, of a singleton, or through a reference. */
export const GUARD_LOCK = 3;
export const GUARD_CPU = 4;
export const GUARD_LIFETIME = 5;
/** The field says who owns the object. */
export const GUARD_OWNER = 6;
export type GuardKind =
  | typeof GUARD_NONE | typeof GUARD_ATOMIC | typeof GUARD_ONCE | typeof GUARD_LOCK | typeof GUARD_CPU | typeof GUARD_LIFETIME
  | typeof GUARD_OWNER;

/** A lock of the object that a reference of this object leads to by way of another object. */
interface ThirdLock {
  /** Ids of the two references: of this struct, and of the struct that it refers to. */
  readonly first: number;
  readonly second: number;
  /** Lock id of instance 0. */
  readonly lockBase: number;
  /** For messages: `anonVmaChain->root->lock`. */
  readonly text: string;
}

interface GuardedField {
  readonly plan: FieldPlan;
  readonly kind: GuardKind;
  /** Lock id of instance 0; -1 unless guarded by a lock. */
  readonly lockBase: number;
  /** Which instance guards object i: the only one, instance i, or the one that a reference of object i names. */
  readonly instance: "singleton" | "same" | "referenced";
  /** The guard through a reference: id of that field of the same struct; else -1. */
  readonly reference: number;
  /** Lock id of instance 0 of a second lock of the same struct, either of which a reader needs; else -1. */
  readonly eitherBase: number;
  /** A third lock, found through two references, any of which a reader needs; else null. */
  readonly third: ThirdLock | null;
  /** For messages: `mmapLock`; empty unless guarded by a lock. */
  readonly lockField: string;
  /** Elements of an object besides those of an array: one for each bit of an atomic set, after the one for all of them. */
  readonly bits: number;
  /** Of an owner field: `"owner(referenced)"`, see docs/proofs/ownership.md. */
  readonly referenced: boolean;
  /** Which accesses are one operation with those before them; -1: none. */
  readonly group: number;
  /** First element; -1 for fields that have none. */
  readonly firstElement: number;
}

/** What the sanitizers take on trust by declaration, in words, one sentence for each kind of guard; none when no field has such a guard. */
export function trustedFields(plan: LayoutPlan): string[] {
  const sentence = (guard: string, assumption: string): string[] => {
    const fields = plan.fields.filter((f) => f.guard === guard).map((f) => f.path);
    return fields.length === 0 ? [] : [`The sanitizers take on trust that ${assumption}: ${fields.join(", ")}`];
  };
  return [
    ...groupSentences(plan),
    ...sentence("cpu", "an interrupt reaches a CPU's own state between two blocks of its thread"),
    ...sentence("lifetime", "a thread that uses these fields plainly has a reference to the object, or has it for itself"),
    ...sentence("model", "these are bookkeeping of the model and no memory of the program"),
  ];
}

function groupsOf(plan: LayoutPlan): string[] {
  return [...new Set(plan.fields.map((f) => f.guard).filter((g): g is string => g !== null && g !== "atomic" && isAtomic(g)))];
}

function groupSentences(plan: LayoutPlan): string[] {
  return groupsOf(plan).map((group) => {
    const fields = plan.fields.filter((f) => f.guard === group).map((f) => f.path).join(", ");
    return `The sanitizers take on trust that accesses to these fields which follow one another are one operation, ${group}: ${fields}`;
  });
}

/** Whether a guard may go through this field. */
const isReference = (f: FieldPlan): boolean => f.refersTo !== null && f.length === null && f.role === "state";

const listOr = (names: readonly string[], none: string): string => (names.length === 0 ? none : names.join(", "));

function guardThroughReference(plan: LayoutPlan, f: FieldPlan, guard: string): { reference: FieldPlan; lock: FieldPlan } {
  const [refName, lockName] = guard.split("->") as [string, string];
  const reference = plan.fields.find((g) => g.struct === f.struct && g.field === refName);
  if (reference === undefined || !isReference(reference)) {
    const refs = plan.fields.filter((g) => g.struct === f.struct && isReference(g)).map((g) => g.field);
    throw new RangeError(
      `${f.path}: its guard "${guard}" goes through ${f.struct}.${refName}, which is no reference of role state; ` +
      `before -> write one of ${listOr(refs, `(${f.struct} has none)`)}`,
    );
  }
  const lock = plan.fields.find((g) => g.struct === reference.refersTo && g.field === lockName && g.lockBase >= 0);
  if (lock === undefined) {
    const locks = plan.fields.filter((g) => g.struct === reference.refersTo && g.lockBase >= 0).map((g) => g.field);
    throw new RangeError(
      `${f.path}: its guard "${guard}" names no lock of ${reference.refersTo}; ` +
      `after -> write one of ${listOr(locks, `(${reference.refersTo} has none)`)}`,
    );
  }
  return { reference, lock };
}

/** Bits that are accessed one by one. */
function bitElements(f: FieldPlan): number {
  return f.kind === "bitset" && f.length === null ? f.bits : 0;
}

function checkOwnerField(plan: LayoutPlan, f: FieldPlan): void {
  if (f.role !== "ghost" || f.kind !== "int" || f.min !== NONE || f.length !== null) {
    const form = 'int(NONE, actors - 1, "...", { role: "ghost", guard: "owner" })';
    throw new RangeError(`${f.path}: guard "owner" is for a ghost that names an actor: ${form}`);
  }
  const first = plan.fields.find((g) => g.struct === f.struct && isOwner(g.guard));
  if (first !== f) throw new RangeError(`${f.path}: ${f.struct} has an owner field already, ${first!.field}; an object has one owner`);
}

function eitherLockOf(plan: LayoutPlan, f: FieldPlan, name: string): FieldPlan {
  const lock = plan.fields.find((g) => g.struct === f.struct && g.field === name && g.lockBase >= 0);
  if (lock !== undefined) return lock;
  const problem = `the second lock of its guard, "${name}", is no lock of ${f.struct}`;
  throw new RangeError(`${f.path}: ${problem}; after | write a lock of the same object`);
}

function lockGuardOf(plan: LayoutPlan, f: FieldPlan, guard: string): FieldPlan {
  const path = guard.includes(".") ? guard : `${f.struct}.${guard}`;
  const lock = plan.fields.find((g) => g.path === path && g.lockBase >= 0);
  if (lock === undefined) {
    const locks = plan.fields.filter((g) => g.lockBase >= 0).map((g) => g.path);
    throw new RangeError(
      `${f.path}: its guard "${guard}" is not a lock of the program; write "atomic", "once", "cpu", "lifetime", "model", "owner", ` +
      `"reference->lock" or one of ${listOr(locks, "(no lock is declared)")}`,
    );
  }
  if (lock.struct !== f.struct && !lock.singleton) {
    throw new RangeError(
      `${f.path}: its guard "${guard}" is one lock per ${lock.struct}, and nothing says which of them guards which ${f.struct}; ` +
      `a guard is a lock of the same struct, of a singleton, or "reference->${lock.field}"`,
    );
  }
  return lock;
}

/** Elements of each object. */
const perObject = (f: Pick<GuardedField, "plan" | "bits">): number => (f.plan.length ?? 1) + f.bits;

const hasElements = (f: FieldPlan): boolean => isOwner(f.guard) || (f.role === "state" && f.lockBase < 0 && f.guard !== "model");

/** The guard of a field. `groups`: the groups of the program, which are numbered by their place. */
function guardOf(plan: LayoutPlan, f: FieldPlan, groups: readonly string[]): Omit<GuardedField, "firstElement"> {
  const none = {
    bits: 0, group: -1, referenced: false, plan: f, lockBase: -1, instance: "singleton" as const, reference: -1, eitherBase: -1,
    third: null, lockField: "", kind: GUARD_NONE,
  } satisfies Omit<GuardedField, "firstElement">;
  if (isOwner(f.guard)) {
    checkOwnerField(plan, f);
    return { ...none, kind: GUARD_OWNER, referenced: f.guard !== "owner" };
  }
  if (!hasElements(f) || f.guard === null) return none;
  if (isAtomic(f.guard)) return { ...none, kind: GUARD_ATOMIC, bits: bitElements(f), group: groups.indexOf(f.guard) };
  const onceUnder = /^once\((.+)\)$/.exec(f.guard);
  if (onceUnder !== null) return { ...none, ...lockGuard(plan, f, onceUnder[1]!), kind: GUARD_ONCE };
  switch (f.guard) {
    case "once": return { ...none, kind: GUARD_ONCE };
    case "lifetime": return { ...none, kind: GUARD_LIFETIME };
    case "cpu":
      if (!f.singleton) return { ...none, kind: GUARD_CPU };
      throw new RangeError(`${f.path}: guard "cpu" is for a table with one object per CPU; ${f.struct} is a single object`);
    default: return { ...none, ...lockGuard(plan, f, f.guard) };
  }
}

function thirdLockOf(plan: LayoutPlan, f: FieldPlan, text: string): ThirdLock {
  const [firstName, secondName, lockName] = text.split("->") as [string, string, string];
  const fieldOf = (struct: string | null, name: string): FieldPlan | undefined =>
    plan.fields.find((g) => g.struct === struct && g.field === name);
  const first = fieldOf(f.struct, firstName);
  const second = first === undefined ? undefined : fieldOf(first.refersTo, secondName);
  const lock = second === undefined ? undefined : fieldOf(second.refersTo, lockName);
  if (lock === undefined || lock.lockBase < 0 || !isReference(first!) || !isReference(second!)) {
    const remedy = "write two references of role state, and the lock";
    throw new RangeError(`${f.path}: the third lock of its guard, "${text}", leads to no lock; ${remedy}`);
  }
  return { first: first!.id, second: second!.id, lockBase: lock.lockBase, text };
}

/** What a guard says that names a lock, or several of which a reader holds any. */
function lockGuard(plan: LayoutPlan, f: FieldPlan, text: string): Partial<GuardedField> {
  const [guard, either, through, ...more] = text.split("|").map((part) => part.trim()) as [string, ...string[]];
  if (more.length > 0 || (through !== undefined && through.split("->").length !== 3)) {
    const problem = `its guard "${text}" names ${more.length + (through === undefined ? 2 : 3)} locks`;
    throw new RangeError(
      `${f.path}: ${problem}; a field has one lock, or two of which a reader holds either, or a third one besides ` +
      'that is found through two references, "reference->reference->lock"',
    );
  }
  const eitherBase = either === undefined ? -1 : eitherLockOf(plan, f, either).lockBase;
  const third = through === undefined ? null : thirdLockOf(plan, f, through);
  const locked = ({ lockBase, field }: FieldPlan): Partial<GuardedField> =>
    ({ kind: GUARD_LOCK, lockBase, lockField: field, eitherBase, third });
  if (guard.includes("->")) {
    const { reference, lock } = guardThroughReference(plan, f, guard);
    return { ...locked(lock), instance: lock.singleton ? "singleton" : "referenced", reference: reference.id };
  }
  const lock = lockGuardOf(plan, f, guard);
  return { ...locked(lock), instance: lock.singleton ? "singleton" : "same" };
}

/** The elements of a layout and their guards. Throws RangeError for a guard that names no usable lock, or does not fit its struct. */
export class Elements {
  readonly plan: LayoutPlan;
  readonly count: number;
  readonly #fields: readonly GuardedField[];
  /** Field of each element. */
  readonly #owner: Int32Array;
  readonly #dependents = new Map<number, number[]>();
  /** The owner field of each struct that has one. */
  readonly #ownerFields = new Map<string, GuardedField>();

  constructor(plan: LayoutPlan) {
    this.plan = plan;
    let count = 0;
    const groups = groupsOf(plan);
    this.#fields = plan.fields.map((f) => {
      const guard = guardOf(plan, f, groups);
      if (!hasElements(f)) return { ...guard, firstElement: -1 };
      const firstElement = count;
      count += f.count * perObject(guard);
      return { ...guard, firstElement };
    });
    this.count = count;
    this.#owner = new Int32Array(count);
    for (const [id, f] of this.#fields.entries()) {
      if (f.kind === GUARD_OWNER) this.#ownerFields.set(f.plan.struct, f);
      if (f.reference >= 0) this.#dependents.set(f.reference, [...this.guardedThrough(f.reference), id]);
      if (f.firstElement >= 0) this.#owner.fill(id, f.firstElement, f.firstElement + f.plan.count * perObject(f));
    }
  }

  /**
   * Of an owner field: whether it is trusted, where it is not known, that nobody takes the object while another thread is
   * using it.
   */
  isReferenced(owner: number): boolean {
    return this.#fields[this.#owner[owner]!]!.referenced;
  }

  /** Path of the field of an element, `page.owner`. */
  path(element: number): string {
    return this.#fields[this.#owner[element]!]!.plan.path;
  }

  /** The elements of the object whose owner this element names. */
  ownedBy(owner: number): number[] {
    const { struct } = this.#fields[this.#owner[owner]!]!.plan;
    const { i } = this.place(owner);
    return this.#fields
      .filter((f) => f.plan.struct === struct && f.firstElement >= 0 && f.kind !== GUARD_OWNER)
      .flatMap((f) => Array.from({ length: perObject(f) }, (_, n) => f.firstElement + i * perObject(f) + n));
  }

  /** A number for the group whose fields are accessed in one operation; -1 when the element is in none. */
  groupOf(element: number): number {
    return this.#fields[this.#owner[element]!]!.group;
  }

  /** The elements that an access to this one touches: the set as well as its bit, and the bits as well as the set. */
  touched(element: number): readonly number[] {
    const f = this.#fields[this.#owner[element]!]!;
    if (f.bits === 0) return [element];
    const nth = (element - f.firstElement) % (f.bits + 1);
    return nth > 0 ? [element, element - nth] : Array.from({ length: f.bits + 1 }, (_, n) => element + n);
  }

  /** The element of a field at object `i`, array entry `j`; -1 when the sanitizers do not look at the field. */
  of(field: number, i: number, j: number): number {
    const f = this.#fields[field]!;
    return f.firstElement < 0 ? -1 : f.firstElement + i * perObject(f) + j;
  }

  guardKind(element: number): GuardKind {
    return this.#fields[this.#owner[element]!]!.kind;
  }

  /** The element that says who owns the element's object; -1 where nothing does, and for that element itself. */
  ownerOf(element: number): number {
    const f = this.#fields[this.#owner[element]!]!;
    const owner = this.#ownerFields.get(f.plan.struct);
    if (owner === undefined || owner === f) return -1;
    return owner.firstElement + Math.floor((element - f.firstElement) / perObject(f));
  }

  /** The field and object of an element: where `StateView.reference` finds its value. */
  place(element: number): { readonly field: number; readonly i: number } {
    const field = this.#owner[element]!;
    const f = this.#fields[field]!;
    return { field, i: Math.floor((element - f.firstElement) / perObject(f)) };
  }

  /**
   * The lock that guards the element now, or -1: none is declared, or the reference it goes through is NONE. `valueOf`
   * reads a reference of this object.
   */
  guardLock(element: number, valueOf: (field: number, i: number) => number): number {
    const f = this.#fields[this.#owner[element]!]!;
    if (f.lockBase < 0) return -1;
    const i = Math.floor((element - f.firstElement) / perObject(f));
    if (f.reference < 0) return f.instance === "same" ? f.lockBase + i : f.lockBase;
    const target = valueOf(f.reference, i);
    if (target === NONE) return -1;
    return f.instance === "referenced" ? f.lockBase + target : f.lockBase;
  }

  /** Whether its guard names a lock. */
  hasLock(element: number): boolean {
    return this.#fields[this.#owner[element]!]!.lockBase >= 0;
  }

  /** The second lock, either of which a reader needs; -1 when there is none. */
  eitherLock(element: number): number {
    const f = this.#fields[this.#owner[element]!]!;
    return f.eitherBase < 0 ? -1 : f.eitherBase + (f.plan.singleton ? 0 : Math.floor((element - f.firstElement) / perObject(f)));
  }

  /**
   * The third lock, any of which a reader needs, as the references lead now; -1 when there is none, or a reference on the way is NONE.
   * `valueOf` reads a reference of any object.
   */
  thirdLock(element: number, valueOf: (field: number, i: number) => number): number {
    const f = this.#fields[this.#owner[element]!]!;
    if (f.third === null) return -1;
    const by = valueOf(f.third.first, Math.floor((element - f.firstElement) / perObject(f)));
    const target = by === NONE ? NONE : valueOf(f.third.second, by);
    return target === NONE ? -1 : f.third.lockBase + target;
  }

  /** What the declaration says, for messages: `mm.pageTableLock`, `page[3].lock`, `vma[0].mm->mmapLock`; null where it names no lock. */
  guardText(element: number): string | null {
    const f = this.#fields[this.#owner[element]!]!;
    if (f.lockBase < 0) return null;
    const i = Math.floor((element - f.firstElement) / perObject(f));
    const object = f.plan.singleton ? f.plan.struct : `${f.plan.struct}[${i}]`;
    const first = f.reference >= 0
      ? `${object}.${this.plan.fields[f.reference]!.field}->${f.lockField}`
      : this.plan.locks[f.instance === "same" ? f.lockBase + i : f.lockBase]!.name;
    const second = this.eitherLock(element);
    const either = second < 0 ? first : `${first} or ${this.plan.locks[second]!.name}`;
    return f.third === null ? either : `${either} or ${object}.${f.third.text}`;
  }

  /** Fields of the same struct whose guard goes through this reference; none for most fields. */
  guardedThrough(reference: number): readonly number[] {
    return this.#dependents.get(reference) ?? [];
  }

  /** `mm.rss` or `page[3].flags` or `pgtable[0].pte[5]`, spelled as locks are. */
  name(element: number): string {
    const f = this.#fields[this.#owner[element]!]!;
    const { struct, field, singleton, length } = f.plan;
    const nth = element - f.firstElement;
    const object = singleton ? struct : `${struct}[${Math.floor(nth / perObject(f))}]`;
    const bit = f.bits === 0 ? 0 : nth % (f.bits + 1);
    return `${object}.${field}${bit > 0 ? ` bit ${bit - 1}` : length === null ? "" : `[${nth % length}]`}`;
  }
}
