/**
 * Locks of the state vector and the operations on them.
 *
 * Run natively these are generators over a world; compiled, each call becomes a yield point and an inline operation
 * with the same label, guard and effect. A holder is stored as actor + 1 (0: free); masks have one bit per actor.
 *
 * The same rules hold in both: a lock is released only by its holder, never taken twice by one thread, never held
 * when the thread ends; and no operation that may sleep (mutex, rwsem) is called while a spinlock is held.
 *
 * Each operation says what it is to the sanitizers: a right mover, a left mover or a non-mover. Releasing or downgrading a
 * lock that another thread tries or inspects is a non-mover, and so is taking it (docs/proofs/block-atomicity.md).
 */
import { StepFault } from "../fault.ts";
import type { LayoutPlan, LockPlan } from "./layout.ts";
import { schedulerOf, type Routine, type YieldPoint } from "./routine.ts";
import type { LockId, StateBytes } from "./world.ts";

/** Key under which a native world carries its locks. */
export const LOCK_TABLE: unique symbol = Symbol("thpcheck.locks");

/** The lock operations over one buffer, without yields: what both the native generators and the reports use. */
export class LockTable {
  readonly plan: LayoutPlan;
  readonly #bytes: StateBytes;
  constructor(plan: LayoutPlan, bytes: StateBytes) {
    this.plan = plan;
    this.#bytes = bytes;
  }

  lock(id: number): LockPlan {
    const l = this.plan.locks[id];
    if (l === undefined) throw new StepFault("range", `there is no lock ${id}; lock ids come from k.<struct>.<lock>.at()`);
    return l;
  }

