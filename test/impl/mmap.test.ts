/** mmap() and munmap(). */
import { beforeEach, describe, expect, it } from "vitest";
import { EEXIST, EINVAL, ENOMEM } from "../../impl/errno.ts";
import { MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_STACK } from "../../impl/mmap.ts";
import { MADV_COLLAPSE } from "../../impl/madvise.ts";
import { VM_NOHUGEPAGE, VM_READ } from "../../impl/structs/vma.ts";
import { bounds, expectNothingLeft, failEach, fill, map, MACHINE } from "./calls.ts";
import { RW, SequentialKernel } from "./sequential-kernel.ts";

const s = new SequentialKernel(MACHINE);
beforeEach(() => s.reset());
const SIGNAL = Number(s.config.contents);

describe("mmap", () => {
  it("refuses what the kernel refuses", () => {
    map(s, 0, 4);
    expect(s.mmap(0, 4, 0, RW, MAP_FIXED)).toBe(-EINVAL);
    expect(s.mmap(0, 14, 4, RW, MAP_FIXED)).toBe(-ENOMEM);
    expect(s.mmap(0, -1, 17, RW, 0)).toBe(-ENOMEM);
    expect(s.mmap(0, 2, 4, RW, MAP_FIXED_NOREPLACE)).toBe(-EEXIST);
    expect(s.mmap(0, 4, 2, RW, MAP_FIXED_NOREPLACE)).toBe(4);
    expect(bounds(s)).toBe("0-6");
    expectNothingLeft(s);
  });
  it("a stack has no huge pages since 6.7, and is not merged with what may have them", () => {
    for (const [stackIsNoHugePage, flags, areas] of [[true, RW | VM_NOHUGEPAGE, "0-4 4-8"], [false, RW, "0-8"]] as const) {
      const kernel = new SequentialKernel({ ...MACHINE, stackIsNoHugePage });
      expect(kernel.mmap(0, 0, 4, RW, MAP_FIXED | MAP_STACK)).toBe(0);
      expect(kernel.areas(0).map(([, , f]) => f)).toEqual([flags]);
      map(kernel, 4, 8);
      expect(bounds(kernel)).toBe(areas);
      fill(kernel, 0, 4);
      expect(kernel.madvise(0, 0, 4, MADV_COLLAPSE)).toBe(stackIsNoHugePage ? -EINVAL : 0);
      expectNothingLeft(kernel);
    }
  });
  it("without MAP_FIXED takes the hint if it is free, else the highest room, aligned for whole huge pages", () => {
    expect(s.mmap(0, 5, 2, RW, 0)).toBe(5);
    expect(s.mmap(0, 6, 1, VM_READ, 0)).toBe(15);
    expect(s.mmap(0, -1, 4, 0, 0)).toBe(8);
    expect(s.mmap(0, -1, 4, RW, 0)).toBe(0);
    // No aligned room is left for another huge page.
    expect(s.munmap(0, 0, 4)).toBe(0);
    expect(s.mmap(0, 0, 1, RW, 0)).toBe(0);
    expect(s.mmap(0, -1, 4, 0, 0)).toBe(1);
    expect(s.mmap(0, -1, 4, RW, 0)).toBe(-ENOMEM);
    expectNothingLeft(s);
  });
  it("MAP_FIXED replaces what is there, cutting huge pages", () => {
    map(s, 0, 12);
    fill(s, 0, 12);
    map(s, 2, 6);
    // The same flags: all one area again, but its middle is new.
    expect(bounds(s)).toBe("0-12");
    expect([0, 2, 5, 6, 8].map((v) => s.load(0, v))).toEqual([1, 0, 0, 7, 9]);
    expect([0, 4, 8].map((v) => s.isHuge(0, v))).toEqual([false, false, true]);
    expect(s.k.mm.anonPages.get(0)).toBe(8);
    expectNothingLeft(s);
  });
  it("without memory, the old area is gone or there as a whole", () => {
    const results = failEach(s, (choices) => {
      map(s, 0, 12);
      fill(s, 0, 12);
      return s.mmap(0, 2, 4, VM_READ, MAP_FIXED, choices);
    }, (result) => {
      expect(result === 2 || result === -ENOMEM).toBe(true);
      expect([0, 1, 6, 11].map((v) => s.load(0, v))).toEqual([1, 2, 7, 12]);
      expectNothingLeft(s);
    });
    expect(results).toContain(-ENOMEM);
  });
});

