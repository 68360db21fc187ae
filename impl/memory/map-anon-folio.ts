/** A new anonymous folio comes into a page table by PTEs: for a first fault, and for khugepaged. */
import { at, type Routine } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import { PG_SWAPBACKED, pageFlagsNonatomic } from "../page-flag-word.ts";
import type { Kernel } from "../mm-types.ts";
import type { Pfn, Table, Vma, Vpn } from "../structs/types.ts";
import { VM_WRITE } from "../structs/vma.ts";
import { folioNrPages } from "../page-flags.ts";
import { folioRefAdd } from "../page-ref.ts";
import { DIRTY, mkPte, pteIndex, pteNone, setPteAt, WRITE } from "../pgtable.ts";
import { folioAddNewAnonRmap } from "../rmap.ts";
import { folioAddLru } from "../swap.ts";

/**
 * The allocation's reference becomes that of the first mapping. The entries are stores of their own: the hardware may see the
 * first ones before the others.
 *
 * @kernel mm/memory.c map_anon_folio_pte_nopf()
 * @holds the table's lock; all of these entries are none
 */
export function* mapAnonFolioPteNopf(k: Kernel, folio: Pfn, table: Table, vma: Vma, start: Vpn): Routine {
  if (folioNrPages(k, folio) > 1) {
    yield at("folio_ref_add");
    folioRefAdd(k, folio, folioNrPages(k, folio) - 1);
  }
  if (k.param.grainFlags.get() !== 0) yield* pageFlagsNonatomic(k, folio, 0, PG_SWAPBACKED);
  yield at("folio_add_new_anon_rmap");
  folioAddNewAnonRmap(k, folio, vma, start);
  yield* folioAddLru(k, folio);
  for (let i: Vpn = 0; i < folioNrPages(k, folio); i++) {
    yield at("set_ptes");
    const vmFlags = k.vma.flags.get(vma);
    const index = pteIndex(k, start + i);
    vmBugOn(!pteNone(k.ptTable.pte.get(table, index)), "memory: a new folio is mapped over what another entry maps");
    setPteAt(k, table, index, mkPte(folio + i, vmFlags) | ((vmFlags & VM_WRITE) !== 0 ? WRITE | DIRTY : 0));
  }
}
