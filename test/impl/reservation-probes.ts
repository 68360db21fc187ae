/** Parts of reservations that no system call reaches by itself, for sequential runs. */
import { reservationsShrink } from "../../impl/thp-reservation/shrinker.ts";
import type { Routine } from "thpcheck";
import type { Pfn } from "../../impl/mm-types.ts";
import type { SequentialKernel } from "../../impl/sequential.ts";

/** Memory pressure: pages given back. */
export function* shrink(k: SequentialKernel): Routine<number> {
  const freed: Pfn = yield* reservationsShrink(k);
  return freed;
}
