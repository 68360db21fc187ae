/** tools/testing/selftests/mm/khugepaged.c, anonymous memory; and prctl_thp_disable.c. */
import type { Cases } from "./cases-by-name.ts";

const END = "0 contents";
/** Huge pages for as long as khugepaged looks, as the selftest does it. */
const khugepagedOn = (at: string, pages: string, process = 0): string[] => [
  `${process} madvise ${at} ${pages} HUGEPAGE`, `${process} khugepaged`, `${process} madvise ${at} ${pages} NOHUGEPAGE`,
];
const advised = (at: string, pages: string, process = 0): string[] => [
  `${process} madvise ${at} ${pages} HUGEPAGE`, `${process} madvise ${at} ${pages} COLLAPSE`,
];
const SMALL = "0 mmap 0.0 4.0 rw fixed";
/** A huge page at 0.0 that khugepaged may not touch. */
const THP = ["0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 write 0.0 1.0 1", "0 madvise 0.0 1.0 NOHUGEPAGE"];

/** Both ways to collapse, under their names. */
function bothWays(
  name: string, before: readonly string[], at: string, pages: string,
  more: { readonly max_ptes_none?: number; readonly max_ptes_shared?: number; readonly process?: number; readonly after?: readonly string[] } = {},
): Cases {
  const { process = 0, after = [END], ...knobs } = more;
  return {
    [`${name}, khugepaged`]: { use_zero_page: 0, ...knobs, steps: [...before, ...khugepagedOn(at, pages, process), ...after] },
    [`${name}, MADV_COLLAPSE`]: { use_zero_page: 0, ...knobs, steps: [...before, ...advised(at, pages, process), ...after] },
  };
}

/** Sixteen pages of sixteen huge pages, one behind the other: each entry of the table maps another folio. */
const extreme = (): string[] => Array.from({ length: 16 }, (_, i) => [
  "0 mmap 2.0 1.0 rw fixed", "0 madvise 2.0 1.0 HUGEPAGE", `0 write 2.0 1.0 ${i + 1}`,
  `0 mremap 2.${i} 0.1 0.1 fixed 4.${i}`, "0 munmap 2.0 1.0",
]).flat();

export const COLLAPSE_CASES: Cases = {
  "alloc_at_fault": {
    enabled: "always", use_zero_page: 0, steps: ["0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.1 1", "0 madvise 0.0 0.1 DONTNEED", END],
  },
  ...bothWays("collapse_full", [SMALL, "0 write 0.0 4.0 1"], "0.0", "4.0"),
  ...bothWays("collapse_empty", ["0 mmap 0.0 1.0 rw fixed"], "0.0", "1.0"),
  ...bothWays("collapse_single_pte_entry", ["0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.1 1"], "0.0", "1.0"),
  ...bothWays("collapse_max_ptes_none, exceeded", ["0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.255 1"], "0.0", "1.0", { max_ptes_none: 256 }),
  ...bothWays("collapse_max_ptes_none, reached", ["0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.256 1"], "0.0", "1.0", { max_ptes_none: 256 }),
  ...bothWays("collapse_single_pte_entry_compound", [...THP, "0 madvise 0.1 0.511 DONTNEED"], "0.0", "1.0"),
  ...bothWays(
    "collapse_full_of_compound",
    [
      "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 write 0.0 1.0 1", "0 madvise 0.0 0.1 NOHUGEPAGE",
      "0 madvise 0.0 1.0 NOHUGEPAGE",
    ],
    "0.0", "1.0",
  ),
  ...bothWays(
    "collapse_compound_extreme, 16 folios", extreme(), "4.0", "1.0",
    { after: ["0 mmap 4.16 0.496 rw fixed", "0 write 4.16 0.496 17", ...advised("4.0", "1.0"), END] },
  ),
  ...bothWays(
    "collapse_fork", ["0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.1 1", "0 fork 1", "1 write 0.1 0.1 2"], "0.0", "1.0",
    { process: 1, after: ["1 contents", "1 exit", END] },
  ),
  ...bothWays(
    "collapse_fork_compound", [...THP, "0 fork 1", "1 madvise 0.0 0.1 NOHUGEPAGE", "1 write 0.0 0.1 5"], "0.0", "1.0",
    { process: 1, max_ptes_shared: 511, after: ["1 contents", "1 exit", END] },
  ),
  ...bothWays(
    "collapse_max_ptes_shared, exceeded", [...THP, "0 fork 1", "1 write 0.0 0.255 5"], "0.0", "1.0",
    { process: 1, max_ptes_shared: 256, after: ["1 contents", "1 exit", END] },
  ),
  ...bothWays(
    "collapse_max_ptes_shared, reached", [...THP, "0 fork 1", "1 write 0.0 0.256 5"], "0.0", "1.0",
    { process: 1, max_ptes_shared: 256, after: ["1 contents", "1 exit", END] },
  ),
  "madvise_collapse_existing_thps": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 1.0 1", "0 madvise 0.0 1.0 COLLAPSE", "0 madvise 0.0 1.0 COLLAPSE", END,
  ] },

  "THPs disabled for the process": {
    enabled: "always",
    steps: [
      "0 thp_disable on all", "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 write 0.0 1.0 1",
      "0 madvise 0.0 1.0 COLLAPSE", "0 thp_disable off all", "0 madvise 0.0 1.0 COLLAPSE", END,
    ],
  },
  "THPs disabled except where advised": {
    enabled: "always",
    steps: [
      "0 thp_disable on except-advised", "0 mmap 0.0 2.0 rw fixed", "0 madvise 1.0 1.0 HUGEPAGE", "0 write 0.0 2.0 1",
      "0 madvise 0.0 2.0 COLLAPSE", END,
    ],
  },
  "THPs disabled, inherited by fork": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 thp_disable on all", "0 fork 1", "1 write 0.0 1.0 1",
    "1 khugepaged", "1 thp_disable off all", "1 khugepaged", "1 contents",
  ] },
  "HUGEPAGE again, of a process that the first advice has not made known to khugepaged": { steps: [
    "0 thp_disable on all", "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 1.0 1", "0 madvise 0.0 1.0 HUGEPAGE", "0 thp_disable off all",
    "0 khugepaged", "0 madvise 0.0 1.0 HUGEPAGE", "0 khugepaged", "0 madvise 0.0 1.0 NOHUGEPAGE", "0 madvise 0.0 1.0 HUGEPAGE",
    "0 khugepaged", END,
  ] },
  "HUGEPAGE of less than a range, in an area that holds some": {
    enabled: "always",
    steps: [
      "0 thp_disable on all", "0 mmap 0.0 3.0 rw fixed", "0 write 0.0 3.0 1", "0 thp_disable off all", "0 khugepaged",
      "0 madvise 0.0 0.256 HUGEPAGE", "0 khugepaged", "0 madvise 0.256 1.0 HUGEPAGE", "0 khugepaged", END,
    ],
  },
  "THPs disabled: what prctl refuses": { steps: [
    "0 thp_disable on unknown", "0 thp_disable off unknown", "0 thp_disable off except-advised",
  ] },
};
