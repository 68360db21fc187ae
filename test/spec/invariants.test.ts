/**
 * Each invariant fails for what it is there to find: a kernel that has run for a while is corrupted by hand, in one
 * field, and the invariant of that id says so. The catalogue is enumerated, so that none is forgotten.
 */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ENTRY_LEAF, ENTRY_MIGRATION, ENTRY_TARGET_SHIFT, ENTRY_WRITE, TABLE_DEPOSITED, TABLE_FREE, TABLE_LIVE } from "../../spec/entry.ts";
import { CATALOGUE, keptBy } from "../../spec/catalogue.ts";
import { KHUGEPAGED_MTHP_MERGED, LOST_SPLIT } from "../../spec/enumerations.ts";
import { INVARIANTS } from "../../spec/invariants/index.ts";
import { machineNamed } from "../../spec/alphabet.ts";
import { MADV_PAGEOUT } from "../../impl/madvise.ts";
import { MAP_FIXED } from "../../impl/mmap.ts";
import { COLLAPSE_ISOLATED } from "../../impl/structs/ghosts.ts";
import { VM_READ } from "../../impl/structs/vma.ts";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { RW, SequentialKernel } from "../impl/sequential-kernel.ts";

/** Page numbers: 0..1 a huge page, 2..3 a huge page mapped by PTEs, one of them read-only, 4..5 the huge zero page. */
const HUGE = 0;
const PTES = 2;
const ZERO = 4;
/** A kernel with huge pages, and one with two reservations, of ranges 0 and 1, each with its first page handed out. */
let huge: SequentialKernel;
let reserving: SequentialKernel;
/** A kernel with a folio on the split queue, whose lists are words: the grain `lists`. */
let listed: SequentialKernel;
/** The huge zero folio by its number. */
let zeroByNumber: SequentialKernel;
/** khugepaged's slots on their list. */
let slotted: SequentialKernel;
/** A folio on the LRU, whose lists are words. */
let onLru: SequentialKernel;
/** Three single pages where there could be folios of two pages. */
let sized: SequentialKernel;
/** Four single pages, which khugepaged may make folios of two of. */
let windowed: SequentialKernel;
/** A huge page of which one page has come back and one has not; and a single page on the device alone. */
let swapping: SequentialKernel;
let marks: readonly { back(): void }[];
/** The one that the corruption at hand is for. */
let s: SequentialKernel;

