/** Where random programs go: pages and ranges at and around the boundaries of huge pages, in memory that is mapped mostly. */
import fc from "fast-check";
import { AREA_PAGES, AREA_RANGES, CONTENTS, HPAGE, PROCESSES, type Step } from "./program.ts";
import type { OperationName } from "./vocabulary.ts";

export interface Range { readonly at: number; readonly pages: number }

/** Offsets inside a huge page where something may go wrong by one. */
export const offset = fc.oneof(
  { weight: 5, arbitrary: fc.constant(0) },
  { weight: 4, arbitrary: fc.constantFrom(1, 2, 255, 256, 257, 510, 511) },
  { weight: 1, arbitrary: fc.nat(HPAGE - 1) },
);
/** The lower ranges are where the memory is. */
const hugeRange = fc.oneof({ weight: 6, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.nat(AREA_RANGES - 1) });
export const point = fc.tuple(hugeRange, offset).map(([r, o]) => r * HPAGE + o);
const clipped = (at: number, pages: number): Range => ({ at, pages: Math.max(1, Math.min(pages, AREA_PAGES - at)) });

const wholeRanges: fc.Arbitrary<Range> = fc.tuple(hugeRange, fc.constantFrom(1, 1, 1, 2, 3)).map(([r, n]) => clipped(r * HPAGE, n * HPAGE));
const somePages: fc.Arbitrary<Range> = fc.tuple(point, fc.constantFrom(1, 1, 2, 3, 8)).map(([at, n]) => clipped(at, n));
const fromTo: fc.Arbitrary<Range> = fc.tuple(point, point).map(([a, b]) => clipped(Math.min(a, b), Math.abs(a - b)));
export const mixed = (whole: number, some: number, any: number): fc.Arbitrary<Range> =>
  fc.oneof({ weight: whole, arbitrary: wholeRanges }, { weight: some, arbitrary: somePages }, { weight: any, arbitrary: fromTo });

export const call = (name: OperationName, args: fc.Arbitrary<readonly number[]>): fc.Arbitrary<Step> =>
  fc.tuple(fc.nat(PROCESSES - 1), args).map(([process, a]) => ({ process, call: name, args: a }));
export const content = fc.integer({ min: 1, max: CONTENTS });
