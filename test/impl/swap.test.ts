/** References, the LRU with its batches, and the charge. */
import { describe, expect, test } from "vitest";
import { explored } from "./explored.ts";
import { StraightKernel, kernelScenario, type KernelOptionsBesideCpus, type KernelThread } from "./straight-kernel.ts";
import * as t from "./swap-threads.ts";

const kernel = (threads: Record<string, KernelThread>, init = t.bootFolios, options: Partial<KernelOptionsBesideCpus> = {}): StraightKernel => new StraightKernel(kernelScenario(threads, init, options));
const lru = (m: StraightKernel): number[] => [0, 1, 2].filter((f) => m.k.page.lru.get(f));
const batch = (m: StraightKernel, cpu: number): number[] => [0, 1].map((n) => m.k.cpu.lruBatch.get(cpu, n));

describe("references", () => {
  test("get, try_get, freeze, unfreeze, and what is counted", () => { kernel({ x: t.references }).run("x"); });
  test.each<[string, KernelThread, RegExp]>([
    ["a reference to a free folio", t.getFreeFolio, /use after free: a reference is taken to a page that has been freed/], ["unfreezing what is not frozen", t.unfreezeLive, /not frozen/],
    ["unfreezing to nothing", t.unfreezeToNothing, /to no reference/], ["more puts than references", t.putTwo, /more references are dropped than there are/],
    ["a put of a free folio", t.put(4), /use after free.*a double put/],
    ["the same in the caller's step", t.putTest(4), /use after free.*a double put/],
  ])("refuses %s", (_, thread, says) => {
    expect(() => kernel({ x: thread }).run("x")).toThrow(says);
  });
  test("the last put frees: off the LRU, off the deferred split queue, counters back", () => {
    const m = kernel({ add: t.addLru(2), put: t.putDeferred });
    m.run("add");
    expect([lru(m), m.k.lruvec.anonPages.get()]).toEqual([[2], 2]);
    m.run("put");
    expect([m.k.page.refcount.get(2), m.k.page.lru.get(2), m.k.lruvec.anonPages.get(), m.k.deferredSplit.length.get(), m.k.node.nrAnonPartiallyMapped.get(), m.k.node.nrAnon.get()]).toEqual([0, false, 0, 0, 0, 0]);
    expect(m.freeBlocks()[1]).toEqual([2, 4, 6, 8, 10]);
  });
  test("any other does not", () => {
    const m = kernel({ get: t.getFolio(0), put: t.put(0), test: t.putTest(0), take: t.takeFolio });
    m.run("get"); m.run("get");
    m.run("put");
    expect(m.k.page.refcount.get(0)).toBe(2);
    expect([m.run("test"), m.run("test")]).toEqual([false, true]);
    expect(m.run("take")).toBe(0);
  });
  test("put_refs drops several at once", () => {
    const m = kernel({ get: t.getFolio(0), put: t.putTwo });
    m.run("get");
    m.run("put");
    expect(m.freeBlocks()[0]).toEqual([0]);
  });
  test("the folio lock", () => {
    expect(kernel({ x: t.lockBoth }).run("x")).toBe(true);
  });
});

