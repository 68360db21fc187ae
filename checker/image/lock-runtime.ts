/**
 * Lock operations of the emitted program: the same rules, effects and messages as `../program/locks.ts`.
 *
 * The function is closed (it refers to nothing outside of itself): its source text becomes part of each emitted
 * program, so that V8 specialises it for that program alone.
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
  canTake(id: number, mode: "exclusive" | "shared"): boolean;
  /** Whether the lock is a queued semaphore, at which a writer first arrives in a step of its own. */
  isQueued(id: number): boolean;
  /** A writer arrives: true when it took the semaphore at once, false when it now waits. */
  arrive(id: number, me: number, site: number): boolean;
  take(id: number, mode: "exclusive" | "shared", kind: LockPlan["kind"], label: string, me: number, site: number): void;
  spinTrylock(id: number, me: number, site: number): boolean;
  spinUnlock(id: number, me: number, site: number): void;
  mutexTrylock(id: number, me: number, site: number): boolean;
  mutexUnlock(id: number, me: number, site: number): void;
  downReadTrylock(id: number, me: number, site: number): boolean;
  upRead(id: number, me: number, site: number): void;
  downWriteTrylock(id: number, me: number, site: number): boolean;
  upWrite(id: number, me: number, site: number): void;
  downgradeWrite(id: number, me: number, site: number): void;
  isHeld(bytes: Uint8Array, id: number): boolean;
  /** Throws when the actor holds a lock: its thread ends. */
  atExit(me: number): void;
  /** Every lock is free: init has zeroed the vector. */
  allFree(): void;
}

type Fault = (rule: string, message: string, site: number) => never;

