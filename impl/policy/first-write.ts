/** The fix that was agreed on in the review: a range that is only read takes no memory. */
import type { Policy } from "./policy.ts";
import { rfcChoices } from "./rfc-choices.ts";

export const firstWrite: Policy = {
  ...rfcChoices, name: "first-write",
  why: "reserve on the first write, not when a read maps the zero page",
  reserves: (access) => access === "write",
};
