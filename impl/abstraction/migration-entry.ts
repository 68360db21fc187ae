/** Migration entries of a page, in whatever table, since a table that nobody uses is empty; its folio must be locked. */
import { NONE } from "thpcheck";
import { type Kernel } from "../mm-types.ts";
import { MIGRATION, entryTarget, pteMigration } from "../pgtable.ts";
import { NO_STATE, type Abstraction } from "./abstraction.ts";

const ABSENT = 0;
const STANDING = 1;

function abstract(k: Kernel, page: number): number {
  const entries = entriesFor(k, page);
  if (entries === 0) return ABSENT;
  const head = k.page.head.get(page);
  return k.page.lock.isHeld(head === NONE ? page : head) ? STANDING + 2 * entries : NO_STATE;
}

function entriesFor(k: Kernel, page: number): number {
  let entries = 0;
  for (let table = 0; table < k.ptTable.count; table++) {
    for (let i = 0; i < k.param.hpagePmdNr.get(); i++) {
      const pte = k.ptTable.pte.get(table, i);
      if (pteMigration(pte) && entryTarget(pte) === page) entries++;
    }
  }
  return entries;
}

export const migrationEntryAbstraction: Abstraction = {
  machine: "migration-entry", values: ["none", "standing"],
  // One for each address space; while fork or mremap is between two tables, one more.
  context: [{ name: "entries", size: (c) => c.mms + 2 }],
  abstract,
  sees: { "ptTable.pte": MIGRATION },
};
