/** The deferred split queue: its length, and with the grain `lists` the words of its lists. */
import type { PropertyResult } from "thpcheck";
import { SPLIT_SCAN_PRIVATE_LIST } from "../enumerations.ts";
import type { Invariant } from "../invariant.ts";
import type { KernelView } from "../view.ts";
import { headsFolio } from "./page.ts";

/** Up to 6.18 a scan takes off the length only at its end what it has taken off its list. */
function scanIsBehind(v: KernelView): boolean {
  if (v.param.splitQueueScan.get() !== SPLIT_SCAN_PRIVATE_LIST) return false;
  for (let i = 0; i < v.splitList.count; i++) if (v.splitList.scanning.get(i) !== 0) return true;
  return false;
}

/** Somebody may be between two words of a list: under the lock, or in a removal without it. */
function listsEdited(v: KernelView): boolean {
  if (v.deferredSplit.lock.isHeld()) return true;
  for (let i = 0; i < v.splitList.count; i++) if (v.splitList.editing.get(i) !== 0) return true;
  return false;
}

function next(v: KernelView, node: number): number {
  const to = v.splitList.next.get(node);
  return to < 0 ? node : to;
}

/** The first node, if there is one, whose neighbour behind it does not name it, or which is on no list. */
function broken(v: KernelView): PropertyResult {
  const queue = v.splitList.count === 0 ? 0 : v.page.count / v.param.hpagePmdNr.get();
  for (let node = 0; node < v.splitList.count; node++) {
    const behind = next(v, node);
    const back = v.splitList.prev.get(behind);
    if ((back < 0 ? behind : back) !== node) {
      return { conjunct: "a node's next names it as prev", values: { node, next: behind, itsPrev: back } };
    }
    if (node >= queue || behind === node) continue;
    const folio = node * v.param.hpagePmdNr.get();
    if (v.page.order.get(folio) === 0 || !headsFolio(v, folio)) {
      return { conjunct: "what is on a list heads a large folio in use", values: { node, folio, order: v.page.order.get(folio) } };
    }
  }
  return true;
}

/** The members of the queue, found by its words, are those that count as queued; up to 6.18 some of them are on lists of scans. */
function membersAgree(v: KernelView): PropertyResult {
  if (v.splitList.count === 0) return true;
  const queue = v.page.count / v.param.hpagePmdNr.get();
  let found = 0;
  for (let node = next(v, queue); node !== queue; node = next(v, node)) {
    if (!v.page.deferred.get(node * v.param.hpagePmdNr.get())) {
      return { conjunct: "each member of the queue counts as queued", values: { node } };
    }
    found++;
  }
  let counted = 0;
  for (let node = 0; node < queue; node++) {
    if (!v.page.deferred.get(node * v.param.hpagePmdNr.get())) continue;
    counted++;
    if (next(v, node) === node) return { conjunct: "what counts as queued is on a list", values: { node } };
  }
  const elsewhere = v.param.splitQueueScan.get() === SPLIT_SCAN_PRIVATE_LIST;
  if (found === counted || (elsewhere && found < counted)) return true;
  return { conjunct: "what counts as queued is on the queue", values: { counted, found } };
}

export const deferredInvariants: readonly Invariant[] = [
  {
    id: "D3", name: "the split queue's length equals its members",
    why: "the shrinker reports it to reclaim",
    source: "mm/huge_memory.c deferred_split_folio()",
    excuse: (v) => v.deferredSplit.lock.isHeld() || scanIsBehind(v),
    holds: (v) => {
      let queued = 0;
      for (let i = 0; i < v.page.count; i++) if (v.page.deferred.get(i)) queued++;
      if (queued === v.deferredSplit.length.get()) return true;
      return { conjunct: "split_queue_len === folios on the queue", values: { counted: v.deferredSplit.length.get(), queued } };
    },
  },
  {
    id: "D4", name: "the split queue's lists are whole",
    why: "who follows a word of a corrupted list comes to memory that is somebody else's by now, or goes round for ever",
    source: "lib/list_debug.c __list_del_entry_valid_or_report(); excused under split_queue_lock, and in a removal without it",
    excuse: listsEdited,
    holds: (v) => {
      const found = broken(v);
      return found === true ? membersAgree(v) : found;
    },
  },
];
