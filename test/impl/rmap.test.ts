/** Reverse mapping: counters of each primitive (the delta table of scheme C), anon_vma life cycle, PMD split. */
import { describe, expect, test } from "vitest";
import { compileScenario } from "../../checker/compile/compile.ts";
import type { Kernel } from "../../impl/mm-types.ts";
import { TABLE_DEPOSITED, TABLE_LIVE } from "../../impl/structs/page-table.ts";
import { kernelConfig } from "../../impl/config/options.ts";
import { SCHEME_DOUBLEMAP_2015, SCHEME_TAIL_PINS_2011 } from "../../spec/enumerations.ts";
import { DIRTY, EXCLUSIVE, MIGRATION, PRESENT, SPECIAL, WRITE, YOUNG, entryTarget, mkEntry } from "../../impl/pgtable.ts";
import { run } from "../checker/search/options.ts";
import { contentAt, countersMatch } from "./anon-mapping.ts";
import { anonVmaOf, boot, bootTwo, clone, forkVma, forked, hold, huge, hugeZero, migrationPmd, moved, neighboursRace, pgoff, pinned, prepare, prepareRace, ptes, put, splitPmd, treeOrder, unlink, unorderedPgoff, unmapPmd, unmapPte } from "./rmap-threads.ts";
import { StraightKernel, kernelScenario, type KernelOptionsBesideCpus, type KernelThread } from "./straight-kernel.ts";

const FOUR: Partial<KernelOptionsBesideCpus> = { pagesPerHugePage: 4, frames: 16, mms: 4, vmas: 6, anonVmas: 6, anonVmaChains: 20 };
const kernel = (threads: Record<string, KernelThread>, options: Partial<KernelOptionsBesideCpus> = FOUR, init = boot): StraightKernel => new StraightKernel(kernelScenario(threads, init, options));
const counts = (k: Kernel, folio = 0) => ({
  refcount: k.page.refcount.get(folio), large: k.page.largeMapcount.get(folio), entire: k.page.entireMapcount.get(folio),
  pages: [0, 1, 2, 3].map((i) => k.page.mapcount.get(folio + i)), exclusive: [0, 1, 2, 3].map((i) => Number(k.page.anonExclusive.get(folio + i))).join(""),
});
const gauges = (k: Kernel) => ({ mapped: k.node.anonMapped.get(), thps: k.node.anonThps.get(), nrAnon: k.node.nrAnon.get(), partial: k.node.nrAnonPartiallyMapped.get() });
const pteOf = (k: Kernel, mm: number, vpn: number): number => k.ptTable.pte.get(entryTarget(k.mm.pmd.get(mm, 0)), vpn);
const tables = (k: Kernel, state: number): number => Array.from({ length: k.ptTable.count }, (_, t) => k.ptTable.state.get(t)).filter((s) => s === state).length;

