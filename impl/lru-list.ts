/**
 * The words of the LRU's four lists, for the grain `lru`: include/linux/mm_inline.h on `folio->lru`. A folio is on the list
 * that its flags name, and the length of that list counts its pages. So whoever changes one of these flags of a folio that is
 * on the LRU takes it off its list before, and adds it to the other one after.
 *
 * All of it happens under lru_lock, without which nobody looks at a word: an operation is one step.
 *
 * Not covered: the unevictable list; generations in place of active and inactive (CONFIG_LRU_GEN); lists by memory cgroup.
 */
import { NONE } from "thpcheck";
import { vmBugOn } from "./bug.ts";
import type { Kernel } from "./mm-types.ts";
import { folioNrPages } from "./page-flags.ts";
import type { Pfn } from "./structs/types.ts";

/** @kernel include/linux/mmzone.h enum lru_list; LRU_ACTIVE_ANON is 1, LRU_ACTIVE_FILE 3 */
export const LRU_INACTIVE_FILE = 2;
const LRU_ACTIVE = 1;

/** The head of a list. @kernel include/linux/mmzone.h struct lruvec, lists */
function head(k: Kernel, lru: number): number {
  return k.page.count + lru;
}

/** The list that the folio's flags name. @kernel include/linux/mm_inline.h folio_lru_list() */
export function folioLruList(k: Kernel, folio: Pfn): number {
  return (k.page.swapbacked.get(folio) ? 0 : LRU_INACTIVE_FILE) + (k.page.active.get(folio) ? LRU_ACTIVE : 0);
}

/** A word that names its own node is stored as NONE: memory that is zero is an empty list. */
function word(node: number, other: number): number {
  return other === node ? NONE : other;
}
function next(k: Kernel, node: number): number {
  return k.lruList.next.get(node) === NONE ? node : k.lruList.next.get(node);
}
function prev(k: Kernel, node: number): number {
  return k.lruList.prev.get(node) === NONE ? node : k.lruList.prev.get(node);
}

/** @kernel include/linux/list.h __list_add() */
function addBetween(k: Kernel, node: number, before: number, behind: number): void {
  vmBugOn(k.lruList.next.get(node) !== NONE, "lru-list: a folio is added to the LRU's lists twice");
  k.lruList.prev.set(behind, word(behind, node));
  k.lruList.next.set(node, word(node, behind));
  k.lruList.prev.set(node, word(node, before));
  k.lruList.next.set(before, word(before, node));
}
/** @kernel include/linux/list.h list_del(); lib/list_debug.c __list_del_entry_valid_or_report() */
function del(k: Kernel, node: number): void {
  const behind = next(k, node);
  const before = prev(k, node);
  vmBugOn(behind === node, "lru-list: a folio is taken off a list of the LRU that is on none");
  vmBugOn(prev(k, behind) !== node || next(k, before) !== node, "lru-list: list corruption: a neighbour does not name the folio");
  k.lruList.prev.set(behind, word(behind, before));
  k.lruList.next.set(before, word(before, behind));
  k.lruList.next.set(node, NONE);
  k.lruList.prev.set(node, NONE);
}

/** In front of the others. @kernel include/linux/mm_inline.h lruvec_add_folio() @holds lru_lock */
export function lruListAdd(k: Kernel, folio: Pfn): void {
  const lru = folioLruList(k, folio);
  addBetween(k, folio, head(k, lru), next(k, head(k, lru)));
  k.lruSize.pages.add(lru, folioNrPages(k, folio));
}

/** @kernel include/linux/mm_inline.h lruvec_del_folio() @holds lru_lock */
export function lruListDel(k: Kernel, folio: Pfn): void {
  del(k, folio);
  k.lruSize.pages.add(folioLruList(k, folio), -folioNrPages(k, folio));
}

/**
 * A page that is split off comes before the folio that it was part of; its list has counted it.
 * @kernel mm/huge_memory.c lru_add_split_folio()
 * @holds lru_lock
 */
export function lruListAddPart(k: Kernel, page: Pfn, folio: Pfn): void {
  addBetween(k, page, prev(k, folio), folio);
}

/**
 * The folio that a scan of the list looks at first; NONE where it is empty.
 * @kernel mm/vmscan.c lru_to_folio()
 * @holds lru_lock
 */
export function lruListTail(k: Kernel, lru: number): Pfn {
  const last = prev(k, head(k, lru));
  return last === head(k, lru) ? NONE : last;
}

/**
 * To the front of its list: the scan does not meet it again.
 * @kernel mm/vmscan.c isolate_lru_folios(): list_move()
 * @holds lru_lock
 */
export function lruListRotate(k: Kernel, folio: Pfn): void {
  const lru = folioLruList(k, folio);
  del(k, folio);
  addBetween(k, folio, head(k, lru), next(k, head(k, lru)));
}
