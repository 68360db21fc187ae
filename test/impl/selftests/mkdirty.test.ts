/** tools/testing/selftests/mm/mkdirty.c: what makes an entry dirty in memory that is read-only must not make it writable. */
import { expect } from "vitest";
import { FOLL_FORCE, FOLL_WRITE } from "../../../impl/gup.ts";
import { MADV_HUGEPAGE } from "../../../impl/madvise.ts";
import { VM_READ } from "../../../impl/structs/vma.ts";
import { ENABLED_MADVISE } from "../../../impl/config/knobs.ts";
import type { KernelOptions } from "../../../impl/config/options.ts";
import { DIRTY, entryHas } from "../../../impl/pgtable.ts";
import { RW } from "../sequential-kernel.ts";
import type { Machine } from "./machine.ts";
import { selftest } from "./selftest.ts";

const P = 0;

function machine(h: number): KernelOptions {
  return { pagesPerHugePage: h, hugeRanges: 3, frames: 6 * h, mms: 1, cpus: 1, vmas: 6, pageTables: 6, refcountMax: h <= 8 ? 63 : 0xffff, enabled: ENABLED_MADVISE };
}

/** @kernel mkdirty.c do_test_write_sigsegv() */
function writeGetsSigsegv(s: Machine, mem: number): void {
  const before = s.load(P, mem);
  expect(s.store(P, mem, before + 1), "SIGSEGV").toBe(false);
  expect(s.load(P, mem)).toBe(before);
  expect(s.writable(P, mem)).toBe(false);
}

/** Two huge ranges; the second is the aligned one, with MADV_HUGEPAGE. @kernel mkdirty.c mmap_thp_range() */
function mmapThpRange(s: Machine, prot: number): number {
  const mem = s.map(P, 0, 2 * s.h, prot) + s.h;
  expect(s.madvise(P, mem, s.h, MADV_HUGEPAGE)).toBe(0);
  return mem;
}

/** write() to /proc/self/mem. @kernel kernel/ptrace.c, mm/memory.c __access_remote_vm() */
function ptraceWrite(s: Machine, mem: number, content: number): void {
  const page = s.getUserPage(P, mem, FOLL_WRITE | FOLL_FORCE, false);
  expect(page).toBeGreaterThanOrEqual(0);
  s.pageStore(P, mem, page, content);
  s.putUserPage(P, page, false);
  expect(s.load(P, mem)).toBe(content);
}

function ptraceWriteAccess(s: Machine): void {
  const mem = s.map(P, 1, 1, VM_READ);
  expect(s.load(P, mem)).toBe(0);
  expect(s.rssAnon(P)).toBe(0);
  ptraceWrite(s, mem, 1);
  expect(s.rssAnon(P)).toBe(1);
  writeGetsSigsegv(s, mem);
}

function ptraceWriteAccessToThp(s: Machine): void {
  const mem = mmapThpRange(s, VM_READ);
  ptraceWrite(s, mem, 1);
  expect([s.populated(P, mem + s.h - 1), s.anonHugePages(P, mem)]).toEqual([true, 1]);
  writeGetsSigsegv(s, mem);
}

function pteMappingAThp(s: Machine): void {
  const mem = mmapThpRange(s, RW);
  s.fill(P, mem, 0, 1);
  expect(s.mprotect(P, mem, s.h, VM_READ)).toBe(0);
  expect([s.populated(P, mem + s.h - 1), s.anonHugePages(P, mem), entryHas(s.entry(P, mem).value, DIRTY)]).toEqual([true, 1, true]);
  expect(s.mprotect(P, mem + s.h - 1, 1, RW)).toBe(0);
  expect([s.anonHugePages(P, mem), s.isThp(P, mem), entryHas(s.entry(P, mem).value, DIRTY)]).toEqual([0, true, true]);
  for (let i = 0; i < s.h - 1; i++) writeGetsSigsegv(s, mem + i);
  s.fill(P, mem, s.h - 1, s.h);
  s.validate(P, mem, s.h - 1, s.h);
}

selftest("mkdirty.c", {
  machine, sizes: [2, 4, 8, 512],
  cases: { "PTRACE write access": ptraceWriteAccess, "PTRACE write access to THP": ptraceWriteAccessToThp, "PTE-mapping a THP": pteMappingAThp },
});
