/** mremap(). */
import { beforeEach, describe, expect, it } from "vitest";
import { EFAULT, EINVAL, ENOMEM } from "../../impl/errno.ts";
import { MADV_NOHUGEPAGE } from "../../impl/madvise.ts";
import { VM_READ } from "../../impl/structs/vma.ts";
import { MIGRATION } from "../../impl/pgtable.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import { bounds, expectNothingLeft, failEach, fill, map, MACHINE } from "./calls.ts";
import { RW, SequentialKernel } from "./sequential-kernel.ts";

const s = new SequentialKernel(MACHINE);
beforeEach(() => s.reset());
const MOVE = MREMAP_MAYMOVE | MREMAP_FIXED;
const SIGNAL = Number(s.config.contents);
const loads = (from: number, pages: number, process = 0): number[] => Array.from({ length: pages }, (_, i) => s.load(process, from + i));

it("a move takes several areas and the holes between them; the range begins in an area", () => {
  map(s, 0, 3);
  map(s, 3, 4, VM_READ);
  map(s, 5, 7);
  expect(s.mremap(0, 4, 4, 4, MOVE, 8)).toBe(-EFAULT);
  expect(s.mremap(0, 2, 4, 4, MOVE, 8)).toBe(8);
  expect(bounds(s)).toBe("0-2 6-7 8-9 9-10 11-12");
});
it("a resize that is refused has unmapped nothing at the new address", () => {
  map(s, 0, 2);
  map(s, 8, 12, VM_READ);
  expect(s.mremap(0, 0, 4, 2, MOVE, 8)).toBe(8);
  expect(bounds(s)).toBe("8-10 10-12");
  expect(s.mremap(0, 11, 2, 4, MOVE, 4)).toBe(-EFAULT);
  expect(bounds(s)).toBe("8-10 10-12");
});
it("refuses what the kernel refuses", () => {
  map(s, 0, 4);
  map(s, 4, 6, VM_READ);
  expect(s.mremap(0, 0, 4, 0, MOVE, 8)).toBe(-EINVAL);
  expect(s.mremap(0, 0, 4, 4, MREMAP_FIXED, 8)).toBe(-EINVAL);
  expect(s.mremap(0, 0, 4, 4, 4, 8)).toBe(-EINVAL);
  expect(s.mremap(0, 0, 4, 4, MOVE, 13)).toBe(-EINVAL);
  expect(s.mremap(0, 0, 4, 4, MOVE, 2)).toBe(-EINVAL);
  expect(s.mremap(0, 2, 1, 4, MOVE, 0)).toBe(-EINVAL);
  expect(s.mremap(0, 8, 2, 2, 0)).toBe(-EFAULT);
  expect(s.mremap(0, 0, 0, 2, MREMAP_MAYMOVE)).toBe(-EINVAL);
  expect(s.mremap(0, 2, 4, 5, MREMAP_MAYMOVE)).toBe(-EFAULT);
  expect(s.mremap(0, 2, 4, 5, MOVE, 8)).toBe(-EFAULT);
  expect(s.mremap(0, 0, 4, 6, 0)).toBe(-ENOMEM);
  expect(s.mremap(0, 0, 4, 17, MREMAP_MAYMOVE)).toBe(-EINVAL);
  expect(s.mremap(0, 0, 4, 4, 0)).toBe(0);
  expect(bounds(s)).toBe("0-4 4-6");
  expectNothingLeft(s);
});
it("shrinks and grows in place, and moves where there is no room", () => {
  map(s, 0, 8);
  fill(s, 0, 8);
  expect(s.mremap(0, 0, 8, 3, 0)).toBe(0);
  expect([bounds(s), s.load(0, 2), s.load(0, 3)]).toEqual(["0-3", 3, SIGNAL]);
  expect(s.mremap(0, 1, 2, 5, 0)).toBe(1);
  expect([bounds(s), loads(0, 6)]).toEqual(["0-6", [1, 2, 3, 0, 0, 0]]);
  map(s, 6, 7, VM_READ);
  expect(s.mremap(0, 0, 6, 8, MREMAP_MAYMOVE)).toBe(8);
  expect([bounds(s), loads(8, 8)]).toEqual(["6-7 8-16", [1, 2, 3, 0, 0, 0, 0, 0]]);
  expectNothingLeft(s);
});
it("growing fills a hole up to the next area, which joins", () => {
  map(s, 0, 12);
  fill(s, 0, 1);
  expect(s.munmap(0, 4, 4)).toBe(0);
  expect(s.mremap(0, 0, 4, 8, 0)).toBe(0);
  expect(bounds(s)).toBe("0-12");
  expectNothingLeft(s);
});
it("there is no room at all", () => {
  map(s, 0, 8);
  map(s, 8, 16, VM_READ);
  expect(s.mremap(0, 0, 8, 9, MREMAP_MAYMOVE)).toBe(-ENOMEM);
  expectNothingLeft(s);
});

