/**
 * tools/testing/selftests/mm/rmap.c: the reverse map finds every mapping of a page that many levels of processes share.
 *
 * The selftest migrates the page, which this kernel does not do for a whole page; a split walks the same trees and puts
 * the same migration entries. So here one process of the tree splits a shared huge page, and all must map the same single
 * pages afterwards.
 */
import { describe, expect, test } from "vitest";
import { MADV_HUGEPAGE } from "../../../impl/madvise.ts";
import { ENABLED_MADVISE } from "../../../impl/config/knobs.ts";
import type { KernelOptions } from "../../../impl/config/options.ts";
import { Machine } from "./machine.ts";
import { selftest } from "./selftest.ts";

/** Parent of each process but the first: five levels, up to three children. @kernel rmap.c propagate_children() */
const PARENT = [-1, 0, 0, 1, 1, 1, 2, 3, 5, 5, 7, 9];
const PROCESSES = PARENT.length;

function machine(h: number): KernelOptions {
  return {
    pagesPerHugePage: h, hugeRanges: 2, frames: 16 * h, mms: PROCESSES, cpus: PROCESSES, vmas: PROCESSES + 2, anonVmas: PROCESSES + 2, anonVmaChains: PROCESSES * 6, pageTables: PROCESSES * 2,
    refcountMax: h <= 8 ? 255 : 0xffff, enabled: ENABLED_MADVISE,
  };
}

function tree(s: Machine): number {
  s.reset();
  const p = s.map(0, s.h, s.h);
  expect(s.madvise(0, p, s.h, MADV_HUGEPAGE)).toBe(0);
  s.fill(0, p, 0, s.h);
  PARENT.forEach((parent, process) => { if (parent >= 0) expect(s.fork(parent, process)).toBe(process); });
  return p;
}
const living = (s: Machine): number[] => PARENT.map((_, process) => process).filter((process) => s.mmOf(process) >= 0);

/** All map the pages that the worker maps, which are single ones now; nobody's content has changed. */
function expectSplitForAll(s: Machine, p: number, worker: number): void {
  const frames = Array.from({ length: s.h }, (_, i) => s.frame(worker, p + i));
  for (const process of living(s)) {
    expect(Array.from({ length: s.h }, (_, i) => s.frame(process, p + i)), `process ${process}`).toEqual(frames);
    expect([s.isHuge(process, p), s.isThp(process, p), s.rssAnon(process)]).toEqual([false, false, s.h]);
    s.validate(process, p, 0, s.h);
  }
}

selftest("rmap.c", { machine, sizes: [], cases: {} });

describe("a huge page that five levels of processes share, split by one of them", () => {
  const machines = new Map<number, Machine>();
  const machineOf = (h: number): Machine => {
    const made = machines.get(h) ?? new Machine(machine(h));
    machines.set(h, made);
    return made;
  };

  test.each([2, 4, 8, 512].flatMap((h) => [0, 4, 11].map((worker) => [h, worker] as const)))("%i pages per huge page, process %i", (h, worker) => {
    const s = machineOf(h);
    const p = tree(s);
    expect(s.splitHugePages(worker, p, h)).toBe(1);
    expect(s.vmstat("thpSplitPmd")).toBe(PROCESSES);
    expectSplitForAll(s, p, worker);
    // Whoever writes gets pages of its own; the last one keeps what was shared.
    for (const process of living(s)) s.fill(process, p, 0, h, 1 + process % 2);
    for (const process of living(s)) s.validate(process, p, 0, h, 1 + process % 2);
    s.finish();
  });

  test.each([2, 4, 8, 512].flatMap((h) => [[[0], 11], [[0, 1, 3, 5], 2], [[2, 7, 11], 10]].map(([gone, worker]) => [h, gone as number[], worker as number] as const)))(
    "%i pages per huge page, after processes %j have exited, process %i", (h, gone, worker) => {
      const s = machineOf(h);
      const p = tree(s);
      for (const process of gone) s.exit(process);
      expect(s.splitHugePages(living(s)[0]!, p, h), "asked through another process").toBe(1);
      expect(s.vmstat("thpSplitPmd")).toBe(PROCESSES - gone.length);
      expectSplitForAll(s, p, worker);
      s.finish();
    });

  test.each([2, 4, 8, 512])("%i pages per huge page, some of which have moved, written or unmapped their part", (h) => {
    const s = machineOf(h);
    const p = tree(s);
    s.fill(4, p, 0, 1, 1);
    expect(s.mremap(8, p, h, h, 3, 0)).toBe(0);
    s.unmap(10, p + h / 2, h / 2);
    expect(s.splitHugePages(11, p, h)).toBe(1);
    s.validate(4, p, 0, 1, 1);
    s.validate(4, p, 1, h);
    s.validate(8, 0, 0, h);
    s.validate(10, p, 0, h / 2);
    for (const process of living(s)) expect(s.isThp(process, process === 8 ? 0 : p)).toBe(false);
    for (const process of [0, 1, 2, 3, 5, 6, 7, 9, 11]) s.validate(process, p, 0, h);
    s.finish();
  });
});
