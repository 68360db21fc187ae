/**
 * What guards each element of the state vector, resolved once from the declarations.
 *
 * An *element* is the smallest thing that is read or written: one field of one object, one array entry of it. Elements
 * are numbered densely, so that what is known of them fits in flat arrays. Only role `state` has elements:
 * - statistics are added up outside the state and read by no routine, so their order cannot matter;
 * - ghosts are auxiliary variables (Owicki and Gries 1976): written and never read by routines, each write belonging
 *   to the same indivisible action as the real operation beside it;
 * - locks are handled as locks;
 * - fields guarded "model" have none either, see below.
 *
 * Guards through a reference, `"mm->mmapLock"`. Which lock it is depends on the state, so it is looked up at each access,
 * before the access takes effect. Why such an access, made under that lock, is a both-mover like any other: two accesses
 * of different threads that follow one another see the same reference, hence need the same lock, which one of them
 * would have to hold exclusively; so of two that conflict at least one is bare. What remains is that the reference
 * itself may change, and with it whether an access that another thread makes at about that time is covered.
 * - An access moves within the stretch in which its thread holds the lock. If whoever changes the reference holds the
 *   lock of the *old* target exclusively, the change is not in that stretch. Any other change counts as a bare write to
 *   every field guarded through the reference, in the same instant (unless the reference pointed nowhere, when nothing
 *   was covered): the accesses under the lock stop being movers, and the finding names the line of the change.
 * - The change itself may move later, not earlier: an access by a thread that has the *new* lock is bare before the
 *   change and covered after it. Moved later, the change leaves such accesses bare, and the search, which runs whole
 *   blocks in that order, has met them as bare ones; moved earlier, it would hide that they are. So it is a right mover
 *   at most, where other threads use what is guarded.
 *
 * A reference guarded "lifetime" changes only while nobody else knows the object, and one of an object that the thread
 * owns (below) is like any owned write: neither counts as a change of what others may rely on.
 *
 * A reference that is NONE: the object is free, or is being set up or torn down by a thread that believes itself alone
 * with it. Nothing in the state says which thread that is, and a thread with an old index may be about to use the
 * object, as readers of type-safe memory do. So such an access is bare: harmless if no other thread uses the element at
 * all, and else a conflict with every use. Set the reference first and clear it last, both with the lock held.
 *
 * Two locks, `"mm->mmapLock | lock"`: either keeps a reader safe, since a writer has both, exclusively. That a writer has
 * the first and has seen to it that nobody holds the second is not enough: a critical section of a reader may be one
 * block, so no state between blocks would show the reader that runs in the middle of the writer's.
 *
 * Stable for a lifetime, `"lifetime"`: what an object of a pool is (the order of a folio, its head page) is set before it
 * is published and changes again only when nobody else has a reference, each time the object is used. No state says who
 * has a reference. The assumption is that whoever uses the field plainly has one, or has the object for itself; then no
 * two plain accesses of different threads conflict. A look without a reference has to be marked (`once`); that one is
 * bare, and denies the writers their place. Not covered: a plain use after the last reference is gone (the program's own
 * assertions and poison find those).
 *
 * Per-CPU state, `"cpu"`. What it stands for (translation caches, batches, an mmu_gather) is reached by its CPU's own
 * instructions and by interrupts or queued work on that CPU, never by another CPU's loads and stores. The assumption:
 * these arrive at the yields of the thread that runs there, and it makes no difference to the thread that causes one at
 * which moment of its block it arrives. (A hardware walk with the use of its translation is one instruction; code that
 * must not be interrupted runs with interrupts off; a request that takes longer is a request that arrives later.) So
 * the owner's accesses and the marked ones of others are movers. Nothing else is exempt: another thread's plain access
 * is bare, makes the owner's accesses non-movers, and is a data race unless it is alone in its block. What a thread
 * waits for another one to bring about is no per-CPU state in this sense: use `"atomic"`. Not covered: an interrupt in
 * the middle of a block, e.g. as soon as interrupts are on again.
 *
 * Ownership. Much of what a program does to an object it does while nobody else can reach it: it has just allocated it,
 * frozen its reference count, or taken it out of the structure through which others find it. No lock says so. A ghost
 * field guarded `"owner"` does, and is checked. While it names an actor, that actor's accesses to the object are *owned*,
 * those of others *foreign*. The rules:
 * - a foreign access denies owned ones their place (shared-use.ts), and a plain one is a data race, alone or not;
 * - a change of the owner is a non-mover, in one instant with the operation just before it (the store that publishes the
 *   object, the exchange that freezes it), which so becomes the commit of its block. Only where no other thread uses the
 *   object, takes it or gives it up is it a both-mover. So a block does not take an object and give it up again, unless
 *   nobody else wants it;
 * - an actor may take an object that is nobody's, and give up its own; anything else counts as a foreign write of the
 *   whole object, and as a data race;
 * - nobody takes an object while another thread is between the commit of its block and a use of the object (taking.ts).
 *
 * Why owned accesses are both-movers while no foreign one is met. Two accesses of one element that follow one another in
 * any finely interleaved execution, one of them owned: the owner is the same at both, so the other one, if it is another
 * thread's, is foreign. It remains that the search meets the foreign access if any execution has one. Take the shortest one and
 * rearrange what comes before it (block-atomicity.ts): threads past their block's commit are run to its end, the others'
 * right movers are dropped. Since owners change at commits only, neither changes an owner: the thread that had the object
 * has it still, at a yield or in a block it has completed, and the same access is foreign in the search. (Were a change a
 * right mover, dropping it would turn the foreign access into an ordinary one that proves nothing; were it a left mover,
 * running it would. It does not help that the object was nobody's before: taking is no waiting, as with a lock, so two
 * threads that take one object conflict even if neither looks into it.) If the thread that makes the foreign access is
 * itself past its commit, the rest of its block moves to that commit, and the access with it. There the object is another
 * thread's as well, and the access foreign, which says no less; or it is nobody's, and the last rule is broken. An access
 * that moves the other way, later with the right movers of its block, past a taking, is met by the search as foreign: stricter again.
 * The same for one that moves earlier past a giving up.
 *
 * `"owner(referenced)"` is for objects that are counted, or found under a lock: who has a reference, or stands between
 * others and the object in another way, uses it before and after its block's commit alike. There, what the last rule finds is
 * taken on trust: that at the line named nobody takes the object while another thread is about to make the use named. A sanitized run
 * names these lines, and nothing where there are none. All other rules hold as for `"owner"`.
 *
 * Nothing is assumed about whether the program is right to call itself the owner; only that the declaration is made at
 * all is up to its author. A wrong one is a foreign access somewhere.
 *
 * Groups, `"atomic(counters)"`: a program may keep several values in step without a lock that is one of its own (a bit of
 * one of them that is spun on; several atomic operations in a row that others tell apart in no way that matters). Then
 * accesses to fields of the group, with only both-movers between them, are one operation. That is an assumption: whoever
 * declares a group says why, and a sanitized run names it.
 *
 * Bookkeeping, `"model"`: whether an object of a pool is free, who waits for a grace period. The program that is modelled
 * has no such memory; there it is part of an operation beside it (the lock-protected inside of an allocator, the store
 * of an entry that makes a table reachable). The assumption is that a block's accesses to it take place all together in
 * the instant of the block's one non-mover, or of the block if it has none. Since that instant exists in no memory
 * operation, a marked access is refused by the compiler. The other rules still hold the rest of the block to its
 * pattern, so this cannot hide a second non-mover that is real memory. It would hide one that is declared `"model"`: a
 * sanitized run names the fields it takes on trust (`trustedFields`).
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
export type GuardKind = typeof GUARD_OWNER | typeof GUARD_NONE | typeof GUARD_ATOMIC | typeof GUARD_ONCE | typeof GUARD_LOCK | typeof GUARD_CPU | typeof GUARD_LIFETIME;

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
  /** For messages: `mmapLock`; empty unless guarded by a lock. */
  readonly lockField: string;
  /** Elements of an object besides those of an array: one for each bit of an atomic set, after the one for all of them. */
  readonly bits: number;
  /** Of an owner field: that nobody takes the object from under a thread that uses it is taken on trust where it is not known. */
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
    ...sentence("lifetime", "whoever uses these fields plainly has a reference to the object, or has it for itself"),
    ...sentence("model", "these are bookkeeping of the model and no memory of the program"),
  ];
}

