/**
 * Lock order over a whole exploration, as the kernel's lockdep sees it: an inversion is reported even if no schedule
 * met it as a deadlock.
 *
 * The graph's nodes are lock classes (one per lock field); "takes B while holding A" is an edge A -> B, with the modes.
 * A cycle in which everybody waits for the next is a lock-order finding. Rules, each as in Documentation/locking/
 * lockdep-design.rst:
 * - Readers. Where waiting writers hold off new readers (`queued`), a reader waits as a writer does, so modes make no
 *   difference. Where they do not (lockdep's recursive read), a shared acquisition waits only for an exclusive hold,
 *   and a cycle counts only if each acquisition in it conflicts with the mode in which the next thread holds the lock.
 * - A trylock never waits, so it adds no edge to the lock it takes; what is taken while that lock is held counts.
 * - Two locks of one class, one inside the other, are a cycle by themselves, unless the class is declared `ascending`
 *   and the one taken later has the higher index, or `nested`: another rule orders them, on the author's word
 *   (lockdep's nest_lock and subclasses).
 * - A common outer lock, or that one thread makes both edges, excuses nothing: the order is a rule of the program, and
 *   the next caller will not hold the outer lock.
 *
 * Classes are few, so a new edge is searched for cycles from scratch. The graph is a set of edges; the union of two
 * workers' sets is the graph of both.
 *
 * Not covered: waiting for anything but a lock (a guard on another thread's progress), interrupt contexts.
 */
import type { LayoutPlan, LockNesting, LockPlan } from "../program/layout.ts";
import { ACQUIRE_EXCLUSIVE, ACQUIRE_SHARED, modeTaken, takesLock } from "./block-log.ts";
import { heldBefore, lengthOf, operationOf, siteOf, subjectOf, type Block, type Evidence, type Finding } from "./evidence.ts";
import type { LockMode } from "./held-locks.ts";

/**
 * What the author says about nesting locks of one class, beside what the lock's declaration says (`nesting`). Classes are
 * written `struct.field`.
 */
export interface LockOrderNotes {
  /** Instances are taken in ascending order of their index. */
  readonly ascending?: readonly string[];
  /** Instances may be nested; something else orders them. */
  readonly nested?: readonly string[];
}

/** "Takes `to` while holding `from`", with one example. Plain data. */
export interface LockEdge {
  readonly from: string;
  readonly fromMode: LockMode;
  readonly to: string;
  readonly toMode: LockMode;
  readonly actor: number;
  readonly label: string;
  readonly held: number;
  /** The line that took `held`, or null when that was in an earlier block. */
  readonly heldSite: number | null;
  readonly taken: number;
  readonly site: number;
}

const edgeKey = (e: LockEdge): string => `${e.from} ${e.fromMode} ${e.to} ${e.toMode}`;

/** Which of two examples of one edge is kept, so that the choice does not depend on the order of the search. */
function precedes(a: LockEdge, b: LockEdge): boolean {
  for (const by of ["site", "actor", "taken", "held"] as const) if (a[by] !== b[by]) return a[by] < b[by];
  if (a.label !== b.label) return a.label < b.label;
  return (a.heldSite ?? -1) < (b.heldSite ?? -1);
}

export class LockOrder {
  readonly #plan: LayoutPlan;
  readonly #ascending: ReadonlySet<string>;
  readonly #nested: ReadonlySet<string>;
  readonly #queuedOrPlain: ReadonlySet<string>;
  readonly #edges = new Map<string, LockEdge>();
  /** Smallest line at which an actor takes a lock: `actor lock` -> site. */
  readonly #takenAt = new Map<string, number>();
  /** Cycles found, by edge; emptied when an edge or its example changes. */
  readonly #cycles = new Map<string, readonly LockEdge[] | null>();

  /** Throws RangeError for a note on a class that is not declared. */
  constructor(plan: LayoutPlan, notes: LockOrderNotes = {}) {
    this.#plan = plan;
    const classes = new Set(plan.locks.map((l) => l.lockClass));
    for (const name of [...(notes.ascending ?? []), ...(notes.nested ?? [])]) {
      if (classes.has(name)) continue;
      throw new RangeError(`lock order: "${name}" is not a lock class of the program; these are: ${[...classes].join(", ")}`);
    }
    const declared = (nesting: LockNesting): string[] => plan.locks.filter((l) => l.nesting === nesting).map((l) => l.lockClass);
    this.#ascending = new Set([...declared("ascending"), ...(notes.ascending ?? [])]);
    this.#nested = new Set([...declared("nested"), ...(notes.nested ?? [])]);
    this.#queuedOrPlain = new Set(plan.locks.filter((l) => l.kind !== "rwsem" || l.queued).map((l) => l.lockClass));
  }

  isAscending(lockClass: string): boolean {
    return this.#ascending.has(lockClass);
  }

  /** The edges that operation `nth` of the block stands for. */
  edgesOf(b: Block, nth: number): LockEdge[] {
    const operation = operationOf(b, nth);
    if (operation !== ACQUIRE_SHARED && operation !== ACQUIRE_EXCLUSIVE) return [];
    const taken = this.#plan.locks[subjectOf(b, nth)]!;
    const edges: LockEdge[] = [];
    for (const h of heldBefore(b, nth)) {
      const held = this.#plan.locks[h.lock]!;
      if (held.id === taken.id) continue;
      if (held.lockClass === taken.lockClass && this.#mayNest(held, taken)) continue;
      edges.push({
        from: held.lockClass, fromMode: h.mode, to: taken.lockClass, toMode: modeTaken(operation),
        actor: b.actor, label: b.label, held: held.id, heldSite: h.site, taken: taken.id, site: siteOf(b, nth),
      });
    }
    return edges;
  }

  /** Whether `taken` may be taken while `held`, of the same class, is held. */
  #mayNest(held: LockPlan, taken: LockPlan): boolean {
    return this.#nested.has(taken.lockClass) || (this.#ascending.has(taken.lockClass) && taken.id > held.id);
  }

