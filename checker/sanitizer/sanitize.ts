/**
 * The sanitizers of the instrumented pass: block atomicity, data races and lock order, as one observer.
 *
 * The observer is fed every (reachable state, step) of a search. It writes down each different block once; `findings()`
 * judges them all. Verdicts use facts about the whole exploration (who else uses this field?), so the last block met can
 * condemn the first, and a finding has no trace of its own. Hence two ways to run it:
 *
 * 1. Collect (`raise` unset): nothing is thrown. Explore, unite the workers' `blocks()` with `merge`, ask for
 *    `findings()`. The same set of blocks gives the same findings, for any order and any number of workers.
 * 2. Raise, with the collected blocks as `knowledge`: throws StepFault at the operation at which a finding first shows.
 *    The verdict on an operation now depends on its block alone, so the search treats it like any other faulty step,
 *    and its trace is the one it always gives. `only` confines it to one finding, to get a trace for each.
 *
 * Raising without knowledge is sound in what it throws, but may pass over what becomes a finding later; `findings()`
 * after such a run says what was passed over.
 *
 * What its feeder must keep to:
 * - between beginStep and endStep come all accesses of the step in program order, those of the guard's (successful)
 *   evaluation first; the vector still holds the state before the step when beginStep is called;
 * - a guard that turns out false is announced as well: beginStep, its accesses, guardFailed. Reads that are torn apart
 *   can make it true when no state does;
 * - an access is announced before it takes effect, a lock operation after;
 * - a read-modify-write is announced as a READ and a WRITE, or as one ATOMIC access where it is indivisible (cmpxchg,
 *   xchg, addReturn, addUnless; an ADD for `add`, an ATOMIC for `insert`, `remove` of an atomic field);
 * - a look at a lock (`isHeld`) is announced as a READ of the lock's field;
 * - `assertion` encloses what the condition of a bugOn does: its reads are no operations of the block;
 * - a trylock that fails is announced to `acquireFailed`: it sees that another thread holds the lock. A writer that
 *   joins the queue of a semaphore need not be (docs/proofs/block-atomicity.md); where it is, it counts as a trylock, and the
 *   verdicts are stricter than they need be;
 * - downgradeWrite is announced as a release (exclusive) and an acquire (shared) of one site, with nothing between.
 *
 * A step that ends in another StepFault has no endStep; what it did up to there is not judged.
 */
import { NONE, isAtomic, type FieldPlan, type LayoutPlan } from "../program/layout.ts";
import { ADD, READ, READ_ONCE, WRITE, type AccessMode, type Site, type StepObserver } from "../program/observer.ts";
import { encode, positionOf, type StateBytes } from "../program/world.ts";
import { StepFault } from "../fault.ts";
import {
  ACQUIRE_EXCLUSIVE, ACQUIRE_SHARED, BARE_READ, BARE_WRITE, COVERED_READ, COVERED_WRITE, DOWNGRADE, EMPTY, FOREIGN,
  GUARD_LOST, GUARD_MOVED, INCREMENT, LOCK_INSPECTED, MARKED, OPERATION_WORDS, OWNED, OWNER_CHANGED, OWNER_GIVEN,
  OWNER_STOLEN, OWNER_TAKEN, RELEASE_EXCLUSIVE, RELEASE_SHARED, TRYLOCK_EXCLUSIVE, TRYLOCK_FAILED_EXCLUSIVE,
  TRYLOCK_FAILED_SHARED, TRYLOCK_SHARED, isAccess, type RecordedBlock,
} from "./block-log.ts";
import { MoverSequence, atomicityFinding, groupOf, outOfOrder } from "./block-atomicity.ts";
import { isRace, raceFinding, racesIn, trespasses, type Race } from "./data-race.ts";
import { Evidence, findingKey, type Finding, type SanitizerRule } from "./evidence.ts";
import {
  GUARD_ATOMIC, GUARD_CPU, GUARD_LIFETIME, GUARD_LOCK, GUARD_ONCE, GUARD_OWNER, type GuardKind,
} from "./guard.ts";
import { HeldLocks, heldInVector, type HeldAt, type LockMode } from "./held-locks.ts";
import { LockOrder, orderFinding, type LockEdge, type LockOrderNotes } from "./lock-order.ts";
import { LateUses } from "./late-uses.ts";

