/**
 * tools/testing/selftests/mm/cow.c: what one process writes, the other does not see, and who holds a page sees what its
 * owner writes; with pages that fork shares in every state that a huge page can be in.
 *
 * vmsplice() is get_user_pages() without a pin, an io_uring buffer a pin for writing, gup_test a pin for reading, all of
 * them for each page of the memory; what a pipe or a device reads is what the frames hold.
 */
import { expect } from "vitest";
import { FOLL_LONGTERM, FOLL_PIN, FOLL_WRITE } from "../../../impl/gup.ts";
import { MADV_COLLAPSE, MADV_DOFORK, MADV_DONTFORK, MADV_DONTNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE } from "../../../impl/madvise.ts";
import { VM_READ } from "../../../impl/structs/vma.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../../impl/mremap.ts";
import { ENABLED_ALWAYS } from "../../../impl/config/knobs.ts";
import type { KernelOptions } from "../../../impl/config/options.ts";
import { RW } from "../sequential-kernel.ts";
import { COW_ANON, COW_COLLAPSE, COW_NON_ANON, COW_RUNS } from "./cases.ts";
import type { Machine } from "./machine.ts";
import { selftest, type Body } from "./selftest.ts";

const PARENT = 0;
const CHILD = 1;

function machine(h: number): KernelOptions {
  return {
    pagesPerHugePage: h, hugeRanges: 8, frames: 8 * h, mms: 2, cpus: 2, vmas: 16, anonVmas: 12, anonVmaChains: 60, pageTables: 20, refcountMax: h <= 8 ? 63 : 0xffff, enabled: ENABLED_ALWAYS,
  };
}

/** Memory under test: `size` pages at `mem`, filled with seed 0. */
interface Memory {
  readonly mem: number;
  readonly size: number;
}

const remapReadOnlyAndBack = (s: Machine, mem: number, size: number): void => {
  expect(s.mprotect(PARENT, mem, size, VM_READ)).toBe(0);
  expect(s.mprotect(PARENT, mem, size, RW)).toBe(0);
};
const grab = (s: Machine, process: number, { mem, size }: Memory, flags: number, fast: boolean): number[] => Array.from({ length: size }, (_, i) => {
  const page = s.getUserPage(process, mem + i, flags, fast);
  expect(page, `page ${i} can be held`).toBeGreaterThanOrEqual(0);
  return page;
});
const release = (s: Machine, process: number, pages: readonly number[], pinned: boolean): void => pages.forEach((page) => s.putUserPage(process, page, pinned));

// ---- with fork: anon_test_cases ----------------------------------------------------------------------------------

/** No leak from parent into child. @kernel cow.c do_test_cow_in_parent(), child_memcmp_fn(), child_vmsplice_memcmp_fn() */
function cowInParent(s: Machine, memory: Memory, withMprotect: boolean, vmsplice: boolean): void {
  const { mem, size } = memory;
  expect(s.fork(PARENT, CHILD)).toBe(CHILD);
  const old = s.read(CHILD, mem, size);
  expect(old).toEqual(s.read(PARENT, mem, size));
  const pipe = vmsplice ? grab(s, CHILD, memory, 0, true) : [];
  if (vmsplice) s.unmap(CHILD, mem, size);
  if (withMprotect) remapReadOnlyAndBack(s, mem, size);
  s.fill(PARENT, mem, 0, size, 1);
  expect(vmsplice ? s.readFrames(pipe) : s.read(CHILD, mem, size)).toEqual(old);
  s.validate(PARENT, mem, 0, size, 1);
  release(s, CHILD, pipe, false);
  s.exit(CHILD);
  s.validate(PARENT, mem, 0, size, 1);
}

/** No leak from child into parent. @kernel cow.c do_test_vmsplice_in_parent() */
function vmspliceInParent(s: Machine, memory: Memory, beforeFork: boolean): void {
  const { mem, size } = memory;
  const old = s.read(PARENT, mem, size);
  let pipe = beforeFork ? grab(s, PARENT, memory, 0, true) : [];
  expect(s.fork(PARENT, CHILD)).toBe(CHILD);
  if (!beforeFork) pipe = grab(s, PARENT, memory, 0, true);
  s.unmap(PARENT, mem, size);
  s.fill(CHILD, mem, 0, size, 1);
  expect(s.readFrames(pipe)).toEqual(old);
  s.validate(CHILD, mem, 0, size, 1);
  s.exit(CHILD);
  release(s, PARENT, pipe, false);
}

