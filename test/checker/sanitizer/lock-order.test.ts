import { describe, expect, it } from "vitest";
import { downgrade, feed, found, holding, lock, lockId, plan, trylock, type Script } from "./block-script.ts";
import { planLayout, spinlock, table } from "../../../checker/program/layout.ts";
import { ACQUIRE_EXCLUSIVE } from "../../../checker/sanitizer/block-log.ts";
import { LockOrder, type LockEdge } from "../../../checker/sanitizer/lock-order.ts";

type Mode = "exclusive" | "shared";
const only = { rules: ["lock-order"] } as const;
const inversions = (blocks: readonly Script[], notes = {}): string[] => found(blocks, { ...only, ...notes });
/** `actor` takes `then` in a block that begins with `first` held. */
const nest = (actor: number, first: string, then: string, firstMode: Mode = "exclusive", thenMode: Mode = "exclusive"): Script =>
  ({ actor, holding: [holding(first, firstMode)], does: [lock(then, thenMode)] });

describe("an inversion", () => {
  it("is reported even if no schedule deadlocked", () => {
    expect(inversions([nest(0, "pool.lock", "mm.queuedSem"), nest(1, "mm.queuedSem", "pool.lock")])).toHaveLength(1);
  });
  it("is silent while everybody keeps one order", () => {
    expect(inversions([nest(0, "pool.lock", "mm.queuedSem"), nest(1, "pool.lock", "mm.queuedSem"), nest(1, "mm.queuedSem", "page[1].lock"), nest(0, "pool.lock", "page[0].lock")])).toEqual([]);
  });
  it("is found among classes, not instances", () => {
    expect(inversions([nest(0, "pool.lock", "page[1].lock"), nest(1, "page[2].lock", "pool.lock")])).toHaveLength(1);
  });
  it("is found when one thread makes it alone", () => {
    expect(inversions([nest(0, "pool.lock", "page[1].lock"), nest(0, "page[2].lock", "pool.lock")])).toHaveLength(1);
  });
  it("is found in a cycle of three, with both lines of each edge", () => {
    const blocks: Script[] = [
      { actor: 0, does: [lock("pool.lock"), lock("mm.sem")] },
      { actor: 1, does: [lock("mm.sem"), lock("page[0].lock")] },
      { actor: 2, does: [lock("page[0].lock")] },
      nest(2, "page[0].lock", "pool.lock"),
    ];
    const [finding, ...others] = feed(blocks, only).findings();
    expect(others).toEqual([]);
    expect(finding!.message).toBe(
      "mm.sem -> page.lock -> pool.lock -> mm.sem is a cycle: " +
      "ben takes page[0].lock at script.ts:202 while holding mm.sem, taken at script.ts:201; " +
      "cara takes pool.lock at script.ts:401 while holding page[0].lock, taken at script.ts:301; " +
      "anna takes mm.sem at script.ts:102 while holding pool.lock, taken at script.ts:101. Take these locks in one order everywhere");
    expect(finding!.sites).toEqual([202, 201, 401, 301, 102, 101]);
  });
});

describe("trylocks", () => {
  const tries = (actor: number, first: string, then: string): Script => ({ actor, holding: [holding(first)], does: [trylock(then)] });
  it("do not wait, so they take locks in any order", () => {
    expect(inversions([nest(0, "pool.lock", "mm.sem"), tries(1, "mm.sem", "pool.lock")])).toEqual([]);
  });
  it("hold the lock like any other: what is taken after it counts", () => {
    const both: Script = { actor: 1, does: [trylock("mm.sem"), lock("pool.lock")] };
    expect(inversions([nest(0, "pool.lock", "mm.sem"), both])).toEqual(["lock-order 202 201 101 -1"]);
  });
});

