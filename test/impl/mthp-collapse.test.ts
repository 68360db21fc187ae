/** khugepaged's collapse to sizes between a page and a huge page, one call after the other: what each result leads to. */
import { beforeEach, describe, expect, test } from "vitest";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import {
  SCAN_ALLOC_HUGE_PAGE_FAIL, SCAN_COPY_MC, SCAN_DEL_PAGE_LRU, SCAN_EXCEED_NONE_PTE, SCAN_EXCEED_SHARED_PTE, SCAN_EXCEED_SWAP_PTE, SCAN_FAIL,
  SCAN_LACK_REFERENCED_PAGE, SCAN_PAGE_COUNT, SCAN_PAGE_LAZYFREE, SCAN_PAGE_LOCK, SCAN_PTE_NON_PRESENT, SCAN_SUCCEED, SCAN_VMA_CHECK,
} from "../../impl/khugepaged/scan-result.ts";
import { MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_PAGEOUT } from "../../impl/madvise.ts";
import { MMF_VM_HUGEPAGE_BIT } from "../../impl/structs/mm.ts";
import { entryTarget, pmdTable, YOUNG } from "../../impl/pgtable.ts";
import { KHUGEPAGED_MTHP_MERGED, KHUGEPAGED_MTHP_V10 } from "../../spec/enumerations.ts";
import { expectNothingLeft, fill, map } from "./calls.ts";
import { scanAndCollapse } from "./khugepaged-probes.ts";
import { walkUnscanned } from "./mthp-collapse-probes.ts";
import { SequentialKernel } from "./sequential-kernel.ts";

/** 8 pages per huge page: folios of two and of four pages, and huge ones. */
const MACHINE: KernelOptions = {
  pagesPerHugePage: 8, hugeRanges: 2, frames: 48, mms: 2, cpus: 4, contents: 10, allocationMayFail: true, copyMayMeetPoison: true,
  thpAnon: "8K-32K:inherit", khugepagedMthp: KHUGEPAGED_MTHP_MERGED, enabled: ENABLED_NEVER, maxPtesNone: 0, maxPtesSwap: 2,
  maxPtesShared: 2, pagesToScan: 64, swapSlots: 8, swapIsSynchronous: true,
};
const SCAN = 2;
const WALK = 3;
const H = 8;
/** Orders 1 and 2, and that of a huge page. */
const PAIRS = 1 << 1;
const FOURS = 1 << 2;
const HUGE = 1 << 3;

const kernels = new Map<string, SequentialKernel>();
/** Kernels by their options: to compile one takes longer than what it is asked. */
function kernel(more: Partial<KernelOptions> = {}): SequentialKernel {
  const options = { ...MACHINE, ...more };
  const known = kernels.get(JSON.stringify(options)) ?? new SequentialKernel(options, [scanAndCollapse, walkUnscanned]);
  kernels.set(JSON.stringify(options), known);
  known.reset();
  return known;
}
let s: SequentialKernel;
beforeEach(() => { s = kernel(); });

const scan = (choices: readonly number[] = []): number => s.probe(SCAN, [0, 0, 1], choices);
const walk = (orders: number, unmapped = false, choices: readonly number[] = []): number => {
  return s.probe(WALK, [0, 0, orders, unmapped ? 1 : 0], choices);
};
/** Single pages with content at 0..7, of which khugepaged may make folios. */
function filled(): void {
  map(s, 0, H);
  fill(s, 0, H);
  s.lruAddDrainAll();
  s.sysfs("enabled", "always");
}
const head = (vpn: number): number => {
  const page = s.frame(0, vpn);
  return s.k.page.head.get(page) < 0 ? page : s.k.page.head.get(page);
};
/** Of each page the order of its folio; -: not mapped. */
function orders(): string {
  return Array.from({ length: H }, (_, v) => (s.frame(0, v) < 0 ? "-" : s.k.page.order.get(head(v)))).join("");
}
function setPte(vpn: number, value: (old: number) => number): void {
  const pmd = s.k.mm.pmd.get(0, 0);
  expect(pmdTable(pmd)).toBe(true);
  s.k.ptTable.pte.set(entryTarget(pmd), vpn, value(s.k.ptTable.pte.get(entryTarget(pmd), vpn)));
}
function expectContent(from = 0, end = H): void {
  for (let vpn = from; vpn < end; vpn++) expect(s.load(0, vpn), `page ${vpn}`).toBe(1 + vpn);
}

