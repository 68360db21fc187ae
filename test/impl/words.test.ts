/** What traces say of entries and tables is what `pgtable.ts` and the table states mean. */
import { expect, it } from "vitest";
import { DIRTY, EXCLUSIVE, LEAF, MIGRATION, PRESENT, PROTNONE, SPECIAL, WRITE, YOUNG, mkEntry } from "../../impl/pgtable.ts";
import * as table from "../../impl/structs/page-table.ts";
import * as ghosts from "../../impl/structs/ghosts.ts";
import * as mm from "../../impl/structs/mm.ts";
import * as vma from "../../impl/structs/vma.ts";
import {
  contentInWords, encodedPteInWords, entryInWords, flagsInWords, pmdInWords, tableStateInWords, valuesInWords,
} from "../../impl/structs/words.ts";
import { permitsWrite } from "../../spec/entry.ts";

it.each([
  [0, "none"],
  [mkEntry(5, PRESENT), "page 5 ro"],
  [mkEntry(5, PRESENT | WRITE | DIRTY | YOUNG), "page 5 rw dirty young"],
  [mkEntry(5, PROTNONE | DIRTY), "page 5 no access dirty"],
  [mkEntry(3, PRESENT | SPECIAL), "zero page 3 ro"],
  [mkEntry(3, MIGRATION), "migration entry of page 3"],
  [mkEntry(3, MIGRATION | WRITE), "migration entry of page 3 rw"],
  [mkEntry(3, MIGRATION | EXCLUSIVE), "migration entry of page 3 exclusive"],
  [mkEntry(0, LEAF | PRESENT | WRITE), "huge page 0 rw"],
  [mkEntry(0, LEAF | WRITE), "huge page 0 rw, invalidated"],
  [mkEntry(2, LEAF | PRESENT | SPECIAL | YOUNG), "huge zero page 2 ro young"],
])("entry %i is %s", (entry, words) => {
  expect(entryInWords(entry)).toBe(words);
});

it("a migration entry in its own encoding says its type, and the specification reads the right to write from it", () => {
  const types = [0, 1, 2].map((type) => mkEntry(3, MIGRATION | YOUNG | (type << 1)));
  expect(types.map(encodedPteInWords)).toEqual([
    "migration entry of page 3", "migration entry of page 3 exclusive", "migration entry of page 3 rw",
  ]);
  expect(types.map((e) => permitsWrite(e, true))).toEqual([false, false, true]);
  const present = mkEntry(3, PRESENT | WRITE);
  expect([encodedPteInWords(present), permitsWrite(present, true)]).toEqual(["page 3 rw", true]);
});

it("a PMD without LEAF points to a table", () => {
  expect(pmdInWords(mkEntry(2, PRESENT))).toBe("ptTable 2");
  expect(pmdInWords(mkEntry(0, LEAF | PRESENT))).toBe("huge page 0 ro");
  expect(pmdInWords(0)).toBe("none");
});

it("states of a table", () => {
  const { TABLE_FREE, TABLE_PRIVATE, TABLE_LIVE, TABLE_DEPOSITED, TABLE_RCU } = table;
  expect([TABLE_FREE, TABLE_PRIVATE, TABLE_LIVE, TABLE_DEPOSITED, TABLE_RCU].map(tableStateInWords))
    .toEqual(["free", "private", "live", "deposited", "waiting for RCU"]);
});

it("flags by their names", () => {
  expect([0, vma.VM_READ, vma.VM_READ | vma.VM_WRITE].map(flagsInWords(vma.VM_FLAG_NAMES))).toEqual(["0", "VM_READ", "VM_READ|VM_WRITE"]);
  // What a name says is the value that the module exports under it.
  const bits = (names: readonly string[], from: object): unknown[] => names.map((name) => (from as Record<string, unknown>)[name]);
  expect(bits(vma.VM_FLAG_NAMES, vma)).toEqual(vma.VM_FLAG_NAMES.map((_, bit) => 1 << bit));
  expect(bits(mm.MMF_NAMES, mm)).toEqual(mm.MMF_NAMES.map((_, bit) => 1 << bit));
});

it("stages by their names, and contents", () => {
  const values = (prefix: string, names: readonly string[]): unknown[] =>
    names.map((name) => (ghosts as unknown as Record<string, unknown>)[`${prefix}_${name.toUpperCase()}`]);
  expect(values("COLLAPSE", ghosts.COLLAPSE_STAGES)).toEqual(ghosts.COLLAPSE_STAGES.map((_, value) => value));
  expect(values("PROMOTION", ghosts.PROMOTION_STAGES)).toEqual(ghosts.PROMOTION_STAGES.map((_, value) => value));
  expect([0, 4, 99].map(valuesInWords(ghosts.COLLAPSE_STAGES))).toEqual(["idle", "isolated", "99"]);
  expect([0, 3, 4].map(contentInWords(4))).toEqual(["0", "3", "poison"]);
});