/** The pin for writing shows what is written, and the other way round. @kernel cow.c do_test_iouring() */
function iouring(s: Machine, memory: Memory, withFork: boolean): void {
  const { mem, size } = memory;
  const buffer = grab(s, PARENT, memory, FOLL_WRITE | FOLL_PIN | FOLL_LONGTERM, true);
  if (withFork) expect(s.fork(PARENT, CHILD)).toBe(CHILD);
  else remapReadOnlyAndBack(s, mem, size);
  s.fill(PARENT, mem, 0, size, 1);
  expect(s.readFrames(buffer)).toEqual(s.read(PARENT, mem, size));
  buffer.forEach((page, i) => s.pageStore(PARENT, mem + i, page, s.content(i, 2)));
  s.validate(PARENT, mem, 0, size, 2);
  // The pinned pages were not shared with the child: it has its own.
  if (withFork) {
    s.validate(CHILD, mem, 0, size);
    for (let i = 0; i < size; i++) expect(s.frame(CHILD, mem + i)).not.toBe(buffer[i]);
    s.exit(CHILD);
  }
  release(s, PARENT, buffer, true);
}

type RoPin = "plain" | "shared" | "previously shared" | "exclusive";

/** The pin for reading shows what is written after it. @kernel cow.c do_test_ro_pin() */
function roPin(s: Machine, memory: Memory, state: RoPin, fast: boolean): void {
  const { mem, size } = memory;
  const withFork = state === "shared" || state === "previously shared";
  const old = s.read(PARENT, mem, size);
  if (withFork) expect(s.fork(PARENT, CHILD)).toBe(CHILD);
  if (state === "previously shared") s.exit(CHILD);
  if (state === "exclusive") remapReadOnlyAndBack(s, mem, size);
  const pinned = grab(s, PARENT, memory, FOLL_PIN | FOLL_LONGTERM, fast);
  expect(s.readFrames(pinned)).toEqual(old);
  s.fill(PARENT, mem, 0, size, 1);
  s.validate(PARENT, mem, 0, size, 1);
  expect(s.readFrames(pinned)).toEqual(s.read(PARENT, mem, size));
  if (state === "shared") {
    expect(s.read(CHILD, mem, size)).toEqual(old);
    s.exit(CHILD);
  }
  release(s, PARENT, pinned, true);
}

type AnonTest = (s: Machine, memory: Memory) => void;
const ANON_TESTS: Readonly<Record<(typeof COW_ANON)[number], AnonTest>> = {
  "Basic COW after fork()": (s, m) => cowInParent(s, m, false, false),
  "Basic COW after fork() with mprotect() optimization": (s, m) => cowInParent(s, m, true, false),
  "vmsplice() + unmap in child": (s, m) => cowInParent(s, m, false, true),
  "vmsplice() + unmap in child with mprotect() optimization": (s, m) => cowInParent(s, m, true, true),
  "vmsplice() before fork(), unmap in parent after fork()": (s, m) => vmspliceInParent(s, m, true),
  "vmsplice() + unmap in parent after fork()": (s, m) => vmspliceInParent(s, m, false),
  "R/O-mapping a page registered as iouring fixed buffer": (s, m) => iouring(s, m, false),
  "fork() with an iouring fixed buffer": (s, m) => iouring(s, m, true),
  "R/O GUP pin on R/O-mapped shared page": (s, m) => roPin(s, m, "shared", false),
  "R/O GUP-fast pin on R/O-mapped shared page": (s, m) => roPin(s, m, "shared", true),
  "R/O GUP pin on R/O-mapped previously-shared page": (s, m) => roPin(s, m, "previously shared", false),
  "R/O GUP-fast pin on R/O-mapped previously-shared page": (s, m) => roPin(s, m, "previously shared", true),
  "R/O GUP pin on R/O-mapped exclusive page": (s, m) => roPin(s, m, "exclusive", false),
  "R/O GUP-fast pin on R/O-mapped exclusive page": (s, m) => roPin(s, m, "exclusive", true),
};