describe("counters of a huge page", () => {
  test("new, by a PMD", () => {
    const m = kernel({ huge: huge() });
    expect(m.run("huge")).toBe(0);
    expect(counts(m.k)).toEqual({ refcount: 1, large: 0, entire: 0, pages: [-1, -1, -1, -1], exclusive: "1000" });
    expect(gauges(m.k)).toEqual({ mapped: 4, thps: 4, nrAnon: 1, partial: 0 });
    expect(m.k.page.mapping.get(0)).toBe(m.k.vma.anonVma.get(0));
    expect(countersMatch(m.k, 0)).toBe(true);
  });

  test("new, smaller than a PMD, by PTEs", () => {
    const m = kernel({ ptes: ptes(1) });
    m.run("ptes");
    expect(counts(m.k)).toEqual({ refcount: 2, large: 1, entire: -1, pages: [0, 0, -1, -1], exclusive: "1100" });
    expect(gauges(m.k)).toEqual({ mapped: 2, thps: 0, nrAnon: 0, partial: 0 });
    expect(countersMatch(m.k, 0)).toBe(true);
  });

  test("a single page", () => {
    const m = kernel({ ptes: ptes(0), z0: unmapPte(0, 0) });
    m.run("ptes");
    expect([m.k.page.mapcount.get(0), m.k.page.largeMapcount.get(0), m.k.page.nrPagesMapped.get(0), m.k.node.anonMapped.get()]).toEqual([0, -1, 0, 1]);
    m.run("z0");
    expect([m.k.page.mapcount.get(0), m.k.node.anonMapped.get(), m.k.vmstat.thpDeferredSplitPage.get()]).toEqual([-1, 0, 0]);
  });

  test("a PMD split: refcount + 3, one PMD mapping less, four PTE mappings more, rights and exclusivity copied", () => {
    const m = kernel({ huge: huge(), split: splitPmd() });
    m.run("huge");
    expect([m.k.mm.nrPtes.get(0), tables(m.k, TABLE_DEPOSITED), tables(m.k, TABLE_LIVE)]).toEqual([1, 1, 0]);
    const before = [0, 1, 2, 3].map((vpn) => contentAt(m.k, 0, vpn));
    m.run("split");
    expect(counts(m.k)).toEqual({ refcount: 4, large: 3, entire: -1, pages: [0, 0, 0, 0], exclusive: "1111" });
    expect(gauges(m.k)).toEqual({ mapped: 4, thps: 0, nrAnon: 1, partial: 0 });
    expect(pteOf(m.k, 0, 2)).toBe(mkEntry(2, PRESENT | WRITE | DIRTY | YOUNG));
    expect([m.k.mm.nrPtes.get(0), tables(m.k, TABLE_DEPOSITED), tables(m.k, TABLE_LIVE)]).toEqual([1, 0, 1]);
    expect([0, 1, 2, 3].map((vpn) => contentAt(m.k, 0, vpn))).toEqual(before);
    expect(m.k.vmstat.thpSplitPmd.get()).toBe(1);
    expect(countersMatch(m.k, 0)).toBe(true);
    m.run("split"); // there is no huge PMD any more
    expect(m.k.vmstat.thpSplitPmd.get()).toBe(1);
  });

  test("fork shares; the split of the child's PMD leaves the parent's, and NR_ANON_THPS, alone [obs 6.18]", () => {
    const m = kernel({ huge: huge(), fork: forked(1, 1), split: splitPmd(1), splitParent: splitPmd(0) });
    m.run("huge");
    expect(m.run("fork")).toBe(0);
    expect(counts(m.k)).toEqual({ refcount: 2, large: 1, entire: 1, pages: [-1, -1, -1, -1], exclusive: "0000" });
    expect([m.k.page.maybeShared.get(0), m.k.page.mmId0.get(0), m.k.page.mmId1.get(0)]).toEqual([true, 0, 1]);
    m.run("split");
    expect(counts(m.k)).toEqual({ refcount: 5, large: 4, entire: 0, pages: [0, 0, 0, 0], exclusive: "0000" });
    expect(gauges(m.k)).toEqual({ mapped: 4, thps: 4, nrAnon: 1, partial: 0 });
    expect(pteOf(m.k, 1, 1)).toBe(mkEntry(1, PRESENT | DIRTY));
    m.run("splitParent");
    expect(gauges(m.k)).toEqual({ mapped: 4, thps: 0, nrAnon: 1, partial: 0 });
    expect(countersMatch(m.k, 0)).toBe(true);
  });

  test("fork leaves a pinned folio to the parent: the PMD is split, the child gets nothing to share", () => {
    const m = kernel({ huge: huge(), pin: pinned(1), fork: forked(1, 1) });
    m.run("huge");
    m.run("pin");
    expect(m.run("fork")).toBe(-11);
    expect(counts(m.k)).toEqual({ refcount: 5, large: 3, entire: -1, pages: [0, 0, 0, 0], exclusive: "1111" });
    expect(countersMatch(m.k, 1)).toBe(true);
  });

  test("the huge zero page splits into zero pages, without any count", () => {
    const m = kernel({ hugeZero, split: splitPmd() });
    m.run("hugeZero");
    m.run("split");
    expect([0, 1, 2, 3].map((vpn) => pteOf(m.k, 0, vpn))).toEqual(Array(4).fill(mkEntry(0, PRESENT | SPECIAL | YOUNG)));
    expect([m.k.mm.anonPages.get(0), m.k.node.anonMapped.get(), m.k.mm.nrPtes.get(0), m.k.vmstat.thpSplitPmd.get()]).toEqual([0, 0, 1, 1]);
  });

  test("a migration PMD splits into migration PTEs", () => {
    const m = kernel({ huge: huge(), migrationPmd, split: splitPmd() });
    m.run("huge");
    m.run("migrationPmd");
    const before = counts(m.k);
    m.run("split");
    expect([0, 1, 2, 3].map((vpn) => pteOf(m.k, 0, vpn))).toEqual([0, 1, 2, 3].map((i) => mkEntry(i, MIGRATION | WRITE | YOUNG)));
    expect(counts(m.k)).toEqual(before);
    expect(pteOf(m.k, 0, 0) & EXCLUSIVE).toBe(0);
  });
});

