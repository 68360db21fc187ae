/**
 * What an exploration has shown so far: its different blocks, who uses what, and words for both.
 *
 * The rules (block-atomicity, data-race, lock-order) judge from this and from nothing else.
 */
import { shortPath } from "../error-sentence.ts";
import type { LayoutPlan } from "../program/layout.ts";
import type { Site } from "../program/observer.ts";
import {
  ACQUIRE_SHARED, BlockSet, DOWNGRADE, GUARD_LOST, GUARD_MOVED, LOCK_INSPECTED, OPERATION_WORDS, OWNER_GIVEN,
  OWNER_STOLEN, OWNER_TAKEN, RELEASE_EXCLUSIVE, RELEASE_SHARED, TRYLOCK_EXCLUSIVE, TRYLOCK_FAILED_EXCLUSIVE,
  TRYLOCK_FAILED_SHARED, TRYLOCK_SHARED, changesOwner, isAccess, isForeign, isMarked, isWrite, modeTaken, takesLock,
  type RecordedBlock,
} from "./block-log.ts";
import { Elements, GUARD_ATOMIC } from "./guard.ts";
import type { HeldLock } from "./held-locks.ts";
import { SharedUse, areRivals } from "./shared-use.ts";

export type SanitizerRule = "atomicity" | "data-race" | "lock-order";

/** One broken rule, the same however often it was met. */
export interface Finding {
  readonly rule: SanitizerRule;
  /** Names the rule, both sides and their lines. */
  readonly message: string;
  /** The lines at odds, the offending one first; indices into the program's sites. */
  readonly sites: readonly number[];
  /** `file:line` of the offending operation, or null when the program has no such site. */
  readonly source: string | null;
  /** A block in which it shows. */
  readonly actor: number;
  readonly label: string;
}

/** What makes two findings the same: the rule and the lines. */
export function findingKey(f: Pick<Finding, "rule" | "sites">): string {
  return `${f.rule}:${f.sites.join(",")}`;
}

const changesGuard = (operation: number): boolean => operation === GUARD_MOVED || changesOwner(operation);

/** A block that is recorded, or still running: its first `operations.length` words are used. */
export type Block = RecordedBlock;

export const operationOf = (b: Block, nth: number): number => b.operations[nth * OPERATION_WORDS]!;
export const subjectOf = (b: Block, nth: number): number => b.operations[nth * OPERATION_WORDS + 1]!;
export const siteOf = (b: Block, nth: number): number => b.operations[nth * OPERATION_WORDS + 2]!;
export const lengthOf = (b: Block): number => b.operations.length / OPERATION_WORDS;

/** The locks held just before operation `nth` of the block, with the line that took them where the block itself did. */
export function heldBefore(b: Block, nth: number): (HeldLock & { readonly site: number | null })[] {
  const held: (HeldLock & { readonly site: number | null })[] = b.heldAtStart.map((h) => ({ ...h, site: null }));
  for (let n = 0; n < nth; n++) {
    const operation = operationOf(b, n);
    const lock = subjectOf(b, n);
    if (takesLock(operation)) held.push({ lock, mode: modeTaken(operation), site: siteOf(b, n) });
    else if (operation === RELEASE_SHARED || operation === RELEASE_EXCLUSIVE || operation === DOWNGRADE) {
      const at = held.findIndex((h) => h.lock === lock);
      if (at < 0) continue;
      if (operation === DOWNGRADE) held[at] = { ...held[at]!, mode: "shared" };
      else held.splice(at, 1);
    }
  }
  return held;
}

/** An operation of some thread: of `subject`, an element or a lock, at a line of the program. */
export interface Rival {
  readonly actor: number;
  readonly operation: number;
  readonly site: number;
}

/** Which of two rivals is named, so that the choice does not depend on the order of the search. */
function precedes(a: Rival, b: Rival): boolean {
  if (a.site !== b.site) return a.site < b.site;
  return a.actor === b.actor ? a.operation < b.operation : a.actor < b.actor;
}

export class Evidence {
  readonly plan: LayoutPlan;
  readonly elements: Elements;
  readonly sites: readonly Site[];
  readonly actors: readonly string[];
  readonly blocks = new BlockSet();
  readonly use: SharedUse;

  constructor(plan: LayoutPlan, sites: readonly Site[], actors: readonly string[]) {
    this.plan = plan;
    this.elements = new Elements(plan);
    this.sites = sites;
    this.actors = actors;
    this.use = new SharedUse(this.elements);
  }

  /** Adds a block met elsewhere, e.g. by another worker. True when it was new. */
  add(b: RecordedBlock): boolean {
    if (!this.blocks.add(b)) return false;
    for (let n = 0; n < lengthOf(b); n++) this.use.note(b.actor, operationOf(b, n), subjectOf(b, n));
    return true;
  }