beforeAll(() => {
  s = new SequentialKernel({ pagesPerHugePage: 2, hugeRanges: 4, frames: 16, mms: 2, vmas: 6, cpus: 2, enabled: ENABLED_ALWAYS, useZeroPage: true, shrinkUnderused: true });
  s.mmap(0, 0, 6, RW, MAP_FIXED);
  s.touch(0, 0, 4, 1);
  s.mprotect(0, PTES, 1, VM_READ);
  s.load(0, ZERO);
  s.fork(0, 1);
  s.exit(1);
  s.touch(0, 0, 2, 2);
  s.store(0, PTES + 1, 3);
  s.lruAddDrainAll();
  huge = s;
  reserving = new SequentialKernel({ pagesPerHugePage: 2, hugeRanges: 2, frames: 8, mms: 1, vmas: 2, cpus: 1, enabled: ENABLED_ALWAYS, policy: "first-write", promotionThreshold: 2 });
  reserving.mmap(0, 0, 4, RW, MAP_FIXED);
  reserving.store(0, 0, 1);
  reserving.store(0, 2, 1);
  listed = new SequentialKernel({
    pagesPerHugePage: 2, hugeRanges: 1, frames: 4, mms: 1, vmas: 2, cpus: 1,
    enabled: ENABLED_ALWAYS, shrinkUnderused: true, grain: ["lists"],
  });
  listed.mmap(0, 0, 2, RW, MAP_FIXED);
  listed.store(0, 0, 1);
  zeroByNumber = new SequentialKernel({
    pagesPerHugePage: 2, hugeRanges: 1, frames: 4, mms: 1, vmas: 2, cpus: 1, enabled: ENABLED_ALWAYS, grain: ["zero"],
  });
  zeroByNumber.mmap(0, 0, 2, RW, MAP_FIXED);
  zeroByNumber.load(0, 0);
  slotted = new SequentialKernel({
    pagesPerHugePage: 2, hugeRanges: 1, frames: 4, mms: 1, vmas: 2, cpus: 1, enabled: ENABLED_ALWAYS, grain: ["slots"],
  });
  slotted.mmap(0, 0, 2, RW, MAP_FIXED);
  slotted.store(0, 0, 1);
  onLru = new SequentialKernel({
    pagesPerHugePage: 2, hugeRanges: 1, frames: 4, mms: 1, vmas: 2, cpus: 1, enabled: ENABLED_ALWAYS, grain: ["lru"],
  });
  onLru.mmap(0, 0, 2, RW, MAP_FIXED);
  onLru.store(0, 0, 1);
  sized = new SequentialKernel({
    pagesPerHugePage: 4, hugeRanges: 1, frames: 8, mms: 1, vmas: 2, cpus: 1, enabled: ENABLED_ALWAYS, thpAnon: "8K:never",
  });
  sized.mmap(0, 0, 4, RW, MAP_FIXED);
  sized.touch(0, 0, 3, 1);
  windowed = new SequentialKernel({
    pagesPerHugePage: 4, hugeRanges: 1, frames: 8, mms: 1, vmas: 2, cpus: 1, enabled: ENABLED_NEVER, maxPtesNone: 0,
    thpAnon: "8K:inherit", khugepagedMthp: KHUGEPAGED_MTHP_MERGED,
  });
  windowed.mmap(0, 0, 4, RW, MAP_FIXED);
  windowed.touch(0, 0, 4, 1);
  swapping = new SequentialKernel({
    pagesPerHugePage: 2, hugeRanges: 2, frames: 8, mms: 1, vmas: 2, cpus: 1, enabled: ENABLED_ALWAYS, swapSlots: 4, swapIsSynchronous: true,
  });
  swapping.mmap(0, 0, 3, RW, MAP_FIXED);
  swapping.touch(0, 0, 3, 1);
  swapping.madvise(0, 2, 1, MADV_PAGEOUT);
  // On a device that is not synchronous a page that is read stays in the swap cache.
  swapping.k.page.swap.set(swapping.frame(0, 0), 2);
  swapping.k.page.refcount.add(swapping.frame(0, 0), 2);
  for (const slot of [2, 3]) {
    swapping.k.swapDevice.used.set(0, slot, true);
    swapping.k.swapDevice.folio.set(0, slot, swapping.frame(0, 0));
  }
  swapping.k.swapDevice.available.add(0, -2);
  marks = [
    swapping.mark(), windowed.mark(), sized.mark(), onLru.mark(), slotted.mark(), huge.mark(), reserving.mark(),
    listed.mark(), zeroByNumber.mark(),
  ];
});
beforeEach(() => {
  for (const mark of marks) mark.back();
  s = huge;
});

const first = (n: number, is: (i: number) => boolean): number => {
  for (let i = 0; i < n; i++) if (is(i)) return i;
  throw new Error("the kernel has nothing of the kind");
};
const tableIn = (state: number): number => first(s.k.ptTable.count, (t) => s.k.ptTable.state.get(t) === state);
const freeBlock = (): number => first(s.k.page.count, (f) => s.k.page.buddy.get(f) && s.k.page.order.get(f) > 0);
const area = (): number => first(s.k.vma.count, (v) => s.k.vma.mm.get(v) === 0);
const folio = (): number => s.frame(0, HUGE);
const small = (): number => s.frame(0, PTES + 1);

