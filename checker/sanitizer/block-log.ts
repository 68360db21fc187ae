/**
 * Blocks as data: what one step did, from one yield to the next, in order.
 *
 * Everything the sanitizers say is a function of the set of different blocks that an exploration met. So each block is
 * written down once, however many states it runs in; sets from several workers are merged by union; and verdicts
 * depend neither on the order of the search nor on the number of workers.
 */
import type { HeldLock } from "./held-locks.ts";

// Operations. Accesses come in kinds (docs/proofs/commutation.md), plain or marked.
/** A read under the declared lock; of a `once` field: a read of a value that has been set. */
export const COVERED_READ = 0;
/** A write under the declared lock, held exclusively; of a `once` field: the write that sets it. */
export const COVERED_WRITE = 1;
export const BARE_READ = 2;
export const BARE_WRITE = 3;
/** Added to the four above: an indivisible or deliberately racy access (atomic, READ_ONCE, WRITE_ONCE). */
export const MARKED = 4;
export const ACQUIRE_SHARED = 8;
export const ACQUIRE_EXCLUSIVE = 9;
export const TRYLOCK_SHARED = 10;
export const TRYLOCK_EXCLUSIVE = 11;
export const TRYLOCK_FAILED_SHARED = 12;
export const TRYLOCK_FAILED_EXCLUSIVE = 13;
/** Looked whether the lock is held, without holding it. */
export const LOCK_INSPECTED = 14;
export const RELEASE_SHARED = 15;
export const RELEASE_EXCLUSIVE = 16;
/** Exclusive to shared, with no moment between. */
export const DOWNGRADE = 17;

/**
 * An indivisible addition whose result is not looked at: commutes with its like and with nothing else. (Two of them may
 * be in either order; that a sum in between does not fit its field is a fault which rearranging can hide.) The bits of
 * a marked write.
 */
export const INCREMENT = 23;

/**
 * What protects the element changes, together with the write just before it: a bare write to the element in the same
 * instant (docs/proofs/lock-guards.md). The bits of a marked bare write.
 */
export const GUARD_LOST = 39;

/** The same by a thread that holds the old lock exclusively: no access, but nothing to be moved before what others do. */
export const GUARD_MOVED = 18;

/**
 * The actor gives up the object, together with the operation just before, or leaves it nobody's. The subject is the
 * element of its `owner` field. See docs/proofs/ownership.md.
 */
export const OWNER_CHANGED = 19;
/** The block leaves the object to another actor. */
export const OWNER_GIVEN = 20;
/** The actor writes the owner of an object that another actor has to itself. */
export const OWNER_STOLEN = 21;
/** The actor takes an object that is nobody's for itself. */
export const OWNER_TAKEN = 22;

/** Added to an access: the acting thread has the object to itself. */
export const OWNED = 64;
/** Added to an access: another thread has the object to itself. */
export const FOREIGN = 128;

/**
 * Added to a covered read of a field with a declared lock that finds the initial value, and to a bare write of such a
 * field before or after which it has that value: see docs/proofs/commutation.md, "empty".
 */
export const EMPTY = 256;

export const isAccess = (operation: number): boolean => {
  const plain = operation & ~(OWNED | FOREIGN | EMPTY);
  return plain < ACQUIRE_SHARED || plain === INCREMENT || plain === GUARD_LOST;
};
export const changesOwner = (operation: number): boolean => operation >= OWNER_CHANGED && operation <= OWNER_TAKEN;
export const isMarked = (operation: number): boolean => (operation & MARKED) !== 0;
export const isForeign = (operation: number): boolean => (operation & FOREIGN) !== 0;
/** Kinds after COVERED_READ .. BARE_WRITE. */
export const INCREMENT_KIND = 4;
export const OWNED_READ = 5;
export const OWNED_WRITE = 6;
export const EMPTY_READ = 7;
/** COVERED_READ .. BARE_WRITE, INCREMENT_KIND .. EMPTY_READ of an access. */
export const accessKind = (operation: number): number => {
  if ((operation & OWNED) !== 0) return OWNED_READ + (operation & 1);
  if ((operation & EMPTY) !== 0 && (operation & 3) === COVERED_READ) return EMPTY_READ;
  return (operation & ~FOREIGN) === INCREMENT ? INCREMENT_KIND : operation & 3;
};
export const isEmpty = (operation: number): boolean => (operation & EMPTY) !== 0;
export const isWrite = (operation: number): boolean => (operation & 1) !== 0;
export const takesLock = (operation: number): boolean => operation >= ACQUIRE_SHARED && operation <= TRYLOCK_EXCLUSIVE;
/** Of an operation that takes a lock. */
export const modeTaken = (operation: number): "exclusive" | "shared" => ((operation & 1) !== 0 ? "exclusive" : "shared");

