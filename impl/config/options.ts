/**
 * Every bound, version switch and knob of a kernel, in one plain record.
 *
 * The same code runs with 2 pages per huge page and a dozen frames (exhaustive checks) and with 512 and gigabytes
 * (simulation). Routines read these values as `k.param.<name>.get()`; the compiler turns each into a constant.
 */
import type { Bounds } from "../../spec/bounds.ts";
import { MECHANISM_OFF, MECHANISM_RFC_2018, switchesOf, type Switches } from "../policy/switches.ts";

/** THP sysfs `enabled` and `defrag`. @kernel mm/huge_memory.c enabled_show(), defrag_show() */
export const ENABLED_NEVER = 0;
export const ENABLED_MADVISE = 1;
export const ENABLED_ALWAYS = 2;
/** Only of the file for huge pages of PMD size, whose other words are those of `enabled`. @kernel mm/huge_memory.c anon_enabled_show() */
export const PMD_ENABLED_INHERIT = 3;
export const DEFRAG_NEVER = 0;
export const DEFRAG_MADVISE = 1;
export const DEFRAG_DEFER = 2;
export const DEFRAG_DEFER_MADVISE = 3;
export const DEFRAG_ALWAYS = 4;

/** How references and mappings of huge pages are counted. @kernel Documentation/mm/transhuge.rst and its history */
export const SCHEME_TAIL_PINS_2011 = 0;
export const SCHEME_DOUBLEMAP_2015 = 1;
export const SCHEME_FOLIO = 2;

export interface KernelOptions {
  /** HPAGE_PMD_NR: pages of a huge page, entries of a page table; a power of two, 2..512. */
  readonly pagesPerHugePage: number;
  /** PMD entries of each address space: huge ranges that a process can have. */
  readonly hugeRanges: number;
  /** PTRS_PER_PMD: entries of a page of PMDs, each of which has the tables deposited for its huge ones; all of an address space unless given. */
  readonly pmdsPerPage?: number;
  /** Page frames of the machine; a whole number of huge pages. */
  readonly frames: number;
  /** Address spaces that can exist at once. */
  readonly mms: number;
  readonly vmas?: number;
  readonly anonVmas?: number;
  readonly anonVmaChains?: number;
  /** Page-table pages (of PTEs) that can exist at once. */
  readonly pageTables?: number;
  /** One for each thread of the scenario. */
  readonly cpus: number;
  /** Different contents that a page can have, 0 (zero-filled) included; at most 30. One more stands for poison. */
  readonly contents?: number;
  /** Largest reference count that a folio can reach in this scenario. */
  readonly refcountMax?: number;
  /** Pages that one mmu_gather holds before it must flush; less than a huge page, and large folios are unmapped in parts. */
  readonly gatherBatch?: number;
  /** Pages in a CPU's LRU-add batch. @kernel mm/swap.c folio_batch */
  readonly lruBatch?: number;
  readonly refcountScheme?: number;
  /** collapse_huge_page() calls tlb_remove_table_sync_one(): since 6.1. */
  readonly collapseTableSync?: boolean;
  /** khugepaged refuses clean lazyfree folios: since 2026. */
  readonly refuseLazyfree?: boolean;
  /** An all-zero page of a split folio is replaced by the zero page: since 6.12. */
  readonly splitZeroRemap?: boolean;
  /** MADV_COLLAPSE goes on after an empty PMD: since 2026. */
  readonly collapseContinuesAtEmptyPmd?: boolean;
  /** MADV_COLLAPSE of a range without a huge-page boundary in it is a success: since 2026; before, -EINVAL. */
  readonly collapseOfNothingSucceeds?: boolean;
  /** One page of a range must be mapped writable for it to be collapsed (no_writable_page): before 6.18. */
  readonly collapseNeedsWritable?: boolean;
  /** MADV_DONTNEED frees the tables that it empties: CONFIG_PT_RECLAIM, since 6.14. Off unless set: most scenarios are about other things. */
  readonly ptReclaim?: boolean;
  /** A write to the huge zero page allocates a huge page at once: since 6.13; before, it splits. */
  readonly hugeZeroUpgrade?: boolean;
  /** A write to an exclusively owned PTE-mapped THP reuses the page: since 6.15. */
  readonly largeFolioReuse?: boolean;
  /** A TLB flush interrupts the other CPUs, and waits for those with interrupts off: x86. Without: the hardware broadcasts it, as on arm64. */
  readonly tlbFlushInterrupts?: boolean;
  /** A core dump walks the page tables with mmap_lock: since 5.10; before, a collapse had to look for dumps. */
  readonly coredumpTakesMmapLock?: boolean;
  /** A write to a huge page reuses it if it has one mapping, whoever else has references: before 5.18. A PMD split locks the folio then. */
  readonly reuseByMapcount?: boolean;
  /** A forced write goes by the entry's dirty bit, after one COW fault, in place of exclusivity: FOLL_COW, before 6.1. */
  readonly forcedWriteByDirty?: boolean;
  /** A block for a reservation that is not there is looked for in reclaim, which calls the shrinker of reservations. */
  readonly directReclaim?: boolean;
  /** Every page allocation may fail (a choice); otherwise only when memory has run out. */
  readonly allocationMayFail?: boolean;
  /** A memcg charge may fail (a choice). */
  readonly chargeMayFail?: boolean;
  /** copy_mc_user_highpage() may meet poison (a choice). */
  readonly copyMayMeetPoison?: boolean;
  readonly enabled?: number;
  /** hugepages-<size of a PMD>kB/enabled, which stays for a run what it is set to; PMD_ENABLED_INHERIT (the default) asks `enabled`. */
  readonly pmdEnabled?: number;
  readonly defrag?: number;
  readonly useZeroPage?: boolean;
  readonly shrinkUnderused?: boolean;
  readonly khugepagedDefrag?: boolean;
  /** 0..pagesPerHugePage - 1 */
  readonly maxPtesNone?: number;
  readonly maxPtesSwap?: number;
  readonly maxPtesShared?: number;
  /** Positive. */
  readonly pagesToScan?: number;
  /** THP reservations, by this policy of impl/policy/. Without one they do not exist, and their tables take no room. */
  readonly policy?: string;
  /** 1..pagesPerHugePage; the policy's unless given. */
  readonly promotionThreshold?: number;
  /** CONFIG_DEBUG_ATOMIC_SLEEP, for allocations: the patch of 2018 makes one that may sleep under a spinlock. */
  readonly debugAtomicSleep?: boolean;
}

