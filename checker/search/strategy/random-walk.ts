/** Random walks: at each step an actor among those that can move, all with equal odds. */
import type { Random } from "./random-source.ts";
import type { Scheduler } from "./walk.ts";

export class RandomScheduler implements Scheduler {
  readonly #actors: number[];

  constructor(actors: number) {
    this.#actors = Array.from({ length: actors }, (_, a) => a);
  }

  begin(): void {}

  /** A random permutation: the first in it that can move is any of those that can, with equal odds. */
  order(random: Random): readonly number[] {
    return shuffle(this.#actors, random);
  }

  stepped(): void {}

  guarantee(walks: number): string {
    return `${walks} random walks were taken, which do not cover every state`;
  }
}

/** Shuffles in place (Fisher and Yates). */
export function shuffle(values: number[], random: Random): number[] {
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return values;
}
