/**
 * Atomicity of blocks: each yield that a routine leaves out is a claim, checked by Lipton's reduction.
 *
 * A block is one step: from a yield to the next, the evaluation of its guard included. The search runs it without
 * interruption; a real thread can be interrupted before each of its operations. The difference does not matter if
 * every block is a sequence of right movers, then at most one non-mover, then left movers, with both-movers anywhere
 * (Lipton, "Reduction: a method of proving properties of parallel programs", CACM 1975; the table of movers is that of
 * Flanagan and Qadeer, "A type and effect system for atomicity", PLDI 2003):
 *
 *   | operation                                              | mover |
 *   |--------------------------------------------------------|-------|
 *   | taking a lock, by waiting or by a trylock that succeeds | right |
 *   | releasing or downgrading one                            | left  |
 *   | the same, of a lock that another thread tries or inspects | non |
 *   | a trylock that fails, asking whether a lock is held     | non (both, if no other thread takes the lock) |
 *   | setting a `once` value that other threads read set only | right |
 *   | taking for itself, or giving up, an object that other threads use, take or give up | non |
 *   | any other access with which no other thread's use conflicts | both |
 *   | any other access                                        | non   |
 *
 * When another thread's use conflicts is shared-use.ts's table: under the declared lock, only with accesses that
 * disregard the lock; without it, with every access of another thread of which one is a write.
 *
 * A trylock deserves its row. Its success is an acquisition like any other. But its failure observes that another
 * thread is inside a critical section, which that thread's block, run whole, would never show: with `[lock; work;
 * unlock]` as one block no trylock of the lock ever fails in the search. So where a lock is tried, holding it must
 * begin and end in different blocks, at non-movers both.
 *
 * The verdict on a block depends on the block and on facts about the whole exploration, never on the path by which a
 * state was reached, so it holds for all paths that merge in the state.
 *
 * Why checking the blocks that the search runs is enough, though it runs them whole. Suppose all blocks met obey the
 * pattern, and take any finely interleaved execution, the shortest in which some thread does an operation that it
 * never did in the search. In the part before it all operations are known, so the pattern and the commutations hold
 * there. Threads that are past the non-mover (or first left mover) of their block are run to its end: their remaining
 * operations are left movers, which the search has seen following their beginnings, and which no block waits for.
 * Threads that are before it have done right movers only, which move to the very end and are dropped. What remains is,
 * rearranged, an execution of whole blocks, so the search has it, and with it the operation in question: what a thread
 * does next depends on its own position and values, which rearranging keeps. Hence every state of a finely interleaved
 * execution in which all threads stand at yields is a state of the search; and so is every deadlock, since a thread
 * waits at yields only. A value or an outcome that rearranging would change (a trylock that fails, a `once` value
 * found unset) is a non-mover, by the facts that the search collected when it ran the other order.
 *
 * A left mover that moves to its block's commit could pass the moment in which another thread takes the object it uses,
 * and become harmless. That this does not happen is a rule of its own: taking.ts.
 *
 * One instruction: a block that the program declares to be one (`at(..., { instruction: true })`) is taken to access
 * what it accesses in one instant, as a CPU's load with its page walk is. That is an assumption, and named as such.
 *
 * Queued semaphores: a writer's arrival at the waiters is a step by itself, and only ever holds others back. It can be
 * put off until just before the writer is granted the lock (or to the end, if it never is) without preventing a step of
 * another thread, unless one looks at the waiters without waiting: a reader's trylock, see shared-use.ts. So there the
 * states with all threads at yields are equal up to who waits in the queue; end states and deadlocks are equal.
 *
 * Not covered: properties of states inside a block (`always` is evaluated between steps; so are, for this rule, the
 * conditions of bugOn: they are promises about the program and no part of it, so what they read is not an operation of
 * the block, and that a finer interleaving would make one fail is not found); ghosts and statistics (see
 * guard.ts); blocks that never end; orders that only a weak memory model allows; a block cut short by another fault
 * (the search ends with that one).
 */
import { BARE_READ, BARE_WRITE, GUARD_LOST, GUARD_MOVED, accessKind, changesOwner, isAccess } from "./block-log.ts";
import { lengthOf, operationOf, siteOf, subjectOf, type Block, type Evidence, type Finding } from "./evidence.ts";
import { GUARD_CPU, GUARD_LOCK, GUARD_ONCE, type Elements } from "./guard.ts";
import { BOTH_MOVER, LEFT_MOVER, NON_MOVER, RIGHT_MOVER, type Mover, type SharedUse } from "./shared-use.ts";

const IN_ORDER = -1;
const NO_GROUP = -1;

