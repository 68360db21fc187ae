import type { Parameters } from "fast-check";

/**
 * `runs` random cases, from the seed in THPCHECK_SEED if it is set. A failure prints its seed; with that seed the same
 * test fails again. After 100 s a run fails as interrupted, and shrinking stops at the smallest case found by then.
 */
export function seeded<T>(runs: number): Parameters<T> {
  const seed = process.env["THPCHECK_SEED"];
  return { numRuns: runs, interruptAfterTimeLimit: 100_000, markInterruptAsFailure: true,
    ...(seed === undefined ? {} : { seed: Number(seed) }) };
}
