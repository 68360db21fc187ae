/** What anon-folio.test.ts asks for that no system call does: arguments in `k.call`, as for a system call. */
import type { Routine } from "thpcheck";
import { deferredSplitScan } from "../../impl/huge-memory/deferred-split-shrinker.ts";
import { anonEnabledStore } from "../../impl/sysfs.ts";
import type { SequentialKernel as K } from "../../impl/entry/sequential.ts";

/** One scan of the split queue; the folios that were split. */
export function* shrink(k: K): Routine<number> {
  return yield* deferredSplitScan(k);
}

/** Stores word `a1` to hugepages-<size>kB/enabled of order `a0`. */
export function* storeEnabled(k: K): Routine<number> {
  return yield* anonEnabledStore(k, k.call.a0.get(), k.call.a1.get());
}
