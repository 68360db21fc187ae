import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Control } from "../../../../checker/search/parallel/control.ts";
import { Moves } from "../../../../checker/search/store/moves.ts";
import { SharedFingerprintSet } from "../../../../checker/search/store/shared-set.ts";
import { StateIndex } from "../../../../checker/search/store/state-index.ts";
import type { Visited } from "../../../../checker/search/store/visited.ts";
import { FingerprintSet, reserveTable } from "../../../../checker/search/store/visited.ts";

const NOWHERE = new Int32Array(4);

/** Adds every fingerprint twice over, growing on the way, and compares each answer with a Set. */
function expectLikeSet(visited: Visited, prints: Iterable<readonly [low: number, high: number]>): void {
  const known = new Set<string>();
  const list = [...prints];
  for (const [low, high] of [...list, ...list]) {
    const key = `${low} ${high}`;
    visited.prepare(1);
    const added = visited.add(low, high, NOWHERE, 0);
    visited.finish(added ? 1 : 0);
    if (added === known.has(key)) throw new Error(`${key} was ${added ? "" : "not "}added though it was ${known.has(key) ? "" : "not "}there`);
    known.add(key);
  }
}

const sets: readonly [string, () => Visited][] = [
  ["fingerprints", () => new FingerprintSet()],
  ["shared fingerprints", () => new SharedFingerprintSet(reserveTable(), new Control(Control.allocate(1), 1, 0))],
  ["numbered states", () => new StateIndex(4, false)],
];

describe.each(sets)("the visited set of %s", (_, make) => {
  test("stays a set while it doubles five times under random fingerprints", () => {
    let x = 1;
    const next = (): number => (x = (Math.imul(x, 1664525) + 1013904223) | 0) || 1;
    expectLikeSet(make(), Array.from({ length: 200_000 }, () => [next(), next()] as const));
  });

  test("stays a set when all homes crowd at the end, so that probes wrap around", () => {
    expectLikeSet(make(), Array.from({ length: 14_000 }, (_, i) => [i + 1, -1 - (i % 50)] as const));
  });

  test("stays a set when all homes crowd at the start, where doubling cannot place them at once", () => {
    expectLikeSet(make(), Array.from({ length: 14_000 }, (_, i) => [i + 1, 1 + (i % 50)] as const));
  });

  test("stays a set under crowds anywhere", () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer(), fc.integer({ min: 1, max: 1500 })), { minLength: 1, maxLength: 12 }), (crowds) => {
      expectLikeSet(make(), crowds.flatMap(([low, home, size]) => Array.from({ length: size }, (_, i) => [low + i, (home + Math.imul(i, i % 7)) | 0 || 1] as const)));
    }), { numRuns: 40 });
  });
});

describe("numbered states", () => {
  test("exact mode tells states with equal fingerprints apart", () => {
    const words = Int32Array.from([1, 2, 3, 1, 2, 4]);
    const exact = new StateIndex(3, true);
    exact.prepare(4);
    expect([exact.number(9, 9, words, 0), exact.number(9, 9, words, 3), exact.number(9, 9, words, 0)]).toEqual([0, 1, 0]);
    const hashed = new StateIndex(3, false);
    hashed.prepare(4);
    expect([hashed.number(9, 9, words, 0), hashed.number(9, 9, words, 3), hashed.number(9, 8, words, 0)]).toEqual([0, 0, 1]);
  });

  test("numbers survive doubling", () => {
    const index = new StateIndex(4, false);
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 20_000; i++) {
        index.prepare(1);
        expect(index.number(i + 1, Math.imul(i + 1, 0x9e3779b1), NOWHERE, 0)).toBe(i);
      }
    }
  });
});

describe("places", () => {
  type Prints = readonly (readonly [low: number, high: number])[];
  const expectPlaced = (visited: Visited, moves: Moves | null, bytes: () => number, prints: Prints): void => {
    const first = bytes() / 8;
    const noted: [place: number, generation: number][] = [];
    const add = (low: number, high: number): number => {
      visited.prepare(1);
      visited.finish(visited.add(low, high, NOWHERE, 0) ? 1 : 0);
      return visited.last;
    };
    for (const [low, high] of prints) noted.push([add(low, high), visited.generation]);
    expect(visited.generation).toBe(moves === null ? 0 : Math.log2(bytes() / 8 / first));
    moves?.compose(first, bytes() / 8);
    for (const [i, [low, high]] of prints.entries()) {
      const [place, generation] = noted[i]!;
      const now = generation === visited.generation ? place : moves!.of(first * 2 ** generation)![place];
      expect(add(low, high)).toBe(now);
    }
  };
  const random = Array.from({ length: 60_000 }, (_, i) => [i + 1, Math.imul(i + 1, 0x9e3779b1)] as const);
  const crowded = Array.from({ length: 14_000 }, (_, i) => [i + 1, (i & 1) === 0 ? 1 + (i % 50) : -1 - (i % 50)] as const);

  test.each([["random", random], ["crowded", crowded]])("can be brought up to date after the table has grown: %s", (_, prints) => {
    for (const shared of [false, true]) {
      const table = reserveTable();
      const moves = new Moves();
      const control = new Control(Control.allocate(1), 1, 0);
      const visited = shared ? new SharedFingerprintSet(table, control, moves) : new FingerprintSet(table, moves);
      expectPlaced(visited, moves, () => table.byteLength, prints);
    }
  });

  test("of numbered states do not change", () => {
    expectPlaced(new StateIndex(4, false), null, () => 8, random);
  });

  test("that cannot be written down for want of memory are known to be lost", () => {
    const moves = new Moves(new SharedArrayBuffer(65536, { maxByteLength: 65536 }));
    moves.begin(8192);
    expect([moves.lost, moves.of(8192)?.length]).toEqual([false, 8192]);
    moves.begin(16384);
    expect([moves.lost, moves.of(16384), moves.of(8192), new Moves(moves.buffer).lost]).toEqual([true, null, null, true]);
  });
});
