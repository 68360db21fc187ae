/** Where each thread stands, what keeps it from moving, and its locals. */
import { h, type JSX } from "preact";
import type { PageData, Standing } from "../page/data.ts";
import type { Moment } from "./moment.ts";

export function ThreadsView({ moment }: { readonly moment: Moment }): JSX.Element {
  const { page } = moment.story;
  const mover = page.trace.steps[moment.step - 1]?.actor;
  return h("section", { class: "threads" }, h("h3", {}, "Threads"),
    h("table", {}, h("tbody", {}, page.program.actors.map((name, a) => {
      const where = moment.facts.stands[a];
      return h("tr", { class: a === mover ? "mover" : "" },
        h("th", {}, name), h("td", {}, where === undefined ? "" : standing(page, where)),
        h("td", {}, h(Locals, { moment, owner: `${name}/` })));
    }))), h(Others, { moment }));
}

function standing(page: PageData, { label, place, lock, canMove, atRest }: Standing): string {
  const where = place === null ? "" : `, ${place.routine} ${page.trace.sources[place.file]!.file}:${place.line}`;
  if (label === null) return canMove ? "can move" : atRest ? "has ended" : "cannot move";
  if (canMove) return `before "${label}"${where}`;
  if (lock !== null) return `waits for ${lock}${where}`;
  return `${atRest ? "rests" : "waits"} at "${label}"${where}`;
}

function Locals({ moment, owner }: { readonly moment: Moment; readonly owner: string }): JSX.Element {
  const own = [...moment.facts.named].filter(([name]) => name.startsWith(owner));
  return h("span", {}, own.map(([name, value]) => h(Named, { moment, name, short: name.slice(owner.length), value })));
}

/** Of a system that is ready made: its whole state. */
function Others({ moment }: { readonly moment: Moment }): JSX.Element | null {
  const { actors } = moment.story.page.program;
  const others = [...moment.facts.named].filter(([name]) => !actors.some((a) => name.startsWith(`${a}/`)));
  if (others.length === 0) return null;
  return h("div", { class: "named" }, others.map(([name, value]) => h(Named, { moment, name, short: name, value })));
}

function Named({ moment, name, short, value }: { moment: Moment; name: string; short: string; value: string }): JSX.Element {
  const before = moment.factsBefore.named.get(name);
  const changed = moment.step > 0 && before !== value;
  const title = changed ? `before this step: ${before ?? "not there"}` : undefined;
  return h("span", { class: "local" }, `${short} = `,
    h("span", { class: `value${changed ? " changed" : ""}`, "data-named": name, title }, value));
}
