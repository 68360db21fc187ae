/** Reservations of huge pages: each with its range, its block, and which of its pages were handed out. */
import type { Drawing } from "thpcheck";
import { cell, part, row, table, upTo } from "./figure.ts";
import type { KernelScene } from "./scene.ts";

export function reservations(scene: KernelScene): Drawing {
  const { k } = scene;
  const used = upTo(k.resv.count).filter((r) => k.resv.allocated.get(r) || scene.isChanged("resv.allocated", r));
  const value = (field: string, r: number): Drawing => cell(scene.value(`resv.${field}`, r));
  const rows = used.map((r) => row(`resv ${r}`, value("container", r), value("haddr", r), value("page", r), value("unused", r),
    cell(upTo(k.param.hpagePmdNr.get()).map((n) => [scene.value("resv.used", r, n), " "]))));
  const heads = ["container", "first page", "block", "unused", "handed out"].map((name) => cell(name));
  const gauge = figureOfGauge(scene);
  return part("Reservations", rows.length === 0 ? [] : [gauge, table("reservations", [row("", heads), rows])]);
}

const figureOfGauge = (scene: KernelScene): Drawing => ["NR_THP_RESERVED ", scene.value("node.thpReserved")];
