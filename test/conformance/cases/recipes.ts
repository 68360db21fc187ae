/** The movements of counters that are known of one call each. */
import type { Cases } from "./cases-by-name.ts";

/** A huge page at 0.0, in an area of `ranges` huge ranges. */
const huge = (ranges: number): string[] => [`0 mmap 0.0 ${ranges}.0 rw fixed`, `0 madvise 0.0 ${ranges}.0 HUGEPAGE`, "0 write 0.0 1.0 1"];
const END = "0 contents";

export const RECIPES: Cases = {
  "a write fault": { steps: [...huge(1), END] },
  "a write fault, enabled=always": { enabled: "always", steps: ["0 mmap 0.0 1.0 rw fixed", "0 write 0.3 0.1 1", END] },
  "a write fault, enabled=never": { enabled: "never", steps: [...huge(1), END] },
  "the upper half is unmapped, then the rest": { steps: [...huge(1), "0 munmap 0.256 0.256", "0 munmap 0.0 0.256"] },
  "the middle is unmapped": { steps: [...huge(1), "0 munmap 0.100 0.10", END] },
  "a read fault, then a write": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 read 0.5 0.1", "0 write 0.5 0.1 1", END,
  ] },
  "a read fault without the zero page": {
    use_zero_page: 0, steps: ["0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 read 0.5 0.1", END],
  },
  "DONTNEED of one page, then COLLAPSE": { steps: [...huge(1), "0 madvise 0.5 0.1 DONTNEED", "0 madvise 0.0 1.0 COLLAPSE", END] },
  "DONTNEED of the whole": { steps: [...huge(1), "0 madvise 0.0 1.0 DONTNEED", "0 write 0.7 0.1 2", END] },
  "DONTNEED of all pages in two parts": { steps: [
    ...huge(1), "0 madvise 0.0 0.256 DONTNEED", "0 madvise 0.256 0.256 DONTNEED", "0 write 0.7 0.1 2", END,
  ] },
  "mprotect of one page and back": { steps: [...huge(1), "0 mprotect 0.5 0.1 r", "0 mprotect 0.5 0.1 rw", "0 write 0.5 0.1 9", END] },
  "mprotect of the whole and back": { steps: [
    ...huge(1), "0 mprotect 0.0 1.0 r", "0 write 0.0 0.1 3", "0 mprotect 0.0 1.0 none", "0 read 0.0 0.1", "0 mprotect 0.0 1.0 rw",
    "0 write 0.0 0.1 3", END,
  ] },
  "FREE of the whole, then a write": { steps: [...huge(1), "0 madvise 0.0 1.0 FREE", "0 write 0.9 0.1 2", END] },
  "FREE of PTEs, some of which are written again, then mprotect": { steps: [
    ...huge(1), "0 mprotect 0.0 0.1 r", "0 mprotect 0.0 0.1 rw", "0 madvise 0.0 1.0 FREE", "0 write 0.7 0.3 2",
    "0 mprotect 0.0 1.0 r", END,
  ] },
  "FREE of PTEs, some of which are written again, then fork": { steps: [
    ...huge(1), "0 mprotect 0.0 0.1 r", "0 mprotect 0.0 0.1 rw", "0 madvise 0.0 1.0 FREE", "0 write 0.7 0.3 2", "0 fork 1",
    "0 write 0.0 0.1 3", "0 fork 2", "2 contents",
  ] },
  "FREE of a half": { steps: [...huge(1), "0 madvise 0.0 0.256 FREE", END] },
  "FREE of small pages, then COLLAPSE": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 1.0 1", "0 madvise 0.0 1.0 FREE", "0 madvise 0.0 1.0 COLLAPSE", END,
  ] },
  "FREE of small pages, then khugepaged": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 1.0 1", "0 madvise 0.0 1.0 FREE", "0 madvise 0.0 1.0 HUGEPAGE", "0 khugepaged",
    "0 read 0.0 0.1", "0 khugepaged", END,
  ] },
  "FREE of a huge page of which two of three processes have made copies": { steps: [
    ...huge(1), "0 fork 1", "0 fork 2", "0 write 0.0 1.0 5", "1 write 0.0 1.0 5", "2 madvise 0.0 1.0 FREE", END, "2 contents",
  ] },
  "FREE of a shared huge page": { steps: [
    ...huge(1), "0 fork 1", "0 madvise 0.0 1.0 FREE", "1 madvise 0.0 0.256 FREE", END, "1 contents",
  ] },
  "the huge zero page, half of it mprotected": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 read 0.0 0.1", "0 mprotect 0.0 0.256 r", "0 write 0.300 0.1 1", END,
  ] },
  "the huge zero page, shared and unmapped": { steps: [
    "0 mmap 0.0 2.0 rw fixed", "0 madvise 0.0 2.0 HUGEPAGE", "0 read 0.0 2.0", "0 fork 1", "1 write 0.3 0.1 1", "1 munmap 1.0 1.0",
    "1 exit", END,
  ] },
  "the huge zero page counts as collapsed": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 write 0.0 0.1 1", "0 madvise 0.0 1.0 DONTNEED", "0 read 0.0 0.1",
    "0 madvise 0.0 1.0 COLLAPSE", "0 mprotect 0.0 0.1 r", "0 mprotect 0.0 0.1 rw", "0 madvise 0.0 1.0 COLLAPSE", END,
  ] },
  "mremap to an aligned place": { steps: [...huge(2), "0 write 1.0 1.0 5", "0 mremap 0.0 2.0 2.0 fixed 4.0", END] },
  "mremap to a misaligned place": { steps: [...huge(2), "0 write 1.0 1.0 5", "0 mremap 0.0 2.0 2.0 fixed 4.256", END] },
  "mremap of the middle, equally aligned": { steps: [...huge(2), "0 write 1.0 1.0 5", "0 mremap 0.256 1.0 1.0 fixed 4.256", END] },
  "mremap, then COLLAPSE of windows across two folios": { steps: [
    ...huge(2), "0 write 1.0 1.0 5", "0 mremap 0.0 2.0 2.0 fixed 4.256", "0 madvise 4.0 3.0 COLLAPSE", END,
  ] },
  "mremap with DONTUNMAP": { steps: [...huge(2), "0 mremap 0.0 2.0 2.0 dontunmap 4.0", "0 write 0.0 0.1 9", END] },
  "fork, the child writes": { steps: [...huge(1), "0 fork 1", "1 write 0.9 0.1 7", END, "1 contents"] },
  "fork, the parent writes": { steps: [...huge(1), "0 fork 1", "0 write 0.9 0.1 7", END, "1 contents"] },
  "fork, the child exits, the parent writes": { steps: [...huge(1), "0 fork 1", "1 exit", "0 write 0.9 0.1 7", END] },
  "fork, the parent exits, the child writes": { steps: [...huge(1), "0 fork 1", "0 exit", "1 write 0.9 0.1 7", "1 contents"] },
  "split of a huge page, most of it never written": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 write 0.0 0.5 1", "0 split 0.0 0.1", "0 write 0.9 0.1 2", END,
  ] },
  "split of a huge page that is written all over": { steps: [...huge(2), "0 split 0.0 2.0", END] },
  "split of a shared huge page": { steps: [...huge(1), "0 fork 1", "0 split 0.0 1.0", "1 write 0.0 0.1 5", END, "1 contents"] },
  "split of a shared huge page, by one of its pages, twice": { steps: [
    ...huge(1), "0 fork 1", "0 split 0.5 0.1", "0 split 0.5 0.1", END, "1 contents",
  ] },
  "split of a huge page that three share, by one of its pages": { steps: [
    ...huge(1), "0 fork 1", "1 fork 2", "2 split 0.5 0.1", "0 split 0.5 0.1", "1 split 0.5 0.1", END, "1 contents", "2 contents",
  ] },
  "split of a huge page that is held": { steps: [...huge(1), "0 hold 0 0.5", "0 split 0.0 1.0", "0 release 0", "0 split 0.0 1.0", END] },
  "split of huge pages mapped by parts, by mremap": { steps: [
    ...huge(2), "0 write 1.0 1.0 9", "0 mremap 0.0 0.1 0.1 fixed 4.0", "0 mremap 1.1 0.1 0.1 fixed 4.1", "0 split 4.0 0.2", END,
  ] },
  "COLLAPSE of a page that is held": { steps: [
    ...huge(1), "0 mprotect 0.5 0.1 r", "0 mprotect 0.5 0.1 rw", "0 hold 0 0.9", "0 madvise 0.0 1.0 COLLAPSE", "0 release 0",
    "0 madvise 0.0 1.0 COLLAPSE", END,
  ] },
  "COLLAPSE of three ranges, of which the first is held": { steps: [
    "0 mmap 0.0 3.0 rw fixed", "0 write 0.0 3.0 1", "0 hold 0 0.9", "0 madvise 0.0 3.0 COLLAPSE", END,
  ] },
  "FREE of a half that is held": { steps: [...huge(1), "0 hold 0 0.9", "0 madvise 0.0 0.256 FREE", "0 release 0", END] },
  "process_madvise collapses another process's memory": { steps: [
    "0 mmap 0.0 2.0 rw fixed", "0 write 0.0 2.0 1", "0 fork 1", "1 write 0.0 2.0 5", "0 process_madvise 1 0.0 1.0 COLLAPSE",
    "0 process_madvise 0 1.0 1.0 COLLAPSE", "0 process_madvise 1 3.0 1.0 COLLAPSE", "0 process_madvise 1 0.0 1.0 DONTNEED",
    "0 process_madvise 0 1.0 1.0 DONTNEED", END, "1 contents",
  ] },
  "khugepaged on small pages": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 1.0 1", "0 madvise 0.0 1.0 HUGEPAGE", "0 khugepaged", END,
  ] },
  "khugepaged, max_ptes_none": {
    max_ptes_none: 255,
    steps: [
      "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.256 1", "0 madvise 0.0 1.0 HUGEPAGE", "0 khugepaged", "0 write 0.256 0.1 1",
      "0 khugepaged", END,
    ],
  },
  "khugepaged, a child that has touched nothing": { max_ptes_shared: 511, steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.256 5", "0 fork 1", "0 write 0.0 1.0 4", "1 madvise 0.0 1.0 HUGEPAGE", "1 khugepaged",
    "1 contents", END,
  ] },
  "COLLAPSE of nothing": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 COLLAPSE", "0 read 0.0 0.1", "0 madvise 0.0 1.0 COLLAPSE", "0 write 0.0 0.1 1",
    "0 madvise 0.0 1.0 DONTNEED", "0 madvise 0.0 1.0 COLLAPSE", END,
  ] },
  "COLLAPSE of one page and of less than a range": { steps: [
    "0 mmap 0.0 2.0 rw fixed", "0 write 0.0 2.0 1", "0 madvise 0.0 0.1 COLLAPSE", "0 madvise 0.5 0.1 COLLAPSE",
    "0 madvise 0.5 0.510 COLLAPSE", "0 madvise 0.256 1.0 COLLAPSE", END,
  ] },
  "COLLAPSE with an empty range in the middle": { steps: [
    "0 mmap 0.0 3.0 rw fixed", "0 write 0.0 1.0 1", "0 write 2.0 1.0 1", "0 madvise 0.0 3.0 COLLAPSE", END,
  ] },
  "COLLAPSE across a hole": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 mmap 2.0 1.0 rw fixed", "0 write 0.0 1.0 1", "0 write 2.0 1.0 1", "0 madvise 0.0 3.0 COLLAPSE",
    END,
  ] },
  "COLLAPSE stops at an area that forbids it": { steps: [
    "0 mmap 0.0 2.0 rw fixed", "0 write 0.0 2.0 1", "0 madvise 0.0 1.0 NOHUGEPAGE", "0 madvise 0.0 2.0 COLLAPSE",
    "0 madvise 1.0 1.0 COLLAPSE", END,
  ] },
  "COLLAPSE of zero pages": { steps: [
    "0 mmap 0.0 2.0 rw fixed", "0 write 1.0 0.1 1", "0 read 0.0 1.0", "0 madvise 0.0 1.0 COLLAPSE", END,
  ] },
  "COLLAPSE of what may not be read": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 1.0 1", "0 mprotect 0.0 1.0 none", "0 madvise 0.0 1.0 COLLAPSE", "0 mprotect 0.0 1.0 r",
    END,
  ] },
  "COLLAPSE in areas that meet inside a range": { steps: [
    "0 mmap 0.0 2.0 rw fixed", "0 write 0.0 2.0 1", "0 mprotect 0.256 1.0 r", "0 madvise 0.0 2.0 COLLAPSE", END,
  ] },
  "COLLAPSE in areas that meet between two ranges": { steps: [
    "0 mmap 0.0 2.0 rw fixed", "0 write 0.0 2.0 1", "0 mprotect 1.0 1.0 r", "0 madvise 0.0 2.0 COLLAPSE", END,
  ] },
  "COLLAPSE of a table that DONTNEED has emptied": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 write 0.0 1.0 1", "0 madvise 0.0 0.1 DONTNEED",
    "0 madvise 0.0 1.0 DONTNEED", "0 read 0.0 0.1", END,
  ] },
};
