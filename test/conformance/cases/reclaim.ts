/** MADV_COLD, and MADV_PAGEOUT without swap: what is split, what is freed, what is left alone. */
import type { Cases } from "./cases-by-name.ts";

/** A huge page at 0.0, in an area of `ranges` huge ranges. */
const huge = (ranges: number): string[] => [`0 mmap 0.0 ${ranges}.0 rw fixed`, `0 madvise 0.0 ${ranges}.0 HUGEPAGE`, "0 write 0.0 1.0 1"];
/** The huge page is mapped by PTEs. */
const PTES = ["0 mprotect 0.5 0.1 r", "0 mprotect 0.5 0.1 rw"];
const END = "0 contents";

export const RECLAIM_CASES: Cases = {
  "COLD of a huge page, then of a part": { steps: [
    ...huge(2), "0 madvise 0.0 1.0 COLD", "0 madvise 0.3 0.5 COLD", "0 write 0.4 0.1 9", END,
  ] },
  "COLD of a huge page that PTEs map": { steps: [...huge(1), ...PTES, "0 madvise 0.0 1.0 COLD", "0 madvise 0.256 0.256 COLD", END] },
  "PAGEOUT of a huge page splits it": { steps: [
    ...huge(1), "0 madvise 0.0 1.0 PAGEOUT", "0 read 0.0 1.0", "0 madvise 0.0 1.0 COLLAPSE", END,
  ] },
  "PAGEOUT of a huge page that PTEs map": { steps: [...huge(1), ...PTES, "0 madvise 0.0 1.0 PAGEOUT", END] },
  "PAGEOUT of a part": { steps: [...huge(1), "0 madvise 0.5 0.1 PAGEOUT", END] },
  "PAGEOUT of a part that PTEs map": { steps: [...huge(1), ...PTES, "0 madvise 0.256 0.256 PAGEOUT", END] },
  "PAGEOUT of what is left of a huge page": { steps: [
    ...huge(1), "0 madvise 0.5 0.1 DONTNEED", "0 madvise 0.0 1.0 PAGEOUT", "0 write 0.5 0.1 7", END,
  ] },
  "PAGEOUT of zero-filled pages, some of which the split maps again": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 write 0.7 0.2 3", "0 madvise 0.0 1.0 PAGEOUT", "0 read 0.0 1.0", END,
  ] },
  "PAGEOUT after FREE, of a huge page": { steps: [
    ...huge(1), "0 madvise 0.0 1.0 FREE", "0 madvise 0.0 1.0 PAGEOUT", "0 read 0.0 0.2", "0 write 0.0 0.1 9", END,
  ] },
  "PAGEOUT after FREE, of which some was written again": { steps: [
    ...huge(1), "0 madvise 0.0 1.0 FREE", "0 write 0.7 0.1 5", "0 madvise 0.0 1.0 PAGEOUT", END,
  ] },
  "PAGEOUT after FREE, of pages that PTEs map": { steps: [
    ...huge(1), ...PTES, "0 madvise 0.0 1.0 FREE", "0 write 0.300 0.1 5", "0 madvise 0.0 1.0 PAGEOUT", END,
  ] },
  "PAGEOUT after FREE, of small pages": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.20 1", "0 madvise 0.0 0.20 FREE", "0 write 0.7 0.2 5", "0 madvise 0.0 0.20 PAGEOUT", END,
  ] },
  "COLD after FREE, then PAGEOUT": { steps: [
    ...huge(1), "0 madvise 0.0 1.0 FREE", "0 read 0.0 0.1", "0 madvise 0.0 1.0 COLD", "0 madvise 0.0 1.0 PAGEOUT", END,
  ] },
  "COLD after FREE and a write": { steps: [
    ...huge(1), "0 madvise 0.0 1.0 FREE", "0 write 0.0 0.1 6", "0 madvise 0.0 1.0 COLD", "0 madvise 0.0 1.0 PAGEOUT", END,
  ] },
  "COLD and PAGEOUT of what two processes map": { steps: [
    ...huge(1), "0 fork 1", "0 madvise 0.0 1.0 COLD", "1 madvise 0.0 1.0 PAGEOUT", "1 madvise 0.0 0.256 PAGEOUT", END, "1 contents",
  ] },
  "PAGEOUT of small pages that two processes map": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.20 1", "0 fork 1", "0 madvise 0.0 0.20 FREE", "0 madvise 0.0 0.20 PAGEOUT", END, "1 contents",
  ] },
  "PAGEOUT of a huge page that is held": { steps: [
    ...huge(1), "0 hold 0 0.5", "0 madvise 0.0 1.0 PAGEOUT", "0 madvise 0.5 0.1 PAGEOUT", "0 madvise 0.5 0.1 COLD", "0 release 0",
    "0 madvise 0.0 1.0 PAGEOUT", END,
  ] },
  "PAGEOUT after FREE, of a huge page that is held": { steps: [
    ...huge(1), "0 madvise 0.0 1.0 FREE", "0 hold 0 0.5", "0 madvise 0.0 1.0 PAGEOUT", "0 release 0", "0 madvise 0.0 1.0 PAGEOUT", END,
  ] },
  "COLD and PAGEOUT of the zero pages": { steps: [
    "0 mmap 0.0 2.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 read 0.0 0.1", "0 read 1.0 0.8", "0 madvise 0.0 2.0 COLD",
    "0 madvise 0.0 2.0 PAGEOUT", "0 madvise 0.3 0.5 PAGEOUT", END,
  ] },
  "COLD and PAGEOUT of a huge page across two tables": { steps: [
    ...huge(4), "0 mremap 0.0 1.0 1.0 fixed 2.256", "0 madvise 2.0 2.0 COLD", "0 madvise 2.0 2.0 PAGEOUT", END,
  ] },
  "PAGEOUT of one table of two": { steps: [
    ...huge(4), "0 mremap 0.0 1.0 1.0 fixed 2.256", "0 madvise 2.0 1.0 PAGEOUT", END,
  ] },
  "PAGEOUT after FREE, of a huge page across two tables": { steps: [
    ...huge(4), "0 mremap 0.0 1.0 1.0 fixed 2.256", "0 madvise 2.0 2.0 FREE", "0 madvise 2.0 2.0 PAGEOUT", END,
  ] },
  "COLD and PAGEOUT across holes": { steps: [
    ...huge(1), "0 mmap 2.0 1.0 rw fixed", "0 write 2.0 1.0 1", "0 madvise 0.0 3.0 COLD", "0 madvise 0.0 3.0 PAGEOUT",
    "0 madvise 4.0 1.0 COLD", "0 madvise 0.0 0.0 PAGEOUT", END,
  ] },
  "another process makes it cold and pages it out": { steps: [
    ...huge(1), "0 fork 1", "1 mmap 1.0 1.0 rw fixed", "1 madvise 1.0 1.0 HUGEPAGE", "1 write 1.0 1.0 4",
    "0 process_madvise 1 1.0 1.0 COLD", "0 process_madvise 1 1.0 1.0 PAGEOUT", END, "1 contents",
  ] },
};
