/**
 * The words of the split queue's lists, for the grain `lists`: include/linux/list.h on `_deferred_list`.
 *
 * Operations under split_queue_lock are one step. Who looks without the lock reads one word, list_empty(), and nobody
 * changes a word of a folio that is on the queue without the lock. A scan takes a folio off its own list without it: that
 * is word by word (`listDelInitUnlocked`), and so is whatever can happen to a neighbour of that folio at the same time.
 */
import { NONE, at, current, emit, type Routine } from "thpcheck";
import { SPLIT_SCAN_PRIVATE_LIST } from "../../spec/enumerations.ts";
import { EV } from "../../spec/events.ts";
import { vmBugOn } from "../bug.ts";
import type { Kernel } from "../mm-types.ts";
import type { Pfn, SplitNode } from "../structs/types.ts";

// ---- which node is whose ---------------------------------------------------------------------------------------

/** The node of a folio of PMD size. @kernel include/linux/mm_types.h struct folio, _deferred_list */
export function deferredNode(k: Kernel, folio: Pfn): SplitNode {
  return folio / k.param.hpagePmdNr.get();
}
/** @kernel include/linux/list.h list_entry() */
export function folioOfNode(k: Kernel, node: SplitNode): Pfn {
  vmBugOn(node >= splitQueue(k), "list: a list head is taken for a folio");
  return node * k.param.hpagePmdNr.get();
}
/** The head of the queue. @kernel mm/huge_memory.c deferred_split_lru; split_queue before 7.2 */
export function splitQueue(k: Kernel): SplitNode {
  return k.param.frames.get() / k.param.hpagePmdNr.get();
}
/** The head of the list that a scan on this CPU has on its stack. @kernel include/linux/list.h LIST_HEAD() */
export function privateList(k: Kernel): SplitNode {
  return splitQueue(k) + 1 + current(k);
}

// ---- words -----------------------------------------------------------------------------------------------------

/** A word that names its own node is stored as NONE: each list has one form. */
function word(node: SplitNode, other: SplitNode): SplitNode {
  return other === node ? NONE : other;
}
/** @kernel include/linux/list.h list_next_entry() */
export function nextNode(k: Kernel, node: SplitNode): SplitNode {
  const next = k.splitList.next.once(node);
  return next === NONE ? node : next;
}
function prevNode(k: Kernel, node: SplitNode): SplitNode {
  const prev = k.splitList.prev.once(node);
  return prev === NONE ? node : prev;
}
/** One word, which may be read without the lock. @kernel include/linux/list.h list_empty() */
export function listEmpty(k: Kernel, node: SplitNode): boolean {
  return k.splitList.next.once(node) === NONE;
}

// ---- under the lock --------------------------------------------------------------------------------------------

function listAddBetween(k: Kernel, node: SplitNode, prev: SplitNode, next: SplitNode): void {
  k.splitList.prev.set(next, word(next, node));
  k.splitList.next.set(node, word(node, next));
  k.splitList.prev.set(node, word(node, prev));
  k.splitList.next.set(prev, word(prev, node));
}
function unlink(k: Kernel, node: SplitNode): void {
  const next = nextNode(k, node);
  const prev = prevNode(k, node);
  k.splitList.prev.set(next, word(next, prev));
  k.splitList.next.set(prev, word(prev, next));
}
/** @kernel include/linux/list.h list_add_tail() @holds split_queue_lock */
export function listAddTail(k: Kernel, node: SplitNode, head: SplitNode): void {
  listAddBetween(k, node, prevNode(k, head), head);
}
/**
 * Behind the head: a list that is filled like this is in the reverse order.
 * @kernel include/linux/list.h list_move()
 * @holds split_queue_lock
 */
export function listMove(k: Kernel, node: SplitNode, head: SplitNode): void {
  unlink(k, node);
  listAddBetween(k, node, head, nextNode(k, head));
}
/** @kernel include/linux/list.h list_del_init() @holds split_queue_lock */
export function listDelInit(k: Kernel, node: SplitNode): void {
  unlink(k, node);
  k.splitList.next.set(node, NONE);
  k.splitList.prev.set(node, NONE);
}
/**
 * All of `list` goes behind the last of `head`. The head of `list`, on a stack, is not used any more; it is reset here so
 * that it is no part of a state.
 * @kernel include/linux/list.h list_splice_tail()
 * @holds split_queue_lock
 */
export function listSpliceTail(k: Kernel, list: SplitNode, head: SplitNode): void {
  if (listEmpty(k, list)) return;
  const first = nextNode(k, list);
  const last = prevNode(k, list);
  const before = prevNode(k, head);
  k.splitList.prev.set(first, word(first, before));
  k.splitList.next.set(before, word(before, first));
  k.splitList.next.set(last, word(last, head));
  k.splitList.prev.set(head, word(head, last));
  k.splitList.next.set(list, NONE);
  k.splitList.prev.set(list, NONE);
}

// ---- word by word ----------------------------------------------------------------------------------------------

/**
 * The same as `listDelInit`, each word by itself. Two words of each neighbour are read and written, so neighbours must
 * stay where they are meanwhile: with the lock, or since the caller has references to them.
 *
 * list_empty() of the folio is asked by who wants to put it on the queue, under the lock. It becomes true with `next`, and
 * then somebody may add the folio, before `prev` is reset: so `next` comes last, which in Linux it does not.
 * @kernel include/linux/list.h list_del_init(), list_del_init_careful()
 */
export function* listDelInitUnlocked(k: Kernel, node: SplitNode): Routine {
  yield at("list_del_init: entry->next");
  const next: SplitNode = nextNode(k, node);
  yield at("list_del_init: entry->prev");
  const prev: SplitNode = prevNode(k, node);
  yield at("list_del_init: next->prev = prev");
  k.splitList.editing.set(privateList(k), 1);
  k.splitList.prev.setOnce(next, word(next, prev));
  yield at("list_del_init: prev->next = next");
  k.splitList.next.setOnce(prev, word(prev, next));
  if (k.param.splitQueueResetsNextFirst.get() !== 0) {
    yield at("list_del_init: entry->next = entry");
    k.splitList.next.setOnce(node, NONE);
    leaves(k, node);
    yield at("list_del_init: entry->prev = entry");
    k.splitList.prev.setOnce(node, NONE);
  } else {
    yield at("list_del_init: entry->prev = entry");
    k.splitList.prev.setOnce(node, NONE);
    yield at("list_del_init: entry->next = entry");
    k.splitList.next.setOnce(node, NONE);
    leaves(k, node);
  }
  k.splitList.editing.set(privateList(k), 0);
}

/** Up to 6.18 a folio on the list of a scan counts as queued, until now. */
function leaves(k: Kernel, node: SplitNode): void {
  if (k.param.splitQueueScan.get() !== SPLIT_SCAN_PRIVATE_LIST) return;
  k.page.deferred.setOnce(folioOfNode(k, node), false);
  emit(k, EV.FOLIO_UNDEFER, folioOfNode(k, node));
}
