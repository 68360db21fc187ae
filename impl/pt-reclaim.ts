/** Empty page tables are freed where MADV_DONTNEED has emptied them: mm/pt_reclaim.c (CONFIG_PT_RECLAIM, since 6.14). */
import { at, NONE, spinLock, spinUnlock, type Routine } from "thpcheck";
import type { Kernel } from "./mm-types.ts";
import type { Entry, Mm, Table, Vpn } from "./structs/types.ts";
import { tlbRemoveTable } from "./mmu-gather.ts";
import { entryTarget, pmdTable, pteNone } from "./pgtable.ts";
import { pmdClearTable, pmdLockptr, pmdpGet, ptlOf } from "./pgtable-generic.ts";

/**
 * Frees the table of `vpn` if it is empty. It goes to the gather.
 *
 * The kernel first tries this while it still holds the table's lock after the zap. It comes here if it does not get
 * the PMD lock, or has dropped the table's lock in between. This way alone reaches the same states and more: another
 * thread may fill the table again before the PMD lock is taken.
 *
 * @kernel mm/pt_reclaim.c try_to_free_pte(), free_pte()
 * @holds mmap_lock or the VMA lock, for reading; a gather is open on this CPU
 */
export function* tryToFreePte(k: Kernel, mm: Mm, vpn: Vpn): Routine {
  yield* spinLock(k, pmdLockptr(k, mm));
  const pmd: Entry = pmdpGet(k, mm, vpn);
  let freed: Table = NONE;
  if (pmdTable(pmd)) {
    const table: Table = entryTarget(pmd);
    yield* spinLock(k, ptlOf(k, table));
    if (isEmpty(k, table)) {
      yield at("pmd_clear");
      freed = pmdClearTable(k, mm, vpn);
    }
    spinUnlock(k, ptlOf(k, table));
  }
  spinUnlock(k, pmdLockptr(k, mm));
  if (freed === NONE) return;
  tlbRemoveTable(k, freed);
  k.mm.nrPtes.add(mm, -1);
}

function isEmpty(k: Kernel, table: Table): boolean {
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) if (!pteNone(k.ptTable.pte.get(table, i))) return false;
  return true;
}
