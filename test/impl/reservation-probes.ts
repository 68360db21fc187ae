/** Parts of reservations that no system call reaches by itself, for sequential runs. */
import type { Routine } from "thpcheck";
import { collapseControl, type CollapseControl } from "../../impl/khugepaged/collapse-control.ts";
import type { ScanResult } from "../../impl/khugepaged/scan-result.ts";
import { mmapReadLock } from "../../impl/locking/mmap-lock.ts";
import type { Frames, Mm } from "../../impl/structs/types.ts";
import type { SequentialKernel } from "../../impl/entry/sequential.ts";
import { rfcPromote } from "../../impl/thp-reservation/rfc-2018-promote.ts";
import { reservationsShrink } from "../../impl/thp-reservation/shrinker.ts";

/** Memory pressure: pages given back. */
export function* shrink(k: SequentialKernel): Routine<number> {
  const freed: Frames = yield* reservationsShrink(k);
  return freed;
}

/** Promotes the range at `a1` of mm `a0` as if the scan had found reservation `a2`: the second half of the patch of 2018 alone. */
export function* promotesFound(k: SequentialKernel): Routine<number> {
  const mm: Mm = k.call.a0.get();
  yield* mmapReadLock(k, mm);
  const cc: CollapseControl = collapseControl(k, true);
  const result: ScanResult = yield* rfcPromote(k, mm, k.call.a1.get(), k.call.a2.get(), cc);
  return result;
}
