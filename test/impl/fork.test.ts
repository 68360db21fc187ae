/** fork and exit. */
import { beforeEach, describe, expect, it } from "vitest";
import { ENOMEM } from "../../impl/errno.ts";
import { MADV_DONTFORK, MADV_HUGEPAGE, MADV_WIPEONFORK } from "../../impl/madvise.ts";
import { MMF_DISABLE_THP_COMPLETELY } from "../../impl/structs/mm.ts";
import { VM_LOCKED } from "../../impl/structs/vma.ts";
import { bounds, expectNothingLeft, failEach, fill, map, MACHINE } from "./calls.ts";
import { RW, SequentialKernel } from "./sequential-kernel.ts";

const s = new SequentialKernel(MACHINE);
beforeEach(() => s.reset());
const SIGNAL = Number(s.config.contents);
const loads = (from: number, pages: number, process = 0): number[] => Array.from({ length: pages }, (_, i) => s.load(process, from + i));

describe("fork", () => {
  it("shares huge pages read-only; a child's write splits its PMD and copies a page; the parent's stays huge", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    const folio = s.frame(0, 0);
    expect([s.fork(0, 1), s.isHuge(1, 0), s.frame(1, 0), s.writable(0, 0), s.writable(1, 0)]).toEqual([1, true, folio, false, false]);
    expect([s.k.page.refcount.get(folio), s.k.mm.anonPages.get(1), s.k.mm.nrPtes.get(1), s.vmstat("thpSplitPmd")]).toEqual([2, 4, 1, 0]);
    expect([s.store(1, 1, 9), s.vmstat("thpSplitPmd"), s.isHuge(1, 0), s.isHuge(0, 0)]).toEqual([true, 1, false, true]);
    expect([loads(0, 4), loads(0, 4, 1)]).toEqual([[1, 2, 3, 4], [1, 9, 3, 4]]);
    expectNothingLeft(s, [0, 1]);
  });
  it("after the child has exited without writing, the parent's write keeps its PMD huge", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    expect(s.fork(0, 1)).toBe(1);
    s.exit(1);
    expect([s.store(0, 0, 9), s.isHuge(0, 0), s.writable(0, 0), s.vmstat("thpSplitPmd")]).toEqual([true, true, true, 0]);
    expectNothingLeft(s);
  });
  it("DONTFORK, WIPEONFORK; locked memory is not locked in the child; unwritten areas are not copied", () => {
    map(s, 0, 16);
    fill(s, 0, 12);
    expect([s.madvise(0, 0, 4, MADV_DONTFORK), s.madvise(0, 4, 4, MADV_WIPEONFORK), s.madvise(0, 12, 4, MADV_HUGEPAGE)]).toEqual([0, 0, 0]);
    const locked = s.areas(0).findIndex(([start]) => start === 8);
    expect(locked).toBeGreaterThan(0);
    for (let v = 0; v < 8; v++) if (s.k.vma.start.get(v) === 8) s.k.vma.flags.set(v, RW | VM_LOCKED);
    expect([s.fork(0, 1), bounds(s, 1), s.areas(1).map((a) => a[2] & VM_LOCKED)]).toEqual([1, "4-8 8-12 12-16", [0, 0, 0]]);
    expect([s.load(1, 0), loads(4, 4, 1), loads(8, 2, 1), s.load(1, 12)]).toEqual([SIGNAL, [0, 0, 0, 0], [9, 10], 0]);
    expectNothingLeft(s, [0, 1]);
  });
  it("what the child inherits: prctl, and khugepaged's interest", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    expect(s.madvise(0, 0, 4, MADV_HUGEPAGE)).toBe(0);
    expect(s.thpDisable(0, true, 0)).toBe(0);
    expect([s.fork(0, 1), s.k.mm.flags.get(1) & MMF_DISABLE_THP_COMPLETELY, s.k.khugepaged.slots.get()]).toEqual([1, MMF_DISABLE_THP_COMPLETELY, 3]);
    s.exit(1);
    expect(s.k.khugepaged.slots.get()).toBe(1);
    expectNothingLeft(s);
  });
  it("of a fork: three processes share, and each has its own in the end", () => {
    map(s, 0, 8);
    fill(s, 0, 8);
    expect([s.fork(0, 1), s.fork(1, 2)]).toEqual([1, 2]);
    for (const p of [0, 1, 2]) expect(s.store(p, 0, 10 + p)).toBe(true);
    expect([0, 1, 2].map((p) => loads(0, 3, p))).toEqual([[10, 2, 3], [11, 2, 3], [12, 2, 3]]);
    s.exit(1);
    expect([loads(4, 4, 0), loads(4, 4, 2)]).toEqual([[5, 6, 7, 8], [5, 6, 7, 8]]);
    expectNothingLeft(s, [2, 0]);
  });
  it("a pinned huge page stays the parent's own: its PMD is split, the child gets copies", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    const folio = s.frame(0, 0);
    s.k.page.refcount.add(folio, 1);
    s.k.page.pincount.set(folio, 1);
    s.k.mm.flags.insert(0, 2);
    expect([s.fork(0, 1), s.vmstat("thpSplitPmd"), s.isHuge(0, 0)]).toEqual([1, 1, false]);
    expect([0, 1, 2, 3].map((v) => s.frame(1, v) !== s.frame(0, v))).toEqual([true, true, true, true]);
    expect([loads(0, 4, 1), s.writable(0, 0)]).toEqual([[1, 2, 3, 4], true]);
    s.k.page.refcount.add(folio, -1);
    s.k.page.pincount.set(folio, 0);
    expectNothingLeft(s, [0, 1]);
  });
  it("without memory: the child is dropped, the parent goes on", () => {
    const results = failEach(s, (choices) => {
      map(s, 0, 4);
      fill(s, 0, 4);
      s.sysfs("enabled", "never");
      map(s, 6, 8);
      fill(s, 6, 8);
      return s.fork(0, 1, choices);
    }, (result) => {
      expect(result === 1 || result === -ENOMEM).toBe(true);
      expect([loads(0, 4), loads(6, 2)]).toEqual([[1, 2, 3, 4], [7, 8]]);
      expect([s.store(0, 0, 9), s.store(0, 6, 9)]).toEqual([true, true]);
      expectNothingLeft(s, result === 1 ? [1, 0] : [0]);
    });
    expect(results).toContain(-ENOMEM);
    expect(results.length).toBeGreaterThan(8);
  });
  it("without an address space: ENOMEM", () => {
    map(s, 0, 4);
    expect([s.fork(0, 1), s.fork(1, 2)]).toEqual([1, 2]);
    s.exit(2);
    s.k.mm.allocated.set(2, true);
    expect(s.fork(0, 2)).toBe(-ENOMEM);
    s.k.mm.allocated.set(2, false);
    expect(s.fork(0, 2)).toBe(2);
    expectNothingLeft(s, [2, 1, 0]);
  });
  it("onto a CPU that runs something is a mistake of the caller", () => {
    expect(() => s.fork(0, 0)).toThrow(/has an address space already/);
  });
});

describe("exit", () => {
  it("with nothing mapped", () => {
    expectNothingLeft(s);
  });
  it("while somebody else still uses the memory, nothing goes", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    s.k.mm.users.set(0, 2);
    s.exit(0);
    expect([s.k.mm.users.get(0), s.k.mm.anonPages.get(0), s.k.cpu.mm.get(0)]).toEqual([1, 4, -1]);
    s.k.cpu.mm.set(0, 0);
    expectNothingLeft(s);
  });
  it.each([
    ["anonPages", /rss-counter state: MM_ANONPAGES/], ["swapEntries", /rss-counter state: MM_SWAPENTS/], ["nrPtes", /non-zero pgtables_bytes/],
  ] as const)("check_mm notices a wrong %s", (counter, message) => {
    s.k.mm[counter].set(0, 1);
    expect(() => s.exit(0)).toThrow(message);
  });
});
