/**
 * A counterexample with everything: all fields of the initial state, then a column for each thread, time downward, a row
 * wherever another thread takes over, and under each step its source line, the fields and locals that it changed, and
 * statistics. Then the broken promise, the conjunct that failed with its values, and who waits for what in a deadlock.
 *
 * The columns follow Lincheck's text traces; changed fields only follow TLC's -difftrace.
 */
import { basename } from "node:path";
import picocolors from "picocolors";
import { match } from "ts-pattern";
import type { ReplayedTrace, TraceRow } from "../result.ts";
import type { SourceFrame } from "../system.ts";
import { shortPath } from "../error-sentence.ts";
import { count } from "../numbers.ts";
import { loopBegins, loopEnds } from "./loop-text.ts";
import { promiseInWords } from "./promise-text.ts";
import type { Line, Style } from "./text-lines.ts";
import type { TraceView } from "./trace-view.ts";

/** Below this width of a column, columns are harder to read than one list. */
const LANE_WIDTH_MIN = 24;
const LANE_WIDTH_MAX = 64;
const GUTTER = 6;

/** The view as text, ending with a newline. */
export function renderFull(t: ReplayedTrace, view: TraceView): string {
  return new TraceRenderer(t, view).render();
}

/** `text` in pieces of at most `width`, broken at spaces where there are any; later pieces are indented by two more. */
export function wrap(text: string, width: number): string[] {
  const pieces: string[] = [];
  const indent = /^ */.exec(text)![0];
  let rest = text;
  // Each turn must take away more than the indent that it adds.
  while (rest.length > width && width > indent.length + 2) {
    const space = rest.lastIndexOf(" ", width);
    const cut = space > indent.length + 2 ? space : width;
    pieces.push(rest.slice(0, cut));
    rest = `${indent}  ${rest.slice(cut).trimStart()}`;
  }
  pieces.push(rest);
  return pieces;
}

class TraceRenderer {
  readonly #trace: ReplayedTrace;
  readonly #view: TraceView;
  readonly #paint: ReturnType<typeof picocolors.createColors>;
  /** Actors with a column, in the scenario's order; empty when the trace is shown as a list. */
  readonly #lanes: readonly string[];
  readonly #laneWidth: number;
  readonly #out: string[] = [];

  constructor(trace: ReplayedTrace, view: TraceView) {
    this.#trace = trace;
    this.#view = view;
    this.#paint = picocolors.createColors(view.color);
    const moving = new Set(trace.rows.map((r) => r.actor));
    const lanes = trace.actors.filter((a) => moving.has(a));
    const room = Math.floor((view.width - GUTTER - 3 * (lanes.length - 1)) / Math.max(1, lanes.length));
    this.#lanes = room >= LANE_WIDTH_MIN ? lanes : [];
    this.#laneWidth = Math.min(LANE_WIDTH_MAX, room >= LANE_WIDTH_MIN ? room : Math.max(LANE_WIDTH_MIN, view.width - GUTTER));
  }

  render(): string {
    const { trace } = this.#trace;
    this.#line(this.#paint.bold(`counterexample of ${trace.scenario}, ${count(trace.steps.length, "step")}`));
    this.#line("");
    this.#initial();
    if (trace.steps.length > 0) this.#laneHeads();
    this.#steps();
    this.#line("");
    this.#promise();
    this.#line("");
    this.#line("replay it with");
    this.#line(`  ${this.#view.replayCommand}`);
    return `${this.#out.join("\n")}\n`;
  }

