/**
 * What became of a scan or a collapse: enum scan_result of mm/khugepaged.c, with the words that the tracepoints print.
 *
 * The kernel's own results of parts that are not here have no code: files and shmem (page_compound, truncated,
 * page_has_private, store_failed, page_filled, page_dirty_or_writeback), userfaultfd (pte_uffd_wp), device memory
 * (page_null), more than one node (scan_aborted).
 */
import type { Int } from "thpcheck";

export const SCAN_FAIL = 0;
export const SCAN_SUCCEED = 1;
/** No table of PTEs: the PMD entry is none, or changed under the scan. */
export const SCAN_NO_PTE_TABLE = 2;
/** Up to 7.0, an empty PMD entry had a result of its own; see `param.collapseContinuesAtEmptyPmd`. */
export const SCAN_PMD_NONE = 3;
/** A huge page is there already, or the migration entry of one. */
export const SCAN_PMD_MAPPED = 4;
export const SCAN_EXCEED_NONE_PTE = 5;
export const SCAN_EXCEED_SWAP_PTE = 6;
export const SCAN_EXCEED_SHARED_PTE = 7;
export const SCAN_PTE_NON_PRESENT = 8;
export const SCAN_LACK_REFERENCED_PAGE = 9;
/** References that no mapping accounts for. */
export const SCAN_PAGE_COUNT = 10;
export const SCAN_PAGE_LRU = 11;
export const SCAN_PAGE_LOCK = 12;
export const SCAN_PAGE_ANON = 13;
export const SCAN_PAGE_LAZYFREE = 14;
/** The process is exiting, or its THPs were disabled. */
export const SCAN_ANY_PROCESS = 15;
export const SCAN_VMA_NULL = 16;
export const SCAN_VMA_CHECK = 17;
/** The VMA does not contain the whole huge range. */
export const SCAN_ADDRESS_RANGE = 18;
export const SCAN_DEL_PAGE_LRU = 19;
export const SCAN_ALLOC_HUGE_PAGE_FAIL = 20;
export const SCAN_CGROUP_CHARGE_FAIL = 21;
/** The memory of a source page is defective. */
export const SCAN_COPY_MC = 22;
/** No page is mapped writable, which kernels before 6.18 asked for; see `param.collapseNeedsWritable`. */
export const SCAN_PAGE_RO = 23;
/** A page of the window is of a folio that is as large as the new one would be, or larger. */
export const SCAN_PTE_MAPPED_HUGEPAGE = 24;
export type ScanResult = Int<0, 24>;

/** @kernel include/trace/events/huge_memory.h SCAN_STATUS */
export const SCAN_STATUS: Readonly<Record<number, string>> = {
  [SCAN_FAIL]: "failed",
  [SCAN_SUCCEED]: "succeeded",
  [SCAN_NO_PTE_TABLE]: "no_pte_table",
  [SCAN_PMD_NONE]: "pmd_none",
  [SCAN_PMD_MAPPED]: "page_pmd_mapped",
  [SCAN_EXCEED_NONE_PTE]: "exceed_none_pte",
  [SCAN_EXCEED_SWAP_PTE]: "exceed_swap_pte",
  [SCAN_EXCEED_SHARED_PTE]: "exceed_shared_pte",
  [SCAN_PTE_NON_PRESENT]: "pte_non_present",
  [SCAN_LACK_REFERENCED_PAGE]: "lack_referenced_page",
  [SCAN_PAGE_COUNT]: "not_suitable_page_count",
  [SCAN_PAGE_LRU]: "page_not_in_lru",
  [SCAN_PAGE_LOCK]: "page_locked",
  [SCAN_PAGE_ANON]: "page_not_anon",
  [SCAN_PAGE_LAZYFREE]: "page_lazyfree",
  [SCAN_ANY_PROCESS]: "no_process_for_page",
  [SCAN_VMA_NULL]: "vma_null",
  [SCAN_VMA_CHECK]: "vma_check_failed",
  [SCAN_ADDRESS_RANGE]: "not_suitable_address_range",
  [SCAN_DEL_PAGE_LRU]: "could_not_delete_page_from_lru",
  [SCAN_ALLOC_HUGE_PAGE_FAIL]: "alloc_huge_page_failed",
  [SCAN_CGROUP_CHARGE_FAIL]: "ccgroup_charge_failed",
  [SCAN_COPY_MC]: "copy_poisoned_page",
  [SCAN_PAGE_RO]: "no_writable_page",
  [SCAN_PTE_MAPPED_HUGEPAGE]: "pte_mapped_hugepage",
};

/** Of the enumerators that SCAN_NO_PTE_TABLE has replaced, the one that stood for a table that is gone. @kernel 6.18 SCAN_PMD_NULL */
const BEFORE_NO_PTE_TABLE = "pmd_null";

/**
 * The word of a result as the tracepoints of a release print it. `one`: whether it has one result for "no table of PTEs", as it has
 * where `param.collapseContinuesAtEmptyPmd` is on. @kernel include/trace/events/huge_memory.h SCAN_STATUS
 */
export function scanStatusWord(result: number, one: boolean): string | undefined {
  return result === SCAN_NO_PTE_TABLE && !one ? BEFORE_NO_PTE_TABLE : SCAN_STATUS[result];
}
