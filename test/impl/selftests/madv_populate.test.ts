/** tools/testing/selftests/mm/madv_populate.c: MADV_POPULATE_READ and MADV_POPULATE_WRITE, of one huge range as there. */
import { describe, expect, test } from "vitest";
import { EINVAL, ENOMEM } from "../../../impl/errno.ts";
import { MADV_POPULATE_READ, MADV_POPULATE_WRITE } from "../../../impl/madvise.ts";
import { VM_READ, VM_WRITE } from "../../../impl/structs/vma.ts";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../../impl/config/knobs.ts";
import type { KernelOptions } from "../../../impl/config/options.ts";
import { RW } from "../sequential-kernel.ts";
import { Machine } from "./machine.ts";
import { selftest } from "./selftest.ts";

const P = 0;

function machine(h: number): KernelOptions {
  return { pagesPerHugePage: h, hugeRanges: 3, frames: 6 * h, mms: 1, cpus: 1, vmas: 6, pageTables: 6, refcountMax: h <= 8 ? 63 : 0xffff, enabled: ENABLED_NEVER };
}
const populate = (s: Machine, from: number, pages: number): readonly [read: number, write: number] => [s.madvise(P, from, pages, MADV_POPULATE_READ), s.madvise(P, from, pages, MADV_POPULATE_WRITE)];
const populated = (s: Machine, addr: number): boolean[] => Array.from({ length: s.h }, (_, i) => s.populated(P, addr + i));

function testProtRead(s: Machine): void {
  const addr = s.map(P, s.h, s.h, VM_READ);
  expect(populate(s, addr, s.h)).toEqual([0, -EINVAL]);
  expect([s.rssAnon(P), populated(s, addr).every(Boolean)]).toEqual([0, true]);
}

/** x86 cannot make memory that is written and not read, and lets the process read it; POPULATE_READ goes by what was asked for. */
function testProtWrite(s: Machine): void {
  const addr = s.map(P, s.h, s.h, VM_WRITE);
  expect(populate(s, addr, s.h)).toEqual([-EINVAL, 0]);
  expect(s.rssAnon(P)).toBe(s.h);
  s.validateZero(P, addr, s.h);
}

function testHoles(s: Machine): void {
  const addr = s.map(P, s.h, s.h);
  s.unmap(P, addr + 1, 1);
  expect(populate(s, addr, s.h), "a hole in the middle").toEqual([-ENOMEM, -ENOMEM]);
  expect(populate(s, addr, 2), "a hole at the end").toEqual([-ENOMEM, -ENOMEM]);
  expect(populate(s, addr + 1, 1), "a hole at the beginning").toEqual([-ENOMEM, -ENOMEM]);
  expect(s.rssAnon(P), "up to the hole").toBe(1);
}

function testPopulateRead(s: Machine): void {
  const addr = s.map(P, s.h, s.h);
  expect(populated(s, addr).some(Boolean)).toBe(false);
  expect(s.madvise(P, addr, s.h, MADV_POPULATE_READ)).toBe(0);
  expect(populated(s, addr).every(Boolean)).toBe(true);
  expect(s.rssAnon(P), "zero pages").toBe(0);
  s.validateZero(P, addr, s.h);
}

function testPopulateWrite(s: Machine): void {
  const addr = s.map(P, s.h, s.h);
  expect(populated(s, addr).some(Boolean)).toBe(false);
  expect(s.madvise(P, addr, s.h, MADV_POPULATE_WRITE)).toBe(0);
  expect(populated(s, addr).every(Boolean)).toBe(true);
  expect(s.rssAnon(P)).toBe(s.h);
  s.validateZero(P, addr, s.h);
}

selftest("madv_populate.c", {
  machine, sizes: [2, 4, 8, 512],
  cases: {
    test_prot_read: testProtRead, test_prot_write: testProtWrite, test_populate_read: testPopulateRead, test_populate_write: testPopulateWrite,
    // Something must be left on both sides of the hole.
    test_holes: { sizes: [4, 8, 512], body: testHoles },
  },
});

describe("with huge pages", () => {
  test.each([2, 4, 8, 512])("reading maps the huge zero page, writing then a huge page: %i pages per huge page", (h) => {
    const s = new Machine({ ...machine(h), enabled: ENABLED_ALWAYS });
    const addr = s.map(P, h, h, RW);
    expect(s.madvise(P, addr, h, MADV_POPULATE_READ)).toBe(0);
    expect([s.isHuge(P, addr), s.anonHugePages(P, addr), s.rssAnon(P), s.vmstat("thpZeroPageAlloc"), s.vmstat("thpFaultAlloc")]).toEqual([true, 0, 0, 1, 0]);
    s.validateZero(P, addr, h);
    expect(s.madvise(P, addr, h, MADV_POPULATE_WRITE)).toBe(0);
    expect([s.anonHugePages(P, addr), s.rssAnon(P), s.vmstat("thpFaultAlloc"), s.vmstat("thpSplitPmd")]).toEqual([1, h, 1, 0]);
    s.validateZero(P, addr, h);
    s.finish();
  });
});
