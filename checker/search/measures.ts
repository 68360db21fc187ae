/** What a search counted, completed to the measures of a result. */
import type { Counts, Measures } from "../result.ts";
import type { ExploreOptions } from "./run.ts";
import { expectedCollisions } from "./store/fingerprint.ts";

type Asked = Pick<ExploreOptions, "exact" | "fingerprintBits" | "strategy" | "seed">;

export function measuresOf(counts: Counts, { exact, fingerprintBits, strategy, seed }: Asked, seconds: number, bytesPerState: number): Measures {
  return {
    ...counts,
    seconds,
    statesPerSecond: seconds > 0 ? Math.round(counts.states / seconds) : 0,
    bytesPerState,
    expectedCollisions: exact ? 0 : expectedCollisions(counts.states, fingerprintBits),
    fingerprintBits, exact, strategy, seed,
  };
}
