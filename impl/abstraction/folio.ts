/** The folio whose head a frame is: reference count, lock, mapping counts and LRU say it. */
import type { Kernel } from "../mm-types.ts";
import { entireMapcountOf, mapcountOf, pinsOf } from "../refcount/scheme.ts";
import type { Abstraction } from "./abstraction.ts";

const ABSENT = 0;
const OWNED = 1;
const MAPPED = 2;
const FROZEN = 3;
const RELEASED = 4;
const VALUES = ["absent", "owned", "mapped", "frozen", "released"];

/**
 * No folio begins at the frame: it heads a free block, or lies in the block or folio that an earlier frame heads. `head`
 * does not say it: a new folio's tails learn of their head one after the other.
 */
export function isNoHead(k: Kernel, pfn: number): boolean {
  if (k.page.buddy.get(pfn)) return true;
  for (let order = 1; order <= k.param.hpagePmdOrder.get(); order++) {
    const head = pfn & ~((1 << order) - 1);
    if (head !== pfn && k.page.order.get(head) >= order) return true;
  }
  return false;
}

/** On the LRU, or about to be: in the batch of a CPU. */
function onLru(k: Kernel, folio: number): boolean {
  if (k.page.lru.get(folio)) return true;
  for (let cpu = 0; cpu < k.cpu.count; cpu++) {
    for (let n = 0; n < k.param.lruBatch.get(); n++) if (k.cpu.lruBatch.get(cpu, n) === folio) return true;
  }
  return false;
}

function abstract(k: Kernel, folio: number): number {
  if (isNoHead(k, folio)) return ABSENT;
  const order = k.page.order.get(folio);
  const pmds = order > 0 ? entireMapcountOf(k, folio) : 0;
  const ptes = mapcountOf(k, folio) - pmds;
  const pins = pinsOf(k, folio);
  if (k.page.refcount.get(folio) === 0) {
    const frozen = k.page.lock.isHeld(folio) && k.page.dropped.get(folio) === 0;
    if (frozen) return number(k, FROZEN, order, pmds, ptes, pins, k.page.lru.get(folio) ? 1 : 0);
    return number(k, RELEASED, 0, pmds, ptes, pins, 0);
  }
  return number(k, pmds + ptes > 0 ? MAPPED : OWNED, order, pmds, ptes, pins, onLru(k, folio) ? 1 : 0);
}

/** The digits, in the order of `context` below. */
function number(k: Kernel, value: number, order: number, pmds: number, ptes: number, pins: number, lru: number): number {
  const orders = k.param.hpagePmdOrder.get() + 1;
  const mms = k.mm.count;
  const h = k.param.hpagePmdNr.get();
  return value + VALUES.length * (order + orders * (pmds + (mms + 2) * (ptes + (mms * h + 2) * (pins + (pinsMax(h) + 1) * lru))));
}
/** The most pins that a scheme counts, or more. */
export function pinsMax(pagesPerHugePage: number): number {
  return Math.max(7, pagesPerHugePage);
}

export const folioAbstraction: Abstraction = {
  machine: "folio", values: VALUES,
  context: [
    { name: "order", size: (c) => c.hpagePmdOrder + 1 },
    { name: "pmds", size: (c) => c.mms + 2 },
    { name: "ptes", size: (c) => c.mms * c.pagesPerHugePage + 2 },
    { name: "pins", size: (c) => pinsMax(c.pagesPerHugePage) + 1 },
    { name: "lru", size: () => 2, truth: true },
  ],
  abstract,
};