/** A CPU has taken the table out and isolated the pages of a window of two that begins at this entry. */
function detached(windowFirst: number): void {
  s = windowed;
  s.k.collapse.stage.set(0, COLLAPSE_ISOLATED);
  s.k.collapse.range.set(0, 0);
  s.k.window.first.set(0, windowFirst);
  s.k.window.order.set(0, 1);
  const table = s.k.mm.pmd.get(0, 0) >> ENTRY_TARGET_SHIFT;
  s.k.collapse.table.set(0, table);
  s.k.detachedPtes.table.set(0, table);
  for (let i = 0; i < 4; i++) s.k.detachedPtes.before.set(0, i, s.k.ptTable.pte.get(table, i));
}

/** What makes the invariant of that id false, and as little else as possible. */
const CORRUPTIONS: Readonly<Record<string, () => void>> = {
  P6: () => { s.k.page.mapcount.add(small(), 1); },
  P6b: () => { s.k.page.nrPagesMapped.set(folio(), 1); },
  P5: () => { s.k.page.entireMapcount.add(folio(), 1); },
  P4: () => { s.k.page.largeMapcount.add(folio(), 1); },
  T1: () => { s.k.vma.end.set(first(s.k.vma.count, (v) => s.k.vma.mm.get(v) === 0 && s.k.vma.start.get(v) === 0), 1); },
  T2: () => { s.k.ptTable.state.set(tableIn(TABLE_DEPOSITED), TABLE_FREE); },
  T7: () => { s.k.ptTable.mm.set(tableIn(TABLE_LIVE), 1); },
  T9: () => { s.k.mm.pmd.set(0, ZERO / 2, s.k.mm.pmd.get(0, ZERO / 2) | ENTRY_WRITE); },
  T11: () => { s.k.ptTable.pte.set(tableIn(TABLE_LIVE), 0, (small() << ENTRY_TARGET_SHIFT) | ENTRY_MIGRATION); },
  X1: () => { s.k.page.anonExclusive.set(folio(), false); },
  P1: () => { s.k.page.refcount.set(freeBlock() + 1, 1); },
  P12: () => { s.k.page.deferred.set(freeBlock(), true); },
  "mthp.M1": () => { s = sized; s.k.page.order.set(first(s.k.page.count, (f) => f % 2 === 1 && s.k.page.refcount.get(f) > 0), 1); },
  P15: () => { s.k.page.mapping.set(folio(), -1); },
  S4: () => { s.k.page.head.set(folio() + 1, -1); },
  P11: () => { s.k.lruvec.anonPages.add(1); },
  P8: () => { s.k.page.content.set(folio(), s.config.contents); },
  P9: () => { s.k.page.lru.set(freeBlock(), true); },
  P3: () => { s.k.page.refcount.set(folio() + 1, 1); },
  P7: () => { s.k.page.refcount.set(folio(), 0); },
  X2: () => { s.k.page.entireMapcount.add(folio(), 1); },
  X4: () => { s.k.page.mapcount.add(small(), 1); },
  X8: () => {
    s.k.cpu.pinned.set(0, 0, small());
    s.k.page.mapcount.add(small(), 1);
  },
  X6: () => { s.k.mm.pmd.set(1, 0, s.k.mm.pmd.get(0, 0)); },
  V0: () => { s.k.vma.start.set(area(), s.k.vma.end.get(area())); },
  T12: () => { s.k.cpu.tlb.set(0, 7, (small() << ENTRY_TARGET_SHIFT) | ENTRY_WRITE | 1); },
  T14: () => { s.k.vma.flags.set(first(s.k.vma.count, (v) => s.k.vma.mm.get(v) === 0 && s.k.vma.start.get(v) === HUGE), VM_READ); },
  T5: () => { s.k.cpu.tlb.set(0, HUGE, 1); s.k.cpu.tlbHuge.set(0, HUGE, 1); },
  T8: () => { s.k.mm.anonPages.add(0, 1); },
  T2b: () => { s.k.mm.nrPtes.add(0, 1); },
  P14: () => { s.k.node.nrAnon.add(1); },
  P14b: () => { s.k.node.nrAnonPartiallyMapped.add(1); },
  P14c: () => { s.k.node.anonThps.add(1); },
  B2: () => { const block = freeBlock(); s.k.page.order.set(block, 0); s.k.page.buddy.set(block + 1, true); },
  B1: () => { s.k.zone.freePages.add(-1); },
  D3: () => { s.k.deferredSplit.length.add(1); },
  D4: () => { s = listed; s.k.splitList.prev.set(0, 1); },
  U1: () => { s = onLru; s.k.page.active.set(s.frame(0, 0), true); },
  K1: () => { s.k.mm.flags.set(0, 0); },
  T2a: () => { s.k.ptTable.state.set(tableIn(TABLE_DEPOSITED), TABLE_FREE); },
  P18: () => { s.k.page.content.set(folio() + 1, s.config.contents); },
  P19: () => { s.k.page.content.set(s.k.hugeZero.page.get(), 1); },
  K12: () => { s = slotted; s.k.mmSlot.prev.set(0, 0); },
  P23: () => { s = zeroByNumber; s.k.hugeZeroWords.pfn.set(0, -1); },
  K11: () => {
    s.k.collapse.stage.set(0, COLLAPSE_ISOLATED);
    s.k.collapse.table.set(0, s.k.mm.pmd.get(0, PTES / 2) >> ENTRY_TARGET_SHIFT);
    s.k.page.pincount.set(s.frame(0, PTES), 1);
  },
  L5: () => { detached(0); },
  K7: () => {
    detached(0);
    s.k.detachedPtes.before.set(0, 1, 0);
  },
  K8: () => { detached(1); },
  K13: () => {
    detached(0);
    s.k.detachedPtes.before.set(0, 3, s.k.detachedPtes.before.get(0, 2));
  },
  SW1: () => { s = swapping; s.k.swapDevice.folio.set(0, 3, 0); s.k.page.swap.set(0, -1); },
  SW2: () => { s = swapping; s.k.swapDevice.used.set(0, 1, true); },
  SW3: () => { s = swapping; s.k.swapDevice.counts.add(0, 3, 1); },
  SW4: () => { s = swapping; s.k.page.swap.set(s.frame(0, 0), 1); },
  SW5: () => { s = swapping; s.k.mm.swapEntries.add(0, 1); },
  P17: () => { s.k.page.mapping.set(folio(), -1); },
  R1: () => { s = reserving; s.k.resv.haddr.set(0, 2); },
  R2: () => { s = reserving; s.k.page.refcount.set(s.k.resv.page.get(0) + 1, 0); },
  R3: () => { s = reserving; s.k.node.thpReserved.add(1); },
  R3b: () => { s = reserving; s.k.resv.used.set(0, 1, true); },
  R4: () => { s = reserving; s.k.resv.page.set(1, s.k.resv.page.get(0)); },
  R5: () => { s = reserving; s.k.resv.used.set(0, 0, false); },
  R7: () => { s = reserving; s.k.resv.allocated.set(0, false); },
  R8: () => { s = reserving; s.k.mm.pmd.set(0, 0, (s.k.resv.page.get(0) << ENTRY_TARGET_SHIFT) | ENTRY_LEAF | 1); },
  N1: () => {
    const other = first(s.k.vma.count, (v) => s.k.vma.mm.get(v) < 0);
    s.k.vma.mm.set(other, 1);
    s.k.vma.anonVma.set(other, s.k.vma.anonVma.get(area()));
  },
  N2: () => { s.k.avc.vma.set(s.k.anonVma.tree.get(s.k.page.mapping.get(folio())), first(s.k.vma.count, (v) => s.k.vma.mm.get(v) < 0)); },
  P21: () => {
    const whole = s.frame(0, PTES);
    s.k.page.nrPagesMapped.set(whole, 1);
    s.k.page.largeMapcount.set(whole, s.k.page.refcount.get(whole) - 1);
    s.k.page.deferred.set(whole, false);
  },
  F1: () => { s.k.lost.what.set(LOST_SPLIT); },
  K2: () => { s.k.khugepaged.cursorAddress.set(1); },
};