/** The group of the operation's field, -1 for none. */
export function groupOf(elements: Elements, operation: number, subject: number): number {
  return isAccess(operation) ? elements.groupOf(subject) : NO_GROUP;
}

/** Accepts right movers, at most one non-mover, left movers; both-movers anywhere. */
export class MoverSequence {
  /** The operation after which other threads can see the block's effects: the first left mover or non-mover. */
  #commit = IN_ORDER;
  #instant = 0;
  #instruction = false;
  /** The group of the latest access, as long as only both-movers came after it. */
  #group = NO_GROUP;
  #groupInstant = 0;

  /** A block begins; the accesses of one instruction happen in one instant. */
  reset(instruction: boolean): void {
    this.#commit = IN_ORDER;
    this.#instant = 0;
    this.#instruction = instruction;
    this.#group = NO_GROUP;
  }

  /** Whether the operation taken last happens after the one that other threads see first. */
  get isPastCommit(): boolean {
    return this.#commit >= 0 && this.#commit !== this.#instant;
  }

  /**
   * Takes operation `nth` of the block; the earlier operation that it may not follow, or -1. A change of the guard or owner
   * happens in the instant of the operation before it, an access to a group in that of the access before it to the same.
   */
  next(mover: Mover, nth: number, operation: number, group: number): number {
    if (group !== NO_GROUP && group === this.#group) this.#instant = this.#groupInstant;
    else if (!changesProtection(operation) && !(this.#instruction && isAccess(operation))) this.#instant = nth;
    if (group !== NO_GROUP || mover !== BOTH_MOVER) {
      this.#group = group;
      this.#groupInstant = this.#instant;
    }
    if (this.#commit >= 0) return (mover === RIGHT_MOVER || mover === NON_MOVER) && this.#commit !== this.#instant ? this.#commit : IN_ORDER;
    if (mover === LEFT_MOVER || mover === NON_MOVER) this.#commit = this.#instant;
    return IN_ORDER;
  }
}

const changesProtection = (operation: number): boolean => operation === GUARD_LOST || operation === GUARD_MOVED || changesOwner(operation);

/** The first pair of operations of the block that are out of order, the earlier first; null when it is atomic. */
export function outOfOrder(b: Block, use: SharedUse, elements: Elements): { readonly earlier: number; readonly later: number } | null {
  const sequence = new MoverSequence();
  sequence.reset(b.instruction);
  for (let nth = 0; nth < lengthOf(b); nth++) {
    const earlier = sequence.next(use.mover(b.actor, operationOf(b, nth), subjectOf(b, nth)), nth, operationOf(b, nth), groupOf(elements, operationOf(b, nth), subjectOf(b, nth)));
    if (earlier >= 0) return { earlier, later: nth };
  }
  return null;
}

export function atomicityFinding(e: Evidence, b: Block, earlier: number, later: number): Finding {
  const sites = [siteOf(b, later), siteOf(b, earlier)];
  const message =
    `atomicity: block "${b.label}" of ${e.actor(b.actor)} is not atomic: ` +
    `at ${e.place(sites[0]!)} it ${described(e, b, later)}, ` +
    `after it ${described(e, b, earlier)} at ${e.place(sites[1]!)}; other threads can run between the two. ` +
    (e.place(sites[0]!) === e.place(sites[1]!) ? "Make it one atomic operation, put a yield between" : `Put a yield before ${e.place(sites[0]!)}`) + ", or hold a declared lock over both";
  return { rule: "atomicity", message, sites, source: e.source(sites[0]!), actor: b.actor, label: b.label };
}

/** The operation, and why it is no both-mover. */
function described(e: Evidence, b: Block, nth: number): string {
  const operation = operationOf(b, nth);
  const subject = subjectOf(b, nth);
  const what = e.operation(operation, subject);
  if (e.use.mover(b.actor, operation, subject) !== NON_MOVER) return what;
  const rival = e.rival(b.actor, operation, subject);
  if (rival === null) return what;
  const other = `${e.actor(rival.actor)} ${e.operation(rival.operation, subject)} at ${e.place(rival.site)}`;
  return `${what} (${isAccess(operation) ? protection(e, operation, subject) : ""}${other})`;
}

function protection(e: Evidence, operation: number, element: number): string {
  const kind = accessKind(operation);
  const bare = kind === BARE_READ || kind === BARE_WRITE;
  switch (e.elements.guardKind(element)) {
    case GUARD_LOCK: {
      const lock = e.elements.guardText(element);
      return bare ? `without ${lock}; ` : `under ${lock}, which is not respected elsewhere: `;
    }
    case GUARD_CPU: return bare ? "from another CPU; " : "";
    case GUARD_ONCE: return bare ? "outside its promise to be set once; " : "";
    default: return "";
  }
}
