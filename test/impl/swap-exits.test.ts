/** Swap, one call after the other: why a page stays, and what a fault does that cannot have it. */
import { describe, expect, it } from "vitest";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../impl/config/knobs.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { FOLL_PIN, FOLL_WRITE } from "../../impl/gup.ts";
import { MADV_DONTNEED, MADV_FREE, MADV_PAGEOUT } from "../../impl/madvise.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import { EXCLUSIVE, entryHas, pteSwap } from "../../impl/pgtable.ts";
import { expectNothingLeft, map } from "./calls.ts";
import { SequentialKernel } from "./sequential-kernel.ts";
import { putFolio, readSlot } from "./swap-exits-probes.ts";
import { pressure, writeEnds } from "./swap-probes.ts";

const BOUNDS = { pagesPerHugePage: 4, hugeRanges: 4, frames: 32, mms: 2, cpus: 6, contents: 6, refcountMax: 63 } as const;
const WRITE_ENDS = 2;
const PRESSURE = 3;
const READ = 4;
const PUT = 5;
/** Kernels by their options: to compile one takes longer than what it is asked. */
const kernels = new Map<string, SequentialKernel>();
function kernel(more: Partial<KernelOptions> = {}): SequentialKernel {
  const options: KernelOptions = { ...BOUNDS, enabled: ENABLED_NEVER, swapSlots: 16, ...more };
  const known = kernels.get(JSON.stringify(options)) ?? new SequentialKernel(options, [writeEnds, pressure, readSlot, putFolio]);
  kernels.set(JSON.stringify(options), known);
  known.reset();
  return known;
}
const isOut = (s: SequentialKernel, vpn: number, process = 0): boolean => pteSwap(s.entry(process, vpn).value);
const used = (s: SequentialKernel): number => s.config.swapSlots - s.k.swapDevice.available.get(0);
const press = (s: SequentialKernel): number => s.probe(PRESSURE, []);
const writeOne = (s: SequentialKernel, which = 0): void => { s.probe(WRITE_ENDS, [], [which]); };
/** A page with 1 in it, which is out and whose write has ended, is back, and still has its slot. */
function backWithSlot(s: SequentialKernel): number {
  map(s, 0, 4);
  s.store(0, 0, 1);
  s.madvise(0, 0, 1, MADV_PAGEOUT);
  writeOne(s);
  expect([s.load(0, 0), used(s)]).toEqual([1, 1]);
  return s.frame(0, 0);
}

describe("a page stays", () => {
  it("that somebody has pinned", () => {
    const s = kernel();
    map(s, 0, 4);
    s.store(0, 0, 1);
    const frame = s.getUserPage(0, 0, FOLL_PIN | FOLL_WRITE, false);
    s.lruAddDrainAll();
    expect(press(s)).toBe(0);
    expect([isOut(s, 0), used(s), s.k.page.active.get(frame)]).toEqual([false, 0, false]);
    s.putUserPage(0, frame, true);
    expect(s.load(0, 0)).toBe(1);
    expectNothingLeft(s);
  });

  it("that had a slot before it was pinned: its entry is put back, writable as it was, and the slot counts it no more", () => {
    const s = kernel();
    backWithSlot(s);
    const frame = s.getUserPage(0, 0, FOLL_PIN, false);
    const before = s.entry(0, 0).value;
    expect(press(s)).toBe(0);
    expect([s.entry(0, 0).value, s.k.swapDevice.counts.get(0, 0), s.k.page.anonExclusive.get(frame)]).toEqual([before, 0, true]);
    expect([s.k.page.active.get(frame), s.k.mm.swapEntries.get(0), s.k.mm.anonPages.get(0)]).toEqual([true, 0, 1]);
    s.putUserPage(0, frame, true);
    expectNothingLeft(s);
  });

  it("that nobody maps, is pinned, and was being written when it was discarded", () => {
    const s = kernel();
    map(s, 0, 4);
    s.store(0, 0, 1);
    s.madvise(0, 0, 1, MADV_PAGEOUT);
    s.load(0, 0);
    const frame = s.getUserPage(0, 0, FOLL_PIN, false);
    s.madvise(0, 0, 1, MADV_DONTNEED);
    writeOne(s);
    expect([press(s), used(s), s.k.page.active.get(frame)]).toEqual([0, 1, true]);
    s.putUserPage(0, frame, true);
    expect([press(s), used(s)]).toEqual([1, 0]);
    expectNothingLeft(s);
  });

  it("that is being written, with its slot, even where slots are few", () => {
    const s = kernel({ swapSlots: 1 });
    map(s, 0, 4);
    s.store(0, 0, 1);
    s.madvise(0, 0, 1, MADV_PAGEOUT);
    expect([press(s), used(s)]).toEqual([0, 1]);
    expect([0, 1, 2, 3].some((f) => s.k.page.active.get(f))).toBe(true);
    writeOne(s);
    expect(s.load(0, 0)).toBe(1);
    expectNothingLeft(s);
  });

  it("that a fault has read and does not map: nobody needs it", () => {
    const s = kernel();
    map(s, 0, 4);
    s.store(0, 0, 1);
    s.madvise(0, 0, 1, MADV_PAGEOUT);
    writeOne(s);
    press(s);
    const folio = s.probe(READ, [0]);
    expect(s.k.page.swap.get(folio)).toBe(0);
    s.madvise(0, 0, 1, MADV_DONTNEED);
    expect([s.k.page.swap.get(folio), used(s)]).toEqual([-1, 0]);
    expect([press(s), used(s)]).toEqual([0, 0]);
    s.probe(PUT, [folio]);
    expectNothingLeft(s);
  });
});