describe("the kernel that is corrupted", () => {
  it("breaks no promise before, and has what the corruptions look for", () => {
    expect(s.violations()).toEqual([]);
    expect(reserving.violations()).toEqual([]);
    expect(listed.violations()).toEqual([]);
    expect(swapping.violations()).toEqual([]);
    expect(listed.k.deferredSplit.length.get()).toBe(1);
    expect([0, 1].map((res) => [reserving.k.resv.allocated.get(res), reserving.k.resv.unused.get(res)])).toEqual([[true, 1], [true, 1]]);
    expect([s.isHuge(0, HUGE), s.isHuge(0, PTES), s.isHuge(0, ZERO), s.frame(0, ZERO)].slice(0, 3)).toEqual([true, false, true]);
  });
});

describe("every invariant of the catalogue", () => {
  it("has a corruption here, and no corruption is left over", () => {
    expect(Object.keys(CORRUPTIONS).sort()).toEqual(INVARIANTS.map((i) => i.id).sort());
  });
  it.each(INVARIANTS.map((i) => [`${i.id} ${i.name}`, i] as const))("%s", (title, { id }) => {
    CORRUPTIONS[id]!();
    expect(s.violations().map((v) => v.slice(0, title.length))).toContain(title);
  });
  it("has no anonymous folio of two pages where huge pages of four are the only ones; others may have any size", () => {
    s = new SequentialKernel({ pagesPerHugePage: 4, hugeRanges: 1, frames: 8, mms: 1, vmas: 2, cpus: 1, enabled: ENABLED_NEVER });
    s.mmap(0, 0, 4, RW, MAP_FIXED);
    s.touch(0, 0, 3, 1);
    const page = first(s.k.page.count, (f) => f % 2 === 0 && s.k.page.anon.get(f));
    s.k.page.order.set(page, 1);
    const broken = (): readonly string[] => s.violations().filter((v) => v.startsWith("mthp.M1"));
    expect(broken()).toEqual([expect.stringContaining("there are anonymous folios of this order")]);
    s.k.page.anon.set(page, false);
    expect(broken()).toEqual([]);
  });
  it("says which conjunct failed, and from which values", () => {
    CORRUPTIONS["D3"]!();
    expect(s.violations()).toEqual(['D3 the split queue\'s length equals its members: {"conjunct":"split_queue_len === folios on the queue","values":{"counted":3,"queued":2}}']);
  });
});

