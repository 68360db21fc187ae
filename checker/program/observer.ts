/**
 * What the instrumented variant of a program reports while it runs: every access to the state vector and every lock
 * operation, in program order, with its place in the source. Sanitizers and footprints are observers.
 */

export const READ = 0;
export const WRITE = 1;
/** An indivisible operation that may write: cmpxchg, xchg, addReturn, addUnless, or any access to a field guarded as "atomic". */
export const ATOMIC = 2;
/** READ_ONCE / WRITE_ONCE: marked as racy on purpose. */
export const READ_ONCE = 3;
export const WRITE_ONCE = 4;
/** An indivisible addition to a field guarded as "atomic", whose result nobody looks at. */
export const ADD = 5;
export type AccessMode = typeof ADD | typeof READ | typeof WRITE | typeof ATOMIC | typeof READ_ONCE | typeof WRITE_ONCE;

/** A place in the source: index into `ProgramInfo.sites`. */
export interface Site {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The routine or helper that contains it. */
  readonly routine: string;
}

export interface StepObserver {
  /** The actor's guard held and its step begins at the yield labelled `label`; `instruction` as in `YieldOptions`. */
  beginStep(actor: number, label: string, instruction?: boolean): void;
  /** The actor's guard was evaluated (beginStep and the guard's accesses came before) and does not hold: there is no step. */
  guardFailed?(actor: number): void;
  /**
   * `field` indexes LayoutPlan.fields. `i`, `j` are the object and array indices, 0 where there is none; for one bit of a
   * set guarded "atomic", `j` is its number, counted from 1.
   */
  access(field: number, i: number, j: number, mode: AccessMode, site: number): void;
  /** Called when the lock has been taken, before anything is done under it. `trylock`: it could have failed. */
  acquire(lock: number, mode: "exclusive" | "shared", trylock: boolean, site: number): void;
  /** A trylock, or a writer that arrives at a queued semaphore, found the lock not to be had. */
  acquireFailed(lock: number, mode: "exclusive" | "shared", site: number): void;
  release(lock: number, mode: "exclusive" | "shared", site: number): void;
  /** The evaluation of a bugOn condition begins, or ends. A fault in it leaves it open. */
  assertion?(begins: boolean): void;
  /** The condition that was evaluated last is true: the step goes wrong here. */
  assertionFails?(): void;
  /** A specification event that the routine announced. */
  event?(event: number, instances: readonly number[]): void;
  /** The step has reached its next yield, or the thread has ended. */
  endStep(actor: number): void;
}
