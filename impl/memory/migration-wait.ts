/** Waiting for a folio that is being split or moved: mm/migrate.c. */
import { at, current, NONE, spinLock, spinUnlock, type Routine } from "thpcheck";
import { joinFolioWaiters } from "../folio-wait.ts";
import { pageFolioLockless } from "../page-flags.ts";
import { softleafToFolio } from "../migration-entry.ts";
import type { Kernel } from "../mm-types.ts";
import type { Cpu, Entry, Mm, Pfn, Table, Vpn } from "../structs/types.ts";
import { entryTarget, pmdMigration, pteIndex, pteMigration } from "../pgtable.ts";
import { pmdLockptr, pmdpGet, pteOffsetMapLock, ptlOf } from "../pgtable-generic.ts";

/**
 * Waits until the folio behind the migration PTE at `vpn` is unlocked; returns at once if there is none any more. It
 * takes no reference, because that would make the split or migration fail. The entry keeps the folio until the
 * page-table lock is dropped. After that only the lock bit is read.
 *
 * @kernel mm/migrate.c migration_entry_wait(), mm/filemap.c migration_entry_wait_on_locked()
 * @holds the VMA lock or mmap_lock, for reading
 */
export function* migrationEntryWait(k: Kernel, mm: Mm, vpn: Vpn): Routine {
  const table: Table = yield* pteOffsetMapLock(k, mm, vpn);
  if (table === NONE) return;
  const entry: Entry = k.ptTable.pte.get(table, pteIndex(k, vpn));
  let folio: Pfn = NONE;
  if (pteMigration(entry) && k.param.grainMigration.get() !== 0) {
    const found: Pfn = yield* softleafToFolio(k, entry);
    folio = found;
  } else if (pteMigration(entry)) {
    // The folio may be split at this moment.
    yield at("pfn_swap_entry_folio");
    folio = pageFolioLockless(k, entryTarget(entry));
  }
  if (k.param.grainFlags.get() !== 0 && folio !== NONE) {
    const cpu: Cpu = current(k);
    yield at("folio_set_waiters");
    joinFolioWaiters(k, folio);
    // Linux looks at PG_locked again: it is set as long as the entry stands, which is until the lock is dropped.
    spinUnlock(k, ptlOf(k, table));
    yield at("io_schedule", () => k.folioWait.folio.once(cpu) === NONE);
    return;
  }
  spinUnlock(k, ptlOf(k, table));
  if (folio !== NONE) yield at("migration_entry_wait_on_locked", () => !k.page.lock.isHeld(folio));
}

/**
 * The same for a PMD migration entry.
 * @kernel mm/migrate.c pmd_migration_entry_wait()
 * @holds the VMA lock or mmap_lock, for reading
 */
export function* pmdMigrationEntryWait(k: Kernel, mm: Mm, vpn: Vpn): Routine {
  yield* spinLock(k, pmdLockptr(k, mm));
  const entry: Entry = pmdpGet(k, mm, vpn);
  const folio: Pfn = pmdMigration(entry) ? entryTarget(entry) : NONE;
  spinUnlock(k, pmdLockptr(k, mm));
  if (folio !== NONE) yield at("migration_entry_wait_on_locked", () => !k.page.lock.isHeld(folio));
}
