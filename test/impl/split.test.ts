/** Folio split and the deferred split queue: results, counters, failure exits. */
import { describe, expect, test } from "vitest";
import type { Kernel } from "../../impl/mm-types.ts";
import { DIRTY, PRESENT, SPECIAL, WRITE, YOUNG, entryTarget, mkEntry } from "../../impl/pgtable.ts";
import { contentAt, countersMatch } from "./anon-mapping.ts";
import { boot, cutAt, forked, mapped, maxPtesNone, pinned, queued, referenced, scan, shifted, splitOf, splitPmd, stored, underused, zapped } from "./split-threads.ts";
import { StraightKernel, kernelScenario, type KernelOptionsBesideCpus, type KernelThread } from "./straight-kernel.ts";

const FOUR: Partial<KernelOptionsBesideCpus> = { pagesPerHugePage: 4, frames: 16, mms: 2 };
const FULL: Partial<KernelOptionsBesideCpus> = { pagesPerHugePage: 512, hugeRanges: 1, frames: 2048 };
const kernel = (threads: Record<string, KernelThread>, options: Partial<KernelOptionsBesideCpus> = FOUR): StraightKernel => new StraightKernel(kernelScenario(threads, boot, options));
/** The PTE of a page in the first huge range. */
const pteOf = (k: Kernel, mm: number, vpn: number): number => k.ptTable.pte.get(entryTarget(k.mm.pmd.get(mm, 0)), vpn);
const events = (k: Kernel) => ({ split: k.vmstat.thpSplitPage.get(), failed: k.vmstat.thpSplitPageFailed.get(), pmd: k.vmstat.thpSplitPmd.get() });
const EAGAIN = -11, EBUSY = -16, EINVAL = -22;

describe("split_folio()", () => {
  test("success: single pages with the same contents, rights and exclusivity; only the first keeps the caller's lock", () => {
    const m = kernel({ map: mapped(), split: splitOf(0) });
    m.run("map");
    const before = [0, 1, 2, 3].map((vpn) => contentAt(m.k, 0, vpn));
    expect(m.run("split")).toBe(0);
    expect([0, 1, 2, 3].map((vpn) => contentAt(m.k, 0, vpn))).toEqual(before);
    for (let i = 0; i < 4; i++) {
      expect([m.k.page.order.get(i), m.k.page.head.get(i), m.k.page.refcount.get(i), m.k.page.mapcount.get(i), m.k.page.index.get(i), m.k.page.anonExclusive.get(i), m.k.page.lru.get(i), m.k.page.lock.isHeld(i)]).toEqual([0, -1, 1, 0, i, true, true, false]);
      expect(pteOf(m.k, 0, i)).toBe(mkEntry(i, PRESENT | WRITE | DIRTY | YOUNG));
    }
    expect(events(m.k)).toEqual({ split: 1, failed: 0, pmd: 1 });
    expect([m.k.node.nrAnon.get(), m.k.node.anonThps.get(), m.k.node.anonMapped.get(), m.k.lruvec.anonPages.get(), m.k.mm.anonPages.get(0)]).toEqual([0, 0, 4, 4, 4]);
    expect(countersMatch(m.k, 0)).toBe(true);
    expect(m.k.anonVma.refcount.get(0)).toBe(1);
  });

  test("an extra reference: -EAGAIN, and the PMD stays huge [obs 6.18]", () => {
    const m = kernel({ map: mapped(), ref: referenced(0, 1), split: splitOf(0) });
    m.run("map");
    m.run("ref");
    expect(m.run("split")).toBe(EAGAIN);
    expect(events(m.k)).toEqual({ split: 0, failed: 1, pmd: 0 });
    expect([m.k.page.order.get(0), m.k.page.entireMapcount.get(0)]).toEqual([2, 0]);
    expect(countersMatch(m.k, 1)).toBe(true);
  });

  test("nothing maps it: -EBUSY; a single page: -EINVAL", () => {
    const m = kernel({ map: mapped(), ref: referenced(0, 1), zap: zapped(0, 4), split: splitOf(0) });
    m.run("map");
    m.run("ref");
    m.run("zap");
    expect(m.run("split")).toBe(EBUSY);
    expect(events(m.k)).toEqual({ split: 0, failed: 1, pmd: 0 });
    const n = kernel({ map: mapped(), split: splitOf(0), again: splitOf(1) });
    n.run("map");
    n.run("split");
    expect(n.run("again")).toBe(EINVAL);
    expect(events(n.k)).toEqual({ split: 1, failed: 0, pmd: 1 });
  });

  test("a folio of PTEs of which one is gone: its page is freed, the others are mapped as before", () => {
    const m = kernel({ map: mapped(), zap: zapped(1, 2), split: splitOf(0) });
    m.run("map");
    m.run("zap");
    expect([m.k.deferredSplit.length.get(), m.k.vmstat.thpDeferredSplitPage.get(), m.k.zone.freePages.get()]).toEqual([1, 1, 12]);
    expect(m.run("split")).toBe(0);
    expect([m.k.zone.freePages.get(), m.k.deferredSplit.length.get(), m.k.node.nrAnonPartiallyMapped.get(), m.k.mm.anonPages.get(0)]).toEqual([13, 0, 0, 3]);
    expect(m.k.page.buddy.get(1)).toBe(true);
    expect(countersMatch(m.k, 0)).toBe(true);
  });

  test("shared by two processes: both map the pages afterwards, read-only", () => {
    const m = kernel({ map: mapped(), fork: forked, splitChild: splitPmd(1), split: splitOf(0) });
    for (const name of ["map", "fork", "splitChild"]) m.run(name);
    expect(m.run("split")).toBe(0);
    for (const mm of [0, 1]) for (let i = 0; i < 4; i++) expect(pteOf(m.k, mm, i) & ~YOUNG).toBe(mkEntry(i, PRESENT | DIRTY));
    expect([m.k.page.mapcount.get(3), m.k.page.refcount.get(3), m.k.page.anonExclusive.get(3)]).toEqual([1, 2, false]);
    expect(m.k.vmstat.thpSplitPmd.get()).toBe(2);
    expect(countersMatch(m.k, 0)).toBe(true);
  });

  test("mapped in two VMAs of one process: each part is found in its own", () => {
    const m = kernel({ map: mapped(), splitPmd: splitPmd(), cut: cutAt(1), split: splitOf(0) });
    for (const name of ["map", "splitPmd", "cut"]) m.run(name);
    expect(m.run("split")).toBe(0);
    expect([0, 1, 2, 3].map((vpn) => pteOf(m.k, 0, vpn))).toEqual([0, 1, 2, 3].map((i) => mkEntry(i, PRESENT | WRITE | DIRTY | YOUNG)));
    expect(countersMatch(m.k, 0)).toBe(true);
  });

  test("mapped across two page tables, as mremap can leave it", () => {
    const m = kernel({ map: mapped(), splitPmd: splitPmd(), shift: shifted, split: splitOf(0) });
    for (const name of ["map", "splitPmd", "shift"]) m.run(name);
    expect(m.run("split")).toBe(0);
    expect([2, 3, 4, 5].map((vpn) => contentAt(m.k, 0, vpn))).toEqual([2, 1, 2, 1]);
    expect([contentAt(m.k, 0, 1), contentAt(m.k, 0, 6)]).toEqual([-1, -1]);
    expect(countersMatch(m.k, 0)).toBe(true);
  });

  test("zero-filled pages become the zero page and are freed; without the switch they stay [obs 6.18: Rss 4 kB]", () => {
    for (const splitZeroRemap of [true, false]) {
      const m = kernel({ map: mapped(0), store: stored(2, 3, 1), split: splitOf(0) }, { ...FULL, splitZeroRemap });
      m.run("map");
      m.run("store");
      expect(m.run("split")).toBe(0);
      expect([m.k.mm.anonPages.get(0), m.k.zone.freePages.get()]).toEqual(splitZeroRemap ? [1, 2047] : [512, 1536]);
      expect(pteOf(m.k, 0, 0)).toBe(splitZeroRemap ? mkEntry(0, PRESENT | SPECIAL | YOUNG) : mkEntry(0, PRESENT | WRITE | DIRTY | YOUNG));
      expect([contentAt(m.k, 0, 2), contentAt(m.k, 0, 511)]).toEqual([1, 0]);
    }
  });
});

