/**
 * Results of a scan or a collapse by the kernel's code, in the words of its tracepoints. @kernel
 * include/trace/events/huge_memory.h SCAN_STATUS
 */
export const SCAN_RESULTS = [
  "failed", "succeeded", "no_pte_table", "pmd_none", "page_pmd_mapped", "exceed_none_pte", "exceed_swap_pte",
  "exceed_shared_pte", "pte_non_present", "lack_referenced_page",
  "not_suitable_page_count", "page_not_in_lru", "page_locked", "page_not_anon", "page_lazyfree", "no_process_for_page",
  "vma_null", "vma_check_failed", "not_suitable_address_range",
  "could_not_delete_page_from_lru", "alloc_huge_page_failed", "ccgroup_charge_failed", "copy_poisoned_page", "no_writable_page",
  "pte_mapped_hugepage",
] as const;