describe("the walk goes on in the halves of a window that fails", () => {
  // The first pair is what stops the larger windows. Only what is beside it is collapsed.
  const BESIDE = "00112222";
  test.each([
    ["a locked page", SCAN_PAGE_LOCK, () => { s.lockFolio(head(0)); }],
    ["a page with another reference", SCAN_PAGE_COUNT, () => { s.k.page.refcount.add(head(0), 1); }],
    ["a page off the LRU", SCAN_DEL_PAGE_LRU, () => { s.k.page.lru.set(head(0), false); }],
  ] as const)("%s", (_, result, spoil) => {
    filled();
    spoil();
    expect(walk(HUGE | FOURS | PAIRS)).toBe(SCAN_SUCCEED);
    expect(orders()).toBe(BESIDE);
    expect(s.k.tracepoint.collapseHugePage.get(result)).toBe(3);
    expectContent();
  });

  test("pages that nobody has looked at since", () => {
    filled();
    for (let v = 0; v < 2; v++) setPte(v, (old) => old & ~YOUNG);
    expect(walk(PAIRS)).toBe(SCAN_SUCCEED);
    expect([orders(), s.k.tracepoint.collapseHugePage.get(SCAN_LACK_REFERENCED_PAGE)]).toEqual(["00111111", 1]);
    expectContent();
    expectNothingLeft(s);
  });

  test("holes that are not permitted; of each size they are counted", () => {
    filled();
    s.madvise(0, 0, 2, MADV_DONTNEED);
    expect(walk(HUGE | FOURS | PAIRS)).toBe(SCAN_SUCCEED);
    expect(orders()).toBe("--112222");
    expect([1, 2, 3].map((o) => s.k.mthpStat.collapseExceedNonePte.get(o))).toEqual([1, 1, 1]);
    expect(s.vmstat("thpScanExceedNonePte")).toBe(1);
    expectContent(2);
    expectNothingLeft(s);
  });

  test("with max_ptes_none at its end a window may have all but one", () => {
    filled();
    s.sysfs("khugepaged/max_ptes_none", String(H - 1));
    s.madvise(0, 0, 5, MADV_DONTNEED);
    expect(walk(FOURS | PAIRS)).toBe(SCAN_SUCCEED);
    expect(orders()).toBe("----2222");
    expect([1, 2, 3].map((o) => s.k.mthpStat.collapseExceedNonePte.get(o))).toEqual([2, 1, 0]);
    expect([s.load(0, 4), s.load(0, 5)]).toEqual([0, 6]);
    expectNothingLeft(s);
  });

  test("a page that is out: too much for a small window, not for a huge page, which cannot have it yet", () => {
    filled();
    s.madvise(0, 0, 1, MADV_PAGEOUT);
    expect(walk(FOURS | PAIRS, true)).toBe(SCAN_SUCCEED);
    expect([orders(), s.k.tracepoint.collapseHugePage.get(SCAN_EXCEED_SWAP_PTE)]).toEqual(["-0112222", 2]);
    expect([1, 2, 3].map((o) => s.k.mthpStat.collapseExceedSwapPte.get(o))).toEqual([1, 1, 0]);
    expect(s.vmstat("thpScanExceedSwapPte")).toBe(0);
    expectContent();
    expectNothingLeft(s);
  });

  test("a page that has gone out since the scan", () => {
    filled();
    s.madvise(0, 0, 1, MADV_PAGEOUT);
    expect(walk(FOURS | PAIRS)).toBe(SCAN_SUCCEED);
    expect([orders(), s.k.tracepoint.collapseHugePage.get(SCAN_PTE_NON_PRESENT)]).toEqual(["-0112222", 2]);
    expectContent();
    expectNothingLeft(s);
  });

  test("a page that others map", () => {
    filled();
    s.fork(0, 1);
    for (let v = 1; v < H; v++) s.store(0, v, 1 + v);
    s.lruAddDrainAll();
    expect(walk(FOURS | PAIRS)).toBe(SCAN_SUCCEED);
    expect([orders(), s.k.tracepoint.collapseHugePage.get(SCAN_EXCEED_SHARED_PTE)]).toEqual(["00112222", 2]);
    expect([1, 2, 3].map((o) => s.k.mthpStat.collapseExceedSharedPte.get(o))).toEqual([1, 1, 0]);
    expectContent();
    s.exit(1);
    expectNothingLeft(s);
  });

  test("a lazyfree page", () => {
    filled();
    s.madvise(0, 0, 1, MADV_FREE);
    s.lruAddDrainAll();
    expect(walk(FOURS | PAIRS)).toBe(SCAN_SUCCEED);
    expect([orders(), s.k.tracepoint.collapseHugePage.get(SCAN_PAGE_LAZYFREE)]).toEqual(["00112222", 2]);
    expectNothingLeft(s);
  });

  test("no memory for a huge page, and for a folio of four: each is counted", () => {
    filled();
    expect(walk(HUGE | FOURS | PAIRS, false, [1, 1])).toBe(SCAN_SUCCEED);
    expect(s.k.tracepoint.collapseHugePage.get(SCAN_ALLOC_HUGE_PAGE_FAIL)).toBe(2);
    expect([1, 2, 3].map((o) => s.k.mthpStat.collapseAllocFailed.get(o))).toEqual([0, 1, 1]);
    expect([orders(), s.vmstat("thpCollapseAllocFailed")]).toEqual(["11112222", 1]);
    expectContent();
    expectNothingLeft(s);
  });
});

