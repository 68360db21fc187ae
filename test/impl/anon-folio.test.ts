/** Folios of sizes between a page and a huge page: first faults, and what meets them afterwards. */
import { describe, expect, it } from "vitest";
import { EINVAL } from "../../impl/errno.ts";
import { MADV_COLLAPSE, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_PAGEOUT } from "../../impl/madvise.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import { ENABLED_ALWAYS } from "../../impl/config/knobs.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { anonOrders } from "../../impl/config/thp-anon.ts";
import { VM_READ } from "../../impl/structs/vma.ts";
import { SPECIAL } from "../../impl/pgtable.ts";
import { shrink, storeEnabled } from "./anon-folio-probes.ts";
import { expectNothingLeft, fill, map, MACHINE } from "./calls.ts";
import { RW, SequentialKernel } from "./sequential-kernel.ts";

const [ORDER_1, ORDER_2, ORDER_PMD] = [1, 2, 3];
/** 8 pages per huge page: sizes of 2 and 4 pages between. */
const EIGHT: KernelOptions = { ...MACHINE, pagesPerHugePage: 8, hugeRanges: 2, cpus: 4, chargeMayFail: true };
const [SHRINK, STORE_ENABLED] = [2, 3];
const machines = new Map<number | undefined, SequentialKernel>();
/** A kernel just booted; one is compiled for each word of PMD size, which is a constant. */
function kernel(options: Pick<KernelOptions, "thpAnon" | "enabled"> = {}): SequentialKernel {
  const { thpAnon = "8K-16K:always", enabled = ENABLED_ALWAYS } = options;
  const { pmdEnabled, anonAlways, anonInherit, anonMadvise } = anonOrders(thpAnon, 8);
  const s = machines.get(pmdEnabled) ?? new SequentialKernel({ ...EIGHT, thpAnon }, [shrink, storeEnabled]);
  machines.set(pmdEnabled, s);
  s.reset();
  s.k.anonOrders.always.set(0, anonAlways);
  s.k.anonOrders.inherit.set(0, anonInherit);
  s.k.anonOrders.madvise.set(0, anonMadvise);
  s.k.knob.enabled.set(enabled);
  return s;
}
const orderAt = (s: SequentialKernel, vpn: number, process = 0): number => {
  const frame = (s.entry(process, vpn).value & SPECIAL) === 0 ? s.frame(process, vpn) : -1;
  if (frame < 0) return -1;
  const head = s.k.page.head.get(frame);
  return s.k.page.order.get(head < 0 ? frame : head);
};
/** The order of the folio behind each page; . for nothing, and for the zero page. */
const layout = (s: SequentialKernel, start: number, end: number, process = 0): string => {
  return Array.from({ length: end - start }, (_, i) => orderAt(s, start + i, process)).map((o) => (o < 0 ? "." : o)).join("");
};
const gauges = (s: SequentialKernel): readonly number[] => {
  const { nrAnon, nrAnonPartiallyMapped } = s.k.thpSize;
  return [nrAnon.get(0), nrAnon.get(1), nrAnonPartiallyMapped.get(0), nrAnonPartiallyMapped.get(1)];
};
type Stat = "anonFaultAlloc" | "anonFaultFallback" | "anonFaultFallbackCharge" | "split" | "splitDeferred" | "swpoutFallback";
const stat = (s: SequentialKernel, name: Stat, order: number): number => s.k.mthpStat[name].get(order);

it("the words of boot are those of thp_anon=", () => {
  const s = new SequentialKernel({ ...EIGHT, thpAnon: "8K:madvise;16K:inherit" });
  expect([s.k.anonOrders.always.get(0), s.k.anonOrders.madvise.get(0), s.k.anonOrders.inherit.get(0)]).toEqual([0, 0b10, 0b100]);
});

