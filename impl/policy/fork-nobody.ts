/** A fork drops the parent's reservations: shared pages cannot be promoted anyway. */
import type { Policy } from "./policy.ts";
import { rfcChoices } from "./rfc-choices.ts";

export const forkNobody: Policy = {
  ...rfcChoices, name: "fork-nobody",
  why: "nobody has a reservation after fork",
  afterFork: "nobody",
};
