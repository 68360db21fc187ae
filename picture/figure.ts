/** Figures, in fewer words than the data that they are. */
import type { Drawing, Figure } from "thpcheck";

export function figure(tag: Figure["tag"], attributes: Omit<Figure, "tag" | "content">, ...content: readonly Drawing[]): Figure {
  return { tag, ...attributes, content };
}

/** A table: of each row the cells. */
export function table(name: string, rows: readonly Drawing[]): Figure {
  return figure("div", { class: "wide" }, figure("table", { class: name }, figure("tbody", {}, rows)));
}

/** A row of a heading and cells. */
export function row(heading: Drawing, ...cells: readonly Drawing[]): Figure {
  return figure("tr", {}, figure("th", {}, heading), cells);
}

export const cell = (...content: readonly Drawing[]): Figure => figure("td", {}, ...content);

/** A part of the picture; nothing where there is nothing in it. */
export function part(heading: string, content: readonly Drawing[]): Drawing {
  return content.length === 0 ? null : figure("section", {}, figure("h3", {}, heading), content);
}

/** 0 to n - 1. */
export const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
