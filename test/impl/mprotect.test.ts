/** mprotect(). */
import { beforeEach, describe, expect, it } from "vitest";
import { EINVAL, ENOMEM } from "../../impl/errno.ts";
import { VM_LOCKED, VM_READ } from "../../impl/structs/vma.ts";
import { EXCLUSIVE, LEAF, MIGRATION, WRITE } from "../../impl/pgtable.ts";
import { bounds, expectNothingLeft, fill, map, MACHINE } from "./calls.ts";
import { RW, SequentialKernel } from "./sequential-kernel.ts";

const s = new SequentialKernel(MACHINE);
beforeEach(() => s.reset());
const R = VM_READ;
const SIGNAL = Number(s.config.contents);

describe("mprotect", () => {
  it("refuses unknown protection; a hole is ENOMEM, with what lies before it changed", () => {
    map(s, 0, 4);
    map(s, 8, 12);
    expect([s.mprotect(0, 0, 4, VM_LOCKED), s.mprotect(0, 0, 0, R), s.mprotect(0, 5, 1, R), s.mprotect(0, 12, 8, R)]).toEqual([-EINVAL, 0, -ENOMEM, -ENOMEM]);
    expect([s.mprotect(0, 0, 4, RW), s.mprotect(0, 0, 12, R)]).toEqual([0, -ENOMEM]);
    expect(s.areas(0).map((a) => a[2])).toEqual([R, RW]);
    expectNothingLeft(s);
  });
  it("a huge page keeps being one, and becomes writable again without a fault", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    expect(s.mprotect(0, 0, 4, R)).toBe(0);
    expect([s.isHuge(0, 0), s.writable(0, 0), s.store(0, 0, 9), s.load(0, 0)]).toEqual([true, false, false, 1]);
    expect(s.mprotect(0, 0, 4, RW)).toBe(0);
    const faults = s.vmstat("pgfault");
    expect([s.writable(0, 0), s.store(0, 0, 9), s.vmstat("pgfault") - faults]).toEqual([true, true, 0]);
    expectNothingLeft(s);
  });
  it("PROT_NONE: mapped, and of no use to anybody", () => {
    map(s, 0, 8);
    fill(s, 0, 4);
    s.sysfs("enabled", "never");
    fill(s, 4, 8);
    expect(s.mprotect(0, 0, 8, 0)).toBe(0);
    expect([s.load(0, 0), s.load(0, 5), s.store(0, 5, 1), s.k.mm.anonPages.get(0)]).toEqual([SIGNAL, SIGNAL, false, 8]);
    expect(s.mprotect(0, 0, 8, RW)).toBe(0);
    expect([s.load(0, 0), s.load(0, 5), s.store(0, 5, 1)]).toEqual([1, 6, true]);
    expectNothingLeft(s);
  });
  it("of one page of a huge one: split; giving it back does not make it huge again", () => {
    map(s, 0, 4);
    fill(s, 0, 4);
    expect(s.mprotect(0, 1, 1, R)).toBe(0);
    expect([s.vmstat("thpSplitPmd"), s.vmstat("thpDeferredSplitPage"), s.isHuge(0, 0), bounds(s)]).toEqual([1, 0, false, "0-1 1-2 2-4"]);
    expect([s.store(0, 0, 5), s.store(0, 1, 5), s.load(0, 1)]).toEqual([true, false, 2]);
    expect(s.mprotect(0, 1, 1, RW)).toBe(0);
    expect([bounds(s), s.isHuge(0, 0), s.store(0, 1, 5)]).toEqual(["0-4", false, true]);
    expectNothingLeft(s);
  });
  it("pages shared with a child stay read-only, and are copied when written", () => {
    map(s, 0, 8);
    fill(s, 0, 4);
    s.sysfs("enabled", "never");
    fill(s, 4, 8);
    expect(s.fork(0, 1)).toBe(1);
    expect([s.mprotect(0, 0, 8, R), s.mprotect(0, 0, 8, RW)]).toEqual([0, 0]);
    expect([s.writable(0, 0), s.writable(0, 4)]).toEqual([false, false]);
    expect([s.store(0, 0, 9), s.store(0, 4, 9), s.load(1, 0), s.load(1, 4)]).toEqual([true, true, 1, 5]);
    expectNothingLeft(s, [0, 1]);
  });
  it("the huge zero page and the zero page are never writable", () => {
    map(s, 0, 8);
    expect(s.load(0, 0)).toBe(0);
    s.sysfs("use_zero_page", "0");
    s.sysfs("enabled", "never");
    expect(s.load(0, 4)).toBe(0);
    expect([s.mprotect(0, 0, 8, R), s.mprotect(0, 0, 8, RW)]).toEqual([0, 0]);
    expect([s.isHuge(0, 0), s.writable(0, 0), s.isHuge(0, 4), s.writable(0, 4)]).toEqual([true, false, false, false]);
    expect(s.mprotect(0, 0, 2, R)).toBe(0);
    expect([s.isHuge(0, 0), s.vmstat("thpSplitPmd")]).toEqual([false, 1]);
    expect([0, 1, 2, 3].map((v) => s.load(0, v))).toEqual([0, 0, 0, 0]);
    expectNothingLeft(s);
  });
  it("a migration entry loses its write permission, not its exclusiveness: PMD and PTE", () => {
    map(s, 0, 8);
    fill(s, 0, 4);
    s.sysfs("enabled", "never");
    fill(s, 4, 5);
    const { k } = s;
    const pmd = k.mm.pmd.get(0, 0);
    const table = k.mm.pmd.get(0, 1) >> 9;
    const pte = k.ptTable.pte.get(table, 0);
    const folio = pmd >> 9;
    const page = pte >> 9;
    k.mm.pmd.set(0, 0, (folio << 9) | MIGRATION | LEAF | WRITE);
    k.ptTable.pte.set(table, 0, (page << 9) | MIGRATION | WRITE);
    // Migration flushes what it replaces.
    for (let cpu = 0; cpu < k.cpu.count; cpu++) {
      k.cpu.tlbHuge.set(cpu, 0, 0);
      k.cpu.tlb.set(cpu, 4, 0);
    }
    expect(s.mprotect(0, 0, 8, R)).toBe(0);
    expect(k.mm.pmd.get(0, 0)).toBe((folio << 9) | MIGRATION | LEAF | EXCLUSIVE);
    expect(k.ptTable.pte.get(table, 0)).toBe((page << 9) | MIGRATION | EXCLUSIVE);
    k.mm.pmd.set(0, 0, pmd & ~WRITE);
    k.ptTable.pte.set(table, 0, pte & ~WRITE);
    expectNothingLeft(s);
  });
});
