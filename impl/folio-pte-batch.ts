/** Several entries of a table at once, where they map one folio: mm/internal.h. */
import { at, type Routine } from "thpcheck";
import type { Kernel } from "./mm-types.ts";
import type { Entry, Pfn, PteIndex, Table, Vpn } from "./structs/types.ts";
import { folioNrPages, pageFolio } from "./page-flags.ts";
import { WRITE, entryTarget, isZeroPte, ptePresent } from "./pgtable.ts";

/**
 * How many entries from `first` on, at most `most`, map one page after the other of the folio that the first one maps. It
 * is `entry`, present and no zero page, read just now. Accessed, dirty and write bits may differ. Each further one is read on a
 * step of its own, since the hardware marks entries meanwhile.
 *
 * @kernel mm/internal.h folio_pte_batch()
 * @holds the table's lock
 */
export function* folioPteBatch(k: Kernel, table: Table, first: PteIndex, most: Vpn, entry: Entry): Routine<Vpn> {
  const limit: Vpn = pagesAhead(k, entryTarget(entry), most);
  let nr: Vpn = 1;
  while (nr < limit) {
    yield at("folio_pte_batch: pte");
    if (!goesOn(k, k.ptTable.pte.get(table, first + nr), entry, nr)) break;
    nr++;
  }
  return nr;
}

/** Pages of the folio from `page` on, at most `most`. */
function pagesAhead(k: Kernel, page: Pfn, most: number): number {
  const folio = pageFolio(k, page);
  return Math.min(most, folio + folioNrPages(k, folio) - page);
}

/** Whether `pte` maps the n-th page behind the one that `entry` maps. */
function goesOn(k: Kernel, pte: Entry, entry: Entry, n: number): boolean {
  return ptePresent(pte) && !isZeroPte(k, pte) && entryTarget(pte) === entryTarget(entry) + n;
}

/**
 * The same, of entries that are all writable or all not: who puts them back, or changes them together, gives none a right
 * that it did not have.
 *
 * @kernel mm/internal.h folio_pte_batch_flags() with FPB_RESPECT_WRITE
 * @holds the table's lock
 */
export function* folioPteBatchRespectWrite(k: Kernel, table: Table, first: PteIndex, most: Vpn, entry: Entry): Routine<Vpn> {
  const limit: Vpn = pagesAhead(k, entryTarget(entry), most);
  let nr: Vpn = 1;
  while (nr < limit) {
    yield at("folio_pte_batch: pte");
    const pte = k.ptTable.pte.get(table, first + nr);
    if (!goesOn(k, pte, entry, nr) || ((pte ^ entry) & WRITE) !== 0) break;
    nr++;
  }
  return nr;
}
