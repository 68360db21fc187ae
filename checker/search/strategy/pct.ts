/**
 * PCT: probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte, "A Randomized Scheduler with
 * Probabilistic Guarantees of Finding Bugs", ASPLOS 2010).
 *
 * Each actor has a random priority, and the highest that can move does. At `depth - 1` random steps of the walk the actor
 * that has just moved falls below all others. A bug that needs `depth` ordering constraints is found by one walk of k
 * steps and n actors with probability at least 1 / (n k^(depth - 1)).
 *
 * k is not known beforehand: change points are drawn from the longest walk so far, the first walk having none.
 * An actor that runs into a state again is spinning, and falls below all others as well, or a walk with a retry loop
 * would never end; the paper asks for the same at yields. Both are heuristics of the schedule: they decide what is
 * found, never whether a finding is one.
 */
import { group } from "../../numbers.ts";
import type { Random } from "./random-source.ts";
import { shuffle } from "./random-walk.ts";
import type { Scheduler } from "./walk.ts";

/** Ordering constraints of the bugs to look for, when nobody says otherwise. */
export const DEFAULT_PCT_DEPTH = 3;

export class PctScheduler implements Scheduler {
  readonly #depth: number;
  /** Highest priority first. */
  readonly #ranking: number[];
  /** Steps of this walk after which the actor that took them falls. */
  readonly #changePoints = new Set<number>();
  #steps = 0;
  #longest = 0;

  /** `depth` from 1 upward. */
  constructor(actors: number, depth: number) {
    this.#depth = depth;
    this.#ranking = Array.from({ length: actors }, (_, a) => a);
  }

  begin(random: Random): void {
    this.#longest = Math.max(this.#longest, this.#steps);
    this.#steps = 0;
    this.#ranking.sort((a, b) => a - b);
    shuffle(this.#ranking, random);
    this.#changePoints.clear();
    for (let i = 1; i < this.#depth && this.#longest > 0; i++) this.#changePoints.add(1 + Math.floor(random() * this.#longest));
  }

  order(): readonly number[] {
    return this.#ranking;
  }

  stepped(actor: number, again: boolean): void {
    this.#steps++;
    if (!again && !this.#changePoints.has(this.#steps)) return;
    this.#ranking.splice(this.#ranking.indexOf(actor), 1);
    this.#ranking.push(actor);
  }

  guarantee(walks: number): string {
    const [n, k] = [this.#ranking.length, Math.max(1, this.#longest, this.#steps)];
    const odds = `one chance in ${group(n * k ** (this.#depth - 1))} (${n} actors, ${k} steps)`;
    return `${group(walks)} PCT walks were taken, which do not cover every state; `
      + `a bug of depth ${this.#depth} has at least ${odds} to be found by each`;
  }
}