export const SANITIZER_RULES: readonly SanitizerRule[] = ["atomicity", "data-race", "lock-order"];

/** What the sanitizers read of the state itself. */
export interface StateView {
  /** The locks an actor holds; called when a step begins. */
  readonly heldAt: HeldAt;
  /** Whether the element holds the field's initial value now; asked for fields guarded "once" or by a lock. */
  readonly isInitial: (field: number, i: number, j: number) => boolean;
  /** Whether it has a value that writes without the field's lock neither find nor leave (`FieldOptions.marks`); asked of locked fields. */
  readonly isStill: (field: number, i: number, j: number) => boolean;
  /** Where the reference `field` of object `i` points now, NONE for nowhere. Asked of references in guards, and of owners. */
  readonly reference: (field: number, i: number) => number;
  /**
   * Where an actor stands: equal for states in which its program counters and locals are equal, in this run and in others
   * of the same program. Numbers that happen to be equal make the verdicts stricter.
   */
  readonly position: (actor: number) => number;
  readonly actors: number;
}

export interface SanitizerOptions extends LockOrderNotes {
  /** Names of the actors, for messages. */
  readonly actors?: readonly string[];
  /** The rules to hold the program to; all unless set. */
  readonly rules?: readonly SanitizerRule[];
  /** Throw StepFault where a finding shows; else only collect. */
  readonly raise?: boolean;
  /** Blocks of an earlier exploration of the same program. */
  readonly knowledge?: Iterable<RecordedBlock>;
  /** Raise for these findings alone (`findingKey`). */
  readonly only?: ReadonlySet<string>;
}

export interface Sanitizer extends StepObserver {
  /** Called in place of endStep: the guard was evaluated and is false, so there is no step. */
  guardFailed(actor: number): void;
  /** All findings on the blocks met so far, one per rule and lines, in an order that depends on the set of blocks alone. */
  findings(): Finding[];
  /** What was taken on trust of the blocks met so far, in words, besides what declarations say (`trustedFields`). */
  trusted(): string[];
  /** Which lock was taken while which other was held in the blocks met so far, with one example each. */
  lockEdges(): LockEdge[];
  /** The different blocks met so far, as plain data for `merge` and `knowledge`. */
  blocks(): RecordedBlock[];
  /** Adds blocks met by another worker. */
  merge(blocks: Iterable<RecordedBlock>): void;
}

/** The bytes of a thread's frames, from `from` to before `to`. */
export interface FrameArea {
  readonly from: number;
  readonly to: number;
}

/** Reads the vector in `bytes`. `frames`: of each actor; none for hand-written models, whose position is part of their structs. */
export function viewOf(plan: LayoutPlan, bytes: StateBytes, actors: number, frames: readonly FrameArea[] = []): StateView {
  return {
    actors,
    position: (actor) => {
      let hash = 0x811c9dc5 ^ actor;
      const area = frames[actor] ?? { from: 0, to: 0 };
      for (let at = area.from; at < area.to; at++) hash = Math.imul(hash ^ bytes.u8[at]!, 0x01000193);
      return hash >>> 0;
    },
    heldAt: heldInVector(plan, bytes),
    isInitial: (field, i, j) => {
      const f = plan.fields[field]!;
      return bytes.raw(f, positionOf(f, 0, i, j)) === encode(f, f.init);
    },
    isStill: (field, i, j) => {
      const f = plan.fields[field]!;
      const raw = bytes.raw(f, positionOf(f, 0, i, j));
      return f.marks === 0 ? raw === encode(f, f.init) : ((raw + f.min) & f.marks) !== f.marks;
    },
    reference: (field, i) => {
      const f = plan.fields[field]!;
      return bytes.raw(f, positionOf(f, 0, i, 0)) + f.min;
    },
  };
}

