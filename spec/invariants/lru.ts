/** The LRU's lists, with the grain `lru`. */
import type { PropertyResult } from "thpcheck";
import type { Invariant } from "../invariant.ts";
import type { KernelView } from "../view.ts";

/** The number of lists: inactive and active, anon and file. */
const LRU_LISTS = 4;

/** In the order of enum lru_list. */
function listOf(v: KernelView, page: number): number {
  return (v.page.swapbacked.get(page) ? 0 : 2) + (v.page.active.get(page) ? 1 : 0);
}

function next(v: KernelView, node: number): number {
  const to = v.lruList.next.get(node);
  return to < 0 ? node : to;
}

/** The first node, if there is one, whose neighbour behind it does not name it. */
function wordsAgree(v: KernelView): PropertyResult {
  for (let node = 0; node < v.lruList.count; node++) {
    const behind = next(v, node);
    const back = v.lruList.prev.get(behind);
    if ((back < 0 ? behind : back) !== node) {
      return { conjunct: "a node's next names it as prev", values: { node, next: behind, itsPrev: back } };
    }
  }
  return true;
}

/** The members of a list, found by its words, have its flags, and its length counts their pages. */
function membersAgree(v: KernelView, lru: number): PropertyResult {
  let pages = 0;
  for (let node = next(v, v.page.count + lru); node !== v.page.count + lru; node = next(v, node)) {
    if (node >= v.page.count) return { conjunct: "a list leads to no other one", values: { lru, head: node - v.page.count } };
    if (!v.page.lru.get(node)) return { conjunct: "what is on a list has PG_lru", values: { lru, folio: node } };
    const named = listOf(v, node);
    if (named !== lru) return { conjunct: "a folio is on the list that its flags name", values: { lru, folio: node, named } };
    pages += 1 << v.page.order.get(node);
  }
  if (pages === v.lruSize.pages.get(lru)) return true;
  return { conjunct: "the length of a list counts its pages", values: { lru, pages, counted: v.lruSize.pages.get(lru) } };
}

/** With `membersAgree`: each folio that says so is on a list, since those that are on lists are as many. */
function allAreThere(v: KernelView): PropertyResult {
  let flagged = 0;
  let found = 0;
  for (let page = 0; page < v.page.count; page++) if (v.page.lru.get(page)) flagged++;
  for (let lru = 0; lru < LRU_LISTS; lru++) {
    const head = v.page.count + lru;
    for (let node = next(v, head); node !== head; node = next(v, node)) found++;
  }
  return flagged === found || { conjunct: "what has PG_lru is on a list", values: { flagged, found } };
}

export const lruInvariants: readonly Invariant[] = [
  {
    id: "U1", name: "a folio is on the list of the LRU that its flags name",
    why: "reclaim takes folios off by their flags: a wrong one makes the lengths of two lists wrong for ever, and balances by them",
    source: "include/linux/mm_inline.h lruvec_add_folio(), lruvec_del_folio(); excused under lru_lock",
    excuse: (v) => v.lruvec.lock.isHeld(),
    holds: (v) => {
      if (v.lruList.count === 0) return true;
      const words = wordsAgree(v);
      if (words !== true) return words;
      for (let lru = 0; lru < LRU_LISTS; lru++) {
        const members = membersAgree(v, lru);
        if (members !== true) return members;
      }
      return allAreThere(v);
    },
  },
];
