/** From a state's id back to its path, by the links of the workers that discovered it and its ancestors. */
import type { TransitionSystem } from "../system.ts";
import type { Candidate } from "./candidate.ts";
import { NO_STEP } from "./candidate.ts";
import { NO_PARENT } from "./discovery.ts";
import type { Path, PathStep } from "./steps.ts";
import { forEachInitial, forEachStep } from "./steps.ts";

export class Genealogy {
  /** Links of each worker: (parent, ordinal) pairs in the order of discovery. */
  readonly #links: readonly Int32Array[];
  /** For every level, how many states each worker discovered in it. */
  readonly #levels: readonly (readonly number[])[];

  constructor(links: readonly Int32Array[], levels: readonly (readonly number[])[]) {
    this.#links = links;
    this.#levels = levels;
  }

  /** The ordinals on the way to state `id`: that of the initial state among the branches of `init`, then one for each step. */
  lineage(id: number): number[] {
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
    throw new Error(`[internal] no state has the id ${id}`);
  }
}

/** The path that the search took to `candidate`. */
export function pathTo(system: TransitionSystem, genealogy: Genealogy, candidate: Candidate): Path {
  // A violating initial state has no parent: its ordinal counts the branches of `init`.
  const lineage = candidate.from === NO_PARENT ? [candidate.ordinal] : genealogy.lineage(candidate.from);
  if (candidate.from !== NO_PARENT && candidate.ordinal !== NO_STEP) lineage.push(candidate.ordinal);
  const [first, ...ordinals] = lineage;
  let initial: readonly number[] = [];
  const state = new Int32Array(system.stateWords);
  forEachInitial(system, (index) => {
    if (index !== first) return;
    initial = system.branch();
    state.set(system.vector.subarray(0, state.length));
  });
  const steps: PathStep[] = [];
  for (const wanted of ordinals) {
    const next = state.slice();
    forEachStep(system, state, 0, (actor, ordinal) => {
      if (ordinal !== wanted) return;
      steps.push({ actor, choices: system.branch() });
      next.set(system.vector.subarray(0, next.length));
    });
    state.set(next);
  }
  return { initial, steps };
}
