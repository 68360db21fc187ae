/**
 * Who uses what, over a whole exploration: which operations of other threads an operation can fail to commute with.
 *
 * A declared lock makes an access commute only as long as *everybody* respects the declaration. One READ_ONCE of a
 * field elsewhere, without its lock, can see between two stores that are both made under it. (Flanagan, Freund, Lifshin
 * and Qadeer, "Types for atomicity", TOPLAS 2008, have the same distinction: a write to a `write_guarded_by` field is
 * atomic but no mover.) The same holds for locks: an acquisition is a right mover and a release a left mover only while
 * nobody else can see the lock being held without waiting for it, by a trylock or by asking whether it is held.
 *
 * So the class of an operation is a fact about the program, not about one block: it is decided from masks of actors
 * that only grow. Conversely an access without any lock commutes when no other thread's use conflicts with it.
 *
 * The kinds of access, and whose presence in another thread denies them:
 *
 *   | kind          | declared lock                     | guard "once"                       | guard "cpu"       | denied by             |
 *   |---------------|-----------------------------------|------------------------------------|-------------------|-----------------------|
 *   | covered read  | held                              | the value has been set             | own, or marked    | bare write            |
 *   | covered write | held exclusively                  | first store: the value was initial | own, or marked    | bare read, bare write |
 *   | bare read     | not held, or there is none        | the value is still initial         | plain, of another | any write             |
 *   | bare write    | not held exclusively, or none     | a set value is overwritten         | plain, of another | any access            |
 *
 * Fields guarded "atomic" have bare accesses only, and one kind more: an addition whose result nobody looks at (`add`).
 * It is denied by every access but another addition, and denies every access but another addition.
 *
 * For guard "lifetime" plain accesses are covered and marked ones bare.
 *
 * Where an object has an owner (guard.ts), three more, which cut through the table:
 * - *owned*: by the owner. Denied by foreign accesses of which one is a write, and by nothing else, since all other
 *   accesses are made while somebody else is the owner, or nobody. One that is made under the declared lock as well is
 *   denied only if it would be as either, and counts against others as the covered one.
 * - *foreign*: by another thread while the object has an owner, in whichever kind above (a covered access is one of a
 *   thread that holds the lock, while the owner may do without it). Denied as its kind is, and by owned accesses.
 * - a change of the owner: a non-mover where another thread uses the object at all, or changes its owner; of an object
 *   that another thread owns, a foreign write of everything in it besides.
 * Other accesses to such an object, while it is nobody's, are as the table says, but see taking.ts.
 *
 * *Empty*: a covered read, under a declared lock, that finds the field's initial value is denied by those bare writes only
 * before or after which the field has that value. Bare writes of a field with a lock are typically those of a machine
 * that knows no locks and changes entries in use, never empty ones (a CPU that sets accessed and dirty bits). Why this
 * is enough: where such a read and a bare write follow one another, the field is empty before or after the write. And
 * the search meets such a write if any execution has one, since whoever makes a field empty or not, under the lock,
 * makes a covered write, which the bare writes make a non-mover: as with owners, rearranging drops and adds none.
 *
 * For guard "once" a covered write is denied by another thread's covered write too: no lock orders the two. And it is a
 * right mover only, never a left one: a value that is set after its block has committed (published it, say) can be found
 * unset by a thread that comes in between, and whose block, run whole after this one, only ever finds it set. That a
 * "once" value has been set is judged by its differing from the field's initial value; a value that is set to the
 * initial one is taken for unset, which only makes the verdict stricter.
 */
import { ACQUIRE_EXCLUSIVE, ACQUIRE_SHARED, BARE_READ, BARE_WRITE, COVERED_READ, COVERED_WRITE, DOWNGRADE, EMPTY_READ, GUARD_MOVED, INCREMENT_KIND, LOCK_INSPECTED, OWNED, OWNED_READ, OWNED_WRITE, OWNER_CHANGED, OWNER_GIVEN, OWNER_STOLEN, OWNER_TAKEN, RELEASE_EXCLUSIVE, RELEASE_SHARED, TRYLOCK_EXCLUSIVE, TRYLOCK_FAILED_EXCLUSIVE, TRYLOCK_FAILED_SHARED, TRYLOCK_SHARED, accessKind, isAccess, isEmpty, isForeign, isWrite } from "./block-log.ts";
import { GUARD_LOCK, GUARD_ONCE, type Elements } from "./guard.ts";

export const RIGHT_MOVER = 0;
export const LEFT_MOVER = 1;
export const BOTH_MOVER = 2;
export const NON_MOVER = 3;
export type Mover = typeof RIGHT_MOVER | typeof LEFT_MOVER | typeof BOTH_MOVER | typeof NON_MOVER;

