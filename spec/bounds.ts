import type { Mechanism } from "./enumerations.ts";

/**
 * The bounds of a kernel: how many objects of each kind it can have, and the largest values of its fields.
 *
 * This is the one place that names them. `KernelConfig` (impl/config/) has all of them, struct layouts (impl/structs/),
 * abstractions and machines read them from here.
 */
export interface Bounds {
  /** HPAGE_PMD_NR: pages of a huge page, entries of a page table; a power of two, 2..512. */
  readonly pagesPerHugePage: number;
  /** HPAGE_PMD_ORDER: log2 of pagesPerHugePage. */
  readonly hpagePmdOrder: number;
  /** Smallest order of a large folio; hpagePmdOrder where huge pages of that size are the only ones. */
  readonly minLargeOrder: number;
  /** Largest order of a part of a folio that is split; 0 where huge pages of PMD size are the only large folios. */
  readonly partOrderMax: number;
  /** Largest number that says what a folio is split into. */
  readonly splitPartsMax: number;
  /** Largest order of a free block. */
  readonly maxOrder: number;
  /** Huge ranges (PMD entries) of an address space. */
  readonly hugeRanges: number;
  /** PTRS_PER_PMD: entries of one page of PMDs. */
  readonly pmdsPerPage: number;
  /** Pages of an address space. Addresses are 0..vpnMax; the last one is only an end. */
  readonly vpnMax: number;
  /** Largest value of a page-table entry. */
  readonly entryMax: number;
  /** Page frames of the machine. */
  readonly frames: number;
  /** Address spaces that can exist at once. */
  readonly mms: number;
  readonly vmas: number;
  readonly anonVmas: number;
  readonly anonVmaChains: number;
  /** Page-table pages (of PTEs) that can exist at once. */
  readonly pageTables: number;
  /** One for each thread of the scenario. */
  readonly cpus: number;
  /** Different contents of a page, 0 (zero-filled) included. This value itself is poison. */
  readonly contents: number;
  /** Largest reference count of a folio. */
  readonly refcountMax: number;
  /** Pages of one mmu_gather batch. */
  readonly gatherBatch: number;
  /** Pins (FOLL_PIN) that one thread holds at once. */
  readonly pinsPerThread: number;
  /** Pages of one LRU batch. */
  readonly lruBatch: number;
  /** Slots of the swap device; 0: there is no swap. */
  readonly swapSlots: number;
  /** PTEs of one scan of khugepaged. */
  readonly pagesToScan: number;
  /** How reservations are made: MECHANISM_*. */
  readonly resvMechanism: Mechanism;
  /** Reservations that can exist at once, and containers of them; 0 without reservations. */
  readonly reservations: number;
  readonly resvContainers: number;
}
