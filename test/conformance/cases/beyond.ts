/**
 * What only guests are asked: sizes between a page and a huge page, in which `impl/` is compared; and what it has no part for yet:
 * swap, memory failure, guard regions, mlock(), NUMA, soft-dirty bits, words of the kernel's command line. RELEASES.md has what each
 * release said of those.
 */
import type { Cases } from "./cases-by-name.ts";

const END = "0 contents";
const huge = (ranges = 1): string[] => [`0 mmap 0.0 ${ranges}.0 rw fixed`, `0 madvise 0.0 ${ranges}.0 HUGEPAGE`,
  `0 write 0.0 ${ranges}.0 1`];
const SMALL = ["0 mmap 0.0 1.0 rw fixed", "0 write 0.0 1.0 1"];
const PTE_MAPPED = [...huge(), "0 mprotect 0.5 0.1 r", "0 mprotect 0.5 0.1 rw"];
/** Folios of that size alone. */
const only = (size: string): string[] => [`0 size ${size} madvise`, "0 size 2048kB never"];
/** Advised: sizes are on for those who ask, so that no other process has any. */
const area = (at: string, pages: string): string[] => [`0 mmap ${at} ${pages} rw fixed`, `0 madvise ${at} ${pages} HUGEPAGE`];
const counts = (...names: string[]): string[] => names.map((n) => `0 count ${n}`);

const SIZES: Cases = {
  "only 64 kB is on: a fault": { steps: [...only("64kB"), ...area("0.0", "1.0"), "0 write 0.20 0.1 1", ...counts("64kB/nr_anon"), END] },
  "16, 64 and 1024 kB are on: the largest aligned block that is empty and inside the area": { steps: [
    "0 size 16kB madvise", "0 size 64kB madvise", "0 size 1024kB madvise", "0 size 2048kB never", ...area("0.5", "0.1"),
    "0 write 0.5 0.1 1",
    ...area("0.6", "0.506"), "0 write 0.9 0.1 1", "0 write 0.40 0.1 1", "0 write 0.300 0.1 1",
    ...counts("16kB/nr_anon", "64kB/nr_anon", "1024kB/nr_anon"), END,
  ] },
  "64 kB folio: DONTNEED of one page": { steps: [
    ...only("64kB"), ...area("0.0", "1.0"), "0 write 0.0 0.16 1", "0 madvise 0.3 0.1 DONTNEED",
    ...counts("64kB/split_deferred", "64kB/nr_anon_partially_mapped", "thp_deferred_split_page"), END,
  ] },
  "64 kB folio: FREE of one page": { steps: [
    ...only("64kB"), ...area("0.0", "1.0"), "0 write 0.0 0.16 1", "0 madvise 0.3 0.1 FREE",
    ...counts("64kB/split", "64kB/split_deferred", "64kB/nr_anon", "thp_split_page"), END,
  ] },
  "64 kB folio: the child exits, the parent writes one page": { steps: [
    ...only("64kB"), ...area("0.0", "1.0"), "0 write 0.0 0.16 1", "0 fork 1", "1 exit", "0 write 0.3 0.1 9",
    ...counts("64kB/split_deferred", "64kB/nr_anon_partially_mapped"), END,
  ] },
  "64 kB folio: the child lives, the parent writes one page": { steps: [
    ...only("64kB"), ...area("0.0", "1.0"), "0 write 0.0 0.16 1", "0 fork 1", "0 write 0.3 0.1 9",
    ...counts("64kB/split_deferred", "64kB/nr_anon"), END, "1 contents",
  ] },
  "64 kB folios, COLLAPSE": { steps: [
    ...only("64kB"), ...area("0.0", "1.0"), "0 write 0.0 1.0 1", "0 size 2048kB inherit", "0 madvise 0.0 1.0 COLLAPSE",
    ...counts("64kB/nr_anon", "2048kB/collapse_alloc"), END,
  ] },
  "COLLAPSE of small pages, every size never": { enabled: "never", steps: [
    ...SMALL, "0 size 2048kB never", "0 madvise 0.0 1.0 COLLAPSE", ...counts("thp_collapse_alloc", "2048kB/collapse_alloc"), END,
  ] },
  "split of a huge page to 64 kB": { steps: [...huge(), "0 split_to 0.0 1.0 4", ...counts("64kB/nr_anon", "thp_split_page"), END] },
  "split of a huge page to 1 MB": { steps: [...huge(), "0 split_to 0.0 1.0 8", ...counts("1024kB/nr_anon", "thp_split_page"), END] },
  "split of a huge page to order 1": { steps: [
    ...huge(), "0 split_to 0.0 1.0 1", ...counts("thp_split_page", "thp_split_page_failed", "2048kB/split_failed"), END,
  ] },
  "split of a huge page to 2 MB": { steps: [
    ...huge(), "0 split_to 0.0 1.0 9", ...counts("thp_split_page", "thp_split_page_failed", "2048kB/split_failed"), END,
  ] },
  "COLLAPSE with 64 and 1024 kB on": { steps: [
    ...SMALL, "0 size 64kB madvise", "0 size 1024kB madvise", "0 madvise 0.0 1.0 HUGEPAGE", "0 madvise 0.0 1.0 COLLAPSE",
    ...counts("64kB/nr_anon", "1024kB/nr_anon"), END,
  ] },
  "split to 64 kB of a huge page of which pages were taken out": { steps: [
    ...huge(), "0 madvise 0.8 0.100 DONTNEED", "0 split_to 0.0 1.0 4", ...counts("64kB/nr_anon", "64kB/nr_anon_partially_mapped"), END,
  ] },
  "split to 64 kB of a huge page that is held": { steps: [
    ...huge(), "0 hold 0 0.5", "0 split_to 0.0 1.0 4", ...counts("2048kB/split_failed", "64kB/nr_anon"), "0 release 0", END,
  ] },
};