const NOWHERE: ReadonlySet<number> = new Set();

/** What is known of a block when it begins. */
type BlockHead = Pick<RecordedBlock, "actor" | "label" | "instruction" | "heldAtStart">;

/** An access to an element, before it takes effect. */
interface Access {
  readonly element: number;
  readonly guard: GuardKind;
  readonly field: number;
  /** The object. */
  readonly i: number;
  /** The entry of an array, or the bit of an atomic set plus 1. */
  readonly j: number;
  readonly reads: boolean;
  /** Neither atomic nor deliberately racy. */
  readonly plain: boolean;
}

/** A wild access is a fault of its own, which comes when it takes effect. */
function isInRange(f: FieldPlan, i: number, j: number): boolean {
  const entries = (f.length ?? 1) + (f.kind === "bitset" && isAtomic(f.guard) ? f.bits : 0);
  return i >= 0 && i < f.count && j >= 0 && j < entries;
}

/** Throws RangeError for guards and notes that name no lock of the plan. */
export function makeSanitizer(plan: LayoutPlan, sites: readonly Site[], view: StateView, options: SanitizerOptions = {}): Sanitizer {
  return new BlockSanitizer(plan, sites, view, options);
}

class BlockSanitizer implements Sanitizer {
  readonly #plan: LayoutPlan;
  readonly #view: StateView;
  readonly #notes: LockOrderNotes;
  readonly #rules: ReadonlySet<SanitizerRule>;
  readonly #raise: boolean;
  readonly #only: ReadonlySet<string> | null;
  readonly #evidence: Evidence;
  readonly #held: HeldLocks;

  // The block that is running.
  #actor = -1;
  #head: BlockHead = { actor: -1, label: "", instruction: false, heldAtStart: [] };
  #operations = new Int32Array(64 * OPERATION_WORDS);
  #length = 0;
  #assertions = 0;
  /** Operations that are known for what they are when they have taken effect. */
  #ownerWrite: number | null = null;
  #bareWrite: { readonly nth: number; readonly field: number; readonly i: number; readonly j: number } | null = null;

  /** It has used an object that could have an owner and has none. */
  #usesObject = false;
  #takesObject = false;

  // What raising needs to know of it.
  readonly #lateUses: LateUses | null;
  readonly #order: LockOrder;
  readonly #movers = new MoverSequence();
  #firstAccess = -1;
  #lastAccess = -1;

  constructor(plan: LayoutPlan, sites: readonly Site[], view: StateView, options: SanitizerOptions) {
    this.#plan = plan;
    this.#view = view;
    this.#notes = options;
    this.#rules = new Set(options.rules ?? SANITIZER_RULES);
    this.#raise = options.raise ?? false;
    this.#only = options.only ?? null;
    this.#evidence = new Evidence(plan, sites, options.actors ?? []);
    this.#held = new HeldLocks(plan.locks.length);
    this.#order = new LockOrder(plan, options);
    this.merge(options.knowledge ?? []);
    this.#lateUses = this.#raise ? new LateUses(this.#evidence) : null;
  }

