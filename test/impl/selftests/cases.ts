/**
 * The cases of the kernel's selftests for transparent huge pages and for what they rest on, file by file, as their own
 * output names them: tools/testing/selftests/mm, Linux 6.18 and the series merged for the releases after it.
 */

/** Every combination of a name and an addition. */
export function each(names: readonly string[], additions: readonly string[]): string[] {
  return names.flatMap((name) => additions.map((addition) => `${name} ${addition}`));
}

// ---- khugepaged.c ----------------------------------------------------------------------------------------------

const BOTH = ["khugepaged", "madvise"];
const contexts = (name: string, memory: readonly string[], by: readonly string[] = BOTH): string[] => by.flatMap((context) => memory.map((m) => `${name} (${context}:${m})`));

const KHUGEPAGED = [
  "alloc_at_fault",
  ...contexts("collapse_full", ["anon", "file", "shmem"]), ...contexts("collapse_empty", ["anon"]), ...contexts("collapse_single_pte_entry", ["anon", "file", "shmem"]),
  ...contexts("collapse_max_ptes_none", ["anon", "file"]), ...contexts("collapse_single_pte_entry_compound", ["anon", "file"]),
  ...contexts("collapse_full_of_compound", ["anon", "file", "shmem"]), ...contexts("collapse_compound_extreme", ["anon"]), ...contexts("collapse_swapin_single_pte", ["anon"]),
  ...contexts("collapse_max_ptes_swap", ["anon"]), ...contexts("collapse_fork", ["anon"]), ...contexts("collapse_fork_compound", ["anon"]), ...contexts("collapse_max_ptes_shared", ["anon"]),
  ...contexts("madvise_collapse_existing_thps", ["anon", "file", "shmem"], ["madvise"]), ...contexts("madvise_retracted_page_tables", ["file", "shmem"], ["madvise"]),
  "-s order: every case with mTHPs as sources", "khugepaged_mthp_test: collapse to each order",
];

// ---- cow.c -----------------------------------------------------------------------------------------------------

/** @kernel cow.c anon_test_cases */
export const COW_ANON = [
  "Basic COW after fork()", "Basic COW after fork() with mprotect() optimization", "vmsplice() + unmap in child", "vmsplice() + unmap in child with mprotect() optimization",
  "vmsplice() before fork(), unmap in parent after fork()", "vmsplice() + unmap in parent after fork()", "R/O-mapping a page registered as iouring fixed buffer",
  "fork() with an iouring fixed buffer", "R/O GUP pin on R/O-mapped shared page", "R/O GUP-fast pin on R/O-mapped shared page", "R/O GUP pin on R/O-mapped previously-shared page",
  "R/O GUP-fast pin on R/O-mapped previously-shared page", "R/O GUP pin on R/O-mapped exclusive page", "R/O GUP-fast pin on R/O-mapped exclusive page",
] as const;
/** @kernel cow.c run_anon_test_case(): of base pages and of PMD-size THPs */
export const COW_RUNS = ["... with base page", "... with THP", "... with PTE-mapped THP", "... with single PTE of THP", "... with partially mremap()'ed THP", "... with partially shared THP"] as const;
export const COW_SWAP_RUNS = ["... with swapped out base page", "... with swapped-out THP", "... with swapped-out, PTE-mapped THP", "... with single PTE of swapped-out THP"];
export const COW_MTHP_RUNS = ["... with PTE-mapped mTHP", "... with swapped-out, PTE-mapped mTHP", "... with single PTE of mTHP", "... with single PTE of swapped-out mTHP", "... with partially mremap()'ed mTHP", "... with partially shared mTHP"];
export const COW_COLLAPSE = [
  "Basic COW after fork() when collapsing before fork()", "Basic COW after fork() when collapsing after fork() (fully shared)",
  "Basic COW after fork() when collapsing after fork() (lower shared)", "Basic COW after fork() when collapsing after fork() (upper shared)",
] as const;
/** @kernel cow.c non_anon_test_cases */
export const COW_NON_ANON = ["Basic COW", "R/O longterm GUP pin", "R/O longterm GUP-fast pin"] as const;
export const COW_FILE_RUNS = ["... with memfd", "... with tmpfile"];

// ---- mremap_test.c ---------------------------------------------------------------------------------------------

const MREMAP = [
  "mremap - Source and Destination Regions Overlapping", "mremap - Destination Address Misaligned (1KB-aligned)", "mremap - Source Address Misaligned (1KB-aligned)",
  "8KB mremap - Source PTE-aligned, Destination PTE-aligned", "2MB mremap - Source 1MB-aligned, Destination PTE-aligned", "2MB mremap - Source 1MB-aligned, Destination 1MB-aligned",
  "4MB mremap - Source PMD-aligned, Destination PTE-aligned", "4MB mremap - Source PMD-aligned, Destination 1MB-aligned", "4MB mremap - Source PMD-aligned, Destination PMD-aligned",
  "2GB mremap - Source PUD-aligned, Destination PTE-aligned", "2GB mremap - Source PUD-aligned, Destination 1MB-aligned", "2GB mremap - Source PUD-aligned, Destination PMD-aligned",
  "2GB mremap - Source PUD-aligned, Destination PUD-aligned", "5MB mremap - Source 1MB-aligned, Destination 1MB-aligned", "5MB mremap - Source 1MB-aligned, Dest 1MB-aligned with 40MB Preamble",
  "mremap expand merge", "mremap expand merge offset", "mremap mremap move within range", "mremap move 1mb from start at 1MB+256KB aligned src",
  "mremap move multiple vmas", "mremap move multiple vmas - dontunmap", "mremap move multiple vmas split", "mremap shrink multiple vmas", "mremap shrink multiple vmas - inplace",
  "mremap move multi invalid vmas",
];

