/** The selected step: what it did, and where it stands in the source. */
import { h, type JSX } from "preact";
import type { PageData, Place, StepData, TextLine } from "../page/data.ts";

export function Lines({ lines }: { readonly lines: readonly TextLine[] }): JSX.Element {
  return h("ul", { class: "lines" }, lines.map(({ text, style }) => h("li", { class: style }, text)));
}

export function StepView({ page, step: n }: { readonly page: PageData; readonly step: number }): JSX.Element {
  const step = page.trace.steps[n - 1];
  if (step === undefined) return h("section", { class: "step-view" }, h("h2", {}, "The initial state"), h("p", {}, page.program.why));
  const choices = step.choices.map((c) => ` [${c}]`).join("");
  return h("section", { class: "step-view" },
    h("h2", {}, `Step ${n}: `, h("b", {}, page.program.actors[step.actor]), `, ${step.label}${choices}`),
    step.switched === null ? null : h("p", { class: "switch-why" }, `${step.switched}; ${page.program.actors[step.actor]} runs`),
    step.lines.length === 0 ? h("p", { class: "dim" }, "It stores nothing.") : h(Lines, { lines: step.lines }),
    step.events.length === 0 ? null : h("p", { class: "events" }, h("span", { class: "dim" }, "announces "), step.events.join(", ")),
    step.statistics.length === 0 ? null : h("p", { class: "dim" }, `counts ${step.statistics.join(", ")}`),
    h(Source, { page, step }));
}

/** The calls that lead to the step, and the lines around its place. */
function Source({ page, step: { stack } }: { readonly page: PageData; readonly step: StepData }): JSX.Element | null {
  const innermost = stack.at(-1);
  if (innermost === undefined) return null;
  return h("div", { class: "source" },
    stack.slice(0, -1).map((place) => h("div", { class: "frame" }, h(Where, { page, place }), h(Line, { page, place }))),
    h("div", { class: "frame innermost" }, h(Where, { page, place: innermost }), h(Excerpt, { page, place: innermost })));
}

interface PlaceProps {
  readonly page: PageData;
  readonly place: Place;
}

function Where({ page, place: { routine, file, line } }: PlaceProps): JSX.Element {
  return h("span", { class: "place" }, `${routine} ${page.trace.sources[file]!.file}:${line}`);
}

function Line({ page, place: { file, line } }: PlaceProps): JSX.Element {
  return h("code", {}, (page.trace.sources[file]!.lines[line] ?? "").trim());
}

/** Lines of the excerpt on each side of the place. */
const AROUND = 3;

function Excerpt({ page, place: { file, line } }: PlaceProps): JSX.Element {
  const { lines } = page.trace.sources[file]!;
  const numbers = Array.from({ length: 2 * AROUND + 1 }, (_, n) => line - AROUND + n).filter((n) => lines[n] !== undefined);
  return h("pre", {}, numbers.map((n) =>
    h("div", { class: n === line ? "here" : "" }, h("span", { class: "number" }, String(n)), lines[n], "\n")));
}
