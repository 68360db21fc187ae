/** khugepaged and MADV_COLLAPSE, one call after the other: what is collapsed, and each reason not to. */
import { beforeEach, describe, expect, test } from "vitest";
import { EAGAIN, EBUSY, EINVAL, ENOMEM } from "../../impl/errno.ts";
import { madviseCollapseErrno } from "../../impl/khugepaged/madvise-collapse.ts";
import {
  SCAN_ALLOC_HUGE_PAGE_FAIL, SCAN_CGROUP_CHARGE_FAIL, SCAN_COPY_MC, SCAN_DEL_PAGE_LRU, SCAN_EXCEED_NONE_PTE, SCAN_EXCEED_SHARED_PTE, SCAN_EXCEED_SWAP_PTE, SCAN_FAIL, SCAN_LACK_REFERENCED_PAGE,
  SCAN_NO_PTE_TABLE, SCAN_PAGE_ANON, SCAN_PAGE_COUNT, SCAN_PAGE_LAZYFREE, SCAN_PAGE_LRU, SCAN_PMD_MAPPED, SCAN_PMD_NONE, SCAN_PTE_NON_PRESENT, SCAN_STATUS, SCAN_SUCCEED, SCAN_ADDRESS_RANGE,
  SCAN_ANY_PROCESS, SCAN_VMA_CHECK, SCAN_VMA_NULL,
} from "../../impl/khugepaged/scan-result.ts";
import { MADV_COLLAPSE, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE } from "../../impl/madvise.ts";
import { MAP_FIXED } from "../../impl/mmap.ts";
import { MMF_DISABLE_THP_COMPLETELY, MMF_VM_HUGEPAGE } from "../../impl/structs/mm.ts";
import { VM_READ } from "../../impl/structs/vma.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { DIRTY, MIGRATION, YOUNG } from "../../impl/pgtable.ts";
import { collapseUnscanned, enter, scanAndCollapse } from "./khugepaged-probes.ts";
import { RW, SequentialKernel } from "./sequential-kernel.ts";

/** 4 pages per huge page, 4 ranges. Processes 0 to 2, then the CPUs of the probes. */
const MACHINE: KernelOptions = {
  pagesPerHugePage: 4, hugeRanges: 4, frames: 64, mms: 3, cpus: 6, vmas: 9, anonVmas: 8, anonVmaChains: 24, pageTables: 16, contents: 20, refcountMax: 63,
  chargeMayFail: true, copyMayMeetPoison: true, enabled: 0, maxPtesNone: 3, maxPtesSwap: 1, maxPtesShared: 2, pagesToScan: 64,
};
const SCAN = 3;
const COLLAPSE = 4;
const ENTER = 5;
const H = 4;

function machine(options: Partial<KernelOptions> = {}): SequentialKernel {
  return new SequentialKernel({ ...MACHINE, ...options }, [scanAndCollapse, collapseUnscanned, enter]);
}
const shared = machine();
let s: SequentialKernel;
beforeEach(() => { s = shared; s.reset(); });

/** Maps start..end and stores 1 + page to each page, as small pages. */
function fill(start: number, end: number, process = 0): void {
  for (let vpn = start; vpn < end; vpn++) expect(s.store(process, vpn, 1 + vpn)).toBe(true);
}
function mapAndFill(start: number, end: number): void {
  expect(s.mmap(0, start, end - start, RW, MAP_FIXED)).toBe(start);
  fill(start, end);
  s.lruAddDrainAll();
}
function expectContent(start: number, end: number, process = 0): void {
  for (let vpn = start; vpn < end; vpn++) expect(s.load(process, vpn), `page ${vpn}`).toBe(1 + vpn);
}
/** Scan and collapse of a range; khugepaged unless told otherwise. */
function scan(start: number, isKhugepaged = true, choices: readonly number[] = []): number {
  return s.probe(SCAN, [s.k.cpu.mm.get(0), start, isKhugepaged ? 1 : 0], choices);
}
/** The collapse of a range without a scan before it. */
function collapse(start: number, isKhugepaged = true, choices: readonly number[] = [], unmapped = false): number {
  return s.probe(COLLAPSE, [0, start, isKhugepaged ? 1 : 0, unmapped ? 1 : 0], choices);
}
function head(vpn: number, process = 0): number {
  const page = s.frame(process, vpn);
  return s.k.page.head.get(page) < 0 ? page : s.k.page.head.get(page);
}
function setPte(vpn: number, value: (old: number) => number): void {
  const table = s.k.mm.pmd.get(0, Math.floor(vpn / H)) >> 9;
  s.k.ptTable.pte.set(table, vpn % H, value(s.k.ptTable.pte.get(table, vpn % H)));
}
function register(): void {
  s.sysfs("enabled", "always");
  s.probe(ENTER, [0, 0]);
}