// ---- others ----------------------------------------------------------------------------------------------------

const MERGE = [
  "mprotect_unfaulted_left", "mprotect_unfaulted_right", "mprotect_unfaulted_both", "mprotect_faulted_left_unfaulted_right", "mprotect_unfaulted_left_faulted_right", "forked_target_vma",
  "forked_source_vma", "handle_uprobe_upon_merged_vma", "ksm_merge", "mremap_unfaulted_to_faulted", "mremap_unfaulted_behind_faulted", "mremap_unfaulted_between_faulted",
  "mremap_unfaulted_between_faulted_unfaulted", "mremap_unfaulted_between_correctly_placed_faulted", "mremap_correct_placed_faulted", "mremap_faulted_to_unfaulted_prev",
  "mremap_faulted_to_unfaulted_next", "mremap_faulted_to_unfaulted_prev_unfaulted_next", "mremap_faulted_to_unfaulted_prev_faulted_next",
];
const GUARD_REGIONS = [
  "basic", "multi_vma", "process_madvise", "munmap", "mprotect", "split_merge", "dontneed", "mlock", "mremap_move", "mremap_expand", "mremap_shrink", "fork", "fork_cow", "fork_wipeonfork",
  "lazyfree", "populate", "cold_pageout", "uffd", "madvise_sequential", "map_private", "readonly_file", "fault_around", "truncation", "hole_punch", "memfd_write_seal", "anon_zeropage",
  "pagemap", "pagemap_scan", "collapse",
];
const orders = (title: string, from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `${title} ${from + i}`);

export const CASES = {
  "khugepaged.c": KHUGEPAGED,
  "split_huge_page_test.c": [
    "split_pmd_zero_pages", "split_pmd_thp_to_order 0", ...orders("split_pmd_thp_to_order", 2, 8), "split_pmd_thp_to_order with in_folio_offset", "split_pte_mapped_thp",
    ...orders("split_file_backed_thp", 0, 8), ...orders("split_thp_in_pagecache_to_order", 0, 8), ...orders("split_thp_in_pagecache_to_order_at", 0, 8),
    "expected failure: order 1 of anonymous memory", "expected failure: the order that it has",
  ],
  "folio_split_race_test.c": ["folio_split() under readers"],
  "cow.c": [
    ...each(COW_ANON, [...COW_RUNS, ...COW_SWAP_RUNS, ...COW_MTHP_RUNS, "... with hugetlb"]), ...COW_COLLAPSE,
    ...each(COW_NON_ANON, ["... with shared zeropage", "... with huge zeropage", ...COW_FILE_RUNS, "... with memfd hugetlb"]),
  ],
  "transhuge-stress.c": ["anonymous memory", "-f file"],
  "mremap_test.c": MREMAP,
  "mremap_dontunmap.c": ["mremap_dontunmap_simple", "mremap_dontunmap_simple_shmem", "mremap_dontunmap_simple_fixed", "mremap_dontunmap_partial_mapping", "mremap_dontunmap_partial_mapping_overwrite"],
  "madv_populate.c": ["test_prot_read", "test_prot_write", "test_holes", "test_populate_read", "test_populate_write", "test_softdirty"],
  "migration.c": ["private_anon", "shared_anon", "private_anon_thp", "shared_anon_thp", "private_anon_htlb", "shared_anon_htlb"],
  "memory-failure.c": each(["anon", "clean_pagecache"], ["(madv_hard)", "(madv_soft)"]),
  "prctl_thp_disable.c": ["completely", "except_madvise"].flatMap((mode) => ["never", "madvise", "always"].flatMap((policy) => [`prctl_thp_disable_${mode}.${policy}.nofork`, `prctl_thp_disable_${mode}.${policy}.fork`])),
  "guard-regions.c": each(GUARD_REGIONS, ["(anon)", "(shmem)", "(file)"]),
  "merge.c": MERGE,
  "rmap.c": ["migrate.anon", "migrate.shm", "migrate.file", "migrate.ksm", "migrate.ksm_and_mremap"],
  "ksm_functional_tests.c": ["test_unmerge", "test_unmerge_zero_pages", "test_unmerge_discarded", "test_unmerge_uffd_wp", "test_prot_none", "test_prctl", "test_prctl_fork", "test_prctl_fork_exec", "test_prctl_unmerge"],
  "mkdirty.c": ["PTRACE write access", "PTRACE write access to THP", "Page migration", "Page migration of THP", "PTE-mapping a THP", "UFFDIO_COPY"],
  "soft-dirty.c": ["test_simple", "test_vma_reuse", "test_hugepage", "test_mprotect anon", "test_mprotect file"],
  "pagemap_ioctl.c": ["Huge page testing", "userfaultfd write-protection, asynchronous, with THP"],
  "uffd-unit-tests.c": ["move-pmd", "move-pmd-split", "wp-fork", "poison"],
  "hmm-tests.c": ["migrate_anon_huge_empty", "migrate_anon_huge_zero", "migrate_anon_huge_free", "migrate_anon_huge_fault", "migrate_anon_huge_err"],
} as const satisfies Record<string, readonly string[]>;
export type SelftestFile = keyof typeof CASES;
