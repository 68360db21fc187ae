/** Memory pressure takes every reservation at once, as the reviewer would have it. */
import type { Policy } from "./policy.ts";
import { rfcChoices } from "./rfc-choices.ts";

export const releaseAll: Policy = {
  ...rfcChoices, name: "release-all",
  why: "memory pressure drops every reservation at once",
  pressure: "all",
};
