/** Statistics: no part of the state, so that they split no states. */
import { array, int, struct } from "thpcheck";

const EVENTS_MAX = 0xffff_ffff;
const SCAN_STATUSES = 32;

/** How often each tracepoint of huge_memory was passed, by its status: SCAN_* of khugepaged/scan-result.ts. */
export function tracepoint() {
  return struct({
    khugepagedScanPmd: array(SCAN_STATUSES, int(0, EVENTS_MAX, "mm_khugepaged_scan_pmd", { role: "statistic" })),
    collapseHugePage: array(SCAN_STATUSES, int(0, EVENTS_MAX, "mm_collapse_huge_page", { role: "statistic" })),
  });
}

/** /proc/vmstat events. */
export function vmstat() {
  return struct({
    ...events(
      "thpFaultAlloc", "thpFaultFallback", "thpFaultFallbackCharge",
      "thpCollapseAlloc", "thpCollapseAllocFailed",
      "thpZeroPageAlloc", "thpZeroPageAllocFailed",
      "thpSplitPage", "thpSplitPageFailed", "thpDeferredSplitPage", "thpUnderusedSplitPage", "thpSplitPmd", "thpSwpoutFallback",
      "thpScanExceedNonePte", "thpScanExceedSwapPte", "thpScanExceedSharedPte",
      "pgfault", "pglazyfree", "pglazyfreed",
      "khugepagedPagesCollapsed", "khugepagedFullScans", "khugepagedResPagesCollapsed",
      "thpResAlloc", "thpResAllocFailed",
    ),
  });
}

type Events<N extends string> = { readonly [K in N]: ReturnType<typeof int> };

function events<const N extends string>(...names: readonly N[]): Events<N> {
  const counter = (name: N) => [name, int(0, EVENTS_MAX, `events: ${name}`, { role: "statistic" })];
  return Object.fromEntries(names.map(counter)) as Events<N>;
}