function groupsOf(plan: LayoutPlan): string[] {
  return [...new Set(plan.fields.map((f) => f.guard).filter((g): g is string => g !== null && g !== "atomic" && isAtomic(g)))];
}

function groupSentences(plan: LayoutPlan): string[] {
  return groupsOf(plan).map((g) => `The sanitizers take on trust that accesses to these fields which follow one another are one operation, ${g}: ${plan.fields.filter((f) => f.guard === g).map((f) => f.path).join(", ")}`);
}

function guardThroughReference(plan: LayoutPlan, f: FieldPlan, guard: string): { reference: FieldPlan; lock: FieldPlan } {
  const [refName, lockName] = guard.split("->") as [string, string];
  const reference = plan.fields.find((g) => g.struct === f.struct && g.field === refName);
  if (reference === undefined || reference.refersTo === null || reference.length !== null || reference.role !== "state") {
    const refs = plan.fields.filter((g) => g.struct === f.struct && g.refersTo !== null && g.length === null && g.role === "state").map((g) => g.field);
    throw new RangeError(`${f.path}: its guard "${guard}" goes through ${f.struct}.${refName}, which is no reference of role state; before -> write one of ${refs.length === 0 ? `(${f.struct} has none)` : refs.join(", ")}`);
  }
  const lock = plan.fields.find((g) => g.struct === reference.refersTo && g.field === lockName && g.lockBase >= 0);
  if (lock === undefined) {
    const locks = plan.fields.filter((g) => g.struct === reference.refersTo && g.lockBase >= 0).map((g) => g.field);
    throw new RangeError(`${f.path}: its guard "${guard}" names no lock of ${reference.refersTo}; after -> write one of ${locks.length === 0 ? `(${reference.refersTo} has none)` : locks.join(", ")}`);
  }
  return { reference, lock };
}

