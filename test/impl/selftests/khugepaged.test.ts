/**
 * tools/testing/selftests/mm/khugepaged.c: what is collapsed, by khugepaged, which keeps to its limits, and by
 * MADV_COLLAPSE, which does not.
 */
import { expect } from "vitest";
import { EAGAIN, EINVAL } from "../../../impl/errno.ts";
import { MADV_COLLAPSE, MADV_DONTNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE } from "../../../impl/madvise.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../../impl/mremap.ts";
import { DEFRAG_ALWAYS, ENABLED_MADVISE } from "../../../impl/config/knobs.ts";
import type { KernelOptions } from "../../../impl/config/options.ts";
import type { Machine } from "./machine.ts";
import { selftest, type Body, type Case } from "./selftest.ts";

/** Settings of the test's main(): use_zero_page is 0, so that a read makes memory, too. */
function machine(h: number): KernelOptions {
  return {
    pagesPerHugePage: h, hugeRanges: 6, frames: 16 * h, mms: 2, cpus: 2, vmas: 10, anonVmas: 10, anonVmaChains: 30, pageTables: 24, refcountMax: h <= 8 ? 63 : 0xffff,
    enabled: ENABLED_MADVISE, defrag: DEFRAG_ALWAYS, useZeroPage: false,
  };
}
/** collapse_compound_extreme has a huge page for each page of a range, all of them at once. */
const extremeMachine = (h: number): KernelOptions => ({ ...machine(h), frames: (h + 6) * h, mms: 1, cpus: 1, pageTables: 14 });

const PARENT = 0;
const CHILD = 1;
/** BASE_ADDR: the huge range of that number, with one range free below it. */
const base = (s: Machine): number => s.h;

// ---- the contexts ----------------------------------------------------------------------------------------------

interface Context {
  readonly name: "khugepaged" | "madvise";
  readonly enforcesLimits: boolean;
  /** Tries to collapse `nr` huge ranges from `p` on; nothing is huge there before. */
  collapse(s: Machine, process: number, p: number, nr: number, expected: boolean): void;
}

/** EAGAIN: something is held for a moment; once more. @kernel khugepaged.c madvise_collapse_retry() */
function madviseCollapseRetry(s: Machine, process: number, p: number, nr: number): number {
  const first = s.madvise(process, p, nr * s.h, MADV_COLLAPSE);
  return first === -EAGAIN ? s.madvise(process, p, nr * s.h, MADV_COLLAPSE) : first;
}

/** sysfs has no say: enabled is never meanwhile. @kernel khugepaged.c __madvise_collapse() */
function madviseCollapse(s: Machine, process: number, p: number, nr: number, expected: boolean): void {
  expect(s.sysfs("enabled", "never")).toBe(0);
  expect(s.madvise(process, p, nr * s.h, MADV_HUGEPAGE)).toBe(0);
  const result = madviseCollapseRetry(s, process, p, nr);
  expect(result).toBe(expected ? 0 : -EINVAL);
  expect(s.anonHugePages(process, p)).toBe(expected ? nr : 0);
  expect(s.sysfs("enabled", "madvise")).toBe(0);
}

/**
 * Two full scans at most, or for a while: there is none where nothing is registered, as where nothing was ever written.
 * @kernel khugepaged.c wait_for_scan()
 */
function waitForScan(s: Machine, process: number, p: number, nr: number): void {
  expect(s.madvise(process, p, nr * s.h, MADV_HUGEPAGE)).toBe(0);
  const enough = s.vmstat("khugepagedFullScans") + 2;
  for (let ticks = 6; ticks > 0 && s.anonHugePages(process, p) !== nr && s.vmstat("khugepagedFullScans") < enough; ticks--) s.khugepaged();
  expect(s.madvise(process, p, nr * s.h, MADV_NOHUGEPAGE)).toBe(0);
}

/** What counts what either context has done. */
function counted(s: Machine, nr: number, byKhugepaged: boolean, act: () => void): void {
  const allocated = s.vmstat("thpCollapseAlloc");
  const collapsed = s.vmstat("khugepagedPagesCollapsed");
  act();
  expect(s.vmstat("thpCollapseAlloc") - allocated, "thp_collapse_alloc").toBe(nr);
  expect(s.vmstat("khugepagedPagesCollapsed") - collapsed, "pages_collapsed").toBe(byKhugepaged ? nr : 0);
}

