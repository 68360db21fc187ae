/**
 * Every bound, version switch and knob of a kernel, in one plain record.
 *
 * The same code runs with 2 pages per huge page and a dozen frames (exhaustive checks) and with 512 and gigabytes
 * (simulation). Routines read these values as `k.param.<name>.get()`; the compiler turns each into a constant.
 */

/** THP sysfs `enabled` and `defrag`. @kernel mm/huge_memory.c enabled_show(), defrag_show() */
export const ENABLED_NEVER = 0;
export const ENABLED_MADVISE = 1;
export const ENABLED_ALWAYS = 2;
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
  /** Pages that one mmu_gather holds before it must flush. */
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
  /** A write to the huge zero page allocates a huge page at once: since 6.x; before, it splits. */
  readonly hugeZeroUpgrade?: boolean;
  /** A write to an exclusively owned PTE-mapped THP reuses the page: since 6.15. */
  readonly largeFolioReuse?: boolean;
  /** Every page allocation may fail (a choice); otherwise only when memory has run out. */
  readonly allocationMayFail?: boolean;
  /** A memcg charge may fail (a choice). */
  readonly chargeMayFail?: boolean;
  /** copy_mc_user_highpage() may meet poison (a choice). */
  readonly copyMayMeetPoison?: boolean;
  readonly enabled?: number;
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
}

/** Plain data, with everything filled in and the derived sizes that types such as `UpTo<"vpnMax">` refer to. */
export type KernelConfig = Readonly<Record<keyof KernelOptions, number | boolean> & {
  /** log2 of pagesPerHugePage: HPAGE_PMD_ORDER. */
  hpagePmdOrder: number;
  /** Pages of an address space; addresses are 0..vpnMax, the last being only an end. */
  vpnMax: number;
  /** Largest page-table entry value. */
  entryMax: number;
  maxOrder: number;
}>;

/** Fills in the defaults (those of Linux, scaled to the page size) and derives. Throws RangeError for what makes no sense. */
export function kernelConfig(o: KernelOptions): KernelConfig {
  const h = o.pagesPerHugePage;
  if (h < 2 || h > 512 || !Number.isInteger(Math.log2(h))) throw new RangeError(`pagesPerHugePage ${h}: a power of two from 2 to 512`);
  if (o.frames % h !== 0 || o.frames <= 0) throw new RangeError(`frames ${o.frames}: a positive multiple of pagesPerHugePage ${h}`);
  const scheme = o.refcountScheme ?? SCHEME_FOLIO;
  if (scheme !== SCHEME_FOLIO) throw new RangeError(`refcountScheme ${scheme}: only SCHEME_FOLIO (${SCHEME_FOLIO}) is implemented; the schemes of 2011 and 2015 are places to fill in impl/refcount-scheme.ts`);
  const pageTables = o.pageTables ?? o.mms * o.hugeRanges * 2;
  const vmas = o.vmas ?? o.mms * 3;
  const contents = o.contents ?? 4;
  if (contents > 30) throw new RangeError(`contents ${contents}: at most 30`);
  const limit = (value: number | undefined, fallback: number, name: string): number => {
    const v = value ?? fallback;
    if (!Number.isInteger(v) || v < 0 || v >= h) throw new RangeError(`${name} ${v}: the kernel answers EINVAL outside 0..${h - 1}`);
    return v;
  };
  return {
    pagesPerHugePage: h, hugeRanges: o.hugeRanges, frames: o.frames, mms: o.mms, cpus: o.cpus, pageTables, vmas, contents,
    anonVmas: o.anonVmas ?? vmas, anonVmaChains: o.anonVmaChains ?? vmas * 2,
    refcountMax: o.refcountMax ?? (h <= 8 ? 31 : 0xffff),
    gatherBatch: o.gatherBatch ?? (h <= 8 ? 2 : 14), lruBatch: o.lruBatch ?? (h <= 8 ? 2 : 15),
    refcountScheme: scheme,
    collapseTableSync: o.collapseTableSync ?? true, refuseLazyfree: o.refuseLazyfree ?? true, splitZeroRemap: o.splitZeroRemap ?? true,
    collapseContinuesAtEmptyPmd: o.collapseContinuesAtEmptyPmd ?? true, hugeZeroUpgrade: o.hugeZeroUpgrade ?? true, largeFolioReuse: o.largeFolioReuse ?? true,
    allocationMayFail: o.allocationMayFail ?? false, chargeMayFail: o.chargeMayFail ?? false, copyMayMeetPoison: o.copyMayMeetPoison ?? false,
    enabled: o.enabled ?? ENABLED_ALWAYS, defrag: o.defrag ?? DEFRAG_MADVISE, useZeroPage: o.useZeroPage ?? true, shrinkUnderused: o.shrinkUnderused ?? true,
    khugepagedDefrag: o.khugepagedDefrag ?? true,
    maxPtesNone: limit(o.maxPtesNone, h - 1, "max_ptes_none"), maxPtesSwap: limit(o.maxPtesSwap, h >> 3, "max_ptes_swap"), maxPtesShared: limit(o.maxPtesShared, h >> 1, "max_ptes_shared"),
    pagesToScan: o.pagesToScan ?? h * 8,
    hpagePmdOrder: Math.log2(h), vpnMax: o.hugeRanges * h, maxOrder: Math.log2(h),
    entryMax: 2 ** ENTRY_TARGET_SHIFT * 2 ** Math.ceil(Math.log2(Math.max(o.frames, pageTables) + 1)) - 1,
  };
}

/** Page-table entries hold flags below this bit and a frame or table number from it on; see `pgtable.ts`. */
export const ENTRY_TARGET_SHIFT = 9;