  #line(text: string): void {
    this.#out.push(text.trimEnd());
  }

  #initial(): void {
    const { initial, rows } = this.#trace;
    const choices = rows[0]?.choices ?? [];
    const parts = [...choices.map((c) => `[${c}]`), ...initial.map((v) => `${v.name} = ${v.value}`)];
    if (parts.length === 0) return;
    for (const piece of wrap(`at first: ${parts.join(", ")}`, this.#view.width)) this.#line(this.#paint.dim(piece));
    this.#line("");
  }

  #laneHeads(): void {
    if (this.#lanes.length === 0) return;
    const pad = " ".repeat(GUTTER);
    this.#line(pad + this.#lanes.map((a) => this.#paint.bold(a.padEnd(this.#laneWidth))).join(" | "));
    this.#line(pad + this.#lanes.map(() => "-".repeat(this.#laneWidth)).join("-+-"));
  }

  #steps(): void {
    const { loop, steps } = this.#trace.trace;
    for (const row of this.#trace.rows.slice(1)) {
      if (row.index - 1 === loop) this.#line(this.#paint.yellow(`  ~~~~ ${loopBegins(loop)}`));
      if (row.switchReason !== null) this.#line(this.#paint.yellow(`  ~~~~ ${row.switchReason}; ${row.actor} runs`));
      this.#step(row);
    }
    if (loop !== null) this.#line(this.#paint.yellow(`  ~~~~ ${loopEnds(loop, steps.length)}`));
  }

  #step(row: TraceRow): void {
    const lane = this.#lanes.indexOf(row.actor ?? "");
    const before = lane < 0 ? "" : this.#lanes.slice(0, lane).map(() => `${" ".repeat(this.#laneWidth)} | `).join("");
    const after = lane < 0 ? "" : this.#lanes.slice(lane + 1).map(() => ` | ${" ".repeat(this.#laneWidth)}`).join("");
    let first = true;
    for (const line of this.#stepLines(row)) {
      for (const piece of wrap(line.text, this.#laneWidth)) {
        const gutter = first ? `${String(row.index).padStart(GUTTER - 2)}  ` : " ".repeat(GUTTER);
        this.#line(gutter + before + this.#styled(piece.padEnd(this.#laneWidth), line.style) + after);
        first = false;
      }
    }
  }

  #stepLines(row: TraceRow): Line[] {
    const choices = row.choices.length === 0 ? "" : ` [${row.choices.join(", ")}]`;
    const actor = this.#lanes.length === 0 ? `${row.actor}: ` : "";
    const lines: Line[] = [{ text: `${actor}${row.label}${choices}`, style: "bold" }];
    if (row.source !== null) lines.push({ text: this.#place(row.source), style: "dim" });
    for (const c of row.changes) lines.push({ text: change(c), style: "change" });
    // A step that stores what was there already is often the interesting one.
    if (row.changes.length === 0) lines.push({ text: "(changes no field)", style: "dim" });
    for (const s of row.statistics) lines.push({ text: `${s.name}: +${s.value}`, style: "dim" });
    return lines;
  }

  /** Routine, file and line; the file without its folder where a column has no room for more. */
  #place({ routine, file, line }: SourceFrame): string {
    const whole = `${routine} ${shortPath(file)}:${line}`;
    return whole.length <= this.#laneWidth ? whole : `${routine} ${basename(file)}:${line}`;
  }

  #styled(text: string, style: Style): string {
    return match(style)
      .with("plain", () => text)
      .with("bold", () => this.#paint.bold(text))
      .with("dim", () => this.#paint.dim(text))
      .with("change", () => this.#paint.cyan(text))
      .with("alarm", () => this.#paint.red(text))
      .exhaustive();
  }

  #paragraph(text: string, style: Style): void {
    for (const piece of wrap(text, this.#view.width)) this.#line(this.#styled(piece, style));
  }

  #promise(): void {
    const { property, message, explanation, waiting } = this.#trace;
    this.#paragraph(`broken: ${promiseInWords(property)}`, "alarm");
    this.#paragraph(`  ${message}`, "plain");
    if (explanation !== null) {
      const place = explanation.source === null ? "" : `  (${shortPath(explanation.source)})`;
      const failed = explanation.throws === undefined ? `this failed: ${explanation.conjunct}` : `it throws ${explanation.throws}`;
      this.#paragraph(`  ${failed}${place}`, "plain");
      for (const v of explanation.values) this.#paragraph(`    ${v.name} = ${v.value}`, "change");
    }
    for (const sentence of waiting) this.#paragraph(`  ${sentence}`, "plain");
  }
}

function change(c: TraceRow["changes"][number]): string {
  if (c.before === "") return `${c.name} = ${c.after}`;
  return c.after === "" ? `${c.name} ends (was ${c.before})` : `${c.name}: ${c.before} -> ${c.after}`;
}
