/**
 * Check, then act: what a thread read, another thread changed, and the first went on without looking again.
 *
 * Most races of a kernel are of this form. A stale read need not be wrong; but where something went wrong, it is often why.
 */
import type { StaleRead } from "../result.ts";

interface Read {
  readonly step: number;
  readonly value: string;
  /** The routines that the reader was in, the outermost first. */
  readonly stack: readonly string[];
}
interface Known extends Read {
  /** The first step that changed the word since. */
  changedBy: number | null;
  /** The reader has taken a step since then. */
  isActedOn: boolean;
}

export class StaleReads {
  /** What each actor read last of each word. */
  readonly #known = new Map<string, Map<string, Known>>();

  /** `actor` is about to take a step in these routines, on what it has read. */
  actsIn(actor: string, stack: readonly string[]): void {
    const mine = this.#known.get(actor);
    for (const [name, read] of mine ?? []) {
      if (read.changedBy === null || read.isActedOn) continue;
      // Where the caller of the routine that looked has returned as well, nobody knows any more what it saw.
      if (common(read.stack, stack) >= Math.max(1, read.stack.length - 1)) read.isActedOn = true;
      else mine!.delete(name);
    }
  }

  /** What it read of the word before does not count any more. */
  reads(actor: string, name: string, read: Read): void {
    const mine = this.#known.get(actor) ?? new Map<string, Known>();
    this.#known.set(actor, mine);
    mine.set(name, { ...read, changedBy: null, isActedOn: false });
  }

  changes(actor: string, name: string, step: number): void {
    for (const [other, reads] of this.#known) {
      const read = reads.get(name);
      if (other !== actor && read !== undefined) read.changedBy ??= step;
    }
  }

  /** Of each step, what it read for the last time before somebody changed it unseen. */
  byStep(): ReadonlyMap<number, readonly StaleRead[]> {
    const found = new Map<number, StaleRead[]>();
    for (const reads of this.#known.values()) {
      for (const [name, { step, value, changedBy, isActedOn }] of reads) {
        if (isActedOn) found.set(step, [...(found.get(step) ?? []), { name, value, changedBy: changedBy! }]);
      }
    }
    return found;
  }
}

function common(a: readonly string[], b: readonly string[]): number {
  const n = a.findIndex((x, i) => x !== b[i]);
  return n < 0 ? a.length : n;
}
