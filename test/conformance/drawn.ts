/** Random programs of a seed, by their numbers: the same ones on every machine and in whatever order they are run. */
import fc from "fast-check";
import { programs } from "./arbitraries.ts";
import type { Program } from "./program.ts";

export interface Drawn {
  /** Place among all programs of the seed. */
  readonly index: number;
  readonly program: Program;
}

/** The first `count` of the seed that can be run, and how many before the last of them cannot; of those that suit the machine. */
export function drawn(
  seed: number, count: number, can: (program: Program) => boolean, suits: (program: Program) => boolean = () => true,
): { readonly able: Drawn[]; readonly unable: number } {
  if (count === 0) return { able: [], unable: 0 };
  for (let numRuns = count; ; numRuns *= 2) {
    const all = fc.sample(programs(true), { seed, numRuns }).map((program, index): Drawn => ({ index, program }));
    const suitable = all.filter(({ program }) => suits(program));
    const able = suitable.filter(({ program }) => can(program)).slice(0, count);
    if (able.length === count) return { able, unable: suitable.indexOf(able.at(-1)!) + 1 - count };
  }
}

/** A program, and what was found of it. */
export interface FoundOf<F> {
  readonly program: Program;
  readonly found: F;
}

/**
 * The smallest program of which something is `found` again, that is got from this one by taking things away. `again` is null where
 * nothing is; if nothing is of this one either, it has been disturbed, and is given as it was first found.
 */
export async function shrunk<F>(
  seed: number, { index, program }: Drawn, found: F, again: (program: Program) => Promise<F | null>,
): Promise<FoundOf<F>> {
  let smallest: FoundOf<F> = { program, found };
  const property = fc.asyncProperty(programs(true), async (p) => {
    const anew = await again(p);
    if (anew === null) return true;
    smallest = { program: p, found: anew };
    return false;
  });
  await fc.check(property, { seed, path: String(index), numRuns: 1 });
  return smallest;
}

/** Runs `work` of each, at most `width` at a time, begun in their order. `stop`: no more are begun. */
export async function sideBySide<T>(
  all: readonly T[], width: number, work: (one: T, place: number) => Promise<void>, stop: () => boolean,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < all.length && !stop()) {
      const place = next++;
      await work(all[place]!, place);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}
