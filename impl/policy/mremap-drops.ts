/** A moved range loses its reservations, whatever its alignment. */
import type { Policy } from "./policy.ts";
import { rfcChoices } from "./rfc-choices.ts";

export const mremapDrops: Policy = {
  ...rfcChoices, name: "mremap-drops",
  why: "mremap drops reservations in place of moving them",
  movesWithMremap: false,
};
