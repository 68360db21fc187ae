import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { array, bitset, bitsFor, bool, int, mutex, NONE, planLayout, ref, rwsem, spinlock, struct, table, wholeBytes, type Field, type FieldPlan, type LayoutPlan, type ScalarField, type Structs } from "../../../checker/program/layout.ts";
import { LockTable } from "../../../checker/program/locks.ts";
import { encode, makeWorld, positionOf, StateBytes, writeInitialValues } from "../../../checker/program/world.ts";
import { StepFault } from "../../../checker/fault.ts";
import { seeded } from "../compile/seeded.ts";

const role = fc.constantFrom("state" as const, "state" as const, "ghost" as const, "statistic" as const);
const scalar: fc.Arbitrary<ScalarField> = fc.oneof(
  fc.tuple(
    fc.constantFrom(0, 1, -1, -7, -1000, -(2 ** 31)),
    fc.oneof(fc.constantFrom(0, 1, 2, 3, 6, 7, 8, 127, 128, 254, 255, 256, 65_534, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1), fc.nat(2 ** 32 - 1)),
    fc.boolean(), role,
  ).map(([min, span, wrapping, r]) => int(min, min + span, "a number", { wrapping, role: r })),
  role.map((r) => bool("a truth", { role: r })),
  fc.tuple(fc.constantFrom("a", "b"), role).map(([t, r]) => ref(t, "a reference", { role: r })),
  fc.tuple(fc.integer({ min: 0, max: 31 }), role).map(([size, r]) => bitset(size, "a set", { role: r })),
);
const field: fc.Arbitrary<Field> = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 2, arbitrary: fc.tuple(fc.nat(5), scalar).map(([n, e]) => array(n, e)) },
  { weight: 2, arbitrary: fc.constantFrom(spinlock("a lock"), mutex("a lock"), rwsem("a lock"), rwsem("a lock", { queued: true })) },
);
const fieldsOf = fc.array(field, { maxLength: 8 }).map((list) => Object.fromEntries(list.map((f, i) => [`f${i}`, f])));
/** Random declarations; tables `a` and `b` may be empty. */
const structsArbitrary: fc.Arbitrary<Structs> = fc.record({ a: fc.tuple(fc.nat(4), fieldsOf), s: fieldsOf, b: fc.tuple(fc.constantFrom(0, 1, 4, 300), fieldsOf) })
  .map(({ a, s, b }) => ({ a: table(a[0], a[1]), s: struct(s), b: table(b[0], b[1]) }));
const actors = fc.integer({ min: 1, max: 30 });

interface Cell { readonly f: FieldPlan; readonly i: number; readonly j: number }
const cellsOf = (plan: LayoutPlan): Cell[] => plan.fields.filter((f) => f.lockBase < 0).flatMap((f) =>
  Array.from({ length: f.count }, (_, i) => Array.from({ length: f.length ?? 1 }, (__, j) => ({ f, i, j }))).flat());

function buffer(plan: LayoutPlan): { bytes: StateBytes; base: number } {
  const base = Math.ceil(plan.stateBytes / 4) * 4;
  return { bytes: new StateBytes(new ArrayBuffer(base + Math.ceil(plan.statisticBytes / 4) * 4)), base };
}

