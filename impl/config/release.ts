/**
 * Differences between kernels that this code knows: one row each, and nowhere else. From a row follow the option, its
 * default, the constant `k.param.<name>`, its part of `linux: "6.18"`, and what a real kernel of that release is
 * compared with. To add a switch, write its row here and ask `k.param.<name>.get()` in the routine.
 *
 * A release that a row names is the first with the change; several are stable series that took it: "5.10.159" says
 * nothing about 5.11. Defaults are the newest kernel's, unless `meaning` says otherwise.
 *
 * A preset covers these rows and nothing else. Not covered, and the same in every preset: locks of VMAs, which faults
 * take since 6.4 and MADV_DONTNEED and MADV_FREE since 6.17; page tables freed by RCU, since 6.6; a range with read-only
 * pages could not be collapsed before 4.0; the exact rules by which a mapping counts as shared, before 6.15. Sizes
 * between a page and a PMD, swap and files are in no preset.
 */
import {
  KHUGEPAGED_MTHP_MERGED, KHUGEPAGED_MTHP_NONE, KHUGEPAGED_MTHP_V10, SCHEME_DOUBLEMAP_2015, SCHEME_FOLIO,
  SCHEME_TAIL_PINS_2011, SPLIT_SCAN_BATCH, SPLIT_SCAN_DISPOSE_LIST, SPLIT_SCAN_PRIVATE_LIST,
} from "../../spec/enumerations.ts";
import { contains, linuxRelease, type LinuxRelease } from "./linux-release.ts";

/** A switch that is off before `since`, on from it, and off again from `until`. */
interface OnOffRow {
  /** First releases with it; none: no release has it. */
  readonly since: readonly string[];
  /** First releases without it; still there unless given. */
  readonly until?: readonly string[];
  readonly default: boolean;
  readonly meaning: string;
  /** Commit, or file, of the kernel. */
  readonly source: string;
}
/** One of several values, each of which replaced the one before it. */
interface EnumeratedRow {
  readonly values: readonly {
    readonly value: number;
    readonly name: string;
    readonly since: readonly string[];
    /** There is a place for it, but no code: presets that would need it are refused. */
    readonly missing?: true;
  }[];
  readonly default: number;
  readonly meaning: string;
  readonly source: string;
}
export type SwitchRow = OnOffRow | EnumeratedRow;

