/**
 * The kernel's legitimate freedom: differences that are no disagreement. Each rule is narrow, says why it is right, and
 * counts what it suppresses.
 */

export const RULES = {
  "counters of others":
    "The counters of /proc/vmstat are the machine's. One that differs is measured again, up to four times: it agrees if one of the runs gives what impl/ gives, since other processes do not do the same thing at the same step in each run.",
  "transient references":
    "A scan of pages that somebody else holds for a moment (compaction, a kernel thread that drains a batch) gives up with one of the statuses for which the kernel itself advises to try again. The program is run again, up to four times; the run that was not disturbed must agree in everything.",
  "sampled accesses":
    "DAMON and idle page tracking move accessed bits from the entries of one process to the folio, where khugepaged sees them for all: it finds a page referenced that nobody it looks at has touched. The program is run again, up to four times; the run in which that did not happen must agree in everything.",
} as const;
export type RuleName = keyof typeof RULES;

/** Statuses of tracepoints that say: try again. @kernel mm/khugepaged.c madvise_collapse_errno(), -EAGAIN */
export const TRANSIENT: readonly string[] = ["not_suitable_page_count", "page_not_in_lru", "page_locked", "could_not_delete_page_from_lru"];

/** The status of a range without a page that was accessed lately. */
export const NOT_REFERENCED = "lack_referenced_page";

/** How many observations each rule has let pass. */
export type Suppressed = Partial<Record<RuleName, number>>;

export function addSuppressed(to: Suppressed, rule: RuleName, count: number): void {
  if (count > 0) to[rule] = (to[rule] ?? 0) + count;
}
