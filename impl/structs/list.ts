/**
 * Lists whose words are words: struct list_head of include/linux/types.h. There is one table for each kind of list, and no
 * object in it unless the grain `lists` or `lru` is asked for (`config/grain.ts`). Guards: see `mm-types.ts`.
 */
import { array, int, ref, table } from "thpcheck";
import type { Bounds } from "../../spec/bounds.ts";
import { SPLIT_SCAN_BATCH } from "../../spec/enumerations.ts";
import type { GrainFlags } from "../config/grain.ts";
import type { SwitchValues } from "../config/release.ts";

/** Without the unevictable one. @kernel include/linux/mmzone.h NR_LRU_LISTS */
const LRU_LISTS = 4;

/**
 * Nodes of the split queue: the `_deferred_list` of each block that can be a huge page, in the order of the frames; then
 * the head of the queue; then, for each CPU, the head of the list that a scan has on its stack. NONE is the node itself, so
 * that memory that is zero is a list head that has been initialised.
 */
export function splitList(c: Bounds & GrainFlags) {
  return table(c.grainLists ? c.frames / c.pagesPerHugePage + 1 + c.cpus : 0, {
    next: ref("splitList", "_deferred_list.next; NONE: itself", { guard: "deferredSplit.lock" }),
    prev: ref("splitList", "_deferred_list.prev; NONE: itself", { guard: "deferredSplit.lock" }),
    /** Ghosts: of the heads of scans. */
    scanning: int(0, 1, "up to 6.18: the scan of the CPU whose head this is has folios that are still counted as queued",
      { role: "ghost", guard: "model" }),
    editing: int(0, 1, "the CPU whose head this is takes a folio off a list without the lock", { role: "ghost", guard: "model" }),
  });
}

/**
 * Nodes of the LRU's lists: the `lru` of each page, in the order of the frames; then the heads of the four lists. NONE is the
 * node itself.
 */
export function lruList(c: Bounds & GrainFlags) {
  return table(c.grainLru ? c.frames + LRU_LISTS : 0, {
    next: ref("lruList", "lru.next; NONE: itself", { guard: "lruvec.lock" }),
    prev: ref("lruList", "lru.prev; NONE: itself", { guard: "lruvec.lock" }),
  });
}

/** By list, in the order of enum lru_list. */
export function lruSize(c: Bounds & GrainFlags) {
  return table(c.grainLru ? LRU_LISTS : 0, {
    pages: int(0, c.frames, "NR_INACTIVE_ANON, NR_ACTIVE_ANON, NR_INACTIVE_FILE, NR_ACTIVE_FILE", { guard: "lruvec.lock" }),
  });
}

/** The array that a scan of the split queue has on the stack of each CPU, from 6.19 to 7.1: struct folio_batch. */
export function splitBatch(c: Bounds & GrainFlags & SwitchValues) {
  const used = c.grainLists && c.splitQueueScan === SPLIT_SCAN_BATCH;
  return table(used ? c.cpus : 0, {
    folios: array(c.frames / c.pagesPerHugePage, ref("page", "folios that the scan has taken, each with a reference", { guard: "cpu" })),
  });
}