/** Folios of 64 kB in 256 kB, all of them written to. */
const SIXTY_FOUR = [...only("64kB"), ...area("0.0", "1.0"), "0 write 0.0 0.64 1"];
const FOLIOS = ["16kB/nr_anon", "64kB/nr_anon", "1024kB/nr_anon"];
const SPLITS = ["16kB/split", "64kB/split", "1024kB/split", "64kB/split_deferred", "1024kB/split_deferred", "thp_split_page"];
const SPLIT_TO: Cases = {
  "split of a huge page toward its last page, by that page": { steps: [
    ...huge(), "0 split_at 0.511 0.1 0 511", ...counts(...FOLIOS, ...SPLITS), END,
  ] },
  "split of a huge page toward its first page, by each of its pages": { steps: [
    ...huge(), "0 split_at 0.0 1.0 0 0", ...counts(...FOLIOS, ...SPLITS), END,
  ] },
  "split of a huge page to 64 kB toward a page in the middle": { steps: [
    ...huge(), "0 split_at 0.0 0.1 4 300", ...counts(...FOLIOS, ...SPLITS), END,
  ] },
  "split of a huge page toward a page behind it": { steps: [
    ...huge(), "0 split_at 0.0 0.1 4 600", ...counts(...FOLIOS, ...SPLITS), END,
  ] },
  "split of a huge page to 1 MB, of that to 64 kB, of that to 16 kB": { steps: [
    ...huge(), "0 split_to 0.0 1.0 8", "0 split_to 0.0 0.300 4", "0 split_to 0.0 0.40 2", ...counts(...FOLIOS, ...SPLITS), END,
  ] },
  "split of a shared huge page to 64 kB, which both write to": { steps: [
    ...huge(), "0 fork 1", "0 split_to 0.0 1.0 4", "0 split_to 0.0 1.0 4", "1 write 0.5 0.1 7", "0 write 0.40 0.20 9",
    ...counts(...FOLIOS, ...SPLITS, "64kB/nr_anon_partially_mapped"), END, "1 contents",
  ] },
  "split of a huge page to 64 kB, then DONTNEED, FREE and PROT_NONE of parts of the folios": { steps: [
    ...huge(), "0 split_to 0.0 1.0 4", "0 madvise 0.8 0.16 DONTNEED", "0 madvise 0.50 0.4 FREE", "0 mprotect 0.100 0.4 none",
    ...counts(...FOLIOS, ...SPLITS, "64kB/nr_anon_partially_mapped"), END,
  ] },
  "split of a huge page to 64 kB, of which some moves by a page, then to single pages": { steps: [
    ...huge(), "0 split_to 0.0 1.0 4", "0 mremap 0.16 0.32 0.32 fixed 2.500", "0 split_to 2.500 0.32 2", "0 split 2.500 0.8",
    ...counts(...FOLIOS, ...SPLITS), END,
  ] },
  "split of a huge page to 64 kB, then COLLAPSE": { steps: [
    ...huge(), "0 split_to 0.0 1.0 4", "0 madvise 0.0 1.0 COLLAPSE", ...counts(...FOLIOS, ...SPLITS), END,
  ] },
  "split of 64 kB folios to 16 kB, one of them torn and one held": { steps: [
    ...SIXTY_FOUR, "0 madvise 0.3 0.2 DONTNEED", "0 hold 0 0.20", "0 split_to 0.0 0.64 2",
    ...counts(...FOLIOS, ...SPLITS, "64kB/split_failed", "64kB/nr_anon_partially_mapped"), "0 release 0", END,
  ] },
  "split of 64 kB folios toward a page": { steps: [
    ...SIXTY_FOUR, "0 split_at 0.0 0.1 0 5", "0 split_at 0.16 0.1 2 15", ...counts(...FOLIOS, ...SPLITS), END,
  ] },
  "64 kB folios: munmap of a part, and what is left is faulted in again": { steps: [
    ...SIXTY_FOUR, "0 munmap 0.8 0.16", ...area("0.8", "0.16"), "0 write 0.8 0.16 5",
    ...counts(...FOLIOS, "64kB/nr_anon_partially_mapped", "64kB/split_deferred"), END,
  ] },
  "64 kB folios: fork, the child discards parts and writes, the parent writes": { steps: [
    ...SIXTY_FOUR, "0 fork 1", "1 madvise 0.4 0.8 DONTNEED", "1 write 0.20 0.20 7", "0 write 0.0 0.64 9",
    ...counts(...FOLIOS, "64kB/nr_anon_partially_mapped", "64kB/split_deferred"), END, "1 contents",
  ] },
  "64 kB folios: moved by a page and across two tables, then torn": { steps: [
    ...SIXTY_FOUR, "0 mremap 0.0 0.64 0.64 fixed 2.473", "0 madvise 2.490 0.30 DONTNEED", "0 write 2.473 0.64 3",
    ...counts(...FOLIOS, "64kB/nr_anon_partially_mapped", "64kB/split_deferred"), END,
  ] },
  "16 kB to 1 MB are on: faults from the back, each takes what is free around it": { steps: [
    "0 size 16kB madvise", "0 size 32kB madvise", "0 size 256kB madvise", "0 size 1024kB madvise", "0 size 2048kB never",
    ...area("0.3", "1.200"), "0 write 1.190 0.1 1", "0 write 1.5 0.1 2", "0 write 0.300 0.1 3", "0 write 0.100 0.1 4",
    "0 write 0.3 0.1 5", ...counts(...FOLIOS), END,
  ] },
};

