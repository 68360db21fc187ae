/**
 * Where `impl/` may ask for HPAGE_PMD_NR and HPAGE_PMD_ORDER: each function, how often, and why. Elsewhere the size of a
 * folio is `folioNrPages(k, folio)` or its order. The list only shrinks: with several sizes of huge pages, what means the
 * size of a folio or a fault takes its order, and what means the PMD range stays.
 */

/** What is meant is the range that one PMD maps: an address, a boundary, an extent, the pages behind a huge PMD. */
const RANGE = "the range of a PMD";
const TABLE = "the entries of one page table";
const LARGEST = "the largest order that there is";
const COMPARED = "whether the size is that of a PMD";
const MADE = "the size of a huge page that is about to be made, from where it is handed down";
const KNOB = "the range of a knob, which counts pages of a PMD range";
const QUEUED = "list words of queued folios: only those of PMD size have them; kernelConfig() refuses the grain beside other sizes";
const SIZES = "the sizes between a page and a huge page: those below a PMD's";
const COUNTED = "what is counted is a huge page of PMD size";
const BLOCK = "a reservation is a block of PMD size, since it is for a huge PMD";

export interface PmdRangeUse {
  readonly file: string;
  readonly function: string;
  readonly uses: number;
  readonly why: string;
}

export const PMD_RANGE: readonly PmdRangeUse[] = [
  { file: "impl/abstraction/collapse.ts", function: "pagesAreIsolated", uses: 1, why: TABLE },
  { file: "impl/abstraction/folio.ts", function: "isNoHead", uses: 1, why: LARGEST },
  { file: "impl/abstraction/folio.ts", function: "number", uses: 2, why: LARGEST },
  { file: "impl/abstraction/folio.ts", function: "folioAbstraction", uses: 1, why: LARGEST },
  { file: "impl/abstraction/migration-entry.ts", function: "entriesFor", uses: 1, why: TABLE },
  { file: "impl/abstraction/refcount.ts", function: "abstract", uses: 1, why: LARGEST },
  { file: "impl/abstraction/reserved-page.ts", function: "abstract", uses: 1, why: BLOCK },
  { file: "impl/abstraction/tlb-entry.ts", function: "cached", uses: 1, why: RANGE },
  { file: "impl/abstraction/vma-bounds.ts", function: "coverage", uses: 2, why: RANGE },
  { file: "impl/gup.ts", function: "dumpPageTables", uses: 2, why: TABLE },
  { file: "impl/huge-memory/change.ts", function: "changeHugePmd", uses: 1, why: RANGE },
  { file: "impl/huge-memory/change.ts", function: "moveHugePmd", uses: 1, why: RANGE },
  { file: "impl/huge-memory/change.ts", function: "cutsHugeRange", uses: 1, why: RANGE },
  { file: "impl/huge-memory/copy.ts", function: "copyHugePmd", uses: 1, why: RANGE },
  { file: "impl/huge-memory/deferred-list.ts", function: "deferredNode", uses: 1, why: QUEUED },
  { file: "impl/huge-memory/deferred-list.ts", function: "folioOfNode", uses: 1, why: QUEUED },
  { file: "impl/huge-memory/deferred-list.ts", function: "splitQueue", uses: 1, why: QUEUED },
  { file: "impl/huge-memory/eligibility.ts", function: "hasAlignedRange", uses: 1, why: RANGE },
  { file: "impl/huge-memory/eligibility.ts", function: "thpVmaSuitableOrder", uses: 1, why: RANGE },
  { file: "impl/huge-memory/huge-zero.ts", function: "getHugeZeroFolio", uses: 2, why: MADE },
  { file: "impl/huge-memory/huge-zero.ts", function: "installUnderLock", uses: 1, why: MADE },
  { file: "impl/huge-memory/huge-zero.ts", function: "shrinkHugeZeroFolioCount", uses: 1, why: MADE },
  { file: "impl/huge-memory/split-pmd.ts", function: "splitHugePmdLocked", uses: 5, why: RANGE },
  { file: "impl/huge-memory/split-pmd.ts", function: "splitHugeZeroPagePmd", uses: 1, why: TABLE },
  { file: "impl/huge-memory/split-pmd.ts", function: "splitMigrationPmd", uses: 1, why: TABLE },
  { file: "impl/huge-memory/split-queued.ts", function: "thpUnderused", uses: 1, why: KNOB },
  { file: "impl/huge-memory/zap.ts", function: "zapHugePmd", uses: 3, why: RANGE },
  { file: "impl/huge-memory/zap.ts", function: "madviseFreeHugePmd", uses: 1, why: RANGE },
  { file: "impl/khugepaged.ts", function: "collapseScanMmSlot", uses: 1, why: RANGE },
  { file: "impl/khugepaged.ts", function: "entersRange", uses: 1, why: RANGE },
  { file: "impl/khugepaged/collapse-control.ts", function: "collapseControl", uses: 1, why: MADE },
  { file: "impl/khugepaged/madvise-collapse.ts", function: "madviseCollapse", uses: 1, why: RANGE },
  { file: "impl/khugepaged/scan.ts", function: "scanPtes", uses: 2, why: TABLE },
  { file: "impl/madvise/cold-or-pageout.ts", function: "madviseColdOrPageout", uses: 1, why: RANGE },
  { file: "impl/madvise/cold-or-pageout.ts", function: "coldHugePmd", uses: 1, why: RANGE },
  { file: "impl/madvise.ts", function: "madviseFreeSingleVma", uses: 1, why: RANGE },
  { file: "impl/memory.ts", function: "handleMmFault", uses: 1, why: MADE },
  { file: "impl/memory/copy.ts", function: "copyPageRange", uses: 1, why: RANGE },
  { file: "impl/khugepaged/visible-cause.ts", function: "rangeStops", uses: 1, why: RANGE },
  { file: "impl/khugepaged/visible-cause.ts", function: "areaContains", uses: 1, why: RANGE },
  { file: "impl/khugepaged/visible-cause.ts", function: "ptesThat", uses: 1, why: TABLE },
  { file: "impl/lost-function.ts", function: "noteMissedMapping", uses: 1, why: RANGE },
  { file: "impl/lost-function.ts", function: "migrationEntryLeft", uses: 1, why: TABLE },
  { file: "impl/lost-function.ts", function: "isEmpty", uses: 1, why: RANGE },
  { file: "impl/memory/zap.ts", function: "unmapPageRange", uses: 3, why: RANGE },
  { file: "impl/memory/zap.ts", function: "freePgtables", uses: 2, why: RANGE },
  { file: "impl/memory/zap.ts", function: "checkEmpty", uses: 1, why: TABLE },
  { file: "impl/mprotect.ts", function: "changeProtection", uses: 1, why: RANGE },
  { file: "impl/mprotect.ts", function: "changePmd", uses: 1, why: RANGE },
  { file: "impl/mremap.ts", function: "movePageTables", uses: 1, why: RANGE },
  { file: "impl/mremap.ts", function: "moveExtent", uses: 1, why: RANGE },
  { file: "impl/mremap.ts", function: "tryRealignAddr", uses: 1, why: RANGE },
  { file: "impl/mremap.ts", function: "moveNormalPmd", uses: 1, why: RANGE },
  { file: "impl/page-alloc.ts", function: "bootMemory", uses: 1, why: LARGEST },
  { file: "impl/page-alloc.ts", function: "rmqueue", uses: 1, why: LARGEST },
  { file: "impl/page-alloc.ts", function: "freeOnePage", uses: 1, why: LARGEST },
  { file: "impl/page-flags.ts", function: "folioTestPmdMappable", uses: 1, why: COMPARED },
  { file: "impl/page-vma-mapped.ts", function: "nextRange", uses: 1, why: RANGE },
  { file: "impl/page-vma-mapped.ts", function: "mayBeMappedByPmd", uses: 1, why: RANGE },
  { file: "impl/pgtable-generic.ts", function: "pgtableTransHugeDeposit", uses: 1, why: TABLE },
  { file: "impl/pgtable-generic.ts", function: "flushPmdRange", uses: 1, why: RANGE },
  { file: "impl/pgtable.ts", function: "pmdIndex", uses: 1, why: RANGE },
  { file: "impl/pgtable.ts", function: "pteIndex", uses: 1, why: RANGE },
  { file: "impl/pgtable.ts", function: "hpageAddress", uses: 1, why: RANGE },
  { file: "impl/pgtable.ts", function: "hpageAligned", uses: 1, why: RANGE },
  { file: "impl/pt-reclaim.ts", function: "isEmpty", uses: 1, why: TABLE },
  { file: "impl/rcu.ts", function: "freeTable", uses: 1, why: TABLE },
  { file: "impl/huge-memory/fault.ts", function: "mapAnonFolioPmd", uses: 1, why: COUNTED },
  { file: "impl/huge-memory/mthp-stat.ts", function: "modNrAnon", uses: 1, why: COMPARED },
  { file: "impl/huge-memory/mthp-stat.ts", function: "modNrAnonPartiallyMapped", uses: 1, why: COMPARED },
  { file: "impl/huge-memory/orders.ts", function: "hasMiddleOrders", uses: 1, why: SIZES },
  { file: "impl/huge-memory/orders.ts", function: "ordersBelowPmd", uses: 1, why: SIZES },
  { file: "impl/structs/thp.ts", function: "anonOrders", uses: 1, why: SIZES },
  { file: "impl/structs/thp.ts", function: "middleOrders", uses: 1, why: SIZES },
  { file: "impl/sysfs.ts", function: "isInRange", uses: 2, why: KNOB },
  { file: "impl/thp-reservation.ts", function: "mapsNothing", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/container.ts", function: "usedPages", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/container.ts", function: "insertReservation", uses: 3, why: BLOCK },
  { file: "impl/thp-reservation/container.ts", function: "freeReservation", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/rfc-2018-promote.ts", function: "convert", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/rfc-2018-shrinker.ts", function: "rfcShrink", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/rfc-2018.ts", function: "rfcReserve", uses: 2, why: BLOCK },
  { file: "impl/thp-reservation/rfc-2018.ts", function: "rfcFreeReservation", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/rfc-2018.ts", function: "releaseRange", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/rfc-2018.ts", function: "rfcMove", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/rfc-2018.ts", function: "rfcMremap", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/safe-move.ts", function: "safeBoundary", uses: 3, why: BLOCK },
  { file: "impl/thp-reservation/safe-move.ts", function: "safeTakeOver", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/safe-move.ts", function: "safeMremap", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/safe-move.ts", function: "announceMove", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/safe-promote.ts", function: "isShared", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/safe-promote.ts", function: "freezeReservation", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/safe-promote.ts", function: "fits", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/safe-promote.ts", function: "releaseUsedPages", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/safe-release.ts", function: "putUnusedPages", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/safe-release.ts", function: "safeReleaseRange", uses: 1, why: BLOCK },
  { file: "impl/thp-reservation/safe.ts", function: "safeReserve", uses: 2, why: BLOCK },
  { file: "impl/thp-reservation/safe.ts", function: "putBlock", uses: 1, why: BLOCK },
  { file: "impl/tlb.ts", function: "flushTlbMm", uses: 1, why: RANGE },
  { file: "impl/tlb.ts", function: "switchMm", uses: 1, why: RANGE },
  { file: "impl/vma-tree.ts", function: "getUnmappedArea", uses: 1, why: RANGE },
  { file: "impl/vmscan.ts", function: "folioUnmapPteBatch", uses: 1, why: TABLE },
  { file: "impl/vmscan.ts", function: "discardAnonFolioPmd", uses: 2, why: RANGE },
];
