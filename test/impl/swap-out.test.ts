/** What goes to swap and comes back, call by call. */
import { describe, expect, it } from "vitest";
import type { KernelOptions } from "../../impl/config/options.ts";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { MADV_DONTNEED, MADV_FREE, MADV_PAGEOUT } from "../../impl/madvise.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import { pteSwap, entryHas, EXCLUSIVE, pmdTable, entryTarget } from "../../impl/pgtable.ts";
import { VM_READ } from "../../impl/structs/vma.ts";
import { expectNothingLeft, map } from "./calls.ts";
import { RW, SequentialKernel, type Probe } from "./sequential-kernel.ts";
import { pressure, writeEnds } from "./swap-probes.ts";

const BOUNDS = { pagesPerHugePage: 4, hugeRanges: 4, frames: 48, mms: 3, cpus: 3, contents: 6 } as const;
/** Kernels by their options: to compile one takes longer than what it is asked. */
const kernels = new Map<string, SequentialKernel>();
function kernel(more: Partial<KernelOptions>, probes: readonly Probe[] = []): SequentialKernel {
  const options: KernelOptions = { ...BOUNDS, enabled: ENABLED_NEVER, swapSlots: 16, ...more };
  const known = kernels.get(JSON.stringify(options)) ?? new SequentialKernel(options, probes);
  kernels.set(JSON.stringify(options), known);
  known.reset();
  return known;
}

const loads = (s: SequentialKernel, from: number, pages: number, process = 0): number[] => {
  return Array.from({ length: pages }, (_, i) => s.load(process, from + i));
};
/** The PTE of a page. */
const pte = (s: SequentialKernel, mm: number, vpn: number): number => {
  const pmd = s.k.mm.pmd.get(mm, Math.floor(vpn / 4));
  return pmdTable(pmd) ? s.k.ptTable.pte.get(entryTarget(pmd), vpn % 4) : 0;
};
const isOut = (s: SequentialKernel, vpn: number, mm = 0): boolean => pteSwap(pte(s, mm, vpn));
const used = (s: SequentialKernel): number => s.config.swapSlots - s.k.swapDevice.available.get(0);

const device = { swapIsSynchronous: true };

