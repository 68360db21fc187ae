/** What the functional tests of system calls share: one machine, and the checks after each test. */
import { expect } from "vitest";
import { MAP_FIXED } from "../../impl/mmap.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { RW, type SequentialKernel } from "./sequential-kernel.ts";

/** 4 pages per huge page, 4 huge ranges; every allocation can be made to fail. */
export const MACHINE: KernelOptions = {
  pagesPerHugePage: 4, hugeRanges: 4, frames: 64, mms: 3, cpus: 3, vmas: 8, anonVmas: 8, anonVmaChains: 24, pageTables: 16, contents: 20,
  refcountMax: 63, allocationMayFail: true, enabled: 2,
};

/** Maps start..end - 1 in the process, at that place. */
export function map(s: SequentialKernel, start: number, end: number, prot: number = RW, process = 0): void {
  expect(s.mmap(process, start, end - start, prot, MAP_FIXED)).toBe(start);
}

/** Stores 1 + page to each of the pages. */
export function fill(s: SequentialKernel, start: number, end: number, process = 0): void {
  for (let vpn = start; vpn < end; vpn++) expect(s.store(process, vpn, 1 + vpn)).toBe(true);
}

/** Start and end of each area. */
export function bounds(s: SequentialKernel, process = 0): string {
  return s.areas(process).map(([start, end]) => `${start}-${end}`).join(" ");
}

/** Every process exits; nothing may be left. */
export function expectNothingLeft(s: SequentialKernel, processes: readonly number[] = [0]): void {
  expect(s.violations()).toEqual([]);
  for (const p of processes) s.exit(p);
  expect(s.violations()).toEqual([]);
  // A page that waits in a batch is freed when that is emptied.
  s.lruAddDrainAll();
  expect(s.k.zone.freePages.get() + (s.k.hugeZero.page.get() >= 0 ? Number(s.config.pagesPerHugePage) : 0)).toBe(s.config.frames);
  for (let a = 0; a < Number(s.config.anonVmas); a++) expect(s.k.anonVma.refcount.get(a)).toBe(0);
  for (let a = 0; a < Number(s.config.anonVmaChains); a++) expect(s.k.avc.allocated.get(a)).toBe(false);
  for (let v = 0; v < Number(s.config.vmas); v++) expect(s.k.vma.mm.get(v)).toBe(-1);
  for (let t = 0; t < Number(s.config.pageTables); t++) expect(s.k.ptTable.state.get(t)).toBe(0);
}

/**
 * Lets each allocation of a call fail, one in each run; then each with the next one, since an allocation under a lock
 * (GFP_NOWAIT) is repeated without it. `run` prepares, makes the call with the choices it is given, and
 * returns the result; `after` looks at what is left. Returns the results, by allocation.
 */
export function failEach(s: SequentialKernel, run: (choices: readonly number[]) => number, after: (result: number) => void): number[] {
  const results: number[] = [];
  for (let n = 0; n <= 60; n++) {
    for (const failing of [[1], [1, 1]]) {
      s.reset();
      const result = run([...Array.from({ length: n }, () => 0), ...failing]);
      if (s.choicesMade <= n) return results;
      results.push(result);
      after(result);
    }
  }
  throw new Error("the call has more allocations than this test tries");
}
