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

/** Orders of folios that counters tell apart: 0 to that of the largest huge page. */
const ORDERS = 10;

/** hugepages-<size>kB/stats of every size, by order: events. The gauges there are in `thp.ts` and `zone.ts`. */
export function mthpStat() {
  return struct({
    ...eventsByOrder(
      "anonFaultAlloc", "anonFaultFallback", "anonFaultFallbackCharge",
      "split", "splitFailed", "splitDeferred", "swpout", "swpoutFallback", "swpin",
      "collapseAlloc", "collapseAllocFailed", "collapseExceedNonePte", "collapseExceedSwapPte", "collapseExceedSharedPte",
    ),
  });
}

/** /proc/vmstat events. */
export function vmstat() {
  return struct({
    ...events(
      "thpFaultAlloc", "thpFaultFallback", "thpFaultFallbackCharge",
      "thpCollapseAlloc", "thpCollapseAllocFailed",
      "thpZeroPageAlloc", "thpZeroPageAllocFailed",
      "thpSplitPage", "thpSplitPageFailed", "thpDeferredSplitPage", "thpUnderusedSplitPage", "thpSplitPmd",
      "thpSwpout", "thpSwpoutFallback",
      "thpScanExceedNonePte", "thpScanExceedSwapPte", "thpScanExceedSharedPte",
      "pgfault", "pgmajfault", "pswpin", "pswpout", "swpinZero", "swpoutZero", "pglazyfree", "pglazyfreed",
      "khugepagedPagesCollapsed", "khugepagedFullScans", "khugepagedResPagesCollapsed",
      "thpResAlloc", "thpResAllocFailed",
    ),
  });
}

type Events<N extends string> = { readonly [K in N]: ReturnType<typeof int> };

type EventsByOrder<N extends string> = { readonly [K in N]: ReturnType<typeof array<ReturnType<typeof int>>> };

function eventsByOrder<const N extends string>(...names: readonly N[]): EventsByOrder<N> {
  const counters = (name: N) => [name, array(ORDERS, int(0, EVENTS_MAX, `events by order: ${name}`, { role: "statistic" }))];
  return Object.fromEntries(names.map(counters)) as EventsByOrder<N>;
}

function events<const N extends string>(...names: readonly N[]): Events<N> {
  const counter = (name: N) => [name, int(0, EVENTS_MAX, `events: ${name}`, { role: "statistic" })];
  return Object.fromEntries(names.map(counter)) as Events<N>;
}
