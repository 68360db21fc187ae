/** Parts of khugepaged that its test calls one by one: arguments in `k.call`, as for a system call. */
import { type Routine } from "thpcheck";
import { mmapReadLock, mmapReadUnlock } from "../../impl/locking/mmap-lock.ts";
import { collapseControl, type CollapseControl } from "../../impl/khugepaged/collapse-control.ts";
import { collapseHugePage } from "../../impl/khugepaged/collapse.ts";
import { collapseSinglePmd } from "../../impl/khugepaged/collapse-single-pmd.ts";
import { khugepagedEnterVma } from "../../impl/khugepaged/mm-slot.ts";
import type { ScanResult } from "../../impl/khugepaged/scan-result.ts";
import type { Mm, Vma, Vpn } from "../../impl/structs/types.ts";
import type { SequentialKernel as K } from "../../impl/entry/sequential.ts";
import { findVma } from "../../impl/vma-tree.ts";

/** Scan and collapse of the huge range at `a1` of mm `a0`; by khugepaged if `a2` is 1. */
export function* scanAndCollapse(k: K): Routine<ScanResult> {
  const mm: Mm = k.call.a0.get();
  yield* mmapReadLock(k, mm);
  const vma: Vma = findVma(k, mm, k.call.a1.get());
  const cc: CollapseControl = collapseControl(k, k.call.a2.get() === 1);
  const result: ScanResult = yield* collapseSinglePmd(k, mm, vma, k.call.a1.get(), cc);
  if (!cc.lockDropped) yield* mmapReadUnlock(k, mm);
  return result;
}

/** The collapse alone, as if a scan had just been content; `a3` is 1 where it saw non-present entries. */
export function* collapseUnscanned(k: K): Routine<ScanResult> {
  const mm: Mm = k.call.a0.get();
  const start: Vpn = k.call.a1.get();
  const cc: CollapseControl = collapseControl(k, k.call.a2.get() === 1);
  cc.unmapped = k.call.a3.get() === 1;
  return yield* collapseHugePage(k, mm, start, cc);
}

/** Registers mm `a0` with khugepaged, by its area at `a1`. */
export function* enter(k: K): Routine<ScanResult> {
  const mm: Mm = k.call.a0.get();
  yield* mmapReadLock(k, mm);
  const vma: Vma = findVma(k, mm, k.call.a1.get());
  yield* khugepagedEnterVma(k, vma);
  yield* mmapReadUnlock(k, mm);
  return 0;
}
