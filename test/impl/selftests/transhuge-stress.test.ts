/** tools/testing/selftests/mm/transhuge-stress.c: touch every huge range, throw away all but its last page, again and again. */
import { expect } from "vitest";
import { MADV_DONTNEED, MADV_HUGEPAGE } from "../../../impl/madvise.ts";
import { ENABLED_MADVISE } from "../../../impl/config/knobs.ts";
import type { KernelOptions } from "../../../impl/config/options.ts";
import type { Machine } from "./machine.ts";
import { selftest } from "./selftest.ts";

const P = 0;
const RANGES = 8;
const ROUNDS = 4;

/** Memory for all ranges at once, which partially mapped huge pages keep whole until they are split. */
function machine(h: number): KernelOptions {
  return { pagesPerHugePage: h, hugeRanges: RANGES + 1, frames: (RANGES + 2) * h, mms: 1, cpus: 1, vmas: 4, pageTables: RANGES * 2 + 2, refcountMax: h <= 8 ? 63 : 0xffff, enabled: ENABLED_MADVISE };
}

function stress(s: Machine): void {
  const { h } = s;
  const ptr = s.map(P, h, RANGES * h);
  expect(s.madvise(P, ptr, RANGES * h, MADV_HUGEPAGE)).toBe(0);
  for (let round = 0; round < ROUNDS; round++) {
    const huge: boolean[] = [];
    const heads = new Set<number>();
    for (let i = 0; i < RANGES; i++) {
      const p = ptr + i * h;
      if (round > 0) s.validate(P, p, h - 1, h, round - 1);
      s.fill(P, p, 0, 1, round);
      huge.push(s.isThp(P, p));
      heads.add(s.frame(P, p));
      s.fill(P, p, h - 1, h, round);
      // Splits the huge page and keeps its last page.
      expect(s.madvise(P, p, h - 1, MADV_DONTNEED)).toBe(0);
      s.validate(P, p, h - 1, h, round);
    }
    // A huge page at first; then there is a page table with one page in it, which takes small ones.
    expect(huge).toEqual(Array.from({ length: RANGES }, () => round === 0));
    if (round === 0) expect(heads.size).toBe(RANGES);
    expect(s.rssAnon(P)).toBe(RANGES);
    for (let i = 0; i < RANGES; i++) {
      s.validate(P, ptr + i * h, h - 1, h, round);
      for (let j = 0; j < h - 1; j++) if (s.populated(P, ptr + i * h + j)) expect.fail(`page ${j} of huge range ${i} was thrown away`);
    }
  }
  expect([s.vmstat("thpFaultAlloc"), s.vmstat("thpSplitPmd"), s.vmstat("thpDeferredSplitPage"), s.k.node.nrAnonPartiallyMapped.get()]).toEqual([RANGES, RANGES, RANGES, RANGES]);
  s.unmap(P, ptr, RANGES * h);
  expect([s.k.node.nrAnon.get(), s.k.node.nrAnonPartiallyMapped.get(), s.vmstat("thpSplitPage")]).toEqual([0, 0, 0]);
}

selftest("transhuge-stress.c", { machine, sizes: [2, 4, 8, 512], cases: { "anonymous memory": stress } });