/** A pass over small pages with only these sizes on, the process known to the thread. */
const pass = (sizes: readonly string[]): string[] => [
  ...sizes.map((s) => `0 size ${s} madvise`), "0 size 2048kB never", "0 madvise 0.0 1.0 HUGEPAGE", "0 khugepaged",
];
const KHUGEPAGED: Cases = {
  "khugepaged with only 64 kB on, all pages there": { steps: [...SMALL, ...pass(["64kB"]), ...counts("64kB/nr_anon",
    "64kB/collapse_alloc"), END] },
  "khugepaged with only 64 kB on, one page there": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.300 0.1 1", ...pass(["64kB"]), ...counts("64kB/nr_anon", "64kB/collapse_alloc"), END,
  ] },
  "khugepaged with only 64 kB on, max_ptes_none 0, 15 of 16 pages and 16 of 16": { max_ptes_none: 0, steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.15 1", "0 write 0.16 0.16 1", ...pass(["64kB"]), ...counts("64kB/nr_anon"), END,
  ] },
  "khugepaged with 64 and 1024 kB on, one page there": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.300 0.1 1", ...pass(["64kB", "1024kB"]), ...counts("64kB/nr_anon", "1024kB/nr_anon"), END,
  ] },
  "khugepaged comes to 64 kB folios again and again": { steps: [
    ...SMALL, ...pass(["64kB"]), "0 khugepaged", "0 khugepaged", ...counts("64kB/nr_anon", "64kB/collapse_alloc"), END,
  ] },
  "khugepaged with only 64 kB on: a process that asks before it has pages is not known": { steps: [
    ...only("64kB"), ...area("0.0", "1.0"), "0 size 64kB never", "0 write 0.0 1.0 1", "0 size 64kB madvise",
    "0 khugepaged", ...counts("64kB/nr_anon"), "0 madvise 0.0 1.0 NOHUGEPAGE", "0 madvise 0.0 1.0 HUGEPAGE", "0 khugepaged",
    ...counts("64kB/nr_anon"), END,
  ] },
};

