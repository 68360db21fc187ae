/**
 * Atomicity of blocks: each yield that a routine leaves out is a claim, checked by Lipton's reduction.
 *
 * A block is one step: from a yield to the next, the evaluation of its guard included. The search runs it without
 * interruption; a real thread can be interrupted before each of its operations. The difference does not matter if every
 * block is a sequence of right movers, then at most one non-mover, then left movers, with both-movers anywhere.
 *
 * The table of movers, why checking whole blocks is enough, and what is not covered: docs/proofs/block-atomicity.md.
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
    if (this.#commit >= 0) {
      const isLate = (mover === RIGHT_MOVER || mover === NON_MOVER) && this.#commit !== this.#instant;
      return isLate ? this.#commit : IN_ORDER;
    }
    if (mover === LEFT_MOVER || mover === NON_MOVER) this.#commit = this.#instant;
    return IN_ORDER;
  }
}

const changesProtection = (operation: number): boolean =>
  operation === GUARD_LOST || operation === GUARD_MOVED || changesOwner(operation);

/** The first pair of operations of the block that are out of order, the earlier first; null when it is atomic. */
export function outOfOrder(b: Block, use: SharedUse, elements: Elements): { readonly earlier: number; readonly later: number } | null {
  const sequence = new MoverSequence();
  sequence.reset(b.instruction);
  for (let nth = 0; nth < lengthOf(b); nth++) {
    const operation = operationOf(b, nth);
    const subject = subjectOf(b, nth);
    const earlier = sequence.next(use.mover(b.actor, operation, subject), nth, operation, groupOf(elements, operation, subject));
    if (earlier >= 0) return { earlier, later: nth };
  }
  return null;
}

export function atomicityFinding(e: Evidence, b: Block, earlier: number, later: number): Finding {
  const sites = [siteOf(b, later), siteOf(b, earlier)];
  const oneLine = e.place(sites[0]!) === e.place(sites[1]!);
  const remedy = oneLine ? "Make it one atomic operation, put a yield between" : `Put a yield before ${e.place(sites[0]!)}`;
  const message =
    `block "${b.label}" of ${e.actor(b.actor)} is not atomic: ` +
    `at ${e.place(sites[0]!)} it ${described(e, b, later)}, ` +
    `after it ${described(e, b, earlier)} at ${e.place(sites[1]!)}; other threads can run between the two. ` +
    `${remedy}, or hold a declared lock over both`;
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
