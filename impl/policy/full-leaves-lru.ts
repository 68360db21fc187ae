/** A reservation without unused pages has nothing to give, so the shrinker does not look at it. */
import type { Policy } from "./policy.ts";
import { rfcChoices } from "./rfc-choices.ts";

export const fullLeavesLru: Policy = {
  ...rfcChoices, name: "full-leaves-lru",
  why: "a fully used reservation leaves the shrinker's list",
  fullStaysOnLru: false,
};