/** Folios of `size` by faults, in an area that khugepaged does not know yet; then the pass, with these sizes on. */
const folios = (size: string, ...sizes: string[]): string[] => [
  ...only(size), ...area("0.0", "1.0"), "0 write 0.0 1.0 1", "0 madvise 0.0 1.0 NOHUGEPAGE", `0 size ${size} never`, ...pass(sizes),
];
/** Small pages first..first + pages - 1, then a pass; 2048 kB is on as well. */
const passWithHuge = (pages: string): string[] => [
  "0 mmap 0.0 1.0 rw fixed", `0 write 0.0 ${pages} 1`, "0 size 64kB madvise", "0 madvise 0.0 1.0 HUGEPAGE", "0 khugepaged",
];
const EVERY_SIZE = ["16kB", "32kB", "64kB", "128kB", "256kB", "512kB", "1024kB"] as const;
const MORE_KHUGEPAGED: Cases = {
  "khugepaged with every size but 2048 kB on, one page there": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.5 0.1 1", ...pass(EVERY_SIZE), ...counts("16kB/nr_anon", "64kB/nr_anon", "1024kB/nr_anon"), END,
  ] },
  "khugepaged with only 64 kB on, max_ptes_none 255 counts as 0": { max_ptes_none: 255, steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.15 1", "0 write 0.16 0.16 1", ...pass(["64kB"]), ...counts("64kB/nr_anon"), END,
  ] },
  "khugepaged with 16 and 1024 kB on, max_ptes_none 0, 511 of 512 pages": { max_ptes_none: 0, steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.511 1", ...pass(["16kB", "1024kB"]), ...counts("16kB/nr_anon", "1024kB/nr_anon"), END,
  ] },
  "khugepaged with 64 and 2048 kB on, max_ptes_none 0, all pages": { max_ptes_none: 0, steps: [
    ...passWithHuge("1.0"), ...counts("64kB/nr_anon"), END,
  ] },
  "khugepaged with 64 and 2048 kB on, max_ptes_none 0, some pages": { max_ptes_none: 0, steps: [
    ...passWithHuge("0.40"), ...counts("64kB/nr_anon"), END,
  ] },
  "khugepaged with 64 and 2048 kB on, some pages": { steps: [...passWithHuge("0.40"), ...counts("64kB/nr_anon"), END] },
  "khugepaged with 16 to 128 kB on, max_ptes_none 0, pages 0 to 39": { max_ptes_none: 0, steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.40 1", ...pass(EVERY_SIZE.slice(0, 4)), ...counts("16kB/nr_anon", "64kB/nr_anon"), END,
  ] },
  "khugepaged with 16 to 128 kB on, max_ptes_none 0, pages 4 to 35": { max_ptes_none: 0, steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.4 0.32 1", ...pass(EVERY_SIZE.slice(0, 4)), ...counts("16kB/nr_anon", "64kB/nr_anon"), END,
  ] },
  "khugepaged with only 1024 kB on, 64 kB folios": { steps: [
    ...folios("64kB", "1024kB"), ...counts("64kB/nr_anon", "1024kB/nr_anon"), END,
  ] },
  "khugepaged with only 16 kB on, 1 MB folios": { steps: [...folios("1024kB", "16kB"), ...counts("16kB/nr_anon", "1024kB/nr_anon"), END] },
  "khugepaged with only 64 kB on, a huge page": { steps: [
    ...huge(), "0 madvise 0.0 1.0 NOHUGEPAGE", ...pass(["64kB"]), ...counts("64kB/nr_anon", "64kB/collapse_alloc"), END,
  ] },
  "khugepaged with only 64 kB on, all pages shared": { steps: [...SMALL, "0 fork 1", ...pass(["64kB"]), ...counts("64kB/nr_anon"), END] },
  "khugepaged with only 64 kB on, the first hundred pages shared": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.100 1", "0 fork 1", "0 write 0.100 0.412 1", ...pass(["64kB"]),
    ...counts("64kB/nr_anon"), END,
  ] },
  "khugepaged with only 64 kB on, a page of the range is held": { steps: [
    ...SMALL, "0 hold 0 0.300", ...pass(["64kB"]), ...counts("64kB/nr_anon", "64kB/collapse_alloc"), "0 release 0", END,
  ] },
  "khugepaged with only 64 kB on, areas that hold no range, half a range more, and one in the middle": { steps: [
    "0 mmap 0.0 0.256 rw fixed", "0 mmap 1.0 1.256 rw fixed", "0 mmap 3.256 2.0 rw fixed", "0 write 0.0 0.256 1", "0 write 1.0 1.256 1",
    "0 write 3.256 2.0 1", ...pass(["64kB"]), "0 madvise 1.0 1.256 HUGEPAGE", "0 madvise 3.256 2.0 HUGEPAGE", "0 khugepaged",
    ...counts("64kB/nr_anon"), END,
  ] },
  "khugepaged with only 64 kB on, what may not be written, and what is locked": { steps: [
    "0 mmap 0.0 2.0 rw fixed", "0 write 0.0 2.0 1", "0 mprotect 0.0 1.0 r", "0 mlock 1.0 1.0", ...pass(["64kB"]),
    "0 madvise 1.0 1.0 HUGEPAGE", "0 khugepaged", ...counts("64kB/nr_anon", "Mlocked"), END,
  ] },
  "khugepaged with only 64 kB on, zero pages, then one page among them": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.1 1", "0 madvise 0.0 0.1 DONTNEED", "0 read 0.0 1.0", ...pass(["64kB"]),
    ...counts("64kB/nr_anon"), "0 write 0.20 0.1 1", "0 khugepaged", ...counts("64kB/nr_anon"), END,
  ] },
};