describe("munmap", () => {
  it("refuses an empty range and one beyond the end; unmapping nothing is no error", () => {
    expect([s.munmap(0, 0, 0), s.munmap(0, 12, 8), s.munmap(0, 4, 4)]).toEqual([-EINVAL, -EINVAL, 0]);
    expectNothingLeft(s);
  });
  it("of whole areas frees their pages, tables, areas and anon_vmas", () => {
    map(s, 0, 4);
    map(s, 4, 8, VM_READ);
    map(s, 12, 16);
    fill(s, 0, 4);
    fill(s, 13, 14);
    expect(s.munmap(0, 0, 16)).toBe(0);
    expect([bounds(s), s.k.mm.nrPtes.get(0), s.k.mm.anonPages.get(0), s.k.zone.freePages.get()]).toEqual(["", 0, 0, 64]);
    expect(s.load(0, 0)).toBe(SIGNAL);
    expectNothingLeft(s);
  });
  it("of the upper half of a huge page: split PMD, deferred; then of the rest: freed", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    const folio = s.frame(0, 0);
    expect(s.munmap(0, 2, 2)).toBe(0);
    expect([s.vmstat("thpSplitPmd"), s.vmstat("thpDeferredSplitPage"), s.k.node.anonThps.get(), s.k.node.nrAnonPartiallyMapped.get()]).toEqual([1, 1, 0, 1]);
    expect([s.k.page.deferred.get(folio), s.load(0, 1), s.load(0, 2)]).toEqual([true, 2, SIGNAL]);
    expect(s.munmap(0, 0, 2)).toBe(0);
    expect([s.k.node.nrAnon.get(), s.k.node.nrAnonPartiallyMapped.get(), s.k.zone.freePages.get()]).toEqual([0, 0, 64]);
    expectNothingLeft(s);
  });
  it("of a hole in the middle of an area", () => {
    map(s, 0, 16);
    fill(s, 0, 16);
    expect(s.munmap(0, 5, 5)).toBe(0);
    expect(bounds(s)).toBe("0-5 10-16");
    expect([4, 5, 9, 10].map((v) => s.load(0, v))).toEqual([5, SIGNAL, SIGNAL, 11]);
    // The table of 4..7 is still needed by page 4, that of 8..11 by page 10.
    expect(s.k.mm.nrPtes.get(0)).toBe(4);
    expectNothingLeft(s);
  });
  it("keeps a table that a neighbour uses, and frees it with the last one", () => {
    s.sysfs("enabled", "never");
    map(s, 0, 2);
    map(s, 2, 4, VM_READ);
    fill(s, 0, 2);
    expect(s.munmap(0, 0, 2)).toBe(0);
    expect(s.k.mm.nrPtes.get(0)).toBe(1);
    expect(s.munmap(0, 2, 2)).toBe(0);
    expect(s.k.mm.nrPtes.get(0)).toBe(0);
    expectNothingLeft(s);
  });
  it("without memory: the areas that were detached come back", () => {
    const results = failEach(s, (choices) => {
      map(s, 0, 4, VM_READ);
      map(s, 4, 12);
      fill(s, 4, 12);
      return s.munmap(0, 0, 6, choices);
    }, (result) => {
      expect(result === 0 || result === -ENOMEM).toBe(true);
      expect(Array.from({ length: 6 }, (_, v) => s.load(0, 6 + v))).toEqual(Array.from({ length: 6 }, (_, v) => v + 7));
      if (result !== 0) expect([s.load(0, 0), s.load(0, 5)]).toEqual([0, 6]);
      expectNothingLeft(s);
    });
    expect(results).toContain(-ENOMEM);
  });
});
