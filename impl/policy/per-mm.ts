/** One table and one lock per address space: nothing to move when VMAs are split or merged. */
import type { Policy } from "./policy.ts";
import { rfcChoices } from "./rfc-choices.ts";

export const perMm: Policy = {
  ...rfcChoices, name: "per-mm",
  why: "one table per address space in place of one per area",
  container: "mm",
};
