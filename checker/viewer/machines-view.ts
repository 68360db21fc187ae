/** The machines that steps are held to: the state of each instance, those first that the step moved. */
import { h, type JSX } from "preact";
import type { Moment } from "./moment.ts";

interface Instance {
  readonly n: number;
  readonly machine: string;
  readonly title: string;
  readonly state: string | null;
  readonly before: string | null;
}

export function MachinesView({ moment }: { readonly moment: Moment }): JSX.Element | null {
  const { instances } = moment.story.page.program;
  if (instances.length === 0) return null;
  const all = instances.map(({ machine, title }, n): Instance =>
    ({ n, machine, title, state: moment.facts.machines[n] ?? null, before: moment.factsBefore.machines[n] ?? null }));
  const moved = all.filter((x) => x.state !== x.before);
  const machines = [...Map.groupBy(all, (x) => x.machine)];
  return h("section", { class: "machines" }, h("h3", {}, "Machines"),
    moved.length === 0 ? h("p", { class: "dim" }, "The step moves none.") : h("table", {}, h("tbody", {}, moved.map((x) =>
      h("tr", {}, h("th", {}, `${x.machine}, ${x.title}`), h("td", {}, inWords(x.before)), h("td", {}, "→"),
        h("td", {}, h(State, { instance: x })))))),
    machines.map(([name, own]) => h("details", {}, h("summary", {}, h("code", {}, name), ` ${own.length}`),
      h("table", {}, h("tbody", {}, own.map((x) => h("tr", {}, h("th", {}, x.title), h("td", {}, h(State, { instance: x })))))))));
}

function State({ instance: { n, state, before } }: { readonly instance: Instance }): JSX.Element {
  return h("span", { class: state === before ? "value" : "value changed", "data-instance": String(n) }, inWords(state));
}

const inWords = (state: string | null): string => state ?? "no state of the machine";
