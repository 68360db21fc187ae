/**
 * Objects that are taken while another thread is in the middle of using them.
 *
 * A use of an object that is nobody's, past the commit of its block, is a *late use*: another thread can take the object
 * just before. Two sets say whether that can happen: where a thread stood after each block that uses objects (`endsAt`), and
 * where the others stood beside each block that takes one (`besides`). A lock that both hold, one of them exclusively,
 * rules it out.
 *
 * Why this finds every such taking: docs/proofs/late-uses.md.
 */
import { OWNED, OWNER_TAKEN, isAccess, isForeign } from "./block-log.ts";
import { MoverSequence, groupOf } from "./block-atomicity.ts";
import { heldBefore, lengthOf, operationOf, siteOf, subjectOf, type Block, type Evidence, type Finding } from "./evidence.ts";
import type { HeldLock } from "./held-locks.ts";

/** A use, or a taking: place `nth` in a block's operations. */
interface Occasion {
  readonly block: Block;
  readonly nth: number;
  /** The element of the object's owner field. */
  readonly object: number;
  readonly held: readonly HeldLock[];
}

/** Uses of objects that are nobody's, after the block's commit. */
function lateUses(e: Evidence, block: Block): Occasion[] {
  if (block.endsAt.size === 0) return [];
  const uses: Occasion[] = [];
  const sequence = new MoverSequence();
  sequence.reset(block.instruction);
  for (let nth = 0; nth < lengthOf(block); nth++) {
    const operation = operationOf(block, nth);
    const subject = subjectOf(block, nth);
    sequence.next(e.use.mover(block.actor, operation, subject), nth, operation, groupOf(e.elements, operation, subject));
    if (!sequence.isPastCommit || !isAccess(operation) || (operation & OWNED) !== 0 || isForeign(operation)) continue;
    const object = e.elements.ownerOf(subject);
    if (object >= 0) uses.push({ block, nth, object, held: heldBefore(block, nth) });
  }
  return uses;
}

function takings(block: Block): Occasion[] {
  const taken: Occasion[] = [];
  for (let nth = 0; nth < lengthOf(block); nth++) {
    if (operationOf(block, nth) === OWNER_TAKEN) taken.push({ block, nth, object: subjectOf(block, nth), held: heldBefore(block, nth) });
  }
  return taken;
}

const excludeEachOther = (a: readonly HeldLock[], b: readonly HeldLock[]): boolean =>
  a.some((mine) => b.some((theirs) => mine.lock === theirs.lock && (mine.mode === "exclusive" || theirs.mode === "exclusive")));

/** The late uses of all blocks met, by where their thread stood afterwards. */
export class LateUses {
  readonly #evidence: Evidence;
  /** By position. */
  readonly #uses = new Map<number, Occasion[]>();

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
    // Of uses that are alike in all that matters one is enough.
    const known = new Set<string>();
    for (const block of evidence.blocks) {
      for (const use of lateUses(evidence, block)) {
        const kind = `${block.actor} ${use.object} ${siteOf(block, use.nth)} ${use.held.map((h) => h.lock + h.mode).join()} `;
        for (const position of block.endsAt) {
          if (known.has(kind + position)) continue;
          known.add(kind + position);
          const there = this.#uses.get(position);
          if (there === undefined) this.#uses.set(position, [use]);
          else there.push(use);
        }
      }
    }
  }

  /** The uses from under which an object is taken, while other threads stand at `positions`. */
  #overtakenBy(taking: Occasion, positions: Iterable<number>): Occasion[] {
    const found: Occasion[] = [];
    for (const position of positions) {
      for (const use of this.#uses.get(position) ?? []) {
        if (use.object !== taking.object || use.block.actor === taking.block.actor) continue;
        if (!excludeEachOther(use.held, taking.held)) found.push(use);
      }
    }
    return found;
  }

  /** One finding for each pair of a use and a taking by the block, while other threads stand at `positions`. */
  findings(block: Block, positions: Iterable<number> = block.besides): Finding[] {
    return takings(block)
      .filter((taking) => !this.#evidence.elements.isReferenced(taking.object))
      .flatMap((taking) => this.#overtakenBy(taking, positions).map((use) => takenFinding(this.#evidence, use, taking)));
  }

  /** What is taken on trust of objects guarded "owner(referenced)", in words: a sentence for each line that takes one. */
  trusted(): string[] {
    const e = this.#evidence;
    const uses = new Map<string, Set<string>>();
    for (const block of e.blocks) {
      for (const taking of takings(block)) {
        if (!e.elements.isReferenced(taking.object)) continue;
        const taken = `${e.elements.path(taking.object)} at ${e.place(siteOf(block, taking.nth))}`;
        for (const use of this.#overtakenBy(taking, block.besides)) {
          const lines = uses.get(taken) ?? new Set();
          uses.set(taken, lines.add(e.place(siteOf(use.block, use.nth))));
        }
      }
    }
    return [...uses].sort(([a], [b]) => (a < b ? -1 : 1)).map(([taken, lines]) =>
      `The sanitizers take on trust that nobody takes an object for itself (${taken}) while another thread, ` +
      `past its block's commit, is about to use it at ${[...lines].sort().join(", ")}`);
  }
}

function takenFinding(e: Evidence, use: Occasion, taking: Occasion): Finding {
  const { block } = use;
  const sites = [siteOf(block, use.nth), siteOf(taking.block, taking.nth)];
  const what = e.operation(operationOf(block, use.nth), subjectOf(block, use.nth));
  const taker = e.actor(taking.block.actor);
  const message =
    `block "${block.label}" of ${e.actor(block.actor)} ${what} at ${e.place(sites[0]!)} ` +
    `(it holds ${e.heldNames(use.held)}), after what makes the block visible to others; ` +
    `just before that ${taker} can have taken the object for itself, ` +
    `at ${e.place(sites[1]!)} in block "${taking.block.label}" (it holds ${e.heldNames(taking.held)}). ` +
    `Put a yield before ${e.place(sites[0]!)}, or hold one lock over both`;
  return { rule: "atomicity", message, sites, source: e.source(sites[1]!), actor: taking.block.actor, label: taking.block.label };
}