const SWAP = { swap: "zram:64" } as const;
const SWAPPED: Cases = {
  "zram: PAGEOUT of a huge page, and back": { machine: SWAP, steps: [
    ...huge(), "0 advise 0.0 1.0 PAGEOUT", ...counts("thp_swpout", "2048kB/swpout", "pswpout"), "0 read 0.5 0.1", "0 write 0.9 0.1 5", END,
  ] },
  "zram: PAGEOUT of a huge page without content": { machine: SWAP, steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 madvise 0.0 0.1 POPULATE_WRITE", "0 advise 0.0 1.0 PAGEOUT",
    ...counts("swpout_zero", "thp_swpout", "pswpout"), END,
  ] },
  "zram: PAGEOUT of a huge page that is shared": { machine: SWAP, steps: [
    ...huge(), "0 fork 1", "0 advise 0.0 1.0 PAGEOUT", ...counts("thp_swpout", "pswpout"), END, "1 contents",
  ] },
  "zram: COLLAPSE of a range that is swapped out": { machine: SWAP, steps: [
    ...SMALL, "0 advise 0.0 1.0 PAGEOUT", "0 madvise 0.0 1.0 COLLAPSE", ...counts("pswpin", "pswpout"), END,
  ] },
  "zram: COLLAPSE of a range of which one page is swapped out": { machine: SWAP, steps: [
    ...SMALL, "0 advise 0.5 0.1 PAGEOUT", "0 madvise 0.0 1.0 COLLAPSE", ...counts("pswpin"), END,
  ] },
  "zram: khugepaged, max_ptes_swap reached and exceeded": { machine: SWAP, max_ptes_swap: 8, steps: [
    ...SMALL, "0 madvise 0.0 1.0 HUGEPAGE", "0 advise 0.10 0.9 PAGEOUT", "0 khugepaged", "0 read 0.10 0.1", "0 khugepaged",
    ...counts("pswpin"), END,
  ] },
  "zram: a 64 kB folio that is shared, and back": { machine: SWAP, steps: [
    ...only("64kB"), ...area("0.0", "1.0"), "0 write 0.0 0.16 1", "0 advise 0.0 0.16 PAGEOUT", "0 fork 1", "0 read 0.3 0.1",
    ...counts("64kB/swpout", "64kB/swpin", "pswpin"), "1 write 0.3 0.1 9", END, "1 contents",
  ] },
  "zram: a huge page comes back with 64 and 1024 kB on": { machine: SWAP, steps: [
    "0 size 64kB madvise", "0 size 1024kB madvise", ...huge(), "0 advise 0.0 1.0 PAGEOUT", "0 read 0.300 0.1",
    ...counts("1024kB/swpin", "64kB/swpin", "pswpin"), END,
  ] },
};

