/** From a state's id back to its path, by the links of the workers that discovered the state and its predecessors. */
import type { Candidate } from "../candidate.ts";
import { NO_STEP } from "../candidate.ts";
import { NO_PARENT } from "./discovery.ts";

export class PredecessorLog {
  /** Links of each worker: (parent, ordinal) pairs in the order of discovery. */
  readonly #links: readonly Int32Array[];
  /** For every level, how many states each worker discovered in it. */
  readonly #levels: readonly (readonly number[])[];

  constructor(links: readonly Int32Array[], levels: readonly (readonly number[])[]) {
    this.#links = links;
    this.#levels = levels;
  }

  /** The ordinals on the way to a violation. One that `init` itself throws has no state: its ordinal counts the branches of `init`. */
  ordinalsOf(candidate: Candidate): number[] {
    if (candidate.from === NO_PARENT) return [candidate.ordinal];
    const ordinals = this.ordinalsTo(candidate.from);
    if (candidate.ordinal !== NO_STEP) ordinals.push(candidate.ordinal);
    return ordinals;
  }

  /** The ordinals on the way to state `id`: that of the initial state among the branches of `init`, then one for each step. */
  ordinalsTo(id: number): number[] {
    const ordinals: number[] = [];
    for (let state = id; state !== NO_PARENT;) {
      const [links, at] = this.#locate(state);
      ordinals.push(links[2 * at + 1]!);
      state = links[2 * at]!;
    }
    return ordinals.reverse();
  }

  #locate(id: number): [links: Int32Array, index: number] {
    const discovered = this.#links.map(() => 0);
    let first = 0;
    for (const level of this.#levels) {
      for (const [worker, count] of level.entries()) {
        if (id < first + count) return [this.#links[worker]!, discovered[worker]! + id - first];
        first += count;
        discovered[worker]! += count;
      }
    }
    throw new Error(`[thpcheck internal] no state has the id ${id}`);
  }
}
