/** Failure exits and rare branches that one call after the other can reach, and that belong to no selftest. */
import { beforeEach, describe, expect, test } from "vitest";
import { EFAULT, EHWPOISON, EINVAL, ENOMEM } from "../../../impl/errno.ts";
import { FOLL_FORCE, FOLL_LONGTERM, FOLL_PIN, FOLL_WRITE } from "../../../impl/gup.ts";
import { SCAN_COPY_MC, SCAN_PTE_NON_PRESENT } from "../../../impl/khugepaged/scan-result.ts";
import { MADV_COLLAPSE, MADV_DONTNEED, MADV_FREE, MADV_POPULATE_WRITE } from "../../../impl/madvise.ts";
import { MAP_FIXED } from "../../../impl/mmap.ts";
import { MREMAP_DONTUNMAP, MREMAP_MAYMOVE } from "../../../impl/mremap.ts";
import type { KernelOptions } from "../../../impl/config/options.ts";
import { EXCLUSIVE, LEAF, MIGRATION, WRITE, YOUNG } from "../../../impl/pgtable.ts";
import { VM_FAULT_DONE } from "../../../impl/vm-fault.ts";
import { scanAndCollapse } from "../khugepaged-probes.ts";
import { RW, SequentialKernel } from "../sequential-kernel.ts";
import { StraightKernel, kernelScenario } from "../straight-kernel.ts";
import { bootsTooManyAreas, bootsTooManyProcesses, idles } from "./boots.ts";
import { dumpsCore, fastOnly, gatherTwoPages, loadFault, shrink } from "./probes.ts";

const MACHINE: KernelOptions = {
  pagesPerHugePage: 4, hugeRanges: 4, frames: 64, mms: 4, cpus: 10, vmas: 10, anonVmas: 10, anonVmaChains: 40, pageTables: 24, contents: 20, refcountMax: 63, enabled: 2,
};
// CPUs 0 to 3 run processes, the others the probes.
const SCAN = 4;
const LOAD_FAULT = 5;
const SHRINK = 6;
const GATHER = 7;
const FAST_ONLY = 8;
const DUMP = 9;

const machine = (options: Partial<KernelOptions> = {}): SequentialKernel => new SequentialKernel({ ...MACHINE, ...options }, [scanAndCollapse, loadFault, shrink, gatherTwoPages, fastOnly, dumpsCore]);
const shared = machine();
let s: SequentialKernel;
beforeEach(() => {
  s = shared;
  s.reset();
});

function map(start: number, end: number): void {
  expect(s.mmap(0, start, end - start, RW, MAP_FIXED)).toBe(start);
}
function fill(start: number, end: number): void {
  for (let vpn = start; vpn < end; vpn++) expect(s.store(0, vpn, 1 + vpn)).toBe(true);
}
/** Replaces flags and target of a PTE by what `value` makes of them. */
function setPte(vpn: number, value: (old: number) => number): void {
  const table = s.k.mm.pmd.get(0, Math.floor(vpn / 4)) >> 9;
  s.k.ptTable.pte.set(table, vpn % 4, value(s.k.ptTable.pte.get(table, vpn % 4)));
}
const FLAGS = 511;

describe("objects run out: the scenario is too small, and says so", () => {
  test("anon_vmas", () => {
    s = machine({ anonVmas: 1 });
    map(0, 4);
    map(8, 12);
    s.store(0, 0, 1);
    expect(() => s.store(0, 8, 1)).toThrow(/raise anonVmas/);
  });
  test("anon_vma_chains", () => {
    s = machine({ anonVmaChains: 1 });
    map(0, 4);
    map(8, 12);
    s.store(0, 0, 1);
    expect(() => s.store(0, 8, 1)).toThrow(/raise anonVmaChains/);
  });
  test("address spaces and areas of init", () => {
    expect(() => new StraightKernel(kernelScenario({ idles }, bootsTooManyProcesses))).toThrow(/raise `mms`/);
    expect(() => new StraightKernel(kernelScenario({ idles }, bootsTooManyAreas))).toThrow(/raise `vmas`/);
  });
});

