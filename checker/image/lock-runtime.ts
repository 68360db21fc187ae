/**
 * Lock operations of the emitted program: the same rules, effects and messages as `../program/locks.ts`.
 *
 * The functions become part of each emitted program, as text (`lockRuntimeText`), so that V8 specialises them for that
 * program alone.
 *
 * Two questions are about all locks at once: does the thread hold a spinlock (it may not sleep then), does it hold
 * anything (it may not end). An explored program answers them from the vector, by a scan, since the search puts one
 * state after another into it. A straight-line program is never put back: its vector changes by its own operations
 * alone, from init on, so the locks that an actor holds are those it took less those it released since init. Counting
 * them is exact, and a full-size machine has far too many locks to look at each time. The vector stays the truth: a
 * count only says whether a scan can find anything. A step that ends in a fault leaves vector and counts as they are,
 * equal.
 */
import type { LockPlan } from "../program/layout.ts";
import type { StepObserver } from "../program/observer.ts";

export interface LockRuntime {
  readonly canTake: (id: number, mode: "exclusive" | "shared") => boolean;
  /** Whether the lock is a queued semaphore, at which a writer first arrives in a step of its own. */
  readonly isQueued: (id: number) => boolean;
  /** A writer arrives: true when it took the semaphore at once, false when it now waits. */
  readonly arrive: (id: number, me: number, site: number) => boolean;
  readonly take: (id: number, mode: "exclusive" | "shared", kind: LockPlan["kind"], label: string, me: number, site: number) => void;
  readonly spinTrylock: (id: number, me: number, site: number) => boolean;
  readonly spinUnlock: (id: number, me: number, site: number) => void;
  readonly mutexTrylock: (id: number, me: number, site: number) => boolean;
  readonly mutexUnlock: (id: number, me: number, site: number) => void;
  readonly downReadTrylock: (id: number, me: number, site: number) => boolean;
  readonly upRead: (id: number, me: number, site: number) => void;
  readonly downWriteTrylock: (id: number, me: number, site: number) => boolean;
  readonly upWrite: (id: number, me: number, site: number) => void;
  readonly downgradeWrite: (id: number, me: number, site: number) => void;
  readonly isHeld: (bytes: Uint8Array, id: number) => boolean;
  /** Throws when the actor holds a lock: its thread ends. */
  readonly atExit: (me: number) => void;
  /** Every lock is free: init has zeroed the vector. */
  readonly allFree: () => void;
}

/** What the lock operations work on. */
export interface LockParts {
  /** The state: nothing but these operations and `allFree` changes the locks in it, if `straight`. */
  readonly bytes: Uint8Array;
  readonly locks: readonly LockPlan[];
  readonly maskBytes: number;
  readonly fault: (rule: string, message: string, site: number) => never;
  readonly observer: StepObserver | null;
  /** The program is straight-line. */
  readonly straight: boolean;
}

/** How locks lie in the state. Closed. */
function lockMemory({ bytes, locks, maskBytes, fault }: LockParts): LockMemory {
  const offsets = Int32Array.from(locks, (l) => l.offset);
  const at = (id: number): number =>
    (id >>> 0 < offsets.length ? offsets[id]! : fault("range", `there is no lock ${id}; lock ids come from k.<struct>.<lock>.at()`, -1));
  const mask = (p: number): number => {
    let m = 0;
    for (let b = 0; b < maskBytes; b++) m |= bytes[p + b]! << (8 * b);
    return m;
  };
  const setMask = (p: number, m: number): void => {
    for (let b = 0; b < maskBytes; b++) bytes[p + b] = m >>> (8 * b);
  };
  return {
    at,
    readers: (id) => (locks[id]!.kind === "rwsem" ? mask(at(id) + 1) : 0),
    waiters: (id) => (locks[id]!.kind === "rwsem" ? mask(at(id) + 1 + maskBytes) : 0),
    setReaders: (id, m) => setMask(at(id) + 1, m),
    setWaiters: (id, m) => setMask(at(id) + 1 + maskBytes, m),
  };
}
interface LockMemory {
  /** First byte of a lock: 0 while it is free, else its exclusive holder + 1. */
  readonly at: (id: number) => number;
  /** Masks of actors. */
  readonly readers: (id: number) => number;
  readonly waiters: (id: number) => number;
  readonly setReaders: (id: number, mask: number) => void;
  readonly setWaiters: (id: number, mask: number) => void;
}