  /** Takes note of all that the block acquires. */
  addBlock(b: Block): void {
    for (let nth = 0; nth < lengthOf(b); nth++) this.addOperation(b, nth);
  }
  addOperation(b: Block, nth: number): void {
    if (!takesLock(operationOf(b, nth))) return;
    const key = `${b.actor} ${subjectOf(b, nth)}`;
    const known = this.#takenAt.get(key);
    if (known === undefined || siteOf(b, nth) < known) this.#takenAt.set(key, siteOf(b, nth));
    for (const e of this.edgesOf(b, nth)) this.add(e);
  }

  add(e: LockEdge): void {
    const key = edgeKey(e);
    const known = this.#edges.get(key);
    if (known !== undefined && !precedes(e, known)) return;
    this.#edges.set(key, e);
    this.#cycles.clear();
  }

  /** All edges, in an order that depends on the set alone. */
  edges(): LockEdge[] {
    return [...this.#edges].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, e]) => e);
  }

  /** Whether taking a lock of the class in one mode waits for those who hold it in the other. */
  #waits(lockClass: string, taken: LockMode, held: LockMode): boolean {
    return taken === "exclusive" || held === "exclusive" || this.#queuedOrPlain.has(lockClass);
  }
  #follows(first: LockEdge, then: LockEdge): boolean {
    return first.to === then.from && this.#waits(first.to, first.toMode, then.fromMode);
  }

  /** A shortest cycle that contains the edge, begun at its smallest edge; null when there is none. */
  cycleThrough(edge: LockEdge): readonly LockEdge[] | null {
    const key = edgeKey(edge);
    const known = this.#cycles.get(key);
    if (known !== undefined) return known;
    const e = this.#edges.get(key);
    if (e === undefined) return null;
    const all = this.edges();
    const from = new Map<LockEdge, LockEdge | null>([[e, null]]);
    let cycle: LockEdge[] | null = null;
    for (const last of from.keys()) { // grows as it is walked: breadth first
      if (this.#follows(last, e)) {
        cycle = [];
        for (let at: LockEdge | null = last; at !== null; at = from.get(at) ?? null) cycle.unshift(at);
        break;
      }
      for (const next of all) if (!from.has(next) && this.#follows(last, next)) from.set(next, last);
    }
    const result = cycle === null ? null : fromFirst(cycle);
    this.#cycles.set(key, result);
    return result;
  }

  /** Every cycle that is shortest for one of its edges, once for each set of classes. */
  cycles(): (readonly LockEdge[])[] {
    const found = new Map<string, readonly LockEdge[]>();
    for (const e of this.edges()) {
      const cycle = this.cycleThrough(e);
      if (cycle === null) continue;
      const classes = cycle.map((c) => c.from).sort().join(" ");
      if (!found.has(classes)) found.set(classes, cycle);
    }
    return [...found.values()];
  }

  /** The line that took the lock held in the example; where an earlier block took it, the first known such line. */
  heldSite(e: LockEdge): number {
    return e.heldSite ?? this.#takenAt.get(`${e.actor} ${e.held}`) ?? -1;
  }

  /** The lines of a cycle: of each edge, where the lock is taken and where the other was. */
  sites(cycle: readonly LockEdge[]): number[] {
    return cycle.flatMap((e) => [e.site, this.heldSite(e)]);
  }
}

/** The same cycle, begun at its smallest edge. */
function fromFirst(cycle: readonly LockEdge[]): readonly LockEdge[] {
  let first = 0;
  for (let n = 1; n < cycle.length; n++) if (edgeKey(cycle[n]!) < edgeKey(cycle[first]!)) first = n;
  return [...cycle.slice(first), ...cycle.slice(0, first)];
}

/** `offending`: the acquisition to report it at; the first of the cycle when null. */
export function orderFinding(e: Evidence, order: LockOrder, cycle: readonly LockEdge[], offending: LockEdge | null = null): Finding {
  const at = offending ?? cycle[0]!;
  const mode = (lock: number, m: LockMode): string => e.lockName(lock) + (m === "shared" ? " (shared)" : "");
  const links = cycle.map((c) =>
    `${e.actor(c.actor)} takes ${mode(c.taken, c.toMode)} at ${e.place(c.site)} ` +
    `while holding ${mode(c.held, c.fromMode)}, taken at ${e.place(order.heldSite(c))}`);
  const names = cycle.map((c) => c.from);
  const message = cycle.length === 1
    ? `two locks of class ${names[0]} are nested${order.isAscending(names[0]!) ? " against their ascending order" : ""}: ` +
      `${links[0]}. Take the lower index first and declare the class ascending, or declare it nested if another rule orders them`
    : `${[...names, names[0]].join(" -> ")} is a cycle: ${links.join("; ")}. Take these locks in one order everywhere`;
  return { rule: "lock-order", message, sites: order.sites(cycle), source: e.source(at.site), actor: at.actor, label: at.label };
}