// ---- what a collapse does --------------------------------------------------------------------------------------

describe("a collapse", () => {
  test("of a full range: content, counters, one deposited table", () => {
    mapAndFill(0, 4);
    s.sysfs("enabled", "always");
    expect(scan(0)).toBe(SCAN_SUCCEED);
    expect(s.isHuge(0, 0)).toBe(true);
    expect(s.writable(0, 0)).toBe(true);
    expectContent(0, 4);
    expect(s.vmstat("thpCollapseAlloc")).toBe(1);
    expect(s.vmstat("khugepagedPagesCollapsed")).toBe(1);
    expect(s.k.mm.anonPages.get(0)).toBe(4);
    expect(s.k.mm.nrPtes.get(0)).toBe(1);
    expect(s.k.lruvec.isolated.get()).toBe(0);
    s.lruAddDrainAll();
    expect(s.k.zone.freePages.get()).toBe(60);
    expect(s.violations()).toEqual([]);
    s.exit(0);
    expect(s.k.zone.freePages.get()).toBe(64);
  });

  test("fills holes and zero pages, which count from then on", () => {
    expect(s.mmap(0, 0, 8, RW, MAP_FIXED)).toBe(0);
    s.store(0, 1, 2);
    expect(s.load(0, 2)).toBe(0);
    expect(s.k.mm.anonPages.get(0)).toBe(1);
    expect(s.madvise(0, 0, 4, MADV_COLLAPSE)).toBe(0);
    expect(s.isHuge(0, 0)).toBe(true);
    expect(s.k.mm.anonPages.get(0)).toBe(4);
    expect([0, 1, 2, 3].map((vpn) => s.load(0, vpn))).toEqual([0, 2, 0, 0]);
    expect(s.violations()).toEqual([]);
  });

  test("of zero pages alone makes them memory", () => {
    expect(s.mmap(0, 0, 4, RW, MAP_FIXED)).toBe(0);
    s.store(0, 0, 1);
    for (let vpn = 0; vpn < 4; vpn++) s.load(0, vpn);
    s.madvise(0, 0, 1, MADV_DONTNEED);
    s.load(0, 0);
    expect(s.k.mm.anonPages.get(0)).toBe(0);
    expect(s.madvise(0, 0, 4, MADV_COLLAPSE)).toBe(0);
    expect(s.k.mm.anonPages.get(0)).toBe(4);
    expect(s.vmstat("thpCollapseAlloc")).toBe(1);
  });

  test("of memory that may not be written to gives an entry that may not either", () => {
    mapAndFill(0, 4);
    expect(s.mprotect(0, 0, 4, VM_READ)).toBe(0);
    expect(s.madvise(0, 0, 4, MADV_COLLAPSE)).toBe(0);
    expect(s.writable(0, 0)).toBe(false);
    expectContent(0, 4);
    expect(s.violations()).toEqual([]);
  });

  test("of memory that may not be read", () => {
    mapAndFill(0, 4);
    expect(s.mprotect(0, 0, 4, 0)).toBe(0);
    expect(s.madvise(0, 0, 4, MADV_COLLAPSE)).toBe(0);
    expect(s.isHuge(0, 0)).toBe(true);
    expect(s.mprotect(0, 0, 4, RW)).toBe(0);
    expectContent(0, 4);
  });

  test("of parts of large folios: what is left of them waits for the shrinker", () => {
    s.sysfs("enabled", "always");
    expect(s.mmap(0, 0, 16, RW, MAP_FIXED)).toBe(0);
    fill(0, 8);
    const folios = [head(0), head(4)];
    expect(folios[0]).not.toBe(folios[1]);
    // Pages 2..5, half of each, move to the aligned range 8..11.
    expect(s.mremap(0, 2, 4, 4, 3, 8)).toBe(8);
    expect(s.k.node.nrAnonPartiallyMapped.get()).toBe(0);
    expect(s.madvise(0, 8, 4, MADV_COLLAPSE)).toBe(0);
    expect(s.isHuge(0, 8)).toBe(true);
    expect([0, 1, 8, 9, 10, 11, 6, 7].map((vpn) => s.load(0, vpn))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(s.k.node.nrAnonPartiallyMapped.get()).toBe(2);
    expect(folios.map((folio) => s.k.page.partiallyMapped.get(folio))).toEqual([true, true]);
    expect(s.violations()).toEqual([]);
  });

  test("of a folio that several PTEs of the range map releases it once", () => {
    s.sysfs("enabled", "always");
    expect(s.mmap(0, 0, 8, RW, MAP_FIXED)).toBe(0);
    fill(0, 4);
    const before = head(0);
    s.madvise(0, 3, 1, MADV_DONTNEED);
    s.store(0, 3, 4);
    expect(s.isHuge(0, 0)).toBe(false);
    expect(s.k.deferredSplit.length.get()).toBeGreaterThan(0);
    s.lruAddDrainAll();
    expect(scan(0)).toBe(SCAN_SUCCEED);
    expect(head(0)).not.toBe(before);
    s.lruAddDrainAll();
    expect(s.k.page.refcount.get(before)).toBe(0);
    expectContent(0, 4);
    expect(s.violations()).toEqual([]);
  });

  test("in a child copies what it shares; the parent keeps its pages", () => {
    mapAndFill(0, 4);
    expect(s.fork(0, 1)).toBe(1);
    const parents = [0, 1, 2, 3].map((vpn) => s.frame(0, vpn));
    expect(s.madvise(1, 0, 4, MADV_COLLAPSE)).toBe(0);
    expect(s.isHuge(1, 0)).toBe(true);
    expect(s.isHuge(0, 0)).toBe(false);
    expect([0, 1, 2, 3].map((vpn) => s.frame(0, vpn))).toEqual(parents);
    s.store(1, 0, 17);
    expectContent(0, 4, 0);
    expect(s.violations()).toEqual([]);
  });

  test("makes lazily freed pages ordinary ones, for MADV_COLLAPSE only", () => {
    mapAndFill(0, 4);
    expect(s.madvise(0, 0, 4, MADV_FREE)).toBe(0);
    s.sysfs("enabled", "always");
    expect(scan(0)).toBe(SCAN_PAGE_LAZYFREE);
    expect(s.madvise(0, 0, 4, MADV_COLLAPSE)).toBe(0);
    expect(s.k.page.swapbacked.get(head(0))).toBe(true);
    expectContent(0, 4);
  });

  test("at full size", () => {
    s = machine({ pagesPerHugePage: 512, hugeRanges: 2, frames: 4096, cpus: 6, maxPtesNone: 511, maxPtesSwap: 64, maxPtesShared: 256, pagesToScan: 4096, contents: 4 });
    expect(s.mmap(0, 0, 1024, RW, MAP_FIXED)).toBe(0);
    expect(s.touch(0, 0, 600, 3)).toBe(600);
    expect(s.madvise(0, 0, 1024, MADV_COLLAPSE)).toBe(0);
    expect([s.isHuge(0, 0), s.isHuge(0, 512)]).toEqual([true, true]);
    expect([s.load(0, 0), s.load(0, 599), s.load(0, 600)]).toEqual([3, 3, 0]);
    expect(s.k.mm.anonPages.get(0)).toBe(1024);
  });
});

// ---- limits ----------------------------------------------------------------------------------------------------

describe("limits, which hold for khugepaged and not for MADV_COLLAPSE", () => {
  test("max_ptes_none: exactly so many are accepted", () => {
    expect(s.mmap(0, 0, 8, RW, MAP_FIXED)).toBe(0);
    s.sysfs("khugepaged/max_ptes_none", "2");
    fill(0, 1);
    s.lruAddDrainAll();
    s.sysfs("enabled", "always");
    expect(scan(0)).toBe(SCAN_EXCEED_NONE_PTE);
    expect(s.vmstat("thpScanExceedNonePte")).toBe(1);
    expect(collapse(0)).toBe(SCAN_EXCEED_NONE_PTE);
    expect(s.vmstat("thpScanExceedNonePte")).toBe(2);
    fill(1, 2);
    s.lruAddDrainAll();
    expect(scan(0)).toBe(SCAN_SUCCEED);
  });

  test("max_ptes_none does not stop MADV_COLLAPSE", () => {
    expect(s.mmap(0, 0, 8, RW, MAP_FIXED)).toBe(0);
    s.sysfs("khugepaged/max_ptes_none", "0");
    fill(0, 1);
    expect(s.madvise(0, 0, 4, MADV_COLLAPSE)).toBe(0);
    expect(s.isHuge(0, 0)).toBe(true);
  });

  test("max_ptes_shared: exactly so many are accepted", () => {
    mapAndFill(0, 4);
    s.sysfs("enabled", "always");
    expect(s.fork(0, 1)).toBe(1);
    s.store(0, 0, 1);
    s.lruAddDrainAll();
    expect(scan(0)).toBe(SCAN_EXCEED_SHARED_PTE);
    expect(s.vmstat("thpScanExceedSharedPte")).toBe(1);
    expect(collapse(0)).toBe(SCAN_EXCEED_SHARED_PTE);
    expect(s.k.lruvec.isolated.get()).toBe(0);
    s.store(0, 1, 2);
    s.lruAddDrainAll();
    expect(scan(0)).toBe(SCAN_SUCCEED);
    expectContent(0, 4);
    expectContent(0, 4, 1);
  });

  test("max_ptes_swap: migration entries count", () => {
    mapAndFill(0, 4);
    s.sysfs("enabled", "always");
    for (const vpn of [0, 1]) setPte(vpn, (old) => (old & ~511) | MIGRATION);
    expect(scan(0)).toBe(SCAN_EXCEED_SWAP_PTE);
    expect(s.vmstat("thpScanExceedSwapPte")).toBe(1);
  });

  test("too few pages were used lately", () => {
    mapAndFill(0, 4);
    s.sysfs("enabled", "always");
    for (let vpn = 0; vpn < 4; vpn++) setPte(vpn, (old) => old & ~YOUNG);
    expect(scan(0)).toBe(SCAN_LACK_REFERENCED_PAGE);
    expect(collapse(0)).toBe(SCAN_LACK_REFERENCED_PAGE);
    expect(s.k.lruvec.isolated.get()).toBe(0);
    s.k.page.referenced.set(s.frame(0, 0), true);
    expect(scan(0)).toBe(SCAN_SUCCEED);
  });

  test("with non-present entries half of the pages must have been used", () => {
    mapAndFill(0, 4);
    s.sysfs("enabled", "always");
    setPte(0, (old) => (old & ~511) | MIGRATION);
    for (const vpn of [1, 2]) setPte(vpn, (old) => old & ~YOUNG);
    expect(scan(0)).toBe(SCAN_LACK_REFERENCED_PAGE);
  });
});

// ---- refusals --------------------------------------------------------------------------------------------------

/** What is spoilt, what scan and collapse say to it, and how it is repaired; the range is full of small pages. */
const spoilt: readonly [what: string, spoil: () => void, scanned: number | null, collapsed: number, repair?: () => void][] = [
  ["somebody holds a reference", () => s.k.page.refcount.add(s.frame(0, 2), 1), SCAN_PAGE_COUNT, SCAN_PAGE_COUNT, () => s.k.page.refcount.add(s.frame(0, 2), -1)],
  ["a page is not on the LRU", () => { s.k.page.lru.set(s.frame(0, 2), false); }, SCAN_PAGE_LRU, SCAN_DEL_PAGE_LRU, () => { s.k.page.lru.set(s.frame(0, 2), true); }],
  ["a page is not anonymous", () => { s.k.page.anon.set(s.frame(0, 3), false); }, SCAN_PAGE_ANON, SCAN_PAGE_ANON, () => { s.k.page.anon.set(s.frame(0, 3), true); }],
  ["the last page is lazyfree", () => {
    s.k.page.swapbacked.set(s.frame(0, 3), false);
    setPte(3, (old) => old & ~DIRTY);
  }, SCAN_PAGE_LAZYFREE, SCAN_PAGE_LAZYFREE, () => { s.k.page.swapbacked.set(s.frame(0, 3), true); }],
  ["a page is being migrated", () => setPte(3, (old) => (old & ~511) | MIGRATION | YOUNG), null, SCAN_PTE_NON_PRESENT, () => setPte(3, (old) => (old & ~511) | 15)],
];

describe("refused, with everything as it was", () => {
  test.each(spoilt)("%s", (_what, spoil, scanned, collapsed, repair) => {
    mapAndFill(0, 4);
    s.sysfs("enabled", "always");
    const frames = [0, 1, 2, 3].map((vpn) => s.frame(0, vpn));
    spoil();
    if (scanned !== null) expect(scan(0)).toBe(scanned);
    expect(collapse(0)).toBe(collapsed);
    repair?.();
    expect([0, 1, 2, 3].map((vpn) => s.frame(0, vpn))).toEqual(frames);
    expect(s.k.lruvec.isolated.get()).toBe(0);
    s.lruAddDrainAll();
    expect(frames.map((page) => [s.k.page.refcount.get(page), s.k.page.lru.get(page), s.k.page.lock.isHeld(page)])).toEqual(frames.map(() => [1, true, false]));
    expectContent(0, 4);
    expect(s.violations()).toEqual([]);
    expect(scan(0)).toBe(SCAN_SUCCEED);
    expectContent(0, 4);
  });

  test("no table: nothing was ever mapped there; older kernels said pmd_none", () => {
    expect(s.mmap(0, 0, 8, RW, MAP_FIXED)).toBe(0);
    fill(4, 5);
    expect(scan(0, false)).toBe(SCAN_NO_PTE_TABLE);
    expect(collapse(0, false)).toBe(SCAN_NO_PTE_TABLE);
    s = machine({ collapseContinuesAtEmptyPmd: false });
    expect(s.mmap(0, 0, 8, RW, MAP_FIXED)).toBe(0);
    fill(4, 5);
    expect(scan(0, false)).toBe(SCAN_PMD_NONE);
  });

  test("a huge page is there already", () => {
    mapAndFill(0, 4);
    expect(scan(0, false)).toBe(SCAN_SUCCEED);
    expect(scan(0, false)).toBe(SCAN_PMD_MAPPED);
    expect(collapse(0, false)).toBe(SCAN_PMD_MAPPED);
    expect(s.madvise(0, 0, 4, MADV_COLLAPSE)).toBe(0);
    expect(s.vmstat("thpCollapseAlloc")).toBe(2);
  });

  test("no huge page, by choice or because there is none", () => {
    s = machine({ allocationMayFail: true });
    mapAndFill(0, 4);
    expect(scan(0, false, [1])).toBe(SCAN_ALLOC_HUGE_PAGE_FAIL);
    expect(s.vmstat("thpCollapseAllocFailed")).toBe(1);
    expect(s.vmstat("thpCollapseAlloc")).toBe(0);
    s = machine({ frames: 16, hugeRanges: 4 });
    mapAndFill(0, 13);
    expect(scan(0, false)).toBe(SCAN_ALLOC_HUGE_PAGE_FAIL);
    expect(s.madvise(0, 0, 4, MADV_COLLAPSE)).toBe(-ENOMEM);
    expect(s.vmstat("thpCollapseAllocFailed")).toBe(2);
    expectContent(0, 13);
  });

  test("the charge fails: the page is given back, and counted all the same", () => {
    mapAndFill(0, 4);
    const free = s.k.zone.freePages.get();
    expect(scan(0, false, [1])).toBe(SCAN_CGROUP_CHARGE_FAIL);
    expect(s.k.zone.freePages.get()).toBe(free);
    expect(s.vmstat("thpCollapseAlloc")).toBe(1);
    expect(s.madvise(0, 0, 4, MADV_COLLAPSE, [1])).toBe(-EBUSY);
  });

  test.each([1, 2, 3, 4])("copying meets poison in page %i of the range", (nth) => {
    mapAndFill(0, 4);
    const frames = [0, 1, 2, 3].map((vpn) => s.frame(0, vpn));
    // The first two choices are the charge and the CPU whose interrupt comes first.
    expect(scan(0, false, [0, 0, ...Array.from({ length: nth - 1 }, () => 0), 1])).toBe(SCAN_COPY_MC);
    expect([0, 1, 2, 3].map((vpn) => s.frame(0, vpn))).toEqual(frames);
    s.lruAddDrainAll();
    expect(s.k.zone.freePages.get()).toBe(60);
    expect(frames.map((page) => s.k.page.refcount.get(page))).toEqual([1, 1, 1, 1]);
    expectContent(0, 4);
    expect(s.violations()).toEqual([]);
  });

  test("copying large folios meets poison: each is released once", () => {
    s.sysfs("enabled", "always");
    expect(s.mmap(0, 0, 8, RW, MAP_FIXED)).toBe(0);
    fill(0, 4);
    const folio = head(0);
    s.madvise(0, 3, 1, MADV_DONTNEED);
    s.store(0, 3, 4);
    s.lruAddDrainAll();
    expect(scan(0, false, [0, 0, 0, 1])).toBe(SCAN_COPY_MC);
    s.lruAddDrainAll();
    expect(s.k.page.refcount.get(folio)).toBe(3);
    expect(s.k.page.lru.get(folio)).toBe(true);
    expect(s.k.lruvec.isolated.get()).toBe(0);
    expectContent(0, 4);
  });

  test("the area is gone, shorter, or may not have huge pages any more", () => {
    mapAndFill(0, 8);
    expect(s.munmap(0, 4, 4)).toBe(0);
    expect(collapse(4, false)).toBe(SCAN_VMA_NULL);
    expect(s.munmap(0, 3, 1)).toBe(0);
    expect(collapse(0, false)).toBe(SCAN_ADDRESS_RANGE);
    s.reset();
    mapAndFill(4, 8);
    expect(collapse(0, false)).toBe(SCAN_ADDRESS_RANGE);
    expect(collapse(4, true)).toBe(SCAN_VMA_CHECK);
    expect(s.madvise(0, 4, 4, MADV_NOHUGEPAGE)).toBe(0);
    expect(collapse(4, false)).toBe(SCAN_VMA_CHECK);
  });

  test("the process has exited, or its THPs were disabled", () => {
    mapAndFill(0, 4);
    s.k.mm.users.set(0, 0);
    expect(collapse(0)).toBe(SCAN_ANY_PROCESS);
    s.k.mm.users.set(0, 1);
    s.k.mm.flags.set(0, MMF_DISABLE_THP_COMPLETELY);
    expect(collapse(0)).toBe(SCAN_ANY_PROCESS);
  });

  test("the scan is content, but sysfs has just been told never", () => {
    mapAndFill(0, 4);
    expect(scan(0)).toBe(SCAN_FAIL);
    expect(s.vmstat("thpCollapseAlloc")).toBe(0);
  });
});

// ---- MADV_COLLAPSE ---------------------------------------------------------------------------------------------

describe("madvise(MADV_COLLAPSE)", () => {
  test("less than a huge range: 0 if the area may have huge pages, else EINVAL", () => {
    mapAndFill(0, 8);
    expect(s.madvise(0, 0, 1, MADV_COLLAPSE)).toBe(0);
    expect(s.madvise(0, 1, 6, MADV_COLLAPSE)).toBe(0);
    expect(s.isHuge(0, 0)).toBe(false);
    expect(s.madvise(0, 0, 8, MADV_NOHUGEPAGE)).toBe(0);
    expect(s.madvise(0, 0, 1, MADV_COLLAPSE)).toBe(-EINVAL);
    expect(s.madvise(0, 0, 8, MADV_COLLAPSE)).toBe(-EINVAL);
  });

  test("an empty range fails, and the ones behind it are collapsed; older kernels stopped", () => {
    expect(s.mmap(0, 0, 12, RW, MAP_FIXED)).toBe(0);
    fill(0, 4);
    fill(8, 12);
    expect(s.madvise(0, 0, 12, MADV_COLLAPSE)).toBe(-EINVAL);
    expect([0, 4, 8].map((vpn) => s.isHuge(0, vpn))).toEqual([true, false, true]);
    s = machine({ collapseContinuesAtEmptyPmd: false });
    expect(s.mmap(0, 0, 12, RW, MAP_FIXED)).toBe(0);
    fill(0, 4);
    fill(8, 12);
    expect(s.madvise(0, 0, 12, MADV_COLLAPSE)).toBe(-EINVAL);
    expect([0, 4, 8].map((vpn) => s.isHuge(0, vpn))).toEqual([true, false, false]);
  });

  test("three ranges, the first with a page in use: EAGAIN, and the other two are collapsed", () => {
    mapAndFill(0, 12);
    s.k.page.refcount.add(s.frame(0, 1), 1);
    expect(s.madvise(0, 0, 12, MADV_COLLAPSE)).toBe(-EAGAIN);
    expect([0, 4, 8].map((vpn) => s.isHuge(0, vpn))).toEqual([false, true, true]);
    expect(s.vmstat("thpCollapseAlloc")).toBe(2);
    s.k.page.refcount.add(s.frame(0, 1), -1);
    expect(s.madvise(0, 0, 12, MADV_COLLAPSE)).toBe(0);
    expectContent(0, 12);
  });

  test("a failure that is everybody's ends the call", () => {
    mapAndFill(0, 8);
    expect(s.madvise(0, 0, 8, MADV_COLLAPSE, [1])).toBe(-EBUSY);
    expect([0, 4].map((vpn) => s.isHuge(0, vpn))).toEqual([false, false]);
  });

  test("areas that end inside a huge range leave it alone", () => {
    mapAndFill(0, 16);
    expect(s.mprotect(0, 2, 4, VM_READ)).toBe(0);
    expect(s.areas(0).length).toBe(3);
    expect(s.madvise(0, 0, 8, MADV_COLLAPSE)).toBe(-EINVAL);
    expect(s.madvise(0, 6, 10, MADV_COLLAPSE)).toBe(0);
    expect([0, 4, 8, 12].map((vpn) => s.isHuge(0, vpn))).toEqual([false, false, true, true]);
  });

  test("two areas that meet at a huge range's end are both collapsed", () => {
    mapAndFill(0, 8);
    expect(s.mprotect(0, 4, 4, VM_READ)).toBe(0);
    expect(s.madvise(0, 0, 8, MADV_COLLAPSE)).toBe(0);
    expect([0, 4].map((vpn) => s.isHuge(0, vpn))).toEqual([true, true]);
  });

  test("sysfs has no say, prctl has", () => {
    mapAndFill(0, 8);
    expect(s.thpDisable(0, true, 0)).toBe(0);
    expect(s.madvise(0, 0, 4, MADV_COLLAPSE)).toBe(-EINVAL);
    expect(s.thpDisable(0, true, 2)).toBe(0);
    expect(s.madvise(0, 0, 4, MADV_COLLAPSE)).toBe(0);
  });

  test("no memory for its own bookkeeping", () => {
    s = machine({ allocationMayFail: true });
    mapAndFill(0, 4);
    expect(s.madvise(0, 0, 4, MADV_COLLAPSE, [1])).toBe(-ENOMEM);
    expect(s.isHuge(0, 0)).toBe(false);
    expect(s.madvise(0, 0, 4, MADV_COLLAPSE)).toBe(0);
  });

  test("what each result is to the caller", () => {
    const errnos = Object.keys(SCAN_STATUS).map((code) => [SCAN_STATUS[Number(code)], madviseCollapseErrno(Number(code))]);
    expect(Object.fromEntries(errnos.filter(([, e]) => e !== -EINVAL))).toEqual({
      alloc_huge_page_failed: -ENOMEM, ccgroup_charge_failed: -EBUSY, exceed_none_pte: -EBUSY,
      not_suitable_page_count: -EAGAIN, page_locked: -EAGAIN, page_not_in_lru: -EAGAIN, could_not_delete_page_from_lru: -EAGAIN,
    });
  });
});

// ---- the thread ------------------------------------------------------------------------------------------------

describe("khugepaged", () => {
  test("scans the processes that are registered, and counts full scans", () => {
    mapAndFill(0, 8);
    s.khugepaged();
    expect(s.isHuge(0, 0)).toBe(false);
    register();
    expect(s.k.mm.flags.get(0) & MMF_VM_HUGEPAGE).toBe(MMF_VM_HUGEPAGE);
    expect(s.k.mm.mmCount.get(0)).toBe(2);
    for (let n = 0; n < 4; n++) s.khugepaged();
    expect([0, 4].map((vpn) => s.isHuge(0, vpn))).toEqual([true, true]);
    expect(s.vmstat("khugepagedPagesCollapsed")).toBe(2);
    expect(s.vmstat("khugepagedFullScans")).toBeGreaterThan(0);
    expectContent(0, 8);
    s.exit(0);
    expect(s.k.mm.mmCount.get(0)).toBe(0);
    expect(s.k.khugepaged.slots.get()).toBe(0);
    expect(s.k.zone.freePages.get()).toBe(64);
  });

  test("pages_to_scan: goes on where it stopped", () => {
    mapAndFill(0, 12);
    register();
    s.sysfs("khugepaged/pages_to_scan", "5");
    s.khugepaged();
    expect([0, 4, 8].map((vpn) => s.isHuge(0, vpn))).toEqual([true, false, false]);
    expect(s.k.khugepaged.cursorMm.get()).toBe(0);
    expect(s.k.khugepaged.cursorAddress.get()).toBe(4);
    s.khugepaged();
    expect([0, 4, 8].map((vpn) => s.isHuge(0, vpn))).toEqual([true, true, false]);
  });

  test("a failed range is passed over, and tried again in the next pass", () => {
    mapAndFill(0, 8);
    register();
    s.k.page.refcount.add(s.frame(0, 0), 1);
    s.khugepaged();
    expect([0, 4].map((vpn) => s.isHuge(0, vpn))).toEqual([false, true]);
    s.k.page.refcount.add(s.frame(0, 0), -1);
    s.khugepaged();
    s.khugepaged();
    expect([0, 4].map((vpn) => s.isHuge(0, vpn))).toEqual([true, true]);
  });

  test("areas that may not have huge pages are passed over", () => {
    mapAndFill(0, 12);
    register();
    expect(s.madvise(0, 4, 4, MADV_NOHUGEPAGE)).toBe(0);
    for (let n = 0; n < 4; n++) s.khugepaged();
    expect([0, 4, 8].map((vpn) => s.isHuge(0, vpn))).toEqual([true, false, true]);
  });

  test("does nothing while sysfs says never, and only for MADV_HUGEPAGE while it says madvise", () => {
    mapAndFill(0, 8);
    register();
    s.sysfs("enabled", "never");
    s.khugepaged();
    expect(s.isHuge(0, 0)).toBe(false);
    s.sysfs("enabled", "madvise");
    for (let n = 0; n < 2; n++) s.khugepaged();
    expect(s.isHuge(0, 0)).toBe(false);
    expect(s.madvise(0, 4, 4, MADV_HUGEPAGE)).toBe(0);
    for (let n = 0; n < 4; n++) s.khugepaged();
    expect([0, 4].map((vpn) => s.isHuge(0, vpn))).toEqual([false, true]);
  });

  test("a child is registered with its parent; each slot goes with its process", () => {
    mapAndFill(0, 4);
    register();
    expect(s.fork(0, 1)).toBe(1);
    expect(s.k.khugepaged.slots.size()).toBe(2);
    s.exit(1);
    expect(s.k.khugepaged.slots.size()).toBe(1);
    expect(s.k.mm.mmCount.get(1)).toBe(0);
  });

  test("a slot under the cursor is freed by the thread", () => {
    mapAndFill(0, 12);
    register();
    s.sysfs("khugepaged/pages_to_scan", "1");
    s.khugepaged();
    expect(s.k.khugepaged.cursorMm.get()).toBe(0);
    s.exit(0);
    expect(s.k.khugepaged.slots.size()).toBe(1);
    expect(s.k.mm.mmCount.get(0)).toBe(1);
    s.khugepaged();
    expect(s.k.khugepaged.slots.get()).toBe(0);
    expect(s.k.khugepaged.cursorMm.get()).toBe(-1);
    expect(s.k.mm.mmCount.get(0)).toBe(0);
  });

  test("memory runs out: the second time in one scan ends it", () => {
    s = machine({ allocationMayFail: true });
    mapAndFill(0, 12);
    register();
    s.khugepaged([1, 1]);
    expect(s.vmstat("thpCollapseAllocFailed")).toBe(2);
    expect([0, 4, 8].map((vpn) => s.isHuge(0, vpn))).toEqual([false, false, false]);
    // It goes on at the third range, sleeps once, and then makes a whole pass.
    s.khugepaged([1]);
    expect(s.vmstat("thpCollapseAllocFailed")).toBe(3);
    expect([0, 4, 8].map((vpn) => s.isHuge(0, vpn))).toEqual([true, true, true]);
  });
});
