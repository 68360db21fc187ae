/**
 * Data races: a plain access that is neither under its declared lock nor alone in its block.
 *
 * A declared lock is a promise about every access, so it is checked without waiting for a second thread to be caught
 * in the act (as Clang's GUARDED_BY does, and unlike KCSAN): the plain access without the lock is the finding. A write
 * needs the lock exclusively; a reader's hold does not cover it.
 *
 * A plain access to per-CPU state of another CPU is one likewise: guard "cpu" promises that there is none.
 *
 * A plain access without a lock to an object that another thread has to itself (guard "owner") is a data race whatever
 * else is true of it, and even alone in its block: one of the two threads is wrong about whose the object is. So is
 * leaving an object to another thread, or taking one from it. The owner's own accesses never are.
 *
 * A field without a declared lock promises nothing that could be broken by one thread; there, and for a `once` field
 * whose value is read before it is set or overwritten after, a race needs a second side: an access by another thread,
 * anywhere in the exploration, of which one is a write.
 *
 * Alone in its block means that the block makes no other access to the state (the guard's evaluation counts; locks,
 * statistics and ghosts do not). Such an access has a preemption point of its own, so the search interleaves it with
 * everything, which is what the author asked for by the yield. An access that is marked (atomic, cmpxchg, `once`,
 * `setOnce`) is racy on purpose and never a data race; whether its block is atomic is block-atomicity's question.
 *
 * Not covered: what a compiler or a weak memory model does to a lone plain access; happens-before by publication (use
 * `once`).
 */
import {
  BARE_READ, BARE_WRITE, INCREMENT_KIND, OWNER_GIVEN, OWNER_STOLEN, accessKind, isAccess, isForeign, isMarked, isWrite,
} from "./block-log.ts";
import { heldBefore, lengthOf, operationOf, siteOf, subjectOf, type Block, type Evidence, type Finding } from "./evidence.ts";
import { GUARD_ATOMIC, GUARD_CPU, GUARD_LIFETIME, GUARD_LOCK, type Elements } from "./guard.ts";
import type { SharedUse } from "./shared-use.ts";

/** The access nearest to access `nth` in its block, the previous one if there is one; -1 when it is alone. */
function company(b: Block, nth: number): number {
  for (let n = nth - 1; n >= 0; n--) if (isAccess(operationOf(b, n))) return n;
  for (let n = nth + 1; n < lengthOf(b); n++) if (isAccess(operationOf(b, n))) return n;
  return -1;
}

/** Whether the operation is a data race unless it is alone in its block. */
export function isRace(elements: Elements, use: SharedUse, actor: number, operation: number, element: number): boolean {
  if (!isAccess(operation) || isMarked(operation)) return false;
  if (accessKind(operation) < BARE_READ || accessKind(operation) > INCREMENT_KIND) return false;
  switch (elements.guardKind(element)) {
    case GUARD_LOCK:
    case GUARD_CPU: return true;
    case GUARD_ATOMIC: return false;
    default: return use.conflicts(actor, element, operation);
  }
}

/** Whether the operation breaks somebody's ownership, alone in its block or not. */
export function trespasses(elements: Elements, operation: number, element: number): boolean {
  if (operation === OWNER_GIVEN || operation === OWNER_STOLEN) return true;
  if (!isAccess(operation) || !isForeign(operation) || isMarked(operation)) return false;
  const guard = elements.guardKind(element);
  const kind = accessKind(operation);
  return guard !== GUARD_ATOMIC && (guard === GUARD_LIFETIME || kind === BARE_READ || kind === BARE_WRITE);
}

/** An access that races, and the access of its block that it is not alone with: places in the block's operations. */
export interface Race {
  readonly access: number;
  readonly company: number;
}

export function racesIn(e: Evidence, b: Block): Race[] {
  const races: Race[] = [];
  for (let nth = 0; nth < lengthOf(b); nth++) {
    if (trespasses(e.elements, operationOf(b, nth), subjectOf(b, nth))) {
      races.push({ access: nth, company: nth });
      continue;
    }
    if (!isRace(e.elements, e.use, b.actor, operationOf(b, nth), subjectOf(b, nth))) continue;
    const other = company(b, nth);
    if (other >= 0) races.push({ access: nth, company: other });
  }
  return races;
}

export function raceFinding(e: Evidence, b: Block, access: number, other: number): Finding {
  const operation = operationOf(b, access);
  const element = subjectOf(b, access);
  if (access === other) return trespassFinding(e, b, access);
  const sites = [siteOf(b, access), siteOf(b, other)];
  const rival = e.rival(b.actor, operation, element);
  const { missing, remedy } = whatIsMissing(e, operation, element);
  const message =
    `${e.actor(b.actor)} ${e.operation(operation, element)} at ${e.place(sites[0]!)} plainly and ${missing} ` +
    `(it holds ${e.heldNames(heldBefore(b, access))}), and not alone in block "${b.label}", which also ` +
    `${e.operation(operationOf(b, other), subjectOf(b, other))} at ${e.place(sites[1]!)}` +
    (rival === null ? "" : `; ${e.actor(rival.actor)} ${e.operation(rival.operation, element)} at ${e.place(rival.site)}`) +
    `. ${remedy}, or give it a block of its own`;
  return { rule: "data-race", message, sites, source: e.source(sites[0]!), actor: b.actor, label: b.label };
}

/** What the access lacks, and what would mend it. */
function whatIsMissing({ elements }: Evidence, operation: number, element: number): { readonly missing: string; readonly remedy: string } {
  if (elements.guardKind(element) === GUARD_CPU) {
    return { missing: "from another CPU", remedy: "Mark the access (once, setOnce) if it stands for an interrupt there" };
  }
  const lock = elements.guardText(element);
  if (lock === null) {
    return { missing: "with no lock declared for it", remedy: "Declare and take a lock, mark the access (once, setOnce)" };
  }
  const mode = isWrite(operation) ? " held exclusively" : "";
  return { missing: `without ${lock}${mode}`, remedy: "Take the lock, mark the access (once, setOnce)" };
}

function trespassFinding(e: Evidence, b: Block, nth: number): Finding {
  const site = siteOf(b, nth);
  const operation = operationOf(b, nth);
  const message =
    `${e.actor(b.actor)} ${e.operation(operation, subjectOf(b, nth))} at ${e.place(site)}, in block "${b.label}" ` +
    `(it holds ${e.heldNames(heldBefore(b, nth))}). ` +
    trespassRemedy(operation);
  return { rule: "data-race", message, sites: [site, site], source: e.source(site), actor: b.actor, label: b.label };
}

function trespassRemedy(operation: number): string {
  switch (operation) {
    case OWNER_GIVEN: return "Only an actor itself may become the owner";
    case OWNER_STOLEN: return "The owner has to give it up first";
    default: return "Either the object was published before its owner gave it up, or this thread uses it too early or too late; " +
      "take the lock, or mark the access (once, setOnce) if it is racy on purpose";
  }
}