describe("how the walk ends", () => {
  test("a lack of memory is told before what came last", () => {
    filled();
    s.madvise(0, 4, 4, MADV_DONTNEED);
    expect(walk(FOURS, false, [1])).toBe(SCAN_ALLOC_HUGE_PAGE_FAIL);
    expect(s.k.tracepoint.collapseHugePage.get(SCAN_EXCEED_NONE_PTE)).toBe(1);
    expect(orders()).toBe("0000----");
    expectNothingLeft(s);
  });

  test("else the last result", () => {
    filled();
    s.madvise(0, 0, H, MADV_DONTNEED);
    expect(walk(FOURS | PAIRS)).toBe(SCAN_EXCEED_NONE_PTE);
    expectNothingLeft(s);
  });

  test("at once where the size is not allowed any more", () => {
    for (const forbid of [
      () => { s.madvise(0, 0, H, MADV_NOHUGEPAGE); }, () => { s.sysfs("enabled", "never"); }, () => { s.sysfs("enabled", "madvise"); },
    ]) {
      s.reset();
      filled();
      forbid();
      expect(walk(FOURS | PAIRS)).toBe(SCAN_VMA_CHECK);
      expect([s.k.tracepoint.collapseHugePage.get(SCAN_VMA_CHECK), orders()]).toEqual([1, "00000000"]);
      expectNothingLeft(s);
    }
  });

  test("at once where a page is poisoned; the window is as it was", () => {
    filled();
    // The allocation, and the second copy.
    expect(walk(FOURS | PAIRS, false, [0, 0, 1])).toBe(SCAN_COPY_MC);
    expect(orders()).toBe("00000000");
    expectContent();
    expectNothingLeft(s);
  });

  test("a huge page fails at its isolation, and so do its parts", () => {
    filled();
    s.fork(0, 1);
    expect(walk(HUGE | FOURS)).toBe(SCAN_EXCEED_SHARED_PTE);
    expect([orders(), s.vmstat("thpScanExceedSharedPte")]).toEqual(["00000000", 1]);
    expectContent();
    s.exit(1);
    expectNothingLeft(s);
  });
});

describe("a scan with the sizes", () => {
  test("of a range that is empty but for its table", () => {
    filled();
    s.madvise(0, 0, H, MADV_DONTNEED);
    expect(scan()).toBe(SCAN_EXCEED_NONE_PTE);
    expect(s.k.mthpStat.collapseExceedNonePte.get(3)).toBe(1);
    expectNothingLeft(s);
  });

  test("takes a page that is out for one of a huge page", () => {
    filled();
    s.madvise(0, 0, 3, MADV_PAGEOUT);
    expect([scan(), s.k.mthpStat.collapseExceedSwapPte.get(3)]).toEqual([SCAN_EXCEED_SWAP_PTE, 1]);
    expectNothingLeft(s);
  });
});