describe("a move of huge pages", () => {
  it("to an aligned address keeps them huge, without a split; counts stay", () => {
    map(s, 0, 8);
    fill(s, 0, 8);
    const frames = [s.frame(0, 0), s.frame(0, 4)];
    expect(s.mremap(0, 0, 8, 8, MOVE, 8)).toBe(8);
    expect([s.isHuge(0, 8), s.isHuge(0, 12), s.frame(0, 8), s.frame(0, 12), s.vmstat("thpSplitPmd")]).toEqual([true, true, ...frames, 0]);
    expect([loads(8, 8), s.load(0, 0), s.k.mm.anonPages.get(0), s.k.mm.nrPtes.get(0)]).toEqual([[1, 2, 3, 4, 5, 6, 7, 8], SIGNAL, 8, 2]);
    expect(s.areas(0)).toEqual([[8, 16, 3, 0]]);
    expectNothingLeft(s);
  });
  it("to another alignment splits each PMD; the pages stay those of the folio", () => {
    map(s, 0, 8);
    fill(s, 0, 8);
    const frame = s.frame(0, 0);
    expect(s.mremap(0, 0, 6, 6, MOVE, 9)).toBe(9);
    expect([s.vmstat("thpSplitPmd"), s.isHuge(0, 8), s.frame(0, 9)]).toEqual([2, false, frame]);
    expect([loads(9, 6), s.load(0, 6)]).toEqual([[1, 2, 3, 4, 5, 6], 7]);
    expectNothingLeft(s);
  });
  it("of the two halves in the middle, equally aligned: two splits", () => {
    map(s, 0, 8);
    fill(s, 0, 8);
    expect(s.mremap(0, 2, 4, 4, MOVE, 10)).toBe(10);
    expect([s.vmstat("thpSplitPmd"), loads(10, 4), s.load(0, 1), s.load(0, 6)]).toEqual([2, [3, 4, 5, 6], 2, 7]);
    expectNothingLeft(s);
  });
  it("back to where it was cut off: the areas merge, the page stays huge", () => {
    map(s, 0, 8);
    fill(s, 0, 8);
    expect(s.mremap(0, 4, 4, 4, MOVE, 12)).toBe(12);
    expect(s.mremap(0, 12, 4, 4, MOVE, 4)).toBe(4);
    expect([bounds(s), s.isHuge(0, 4), s.vmstat("thpSplitPmd"), loads(0, 8)]).toEqual(["0-8", true, 0, [1, 2, 3, 4, 5, 6, 7, 8]]);
    expectNothingLeft(s);
  });
  it("the huge zero page moves, too", () => {
    map(s, 0, 4);
    expect(s.load(0, 0)).toBe(0);
    expect(s.mremap(0, 0, 4, 4, MOVE, 8)).toBe(8);
    expect([s.isHuge(0, 8), s.load(0, 9), s.store(0, 9, 3), s.load(0, 9), s.isHuge(0, 8)]).toEqual([true, 0, true, 3, true]);
    expectNothingLeft(s);
  });
});

