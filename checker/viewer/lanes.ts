/** The steps: a lane for each thread, time downward, calls that fold, and a line wherever another thread takes over. */
import { h, type JSX } from "preact";
import type { PageData } from "../page/data.ts";
import { loopEnds } from "../report/loop-text.ts";
import type { CallNode, Stretch, TreePart } from "./call-tree.ts";

export interface LanesProps {
  readonly page: PageData;
  readonly stretches: readonly Stretch[];
  readonly selected: number;
  /** Keys of the calls that are open. */
  readonly open: ReadonlySet<string>;
  /** Steps that the search found. */
  readonly found: ReadonlySet<number>;
  readonly select: (step: number) => void;
  readonly toggle: (call: string) => void;
}

export function Lanes(props: LanesProps): JSX.Element {
  const { page, stretches } = props;
  const moving = page.program.actors.map((_, a) => a).filter((a) => stretches.some((s) => s.actor === a));
  const { choices, loop } = page.trace;
  const start = h(StepRow, { ...props, n: 0, depth: 0, label: "at first", tail: choices.map((c) => `[${c}]`).join(" "), place: "" });
  return h("div", { class: "lanes", style: `--lanes: ${Math.max(1, moving.length)}`, role: "list" },
    h("div", { class: "lane-heads" }, moving.map((a) => h("div", { class: "lane-head" }, page.program.actors[a]))),
    h("div", { class: "start" }, start),
    stretches.map((s) => h(StretchView, { ...props, stretch: s, lane: moving.indexOf(s.actor) })),
    loop === null ? null : h("div", { class: "switch" }, loopEnds(loop, page.trace.steps.length)));
}

function StretchView(props: LanesProps & { readonly stretch: Stretch; readonly lane: number }): JSX.Element {
  const { page, stretch, lane } = props;
  const { actors } = page.program;
  const why = stretch.switched === null ? "" : `${stretch.switched}; `;
  return h("div", { class: "stretch" },
    h("div", { class: "switch" }, `${why}${actors[stretch.actor]} runs`),
    h("div", { class: "lane", style: `--lane: ${lane + 1}` }, stretch.parts.map((part) => h(Part, { ...props, part, depth: 0 }))));
}

function Part(props: LanesProps & { readonly part: TreePart; readonly depth: number }): JSX.Element {
  const { part, depth, page } = props;
  if (typeof part !== "number") return h(Call, { ...props, call: part });
  const step = page.trace.steps[part - 1]!;
  const place = step.stack.at(-1);
  // A lane is narrow: the step's own view has the whole path.
  const where = place === undefined ? "" : `${place.routine} ${page.trace.sources[place.file]!.file.split("/").at(-1)!}:${place.line}`;
  const choices = step.choices.map((c) => `[${c}]`).join(" ");
  return h(StepRow, { ...props, n: part, depth, label: step.label, tail: choices, place: where });
}

function Call(props: LanesProps & { readonly call: CallNode; readonly depth: number }): JSX.Element {
  const { call, depth, open, toggle, selected } = props;
  const isOpen = open.has(call.key);
  const numbers = call.first === call.last ? `${call.first}` : `${call.first}-${call.last}`;
  const holds = !isOpen && selected >= call.first && selected <= call.last;
  return h("div", { class: "call" },
    h("button", {
      type: "button", class: `call-head${holds ? " holds" : ""}`, style: `--depth: ${depth}`, "aria-expanded": String(isOpen),
      onClick: () => { toggle(call.key); },
    }, h("span", { class: "fold" }, isOpen ? "▾" : "▸"), h("code", {}, call.text),
    isOpen ? null : h("span", { class: "dim" }, ` ${numbers}`)),
    isOpen ? call.parts.map((part) => h(Part, { ...props, part, depth: depth + 1 })) : null);
}

interface StepRowProps extends LanesProps {
  readonly n: number;
  readonly depth: number;
  readonly label: string;
  readonly tail: string;
  readonly place: string;
}

function StepRow({ n, depth, label, tail, place, selected, found, select, page }: StepRowProps): JSX.Element {
  const step = page.trace.steps[n - 1];
  const rank = step?.rank ?? 0;
  const alarm = step?.lines.some((l) => l.style === "alarm") === true ? " stale" : "";
  const { loop } = page.trace;
  const loops = loop !== null && n > loop ? " loops" : "";
  const name = `step rank${rank}${loops}${n === selected ? " selected" : ""}${found.has(n) ? " found" : ""}${alarm}`;
  return h("a", {
    class: name, href: `#step=${n}`, id: `row-${n}`, role: "listitem", style: `--depth: ${depth}`,
    "aria-current": n === selected ? "step" : undefined,
    onClick: (e: Event) => { e.preventDefault(); select(n); },
  }, h("span", { class: "number", title: loops === "" ? undefined : "part of the loop, which repeats for ever" }, String(n)),
  h("span", { class: "label" }, label, tail === "" ? null : h("span", { class: "choice" }, ` ${tail}`)),
  place === "" ? null : h("span", { class: "place" }, place));
}
