/** What a real kernel was seen to do (test/conformance/) where this one once did something else. */
import { beforeEach, describe, expect, it } from "vitest";
import { EINVAL, ENOMEM } from "../../impl/errno.ts";
import { SCAN_ALLOC_HUGE_PAGE_FAIL, SCAN_NO_PTE_TABLE, scanStatusWord, SCAN_SUCCEED } from "../../impl/khugepaged/scan-result.ts";
import { MADV_COLLAPSE, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_POPULATE_READ, MADV_POPULATE_WRITE } from "../../impl/madvise.ts";
import { VM_READ } from "../../impl/structs/vma.ts";
import { DIRTY, YOUNG } from "../../impl/pgtable.ts";
import { expectNothingLeft, fill, map, MACHINE } from "./calls.ts";
import { RW, SequentialKernel } from "./sequential-kernel.ts";

const s = new SequentialKernel(MACHINE);
beforeEach(() => s.reset());

/** A huge page at 0..3, mapped by PTEs; the whole folio is still mapped. */
function pteMapped(): void {
  map(s, 0, 4);
  s.store(0, 0, 1);
  s.mprotect(0, 0, 1, VM_READ);
  s.mprotect(0, 0, 1, RW);
  expect([s.isHuge(0, 0), s.k.page.order.get(s.frame(0, 0))]).toEqual([false, 2]);
}

describe("a large folio that loses all its mappings at once was never partially mapped", () => {
  it("in MADV_DONTNEED", () => {
    pteMapped();
    s.madvise(0, 0, 4, MADV_DONTNEED);
    expect([s.vmstat("thpDeferredSplitPage"), s.k.node.nrAnon.get()]).toEqual([0, 0]);
    expectNothingLeft(s);
  });
  it("in MADV_COLLAPSE", () => {
    pteMapped();
    expect(s.madvise(0, 0, 4, MADV_COLLAPSE)).toBe(0);
    expect([s.isHuge(0, 0), s.vmstat("thpDeferredSplitPage"), s.k.node.nrAnon.get()]).toEqual([true, 0, 1]);
    expectNothingLeft(s);
  });
  it("but one that keeps some was", () => {
    pteMapped();
    s.madvise(0, 0, 3, MADV_DONTNEED);
    expect([s.vmstat("thpDeferredSplitPage"), s.k.node.nrAnonPartiallyMapped.get()]).toEqual([1, 1]);
    expectNothingLeft(s);
  });
});

it("the last mapped page of a large folio is copied when it is written, which frees the folio", () => {
  pteMapped();
  s.madvise(0, 1, 3, MADV_DONTNEED);
  s.fork(0, 1);
  s.store(1, 0, 5);
  const before = s.frame(0, 0);
  s.store(0, 0, 6);
  expect([s.frame(0, 0) === before, s.k.node.nrAnon.get(), s.load(0, 0), s.load(1, 0)]).toEqual([false, 0, 6, 5]);
  expectNothingLeft(s, [0, 1]);
});

it("a huge page that is mapped once is not shared, though three processes have mapped it", () => {
  map(s, 0, 4);
  s.store(0, 0, 1);
  s.fork(0, 1);
  s.fork(0, 2);
  for (const p of [0, 1]) for (let vpn = 0; vpn < 4; vpn++) s.store(p, vpn, 5);
  const folio = s.frame(2, 0);
  expect([s.isHuge(2, 0), s.k.page.maybeShared.get(folio)]).toEqual([true, true]);
  s.lruAddDrainAll();
  s.madvise(2, 0, 4, MADV_FREE);
  expect(s.k.page.swapbacked.get(folio)).toBe(false);
  expectNothingLeft(s, [0, 1, 2]);
});

it("mprotect makes all pages of a folio dirty, if one of them is", () => {
  pteMapped();
  s.store(0, 2, 9);
  s.lruAddDrainAll();
  s.madvise(0, 0, 4, MADV_FREE);
  s.store(0, 2, 9);
  expect([0, 1, 2, 3].map((vpn) => s.entry(0, vpn).value & DIRTY)).toEqual([0, 0, DIRTY, 0]);
  s.mprotect(0, 0, 4, VM_READ);
  expect([0, 1, 2, 3].map((vpn) => s.entry(0, vpn).value & DIRTY)).toEqual([DIRTY, DIRTY, DIRTY, DIRTY]);
  expectNothingLeft(s);
});

