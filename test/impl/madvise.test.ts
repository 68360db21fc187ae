/** madvise() and process_madvise(). */
import { beforeEach, describe, expect, it } from "vitest";
import { EAGAIN, EFAULT, EINVAL, ENOMEM, EPERM, ESRCH } from "../../impl/errno.ts";
import { MADV_COLLAPSE, MADV_DOFORK, MADV_DONTFORK, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_KEEPONFORK, MADV_NOHUGEPAGE, MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_WIPEONFORK } from "../../impl/madvise.ts";
import { VM_DONTCOPY, VM_HUGEPAGE, VM_LOCKED, VM_NOHUGEPAGE, VM_READ, VM_WIPEONFORK } from "../../impl/structs/vma.ts";
import { SCAN_PAGE_RO } from "../../impl/khugepaged/scan-result.ts";
import { explored } from "./explored.ts";
import { collapseUnscanned, scanAndCollapse } from "./khugepaged-probes.ts";
import { discardedTwice, reclaimLazyfree, tableGone } from "./madvise-threads.ts";
import { bounds, expectNothingLeft, failEach, fill, map, MACHINE } from "./calls.ts";
import { RW, SequentialKernel } from "./sequential-kernel.ts";

const s = new SequentialKernel(MACHINE);
beforeEach(() => s.reset());
const loads = (from: number, pages: number, process = 0): number[] => Array.from({ length: pages }, (_, i) => s.load(process, from + i));

describe("entry checks", () => {
  it("unknown advice, an empty range, holes", () => {
    map(s, 0, 4);
    map(s, 8, 12);
    fill(s, 0, 4);
    fill(s, 8, 12);
    expect([s.madvise(0, 0, 4, 3), s.madvise(0, 0, 0, MADV_DONTNEED), s.madvise(0, 0, 0, 3)]).toEqual([-EINVAL, 0, -EINVAL]);
    expect([s.madvise(0, 4, 2, MADV_DONTNEED), s.madvise(0, 12, 4, MADV_HUGEPAGE), s.madvise(0, 5, 2, MADV_HUGEPAGE)]).toEqual([-ENOMEM, -ENOMEM, -ENOMEM]);
    // A hole does not keep the rest from being advised.
    expect([s.madvise(0, 0, 12, MADV_DONTNEED), loads(0, 4), loads(8, 4)]).toEqual([-ENOMEM, [0, 0, 0, 0], [0, 0, 0, 0]]);
    expect([s.madvise(0, 0, 12, MADV_NOHUGEPAGE), s.areas(0).map((a) => a[2] & VM_NOHUGEPAGE)]).toEqual([-ENOMEM, [VM_NOHUGEPAGE, VM_NOHUGEPAGE]]);
    expect([s.madvise(0, 2, 4, MADV_DONTNEED), s.madvise(0, 8, 8, MADV_DONTNEED)]).toEqual([-ENOMEM, -ENOMEM]);
    expect(s.madvise(0, 2, 4, MADV_DONTFORK)).toBe(-ENOMEM);
    expectNothingLeft(s);
  });
});

