/**
 * What each step of a trace does to memory and locks, and what a promise reads: the raw material of a trace's story.
 *
 * Steps are observed in the instrumented variant of the program. Promises run as they are written, over accessors that
 * note each access, so that no more is read than decided the answer.
 */
import type { FieldPlan, LayoutPlan } from "../program/layout.ts";
import { ATOMIC, READ, READ_ONCE, type Site, type StepObserver } from "../program/observer.ts";
import { elementName } from "../program/value-text.ts";
import { elementOf, makeWorld, type AnyWorld, type StateBytes } from "../program/world.ts";

/** One element of a field, or one lock. */
export interface Word {
  readonly field: FieldPlan;
  readonly i: number;
  readonly j: number;
}

/** A lock operation of a step. */
export interface LockUse {
  /** `failed`: a trylock, or a writer that queues up, did not get it. */
  readonly kind: "takes" | "releases" | "failed";
  readonly lock: string;
  readonly shared: boolean;
}

/** What one step did, by the names of words, each once. */
export interface StepLog {
  readonly reads: Map<string, Word>;
  readonly writes: Map<string, Word & { readonly site: number }>;
  /** Operations on words guarded as "atomic": a read, or a write where the value changed. */
  readonly atomic: Map<string, Word & { readonly site: number }>;
  readonly locks: LockUse[];
  /** Words read while the condition of an assertion was evaluated: the last one. */
  asserted: Map<string, Word>;
  asserting: boolean;
  /** The last assertion failed. */
  hasFailed: boolean;
}

export function emptyLog(): StepLog {
  return { reads: new Map(), writes: new Map(), atomic: new Map(), locks: [], asserted: new Map(), asserting: false, hasFailed: false };
}

/** Notes into `log`, which is exchanged before each step. */
export class AccessRecorder implements StepObserver {
  log: StepLog = emptyLog();
  readonly #plan: LayoutPlan;

  constructor(plan: LayoutPlan) {
    this.#plan = plan;
  }

  access(field: number, i: number, j: number, mode: number, site: number): void {
    const f = this.#plan.fields[field]!;
    if (f.role === "statistic" || (f.bits === 0 && f.lockBase < 0)) return;
    // One bit of a set: the set is the word.
    const word = { field: f, i, j: f.length === null ? 0 : j };
    const name = elementName(f, word.i, word.j);
    const { log } = this;
    if (mode === READ || mode === READ_ONCE || mode === ATOMIC) {
      if (!log.reads.has(name)) log.reads.set(name, word);
      if (log.asserting) log.asserted.set(name, word);
      if (mode === ATOMIC) log.atomic.set(name, { ...word, site });
    } else log.writes.set(name, { ...word, site });
  }

  acquire(lock: number, mode: "exclusive" | "shared"): void {
    this.#use("takes", lock, mode);
  }
  acquireFailed(lock: number, mode: "exclusive" | "shared"): void {
    this.#use("failed", lock, mode);
  }
  release(lock: number, mode: "exclusive" | "shared"): void {
    this.#use("releases", lock, mode);
  }
  #use(kind: LockUse["kind"], lock: number, mode: "exclusive" | "shared"): void {
    const plan = this.#plan.locks[lock];
    if (plan !== undefined) this.log.locks.push({ kind, lock: plan.name, shared: mode === "shared" });
  }

  assertion(begins: boolean): void {
    this.log.asserting = begins;
    if (begins) this.log.asserted = new Map();
  }
  assertionFails(): void {
    this.log.hasFailed = true;
  }
  beginStep(): void {}
  endStep(): void {}
}

/** The field and object of a lock. */
export function wordOfLock(plan: LayoutPlan, name: string): Word | null {
  const lock = plan.locks.find((l) => l.name === name);
  const field = lock && plan.fields.find((f) => f.lockBase >= 0 && lock.id >= f.lockBase && lock.id < f.lockBase + f.count);
  return lock === undefined || field === undefined ? null : { field, i: lock.id - field.lockBase, j: 0 };
}

/** Accessors over `bytes` that tell `read` of each word which is looked at. */
export function recordingWorld(
  plan: LayoutPlan, bytes: StateBytes, statisticBase: number, read: (name: string, word: Word) => void,
): AnyWorld {
  const world = makeWorld(plan, bytes, statisticBase) as Record<string, Record<string, unknown>>;
  for (const f of plan.fields) {
    if (f.role === "statistic" || (f.bits === 0 && f.lockBase < 0)) continue;
    const access = world[f.struct]![f.field] as Record<string, unknown>;
    // A large set asks its bits one by one.
    for (const operation of f.part === "set" ? ["get", "once"] : ["get", "once", "has", "size", "isHeld"]) {
      const plain = access[operation];
      if (typeof plain !== "function") continue;
      access[operation] = (...args: number[]): unknown => {
        const value: unknown = (plain as (...a: number[]) => unknown)(...args);
        const i = f.singleton ? 0 : args[0]!;
        const j = f.length === null ? 0 : elementOf(f, args.slice(f.singleton ? 0 : 1));
        read(elementName(f, i, j), { field: f, i, j });
        return value;
      };
    }
  }
  return world;
}

/** Where a store is written. */
export function placeOfSite(site: Site | undefined): string | null {
  return site === undefined ? null : `${site.file}:${site.line}`;
}