describe("faults", () => {
  test("a fault at the migration entry of a huge page waits for the folio lock, then tries again", () => {
    map(0, 4);
    s.store(0, 0, 1);
    const pmd = s.k.mm.pmd.get(0, 0);
    s.k.mm.pmd.set(0, 0, (pmd & ~FLAGS) | MIGRATION | LEAF);
    expect(s.probe(LOAD_FAULT, [0, 1])).toBe(VM_FAULT_DONE);
    const lock = s.lockFolio(pmd >> 9);
    expect(() => s.probe(LOAD_FAULT, [0, 1])).toThrow(/migration_entry_wait_on_locked/);
    lock.release();
  });

  test("a forced write to memory that may be written to goes the ordinary way: it breaks the sharing", () => {
    s.sysfs("enabled", "never");
    map(0, 4);
    s.store(0, 0, 1);
    expect(s.fork(0, 1)).toBe(1);
    const before = s.frame(0, 0);
    const page = s.getUserPage(0, 0, FOLL_WRITE | FOLL_FORCE, false);
    expect(page).toBe(s.frame(0, 0));
    expect(page).not.toBe(before);
    expect(s.writable(0, 0)).toBe(true);
    s.putUserPage(0, page, false);
    expect(s.violations()).toEqual([]);
  });
});

test("fork copies the migration entry of a huge page, for reading", () => {
  map(0, 4);
  s.store(0, 0, 1);
  const pmd = s.k.mm.pmd.get(0, 0);
  const entry = (pmd & ~FLAGS) | MIGRATION | LEAF;
  s.k.mm.pmd.set(0, 0, entry | EXCLUSIVE | WRITE);
  expect(s.fork(0, 1)).toBe(1);
  expect([s.k.mm.pmd.get(0, 0), s.k.mm.pmd.get(1, 0)]).toEqual([entry, entry]);
});

test("before 5.18 the folio lock keeps a split from a reuse; the huge zero page has none to keep", () => {
  s = machine({ reuseByMapcount: true });
  map(0, 8);
  s.load(0, 0);
  s.store(0, 4, 1);
  expect([s.munmap(0, 0, 2), s.munmap(0, 4, 2)]).toEqual([0, 0]);
  expect([s.isHuge(0, 2), s.isHuge(0, 6)]).toEqual([false, false]);
  expect(s.violations()).toEqual([]);
});

test("gup-fast gives up at a page whose reference count is frozen", () => {
  s.sysfs("enabled", "never");
  map(0, 4);
  s.store(0, 1, 1);
  const page = s.frame(0, 1);
  const references = s.k.page.refcount.get(page);
  s.k.page.refcount.set(page, 0);
  // The probe runs on a CPU of its own, in the address space of the process.
  s.k.cpu.mm.set(FAST_ONLY, 0);
  expect(s.probe(FAST_ONLY, [0, 1])).toBe(-1);
  s.k.page.refcount.set(page, references);
  expect(s.probe(FAST_ONLY, [0, 1])).toBe(page);
});

describe("what a device or a debugger asks for", () => {
  test("the page behind an address; of an address without memory, an error", () => {
    map(0, 4);
    fill(0, 4);
    const page = s.getUserPage(0, 1, FOLL_WRITE, false);
    expect(page).toBe(s.frame(0, 1));
    s.pageStore(0, 1, page, 7);
    s.putUserPage(0, page, false);
    expect(s.load(0, 1)).toBe(7);
    for (const fast of [false, true]) expect(s.getUserPage(0, 8, FOLL_WRITE, fast)).toBe(-EFAULT);
    expect(s.violations()).toEqual([]);
  });
  test("a pin of the huge zero page is none; one for good gets a page of its own", () => {
    map(0, 4);
    expect(s.load(0, 1)).toBe(0);
    expect(s.isHuge(0, 1)).toBe(true);
    expect(s.getUserPage(0, 1, FOLL_PIN, false)).toBe(-EFAULT);
    const page = s.getUserPage(0, 1, FOLL_PIN | FOLL_LONGTERM, false);
    expect(page).toBe(s.frame(0, 1));
    expect(s.k.page.pincount.get(s.frame(0, 0))).toBe(1);
    s.putUserPage(0, page, true);
    expect(s.violations()).toEqual([]);
  });
  test("a core dump takes what is there, and leaves holes as they are", () => {
    s.sysfs("enabled", "never");
    map(0, 12);
    s.store(0, 1, 5);
    s.load(0, 2);
    const before = [s.k.zone.freePages.get(), s.k.mm.nrPtes.get(0)];
    s.probe(DUMP, [0, 0, 12]);
    expect([s.k.zone.freePages.get(), s.k.mm.nrPtes.get(0)]).toEqual(before);
    expect(s.violations()).toEqual([]);
  });
  test("different contents for many pages", () => {
    map(0, 8);
    expect(s.touchEach(0, 0, 8, 18)).toBe(8);
    expect([0, 1, 2, 3].map((vpn) => s.load(0, vpn))).toEqual([18, 19, 1, 2]);
  });
});