describe("areas", () => {
  /** MADV_HUGEPAGE makes khugepaged look at the process only if some size fits into the area. */
  const registers = (pages: number): boolean => {
    map(s, 0, pages);
    s.store(0, 0, 1);
    s.sysfs("enabled", "always");
    s.madvise(0, 0, pages, MADV_HUGEPAGE);
    return s.k.mm.flags.has(0, MMF_VM_HUGEPAGE_BIT);
  };
  test.each([[1, false], [2, true], [4, true], [8, true]] as const)("of %i pages", (pages, registered) => {
    expect(registers(pages)).toBe(registered);
  });

  test("in which nothing was written", () => {
    map(s, 0, H);
    s.sysfs("enabled", "always");
    s.madvise(0, 0, H, MADV_HUGEPAGE);
    expect(s.k.mm.flags.has(0, MMF_VM_HUGEPAGE_BIT)).toBe(false);
  });
});

describe("khugepaged has something to do", () => {
  test.each([["8K:always", "1111"], ["8K:madvise", "1111"], ["8K:never", "0000"]])("by thp_anon=%s alone", (thpAnon, made) => {
    s = kernel({ thpAnon, enabled: ENABLED_NEVER });
    map(s, 0, H);
    // A word of the size is fixed at boot: single pages are what is left of folios.
    fill(s, 0, H);
    s.splitHugePages(0, 0, H);
    s.madvise(0, 0, H, MADV_HUGEPAGE);
    s.lruAddDrainAll();
    s.khugepaged();
    expect(orders().slice(0, 4)).toBe(made);
    expectContent();
    expectNothingLeft(s);
  });
});

describe("as posted in 2025", () => {
  beforeEach(() => { s = kernel({ khugepagedMthp: KHUGEPAGED_MTHP_V10 }); });

  test("a huge page that is always enabled is tried whatever the bits are; one that is not needs them", () => {
    for (const [thpAnon, tried] of [["8K-16K:inherit;32K:always", 1], ["8K-32K:inherit", 0]] as const) {
      s = kernel({ khugepagedMthp: KHUGEPAGED_MTHP_V10, thpAnon });
      map(s, 0, H);
      fill(s, 0, H);
      s.splitHugePages(0, 0, H);
      s.sysfs("enabled", "always");
      s.lruAddDrainAll();
      s.madvise(0, 0, 1, MADV_DONTNEED);
      expect(scan()).toBe(SCAN_SUCCEED);
      expect([orders(), s.k.mthpStat.collapseExceedNonePte.get(3)]).toEqual(["-0111100", tried]);
      expectContent(1);
      expectNothingLeft(s);
    }
  });

  test("what is not enabled is left out", () => {
    filled();
    expect(walk(PAIRS)).toBe(SCAN_SUCCEED);
    expect(orders()).toBe("11111111");
    expectContent();
    expectNothingLeft(s);
  });

  test("a result that no part can change ends the walk", () => {
    filled();
    s.madvise(0, 0, H, MADV_NOHUGEPAGE);
    expect(walk(FOURS | PAIRS)).toBe(SCAN_FAIL);
    expect([s.k.tracepoint.collapseHugePage.get(SCAN_VMA_CHECK), orders()]).toEqual([1, "00000000"]);
    expectNothingLeft(s);
  });

  test("max_ptes_none is scaled down to the window", () => {
    filled();
    s.sysfs("khugepaged/max_ptes_none", "4");
    s.madvise(0, 0, 1, MADV_DONTNEED);
    s.madvise(0, 2, 2, MADV_DONTNEED);
    expect(walk(PAIRS)).toBe(SCAN_SUCCEED);
    expect([orders(), s.k.mthpStat.collapseExceedNonePte.get(1)]).toEqual(["11--1111", 1]);
    expectNothingLeft(s);
  });

  test("where huge pages are never enabled khugepaged has nothing to do", () => {
    s = kernel({ khugepagedMthp: KHUGEPAGED_MTHP_V10, thpAnon: "8K-16K:inherit" });
    map(s, 0, H);
    s.store(0, 0, 1);
    s.sysfs("enabled", "always");
    s.madvise(0, 0, H, MADV_HUGEPAGE);
    expect(s.k.mm.flags.has(0, MMF_VM_HUGEPAGE_BIT)).toBe(false);
  });
});