const FAILURE: Cases = {
  "HWPOISON of a page of a huge page": { steps: [
    ...huge(), "0 advise 0.5 0.1 HWPOISON", "0 touch 0.5", "0 touch 0.6", ...counts("HardwareCorrupted", "thp_split_page"),
    "0 madvise 0.5 0.1 DONTNEED", "0 touch 0.5",
  ] },
  "HWPOISON of a page of a huge page that is mapped by PTEs": { steps: [
    ...PTE_MAPPED, "0 advise 0.5 0.1 HWPOISON", "0 touch 0.5", ...counts("HardwareCorrupted", "thp_split_page"),
  ] },
  "HWPOISON of a small page": { steps: [...SMALL, "0 advise 0.5 0.1 HWPOISON", "0 touch 0.5", ...counts("HardwareCorrupted")] },
  "HWPOISON of a page of a huge page of which another is held": { steps: [
    ...huge(), "0 hold 0 0.9", "0 advise 0.5 0.1 HWPOISON", "0 touch 0.5", ...counts("HardwareCorrupted", "thp_split_page_failed"),
    "0 release 0",
  ] },
  "HWPOISON of a page of a shared huge page": { steps: [
    ...huge(), "0 fork 1", "0 advise 0.5 0.1 HWPOISON", "1 touch 0.5", "1 touch 0.5", "0 touch 0.5",
    ...counts("thp_split_page", "thp_split_page_failed", "thp_split_pmd"),
  ] },
  "SOFT_OFFLINE of a page of a huge page": { steps: [
    ...huge(), "0 advise 0.5 0.1 SOFT_OFFLINE", ...counts("HardwareCorrupted", "pgmigrate_success", "thp_split_page"), END,
  ] },
  "SOFT_OFFLINE of a page of a shared huge page, twice": { steps: [
    ...huge(), "0 fork 1", "0 advise 0.5 0.1 SOFT_OFFLINE", ...counts("thp_split_page", "thp_split_page_failed", "thp_split_pmd"),
    "0 advise 0.5 0.1 SOFT_OFFLINE", END, "1 contents",
  ] },
  "HWPOISON and SOFT_OFFLINE of pages of 64 kB folios": { steps: [
    ...only("64kB"), ...area("0.0", "1.0"), "0 write 0.0 0.48 1", "0 advise 0.5 0.1 HWPOISON", "0 touch 0.5",
    ...counts("HardwareCorrupted", "64kB/split"), "0 advise 0.20 0.1 SOFT_OFFLINE", ...counts("HardwareCorrupted", "64kB/split"),
    "0 touch 0.20",
  ] },
  "COLLAPSE of a range with a poisoned page": { steps: [
    ...SMALL, "0 advise 0.5 0.1 HWPOISON", "0 madvise 0.0 1.0 COLLAPSE", "0 madvise 0.5 0.1 DONTNEED", "0 madvise 0.0 1.0 COLLAPSE", END,
  ] },
  "SOFT_OFFLINE of a page that is held": { steps: [...huge(), "0 hold 0 0.9", "0 advise 0.5 0.1 SOFT_OFFLINE", "0 release 0", END] },
};

