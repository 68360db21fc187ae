/** Parts of the kernel that no system call of a sequential run brings into the situation wanted: arguments in `k.call`. */
import { NONE, type Routine } from "thpcheck";
import { doCoredump } from "../../../impl/coredump.ts";
import { gupFast } from "../../../impl/gup.ts";
import { deferredSplitScan } from "../../../impl/huge-memory/deferred-split-shrinker.ts";
import { handleMmFault } from "../../../impl/memory.ts";
import type { Frames, Mm, Pfn, Vma, Vpn } from "../../../impl/structs/types.ts";
import { tlbFinishMmu, tlbGatherMmu, tlbRemovePage, tlbRemoveTlbEntry } from "../../../impl/mmu-gather.ts";
import { allocFolio } from "../../../impl/page-alloc.ts";
import type { CallResult, SequentialKernel as K } from "../../../impl/entry/sequential.ts";
import { findVma } from "../../../impl/vma-tree.ts";
import type { VmFaultReason } from "../../../impl/vm-fault.ts";

/** One fault for a load of page `a1` of mm `a0`. */
export function* loadFault(k: K): Routine<CallResult> {
  const vpn: Vpn = k.call.a1.get();
  const vma: Vma = findVma(k, k.call.a0.get(), vpn);
  const fault: VmFaultReason = yield* handleMmFault(k, vma, vpn, 0);
  return fault;
}

/** get_user_pages_fast() of page `a1` of mm `a0`, without the slow path behind it. @returns the page; NONE */
export function* fastOnly(k: K): Routine<CallResult> {
  const mm: Mm = k.call.a0.get();
  const page: Pfn = yield* gupFast(k, mm, k.call.a1.get(), 0);
  return page;
}

/** The shrinker looks at its queue. @returns folios split */
export function* shrink(k: K): Routine<CallResult> {
  const split: Frames = yield* deferredSplitScan(k);
  return split;
}

/** A core dump of the pages `a1` to `a2` - 1 of mm `a0`. */
export function* dumpsCore(k: K): Routine<CallResult> {
  const mm: Mm = k.call.a0.get();
  yield* doCoredump(k, mm, k.call.a1.get(), k.call.a2.get());
  return 0;
}

/** Gathers two new pages as if the first pages of mm `a0` had mapped them. @returns the pages that are free before the gather ends; NONE without memory */
export function* gatherTwoPages(k: K): Routine<CallResult> {
  const mm: Mm = k.call.a0.get();
  tlbGatherMmu(k);
  for (let n: Vpn = 0; n < 2; n++) {
    const page: Pfn = yield* allocFolio(k, 0, false);
    if (page === NONE) return NONE;
    tlbRemoveTlbEntry(k, n, n + 1);
    yield* tlbRemovePage(k, mm, page);
  }
  const free: CallResult = k.zone.freePages.get();
  yield* tlbFinishMmu(k, mm);
  return free;
}
