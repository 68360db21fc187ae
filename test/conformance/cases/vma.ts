/** mremap_test.c, mremap_dontunmap.c, madv_populate.c, merge.c, transhuge-stress.c: areas, and huge pages at their borders. */
import type { Cases } from "./cases-by-name.ts";

const END = "0 contents";
const map = (at: string, pages: string): string[] => [`0 mmap ${at} ${pages} rw fixed`, `0 madvise ${at} ${pages} HUGEPAGE`];
/** Source and destination of a move: aligned to pages, or to huge pages, each to each. */
const PLACES = { "4.0": "aligned", "4.3": "3 pages higher", "4.511": "one page below a boundary" } as const;

const moves: Cases = Object.fromEntries(["0.0", "0.3", "0.509"].flatMap((from) => Object.entries(PLACES).flatMap(([to, how]) => ["0.5", "1.0", "2.100"].map((length) => [
  `mremap ${length} from ${from} to ${to}, ${how}`,
  { steps: [
    ...map("0.0", "4.0"), "0 write 0.0 4.0 1", `0 mremap ${from} ${length} ${length} fixed ${to}`, "0 fork 1", "1 write 4.0 3.0 9",
    END, "1 contents",
  ] },
] as const))));

export const VMA_CASES: Cases = {
  ...moves,
  "mremap onto something mapped": { steps: [...map("0.0", "3.0"), "0 write 0.0 3.0 1", "0 mremap 0.0 1.0 1.0 fixed 1.256", END] },
  "mremap with overlap is refused": { steps: [
    ...map("0.0", "2.0"), "0 write 0.0 2.0 1", "0 mremap 0.0 1.0 1.0 fixed 0.256", "0 mremap 0.256 1.0 1.0 fixed 0.0", END,
  ] },
  "mremap of several areas": { steps: [
    ...map("0.0", "3.0"), "0 write 0.0 3.0 1", "0 mprotect 1.0 0.100 r", "0 munmap 1.200 0.10",
    "0 mremap 0.256 2.0 2.0 fixed 4.256", END,
  ] },
  "mremap of several areas, with another length": { steps: [
    ...map("0.0", "2.0"), "0 mprotect 1.0 1.0 r", "0 mremap 0.256 1.0 1.256 fixed 4.0", "0 mremap 0.256 1.0 0.256 fixed 4.0", END,
  ] },
  "mremap grows in place, and merges": { steps: [
    ...map("0.0", "1.0"), "0 write 0.0 1.0 1", "0 mremap 0.0 1.0 2.0 - 0.0", "0 write 1.0 1.0 2", ...map("3.0", "1.0"),
    "0 mremap 0.0 2.0 3.0 - 0.0", "0 mremap 0.0 3.0 4.0 - 0.0", END,
  ] },
  "mremap shrinks inside a huge page": { steps: [
    ...map("0.0", "1.0"), "0 write 0.0 1.0 1", "0 mremap 0.0 1.0 0.256 - 0.0", "0 mremap 0.0 0.256 1.0 - 0.0",
    "0 write 0.256 0.256 5", END,
  ] },
  "mremap moves and shrinks": { steps: [...map("0.0", "2.0"), "0 write 0.0 2.0 1", "0 mremap 0.0 2.0 0.256 fixed 4.0", END] },
  "mremap moves and grows": { steps: [
    ...map("0.0", "1.0"), "0 write 0.0 1.0 1", "0 mremap 0.0 1.0 2.0 fixed 4.0", "0 write 5.0 1.0 7", END,
  ] },
  "mremap there and back": { steps: [
    ...map("0.0", "1.0"), "0 write 0.0 1.0 1", "0 mremap 0.0 1.0 1.0 fixed 4.256", "0 mremap 4.256 1.0 1.0 fixed 0.0",
    "0 madvise 0.0 1.0 COLLAPSE", END,
  ] },
  "mremap of nothing, and to nothing": { steps: [
    ...map("0.0", "1.0"), "0 mremap 0.0 0.0 1.0 - 0.0", "0 mremap 0.0 1.0 0.0 - 0.0", "0 mremap 3.0 1.0 1.0 fixed 5.0",
    "0 mremap 0.0 1.0 1.0 unknown 0.0", END,
  ] },
  "mremap that may not move": { steps: [
    ...map("0.0", "1.0"), "0 mmap 1.0 1.0 r fixed", "0 mremap 0.0 1.0 2.0 - 0.0", "0 mremap 0.0 1.0 1.0 fixed-without-maymove 4.0",
    "0 mremap 0.0 1.0 1.0 dontunmap-without-maymove 4.0", END,
  ] },
  "mremap with DONTUNMAP, partial": { steps: [
    ...map("0.0", "2.0"), "0 write 0.0 2.0 1", "0 mremap 0.256 1.0 1.0 dontunmap 4.0", "0 write 0.0 2.0 7",
    "0 mremap 4.0 1.0 1.0 dontunmap 6.0", "0 mremap 0.0 1.0 2.0 dontunmap 6.0", END,
  ] },
  "mremap of an unfaulted area merges": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 mmap 3.0 1.0 rw fixed", "0 mremap 3.0 1.0 1.0 fixed 1.0", "0 write 1.0 0.1 1",
    "0 mremap 1.0 0.1 0.1 fixed 5.0", END,
  ] },
  "mremap of a shared area": { steps: [
    ...map("0.0", "2.0"), "0 write 0.0 2.0 1", "0 fork 1", "0 mremap 0.0 1.0 1.0 fixed 4.0", "1 mremap 1.0 1.0 1.0 fixed 5.100",
    "0 write 4.0 0.3 5", END, "1 contents",
  ] },

  "POPULATE_READ": { steps: [...map("0.0", "2.0"), "0 madvise 0.0 2.0 POPULATE_READ", "0 madvise 0.256 0.1 POPULATE_WRITE", END] },
  "POPULATE_WRITE": { steps: [...map("0.0", "2.0"), "0 madvise 0.256 1.0 POPULATE_WRITE", "0 madvise 0.256 1.0 POPULATE_READ", END] },
  "POPULATE of small pages": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 0.20 POPULATE_READ", "0 madvise 0.10 0.20 POPULATE_WRITE", END,
  ] },
  "POPULATE across a hole": { steps: [
    ...map("0.0", "2.0"), "0 munmap 0.500 0.3", "0 madvise 0.490 0.30 POPULATE_READ", "0 madvise 0.490 0.30 POPULATE_WRITE", END,
  ] },
  "POPULATE of what is protected": { steps: [
    "0 mmap 0.0 1.0 r fixed", "0 madvise 0.0 0.3 POPULATE_READ", "0 madvise 0.0 0.3 POPULATE_WRITE", "0 mprotect 0.0 0.256 none",
    "0 madvise 0.0 0.3 POPULATE_READ", "0 mprotect 0.0 0.256 w", "0 madvise 0.0 0.3 POPULATE_READ",
    "0 madvise 0.0 0.3 POPULATE_WRITE", END,
  ] },
  "POPULATE_READ makes a lazyfree page referenced": { steps: [
    ...map("0.0", "2.0"), "0 write 1.0 0.1 1", "0 madvise 1.0 0.1 FREE", "0 madvise 1.0 1.0 POPULATE_READ", "0 khugepaged", END,
  ] },

  "areas merge when their flags are equal again": { steps: [
    "0 mmap 0.0 1.0 rw fixed", "0 mprotect 0.100 0.10 r", "0 mprotect 0.200 0.10 r", "0 mprotect 0.110 0.90 r",
    "0 mprotect 0.100 0.110 rw", END,
  ] },
  "areas with different anon_vmas do not merge": { steps: [
    "0 mmap 0.0 0.10 rw fixed", "0 mmap 0.20 0.10 rw fixed", "0 write 0.0 0.10 1", "0 write 0.20 0.10 1",
    "0 mmap 0.10 0.10 rw fixed", END,
  ] },
  "an unfaulted area merges with a faulted one": { steps: [
    "0 mmap 0.0 0.10 rw fixed", "0 write 0.0 0.10 1", "0 mmap 0.10 0.10 rw fixed", "0 mmap 0.20 0.10 r fixed",
    "0 mprotect 0.20 0.10 rw", END,
  ] },
  "a forked area does not take in an unfaulted one": { steps: [
    "0 mmap 0.0 0.10 rw fixed", "0 write 0.0 0.10 1", "0 fork 1", "1 mmap 0.10 0.10 rw fixed", "0 mmap 0.10 0.10 rw fixed",
    "1 mprotect 0.0 0.10 r", "1 mprotect 0.0 0.10 rw", END, "1 contents",
  ] },
  "mmap over a huge page": { steps: [
    ...map("0.0", "2.0"), "0 write 0.0 2.0 1", "0 mmap 0.256 1.0 rw fixed", "0 mmap 1.300 0.10 r noreplace",
    "0 mmap 3.0 1.0 r noreplace", END,
  ] },
  "advice in the middle splits areas and huge pages": { steps: [
    ...map("0.0", "2.0"), "0 write 0.0 2.0 1", "0 madvise 0.256 1.0 NOHUGEPAGE", "0 madvise 0.256 1.0 HUGEPAGE",
    "0 madvise 0.0 2.0 DONTFORK", "0 madvise 0.100 0.1 DOFORK", "0 fork 1", END, "1 contents",
  ] },
  "advice across holes": { steps: [
    ...map("0.0", "1.0"), ...map("2.0", "1.0"), "0 write 0.0 1.0 1", "0 write 2.0 1.0 1", "0 madvise 0.0 3.0 DONTNEED",
    "0 madvise 0.0 3.0 FREE", "0 madvise 0.0 3.0 NOHUGEPAGE", "0 madvise 4.0 1.0 DONTNEED", "0 mprotect 0.0 3.0 r",
    "0 mprotect 1.0 1.0 r", END,
  ] },
  "advice about nothing": { steps: [
    ...map("0.0", "1.0"), "0 madvise 0.0 0.0 DONTNEED", "0 madvise 0.0 0.0 UNKNOWN", "0 madvise 0.0 1.0 UNKNOWN",
    "0 munmap 0.0 0.0", "0 mprotect 0.0 0.0 r", "0 mmap 1.0 0.0 rw fixed",
  ] },
  "a store that is not permitted": { steps: [
    "0 mmap 0.0 0.10 r fixed", "0 write 0.0 0.1 1", "0 mmap 0.10 0.10 none fixed", "0 read 0.8 0.4", "0 mmap 0.20 0.10 w fixed",
    "0 write 0.20 0.2 1", "0 read 0.20 0.2", "0 write 7.0 0.1 1",
  ] },
  "transhuge-stress": { steps: [
    ...map("0.0", "8.0"), ...Array.from({ length: 8 }, (_, i) => `0 write ${i}.${i} 0.1 ${i + 1}`), "0 madvise 0.0 8.0 DONTNEED",
    ...Array.from({ length: 8 }, (_, i) => `0 write ${i}.0 0.1 ${i + 9}`), END,
  ] },
  "MAP_STACK: no huge pages until they are asked for, and no merge with what may have them": { enabled: "always", steps: [
    "0 mmap 0.0 2.0 rw fixed stack", "0 mmap 2.0 1.0 rw fixed", "0 mmap 3.0 1.0 rw noreplace stack", "0 mmap 3.0 1.0 rw noreplace stack",
    "0 write 0.5 0.1 1", "0 write 2.5 0.1 1", "0 madvise 0.0 1.0 COLLAPSE", "0 madvise 0.0 1.0 HUGEPAGE", "0 madvise 0.0 1.0 COLLAPSE",
    "0 madvise 1.0 1.0 HUGEPAGE", END,
  ] },
};
