/** Translation caches: what the hardware fills and uses, what a flush reaches; the mmu_gather. */
import { describe, expect, test } from "vitest";
import { TABLE_FREE } from "../../impl/structs/page-table.ts";
import { LEAF, PRESENT, WRITE, mkEntry } from "../../impl/pgtable.ts";
import { explored } from "./explored.ts";
import { StraightKernel, kernelScenario, type KernelOptionsBesideCpus, type KernelThread } from "./straight-kernel.ts";
import * as t from "./page-table-threads.ts";

const kernel = (threads: Record<string, KernelThread>, init = t.bootMapped, options: Partial<KernelOptionsBesideCpus> = {}): StraightKernel => new StraightKernel(kernelScenario(threads, init, options));
const PTE = mkEntry(0, PRESENT | WRITE);

describe("hardware", () => {
  test("a load sets the accessed bit and caches; a store through a clean entry walks again and sets the dirty bit", () => {
    const m = kernel({ load: t.loadPage(0), store: t.storePage(0) });
    expect(m.run("load")).toBe(0);
    expect([m.k.ptTable.pte.get(0, 0), m.k.cpu.tlb.get(0, 0)]).toEqual([PTE | t.YOUNG, PTE | t.YOUNG]);
    expect(m.run("store")).toBe(0);
    expect([m.k.ptTable.pte.get(0, 0), m.k.cpu.tlb.get(1, 0)]).toEqual([PTE | t.YOUNG | t.DIRTY, PTE | t.YOUNG | t.DIRTY]);
    expect([m.k.cpu.irqsOff.get(0), m.k.cpu.irqsOff.get(1)]).toEqual([false, false]);
  });
  test("nothing mapped, or no permission: a fault, and nothing cached", () => {
    const m = kernel({ other: t.loadPage(1), range: t.loadPage(2), huge: t.hugePresent(t.HUGE_RO), store: t.storePage(0), load: t.loadPage(0) });
    expect([m.run("other"), m.run("range")]).toEqual([-1, -1]);
    m.run("huge");
    expect([m.run("store"), m.run("load")]).toEqual([-1, 2]);
    expect([m.k.cpu.tlbHuge.get(3, 0), m.k.cpu.tlbHuge.get(4, 0)]).toEqual([0, mkEntry(2, LEAF | PRESENT | t.YOUNG)]);
  });
  test("a huge entry translates every page of its range", () => {
    const m = kernel({ huge: t.hugePresent(t.HUGE_RW), store: t.storePage(1), load: t.loadPage(0) });
    m.run("huge");
    expect([m.run("store"), m.run("load")]).toEqual([3, 2]);
    expect(m.k.mm.pmd.get(0, 0)).toBe(mkEntry(2, LEAF | PRESENT | WRITE | t.YOUNG | t.DIRTY));
    // the cached entry serves the second access without a walk
    expect([m.run("store"), m.run("load")]).toEqual([3, 2]);
  });
  test("an access to an address space that is not loaded", () => {
    expect(() => kernel({ load: t.loadPage(0) }, t.bootUnloaded).run("load")).toThrow(/has not loaded/);
  });
});