/** In the order of the constants in `k.param`. */
export const SWITCHES = {
  refcountScheme: {
    values: [
      { value: SCHEME_TAIL_PINS_2011, name: "SCHEME_TAIL_PINS_2011", since: ["2.6.38"], missing: true },
      { value: SCHEME_DOUBLEMAP_2015, name: "SCHEME_DOUBLEMAP_2015", since: ["4.5"], missing: true },
      { value: SCHEME_FOLIO, name: "SCHEME_FOLIO", since: ["6.2"] },
    ],
    default: SCHEME_FOLIO,
    meaning: "how references and mappings of huge pages are counted",
    source: "71e3aac0724f (2.6.38), ddc58f27f9ee (4.5), cb67f4282bf9 (6.2)",
  },
  collapseTableSync: {
    since: ["4.9.337", "4.14.303", "4.19.270", "5.4.227", "5.10.159", "5.15.83", "6.0.13", "6.1"], default: true,
    meaning: "collapse_huge_page() waits for lockless walkers: tlb_remove_table_sync_one()", source: "2ba99c5e0881",
  },
  refuseLazyfree: {
    since: ["7.1"], default: true,
    meaning: "khugepaged refuses clean lazyfree folios", source: "mm/khugepaged.c SCAN_PAGE_LAZYFREE",
  },
  splitZeroRemap: {
    since: ["6.12"], default: true,
    meaning: "an all-zero page of a split folio is replaced by the zero page", source: "b1f202060afe",
  },
  splitToOrders: {
    since: ["6.9"], default: true,
    meaning: "split_huge_pages takes an order: a folio is split into parts of it; before, into single pages",
    source: "mm/huge_memory.c split_huge_page_to_list_to_order(): fc4d182316bd",
  },
  splitTowardPage: {
    since: ["6.16"], default: true,
    meaning: "split_huge_pages takes an offset in the folio: the halves without that page stay as large as they are",
    source: "mm/huge_memory.c split_huge_pages_pid(), in_folio_offset; folio_split() itself came with 6.14: 6.12 has neither, 7.2 both; " +
      "seen, 6.12.117 takes no notice of the offset and 6.16.3 does",
  },
  splitCountsRefusals: {
    since: ["6.19"], default: true,
    meaning: "a split to an order that anonymous folios cannot have counts as one that failed; before, nothing counts",
    source: "mm/huge_memory.c __folio_split(), folio_check_splittable(): seen, thp_split_page_failed of 6.18.15 and 6.19.14 after a " +
      "debugfs split to order 1",
  },
  collapseContinuesAtEmptyPmd: {
    since: ["6.19"], default: true,
    meaning: "MADV_COLLAPSE goes on after an empty PMD", source: "f1040f889882",
  },
  collapseOfNothingSucceeds: {
    since: ["7.2"], default: true,
    meaning: "MADV_COLLAPSE of a range without a huge-page boundary in it is a success; before, -EINVAL",
    source: "mm/khugepaged.c madvise_collapse(): seen, 7.1.13 refuses and 7.2.12 does not",
  },
  collapseNeedsWritable: {
    since: ["4.0"], until: ["6.18"], default: false,
    meaning: "a range without a page that is mapped writable is not collapsed",
    source: "10359213d05a (4.0), mm/khugepaged.c SCAN_PAGE_RO before 6.18",
  },
  collapseUnmapsByBatch: {
    since: ["6.17"], default: true,
    meaning: "a collapse unmaps neighbouring pages of one folio at once; before, one by one, which puts the folio on the deferred split " +
      "queue on its way out",
    source: "mm/khugepaged.c __collapse_huge_page_copy_succeeded(): seen, 6.16.12 counts thp_deferred_split_page and 6.17.8 does not",
  },
  mprotectByBatch: {
    since: ["6.17"], default: true,
    meaning: "mprotect() changes neighbouring pages of one folio at once: all are dirty then if one is",
    source: "mm/mprotect.c mprotect_folio_pte_batch(): seen, LazyFree of 6.16.12 and 6.17.8",
  },
  migrateStopsAtSplitPmd: {
    since: ["6.16"], until: ["6.19.10", "7.0"], default: false,
    meaning: "try_to_migrate() ends at the first PMD that it splits: splitting a folio which several processes map by PMDs fails, " +
      "once for each of them but the last",
    source: "mm/rmap.c try_to_migrate_one(): seen, 6.12.117 and 6.19.10 split at once, 6.16.3 to 6.18.15 and 6.19.8 do not; " +
      "6.18.16 on was not run",
  },
  processMadviseOfSelf: {
    since: ["6.13"], default: true,
    meaning: "process_madvise() of the caller itself takes any advice; before, MADV_COLLAPSE only, as of others",
    source: "mm/madvise.c process_madvise_remote_valid(): seen, 6.12.117 refuses and 6.16.3 does not; what is between was not run",
  },
  processMadviseLocksOnce: {
    since: ["6.16"], default: true,
    meaning: "process_madvise() takes the lock once for all of its ranges; before, for each",
    source: "mm/madvise.c vector_madvise(): 6.12 calls do_madvise() for each range, 7.2.13 does not; what is between was not looked at",
  },
  discardTakesVmaLock: {
    since: ["6.17"], default: true,
    meaning: "MADV_DONTNEED and MADV_FREE of a range in one VMA take the lock of that VMA; before, mmap_lock",
    source: "mm/madvise.c get_lock_mode(): seen, 6.17.8 enters lock_vma_under_rcu() and 6.16.12 does not",
  },
  discardFlushesAtEnd: {
    since: ["6.16"], default: true,
    meaning: "MADV_DONTNEED and MADV_FREE flush the TLB and free pages once, at their end, without the VMA lock; before, under the lock, " +
      "for each VMA",
    source: "mm/madvise.c madvise_finish_tlb(): seen, do_madvise() of 6.16.3, 6.17.8, 6.18.15 and 7.3.4 calls tlb_finish_mmu(); 6.12.107 " +
      "has it in zap_page_range_single(); what is between was not looked at",
  },
  unmapDrainsBatch: {
    since: ["2.6.38"], until: ["6.16"], default: false,
    meaning: "munmap, MADV_DONTNEED and exit empty this CPU's LRU batch first, so that what is in it is freed with its last mapping",
    source: "lru_add_drain() in mm/memory.c zap_page_range_single(), mm/vma.c unmap_region(), mm/mmap.c exit_mmap() of 6.12.107; seen, " +
      "6.16.3 and later do not enter it; what is between was not looked at",
  },
  thpDisableExceptAdvised: {
    since: ["6.18"], default: true,
    meaning: "prctl(PR_SET_THP_DISABLE) has the flag PR_THP_DISABLE_EXCEPT_ADVISED", source: "kernel/sys.c prctl_set_thp_disable()",
  },
  mremapMovesSeveral: {
    since: ["6.17"], default: true,
    meaning: "mremap() that only moves takes several VMAs and the holes between them; before, -EFAULT",
    source: "mm/mremap.c remap_move()",
  },
  mremapUnmapsFirst: {
    since: ["2.6.38"], until: ["6.17"], default: false,
    meaning: "mremap() with MREMAP_FIXED has unmapped what was at the new address when it finds that the old range is not in one VMA " +
      "(-EFAULT) or empty (-EINVAL); that nothing is mapped at the old address (-EFAULT) it finds before it looks at the new one",
    source: "mm/mremap.c mremap_to(): seen, 6.16.12 and 6.17.8",
  },
  unfaultedVmaTakesIn: {
    since: ["6.16"], default: true,
    meaning: "a VMA without anon_vma merges with a range that has one; before, only the other way round",
    source: "mm/vma.c is_mergeable_anon_vma(): seen, 6.12.117 does not and 6.16.3 does; what is between was not run",
  },
  dontunmapKeepsSource: {
    since: ["6.12.114", "7.2.11", "7.3"], default: true,
    meaning: "memory without anon_vma that mremap() with MREMAP_DONTUNMAP gives a second place does not merge with the VMA that it is from",
    source: "mm/vma.c copy_vma() keep_source, \"fix locked_vm leak from MREMAP_DONTUNMAP self-merge\" (in the changelogs of 6.12.114 and " +
      "7.2.11): seen, 6.12.117, 7.2.11 and 7.3.4 keep it, 6.12.107, 6.18.44, 7.1.13 and 7.2.9 do not",
  },
  mremapGrowthLeavesNext: {
    since: ["6.12"], until: ["6.16"], default: false,
    meaning: "memory that mremap() grows in place does not merge with the VMA behind it",
    source: "mm/vma.c vma_merge_extend(): seen, 6.12.43 leaves it and 6.16.3 does not; what is between was not run",
  },
  ptReclaim: {
    since: ["6.14"], default: false,
    meaning: "CONFIG_PT_RECLAIM: MADV_DONTNEED frees the tables that it empties; off unless set, most scenarios are about other things",
    source: "6375e95f381e",
  },
  adviceEntersIfNew: {
    since: ["6.12.112", "7.2"], default: false,
    meaning: "advice makes the address space known to khugepaged where it changes an area that is VM_HUGEPAGE then, and only if that " +
      "part of it can hold a huge page; before, MADV_HUGEPAGE did, changed or not, by the size of the whole area; off unless set, " +
      "most scenarios advise first of all",
    source: "mm/madvise.c madvise_update_vma() calls khugepaged_enter_vma(), before mm/khugepaged.c hugepage_madvise() did: \"fix " +
      "incorrect vm_flags usage when checking allowable orders for tmpfs\" (changelog of 6.12.112); seen: khugepaged of 6.12.117 and " +
      "7.2.12 does not come after the same advice again; that of 6.12.107, 6.18.15 and 7.1.13 does",
  },
  faultMarksReferenced: {
    since: ["7.2"], default: false,
    meaning: "CONFIG_LRU_GEN: a page that a fault adds to the LRU is referenced; off unless set, most scenarios are about other things",
    source: "mm/swap.c folio_add_lru(): seen, khugepaged of 7.2.6 takes pages which that of 7.1.13 takes for unused",
  },
  usedStaysReferenced: {
    since: ["6.14"], default: false,
    meaning: "CONFIG_LRU_GEN: a page that is referenced stays so, whether it is used once more or becomes lazyfree; off unless set, most " +
      "scenarios are about other things",
    source: "mm/swap.c lru_gen_inc_refs(), and lru_gen_clear_refs(), which lru_lazyfree() calls when the folio is on no generation's " +
      "list, so that it does nothing: seen, khugepaged of 6.18.15 to 7.3.4 takes what MADV_FREE has left to a child; read, 6.12 clears",
  },
  hugeZeroUpgrade: {
    since: ["6.13"], default: true,
    meaning: "a write to the huge zero page allocates a huge page at once; before, it splits", source: "1ced09e0331f",
  },
  largeFolioReuse: {
    since: ["6.15"], default: true,
    meaning: "a write to an exclusively owned PTE-mapped THP reuses the page", source: "1da190f4d0a6",
  },
  tlbFlushInterrupts: {
    since: ["2.6.38"], default: true,
    meaning: "a TLB flush interrupts other CPUs and waits for those with interrupts off (x86); off: the hardware broadcasts it (arm64)",
    source: "arch/x86/mm/tlb.c, arch/arm64/include/asm/tlbflush.h",
  },
  coredumpTakesMmapLock: {
    since: ["5.10"], default: true,
    meaning: "a core dump walks the page tables with mmap_lock; before, a collapse had to look for dumps",
    source: "a07279c9a8cd, 4d45e75a9955",
  },
  reuseByMapcount: {
    since: ["2.6.38"], until: ["5.18"], default: false,
    meaning: "a write to a huge page reuses it if it has one mapping, whoever else has references; a PMD split locks the folio then",
    source: "mm/huge_memory.c do_huge_pmd_wp_page() before 3bff7e3f1f16",
  },
  forcedWriteByDirty: {
    since: ["4.9"], until: ["5.19.6", "6.0"], default: false,
    meaning: "FOLL_COW: a forced write goes by the entry's dirty bit, after one COW fault, in place of exclusivity",
    source: "19be0efa5c6f (4.9), 5535be309971 (6.0)",
  },
  stackIsNoHugePage: {
    since: ["6.7"], default: true,
    meaning: "mmap() with MAP_STACK gives a VMA with VM_NOHUGEPAGE", source: "c4608d1bf7c6",
  },
  coldForgetsDirty: {
    since: ["5.4"], until: ["6.12.117", "7.3.4"], default: false,
    meaning: "MADV_COLD of a huge page puts the PMD back as it was read, without a dirty bit that the hardware has set since",
    source: "9c276cc65a58 (5.4): what pmdp_invalidate() returns is not used; mm/madvise.c \"atomically clear the young bit on THP " +
      "MADV_COLD\" (changelogs of 6.12.117 and 7.3.4; not in those up to 7.2.13), pmdp_test_and_clear_young() since",
  },
  lazyfreePmdDiscard: {
    since: ["6.11"], until: ["6.12.117", "6.18.44", "7.3.2"], default: false,
    meaning: "reclaim of a lazyfree huge page clears the PMD, looks for other references, and puts it back; else it splits the PMD",
    source: "735ecdfaf4e8, whose last version was sent on 22 June 2024, at 6.10-rc4: too late for 6.10 (no kernel of 6.10 or 6.11 was " +
      "to be had; 6.12.43 on have unmap_huge_pmd_locked()); mm/rmap.c \"don't discard " +
      "lazyfree THPs at PMD level\" (changelogs of 7.3.2 and 6.12.117; not in 7.2.13); seen: 6.18.44 splits, 6.18.15 does not",
  },
  lazyfreeFailedDiscardSplits: {
    since: ["6.11"], until: ["6.15"], default: false,
    meaning: "where a lazyfree huge page is not discarded (`lazyfreePmdDiscard`), since it was written to or is in use, its PMD is split " +
      "and the PTEs are asked; since then, it stays as it is",
    source: "mm/rmap.c try_to_unmap_one(), mm/huge_memory.c __discard_anon_folio_pmd_locked(): seen, 6.12.43 splits and 6.16.3 does not; " +
      "what is between was not run",
  },
  lazyfreeUnmapsByBatch: {
    since: ["6.15"], default: true,
    meaning: "reclaim unmaps pages of a lazyfree folio that neighbouring PTEs map at once; before, one by one, up to the first dirty one",
    source: "mm/rmap.c folio_unmap_pte_batch(): seen, 6.12.117 does not and 6.16.12 does; what is between was not run",
  },
  lazyfreeInUseIsSwapbacked: {
    since: ["4.12"], until: ["6.15"], default: false,
    meaning: "a lazyfree folio that reclaim finds in use is no longer lazyfree; since then, only one that has been written to",
    source: "mm/rmap.c try_to_unmap_one(), folio_set_swapbacked(): seen, 6.12.117 and 6.16.12; what is between was not run",
  },
  splitQueueScan: {
    values: [
      // The queue itself came with 4.5.
      { value: SPLIT_SCAN_PRIVATE_LIST, name: "SPLIT_SCAN_PRIVATE_LIST", since: ["2.6.38"] },
      { value: SPLIT_SCAN_BATCH, name: "SPLIT_SCAN_BATCH", since: ["6.19"] },
      { value: SPLIT_SCAN_DISPOSE_LIST, name: "SPLIT_SCAN_DISPOSE_LIST", since: ["7.2"] },
    ],
    default: SPLIT_SCAN_DISPOSE_LIST,
    meaning: "what holds the folios of a scan of the split queue; by the grain `lists` only",
    source: "mm/huge_memory.c deferred_split_scan(); by the symbols and code of Debian's kernels: 6.17.13 and 6.18.15 have a frame of " +
      "0x40 bytes and no folio_split_queue_lock_irqsave(), 6.19.6 and 7.1.13 have that and a frame of 0x130 (31 folios in a batch), " +
      "7.2.6 on deferred_split_isolate() and no batch",
  },
  splitQueueResetsNextFirst: {
    since: ["6.12"], default: false,
    meaning: "a folio that leaves a scan's list without the lock looks unlisted before both its words are reset; by the grain `lists` only",
    source: "dafff3f4c850: list_del_init() where list_del_init_careful() is needed, or the lock; still so in 7.3",
  },
  walkEndsAtOtherPmd: {
    since: ["4.11"], default: false,
    meaning: "a walk for the mappings of a folio ends at a PMD that maps another folio, where it has more in the next table",
    source: "mm/page_vma_mapped.c page_vma_mapped_walk() came with 4.11; its not_found() after check_pmd() is in the code of 6.12 and " +
      "7.2. The walk goes on behind a PMD that is none since 5.13; what is between was not looked at, nor was 7.3",
  },
  unmapDefersFlush: {
    since: ["4.3"], default: false,
    meaning: "reclaim flushes the TLBs once for many pages that it takes out of page tables, before it writes dirty ones and before it " +
      "frees any; off unless set: others meet the pages before the flush",
    source: "72b252aed506 (4.3): mm/rmap.c should_defer_flush(), of x86",
  },
  khugepagedMthp: {
    values: [
      { value: KHUGEPAGED_MTHP_NONE, name: "KHUGEPAGED_MTHP_NONE", since: ["2.6.38"] },
      { value: KHUGEPAGED_MTHP_V10, name: "KHUGEPAGED_MTHP_V10", since: [] },
      { value: KHUGEPAGED_MTHP_MERGED, name: "KHUGEPAGED_MTHP_MERGED", since: ["7.2"] },
    ],
    default: KHUGEPAGED_MTHP_NONE,
    meaning: "whether khugepaged collapses to sizes between a page and a huge page, where there are any (`thpAnon`), and how; none " +
      "unless set, most scenarios are about other things",
    source: "472ebd691d97 .. 90ed32d00054 (7.2): mm/khugepaged.c mthp_collapse(); V10: of no release, posted as " +
      "<20250819134205.622806-1-npache@redhat.com>",
  },
  directReclaim: {
    since: [], default: false,
    meaning: "a block for a reservation that is not there is looked for in reclaim, which calls the shrinker of reservations",
    source: "of no release: reservations were posted in 2018 and are not merged",
  },
} as const satisfies Readonly<Record<string, SwitchRow>>;