describe("a move of small pages", () => {
  beforeEach(() => s.sysfs("enabled", "never"));
  it("takes whole tables where both ends are aligned", () => {
    map(s, 0, 8);
    fill(s, 0, 5);
    const table = s.k.mm.pmd.get(0, 0);
    expect(s.mremap(0, 0, 8, 8, MOVE, 8)).toBe(8);
    expect([s.k.mm.pmd.get(0, 2), s.k.mm.pmd.get(0, 0), loads(8, 8), s.k.mm.nrPtes.get(0)]).toEqual([table, 0, [1, 2, 3, 4, 5, 0, 0, 0], 2]);
    expectNothingLeft(s);
  });
  it("begins below both ends if that allows it to take whole tables", () => {
    map(s, 1, 6);
    fill(s, 1, 6);
    const table = s.k.mm.pmd.get(0, 0);
    expect(s.mremap(0, 1, 5, 5, MOVE, 9)).toBe(9);
    expect([s.k.mm.pmd.get(0, 2), loads(9, 5), bounds(s)]).toEqual([table, [2, 3, 4, 5, 6], "9-14"]);
    expectNothingLeft(s);
  });
  it("but not where something is mapped below, or the start is inside its area", () => {
    map(s, 0, 1, VM_READ);
    map(s, 1, 6);
    fill(s, 1, 6);
    expect(s.mremap(0, 1, 5, 5, MOVE, 9)).toBe(9);
    expect(loads(9, 5)).toEqual([2, 3, 4, 5, 6]);
    expect(s.mremap(0, 10, 4, 4, MOVE, 2)).toBe(2);
    expect([loads(2, 4), s.load(0, 9)]).toEqual([[3, 4, 5, 6], 2]);
    expectNothingLeft(s);
  });
  it("entry by entry with holes, and a migration entry among them", () => {
    map(s, 0, 4);
    fill(s, 0, 1);
    fill(s, 2, 4);
    const table = s.k.mm.pmd.get(0, 0) >> 9;
    const pte = s.k.ptTable.pte.get(table, 2);
    s.k.ptTable.pte.set(table, 2, (pte & ~0x1ff) | MIGRATION);
    expect(s.mremap(0, 0, 4, 4, MOVE, 9)).toBe(9);
    expect(s.entry(0, 11).value).toBe((pte & ~0x1ff) | MIGRATION);
    s.k.ptTable.pte.set(s.k.mm.pmd.get(0, 2) >> 9, 3, pte);
    expect(loads(9, 4)).toEqual([1, 0, 3, 4]);
    expectNothingLeft(s);
  });
  it("entry by entry within one table", () => {
    map(s, 0, 2);
    fill(s, 0, 2);
    expect(s.mremap(0, 0, 2, 2, MOVE, 2)).toBe(2);
    expect([loads(2, 2), s.k.mm.nrPtes.get(0)]).toEqual([[1, 2], 1]);
    expectNothingLeft(s);
  });
  it("with fewer pages than before, onto something that is mapped", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    map(s, 8, 12, VM_READ);
    expect(s.mremap(0, 0, 4, 2, MOVE, 9)).toBe(9);
    expect([bounds(s), loads(9, 2), s.load(0, 3), s.load(0, 11)]).toEqual(["8-9 9-11 11-12", [1, 2], SIGNAL, 0]);
    expectNothingLeft(s);
  });
  it("with more pages than before", () => {
    map(s, 0, 2);
    fill(s, 0, 2);
    expect(s.mremap(0, 0, 2, 6, MOVE, 9)).toBe(9);
    expect([bounds(s), loads(9, 6)]).toEqual(["9-15", [1, 2, 0, 0, 0, 0]]);
    expectNothingLeft(s);
  });
  it("an area that was never written gets new offsets, and may join its neighbours, even itself", () => {
    map(s, 0, 4);
    expect(s.mremap(0, 0, 2, 2, MOVE, 4)).toBe(4);
    expect([bounds(s), s.areas(0)[0]]).toEqual(["2-6", [2, 6, 3, 2]]);
    expect(s.load(0, 3)).toBe(0);
    expect(s.mremap(0, 4, 2, 2, MOVE, 0)).toBe(0);
    expect(bounds(s)).toBe("0-4");
    expectNothingLeft(s);
  });
  it("back to where it came from it merges with what it was cut from", () => {
    map(s, 0, 8);
    fill(s, 0, 8);
    expect(s.mremap(0, 0, 4, 4, MOVE, 8)).toBe(8);
    expect(bounds(s)).toBe("4-8 8-12");
    expect(s.mremap(0, 8, 4, 4, MOVE, 0)).toBe(0);
    expect([bounds(s), loads(0, 8)]).toEqual(["0-8", [1, 2, 3, 4, 5, 6, 7, 8]]);
    expectNothingLeft(s);
  });
  it("a child's pages move as its parent's do not", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    expect(s.fork(0, 1)).toBe(1);
    expect(s.mremap(1, 0, 4, 4, MOVE, 9)).toBe(9);
    expect([loads(9, 4, 1), loads(0, 4)]).toEqual([[1, 2, 3, 4], [1, 2, 3, 4]]);
    expect([s.store(1, 9, 7), s.load(0, 0)]).toEqual([true, 1]);
    expectNothingLeft(s, [0, 1]);
  });
});

