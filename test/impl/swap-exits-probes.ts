/** What swap does for a fault on the way, which no system call leaves there: arguments in `k.call`, as for a system call. */
import { NONE, record, type Routine } from "thpcheck";
import type { SequentialKernel as K } from "../../impl/entry/sequential.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { folioPut, folioUnlock } from "../../impl/swap.ts";
import { swapReadFolio } from "../../impl/swap/page-io.ts";
import { swapCacheAllocFolio, type SwapCacheAlloc } from "../../impl/swap/swap-state.ts";

/** A fault has read slot `a0` into the swap cache, and has a reference to the folio, which is returned. */
export function* readSlot(k: K): Routine<number> {
  const alloc: SwapCacheAlloc = record({ folio: NONE, error: 0 });
  yield* swapCacheAllocFolio(k, k.call.a0.get(), alloc);
  if (alloc.folio === NONE) return NONE;
  yield* swapReadFolio(k, alloc.folio);
  folioUnlock(k, alloc.folio);
  return alloc.folio;
}

/** It gives folio `a0` up. */
export function* putFolio(k: K): Routine<number> {
  const folio: Pfn = k.call.a0.get();
  yield* folioPut(k, folio);
  return 0;
}
