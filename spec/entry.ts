/** Page-table entries as the specification reads them: x86 flag bits, and a frame or table number above them. */
export const ENTRY_PRESENT = 1 << 0;
export const ENTRY_WRITE = 1 << 1;
export const ENTRY_DIRTY = 1 << 2;
export const ENTRY_YOUNG = 1 << 3;
export const ENTRY_SPECIAL = 1 << 4;
export const ENTRY_MIGRATION = 1 << 5;
export const ENTRY_EXCLUSIVE = 1 << 6;
export const ENTRY_LEAF = 1 << 7;
export const ENTRY_PROTNONE = 1 << 8;
export const ENTRY_TARGET_SHIFT = 9;

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

/** An entry in words: `page 5 rw dirty`, `huge page 0 ro, invalidated`, `migration entry of page 3`, `none`. */
export function entryInWords(entry: number): string {
  if (entry === 0) return "none";
  const has = (flag: number): boolean => (entry & flag) !== 0;
  const zero = has(ENTRY_SPECIAL) ? "zero " : "";
  const page = `${has(ENTRY_LEAF) ? "huge " : ""}${zero}page ${target(entry)}`;
  if (has(ENTRY_MIGRATION)) {
    const kind = has(ENTRY_WRITE) ? " rw" : has(ENTRY_EXCLUSIVE) ? " exclusive" : "";
    return `migration entry of ${page}${kind}`;
  }
  const access = has(ENTRY_PROTNONE) ? "no access" : has(ENTRY_WRITE) ? "rw" : "ro";
  const bits = [has(ENTRY_DIRTY) ? "dirty" : "", has(ENTRY_YOUNG) ? "young" : ""].filter((b) => b !== "");
  const invalid = has(ENTRY_PRESENT | ENTRY_PROTNONE) ? "" : ", invalidated";
  return `${[page, access, ...bits].join(" ")}${invalid}`;
}

/** A PMD entry in words: where it points to a table, the table. */
export function pmdInWords(pmd: number): string {
  return pointsToTable(pmd) ? `ptTable ${target(pmd)}` : entryInWords(pmd);
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

const TABLE_STATES = ["free", "private", "live", "deposited", "waiting for RCU"];
export function tableStateInWords(state: number): string {
  return TABLE_STATES[state] ?? String(state);
}