describe("readers", () => {
  const cross = (sem: string, hold: Mode, take: Mode): string[] => inversions([nest(0, "pool.lock", sem, "exclusive", take), nest(1, sem, "pool.lock", hold)]);
  it("wait for writers only, where writers do not queue", () => {
    expect(cross("mm.sem", "shared", "shared")).toEqual([]);
    expect(cross("mm.sem", "exclusive", "shared")).toHaveLength(1);
    expect(cross("mm.sem", "shared", "exclusive")).toHaveLength(1);
  });
  it("wait behind queued writers, so for other readers too", () => {
    expect(cross("mm.queuedSem", "shared", "shared")).toHaveLength(1);
  });
  it("hold no more than they keep after a downgrade", () => {
    const downgraded: Script = { actor: 1, does: [lock("mm.sem"), downgrade("mm.sem"), lock("pool.lock")] };
    expect(inversions([nest(0, "pool.lock", "mm.sem", "exclusive", "shared"), downgraded])).toEqual([]);
    expect(inversions([nest(0, "pool.lock", "mm.sem"), downgraded])).toHaveLength(1);
  });
  it("a cycle needs every wait in it, not every mode once", () => {
    // Shared after shared breaks the chain, although the exclusive edges exist elsewhere.
    expect(inversions([nest(0, "pool.lock", "mm.sem", "exclusive", "shared"), nest(1, "mm.sem", "page[0].lock", "exclusive"), nest(2, "mm.sem", "pool.lock", "shared")])).toEqual([]);
  });
});

describe("two locks of one class", () => {
  it("are a cycle by themselves", () => {
    expect(inversions([nest(0, "page[0].lock", "page[1].lock")])).toHaveLength(1);
  });
  it("are ordered by what the declaration of the lock says", () => {
    const cyclesOf = (nesting: { nesting?: "ascending" | "nested" }, first: number, then: number): number => {
      const layout = planLayout({ page: table(3, { lock: spinlock("page lock", nesting) }) }, 1);
      const order = new LockOrder(layout);
      order.addBlock({ actor: 0, instruction: false, endsAt: new Set(), besides: new Set(), label: "b", heldAtStart: [{ lock: first, mode: "exclusive" }], operations: Int32Array.of(ACQUIRE_EXCLUSIVE, then, 7) });
      return order.cycles().length;
    };
    expect([cyclesOf({}, 0, 1), cyclesOf({}, 1, 0)]).toEqual([1, 1]);
    expect([cyclesOf({ nesting: "ascending" }, 0, 1), cyclesOf({ nesting: "ascending" }, 1, 0)]).toEqual([0, 1]);
    expect([cyclesOf({ nesting: "nested" }, 0, 1), cyclesOf({ nesting: "nested" }, 1, 0)]).toEqual([0, 0]);
  });
  it("declared ascending, are taken from the lower index", () => {
    const ascending = { ascending: ["page.lock"] };
    expect(inversions([nest(0, "page[0].lock", "page[1].lock"), nest(1, "page[1].lock", "page[3].lock")], ascending)).toEqual([]);
    expect(inversions([nest(0, "page[2].lock", "page[1].lock")], ascending)).toHaveLength(1);
  });
  it("declared nested, are the author's business", () => {
    expect(inversions([nest(0, "page[2].lock", "page[1].lock"), nest(0, "page[1].lock", "page[2].lock")], { nested: ["page.lock"] })).toEqual([]);
  });
  it("a note on a class that does not exist is refused", () => {
    expect(() => inversions([], { ascending: ["page.lok"] })).toThrow('"page.lok" is not a lock class');
  });
});

describe("the graph", () => {
  const edge = (from: string, to: string): LockEdge => ({ from, fromMode: "exclusive", to, toMode: "exclusive", actor: 0, label: "", held: lockId("pool.lock"), heldSite: 1, taken: lockId("mm.sem"), site: 2 });
  it("of two workers is the union of their edges", () => {
    const [one, two] = [new LockOrder(plan), new LockOrder(plan)];
    one.add(edge("pool.lock", "mm.sem"));
    two.add(edge("mm.sem", "pool.lock"));
    expect([...one.cycles(), ...two.cycles()]).toEqual([]);
    for (const e of structuredClone(two.edges())) one.add(e);
    expect(one.cycles()).toHaveLength(1);
  });
  it("knows a cycle from the moment that it closes", () => {
    const order = new LockOrder(plan);
    order.add(edge("pool.lock", "mm.sem"));
    expect(order.cycleThrough(edge("pool.lock", "mm.sem"))).toBeNull();
    order.add(edge("mm.sem", "pool.lock"));
    expect(order.cycleThrough(edge("pool.lock", "mm.sem"))).toHaveLength(2);
  });
});