describe("flags", () => {
  it("are set and cleared, with splits and merges", () => {
    map(s, 0, 12);
    const flags = (): number[] => s.areas(0).map((a) => a[2] & ~RW);
    expect(s.madvise(0, 4, 4, MADV_HUGEPAGE)).toBe(0);
    expect([bounds(s), flags()]).toEqual(["0-4 4-8 8-12", [0, VM_HUGEPAGE, 0]]);
    expect(s.madvise(0, 4, 4, MADV_HUGEPAGE)).toBe(0);
    expect([s.madvise(0, 0, 12, MADV_NOHUGEPAGE), bounds(s), flags()]).toEqual([0, "0-12", [VM_NOHUGEPAGE]]);
    expect([s.madvise(0, 0, 12, MADV_HUGEPAGE), flags()]).toEqual([0, [VM_HUGEPAGE]]);
    expect([s.madvise(0, 0, 2, MADV_DONTFORK), s.madvise(0, 2, 2, MADV_WIPEONFORK), flags()]).toEqual([0, 0, [VM_HUGEPAGE | VM_DONTCOPY, VM_HUGEPAGE | VM_WIPEONFORK, VM_HUGEPAGE]]);
    expect([s.madvise(0, 0, 2, MADV_DOFORK), s.madvise(0, 2, 2, MADV_KEEPONFORK), bounds(s)]).toEqual([0, 0, "0-12"]);
    expectNothingLeft(s);
  });
  it("MADV_HUGEPAGE registers a written area's process with khugepaged", () => {
    s.sysfs("enabled", "madvise");
    map(s, 0, 8);
    fill(s, 0, 1);
    expect(s.k.khugepaged.slots.get()).toBe(0);
    expect(s.madvise(0, 0, 8, MADV_HUGEPAGE)).toBe(0);
    expect(s.k.khugepaged.slots.get()).toBe(1);
    expect(s.madvise(0, 0, 8, MADV_NOHUGEPAGE)).toBe(0);
    expect(s.k.khugepaged.slots.get()).toBe(1);
    expectNothingLeft(s);
  });
  it("MADV_HUGEPAGE of a page registers the process, if its area has room for a huge page", () => {
    s.sysfs("enabled", "madvise");
    map(s, 0, 8);
    fill(s, 5, 6);
    expect([s.madvise(0, 0, 8, MADV_NOHUGEPAGE), s.k.khugepaged.slots.get()]).toEqual([0, 0]);
    expect([s.madvise(0, 5, 1, MADV_HUGEPAGE), bounds(s), s.k.khugepaged.slots.get()]).toEqual([0, "0-5 5-6 6-8", 1]);
    expectNothingLeft(s);
    s.reset();
    s.sysfs("enabled", "madvise");
    map(s, 0, 3);
    fill(s, 1, 2);
    expect([s.madvise(0, 1, 1, MADV_HUGEPAGE), s.k.khugepaged.slots.get()]).toEqual([0, 0]);
    expectNothingLeft(s);
  });
  it("without memory: EAGAIN", () => {
    const results = failEach(s, (choices) => {
      map(s, 0, 12);
      fill(s, 0, 12);
      return s.madvise(0, 4, 4, MADV_HUGEPAGE, choices);
    }, (result) => {
      expect(result === 0 || result === -EAGAIN).toBe(true);
      expect(loads(0, 12)).toEqual(Array.from({ length: 12 }, (_, v) => v + 1));
      expectNothingLeft(s);
    });
    expect(results).toContain(-EAGAIN);
  });
});

describe("MADV_DONTNEED", () => {
  it("of a whole huge page frees it; of one page splits the PMD and defers", () => {
    map(s, 0, 8);
    fill(s, 0, 8);
    expect([s.madvise(0, 0, 4, MADV_DONTNEED), s.k.node.nrAnon.get(), s.vmstat("thpSplitPmd")]).toEqual([0, 1, 0]);
    expect([s.madvise(0, 5, 1, MADV_DONTNEED), s.vmstat("thpSplitPmd"), s.vmstat("thpDeferredSplitPage")]).toEqual([0, 1, 1]);
    expect(loads(0, 8)).toEqual([0, 0, 0, 0, 5, 0, 7, 8]);
    expectNothingLeft(s);
  });
  it("of several areas takes mmap_lock; of one its own lock", () => {
    map(s, 0, 4);
    map(s, 4, 8, VM_READ);
    fill(s, 0, 4);
    expect([s.madvise(0, 2, 4, MADV_DONTNEED), loads(0, 4)]).toEqual([0, [1, 2, 0, 0]]);
    expectNothingLeft(s);
  });
  it("refuses locked memory, and stops there", () => {
    map(s, 0, 4);
    map(s, 4, 8, VM_READ);
    fill(s, 0, 4);
    s.k.vma.flags.set(1, VM_READ | VM_LOCKED);
    expect([s.madvise(0, 0, 8, MADV_DONTNEED), s.madvise(0, 4, 2, MADV_FREE), loads(0, 4)]).toEqual([-EINVAL, -EINVAL, [0, 0, 0, 0]]);
    expectNothingLeft(s);
  });
});

describe("MADV_DONTNEED by two threads", () => {
  it("flushes what the other one has cleared and not flushed yet", async () => {
    await explored(discardedTwice);
  });
});