describe("partial unmapping", () => {
  test("one of four PTEs gone: on the queue, counted once; the rest gone: freed and off it [obs 6.18]", () => {
    const m = kernel({ huge: huge(), split: splitPmd(), z0: unmapPte(0, 0), z1: unmapPte(0, 1), z2: unmapPte(0, 2), z3: unmapPte(0, 3) });
    m.run("huge");
    m.run("split");
    m.run("z0");
    expect([m.k.page.partiallyMapped.get(0), m.k.page.deferred.get(0), m.k.deferredSplit.length.get()]).toEqual([true, true, 1]);
    expect(gauges(m.k)).toEqual({ mapped: 3, thps: 0, nrAnon: 1, partial: 1 });
    m.run("z1");
    expect([m.k.vmstat.thpDeferredSplitPage.get(), m.k.deferredSplit.length.get()]).toEqual([1, 1]);
    m.run("z2");
    m.run("z3");
    expect(gauges(m.k)).toEqual({ mapped: 0, thps: 0, nrAnon: 0, partial: 0 });
    expect([m.k.deferredSplit.length.get(), m.k.zone.freePages.get(), m.k.vmstat.thpSplitPage.get()]).toEqual([0, 16, 0]);
  });

  test("the only PMD mapping goes: nothing is partially mapped", () => {
    const m = kernel({ huge: huge(), zap: unmapPmd(0) });
    m.run("huge");
    m.run("zap");
    expect([m.k.vmstat.thpDeferredSplitPage.get(), m.k.zone.freePages.get(), m.k.node.nrAnon.get()]).toEqual([0, 16, 0]);
  });

  test("the last PMD mapping goes while PTEs map some pages: partially mapped", () => {
    const m = kernel({ huge: huge(), fork: forked(1, 1), split: splitPmd(1), z0: unmapPte(1, 0), zap: unmapPmd(0) });
    for (const name of ["huge", "fork", "split", "z0"]) m.run(name);
    expect(m.k.page.partiallyMapped.get(0)).toBe(false); // the parent's PMD maps all of it
    m.run("zap");
    expect(m.k.page.partiallyMapped.get(0)).toBe(true);
    expect(gauges(m.k)).toEqual({ mapped: 3, thps: 0, nrAnon: 1, partial: 1 });
    expect(countersMatch(m.k, 0)).toBe(true);
  });
});

describe("owner slots", () => {
  test("of four mms three exit: the one that is left, if it has a slot, is the only owner again [obs 6.18]", () => {
    const m = kernel({ huge: huge(), f1: forked(1, 1), f2: forked(2, 2), f3: forked(3, 3), u1: unmapPmd(1), u2: unmapPmd(2), u3: unmapPmd(3) });
    for (const name of ["huge", "f1", "f2", "f3", "u1", "u2"]) m.run(name);
    expect(m.k.page.maybeShared.get(0)).toBe(true);
    m.run("u3");
    expect([m.k.page.mmId0.get(0), m.k.page.maybeShared.get(0)]).toEqual([0, false]);
  });
  test("a third mm is not tracked: left alone, it still counts as shared", () => {
    const m = kernel({ huge: huge(), f1: forked(1, 1), f2: forked(2, 2), f3: forked(3, 3), u0: unmapPmd(0), u1: unmapPmd(1), u2: unmapPmd(2) });
    for (const name of ["huge", "f1", "f2", "f3"]) m.run(name);
    const slots = (): unknown[] => [m.k.page.mmId0.get(0), m.k.page.mmId1.get(0), m.k.page.mmIdMapcount0.get(0), m.k.page.mmIdMapcount1.get(0), m.k.page.maybeShared.get(0)];
    expect(slots()).toEqual([0, 1, 0, 0, true]);
    m.run("u2"); // untracked
    expect(slots()).toEqual([0, 1, 0, 0, true]);
    m.run("u0");
    expect(slots()).toEqual([-1, 1, -1, 0, true]); // mms 1 and 3 are left
    m.run("u1");
    // Only mm 3, untracked: no slot shows its mapping, so SHARED stays; the kernel errs on the safe side.
    expect(slots()).toEqual([-1, -1, -1, -1, true]);
    expect(countersMatch(m.k, 0)).toBe(true);
  });
  test("with two mms, the exit of one makes the other the only owner", () => {
    const m = kernel({ huge: huge(), f1: forked(1, 1), u0: unmapPmd(0) });
    for (const name of ["huge", "f1", "u0"]) m.run(name);
    expect([m.k.page.mmId0.get(0), m.k.page.mmId1.get(0), m.k.page.maybeShared.get(0)]).toEqual([-1, 1, false]);
    expect(m.k.vmstat.thpDeferredSplitPage.get()).toBe(0); // nothing is partially mapped
  });
});