const KHUGEPAGED: Context = {
  name: "khugepaged", enforcesLimits: true,
  collapse(s, process, p, nr, expected) {
    expect(s.anonHugePages(process, p)).toBe(0);
    counted(s, expected ? nr : 0, true, () => waitForScan(s, process, p, nr));
    expect(s.anonHugePages(process, p)).toBe(expected ? nr : 0);
  },
};
const MADVISE: Context = {
  name: "madvise", enforcesLimits: false,
  collapse(s, process, p, nr, expected) {
    expect(s.anonHugePages(process, p)).toBe(0);
    counted(s, expected ? nr : 0, false, () => madviseCollapse(s, process, p, nr, expected));
  },
};

/** A huge page, in an area with MADV_HUGEPAGE. @kernel khugepaged.c alloc_hpage() */
function allocHpage(s: Machine): number {
  const p = s.map(PARENT, base(s), s.h);
  s.fill(PARENT, p, 0, s.h);
  expect(madviseCollapseRetry(s, PARENT, p, 1)).toBe(0);
  expect(s.anonHugePages(PARENT, p)).toBe(1);
  expect(s.madvise(PARENT, p, s.h, MADV_HUGEPAGE)).toBe(0);
  return p;
}

/** The area splits within the huge page, and so does its PMD; then it is one area again. */
function splitPmdByNohugepage(s: Machine, process: number, p: number): void {
  const splits = s.vmstat("thpSplitPmd");
  expect(s.madvise(process, p, 1, MADV_NOHUGEPAGE)).toBe(0);
  expect(s.madvise(process, p, s.h, MADV_NOHUGEPAGE)).toBe(0);
  expect(s.anonHugePages(process, p)).toBe(0);
  expect(s.vmstat("thpSplitPmd") - splits).toBe(1);
  expect(s.isThp(process, p) && s.isThp(process, p + s.h - 1)).toBe(true);
}

// ---- the cases -------------------------------------------------------------------------------------------------

function allocAtFault(s: Machine): void {
  const p = s.map(PARENT, base(s), s.h);
  expect(s.sysfs("enabled", "always")).toBe(0);
  s.fill(PARENT, p, 0, 1);
  expect([s.anonHugePages(PARENT, p), s.rssAnon(PARENT), s.vmstat("thpFaultAlloc"), s.k.node.nrAnon.get()]).toEqual([1, s.h, 1, 1]);
  expect(s.sysfs("enabled", "madvise")).toBe(0);
  expect(s.madvise(PARENT, p, 1, MADV_DONTNEED)).toBe(0);
  expect([s.anonHugePages(PARENT, p), s.rssAnon(PARENT), s.vmstat("thpSplitPmd"), s.vmstat("thpDeferredSplitPage")]).toEqual([0, s.h - 1, 1, 1]);
  s.validateZero(PARENT, p, s.h);
  s.unmap(PARENT, p, s.h);
}

function collapseFull(c: Context, s: Machine): void {
  const p = s.map(PARENT, base(s), 4 * s.h);
  s.fill(PARENT, p, 0, 4 * s.h);
  c.collapse(s, PARENT, p, 4, true);
  s.validate(PARENT, p, 0, 4 * s.h);
  expect(s.rssAnon(PARENT)).toBe(4 * s.h);
  s.unmap(PARENT, p, 4 * s.h);
}

function collapseEmpty(c: Context, s: Machine): void {
  const p = s.map(PARENT, base(s), s.h);
  c.collapse(s, PARENT, p, 1, false);
  expect(s.rssAnon(PARENT)).toBe(0);
  s.unmap(PARENT, p, s.h);
}

function collapseSinglePteEntry(c: Context, s: Machine): void {
  const p = s.map(PARENT, base(s), s.h);
  s.fill(PARENT, p, 0, 1);
  c.collapse(s, PARENT, p, 1, true);
  s.validate(PARENT, p, 0, 1);
  s.validateZero(PARENT, p + 1, s.h - 1);
  expect(s.rssAnon(PARENT)).toBe(s.h);
  s.unmap(PARENT, p, s.h);
}

function collapseMaxPtesNone(c: Context, s: Machine): void {
  const limit = s.h / 2;
  expect(s.sysfs("khugepaged/max_ptes_none", String(limit))).toBe(0);
  const p = s.map(PARENT, base(s), s.h);
  s.fill(PARENT, p, 0, s.h - limit - 1);
  c.collapse(s, PARENT, p, 1, !c.enforcesLimits);
  s.validate(PARENT, p, 0, s.h - limit - 1);
  expect(s.vmstat("thpScanExceedNonePte") > 0).toBe(c.enforcesLimits);
  if (c.enforcesLimits) {
    s.fill(PARENT, p, 0, s.h - limit);
    c.collapse(s, PARENT, p, 1, true);
    s.validate(PARENT, p, 0, s.h - limit);
  }
  s.validateZero(PARENT, p + s.h - limit, limit);
  s.unmap(PARENT, p, s.h);
}

