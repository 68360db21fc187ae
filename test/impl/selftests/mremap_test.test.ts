/**
 * tools/testing/selftests/mm/mremap_test.c: moves between all alignments, with what lies around them untouched.
 *
 * 2 MB stands for a huge page, 1 MB for half of one, and so on. The selftest's memory is MAP_SHARED; here it is private,
 * and each case runs with small pages and with huge ones.
 */
import { expect } from "vitest";
import { EINVAL } from "../../../impl/errno.ts";
import { MAP_FIXED_NOREPLACE } from "../../../impl/mmap.ts";
import { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from "../../../impl/mremap.ts";
import type { KernelOptions } from "../../../impl/config/options.ts";
import { RW } from "../sequential-kernel.ts";
import type { Machine } from "./machine.ts";
import { selftest, type Body } from "./selftest.ts";

const P = 0;
const MOVE = MREMAP_MAYMOVE | MREMAP_FIXED;
const SMALL_AND_HUGE = ["never", "always"] as const;

function machine(h: number): KernelOptions {
  return { pagesPerHugePage: h, hugeRanges: 32 + Math.ceil(96 / h), frames: Math.max(32, 64 / h) * h, mms: 1, cpus: 1, vmas: 32, anonVmas: 24, anonVmaChains: 80, pageTables: 160, refcountMax: h <= 8 ? 63 : 0xffff };
}

/** Each time with an empty machine; at the end of each, nothing is left. */
function withBoth(body: (s: Machine, huge: boolean) => void): Body {
  return (s) => {
    for (const enabled of SMALL_AND_HUGE) {
      expect(s.sysfs("enabled", enabled)).toBe(0);
      body(s, enabled === "always");
      const area = s.areas(P);
      for (const [start, end] of area) s.unmap(P, start, end - start);
      expect([s.rssAnon(P), s.k.mm.nrPtes.get(s.mmOf(P)), s.k.node.nrAnon.get()]).toEqual([0, 0, 0]);
    }
  };
}

interface Config {
  readonly from: number;
  readonly to: number;
  readonly size: number;
  /** Mapped memory below the destination. */
  readonly preamble?: number;
}

/** A multiple of `alignment`, not of twice as much. @kernel mremap_test.c get_source_mapping() */
function sourceMapping(s: Machine, alignment: number, size: number): number {
  for (let addr = alignment; ; addr += alignment) {
    if (addr % (2 * alignment) !== 0 && s.mmap(P, addr, size, RW, MAP_FIXED_NOREPLACE) === addr) return addr;
  }
}

/** @kernel mremap_test.c remap_region() */
function remapRegion(s: Machine, { from, to, size, preamble = 0 }: Config, huge: boolean): void {
  const src = sourceMapping(s, from, size);
  s.fill(P, src, 0, size);
  let dest = Math.floor((src + size + to) / to) * to + preamble;
  if (dest % (2 * to) === 0) dest += to;
  if (preamble > 0) {
    s.map(P, dest - preamble, preamble);
    s.fill(P, dest - preamble, 0, preamble, 1);
  }
  const before = s.rssAnon(P);
  const hugeBefore = s.anonHugePages(P, src);
  const thps = s.k.node.nrAnon.get();
  expect(hugeBefore > 0).toBe(huge && size >= s.h && Math.floor((src + size) / s.h) > Math.ceil(src / s.h));
  expect(s.mremap(P, src, size, size, MOVE, dest)).toBe(dest);
  s.validate(P, dest, 0, size);
  if (preamble > 0) s.validate(P, dest - preamble, 0, preamble, 1);
  // Huge pages move as they are where both ends are aligned alike, and are mapped by PTEs elsewhere.
  const alike = (dest - src) % s.h === 0;
  expect(s.anonHugePages(P, dest)).toBe(alike ? hugeBefore : 0);
  expect([s.rssAnon(P), s.k.node.nrAnon.get(), s.area(P, src)]).toEqual([before, thps, null]);
}

const remap = (of: (h: number) => Config): Body => withBoth((s, huge) => remapRegion(s, of(s.h), huge));

function overlapping(s: Machine): void {
  const src = sourceMapping(s, 1, 1);
  s.fill(P, src, 0, 1);
  expect(s.mremap(P, src, 1, 1, MOVE, src)).toBe(-EINVAL);
  s.validate(P, src, 0, 1);
}

function expandMerge(s: Machine): void {
  const start = s.map(P, 1, 3);
  s.fill(P, start, 0, 3);
  s.unmap(P, start + 1, 1);
  expect(s.mremap(P, start, 1, 2, 0)).toBe(start);
  expect(s.area(P, start)).toEqual([start, start + 3]);
  expect([0, 1, 2].map((i) => s.load(P, start + i))).toEqual([s.content(0), 0, s.content(2)]);
}

function expandMergeOffset(s: Machine): void {
  const start = s.map(P, 1, 3);
  s.fill(P, start, 0, 3);
  s.unmap(P, start + 2, 1);
  expect(s.mremap(P, start + 1, 1, 2, 0)).toBe(start + 1);
  expect(s.area(P, start)).toEqual([start, start + 3]);
  expect([0, 1, 2].map((i) => s.load(P, start + i))).toEqual([s.content(0), s.content(1), 0]);
}

/** Upper half of one range to the upper half of the range below: the lower halves of both stay as they are. */
function moveWithinRange(s: Machine): void {
  const half = s.h / 2;
  const ptr = s.map(P, s.h, 10 * s.h);
  for (let i = 0; i < 10 * s.h; i++) expect(s.store(P, ptr + i, 0)).toBe(true);
  const src = ptr + 3 * s.h;
  const dest = src - s.h;
  s.fill(P, src, 0, s.h);
  s.fill(P, dest, 0, half, 1);
  expect(s.mremap(P, src + half, half, half, MOVE, dest + half)).toBe(dest + half);
  s.validate(P, src, 0, half);
  s.validate(P, dest, 0, half, 1);
  s.validate(P, dest, half, s.h);
  s.validateZero(P, src + s.h, s.h);
}

/** Both ends lie alike in their ranges, but below the source is its own area, and below the destination nothing: the move must not begin lower. */
function move1mbFromStart(s: Machine): void {
  const half = s.h / 2;
  const offset = s.h / 8;
  const src = s.map(P, s.h + offset, 3 * s.h);
  const dest = s.map(P, 5 * s.h + offset, 3 * s.h);
  s.fill(P, src, 0, s.h);
  s.unmap(P, dest, half);
  expect(s.mremap(P, src + half, half, half, MOVE, dest + half)).toBe(dest + half);
  s.validate(P, src, 0, half);
  s.validate(P, dest, half, s.h);
  expect(s.area(P, dest)).toBe(null);
}

// ---- several areas at once -------------------------------------------------------------------------------------

/** Eleven pages, of which every second one is unmapped again. */
function everySecondPage(s: Machine): number {
  const ptr = s.map(P, s.h, 11);
  s.fill(P, ptr, 0, 11);
  for (let i = 1; i < 10; i += 2) s.unmap(P, ptr + i, 1);
  return ptr;
}
const ELEVEN = Array.from({ length: 11 }, (_, i) => i);

function expectEverySecondPage(s: Machine, at: number): void {
  expect(ELEVEN.map((i) => (s.area(P, at + i) === null ? null : s.load(P, at + i)))).toEqual(ELEVEN.map((i) => (i % 2 === 0 ? s.content(i) : null)));
}

function moveMultipleVmas(s: Machine, dontUnmap: boolean): void {
  const flags = dontUnmap ? MOVE | MREMAP_DONTUNMAP : MOVE;
  const ptr = everySecondPage(s);
  const rss = s.rssAnon(P);
  let at = ptr;
  // Away, next to itself, and over what is mapped, with no page of which it shares a place.
  const far = 4 * s.h + 24;
  for (const to of [far, far + 11, far + 33]) {
    if (to === far + 33) s.map(P, to, 11, 0);
    expect(s.mremap(P, at, 11, 11, flags, to)).toBe(to);
    if (dontUnmap) {
      for (const i of ELEVEN) if (i % 2 === 0) expect(s.populated(P, at + i)).toBe(false);
      for (const i of ELEVEN) if (i % 2 === 0) expect(s.load(P, at + i)).toBe(0);
    } else for (const i of ELEVEN) expect(s.area(P, at + i)).toBe(null);
    at = to;
    if (to !== far + 33) expectEverySecondPage(s, at);
  }
  // What was mapped in the holes stays: only the areas go over it.
  expect(ELEVEN.map((i) => (i % 2 === 0 ? s.load(P, at + i) : s.area(P, at + i) !== null))).toEqual(ELEVEN.map((i) => (i % 2 === 0 ? s.content(i) : true)));
  if (!dontUnmap) expect(s.rssAnon(P)).toBe(rss);
}

/** From the middle of one area to the middle of the next. */
function moveMultipleVmasSplit(s: Machine): void {
  const ptr = s.map(P, s.h, 11);
  s.fill(P, ptr, 0, 11);
  s.unmap(P, ptr + 5, 1);
  const to = 4 * s.h + 24;
  expect(s.mremap(P, ptr + 2, 7, 7, MOVE, to)).toBe(to);
  s.validate(P, to - 2, 2, 5);
  expect(s.area(P, to + 3)).toBe(null);
  s.validate(P, to - 2, 6, 9);
  s.validate(P, ptr, 0, 2);
  s.validate(P, ptr, 9, 11);
  for (let i = 2; i < 9; i++) expect(s.area(P, ptr + i)).toBe(null);
}

function shrinkMultipleVmas(s: Machine, inPlace: boolean): void {
  const ptr = everySecondPage(s);
  const to = inPlace ? ptr : 4 * s.h + 24;
  expect(s.mremap(P, ptr, 10, 1, inPlace ? 0 : MOVE, to)).toBe(to);
  s.validate(P, to, 0, 1);
  for (let i = inPlace ? 1 : 0; i < 10; i++) expect(s.area(P, ptr + i)).toBe(null);
  // Behind the old range.
  s.validate(P, ptr, 10, 11);
}

selftest("mremap_test.c", {
  machine, sizes: [2, 4, 8, 512],
  cases: {
    "mremap - Source and Destination Regions Overlapping": withBoth(overlapping),
    "8KB mremap - Source PTE-aligned, Destination PTE-aligned": remap(() => ({ from: 1, to: 1, size: 2 })),
    "2MB mremap - Source 1MB-aligned, Destination PTE-aligned": remap((h) => ({ from: h / 2, to: 1, size: h })),
    "2MB mremap - Source 1MB-aligned, Destination 1MB-aligned": remap((h) => ({ from: h / 2, to: h / 2, size: h })),
    "4MB mremap - Source PMD-aligned, Destination PTE-aligned": remap((h) => ({ from: h, to: 1, size: 2 * h })),
    "4MB mremap - Source PMD-aligned, Destination 1MB-aligned": remap((h) => ({ from: h, to: h / 2, size: 2 * h })),
    "4MB mremap - Source PMD-aligned, Destination PMD-aligned": remap((h) => ({ from: h, to: h, size: 2 * h })),
    "5MB mremap - Source 1MB-aligned, Destination 1MB-aligned": remap((h) => ({ from: h / 2, to: h / 2, size: 2.5 * h })),
    "5MB mremap - Source 1MB-aligned, Dest 1MB-aligned with 40MB Preamble": remap((h) => ({ from: h / 2, to: h / 2, size: 2.5 * h, preamble: 20 * h })),
    "mremap expand merge": withBoth(expandMerge),
    "mremap expand merge offset": withBoth(expandMergeOffset),
    "mremap mremap move within range": withBoth(moveWithinRange),
    "mremap move multiple vmas": withBoth((s) => moveMultipleVmas(s, false)),
    "mremap move multiple vmas - dontunmap": withBoth((s) => moveMultipleVmas(s, true)),
    "mremap move multiple vmas split": withBoth(moveMultipleVmasSplit),
    "mremap shrink multiple vmas": withBoth((s) => shrinkMultipleVmas(s, false)),
    "mremap shrink multiple vmas - inplace": withBoth((s) => shrinkMultipleVmas(s, true)),
    "mremap move 1mb from start at 1MB+256KB aligned src": { sizes: [8, 512], body: withBoth(move1mbFromStart) },
  },
});