describe("a first fault takes the largest folio that is enabled, fits and is empty", () => {
  it.each<[string, readonly number[], string]>([
    ["8K-16K:always", [0], "2222............"], ["8K-16K:always", [5], "....2222........"], ["8K:always", [5], "....11.........."],
    // One page is there: at 1 the small window of 0 and 1 is left, then that of 4 pages beside it.
    ["16K:always", [5, 1], "22222222........"], ["8K-16K:never", [3, 9], "...0.....0......"],
    ["8K-32K:always", [9], "........33333333"], ["8K-16K:always;32K:never", [9], "........2222...."],
  ])("%s, stores to %j: %s", (thpAnon, stores, found) => {
    const s = kernel({ thpAnon });
    map(s, 0, 16);
    for (const vpn of stores) s.store(0, vpn, 1);
    expect(layout(s, 0, 16)).toBe(found);
    expectNothingLeft(s);
  });

  it("a page that is there leaves smaller windows, and a load maps the zero page alone", () => {
    const s = kernel();
    map(s, 0, 16);
    s.load(0, 5);
    // The zero page fills its entry.
    s.store(0, 4, 1);
    s.store(0, 7, 1);
    expect(layout(s, 0, 16)).toBe("....0.11........");
    expectNothingLeft(s);
  });

  it("the window lies inside the area", () => {
    const s = kernel();
    map(s, 1, 7);
    for (const vpn of [1, 3, 4]) s.store(0, vpn, 1);
    expect(layout(s, 0, 8)).toBe(".01111..");
    s.store(0, 6, 1);
    expect(layout(s, 0, 8)).toBe(".011110.");
    expectNothingLeft(s);
  });

  it.each<[string, number, boolean, string]>([
    ["16K:madvise", 2, false, "0..."], ["16K:madvise", 0, true, "2222"], ["16K:inherit", 2, false, "2222"],
    ["16K:inherit", 1, false, "0..."],
    ["16K:inherit", 1, true, "2222"], ["16K:inherit", 0, true, "0..."], ["16K:always", 0, false, "2222"],
    ["16K:never;8K:inherit", 2, false, "11.."],
  ])("%s, `enabled` is %i, advised: %s: %s", (thpAnon, enabled, advised, found) => {
    const s = kernel({ thpAnon, enabled: enabled as 0 | 1 | 2 });
    map(s, 0, 4);
    if (advised) s.madvise(0, 0, 4, MADV_HUGEPAGE);
    s.store(0, 0, 1);
    expect(layout(s, 0, 4)).toBe(found);
    s.madvise(0, 0, 4, MADV_DONTNEED);
    s.madvise(0, 0, 4, MADV_NOHUGEPAGE);
    s.store(0, 0, 1);
    expect(layout(s, 0, 4)).toBe("0...");
    expectNothingLeft(s);
  });

  it("by what its file says now; a word that there is not is refused", () => {
    const s = kernel({ thpAnon: "8K-16K:never", enabled: 1 });
    map(s, 0, 8);
    const write = (order: number, word: number): number => s.probe(STORE_ENABLED, [order, word]);
    const fault = (): string => {
      s.madvise(0, 0, 8, MADV_DONTNEED);
      s.store(0, 0, 1);
      return layout(s, 0, 4);
    };
    const [NEVER, MADVISE, ALWAYS, INHERIT] = [0, 1, 2, 3];
    expect([write(ORDER_2, 4), write(ORDER_2, -1), fault()]).toEqual([-EINVAL, -EINVAL, "0..."]);
    expect([write(ORDER_1, ALWAYS), fault(), write(ORDER_2, ALWAYS), fault()]).toEqual([0, "11..", 0, "2222"]);
    expect([write(ORDER_2, INHERIT), fault(), write(ORDER_1, MADVISE), fault()]).toEqual([0, "11..", 0, "0..."]);
    s.madvise(0, 0, 8, MADV_HUGEPAGE);
    expect([fault(), write(ORDER_2, MADVISE), fault()]).toEqual(["2222", 0, "2222"]);
    expect([write(ORDER_2, NEVER), fault(), write(ORDER_1, NEVER), fault()]).toEqual([0, "11..", 0, "0..."]);
    expectNothingLeft(s);
  });

  it("all pages are there at once, zero-filled, writable and exclusive", () => {
    const s = kernel();
    map(s, 0, 8);
    const faults = s.vmstat("pgfault");
    fill(s, 0, 4);
    expect([s.vmstat("pgfault") - faults, s.k.mm.anonPages.get(0), s.k.page.refcount.get(s.frame(0, 0))]).toEqual([1, 4, 4]);
    expect([gauges(s), stat(s, "anonFaultAlloc", ORDER_2), s.vmstat("thpFaultAlloc")]).toEqual([[0, 1, 0, 0], 1, 0]);
    const seen = [0, 1, 2, 3].map((v) => [s.writable(0, v), s.k.page.anonExclusive.get(s.frame(0, v)), s.load(0, v)]);
    expect(seen).toEqual([1, 2, 3, 4].map((c) => [true, true, c]));
    expectNothingLeft(s);
  });

  it("without memory or charge it goes on with the next smaller size, and counts", () => {
    // Choices of the first store: the page table, the anon_vma and its edge come before.
    const results = new Set<string>();
    for (let n = 0; n < 12; n++) for (const failing of [[1], [1, 0, 1], [1, 1], [1, 1, 1], [0, 1, 1]]) {
      const s = kernel();
      map(s, 0, 8);
      s.call(0, "store", [0, 1], [...Array.from({ length: n }, () => 0), ...failing]);
      const names = ["anonFaultAlloc", "anonFaultFallback", "anonFaultFallbackCharge"] as const;
      const seen = [ORDER_1, ORDER_2].map((o) => names.map((name) => stat(s, name, o)).join("/"));
      results.add(`${layout(s, 0, 4)} ${seen.join(" ")}`);
      expectNothingLeft(s);
    }
    // Order 1, then order 2: allocated, not allocated, not charged.
    expect([...results]).toEqual(expect.arrayContaining([
      "2222 0/0/0 1/0/0", "11.. 1/0/0 0/1/0", "11.. 1/0/0 0/1/1", "0... 0/1/0 0/1/0", "0... 0/1/0 0/1/1", "0... 0/1/1 0/1/0",
    ]));
  });
});

