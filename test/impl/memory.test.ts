/** Faults, zaps and fork's copies: what they leave, every way out of them, and the races of two threads. */
import { describe, expect, test } from "vitest";
import { FOLL_PIN, FOLL_WRITE } from "../../impl/gup.ts";
import type { Kernel } from "../../impl/mm-types.ts";
import { MMF_DISABLE_THP_COMPLETELY, MMF_DISABLE_THP_EXCEPT_ADVISED, MMF_UNSTABLE } from "../../impl/structs/mm.ts";
import { TABLE_FREE, TABLE_LIVE } from "../../impl/structs/page-table.ts";
import { VM_HUGEPAGE, VM_NOHUGEPAGE, VM_READ } from "../../impl/structs/vma.ts";
import { ENABLED_MADVISE, ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { DIRTY, entryHas, entryTarget, LEAF, mkEntry, PRESENT, SPECIAL, WRITE, YOUNG } from "../../impl/pgtable.ts";
import { FAULT_FLAG_UNSHARE, FAULT_FLAG_VMA_LOCK, FAULT_FLAG_WRITE, VM_FAULT_HWPOISON, VM_FAULT_OOM, VM_FAULT_SIGBUS } from "../../impl/vm-fault.ts";
import { explored } from "./explored.ts";
import { Machine, type MachineOptions } from "./memory-machine.ts";
import * as t from "./memory-threads.ts";


const H = 4;
const SMALL = { enabled: ENABLED_NEVER };

const stat = (k: Kernel, ...names: (keyof Kernel["vmstat"])[]): number[] => names.map((n) => (k.vmstat[n] as { get(): number }).get());
const pte = (k: Kernel, mm: number, vpn: number): number => k.ptTable.pte.get(entryTarget(k.mm.pmd.get(mm, Math.floor(vpn / H))), vpn % H);

describe("a fault in an empty huge range", () => {
  test("of a store maps a huge page", () => {
    const m = new Machine();
    expect(m.run("store", [0, 1, 3])).toBe(true);
    const { k } = m;
    const folio = entryTarget(k.mm.pmd.get(0, 0));
    expect(k.mm.pmd.get(0, 0)).toBe(mkEntry(folio, PRESENT | WRITE | DIRTY | YOUNG | LEAF));
    expect([k.page.refcount.get(folio), k.page.entireMapcount.get(folio), k.page.largeMapcount.get(folio), k.page.anonExclusive.get(folio)]).toEqual([1, 0, 0, true]);
    expect([k.mm.anonPages.get(0), k.mm.nrPtes.get(0), k.node.anonThps.get(), k.node.nrAnon.get(), k.deferredSplit.length.get()]).toEqual([H, 1, H, 1, 1]);
    expect([0, 1, 2, 3].map((i) => k.page.content.get(folio + i))).toEqual([0, 3, 0, 0]);
    expect(stat(k, "thpFaultAlloc", "thpFaultFallback", "pgfault")).toEqual([1, 0, 1]);
  });
  test("of a load maps the huge zero page, which no counter shows", () => {
    const m = new Machine();
    expect([m.run("load", [0, 5]), m.run("load", [0, 0])]).toEqual([0, 0]);
    const { k } = m;
    expect(entryHas(k.mm.pmd.get(0, 1), SPECIAL)).toBe(true);
    expect([k.mm.anonPages.get(0), k.mm.nrPtes.get(0), k.node.anonThps.get(), k.hugeZero.refcount.get()]).toEqual([0, 2, 0, 2]);
    expect(stat(k, "thpZeroPageAlloc", "thpFaultAlloc")).toEqual([1, 0]);
  });
  test("of a load maps a huge page where the zero page is not used", () => {
    const m = new Machine({ useZeroPage: false });
    expect(m.run("load", [0, 5])).toBe(0);
    expect(stat(m.k, "thpZeroPageAlloc", "thpFaultAlloc")).toEqual([0, 1]);
  });
  test("whose huge range is not all inside the area falls back without counting", () => {
    const m = new Machine();
    m.k.vma.end.set(0, 3);
    expect(m.run("store", [0, 1, 3])).toBe(true);
    expect([m.k.mm.anonPages.get(0), ...stat(m.k, "thpFaultAlloc", "thpFaultFallback")]).toEqual([1, 0, 0]);
  });
  test.each([
    ["never", { enabled: ENABLED_NEVER }, t.RW | VM_HUGEPAGE, 0, 0],
    ["madvise, without", { enabled: ENABLED_MADVISE }, t.RW, 0, 0],
    ["madvise, with", { enabled: ENABLED_MADVISE }, t.RW | VM_HUGEPAGE, 0, 1],
    ["always", {}, t.RW, 0, 1],
    ["always, VM_NOHUGEPAGE", {}, t.RW | VM_NOHUGEPAGE, 0, 0],
    ["prctl, completely", {}, t.RW | VM_HUGEPAGE, MMF_DISABLE_THP_COMPLETELY, 0],
    ["prctl, except advised", {}, t.RW, MMF_DISABLE_THP_EXCEPT_ADVISED, 0],
    ["prctl, except advised, advised", {}, t.RW | VM_HUGEPAGE, MMF_DISABLE_THP_EXCEPT_ADVISED, 1],
  ])("%s", (_name, options: MachineOptions, flags, mmFlags, huge) => {
    const m = new Machine(options);
    m.k.vma.flags.set(0, flags);
    m.k.mm.flags.set(0, mmFlags);
    m.run("store", [0, 1, 1]);
    expect(stat(m.k, "thpFaultAlloc")).toEqual([huge]);
  });
  test("no memory for a huge page: a small one, and the fallback is counted", () => {
    const m = new Machine();
    m.run("prepareAnonVma");
    expect(m.run("store", [0, 1, 1], [1])).toBe(true);
    expect([m.k.mm.anonPages.get(0), ...stat(m.k, "thpFaultAlloc", "thpFaultFallback", "thpFaultFallbackCharge")]).toEqual([1, 0, 1, 0]);
  });
  test("no charge for it: likewise, and counted twice", () => {
    const m = new Machine();
    m.run("prepareAnonVma");
    expect(m.run("store", [0, 1, 1], [0, 1])).toBe(true);
    expect([m.k.mm.anonPages.get(0), m.k.zone.freePages.get(), ...stat(m.k, "thpFaultAlloc", "thpFaultFallback", "thpFaultFallbackCharge")]).toEqual([1, 23, 0, 1, 1]);
  });
  test("no table to deposit: VM_FAULT_OOM and nothing kept, for a store and for a load", () => {
    const m = new Machine();
    m.run("prepareAnonVma");
    expect(m.run("store", [0, 1, 1], [0, 0, 1])).toBe(false);
    expect(m.run("load", [0, 1], [1])).toBe(m.k.param.contents.get());
    expect([m.allFree, m.k.mm.nrPtes.get(0)]).toEqual([true, 0]);
  });
  test("no huge zero page: small pages, and the fallback is counted", () => {
    const m = new Machine();
    m.run("prepareAnonVma");
    expect(m.run("load", [0, 1], [0, 1])).toBe(0);
    expect(stat(m.k, "thpFaultFallback", "thpZeroPageAllocFailed")).toEqual([1, 1]);
    expect(pte(m.k, 0, 1)).toBe(mkEntry(0, PRESENT | SPECIAL | YOUNG));
  });
  test("an anon_vma is made under the VMA lock, with mmap_lock tried", () => {
    const m = new Machine();
    expect([m.run("fault", [1, FAULT_FLAG_WRITE | FAULT_FLAG_VMA_LOCK]), m.run("fault", [1, FAULT_FLAG_WRITE]), m.run("fault", [1, FAULT_FLAG_WRITE | FAULT_FLAG_VMA_LOCK])]).toEqual([0, 0, 0]);
  });
});

describe("a fault in a table of PTEs", () => {
  test("maps the zero page for a load, without anon_vma; a store then gets a page of its own", () => {
    const m = new Machine(SMALL);
    expect(m.run("load", [0, 1])).toBe(0);
    expect([pte(m.k, 0, 1), m.k.mm.anonPages.get(0), m.k.vma.anonVma.get(0)]).toEqual([mkEntry(0, PRESENT | SPECIAL | YOUNG), 0, -1]);
    expect([m.run("store", [0, 1, 2]), m.run("load", [0, 1])]).toEqual([true, 2]);
    const page = entryTarget(pte(m.k, 0, 1));
    expect([m.k.mm.anonPages.get(0), m.k.page.anonExclusive.get(page), m.k.page.mapcount.get(page)]).toEqual([1, true, 0]);
  });
  test("no table, no page, no charge: killed, and nothing kept", () => {
    const m = new Machine(SMALL);
    m.run("prepareAnonVma");
    expect([m.run("store", [0, 1, 1], [1]), m.k.mm.nrPtes.get(0)]).toEqual([false, 0]);
    expect([m.run("store", [0, 1, 1], [0, 1]), m.k.mm.nrPtes.get(0)]).toEqual([false, 1]);
    expect([m.run("store", [0, 1, 1], [1]), m.run("store", [0, 1, 1], [0, 1]), m.allFree]).toEqual([false, false, true]);
  });
  test("no permission, no area: a signal", () => {
    const m = new Machine(SMALL);
    m.k.vma.flags.set(0, VM_READ);
    m.k.vma.end.set(0, H);
    m.k.vma.treeEnd.set(0, H);
    expect([m.run("store", [0, 1, 1]), m.run("load", [0, 1]), m.run("load", [0, 7])]).toEqual([false, 0, 4]);
    m.k.vma.flags.set(0, 0);
    expect(m.run("load", [0, 2])).toBe(4);
  });
  test("an address space that the OOM reaper has been at: SIGBUS, whatever would be mapped", () => {
    const m = new Machine();
    m.k.mm.flags.set(0, MMF_UNSTABLE);
    expect([m.run("fault", [0, FAULT_FLAG_WRITE]), m.run("fault", [0, 0])]).toEqual([VM_FAULT_SIGBUS, VM_FAULT_SIGBUS]);
    m.k.knob.enabled.set(ENABLED_NEVER);
    expect([m.run("fault", [H, FAULT_FLAG_WRITE]), m.run("fault", [H, 0])]).toEqual([VM_FAULT_SIGBUS, VM_FAULT_SIGBUS]);
    expect([m.k.mm.anonPages.get(0), m.k.mm.pmd.get(0, 0)]).toEqual([0, 0]);
    m.k.knob.enabled.set(2);
    m.k.mm.flags.set(0, 0);
    m.run("load", [0, 0]);
    m.k.mm.flags.set(0, m.k.mm.flags.get(0) | MMF_UNSTABLE);
    expect([m.run("fault", [0, FAULT_FLAG_WRITE]), entryHas(m.k.mm.pmd.get(0, 0), SPECIAL)]).toEqual([VM_FAULT_SIGBUS, true]);
  });
  test("on an entry that permits the access sets what the hardware would have set", () => {
    const m = new Machine();
    m.run("store", [0, 0, 1]);
    const clear = (): void => m.k.mm.pmd.set(0, 0, m.k.mm.pmd.get(0, 0) & ~(YOUNG | DIRTY));
    clear();
    m.run("fault", [0, 0]);
    // The accessed bit of a read is the hardware's own business.
    expect(m.k.mm.pmd.get(0, 0) & (YOUNG | DIRTY)).toBe(0);
    m.run("fault", [0, FAULT_FLAG_WRITE]);
    expect(m.k.mm.pmd.get(0, 0) & (YOUNG | DIRTY)).toBe(YOUNG | DIRTY);
    clear();
    m.run("splitPmd");
    m.run("fault", [0, 0]);
    expect(pte(m.k, 0, 0) & (YOUNG | DIRTY)).toBe(0);
    m.run("fault", [0, FAULT_FLAG_WRITE]);
    expect(pte(m.k, 0, 0) & (YOUNG | DIRTY)).toBe(YOUNG | DIRTY);
  });
});

describe("a store to the huge zero page", () => {
  test("puts a huge page in its place", () => {
    const m = new Machine();
    m.run("load", [0, 0]);
    expect([m.run("store", [0, 1, 2]), m.run("load", [0, 0])]).toEqual([true, 0]);
    expect([m.k.mm.nrPtes.get(0), m.k.mm.anonPages.get(0), ...stat(m.k, "thpFaultAlloc", "thpSplitPmd")]).toEqual([1, H, 1, 0]);
  });
  test.each([["before the upgrade existed", { hugeZeroUpgrade: false }, []], ["without memory", {}, [1]]])("%s splits it and gets one page", (_name, options: MachineOptions, choices: number[]) => {
    const m = new Machine(options);
    m.run("load", [0, 0]);
    expect([m.run("store", [0, 1, 2], choices), m.run("load", [0, 0])]).toEqual([true, 0]);
    expect([m.k.mm.nrPtes.get(0), m.k.mm.anonPages.get(0), ...stat(m.k, "thpFaultAlloc", "thpSplitPmd")]).toEqual([1, 1, 0, 1]);
  });
});

describe("fork and copy on write", () => {
  test("of a huge page: the child's store splits its PMD and copies one page; the parent's PMD stays", () => {
    const m = new Machine();
    m.run("fill");
    expect(m.run("fork")).toBe(0);
    const { k } = m;
    const folio = entryTarget(k.mm.pmd.get(0, 0));
    expect([k.mm.pmd.get(0, 0) & WRITE, k.mm.pmd.get(1, 0) & WRITE, k.page.refcount.get(folio), k.page.entireMapcount.get(folio), k.page.anonExclusive.get(folio), k.mm.anonPages.get(1), k.mm.nrPtes.get(1), k.mm.writeProtectSeq.get(0)]).toEqual([0, 0, 2, 1, false, H, 1, 2]);
    expect(stat(k, "thpSplitPmd")).toEqual([0]);
    expect([m.run("store", [1, 1, 0]), m.run("load", [1, 2]), m.run("load", [0, 1])]).toEqual([true, 3, 2]);
    expect([...stat(k, "thpSplitPmd"), k.node.anonThps.get(), entryHas(k.mm.pmd.get(0, 0), LEAF), k.mm.anonPages.get(1)]).toEqual([1, H, true, H]);
  });
  test("of a huge page: when the child is gone the parent's store keeps it huge", () => {
    const m = new Machine();
    m.run("fill"); m.run("fork"); m.run("unmapAll", [1]);
    expect([m.run("store", [0, 1, 0]), ...stat(m.k, "thpSplitPmd"), entryHas(m.k.mm.pmd.get(0, 0), WRITE)]).toEqual([true, 0, true]);
  });
  test("of a huge page: the parent's store while it is shared splits the parent's PMD", () => {
    const m = new Machine();
    m.run("fill"); m.run("fork");
    expect([m.run("store", [0, 1, 0]), m.run("load", [1, 1])]).toEqual([true, 2]);
    expect([...stat(m.k, "thpSplitPmd"), m.k.node.anonThps.get()]).toEqual([1, H]);
  });
  test.each([["reused", true, false], ["copied, before 6.15", false, true]])("of PTEs of a huge page: %s when the child is gone", (_name, largeFolioReuse, copied) => {
    const m = new Machine({ largeFolioReuse });
    m.run("fill"); m.run("splitPmd"); m.run("fork");
    const before = entryTarget(pte(m.k, 0, 1));
    m.run("unmapAll", [1]);
    expect([m.run("store", [0, 1, 0]), entryTarget(pte(m.k, 0, 1)) !== before]).toEqual([true, copied]);
  });
  test("of a small page: the first to store gets a copy, the last the page", () => {
    const m = new Machine(SMALL);
    m.run("fill"); m.run("fork");
    const page = entryTarget(pte(m.k, 0, 0));
    expect([m.k.page.refcount.get(page), m.k.page.mapcount.get(page)]).toEqual([2, 1]);
    expect([m.run("store", [0, 0, 3]), m.run("load", [1, 0]), entryTarget(pte(m.k, 0, 0)) === page]).toEqual([true, 1, false]);
    expect([m.run("store", [1, 0, 2]), m.run("load", [1, 0]), entryTarget(pte(m.k, 1, 0))]).toEqual([true, 2, page]);
    expect([m.k.page.refcount.get(page), m.k.page.anonExclusive.get(page)]).toEqual([1, true]);
  });
  test("a copy that cannot be made: no memory, no charge, poison; the old page stays as it was", () => {
    const m = new Machine(SMALL);
    m.run("fill"); m.run("fork");
    const page = entryTarget(pte(m.k, 0, 0));
    const before = [m.k.page.refcount.get(page), m.k.zone.freePages.get()];
    expect([m.run("fault", [0, FAULT_FLAG_WRITE], [1]), m.run("fault", [0, FAULT_FLAG_WRITE], [0, 1]), m.run("fault", [0, FAULT_FLAG_WRITE], [0, 0, 1])]).toEqual([VM_FAULT_OOM, VM_FAULT_OOM, VM_FAULT_HWPOISON]);
    expect([m.k.page.refcount.get(page), m.k.zone.freePages.get()]).toEqual(before);
  });
  test("unsharing gives a page of one's own that is not writable", () => {
    const m = new Machine(SMALL);
    m.run("fill"); m.run("fork");
    const page = entryTarget(pte(m.k, 0, 0));
    expect(m.run("fault", [0, FAULT_FLAG_UNSHARE])).toBe(0);
    const own = pte(m.k, 0, 0);
    expect([entryTarget(own) === page, entryHas(own, WRITE), m.k.page.anonExclusive.get(entryTarget(own)), m.run("load", [0, 0])]).toEqual([false, false, true, 1]);
    expect([m.run("fault", [0, FAULT_FLAG_UNSHARE]), pte(m.k, 0, 0)]).toEqual([0, own]);
  });
  test("unsharing a huge page that is nobody else's only makes it exclusive", () => {
    const m = new Machine();
    m.run("fill"); m.run("fork"); m.run("unmapAll", [1]);
    expect([m.run("fault", [0, FAULT_FLAG_UNSHARE]), m.k.page.anonExclusive.get(entryTarget(m.k.mm.pmd.get(0, 0))), entryHas(m.k.mm.pmd.get(0, 0), WRITE)]).toEqual([0, true, false]);
  });
  test.each([["huge", {}, 1], ["small", { enabled: ENABLED_NEVER }, 0]])("of a pinned page (%s): the child gets copies at once", (_name, options: MachineOptions, splits) => {
    const m = new Machine(options);
    m.run("fill");
    const page = m.run("slow", [1, FOLL_PIN | FOLL_WRITE]) as number;
    expect([m.run("fork"), ...stat(m.k, "thpSplitPmd")]).toEqual([0, splits]);
    // One pin of a huge folio: every page of it may be pinned.
    const copied = [0, 1, 2, 3].filter((v) => entryTarget(pte(m.k, 0, v)) !== entryTarget(pte(m.k, 1, v)));
    expect(copied).toEqual(splits === 1 ? [0, 1, 2, 3] : [1]);
    expect([entryTarget(pte(m.k, 0, 1)), m.run("store", [0, 1, 0]), entryTarget(pte(m.k, 0, 1)), m.run("load", [1, 1]), m.run("load", [1, 2])]).toEqual([page, true, page, 2, 3]);
    expect(m.k.mm.anonPages.get(1)).toBe(H);
  });
  test("of a pinned page without memory, or with poison: fork fails and forgets nothing", () => {
    const m = new Machine(SMALL);
    m.run("fill"); m.run("slow", [1, FOLL_PIN | FOLL_WRITE]);
    const free = m.k.zone.freePages.get();
    // anon_vma_fork() allocates an anon_vma_chain and an anon_vma before.
    const outcomes = [0, 1, 2, 3, 4, 5, 6].map((zeroes) => {
      const outcome = m.run("fork", [], [...Array<number>(zeroes).fill(0), 1]);
      m.run("unmapAll", [1]);
      m.k.vma.detached.set(1, false);
      return outcome;
    });
    expect(new Set(outcomes)).toEqual(new Set([0, -12, -133]));
    expect(m.k.zone.freePages.get()).toBe(free);
  });
  test("of the huge zero page: the child holds it, too", () => {
    const m = new Machine();
    m.run("load", [0, 0]);
    expect([m.run("fork"), m.k.hugeZero.refcount.get(), m.run("load", [1, 3]), m.k.mm.nrPtes.get(1), m.k.mm.anonPages.get(1)]).toEqual([0, 3, 0, 1, 0]);
  });
  test("of zero pages: nothing to copy without anon_vma; else they are mapped in both", () => {
    const m = new Machine(SMALL);
    m.run("load", [0, 0]);
    expect([m.run("fork"), m.k.mm.nrPtes.get(1)]).toEqual([0, 0]);
    m.run("store", [0, 1, 1]);
    expect([m.run("fork"), pte(m.k, 1, 0) & SPECIAL, m.run("load", [1, 0])]).toEqual([0, SPECIAL, 0]);
  });
  test("a PMD that is not huge any more is for PTEs", () => {
    const m = new Machine(SMALL);
    m.run("fill");
    expect([m.run("copyHugeOfTable"), m.k.mm.pmd.get(1, 0)]).toEqual([-11, 0]);
  });
  test("a huge page without a table for the child: ENOMEM", () => {
    const m = new Machine();
    m.run("fill");
    expect([m.run("copyHugeOfTable", [], [1]), m.k.mm.pmd.get(1, 0)]).toEqual([-12, 0]);
  });
});

describe("unmapping", () => {
  test("a part of a huge page splits its PMD and queues it; the rest frees it", () => {
    const m = new Machine();
    m.run("fill"); m.run("dontneed", [2, 4]);
    const { k } = m;
    expect([...stat(k, "thpSplitPmd", "thpDeferredSplitPage", "thpSplitPage"), k.node.anonThps.get(), k.node.nrAnonPartiallyMapped.get(), k.node.nrAnon.get()]).toEqual([1, 1, 0, 0, 1, 1]);
    expect([k.mm.anonPages.get(0), m.run("load", [0, 1]), m.run("load", [0, 3])]).toEqual([2, 2, 0]);
    m.run("dontneed", [0, 2]);
    expect([k.node.nrAnon.get(), k.node.nrAnonPartiallyMapped.get(), k.mm.anonPages.get(0), m.allFree, ...stat(k, "thpSplitPage")]).toEqual([0, 0, 0, true, 0]);
  });
  test("a whole huge page frees it and its deposited table", () => {
    const m = new Machine();
    m.run("fill"); m.run("dontneed", [0, 4]);
    expect([m.k.node.nrAnon.get(), m.k.node.anonThps.get(), m.k.mm.nrPtes.get(0), m.allFree, ...stat(m.k, "thpSplitPmd")]).toEqual([0, 0, 0, true, 0]);
    expect([m.run("load", [0, 1]), m.k.hugeZero.refcount.get()]).toEqual([0, 2]);
  });
  test("the huge zero page frees the table only", () => {
    const m = new Machine();
    m.run("load", [0, 1]); m.run("dontneed", [0, 8]);
    expect([m.k.mm.nrPtes.get(0), m.k.mm.pmd.get(0, 0), m.k.hugeZero.refcount.get()]).toEqual([0, 0, 2]);
  });
  test("more small pages than a gather holds", () => {
    const m = new Machine(SMALL);
    m.run("fill");
    expect(m.k.zone.freePages.get()).toBe(20);
    m.run("dontneed", [0, 8]);
    expect([m.k.mm.anonPages.get(0), m.k.mm.nrPtes.get(0), m.allFree]).toEqual([0, 1, true]);
  });
  test("munmap frees the tables, too", () => {
    const m = new Machine(SMALL);
    m.run("fill"); m.run("store", [0, 6, 1]); m.run("unmapAll", [0]);
    expect([m.k.mm.nrPtes.get(0), m.allFree, m.k.vma.anonVma.get(0), ...[0, 1, 2, 3].map((x) => m.k.ptTable.state.get(x))]).toEqual([0, true, -1, TABLE_FREE, TABLE_FREE, TABLE_FREE, TABLE_FREE]);
  });
  test.each([["above", 0, 7, [TABLE_FREE, TABLE_LIVE]], ["below", 1, 8, [TABLE_LIVE, TABLE_FREE]], ["on neither side", 0, 8, [TABLE_FREE, TABLE_FREE]]])("a neighbour %s keeps the table that it may use", (_name, floor, ceiling, states: number[]) => {
    const m = new Machine(SMALL);
    m.run("fill"); m.run("store", [0, 6, 1]); m.run("freeTables", [floor, ceiling]);
    expect([0, 1].map((x) => m.k.ptTable.state.get(x))).toEqual(states);
  });
});

describe("MADV_FREE of a huge page", () => {
  test("the whole: lazyfree, clean, not split", () => {
    const m = new Machine();
    m.run("fill");
    expect(m.run("madvFree", [0, 4])).toBe(true);
    const folio = entryTarget(m.k.mm.pmd.get(0, 0));
    expect([m.k.page.swapbacked.get(folio), m.k.mm.pmd.get(0, 0) & (PRESENT | WRITE | LEAF | DIRTY | YOUNG), m.k.lruvec.filePages.get(), ...stat(m.k, "pglazyfree", "thpSplitPage")]).toEqual([false, PRESENT | WRITE | LEAF, H, H, 0]);
    expect(m.run("load", [0, 1])).toBe(2);
  });
  test("a part: the folio is split; with another reference it is not", () => {
    const m = new Machine();
    m.run("fill");
    expect(m.run("fast", [0, 0])).toBe(0);
    expect([m.run("madvFree", [0, 2]), ...stat(m.k, "thpSplitPage", "thpSplitPageFailed", "thpSplitPmd")]).toEqual([false, 0, 1, 0]);
    m.run("put", [0]);
    expect([m.run("madvFree", [0, 2]), ...stat(m.k, "thpSplitPage", "thpSplitPageFailed", "thpSplitPmd"), m.run("load", [0, 1])]).toEqual([false, 1, 1, 1, 2]);
  });
  test("not of the huge zero page, of a table, or of what a child maps", () => {
    const m = new Machine();
    m.run("load", [0, 0]);
    expect(m.run("madvFree", [0, 4])).toBe(false);
    m.run("splitPmd");
    expect(m.run("madvFree", [0, 4])).toBe(false);
    const shared = new Machine();
    shared.run("fill"); shared.run("fork");
    expect([shared.run("madvFree", [0, 4]), ...stat(shared.k, "pglazyfree")]).toEqual([false, 0]);
  });
});

describe("the huge zero folio", () => {
  test("is counted once per address space and freed by the shrinker when nobody uses it", () => {
    const m = new Machine();
    expect(m.run("shrinkHugeZero")).toBe(0);
    m.run("load", [0, 0]); m.run("load", [0, 4]);
    expect([m.k.hugeZero.refcount.get(), m.run("shrinkHugeZero")]).toEqual([2, 0]);
    m.run("dontneed", [0, 8]); m.run("putHugeZero");
    expect([m.k.hugeZero.refcount.get(), m.run("shrinkHugeZero"), m.k.hugeZero.page.get(), m.allFree]).toEqual([1, H, -1, true]);
  });
});

// ---- two threads -----------------------------------------------------------------------------------------------

const mapped = t.both(t.store(0, 1), t.store(1, 2));

describe("in every order", () => {
  test.each([
    ["the huge zero page is split and replaced", t.threads({ a: t.prepared(t.load(0), t.storeAndLoad(0, 1)), b: t.cloned(t.splitPmd(0)) })],
    ["MADV_FREE, while the folio is locked", t.threads({ a: t.prepared(mapped, t.madvFree(0, 2)), b: t.cloned(t.lockFor(0)) })],
    ["both write a shared huge page, which somebody locks", t.processes({ a: t.prepared(t.both(mapped, t.fork(true)), t.storeAndLoad(0, 3)), b: t.cloned(t.lockFor(0)), c: t.child(t.unmapAll(1)) }, {}, 1)],
    ["two stores to a huge page that was shared, which somebody locks and somebody splits", t.processes({ a: t.prepared(t.both(t.both(mapped, t.fork(true)), t.unmapAll(1)), t.storeAndLoad(0, 3)), b: t.cloned(t.lockFor(0)), c: t.cloned(t.splitPmd(0)), d: t.cloned(t.store(1, 3)) })],
    ["a page is copied while it is read", t.processes({ a: t.prepared(t.both(mapped, t.fork(true)), t.storeAndLoad(0, 3)), b: t.cloned(t.both(t.load(0), t.load(0))) }, SMALL)],
    ["a zero page is replaced while it is read", t.threads({ a: t.prepared(t.load(0), t.storeAndLoad(0, 3)), b: t.cloned(t.both(t.load(0), t.load(0))) }, SMALL)],
  ])("%s", async (_name, s) => {
    expect((await explored(s)).complete).toBe(true);
  });
});

describe("what the promise finds", () => {
  test.each([
    ["a store that a call loses without saying so", t.threads({ a: t.prepared(mapped, t.load(0)), b: t.cloned(t.dontneedUnannounced(0, 2)) }), /process 0 reads 0 from page 0, which may only hold 1/],
    ["a fork that forgets the parent's TLB", t.processes({ a: t.prepared(mapped, t.store(0, 3)), b: t.cloned(t.fork(false)), c: t.child(t.load(0)) }, SMALL, 1), /X8 nobody can store to a page that another process maps/],
    ["a huge zero folio that is freed while it is mapped", t.threads({ a: t.both(t.load(0), t.load(1)), b: t.putHugeZero, c: t.shrinkHugeZero }), /reads poison \(a freed page\)/],
  ])("%s", async (_name, s, says) => {
    expect((await explored(s, says)).finding).not.toBeNull();
  });
});
