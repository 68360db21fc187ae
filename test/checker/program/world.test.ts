import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { array, bitset, bool, int, NONE, planLayout, ref, rwsem, spinlock, struct, table } from "../../../checker/program/layout.ts";
import { LockTable } from "../../../checker/program/locks.ts";
import { makeWorld, StateBytes } from "../../../checker/program/world.ts";
import { StepFault } from "../../../checker/fault.ts";

const structs = {
  mm: struct({ rss: int(-2, 5, "rss"), seq: int(0, 6, "sequence", { wrapping: true }), cpus: bitset(5, "cpus"), on: bool("on"), pgd: array(3, ref("page", "entries")), sem: rwsem("sem") }),
  page: table(4, { refs: int(0, 300, "references"), tags: array(2, int(0, 3, "tags")), lock: spinlock("lock") }),
};
const plan = planLayout(structs, 12);
function world(): ReturnType<typeof makeWorld<typeof structs>> & { locks: LockTable; bytes: StateBytes } {
  const bytes = new StateBytes(new ArrayBuffer(128));
  return Object.assign(makeWorld<typeof structs>(plan, bytes, 96), { locks: new LockTable(plan, bytes), bytes });
}
const fault = (run: () => unknown): string => {
  try {
    run();
  } catch (e) {
    if (e instanceof StepFault) return `${e.rule}: ${e.message}`;
    throw e;
  }
  throw new Error("no fault");
};

