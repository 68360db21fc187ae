/** tools/testing/selftests/mm/mremap_dontunmap.c: the pages move, the old area stays and reads as zero. */
import { describe, expect, test } from "vitest";
import { EINVAL } from "../../../impl/errno.ts";
import { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from "../../../impl/mremap.ts";
import type { KernelOptions } from "../../../impl/config/options.ts";
import { Machine } from "./machine.ts";
import { selftest } from "./selftest.ts";

const P = 0;
const ANYWHERE = MREMAP_DONTUNMAP | MREMAP_MAYMOVE;
const THERE = ANYWHERE | MREMAP_FIXED;

/** 64 pages at least: ten to move and ten to move to. */
function machine(h: number): KernelOptions {
  return {
    pagesPerHugePage: h, hugeRanges: Math.max(3, 64 / h), frames: Math.max(4 * h, 64), mms: 2, cpus: 2, vmas: 10, anonVmas: 8, anonVmaChains: 32, pageTables: 80, refcountMax: h <= 8 ? 63 : 0xffff, enabled: 0,
  };
}

/** Nothing is mapped there any more, but for what reading it has made. */
function expectMovedAway(s: Machine, start: number, pages: number): void {
  for (let i = 0; i < pages; i++) expect(s.populated(P, start + i)).toBe(false);
  s.validateZero(P, start, pages);
}

function simple(s: Machine): void {
  const none = s.map(P, 0, 1, 0);
  expect(s.mremap(P, none, 1, 1, ANYWHERE), "it is there at all").toBeGreaterThan(0);
  const source = s.map(P, 10, 5);
  s.fill(P, source, 0, 5);
  const dest = s.mremap(P, source, 5, 5, ANYWHERE);
  expect(dest).toBeGreaterThanOrEqual(0);
  expect(dest).not.toBe(source);
  expect(s.rssAnon(P)).toBe(5);
  s.validate(P, dest, 0, 5);
  expectMovedAway(s, source, 5);
  expect([s.area(P, source), s.rssAnon(P)]).toEqual([[source, source + 5], 5]);
  s.fill(P, source, 0, 5, 1);
  s.validate(P, dest, 0, 5);
  s.unmap(P, dest, 5);
  s.validate(P, source, 0, 5, 1);
  s.unmap(P, source, 5);
}

function simpleFixed(s: Machine): void {
  const dest = s.map(P, 20, 5);
  s.fill(P, dest, 0, 5, 1);
  const source = s.map(P, 10, 5);
  s.fill(P, source, 0, 5);
  expect(s.mremap(P, source, 5, 5, THERE, dest)).toBe(dest);
  s.validate(P, dest, 0, 5);
  expectMovedAway(s, source, 5);
  s.unmap(P, dest, 5);
  s.unmap(P, source, 5);
}

function partialMapping(s: Machine): void {
  const source = s.map(P, 10, 10);
  s.fill(P, source, 0, 10);
  const dest = s.mremap(P, source + 5, 5, 5, ANYWHERE);
  expect(dest).toBeGreaterThanOrEqual(0);
  s.validate(P, source, 0, 5);
  expectMovedAway(s, source + 5, 5);
  s.validate(P, dest - 5, 5, 10);
  expect(s.area(P, source)).toEqual([source, source + 10]);
  s.unmap(P, dest, 5);
  s.unmap(P, source, 10);
}

function partialMappingOverwrite(s: Machine): void {
  const source = s.map(P, 10, 5);
  s.fill(P, source, 0, 5);
  const dest = s.map(P, 20, 10);
  s.fill(P, dest, 0, 10, 1);
  expect(s.mremap(P, source, 5, 5, THERE, dest)).toBe(dest);
  expectMovedAway(s, source, 5);
  s.validate(P, dest, 0, 5);
  s.validate(P, dest, 5, 10, 1);
  s.unmap(P, dest, 10);
  s.unmap(P, source, 5);
}

selftest("mremap_dontunmap.c", {
  machine, sizes: [4, 8, 512],
  cases: {
    mremap_dontunmap_simple: simple, mremap_dontunmap_simple_fixed: simpleFixed, mremap_dontunmap_partial_mapping: partialMapping,
    mremap_dontunmap_partial_mapping_overwrite: partialMappingOverwrite,
  },
});

/** Whether each area has an anon_vma, in the order of their addresses. */
function anonVmas(s: Machine): boolean[] {
  const { vma } = s.k;
  return Array.from({ length: Number(s.config.vmas) }, (_, v) => v).filter((v) => vma.mm.get(v) === s.mmOf(P) && !vma.detached.get(v))
    .sort((a, b) => vma.start.get(a) - vma.start.get(b)).map((v) => vma.anonVma.get(v) >= 0);
}

describe("beyond the selftest", () => {
  const s = new Machine({ ...machine(4), enabled: 2 });
  test.each([["without MREMAP_MAYMOVE", MREMAP_DONTUNMAP, 4], ["with another length", ANYWHERE, 5]])("%s it is refused", (_what, flags, length) => {
    s.reset();
    s.map(P, 0, 8);
    expect(s.mremap(P, 0, 4, length, flags)).toBe(-EINVAL);
    s.finish();
  });
  test("a huge page moves as it is; the area that it left is as one that was never written", () => {
    s.reset();
    s.map(P, 4, 4);
    s.fill(P, 4, 0, 4);
    expect([s.mremap(P, 4, 4, 4, THERE, 16), s.isHuge(P, 16), s.vmstat("thpSplitPmd")]).toEqual([16, true, 0]);
    s.validate(P, 16, 0, 4);
    expect([s.areas(P).map(([start, end, , pgoff]) => [start, end, pgoff]), anonVmas(s)]).toEqual([[[4, 8, 4], [16, 20, 4]], [false, true]]);
    // So it joins a neighbour that has pages of its own, and takes its anon_vma.
    s.map(P, 8, 4);
    s.fill(P, 8, 0, 4, 1);
    expect(s.area(P, 4)).toEqual([4, 12]);
    s.fill(P, 4, 0, 4, 2);
    s.validate(P, 4, 0, 4, 2);
    s.validate(P, 8, 0, 4, 1);
    s.finish();
  });
  test("left a second time, at a place that its pages did not come from, the area gets the offset of its place", () => {
    s.reset();
    s.map(P, 4, 4);
    s.fill(P, 4, 0, 4);
    expect([s.mremap(P, 4, 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED, 16), s.areas(P).map((area) => area[3])]).toEqual([16, [4]]);
    expect([s.mremap(P, 16, 4, 4, THERE, 9), s.areas(P).map(([start, , , pgoff]) => [start, pgoff]), anonVmas(s)]).toEqual([9, [[9, 4], [16, 16]], [true, false]]);
    // Part of it only: what is left has pages, and stays where it belongs.
    s.fill(P, 16, 0, 4, 1);
    expect([s.mremap(P, 18, 2, 2, THERE, 4), anonVmas(s)]).toEqual([4, [true, true, true]]);
    s.validate(P, 16, 0, 2, 1);
    s.validate(P, 2, 2, 4, 1);
    s.validate(P, 9, 0, 4);
    s.finish();
  });
  test("a child's move leaves the parent's memory alone", () => {
    s.reset();
    s.map(P, 4, 8);
    s.fill(P, 4, 0, 8);
    expect([s.fork(0, 1), s.mremap(1, 6, 4, 4, THERE, 17)]).toEqual([1, 17]);
    s.validate(0, 4, 0, 8);
    s.validate(1, 15, 2, 6);
    s.validateZero(1, 6, 4);
    s.finish();
  });
});
