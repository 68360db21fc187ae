/** Several entries of a table at once, where they map one folio: mm/internal.h. */
import type { Kernel } from "./mm-types.ts";
import type { PteIndex, Table } from "./structs/types.ts";
import { folioNrPages, pageFolio } from "./page-flags.ts";
import { WRITE, entryTarget, entryZeroPage, ptePresent } from "./pgtable.ts";

/**
 * How many entries from `first` on, at most `most`, map one page after the other of the folio that the first one maps. It
 * is present and no zero page. Accessed, dirty and write bits may differ.
 *
 * @kernel mm/internal.h folio_pte_batch()
 * @holds the table's lock
 */
export function folioPteBatch(k: Kernel, table: Table, first: PteIndex, most: number): number {
  const page = entryTarget(k.ptTable.pte.get(table, first));
  const folio = pageFolio(k, page);
  const limit = Math.min(most, folio + folioNrPages(k, folio) - page);
  let nr = 1;
  while (nr < limit) {
    const pte = k.ptTable.pte.get(table, first + nr);
    if (!ptePresent(pte) || entryZeroPage(pte) || entryTarget(pte) !== page + nr) break;
    nr++;
  }
  return nr;
}

/**
 * The same, of entries that are all writable or all not: who puts them back, or changes them together, gives none a right
 * that it did not have.
 *
 * @kernel mm/internal.h folio_pte_batch_flags() with FPB_RESPECT_WRITE
 * @holds the table's lock
 */
export function folioPteBatchRespectWrite(k: Kernel, table: Table, first: PteIndex, most: number): number {
  const entry = k.ptTable.pte.get(table, first);
  const limit = folioPteBatch(k, table, first, most);
  let nr = 1;
  while (nr < limit && ((k.ptTable.pte.get(table, first + nr) ^ entry) & WRITE) === 0) nr++;
  return nr;
}
