/** Memory pressure on reservations: the shrinker of either mechanism. */
import { type Routine } from "thpcheck";
import type { Kernel } from "../mm-types.ts";
import type { Frames } from "../structs/types.ts";
import { isRfc2018, isSafe } from "./container.ts";
import { rfcShrink } from "./rfc-2018-shrinker.ts";
import { safeShrink } from "./safe-shrinker.ts";

/**
 * One call of the shrinker.
 * @kernel mm/khugepaged.c thp_resvs_shrink_scan(), patch of 2018
 * @holds nothing
 * @returns pages given back
 */
export function* reservationsShrink(k: Kernel): Routine<Frames> {
  if (isRfc2018(k)) return yield* rfcShrink(k);
  if (isSafe(k)) return yield* safeShrink(k);
  return 0;
}