/** Bits that are accessed one by one. */
function bitElements(f: FieldPlan): number {
  return f.kind === "bitset" && f.length === null ? f.bits : 0;
}

function checkOwnerField(plan: LayoutPlan, f: FieldPlan): void {
  if (f.role !== "ghost" || f.kind !== "int" || f.min !== NONE || f.length !== null) throw new RangeError(`${f.path}: guard "owner" is for a ghost that names an actor: int(NONE, actors - 1, "...", { role: "ghost", guard: "owner" })`);
  const first = plan.fields.find((g) => g.struct === f.struct && isOwner(g.guard));
  if (first !== f) throw new RangeError(`${f.path}: ${f.struct} has an owner field already, ${first!.field}; an object has one owner`);
}

function eitherLockOf(plan: LayoutPlan, f: FieldPlan, name: string): FieldPlan {
  const lock = plan.fields.find((g) => g.struct === f.struct && g.field === name && g.lockBase >= 0);
  if (lock === undefined) throw new RangeError(`${f.path}: the second lock of its guard, "${name}", is no lock of ${f.struct}; after | write a lock of the same object`);
  return lock;
}

function lockGuardOf(plan: LayoutPlan, f: FieldPlan, guard: string): FieldPlan {
  const path = guard.includes(".") ? guard : `${f.struct}.${guard}`;
  const lock = plan.fields.find((g) => g.path === path && g.lockBase >= 0);
  if (lock === undefined) {
    const locks = plan.fields.filter((g) => g.lockBase >= 0).map((g) => g.path);
    throw new RangeError(`${f.path}: its guard "${guard}" is not a lock of the program; write "atomic", "once", "cpu", "lifetime", "model", "owner", "reference->lock" or one of ${locks.length === 0 ? "(no lock is declared)" : locks.join(", ")}`);
  }
  if (lock.struct !== f.struct && !lock.singleton) {
    throw new RangeError(`${f.path}: its guard "${guard}" is one lock per ${lock.struct}, and nothing says which of them guards which ${f.struct}; a guard is a lock of the same struct, of a singleton, or "reference->${lock.field}"`);
  }
  return lock;
}

