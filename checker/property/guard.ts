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
 * Bookkeeping, `"model"`: whether an object of a pool is free, who waits for a grace period. The program that is modelled
 * has no such memory; there it is part of an operation beside it (the lock-protected inside of an allocator, the store
 * of an entry that makes a table reachable). The assumption is that a block's accesses to it take place all together in
 * the instant of the block's one non-mover, or of the block if it has none. Since that instant exists in no memory
 * operation, a marked access is refused by the compiler. The other rules still hold the rest of the block to its
 * pattern, so this cannot hide a second non-mover that is real memory. It would hide one that is declared `"model"`: a
 * sanitized run names the fields it takes on trust (`trustedFields`).
 */
import { NONE, type FieldPlan, type LayoutPlan } from "../program/layout.ts";

export const GUARD_NONE = 0;
export const GUARD_ATOMIC = 1;
export const GUARD_ONCE = 2;
/** A lock: of the object, of a singleton, or through a reference. */
export const GUARD_LOCK = 3;
export const GUARD_CPU = 4;
export const GUARD_LIFETIME = 5;
export type GuardKind = typeof GUARD_NONE | typeof GUARD_ATOMIC | typeof GUARD_ONCE | typeof GUARD_LOCK | typeof GUARD_CPU | typeof GUARD_LIFETIME;

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
  /** First element; -1 for fields that have none. */
  readonly firstElement: number;
}

/** What the sanitizers take on trust, in words, one sentence for each kind of guard; none when no field has such a guard. */
export function trustedFields(plan: LayoutPlan): string[] {
  const sentence = (guard: string, assumption: string): string[] => {
    const fields = plan.fields.filter((f) => f.guard === guard).map((f) => f.path);
    return fields.length === 0 ? [] : [`The sanitizers take on trust that ${assumption}: ${fields.join(", ")}`];
  };
  return [
    ...sentence("cpu", "an interrupt reaches a CPU's own state between two blocks of its thread"),
    ...sentence("lifetime", "whoever uses these fields plainly has a reference to the object, or has it for itself"),
    ...sentence("model", "these are bookkeeping of the model and no memory of the program"),
  ];
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
    throw new RangeError(`${f.path}: its guard "${guard}" is not a lock of the program; write "atomic", "once", "cpu", "lifetime", "model", "reference->lock" or one of ${locks.length === 0 ? "(no lock is declared)" : locks.join(", ")}`);
  }
  if (lock.struct !== f.struct && !lock.singleton) {
    throw new RangeError(`${f.path}: its guard "${guard}" is one lock per ${lock.struct}, and nothing says which of them guards which ${f.struct}; a guard is a lock of the same struct, of a singleton, or "reference->${lock.field}"`);
  }
  return lock;
}

/** The elements of a layout and their guards. Throws RangeError for a guard that names no usable lock, or does not fit its struct. */
export class Elements {
  readonly plan: LayoutPlan;
  readonly count: number;
  readonly #fields: readonly GuardedField[];
  /** Field of each element. */
  readonly #owner: Int32Array;
  readonly #dependents = new Map<number, number[]>();

  constructor(plan: LayoutPlan) {
    this.plan = plan;
    let count = 0;
    this.#fields = plan.fields.map((f) => {
      const none = { plan: f, lockBase: -1, instance: "singleton" as const, reference: -1, eitherBase: -1, lockField: "" };
      if (f.role !== "state" || f.lockBase >= 0 || f.guard === "model") return { ...none, kind: GUARD_NONE, firstElement: -1 };
      const firstElement = count;
      count += f.count * (f.length ?? 1);
      if (f.guard === null) return { ...none, kind: GUARD_NONE, firstElement };
      if (f.guard === "atomic") return { ...none, kind: GUARD_ATOMIC, firstElement };
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
        return { plan: f, kind: GUARD_LOCK, lockBase: lock.lockBase, instance: lock.singleton ? "singleton" : "referenced", reference: reference.id, eitherBase, lockField: lock.field, firstElement };
      }
      const lock = lockGuardOf(plan, f, guard);
      return { plan: f, kind: GUARD_LOCK, lockBase: lock.lockBase, instance: lock.singleton ? "singleton" : "same", reference: -1, eitherBase, lockField: lock.field, firstElement };
    });
    this.count = count;
    this.#owner = new Int32Array(count);
    for (const [id, f] of this.#fields.entries()) {
      if (f.reference >= 0) this.#dependents.set(f.reference, [...this.guardedThrough(f.reference), id]);
      if (f.firstElement >= 0) this.#owner.fill(id, f.firstElement, f.firstElement + f.plan.count * (f.plan.length ?? 1));
    }
  }

  /** The element of a field at object `i`, array entry `j`; -1 when the sanitizers do not look at the field. */
  of(field: number, i: number, j: number): number {
    const f = this.#fields[field]!;
    return f.firstElement < 0 ? -1 : f.firstElement + i * (f.plan.length ?? 1) + j;
  }

  guardKind(element: number): GuardKind {
    return this.#fields[this.#owner[element]!]!.kind;
  }

  /** The lock that guards the element now, or -1: none is declared, or the reference it goes through is NONE. `valueOf` reads a reference of this object. */
  guardLock(element: number, valueOf: (field: number, i: number) => number): number {
    const f = this.#fields[this.#owner[element]!]!;
    if (f.lockBase < 0) return -1;
    const i = Math.floor((element - f.firstElement) / (f.plan.length ?? 1));
    if (f.reference < 0) return f.instance === "same" ? f.lockBase + i : f.lockBase;
    const target = valueOf(f.reference, i);
    if (target === NONE) return -1;
    return f.instance === "referenced" ? f.lockBase + target : f.lockBase;
  }

  /** The second lock, either of which a reader needs; -1 when there is none. */
  eitherLock(element: number): number {
    const f = this.#fields[this.#owner[element]!]!;
    return f.eitherBase < 0 ? -1 : f.eitherBase + (f.plan.singleton ? 0 : Math.floor((element - f.firstElement) / (f.plan.length ?? 1)));
  }

  /** What the declaration says, for messages: `mm.pageTableLock`, `page[3].lock`, `vma[0].mm->mmapLock`; null where it names no lock. */
  guardText(element: number): string | null {
    const f = this.#fields[this.#owner[element]!]!;
    if (f.lockBase < 0) return null;
    const i = Math.floor((element - f.firstElement) / (f.plan.length ?? 1));
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
    const object = singleton ? struct : `${struct}[${Math.floor(nth / (length ?? 1))}]`;
    return `${object}.${field}${length === null ? "" : `[${nth % length}]`}`;
  }
}