/** Numbers per operation in `RecordedBlock.operations`. */
export const OPERATION_WORDS = 3;

/** One block. Plain data: it survives structured cloning, so workers can post it. */
export interface RecordedBlock {
  readonly actor: number;
  /** The label of the yield at which the block begins. */
  readonly label: string;
  /** One instruction: its accesses happen in one instant, on trust. */
  readonly instruction: boolean;
  readonly heldAtStart: readonly HeldLock[];
  /** Triples: operation, subject (element or lock id), site. */
  readonly operations: Int32Array;
  /**
   * Where its thread stood after it, as `StateView.position` numbers it. Noted for a block that uses an object which could
   * have an owner and has none.
   */
  readonly endsAt: ReadonlySet<number>;
  /** Where the other threads stood meanwhile. Noted for a block that takes an object for itself. */
  readonly besides: ReadonlySet<number>;
}

interface StoredBlock extends RecordedBlock {
  readonly endsAt: Set<number>;
  readonly besides: Set<number>;
}

/** A set of different blocks, in the order they were first added; where threads stood is united over equal ones. */
export class BlockSet {
  readonly #buckets = new Map<number, StoredBlock[]>();
  readonly #blocks: StoredBlock[] = [];

  get size(): number {
    return this.#blocks.length;
  }
  [Symbol.iterator](): Iterator<RecordedBlock> {
    return this.#blocks[Symbol.iterator]();
  }

  /** Adds a copy of the block unless an equal one is there. The first `words` of its operations are used. True when it was new. */
  add(b: RecordedBlock, words = b.operations.length): boolean {
    const hash = hashOf(b, words);
    let bucket = this.#buckets.get(hash);
    if (bucket === undefined) this.#buckets.set(hash, (bucket = []));
    for (const known of bucket) {
      if (!same(known, b, words)) continue;
      for (const position of b.endsAt) known.endsAt.add(position);
      for (const position of b.besides) known.besides.add(position);
      return false;
    }
    const block = {
      ...b, heldAtStart: [...b.heldAtStart], operations: b.operations.slice(0, words),
      endsAt: new Set(b.endsAt), besides: new Set(b.besides),
    };
    bucket.push(block);
    this.#blocks.push(block);
    return true;
  }
}

/** A number of 53 bits for the actor and the first `words` of the operations. */
function hashOf({ actor, operations }: RecordedBlock, words: number): number {
  let low = 0x811c9dc5 ^ actor;
  let high = 0x9e3779b9 ^ words;
  for (let w = 0; w < words; w++) {
    const x = operations[w]!;
    low = Math.imul(low ^ x, 0x01000193);
    high = Math.imul(high ^ x ^ (low >>> 15), 0x85ebca6b);
  }
  return (low >>> 0) * 0x20_0000 + (high >>> 11);
}

function same(b: RecordedBlock, other: RecordedBlock, words: number): boolean {
  if (b.actor !== other.actor || b.label !== other.label || b.instruction !== other.instruction) return false;
  if (b.operations.length !== words || b.heldAtStart.length !== other.heldAtStart.length) return false;
  for (let w = 0; w < words; w++) if (b.operations[w] !== other.operations[w]) return false;
  return other.heldAtStart.every((h, n) => b.heldAtStart[n]!.lock === h.lock && b.heldAtStart[n]!.mode === h.mode);
}
