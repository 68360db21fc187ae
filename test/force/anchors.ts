/**
 * Where a thread can be held: functions that the calls of pairs enter, by the names that any of the releases has for them, and
 * writes to the entries of the range. Which of them a kernel has, and a call comes to, is found out on the kernel itself: each
 * call is followed once, alone (`Threads.follow`).
 *
 * Not forceable: what the compiler has put into its caller (in 6.18.15 __collapse_huge_page_isolate(), __collapse_huge_page_copy(),
 * zap_pte_range(), copy_pte_range()), unless an entry is written there; reads without a lock
 * in the middle of a function (pte_same(), READ_ONCE()); what is between two instructions; places where interrupts are off.
 */
import { pointInWords, type Point } from "./schedule.ts";
import type { Symbols } from "./symbols.ts";
import type { Hit } from "./threads.ts";

/** By the file of mm/ and arch/x86/mm/ that they are in. None that is entered for each page of a range, or by everybody all the time. */
const FUNCTIONS: Readonly<Record<string, readonly string[]>> = {
  "madvise.c": [
    "do_madvise", "madvise_lock", "madvise_do_behavior", "madvise_walk_vmas", "madvise_vma_behavior", "madvise_free_single_vma",
    "madvise_free_pte_range", "madvise_unlock",
  ],
  "khugepaged.c": [
    "madvise_collapse", "hpage_collapse_scan_pmd", "collapse_scan_pmd", "collapse_single_pmd", "collapse_huge_page", "alloc_charge_folio",
    "hugepage_madvise", "khugepaged_enter_vma", "__khugepaged_enter", "hugepage_vma_revalidate", "__collapse_huge_page_isolate",
    "__collapse_huge_page_copy",
  ],
  "huge_memory.c": [
    "__thp_vma_allowable_orders", "do_huge_pmd_anonymous_page", "map_anon_folio_pmd", "map_anon_folio_pmd_nopf", "map_anon_folio_pmd_pf",
    "do_huge_pmd_wp_page", "huge_pmd_set_accessed", "copy_huge_pmd", "change_huge_pmd", "zap_huge_pmd", "move_huge_pmd",
    "madvise_free_huge_pmd", "__split_huge_pmd", "__split_huge_pmd_locked", "split_huge_pmd_locked", "split_huge_pmd_address",
    "deferred_split_folio", "vma_adjust_trans_huge",
  ],
  "memory.c": [
    "handle_mm_fault", "__handle_mm_fault", "do_anonymous_page", "do_wp_page", "wp_page_copy", "__pte_alloc", "vmf_anon_prepare",
    "__vmf_anon_prepare", "zap_page_range_single", "zap_page_range_single_batched", "unmap_vmas", "unmap_page_range", "free_pgtables",
    "free_pgd_range", "copy_page_range", "folio_copy", "clear_huge_page", "folio_zero_user", "copy_user_large_folio",
  ],
  "mmap_lock.c": ["lock_vma_under_rcu", "__vma_start_write", "lock_mm_and_find_vma", "vma_start_write"],
  "mmap.c, vma.c": [
    "__vm_munmap", "do_vmi_munmap", "do_vmi_align_munmap", "vms_gather_munmap_vmas", "vms_complete_munmap_vmas", "vms_clear_ptes",
    "unmap_region", "vma_modify", "vma_modify_flags", "vma_merge_existing_range", "__split_vma", "split_vma", "copy_vma", "dup_mmap",
  ],
  "mprotect.c, mremap.c": [
    "do_mprotect_pkey", "mprotect_fixup", "change_protection", "mremap_to", "move_vma", "move_page_tables", "move_ptes",
    "unmap_source_vma",
  ],
  "rmap.c": [
    "__anon_vma_prepare", "anon_vma_fork", "anon_vma_clone", "folio_add_new_anon_rmap", "folio_remove_rmap_pmd", "folio_add_anon_rmap_pmd",
    "unlink_anon_vmas",
  ],
  "gup.c": [
    "pin_user_pages_remote", "__get_user_pages", "follow_page_mask", "try_grab_folio", "faultin_page",
    "unpin_user_pages_dirty_lock",
  ],
  "process_vm_access.c, lib/iov_iter.c": ["process_vm_rw_core", "process_vm_rw", "copy_page_to_iter"],
  "swap.c": ["lru_add_drain_all", "__lru_add_drain_all", "lru_add_drain", "folio_add_lru_vma", "folio_add_lru", "folio_mark_lazyfree"],
  "pgtable-generic.c": [
    "pmdp_collapse_flush", "pmdp_huge_clear_flush", "pmdp_invalidate", "pgtable_trans_huge_deposit", "pgtable_trans_huge_withdraw",
    "__pte_offset_map_lock", "pte_offset_map_lock", "___pte_offset_map", "pte_offset_map_rw_nolock", "pte_free_defer",
  ],
  "mmu_gather.c": ["tlb_gather_mmu", "tlb_finish_mmu", "tlb_remove_table_sync_one", "tlb_flush_mmu", "free_pages_and_swap_cache"],
  "tlb.c": ["flush_tlb_mm_range"],
  "syscalls, fault.c": [
    "__x64_sys_madvise", "__x64_sys_munmap", "__x64_sys_mprotect", "__x64_sys_mremap", "__x64_sys_fork", "__x64_sys_process_vm_readv",
    "kernel_clone", "dup_mm", "do_user_addr_fault",
  ],
  "mempolicy.c, page_alloc.c, memcontrol.c": [
    "vma_alloc_folio_noprof", "folio_alloc_mpol_noprof", "alloc_pages_mpol", "__alloc_frozen_pages_noprof", "pte_alloc_one",
    "__mem_cgroup_charge", "charge_memcg", "__folio_throttle_swaprate", "folios_put_refs", "free_unref_folios",
    "__mem_cgroup_uncharge_folios", "free_frozen_pages", "folio_remove_rmap_ptes", "__folio_remove_rmap", "folio_add_anon_rmap_ptes",
  ],
};
/** Entries whose writes are points: of huge range 0, of its page 0, and of one page that stands for the others. */
const WRITES: readonly Point[] = [
  { kind: "write", level: "pmd", page: 0, nth: 1 }, { kind: "write", level: "pte", page: 0, nth: 1 },
  { kind: "write", level: "pte", page: 5, nth: 1 },
];
/** What the compiler calls a copy of a function that it has made. */
export const COPY = /\.(isra|constprop|part|cold)\.\d+$/;
/** How often a thread may come to one place before it is no longer stopped there. */
export const MOST = 6;
/** Of one place, so many first times are points. */
const TIMES = 3;