describe("accessors", () => {
  test("counts and lengths are those declared", () => {
    const k = world();
    expect([k.mm.count, k.page.count, k.mm.pgd.length, k.page.tags.length]).toEqual([1, 4, 3, 2]);
  });

  test("once and setOnce read and write the same value as get and set", () => {
    const k = world();
    k.page.refs.setOnce(2, 300);
    expect([k.page.refs.get(2), k.page.refs.once(2)]).toEqual([300, 300]);
    expect([0, 1, 3].map((i) => k.page.refs.get(i))).toEqual([0, 0, 0]);
  });

  test("add checks the sum, and wraps only a sequence counter", () => {
    const k = world();
    k.mm.rss.set(4);
    k.mm.rss.add(1);
    expect(k.mm.rss.get()).toBe(5);
    expect(fault(() => k.mm.rss.add(1))).toMatch(/^range: mm\.rss = 6: the value does not fit -2\.\.5/);
    expect(k.mm.rss.get()).toBe(5);
    k.mm.seq.set(6);
    k.mm.seq.add(3);
    expect(k.mm.seq.get()).toBe(2);
    k.mm.seq.add(-3);
    expect(k.mm.seq.get()).toBe(6);
  });

  test("cmpxchg stores only over the expected value, and checks what it stores", () => {
    const k = world();
    k.mm.pgd.set(1, 2);
    expect(k.mm.pgd.cmpxchg(1, NONE, 3)).toBe(false);
    expect(k.mm.pgd.get(1)).toBe(2);
    expect(k.mm.pgd.cmpxchg(1, 2, 3)).toBe(true);
    expect(k.mm.pgd.get(1)).toBe(3);
    expect(fault(() => k.mm.pgd.cmpxchg(1, 3, 4))).toMatch(/^range/);
    expect(k.mm.on.cmpxchg(false, true)).toBe(true);
    expect(k.mm.on.cmpxchg(false, true)).toBe(false);
    expect(k.mm.on.get()).toBe(true);
  });

  test("xchg gives what it replaces, and checks what it stores", () => {
    const k = world();
    expect(k.mm.pgd.xchg(1, 2)).toBe(NONE);
    expect(k.mm.pgd.xchg(1, 3)).toBe(2);
    expect(k.mm.pgd.get(1)).toBe(3);
    expect(fault(() => k.mm.pgd.xchg(1, 4))).toMatch(/^range/);
    expect(k.mm.pgd.get(1)).toBe(3);
    expect(k.mm.on.xchg(true)).toBe(false);
    expect(k.mm.on.xchg(true)).toBe(true);
  });

  test("addReturn gives the sum, wrapped where the field wraps", () => {
    const k = world();
    k.mm.rss.set(4);
    expect(k.mm.rss.addReturn(-5)).toBe(-1);
    expect(fault(() => k.mm.rss.addReturn(7))).toMatch(/^range: mm\.rss = 6/);
    expect(k.mm.rss.get()).toBe(-1);
    k.mm.seq.set(6);
    expect(k.mm.seq.addReturn(3)).toBe(2);
    expect(k.mm.seq.get()).toBe(2);
  });

  test("addUnless leaves one value alone, and checks the sum it stores", () => {
    const k = world();
    k.mm.rss.set(0);
    expect(k.mm.rss.addUnless(1, 0)).toBe(false);
    expect(k.mm.rss.addUnless(9, 0)).toBe(false);
    expect(k.mm.rss.get()).toBe(0);
    k.mm.rss.set(5);
    expect(k.mm.rss.addUnless(-2, 0)).toBe(true);
    expect(k.mm.rss.get()).toBe(3);
    expect(fault(() => k.mm.rss.addUnless(3, 0))).toMatch(/^range: mm\.rss = 6/);
    expect(k.mm.rss.get()).toBe(3);
  });

  test("a bitset behaves as a set of its members", () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(4))), (operations) => {
      const k = world();
      const model = new Set<number>();
      for (const [insert, m] of operations) {
        if (insert) k.mm.cpus.insert(m);
        else k.mm.cpus.remove(m);
        if (insert) model.add(m);
        else model.delete(m);
      }
      expect(k.mm.cpus.size()).toBe(model.size);
      expect([0, 1, 2, 3, 4].filter((m) => k.mm.cpus.has(m))).toEqual([...model].sort((a, b) => a - b));
      expect(k.mm.cpus.get()).toBe([...model].reduce((mask, m) => mask | (1 << m), 0));
    }));
  });

  test.each([5, -1, Number.NaN])("%d is no member of bitset(5)", (m) => {
    const k = world();
    for (const run of [() => k.mm.cpus.has(m), () => k.mm.cpus.insert(m), () => k.mm.cpus.remove(m)]) expect(fault(run)).toMatch(/^range: mm\.cpus: member/);
  });

  test.each([4, -1, Number.NaN, 2 ** 32, 0.5])("%d is no index of table(4)", (i) => {
    const k = world();
    for (const run of [() => k.page.refs.get(i), () => k.page.refs.set(i, 1), () => k.page.refs.add(i, 1), () => k.page.refs.cmpxchg(i, 0, 1), () => k.page.tags.get(i, 0), () => k.page.lock.at(i), () => k.page.lock.isHeld(i)]) {
      expect(fault(run)).toMatch(/^range: page\.\w+\[.*\]: the index is outside 0\.\.3/);
    }
    expect(k.bytes.u8.every((b) => b === 0)).toBe(true);
  });

  test.each([2, -1, Number.NaN, 0.5])("%d is no index of array(2)", (j) => {
    expect(fault(() => world().page.tags.set(1, j, 0))).toMatch(/^range: page\.tags\[1\]\[.*\]: the index is outside 0\.\.1/);
  });
});

describe("locks in the world", () => {
  test("ids are those of the plan, whose offsets belong to the right object", () => {
    const k = world();
    expect(plan.locks[k.mm.sem.at()]?.name).toBe("mm.sem");
    expect([0, 1, 2, 3].map((i) => plan.locks[k.page.lock.at(i)]?.name)).toEqual(["page[0].lock", "page[1].lock", "page[2].lock", "page[3].lock"]);
    k.locks.setHolder(k.locks.lock(k.page.lock.at(2)), 0);
    expect([0, 1, 2, 3].map((i) => k.page.lock.isHeld(i))).toEqual([false, false, true, false]);
  });

  test("isHeld sees a writer, and every reader that the mask can name, but not one who only waits", () => {
    const k = world();
    const sem = k.locks.lock(k.mm.sem.at());
    for (const actor of [0, 7, 8, 11]) {
      k.locks.setReaders(sem, 1 << actor);
      expect(k.mm.sem.isHeld(), `reader ${actor}`).toBe(true);
    }
    k.locks.setReaders(sem, 0);
    k.locks.setWaiters(sem, 1);
    expect(k.mm.sem.isHeld()).toBe(false);
    k.locks.setHolder(sem, 11);
    expect(k.mm.sem.isHeld()).toBe(true);
  });
});
