/**
 * Which locks the acting thread holds, and how, at each point of its step.
 *
 * What it holds when the step begins is part of the state, so it is read from the vector and not remembered from
 * earlier steps: the search reaches one state along many paths and visits its steps in any order.
 */
import type { LayoutPlan } from "../program/layout.ts";
import { LockTable } from "../program/locks.ts";
import type { StateBytes } from "../program/world.ts";

export type LockMode = "exclusive" | "shared";

export interface HeldLock {
  readonly lock: number;
  readonly mode: LockMode;
}

/** The locks an actor holds in the state from which its step starts. */
export type HeldAt = (actor: number) => readonly HeldLock[];

/** Reads held locks from the vector as it is when called. */
export function heldInVector(plan: LayoutPlan, bytes: StateBytes): HeldAt {
  const table = new LockTable(plan, bytes);
  return (actor) => table.heldBy(actor).map((l) => ({ lock: l.id, mode: table.holder(l) === actor ? "exclusive" : "shared" }));
}

const NOT_HELD = 0;
const SHARED = 1;
const EXCLUSIVE = 2;

/** The locks held by the one thread whose step is looked at. */
export class HeldLocks {
  readonly #mode: Uint8Array;
  /** Ids of the held locks, in the order taken. */
  readonly #held: number[] = [];

  constructor(lockCount: number) {
    this.#mode = new Uint8Array(lockCount);
  }

  reset(held: readonly HeldLock[]): void {
    for (const lock of this.#held) this.#mode[lock] = NOT_HELD;
    this.#held.length = 0;
    for (const { lock, mode } of held) this.acquire(lock, mode);
  }

  acquire(lock: number, mode: LockMode): void {
    if (this.#mode[lock] === NOT_HELD) this.#held.push(lock);
    this.#mode[lock] = mode === "exclusive" ? EXCLUSIVE : SHARED;
  }

  release(lock: number): void {
    if (this.#mode[lock] === NOT_HELD) return;
    this.#mode[lock] = NOT_HELD;
    this.#held.splice(this.#held.indexOf(lock), 1);
  }

  get count(): number {
    return this.#held.length;
  }

  holds(lock: number): boolean {
    return this.#mode[lock] !== NOT_HELD;
  }

  /** Whether the lock is held in a mode that suffices: a write needs it exclusively, a read in any mode. */
  covers(lock: number, write: boolean): boolean {
    return this.#mode[lock]! >= (write ? EXCLUSIVE : SHARED);
  }
}
