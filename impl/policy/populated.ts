/** No memory is spent on what was never touched: a range becomes huge when all of it is in use. */
import type { Policy } from "./policy.ts";
import { rfcChoices } from "./rfc-choices.ts";

export const populated: Policy = {
  ...rfcChoices, name: "populated",
  why: "promote only what is in use to the last page",
  threshold: (pagesPerHugePage) => pagesPerHugePage,
};
