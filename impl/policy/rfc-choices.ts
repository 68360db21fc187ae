/** The RFC's choices on the safe mechanism: what is left of the RFC once its defects are mended. */
import { half, type Policy } from "./policy.ts";

export const rfcChoices: Policy = {
  name: "rfc-choices",
  why: "the choices of the RFC of 2018, made by the safe mechanism",
  mechanism: "safe",
  threshold: half,
  container: "vma",
  reserves: () => true,
  promotesInFault: false,
  pressure: "oldest",
  afterFork: "parent",
  movesWithMremap: true,
  fullStaysOnLru: true,
};
