/**
 * The one alphabet of specification events. A routine announces an event (`emit(k, EV.X, instances...)`) in the same
 * step as the store that makes it true. The comment behind each names its arguments, in order; which instances of which
 * machines it moves is said in `alphabet.ts`.
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
  FOLIO_UNFREEZE: 12, // folio, order: that the split is to leave it with
  FOLIO_SPLIT: 13, // folio, order, new order: becomes folios of the new order, the first of which it is
  FOLIO_SPLIT_FAIL: 14, // folio
  FOLIO_DEFER: 15, // folio
  FOLIO_UNDEFER: 16, // folio
  FOLIO_SET_PARTIALLY_MAPPED: 17, // folio
  FOLIO_CLEAR_PARTIALLY_MAPPED: 18, // folio
  FOLIO_RELEASE: 19, // folio: its last reference is gone
  // PMD entry: mm, PMD index
  PMD_POPULATE: 20, // mm, pmd, table
  PMD_SET_HUGE: 21, // mm, pmd, folio
  PMD_SET_HUGE_ZERO: 22, // mm, pmd
  PMD_INVALIDATE: 23, // mm, pmd
  PMD_SPLIT: 24, // mm, pmd, table
  PMD_CLEAR: 25, // mm, pmd, table: NONE if the entry was huge
  PMD_DETACH: 26, // mm, pmd, table, cpu: collapse takes the table out
  PMD_REATTACH: 27, // mm, pmd, table, cpu: collapse puts it back
  PMD_SET_MIGRATION: 28, // mm, pmd, folio
  PMD_REINSTALL: 29, // mm, pmd, table, cpu: collapse puts it back, with a new folio in it
  // page-table pages
  TABLE_ALLOC: 30, // table, mm
  TABLE_FREE: 31, // table
  TABLE_DEPOSIT: 32, // table, mm
  TABLE_WITHDRAW: 33, // table, mm
  TABLE_RCU: 34, // table
  // TLB
  TLB_FILL: 40, // cpu, vpn, huge, mm
  TLB_FLUSH: 41, // cpu, start, end
  // migration entries
  MIGRATION_SET: 50, // mm, vpn, page
  MIGRATION_REMOVE: 51, // mm, vpn, page: the page, or the zero page, is mapped again
  MIGRATION_ZAP: 52, // mm, vpn, page: the entry is unmapped
  // swap slots
  SWAP_ADD: 53, // slot: a folio gets it
  SWAP_SET: 54, // slot
  SWAP_UNSET: 55, // slot
  SWAP_RECLAIM: 56, // slot: the folio is written and dropped
  SWAP_READ: 57, // slot: a folio has the content again
  SWAP_DELETE: 58, // slot: the folio gives it up
  // collapse: mm, huge range; the CPU that runs it
  COLLAPSE_SCAN: 60, // mm, pmd, cpu
  COLLAPSE_ALLOC: 61, // mm, pmd, cpu, folio
  COLLAPSE_ISOLATED: 62, // mm, pmd, cpu
  COLLAPSE_COPIED: 63, // mm, pmd, cpu
  COLLAPSE_RESULT: 64, // mm, pmd, cpu, scan result
  COLLAPSE_NEXT: 65, // mm, pmd, cpu, scan result: an attempt of a walk over windows is over
  COLLAPSE_WALKED: 66, // mm, pmd, cpu, scan result: the walk is over, and the range is no huge page
  // VMAs and address spaces
  VMA_CREATE: 70, // vma, mm, start, end: an area is in the tree
  VMA_BOUNDS: 71, // vma, mm, start, end, the start and end that it had
  VMA_REMOVE: 72, // vma, mm, start, end: an area is no longer in the tree
  MM_CREATE: 80, // mm
  MM_EXIT: 81, // mm: the last user is gone
  MM_FREE: 82, // mm
  MM_REGISTER: 83, // mm: with khugepaged
  MM_UNREGISTER: 84, // mm
  // references of a folio that are no mapping's yet, or no longer
  FOLIO_GET: 90, // folio, references
  FOLIO_PUT: 91, // folio, references; the last one is FOLIO_RELEASE
  FOLIO_LRU_ADD: 92, // folio: into a batch
  // reservations: mm, huge range
  RESV_CREATE: 100, // mm, pmd
  RESV_TAKE: 101, // mm, pmd, page of the range, page frame
  RESV_RETURN: 102, // mm, pmd, page of the range, page frame
  RESV_INSTALL: 103, // mm, pmd, page of the range, page frame
  RESV_RELEASE: 104, // mm, pmd, unused pages
  RESV_PROMOTE: 105, // mm, pmd, unused pages
  RESV_PROMOTED: 106, // mm, pmd
  RESV_PROMOTE_FAIL: 107, // mm, pmd
  // a huge page of the scheme of 2011: folio
  THP2011_ALLOC: 110,
  THP2011_MAP: 111,
  THP2011_UNMAP: 112,
  THP2011_HEAD_GET: 113,
  THP2011_HEAD_PUT: 114,
  THP2011_TAIL_TRY: 115,
  THP2011_LOCK: 116,
  THP2011_TAIL_PIN: 117,
  THP2011_TAIL_UNPIN: 118,
  THP2011_TAIL_MISS: 119,
  THP2011_SPLIT: 120,
  THP2011_MARK: 121,
  THP2011_SPLIT_LOCK: 122,
  THP2011_SPLIT_REFS: 123,
  THP2011_FREE: 124,
} as const;
export type EventName = keyof typeof EV;
