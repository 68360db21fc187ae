/** Locks that are held or waited for, and by whom. */
import { h, type JSX } from "preact";
import type { Moment, Word } from "./moment.ts";
import { Value } from "./value.ts";

export function LocksView({ moment }: { readonly moment: Moment }): JSX.Element | null {
  const locks = (moment.layout?.fields ?? []).filter((f) => f.lockBase >= 0)
    .flatMap((field) => Array.from({ length: field.count }, (_, i): Word => ({ field, i, j: 0 })));
  const used = locks.filter((l) => moment.text(l) !== "free" || moment.isChanged(l) || moment.waiters(moment.name(l)).length > 0);
  if (locks.length === 0) return null;
  return h("section", { class: "locks" }, h("h3", {}, "Locks"),
    used.length === 0 ? h("p", { class: "dim" }, "All are free, and nobody waits.") : h("table", {}, h("tbody", {}, used.map((word) => {
      const waiters = moment.waiters(moment.name(word));
      return h("tr", {}, h("th", {}, moment.name(word)), h("td", {}, h(Value, { moment, word })),
        h("td", { class: waiters.length === 0 ? "" : "alarm" }, waiters.length === 0 ? "" : `${waiters.join(", ")} cannot take it`));
    }))));
}
