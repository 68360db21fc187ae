/** Every struct of a state: a list of fields, or a table with a row for each object. What every program has. */
import { h, type JSX } from "preact";
import type { FieldPlan } from "../program/layout.ts";
import type { Moment, Word } from "./moment.ts";
import { Value } from "./value.ts";

export function StructsView({ moment, open }: { readonly moment: Moment; readonly open: boolean }): JSX.Element | null {
  const { layout } = moment;
  if (layout === null) return null;
  // A field of one possible value is a constant of the program.
  const structs = Object.keys(layout.structs)
    .map((name) => ({ name, fields: layout.fields.filter((f) => f.struct === name && (f.bits > 0 || f.lockBase >= 0) && f.count > 0) }))
    .filter(({ fields }) => fields.length > 0);
  return h("section", { class: "structs" }, h("h3", {}, "Structs"),
    structs.map(({ name, fields }) => h(StructView, { moment, name, fields, open })));
}

interface StructProps {
  readonly moment: Moment;
  readonly name: string;
  readonly fields: readonly FieldPlan[];
}

function StructView({ moment, name, fields, open }: StructProps & { readonly open: boolean }): JSX.Element {
  const changed = fields.some((field) => wordsOf(field).some((word) => moment.isChanged(word)));
  return h("details", { open, class: changed ? "has-changes" : "", "data-struct": name },
    h("summary", {}, h("code", {}, name), changed ? h("span", { class: "changed" }, " changed") : null),
    fields[0]!.singleton ? h(Single, { moment, fields }) : h(Table, { moment, fields }));
}

function wordsOf(field: FieldPlan): Word[] {
  return Array.from({ length: field.count }, (_, i) => i).flatMap((i) => elements(field, i));
}

function elements(field: FieldPlan, i: number): Word[] {
  return Array.from({ length: field.length ?? 1 }, (_, j): Word => ({ field, i, j }));
}

/** The elements of a field, one after the other. */
function Cell({ moment, field, i }: { readonly moment: Moment; readonly field: FieldPlan; readonly i: number }): JSX.Element {
  return h("span", { class: field.length === null ? "" : "array" }, elements(field, i).map((word) => h(Value, { moment, word })));
}

function Single({ moment, fields }: Omit<StructProps, "name">): JSX.Element {
  return h("table", {}, h("tbody", {}, fields.map((field) =>
    h("tr", {}, h("th", { title: field.meaning }, field.field), h("td", {}, h(Cell, { moment, field, i: 0 }))))));
}

function Table({ moment, fields }: Omit<StructProps, "name">): JSX.Element {
  const count = fields[0]!.count;
  return h("div", { class: "wide" }, h("table", {}, h("tbody", {},
    h("tr", {}, h("th", {}, ""), fields.map((f) => h("th", { title: f.meaning }, f.field))),
    Array.from({ length: count }, (_, i) => h("tr", { key: i }, h("th", {}, String(i)),
      fields.map((field) => h("td", {}, h(Cell, { moment, field, i }))))))));
}
