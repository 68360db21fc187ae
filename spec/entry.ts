/** Page-table entries as the specification reads them: x86 flag bits, and a frame or table number above them. */
export const ENTRY_PRESENT = 1 << 0;
export const ENTRY_WRITE = 1 << 1;
/** Set by the hardware. */
export const ENTRY_YOUNG = 1 << 3;
export const ENTRY_DIRTY = 1 << 2;
export const ENTRY_SPECIAL = 1 << 4;
export const ENTRY_MIGRATION = 1 << 5;
export const ENTRY_LEAF = 1 << 7;
export const ENTRY_PROTNONE = 1 << 8;
export const ENTRY_TARGET_SHIFT = 9;

/**
 * The right to write that an entry has or, for migration, keeps. `encoded`: migration entries have the kernel's own encoding, by
 * the grain `migration`: bits 1 and 2 are a type, and 2 is SWP_MIGRATION_WRITE.
 */
export function permitsWrite(entry: number, encoded: boolean): boolean {
  return encoded && (entry & ENTRY_MIGRATION) !== 0 ? (entry & (3 << 1)) === 2 << 1 : (entry & ENTRY_WRITE) !== 0;
}
/** Names a slot of the swap device: of a PTE, not present. */
export function isSwapEntry(pte: number): boolean {
  return (pte & (ENTRY_LEAF | ENTRY_PRESENT | ENTRY_PROTNONE | ENTRY_MIGRATION)) === ENTRY_LEAF;
}
/** Maps a counted page: present for the kernel (with or without permission), and no zero page. */
export function mapsPage(pte: number): boolean {
  return (pte & (ENTRY_PRESENT | ENTRY_PROTNONE)) !== 0 && (pte & ENTRY_SPECIAL) === 0;
}
/** A huge mapping of a counted folio, invalidated or not; no migration entry. */
export function mapsHugePage(pmd: number): boolean {
  return (pmd & ENTRY_LEAF) !== 0 && (pmd & (ENTRY_MIGRATION | ENTRY_SPECIAL)) === 0;
}
/** A PMD that points to a table. */
export function pointsToTable(pmd: number): boolean {
  return (pmd & (ENTRY_PRESENT | ENTRY_LEAF)) === ENTRY_PRESENT;
}
export function target(entry: number): number {
  return entry >> ENTRY_TARGET_SHIFT;
}

/** States of a page-table page. */
export const TABLE_FREE = 0;
export const TABLE_PRIVATE = 1;
export const TABLE_LIVE = 2;
export const TABLE_DEPOSITED = 3;
export const TABLE_RCU = 4;

/** Whether the PTEs of a table count as mappings: it is live, or one operation holds it apart (a collapse). */
export function tableHoldsMappings(state: number): boolean {
  return state === TABLE_LIVE || state === TABLE_PRIVATE;
}