// ---- the memory that they get ------------------------------------------------------------------------------------

/** @kernel cow.c do_run_with_base_page() */
function basePage(s: Machine): Memory {
  const mem = s.map(PARENT, s.h, 1);
  expect(s.madvise(PARENT, mem, 1, MADV_NOHUGEPAGE)).toBe(0);
  s.fill(PARENT, mem, 0, 1);
  return { mem, size: 1 };
}

/** An area of two huge ranges whose second is a huge page. @kernel cow.c do_run_with_thp(), its beginning */
function thp(s: Machine): Memory {
  const mem = s.map(PARENT, 0, 2 * s.h) + s.h;
  expect(s.madvise(PARENT, mem, s.h, MADV_HUGEPAGE)).toBe(0);
  s.fill(PARENT, mem, 0, 1);
  expect(s.populated(PARENT, mem + s.h - 1)).toBe(true);
  s.fill(PARENT, mem, 0, s.h);
  expect(s.isHuge(PARENT, mem)).toBe(true);
  return { mem, size: s.h };
}

function pteMapped(s: Machine): Memory {
  const memory = thp(s);
  remapReadOnlyAndBack(s, memory.mem + 1, 1);
  expect([s.isHuge(PARENT, memory.mem), s.isThp(PARENT, memory.mem)]).toEqual([false, true]);
  return memory;
}

function singlePte(s: Machine): Memory {
  const { mem } = thp(s);
  expect(s.madvise(PARENT, mem + 1, s.h - 1, MADV_DONTNEED)).toBe(0);
  expect([s.isHuge(PARENT, mem), s.isThp(PARENT, mem)]).toEqual([false, true]);
  return { mem, size: 1 };
}

function partiallyMremapped(s: Machine): Memory {
  const { mem } = thp(s);
  const half = s.h / 2;
  const away = s.map(PARENT, 4 * s.h, half, 0);
  expect(s.mremap(PARENT, mem + half, half, half, MREMAP_MAYMOVE | MREMAP_FIXED, away)).toBe(away);
  s.validate(PARENT, away - half, half, s.h);
  return { mem, size: half };
}

function partiallyShared(s: Machine): Memory {
  const memory = thp(s);
  expect(s.madvise(PARENT, memory.mem + 1, s.h - 1, MADV_DONTFORK)).toBe(0);
  expect(s.fork(PARENT, CHILD)).toBe(CHILD);
  s.exit(CHILD);
  expect(s.madvise(PARENT, memory.mem + 1, s.h - 1, MADV_DOFORK)).toBe(0);
  return memory;
}

const RUNS: Readonly<Record<(typeof COW_RUNS)[number], (s: Machine) => Memory>> = {
  "... with base page": basePage, "... with THP": thp, "... with PTE-mapped THP": pteMapped, "... with single PTE of THP": singlePte,
  "... with partially mremap()'ed THP": partiallyMremapped, "... with partially shared THP": partiallyShared,
};

// ---- collapse around the fork: anon_thp_test_cases ---------------------------------------------------------------

type Collapse = "before fork" | "fully shared" | "lower shared" | "upper shared";