  actor(actor: number): string {
    return this.actors[actor] ?? `thread ${actor}`;
  }

  /** `file:line`, the file as people write it. */
  place(site: number): string {
    const s = this.sites[site];
    return s === undefined ? "(unknown line)" : shortPath(`${s.file}:${s.line}`);
  }

  /** `file:line`, the file as the system knows it. */
  source(site: number): string | null {
    const s = this.sites[site];
    return s === undefined ? null : `${s.file}:${s.line}`;
  }

  lockName(lock: number): string {
    return this.plan.locks[lock]!.name;
  }

  heldNames(held: readonly HeldLock[]): string {
    if (held.length === 0) return "no lock";
    return held.map((h) => this.lockName(h.lock) + (h.mode === "shared" ? " (shared)" : "")).join(", ");
  }

  /** `reads page[3].flags`, `takes mm.mmapLock (shared)` */
  operation(operation: number, subject: number): string {
    if (operation === GUARD_LOST || operation === GUARD_MOVED) {
      return `changes which ${this.elements.guardText(subject)} protects ${this.elements.name(subject)}`;
    }
    if (changesOwner(operation)) return this.#changeOfOwner(operation, this.elements.name(subject));
    return isAccess(operation) ? this.#access(operation, subject) : this.#lockOperation(operation, subject);
  }

  #changeOfOwner(operation: number, owner: string): string {
    switch (operation) {
      case OWNER_TAKEN: return `takes for itself the object of ${owner}`;
      case OWNER_STOLEN: return `changes ${owner} while another thread has the object to itself`;
      case OWNER_GIVEN: return `leaves the object of ${owner} to another thread`;
      default: return `gives up the object of ${owner}`;
    }
  }

  #access(operation: number, subject: number): string {
    const name = this.elements.name(subject) + (isForeign(operation) ? ", which another thread has to itself," : "");
    const verb = isWrite(operation) ? "writes" : "reads";
    if (!isMarked(operation)) return `${verb} ${name}`;
    return this.elements.guardKind(subject) === GUARD_ATOMIC ? `accesses ${name} (atomic)` : `${verb} ${name} (marked)`;
  }

  #lockOperation(operation: number, subject: number): string {
    const lock = this.lockName(subject);
    const shared = this.plan.locks[subject]!.kind === "rwsem" ? " (shared)" : "";
    switch (operation) {
      case TRYLOCK_SHARED:
      case TRYLOCK_FAILED_SHARED: return `tries ${lock}${shared}`;
      case TRYLOCK_EXCLUSIVE:
      case TRYLOCK_FAILED_EXCLUSIVE: return `tries ${lock}`;
      case LOCK_INSPECTED: return `asks whether ${lock} is held`;
      case RELEASE_SHARED: return `releases ${lock}${shared}`;
      case RELEASE_EXCLUSIVE: return `releases ${lock}`;
      case DOWNGRADE: return `downgrades ${lock}`;
      default: return `takes ${lock}${modeTaken(operation) === "shared" ? shared : ""}`;
    }
  }

  /** An operation of another thread that does not commute with this one: on the smallest site, then actor. */
  rival(actor: number, operation: number, subject: number): Rival | null {
    let best: Rival | null = null;
    const related = isAccess(operation) ? this.elements.touched(subject) : [];
    const concerns = (other: number, its: number): boolean => its === subject || (isAccess(other) && related.includes(its));
    for (const b of this.blocks) {
      if (b.actor === actor) continue;
      for (let n = 0; n < lengthOf(b); n++) {
        const other = operationOf(b, n);
        if (!concerns(other, subjectOf(b, n)) || !this.#rivals(operation, other, subject)) continue;
        const rival = { actor: b.actor, operation: other, site: siteOf(b, n) };
        if (best === null || precedes(rival, best)) best = rival;
      }
    }
    return best;
  }

  #rivals(mine: number, other: number, subject: number): boolean {
    if (isAccess(mine)) return isAccess(other) && areRivals(this.elements, subject, mine, other);
    if (isAccess(other) || changesGuard(mine) || changesGuard(other)) return false;
    const sees = (o: number): boolean => o === LOCK_INSPECTED || (o >= TRYLOCK_SHARED && o <= TRYLOCK_FAILED_EXCLUSIVE);
    if (sees(mine)) return takesLock(other);
    // A shared hold is no news to who tries the lock shared.
    const shared = mine === ACQUIRE_SHARED || mine === RELEASE_SHARED;
    return sees(other) && !(shared && (other === TRYLOCK_SHARED || other === TRYLOCK_FAILED_SHARED));
  }
}
