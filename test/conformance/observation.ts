/**
 * What can be seen after a step, as lines of numbers: the same lines from a real kernel (`agent/`) and from `impl/`.
 *
 *   r step value errno                        what the call returned; pages done for read and write
 *   c page content*pages first/pages ...      what was read from that page on: the same content, or contents that follow
 *                                             one another; 255: two halves of a page that do not belong together
 *   k delta ...                               counters, in the order of COUNTERS
 *   t kind status count                       how often a tracepoint was passed with a status; kinds are TRACEPOINTS
 *   x                                         tracepoints cannot be had here
 *   v process start end prot hg nh dc wf rss anon huge lazyfree swap eligible      an area; sums in pages
 *   p process start pages flags frame mapcount                                     pages alike; flags are PAGE_*
 *
 * Frames are numbered in the order in which they are met, 512 in a row for a huge page.
 */

import { CONTENTS } from "./program.ts";

export const PAGE_PRESENT = 1;
export const PAGE_ZERO = 2;
/** Mapped by a PMD. */
export const PAGE_HUGE = 4;
/** Part of a huge page, however mapped. */
export const PAGE_LARGE = 8;
export const PAGE_ANON = 16;
/** PageAnonExclusive: of small pages and of those mapped by a PMD; it cannot be seen of the others. */
export const PAGE_EXCLUSIVE = 32;
export const PAGE_SWAPBACKED = 64;
/** The same frame as before the step. */
export const PAGE_SAME = 128;
/** pagemap bit 56, of PTEs: the page's own mapcount is 1. The PMD's says something of the whole folio. */
export const PAGE_MAPPED_ONCE = 256;
const PAGE_WORDS: readonly (readonly [number, string])[] = [
  [PAGE_ZERO, "zero page"], [PAGE_HUGE, "PMD-mapped"], [PAGE_LARGE, "THP"], [PAGE_ANON, "anon"], [PAGE_EXCLUSIVE, "exclusive"], [PAGE_SWAPBACKED, "swapbacked"], [PAGE_SAME, "same frame as before"], [PAGE_MAPPED_ONCE, "mapped once"], [512, "swapped out"],
];

export const COUNTERS = [
  "thp_fault_alloc", "thp_fault_fallback", "thp_collapse_alloc", "thp_collapse_alloc_failed", "thp_split_page", "thp_split_page_failed", "thp_deferred_split_page",
  "thp_split_pmd", "thp_scan_exceed_none_pte", "thp_scan_exceed_swap_pte", "thp_scan_exceed_share_pte", "thp_zero_page_alloc", "nr_anon_transparent_hugepages",
  "2048kB/anon_fault_alloc", "2048kB/anon_fault_fallback", "2048kB/split", "2048kB/split_failed", "2048kB/split_deferred", "2048kB/nr_anon", "2048kB/nr_anon_partially_mapped",
  "khugepaged/pages_collapsed",
] as const;
export const TRACEPOINTS = ["mm_khugepaged_scan_pmd", "mm_collapse_huge_page"] as const;

export const ERRNO: Readonly<Record<number, string>> = { 0: "0", 1: "EPERM", 3: "ESRCH", 11: "EAGAIN", 12: "ENOMEM", 14: "EFAULT", 16: "EBUSY", 17: "EEXIST", 22: "EINVAL" };

/** A line of contents: what `pages.length` pages from `first` on hold. */
export function contentsLine(first: number, pages: readonly number[]): string {
  const out: string[] = [];
  for (let i = 0; i < pages.length;) {
    const follows = (by: number): number => {
      let n = 1;
      while (i + n < pages.length && pages[i + n] === (by === 0 ? pages[i]! : (pages[i + n - 1]! % CONTENTS) + 1)) n++;
      return n;
    };
    const same = follows(0);
    const rising = pages[i] === 0 ? 0 : follows(1);
    const n = Math.max(same, rising);
    out.push(`${pages[i]}${same >= rising ? "*" : "/"}${n}`);
    i += n;
  }
  return `c ${first} ${out.join(" ")}`;
}

/** The lines of each step. */
export type Observations = readonly (readonly string[])[];

const AREA_FIELDS = ["read/write", "VM_HUGEPAGE", "VM_NOHUGEPAGE", "VM_DONTCOPY", "VM_WIPEONFORK", "Rss", "Anonymous", "AnonHugePages", "LazyFree", "Swap", "THPeligible"];

/** A line for people. */
export function lineToText(line: string): string {
  const [kind, ...words] = line.split(" ");
  const n = words.map(Number);
  switch (kind) {
    case "r": return n[2] === 0 ? `returned ${n[1]}` : `failed: ${ERRNO[n[2]!] ?? n[2]}`;
    case "c": return `from page ${words[0]}: ${words.slice(1).join(" ")}`;
    case "k": return `counters: ${n.flatMap((d, i) => (d === 0 ? [] : [`${COUNTERS[i]} ${d > 0 ? "+" : ""}${d}`])).join(", ") || "none"}`;
    case "t": return `${TRACEPOINTS[n[0]!]}: ${words[1]}, ${words[2]} times`;
    case "v": return `process ${n[0]}: area ${n[1]}..${n[2]}: ${AREA_FIELDS.map((f, i) => `${f} ${words[i + 3]}`).join(", ")}`;
    case "p": return `process ${n[0]}: pages ${n[1]}..${n[1]! + n[2]!}: ${PAGE_WORDS.filter(([bit]) => (n[3]! & bit) !== 0).map(([, w]) => w).join(", ")}; frames from #${n[4]}, mapcount ${n[5]}`;
    default: return line;
  }
}