/** No leak from parent into child, with a huge page made anew. @kernel cow.c do_test_anon_thp_collapse() */
function cowWithCollapse(s: Machine, when: Collapse): void {
  const { mem, size } = pteMapped(s);
  const half = size / 2;
  if (when === "before fork") expect(s.madvise(PARENT, mem, size, MADV_COLLAPSE)).toBe(0);
  if (when === "lower shared") expect(s.madvise(PARENT, mem + half, half, MADV_DONTFORK)).toBe(0);
  if (when === "upper shared") expect(s.madvise(PARENT, mem, half, MADV_DONTFORK)).toBe(0);
  expect(s.fork(PARENT, CHILD)).toBe(CHILD);
  const from = when === "upper shared" ? half : 0;
  const to = when === "lower shared" ? half : size;
  s.validate(CHILD, mem, from, to);
  if (when !== "before fork") {
    if (when !== "fully shared") {
      expect(s.madvise(PARENT, mem, size, MADV_DOFORK)).toBe(0);
      expect(s.area(PARENT, mem), "one area again").toEqual([mem, mem + size]);
    }
    expect(s.madvise(PARENT, mem, size, MADV_COLLAPSE)).toBe(0);
  }
  expect(s.isHuge(PARENT, mem)).toBe(true);
  s.fill(PARENT, mem, 0, size, 1);
  s.validate(PARENT, mem, 0, size, 1);
  s.validate(CHILD, mem, from, to);
  s.exit(CHILD);
}
const COLLAPSES: Readonly<Record<(typeof COW_COLLAPSE)[number], Collapse>> = {
  "Basic COW after fork() when collapsing before fork()": "before fork", "Basic COW after fork() when collapsing after fork() (fully shared)": "fully shared",
  "Basic COW after fork() when collapsing after fork() (lower shared)": "lower shared", "Basic COW after fork() when collapsing after fork() (upper shared)": "upper shared",
};

// ---- without fork: non_anon_test_cases ---------------------------------------------------------------------------

/** What one mapping of a zero page gets written, the other does not show. @kernel cow.c test_cow() */
function basicCow(s: Machine, { mem, size }: Memory, smem: number): void {
  s.fill(PARENT, mem, 0, size, 1);
  s.validateZero(PARENT, smem, size);
  s.validate(PARENT, mem, 0, size, 1);
}
const NON_ANON_TESTS: Readonly<Record<(typeof COW_NON_ANON)[number], (s: Machine, memory: Memory, smem: number) => void>> = {
  "Basic COW": basicCow,
  "R/O longterm GUP pin": (s, memory) => roPin(s, memory, "plain", false),
  "R/O longterm GUP-fast pin": (s, memory) => roPin(s, memory, "plain", true),
};

function withZeropage(s: Machine, test: (s: Machine, memory: Memory, smem: number) => void): void {
  const mem = s.map(PARENT, s.h, 1);
  const smem = s.map(PARENT, 5 * s.h, 1, VM_READ);
  expect([s.load(PARENT, mem), s.load(PARENT, smem), s.rssAnon(PARENT)]).toEqual([0, 0, 0]);
  test(s, { mem, size: 1 }, smem);
}

function withHugeZeropage(s: Machine, test: (s: Machine, memory: Memory, smem: number) => void): void {
  const mem = s.map(PARENT, 0, 2 * s.h) + s.h;
  const smem = s.map(PARENT, 4 * s.h, 2 * s.h, VM_READ) + s.h;
  for (const at of [mem, smem]) {
    expect(s.madvise(PARENT, at, s.h, MADV_HUGEPAGE)).toBe(0);
    expect([s.load(PARENT, at), s.populated(PARENT, at + 1), s.isHuge(PARENT, at)]).toEqual([0, true, true]);
  }
  expect(s.rssAnon(PARENT)).toBe(0);
  test(s, { mem, size: s.h }, smem);
  // A huge page in place of the huge zero page at once, not one small page after the other.
  expect([s.isHuge(PARENT, mem), s.vmstat("thpFaultAlloc"), s.vmstat("thpSplitPmd")]).toEqual([true, 1, 0]);
}

// ---- the table -------------------------------------------------------------------------------------------------

const cases: Record<string, Body> = {};
for (const desc of COW_ANON) for (const run of COW_RUNS) cases[`${desc} ${run}`] = (s) => ANON_TESTS[desc](s, RUNS[run](s));
for (const desc of COW_COLLAPSE) cases[desc] = (s) => cowWithCollapse(s, COLLAPSES[desc]);
for (const desc of COW_NON_ANON) {
  cases[`${desc} ... with shared zeropage`] = (s) => withZeropage(s, NON_ANON_TESTS[desc]);
  cases[`${desc} ... with huge zeropage`] = (s) => withHugeZeropage(s, NON_ANON_TESTS[desc]);
}

selftest("cow.c", { machine, sizes: [2, 4, 8, 512], cases });
