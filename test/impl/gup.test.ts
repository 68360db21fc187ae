/** get_user_pages(), fast and slow: what is taken, what is refused, and the races against fork, zap and collapse's relatives. */
import { describe, expect, test } from "vitest";
import { FOLL_FORCE, FOLL_PIN, FOLL_WRITE } from "../../impl/gup.ts";
import { MMF_HAS_PINNED, MMF_UNSTABLE } from "../../impl/structs/mm.ts";
import { VM_READ } from "../../impl/structs/vma.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { DIRTY, entryHas, entryTarget, LEAF, PRESENT, WRITE } from "../../impl/pgtable.ts";
import { Machine, type MachineOptions } from "./memory-machine.ts";

const SMALL = { enabled: ENABLED_NEVER };

const counts = (m: Machine, page: number): number[] => [m.k.page.refcount.get(page), m.k.page.pincount.get(page)];

describe("fast", () => {
  test.each([["a huge page", {}, 1], ["a small page", SMALL, 0]])("takes %s, with a pin or without, and gives it back", (_name, options: MachineOptions, tail) => {
    const m = new Machine(options);
    m.run("fill");
    const page = m.run("fast", [1, FOLL_WRITE]) as number;
    const folio = page - tail;
    expect(m.k.page.content.get(page)).toBe(2);
    expect(counts(m, folio)).toEqual([2, 0]);
    expect(m.k.mm.flags.get(0) & MMF_HAS_PINNED).toBe(0);
    expect([m.run("fast", [1, FOLL_PIN | FOLL_WRITE]), m.run("fast", [1, FOLL_PIN]), m.k.mm.flags.get(0) & MMF_HAS_PINNED]).toEqual([page, page, MMF_HAS_PINNED]);
    expect([...counts(m, folio), m.k.page.referenced.get(folio), m.k.cpu.irqsOff.get(2)]).toEqual([4, 2, true, false]);
  });
  test("refuses what is not there, a zero page, what it may not write, what is being split or shared", () => {
    const m = new Machine();
    expect(m.run("fast", [1, 0])).toBe(-1);
    m.run("load", [0, 0]);
    expect(m.run("fast", [1, 0])).toBe(-1);
    m.run("fill");
    const pmd = m.k.mm.pmd.get(0, 0);
    m.k.mm.pmd.set(0, 0, pmd & ~PRESENT); // pmdp_invalidate()
    expect(m.run("fast", [1, 0])).toBe(-1);
    m.k.mm.pmd.set(0, 0, pmd);
    m.k.mm.writeProtectSeq.set(0, 1);
    expect(m.run("fast", [1, FOLL_PIN])).toBe(-1);
    m.k.mm.writeProtectSeq.set(0, 0);
    m.run("fork");
    const folio = entryTarget(pmd);
    expect([m.run("fast", [1, FOLL_WRITE]), m.run("fast", [1, FOLL_PIN]), ...counts(m, folio), m.run("fast", [1, 0])]).toEqual([-1, -1, 2, 0, folio + 1]);
  });
  test("refuses the same among PTEs", () => {
    const m = new Machine(SMALL);
    m.run("load", [0, 1]);
    expect(m.run("fast", [1, 0])).toBe(-1);
    m.run("fill"); m.run("fork");
    const page = entryTarget(m.k.ptTable.pte.get(0, 1));
    expect([m.run("fast", [1, FOLL_WRITE]), m.run("fast", [1, FOLL_PIN]), ...counts(m, page), m.run("fast", [1, 0])]).toEqual([-1, -1, 2, 0, page]);
  });
  test("refuses a frozen folio", () => {
    const m = new Machine();
    m.run("fill");
    m.k.page.refcount.set(entryTarget(m.k.mm.pmd.get(0, 0)), 0);
    expect(m.run("fast", [0, 0])).toBe(-1);
  });
  test("notices a table that was freed under it", () => {
    const m = new Machine(SMALL);
    m.run("fill");
    m.k.ptTable.state.set(0, 0);
    expect(() => m.run("fast", [0, 0])).toThrow(/use after free: a lockless walker is in a page table/);
  });
});