describe("a device that is synchronous", () => {
  it("pages go out and come back", () => {
    const s = kernel(device);
    map(s, 0, 8);
    s.touch(0, 0, 4, 1, 1);
    expect(s.madvise(0, 0, 8, MADV_PAGEOUT)).toBe(0);
    expect([0, 1, 2, 3].map((v) => isOut(s, v))).toEqual([true, true, true, true]);
    expect([used(s), s.k.mm.swapEntries.get(0), s.k.mm.anonPages.get(0)]).toEqual([4, 4, 0]);
    expect(s.k.vmstat.pswpout.get()).toBe(4);
    expect(loads(s, 0, 8)).toEqual([1, 2, 3, 4, 0, 0, 0, 0]);
    expect([used(s), s.k.mm.swapEntries.get(0), s.k.vmstat.pswpin.get()]).toEqual([0, 0, 4]);
    s.store(0, 1, 5);
    expect(loads(s, 0, 4)).toEqual([1, 5, 3, 4]);
    expectNothingLeft(s);
  });

  it("a page of zeroes is not written", () => {
    const s = kernel(device);
    map(s, 0, 4);
    s.store(0, 0, 0);
    s.store(0, 1, 2);
    s.madvise(0, 0, 4, MADV_PAGEOUT);
    expect([s.k.vmstat.swpoutZero.get(), s.k.vmstat.pswpout.get()]).toEqual([1, 1]);
    expect([isOut(s, 0), loads(s, 0, 2), s.k.vmstat.swpinZero.get()]).toEqual([true, [0, 2], 1]);
    expectNothingLeft(s);
  });

  it("a huge page goes out whole, and comes back page by page", () => {
    const s = kernel({ ...device, enabled: ENABLED_ALWAYS });
    map(s, 0, 4);
    s.touch(0, 0, 4, 1, 1);
    expect(s.k.vmstat.thpFaultAlloc.get()).toBe(1);
    s.madvise(0, 0, 4, MADV_PAGEOUT);
    expect([s.k.vmstat.thpSwpout.get(), s.k.vmstat.thpSplitPage.get(), s.k.mthpStat.swpout.get(2)]).toEqual([1, 0, 1]);
    expect([used(s), s.k.node.anonMapped.get(), s.k.node.nrAnon.get()]).toEqual([4, 0, 0]);
    expect(loads(s, 0, 4)).toEqual([1, 2, 3, 4]);
    expectNothingLeft(s);
  });

  it("a huge page is split where there is no run of slots for it", () => {
    const s = kernel({ ...device, enabled: ENABLED_ALWAYS, swapSlots: 3 });
    map(s, 0, 4);
    s.touch(0, 0, 4, 1, 1);
    s.madvise(0, 0, 4, MADV_PAGEOUT);
    expect([s.k.vmstat.thpSwpout.get(), s.k.vmstat.thpSwpoutFallback.get(), s.k.mthpStat.swpoutFallback.get(2)]).toEqual([0, 1, 1]);
    expect([0, 1, 2, 3].filter((v) => isOut(s, v))).toHaveLength(3);
    expect(loads(s, 0, 4)).toEqual([1, 2, 3, 4]);
    expectNothingLeft(s);
  });

  it("without a free slot pages stay", () => {
    const s = kernel({ ...device, swapSlots: 1 });
    map(s, 0, 4);
    s.touch(0, 0, 2, 1, 1);
    s.madvise(0, 0, 4, MADV_PAGEOUT);
    expect([isOut(s, 0), isOut(s, 1), used(s)]).toEqual([true, false, 1]);
    expect(loads(s, 0, 2)).toEqual([1, 2]);
    expectNothingLeft(s);
  });

  it("discarded while out, slots are free again", () => {
    const s = kernel(device);
    map(s, 0, 4);
    s.touch(0, 0, 4, 1, 1);
    s.madvise(0, 0, 4, MADV_PAGEOUT);
    s.madvise(0, 0, 1, MADV_DONTNEED);
    s.madvise(0, 1, 1, MADV_FREE);
    expect([used(s), s.k.mm.swapEntries.get(0)]).toEqual([2, 2]);
    expect(loads(s, 0, 4)).toEqual([0, 0, 3, 4]);
    s.madvise(0, 2, 2, MADV_PAGEOUT);
    expect(s.munmap(0, 2, 2)).toBe(0);
    expect(used(s)).toBe(0);
    expectNothingLeft(s);
  });

  it("fork shares the slots, and each side gets a page of its own", () => {
    const s = kernel(device);
    map(s, 0, 4);
    s.touch(0, 0, 2, 1, 1);
    s.madvise(0, 0, 4, MADV_PAGEOUT);
    expect(entryHas(pte(s, 0, 0), EXCLUSIVE)).toBe(true);
    expect(s.fork(0, 1)).toBe(1);
    expect([entryHas(pte(s, 0, 0), EXCLUSIVE), entryHas(pte(s, 1, 0), EXCLUSIVE)]).toEqual([false, false]);
    expect(s.k.swapDevice.counts.get(0, 0)).toBe(2);
    s.store(0, 0, 5);
    expect([s.load(1, 0), s.load(0, 0)]).toEqual([1, 5]);
    s.store(1, 1, 4);
    expect([s.load(0, 1), s.load(1, 1)]).toEqual([2, 4]);
    s.exit(1);
    expectNothingLeft(s);
  });

  it("exit gives all slots back", () => {
    const s = kernel(device);
    map(s, 0, 8);
    s.touch(0, 0, 8, 1, 1);
    s.fork(0, 1);
    s.madvise(0, 0, 8, MADV_PAGEOUT);
    s.madvise(1, 0, 8, MADV_PAGEOUT);
    s.exit(0);
    s.exit(1);
    expect(used(s)).toBe(0);
  });

  it("mprotect and mremap leave entries alone, and they come back by what the area permits", () => {
    const s = kernel(device);
    map(s, 0, 4);
    s.touch(0, 0, 2, 1, 1);
    s.madvise(0, 0, 4, MADV_PAGEOUT);
    expect(s.mprotect(0, 0, 4, VM_READ)).toBe(0);
    expect([s.load(0, 0), s.store(0, 0, 3)]).toEqual([1, false]);
    s.mprotect(0, 0, 4, RW);
    expect(s.mremap(0, 0, 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED, 8)).toBe(8);
    expect([isOut(s, 9), isOut(s, 1)]).toEqual([true, false]);
    expect([s.store(0, 8, 4), loads(s, 8, 2)]).toEqual([true, [4, 2]]);
    expectNothingLeft(s);
  });
});