describe("the catalogue", () => {
  it("has one promise for each id", () => {
    expect(new Set(CATALOGUE.map((p) => p.id)).size).toBe(CATALOGUE.length);
  });
  it("has all invariants, each with a reason and a source", () => {
    expect(CATALOGUE.flatMap((p) => (p.invariant === undefined ? [] : [p.invariant.id])).sort()).toEqual(INVARIANTS.map((i) => i.id).sort());
    for (const p of CATALOGUE.filter((q) => q.family === "objects" || ["P20", "X10"].includes(q.id))) {
      expect([p.why, p.source].every((text) => text !== undefined && text.length > 10), p.id).toBe(true);
    }
    for (const i of INVARIANTS) expect([i.why, i.source].every((text) => text.length > 10), i.id).toBe(true);
  });
  it("says of every promise how it is kept or what it lacks, by machines that exist", () => {
    for (const p of CATALOGUE) {
      expect(keptBy(p), p.id).toMatch(/\S/);
      for (const machine of p.machines ?? []) expect(() => machineNamed(machine)).not.toThrow();
    }
  });
  it("has the promises of every family of the kernel's", () => {
    expect([...new Set(CATALOGUE.map((p) => p.family))].sort()).toEqual(["anon-vma", "counters", "deferred", "exclusivity", "function", "khugepaged", "liveness", "locks", "lru", "mapcount", "memcg", "objects", "page", "page-table", "permission", "reservations", "schemes", "split", "swap", "tlb", "vma", "windows"]);
  });
});