describe("slow", () => {
  test.each([["huge", {}], ["small", SMALL]])("faults a page in, pins and unpins it: %s", (_name, options: MachineOptions) => {
    const m = new Machine(options);
    const page = m.run("slow", [1, FOLL_PIN | FOLL_WRITE]) as number;
    const folio = m.k.page.head.get(page) < 0 ? page : m.k.page.head.get(page);
    expect([page, ...counts(m, folio), m.k.mm.anonPages.get(0)]).toEqual(options === SMALL ? [0, 2, 1, 1] : [1, 2, 1, 4]);
    expect([m.run("slow", [1, FOLL_WRITE]), ...counts(m, folio)]).toEqual([page, 3, 1]);
    if (options !== SMALL) {
      m.run("unpin", [1]);
      expect(counts(m, folio)).toEqual([2, 0]);
      expect(() => m.run("unpin", [1])).toThrow(/unpinned more often/);
    }
  });
  test.each([["huge", {}], ["small", SMALL]])("who asks to write makes the page dirty, who asks to read does not: %s", (_name, options: MachineOptions) => {
    const m = new Machine(options);
    m.run("fill");
    const pmd = m.k.mm.pmd.get(0, 0);
    const table = entryTarget(pmd);
    const clean = () => {
      if (options === SMALL) m.k.ptTable.pte.set(table, 1, m.k.ptTable.pte.get(table, 1) & ~DIRTY);
      else m.k.mm.pmd.set(0, 0, pmd & ~DIRTY);
    };
    clean();
    const page = m.run("slow", [1, FOLL_PIN]) as number;
    const folio = options === SMALL ? page : page - 1;
    const dirty = () => m.k.page.dirty.get(folio) || entryHas(options === SMALL ? m.k.ptTable.pte.get(table, 1) : m.k.mm.pmd.get(0, 0), DIRTY);
    expect(dirty()).toBe(false);
    m.run("slow", [1, FOLL_WRITE | FOLL_PIN]);
    expect(dirty()).toBe(true);
    if (options === SMALL) expect(m.k.page.active.get(folio)).toBe(true);
  });
  test("has no page for a zero page, and none where it is not permitted", () => {
    const m = new Machine();
    m.k.vma.flags.set(0, VM_READ);
    m.k.vma.end.set(0, 3);
    expect([m.run("slow", [0, 0]), m.run("slow", [2, 0]), m.run("slow", [0, FOLL_WRITE]), m.run("slow", [3, 0]), m.k.mm.anonPages.get(0)]).toEqual([-1, -1, -1, -1, 0]);
    m.k.vma.flags.set(0, 0);
    expect(m.run("slow", [0, 0])).toBe(-1);
  });
  test("gives up where the fault fails", () => {
    const m = new Machine();
    m.k.mm.flags.set(0, MMF_UNSTABLE);
    expect(m.run("slow", [0, FOLL_WRITE])).toBe(-1);
  });
  test.each([["huge", {}], ["small", SMALL]])("a pin for reading of a shared page gets a page of its own first: %s", (_name, options: MachineOptions) => {
    const m = new Machine(options);
    m.run("fill"); m.run("fork");
    const shared = m.run("slow", [1, 0]) as number;
    const page = m.run("slow", [0, FOLL_PIN]) as number;
    expect([page === shared, m.k.page.content.get(page), m.k.page.anonExclusive.get(page)]).toEqual([false, 1, true]);
    m.run("store", [0, 0, 3]);
    expect(m.k.page.content.get(page)).toBe(3);
  });
  test.each([["huge", {}], ["small", SMALL]])("a forced write breaks COW and leaves the entry read-only: %s", (_name, options: MachineOptions) => {
    const m = new Machine(options);
    m.run("fill"); m.run("fork");
    m.k.vma.flags.set(0, VM_READ);
    expect(m.run("slow", [0, FOLL_WRITE])).toBe(-1);
    const page = m.run("slow", [0, FOLL_WRITE | FOLL_FORCE]) as number;
    const pmd = m.k.mm.pmd.get(0, 0);
    const pte = m.k.ptTable.pte.get(entryTarget(pmd), 0);
    expect([entryHas(pmd, LEAF), entryTarget(pte), entryHas(pte, WRITE), m.k.page.anonExclusive.get(page), m.k.page.content.get(page)]).toEqual([false, page, false, true, 1]);
    const child = m.k.mm.pmd.get(1, 0);
    expect(page).not.toBe(entryTarget(entryHas(child, LEAF) ? child : m.k.ptTable.pte.get(entryTarget(child), 0)));
  });
  test.each([["huge", {}], ["small", SMALL]])("a forced write to an area without permission goes to a page that is already its own: %s", (_name, options: MachineOptions) => {
    const m = new Machine(options);
    m.k.vma.flags.set(0, VM_READ);
    const page = m.run("slow", [0, FOLL_WRITE | FOLL_FORCE]) as number;
    m.k.page.content.set(page, 0);
    expect([m.run("slow", [0, FOLL_WRITE | FOLL_FORCE]), m.run("load", [0, 0]), counts(m, page)[0]]).toEqual([page, 0, 3]);
  });
});