describe("MADV_POPULATE leaves the traces of an access", () => {
  const page = (): number => s.frame(0, 0);
  it("on a small page: referenced, then active", () => {
    s.sysfs("enabled", "never");
    map(s, 0, 1);
    s.store(0, 0, 1);
    s.lruAddDrainAll();
    s.madvise(0, 0, 1, MADV_FREE);
    expect([s.k.page.referenced.get(page()), s.entry(0, 0).value & (YOUNG | DIRTY)]).toEqual([false, 0]);
    s.madvise(0, 0, 1, MADV_POPULATE_READ);
    expect([s.k.page.referenced.get(page()), s.k.page.active.get(page()), s.k.page.dirty.get(page())]).toEqual([true, false, false]);
    s.madvise(0, 0, 1, MADV_POPULATE_WRITE);
    expect([s.k.page.referenced.get(page()), s.k.page.active.get(page()), s.k.page.dirty.get(page())]).toEqual([false, true, true]);
    expectNothingLeft(s);
  });
  it("on a huge page: in its entry", () => {
    map(s, 0, 4);
    s.store(0, 0, 1);
    s.lruAddDrainAll();
    s.madvise(0, 0, 4, MADV_FREE);
    s.madvise(0, 0, 1, MADV_POPULATE_READ);
    expect(s.entry(0, 0).value & (YOUNG | DIRTY)).toBe(YOUNG);
    s.madvise(0, 0, 1, MADV_POPULATE_WRITE);
    expect(s.entry(0, 0).value & (YOUNG | DIRTY)).toBe(YOUNG | DIRTY);
    expectNothingLeft(s);
  });
});

it("the tracepoint of a scan that has succeeded tells what became of the collapse", () => {
  const kernel = new SequentialKernel({ ...MACHINE, allocationMayFail: true });
  map(kernel, 0, 4);
  fill(kernel, 0, 4);
  kernel.mprotect(0, 1, 1, VM_READ);
  kernel.mprotect(0, 1, 1, RW);
  // What the call itself needs is there; a huge page is not.
  expect(kernel.madvise(0, 0, 4, MADV_COLLAPSE, [0, 1])).toBe(-ENOMEM);
  expect(kernel.madvise(0, 0, 4, MADV_COLLAPSE)).toBe(0);
  const told = [SCAN_SUCCEED, SCAN_ALLOC_HUGE_PAGE_FAIL].map((status) => kernel.k.tracepoint.khugepagedScanPmd.get(status));
  expect(told).toEqual([1, 1]);
});

it("a table that is gone has a word of its own in the tracepoints before 6.19", () => {
  expect([true, false].map((one) => scanStatusWord(SCAN_NO_PTE_TABLE, one))).toEqual(["no_pte_table", "pmd_null"]);
  expect(scanStatusWord(SCAN_SUCCEED, false)).toBe("succeeded");
});

it("MADV_COLLAPSE of a range without a huge-page boundary: a success since 2026, -EINVAL before", () => {
  const before = new SequentialKernel({ ...MACHINE, collapseOfNothingSucceeds: false });
  for (const [kernel, result] of [[s, 0], [before, -EINVAL]] as const) {
    map(kernel, 0, 8);
    fill(kernel, 0, 8);
    expect([kernel.madvise(0, 1, 2, MADV_COLLAPSE), kernel.madvise(0, 4, 1, MADV_COLLAPSE)]).toEqual([result, 0]);
  }
});

it("MADV_DONTNEED frees a table that it empties, and only a whole one: the next fault may bring a huge page", () => {
  const reclaims = new SequentialKernel({ ...MACHINE, ptReclaim: true });
  for (const [kernel, huge] of [[s, false], [reclaims, true]] as const) {
    map(kernel, 0, 8);
    kernel.madvise(0, 0, 8, MADV_HUGEPAGE);
    kernel.store(0, 0, 1);
    kernel.store(0, 4, 1);
    kernel.madvise(0, 0, 1, MADV_DONTNEED);
    kernel.madvise(0, 4, 1, MADV_DONTNEED);
    kernel.madvise(0, 0, 4, MADV_DONTNEED);
    kernel.madvise(0, 4, 2, MADV_DONTNEED);
    kernel.madvise(0, 6, 2, MADV_DONTNEED);
    kernel.store(0, 1, 2);
    kernel.store(0, 5, 2);
    expect([kernel.isHuge(0, 1), kernel.isHuge(0, 5)]).toEqual([huge, false]);
    expectNothingLeft(kernel);
  }
});