describe("MADV_FREE", () => {
  it("of a whole huge page: lazyfree, not split; a store makes it dirty again", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    const folio = s.frame(0, 0);
    expect([s.madvise(0, 0, 4, MADV_FREE), s.vmstat("pglazyfree"), s.vmstat("thpSplitPmd"), s.isHuge(0, 0)]).toEqual([0, 4, 0, true]);
    expect([s.k.page.swapbacked.get(folio), s.entry(0, 0).value & 4]).toEqual([false, 0]);
    expect([loads(0, 4), s.store(0, 0, 9), s.entry(0, 0).value & 4]).toEqual([[1, 2, 3, 4], true, 4]);
    expectNothingLeft(s);
  });
  it("of half of one: the folio is split, half of it is lazyfree", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    expect([s.madvise(0, 0, 2, MADV_FREE), s.vmstat("thpSplitPage"), s.vmstat("thpSplitPmd"), s.k.node.nrAnon.get()]).toEqual([0, 1, 1, 0]);
    expect([0, 1, 2, 3].map((v) => s.k.page.swapbacked.get(s.frame(0, v)))).toEqual([false, false, true, true]);
    expect(loads(0, 4)).toEqual([1, 2, 3, 4]);
    expectNothingLeft(s);
  });
  it("of half of one with an extra reference: the split fails, nothing is free", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    const folio = s.frame(0, 0);
    s.k.page.refcount.add(folio, 1);
    expect([s.madvise(0, 0, 2, MADV_FREE), s.vmstat("thpSplitPageFailed"), s.k.page.swapbacked.get(folio)]).toEqual([0, 1, true]);
    s.k.page.refcount.add(folio, -1);
    expectNothingLeft(s);
  });
  it("of small pages, holes and zero pages", () => {
    s.sysfs("enabled", "never");
    map(s, 0, 8);
    fill(s, 0, 3);
    expect(s.load(0, 3)).toBe(0);
    // The last page is in the LRU batch until the call drains it.
    expect(s.k.page.lru.get(s.frame(0, 2))).toBe(false);
    const swapbacked = (): boolean[] => [0, 1, 2].map((vpn) => s.k.page.swapbacked.get(s.frame(0, vpn)));
    // Two fill the batch of those that become lazyfree, the third waits in it, with a reference.
    expect([s.madvise(0, 0, 8, MADV_FREE), swapbacked(), s.k.page.refcount.get(s.frame(0, 2))]).toEqual([0, [false, false, true], 2]);
    s.lruAddDrainAll();
    expect([swapbacked(), s.k.page.refcount.get(s.frame(0, 2))]).toEqual([[false, false, false], 1]);
    expect([s.vmstat("pglazyfree"), s.entry(0, 1).value & 0b1100]).toEqual([3, 0]);
    expect(loads(0, 4)).toEqual([1, 2, 3, 0]);
    expectNothingLeft(s);
  });
  it("of a PTE-mapped huge page as a whole: stays one folio; of a part: split", () => {
    map(s, 0, 8);
    fill(s, 0, 8);
    expect([s.mprotect(0, 1, 1, VM_READ), s.mprotect(0, 1, 1, RW), s.mprotect(0, 5, 1, VM_READ)]).toEqual([0, 0, 0]);
    expect([s.isHuge(0, 0), s.isHuge(0, 4)]).toEqual([false, false]);
    expect([s.madvise(0, 0, 4, MADV_FREE), s.vmstat("thpSplitPage")]).toEqual([0, 0]);
    // The second one is in three areas, of which each holds a part.
    expect([s.madvise(0, 4, 1, MADV_FREE), s.vmstat("thpSplitPage")]).toEqual([0, 1]);
    s.lruAddDrainAll();
    expect([4, 5].map((v) => s.k.page.swapbacked.get(s.frame(0, v)))).toEqual([false, true]);
    expect(loads(0, 8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expectNothingLeft(s);
  });
  it("of a huge page with a hole in it: the folio is not mapped here as a whole", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    expect([s.madvise(0, 1, 1, MADV_DONTNEED), s.madvise(0, 0, 4, MADV_FREE), s.vmstat("thpSplitPage")]).toEqual([0, 0, 1]);
    s.lruAddDrainAll();
    expect([0, 2, 3].map((v) => s.k.page.swapbacked.get(s.frame(0, v)))).toEqual([false, false, false]);
    expect(loads(0, 4)).toEqual([1, 0, 3, 4]);
    expectNothingLeft(s);
  });
  it("of the huge zero page: nothing", () => {
    map(s, 0, 4);
    expect([s.load(0, 0), s.madvise(0, 0, 4, MADV_FREE), s.isHuge(0, 0)]).toEqual([0, 0, true]);
    expectNothingLeft(s);
  });
  it("leaves alone what is locked, what is dirty and shared, and parts of a large folio that others may map", () => {
    map(s, 0, 8);
    fill(s, 0, 4);
    expect(s.mprotect(0, 1, 1, VM_READ)).toBe(0);
    expect(s.mprotect(0, 1, 1, RW)).toBe(0);
    s.sysfs("enabled", "never");
    fill(s, 4, 7);
    const [large, locked, dirty] = [s.frame(0, 0), s.frame(0, 4), s.frame(0, 5)];
    s.lruAddDrainAll();
    expect(s.fork(0, 1)).toBe(1);
    s.k.page.dirty.set(large, false);
    s.k.page.dirty.set(locked, true);
    s.k.page.dirty.set(dirty, true);
    const lock = s.lockFolio(locked);
    expect([s.madvise(0, 0, 2, MADV_FREE), s.madvise(0, 4, 3, MADV_FREE)]).toEqual([0, 0]);
    lock.release();
    expect([large, locked, dirty].map((f) => s.k.page.swapbacked.get(f))).toEqual([true, true, true]);
    // Alone again, and not locked: clean it is.
    s.exit(1);
    expect([s.madvise(0, 4, 3, MADV_FREE), [locked, dirty].map((f) => s.k.page.dirty.get(f))]).toEqual([0, [false, false]]);
    expect(loads(0, 7)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expectNothingLeft(s);
  });
  it("goes no further where the table has been freed during a split", async () => {
    await explored(tableGone);
  });
  it("a large folio that is locked is not split", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    expect(s.mprotect(0, 1, 1, VM_READ)).toBe(0);
    const lock = s.lockFolio(s.frame(0, 0));
    expect([s.madvise(0, 0, 1, MADV_FREE), s.vmstat("thpSplitPage"), s.vmstat("thpSplitPageFailed")]).toEqual([0, 0, 0]);
    lock.release();
    s.k.page.refcount.add(s.frame(0, 0), 1);
    expect([s.madvise(0, 0, 1, MADV_FREE), s.vmstat("thpSplitPage"), s.vmstat("thpSplitPageFailed")]).toEqual([0, 0, 1]);
    s.k.page.refcount.add(s.frame(0, 0), -1);
    expectNothingLeft(s);
  });
});