describe("anon_vma", () => {
  test("prepare: a root of its own, once; a neighbour shares it, from either side", () => {
    const m = kernel({ a: prepare(0), b: prepare(1) }, FOUR, bootTwo);
    expect([m.run("a"), m.run("a"), m.run("b")]).toEqual([0, 0, 0]);
    expect([m.k.vma.anonVma.get(0), m.k.vma.anonVma.get(1)]).toEqual([0, 0]);
    expect([m.k.anonVma.refcount.get(0), m.k.anonVma.numChildren.get(0), m.k.anonVma.numActiveVmas.get(0)]).toEqual([1, 1, 2]);
    const n = kernel({ a: prepare(0), b: prepare(1) }, FOUR, bootTwo);
    n.run("b");
    n.run("a");
    expect(n.k.vma.anonVma.get(0)).toBe(n.k.vma.anonVma.get(1));
  });

  test("prepare fails without memory, and leaves nothing", () => {
    for (const choices of [[1], [0, 1]]) {
      const m = kernel({ a: prepare(0) }, { ...FOUR, allocationMayFail: true });
      expect(m.run("a", choices)).toBe(-12);
      expect([m.k.vma.anonVma.get(0), m.k.avc.allocated.get(0), m.k.anonVma.refcount.get(0)]).toEqual([-1, false, 0]);
    }
  });

  test("fork: the child is in the parent's tree, after it, and has an anon_vma of its own; unlinking frees child, then root", () => {
    const m = kernel({ a: prepare(0), fork: forkVma(1, 1, 0), ua: unlink(0), uc: unlink(1) });
    m.run("a");
    expect(m.run("fork")).toBe(0);
    expect([m.k.vma.anonVma.get(1), m.k.anonVma.root.get(1), m.k.anonVma.parent.get(1), m.k.anonVma.refcount.get(0)]).toEqual([1, 0, 0, 2]);
    expect([m.k.anonVma.numChildren.get(0), m.k.anonVma.numActiveVmas.get(0), m.k.anonVma.numActiveVmas.get(1)]).toEqual([2, 1, 1]);
    expect(treeOrder(m.k)).toBe("01");
    m.run("ua");
    expect([treeOrder(m.k), m.k.anonVma.numActiveVmas.get(0), m.k.anonVma.refcount.get(0)]).toEqual(["1", 0, 2]);
    m.run("uc");
    expect([0, 1].map((i) => m.k.anonVma.refcount.get(i))).toEqual([0, 0]);
    expect([0, 1, 2, 3].some((i) => m.k.avc.allocated.get(i))).toBe(false);
    expect([m.k.anonVma.root.get(0), m.k.anonVma.numChildren.get(0)]).toEqual([-1, 0]);
  });

  test("a reference to the child's anon_vma keeps both it and its root", () => {
    const m = kernel({ a: prepare(0), fork: forkVma(1, 1, 0), hold: hold(1), ua: unlink(0), uc: unlink(1), put: put(1) });
    for (const name of ["a", "fork", "hold", "ua", "uc"]) m.run(name);
    expect([0, 1].map((i) => [m.k.anonVma.refcount.get(i), m.k.anonVma.root.get(i)])).toEqual([[1, 0], [1, 0]]);
    m.run("put");
    expect([0, 1].map((i) => [m.k.anonVma.refcount.get(i), m.k.anonVma.root.get(i)])).toEqual([[0, -1], [0, -1]]);
  });

  test("fork reuses the anon_vma of an ancestor that is gone, unless it is the root or has two children", () => {
    const m = kernel({ a: prepare(0), f1: forkVma(1, 1, 0), f2: forkVma(2, 2, 1), u1: unlink(1), f3: forkVma(3, 3, 2) });
    for (const name of ["a", "f1", "f2"]) m.run(name);
    expect([m.k.vma.anonVma.get(1), m.k.vma.anonVma.get(2)]).toEqual([1, 2]);
    m.run("u1"); // anon_vma 1 stays for VMA 2, with no active VMA and one child
    expect([m.k.anonVma.numActiveVmas.get(1), m.k.anonVma.numChildren.get(1)]).toEqual([0, 1]);
    m.run("f3");
    expect(m.k.vma.anonVma.get(3)).toBe(1);
    expect(m.k.anonVma.numActiveVmas.get(1)).toBe(1);
  });

  test("nothing to copy from a parent without anon_vma", () => {
    const m = kernel({ fork: forkVma(1, 1, 0) });
    expect(m.run("fork")).toBe(0);
    expect([m.k.vma.anonVma.get(1), m.k.avc.allocated.get(0)]).toEqual([-1, false]);
  });

  test("fork without memory: of the copied edge (twice), of the anon_vma, of its edge; the parent is as before", () => {
    for (const choices of [[1, 1], [0, 1], [0, 0, 1]]) {
      const m = kernel({ a: prepare(0), fork: forkVma(1, 1, 0) }, { ...FOUR, allocationMayFail: true });
      m.run("a");
      expect(m.run("fork", choices)).toBe(-12);
      expect([treeOrder(m.k), m.k.anonVma.refcount.get(0), m.k.anonVma.refcount.get(1), m.k.anonVma.numChildren.get(0), m.k.anonVma.numActiveVmas.get(0)]).toEqual(["0", 1, 0, 1, 1]);
      expect([m.k.vma.anonVma.get(1), m.k.vma.anonVmaChain.get(1)]).toEqual([-1, -1]);
      expect([1, 2, 3].some((i) => m.k.avc.allocated.get(i))).toBe(false);
    }
  });

  test("an edge that cannot be had under the lock is had without it; the second of two cannot", () => {
    const m = kernel({ a: prepare(0), f1: forkVma(1, 1, 0), clone: clone(2, 1) }, { ...FOUR, allocationMayFail: true });
    m.run("a");
    m.run("f1");
    expect(m.run("clone", [0, 1, 0])).toBe(0);
    expect([m.k.vma.anonVma.get(2), m.k.anonVma.numActiveVmas.get(1)]).toEqual([1, 2]);
    const n = kernel({ a: prepare(0), f1: forkVma(1, 1, 0), clone: clone(2, 1) }, { ...FOUR, allocationMayFail: true });
    n.run("a");
    n.run("f1");
    expect(n.run("clone", [0, 1, 1])).toBe(-12);
    expect([n.k.vma.anonVma.get(2), n.k.anonVma.numActiveVmas.get(1), treeOrder(n.k)]).toEqual([-1, 1, "01"]);
  });

  test("a VMA whose vm_pgoff changes moves in the tree", () => {
    const m = kernel({ a: prepare(0), f1: forkVma(1, 1, 0), later: pgoff(0, 3) });
    for (const name of ["a", "f1", "later"]) m.run(name);
    expect(treeOrder(m.k)).toBe("10");
  });

  test("a child comes behind its parent even where the tree is out of order", () => {
    const m = kernel({ a: prepare(0), f1: forkVma(1, 1, 0), unordered: unorderedPgoff(0, 3), f2: forkVma(2, 2, 1) });
    for (const name of ["a", "f1", "unordered", "f2"]) m.run(name);
    expect(treeOrder(m.k)).toBe("012"); // by vm_pgoff: 3 0 0
  });

  test("folio_get_anon_vma: of a mapped folio; of an unmapped one, none", () => {
    const m = kernel({ huge: huge(), get: anonVmaOf(0), pin: pinned(1), zap: unmapPmd(0), none: anonVmaOf(8), move: moved(0), gone: unlink(0) });
    m.run("huge");
    expect(m.run("get")).toBe(0);
    expect(m.k.anonVma.refcount.get(0)).toBe(1);
    m.run("move");
    expect(m.k.page.mapping.get(0)).toBe(0);
    m.run("pin");
    m.run("zap");
    expect(m.run("get")).toBe(-1);
    expect(m.k.anonVma.refcount.get(0)).toBe(1);
    expect(m.run("none")).toBe(-1);
    m.run("gone"); // the VMA, and with it the anon_vma that the folio still names
    expect([m.k.page.mapping.get(0), m.k.anonVma.refcount.get(0), m.run("get")]).toEqual([0, 0, -1]);
  });
});

describe("races", () => {
  test.each([["one VMA", prepareRace], ["neighbours", neighboursRace]])("two faults prepare %s", async (_what, scenario) => {
    const { system, source } = compileScenario(scenario);
    const outcome = await run(system, {}, source);
    expect(outcome.finding).toBeNull();
    expect(outcome.complete).toBe(true);
    expect(outcome.witnessesReached).toEqual([true, true]);
  });
});

test("the schemes that are not filled are refused", () => {
  for (const refcountScheme of [SCHEME_TAIL_PINS_2011, SCHEME_DOUBLEMAP_2015]) {
    expect(() => kernelConfig({ pagesPerHugePage: 2, hugeRanges: 1, frames: 4, mms: 1, cpus: 1, refcountScheme })).toThrow(/only SCHEME_FOLIO/);
  }
});
