/**
 * The bugs that were looked at, by the names under which `thpcheck bugs` knows them: each has a patch, or a place in
 * `not-expressible.ts`. Most were bugs of Linux; some were found in review, or are obligations whose neglect would be one.
 */
export const CATALOGUE: readonly string[] = [
  // faults, copy-on-write, areas
  "anon-vma-double-reuse", "pmd-reread-under-read-lock", "huge-dirty-cow", "mapcount-vs-pmd-split", "uffd-fill-stale-huge-check", "publish-pmd-before-deposit", "vma-split-leaves-huge", "oom-reaper-vs-munlock", "munlock-skips-by-wrong-mask",
  // mremap, madvise
  "mremap-flush-after-unlock", "mremap-vs-retract", "mremap-leaves-deposit", "dontneed-vs-numa", "madvfree-protection-drops-dirty",
  // reference counts and counters
  "tail-refcount-in-count-field", "table-count-two-locks", "secondary-mmu-whole-compound",
  // collapse
  "collapse-no-secondary-invalidate", "collapse-uses-old-vma", "collapse-holes-not-cleared", "collapse-retry-reuses-published-page", "retract-without-rmap-locks", "retract-lock-inversion", "highpte-used-after-unmap",
  "collapse-fills-userfault-holes", "madv-collapse-nonpresent-pmd", "collapse-vs-coredump",
  // get_user_pages
  "gup-fast-vs-collapse-recheck", "anon-exclusive-barriers",
  // folio split, deferred split
  "split-vs-zap", "split-munlock-self-deadlock", "split-unlocked-pmd-check", "invalidate-loses-hardware-bits", "split-tail-identity-after-unfreeze", "scan-waits-for-page-lock", "scan-unlocked-list-del", "migration-loses-queue-place", "uncharge-before-unqueue",
  // zero pages
  "zero-huge-freed-before-flush", "zero-subpage-remap-drops-bits",
  // migration, NUMA
  "migration-entry-loses-dirty", "numa-clear-after-unlock", "numa-flush-outside-lock",
  // swap, KSM, hwpoison, memcg
  "swapin-skips-cache-aba", "split-clobbers-swap-slot", "ksm-pair-in-one-huge-page", "poison-reference-stays-on-head", "poisoned-subpage-pmd-mapped", "poison-head-not-tail", "memcg-collapse-fail-no-uncharge", "memcg-used-bits-on-tails",
  // several sizes of huge pages
  "split-migration-entry-no-read-barrier", "mthp-collapse-creep",
  // reservations: defects of the RFC of 2018
  "resv-error-path-frees-split-block", "resv-full-stuck-on-list", "resv-promote-without-identity", "resv-sleep-under-spinlock", "resv-stale-lock-pointer", "resv-two-counters-drift",
];