describe("reclaim of what MADV_FREE gave up", () => {
  it("frees a clean huge page, which then reads as zero; not one that was written again", () => {
    const r = new SequentialKernel(MACHINE, [reclaimLazyfree]);
    map(r, 0, 8);
    fill(r, 0, 8);
    const [clean, dirty] = [r.frame(0, 0), r.frame(0, 4)];
    expect([r.madvise(0, 0, 8, MADV_FREE), r.store(0, 4, 9)]).toEqual([0, true]);
    expect([r.probe(2, [clean]), r.probe(2, [dirty]), r.vmstat("pglazyfree"), r.vmstat("pglazyfreed")]).toEqual([1, 0, 8, 4]);
    expect([0, 3, 4, 5].map((vpn) => r.load(0, vpn))).toEqual([0, 0, 9, 6]);
    expectNothingLeft(r);
  });
});

describe("MADV_POPULATE", () => {
  it("read: the huge zero page; write: a huge page; twice is no fault", () => {
    map(s, 0, 8);
    expect([s.madvise(0, 0, 4, MADV_POPULATE_READ), s.isHuge(0, 0), s.k.mm.anonPages.get(0)]).toEqual([0, true, 0]);
    expect([s.madvise(0, 0, 8, MADV_POPULATE_WRITE), s.isHuge(0, 4), s.k.mm.anonPages.get(0)]).toEqual([0, true, 8]);
    const faults = s.vmstat("pgfault");
    expect([s.madvise(0, 0, 8, MADV_POPULATE_WRITE), s.madvise(0, 0, 8, MADV_POPULATE_READ), s.vmstat("pgfault") - faults]).toEqual([0, 0, 0]);
    expectNothingLeft(s);
  });
  it("changes no contents; small pages", () => {
    s.sysfs("enabled", "never");
    map(s, 0, 4);
    fill(s, 0, 2);
    expect([s.madvise(0, 0, 3, MADV_POPULATE_READ), s.madvise(0, 1, 3, MADV_POPULATE_WRITE), loads(0, 4)]).toEqual([0, 0, [1, 2, 0, 0]]);
    expect([0, 1, 2, 3].map((v) => s.writable(0, v))).toEqual([true, true, true, true]);
    expectNothingLeft(s);
  });
  it("fails at a hole, without permission, without memory, in a dying address space", () => {
    map(s, 0, 4, VM_READ);
    map(s, 8, 12, 0);
    expect([s.madvise(0, 0, 8, MADV_POPULATE_READ), s.madvise(0, 0, 1, MADV_POPULATE_WRITE), s.madvise(0, 8, 1, MADV_POPULATE_READ)]).toEqual([-ENOMEM, -EINVAL, -EINVAL]);
    map(s, 12, 16);
    expect(s.madvise(0, 12, 1, MADV_POPULATE_WRITE, [1, 1, 1, 1, 1, 1, 1])).toBe(-ENOMEM);
    s.k.mm.flags.insert(0, 5);
    expect(s.madvise(0, 12, 1, MADV_POPULATE_WRITE)).toBe(-EFAULT);
    s.k.mm.flags.remove(0, 5);
    expectNothingLeft(s);
  });
});

