/**
 * What can be seen after a step, as lines of numbers: the same lines from a real kernel (`agent/`) and from `impl/`.
 *
 *   r step value errno                        what the call returned; pages done for read and write
 *   c page content*pages first/pages ...      what was read from that page on: the same content, or contents that follow
 *                                             one another; 255: two halves of a page that do not belong together
 *   k delta ...                               counters, in the order of COUNTERS
 *   t kind status count                       how often a tracepoint was passed with a status; kinds are TRACEPOINTS
 *   n moved ...                               how much of each counter is known to be of others: while the step ran, and
 *                                             since the step before; a real kernel's only, and only if it is not nothing
 *   x                                         tracepoints cannot be had here
 *   v process start end prot hg nh dc wf rss anon huge lazyfree swap eligible      an area; sums in pages
 *   p process start pages flags frame mapcount                                     pages alike; flags are PAGE_*
 *   f process start pages order offset        folios that PTEs map (folios.ts), from the step `folios` on
 *   s kib value ...                           of the step `stats`: the files of STATS (beyond.ts) of a size, and the sum of the others
 *
 * Frames are numbered in the order in which they are met, 512 in a row for a huge page.
 */

import type { Kernel } from "../../impl/mm-types.ts";
import { OBSERVED_FLAGS } from "../../spec/view.ts";
import { STATS } from "./beyond.ts";
import { CONTENTS, HPAGE } from "./program.ts";

export const PAGE_PRESENT = 1;
export const PAGE_ZERO = 2;
/** Mapped by a PMD. */
export const PAGE_HUGE = 4;
/** Part of a huge page, however mapped. */
export const PAGE_LARGE = 8;
/** PageAnonExclusive: of small pages and of those mapped by a PMD; it cannot be seen of the others. */
export const PAGE_EXCLUSIVE = 32;
/** The same frame as before the step. */
export const PAGE_SAME = 128;
/** pagemap bit 56, of PTEs: the page's own mapcount is 1. The PMD's says something of the whole folio. */
export const PAGE_MAPPED_ONCE = 256;
type Word = readonly [bit: number, word: string];
const OTHER_WORDS: readonly Word[] = [
  [PAGE_ZERO, "zero page"], [PAGE_HUGE, "PMD-mapped"], [PAGE_LARGE, "THP"], [PAGE_EXCLUSIVE, "exclusive"],
  [PAGE_SAME, "same frame as before"], [PAGE_MAPPED_ONCE, "mapped once"], [512, "swapped out"],
];
/** Names of the flags, in the order of their bits. */
export const PAGE_WORDS: readonly Word[] = [...OTHER_WORDS, ...OBSERVED_FLAGS.map(({ bit, word }): Word => [bit, word])]
  .sort(([a], [b]) => a - b);

