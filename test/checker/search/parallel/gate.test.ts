import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planRanges } from "../../../../checker/search/store/ranges.ts";
import { ENTRIES_ONLY, LEFTOVER, claim, moveRange, type Leftovers } from "../../../../checker/search/store/visited.ts";

/** The slot of a fingerprint that was not there, or -1 less its slot. */
const add = (table: Int32Array, low: number, high: number): number =>
  claim(table, table.length - 1, (high >>> (32 - Math.log2(table.length / 2))) << 1, low, high);

describe("growing a shared table", () => {
  test("the ranges cover the table, and none writes where another of its group reads or writes", () => {
    expect(planRanges(64, 16)).toEqual([
      { from: 32, to: 48, after: 0 }, { from: 48, to: 64, after: 0 },
      { from: 16, to: 32, after: 2 },
      { from: 0, to: 16, after: 3 },
    ]);
    for (const slots of [2 ** 17, 2 ** 20]) {
      const ranges = planRanges(slots);
      const sorted = ranges.toSorted((a, b) => a.from - b.from);
      expect(sorted[0]!.from).toBe(0);
      expect(sorted.at(-1)!.to).toBe(slots);
      for (let i = 1; i < sorted.length; i++) expect(sorted[i]!.from).toBe(sorted[i - 1]!.to);
      for (const a of ranges) {
        for (const b of ranges.filter((r) => r !== a && r.after === a.after)) expect(2 * a.from >= b.to || 2 * a.to <= b.from).toBe(true);
      }
    }
  });

  test("whatever the order in which ranges are moved, every fingerprint is found again where it is said to be, and no other", () => {
    const crowd = fc.record({ home: fc.integer(), size: fc.integer({ min: 1, max: 60 }), step: fc.constantFrom(0, 1, 1 << 20) });
    fc.assert(fc.property(fc.array(crowd, { minLength: 1, maxLength: 10 }), fc.infiniteStream(fc.nat()), (crowds, random) => {
      const size = 1024;
      const half = new Int32Array(2 * size);
      const known = new Set<string>();
      const slots: number[] = [];
      for (const { home, size: many, step } of crowds) {
        for (let i = 0; i < many; i++) {
          const low = known.size + 1;
          const high = (home + i * step) | 0 || 1;
          slots.push(add(half, low, high));
          expect(slots.at(-1)).toBeGreaterThanOrEqual(0);
          known.add(`${low} ${high}`);
        }
      }
      const table = new Int32Array(4 * size);
      table.set(half);
      const leftovers: Leftovers = [];
      const moved = new Int32Array(size).fill(-1);
      const waiting = planRanges(size, 128);
      for (let done = 0; waiting.length > 0; done++) {
        const ready = waiting.filter((r) => r.after <= done);
        const range = ready[random.next().value! % ready.length]!;
        waiting.splice(waiting.indexOf(range), 1);
        moveRange(table, range.from, range.to, leftovers, { ...ENTRIES_ONLY, moved });
      }
      for (let i = 0; i < leftovers.length; i += LEFTOVER) {
        const slot = add(table, leftovers[i]!, leftovers[i + 2]!);
        expect(slot).toBeGreaterThanOrEqual(0);
        expect(moved[leftovers[i + 3]!]).toBe(-1);
        moved[leftovers[i + 3]!] = slot;
      }
      for (const [i, print] of [...known].entries()) {
        const [low, high] = print.split(" ").map(Number);
        expect(add(table, low!, high!)).toBe(~moved[slots[i]!]!);
      }
      expect(table.filter((word, i) => i % 2 === 0 && word !== 0)).toHaveLength(known.size);
    }), { numRuns: 200 });
  });
});
