/** The fault that reaches the threshold promotes the range, once it has let go of its locks. */
import type { Policy } from "./policy.ts";
import { rfcChoices } from "./rfc-choices.ts";

export const synchronous: Policy = {
  ...rfcChoices, name: "synchronous",
  why: "promote in the fault that reaches the threshold, not when khugepaged comes by",
  promotesInFault: true,
};
