/** What the reviewer asked for: the least that can work, and everything dropped in every corner case. */
import { half, type Policy } from "./policy.ts";

export const gorman2018: Policy = {
  name: "gorman-2018",
  why: "the reviewer's simplification: one table per address space, reserve on the first write, drop on mremap, all go under pressure",
  mechanism: "safe",
  threshold: half,
  container: "mm",
  reserves: (access) => access === "write",
  promotesInFault: false,
  pressure: "all",
  afterFork: "parent",
  movesWithMremap: false,
  fullStaysOnLru: false,
};