function collapseSinglePteEntryCompound(c: Context, s: Machine): void {
  const p = allocHpage(s);
  expect(s.madvise(PARENT, p, s.h, MADV_NOHUGEPAGE)).toBe(0);
  expect(s.madvise(PARENT, p + 1, s.h - 1, MADV_DONTNEED)).toBe(0);
  expect([s.anonHugePages(PARENT, p), s.rssAnon(PARENT), s.isThp(PARENT, p), s.vmstat("thpDeferredSplitPage")]).toEqual([0, 1, true, 1]);
  c.collapse(s, PARENT, p, 1, true);
  s.validate(PARENT, p, 0, 1);
  s.validateZero(PARENT, p + 1, s.h - 1);
  // The old huge page is gone with its last mapping, and from the queue.
  expect([s.k.node.nrAnon.get(), s.k.node.nrAnonPartiallyMapped.get()]).toEqual([1, 0]);
  s.unmap(PARENT, p, s.h);
}

function collapseFullOfCompound(c: Context, s: Machine): void {
  const p = allocHpage(s);
  splitPmdByNohugepage(s, PARENT, p);
  c.collapse(s, PARENT, p, 1, true);
  s.validate(PARENT, p, 0, s.h);
  s.unmap(PARENT, p, s.h);
}

function collapseCompoundExtreme(c: Context, s: Machine): void {
  const b = base(s);
  const away = b + 2 * s.h;
  s.map(PARENT, b, s.h);
  for (let i = 0; i < s.h; i++) {
    expect(s.madvise(PARENT, b, s.h, MADV_HUGEPAGE)).toBe(0);
    // Page 0 of this huge page moves down to page i of the table below.
    s.fill(PARENT, b - i, i, i + 1);
    expect(s.isHuge(PARENT, b)).toBe(true);
    expect(s.madvise(PARENT, b, s.h, MADV_NOHUGEPAGE)).toBe(0);
    expect(s.mremap(PARENT, b - i, i + s.h, i + 1, MREMAP_MAYMOVE | MREMAP_FIXED, away)).toBe(away);
    expect(s.mremap(PARENT, away, i + 1, i + 1 + s.h, MREMAP_MAYMOVE | MREMAP_FIXED, b - i - 1)).toBe(b - i - 1);
  }
  const p = b - s.h;
  s.unmap(PARENT, b, s.h);
  s.validate(PARENT, p, 0, s.h);
  const heads = new Set(Array.from({ length: s.h }, (_, i) => s.frame(PARENT, p + i)));
  expect([heads.size, [...heads].every((frame) => s.k.page.order.get(frame) > 0), s.anonHugePages(PARENT, p)]).toEqual([s.h, true, 0]);
  expect([s.k.node.nrAnon.get(), s.k.node.nrAnonPartiallyMapped.get(), s.rssAnon(PARENT)]).toEqual([s.h, s.h, s.h]);
  c.collapse(s, PARENT, p, 1, true);
  s.validate(PARENT, p, 0, s.h);
  expect([s.k.node.nrAnon.get(), s.k.node.nrAnonPartiallyMapped.get(), s.rssAnon(PARENT)]).toEqual([1, 0, s.h]);
  s.unmap(PARENT, p, s.h);
}

function collapseFork(c: Context, s: Machine): void {
  const p = s.map(PARENT, base(s), s.h);
  s.fill(PARENT, p, 0, 1);
  expect(s.anonHugePages(PARENT, p)).toBe(0);
  expect(s.fork(PARENT, CHILD)).toBe(CHILD);
  expect(s.anonHugePages(CHILD, p)).toBe(0);
  s.fill(CHILD, p, 1, 2);
  c.collapse(s, CHILD, p, 1, true);
  s.validate(CHILD, p, 0, 2);
  expect([s.rssAnon(CHILD), s.rssAnon(PARENT)]).toEqual([s.h, 1]);
  s.unmap(CHILD, p, s.h);
  s.exit(CHILD);
  expect(s.anonHugePages(PARENT, p)).toBe(0);
  s.validate(PARENT, p, 0, 1);
  s.validateZero(PARENT, p + 1, s.h - 1);
  s.unmap(PARENT, p, s.h);
}