describe("a folio of a middle size", () => {
  it("that is unmapped in part is queued, counted by its size, and split by the shrinker", () => {
    const s = kernel();
    map(s, 0, 8);
    fill(s, 0, 8);
    s.madvise(0, 1, 1, MADV_DONTNEED);
    expect([gauges(s), s.k.deferredSplit.length.get()]).toEqual([[0, 2, 0, 1], 1]);
    expect([stat(s, "splitDeferred", ORDER_2), s.vmstat("thpDeferredSplitPage")]).toEqual([1, 0]);
    s.lruAddDrainAll();
    s.probe(SHRINK, []);
    expect([layout(s, 0, 8), gauges(s), stat(s, "split", ORDER_2), s.vmstat("thpSplitPage")]).toEqual(["0.002222", [0, 1, 0, 0], 1, 0]);
    expect([0, 2, 3].map((v) => s.load(0, v))).toEqual([1, 3, 4]);
    expectNothingLeft(s);
  });

  it("that lies behind another one in a huge page's frames is found by the shrinker", () => {
    const s = kernel({ thpAnon: "8K:always" });
    map(s, 0, 8);
    fill(s, 0, 8);
    s.lruAddDrainAll();
    for (const vpn of [0, 2, 5, 7]) s.madvise(0, vpn, 1, MADV_DONTNEED);
    expect([s.k.deferredSplit.length.get(), gauges(s)]).toEqual([4, [4, 0, 4, 0]]);
    s.probe(SHRINK, []);
    expect([layout(s, 0, 8), s.k.deferredSplit.length.get(), gauges(s)]).toEqual([".0.00.0.", 0, [0, 0, 0, 0]]);
    expectNothingLeft(s);
  });

  it("is split by MADV_FREE and MADV_PAGEOUT of a part, and stays whole for all of it", () => {
    for (const advice of [MADV_FREE, MADV_PAGEOUT]) {
      const s = kernel();
      map(s, 0, 8);
      fill(s, 0, 8);
      s.lruAddDrainAll();
      s.madvise(0, 4, 1, advice);
      expect([layout(s, 0, 8), stat(s, "split", ORDER_2), gauges(s)]).toEqual(["22220000", 1, [0, 1, 0, 0]]);
      s.madvise(0, 0, 4, MADV_FREE);
      expect(layout(s, 0, 4)).toBe("2222");
      expectNothingLeft(s);
    }
  });

  it("that is paged out where there is no swap is split, and counts as a fallback of its size", () => {
    const s = kernel();
    map(s, 0, 8);
    fill(s, 0, 8);
    s.lruAddDrainAll();
    s.madvise(0, 0, 4, MADV_PAGEOUT);
    expect([layout(s, 0, 8), stat(s, "swpoutFallback", ORDER_2), s.vmstat("thpSwpoutFallback")]).toEqual(["00002222", 1, 0]);
    expectNothingLeft(s);
  });

  it("is shared by fork: a write copies one page, and the last process has it again", () => {
    const s = kernel();
    map(s, 0, 4);
    fill(s, 0, 4);
    expect(s.fork(0, 1)).toBe(1);
    const frame = s.frame(0, 0);
    expect([layout(s, 0, 4, 1), s.k.page.maybeShared.get(frame), s.k.page.refcount.get(frame)]).toEqual(["2222", true, 8]);
    s.store(1, 2, 9);
    expect([layout(s, 0, 4, 1), layout(s, 0, 4), s.load(1, 2), s.load(0, 2)]).toEqual(["2202", "2222", 9, 3]);
    s.exit(1);
    s.lruAddDrainAll();
    // All references are this process's mappings: every page is written in place.
    fill(s, 0, 4);
    expect([0, 1, 2, 3].map((v) => s.frame(0, v) - frame)).toEqual([0, 1, 2, 3]);
    expectNothingLeft(s);
  });

  it("of which one page is left mapped is copied by a write, and freed", () => {
    const s = kernel();
    map(s, 0, 4);
    fill(s, 0, 4);
    s.fork(0, 1);
    s.exit(1);
    s.lruAddDrainAll();
    s.madvise(0, 1, 3, MADV_DONTNEED);
    s.store(0, 0, 7);
    expect([layout(s, 0, 4), gauges(s), s.load(0, 0)]).toEqual(["0...", [0, 0, 0, 0], 7]);
    expectNothingLeft(s);
  });

  it("keeps its pages through mprotect of a part", () => {
    const s = kernel();
    map(s, 0, 8);
    fill(s, 0, 8);
    s.mprotect(0, 1, 2, VM_READ);
    expect([layout(s, 0, 8), s.store(0, 1, 9)]).toEqual(["22222222", false]);
    expect([0, 1, 2, 3].map((v) => s.writable(0, v))).toEqual([true, false, false, true]);
    s.mprotect(0, 0, 8, RW);
    expect([s.store(0, 1, 9), s.load(0, 1), layout(s, 0, 8)]).toEqual([true, 9, "22222222"]);
    expectNothingLeft(s);
  });

  it("that has moved out of alignment and across two tables is found by walks of the reverse map", () => {
    const s = kernel();
    map(s, 0, 4);
    fill(s, 0, 4);
    s.lruAddDrainAll();
    const frame = s.frame(0, 0);
    expect(s.mremap(0, 0, 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED, 6)).toBe(6);
    expect([layout(s, 4, 12), s.frame(0, 9) - frame]).toEqual(["..2222..", 3]);
    // No swap: it is split, on both sides of the boundary.
    s.madvise(0, 6, 4, MADV_PAGEOUT);
    expect([6, 7, 8, 9].map((v) => [orderAt(s, v), s.load(0, v)])).toEqual([1, 2, 3, 4].map((c) => [0, c]));
    expectNothingLeft(s);
  });

  it("is taken into a huge page by MADV_COLLAPSE", () => {
    const s = kernel();
    map(s, 0, 8);
    fill(s, 0, 3);
    expect(layout(s, 0, 8)).toBe("2222....");
    s.store(0, 6, 5);
    s.lruAddDrainAll();
    expect([s.madvise(0, 0, 8, MADV_COLLAPSE), layout(s, 0, 8), s.isHuge(0, 0)]).toEqual([0, "33333333", true]);
    expect([0, 1, 2, 3, 4, 6].map((v) => s.load(0, v))).toEqual([1, 2, 3, 0, 0, 5]);
    expect([gauges(s), s.k.node.nrAnon.get()]).toEqual([[0, 0, 0, 0], 1]);
    expectNothingLeft(s);
  });

  it("huge pages count in the statistics of their size", () => {
    const s = kernel({ thpAnon: "8K-32K:always" });
    map(s, 0, 8);
    fill(s, 0, 8);
    s.lruAddDrainAll();
    s.madvise(0, 0, 1, MADV_DONTNEED);
    s.probe(SHRINK, []);
    const counted = (["anonFaultAlloc", "splitDeferred", "split"] as const).map((name) => stat(s, name, ORDER_PMD));
    expect([counted, s.vmstat("thpFaultAlloc"), s.vmstat("thpSplitPage")]).toEqual([[1, 1, 1], 1, 1]);
    expectNothingLeft(s);
  });
});