/** Kinds of use noted besides those that an access has one of: by whom an object is used that another thread owns. */
const FOREIGN_READ = 8;
const FOREIGN_WRITE = 9;
/** Bare writes that can be seen by who reads the initial value under the lock. */
const EMPTY_WRITE = 10;
const KINDS = 11;
const bit = (kind: number): number => 1 << kind;
const ALL_BUT_INCREMENT = bit(COVERED_READ) | bit(COVERED_WRITE) | bit(BARE_READ) | bit(BARE_WRITE);
/** Indexed by kind, in the order COVERED_READ, COVERED_WRITE, BARE_READ, BARE_WRITE, INCREMENT_KIND, OWNED_READ, OWNED_WRITE, EMPTY_READ. */
const DENIED_BY: readonly number[] = [
  bit(BARE_WRITE) | bit(INCREMENT_KIND),
  bit(BARE_READ) | bit(BARE_WRITE) | bit(INCREMENT_KIND),
  bit(COVERED_WRITE) | bit(BARE_WRITE) | bit(INCREMENT_KIND),
  ALL_BUT_INCREMENT | bit(INCREMENT_KIND),
  ALL_BUT_INCREMENT,
  bit(FOREIGN_WRITE),
  bit(FOREIGN_READ) | bit(FOREIGN_WRITE),
  bit(EMPTY_WRITE) | bit(INCREMENT_KIND),
];

/** Kinds of use (a bit each) by other threads that do not commute with this access. */
function deniedBy(elements: Elements, element: number, access: number): number {
  const kind = accessKind(access);
  let denied = DENIED_BY[kind]!;
  if (isForeign(access)) denied |= bit(OWNED_WRITE) | (isWrite(access) ? bit(OWNED_READ) : 0);
  return kind === COVERED_WRITE && elements.guardKind(element) === GUARD_ONCE ? denied | bit(COVERED_WRITE) : denied;
}

/** An owned access under the declared lock. */
function isCoveredToo(elements: Elements, element: number, access: number): boolean {
  return (access & OWNED) !== 0 && (access & 3) < BARE_READ && elements.guardKind(element) === GUARD_LOCK;
}

/** What an access is noted as: a bit for each kind of use. */
function useOf(elements: Elements, element: number, access: number): number {
  if (isCoveredToo(elements, element, access)) return useOf(elements, element, access & ~OWNED);
  const kind = accessKind(access);
  const foreign = isForeign(access) ? bit(isWrite(access) ? FOREIGN_WRITE : FOREIGN_READ) : 0;
  if (kind === EMPTY_READ) return bit(COVERED_READ) | foreign;
  return bit(kind) | foreign | (kind === BARE_WRITE && isEmpty(access) ? bit(EMPTY_WRITE) : 0);
}

/** Whether two accesses of one element, by different threads, do not commute. */
export function areRivals(elements: Elements, element: number, one: number, other: number): boolean {
  return (deniedBy(elements, element, one) & useOf(elements, element, other)) !== 0 && (!isCoveredToo(elements, element, one) || areRivals(elements, element, one & ~OWNED, other));
}

export class SharedUse {
  readonly #elements: Elements;
  /** Per element and kind of access: the actors that make such accesses. */
  readonly #users: Uint32Array;
  /** Per element of an owner field: the actors that use the object. */
  readonly #objectUsers: Uint32Array;
  /** ... and that change its owner. */
  readonly #ownerChangers: Uint32Array;
  /** Per lock: the actors that can see, without waiting, whether it is held (exclusively; at all). */
  readonly #seeExclusive: Uint32Array;
  readonly #seeShared: Uint32Array;
  readonly #takers: Uint32Array;
  /** Per lock: the actors that wait for it exclusively. */
  readonly #writers: Uint32Array;
  /** Per lock: 1 when somebody can see, without waiting, whether writers wait: tries for it shared where they queue. */
  readonly #queueSeen: Uint8Array;

  constructor(elements: Elements) {
    const locks = elements.plan.locks.length;
    this.#elements = elements;
    this.#users = new Uint32Array(elements.count * KINDS);
    this.#objectUsers = new Uint32Array(elements.count);
    this.#ownerChangers = new Uint32Array(elements.count);
    this.#seeExclusive = new Uint32Array(locks);
    this.#seeShared = new Uint32Array(locks);
    this.#takers = new Uint32Array(locks);
    this.#writers = new Uint32Array(locks);
    this.#queueSeen = new Uint8Array(locks);
  }

