/** debugfs' split_huge_pages with an order and an offset: what becomes of a folio, gauges and counters of each size, releases. */
import { describe, expect, it } from "vitest";
import type { KernelOptions } from "../../impl/config/options.ts";
import { FOLL_PIN } from "../../impl/gup.ts";
import { MADV_DONTNEED } from "../../impl/madvise.ts";
import { expectNothingLeft, fill, map, MACHINE } from "./calls.ts";
import { SequentialKernel } from "./sequential-kernel.ts";

/** 16 pages per huge page: sizes of 4 and 8 pages between, as in Linux none of two. */
const SIXTEEN: KernelOptions = {
  ...MACHINE, pagesPerHugePage: 16, hugeRanges: 2, frames: 64, thpAnon: "16K-32K:never;64K:always", shrinkUnderused: false,
};
const machines = new Map<string, SequentialKernel>();

/** A huge page, written to, and the split of it. */
function huge(options: Partial<KernelOptions> = {}, pages = 16): SequentialKernel {
  const key = JSON.stringify(options);
  const s = machines.get(key) ?? new SequentialKernel({ ...SIXTEEN, ...options });
  machines.set(key, s);
  s.reset();
  map(s, 0, pages);
  fill(s, 0, pages);
  return s;
}
/** The order of the folio behind each page, and . for nothing. */
function layout(s: SequentialKernel): string {
  return Array.from({ length: 16 }, (_, vpn) => {
    if (s.entry(0, vpn).value === 0) return ".";
    const frame = s.frame(0, vpn);
    const head = s.k.page.head.get(frame);
    return String(s.k.page.order.get(head < 0 ? frame : head));
  }).join("");
}
/** Folios of 4, 8 and 16 pages. */
const folios = (s: SequentialKernel): readonly number[] => [s.k.thpSize.nrAnon.get(0), s.k.thpSize.nrAnon.get(1), s.k.node.nrAnon.get()];
const stats = (s: SequentialKernel, name: "split" | "splitFailed" | "splitDeferred"): readonly number[] =>
  [1, 2, 3, 4].map((order) => s.k.mthpStat[name].get(order));
const contents = (s: SequentialKernel): readonly number[] => Array.from({ length: 16 }, (_, vpn) => s.load(0, vpn));
function ends(s: SequentialKernel): void {
  expectNothingLeft(s, [0]);
}

describe("into parts of one order", () => {
  it.each([
    [0, "0000000000000000", [0, 0, 0]], [2, "2222222222222222", [4, 0, 0]], [3, "3333333333333333", [0, 2, 0]],
  ] as const)("%i", (order, parts, left) => {
    const s = huge();
    const before = contents(s);
    expect(s.splitHugePages(0, 0, 1, order)).toBe(1);
    expect([layout(s), folios(s), contents(s)]).toEqual([parts, left, before]);
    expect([stats(s, "split"), stats(s, "splitFailed")]).toEqual([[0, 0, 0, 1], [0, 0, 0, 0]]);
    expect([s.vmstat("thpSplitPage"), s.vmstat("thpSplitPmd")]).toEqual([1, 1]);
    expect([s.k.mm.anonPages.get(0), s.k.deferredSplit.length.get()]).toEqual([16, 0]);
    ends(s);
  });
  it("again, by each of its pages: parts are split further, and count for their own size", () => {
    const s = huge();
    expect([s.splitHugePages(0, 0, 16, 3), s.splitHugePages(0, 0, 16, 2), s.splitHugePages(0, 4, 4, 0)]).toEqual([1, 2, 1]);
    expect([layout(s), stats(s, "split"), folios(s)]).toEqual(["2222000022222222", [0, 1, 2, 1], [3, 0, 0]]);
    expect(s.vmstat("thpSplitPage")).toBe(1);
    ends(s);
  });
  it("their own order, a larger one, and a negative one: nothing is tried", () => {
    const s = huge();
    expect([4, 5, 64, -1].map((order) => s.splitHugePages(0, 0, 16, order))).toEqual([0, 0, 0, 0]);
    expect([layout(s), stats(s, "split"), stats(s, "splitFailed")]).toEqual(["4444444444444444", [0, 0, 0, 0], [0, 0, 0, 0]]);
    ends(s);
  });
  it("a page is pinned: it stays whole, and nothing counts", () => {
    const s = huge();
    const page = s.getUserPage(0, 5, FOLL_PIN, true);
    expect([s.splitHugePages(0, 0, 16, 2), layout(s), stats(s, "splitFailed")]).toEqual([0, "4444444444444444", [0, 0, 0, 0]]);
    s.putUserPage(0, page, true);
    ends(s);
  });
  it("pages had been unmapped: the parts around the hole are mapped in part, and on no queue; a part without a page is freed", () => {
    const s = huge();
    const torn = (): number => s.k.thpSize.nrAnonPartiallyMapped.get(0);
    s.madvise(0, 2, 7, MADV_DONTNEED);
    expect([s.k.deferredSplit.length.get(), s.k.node.nrAnonPartiallyMapped.get()]).toEqual([1, 1]);
    expect([s.splitHugePages(0, 0, 16, 2), layout(s), folios(s)]).toEqual([1, "22.......2222222", [3, 0, 0]]);
    expect([s.k.deferredSplit.length.get(), s.k.node.nrAnonPartiallyMapped.get(), torn()]).toEqual([0, 0, 0]);
    // The next page that is unmapped queues its part.
    s.madvise(0, 9, 1, MADV_DONTNEED);
    expect([s.k.deferredSplit.length.get(), torn()]).toEqual([1, 1]);
    ends(s);
  });
  it("of a folio that two processes map: both map the parts", () => {
    const s = huge();
    s.fork(0, 1);
    expect([s.splitHugePages(0, 0, 1, 2), layout(s), folios(s)]).toEqual([1, "2222222222222222", [4, 0, 0]]);
    expect([0, 4, 8, 12].map((f) => s.k.page.largeMapcount.get(f) + 1)).toEqual([8, 8, 8, 8]);
    expectNothingLeft(s, [0, 1]);
  });
});