test("MADV_POPULATE_WRITE of a shared page that is poisoned: an error of its own", () => {
  s = machine({ copyMayMeetPoison: true, enabled: 0 });
  map(0, 4);
  s.store(0, 0, 1);
  expect(s.fork(0, 1)).toBe(1);
  expect(s.madvise(0, 0, 1, MADV_POPULATE_WRITE, [1])).toBe(-EHWPOISON);
  expect(s.choicesMade).toBe(1);
  expect(s.madvise(0, 0, 1, MADV_POPULATE_WRITE)).toBe(0);
  expect(s.violations()).toEqual([]);
});

test("MADV_POPULATE_WRITE uses a clean page: dirty, referenced, active, and then as it was", () => {
  s.sysfs("enabled", "never");
  map(0, 4);
  s.store(0, 0, 1);
  s.lruAddDrainAll();
  expect(s.madvise(0, 0, 1, MADV_FREE)).toBe(0);
  const page = s.frame(0, 0);
  expect([s.k.page.dirty.get(page), s.k.page.referenced.get(page), s.k.page.active.get(page)]).toEqual([false, false, false]);
  const uses = [1, 2, 3, 4].map(() => {
    expect(s.madvise(0, 0, 1, MADV_POPULATE_WRITE)).toBe(0);
    return [s.k.page.dirty.get(page), s.k.page.referenced.get(page), s.k.page.active.get(page)];
  });
  expect(uses).toEqual([[true, true, false], [true, false, true], [true, true, true], [true, true, true]]);
  expect(s.frame(0, 0)).toBe(page);
});

describe("counts", () => {
  test("a third process that maps a shared huge page has no owner slot; a fourth takes one that has become free", () => {
    map(0, 4);
    fill(0, 4);
    const folio = s.frame(0, 0);
    expect(s.fork(0, 1)).toBe(1);
    expect(s.fork(0, 2)).toBe(2);
    expect([s.k.page.mmId0.get(folio), s.k.page.mmId1.get(folio)]).toEqual([0, 1]);
    expect(s.munmap(0, 0, 4)).toBe(0);
    expect(s.k.page.mmId0.get(folio)).toBe(-1);
    expect(s.fork(2, 3)).toBe(3);
    expect([s.k.page.mmId0.get(folio), s.k.page.mmId1.get(folio)]).toEqual([3, 1]);
    expect(s.k.page.maybeShared.get(folio)).toBe(true);
    expect(s.violations()).toEqual([]);
  });

  test("a child takes one reference to the huge zero page, however often it maps it", () => {
    map(0, 8);
    s.load(0, 0);
    s.load(0, 4);
    expect([s.isHuge(0, 0), s.isHuge(0, 4)]).toEqual([true, true]);
    const before = s.k.hugeZero.refcount.get();
    // The area must have been written to once, or fork leaves it to the child's faults.
    map(8, 12);
    s.store(0, 8, 1);
    expect(s.fork(0, 1)).toBe(1);
    expect([s.isHuge(1, 0), s.isHuge(1, 4)]).toEqual([true, true]);
    expect(s.k.hugeZero.refcount.get()).toBe(before + 1);
    expect(s.violations()).toEqual([]);
  });

  test("a gather of one page is flushed with each", () => {
    s = machine({ gatherBatch: 1 });
    const free = s.k.zone.freePages.get();
    expect(s.probe(GATHER, [0])).toBe(free);
    expect(s.k.zone.freePages.get()).toBe(free);
    s = machine({ gatherBatch: 8 });
    expect(s.probe(GATHER, [0])).toBe(free - 2);
    expect(s.k.zone.freePages.get()).toBe(free);
  });
});