export type SwitchName = keyof typeof SWITCHES;
type ValueOf<R> = R extends { readonly values: readonly { readonly value: infer V }[] } ? V : boolean;
/** Every switch with its value. The declaration of a member is its row. */
export type SwitchValues = { readonly [K in SwitchName]: ValueOf<(typeof SWITCHES)[K]> };
export type SwitchOptions = Partial<SwitchValues>;

export const SWITCH_NAMES = Object.keys(SWITCHES) as readonly SwitchName[];
const rowOf = (name: SwitchName): SwitchRow => SWITCHES[name];
const valuesBy = (of: (name: SwitchName) => number | boolean): SwitchValues => {
  return Object.fromEntries(SWITCH_NAMES.map((name) => [name, of(name)])) as unknown as SwitchValues;
};

export const SWITCH_DEFAULTS: SwitchValues = valuesBy((name) => rowOf(name).default);

/** Every switch as a release has it, whether this code has the value or not. */
export function switchesAt(release: LinuxRelease): SwitchValues {
  return valuesBy((name) => {
    const row = rowOf(name);
    if ("values" in row) return row.values.findLast((v) => contains(release, v.since))!.value;
    return contains(release, row.since) && !contains(release, row.until ?? []);
  });
}

/** Throws a RangeError for a value that a switch does not have, and for one that there is no code for. */
export function checkSwitch(name: SwitchName, value: unknown): void {
  const row = rowOf(name);
  if (!("values" in row)) {
    if (typeof value !== "boolean") throw new RangeError(`${name} ${String(value)}: true or false`);
    return;
  }
  const known = row.values.find((v) => v.value === value);
  if (known?.missing !== true && known !== undefined) return;
  const usable = row.values.filter((v) => v.missing !== true).map((v) => `${v.name} (${v.value})`).join(", ");
  const what = known === undefined ? "" : `${known.name} is a place to fill in; `;
  throw new RangeError(`${name} ${String(value)}: ${what}only ${usable} is implemented`);
}

/**
 * The switches of a kernel: the options that are given, else those of the release `linux`, else the defaults.
 * Throws a RangeError for a release that `linuxRelease` refuses, or that needs rows of which there is no code yet.
 */
export function switchValues(options: SwitchOptions, linux: string | undefined): SwitchValues {
  const preset = linux === undefined ? SWITCH_DEFAULTS : switchesAt(linuxRelease(linux));
  const missing = SWITCH_NAMES.flatMap((name) => {
    const row = rowOf(name);
    const value = "values" in row && options[name] === undefined ? row.values.find((v) => v.value === preset[name]) : undefined;
    return value?.missing === true ? [`${name} (${value.name})`] : [];
  });
  if (missing.length > 0) {
    const remedy = "give the option a value that is, or name a newer release";
    throw new RangeError(`linux ${JSON.stringify(linux)}: not implemented yet: ${missing.join(", ")}; ${remedy}`);
  }
  const values = valuesBy((name) => options[name] ?? preset[name]);
  for (const name of SWITCH_NAMES) checkSwitch(name, values[name]);
  return values;
}
