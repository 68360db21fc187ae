/** The boot parameter thp_anon=: what it says, and what is refused. */
import { expect, it } from "vitest";
import { ENABLED_ALWAYS, ENABLED_MADVISE, ENABLED_NEVER, PMD_ENABLED_INHERIT } from "../../../impl/config/knobs.ts";
import { kernelConfig, type KernelOptions } from "../../../impl/config/options.ts";
import { anonOrders, smallestAnonOrder } from "../../../impl/config/thp-anon.ts";

const sizes = (thpAnon: string, h = 512): readonly (number | undefined)[] => {
  const o = anonOrders(thpAnon, h);
  return [o.minLargeOrder, o.anonAlways, o.anonMadvise, o.anonInherit, o.pmdEnabled];
};

it.each<[number, string, readonly (number | undefined)[]]>([
  [512, "64K:always", [2, 1 << 4, 0, 0, ENABLED_NEVER]],
  [512, "16K-64K:always;2M:inherit", [2, 0b11100, 0, 0, PMD_ENABLED_INHERIT]],
  [512, "16K,1024K:madvise;32k-64K:inherit", [2, 0, (1 << 2) | (1 << 8), (1 << 3) | (1 << 4), ENABLED_NEVER]],
  // Later items win, size by size.
  [512, "16K-2M:always;32K-1M:never;64K:madvise;2048K:madvise", [2, 1 << 2, 1 << 4, 0, ENABLED_MADVISE]],
  [512, "65536:always", [2, 1 << 4, 0, 0, ENABLED_NEVER]],
  [4, "8K:always;16K:always", [1, 0b10, 0, 0, ENABLED_ALWAYS]],
  [8, "8K:never", [1, 0, 0, 0, ENABLED_NEVER]],
  [16, "16K-32K:inherit", [2, 0, 0, 0b1100, ENABLED_NEVER]],
  // Two pages have nothing in the middle.
  [2, "8K:always", [1, 0, 0, 0, ENABLED_ALWAYS]],
])("with %i pages per huge page, %s", (h, thpAnon, found) => {
  expect(sizes(thpAnon, h)).toEqual(found);
});

it("orders begin with 2, where a huge page is not scaled down", () => {
  expect([2, 4, 8, 16, 512].map(smallestAnonOrder)).toEqual([1, 1, 1, 2, 2]);
});

it("without it, huge pages are the only ones, and no bit is taken", () => {
  expect(anonOrders(undefined, 512)).toEqual({ minLargeOrder: 9, anonAlways: 0, anonMadvise: 0, anonInherit: 0 });
});

const SMALL: KernelOptions = { pagesPerHugePage: 4, hugeRanges: 2, frames: 8, mms: 1, cpus: 2 };

it.each<[Partial<KernelOptions>, string]>([
  [{ thpAnon: "" }, "\"\" is not sizes:policy"], [{ thpAnon: "8K" }, "\"8K\" is not sizes:policy"],
  [{ thpAnon: "8K:sometimes" }, "\"8K:sometimes\" is not sizes:policy"], [{ thpAnon: "8K:toString" }, "is not sizes:policy"],
  [{ thpAnon: "8K:always;" }, "\"\" is not sizes:policy"], [{ thpAnon: "8K:always:8K" }, "is not sizes:policy"],
  [{ thpAnon: "4K:always" }, "\"4K\" is none of the sizes 8K, 16K"], [{ thpAnon: "32K:always" }, "\"32K\" is none of the sizes 8K, 16K"],
  [{ thpAnon: "12K:always" }, "\"12K\" is none of the sizes"], [{ thpAnon: "16K-8K:always" }, "\"16K-8K\" is no range of sizes"],
  [{ thpAnon: "8K-8K-16K:always" }, "is no range of sizes"], [{ thpAnon: "8K,:always" }, "\"\" is none of the sizes"],
  [{ thpAnon: "8K:always", pmdEnabled: ENABLED_ALWAYS }, "says what pmdEnabled says; give one of them"],
  [{ thpAnon: "8K:always", policy: "first-write" }, "not implemented yet: beside reservations (policy)"],
  [{ thpAnon: "8K:always", grain: ["lists"] }, "not implemented yet: with the part \"lists\" of the grain"],
])("%j is refused: %s", (options, words) => {
  expect(() => kernelConfig({ ...SMALL, ...options })).toThrow(RangeError);
  expect(() => kernelConfig({ ...SMALL, ...options })).toThrow(words);
});
