/** Page-table pages that exist: what they are, whose, and their entries. */
import type { Drawing } from "thpcheck";
import { TABLE_FREE } from "../impl/structs/page-table.ts";
import { cell, part, row, table, upTo } from "./figure.ts";
import type { KernelScene } from "./scene.ts";

export function pageTables(scene: KernelScene): Drawing {
  const { k } = scene;
  const used = upTo(k.ptTable.count).filter((t) => k.ptTable.state.get(t) !== TABLE_FREE || scene.isChanged("ptTable.state", t));
  const value = (field: string, t: number, n = 0): Drawing => cell(scene.value(`ptTable.${field}`, t, n));
  const rows = used.map((t) => row(`table ${t}`, value("state", t), value("mm", t), value("lock", t),
    upTo(k.param.hpagePmdNr.get()).map((n) => value("pte", t, n))));
  const entries = upTo(k.param.hpagePmdNr.get()).map((n) => cell(`entry ${n}`));
  return part("Page tables", rows.length === 0 ? [] : [table("tables", [row("", cell("is"), cell("of"), cell("ptl"), entries), rows])]);
}
