/** The buddy allocator: splitting, merging, exhaustion, poison, and what it refuses to free. */
import { describe, expect, test } from "vitest";
import { compileScenario } from "../../checker/compile/compile.ts";
import { bootMemory } from "../../impl/page-alloc.ts";
import { run } from "../checker/search/options.ts";
import { churning, freePage, freeReferencedPage, freeSpoiltHuge, frees, huge, many, map, mayFail, refer, small, write } from "./page-alloc-threads.ts";
import { StraightKernel, kernelScenario, type KernelOptionsBesideCpus, type KernelThread } from "./straight-kernel.ts";

const kernel = (threads: Record<string, KernelThread>, options: Partial<KernelOptionsBesideCpus> = {}): StraightKernel => new StraightKernel(kernelScenario(threads, bootMemory, options));
const FOUR: Partial<KernelOptionsBesideCpus> = { pagesPerHugePage: 4, frames: 8 };

describe("buddy", () => {
  test("boot puts all memory into blocks of a huge page, poisoned", () => {
    const m = kernel({ small }, FOUR);
    const { k } = m;
    expect(k.zone.freePages.get()).toBe(8);
    expect([...Array(8).keys()].map((p) => k.page.content.get(p))).toEqual(Array(8).fill(k.param.contents.get()));
    expect(m.freeBlocks()).toEqual([[], [], [0, 4]]);
  });

  test("a small allocation splits a block, and the last free of its pages merges it again", () => {
    const m = kernel({ small, ...frees }, FOUR);
    expect(m.run("small")).toBe(0);
    expect(m.freeBlocks()).toEqual([[1], [2], [4]]);
    expect(m.k.page.refcount.get(0)).toBe(1);
    expect([m.run("small"), m.run("small")]).toEqual([1, 2]);
    expect(m.freeBlocks()).toEqual([[3], [], [4]]);
    m.run("free 1");
    expect(m.freeBlocks()).toEqual([[1, 3], [], [4]]);
    m.run("free 2");
    expect(m.freeBlocks()).toEqual([[1], [2], [4]]);
    m.run("free 0");
    expect(m.freeBlocks()).toEqual([[], [], [0, 4]]);
    expect(m.k.zone.freePages.get()).toBe(8);
  });

  test("the order in which pages were freed leaves no trace in the state", () => {
    const a = kernel({ small, ...frees }, FOUR);
    const b = kernel({ small, ...frees }, FOUR);
    for (const m of [a, b]) for (let i = 0; i < 4; i++) m.run("small");
    a.run("free 0"); a.run("free 2");
    b.run("free 2"); b.run("free 0");
    expect(a.freeBlocks()).toEqual([[0, 2], [], [4]]);
    expect(b.freeBlocks()).toEqual(a.freeBlocks());
  });

  test("a huge page is one folio: head, tails, order, one reference; freed, it is as at boot", () => {
    const m = kernel({ huge, "free 0": freePage(0) }, FOUR);
    expect(m.run("huge")).toBe(0);
    expect([0, 1, 2, 3].map((p) => m.k.page.head.get(p))).toEqual([-1, 0, 0, 0]);
    expect([m.k.page.order.get(0), m.k.page.refcount.get(0), m.k.page.refcount.get(1)]).toEqual([2, 1, 0]);
    m.run("free 0");
    expect(m.freeBlocks()).toEqual([[], [], [0, 4]]);
    expect(m.k.page.head.get(3)).toBe(-1);
  });

  test("memory that has run out, or is fragmented, gives NONE", () => {
    const m = kernel({ small, huge, ...frees }, FOUR);
    for (let i = 0; i < 8; i++) expect(m.run("small")).toBe(i);
    expect(m.run("small")).toBe(-1);
    m.run("free 1"); m.run("free 3"); m.run("free 4");
    expect(m.run("huge")).toBe(-1);
    expect(m.k.zone.freePages.get()).toBe(3);
  });

  test("an allocation fails by choice only where both allow it", () => {
    const threads = { may: mayFail, mayNot: small };
    const on = kernel(threads, { ...FOUR, allocationMayFail: true });
    expect([on.run("may", [1]), on.run("may", [0]), on.run("mayNot", [1])]).toEqual([-1, 0, 1]);
    expect(kernel(threads, FOUR).run("may", [1])).toBe(0);
  });

  test("freeing poisons", () => {
    const m = kernel({ small, "write 0": write(0), "free 0": freePage(0) }, FOUR);
    m.run("small"); m.run("write 0"); m.run("free 0");
    expect(m.k.page.content.get(0)).toBe(m.k.param.contents.get());
  });
});

describe("refused", () => {
  test("a write to a free page is found at the next allocation", () => {
    const m = kernel({ small, "write 0": write(0) }, FOUR);
    m.run("write 0");
    expect(() => m.run("small")).toThrow(/a free page has been written to/);
  });
  test("so are a reference to one, and a mapping of it", () => {
    for (const [thread, says] of [[refer(0), /a free page has references/], [map(0), /a free page is mapped/]] as const) {
      const m = kernel({ small, thread });
      m.run("thread");
      expect(() => m.run("small")).toThrow(says);
    }
  });
  test("a double free", () => {
    const m = kernel({ small, ...frees }, FOUR);
    m.run("small"); m.run("free 0");
    expect(() => m.run("free 4")).toThrow(/double free/);
  });
  test("a folio with references, and a tail page", () => {
    const m = kernel({ huge, "free 1": freePage(1), referenced: freeReferencedPage(0) }, FOUR);
    m.run("huge");
    expect(() => m.run("free 1")).toThrow(/a tail page is freed by itself/);
    expect(() => kernelWithHuge().run("referenced")).toThrow(/has references/);
  });
  test.each<[number, RegExp]>([
    [0, /nonzero entire_mapcount/], [1, /nonzero large_mapcount/], [2, /nonzero nr_pages_mapped/], [3, /nonzero pincount/], [4, /nonzero mm mapcount/], [5, /on the LRU/],
    [6, /on the deferred split queue/], [7, /partially mapped/], [8, /nonzero mapcount/], [9, /another head/], [10, /a tail page is freed that has references/],
  ])("flaw %i", (flaw, says) => {
    const m = kernel({ huge, spoilt: freeSpoiltHuge(flaw) }, FOUR);
    m.run("huge");
    expect(() => m.run("spoilt")).toThrow(says);
  });
});

function kernelWithHuge(): StraightKernel {
  const m = kernel({ huge, referenced: freeReferencedPage(0) }, FOUR);
  m.run("huge");
  return m;
}

describe("full size", () => {
  test("512 pages per huge page: a hundred thousand pages are taken and given back in time that does not grow with the machine", () => {
    const frames = 512 * 256;
    const m = kernel({ many }, { pagesPerHugePage: 512, frames });
    expect(m.freeBlocks()[9]).toHaveLength(256);
    const start = performance.now();
    m.run("many");
    // A scan of all frames for each page would be 10^10 accesses, a minute at the least.
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(m.freeBlocks().map((blocks) => blocks.length)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 256]);
  });
});

describe("explored", () => {
  test("two threads never own one page, and at the end all memory is whole again", async () => {
    const { system, source } = compileScenario(churning);
    const outcome = await run(system, {}, source);
    expect(outcome.finding).toBeNull();
    expect(outcome.complete).toBe(true);
    expect(outcome.states).toBeGreaterThan(100);
  });
});
