/** Parts of swap that no system call reaches by itself. */
import { NONE, type Routine } from "thpcheck";
import type { SequentialKernel as K } from "../../impl/entry/sequential.ts";
import { lruAddDrainAll } from "../../impl/swap.ts";
import { endSwapBioWrite } from "../../impl/swap/page-io.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { shrinkFrame } from "../../impl/vmscan.ts";

/** One write of the device ends. */
export function* writeEnds(k: K): Routine<number> {
  yield* endSwapBioWrite(k);
  return 0;
}

/** Reclaim comes to the folio of each frame. Returns how many it frees. */
export function* pressure(k: K): Routine<number> {
  yield* lruAddDrainAll(k);
  let freed: Pfn = 0;
  for (let folio: Pfn = 0; folio < k.page.count; folio++) {
    if (k.page.head.get(folio) !== NONE) continue;
    const n: Pfn = yield* shrinkFrame(k, folio);
    freed += n;
  }
  return freed;
}
