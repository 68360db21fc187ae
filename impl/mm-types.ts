/**
 * The kernel's objects: include/linux/mm_types.h, and what else is memory. This file composes them, in the order of the
 * state vector; `structs/` has one file for each object, with its fields and flags.
 *
 * Every field says what protects it, its guard:
 * - `"lock"`: a lock of the same object. `"struct.lock"`: the lock of a singleton. `"field->lock"`: the lock of the object
 *   that the reference `field` points to.
 * - `"atomic"`: each access is one indivisible operation, as of an atomic_t or a flag bit. Where the kernel reads
 *   without the lock it says so with READ_ONCE: `.once()` here.
 * - `"atomic(mapping)"`: the fields of a folio that a mapping changes. The reference-count scheme changes them in one step.
 * - `"cpu"`: the CPU's own caches, batches and mmu_gather. Access to those of another CPU is marked; it stands for an
 *   interrupt there, or for work queued there.
 * - `"lifetime"`: constant while there is a reference to the object.
 * - `"model"`: bookkeeping for which the kernel has no memory.
 *
 * The ghost field `owner` names the thread that has the object to itself. That thread needs no lock for it. The field is
 * written right after the operation that takes the object out of the reach of all others, or puts it back. Only the
 * sanitizers read it.
 */
import { int, bool, struct, type World } from "thpcheck";
import type { KernelConfig } from "./config/options.ts";
import { anonVma, avc } from "./structs/anon-vma.ts";
import { tracepoint, vmstat } from "./structs/counters.ts";
import { cpu } from "./structs/cpu.ts";
import { collapse, user } from "./structs/ghosts.ts";
import { mm } from "./structs/mm.ts";
import { page } from "./structs/page.ts";
import { ptTable, rcu } from "./structs/page-table.ts";
import { resv, resvLru, resvs } from "./structs/reservation.ts";
import { deferredSplit, hugeZero, khugepaged } from "./structs/thp.ts";
import { vma } from "./structs/vma.ts";
import { lruvec, node, zone } from "./structs/zone.ts";

