/**
 * What the counters of SCHEME_FOLIO say. Numbers are as in the kernel: `_mapcount` and its like start at -1.
 * @kernel include/linux/mm.h, include/linux/rmap.h
 */
import type { KernelView } from "../view.ts";

export const folioCounts = { mapcountOf, entireMapcountOf, pagesMappedByPtes, pinsOf, maybeShared };

function mapcountOf(v: KernelView, folio: number): number {
  return (v.page.order.get(folio) > 0 ? v.page.largeMapcount.get(folio) : v.page.mapcount.get(folio)) + 1;
}

function entireMapcountOf(v: KernelView, folio: number): number {
  return v.page.entireMapcount.get(folio) + 1;
}

function pagesMappedByPtes(v: KernelView, folio: number): number {
  return v.page.nrPagesMapped.get(folio);
}

function pinsOf(v: KernelView, folio: number): number {
  return v.page.pincount.get(folio);
}

function maybeShared(v: KernelView, folio: number): boolean {
  return v.page.maybeShared.get(folio);
}