/** What a thread may not do with locks. Closed. */
function lockRules({ bytes, locks, fault, straight }: LockParts, { at, readers, waiters }: LockMemory): LockRules {
  const spinlocks = locks.filter((l) => l.kind === "spinlock").map((l) => l.offset);
  // Per actor, straight-line only: locks held, and spinlocks among them.
  const heldLocks = new Int32Array(32);
  const heldSpinlocks = new Int32Array(32);
  const holds = (id: number, me: number): boolean => bytes[locks[id]!.offset] === me + 1 || ((readers(id) >> me) & 1) !== 0;
  return {
    count: (id, me, by) => {
      if (!straight) return;
      heldLocks[me]! += by;
      if (locks[id]!.kind === "spinlock") heldSpinlocks[me]! += by;
    },
    canTake: (id, mode) => {
      if (bytes[at(id)] !== 0) return false;
      if (mode === "exclusive") return readers(id) === 0;
      return !locks[id]!.queued || waiters(id) === 0;
    },
    checkKind: (id, kind, label, site) => {
      at(id);
      const l = locks[id]!;
      if (l.kind !== kind) fault("lock-ownership", `${label}(${l.name}): that lock is a ${l.kind}`, site);
    },
    checkTake: (id, label, me, site) => {
      const l = locks[id]!;
      if (holds(id, me)) fault("lock-ownership", `${label}(${l.name}): the thread holds it already and would wait for itself`, site);
      if (l.kind === "spinlock" || (straight && heldSpinlocks[me] === 0)) return;
      for (let n = 0; n < spinlocks.length; n++) {
        if (bytes[spinlocks[n]!] !== me + 1) continue;
        const { name } = locks.find((x) => x.offset === spinlocks[n])!;
        fault("sleep-in-atomic", `${label}(${l.name}) may sleep, but the thread holds spinlock ${name}`, site);
      }
    },
    atExit: (me) => {
      if (straight && heldLocks[me] === 0) return;
      for (let id = 0; id < locks.length; id++) {
        if (holds(id, me)) fault("lock-held-at-exit", `the thread ends while it holds ${locks[id]!.name}`, -1);
      }
    },
    allFree: () => {
      heldLocks.fill(0);
      heldSpinlocks.fill(0);
    },
  };
}
interface LockRules extends Pick<LockRuntime, "canTake" | "atExit" | "allFree"> {
  /** Straight-line: the actor holds `by` more locks. */
  readonly count: (id: number, me: number, by: number) => void;
  /** Throws unless the lock is of this kind. */
  readonly checkKind: (id: number, kind: LockPlan["kind"], label: string, site: number) => void;
  /** Throws where the actor would wait for itself, or sleep with a spinlock held. */
  readonly checkTake: (id: number, label: string, me: number, site: number) => void;
}

/** What all kinds of locks have in common. Closed. */
function exclusiveLocks(parts: LockParts, { at }: LockMemory, { count, canTake, checkKind }: LockRules): ExclusiveLocks {
  const { bytes, locks, fault, observer } = parts;
  const takeExclusive = (id: number, me: number): void => {
    bytes[at(id)] = me + 1;
    count(id, me, 1);
  };
  return {
    takeExclusive,
    tryExclusive: (id, kind, label, me, site) => {
      checkKind(id, kind, label, site);
      if (!canTake(id, "exclusive")) {
        if (observer !== null) observer.acquireFailed(id, "exclusive", site);
        return false;
      }
      takeExclusive(id, me);
      if (observer !== null) observer.acquire(id, "exclusive", true, site);
      return true;
    },
    release: (id, kind, label, me, site) => {
      checkKind(id, kind, label, site);
      const holder = bytes[at(id)]!;
      if (holder !== me + 1) {
        fault("lock-ownership", `${label}(${locks[id]!.name}): ${holder === 0 ? "nobody holds it" : "another thread holds it"}`, site);
      }
      bytes[at(id)] = 0;
      count(id, me, -1);
      if (observer !== null) observer.release(id, "exclusive", site);
    },
  };
}
interface ExclusiveLocks {
  readonly takeExclusive: (id: number, me: number) => void;
  readonly tryExclusive: (id: number, kind: LockPlan["kind"], label: string, me: number, site: number) => boolean;
  readonly release: (id: number, kind: LockPlan["kind"], label: string, me: number, site: number) => void;
}