describe("packing", () => {
  test("no two fields or locks overlap: each keeps its value whatever is written to the others", () => {
    fc.assert(fc.property(structsArbitrary, actors, fc.array(fc.tuple(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 60 }), (structs, actorCount, writes) => {
      const plan = planLayout(structs, actorCount);
      const { bytes, base } = buffer(plan);
      const locks = new LockTable(plan, bytes);
      const cells = cellsOf(plan);
      const expected = new Map<Cell, number>(cells.map((c) => [c, 0]));
      const lockExpected = plan.locks.map(() => ({ holder: -1, readers: 0, waiters: 0 }));
      const all = 2 ** actorCount - 1;
      for (const [pick, x] of writes) {
        const n = pick % (cells.length + plan.locks.length || 1);
        const cell = cells[n];
        const lock = plan.locks[n - cells.length];
        if (cell !== undefined) {
          const raw = Math.round(x * (cell.f.max - cell.f.min));
          bytes.setRaw(cell.f, positionOf(cell.f, base, cell.i, cell.j), raw);
          expected.set(cell, raw);
        } else if (lock !== undefined) {
          const e = lockExpected[lock.id]!;
          e.holder = Math.round(x * actorCount) - 1;
          locks.setHolder(lock, e.holder);
          if (lock.kind === "rwsem") {
            locks.setReaders(lock, e.readers = Math.round(x * all));
            locks.setWaiters(lock, e.waiters = all - e.readers);
          }
        }
      }
      for (const [c, raw] of expected) expect(bytes.raw(c.f, positionOf(c.f, base, c.i, c.j)), c.f.path).toBe(raw);
      for (const l of plan.locks) expect({ holder: locks.holder(l), readers: locks.readers(l), waiters: locks.waiters(l) }, l.name).toEqual(lockExpected[l.id]);
    }), seeded(200));
  });

  test("every element lies inside its part of the vector, at its natural alignment, and takes the fewest whole bytes", () => {
    fc.assert(fc.property(structsArbitrary, actors, (structs, actorCount) => {
      const plan = planLayout(structs, actorCount);
      for (const { f, i, j } of cellsOf(plan)) {
        const width = wholeBytes(f.bits);
        const bit = positionOf(f, 0, i, j);
        const p = bit >> 3;
        expect(p + width, f.path).toBeLessThanOrEqual(f.role === "statistic" ? plan.statisticBytes : plan.stateBytes);
        if (width > 0) expect(p % width, f.path).toBe(0);
        expect(f.bits < 8 ? bit % 8 + f.bits <= 8 : bit % 8 === 0, f.path).toBe(true);
        expect(2 ** f.bits, f.path).toBeGreaterThanOrEqual(f.max - f.min + 1);
        if (f.bits > 0) expect(2 ** (f.bits - 1), f.path).toBeLessThan(f.max - f.min + 1);
      }
    }), seeded(200));
  });

  test("narrow fields share a byte, fields of one value take none", () => {
    const plan = planLayout({ s: struct({ a: bool("a"), b: int(0, 6, "b"), c: bitset(4, "c"), d: int(5, 5, "d"), e: ref("t", "e") }), t: table(0, {}) }, 1);
    expect(plan.stateBytes).toBe(1);
    expect(plan.fields.map((f) => [f.bits, f.shift])).toEqual([[1, 7], [3, 4], [4, 0], [0, 0], [0, 0]]);
  });

  test("the order of declaration leaves no gaps", () => {
    const fields = [
      ["lock", spinlock("one byte")], ["five", int(0, 31, "five bits")], ["wide", int(0, 999, "two bytes")], ["flag", bool("one bit")],
      ["widest", int(0, 99_999, "four bytes")], ["byte", int(0, 255, "one byte")], ["two", int(0, 3, "two bits")],
    ] as const;
    for (let turn = 0; turn < fields.length; turn++) {
      const turned = Object.fromEntries([...fields.slice(turn), ...fields.slice(0, turn)]);
      expect(planLayout({ s: table(2, turned) }, 1).stateBytes, `beginning with ${fields[turn]![0]}`).toBe(24);
    }
  });

  test("elements of an array share bytes: a short array lies in one, a longer one has none that straddles two", () => {
    const plan = planLayout({
      s: struct({
        a: bool("a"), pair: array(2, int(0, 6, "three bits")), flags: array(9, bool("one")), refs: array(3, int(0, 6, "three")),
        wide: array(2, int(0, 300, "nine")),
      }),
    }, 1);
    expect(plan.fields.map((f) => [f.field, f.offset, f.shift, f.elementBits])).toEqual([
      ["a", 8, 6, 0], ["pair", 8, 0, 3], ["flags", 4, 0, 1], ["refs", 6, 0, 4], ["wide", 0, 0, 16],
    ]);
    // Nine, and one that keeps the next object's wide elements aligned.
    expect(plan.stateBytes).toBe(10);
    expect([0, 8].map((j) => positionOf(plan.fields[2]!, 0, 0, j))).toEqual([32, 40]);
    expect([1, 2].map((j) => positionOf(plan.fields[3]!, 0, 0, j))).toEqual([52, 56]);
  });

  test.each([[1, 0], [2, 1], [3, 2], [256, 8], [257, 9], [2 ** 31 + 1, 32], [2 ** 32, 32]])("%d values take %d bits", (values, bits) => {
    expect(bitsFor(values)).toBe(bits);
  });
});

