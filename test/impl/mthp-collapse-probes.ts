/** khugepaged's walk over the windows of a range, without a scan before it: arguments in `k.call`, as for a system call. */
import type { Routine } from "thpcheck";
import { isMthpV10 } from "../../impl/khugepaged/collapse-window.ts";
import { announceScan } from "../../impl/khugepaged/announce.ts";
import { collapseControl, type CollapseControl } from "../../impl/khugepaged/collapse-control.ts";
import { collapseScanBitmap } from "../../impl/khugepaged/collapse-scan-bitmap.ts";
import { mthpCollapse } from "../../impl/khugepaged/mthp-collapse.ts";
import type { ScanResult } from "../../impl/khugepaged/scan-result.ts";
import { mmapReadLock, mmapReadUnlock } from "../../impl/locking/mmap-lock.ts";
import type { Mm, Vpn } from "../../impl/structs/types.ts";
import type { SequentialKernel as K } from "../../impl/entry/sequential.ts";

/**
 * The walk over the range at `a1` of mm `a0`, as if a scan had just found every entry present and the orders `a2` enabled; `a3` is 1
 * where it saw non-present entries.
 */
export function* walkUnscanned(k: K): Routine<ScanResult> {
  const mm: Mm = k.call.a0.get();
  const start: Vpn = k.call.a1.get();
  const cc: CollapseControl = collapseControl(k, true);
  cc.unmapped = k.call.a3.get() === 1;
  announceScan(k, mm, start);
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) k.mthpScan.presentPtes.set(0, i, true);
  k.mthpScan.enabledOrders.set(0, k.call.a2.get());
  if (!isMthpV10(k)) return yield* mthpCollapse(k, mm, start, cc);
  for (let i = 0; i < k.param.hpagePmdNr.get() >> k.param.minLargeOrder.get(); i++) k.scanBitmap.chunks.set(0, i, true);
  yield* mmapReadLock(k, mm);
  const result: ScanResult = yield* collapseScanBitmap(k, mm, start, cc);
  if (!cc.lockDropped) yield* mmapReadUnlock(k, mm);
  return result;
}
