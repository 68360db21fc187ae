import type { Parameters } from "fast-check";

/**
 * `runs` random cases, from the seed in THPCHECK_SEED if it is set. A failure prints seed and path; with that seed the
 * same test fails again. Shrinking stops after half a minute with the smallest case found by then.
 */
export function seeded<T>(runs: number): Parameters<T> {
  const seed = process.env["THPCHECK_SEED"];
  return { numRuns: runs, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true, ...(seed === undefined ? {} : { seed: Number(seed) }) };
}
