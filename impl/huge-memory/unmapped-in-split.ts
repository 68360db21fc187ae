/**
 * Mappings that go while a split has replaced others of the folio by migration entries. Of the specification: P21 does not
 * promise that such a folio is on the split queue, and no kernel routine decides anything by this.
 *
 * Who unmaps a page looks whether the folio is mapped in part then, and queues it. Two do so by counts in which the pages
 * that migration entries stand for are unmapped, and see none that is mapped: who zaps a migration entry does not come to the
 * reverse map at all, and who removes the last mapping takes the folio for unmapped. If the split fails after that, what is
 * left is mapped again (remap_page()), which queues nothing. So it is in Linux; the next unmapping, or a scan of underused
 * folios, makes up for it.
 *
 * And a split takes the folio off the queue for good. A part that is a large folio, of which pages had been unmapped before, is on
 * no queue: deferred_split_folio() is called for pages that are unmapped, not for pages that are mapped again.
 *
 * Nor is a folio queued of which pages are unmapped while it is in the swap cache: deferred_split_folio() looks for that.
 */
import { NONE } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import { migrationEntryLeft } from "../lost-function.ts";
import type { Kernel } from "../mm-types.ts";
import { folioNrPages, folioTestLarge } from "../page-flags.ts";
import { mapcountOf, pagesMappedByPtes } from "../refcount/scheme.ts";
import type { Pfn } from "../structs/types.ts";

const UNNOTED = "unmapped in split: a mapping that is gone cannot be noted";

/** @kernel mm/memory.c zap_nonpresent_ptes() */
export function noteZappedEntry(k: Kernel, page: Pfn): void {
  vmBugOn(!zapped(k, page), UNNOTED);
}

/** A mapping of the folio has been removed, by who does not hold its lock. @kernel mm/rmap.c __folio_remove_rmap() */
export function noteLastMapping(k: Kernel, folio: Pfn): void {
  vmBugOn(!removed(k, folio), UNNOTED);
}

/**
 * A large part of a folio that was split is mapped again: not all of it, where pages had been unmapped before.
 * @holds folio lock, a reference
 * @model see above
 */
export function noteTornPart(k: Kernel, part: Pfn): void {
  vmBugOn(!torn(k, part), UNNOTED);
}

/** A page of the folio is unmapped while it is in the swap cache. @kernel mm/huge_memory.c deferred_split_folio() */
export function noteUnmappedInCache(k: Kernel, folio: Pfn): void {
  vmBugOn(!zapped(k, folio), UNNOTED);
}

/**
 * The folio is split, or free. One flag serves two frames: while a small folio has the second of them, no large one begins at the
 * first. @model clears what was noted
 */
export function forgetUnmapped(k: Kernel, folio: Pfn): void {
  k.deferredSplit.unmappedInSplit.set(folio >> 1, false);
}

function zapped(k: Kernel, page: Pfn): boolean {
  const head = k.page.head.get(page);
  const folio = head === NONE ? page : head;
  if (k.page.order.get(folio) > 0) k.deferredSplit.unmappedInSplit.set(folio >> 1, true);
  return true;
}

function removed(k: Kernel, folio: Pfn): boolean {
  if (!folioTestLarge(k, folio) || !k.page.lock.isHeld(folio) || mapcountOf(k, folio) > 0) return true;
  if (!migrationEntryLeft(k, folio, folio + folioNrPages(k, folio))) return true;
  k.deferredSplit.unmappedInSplit.set(folio >> 1, true);
  return true;
}

function torn(k: Kernel, part: Pfn): boolean {
  const mapped = folioTestLarge(k, part) ? pagesMappedByPtes(k, part) : 0;
  if (mapped > 0 && mapped < folioNrPages(k, part) && !k.page.deferred.get(part)) k.deferredSplit.unmappedInSplit.set(part >> 1, true);
  return true;
}
