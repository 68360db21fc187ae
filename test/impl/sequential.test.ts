/** Sequential programs: what is not in the tests of the single calls. */
import { beforeEach, expect, it } from "vitest";
import { MADV_HUGEPAGE } from "../../impl/madvise.ts";
import { MAP_FIXED } from "../../impl/mmap.ts";
import { expectNothingLeft, fill, map, MACHINE } from "./calls.ts";
import { RW, SequentialKernel } from "./sequential-kernel.ts";

const s = new SequentialKernel(MACHINE);
beforeEach(() => s.reset());

it("stores to many pages, until one gets a signal", () => {
  map(s, 0, 6);
  expect([s.touch(0, 0, 4, 7), s.touch(0, 4, 4, 8)]).toEqual([4, 2]);
  expect([0, 3, 4, 5].map((v) => s.load(0, v))).toEqual([7, 7, 8, 8]);
  expectNothingLeft(s);
});
it("khugepaged collapses what it finds", () => {
  s.sysfs("enabled", "madvise");
  map(s, 0, 8);
  fill(s, 0, 8);
  expect(s.madvise(0, 0, 8, MADV_HUGEPAGE)).toBe(0);
  s.lruAddDrainAll();
  s.khugepaged();
  s.khugepaged();
  expect([s.isHuge(0, 0), s.isHuge(0, 4), s.vmstat("khugepagedPagesCollapsed")]).toEqual([true, true, 2]);
  expect(Array.from({ length: 8 }, (_, v) => s.load(0, v))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expectNothingLeft(s);
});
it("starts again with an empty machine", () => {
  map(s, 0, 8);
  fill(s, 0, 8);
  s.reset();
  expect([s.areas(0), s.k.zone.freePages.get(), s.vmstat("pgfault")]).toEqual([[], 64, 0]);
});
it("the real size: 512 pages per huge page, 64 MiB, every page once, and everything back", () => {
  const big = new SequentialKernel({ pagesPerHugePage: 512, hugeRanges: 32, frames: 33 * 512, mms: 1, cpus: 1, vmas: 4 });
  expect([big.sysfs("enabled", "never"), big.mmap(0, 0, 32 * 512, RW, MAP_FIXED)]).toEqual([0, 0]);
  expect(big.touch(0, 0, 32 * 512, 1)).toBe(32 * 512);
  expect([big.k.mm.anonPages.get(0), big.k.mm.nrPtes.get(0), big.vmstat("pgfault")]).toEqual([32 * 512, 32, 32 * 512]);
  expect(big.munmap(0, 0, 32 * 512)).toBe(0);
  big.lruAddDrainAll();
  expect(big.k.zone.freePages.get()).toBe(33 * 512);
  expect([big.sysfs("enabled", "always"), big.mmap(0, 0, 32 * 512, RW, MAP_FIXED), big.touch(0, 0, 32 * 512, 2)]).toEqual([0, 0, 32 * 512]);
  expect([big.vmstat("thpFaultAlloc"), big.k.node.anonThps.get()]).toEqual([32, 32 * 512]);
});