describe("a charge or an allocation fails", () => {
  const failing = { swapIsSynchronous: true, chargeMayFail: true, allocationMayFail: true } as const;

  it("of the slot: the page stays, the slot is free", () => {
    const s = kernel(failing);
    map(s, 0, 4);
    s.store(0, 0, 1);
    s.lruAddDrainAll();
    s.madvise(0, 0, 1, MADV_PAGEOUT, [1]);
    expect([isOut(s, 0), used(s), s.load(0, 0)]).toEqual([false, 0, 1]);
    expect(s.k.page.active.get(s.frame(0, 0))).toBe(true);
    expectNothingLeft(s);
  });

  const reading = [["no page", [1]], ["no charge", [0, 1]]] as const;
  it.each(reading)("of the page that is read, %s: it stays out, and comes back later", (_, choices) => {
    const s = kernel(failing);
    map(s, 0, 4);
    s.store(0, 0, 1);
    s.madvise(0, 0, 1, MADV_PAGEOUT);
    expect(isOut(s, 0)).toBe(true);
    const free = s.k.zone.freePages.get();
    s.getUserPage(0, 0, 0, false, choices);
    expect([isOut(s, 0), used(s), s.k.swapDevice.folio.get(0, 0)]).toEqual([true, 1, -1]);
    s.lruAddDrainAll();
    expect(s.k.zone.freePages.get()).toBe(free);
    expect(s.load(0, 0)).toBe(1);
    expectNothingLeft(s);
  });
});