const REST: Cases = {
  "a guard in a huge page": { steps: [
    ...huge(), "0 advise 0.5 0.1 GUARD_INSTALL", "0 touch 0.5", "0 read 0.4 0.3", "0 advise 0.5 0.1 GUARD_REMOVE", "0 touch 0.5", END,
  ] },
  "a guard on a whole huge page": { steps: [...huge(), "0 advise 0.0 1.0 GUARD_INSTALL", "0 touch 0.0", "0 advise 0.0 1.0 GUARD_REMOVE",
    END] },
  "a guard in a range, COLLAPSE": { steps: [
    ...SMALL, "0 advise 0.5 0.1 GUARD_INSTALL", "0 madvise 0.0 1.0 COLLAPSE", "0 madvise 0.0 1.0 HUGEPAGE", "0 khugepaged", END,
  ] },
  "mlock of half a huge page": { steps: [
    ...huge(), "0 mlock 0.0 0.256", ...counts("Mlocked", "thp_split_pmd"), "0 page_flag 0.5 mlocked", END,
  ] },
  "mlock of a huge page, munlock of half": { steps: [
    ...huge(), "0 mlock 0.0 1.0", ...counts("Mlocked"), "0 munlock 0.0 0.256", ...counts("Mlocked", "thp_split_pmd"), END,
  ] },
  "mlock of a huge page that is mapped by PTEs": { steps: [...PTE_MAPPED, "0 mlock 0.0 1.0", ...counts("Mlocked"), END] },
  "mlock of half a 64 kB folio": { steps: [
    ...only("64kB"), ...area("0.0", "1.0"), "0 write 0.0 0.16 1", "0 mlock 0.0 0.8", ...counts("Mlocked", "64kB/split"), END,
  ] },
  "COLLAPSE of what is locked": { steps: [...SMALL, "0 mlock 0.0 1.0", "0 madvise 0.0 1.0 COLLAPSE", ...counts("Mlocked"), END] },
  "soft-dirty bits of a huge page": { steps: [
    ...huge(), "0 soft_dirty 0.0 1.0", "0 clear_refs soft-dirty", "0 soft_dirty 0.0 1.0", "0 write 0.5 0.1 9", "0 soft_dirty 0.0 1.0", END,
  ] },
  "soft-dirty bits of small pages, COLLAPSE": { steps: [
    ...SMALL, "0 clear_refs soft-dirty", "0 write 0.5 0.1 9", "0 soft_dirty 0.0 1.0", "0 madvise 0.0 1.0 COLLAPSE",
    "0 soft_dirty 0.0 1.0", END,
  ] },
  "PAGEMAP_SCAN: what is written, of pages and of nothing": { steps: [
    "0 mmap 0.0 2.0 rw fixed", "0 write 0.0 0.1 1", "0 written 0.0 0.1", "0 written 0.0 1.0", "0 written 1.0 1.0",
  ] },
  "PAGEMAP_SCAN: what is written, of a huge page": { steps: [...huge(), "0 written 0.0 1.0"] },
  "kpageflags: KSM of a page that has no twin": { steps: [...SMALL, "0 page_flag 0.5 ksm", ...huge(), "0 page_flag 0.5 ksm"] },
};