describe("MADV_COLLAPSE and khugepaged before 6.18", () => {
  it("ask for one page that is mapped writable, when they scan and when they isolate; without one they go on to the next range", () => {
    const old = new SequentialKernel({ ...MACHINE, cpus: 4, enabled: 0, collapseNeedsWritable: true }, [scanAndCollapse, collapseUnscanned]);
    map(old, 0, 8);
    fill(old, 0, 8);
    old.lruAddDrainAll();
    // Shared once, and read-only since then.
    expect(old.fork(0, 1)).toBe(1);
    old.exit(1);
    const results = [old.probe(2, [0, 0, 1]), old.probe(2, [0, 0, 0]), old.probe(3, [0, 0, 0])];
    expect([results, old.vmstat("thpCollapseAlloc")]).toEqual([[SCAN_PAGE_RO, SCAN_PAGE_RO, SCAN_PAGE_RO], 1]);
    expect([old.store(0, 5, 6), old.madvise(0, 0, 8, MADV_COLLAPSE), old.isHuge(0, 0), old.isHuge(0, 4)]).toEqual([true, -EINVAL, false, true]);
    expect([0, 3, 4, 7].map((vpn) => old.load(0, vpn))).toEqual([1, 4, 5, 8]);
    expectNothingLeft(old);
  });
});

describe("MADV_COLLAPSE through the system call", () => {
  it("collapses, says why not, goes on behind a hole, stops at an error", () => {
    s.sysfs("enabled", "never");
    map(s, 0, 4);
    map(s, 8, 16);
    fill(s, 0, 1);
    fill(s, 8, 9);
    fill(s, 12, 13);
    expect([s.madvise(0, 0, 16, MADV_COLLAPSE), s.isHuge(0, 0), s.isHuge(0, 8), s.isHuge(0, 12)]).toEqual([-ENOMEM, true, true, true]);
    expect(s.madvise(0, 0, 4, MADV_COLLAPSE)).toBe(0);
    expect(loads(0, 4)).toEqual([1, 0, 0, 0]);
    expectNothingLeft(s);
  });
  it("respects NOHUGEPAGE and prctl, and not sysfs", () => {
    s.sysfs("enabled", "never");
    map(s, 0, 8);
    fill(s, 0, 8);
    expect(s.madvise(0, 0, 4, MADV_NOHUGEPAGE)).toBe(0);
    expect([s.madvise(0, 0, 8, MADV_COLLAPSE), s.isHuge(0, 4)]).toEqual([-EINVAL, false]);
    expect([s.thpDisable(0, true, 0), s.madvise(0, 4, 4, MADV_COLLAPSE)]).toEqual([0, -EINVAL]);
    expect([s.thpDisable(0, true, 2), s.madvise(0, 4, 4, MADV_COLLAPSE), s.isHuge(0, 4)]).toEqual([0, 0, true]);
    expect([s.thpDisable(0, true, 1), s.thpDisable(0, false, 2), s.thpDisable(0, false, 0)]).toEqual([-EINVAL, -EINVAL, 0]);
    expectNothingLeft(s);
  });
});

