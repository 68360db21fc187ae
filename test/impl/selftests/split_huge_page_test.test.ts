/** tools/testing/selftests/mm/split_huge_page_test.c: huge pages split through debugfs, mapped by PMDs and by PTEs. */
import { describe, expect, test } from "vitest";
import { ESRCH } from "../../../impl/errno.ts";
import { FOLL_PIN } from "../../../impl/gup.ts";
import { MADV_HUGEPAGE } from "../../../impl/madvise.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../../impl/mremap.ts";
import { ENABLED_MADVISE } from "../../../impl/config/knobs.ts";
import type { KernelOptions } from "../../../impl/config/options.ts";
import { Machine } from "./machine.ts";
import { selftest } from "./selftest.ts";

const NR = 4;
const P = 0;

function machine(h: number): KernelOptions {
  return {
    pagesPerHugePage: h, hugeRanges: 8, frames: 8 * h, mms: 2, cpus: 2, vmas: 16, anonVmas: 8, anonVmaChains: 40, pageTables: 20, refcountMax: h <= 8 ? 63 : 0xffff, enabled: ENABLED_MADVISE,
  };
}

/** NR huge pages, written page by page; `zero`: with zeroes. */
function allocate(s: Machine, zero = false): number {
  const p = s.map(P, s.h, NR * s.h);
  expect(s.madvise(P, p, NR * s.h, MADV_HUGEPAGE)).toBe(0);
  if (zero) for (let v = p; v < p + NR * s.h; v++) expect(s.store(P, v, 0)).toBe(true);
  else s.fill(P, p, 0, NR * s.h);
  expect(s.anonHugePages(P, p)).toBe(NR);
  return p;
}

function splitPmdZeroPages(s: Machine): void {
  const p = allocate(s, true);
  const before = s.rssAnon(P);
  expect(before).toBe(NR * s.h);
  const free = s.freePages();
  expect(s.splitHugePages(P, p, NR * s.h)).toBe(NR);
  expect(s.rssAnon(P), "mapped to the zero page").toBe(0);
  s.validateZero(P, p, NR * s.h);
  expect(s.anonHugePages(P, p)).toBe(0);
  expect(s.rssAnon(P)).toBeLessThan(before);
  s.lruAddDrainAll();
  expect(s.freePages() - free).toBe(NR * s.h);
  expect([s.vmstat("thpSplitPage"), s.vmstat("thpSplitPmd"), s.vmstat("thpSplitPageFailed"), s.k.node.nrAnon.get()]).toEqual([NR, NR, 0, 0]);
}

function splitPmdThpToOrder0(s: Machine): void {
  const p = allocate(s);
  const frames = Array.from({ length: NR * s.h }, (_, i) => s.frame(P, p + i));
  expect(s.splitHugePages(P, p, NR * s.h)).toBe(NR);
  s.validate(P, p, 0, NR * s.h);
  expect(s.anonHugePages(P, p)).toBe(0);
  for (let i = 0; i < NR * s.h; i++) if (s.isThp(P, p + i) || s.frame(P, p + i) !== frames[i] || !s.writable(P, p + i)) expect.fail(`page ${i} is not the single page that it was a part of`);
  expect([s.rssAnon(P), s.vmstat("thpSplitPage"), s.vmstat("thpSplitPmd"), s.k.node.nrAnon.get(), s.k.node.anonThps.get()]).toEqual([NR * s.h, NR, NR, 0, 0]);
}

/** Single pages stay what they are: nothing is tried, so nothing fails. */
function splitToTheSameOrder(s: Machine): void {
  const p = allocate(s);
  expect([s.splitHugePages(P, p, NR * s.h), s.splitHugePages(P, p, NR * s.h)]).toEqual([NR, 0]);
  s.validate(P, p, 0, NR * s.h);
  expect([s.rssAnon(P), s.vmstat("thpSplitPage"), s.vmstat("thpSplitPageFailed")]).toEqual([NR * s.h, NR, 0]);
}

function splitPteMappedThp(s: Machine): void {
  const p = allocate(s);
  // Page i of huge page i goes to page i of a window: where the first huge page begins, since page 0 need not move.
  const at: (number | null)[] = Array.from({ length: NR * s.h }, (_, i) => i);
  const window = s.mremap(P, p, 1, 1, MREMAP_MAYMOVE);
  expect(window).toBe(p);
  for (let i = 1; i < NR; i++) {
    const from = i * s.h + (i % s.h);
    expect(s.mremap(P, p + from, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, window + i)).toBe(window + i);
    at[i] = at[from] ?? null;
    if (from !== i) at[from] = null;
  }
  const pages = Array.from({ length: NR }, (_, i) => i);
  expect(pages.map((i) => s.isThp(P, window + i))).toEqual(pages.map(() => true));
  expect([s.vmstat("thpSplitPmd"), s.vmstat("thpSplitPage"), s.k.node.nrAnon.get()]).toEqual([NR, 0, NR]);
  expect(s.splitHugePages(P, window, NR)).toBe(NR);
  expect(pages.map((i) => s.load(P, window + i))).toEqual(pages.map((i) => s.content(i * s.h + (i % s.h))));
  // What stayed where it was is the rest of the same huge pages.
  at.forEach((page, i) => {
    if (page === null) return;
    const found = [s.load(P, p + i), s.isThp(P, p + i)];
    if (found[0] !== s.content(page) || found[1] === true) expect(found, `page ${i}`).toEqual([s.content(page), false]);
  });
  expect([s.vmstat("thpSplitPage"), s.k.node.nrAnon.get(), s.rssAnon(P)]).toEqual([NR, 0, at.filter((page) => page !== null).length]);
}

