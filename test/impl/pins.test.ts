/** Who takes a reference to a page may do so, and pins are noted: impl/pins.ts, each clause broken once by hand. */
import { describe, expect, it } from "vitest";
import { FOLL_FORCE, FOLL_PIN, FOLL_WRITE } from "../../impl/gup.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { PRESENT } from "../../impl/pgtable.ts";
import { VM_READ, VM_SHARED, VM_WRITE } from "../../impl/structs/vma.ts";
import { Machine } from "./memory-machine.ts";

const SMALL = { enabled: ENABLED_NEVER };
const WRITES = "permission: get_user_pages() lets its caller write to a page whose area does not permit it";
const READS = "permission: get_user_pages() lets its caller read a page whose area does not permit it";

/** The process has written to its pages; then its area changes, and nothing of its page table. */
function changed(flags: number, options = {}): Machine {
  const m = new Machine(options);
  m.run("fill");
  m.k.vma.flags.set(0, flags);
  return m;
}

describe("who takes a reference may do so", () => {
  it.each([["a huge page", {}], ["a small page", SMALL]])("without a lock, by an entry that grants too much: %s", (_name, options) => {
    expect(() => changed(VM_READ, options).run("fast", [1, FOLL_WRITE])).toThrow(WRITES);
    expect(() => changed(0, options).run("fast", [1, 0])).toThrow(READS);
    expect(changed(VM_READ, options).run("fast", [1, 0])).toBeGreaterThanOrEqual(0);
  });
  it("under mmap_lock, where the look-up gives an area that does not contain the address", () => {
    const m = changed(VM_WRITE | VM_READ);
    m.k.vma.end.set(0, 1);
    expect(m.run("slow", [0, FOLL_WRITE])).toBeGreaterThanOrEqual(0);
    expect(() => m.run("slow", [1, FOLL_WRITE])).toThrow(WRITES);
  });
  it("by force: to read everything, to write only to a page that nobody else maps, and not in a shared area", () => {
    const forced = (break_: (m: Machine, page: number) => void, flags = VM_READ, how = FOLL_FORCE | FOLL_WRITE) => () => {
      const m = changed(flags, SMALL);
      break_(m, m.k.ptTable.pte.get(0, 1) >> 9);
      return m.run("slow", [1, how]);
    };
    const nothing = (): void => { /* as it is */ };
    expect(forced(nothing)()).toBeGreaterThanOrEqual(0);
    expect(forced(nothing, 0, FOLL_FORCE)()).toBeGreaterThanOrEqual(0);
    expect(forced((m, page) => { m.k.page.mapcount.set(page, 1); })).toThrow(WRITES);
    expect(forced(nothing, VM_READ | VM_SHARED)()).toBe(-1);
  });
});

describe("pins", () => {
  const held = (m: Machine, cpu: number): number[] => [0, 1].map((i) => m.k.cpu.pinned.get(cpu, i));
  it("are noted until they are given back, by whomever", () => {
    const m = new Machine();
    m.run("fill");
    const fast = m.cpu("fast");
    const page = m.run("fast", [1, FOLL_PIN | FOLL_WRITE]) as number;
    const other = m.run("slow", [0, FOLL_PIN]) as number;
    expect([held(m, fast), held(m, m.cpu("slow"))]).toEqual([[page, -1], [other, -1]]);
    m.run("fast", [1, FOLL_WRITE]);
    expect(held(m, fast)).toEqual([page, -1]);
    m.run("unpin", [page]);
    m.run("unpin", [other]);
    expect([held(m, fast), held(m, m.cpu("slow"))]).toEqual([[-1, -1], [-1, -1]]);
  });
  it("that nobody holds cannot be given back, and there is room for as many as the configuration says", () => {
    const m = new Machine();
    m.run("fill");
    const page = m.run("fast", [0, FOLL_WRITE]) as number;
    m.k.page.pincount.set(page, 1);
    expect(() => m.run("unpin", [page])).toThrow(`pins: page ${page} is unpinned, and nobody has it pinned`);
    for (let i = 0; i < m.k.param.pinsPerThread.get(); i++) m.run("fast", [0, FOLL_PIN]);
    expect(() => m.run("fast", [0, FOLL_PIN])).toThrow("raise pinsPerThread in kernelConfig()");
  });
  it("is refused of an entry that is being split, and then not noted", () => {
    const m = new Machine();
    m.run("fill");
    m.k.mm.pmd.set(0, 0, m.k.mm.pmd.get(0, 0) & ~PRESENT);
    expect([m.run("fast", [1, FOLL_PIN]), held(m, m.cpu("fast"))]).toEqual([-1, [-1, -1]]);
  });
});