/** `straight`: nothing but these operations and `allFree` changes the locks in `bytes`. */
export function lockRuntime(bytes: Uint8Array, locks: readonly LockPlan[], maskBytes: number, fault: Fault, observer: StepObserver | null, straight: boolean): LockRuntime {
  const offsets = Int32Array.from(locks, (l) => l.offset);
  const spinlocks = locks.filter((l) => l.kind === "spinlock").map((l) => l.offset);
  const at = (id: number): number => (id >>> 0 < offsets.length ? offsets[id]! : fault("range", `there is no lock ${id}; lock ids come from k.<struct>.<lock>.at()`, -1));
  const mask = (p: number): number => {
    let m = 0;
    for (let b = 0; b < maskBytes; b++) m |= bytes[p + b]! << (8 * b);
    return m;
  };
  const setMask = (p: number, m: number): void => {
    for (let b = 0; b < maskBytes; b++) bytes[p + b] = m >>> (8 * b);
  };
  const readers = (id: number): number => (locks[id]!.kind === "rwsem" ? mask(at(id) + 1) : 0);
  const waiters = (id: number): number => (locks[id]!.kind === "rwsem" ? mask(at(id) + 1 + maskBytes) : 0);
  const setReaders = (id: number, m: number): void => setMask(at(id) + 1, m);
  const setWaiters = (id: number, m: number): void => setMask(at(id) + 1 + maskBytes, m);
  // Per actor, straight-line only: locks held, and spinlocks among them.
  const heldLocks = new Int32Array(32);
  const heldSpinlocks = new Int32Array(32);
  const count = (id: number, me: number, by: number): void => {
    if (!straight) return;
    heldLocks[me]! += by;
    if (locks[id]!.kind === "spinlock") heldSpinlocks[me]! += by;
  };
  const canTake = (id: number, mode: "exclusive" | "shared"): boolean => {
    if (bytes[at(id)] !== 0) return false;
    if (mode === "exclusive") return readers(id) === 0;
    return !locks[id]!.queued || waiters(id) === 0;
  };
  const checkTake = (id: number, label: string, me: number, site: number): void => {
    const l = locks[id]!;
    if (bytes[l.offset] === me + 1 || ((readers(id) >> me) & 1) !== 0) fault("lock-ownership", `${label}(${l.name}): the thread holds it already and would wait for itself`, site);
    if (l.kind === "spinlock" || (straight && heldSpinlocks[me] === 0)) return;
    for (let n = 0; n < spinlocks.length; n++) {
      if (bytes[spinlocks[n]!] === me + 1) fault("sleep-in-atomic", `${label}(${l.name}) may sleep, but the thread holds spinlock ${locks.find((x) => x.offset === spinlocks[n])!.name}`, site);
    }
  };
  const checkKind = (id: number, kind: LockPlan["kind"], label: string, site: number): void => {
    at(id);
    const l = locks[id]!;
    if (l.kind !== kind) fault("lock-ownership", `${label}(${l.name}): that lock is a ${l.kind}`, site);
  };
  const tryExclusive = (id: number, kind: LockPlan["kind"], label: string, me: number, site: number): boolean => {
    checkKind(id, kind, label, site);
    if (!canTake(id, "exclusive")) {
      if (observer !== null) observer.acquireFailed(id, "exclusive", site);
      return false;
    }
    bytes[at(id)] = me + 1;
    count(id, me, 1);
    if (observer !== null) observer.acquire(id, "exclusive", true, site);
    return true;
  };
  const release = (id: number, kind: LockPlan["kind"], label: string, me: number, site: number): void => {
    checkKind(id, kind, label, site);
    const holder = bytes[at(id)]!;
    if (holder !== me + 1) fault("lock-ownership", `${label}(${locks[id]!.name}): ${holder === 0 ? "nobody holds it" : "another thread holds it"}`, site);
    bytes[at(id)] = 0;
    count(id, me, -1);
    if (observer !== null) observer.release(id, "exclusive", site);
  };
  return {
    canTake,
    isQueued: (id) => at(id) >= 0 && locks[id]!.queued,
    arrive: (id, me, site) => {
      checkKind(id, "rwsem", "down_write", site);
      checkTake(id, "down_write", me, site);
      if (canTake(id, "exclusive") && waiters(id) === 0) {
        bytes[at(id)] = me + 1;
        count(id, me, 1);
        if (observer !== null) observer.acquire(id, "exclusive", false, site);
        return true;
      }
      setWaiters(id, waiters(id) | (1 << me));
      return false;
    },
    take: (id, mode, kind, label, me, site) => {
      checkKind(id, kind, label, site);
      checkTake(id, label, me, site);
      if (mode === "shared") setReaders(id, readers(id) | (1 << me));
      else {
        if (locks[id]!.queued) setWaiters(id, waiters(id) & ~(1 << me));
        bytes[at(id)] = me + 1;
      }
      count(id, me, 1);
      if (observer !== null) observer.acquire(id, mode, false, site);
    },
    spinTrylock: (id, me, site) => tryExclusive(id, "spinlock", "spin_trylock", me, site),
    spinUnlock: (id, me, site) => release(id, "spinlock", "spin_unlock", me, site),
    mutexTrylock: (id, me, site) => tryExclusive(id, "mutex", "mutex_trylock", me, site),
    mutexUnlock: (id, me, site) => release(id, "mutex", "mutex_unlock", me, site),
    downWriteTrylock: (id, me, site) => tryExclusive(id, "rwsem", "down_write_trylock", me, site),
    upWrite: (id, me, site) => release(id, "rwsem", "up_write", me, site),
    downReadTrylock: (id, me, site) => {
      checkKind(id, "rwsem", "down_read_trylock", site);
      if (!canTake(id, "shared")) {
        if (observer !== null) observer.acquireFailed(id, "shared", site);
        return false;
      }
      setReaders(id, readers(id) | (1 << me));
      count(id, me, 1);
      if (observer !== null) observer.acquire(id, "shared", true, site);
      return true;
    },
    upRead: (id, me, site) => {
      checkKind(id, "rwsem", "up_read", site);
      if (((readers(id) >> me) & 1) === 0) fault("lock-ownership", `up_read(${locks[id]!.name}): the thread does not hold it for reading`, site);
      setReaders(id, readers(id) & ~(1 << me));
      count(id, me, -1);
      if (observer !== null) observer.release(id, "shared", site);
    },
    downgradeWrite: (id, me, site) => {
      release(id, "rwsem", "downgrade_write", me, site);
      setReaders(id, readers(id) | (1 << me));
      count(id, me, 1);
      if (observer !== null) observer.acquire(id, "shared", true, site);
    },
    isHeld: (view, id) => {
      const p = at(id);
      if (view[p] !== 0) return true;
      if (locks[id]!.kind === "rwsem") for (let b = 1; b <= maskBytes; b++) if (view[p + b] !== 0) return true;
      return false;
    },
    atExit: (me) => {
      if (straight && heldLocks[me] === 0) return;
      for (let id = 0; id < offsets.length; id++) {
        if (bytes[offsets[id]!] === me + 1 || ((readers(id) >> me) & 1) !== 0) fault("lock-held-at-exit", `the thread ends while it holds ${locks[id]!.name}`, -1);
      }
    },
    allFree: () => {
      heldLocks.fill(0);
      heldSpinlocks.fill(0);
    },
  };
}