describe("without memory", () => {
  it.each([["huge pages to another alignment", "always", 9], ["small pages", "never", 9]])("%s stay where they were", (_what, enabled, to) => {
    const results = failEach(s, (choices) => {
      s.sysfs("enabled", enabled);
      map(s, 0, 8);
      fill(s, 0, 8);
      return s.mremap(0, 1, 6, 6, MOVE, to, choices);
    }, (result) => {
      expect(result === to || result === -ENOMEM).toBe(true);
      expect(loads(result === to ? to : 1, 6)).toEqual([2, 3, 4, 5, 6, 7]);
      expect([s.load(0, 0), s.load(0, 7)]).toEqual([1, 8]);
      expectNothingLeft(s);
    });
    expect(results).toContain(-ENOMEM);
  });
  it("MREMAP_FIXED fails before the move when what is there cannot be unmapped", () => {
    const results = failEach(s, (choices) => {
      map(s, 0, 4);
      fill(s, 0, 4);
      map(s, 6, 16, VM_READ);
      return s.mremap(0, 0, 4, 2, MOVE, 8, choices);
    }, (result) => {
      expect(result === 8 || result === -ENOMEM).toBe(true);
      expect(loads(result === 8 ? 8 : 0, 2)).toEqual([1, 2]);
      expectNothingLeft(s);
    });
    expect(results).toContain(-ENOMEM);
  });
  it("a neighbour that would have to take over the anon_vma is left alone", () => {
    const seen = new Set<string>();
    const results = failEach(s, (choices) => {
      map(s, 0, 4, VM_READ);
      map(s, 4, 8);
      fill(s, 4, 8);
      expect(s.mremap(0, 4, 4, 4, MOVE, 12)).toBe(12);
      expect(s.mprotect(0, 0, 4, RW)).toBe(0);
      return s.mremap(0, 12, 4, 4, MOVE, 4, choices);
    }, (result) => {
      expect([result, loads(4, 4)]).toEqual([4, [5, 6, 7, 8]]);
      seen.add(bounds(s));
      expectNothingLeft(s);
    });
    expect(results.length).toBeGreaterThan(0);
    expect(seen).toEqual(new Set(["0-8", "0-4 4-8"]));
  });
  it("growing in place fails without a move", () => {
    const results = failEach(s, (choices) => {
      map(s, 0, 4);
      map(s, 8, 12);
      fill(s, 8, 12);
      // The hole's other side has an anon_vma, which the grown area must take over.
      return s.mremap(0, 0, 4, 8, 0, 0, choices);
    }, (result) => {
      expect(result === 0 || result === -ENOMEM).toBe(true);
      expectNothingLeft(s);
    });
    expect(results.length).toBeGreaterThan(0);
  });
  it("shrinking fails when the area cannot be cut", () => {
    const results = failEach(s, (choices) => {
      map(s, 0, 8);
      fill(s, 0, 8);
      return s.mremap(0, 0, 6, 3, 0, 0, choices);
    }, (result) => {
      expect(result === 0 || result === -ENOMEM).toBe(true);
      expect([loads(0, 3), loads(6, 2)]).toEqual([[1, 2, 3], [7, 8]]);
      expectNothingLeft(s);
    });
    expect(results).toContain(-ENOMEM);
  });
  it("a table of areas that is nearly full refuses a move before it begins", () => {
    map(s, 0, 8);
    for (const at of [1, 3, 5]) expect(s.madvise(0, at, 1, MADV_NOHUGEPAGE)).toBe(0);
    expect(s.areas(0).length).toBe(7);
    expect(s.mremap(0, 6, 1, 1, MOVE, 12)).toBe(-ENOMEM);
    expect(s.areas(0).length).toBe(7);
    expectNothingLeft(s);
  });
});
