/**
 * What a folio is split into, as one number that a split hands on.
 *
 *   uniform       parts of one order: 0 is single pages
 *   toward a page the folio is halved, then the half with the page, and so on down to the smallest order. The others stay as
 *                 large as they are then
 *
 *     order 3 toward page 5, to order 0:   [0 1 2 3] [4] {5} [6 7]
 *
 * Anonymous folios have no parts below the smallest order of a large folio but single pages, so these halvings are one step:
 * with orders from 2 on (as in Linux), a folio of order 2 becomes four pages.
 *
 * The number is 0 where huge pages of PMD size are the only large folios: they have no other parts, and it takes no room.
 */
import type { UpTo } from "thpcheck";
import type { Kernel } from "../mm-types.ts";
import type { Pfn } from "../structs/types.ts";
import { hasMiddleOrders, highestOrder } from "./orders.ts";

/** See above; `splitPartsMax` (impl/config/options.ts) is the largest. */
export type Parts = UpTo<"splitPartsMax">;

/** The order of a part; 0 where there are no others. */
export type PartOrder = UpTo<"partOrderMax">;

/** Single pages, all of them. */
export const SINGLE_PAGES = 0;

/** Orders that a number has room for: 0..HPAGE_PMD_ORDER. */
function orders(k: Kernel): number {
  return k.param.hpagePmdOrder.get() + 1;
}

/** Parts of this order. @kernel mm/huge_memory.c split_folio_to_order(), SPLIT_TYPE_UNIFORM */
export function uniformParts(order: number): number {
  return order;
}

/** Halves toward the page of this offset, down to `order`. @kernel mm/huge_memory.c folio_split(), SPLIT_TYPE_NON_UNIFORM */
export function partsToward(k: Kernel, order: number, offset: number): number {
  return hasMiddleOrders(k) ? order + orders(k) * (offset + 1) : SINGLE_PAGES;
}

/** @kernel mm/huge_memory.c enum split_type */
export function isUniform(k: Kernel, parts: number): boolean {
  return !hasMiddleOrders(k) || parts < orders(k);
}

/** The new_order of a split. @kernel mm/huge_memory.c __folio_split() */
export function smallestOrder(k: Kernel, parts: number): number {
  return hasMiddleOrders(k) ? parts % orders(k) : 0;
}

/** The page that a split goes toward, by its place in the folio. @kernel mm/huge_memory.c __folio_split(), split_at */
export function splitAt(k: Kernel, parts: number): number {
  return (parts - (parts % orders(k))) / orders(k) - 1;
}

/**
 * A folio of `order` can be split like this: into smaller folios, of orders that anonymous folios have, toward a page of its own.
 * @kernel mm/huge_memory.c __folio_split(), folio_check_splittable()
 */
export function canBeSplit(k: Kernel, order: number, parts: number): boolean {
  const smallest = smallestOrder(k, parts);
  if (smallest >= order || (smallest > 0 && smallest < k.param.minLargeOrder.get())) return false;
  return isUniform(k, parts) || splitAt(k, parts) < 1 << order;
}

/**
 * The order of the part that begins at `page`, when all is done: by where it lies, not by what the pages say.
 * @kernel include/linux/mm.h folio_next() after __split_unmapped_folio()
 */
export function partOrder(k: Kernel, folio: Pfn, page: Pfn, parts: number): number {
  const smallest = smallestOrder(k, parts);
  if (isUniform(k, parts)) return smallest;
  const apart = (page - folio) ^ splitAt(k, parts);
  if (apart < 1 << smallest) return smallest;
  // The half without the page, of the folio that both are in.
  const order = highestOrder(apart);
  return order < k.param.minLargeOrder.get() ? smallest : order;
}

/** Pages of that part. @kernel include/linux/mm.h folio_nr_pages() */
export function partPages(k: Kernel, folio: Pfn, page: Pfn, parts: number): number {
  return 1 << partOrder(k, folio, page, parts);
}
