import { describe, expect, test } from "vitest";
import { expectedCollisions, makeFingerprint } from "../../../checker/search/fingerprint.ts";

/** States as models have them: few values, in few bits, in a regular pattern. */
const STATES = 300_000;
function regularStates(words: number): Int32Array {
  const all = new Int32Array(STATES * words);
  for (let i = 0; i < STATES; i++) {
    for (let w = 0; w < words; w++) all[i * words + w] = w % 2 === 0 ? Math.floor(i / 8 ** w) % 8 : (Math.floor(i / 8 ** w) % 8) << 29;
  }
  return all;
}

/** Pairs of equal values among `values`, beyond the first of each. */
function repeats(values: Uint32Array): number {
  values.sort();
  let n = 0;
  for (let i = 1; i < values.length; i++) if (values[i] === values[i - 1]) n++;
  return n;
}

describe("fingerprints", () => {
  const halves: readonly [string, (low: number, high: number) => number][] = [
    ["the low half", (low) => low],
    ["the high half", (_, high) => high],
    ["the middle", (low, high) => (low << 16) | (high >>> 16)],
    ["the difference of the halves", (low, high) => low - high],
  ];
  // 300,000 states make 10.5 collisions in 32 bits; a good function gives 30 or more once in a million runs.
  test.each(halves)("%s collides no more often than chance", (_, part) => {
    for (const words of [7, 60]) {
      const states = regularStates(words);
      for (const seed of [0, 1, 2]) {
        const fingerprint = makeFingerprint(words, 64, seed);
        const out = new Int32Array(2);
        const values = new Uint32Array(STATES);
        for (let i = 0; i < STATES; i++) {
          fingerprint(states, i * words, out, 0);
          values[i] = part(out[0]!, out[1]!);
        }
        expect(repeats(values)).toBeLessThan(30);
      }
    }
  });

  test("no half is ever 0, every word counts, and seeds give other functions", () => {
    const out = new Int32Array(2);
    const seen = new Set<string>();
    for (const seed of [0, 1, 2, 2 ** 31]) {
      const fingerprint = makeFingerprint(50, 64, seed);
      const state = new Int32Array(50);
      for (let w = -1; w < 50; w++) {
        if (w >= 0) state[w] = 1;
        fingerprint(state, 0, out, 0);
        expect(out[0]).not.toBe(0);
        expect(out[1]).not.toBe(0);
        seen.add(out.join());
        if (w >= 0) state[w] = 0;
      }
    }
    expect(seen.size).toBe(4 * 51);
  });

  test("the expected number of lost states is that of the birthday problem", () => {
    expect(expectedCollisions(4_164_896, 32)).toBeCloseTo(2019, 0);
    expect(expectedCollisions(1, 64)).toBe(0);
  });
});