function collapseForkCompound(c: Context, s: Machine): void {
  const p = allocHpage(s);
  expect(s.fork(PARENT, CHILD)).toBe(CHILD);
  expect(s.anonHugePages(CHILD, p)).toBe(1);
  splitPmdByNohugepage(s, CHILD, p);
  // The parent still maps it by a PMD.
  expect(s.k.node.anonThps.get()).toBe(s.h);
  s.fill(CHILD, p, 0, 1, 1);
  expect(s.sysfs("khugepaged/max_ptes_shared", String(s.h - 1))).toBe(0);
  c.collapse(s, CHILD, p, 1, true);
  s.validate(CHILD, p, 0, 1, 1);
  s.validate(CHILD, p, 1, s.h);
  s.unmap(CHILD, p, s.h);
  s.exit(CHILD);
  expect(s.anonHugePages(PARENT, p)).toBe(1);
  s.validate(PARENT, p, 0, s.h);
  s.unmap(PARENT, p, s.h);
}

function collapseMaxPtesShared(c: Context, s: Machine): void {
  const limit = s.h / 2;
  expect(s.k.knob.maxPtesShared.get()).toBe(limit);
  const p = allocHpage(s);
  expect(s.fork(PARENT, CHILD)).toBe(CHILD);
  expect(s.anonHugePages(CHILD, p)).toBe(1);
  s.fill(CHILD, p, 0, s.h - limit - 1, 1);
  expect(s.anonHugePages(CHILD, p)).toBe(0);
  c.collapse(s, CHILD, p, 1, !c.enforcesLimits);
  expect(s.vmstat("thpScanExceedSharedPte") > 0).toBe(c.enforcesLimits);
  let own = s.h - limit - 1;
  if (c.enforcesLimits) {
    own = s.h - limit;
    s.fill(CHILD, p, 0, own, 1);
    expect(s.anonHugePages(CHILD, p)).toBe(0);
    c.collapse(s, CHILD, p, 1, true);
  }
  s.validate(CHILD, p, 0, own, 1);
  s.validate(CHILD, p, own, s.h);
  s.unmap(CHILD, p, s.h);
  s.exit(CHILD);
  expect(s.anonHugePages(PARENT, p)).toBe(1);
  s.validate(PARENT, p, 0, s.h);
  s.unmap(PARENT, p, s.h);
}

function madviseCollapseExistingThps(c: Context, s: Machine): void {
  const p = s.map(PARENT, base(s), s.h);
  s.fill(PARENT, p, 0, s.h);
  c.collapse(s, PARENT, p, 1, true);
  s.validate(PARENT, p, 0, s.h);
  const frame = s.frame(PARENT, p);
  counted(s, 0, false, () => madviseCollapse(s, PARENT, p, 1, true));
  expect(s.frame(PARENT, p)).toBe(frame);
  s.validate(PARENT, p, 0, s.h);
  s.unmap(PARENT, p, s.h);
}

// ---- the table -------------------------------------------------------------------------------------------------

const SIZES = [2, 4, 8, 512];
/** Half of a huge page is the limit: one page more than that must leave something. */
const LIMIT_SIZES = [4, 8, 512];

function inBoth(name: string, body: (c: Context, s: Machine) => void, more: Omit<Case, "body"> = {}): Record<string, Case> {
  return Object.fromEntries([KHUGEPAGED, MADVISE].map((c) => [`${name} (${c.name}:anon)`, { ...more, body: (s: Machine) => body(c, s) }]));
}

const cases: Record<string, Body | Case> = {
  alloc_at_fault: allocAtFault,
  ...inBoth("collapse_full", collapseFull),
  ...inBoth("collapse_empty", collapseEmpty),
  ...inBoth("collapse_single_pte_entry", collapseSinglePteEntry),
  ...inBoth("collapse_max_ptes_none", collapseMaxPtesNone, { sizes: LIMIT_SIZES }),
  ...inBoth("collapse_single_pte_entry_compound", collapseSinglePteEntryCompound),
  ...inBoth("collapse_full_of_compound", collapseFullOfCompound),
  ...inBoth("collapse_compound_extreme", collapseCompoundExtreme, { machine: extremeMachine }),
  ...inBoth("collapse_fork", collapseFork),
  ...inBoth("collapse_fork_compound", collapseForkCompound),
  ...inBoth("collapse_max_ptes_shared", collapseMaxPtesShared, { sizes: LIMIT_SIZES }),
  "madvise_collapse_existing_thps (madvise:anon)": (s) => madviseCollapseExistingThps(MADVISE, s),
};

selftest("khugepaged.c", { machine, sizes: SIZES, cases });