describe("toward a page", () => {
  it.each([
    // [order, toward the n-th page, layout after a walk over one page]
    [0, 1, "0000222233333333"], [0, 16, "3333333322220000"], [0, 6, "2222000033333333"], [2, 6, "2222222233333333"],
    [3, 6, "3333333333333333"],
  ] as const)("to order %i, the %ith", (order, nth, parts) => {
    const s = huge();
    const before = contents(s);
    expect([s.splitHugePages(0, 0, 1, order, nth), layout(s), contents(s)]).toEqual([1, parts, before]);
    expect([stats(s, "split"), s.vmstat("thpSplitPage")]).toEqual([[0, 0, 0, 1], 1]);
    ends(s);
  });
  it("by a walk over all pages: each part that is larger still is split toward the same offset, or evenly if that is behind it", () => {
    const s = huge();
    expect([s.splitHugePages(0, 0, 16, 0, 1), layout(s), stats(s, "split")]).toEqual([4, "0000000000000000", [0, 2, 1, 1]]);
    ends(s);
    const t = huge();
    expect([t.splitHugePages(0, 0, 16, 0, 16), layout(t), stats(t, "split")]).toEqual([3, "0000000000000000", [0, 1, 1, 1]]);
    ends(t);
  });
  it("an offset behind every folio is none", () => {
    const s = huge();
    expect([s.splitHugePages(0, 0, 1, 2, 17), layout(s)]).toEqual([1, "2222222222222222"]);
    ends(s);
  });
});

describe("by release", () => {
  const layoutOf = (options: Partial<KernelOptions>, order: number, toward: number): string => {
    const s = huge(options);
    s.splitHugePages(0, 0, 1, order, toward);
    return layout(s);
  };
  it.each([
    ["6.8", 2, 6, "0000000000000000"], ["6.12", 2, 6, "2222222222222222"], ["6.16", 2, 6, "2222222233333333"],
  ])("%s: order %i toward the %ith page", (linux, order, toward, parts) => {
    expect(layoutOf({ linux }, order, toward)).toBe(parts);
  });
  it.each([
    [false, [0, 0, 0, 0]], [true, [0, 0, 0, 16]],
  ])("parts of two pages are refused for each page, and count if %s", (splitCountsRefusals, counted) => {
    const s = huge({ splitCountsRefusals });
    expect([s.splitHugePages(0, 0, 16, 1), layout(s), stats(s, "splitFailed"), s.vmstat("thpSplitPageFailed")])
      .toEqual([0, "4444444444444444", counted, counted[3]]);
    ends(s);
  });
  it("a kernel that says no sizes has no room for parts that are large", () => {
    const s = new SequentialKernel({ ...MACHINE });
    map(s, 0, 4);
    fill(s, 0, 4);
    expect(() => s.splitHugePages(0, 0, 1, 1)).toThrow(/folios smaller than a huge page take thpAnon/);
  });
});
