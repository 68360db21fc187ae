/** Areas: what merges with what, where they are cut, and what happens to huge pages on the boundary. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ENOMEM } from "../../impl/errno.ts";
import { MADV_HUGEPAGE, MADV_NOHUGEPAGE } from "../../impl/madvise.ts";
import { MAP_FIXED } from "../../impl/mmap.ts";
import { VM_READ } from "../../impl/structs/vma.ts";
import { bounds, expectNothingLeft, failEach, fill, map, MACHINE } from "./calls.ts";
import { RW, SequentialKernel } from "./sequential-kernel.ts";

const s = new SequentialKernel(MACHINE);
beforeEach(() => s.reset());
const R = VM_READ;

describe("the eight merges", () => {
  afterEach(() => expectNothingLeft(s));

  it("1: a hole between two areas that match", () => {
    map(s, 0, 4);
    map(s, 8, 12);
    fill(s, 8, 12);
    map(s, 4, 8);
    expect(bounds(s)).toBe("0-12");
    // P took over N's anon_vma with its pages.
    expect(s.k.vma.anonVma.get(0)).toBeGreaterThanOrEqual(0);
    expect(s.load(0, 9)).toBe(10);
  });
  it("2: a hole behind an area", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    map(s, 4, 6);
    expect(bounds(s)).toBe("0-6");
  });
  it("3: a hole before an area", () => {
    map(s, 4, 8);
    fill(s, 4, 8);
    map(s, 2, 4);
    expect(bounds(s)).toBe("2-8");
    expect(s.load(0, 5)).toBe(6);
  });
  it("4: the tail goes to the next area, and the huge page on the boundary is split", () => {
    map(s, 0, 8);
    map(s, 8, 12, R);
    fill(s, 4, 8);
    expect(s.isHuge(0, 4)).toBe(true);
    expect(s.mprotect(0, 6, 2, R)).toBe(0);
    expect(bounds(s)).toBe("0-6 6-12");
    expect(s.isHuge(0, 4)).toBe(false);
    expect(s.vmstat("thpSplitPmd")).toBe(1);
    expect([s.load(0, 5), s.load(0, 6), s.store(0, 6, 1), s.store(0, 5, 1)]).toEqual([6, 7, false, true]);
  });
  it("4: a tail without pages goes to an area with some", () => {
    map(s, 0, 8);
    map(s, 8, 12, R);
    expect(s.mprotect(0, 8, 4, RW)).toBe(0);
    expect(s.mprotect(0, 8, 4, R)).toBe(0);
    map(s, 12, 16);
    expect(bounds(s)).toBe("0-8 8-12 12-16");
    fill(s, 12, 16);
    expect(s.mprotect(0, 10, 2, RW)).toBe(0);
    expect([bounds(s), s.load(0, 12), s.store(0, 10, 3), s.store(0, 9, 3)]).toEqual(["0-8 8-10 10-16", 13, true, false]);
  });
  it("5: the head goes to the area before, and the huge page on the boundary is split", () => {
    map(s, 0, 4);
    map(s, 4, 12, R);
    expect(s.mprotect(0, 4, 8, RW)).toBe(0);
    fill(s, 0, 8);
    expect(s.mprotect(0, 4, 8, R)).toBe(0);
    expect(bounds(s)).toBe("0-4 4-12");
    expect(s.isHuge(0, 4)).toBe(true);
    expect(s.mprotect(0, 4, 2, RW)).toBe(0);
    expect(bounds(s)).toBe("0-6 6-12");
    expect(s.isHuge(0, 4)).toBe(false);
    expect([s.load(0, 5), s.load(0, 6), s.store(0, 6, 1), s.store(0, 5, 1)]).toEqual([6, 7, false, true]);
  });
  it("6: the middle one of three that match now", () => {
    map(s, 0, 4);
    map(s, 4, 8, R);
    map(s, 8, 12);
    fill(s, 8, 12);
    expect(s.mprotect(0, 4, 4, RW)).toBe(0);
    expect(bounds(s)).toBe("0-12");
    expect(s.load(0, 9)).toBe(10);
  });
  it("7: the whole area goes into the one before", () => {
    map(s, 0, 4);
    map(s, 4, 8, R);
    map(s, 8, 12);
    expect(s.madvise(0, 8, 4, MADV_NOHUGEPAGE)).toBe(0);
    fill(s, 0, 4);
    expect(s.mprotect(0, 4, 4, RW)).toBe(0);
    expect(bounds(s)).toBe("0-8 8-12");
    expect(s.load(0, 3)).toBe(4);
  });
  it("8: the whole area goes into the one behind", () => {
    map(s, 0, 4);
    expect(s.madvise(0, 0, 4, MADV_NOHUGEPAGE)).toBe(0);
    map(s, 4, 8, R);
    map(s, 8, 12);
    fill(s, 8, 12);
    expect(s.mprotect(0, 4, 4, RW)).toBe(0);
    expect(bounds(s)).toBe("0-4 4-12");
    expect(s.load(0, 9)).toBe(10);
  });
  it("none: other flags, or the middle of an area", () => {
    map(s, 0, 12);
    expect(s.mprotect(0, 4, 4, R)).toBe(0);
    expect(bounds(s)).toBe("0-4 4-8 8-12");
  });
});

describe("anon_vmas decide, too", () => {
  it("two neighbours with anon_vmas of their own do not become one; the hole goes to the first", () => {
    map(s, 0, 4);
    map(s, 8, 12);
    fill(s, 0, 4);
    fill(s, 8, 12);
    map(s, 4, 8);
    expect(bounds(s)).toBe("0-8 8-12");
    expectNothingLeft(s);
  });
  it("neighbours that were faulted while they could be merged share one, and merge later", () => {
    map(s, 0, 4);
    map(s, 4, 8, R);
    map(s, 8, 12);
    expect(s.mprotect(0, 4, 4, 0)).toBe(0);
    fill(s, 0, 4);
    expect(s.mprotect(0, 4, 4, RW)).toBe(0);
    fill(s, 4, 8);
    expect(bounds(s)).toBe("0-12");
    expectNothingLeft(s);
  });
  it("an unfaulted area takes in a faulted one by taking over its anon_vma (since 6.16)", () => {
    map(s, 0, 4, R);
    map(s, 4, 8);
    fill(s, 4, 8);
    expect(s.mprotect(0, 4, 4, R)).toBe(0);
    expect(bounds(s)).toBe("0-8");
    expect(s.load(0, 6)).toBe(7);
    expectNothingLeft(s);
  });
  it("a child's area, in the trees of its parent, merges with nothing that has no anon_vma; the parent's does", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    expect(s.fork(0, 1)).toBe(1);
    map(s, 4, 8, RW, 1);
    expect(bounds(s, 1)).toBe("0-4 4-8");
    map(s, 4, 8, RW, 0);
    expect(bounds(s, 0)).toBe("0-8");
    // And the other way round: the area without is there first.
    map(s, 8, 12, R, 1);
    expect(s.mprotect(1, 4, 4, 0)).toBe(0);
    expect(s.mprotect(1, 0, 4, 0)).toBe(0);
    expect(bounds(s, 1)).toBe("0-4 4-8 8-12");
    expectNothingLeft(s, [0, 1]);
  });
  it("areas with different offsets do not merge", () => {
    map(s, 0, 2);
    fill(s, 0, 2);
    expect(s.mremap(0, 0, 2, 2, 3, 8)).toBe(8);
    map(s, 10, 12);
    expect(bounds(s)).toBe("8-10 10-12");
    expectNothingLeft(s);
  });
});

describe("huge pages and boundaries", () => {
  it("a cut on a huge-page boundary splits nothing", () => {
    map(s, 0, 8);
    fill(s, 0, 8);
    expect(s.madvise(0, 0, 4, MADV_HUGEPAGE)).toBe(0);
    expect([bounds(s), s.isHuge(0, 0), s.isHuge(0, 4), s.vmstat("thpSplitPmd")]).toEqual(["0-4 4-8", true, true, 0]);
    expectNothingLeft(s);
  });
  it("two cuts in two huge pages split both, and the pages stay", () => {
    map(s, 0, 12);
    fill(s, 0, 12);
    expect(s.mprotect(0, 2, 8, R)).toBe(0);
    expect([0, 4, 8].map((v) => s.isHuge(0, v))).toEqual([false, true, false]);
    expect(s.vmstat("thpSplitPmd")).toBe(2);
    expect(Array.from({ length: 12 }, (_, v) => s.load(0, v))).toEqual(Array.from({ length: 12 }, (_, v) => v + 1));
    expectNothingLeft(s);
  });
});

describe("without memory", () => {
  const expectIntact = (result: number): void => {
    expect(result).toBe(result === 0 ? 0 : -ENOMEM);
    expect(Array.from({ length: 12 }, (_, v) => s.load(0, v))).toEqual(Array.from({ length: 12 }, (_, v) => v + 1));
    expectNothingLeft(s);
  };
  it("a split fails at each allocation, and nothing is lost", () => {
    const results = failEach(s, (choices) => {
      map(s, 0, 12);
      fill(s, 0, 12);
      return s.mprotect(0, 2, 8, R, choices);
    }, expectIntact);
    expect(results).toContain(-ENOMEM);
  });
  it("a merge that has to copy the chain of anon_vmas fails with it", () => {
    const results = failEach(s, (choices) => {
      map(s, 0, 4);
      fill(s, 0, 4);
      map(s, 4, 12);
      fill(s, 4, 12);
      expect(s.mremap(0, 0, 4, 4, 3, 12)).toBe(12);
      map(s, 0, 4, R);
      const result = s.mprotect(0, 4, 8, R, choices);
      expect(s.mremap(0, 12, 4, 4, 3, 0)).toBe(0);
      return result;
    }, (result) => {
      expect(result).toBe(result === 0 ? 0 : -ENOMEM);
      expectNothingLeft(s);
    });
    // An allocation under the lock may fail once (GFP_NOWAIT) and be repeated without it.
    expect(results).toContain(0);
  });
  it("a hole is filled without the merge that has no memory", () => {
    const results = failEach(s, (choices) => {
      map(s, 0, 4);
      map(s, 8, 12);
      fill(s, 8, 12);
      // P has to take over N's anon_vma.
      return s.mmap(0, 4, 4, RW, MAP_FIXED, choices);
    }, (result) => {
      expect(result === 4 || result === -ENOMEM).toBe(true);
      expect([bounds(s) === "0-12" || bounds(s) === "0-4 4-8 8-12" || result !== 4, s.load(0, 9)]).toEqual([true, 10]);
      expectNothingLeft(s);
    });
    expect(results).toContain(4);
  });
  it("the table of areas is max_map_count", () => {
    map(s, 0, 16);
    for (const at of [1, 5, 9]) expect(s.mprotect(0, at, 1, R)).toBe(0);
    expect(s.areas(0).length).toBe(7);
    expect(s.munmap(0, 13, 1)).toBe(-ENOMEM);
    expect(bounds(s)).toBe("0-1 1-2 2-5 5-6 6-9 9-10 10-16");
    expect(s.mprotect(0, 13, 1, R)).toBe(-ENOMEM);
    expectNothingLeft(s);
  });
});