const perObject = (f: GuardedField): number => (f.plan.length ?? 1) + f.bits;

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
      const none = { bits: 0, group: -1, referenced: false, plan: f, lockBase: -1, instance: "singleton" as const, reference: -1, eitherBase: -1, lockField: "" };
      if (isOwner(f.guard)) {
        checkOwnerField(plan, f);
        const firstElement = count;
        count += f.count;
        return { ...none, kind: GUARD_OWNER, referenced: f.guard !== "owner", firstElement };
      }
      if (f.role !== "state" || f.lockBase >= 0 || f.guard === "model") return { ...none, kind: GUARD_NONE, firstElement: -1 };
      const firstElement = count;
      count += f.count * (f.length ?? 1);
      if (f.guard === null) return { ...none, kind: GUARD_NONE, firstElement };
      if (isAtomic(f.guard)) {
        const bits = bitElements(f);
        count += f.count * bits;
        return { ...none, kind: GUARD_ATOMIC, bits, group: groups.indexOf(f.guard), firstElement };
      }
      if (f.guard === "once") return { ...none, kind: GUARD_ONCE, firstElement };
      if (f.guard === "cpu") {
        if (f.singleton) throw new RangeError(`${f.path}: guard "cpu" is for a table with one object per CPU; ${f.struct} is a single object`);
        return { ...none, kind: GUARD_CPU, firstElement };
      }
      if (f.guard === "lifetime") return { ...none, kind: GUARD_LIFETIME, firstElement };
      const [guard, either, ...more] = f.guard.split("|").map((part) => part.trim()) as [string, ...string[]];
      if (more.length > 0) throw new RangeError(`${f.path}: its guard "${f.guard}" names ${more.length + 2} locks; a field has one lock, or two of which a reader holds either`);
      const eitherBase = either === undefined ? -1 : eitherLockOf(plan, f, either).lockBase;
      if (guard.includes("->")) {
        const { reference, lock } = guardThroughReference(plan, f, guard);
        return { ...none, kind: GUARD_LOCK, lockBase: lock.lockBase, instance: lock.singleton ? "singleton" : "referenced", reference: reference.id, eitherBase, lockField: lock.field, firstElement };
      }
      const lock = lockGuardOf(plan, f, guard);
      return { ...none, kind: GUARD_LOCK, lockBase: lock.lockBase, instance: lock.singleton ? "singleton" : "same", reference: -1, eitherBase, lockField: lock.field, firstElement };
    });
    this.count = count;
    this.#owner = new Int32Array(count);
    for (const [id, f] of this.#fields.entries()) {
      if (f.kind === GUARD_OWNER) this.#ownerFields.set(f.plan.struct, f);
      if (f.reference >= 0) this.#dependents.set(f.reference, [...this.guardedThrough(f.reference), id]);
      if (f.firstElement >= 0) this.#owner.fill(id, f.firstElement, f.firstElement + f.plan.count * perObject(f));
    }
  }

  /** Whether it is trusted, where it is not known, that nobody takes the object, whose owner this element names, from under a thread that uses it. */
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
    return this.#fields.flatMap((f) => (f.plan.struct !== struct || f.firstElement < 0 || f.kind === GUARD_OWNER ? [] : Array.from({ length: perObject(f) }, (_, n) => f.firstElement + i * perObject(f) + n)));
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

  /** The lock that guards the element now, or -1: none is declared, or the reference it goes through is NONE. `valueOf` reads a reference of this object. */
  guardLock(element: number, valueOf: (field: number, i: number) => number): number {
    const f = this.#fields[this.#owner[element]!]!;
    if (f.lockBase < 0) return -1;
    const i = Math.floor((element - f.firstElement) / perObject(f));
    if (f.reference < 0) return f.instance === "same" ? f.lockBase + i : f.lockBase;
    const target = valueOf(f.reference, i);
    if (target === NONE) return -1;
    return f.instance === "referenced" ? f.lockBase + target : f.lockBase;
  }

  /** The second lock, either of which a reader needs; -1 when there is none. */
  eitherLock(element: number): number {
    const f = this.#fields[this.#owner[element]!]!;
    return f.eitherBase < 0 ? -1 : f.eitherBase + (f.plan.singleton ? 0 : Math.floor((element - f.firstElement) / perObject(f)));
  }

  /** What the declaration says, for messages: `mm.pageTableLock`, `page[3].lock`, `vma[0].mm->mmapLock`; null where it names no lock. */
  guardText(element: number): string | null {
    const f = this.#fields[this.#owner[element]!]!;
    if (f.lockBase < 0) return null;
    const i = Math.floor((element - f.firstElement) / perObject(f));
    const object = f.plan.singleton ? f.plan.struct : `${f.plan.struct}[${i}]`;
    const first = f.reference >= 0 ? `${object}.${this.plan.fields[f.reference]!.field}->${f.lockField}` : this.plan.locks[f.instance === "same" ? f.lockBase + i : f.lockBase]!.name;
    const second = this.eitherLock(element);
    return second < 0 ? first : `${first} or ${this.plan.locks[second]!.name}`;
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