  #mask(at: number): number {
    const { u8 } = this.#bytes;
    let m = 0;
    for (let b = 0; b < this.plan.maskBytes; b++) m |= u8[at + b]! << (8 * b);
    return m;
  }
  #setMask(at: number, mask: number): void {
    for (let b = 0; b < this.plan.maskBytes; b++) this.#bytes.u8[at + b] = (mask >>> (8 * b)) & 255;
  }
  readers(l: LockPlan): number { return l.kind === "rwsem" ? this.#mask(l.offset + 1) : 0; }
  waiters(l: LockPlan): number { return l.kind === "rwsem" ? this.#mask(l.offset + 1 + this.plan.maskBytes) : 0; }
  holder(l: LockPlan): number { return this.#bytes.u8[l.offset]! - 1; }
  setHolder(l: LockPlan, actor: number): void { this.#bytes.u8[l.offset] = actor + 1; }
  setReaders(l: LockPlan, mask: number): void { this.#setMask(l.offset + 1, mask); }
  setWaiters(l: LockPlan, mask: number): void { this.#setMask(l.offset + 1 + this.plan.maskBytes, mask); }

  canTake(l: LockPlan, mode: "exclusive" | "shared", queuedAs = -1): boolean {
    if (this.holder(l) >= 0) return false;
    if (mode === "exclusive") return this.readers(l) === 0;
    return !l.queued || (this.waiters(l) & ~(queuedAs >= 0 ? 1 << queuedAs : 0)) === 0;
  }

  mayNotSleep(actor: number): LockPlan | undefined {
    return this.plan.locks.find((l) => l.kind === "spinlock" && this.holder(l) === actor);
  }

  heldBy(actor: number): LockPlan[] {
    return this.plan.locks.filter((l) => this.holder(l) === actor || ((this.readers(l) >> actor) & 1) !== 0);
  }
}

interface WithLocks { readonly [LOCK_TABLE]?: LockTable }

function locksOf(k: object): LockTable {
  const t = (k as WithLocks)[LOCK_TABLE];
  if (t === undefined) throw new Error("locks work only while a routine runs, not in a property or a guard");
  return t;
}

const wait = (label: string, t: LockTable, l: LockPlan, mode: "exclusive" | "shared"): YieldPoint =>
  ({ label: `${label}(${l.lockClass})`, guard: () => t.canTake(l, mode), idle: false, lock: { id: l.id, mode } });

function arrive(k: object, id: LockId, kind: LockPlan["kind"], operation: string): { t: LockTable; l: LockPlan; me: number } {
  const t = locksOf(k);
  const l = t.lock(id);
  const me = schedulerOf(k).current;
  if (l.kind !== kind) throw new StepFault("lock-ownership", `${operation}(${l.name}): that lock is a ${l.kind}`);
  return { t, l, me };
}

function checkTake(t: LockTable, l: LockPlan, me: number, operation: string): void {
  if (t.holder(l) === me || ((t.readers(l) >> me) & 1) !== 0) {
    throw new StepFault("lock-ownership", `${operation}(${l.name}): the thread holds it already and would wait for itself`);
  }
  const spin = l.kind === "spinlock" ? undefined : t.mayNotSleep(me);
  if (spin !== undefined) {
    throw new StepFault("sleep-in-atomic", `${operation}(${l.name}) may sleep, but the thread holds spinlock ${spin.name}`);
  }
}

function checkRelease(t: LockTable, l: LockPlan, me: number, operation: string): void {
  if (t.holder(l) === me) return;
  const holder = t.holder(l);
  throw new StepFault("lock-ownership", `${operation}(${l.name}): ${holder < 0 ? "nobody holds it" : "another thread holds it"}`);
}

/**
 * Takes a spinlock: a preemption point that waits until it is free. The thread may not sleep (take a mutex or a semaphore)
 * until it is released. Sanitizers: a right mover; orders the lock behind those already held (lock order); fields guarded by
 * the lock may be used from here on.
 *
 * Throws a lock-ownership fault where the thread holds it already.
 * @kernel include/linux/spinlock.h spin_lock()
 */
export function* spinLock(k: object, id: LockId): Routine {
  const l = locksOf(k).lock(id);
  yield wait("spin_lock", locksOf(k), l, "exclusive");
  const { t, me } = arrive(k, id, "spinlock", "spin_lock");
  checkTake(t, l, me, "spin_lock");
  t.setHolder(l, me);
}
/**
 * Takes a spinlock if it is free, and says whether it did. Never waits, and is no preemption point. Sanitizers: a success is
 * a right mover that adds no lock order, since it cannot wait; a failure is a non-mover, since it shows that another thread
 * holds the lock.
 * @kernel include/linux/spinlock.h spin_trylock()
 */
export function spinTrylock(k: object, id: LockId): boolean {
  const { t, l, me } = arrive(k, id, "spinlock", "spin_trylock");
  if (!t.canTake(l, "exclusive")) return false;
  t.setHolder(l, me);
  return true;
}
/**
 * Releases a spinlock. Never waits. Sanitizers: a left mover, hence no preemption point.
 *
 * Throws a lock-ownership fault unless the thread holds it.
 * @kernel include/linux/spinlock.h spin_unlock()
 */
export function spinUnlock(k: object, id: LockId): void {
  const { t, l, me } = arrive(k, id, "spinlock", "spin_unlock");
  checkRelease(t, l, me, "spin_unlock");
  t.setHolder(l, -1);
}

/**
 * Takes a mutex: a preemption point that waits until it is free. May sleep. Sanitizers: as `spinLock`.
 *
 * Throws a sleep-in-atomic fault where the thread holds a spinlock, a lock-ownership fault where it holds the mutex already.
 * @kernel kernel/locking/mutex.c mutex_lock()
 */
export function* mutexLock(k: object, id: LockId): Routine {
  const l = locksOf(k).lock(id);
  yield wait("mutex_lock", locksOf(k), l, "exclusive");
  const { t, me } = arrive(k, id, "mutex", "mutex_lock");
  checkTake(t, l, me, "mutex_lock");
  t.setHolder(l, me);
}
/**
 * Takes a mutex if it is free, and says whether it did. Never sleeps, so a spinlock may be held. Sanitizers: as `spinTrylock`.
 * @kernel kernel/locking/mutex.c mutex_trylock()
 */
export function mutexTrylock(k: object, id: LockId): boolean {
  const { t, l, me } = arrive(k, id, "mutex", "mutex_trylock");
  if (!t.canTake(l, "exclusive")) return false;
  t.setHolder(l, me);
  return true;
}
/**
 * Releases a mutex. Never waits. Sanitizers: a left mover, hence no preemption point.
 *
 * Throws a lock-ownership fault unless the thread holds it.
 * @kernel kernel/locking/mutex.c mutex_unlock()
 */
export function mutexUnlock(k: object, id: LockId): void {
  const { t, l, me } = arrive(k, id, "mutex", "mutex_unlock");
  checkRelease(t, l, me, "mutex_unlock");
  t.setHolder(l, -1);
}

/**
 * Takes a semaphore for reading, beside other readers: a preemption point that waits until no writer holds it and, where it
 * is queued, none waits for it. May sleep. Sanitizers: a right mover; fields guarded by it may be read from here on, not
 * written.
 *
 * Throws a sleep-in-atomic fault where the thread holds a spinlock, a lock-ownership fault where it holds the semaphore in
 * either mode.
 * @kernel kernel/locking/rwsem.c down_read()
 */
export function* downRead(k: object, id: LockId): Routine {
  const l = locksOf(k).lock(id);
  yield wait("down_read", locksOf(k), l, "shared");
  const { t, me } = arrive(k, id, "rwsem", "down_read");
  checkTake(t, l, me, "down_read");
  t.setReaders(l, t.readers(l) | (1 << me));
}
/**
 * Takes a semaphore for reading if `downRead` would not wait, and says whether it did. Never sleeps. Sanitizers: as
 * `spinTrylock`.
 * @kernel kernel/locking/rwsem.c down_read_trylock()
 */
export function downReadTrylock(k: object, id: LockId): boolean {
  const { t, l, me } = arrive(k, id, "rwsem", "down_read_trylock");
  if (!t.canTake(l, "shared")) return false;
  t.setReaders(l, t.readers(l) | (1 << me));
  return true;
}
/**
 * Releases a semaphore that the thread holds for reading. Never waits. Sanitizers: a left mover, hence no preemption point.
 *
 * Throws a lock-ownership fault unless the thread holds it for reading.
 * @kernel kernel/locking/rwsem.c up_read()
 */
export function upRead(k: object, id: LockId): void {
  const { t, l, me } = arrive(k, id, "rwsem", "up_read");
  if (((t.readers(l) >> me) & 1) === 0) {
    throw new StepFault("lock-ownership", `up_read(${l.name}): the thread does not hold it for reading`);
  }
  t.setReaders(l, t.readers(l) & ~(1 << me));
}

/**
 * Takes a semaphore for writing, alone: waits until nobody holds it in either mode. Where it is queued, a writer that finds
 * it held first joins the waiters, in a step of its own, and from then on holds off new readers. May sleep. Sanitizers: a
 * right mover; fields guarded by it may be read and written from here on.
 *
 * Throws a sleep-in-atomic fault where the thread holds a spinlock, a lock-ownership fault where it holds the semaphore in
 * either mode.
 * @kernel kernel/locking/rwsem.c down_write()
 */
export function* downWrite(k: object, id: LockId): Routine {
  const l = locksOf(k).lock(id);
  if (l.queued) {
    yield { label: `down_write(${l.lockClass}): arrive`, guard: null, idle: false, lock: null };
    const { t, me } = arrive(k, id, "rwsem", "down_write");
    checkTake(t, l, me, "down_write");
    if (t.canTake(l, "exclusive") && t.waiters(l) === 0) {
      t.setHolder(l, me);
      return;
    }
    t.setWaiters(l, t.waiters(l) | (1 << me));
  }
  yield wait("down_write", locksOf(k), l, "exclusive");
  const { t, me } = arrive(k, id, "rwsem", "down_write");
  checkTake(t, l, me, "down_write");
  if (l.queued) t.setWaiters(l, t.waiters(l) & ~(1 << me));
  t.setHolder(l, me);
}
/**
 * Takes a semaphore for writing if nobody holds it, and says whether it did; it goes before writers that wait. Never sleeps.
 * Sanitizers: as `spinTrylock`.
 * @kernel kernel/locking/rwsem.c down_write_trylock()
 */
export function downWriteTrylock(k: object, id: LockId): boolean {
  const { t, l, me } = arrive(k, id, "rwsem", "down_write_trylock");
  if (!t.canTake(l, "exclusive")) return false;
  t.setHolder(l, me);
  return true;
}
/**
 * Releases a semaphore that the thread holds for writing. Never waits. Sanitizers: a left mover, hence no preemption point.
 *
 * Throws a lock-ownership fault unless the thread holds it for writing.
 * @kernel kernel/locking/rwsem.c up_write()
 */
export function upWrite(k: object, id: LockId): void {
  const { t, l, me } = arrive(k, id, "rwsem", "up_write");
  checkRelease(t, l, me, "up_write");
  t.setHolder(l, -1);
}
/**
 * Turns a hold for writing into one for reading, with no moment between. Never waits. Sanitizers: a left mover
 * that adds no lock order, since it cannot wait.
 *
 * Throws a lock-ownership fault unless the thread holds it for writing.
 * @kernel kernel/locking/rwsem.c downgrade_write()
 */
export function downgradeWrite(k: object, id: LockId): void {
  const { t, l, me } = arrive(k, id, "rwsem", "downgrade_write");
  checkRelease(t, l, me, "downgrade_write");
  t.setHolder(l, -1);
  t.setReaders(l, t.readers(l) | (1 << me));
}