describe("shrinker and khugepaged", () => {
  test("the shrinker goes as far as the last huge page of the machine", () => {
    s = machine({ frames: 8, maxPtesNone: 1 });
    map(0, 8);
    // One page of each holds something: the rest is zeroes, more than khugepaged would fill.
    s.store(0, 0, 1);
    s.store(0, 4, 2);
    expect([s.isHuge(0, 0), s.isHuge(0, 4)]).toEqual([true, true]);
    s.lruAddDrainAll();
    expect(s.probe(SHRINK, [])).toBe(2);
    expect([s.isHuge(0, 0), s.isHuge(0, 4)]).toEqual([false, false]);
    expect(s.vmstat("thpUnderusedSplitPage")).toBe(2);
    expect([s.load(0, 0), s.load(0, 1), s.load(0, 4)]).toEqual([1, 0, 2]);
    expect(s.violations()).toEqual([]);
  });

  test("MADV_COLLAPSE of a range without room for a huge page: nothing to do; up to 7.0, an error", () => {
    for (const [collapseOfNothingSucceeds, errno] of [[true, 0], [false, -EINVAL]] as const) {
      s = machine({ collapseOfNothingSucceeds });
      map(0, 8);
      s.store(0, 0, 1);
      expect(s.madvise(0, 1, 2, MADV_COLLAPSE)).toBe(errno);
    }
  });

  test("poison in a range with a small page before the pages of a large folio: each folio is released once", () => {
    s = machine({ copyMayMeetPoison: true });
    map(0, 4);
    fill(0, 4);
    const folio = s.frame(0, 1) - 1;
    expect(s.madvise(0, 0, 1, MADV_DONTNEED)).toBe(0);
    s.store(0, 0, 1);
    s.lruAddDrainAll();
    // The first choice is the CPU whose interrupt comes first; then each page may be the one that is poisoned.
    for (let page = 0; page < 4; page++) {
      s.load(0, 0); // so that there is a translation to flush
      expect(s.probe(SCAN, [0, 0, 0], [0, ...Array.from({ length: page }, () => 0), 1])).toBe(SCAN_COPY_MC);
      s.lruAddDrainAll();
      expect([s.k.lruvec.isolated.get(), s.k.page.lock.isHeld(folio), s.k.page.lru.get(folio), s.k.page.refcount.get(folio)]).toEqual([0, false, true, 3]);
      expect(s.violations()).toEqual([]);
    }
    expect([0, 1, 2, 3].map((vpn) => s.load(0, vpn))).toEqual([1, 2, 3, 4]);
  });

  test("a migration entry that is still there after the wait for it: pte_non_present", () => {
    s.sysfs("enabled", "never");
    map(0, 4);
    fill(0, 4);
    s.lruAddDrainAll();
    setPte(3, (old) => (old & ~FLAGS) | MIGRATION | YOUNG);
    expect(s.probe(SCAN, [0, 0, 0])).toBe(SCAN_PTE_NON_PRESENT);
    expect(s.k.lruvec.isolated.get()).toBe(0);
    expect(s.isHuge(0, 0)).toBe(false);
  });
});

describe("mremap", () => {
  test("MREMAP_DONTUNMAP leaves the length as it is", () => {
    map(0, 4);
    expect(s.mremap(0, 0, 4, 2, MREMAP_MAYMOVE | MREMAP_DONTUNMAP)).toBe(-EINVAL);
  });
  test("MREMAP_DONTUNMAP without room", () => {
    map(0, 16);
    expect(s.mremap(0, 0, 4, 4, MREMAP_MAYMOVE | MREMAP_DONTUNMAP)).toBe(-ENOMEM);
  });
  test("MREMAP_DONTUNMAP of a part of an area leaves its reverse map alone", () => {
    s.sysfs("enabled", "never");
    map(0, 4);
    fill(0, 4);
    expect(s.mremap(0, 0, 2, 2, MREMAP_MAYMOVE | MREMAP_DONTUNMAP)).toBeGreaterThan(0);
    expect([s.load(0, 0), s.load(0, 2)]).toEqual([0, 3]);
    expect(s.violations()).toEqual([]);
  });
  test("MREMAP_DONTUNMAP of a whole area leaves one that was never written", () => {
    s.sysfs("enabled", "never");
    map(0, 4);
    fill(0, 4);
    const to = s.mremap(0, 0, 4, 4, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
    expect([0, 1, 2, 3].map((i) => s.load(0, to + i))).toEqual([1, 2, 3, 4]);
    expect(s.areas(0).map(([start, end]) => [start, end])).toEqual([[0, 4], [to, to + 4]]);
    expect(s.load(0, 0)).toBe(0);
    s.exit(0);
    expect(s.violations()).toEqual([]);
    expect(s.k.zone.freePages.get()).toBe(64);
  });
});
