/** Hand-made access logs: blocks written as lists of operations, fed to a sanitizer as an instrumented program would. */
import { NONE, array, bitset, bool, int, mutex, planLayout, ref, rwsem, spinlock, struct, table } from "../../../checker/program/layout.ts";
import { ADD, ATOMIC, READ, READ_ONCE, WRITE, WRITE_ONCE, type AccessMode, type Site } from "../../../checker/program/observer.ts";
import type { HeldLock } from "../../../checker/sanitizer/held-locks.ts";
import { makeSanitizer, type Sanitizer, type SanitizerOptions } from "../../../checker/sanitizer/sanitize.ts";

export const plan = planLayout({
  mm: struct({
    sem: rwsem("mapping changes"),
    queuedSem: rwsem("mapping changes, with waiting writers first", { queued: true }),
    brk: int(0, 7, "guarded by the semaphore", { guard: "sem" }),
    users: int(0, 7, "reference count", { guard: "atomic" }),
    flag: bool("nothing promised"),
    other: bool("nothing promised"),
    log: int(0, 7, "specification only", { role: "ghost" }),
    faults: int(0, 7, "counted", { role: "statistic" }),
  }),
  pool: struct({ lock: mutex("guards all slots") }),
  page: table(4, {
    lock: spinlock("page lock"),
    state: int(0, 7, "guarded by its page's lock", { guard: "lock" }),
    slot: int(0, 7, "guarded by the pool's lock", { guard: "pool.lock" }),
    owner: ref("task", "NONE: free"),
    name: int(0, 7, "guarded by its owner's lock", { guard: "owner->lock" }),
    span: int(0, 7, "read under the owner's semaphore or the page's own, written under both", { guard: "owner->sem | sem" }),
    sem: rwsem("keeps readers of span"),
    kind: int(0, 7, "what the page is, for a lifetime", { guard: "lifetime" }),
    isFree: bool("bookkeeping", { guard: "model" }),
    order: int(0, 3, "set before the page is published", { guard: "once" }),
    ptes: array(3, int(0, 7, "guarded by its page's lock", { guard: "lock" })),
  }),
  task: table(2, { lock: mutex("guards its pages' names"), sem: rwsem("guards its pages' spans") }),
  thing: table(2, {
    owner: int(NONE, 2, "who has it to itself", { role: "ghost", guard: "owner" }),
    value: int(0, 7, "nothing promised"),
    bits: bitset(3, "flags", { guard: "atomic" }),
    one: int(0, 7, "kept in step with other", { guard: "atomic(pair)" }),
    other: int(0, 7, "kept in step with one", { guard: "atomic(pair)" }),
  }),
  ticket: table(1, {
    owner: int(NONE, 2, "who has it to itself", { role: "ghost", guard: "owner(referenced)" }),
    value: int(0, 7, "nothing promised"),
  }),
  cpu: table(3, { cached: int(0, 7, "the CPU's own", { guard: "cpu" }) }),
}, 3);

export const fieldId = (path: string): number => {
  const f = plan.fields.find((x) => x.path === path);
  if (f === undefined) throw new Error(`no field ${path}`);
  return f.id;
};
export const lockId = (name: string): number => {
  const l = plan.locks.find((x) => x.name === name);
  if (l === undefined) throw new Error(`no lock ${name}`);
  return l.id;
};

/** One operation of an actor, on a line of its own. `references` as in Script: it may change them. */
export type Operation = (s: Sanitizer, line: number, actor: number, references: Record<string, number>) => void;

const access = (mode: AccessMode) => (path: string, i = 0, j = 0): Operation => (s, line) => s.access(fieldId(path), i, j, mode, line);
export const read = access(READ);
export const write = access(WRITE);
export const atomic = access(ATOMIC);
export const add = access(ADD);
export const readOnce = access(READ_ONCE);
export const writeOnce = access(WRITE_ONCE);
const changesOwner = (to: (actor: number) => number) => (struct: string): Operation => (s, line, actor, references) => {
  s.access(fieldId(`${struct}.owner`), 0, 0, WRITE, line);
  references[`${struct}[0].owner`] = to(actor);
};
/** Object 0 of the table becomes the acting thread's, or nobody's. */
export const takes = changesOwner((actor) => actor);
export const gives = changesOwner(() => NONE);
export const lock = (name: string, mode: "exclusive" | "shared" = "exclusive"): Operation => (s, line) => s.acquire(lockId(name), mode, false, line);
export const trylock = (name: string, mode: "exclusive" | "shared" = "exclusive"): Operation => (s, line) => s.acquire(lockId(name), mode, true, line);
export const trylockFails = (name: string, mode: "exclusive" | "shared" = "exclusive"): Operation => (s, line) => s.acquireFailed(lockId(name), mode, line);
export const unlock = (name: string, mode: "exclusive" | "shared" = "exclusive"): Operation => (s, line) => s.release(lockId(name), mode, line);
export const downgrade = (name: string): Operation => (s, line) => {
  s.release(lockId(name), "exclusive", line);
  s.acquire(lockId(name), "shared", true, line);
};
export const isHeld = (path: string, i = 0): Operation => read(path, i);

export interface Script {
  readonly actor: number;
  /** Locks held when the block begins. */
  readonly holding?: readonly HeldLock[];
  /** Set when the elements of `once` fields already have their value. */
  readonly set?: boolean;
  /** Where references point when the block begins, e.g. `{ "page[1].owner": 0 }`; NONE for all others. */
  readonly references?: Readonly<Record<string, number>>;
  /** Where its thread stands after the block, and where the others stand meanwhile: at 0 unless set, at most 9. */
  readonly endsAt?: number;
  readonly besides?: Readonly<Record<number, number>>;
  /** The block is one instruction. */
  readonly instruction?: boolean;
  readonly does: readonly Operation[];
}

export const holding = (name: string, mode: "exclusive" | "shared" = "exclusive"): HeldLock => ({ lock: lockId(name), mode });

/** Line n of the script of block b is line 100 b + n of file `script.ts`, both counted from 1. */
export const sites: readonly Site[] = Array.from({ length: 1000 }, (_, line) => ({ file: "script.ts", line, column: 0, routine: "script" }));

/** A sanitizer that has been fed the blocks; block n is labelled `block n`, counted from 1. */
export function feed(blocks: readonly Script[], options: SanitizerOptions = {}): Sanitizer {
  let now: Script = { actor: 0, does: [] };
  let references: Record<string, number> = {};
  const sanitizer = makeSanitizer(plan, sites, { heldAt: () => now.holding ?? [], isInitial: () => now.set !== true, isStill: () => now.set !== true, reference: (field, i) => references[`${plan.fields[field]!.struct}[${i}].${plan.fields[field]!.field}`] ?? NONE, actors: 3, position: (actor) => 10 * actor + (actor === now.actor ? now.endsAt ?? 0 : now.besides?.[actor] ?? 0) }, { actors: ["anna", "ben", "cara"], ...options });
  blocks.forEach((b, n) => {
    now = b;
    references = { ...b.references };
    sanitizer.beginStep(b.actor, `block ${n + 1}`, b.instruction ?? false);
    b.does.forEach((operation, m) => operation(sanitizer, 100 * (n + 1) + m + 1, b.actor, references));
    sanitizer.endStep(b.actor);
  });
  return sanitizer;
}

/** `rule line line...` of each finding. */
export function found(blocks: readonly Script[], options: SanitizerOptions = {}): string[] {
  return feed(blocks, options).findings().map((f) => [f.rule, ...f.sites].join(" "));
}