describe("a device that ends its writes later", () => {
  const WRITE_ENDS = 3;
  const PRESSURE = 4;
  const slow = (more: Partial<KernelOptions> = {}): SequentialKernel => kernel({ cpus: 5, ...more }, [writeEnds, pressure]);

  it("a page stays until it is written, and reclaim comes again", () => {
    const s = slow();
    map(s, 0, 4);
    s.touch(0, 0, 2, 1, 1);
    s.madvise(0, 0, 4, MADV_PAGEOUT);
    const writing = (): number => Array.from({ length: s.k.page.count }, (_, f) => s.k.page.writeback.get(f)).reduce((a, b) => a + b, 0);
    expect([isOut(s, 0), writing(), s.probe(PRESSURE, [])]).toEqual([true, 2, 0]);
    s.probe(WRITE_ENDS, []);
    expect([writing(), s.probe(PRESSURE, [])]).toEqual([1, 1]);
    s.probe(WRITE_ENDS, []);
    expect([s.probe(PRESSURE, []), used(s)]).toEqual([1, 2]);
    expect(loads(s, 0, 2)).toEqual([1, 2]);
    expectNothingLeft(s);
  });

  it("what is read only keeps its slot, and is not written again", () => {
    const s = slow();
    map(s, 0, 4);
    s.touch(0, 0, 1, 1, 1);
    s.madvise(0, 0, 4, MADV_PAGEOUT);
    s.probe(WRITE_ENDS, []);
    s.probe(PRESSURE, []);
    expect([s.load(0, 0), used(s), s.k.vmstat.pswpout.get()]).toEqual([1, 1, 1]);
    expect([s.probe(PRESSURE, []), isOut(s, 0), s.k.vmstat.pswpout.get()]).toEqual([1, true, 1]);
    expect([s.load(0, 0), s.k.vmstat.pswpin.get()]).toEqual([1, 2]);
    expectNothingLeft(s);
  });

  it("a page that has been stored to while it was written is written again", () => {
    const s = slow();
    map(s, 0, 4);
    s.store(0, 0, 1);
    s.madvise(0, 0, 4, MADV_PAGEOUT);
    s.store(0, 0, 2);
    s.probe(WRITE_ENDS, []);
    expect(s.probe(PRESSURE, [])).toBe(0);
    s.probe(WRITE_ENDS, []);
    expect([s.probe(PRESSURE, []), s.k.vmstat.pswpout.get(), s.load(0, 0)]).toEqual([1, 2, 2]);
    expectNothingLeft(s);
  });

  it("a huge page that is half back is mapped page by page, and split with its slots", () => {
    const s = slow({ enabled: ENABLED_ALWAYS });
    map(s, 0, 4);
    s.touch(0, 0, 4, 1, 1);
    s.madvise(0, 0, 4, MADV_PAGEOUT);
    s.probe(WRITE_ENDS, []);
    s.store(0, 0, 5);
    expect([0, 1, 2, 3].map((v) => isOut(s, v))).toEqual([false, false, false, false]);
    s.madvise(0, 0, 4, MADV_PAGEOUT);
    s.probe(WRITE_ENDS, []);
    s.madvise(0, 1, 1, MADV_DONTNEED);
    expect([s.load(0, 0), isOut(s, 1), isOut(s, 2), used(s)]).toEqual([5, false, true, 4]);
    expect(s.splitHugePages(0, 0, 4)).toBe(1);
    expect([used(s), s.violations()]).toEqual([3, []]);
    expect(loads(s, 0, 4)).toEqual([5, 0, 3, 4]);
    expectNothingLeft(s);
  });
});
