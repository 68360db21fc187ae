/**
 * What a migration entry says, and its folio: include/linux/leafops.h, include/linux/swapops.h.
 *
 * Coarse, an entry has its rights where one that is present has them: WRITE, DIRTY and YOUNG. By the grain `migration`
 * (`config/grain.ts`) it has the kernel's own encoding: a type, which is a number, beside the frame number and two bits for
 * young and dirty. What is right for an entry that is present is then wrong for this one: to clear its WRITE bit makes no
 * writable entry readable.
 *
 *     bit 1..2  type: 0 SWP_MIGRATION_READ, 1 SWP_MIGRATION_READ_EXCLUSIVE, 2 SWP_MIGRATION_WRITE
 *     bit 3     SWP_MIG_YOUNG_BIT
 *     bit 5     MIGRATION
 *     bit 6     SWP_MIG_DIRTY_BIT
 *
 * By this grain the folio behind an entry is looked up as the kernel does, which asserts that it is locked.
 *
 * Not covered: that x86 stores the offset inverted. MIGRATION stands for a type that is neither swap nor device.
 */
import { at, type Routine } from "thpcheck";
import { vmBugOn } from "./bug.ts";
import type { Kernel } from "./mm-types.ts";
import { pageFolioLockless } from "./page-flags.ts";
import { DIRTY, EXCLUSIVE, MIGRATION, WRITE, YOUNG, entryHas, entryTarget, mkEntry } from "./pgtable.ts";
import type { Entry, Pfn } from "./structs/types.ts";

const SWP_MIGRATION_READ_EXCLUSIVE = 1 << 1;
const SWP_MIGRATION_WRITE = 2 << 1;
const SWP_MIG_YOUNG_BIT = 1 << 3;
const SWP_MIG_DIRTY_BIT = 1 << 6;
const TYPE = SWP_MIGRATION_READ_EXCLUSIVE | SWP_MIGRATION_WRITE;

function bit(set: boolean, flag: number): number {
  return set ? flag : 0;
}

/**
 * The entry that stands for a page which `old`, present, mapped.
 * @kernel include/linux/swapops.h make_writable_migration_entry() and its siblings, make_migration_entry_young(), _dirty()
 */
export function mkMigrationEntry(k: Kernel, page: Pfn, old: Entry, exclusive: boolean): Entry {
  if (k.param.grainMigration.get() === 0) {
    return mkEntry(page, MIGRATION | (old & (WRITE | DIRTY | YOUNG)) | (exclusive ? EXCLUSIVE : 0));
  }
  const type = entryHas(old, WRITE) ? SWP_MIGRATION_WRITE : exclusive ? SWP_MIGRATION_READ_EXCLUSIVE : 0;
  return mkEntry(page, MIGRATION | type | bit(entryHas(old, YOUNG), SWP_MIG_YOUNG_BIT) | bit(entryHas(old, DIRTY), SWP_MIG_DIRTY_BIT));
}

/** Mapped again, its page is neither writable nor exclusive. @kernel include/linux/swapops.h make_readable_migration_entry() */
export function readableMigrationEntry(k: Kernel, e: Entry): Entry {
  return k.param.grainMigration.get() === 0 ? e & ~(WRITE | EXCLUSIVE) : e & ~TYPE;
}

/**
 * Not writable any more, exclusive as before.
 * @kernel include/linux/swapops.h make_readable_exclusive_migration_entry(), mm/mprotect.c change_softleaf_pte()
 */
export function readableExclusiveMigrationEntry(k: Kernel, e: Entry): Entry {
  if (!migrationWrite(k, e)) return e;
  return k.param.grainMigration.get() === 0 ? (e & ~WRITE) | EXCLUSIVE : (e & ~TYPE) | SWP_MIGRATION_READ_EXCLUSIVE;
}

/** @kernel include/linux/leafops.h softleaf_is_migration_write() */
export function migrationWrite(k: Kernel, e: Entry): boolean {
  return k.param.grainMigration.get() === 0 ? entryHas(e, WRITE) : (e & TYPE) === SWP_MIGRATION_WRITE;
}
/** Writable, or exclusive without. @kernel include/linux/leafops.h softleaf_is_migration_read(), negated */
export function migrationExclusive(k: Kernel, e: Entry): boolean {
  return k.param.grainMigration.get() === 0 ? entryHas(e, WRITE) || entryHas(e, EXCLUSIVE) : (e & TYPE) !== 0;
}
/** @kernel include/linux/leafops.h softleaf_is_migration_young() */
export function migrationYoung(k: Kernel, e: Entry): boolean {
  return entryHas(e, k.param.grainMigration.get() === 0 ? YOUNG : SWP_MIG_YOUNG_BIT);
}
/** @kernel include/linux/leafops.h softleaf_is_migration_dirty() */
export function migrationDirty(k: Kernel, e: Entry): boolean {
  return entryHas(e, k.param.grainMigration.get() === 0 ? DIRTY : SWP_MIG_DIRTY_BIT);
}

/**
 * The folio behind the entry, which may be split at this moment: it is locked all the while that the entry stands.
 * @kernel include/linux/leafops.h softleaf_to_folio(), pfn_swap_entry_folio() before 7.0
 * @holds the lock of the entry's table; the grain `migration` is on
 */
export function* softleafToFolio(k: Kernel, e: Entry): Routine<Pfn> {
  yield at("softleaf_to_folio: page_folio");
  const folio: Pfn = pageFolioLockless(k, entryTarget(e));
  yield at("softleaf_to_folio: folio_test_locked");
  vmBugOn(!k.page.lock.isHeld(folio), "migration-entry: an entry stands for a folio that is not locked");
  return folio;
}
