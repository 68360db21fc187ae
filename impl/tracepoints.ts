/**
 * Trace events that read the folio which they report, by the grain `trace`: such an event must come before the reference goes
 * that keeps the folio. What it reports can be wrong for good reasons; that the folio is free while it is read cannot.
 *
 * Events that give a folio's frame number alone read nothing of it (struct page lies in one array, CONFIG_SPARSEMEM_VMEMMAP):
 * all of include/trace/events/huge_memory.h, mm_lru_activate, mm_page_free. Not covered: page_ref_* (CONFIG_DEBUG_PAGE_REF), which
 * read the page after the operation that they report, though its reference may have been the last.
 */
import { at, type Routine } from "thpcheck";
import { vmBugOn } from "./bug.ts";
import { pageIsFree } from "./dead-object.ts";
import type { Kernel } from "./mm-types.ts";
import type { Pfn } from "./structs/types.ts";

/**
 * Reads the list and the flags.
 * @kernel include/trace/events/pagemap.h mm_lru_insertion, in mm/folio.c lru_add(); mm/swap.c before 7.3
 * @holds lru_lock, a reference
 */
export function* traceMmLruInsertion(k: Kernel, folio: Pfn): Routine {
  if (k.param.grainTrace.get() === 0) return;
  yield at("trace_mm_lru_insertion");
  vmBugOn(pageIsFree(k, folio), "use after free: the trace event mm_lru_insertion reads a page that has been freed");
}