describe("the shrinker", () => {
  test("underused: more zero-filled pages than max_ptes_none: split; as many: kept, and off the queue for good [obs 6.18]", () => {
    for (const [zeroes, limit, rss] of [[401, 400, 111], [400, 400, 512], [512, 511, 512]] as const) {
      const m = kernel({ map: mapped(1), zero: stored(0, zeroes, 0), knob: maxPtesNone(limit), queue: queued, scan, lower: maxPtesNone(0) }, FULL);
      for (const name of ["map", "zero", "knob", "queue"]) m.run(name);
      expect(m.k.deferredSplit.length.get()).toBe(1);
      expect(m.run("scan")).toBe(rss === 512 ? 0 : 1);
      expect([m.k.mm.anonPages.get(0), m.k.deferredSplit.length.get(), m.k.vmstat.thpUnderusedSplitPage.get()]).toEqual([rss, 0, rss === 512 ? 0 : 1]);
      m.run("lower");
      expect(m.run("scan")).toBe(0);
    }
  });

  test("shrink_underused off: a whole folio is not queued", () => {
    const m = kernel({ map: mapped(0), off: underused(false), queue: queued });
    for (const name of ["map", "off", "queue"]) m.run(name);
    expect(m.k.deferredSplit.length.get()).toBe(0);
  });

  test("partially mapped: split; the hole's page is freed", () => {
    const m = kernel({ map: mapped(), zap: zapped(0, 1), scan });
    m.run("map");
    m.run("zap");
    expect(m.run("scan")).toBe(1);
    expect([m.k.zone.freePages.get(), m.k.vmstat.thpSplitPage.get(), m.k.vmstat.thpUnderusedSplitPage.get(), m.k.node.nrAnonPartiallyMapped.get()]).toEqual([13, 1, 0, 0]);
  });

  test("a folio with a pin goes back to the queue if partially mapped, not if underused", () => {
    const m = kernel({ map: mapped(), zap: zapped(0, 1), pin: pinned(0), scan });
    for (const name of ["map", "zap", "pin"]) m.run(name);
    expect(m.run("scan")).toBe(0);
    expect([m.k.deferredSplit.length.get(), m.k.page.deferred.get(0), m.k.page.partiallyMapped.get(0), m.k.vmstat.thpSplitPageFailed.get()]).toEqual([1, true, true, 1]);
    const n = kernel({ map: mapped(0), knob: maxPtesNone(0), queue: queued, pin: pinned(0), scan });
    for (const name of ["map", "knob", "queue", "pin"]) n.run(name);
    expect(n.run("scan")).toBe(0);
    expect([n.k.deferredSplit.length.get(), n.k.vmstat.thpSplitPageFailed.get()]).toEqual([0, 1]);
  });
});