it("a range that ends behind the address space is discarded as far as there are areas", () => {
  map(s, 0, 4);
  fill(s, 0, 4);
  const end = Number(s.config.vpnMax);
  expect([s.madvise(0, 2, end, MADV_DONTNEED), loads(0, 4)]).toEqual([-ENOMEM, [1, 2, 0, 0]]);
  expect([s.madvise(0, 0, end + 1, MADV_FREE), loads(0, 2)]).toEqual([-ENOMEM, [1, 2]]);
  expectNothingLeft(s);
});

describe("process_madvise", () => {
  beforeEach(() => {
    s.sysfs("enabled", "never");
    map(s, 0, 8);
    fill(s, 0, 8);
    s.fork(0, 1);
  });
  it("needs CAP_SYS_NICE and MADV_COLLAPSE for another process, nothing for oneself", () => {
    expect([s.processMadvise(0, 1, [[0, 4]], MADV_COLLAPSE, 1, true), s.processMadvise(0, 1, [[0, 4]], MADV_DONTNEED, 0, true), s.processMadvise(0, 1, [[0, 4]], MADV_COLLAPSE, 0, false), s.processMadvise(0, 2, [[0, 4]], MADV_COLLAPSE, 0, true)])
      .toEqual([-EINVAL, -EINVAL, -EPERM, -ESRCH]);
    expect([s.processMadvise(0, 1, [[0, 4], [4, 4]], MADV_COLLAPSE, 0, true), s.isHuge(1, 0), s.isHuge(1, 4), s.isHuge(0, 0)]).toEqual([8, true, true, false]);
    expect([s.processMadvise(1, 1, [[0, 4]], MADV_DONTNEED, 0, false), loads(0, 4, 1), loads(0, 4)]).toEqual([4, [0, 0, 0, 0], [1, 2, 3, 4]]);
    expectNothingLeft(s, [0, 1]);
  });
  it("ends at the first range that fails also where each range has locks of its own", () => {
    const old = new SequentialKernel({ ...MACHINE, processMadviseLocksOnce: false });
    old.sysfs("enabled", "never");
    map(old, 0, 8);
    fill(old, 0, 8);
    expect(old.madvise(0, 4, 4, MADV_NOHUGEPAGE)).toBe(0);
    const collapse = (...ranges: [number, number][]) => old.processMadvise(0, 0, ranges, MADV_COLLAPSE, 0, false);
    expect([collapse([4, 4], [0, 4]), old.isHuge(0, 0), collapse([0, 4], [4, 4]), old.isHuge(0, 0)]).toEqual([-EINVAL, false, 4, true]);
  });
  it("returns what was done before the second range failed, or the first one's error", () => {
    expect(s.madvise(0, 4, 4, MADV_NOHUGEPAGE)).toBe(0);
    expect([s.processMadvise(0, 0, [[0, 4], [4, 4]], MADV_COLLAPSE, 0, false), s.processMadvise(0, 0, [[4, 4], [0, 4]], MADV_COLLAPSE, 0, false)]).toEqual([4, -EINVAL]);
    // An empty range is none; wrong flags are refused whoever it is about.
    expect([s.processMadvise(0, 0, [[0, 0], [4, 4]], MADV_COLLAPSE, 0, false), s.processMadvise(0, 2, [[0, 4]], MADV_COLLAPSE, 1, true)]).toEqual([-EINVAL, -EINVAL]);
    expectNothingLeft(s, [0, 1]);
  });
});

describe("pages that wait in an LRU batch", () => {
  it("are freed when that is emptied, which unmapping did itself before 6.16", () => {
    const freed = ["6.12", "6.16"].map((linux) => {
      const one = new SequentialKernel({ ...MACHINE, linux });
      one.sysfs("enabled", "never");
      return [() => one.madvise(0, 0, 4, MADV_DONTNEED), () => one.munmap(0, 0, 4), () => { one.exit(0); }].map((unmaps) => {
        map(one, 0, 4);
        fill(one, 0, 1);
        unmaps();
        const before = one.k.zone.freePages.get();
        one.lruAddDrainAll();
        return one.k.zone.freePages.get() - before;
      });
    });
    expect(freed).toEqual([[0, 0, 0], [1, 1, 1]]);
  });
});