  note(actor: number, operation: number, subject: number): void {
    const me = 1 << actor;
    if (isAccess(operation)) {
      const use = useOf(this.#elements, subject, operation);
      for (const element of this.#elements.touched(subject)) {
        for (let kind = 0; kind < KINDS; kind++) if ((use & bit(kind)) !== 0) this.#users[element * KINDS + kind]! |= me;
      }
      const owner = this.#elements.ownerOf(subject);
      if (owner >= 0) this.#objectUsers[owner]! |= me;
      return;
    }
    switch (operation) {
      case OWNER_STOLEN:
      case OWNER_GIVEN:
        for (const element of this.#elements.ownedBy(subject)) this.#users[element * KINDS + FOREIGN_WRITE]! |= me;
        this.#ownerChangers[subject]! |= me;
        break;
      case OWNER_CHANGED:
      case OWNER_TAKEN:
        this.#ownerChangers[subject]! |= me;
        break;
      case ACQUIRE_EXCLUSIVE:
        this.#writers[subject]! |= me;
        this.#takers[subject]! |= me;
        break;
      case ACQUIRE_SHARED:
        this.#takers[subject]! |= me;
        break;
      case TRYLOCK_SHARED:
      case TRYLOCK_EXCLUSIVE:
      case TRYLOCK_FAILED_SHARED:
      case TRYLOCK_FAILED_EXCLUSIVE: {
        const shared = operation === TRYLOCK_SHARED || operation === TRYLOCK_FAILED_SHARED;
        // A reader's trylock succeeds beside readers, unless a writer waits in a queue.
        this.#seeExclusive[subject]! |= me;
        if (!shared) this.#seeShared[subject]! |= me;
        else if (this.#elements.plan.locks[subject]!.queued) this.#queueSeen[subject] = 1;
        if (operation === TRYLOCK_SHARED || operation === TRYLOCK_EXCLUSIVE) this.#takers[subject]! |= me;
        break;
      }
      case LOCK_INSPECTED:
        this.#seeExclusive[subject]! |= me;
        this.#seeShared[subject]! |= me;
        break;
    }
  }

  /** Whether a thread other than `actor` makes an access that does not commute with this one. */
  conflicts(actor: number, element: number, access: number): boolean {
    const denied = deniedBy(this.#elements, element, access);
    let users = 0;
    for (let k = 0; k < KINDS; k++) if ((denied & bit(k)) !== 0) users |= this.#users[element * KINDS + k]!;
    if ((users & ~(1 << actor)) === 0) return false;
    return !isCoveredToo(this.#elements, element, access) || this.conflicts(actor, element, access & ~OWNED);
  }

  #usedByOthers(actor: number, element: number): boolean {
    let users = 0;
    for (let k = 0; k < KINDS; k++) users |= this.#users[element * KINDS + k]!;
    return (users & ~(1 << actor)) !== 0;
  }

  #accessMover(actor: number, element: number, access: number): Mover {
    if (this.conflicts(actor, element, access)) return NON_MOVER;
    const sets = accessKind(access) === COVERED_WRITE && this.#elements.guardKind(element) === GUARD_ONCE;
    return sets && this.#usedByOthers(actor, element) ? RIGHT_MOVER : BOTH_MOVER;
  }

  /** Whether a thread other than `actor` can see, without waiting, that `actor` takes or releases the lock. */
  #seen(actor: number, lock: number, exclusive: boolean): boolean {
    let see = exclusive ? this.#seeExclusive[lock]! : this.#seeShared[lock]!;
    // A writer joins the queue or not, depending on whether the lock is held. That matters only where somebody looks at
    // the queue without waiting; else the arrival can be put off until the writer takes the lock.
    if (this.#queueSeen[lock] !== 0) see |= this.#writers[lock]!;
    return (see & ~(1 << actor)) !== 0;
  }

  mover(actor: number, operation: number, subject: number): Mover {
    if (isAccess(operation)) return this.#accessMover(actor, subject, operation);
    switch (operation) {
      case OWNER_GIVEN:
      case OWNER_STOLEN:
      case OWNER_TAKEN:
      case OWNER_CHANGED: return ((this.#objectUsers[subject]! | this.#ownerChangers[subject]!) & ~(1 << actor)) !== 0 ? NON_MOVER : BOTH_MOVER;
      case GUARD_MOVED: return this.#usedByOthers(actor, subject) ? RIGHT_MOVER : BOTH_MOVER;
      case ACQUIRE_SHARED:
      case TRYLOCK_SHARED: return this.#seen(actor, subject, false) ? NON_MOVER : RIGHT_MOVER;
      case ACQUIRE_EXCLUSIVE:
      case TRYLOCK_EXCLUSIVE: return this.#seen(actor, subject, true) ? NON_MOVER : RIGHT_MOVER;
      case RELEASE_SHARED: return this.#seen(actor, subject, false) ? NON_MOVER : LEFT_MOVER;
      case RELEASE_EXCLUSIVE:
      case DOWNGRADE: return this.#seen(actor, subject, true) ? NON_MOVER : LEFT_MOVER;
      // What they see changes when another thread takes or releases the lock, and never otherwise.
      default: return (this.#takers[subject]! & ~(1 << actor)) !== 0 ? NON_MOVER : BOTH_MOVER;
    }
  }
}
