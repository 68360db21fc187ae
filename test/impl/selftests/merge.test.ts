/**
 * tools/testing/selftests/mm/merge.c: which areas become one, by mprotect() and by mremap().
 *
 * The selftest moves areas out of the way by 1000 pages; here they go behind the carve-out.
 */
import { expect } from "vitest";
import { VM_READ } from "../../../impl/structs/vma.ts";
import { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from "../../../impl/mremap.ts";
import type { KernelOptions } from "../../../impl/config/options.ts";
import { RW } from "../sequential-kernel.ts";
import type { Machine } from "./machine.ts";
import { selftest, type Body } from "./selftest.ts";

const P = 0;
const CHILD = 1;
/** The first page of the carve-out, 30 pages without any access. */
const CARVEOUT = 1;
const NEAR = 40;
const FAR = 60;
const PAGES = 80;

function machine(h: number): KernelOptions {
  return { pagesPerHugePage: h, hugeRanges: Math.max(2, PAGES / h), frames: Math.max(4 * h, 64), mms: 2, cpus: 2, vmas: 20, anonVmas: 12, anonVmaChains: 60, pageTables: 60, refcountMax: h <= 8 ? 63 : 0xffff };
}

const carved = (page: number): number => CARVEOUT + page;
const map = (s: Machine, page: number, pages: number, prot: number = RW, process = P): number => s.map(process, carved(page), pages, prot);
const protect = (s: Machine, start: number, pages: number, prot: number, process = P): void => expect(s.mprotect(process, start, pages, prot)).toBe(0);
const faultIn = (s: Machine, page: number, process = P): void => s.fill(process, page, 0, 1);
const move = (s: Machine, from: number, pages: number, to: number, more = 0): number => {
  expect(s.mremap(P, from, pages, pages, MREMAP_MAYMOVE | MREMAP_FIXED | more, to)).toBe(to);
  return to;
};
/** PROCMAP_QUERY: the area at `start` is start..end - 1. */
const expectArea = (s: Machine, start: number, pages: number, process = P): void => expect(s.area(process, start)).toEqual([start, start + pages]);

// ---- mprotect --------------------------------------------------------------------------------------------------

function mprotectUnfaultedLeft(s: Machine): void {
  const ptr = map(s, 1, 10);
  protect(s, ptr, 5, VM_READ);
  faultIn(s, ptr + 5);
  protect(s, ptr + 5, 5, VM_READ);
  expectArea(s, ptr, 10);
}

function mprotectUnfaultedRight(s: Machine): void {
  const ptr = map(s, 1, 10);
  protect(s, ptr + 5, 5, VM_READ);
  faultIn(s, ptr);
  protect(s, ptr, 5, VM_READ);
  expectArea(s, ptr, 10);
}

function mprotectUnfaultedBoth(s: Machine): void {
  const ptr = map(s, 2, 9);
  protect(s, ptr, 3, VM_READ);
  protect(s, ptr + 6, 3, VM_READ);
  faultIn(s, ptr + 3);
  protect(s, ptr + 3, 3, VM_READ);
  expectArea(s, ptr, 9);
}

function mprotectFaultedLeftUnfaultedRight(s: Machine): void {
  const ptr = map(s, 2, 9);
  protect(s, ptr + 6, 3, VM_READ);
  faultIn(s, ptr);
  protect(s, ptr, 3, VM_READ);
  protect(s, ptr + 3, 3, VM_READ);
  expectArea(s, ptr, 9);
}

function mprotectUnfaultedLeftFaultedRight(s: Machine): void {
  const ptr = map(s, 2, 9);
  protect(s, ptr, 3, VM_READ);
  faultIn(s, ptr + 3);
  protect(s, ptr + 6, 3, VM_READ);
  protect(s, ptr + 3, 3, VM_READ);
  expectArea(s, ptr, 9);
}

// ---- fork: an area that shares its anon_vma with a parent's stays by itself --------------------------------------

function forkedTargetVma(s: Machine): void {
  const ptr = map(s, 1, 5);
  faultIn(s, ptr);
  expect(s.fork(P, CHILD)).toBe(CHILD);
  // Pages of its own do not change whose anon_vma is in the chain.
  s.fill(CHILD, ptr, 0, 5, 1);
  map(s, 6, 5, RW, CHILD);
  expectArea(s, ptr, 5, CHILD);
  s.validate(P, ptr, 0, 1);
}

function forkedSourceVma(s: Machine): void {
  const ptr = map(s, 1, 5);
  faultIn(s, ptr);
  expect(s.fork(P, CHILD)).toBe(CHILD);
  s.fill(CHILD, ptr, 0, 5, 1);
  // Other permissions, so that it does not merge as the target.
  const ptr2 = map(s, 6, 5, VM_READ, CHILD);
  expectArea(s, ptr2, 5, CHILD);
  protect(s, ptr, 5, VM_READ, CHILD);
  expectArea(s, ptr2, 5, CHILD);
  expectArea(s, ptr, 5, CHILD);
}

// ---- mremap of what was never written ----------------------------------------------------------------------------

function mremapUnfaultedToFaulted(s: Machine): void {
  const ptr = map(s, 1, 5);
  const ptr2 = move(s, map(s, 7, 5), 5, NEAR);
  faultIn(s, ptr);
  move(s, ptr2, 5, ptr + 5);
  expectArea(s, ptr, 10);
  s.validate(P, ptr, 0, 1);
}

function mremapUnfaultedBehindFaulted(s: Machine): void {
  const ptr = map(s, 6, 5);
  const ptr2 = move(s, map(s, 14, 5), 5, NEAR);
  faultIn(s, ptr);
  expectArea(s, move(s, ptr2, 5, carved(1)), 10);
  s.validate(P, ptr, 0, 1);
}

function mremapUnfaultedBetweenFaulted(s: Machine): void {
  const ptr = map(s, 1, 5);
  let ptr2 = map(s, 7, 5);
  let ptr3 = move(s, map(s, 14, 5), 5, FAR);
  ptr2 = move(s, ptr2, 5, NEAR);
  faultIn(s, ptr);
  faultIn(s, ptr3);
  ptr3 = move(s, ptr3, 5, ptr + 10);
  move(s, ptr2, 5, ptr + 5);
  // Each side has an anon_vma of its own.
  expectArea(s, ptr, 10);
  expectArea(s, ptr3, 5);
  s.validate(P, ptr, 0, 1);
  s.validate(P, ptr3, 0, 1);
}

function mremapUnfaultedBetweenFaultedUnfaulted(s: Machine): void {
  const ptr = map(s, 1, 5);
  let ptr2 = map(s, 7, 5);
  let ptr3 = move(s, map(s, 14, 5), 5, FAR);
  ptr2 = move(s, ptr2, 5, NEAR);
  faultIn(s, ptr);
  ptr3 = move(s, ptr3, 5, ptr + 10);
  move(s, ptr2, 5, ptr + 5);
  expectArea(s, ptr, 15);
}

function mremapUnfaultedBetweenCorrectlyPlacedFaulted(s: Machine): void {
  const ptr = map(s, 1, 15);
  faultIn(s, ptr);
  s.unmap(P, ptr + 5, 5);
  const ptr2 = map(s, 20, 5);
  move(s, ptr2, 5, ptr + 5);
  expectArea(s, ptr, 15);
}

function mremapCorrectPlacedFaulted(s: Machine): void {
  let ptr = map(s, 1, 15);
  s.fill(P, ptr, 0, 15);
  let ptr3 = move(s, ptr + 10, 5, FAR);
  let ptr2 = move(s, ptr + 5, 5, NEAR);
  ptr2 = move(s, ptr2, 5, ptr + 5);
  expectArea(s, ptr, 10);
  // Out of place and back, from either side, and from the middle.
  ptr = move(s, ptr, 5, NEAR);
  expectArea(s, ptr2, 5);
  ptr = move(s, ptr, 5, carved(1));
  expectArea(s, ptr, 10);
  ptr = move(s, ptr, 5, NEAR);
  ptr3 = move(s, ptr3, 5, ptr2 + 5);
  expectArea(s, ptr2, 10);
  ptr = move(s, ptr, 5, carved(1));
  expectArea(s, ptr, 15);
  s.validate(P, ptr, 0, 15);
  ptr2 = move(s, ptr2, 5, NEAR);
  expectArea(s, ptr, 5);
  expectArea(s, ptr3, 5);
  ptr2 = move(s, ptr2, 5, ptr + 5);
  expectArea(s, ptr, 15);
  ptr3 = move(s, ptr3, 5, FAR);
  expectArea(s, ptr, 10);
  move(s, ptr3, 5, ptr + 10);
  expectArea(s, ptr, 15);
  s.validate(P, ptr, 0, 15);
}

// ---- mremap of written memory to what was not: the anon_vma must go with it --------------------------------------

function mremapFaultedToUnfaultedPrev(s: Machine): void {
  const a = map(s, 4, 3);
  faultIn(s, a);
  move(s, a, 3, NEAR);
  const b = map(s, 1, 3);
  move(s, NEAR, 3, a, MREMAP_DONTUNMAP);
  expectArea(s, b, 6);
  s.validate(P, a, 0, 1);
}

function mremapFaultedToUnfaultedNext(s: Machine): void {
  const a = map(s, 1, 3);
  faultIn(s, a);
  move(s, a, 3, NEAR);
  map(s, 4, 3);
  move(s, NEAR, 3, a, MREMAP_DONTUNMAP);
  expectArea(s, a, 6);
  s.validate(P, a, 0, 1);
}

function mremapFaultedToUnfaultedPrevUnfaultedNext(s: Machine): void {
  const b = map(s, 4, 3);
  faultIn(s, b);
  move(s, b, 3, NEAR);
  const a = map(s, 1, 3);
  map(s, 7, 3);
  move(s, NEAR, 3, b, MREMAP_DONTUNMAP);
  expectArea(s, a, 9);
  s.validate(P, b, 0, 1);
}

function mremapFaultedToUnfaultedPrevFaultedNext(s: Machine): void {
  const bc = map(s, 4, 6);
  faultIn(s, bc);
  move(s, bc, 3, NEAR);
  const a = map(s, 1, 3);
  move(s, NEAR, 3, bc, MREMAP_DONTUNMAP);
  expectArea(s, a, 9);
  s.validate(P, bc, 0, 1);
}

// ---- the table -------------------------------------------------------------------------------------------------

/** Setup and teardown of the fixture, with small pages and with huge ones: what is split off a huge page merges all the same. */
function fixture(body: (s: Machine) => void): Body {
  return (s) => {
    for (const enabled of ["never", "always"]) {
      expect(s.sysfs("enabled", enabled)).toBe(0);
      s.map(P, CARVEOUT, 30, 0);
      body(s);
      if (s.h <= 8) expect(s.violations()).toEqual([]);
      if (s.mmOf(CHILD) >= 0) s.exit(CHILD);
      // What a rmap walk must find: the pages of an area that took over an anon_vma can be split and go.
      for (const [start, end] of s.areas(P)) s.splitHugePages(P, start, end - start);
      for (const [start, end] of s.areas(P)) s.unmap(P, start, end - start);
      expect([s.rssAnon(P), s.k.node.nrAnon.get()]).toEqual([0, 0]);
    }
  };
}

selftest("merge.c", {
  machine, sizes: [4, 8, 512],
  cases: {
    mprotect_unfaulted_left: fixture(mprotectUnfaultedLeft),
    mprotect_unfaulted_right: fixture(mprotectUnfaultedRight),
    mprotect_unfaulted_both: fixture(mprotectUnfaultedBoth),
    mprotect_faulted_left_unfaulted_right: fixture(mprotectFaultedLeftUnfaultedRight),
    mprotect_unfaulted_left_faulted_right: fixture(mprotectUnfaultedLeftFaultedRight),
    forked_target_vma: fixture(forkedTargetVma),
    forked_source_vma: fixture(forkedSourceVma),
    mremap_unfaulted_to_faulted: fixture(mremapUnfaultedToFaulted),
    mremap_unfaulted_behind_faulted: fixture(mremapUnfaultedBehindFaulted),
    mremap_unfaulted_between_faulted: fixture(mremapUnfaultedBetweenFaulted),
    mremap_unfaulted_between_faulted_unfaulted: fixture(mremapUnfaultedBetweenFaultedUnfaulted),
    mremap_unfaulted_between_correctly_placed_faulted: fixture(mremapUnfaultedBetweenCorrectlyPlacedFaulted),
    mremap_correct_placed_faulted: fixture(mremapCorrectPlacedFaulted),
    mremap_faulted_to_unfaulted_prev: fixture(mremapFaultedToUnfaultedPrev),
    mremap_faulted_to_unfaulted_next: fixture(mremapFaultedToUnfaultedNext),
    mremap_faulted_to_unfaulted_prev_unfaulted_next: fixture(mremapFaultedToUnfaultedPrevUnfaultedNext),
    mremap_faulted_to_unfaulted_prev_faulted_next: fixture(mremapFaultedToUnfaultedPrevFaultedNext),
  },
});