describe("a slot", () => {
  it("of a page that is not exclusive makes an entry that is not", () => {
    const s = kernel();
    map(s, 0, 4);
    s.store(0, 0, 1);
    s.fork(0, 1);
    s.exit(1);
    s.lruAddDrainAll();
    s.madvise(0, 0, 1, MADV_PAGEOUT);
    expect([isOut(s, 0), entryHas(s.entry(0, 0).value, EXCLUSIVE)]).toEqual([true, false]);
    s.store(0, 0, 2);
    expect([s.load(0, 0), s.violations()]).toEqual([2, []]);
    // What was copied stays in the swap cache until its write has ended and reclaim comes; then the other page goes out.
    writeOne(s);
    expect([press(s), isOut(s, 0)]).toEqual([1, true]);
    writeOne(s);
    expectNothingLeft(s);
  });

  it.each([[16, 1], [1, 0]])("of %i, that only another process named, stays with a mapped page while there is room", (swapSlots, left) => {
    const s = kernel({ swapSlots });
    map(s, 0, 4);
    s.store(0, 0, 1);
    s.madvise(0, 0, 1, MADV_PAGEOUT);
    writeOne(s);
    s.fork(0, 1);
    s.load(0, 0);
    expect([isOut(s, 0), isOut(s, 0, 1), used(s)]).toEqual([false, true, 1]);
    s.madvise(1, 0, 1, MADV_DONTNEED);
    expect([used(s), s.load(0, 0)]).toEqual([left, 1]);
    s.exit(1);
    expectNothingLeft(s);
  });

  it("is given up by who stores to the page, if nobody else has it", () => {
    const s = kernel();
    map(s, 0, 4);
    s.store(0, 0, 1);
    s.madvise(0, 0, 1, MADV_PAGEOUT);
    writeOne(s);
    s.fork(0, 1);
    s.exit(1);
    press(s);
    const free = s.k.zone.freePages.get();
    s.store(0, 0, 2);
    expect([s.load(0, 0), used(s)]).toEqual([2, 0]);
    s.lruAddDrainAll();
    expect(s.k.zone.freePages.get()).toBe(free - 1);
    expectNothingLeft(s);
  });

  it("is given up by MADV_FREE, and the page is clean", () => {
    const s = kernel();
    const frame = backWithSlot(s);
    s.madvise(0, 0, 1, MADV_FREE);
    expect([used(s), s.k.page.dirty.get(frame)]).toEqual([0, false]);
    s.lruAddDrainAll();
    expect([press(s), s.load(0, 0)]).toEqual([1, 0]);
    expectNothingLeft(s);
  });

  it("of two that are being written may be done first or last", () => {
    const s = kernel();
    map(s, 0, 4);
    s.touch(0, 0, 2, 1, 1);
    s.madvise(0, 0, 2, MADV_PAGEOUT);
    writeOne(s, 1);
    const writing = Array.from({ length: s.k.page.count }, (_, f) => s.k.swapBio.entry.get(f)).filter((e) => e >= 0);
    expect(writing).toHaveLength(1);
    writeOne(s);
    expect([press(s), s.load(0, 0), s.load(0, 1)]).toEqual([2, 1, 2]);
    expectNothingLeft(s);
  });
});

describe("a huge page in the swap cache", () => {
  function hugeOut(more: Partial<KernelOptions> = {}): SequentialKernel {
    const s = kernel({ enabled: ENABLED_ALWAYS, ...more });
    map(s, 0, 4);
    s.touch(0, 0, 4, 1, 1);
    expect(s.isHuge(0, 0)).toBe(true);
    s.madvise(0, 0, 4, MADV_PAGEOUT);
    return s;
  }

  it("comes back page by page where its entries do not lie as its pages do", () => {
    const s = hugeOut();
    writeOne(s);
    // Its first page ends a range, its last two begin one.
    expect(s.mremap(0, 0, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, 7)).toBe(7);
    expect(s.mremap(0, 2, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 8)).toBe(8);
    expect([s.load(0, 7), isOut(s, 1), s.load(0, 8), isOut(s, 9)]).toEqual([1, true, 3, true]);
    expect([s.load(0, 1), s.load(0, 9)]).toEqual([2, 4]);
    expectNothingLeft(s);
  });

  it("is not split while it is written, then it is", () => {
    const s = hugeOut();
    s.load(0, 0);
    expect([s.splitHugePages(0, 0, 4), s.k.vmstat.thpSplitPage.get()]).toEqual([0, 0]);
    writeOne(s);
    expect([s.splitHugePages(0, 0, 4), s.k.vmstat.thpSplitPage.get()]).toEqual([1, 1]);
    expectNothingLeft(s);
  });

  it("is split into single pages only", () => {
    const s = hugeOut({ thpAnon: "8K-16K:inherit" });
    writeOne(s);
    s.load(0, 0);
    expect(s.splitHugePages(0, 0, 4, 1)).toBe(0);
    expect(s.k.page.order.get(s.frame(0, 0))).toBe(2);
    expect(s.splitHugePages(0, 0, 4)).toBe(1);
    expect([0, 1, 2, 3].map((v) => s.load(0, v))).toEqual([1, 2, 3, 4]);
    expectNothingLeft(s);
  });
});

describe("flushes that are put off", () => {
  it("not where this CPU alone has the address space", () => {
    const s = kernel({ unmapDefersFlush: true });
    map(s, 0, 4);
    s.touch(0, 0, 2, 1, 1);
    s.madvise(0, 0, 2, MADV_PAGEOUT);
    expect([isOut(s, 0), s.k.tlbFlushBatched.batch.get(0)]).toEqual([true, 0]);
    writeOne(s);
    writeOne(s);
    expectNothingLeft(s);
  });
});