describe("flush", () => {
  test("reaches every CPU that has the mm, both sizes, nothing outside the range", () => {
    const m = kernel({ flush: t.flushPages(0, 1), load: t.loadPage(0), store: t.storePage(0) });
    m.run("load"); m.run("store");
    m.k.cpu.tlb.set(1, 1, PTE);
    m.run("flush");
    expect([m.k.cpu.tlb.get(1, 0), m.k.cpu.tlb.get(2, 0), m.k.cpu.tlb.get(1, 1)]).toEqual([0, 0, PTE]);
  });
  test("of the whole mm", () => {
    const m = kernel({ flush: t.flushMm, load: t.loadPage(0) });
    m.run("load");
    m.k.cpu.tlb.set(0, 3, PTE);
    m.run("flush");
    expect([m.k.cpu.tlb.get(1, 0), m.k.cpu.tlb.get(0, 3)]).toEqual([0, 0]);
  });
  test("leaves other address spaces alone; loading another one empties the cache", () => {
    const m = kernel({ load: t.loadPage(0), flush: t.flushPages(0, 4), other: t.loadMm(1) }, t.bootMapped, { mms: 2 });
    m.run("load");
    m.k.cpu.mm.set(0, 1);
    m.run("flush");
    expect(m.k.cpu.tlb.get(0, 0)).not.toBe(0);
    m.k.cpu.tlb.set(2, 0, PTE);
    m.run("other");
    expect([m.k.cpu.tlb.get(2, 0), m.k.cpu.mm.get(2)]).toEqual([0, 1]);
    m.k.cpu.tlb.set(2, 0, PTE);
    m.run("other");
    expect(m.k.cpu.tlb.get(2, 0)).toBe(PTE);
  });
  test("waits for a CPU with interrupts off, and so does tlb_remove_table_sync_one", () => {
    for (const waiting of [t.flushPages(0, 1), t.sync]) {
      const m = kernel({ waiting, off: t.disableInterrupts });
      m.run("waiting");
      m.run("off");
      expect(() => m.run("waiting")).toThrow(/ipi: the step would wait forever/);
    }
  });
});

describe("explored", () => {
  test("a page is freed after the flush: no load returns poison, no free page is in a TLB", () => explored(t.unmapAgainstAccess));
  test("without the flush one does", () => explored(t.unmapWithoutFlush, /a load returns poison/));
  test("with a flush before the entry is cleared, too, though CPUs that cache nothing cost the flush no step", () => explored(t.unmapAfterFlush, /a load returns poison/));
  test("a hardware walk of a freed table is found", () => explored(t.walkedWhileFreed, /the hardware walks a page table that has been freed/));
  test("interrupts arrive in any order", () => explored(t.flushOrder));
  test("zap against loads and a lockless walker", () => explored(t.zapAgainstAccess));
});

describe("mmu_gather", () => {
  test("zaps a page and its table: flushed, freed, nothing left in the CPU", () => {
    const m = kernel({ load: t.loadPage(0), zap: t.zapAll });
    m.run("load");
    m.run("zap");
    expect(m.k.cpu.tlb.get(0, 0)).toBe(0);
    expect([m.k.page.refcount.get(0), m.k.page.buddy.get(0), m.k.ptTable.state.get(0), m.k.mm.nrPtes.get(0)]).toEqual([0, true, TABLE_FREE, 0]);
    expect([m.k.cpu.gatherStart.get(1), m.k.cpu.gatherEnd.get(1), m.k.cpu.gatherPages.get(1, 0), m.k.cpu.gatherTables.get(1, 0)]).toEqual([0, 0, -1, -1]);
  });
  test("a full batch is flushed in between", () => {
    const m = kernel({ gather: t.gatherFlushing(3) });
    const before = m.k.zone.freePages.get();
    expect(m.run("gather")).toBe(1);
    expect(m.k.zone.freePages.get()).toBe(before - 1);
    expect([m.k.cpu.gatherPages.get(0, 0) >= 0, m.k.cpu.gatherPages.get(0, 1)]).toEqual([true, -1]);
  });
  test("the range covers all entries noted", () => {
    expect(kernel({ range: t.gatherRange }).run("range")).toBe(3);
  });
  test("tables of a whole address space fit, one more does not", () => {
    const m = kernel({ tables: t.tables(2) });
    m.run("tables");
    expect(m.k.ptTable.state.get(1)).toBe(TABLE_FREE);
    expect(() => kernel({ tables: t.tables(3) }).run("tables")).toThrow(/more tables are gathered/);
  });
  test.each<[string, KernelThread, RegExp]>([
    ["a page without an entry", t.gatherWithoutEntry, /no entry was noted/], ["a batch that is not flushed", t.gatherOverflowing, /the batch overflows/], ["a gather in a gather", t.gatherInGather, /before the end of the one before/],
  ])("refuses %s", (_, thread, says) => {
    expect(() => kernel({ x: thread }).run("x")).toThrow(says);
  });
  test("finishing without anything gathered does nothing", () => {
    const m = kernel({ load: t.loadPage(0), finish: t.finishGather });
    m.run("load");
    m.run("finish");
    expect(m.k.cpu.tlb.get(0, 0)).not.toBe(0);
  });
});
