/**
 * Who uses what, over a whole exploration: which operations of other threads an operation can fail to commute with.
 *
 * A declared lock makes an access commute only as long as everybody respects the declaration, and an acquisition is a
 * right mover only while nobody else can see the lock being held without waiting for it. So the mover of an operation is
 * decided from masks of actors that only grow: who makes which kind of access to an element. A kind of access is denied
 * by the kinds of other threads that `DENIED_BY` lists for it.
 *
 * The table of kinds in words, and the arguments for "empty" and "once": docs/proofs/commutation.md.
 */
import {
  ACQUIRE_EXCLUSIVE, ACQUIRE_SHARED, BARE_READ, BARE_WRITE, COVERED_READ, COVERED_WRITE, DOWNGRADE, EMPTY_READ,
  GUARD_MOVED, INCREMENT_KIND, LOCK_INSPECTED, OWNED, OWNED_READ, OWNED_WRITE, OWNER_CHANGED, OWNER_GIVEN,
  OWNER_STOLEN, OWNER_TAKEN, RELEASE_EXCLUSIVE, RELEASE_SHARED, TRYLOCK_EXCLUSIVE, TRYLOCK_FAILED_EXCLUSIVE,
  TRYLOCK_FAILED_SHARED, TRYLOCK_SHARED, accessKind, isAccess, isEmpty, isForeign, isWrite,
} from "./block-log.ts";
import { GUARD_LOCK, GUARD_ONCE, type Elements } from "./guard.ts";

export const RIGHT_MOVER = 0;
export const LEFT_MOVER = 1;
export const BOTH_MOVER = 2;
export const NON_MOVER = 3;
export type Mover = typeof RIGHT_MOVER | typeof LEFT_MOVER | typeof BOTH_MOVER | typeof NON_MOVER;

/** Kinds of use that are noted besides the kind of an access: uses of an object that another thread owns. */
const FOREIGN_READ = 8;
const FOREIGN_WRITE = 9;
/** Bare writes that a thread which reads the initial value under the lock can see. */
const EMPTY_WRITE = 10;
const KINDS = 11;
const bit = (kind: number): number => 1 << kind;
const ALL_BUT_INCREMENT = bit(COVERED_READ) | bit(COVERED_WRITE) | bit(BARE_READ) | bit(BARE_WRITE);
/** By kind of access: the kinds of use by other threads that do not commute with it. */
const DENIED_BY: readonly number[] = [
  /* COVERED_READ */ bit(BARE_WRITE) | bit(INCREMENT_KIND),
  /* COVERED_WRITE */ bit(BARE_READ) | bit(BARE_WRITE) | bit(INCREMENT_KIND),
  /* BARE_READ */ bit(COVERED_WRITE) | bit(BARE_WRITE) | bit(INCREMENT_KIND),
  /* BARE_WRITE */ ALL_BUT_INCREMENT | bit(INCREMENT_KIND),
  /* INCREMENT_KIND */ ALL_BUT_INCREMENT,
  /* OWNED_READ */ bit(FOREIGN_WRITE),
  /* OWNED_WRITE */ bit(FOREIGN_READ) | bit(FOREIGN_WRITE),
  /* EMPTY_READ */ bit(EMPTY_WRITE) | bit(INCREMENT_KIND),
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
  if ((deniedBy(elements, element, one) & useOf(elements, element, other)) === 0) return false;
  return !isCoveredToo(elements, element, one) || areRivals(elements, element, one & ~OWNED, other);
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
      case OWNER_CHANGED: {
        const interested = this.#objectUsers[subject]! | this.#ownerChangers[subject]!;
        return (interested & ~(1 << actor)) !== 0 ? NON_MOVER : BOTH_MOVER;
      }
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