export function kernelStructs(c: KernelConfig) {
  const n = (name: keyof KernelConfig): number => Number(c[name]);
  const h = n("pagesPerHugePage");
  const constant = (name: keyof KernelConfig, meaning: string) => int(n(name), n(name), meaning);
  return {
    /** Bounds and version switches: constants. */
    param: struct({
      hpagePmdNr: constant("pagesPerHugePage", "HPAGE_PMD_NR"), hpagePmdOrder: constant("hpagePmdOrder", "HPAGE_PMD_ORDER"),
      hugeRanges: constant("hugeRanges", "PMD entries of an address space"), pmdsPerPage: constant("pmdsPerPage", "PTRS_PER_PMD"), vpnMax: constant("vpnMax", "pages of an address space"),
      frames: constant("frames", "page frames"), contents: constant("contents", "page contents; this value is poison"),
      gatherBatch: constant("gatherBatch", "pages of one mmu_gather batch"), lruBatch: constant("lruBatch", "pages of one LRU batch"),
      refcountScheme: constant("refcountScheme", "how references are counted"),
      collapseTableSync: constant("collapseTableSync", "collapse waits for lockless walkers"), refuseLazyfree: constant("refuseLazyfree", "khugepaged refuses lazyfree pages"),
      splitZeroRemap: constant("splitZeroRemap", "split maps zero-filled pages to the zero page"), collapseContinuesAtEmptyPmd: constant("collapseContinuesAtEmptyPmd", "MADV_COLLAPSE goes on after an empty PMD"),
      collapseOfNothingSucceeds: constant("collapseOfNothingSucceeds", "MADV_COLLAPSE of less than a huge range succeeds"),
      collapseNeedsWritable: constant("collapseNeedsWritable", "no collapse of a range without a writable page"),
      ptReclaim: constant("ptReclaim", "MADV_DONTNEED frees the tables that it empties"),
      hugeZeroUpgrade: constant("hugeZeroUpgrade", "a write to the huge zero page allocates a huge page"), largeFolioReuse: constant("largeFolioReuse", "COW reuses exclusively owned large folios"),
      tlbFlushInterrupts: constant("tlbFlushInterrupts", "a TLB flush interrupts the other CPUs"), coredumpTakesMmapLock: constant("coredumpTakesMmapLock", "a core dump holds mmap_lock"),
      reuseByMapcount: constant("reuseByMapcount", "a huge page with one mapping is reused"), forcedWriteByDirty: constant("forcedWriteByDirty", "forced writes go by the dirty bit"), directReclaim: constant("directReclaim", "who finds no block for a reservation reclaims"),
      allocationMayFail: constant("allocationMayFail", "allocations may fail"), chargeMayFail: constant("chargeMayFail", "charges may fail"), copyMayMeetPoison: constant("copyMayMeetPoison", "copies may meet poison"),
      resvMechanism: constant("resvMechanism", "how reservations are made: MECHANISM_* of policy/switches.ts"), resvPerMm: constant("resvPerMm", "reservations belong to the address space, not to the area"),
      resvOnRead: constant("resvOnRead", "a read fault reserves"), resvPromoteInFault: constant("resvPromoteInFault", "the fault that reaches the threshold promotes"),
      resvPressureAll: constant("resvPressureAll", "memory pressure takes all reservations"), resvAfterFork: constant("resvAfterFork", "who has reservations after fork: FORK_* of policy/switches.ts"),
      resvMremapMoves: constant("resvMremapMoves", "mremap moves reservations"), resvFullStaysOnLru: constant("resvFullStaysOnLru", "the shrinker looks at fully used reservations"),
      pmdEnabled: constant("pmdEnabled", "hugepages-<size of a PMD>kB/enabled: never, madvise, always, inherit"),
      debugAtomicSleep: constant("debugAtomicSleep", "allocations that may sleep are checked for spinlocks"),
    }),

    /** sysfs: /sys/kernel/mm/transparent_hugepage. Written by sysfs.ts, read with READ_ONCE. */
    knob: struct({
      enabled: int(0, 2, "never, madvise, always", { guard: "atomic", init: n("enabled") }),
      defrag: int(0, 4, "when to reclaim for a huge page", { guard: "atomic", init: n("defrag") }),
      useZeroPage: bool("read faults may map the huge zero page", { guard: "atomic", init: n("useZeroPage") === 1 }),
      shrinkUnderused: bool("the deferred-split shrinker splits underused THPs", { guard: "atomic", init: n("shrinkUnderused") === 1 }),
      khugepagedDefrag: bool("khugepaged may reclaim", { guard: "atomic", init: n("khugepagedDefrag") === 1 }),
      maxPtesNone: int(0, h - 1, "empty PTEs that khugepaged accepts", { guard: "atomic", init: n("maxPtesNone") }),
      maxPtesSwap: int(0, h - 1, "non-present PTEs that khugepaged accepts", { guard: "atomic", init: n("maxPtesSwap") }),
      maxPtesShared: int(0, h - 1, "shared PTEs that khugepaged accepts", { guard: "atomic", init: n("maxPtesShared") }),
      pagesToScan: int(1, Math.max(1, n("pagesToScan")), "PTEs of one scan", { guard: "atomic", init: n("pagesToScan") }),
      promotionThreshold: int(1, n("resvMechanism") === 0 ? 1 : h, "promotion_threshold: used pages that make a reservation a huge page; 1: no reservations", { guard: "atomic", init: n("promotionThreshold") }),
    }),

    page: page(c),
    zone: zone(c), lruvec: lruvec(c), node: node(c),
    cpu: cpu(c),
    mm: mm(c), vma: vma(c), anonVma: anonVma(c), avc: avc(c), ptTable: ptTable(c), rcu: rcu(c),
    hugeZero: hugeZero(), deferredSplit: deferredSplit(c), khugepaged: khugepaged(c),
    resvs: resvs(c), resv: resv(c), resvLru: resvLru(c),
    collapse: collapse(c), user: user(c),
    tracepoint: tracepoint(), vmstat: vmstat(),
  };
}

export type KernelStructs = ReturnType<typeof kernelStructs>;
/** The world of a kernel. */
export type Kernel = World<KernelStructs>;
