/** The lists of reclaim: include/linux/list.h, of folios. */
import { NONE, at, type Routine } from "thpcheck";
import type { Kernel } from "../mm-types.ts";
import { hasSwap } from "../page-flags.ts";
import type { Pfn } from "../structs/types.ts";

/**
 * Folios that one thread has isolated, in the order in which they are reclaimed. As in the kernel they are linked by the word
 * that the allocator links free blocks by: a folio with references is no free block. With swap they are by a word of their own.
 * NONE: there is none.
 * @kernel include/linux/mm_types.h struct folio, lru; struct page, buddy_list
 */
export interface FolioList {
  first: Pfn;
  last: Pfn;
}

function setNext(k: Kernel, folio: Pfn, next: Pfn): void {
  if (hasSwap(k)) k.isolated.next.set(folio, next);
  else k.page.next.setOnce(folio, next);
}
function takeNext(k: Kernel, folio: Pfn): number {
  if (!hasSwap(k)) return k.page.next.xchg(folio, NONE);
  const next = k.isolated.next.get(folio);
  k.isolated.next.set(folio, NONE);
  return next;
}

/** @kernel include/linux/list.h list_add() @holds the isolation of the folio */
export function* folioListAdd(k: Kernel, list: FolioList, folio: Pfn): Routine {
  if (list.first === NONE) list.first = folio;
  else {
    yield at("list_add");
    setNext(k, list.last, folio);
  }
  list.last = folio;
}
/** Before all others. @kernel include/linux/list.h list_add_tail(), where the tail is reclaimed first @holds the isolation */
export function* folioListAddNext(k: Kernel, list: FolioList, folio: Pfn): Routine {
  if (list.first === NONE) list.last = folio;
  else {
    yield at("list_add_tail");
    setNext(k, folio, list.first);
  }
  list.first = folio;
}
/** @kernel mm/vmscan.c lru_to_folio(), include/linux/list.h list_del() @returns the one that is next */
export function* folioListDel(k: Kernel, list: FolioList): Routine<Pfn> {
  const folio: Pfn = list.first;
  yield at("list_del");
  list.first = takeNext(k, folio);
  if (list.first === NONE) list.last = NONE;
  return folio;
}
