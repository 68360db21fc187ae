/** What a load may return: the promise itself, and how far fork and mremap loosen it; discard.test.ts has the calls that discard. */
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { explored } from "./explored.ts";
import { PRESENT, mkEntry, mkPmdTable } from "../../impl/pgtable.ts";
import { bootTwins } from "./memory-threads.ts";
import { StraightKernel, kernelScenario } from "./straight-kernel.ts";
import * as t from "./user-memory-threads.ts";

/** Two processes of four pages, two to a huge page. */
let m: StraightKernel;
beforeAll(() => {
  m = new StraightKernel(kernelScenario({
    load0: t.loaded(0, 0, 0), load1: t.loaded(0, 0, 1), load2: t.loaded(0, 0, 2), loadPoison: t.loaded(0, 0, 4), store1: t.stored(0, 0, 1), store2: t.stored(0, 0, 2), storeNew: t.stored(0, 2, 3),
    childStore3: t.stored(1, 0, 3), forkBegins: t.forkBegins, forkEnds: t.forkEnds, forkAborts: t.forkAborts,
    moveBegins: t.moveBegins, moveEnds: t.moveEnds, processEnds: t.processEnds,
  }, bootTwins(4, 0), { mms: 2, vmas: 2 }));
});
beforeEach(() => m.restart());

const run = (...names: string[]): void => names.forEach((n) => m.run(n));
/** The set for a page of a process. */
const may = (mm: number, vpn: number): number[] => [0, 1, 2, 3].filter((c) => ((m.k.user.mayRead.get(mm * 4 + vpn) >> c) & 1) !== 0);
/** Maps page `vpn` of a process to a frame with this content, by a PTE. */
function mapPte(mm: number, vpn: number, frame: number, content: number, flags = PRESENT): void {
  const table = mm * 2 + Math.floor(vpn / 2);
  m.k.mm.pmd.set(mm, Math.floor(vpn / 2), mkPmdTable(table));
  m.k.ptTable.pte.set(table, vpn % 2, mkEntry(frame, flags));
  m.k.page.content.set(frame, content);
}

describe("a load returns the last store", () => {
  test("or zero, before there was one", () => {
    run("load0", "store1", "load1", "store2", "load2");
    expect(() => m.run("load1")).toThrow("user memory: process 0 reads 1 from page 0, which may only hold 2: a lost store, a stale translation or a page of somebody else");
  });
  test("never poison", () => {
    expect(() => m.run("loadPoison")).toThrow(/process 0 reads poison \(a freed page\) from page 0/);
  });
  test("and a new process starts with zeroes", () => {
    run("store1", "moveBegins", "processEnds", "load0");
    expect([may(0, 0), m.k.user.copied.get(0)]).toEqual([[0], false]);
  });
});

test("calls on two CPUs know the same, whether their sets share one bit set or not", async () => {
  // 4 contents of 2 CPUs fit into one bit set, 16 do not.
  const [shared, apart] = [await explored(t.discardedTwice(4)), await explored(t.discardedTwice(16))];
  expect(apart.states).toBe(shared.states);
});

describe("fork", () => {
  test("gives the child what the page held at some moment; the parent keeps its last store", () => {
    run("store1", "forkBegins", "store2", "load2");
    expect([may(0, 0), may(1, 0)]).toEqual([[2], [1, 2]]);
    mapPte(1, 0, 3, 1);
    run("forkEnds", "store1");
    expect([may(0, 0), may(1, 0)]).toEqual([[1], [1]]);
  });
  test("that is a stranger's page", () => {
    run("store1", "forkBegins");
    mapPte(1, 0, 3, 3);
    expect(() => m.run("forkEnds")).toThrow(/process 1 reads 3 from page 0, which may only hold 1/);
  });
  test("that fails binds nobody", () => {
    run("store1", "forkBegins", "forkAborts", "store2", "load2", "childStore3");
    expect([may(0, 0), may(1, 0)]).toEqual([[2], [3]]);
  });
});

describe("mremap", () => {
  test("takes stores along to the new address", () => {
    run("store1", "moveBegins", "store2");
    expect([may(0, 0), may(0, 2)]).toEqual([[0, 1, 2], [0, 1, 2]]);
    mapPte(0, 2, 3, 2);
    run("moveEnds", "load0");
    expect([may(0, 0), may(0, 2)]).toEqual([[0], [2]]);
    run("store1");
    expect(may(0, 2)).toEqual([2]);
  });
  test("counts a store to the new address, which already works", () => {
    run("store1", "moveBegins", "storeNew");
    mapPte(0, 2, 3, 3);
    run("moveEnds");
    expect(may(0, 2)).toEqual([3]);
  });
});
