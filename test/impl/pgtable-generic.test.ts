/** Page-table pages and their life, the routines that change entries in use, RCU. */
import { describe, expect, test } from "vitest";
import { TABLE_DEPOSITED, TABLE_FREE, TABLE_LIVE, TABLE_PRIVATE } from "../../impl/structs/page-table.ts";
import { LEAF, PRESENT, WRITE, mkEntry, mkPmdTable } from "../../impl/pgtable.ts";
import { explored } from "./explored.ts";
import { StraightKernel, kernelScenario, type KernelOptionsBesideCpus, type KernelThread } from "./straight-kernel.ts";
import * as t from "./page-table-threads.ts";

const kernel = (threads: Record<string, KernelThread>, options: Partial<KernelOptionsBesideCpus> = {}, init = t.bootLoaded): StraightKernel => new StraightKernel(kernelScenario(threads, init, options));
const states = (m: StraightKernel): number[] => Array.from({ length: m.k.ptTable.count }, (_, i) => m.k.ptTable.state.get(i));

describe("tables", () => {
  test("pte_alloc installs one table for a range, once", () => {
    const m = kernel({ install: t.install });
    expect([m.run("install"), m.run("install")]).toEqual([true, true]);
    expect(states(m)).toEqual([TABLE_LIVE, TABLE_FREE, TABLE_FREE, TABLE_FREE]);
    expect([m.k.mm.pmd.get(0, 0), m.k.mm.pmd.get(0, 1), m.k.mm.nrPtes.get(0)]).toEqual([mkPmdTable(0), 0, 1]);
  });
  test("without memory it says so: by choice, or because all tables are taken", () => {
    const m = kernel({ install: t.install }, { allocationMayFail: true });
    expect(m.run("install", [1])).toBe(false);
    expect(m.k.mm.nrPtes.get(0)).toBe(0);
    const full = kernel({ install: t.install, take: t.takeTable }, { pageTables: 1 });
    expect([full.run("take"), full.run("take"), full.run("install")]).toEqual([0, -1, false]);
  });
  test("pte_offset_map_lock finds no table where the PMD entry is none or huge", () => {
    const m = kernel({ use: t.tableUser, huge: t.hugePresent(t.HUGE_RW), install: t.install });
    expect(m.run("use")).toBe(-1);
    m.run("huge");
    expect(m.run("use")).toBe(-1);
    const n = kernel({ use: t.tableUser, install: t.install });
    n.run("install");
    expect(n.run("use")).toBe(0);
  });
  test("deposit and withdraw", () => {
    const m = kernel({ deposit: t.depositTwo, withdraw: t.withdrawOne });
    m.run("deposit");
    expect(states(m)).toEqual([TABLE_DEPOSITED, TABLE_DEPOSITED, TABLE_FREE, TABLE_FREE]);
    expect([m.run("withdraw"), m.run("withdraw")]).toEqual([0, 1]);
    expect(states(m).slice(0, 2)).toEqual([TABLE_PRIVATE, TABLE_PRIVATE]);
    expect(() => m.run("withdraw")).toThrow(/has no deposited table/);
  });
  test("what the life of a table refuses", () => {
    expect(() => kernel({ x: t.depositNotEmpty }).run("x")).toThrow(/not empty/);
    expect(() => kernel({ x: t.populateTwiceThread }).run("x")).toThrow(/pmd_populate\(\) of a table that is not the caller's/);
    expect(() => kernel({ x: t.unlinkNothing }).run("x")).toThrow(/unlinking a table where there is none/);
    const m = kernel({ install: t.install, free: t.freeLiveTable });
    m.run("install");
    expect(() => m.run("free")).toThrow(/pte_free\(\) of a table that is reachable/);
  });
  test.each<[number, RegExp]>([
    [0, /handed to RCU that is reachable/], [1, /the deposit of a table that is not the caller's/], [2, /freed while its lock is held/], [3, /points to a table that is not live/],
  ])("nor misuse %i of a live one", (n, says) => {
    expect(() => kernel({ x: t.misuseOf(n) }, {}, t.bootMapped).run("x")).toThrow(says);
  });
  test("a freed table is free and empty, at once or through RCU", () => {
    for (const thread of [t.takeAndFree, t.takeAndFreeDeferred]) {
      const m = kernel({ x: thread });
      m.run("x");
      expect(states(m)).toEqual([TABLE_FREE, TABLE_FREE, TABLE_FREE, TABLE_FREE]);
      expect(m.k.rcu.waiting.get()).toBe(0);
    }
  });
});

describe("entries in use", () => {
  const HUGE = mkEntry(2, LEAF | PRESENT | WRITE);
  const withTlb = (thread: KernelThread): StraightKernel => {
    const m = kernel({ huge: t.hugePresent(t.HUGE_RW), x: thread, load: t.loadPage(1) });
    m.run("huge");
    expect(m.run("load")).toBe(3);
    expect(m.k.cpu.tlbHuge.get(2, 0)).toBe(HUGE | t.YOUNG);
    return m;
  };
  test("pmdp_invalidate keeps the frame, gives the entry with its accessed bit, and flushes", () => {
    const m = withTlb(t.invalidateHuge);
    expect(m.run("x")).toBe(HUGE | t.YOUNG);
    expect(m.k.mm.pmd.get(0, 0)).toBe((HUGE | t.YOUNG) & ~PRESENT);
    expect(m.k.cpu.tlbHuge.get(2, 0)).toBe(0);
    expect(m.run("load")).toBe(-1);
  });
  test("pmdp_huge_clear_flush clears", () => {
    const m = withTlb(t.clearHugeEntry);
    expect(m.run("x")).toBe(HUGE | t.YOUNG);
    expect([m.k.mm.pmd.get(0, 0), m.k.cpu.tlbHuge.get(2, 0)]).toEqual([0, 0]);
    expect(() => m.run("x")).toThrow(/no huge mapping/);
  });
  test("pmdp_collapse_flush takes the table out, and only a table", () => {
    const m = kernel({ install: t.install, x: t.detachTable });
    m.run("install");
    expect(m.run("x")).toBe(mkPmdTable(0));
    expect([m.k.mm.pmd.get(0, 0), states(m)[0]]).toEqual([0, TABLE_PRIVATE]);
    expect(() => withTlb(t.detachTable).run("x")).toThrow(/unlinking a table where there is none/);
    expect(() => kernel({ x: t.invalidateHuge }).run("x")).toThrow(/no huge mapping/);
  });
});

describe("RCU", () => {
  test.each<[string, KernelThread, RegExp]>([
    ["nested read sections", t.rcuNested, /read-side sections are not nested/], ["an unlock alone", t.rcuUnlockOnly, /without rcu_read_lock/],
    ["nested interrupts off", t.irqsNested, /are not nested/], ["a restore alone", t.irqsRestoreOnly, /without local_irq_save/],
  ])("refuses %s", (_, thread, says) => {
    expect(() => kernel({ x: thread }).run("x")).toThrow(says);
  });
  test("a grace period ends with the last section that had begun before it", () => explored(t.gracePeriods));
});

describe("explored", () => {
  test("three threads install one table", () => explored(t.racingInstallers));
  test("a table that is reclaimed and reused under pte_offset_map_lock", () => explored(t.reclaimedUnderUser));
  test("freed without RCU, it is found", () => explored(t.freedUnderUser, /use after free: the lock of a page table/));
  test("tlb_remove_table_sync_one waits for the lockless walkers", () => explored(t.detachWithSync));
  test("without it one reads a freed table", () => explored(t.detachWithoutSync, /a walker reads a freed table/));
  test("where the walker's CPU has loaded the mm, the flush waits for it", () => explored(t.detachWithFlush));
});
