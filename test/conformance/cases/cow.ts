/** tools/testing/selftests/mm/cow.c: what of one process never shows in the other. */
import type { Cases } from "./cases-by-name.ts";

const map = (pages: string): string[] => [`0 mmap 0.0 ${pages} rw fixed`, `0 madvise 0.0 ${pages} HUGEPAGE`];
/** Mapped by PTEs: the selftest's trick is to change the protection of one page, and back. */
const PTE_MAPPED = [...map("1.0"), "0 write 0.0 1.0 1", "0 mprotect 0.0 0.1 r", "0 mprotect 0.0 0.1 rw"];
const STARTS: Readonly<Record<string, readonly string[]>> = {
  "a small page": ["0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.1 1"],
  "a huge page": [...map("1.0"), "0 write 0.0 1.0 1"],
  "a huge page mapped by PTEs": PTE_MAPPED,
  "one page of a huge page": [...PTE_MAPPED, "0 madvise 0.1 0.511 DONTNEED"],
  "a huge page half of which was moved away": [...map("1.0"), "0 write 0.0 1.0 1", "0 mremap 0.256 0.256 0.256 fixed 4.0"],
  "a huge page of which one page was shared": [
    ...PTE_MAPPED, "0 madvise 0.1 0.511 DONTFORK", "0 fork 3", "3 exit", "0 madvise 0.1 0.511 DOFORK",
  ],
  "the zero page": ["0 mmap 0.0 1.0 rw fixed", "0 read 0.0 0.1"],
  "the huge zero page": [...map("1.0"), "0 read 0.0 0.1"],
};
const READ = ["0 contents", "1 contents"];
/** What is done with the page once it is there. */
const TESTS: Readonly<Record<string, readonly string[]>> = {
  "the parent writes": ["0 fork 1", "0 write 0.0 0.1 9", ...READ],
  "the child writes": ["0 fork 1", "1 write 0.0 0.1 9", ...READ],
  "the parent writes after mprotect": ["0 fork 1", "0 mprotect 0.0 0.256 r", "0 mprotect 0.0 0.256 rw", "0 write 0.0 0.1 9", ...READ],
  "the child exits, the parent writes": ["0 fork 1", "1 exit", "0 write 0.0 0.1 9", "0 contents"],
  "the child unmaps, the parent writes": ["0 fork 1", "1 munmap 0.0 1.0", "0 write 0.0 0.1 9", ...READ],
  "the child holds it and unmaps, the parent writes": [
    "0 fork 1", "1 hold 0 0.0", "1 munmap 0.0 1.0", "0 write 0.0 0.1 9", "0 release 0", "0 contents",
  ],
  "the parent holds it, then fork, the parent unmaps, the child writes": [
    "0 hold 0 0.0", "0 fork 1", "0 munmap 0.0 1.0", "1 write 0.0 0.1 9", "1 release 0", "1 contents",
  ],
  "the parent collapses and writes": ["0 fork 1", "0 madvise 0.0 1.0 COLLAPSE", "0 write 0.0 0.256 9", ...READ],
};

const basic: Cases = Object.fromEntries(Object.entries(STARTS).flatMap(([start, before]) => Object.entries(TESTS).map(([test, after]) => [
  `cow: ${start}; ${test}`, { steps: [...before, ...after] },
])));

export const COW_CASES: Cases = {
  ...basic,
  "cow: collapse before fork": { steps: [...PTE_MAPPED, "0 madvise 0.0 1.0 COLLAPSE", "0 fork 1", "0 write 0.0 1.0 9", ...READ] },
  "cow: only the lower half is shared, collapse": { steps: [
    ...PTE_MAPPED, "0 madvise 0.256 0.256 DONTFORK", "0 fork 1", "0 madvise 0.256 0.256 DOFORK", "0 madvise 0.0 1.0 COLLAPSE",
    "0 write 0.0 1.0 9", ...READ,
  ] },
  "cow: only the upper half is shared, collapse": { steps: [
    ...PTE_MAPPED, "0 madvise 0.0 0.256 DONTFORK", "0 fork 1", "0 madvise 0.0 0.256 DOFORK", "0 madvise 0.0 1.0 COLLAPSE",
    "0 write 0.0 1.0 9", ...READ,
  ] },
  "cow: three generations": { steps: [
    ...map("2.0"), "0 write 0.0 2.0 1", "0 fork 1", "1 write 0.7 0.1 5", "1 fork 2", "2 write 1.7 0.1 6", "0 write 0.0 0.3 7",
    "1 exit", "2 write 0.7 0.1 8", "0 exit", "2 write 0.0 2.0 9", "2 contents",
  ] },
  "cow: wiped on fork": { steps: [
    ...map("1.0"), "0 write 0.0 1.0 1", "0 madvise 0.0 0.256 WIPEONFORK", "0 fork 1", "1 read 0.0 0.300", "1 write 0.0 0.1 2",
    "0 madvise 0.0 1.0 KEEPONFORK", "0 fork 2", "2 contents", ...READ,
  ] },
};