describe("LRU", () => {
  test("a small folio waits in the batch of its CPU, with a reference, until the batch is full", () => {
    const m = kernel({ x: t.addLru(0) });
    m.run("x");
    expect([lru(m), batch(m, 0), m.k.page.refcount.get(0)]).toEqual([[], [0, -1], 2]);
  });
  test("a full batch is drained, and a large folio drains at once", () => {
    const m = kernel({ x: t.addThenDrain, large: t.addLru(2) });
    m.run("x");
    expect([lru(m), batch(m, 0), m.k.page.refcount.get(0), m.k.lruvec.anonPages.get()]).toEqual([[0], [-1, -1], 1, 1]);
    m.run("large");
    expect([lru(m), batch(m, 1), m.k.page.refcount.get(2), m.k.lruvec.anonPages.get()]).toEqual([[0, 2], [-1, -1], 1, 3]);
  });
  test("lru_add_drain empties this CPU's batch, lru_add_drain_all every one", () => {
    const m = kernel({ a: t.addLru(0), b: t.addLru(1), own: t.drain, all: t.drainAll });
    m.run("a"); m.run("b"); m.run("own");
    expect(lru(m)).toEqual([]);
    m.run("all");
    expect([lru(m), m.k.lruvec.anonPages.get()]).toEqual([[0, 1], 2]);
  });
  test("isolation takes a folio off the LRU with a reference; not from a batch, not twice; putback returns it", () => {
    const m = kernel({ add: t.addLru(0), all: t.drainAll, isolate: t.isolateFolio(0), putback: t.putback(0) });
    expect(m.run("isolate")).toBe(false);
    m.run("add");
    expect(m.run("isolate")).toBe(false);
    m.run("all");
    expect([m.run("isolate"), m.run("isolate")]).toEqual([true, false]);
    expect([lru(m), m.k.lruvec.isolated.get(), m.k.page.refcount.get(0), m.k.lruvec.anonPages.get()]).toEqual([[], 1, 2, 0]);
    m.run("putback");
    expect([m.k.lruvec.isolated.get(), m.k.page.refcount.get(0), batch(m, 3)]).toEqual([0, 2, [0, -1]]);
    m.run("all");
    expect([lru(m), m.k.page.refcount.get(0), m.k.lruvec.anonPages.get()]).toEqual([[0], 1, 1]);
  });
  test("an isolated large folio counts all its pages", () => {
    const m = kernel({ add: t.addLru(2), isolate: t.isolateFolio(2), putback: t.putback(2) });
    m.run("add"); m.run("isolate");
    expect(m.k.lruvec.isolated.get()).toBe(2);
    m.run("putback");
    expect([m.k.lruvec.isolated.get(), lru(m), m.k.page.refcount.get(2)]).toEqual([0, [2], 1]);
  });
  test("lazyfree moves a folio that is on the LRU to the file LRU, once", () => {
    const m = kernel({ add: t.addLru(2), free: t.lazyfree(2), other: t.lazyfree(0), put: t.put(2) });
    m.run("free");
    expect([m.k.page.swapbacked.get(2), m.k.lruvec.filePages.get()]).toEqual([true, 0]);
    m.run("add"); m.run("free"); m.run("free"); m.run("other");
    expect([m.k.page.swapbacked.get(2), m.k.lruvec.anonPages.get(), m.k.lruvec.filePages.get(), m.k.page.swapbacked.get(0)]).toEqual([false, 0, 2, true]);
    m.run("put");
    expect(m.k.lruvec.filePages.get()).toBe(0);
  });
  test("a small folio waits in its CPU's batch to become lazyfree, with a reference; twice, if it is asked for twice", () => {
    const m = kernel({ free: t.lazyfree(0), all: t.drainAll }, t.bootShared);
    const waiting = (): number[] => [0, 1].map((n) => m.k.cpu.lruLazyfree.get(0, n));
    m.run("free");
    expect([m.k.page.swapbacked.get(0), lru(m), waiting(), m.k.page.refcount.get(0)]).toEqual([true, [0], [0, -1], 3]);
    // The batch is full.
    m.run("free");
    expect([m.k.page.swapbacked.get(0), lru(m), waiting(), m.k.page.refcount.get(0)]).toEqual([false, [0], [-1, -1], 2]);
    expect([m.k.vmstat.pglazyfree.get(), m.k.lruvec.anonPages.get(), m.k.lruvec.filePages.get()]).toEqual([1, 0, 1]);
    // It is lazyfree: nothing to do.
    m.run("free");
    expect(waiting()).toEqual([-1, -1]);
  });
  test("and who leaves the LRU meanwhile stays as it is", () => {
    const m = kernel({ free: t.lazyfree(0), isolate: t.isolateFolio(0), all: t.drainAll }, t.bootShared);
    m.run("free");
    expect(m.run("isolate")).toBe(true);
    m.run("all");
    expect([m.k.page.swapbacked.get(0), lru(m), m.k.page.refcount.get(0), m.k.cpu.lruLazyfree.get(0, 0)]).toEqual([true, [], 3, -1]);
    m.run("free");
    expect(m.k.cpu.lruLazyfree.get(0, 0)).toBe(-1);
  });
  test.each<[string, KernelThread, RegExp]>([
    ["a folio that is on the LRU already", t.addToLruTwice, /put on the LRU twice/], ["taking off one that is not", t.delFromLruAbsent, /not on it/], ["a batch that nobody drained", t.batchOverflow, /batch overflows/],
    ["one of folios that become lazyfree", t.lazyfreeOverflow, /become lazyfree overflows/],
  ])("refuses %s", (_, thread, says) => {
    expect(() => kernel({ x: thread }).run("x")).toThrow(says);
  });
});

describe("memory cgroup", () => {
  test("a charge fails by choice only where the scenario wants it", () => {
    const m = kernel({ x: t.chargeFolio }, t.bootFolios, { chargeMayFail: true });
    expect([m.run("x", [0]), m.run("x", [1])]).toEqual([true, false]);
    expect(kernel({ x: t.chargeFolio }).run("x", [1])).toBe(true);
  });
});

describe("explored", () => {
  test("a batch is drained by its CPU and by two others", () => explored(t.drainedFromElsewhere));
  test("a batch of folios that become lazyfree is drained by its CPU and by two others", () => explored(t.lazyfreeDrainedFromElsewhere));
  test("two threads isolate one folio", () => explored(t.isolatedByTwo));
  test("the last reference frees, once, whoever drops it", () => explored(t.lastPut));
});
