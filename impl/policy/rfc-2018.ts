/** The RFC of November 2018 as it was posted, defects included. */
import type { Policy } from "./policy.ts";
import { rfcChoices } from "./rfc-choices.ts";

export const rfc2018: Policy = {
  ...rfcChoices, name: "rfc-2018",
  why: "the patch as it was posted in November 2018, with its defects",
  mechanism: "rfc-2018",
};