describe("values", () => {
  test("every value in range is read back, and nothing else can be stored", () => {
    fc.assert(fc.property(structsArbitrary, fc.nat(), fc.double({ min: -0.5, max: 1.5, noNaN: true }), (structs, pick, x) => {
      const plan = planLayout(structs, 3);
      const { bytes, base } = buffer(plan);
      const cells = cellsOf(plan).filter((c) => c.f.kind !== "bool");
      const cell = cells[pick % (cells.length || 1)];
      if (cell === undefined) return;
      const { f } = cell;
      const value = f.min + Math.round(x * (f.max - f.min + 4));
      const world = makeWorld<Structs>(plan, bytes, base) as unknown as Record<string, Record<string, { get(...i: number[]): number; set(...a: number[]): void }>>;
      const access = world[f.struct]![f.field]!;
      const index = [...(f.singleton ? [] : [cell.i]), ...(f.length === null ? [] : [cell.j])];
      const before = bytes.u8.slice();
      const values = f.max - f.min + 1;
      if (value >= f.min && value <= f.max) {
        access.set(...index, value);
        expect(access.get(...index)).toBe(value);
      } else if (f.wrapping) {
        access.set(...index, value);
        expect(access.get(...index)).toBe(f.min + ((((value - f.min) % values) + values) % values));
      } else {
        expect(() => access.set(...index, value)).toThrow(StepFault);
        expect(bytes.u8).toEqual(before);
      }
    }), seeded(200));
  });

  test("zeroed memory reads as the smallest values; declared initial values replace them", () => {
    const plan = planLayout({ t: table(2, { i: int(-3, 3, "i"), r: ref("t", "r"), b: bool("b"), j: int(-3, 3, "j", { init: 2 }), n: int(0, 9, "n", { role: "statistic", init: 4 }) }) }, 1);
    const { bytes, base } = buffer(plan);
    const read = (): number[] => plan.fields.map((f) => bytes.raw(f, positionOf(f, base, 1, 0)) + f.min);
    expect(read()).toEqual([-3, NONE, 0, -3, 0]);
    writeInitialValues(plan, bytes, base);
    expect(read()).toEqual([-3, NONE, 0, 2, 4]);
  });

  test.each([Number.NaN, 0.5, Infinity, -Infinity])("%d is no value, not even of a wrapping field", (value) => {
    const plan = planLayout({ s: struct({ w: int(0, 7, "w", { wrapping: true }) }) }, 1);
    expect(() => encode(plan.fields[0]!, value)).toThrow(/s\.w = .* does not fit 0\.\.7/);
  });
});

describe("declarations that make no sense are refused", () => {
  test.each<[string, () => unknown, RegExp]>([
    ["bounds reversed", () => int(3, 2, "x"), /min <= max/],
    ["too many values", () => int(0, 2 ** 32, "x"), /2\^32/],
    ["a bound that is no integer", () => int(0, 1.5, "x"), /integers/],
    ["a set too large", () => bitset(4097, "x"), /0\.\.4096/],
    ["a negative length", () => array(-1, bool("x")), /whole number/],
    ["a fractional count", () => table(1.5, {}), /whole number/],
    ["an initial value out of range", () => planLayout({ s: struct({ x: int(0, 3, "x", { init: 4 }) }) }, 1), /s\.x: init 4 is outside 0\.\.3/],
    ["a reference to an unknown table", () => planLayout({ s: struct({ x: ref("page", "x") }) }, 1), /s\.x: ref\("page"\).*declared are s/],
    ["more actors than masks hold", () => planLayout({ s: struct({ m: mutex("m") }) }, 31), /31 actors/],
  ])("%s", (_, declare, message) => {
    expect(declare).toThrow(message);
  });
});