/** Plain data, with everything filled in and the derived sizes that types such as `UpTo<"vpnMax">` refer to. */
export type KernelConfig = Readonly<Bounds & Record<Exclude<keyof KernelOptions | keyof Switches, "policy" | keyof Bounds>, number | boolean> & {
  /** Only where there is one. */
  policy?: string;
}>;

/** Fills in the defaults (those of Linux, scaled to the page size) and derives. Throws RangeError for what makes no sense. */
export function kernelConfig(o: KernelOptions): KernelConfig {
  const h = o.pagesPerHugePage;
  if (h < 2 || h > 512 || !Number.isInteger(Math.log2(h))) throw new RangeError(`pagesPerHugePage ${h}: a power of two from 2 to 512`);
  if (o.frames % h !== 0 || o.frames <= 0) throw new RangeError(`frames ${o.frames}: a positive multiple of pagesPerHugePage ${h}`);
  const scheme = o.refcountScheme ?? SCHEME_FOLIO;
  if (scheme !== SCHEME_FOLIO) throw new RangeError(`refcountScheme ${scheme}: only SCHEME_FOLIO (${SCHEME_FOLIO}) is implemented; the schemes of 2011 and 2015 are places to fill in impl/refcount/scheme.ts`);
  const pageTables = o.pageTables ?? o.mms * o.hugeRanges * 2;
  const vmas = o.vmas ?? o.mms * 3;
  const contents = o.contents ?? 4;
  if (contents > 30) throw new RangeError(`contents ${contents}: at most 30`);
  const limit = (value: number | undefined, fallback: number, name: string): number => {
    const v = value ?? fallback;
    if (!Number.isInteger(v) || v < 0 || v >= h) throw new RangeError(`${name} ${v}: the kernel answers EINVAL outside 0..${h - 1}`);
    return v;
  };
  const switches = switchesOf(o.policy, h);
  const promotionThreshold = o.promotionThreshold ?? switches.promotionThreshold;
  if (!Number.isInteger(promotionThreshold) || promotionThreshold < 1 || promotionThreshold > h) throw new RangeError(`promotionThreshold ${promotionThreshold}: the kernel answers EINVAL outside 1..${h}`);
  if (promotionThreshold > 1 && switches.resvMechanism === MECHANISM_OFF) throw new RangeError(`promotionThreshold ${promotionThreshold}: without a policy there are no reservations; name one in \`policy\``);
  return {
    ...(o.policy === undefined ? {} : { policy: o.policy }),
    ...switches, promotionThreshold, debugAtomicSleep: o.debugAtomicSleep ?? false,
    // One for each block that is reserved, or range; and one for each other thread that has given all pages of a block back
    // and not yet the object. (The patch of 2018 frees the object first.)
    reservations: switches.resvMechanism === MECHANISM_OFF ? 0 : switches.resvMechanism === MECHANISM_RFC_2018 ? o.frames / h : Math.min(o.frames / h, o.mms * o.hugeRanges) + o.cpus - 1,
    // The patch allocates the container of an area and can lose it; otherwise it is part of the area, or of the address space.
    resvContainers: switches.resvMechanism === MECHANISM_OFF ? 0 : switches.resvMechanism === MECHANISM_RFC_2018 ? vmas + 1 : switches.resvPerMm ? o.mms : vmas,
    pagesPerHugePage: h, hugeRanges: o.hugeRanges, pmdsPerPage: o.pmdsPerPage ?? o.hugeRanges, frames: o.frames, mms: o.mms, cpus: o.cpus, pageTables, vmas, contents,
    anonVmas: o.anonVmas ?? vmas, anonVmaChains: o.anonVmaChains ?? vmas * 2,
    refcountMax: o.refcountMax ?? (h <= 8 ? 31 : 0xffff),
    gatherBatch: o.gatherBatch ?? h, lruBatch: o.lruBatch ?? (h <= 8 ? 2 : 15),
    refcountScheme: scheme,
    collapseTableSync: o.collapseTableSync ?? true, refuseLazyfree: o.refuseLazyfree ?? true, splitZeroRemap: o.splitZeroRemap ?? true,
    collapseContinuesAtEmptyPmd: o.collapseContinuesAtEmptyPmd ?? true, collapseOfNothingSucceeds: o.collapseOfNothingSucceeds ?? true, collapseNeedsWritable: o.collapseNeedsWritable ?? false, ptReclaim: o.ptReclaim ?? false, hugeZeroUpgrade: o.hugeZeroUpgrade ?? true, largeFolioReuse: o.largeFolioReuse ?? true,
    tlbFlushInterrupts: o.tlbFlushInterrupts ?? true, coredumpTakesMmapLock: o.coredumpTakesMmapLock ?? true, reuseByMapcount: o.reuseByMapcount ?? false, forcedWriteByDirty: o.forcedWriteByDirty ?? false, directReclaim: o.directReclaim ?? false,
    allocationMayFail: o.allocationMayFail ?? false, chargeMayFail: o.chargeMayFail ?? false, copyMayMeetPoison: o.copyMayMeetPoison ?? false,
    enabled: o.enabled ?? ENABLED_ALWAYS, pmdEnabled: o.pmdEnabled ?? PMD_ENABLED_INHERIT, defrag: o.defrag ?? DEFRAG_MADVISE, useZeroPage: o.useZeroPage ?? true, shrinkUnderused: o.shrinkUnderused ?? true,
    khugepagedDefrag: o.khugepagedDefrag ?? true,
    maxPtesNone: limit(o.maxPtesNone, h - 1, "max_ptes_none"), maxPtesSwap: limit(o.maxPtesSwap, h >> 3, "max_ptes_swap"), maxPtesShared: limit(o.maxPtesShared, h >> 1, "max_ptes_shared"),
    pagesToScan: o.pagesToScan ?? h * 8,
    hpagePmdOrder: Math.log2(h), vpnMax: o.hugeRanges * h, maxOrder: Math.log2(h),
    entryMax: 2 ** ENTRY_TARGET_SHIFT * 2 ** Math.ceil(Math.log2(Math.max(o.frames, pageTables) + 1)) - 1,
  };
}

/** Page-table entries hold flags below this bit and a frame or table number from it on; see `pgtable.ts`. */
export const ENTRY_TARGET_SHIFT = 9;
