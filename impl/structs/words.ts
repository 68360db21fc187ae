/** Values in words, for traces: entries of page tables and TLBs, states of tables. No function of Linux: they print what structs hold. */
import { ENTRY_TARGET_SHIFT } from "../config/options.ts";

/** The flags of an entry, bit by bit. `pgtable.ts` declares them, above the structs; a test holds the two equal. */
const [PRESENT, WRITE, DIRTY, YOUNG, SPECIAL, MIGRATION, EXCLUSIVE, LEAF, PROTNONE] = [1, 2, 4, 8, 16, 32, 64, 128, 256] as const;

/** The hardware sets accessed and dirty bits in entries that have these: present ones; of PMDs, those that map a huge page. */
export const PTE_MARKS = PRESENT;
export const PMD_MARKS = PRESENT | LEAF;

/** A swap PTE names a slot: `swap slot 3 exclusive`. LEAF of what is not present, and no PMD. */
export function pteInWords(e: number): string {
  return isSwap(e) ? `swap slot ${e >> ENTRY_TARGET_SHIFT}${(e & EXCLUSIVE) !== 0 ? " exclusive" : ""}` : entryInWords(e);
}
const isSwap = (e: number): boolean => (e & (LEAF | PRESENT | PROTNONE | MIGRATION)) === LEAF;

/** `page 5 rw dirty`, `huge page 0 ro, invalidated`, `zero page 3 ro`, `migration entry of page 3 rw`, `none`. */
export function entryInWords(e: number): string {
  if (e === 0) return "none";
  const has = (flags: number): boolean => (e & flags) !== 0;
  const page = `${has(LEAF) ? "huge " : ""}${has(SPECIAL) ? "zero " : ""}page ${e >> ENTRY_TARGET_SHIFT}`;
  if (has(MIGRATION)) return `migration entry of ${page}${has(WRITE) ? " rw" : has(EXCLUSIVE) ? " exclusive" : ""}`;
  const access = has(PROTNONE) ? "no access" : has(WRITE) ? "rw" : "ro";
  const words = [page, access, ...(has(DIRTY) ? ["dirty"] : []), ...(has(YOUNG) ? ["young"] : [])];
  return `${words.join(" ")}${has(PRESENT | PROTNONE) ? "" : ", invalidated"}`;
}

/** The same with migration entries in their own encoding, by the grain `migration`: `../migration-entry.ts`. */
export function encodedPteInWords(e: number): string {
  if ((e & MIGRATION) === 0) return pteInWords(e);
  return `migration entry of page ${e >> ENTRY_TARGET_SHIFT}${["", " exclusive", " rw"][(e >> 1) & 3] ?? ""}`;
}

/** As an entry; where it points to a table, the table. */
export function pmdInWords(e: number): string {
  return (e & (PRESENT | LEAF)) === PRESENT ? `ptTable ${e >> ENTRY_TARGET_SHIFT}` : entryInWords(e);
}

/** Bits by name, the lowest first, `VM_READ|VM_WRITE`; 0 without any. */
export function flagsInWords(names: readonly string[]): (mask: number) => string {
  return (mask) => names.filter((_, bit) => ((mask >>> bit) & 1) !== 0).join("|") || "0";
}

/** Values by name, from 0 on. */
export function valuesInWords(names: readonly string[]): (value: number) => string {
  return (value) => names[value] ?? String(value);
}

/** What a page holds, of so many contents: a number, or what frees leave. */
export function contentInWords(contents: number): (content: number) => string {
  return (content) => (content === contents ? "poison" : String(content));
}

/** By the values TABLE_FREE to TABLE_RCU. */
export const tableStateInWords = valuesInWords(["free", "private", "live", "deposited", "waiting for RCU"]);