/** With room for folios of every size; none of them is made by faults. */
const withSizes = (h: number): KernelOptions => ({ ...machine(h), thpAnon: `${h > 8 ? 16 : 8}K-${2 * h}K:never;${4 * h}K:inherit` });

/** Pages that are part of folios of that order, which begin at multiples of their size. */
function expectOrder(s: Machine, p: number, pages: number, order: number): void {
  for (let v = p; v < p + pages; v++) {
    const frame = s.frame(P, v);
    const head = s.k.page.head.get(frame) < 0 ? frame : s.k.page.head.get(frame);
    const found = [s.k.page.order.get(head), head % (1 << order)];
    if (found[0] !== order || found[1] !== 0) expect(found, `page ${v - p}`).toEqual([order, 0]);
  }
}

function splitPmdThpToOrder(s: Machine, order: number): void {
  const p = allocate(s);
  expect(s.splitHugePages(P, p, NR * s.h, order)).toBe(NR);
  s.validate(P, p, 0, NR * s.h);
  expectOrder(s, p, NR * s.h, order);
  const parts = s.k.thpSize.nrAnon.get(order - s.config.minLargeOrder);
  expect([s.anonHugePages(P, p), s.k.node.nrAnon.get(), parts]).toEqual([0, 0, (NR * s.h) >> order]);
}

/** The walk comes to every page: whatever offset it is, all is of that order in the end. */
function splitPmdThpToOrderAt(s: Machine): void {
  const p = allocate(s);
  expect(s.splitHugePages(P, p, NR * s.h, 4, (s.h >> 1) + 1)).toBeGreaterThan(NR);
  s.validate(P, p, 0, NR * s.h);
  expectOrder(s, p, NR * s.h, 4);
}

/** Anonymous memory has no folios of two pages. */
function splitToOrder1(s: Machine): void {
  const p = allocate(s);
  expect(s.splitHugePages(P, p, NR * s.h, 1)).toBe(0);
  expect([s.anonHugePages(P, p), s.vmstat("thpSplitPage"), s.vmstat("thpSplitPageFailed")]).toEqual([NR, 0, NR * s.h]);
  s.validate(P, p, 0, NR * s.h);
}

selftest("split_huge_page_test.c", {
  machine, sizes: [2, 4, 8, 512],
  cases: {
    split_pmd_zero_pages: splitPmdZeroPages,
    "split_pmd_thp_to_order 0": splitPmdThpToOrder0,
    ...Object.fromEntries([2, 3, 4, 5, 6, 7, 8].map((order) =>
      [`split_pmd_thp_to_order ${order}`, { sizes: [512], machine: withSizes, body: (s: Machine) => { splitPmdThpToOrder(s, order); } }])),
    "split_pmd_thp_to_order with in_folio_offset": { sizes: [64, 512], machine: withSizes, body: splitPmdThpToOrderAt },
    "expected failure: order 1 of anonymous memory": { sizes: [16, 512], machine: withSizes, body: splitToOrder1 },
    split_pte_mapped_thp: splitPteMappedThp,
    "expected failure: the order that it has": splitToTheSameOrder,
  },
});

describe("what the split through debugfs leaves alone", () => {
  const s = new Machine(machine(4));
  test("a folio that somebody holds: neither its PMD nor the folio is split", () => {
    s.reset();
    const p = allocate(s);
    const page = s.getUserPage(P, p + 1, FOLL_PIN, true);
    expect(s.splitHugePages(P, p, NR * s.h)).toBe(NR - 1);
    expect([s.isHuge(P, p), s.isHuge(P, p + s.h), s.vmstat("thpSplitPmd"), s.vmstat("thpSplitPageFailed")]).toEqual([true, false, NR - 1, 0]);
    s.putUserPage(P, page, true);
    expect(s.splitHugePages(P, p, NR * s.h)).toBe(1);
    s.validate(P, p, 0, NR * s.h);
    s.finish();
  });
  test("a folio that somebody has locked", () => {
    s.reset();
    const p = allocate(s);
    const lock = s.lockFolio(s.frame(P, p));
    expect(s.splitHugePages(P, p, s.h)).toBe(0);
    lock.release();
    expect(s.splitHugePages(P, p, s.h)).toBe(1);
    s.finish();
  });
  test("small pages, zero pages, what was never written, and all behind a hole", () => {
    s.reset();
    const p = s.map(P, s.h, 3 * s.h);
    s.fill(P, p, 0, 1);
    s.load(P, p + 1);
    expect(s.madvise(P, p + 2 * s.h, s.h, MADV_HUGEPAGE)).toBe(0);
    s.load(P, p + 2 * s.h);
    expect(s.isHuge(P, p + 2 * s.h)).toBe(true);
    expect([s.splitHugePages(P, p, 3 * s.h), s.vmstat("thpSplitPmd")]).toEqual([0, 0]);
    s.map(P, 5 * s.h, s.h);
    expect(s.madvise(P, 5 * s.h, s.h, MADV_HUGEPAGE)).toBe(0);
    s.fill(P, 5 * s.h, 0, s.h);
    expect([s.splitHugePages(P, p, 5 * s.h), s.isHuge(P, 5 * s.h)]).toEqual([0, true]);
    s.finish();
  });
  test("nobody: there is no such process", () => {
    s.reset();
    expect(s.splitHugePages(1, 0, s.h)).toBe(-ESRCH);
    s.finish();
  });
});