/** A function is looked for under this name, or as a copy of it that the compiler has made. */
export const isWatched = (name: string): boolean => Object.values(FUNCTIONS).some((names) => names.includes(name));

/** The entry points of a kernel. */
export function entryPoints(symbols: Symbols): readonly Point[] {
  const wanted = new Set(Object.values(FUNCTIONS).flat());
  const names = symbols.functions().filter((name) => wanted.has(name.replace(COPY, "")) && !name.includes(".cold"));
  return names.map((symbol) => ({ kind: "entry", symbol, nth: 1 }));
}
export const writePoints = (): readonly Point[] => WRITES;

/** A place to which a call has come when it was alone. */
export interface Anchor {
  readonly point: Point;
  readonly place: string;
  readonly value: string;
}

/** In the order in which the call came to them. `points`: those that it was followed by. */
export function anchorsOf(points: readonly Point[], hits: readonly Hit[]): readonly Anchor[] {
  const times = new Map<number, number>();
  return hits.flatMap(({ point, place, value }) => {
    const nth = (times.get(point) ?? 0) + 1;
    times.set(point, nth);
    return nth > TIMES ? [] : [{ point: { ...points[point]!, nth }, place, value }];
  });
}

export const anchorInWords = ({ point, place, value }: Anchor): string => `${pointInWords(point)}: ${place}, entry ${value}`;
