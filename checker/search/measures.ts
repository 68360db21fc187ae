/** What a search counted, completed to the measures of a result. */
import type { Counts, Measures } from "../result.ts";
import { isLowered, type ExploreOptions } from "./run.ts";
import { expectedCollisions } from "./store/fingerprint.ts";

type Asked = Pick<ExploreOptions, "exact" | "fingerprintBits" | "strategy" | "seed" | "lowered">;

/** `seconds`: of the whole search. */
export function measuresOf(counts: Counts, asked: Asked, seconds: number, bytesPerState: number): Measures {
  const { exact, fingerprintBits, strategy, seed } = asked;
  return {
    ...counts,
    seconds,
    statesPerSecond: seconds > 0 ? Math.round(counts.states / seconds) : 0,
    bytesPerState,
    expectedCollisions: exact ? 0 : expectedCollisions(counts.states, fingerprintBits),
    fingerprintBits, exact, strategy, seed,
    engine: isLowered(asked, counts.workers) ? "wasm" : "js",
  };
}