const NODES = { memory: "512,512" } as const;
const NUMA: Cases = {
  "two nodes: a huge page is where its area is bound to": { machine: NODES, steps: [
    "0 mmap 0.0 2.0 rw fixed", "0 madvise 0.0 2.0 HUGEPAGE", "0 bind 1.0 1.0 1", "0 write 0.0 2.0 1", "0 node_of 0.5", "0 node_of 1.5",
  ] },
  "two nodes: COLLAPSE goes where most pages are, and equal halves to node 0": { machine: NODES, steps: [
    "0 mmap 0.0 2.0 rw fixed", "0 bind 0.0 0.300 1", "0 bind 1.0 0.256 1", "0 write 0.0 2.0 1", "0 madvise 0.0 2.0 COLLAPSE",
    "0 node_of 0.0", "0 node_of 1.0",
  ] },
  "two nodes: bind of a part moves the whole huge page": { machine: NODES, steps: [
    ...huge(), "0 bind 0.0 0.16 1", "0 node_of 0.0", "0 node_of 0.300", ...counts("thp_split_pmd", "thp_split_page",
    "thp_migration_success"), END,
  ] },
  "two nodes: move_pages of pages of one huge page": { machine: NODES, steps: [
    ...huge(), "0 move_page 0.5 1", "0 node_of 0.300", "0 move_page 0.9 0", "0 node_of 0.5", ...counts("thp_migration_success",
    "thp_split_page"), END,
  ] },
  "two nodes: move_pages of a shared huge page": { machine: NODES, steps: [
    ...huge(), "0 fork 1", "0 move_page 0.5 1", "0 node_of 0.5", ...counts("thp_migration_success"), END, "1 contents",
  ] },
  "two nodes: migrate_pages": { machine: NODES, steps: [
    ...huge(2), "0 mprotect 1.5 0.1 r", "0 migrate 0 1", "0 node_of 0.0", "0 node_of 1.0", ...counts("thp_migration_success",
    "thp_split_page"), END,
  ] },
};

const every = ["all", "16kB", "32kB", "64kB", "128kB", "256kB", "512kB", "1024kB", "2048kB"].map((s) => `0 word_at_boot ${s}`);
const BOOT: Cases = {
  "the words at boot": { steps: every },
  "the words at boot, with 300 MB": { machine: { memory: "300" }, steps: every },
  "thp_anon=64K:always": { machine: { append: "thp_anon=64K:always" }, steps: every },
  "thp_anon=16K-64K,256K:always;2M:inherit": { machine: { append: "thp_anon=16K-64K,256K:always;2M:inherit" }, steps: every },
  "transparent_hugepage=madvise": { machine: { append: "transparent_hugepage=madvise" }, steps: every },
};

const LIMITS: Cases = {
  "memory.max: a huge page that does not fit": { steps: [
    "0 memory_max 0.256", "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 write 0.0 0.1 1", END,
  ] },
  "reclaim of a huge page that is full of zeros": { max_ptes_none: 409, steps: [
    "0 memory_max 4.0", "0 mmap 0.0 2.0 rw fixed", "0 madvise 0.0 2.0 HUGEPAGE", "0 write 0.5 0.1 1", "0 write 1.0 1.0 1", "0 reclaim 2.0",
    ...counts("thp_underused_split_page", "thp_split_page", "thp_split_pmd"), END,
  ] },
  "memory.max: COLLAPSE of what does not fit twice": { steps: [
    "0 memory_max 1.256", ...SMALL, "0 madvise 0.0 1.0 COLLAPSE", END,
  ] },
};

export const BEYOND_BY_NAME: Cases = {
  ...SIZES, ...SPLIT_TO, ...KHUGEPAGED, ...MORE_KHUGEPAGED, ...SWAPPED, ...FAILURE, ...REST, ...NUMA, ...BOOT, ...LIMITS,
};
