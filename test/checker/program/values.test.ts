import { describe, expect, test } from "vitest";
import { array, bitset, bool, int, mutex, NONE, planLayout, ref, rwsem, spinlock, struct, table } from "../../../checker/program/layout.ts";
import { LockTable } from "../../../checker/program/locks.ts";
import { ABSENT, changedValues, statisticValues, structValues } from "../../../checker/program/values.ts";
import { makeWorld, StateBytes } from "../../../checker/program/world.ts";

const structs = {
  mm: struct({ faults: int(0, 99, "faults", { role: "statistic" }), rss: int(-1, 9, "rss"), mmapLock: rwsem("mm", { queued: true }), cpus: bitset(4, "cpus"), pgd: array(3, ref("page", "entries")) }),
  page: table(2, { head: ref("page", "head"), dirty: bool("dirty"), lock: mutex("lock"), ptl: spinlock("ptl") }),
};
const plan = planLayout(structs, 3);
const base = 32;
const names = ["fault", "khugepaged", "reclaim"];

function state(): { bytes: StateBytes; k: ReturnType<typeof makeWorld<typeof structs>>; locks: LockTable; values: () => Record<string, string> } {
  const bytes = new StateBytes(new ArrayBuffer(64));
  return { bytes, k: makeWorld<typeof structs>(plan, bytes, base), locks: new LockTable(plan, bytes), values: () => Object.fromEntries(structValues(plan, bytes, names, base).map((v) => [v.name, v.value])) };
}

describe("structValues", () => {
  test("names every field of the state, object by object, and prints the empty state", () => {
    expect(structValues(plan, state().bytes, names, base).map((v) => `${v.name} = ${v.value}`)).toEqual([
      "mm.rss = -1", "mm.mmapLock = free", "mm.cpus = {}", "mm.pgd[0] = NONE", "mm.pgd[1] = NONE", "mm.pgd[2] = NONE",
      "page[0].head = NONE", "page[0].dirty = false", "page[0].lock = free", "page[0].ptl = free",
      "page[1].head = NONE", "page[1].dirty = false", "page[1].lock = free", "page[1].ptl = free",
    ]);
  });

  test("prints values as a reader writes them", () => {
    const { k, values } = state();
    k.mm.rss.set(3);
    k.mm.cpus.insert(0);
    k.mm.cpus.insert(2);
    k.mm.pgd.set(1, 0);
    k.page.head.set(1, 1);
    k.page.dirty.set(0, true);
    expect(values()).toMatchObject({ "mm.rss": "3", "mm.cpus": "{0,2}", "mm.pgd[0]": "NONE", "mm.pgd[1]": "page 0", "page[1].head": "page 1", "page[0].dirty": "true" });
  });

  test("locks say who holds them, how, and who waits", () => {
    const { locks, values } = state();
    const [mmap, lock0, lock1, , ptl1] = plan.locks;
    locks.setHolder(lock0!, 1);
    locks.setHolder(ptl1!, 2);
    locks.setReaders(mmap!, 0b101);
    locks.setWaiters(mmap!, 0b010);
    expect(values()).toMatchObject({ "mm.mmapLock": "held for reading by fault, reclaim; waiting to write: khugepaged", "page[0].lock": "held by khugepaged", "page[1].ptl": "held by reclaim" });
    locks.setReaders(mmap!, 0);
    locks.setWaiters(mmap!, 0);
    locks.setHolder(mmap!, 0);
    locks.setHolder(lock1!, 7);
    expect(values()).toMatchObject({ "mm.mmapLock": "held for writing by fault", "page[1].lock": "held by actor 7" });
  });

  test("statistics are printed apart", () => {
    const { k, bytes, values } = state();
    k.mm.faults.add(7);
    expect(statisticValues(plan, bytes, base)).toEqual([{ name: "mm.faults", value: "7" }]);
    expect(values()).not.toHaveProperty("mm.faults");
  });
});

describe("changedValues", () => {
  test("lists what differs, and nothing for equal states", () => {
    const { k, bytes } = state();
    const before = structValues(plan, bytes, names, base);
    expect(changedValues(before, structValues(plan, bytes, names, base))).toEqual([]);
    k.page.head.set(0, 1);
    k.page.dirty.set(1, true);
    expect(changedValues(before, structValues(plan, bytes, names, base))).toEqual([
      { name: "page[0].head", before: "NONE", after: "page 1" },
      { name: "page[1].dirty", before: "false", after: "true" },
    ]);
    k.page.head.set(0, NONE);
    expect(changedValues(before, structValues(plan, bytes, names, base))).toHaveLength(1);
  });

  test("a value that only one state has is a change", () => {
    expect(changedValues([{ name: "pfn", value: "1" }, { name: "x", value: "0" }], [{ name: "x", value: "0" }, { name: "order", value: "9" }])).toEqual([
      { name: "order", before: ABSENT, after: "9" },
      { name: "pfn", before: "1", after: ABSENT },
    ]);
  });
});
