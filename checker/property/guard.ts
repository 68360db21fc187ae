/**
 * What guards each element of the state vector, resolved once from the declarations.
 *
 * An *element* is the smallest thing that is read or written: one field of one object, one array entry of it. Elements
 * are numbered densely, so that what is known of them fits in flat arrays. Only role `state` has elements:
 * - statistics are added up outside the state and read by no routine, so their order cannot matter;
 * - ghosts are auxiliary variables (Owicki and Gries 1976): written and never read by routines, each write belonging
 *   to the same indivisible action as the real operation beside it;
 * - locks are handled as locks.
 */
import type { FieldPlan, LayoutPlan } from "../program/layout.ts";

export const GUARD_NONE = 0;
export const GUARD_ATOMIC = 1;
export const GUARD_ONCE = 2;
export const GUARD_LOCK = 3;
export type GuardKind = typeof GUARD_NONE | typeof GUARD_ATOMIC | typeof GUARD_ONCE | typeof GUARD_LOCK;

interface GuardedField {
  readonly plan: FieldPlan;
  readonly kind: GuardKind;
  /** Lock id of instance 0; -1 unless guarded by a lock. */
  readonly lockBase: number;
  /** Whether object i is guarded by lock instance i (else all objects by the one lock). */
  readonly lockPerObject: boolean;
  /** First element; -1 for fields that have none. */
  readonly firstElement: number;
}

function lockGuardOf(plan: LayoutPlan, f: FieldPlan, guard: string): FieldPlan {
  const path = guard.includes(".") ? guard : `${f.struct}.${guard}`;
  const lock = plan.fields.find((g) => g.path === path && g.lockBase >= 0);
  if (lock === undefined) {
    const locks = plan.fields.filter((g) => g.lockBase >= 0).map((g) => g.path);
    throw new RangeError(`${f.path}: its guard "${guard}" is not a lock of the program; write "atomic", "once" or one of ${locks.length === 0 ? "(no lock is declared)" : locks.join(", ")}`);
  }
  if (lock.struct !== f.struct && !lock.singleton) {
    throw new RangeError(`${f.path}: its guard "${guard}" is one lock per ${lock.struct}, and nothing says which of them guards which ${f.struct}; a guard is a lock of the same struct or of a singleton`);
  }
  return lock;
}

/** The elements of a layout and their guards. Throws RangeError for a guard that names no usable lock. */
export class Elements {
  readonly plan: LayoutPlan;
  readonly count: number;
  readonly #fields: readonly GuardedField[];
  /** Field of each element. */
  readonly #owner: Int32Array;

  constructor(plan: LayoutPlan) {
    this.plan = plan;
    let count = 0;
    this.#fields = plan.fields.map((f) => {
      const none = { plan: f, lockBase: -1, lockPerObject: false };
      if (f.role !== "state" || f.lockBase >= 0) return { ...none, kind: GUARD_NONE, firstElement: -1 };
      const firstElement = count;
      count += f.count * (f.length ?? 1);
      if (f.guard === null) return { ...none, kind: GUARD_NONE, firstElement };
      if (f.guard === "atomic") return { ...none, kind: GUARD_ATOMIC, firstElement };
      if (f.guard === "once") return { ...none, kind: GUARD_ONCE, firstElement };
      const lock = lockGuardOf(plan, f, f.guard);
      return { plan: f, kind: GUARD_LOCK, lockBase: lock.lockBase, lockPerObject: lock.struct === f.struct && !lock.singleton, firstElement };
    });
    this.count = count;
    this.#owner = new Int32Array(count);
    for (const [id, f] of this.#fields.entries()) {
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

  /** The lock that guards the element, or -1. */
  guardLock(element: number): number {
    const f = this.#fields[this.#owner[element]!]!;
    if (f.lockBase < 0) return -1;
    return f.lockPerObject ? f.lockBase + Math.floor((element - f.firstElement) / (f.plan.length ?? 1)) : f.lockBase;
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
