/** The author's answer to the review: a copy made for a shared page goes to a new reservation. */
import type { Policy } from "./policy.ts";
import { rfcChoices } from "./rfc-choices.ts";

export const forkFirstWriter: Policy = {
  ...rfcChoices, name: "fork-first-writer",
  why: "whoever breaks copy-on-write first gets a new reservation",
  afterFork: "first-writer",
};
