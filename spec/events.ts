/**
 * The one alphabet of specification events. A routine announces an event (`emit(k, EV.X, instances...)`) in the same
 * step as the store that makes it true. The comment behind each names its instances, in order.
 */
export const EV = {
  // folio: frames are named by the head's pfn
  FOLIO_ALLOC: 1, // folio, order
  FOLIO_FREE: 2, // folio
  FOLIO_MAP_PMD: 3, // folio, mm
  FOLIO_UNMAP_PMD: 4, // folio, mm
  FOLIO_MAP_PTE: 5, // folio, page, mm
  FOLIO_UNMAP_PTE: 6, // folio, page, mm
  FOLIO_PIN: 7, // folio
  FOLIO_UNPIN: 8, // folio
  FOLIO_ISOLATE: 9, // folio
  FOLIO_PUTBACK: 10, // folio
  FOLIO_FREEZE: 11, // folio
  FOLIO_UNFREEZE: 12, // folio
  FOLIO_SPLIT: 13, // folio
  FOLIO_SPLIT_FAIL: 14, // folio
  FOLIO_DEFER: 15, // folio
  FOLIO_UNDEFER: 16, // folio
  // PMD entry: mm, PMD index
  PMD_POPULATE: 20, // mm, pmd, table
  PMD_SET_HUGE: 21, // mm, pmd, folio
  PMD_SET_HUGE_ZERO: 22, // mm, pmd
  PMD_INVALIDATE: 23, // mm, pmd
  PMD_SPLIT: 24, // mm, pmd, table
  PMD_CLEAR: 25, // mm, pmd
  PMD_DETACH: 26, // mm, pmd, table: collapse takes the table out
  PMD_REATTACH: 27, // mm, pmd, table: collapse puts it back
  // page-table pages
  TABLE_ALLOC: 30, // table, mm
  TABLE_FREE: 31, // table
  TABLE_DEPOSIT: 32, // table, mm
  TABLE_WITHDRAW: 33, // table, mm
  TABLE_RCU: 34, // table
  // TLB
  TLB_FILL: 40, // cpu, vpn, huge
  TLB_FLUSH: 41, // cpu, start, end
  // migration entries
  MIGRATION_SET: 50, // mm, vpn, page
  MIGRATION_REMOVE: 51, // mm, vpn, page
  // collapse: mm, huge range
  COLLAPSE_SCAN: 60, // mm, pmd
  COLLAPSE_ALLOC: 61, // mm, pmd, folio
  COLLAPSE_ISOLATED: 62, // mm, pmd
  COLLAPSE_COPIED: 63, // mm, pmd
  COLLAPSE_RESULT: 64, // mm, pmd, scan result
  // VMAs and address spaces
  VMA_CREATE: 70, // vma, start, end
  VMA_BOUNDS: 71, // vma, start, end
  VMA_REMOVE: 72, // vma
  MM_CREATE: 80, // mm
  MM_EXIT: 81, // mm: the last user is gone
  MM_FREE: 82, // mm
  MM_REGISTER: 83, // mm: with khugepaged
  MM_UNREGISTER: 84, // mm
} as const;
