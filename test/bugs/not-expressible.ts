/** Bugs of Linux that `impl/` cannot show yet, because it lacks the part that they live in. No other reason is allowed. */

export interface NotExpressible {
  readonly id: string;
  /** The part that impl/ lacks. */
  readonly needs: string;
}

export const NOT_EXPRESSIBLE: readonly NotExpressible[] = [
  { id: "mremap-vs-retract", needs: "file mappings: collapse of file memory takes page tables away under the file's rmap lock" },
  { id: "collapse-retry-reuses-published-page", needs: "file mappings: the page cache, in which a collapse publishes its new page" },
  { id: "retract-without-rmap-locks", needs: "file mappings: page tables that are taken away under any of three locks" },
  { id: "retract-lock-inversion", needs: "file mappings: the file's rmap lock" },
  { id: "collapse-no-secondary-invalidate", needs: "file mappings, and secondary MMUs with their notifiers" },
  { id: "secondary-mmu-whole-compound", needs: "secondary MMUs with page tables of their own" },
  { id: "poisoned-subpage-pmd-mapped", needs: "file mappings, and hwpoison" },
  { id: "poison-reference-stays-on-head", needs: "hwpoison: the handler of memory errors" },
  { id: "poison-head-not-tail", needs: "hwpoison: the handler of memory errors" },
  { id: "swapin-skips-cache-aba", needs: "swap: slots, and swap-in without the swap cache" },
  { id: "split-clobbers-swap-slot", needs: "swap: the swap cache, and the slot that each page of a folio keeps" },
  { id: "ksm-pair-in-one-huge-page", needs: "KSM" },
  { id: "uffd-fill-stale-huge-check", needs: "userfaultfd: UFFDIO_COPY, and PMD migration entries" },
  { id: "collapse-fills-userfault-holes", needs: "userfaultfd: areas whose missing pages a monitor supplies" },
  { id: "zero-subpage-remap-drops-bits", needs: "userfaultfd write-protection and soft-dirty bits of entries" },
  { id: "migration-entry-loses-dirty", needs: "page migration: PMD migration entries" },
  { id: "madv-collapse-nonpresent-pmd", needs: "page migration: PMD migration entries" },
  { id: "migration-loses-queue-place", needs: "page migration: a destination that takes the source's place" },
  { id: "numa-clear-after-unlock", needs: "NUMA hinting faults, and page migration" },
  { id: "numa-flush-outside-lock", needs: "NUMA hinting faults, and page migration" },
  { id: "dontneed-vs-numa", needs: "NUMA balancing: protection changes with mmap_lock for reading" },
  { id: "memcg-collapse-fail-no-uncharge", needs: "memory cgroups that count their charges" },
  { id: "memcg-used-bits-on-tails", needs: "memory cgroups that count their charges" },
  { id: "uncharge-before-unqueue", needs: "memory cgroups, each with a split queue of its own" },
  { id: "oom-reaper-vs-munlock", needs: "mlock: munlock at exit; and the OOM reaper" },
  { id: "munlock-skips-by-wrong-mask", needs: "mlock: the state of each page, and the walk of munlock" },
  { id: "split-munlock-self-deadlock", needs: "mlock: the state of each page, which a PMD split changes" },
  { id: "mthp-collapse-creep", needs: "mTHP: collapse to orders below the PMD's" },
  { id: "split-migration-entry-no-read-barrier", needs: "weaker memory models: reads that are reordered" },
  { id: "anon-exclusive-barriers", needs: "weaker memory models: stores that wait in a buffer" },
  { id: "highpte-used-after-unmap", needs: "highpte: page tables in high memory, and the windows through which they are seen" },
  { id: "tail-refcount-in-count-field", needs: "the reference counts of 2011: pins counted on tail pages, which a split distributes" },
];