/** The files' names of the counters, in the order in which the agent reads them, and the same number in `impl/`. */
export const COUNTERS: readonly (readonly [name: string, of: (k: Kernel) => number])[] = [
  ["thp_fault_alloc", (k) => k.vmstat.thpFaultAlloc.get()],
  ["thp_fault_fallback", (k) => k.vmstat.thpFaultFallback.get()],
  ["thp_collapse_alloc", (k) => k.vmstat.thpCollapseAlloc.get()],
  ["thp_collapse_alloc_failed", (k) => k.vmstat.thpCollapseAllocFailed.get()],
  ["thp_split_page", (k) => k.vmstat.thpSplitPage.get()],
  ["thp_split_page_failed", (k) => k.vmstat.thpSplitPageFailed.get()],
  ["thp_deferred_split_page", (k) => k.vmstat.thpDeferredSplitPage.get()],
  ["thp_split_pmd", (k) => k.vmstat.thpSplitPmd.get()],
  ["thp_scan_exceed_none_pte", (k) => k.vmstat.thpScanExceedNonePte.get()],
  ["thp_scan_exceed_swap_pte", (k) => k.vmstat.thpScanExceedSwapPte.get()],
  ["thp_scan_exceed_share_pte", (k) => k.vmstat.thpScanExceedSharedPte.get()],
  ["thp_zero_page_alloc", (k) => k.vmstat.thpZeroPageAlloc.get()],
  ["nr_anon_transparent_hugepages", (k) => k.node.anonThps.get() / HPAGE],
  ["2048kB/anon_fault_alloc", (k) => k.vmstat.thpFaultAlloc.get()],
  ["2048kB/anon_fault_fallback", (k) => k.vmstat.thpFaultFallback.get()],
  ["2048kB/split", (k) => k.vmstat.thpSplitPage.get()],
  ["2048kB/split_failed", (k) => k.vmstat.thpSplitPageFailed.get()],
  ["2048kB/split_deferred", (k) => k.vmstat.thpDeferredSplitPage.get()],
  ["2048kB/nr_anon", (k) => k.node.nrAnon.get()],
  ["2048kB/nr_anon_partially_mapped", (k) => k.node.nrAnonPartiallyMapped.get()],
  ["khugepaged/pages_collapsed", (k) => k.vmstat.khugepagedPagesCollapsed.get()],
];
/** Counters of what there is now; the others only go up. */
const GAUGES: readonly string[] = ["nr_anon_transparent_hugepages", "2048kB/nr_anon", "2048kB/nr_anon_partially_mapped"];
/** By place in COUNTERS. */
export const isGauge = (counter: number): boolean => GAUGES.includes(COUNTERS[counter]![0]);
export const TRACEPOINTS = ["mm_khugepaged_scan_pmd", "mm_collapse_huge_page"];

export const ERRNO: Readonly<Record<number, string>> = {
  0: "0", 1: "EPERM", 3: "ESRCH", 11: "EAGAIN", 12: "ENOMEM", 14: "EFAULT", 16: "EBUSY", 17: "EEXIST", 22: "EINVAL",
};

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

const AREA_FIELDS = [
  "read/write", "VM_HUGEPAGE", "VM_NOHUGEPAGE", "VM_DONTCOPY", "VM_WIPEONFORK",
  "Rss", "Anonymous", "AnonHugePages", "LazyFree", "Swap", "THPeligible",
];

/** A line for people. */
export function lineToText(line: string): string {
  const [kind, ...words] = line.split(" ");
  const n = words.map(Number);
  switch (kind) {
    case "r": return n[2] === 0 ? `returned ${n[1]}` : `failed: ${ERRNO[n[2]!] ?? n[2]}`;
    case "c": return `from page ${words[0]}: ${words.slice(1).join(" ")}`;
    case "k": return `counters: ${changesToText(n)}`;
    case "n": return `others have moved: ${changesToText(n)}`;
    case "t": return `${TRACEPOINTS[n[0]!]}: ${words[1]}, ${words[2]} times`;
    case "v": return `process ${n[0]}: area ${n[1]}..${n[2]}: ${AREA_FIELDS.map((f, i) => `${f} ${words[i + 3]}`).join(", ")}`;
    case "f": return `process ${n[0]}: pages ${n[1]}..${n[1]! + n[2]!}: of folios of order ${n[3]}, from page ${n[4]} of the first on`;
    case "s": {
      const moved = n.slice(1).flatMap((by, i) => (by === 0 ? [] : [`${STATS[i] ?? "others"} ${by > 0 ? "+" : ""}${by}`]));
      return `hugepages-${n[0]}kB/stats: ${moved.join(", ") || "none"}`;
    }
    case "p": return `process ${n[0]}: pages ${n[1]}..${n[1]! + n[2]!}: ${flagsToText(n[3]!)}; frames from #${n[4]}, mapcount ${n[5]}`;
    default: return line;
  }
}
function changesToText(changes: readonly number[]): string {
  return changes.flatMap((d, i) => (d === 0 ? [] : [`${COUNTERS[i]?.[0]} ${d > 0 ? "+" : ""}${d}`])).join(", ") || "none";
}
function flagsToText(flags: number): string {
  return PAGE_WORDS.filter(([bit]) => (flags & bit) !== 0).map(([, word]) => word).join(", ");
}
