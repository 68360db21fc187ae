/**
 * The kernel's legitimate freedom: differences that are no disagreement. Each rule is narrow, says why it is right, and
 * counts what it suppresses.
 */

export const RULES = {
  "counters of others":
    "The counters of /proc/vmstat are the machine's. What khugepaged and MADV_COLLAPSE do to other address spaces is " +
    "told by their tracepoints and taken off. A counter that differs is measured again, up to four times: it agrees " +
    "if one of the runs gives what impl/ gives. If none does, it is excused where others were seen to move it in one " +
    "of these runs, while no step ran or by a tracepoint; and of a counter that only goes up Linux must say more in " +
    "every run, since others can only add.",
  "transient references":
    "A scan of pages that somebody else holds for a moment gives up with one of the statuses for which the kernel itself " +
    "advises to try again. On a host that somebody is kcompactd, kswapd, NUMA balancing, a kernel thread that drains a batch, or " +
    "DAMON, whose module damon_stat samples all memory from boot on in Debian's kernels. In guests DAMON and NUMA balancing are " +
    "off, compaction too unless --compaction asks for it, and kswapd has nothing to do; what remains is compaction for an " +
    "allocation, and kernel threads that drain a batch. The program is run again, up to four times; the run that was not " +
    "disturbed must agree in everything.",
  "sampled accesses":
    "DAMON and idle page tracking move accessed bits from the entries of one process to the folio, where khugepaged " +
    "sees them for all: it finds a page referenced that nobody it looks at has touched. The program is run again, up " +
    "to four times; the run in which that did not happen must agree in everything.",
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

/**
 * How many of all observations the rules together may let pass; above that a run fails. On a machine where others moved
 * counters in less than QUIET_STEPS of the steps, and on any other.
 */
export const SUPPRESSED_MAX = { quiet: 0.001, busy: 0.01 } as const;
export const QUIET_STEPS = 0.01;
/** A program by itself has few observations: so many are let pass in any run. */
export const SUPPRESSED_ALWAYS = 20;

/** What was compared in a run of the command. */
export interface Tally {
  readonly observations: number;
  /** On the real kernel, and how many of them others disturbed. */
  readonly steps: number;
  readonly disturbed: number;
}

export const suppressedBy = (rules: Suppressed): number => Object.values(rules).reduce((a, b) => a + b, 0);
export const isQuiet = ({ steps, disturbed }: Tally): boolean => disturbed <= steps * QUIET_STEPS;

/** Why the rules have let pass too much for the agreement to be worth something, or null. */
export function firedTooOften(suppressed: Suppressed, tally: Tally): string | null {
  const kind = isQuiet(tally) ? "quiet" : "busy";
  const total = suppressedBy(suppressed);
  const allowed = Math.max(SUPPRESSED_ALWAYS, tally.observations * SUPPRESSED_MAX[kind]);
  if (total <= allowed) return null;
  const limit = `on a ${kind} machine at most ${Math.floor(allowed)} may be`;
  return `the rules have let ${total} of ${tally.observations} observations pass; ${limit}`;
}
