import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { changesOf } from "../../../../checker/search/changes.ts";
import { comparison } from "../../../../checker/compile/comparison.ts";
import type { TransitionSystem } from "../../../../checker/system.ts";
import { expectedCollisions, makeHashing, makeStateSums } from "../../../../checker/search/store/fingerprint.ts";

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
        const fingerprint = makeHashing(words, 64, seed).fingerprint;
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
      const fingerprint = makeHashing(50, 64, seed).fingerprint;
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

  // Sums could cancel: the effect on a lane of flipping one bit must depend on the rest of the word. Of 2^18 words, 8 pairs
  // have the same by chance; after two rounds in place of three, 130 and more.
  test.each([0, 7, 15, 16, 24, 30, 31])("flipping bit %i has as many effects on a sum as there are words", (bit) => {
    const { whole } = makeStateSums(1, 64, 0);
    const words = new Set(Array.from({ length: 2 ** 18 }, (_, n) => Math.imul(n, 0x9e3779b1) & ~(1 << bit)));
    const state = new Int32Array(1);
    const [off, on] = [new Int32Array(2), new Int32Array(2)];
    const effects = [new Set<number>(), new Set<number>()] as const;
    for (const word of words) {
      state[0] = word;
      whole(state, 0, off, 0);
      state[0] = word | (1 << bit);
      whole(state, 0, on, 0);
      for (const lane of [0, 1] as const) effects[lane].add((on[lane]! - off[lane]!) | 0);
    }
    for (const lane of effects) expect(lane.size).toBeGreaterThan(words.size - 30);
  });

  test("sums brought up to date are those of the whole state, and the changes are all the words that differ", () => {
    const sizes = fc.integer({ min: 1, max: 300 });
    fc.assert(fc.property(sizes, fc.array(fc.tuple(fc.nat(), fc.integer())), fc.infiniteStream(fc.integer()), (words, flips, values) => {
      const vector = new Int32Array(words);
      const { before, changes } = changesOf({ vector, stateWords: words } as TransitionSystem);
      const found = new Int32Array(words);
      // eslint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-call -- text that the compiler emits
      const compare = new Function("a", "b", "found", `let n = 0; ${comparison(words, "a", "b", "found")} return n;`) as (a: Int32Array, b: Int32Array, found: Int32Array) => number;
      for (let w = 0; w < words; w++) before[w] = values.next().value as number;
      vector.set(before);
      for (const [w, value] of flips) vector[w % words] = value;
      const n = changes.find();
      const different = Array.from({ length: words }, (_, w) => w).filter((w) => vector[w] !== before[w]);
      expect([...changes.words.subarray(0, n)]).toEqual(different);
      expect([...found.subarray(0, compare(vector, before, found))]).toEqual(different);
      const { whole, update } = makeStateSums(words, 64, 1);
      const [updated, fresh] = [new Int32Array(2), new Int32Array(2)];
      whole(before, 0, updated, 0);
      update(updated, 0, before, vector, changes.words, n);
      whole(vector, 0, fresh, 0);
      expect([...updated]).toEqual([...fresh]);
    }), { numRuns: 200 });
  });

  test("the expected number of lost states is that of the birthday problem", () => {
    expect(expectedCollisions(4_164_896, 32)).toBeCloseTo(2019, 0);
    expect(expectedCollisions(1, 64)).toBe(0);
  });
});