/** The operations on semaphores that readers share. Closed. */
function sharedLocks(parts: LockParts, memory: LockMemory, rules: LockRules, exclusive: ExclusiveLocks): SharedLocks {
  const { locks, fault, observer } = parts;
  const { readers, waiters, setReaders, setWaiters } = memory;
  const { count, canTake, checkKind, checkTake } = rules;
  const { takeExclusive, release } = exclusive;
  const takeShared = (id: number, me: number): void => {
    setReaders(id, readers(id) | (1 << me));
    count(id, me, 1);
  };
  return {
    takeShared,
    arrive: (id, me, site) => {
      checkKind(id, "rwsem", "down_write", site);
      checkTake(id, "down_write", me, site);
      if (canTake(id, "exclusive") && waiters(id) === 0) {
        takeExclusive(id, me);
        if (observer !== null) observer.acquire(id, "exclusive", false, site);
        return true;
      }
      setWaiters(id, waiters(id) | (1 << me));
      return false;
    },
    downReadTrylock: (id, me, site) => {
      checkKind(id, "rwsem", "down_read_trylock", site);
      if (!canTake(id, "shared")) {
        if (observer !== null) observer.acquireFailed(id, "shared", site);
        return false;
      }
      takeShared(id, me);
      if (observer !== null) observer.acquire(id, "shared", true, site);
      return true;
    },
    upRead: (id, me, site) => {
      checkKind(id, "rwsem", "up_read", site);
      if (((readers(id) >> me) & 1) === 0) {
        fault("lock-ownership", `up_read(${locks[id]!.name}): the thread does not hold it for reading`, site);
      }
      setReaders(id, readers(id) & ~(1 << me));
      count(id, me, -1);
      if (observer !== null) observer.release(id, "shared", site);
    },
    downgradeWrite: (id, me, site) => {
      release(id, "rwsem", "downgrade_write", me, site);
      takeShared(id, me);
      if (observer !== null) observer.acquire(id, "shared", true, site);
    },
  };
}
interface SharedLocks extends Pick<LockRuntime, "arrive" | "downReadTrylock" | "upRead" | "downgradeWrite"> {
  readonly takeShared: (id: number, me: number) => void;
}

/** The operations, one for each name in `../program/locks.ts`. Closed. */
function lockRuntime(
  { locks, maskBytes, observer }: LockParts, { at, waiters, setWaiters }: LockMemory,
  rules: LockRules, exclusive: ExclusiveLocks, shared: SharedLocks,
): LockRuntime {
  const { canTake, checkKind, checkTake, atExit, allFree } = rules;
  const { takeExclusive, tryExclusive, release } = exclusive;
  const { takeShared, arrive, downReadTrylock, upRead, downgradeWrite } = shared;
  return {
    canTake, atExit, allFree, arrive, downReadTrylock, upRead, downgradeWrite,
    isQueued: (id) => at(id) >= 0 && locks[id]!.queued,
    take: (id, mode, kind, label, me, site) => {
      checkKind(id, kind, label, site);
      checkTake(id, label, me, site);
      if (mode === "shared") takeShared(id, me);
      else {
        if (locks[id]!.queued) setWaiters(id, waiters(id) & ~(1 << me));
        takeExclusive(id, me);
      }
      if (observer !== null) observer.acquire(id, mode, false, site);
    },
    spinTrylock: (id, me, site) => tryExclusive(id, "spinlock", "spin_trylock", me, site),
    spinUnlock: (id, me, site) => release(id, "spinlock", "spin_unlock", me, site),
    mutexTrylock: (id, me, site) => tryExclusive(id, "mutex", "mutex_trylock", me, site),
    mutexUnlock: (id, me, site) => release(id, "mutex", "mutex_unlock", me, site),
    downWriteTrylock: (id, me, site) => tryExclusive(id, "rwsem", "down_write_trylock", me, site),
    upWrite: (id, me, site) => release(id, "rwsem", "up_write", me, site),
    isHeld: (view, id) => {
      const p = at(id);
      if (view[p] !== 0) return true;
      if (locks[id]!.kind === "rwsem") for (let b = 1; b <= maskBytes; b++) if (view[p + b] !== 0) return true;
      return false;
    },
  };
}

/**
 * The text of an expression that makes the lock operations of an emitted program; `parts`: the text of its `LockParts`. The
 * functions are copied as they stand here, which is why each of them is closed: it uses its parameters and nothing else
 * of this module.
 */
export function lockRuntimeText(parts: string): string {
  return `((parts) => {
  const memory = (${lockMemory.toString()})(parts);
  const rules = (${lockRules.toString()})(parts, memory);
  const exclusive = (${exclusiveLocks.toString()})(parts, memory, rules);
  const shared = (${sharedLocks.toString()})(parts, memory, rules, exclusive);
  return (${lockRuntime.toString()})(parts, memory, rules, exclusive, shared);
})(${parts})`;
}
