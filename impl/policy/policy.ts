/**
 * What a reservation policy decides: plain values, and pure functions where the answer has cases. A kernel asks once,
 * when it is configured (`switches.ts`), and keeps the answers as constants. So no policy can read the state of a
 * running kernel, sleep, or be preempted, and the explorer never sees a call.
 *
 * What a policy cannot decide is what keeps memory intact: that a page is handed out once, that only pages of the
 * reservation are promoted, that counters follow. This is the mechanism's, of which there are two: `safe`, and
 * `rfc-2018`, the patch as it was posted.
 */

/** The mechanism: see impl/thp-reservation.ts. */
export type Mechanism = "safe" | "rfc-2018";
/** The object that has a reservation's table and lock. */
export type Container = "vma" | "mm";
/** What the first fault in a huge range does. */
export type Access = "read" | "write";
/** What the shrinker gives back at each call: every reservation, or the one that was used least lately. */
export type Pressure = "all" | "oldest";
/**
 * After fork: the parent keeps its reservations; nobody has any; or the parent keeps them, and the first process that
 * copies a shared page gets a reservation of its own to copy to.
 */
export type AfterFork = "parent" | "nobody" | "first-writer";

export interface Policy {
  readonly name: string;
  /** One sentence: whose idea, and what for. */
  readonly why: string;
  readonly mechanism: Mechanism;
  /** Pages of a huge range that must be in use before it becomes a huge page: 2..pagesPerHugePage. */
  readonly threshold: (pagesPerHugePage: number) => number;
  readonly container: Container;
  /** Does the first fault in a range reserve, if it is such an access? */
  readonly reserves: (access: Access) => boolean;
  /** Does the fault that reaches the threshold promote the range itself? khugepaged does it in any case. */
  readonly promotesInFault: boolean;
  readonly pressure: Pressure;
  readonly afterFork: AfterFork;
  /** Do reservations move along when mremap moves their range to an address of equal alignment? */
  readonly movesWithMremap: boolean;
  /** Is a reservation of which every page is used still looked at by the shrinker? */
  readonly fullStaysOnLru: boolean;
}

/** Half of the range, as the RFC's default; never below 2, since 1 turns reservations off. */
export function half(pagesPerHugePage: number): number {
  return Math.max(2, pagesPerHugePage / 2);
}