  merge(blocks: Iterable<RecordedBlock>): void {
    for (const b of blocks) if (this.#evidence.add(b)) this.#order.addBlock(b);
  }

  blocks(): RecordedBlock[] {
    return [...this.#evidence.blocks];
  }

  beginStep(actor: number, label: string, instruction = false): void {
    this.#actor = actor;
    this.#head = { actor, label, instruction, heldAtStart: this.#view.heldAt(actor) };
    this.#held.reset(this.#head.heldAtStart);
    this.#length = 0;
    this.#assertions = 0;
    this.#bareWrite = null;
    this.#ownerWrite = null;
    this.#takesObject = this.#usesObject = false;
    this.#movers.reset(instruction);
    this.#firstAccess = this.#lastAccess = -1;
  }

  access(field: number, i: number, j: number, mode: AccessMode, site: number): void {
    const f = this.#plan.fields[field]!;
    if (this.#actor < 0 || !isInRange(f, i, j)) return;
    const reads = mode === READ || mode === READ_ONCE;
    if (this.#assertions > 0 && reads) return;
    if (f.lockBase >= 0) {
      // What a thread sees of a lock that it holds itself is no news.
      if (!this.#held.holds(f.lockBase + i)) this.#did(LOCK_INSPECTED, f.lockBase + i, site);
      return;
    }
    const { elements } = this.#evidence;
    const element = elements.of(field, i, j);
    if (element < 0) return;
    const guard = elements.guardKind(element);
    if (guard === GUARD_OWNER) this.#writesOwner(element, this.#view.reference(field, i), site);
    else this.#uses({ element, guard, field, i, j, reads, plain: (mode === READ || mode === WRITE) && guard !== GUARD_ATOMIC }, mode, site);
  }

  /** `before`: the owner that the write finds. */
  #writesOwner(element: number, before: number, site: number): void {
    this.#did(before === NONE || before === this.#actor ? OWNER_CHANGED : OWNER_STOLEN, element, site);
    if (before === NONE) this.#ownerWrite = this.#length - 1;
  }

  #uses(access: Access, mode: AccessMode, site: number): void {
    const { element, guard, field, i, j, reads, plain } = access;
    const { elements } = this.#evidence;
    const owner = this.#ownerNow(element);
    const foreign = owner !== NONE && owner !== this.#actor ? FOREIGN : 0;
    if (owner === NONE && elements.ownerOf(element) >= 0) this.#usesObject = true;
    if (mode === ADD && guard === GUARD_ATOMIC && owner !== this.#actor) {
      this.#did(INCREMENT | foreign, element, site);
      return;
    }
    let kind = this.#kindOf(access) | (owner === this.#actor ? OWNED : 0);
    const canBeEmpty = guard === GUARD_LOCK && ((kind & ~OWNED) === COVERED_READ || kind === BARE_WRITE);
    if (canBeEmpty && this.#view.isStill(field, i, j)) kind |= EMPTY;
    this.#did((plain ? kind : kind | MARKED) | foreign, element, site);
    if (guard === GUARD_LOCK && (kind & ~EMPTY) === BARE_WRITE) this.#bareWrite = { nth: this.#length - 1, field, i, j };
    // Of a reference that is fixed for a lifetime nobody else knows when it changes.
    if (!reads && guard !== GUARD_LIFETIME) this.#moveGuards(field, i, site, owner === this.#actor);
  }

  /** The latest operation has taken effect. Now it shows whether it took an object, and whether a bare write left its field empty. */
  #afterWrite(): void {
    const taking = this.#ownerWrite;
    this.#ownerWrite = null;
    if (taking !== null && this.#ownerNamed(this.#operations[taking * OPERATION_WORDS + 1]!) === this.#actor) {
      this.#operations[taking * OPERATION_WORDS] = OWNER_TAKEN;
      this.#takesObject = true;
      for (const f of this.#lateUses?.findings(this.#block(), this.#positionsOfOthers()) ?? []) this.#offer(f.rule, f.sites, () => f);
    }
    const w = this.#bareWrite;
    if (w === null) return;
    this.#bareWrite = null;
    if (this.#view.isStill(w.field, w.i, w.j)) this.#operations[w.nth * OPERATION_WORDS]! |= EMPTY;
  }

  /** The actor that has the element's object to itself, or NONE. */
  #ownerNow(element: number): number {
    const owner = this.#evidence.elements.ownerOf(element);
    return owner < 0 ? NONE : this.#ownerNamed(owner);
  }

  /** The actor that an owner field names, or NONE. `owner`: the element of the field. */
  #ownerNamed(owner: number): number {
    const { field, i } = this.#evidence.elements.place(owner);
    return this.#view.reference(field, i);
  }

  #positionsOfOthers(): Set<number> {
    const positions = new Set<number>();
    for (let actor = 0; actor < this.#view.actors; actor++) if (actor !== this.#actor) positions.add(this.#view.position(actor));
    return positions;
  }

  /** Objects that the block leaves to somebody else. */
  #judgeGiving(): void {
    for (let nth = this.#length - 1; nth >= 0; nth--) {
      if (this.#operations[nth * OPERATION_WORDS] !== OWNER_CHANGED && this.#operations[nth * OPERATION_WORDS] !== OWNER_STOLEN) continue;
      const element = this.#operations[nth * OPERATION_WORDS + 1]!;
      const owner = this.#ownerNamed(element);
      if (owner !== NONE && owner !== this.#actor) this.#did(OWNER_GIVEN, element, this.#site(nth));
    }
  }

  #kindOf(access: Access): number {
    if (this.#covers(access)) return access.reads ? COVERED_READ : COVERED_WRITE;
    return access.reads ? BARE_READ : BARE_WRITE;
  }

  /** Whether the access has what its field's guard asks for. */
  #covers({ element, guard, field, i, j, reads, plain }: Access): boolean {
    const write = !reads;
    switch (guard) {
      case GUARD_LOCK: {
        const lock = this.#evidence.elements.guardLock(element, this.#view.reference);
        const either = this.#evidence.elements.eitherLock(element);
        const third = this.#evidence.elements.thirdLock(element, this.#view.reference);
        const covered = lock >= 0 && this.#held.covers(lock, write);
        // A reader has any of the locks there are, a writer has all.
        if (reads) return covered || (either >= 0 && this.#held.covers(either, false)) || (third >= 0 && this.#held.covers(third, false));
        return covered && (either < 0 || this.#held.covers(either, true)) && (third < 0 || this.#held.covers(third, true));
      }
      case GUARD_ONCE: return this.#coversOnce(element, this.#view.isInitial(field, i, j), write);
      case GUARD_LIFETIME: return plain;
      case GUARD_CPU: return i === this.#actor || !plain;
      default: return false;
    }
  }

  /**
   * A value that is set once is read when it is set, and set when it is not. Where the setting has a lock, a setter holds it,
   * be it shared, and who holds it exclusively may find the value unset as well.
   */
  #coversOnce(element: number, unset: boolean, write: boolean): boolean {
    const { elements } = this.#evidence;
    if (!elements.hasLock(element)) return unset === write;
    const lock = elements.guardLock(element, this.#view.reference);
    if (write) return unset && lock >= 0 && this.#held.covers(lock, false);
    return !unset || (lock >= 0 && this.#held.covers(lock, true));
  }

  /** A reference changes, and with it the lock that protects what is guarded through it (docs/proofs/lock-guards.md). */
  #moveGuards(reference: number, i: number, site: number, owned: boolean): void {
    const { elements } = this.#evidence;
    for (const field of elements.guardedThrough(reference)) {
      const first = elements.of(field, i, 0);
      const lock = elements.guardLock(first, this.#view.reference);
      const operation = owned ? GUARD_LOST | OWNED : lock < 0 || this.#held.covers(lock, true) ? GUARD_MOVED : GUARD_LOST;
      for (let j = 0; j < (this.#plan.fields[field]!.length ?? 1); j++) this.#did(operation, first + j, site);
    }
  }

  acquire(lock: number, mode: LockMode, trylock: boolean, site: number): void {
    const last = (this.#length - 1) * OPERATION_WORDS;
    const words = this.#operations;
    if (mode === "shared" && last >= 0 && words[last] === RELEASE_EXCLUSIVE && words[last + 1] === lock && words[last + 2] === site) {
      words[last] = DOWNGRADE;
      this.#held.acquire(lock, mode);
      return;
    }
    this.#held.acquire(lock, mode);
    if (trylock) this.#did(mode === "shared" ? TRYLOCK_SHARED : TRYLOCK_EXCLUSIVE, lock, site);
    else this.#did(mode === "shared" ? ACQUIRE_SHARED : ACQUIRE_EXCLUSIVE, lock, site);
  }

  acquireFailed(lock: number, mode: LockMode, site: number): void {
    if (this.#held.holds(lock)) return;
    this.#did(mode === "shared" ? TRYLOCK_FAILED_SHARED : TRYLOCK_FAILED_EXCLUSIVE, lock, site);
  }

  release(lock: number, mode: LockMode, site: number): void {
    this.#held.release(lock);
    this.#did(mode === "shared" ? RELEASE_SHARED : RELEASE_EXCLUSIVE, lock, site);
  }

  assertion(begins: boolean): void {
    this.#assertions += begins ? 1 : -1;
  }

  /** Announcements are ghosts: they belong to the operation beside them. */
  event(): void {}

  guardFailed(actor: number): void {
    this.endStep(actor);
  }

  endStep(actor: number): void {
    if (actor !== this.#actor) throw new Error(`the sanitizer was told that actor ${actor} ends a step which actor ${this.#actor} began`);
    this.#afterWrite();
    this.#judgeGiving();
    if (this.#length > 0) this.#record(this.#usesObject ? new Set([this.#view.position(this.#actor)]) : NOWHERE);
    // What a thread does before its first yield belongs to no block.
    this.#actor = -1;
  }

  /** `endsAt`: see RecordedBlock; nowhere for a block that has not ended. */
  #record(endsAt: ReadonlySet<number>): void {
    const words = this.#length * OPERATION_WORDS;
    const besides = this.#takesObject ? this.#positionsOfOthers() : NOWHERE;
    if (!this.#evidence.blocks.add({ ...this.#head, operations: this.#operations, endsAt, besides }, words)) return;
    const b = this.#block();
    for (let n = 0; n < this.#length; n++) {
      this.#evidence.use.note(b.actor, b.operations[n * OPERATION_WORDS]!, b.operations[n * OPERATION_WORDS + 1]!);
      this.#order.addOperation(b, n);
    }
  }

  /** The block so far. */
  #block(): RecordedBlock {
    const operations = this.#operations.subarray(0, this.#length * OPERATION_WORDS);
    return { ...this.#head, actor: this.#actor, operations, endsAt: NOWHERE, besides: NOWHERE };
  }

  #did(operation: number, subject: number, site: number): void {
    this.#afterWrite();
    const at = this.#length * OPERATION_WORDS;
    if (at === this.#operations.length) {
      const larger = new Int32Array(at * 2);
      larger.set(this.#operations);
      this.#operations = larger;
    }
    this.#operations[at] = operation;
    this.#operations[at + 1] = subject;
    this.#operations[at + 2] = site;
    const nth = this.#length++;
    if (this.#raise) this.#judge(nth, operation, subject);
  }

  #judge(nth: number, operation: number, subject: number): void {
    const { elements, use } = this.#evidence;
    use.note(this.#actor, operation, subject);
    if (trespasses(elements, operation, subject)) this.#offerRace({ access: nth, company: nth });
    const races = isAccess(operation) ? this.#racesWith(nth) : [];
    const lockMissing = (race: Race): boolean => elements.guardKind(this.#operations[race.access * OPERATION_WORDS + 1]!) === GUARD_LOCK;
    // Where a lock is declared, the access lacks the lock, whatever else is wrong; else the block lacks a yield.
    for (const race of races) if (lockMissing(race)) this.#offerRace(race);
    const earlier = this.#movers.next(use.mover(this.#actor, operation, subject), nth, operation, groupOf(elements, operation, subject));
    if (earlier >= 0) {
      const make = (): Finding => atomicityFinding(this.#evidence, this.#block(), earlier, nth);
      this.#offer("atomicity", [this.#site(nth), this.#site(earlier)], make);
    }
    for (const race of races) if (!lockMissing(race)) this.#offerRace(race);
    if (operation === ACQUIRE_SHARED || operation === ACQUIRE_EXCLUSIVE) this.#judgeOrder(nth);
  }

  /** The races that access `nth` completes: its own, and that of the block's first access when it is the second. */
  #racesWith(nth: number): Race[] {
    const previous = this.#lastAccess;
    this.#lastAccess = nth;
    if (this.#firstAccess < 0) this.#firstAccess = nth;
    if (previous < 0) return [];
    const candidates = [{ access: nth, company: previous }];
    if (previous === this.#firstAccess) candidates.unshift({ access: previous, company: nth });
    const { elements, use } = this.#evidence;
    const words = this.#operations;
    return candidates.filter(({ access }) =>
      isRace(elements, use, this.#actor, words[access * OPERATION_WORDS]!, words[access * OPERATION_WORDS + 1]!));
  }

  #offerRace(race: Race): void {
    const make = (): Finding => raceFinding(this.#evidence, this.#block(), race.access, race.company);
    this.#offer("data-race", [this.#site(race.access), this.#site(race.company)], make);
  }

  #judgeOrder(nth: number): void {
    if (!this.#rules.has("lock-order") || this.#held.count < 2) return;
    const b = this.#block();
    this.#order.addOperation(b, nth);
    for (const edge of this.#order.edgesOf(b, nth)) {
      const cycle = this.#order.cycleThrough(edge);
      if (cycle !== null) this.#offer("lock-order", this.#order.sites(cycle), () => orderFinding(this.#evidence, this.#order, cycle, edge));
    }
  }

  #site(nth: number): number {
    return this.#operations[nth * OPERATION_WORDS + 2]!;
  }

  /** Throws the finding, if it is one to be raised. */
  #offer(rule: SanitizerRule, sites: readonly number[], make: () => Finding): void {
    if (!this.#rules.has(rule) || (this.#only !== null && !this.#only.has(findingKey({ rule, sites })))) return;
    const finding = make();
    this.#record(NOWHERE);
    // This step has no end, and what threads do in an initial state belongs to none.
    this.#actor = -1;
    throw new StepFault(finding.rule, finding.message, finding.source);
  }

  trusted(): string[] {
    return new LateUses(this.#evidence).trusted();
  }

  lockEdges(): LockEdge[] {
    return this.#order.edges();
  }

  findings(): Finding[] {
    const e = this.#evidence;
    const found = new Map<string, Finding>();
    const add = (f: Finding): void => {
      if (!this.#rules.has(f.rule)) return;
      const known = found.get(findingKey(f));
      if (known === undefined || smaller(f, known)) found.set(findingKey(f), f);
    };
    const order = new LockOrder(this.#plan, this.#notes);
    const lateUses = new LateUses(e);
    for (const b of e.blocks) {
      order.addBlock(b);
      const pair = outOfOrder(b, e.use, e.elements);
      if (pair !== null) add(atomicityFinding(e, b, pair.earlier, pair.later));
      for (const race of racesIn(e, b)) add(raceFinding(e, b, race.access, race.company));
      for (const f of lateUses.findings(b)) add(f);
    }
    for (const cycle of order.cycles()) add(orderFinding(e, order, cycle));
    return [...found.values()].sort((a, b) => (smaller(a, b) ? -1 : 1));
  }
}

function smaller(a: Finding, b: Finding): boolean {
  const rank = (f: Finding): number => SANITIZER_RULES.indexOf(f.rule);
  if (rank(a) !== rank(b)) return rank(a) < rank(b);
  for (let n = 0; n < Math.min(a.sites.length, b.sites.length); n++) if (a.sites[n] !== b.sites[n]) return a.sites[n]! < b.sites[n]!;
  if (a.sites.length !== b.sites.length) return a.sites.length < b.sites.length;
  if (a.actor !== b.actor) return a.actor < b.actor;
  return a.label === b.label ? a.message < b.message : a.label < b.label;
}
