/**
 * The default view of a counterexample: the steps that matter to the broken promise, each with what it wrote and the locks
 * it held; the others folded, a line for each stretch of one thread. Short traces keep a column for each thread.
 *
 * `VIEWS` are tried in order, each tighter than the one before, until one fits: at first within `LINES_WANTED` lines, else
 * within `LINES_MAX`.
 */
import { basename } from "node:path";
import picocolors from "picocolors";
import { shortPath } from "../error-sentence.ts";
import { count } from "../numbers.ts";
import type { ReplayedTrace, StoryStep, TraceRow, TraceStory } from "../result.ts";
import type { SourceFrame } from "../system.ts";
import { ranksOf, storyOfRows, type Rank } from "../trace/slice.ts";
import { promiseLines } from "./promise-text.ts";
import { packed, type Line, type Style } from "./text-lines.ts";
import type { TraceView } from "./trace-view.ts";

/** Half of all traces should need no more lines. */
export const LINES_WANTED = 45;
/** A screen or two: no trace should need more. */
export const LINES_MAX = 60;

/** Below this width of a column, columns are harder to read than one list. */
const LANE_WIDTH_MIN = 24;
const LANE_WIDTH_MAX = 64;
/** Before a step: its number; in a list, the numbers of a stretch, `113-157`. */
const GUTTER = 6;
const GUTTER_OF_LIST = 9;
/** Lines that the values of the initial state may take. */
const INITIAL_LINES_MAX = 3;
/** Lines that what else a step wrote may take. */
const OTHERS_LINES_MAX = 1;

/** How much is shown. */
interface Tightness {
  /** A column for each thread. */
  readonly lanes: boolean;
  /** Steps of this rank and those below it; null: every step. */
  readonly rank: Rank | null;
  /** Each word that the promise reads has a line of its own. */
  readonly loose: boolean;
}
const VIEWS: readonly Tightness[] = [
  { lanes: true, rank: null, loose: true },
  { lanes: false, rank: null, loose: true },
  { lanes: false, rank: 3, loose: true },
  { lanes: false, rank: 3, loose: false },
  { lanes: false, rank: 2, loose: false },
  { lanes: false, rank: 1, loose: false },
];

/** The view as text, ending with a newline. */
export function renderSlice(t: ReplayedTrace, story: TraceStory | null, view: TraceView): string {
  return `${sliceLines(t, story, view).join("\n")}\n`;
}

function sliceLines(t: ReplayedTrace, story: TraceStory | null, view: TraceView): readonly string[] {
  const told = story ?? storyOfRows(t);
  const tried: string[][] = [];
  for (const tightness of VIEWS) {
    const lines = new SliceRenderer(t, told, view, tightness).render();
    if (lines === null) continue;
    if (lines.length <= LINES_WANTED) return lines;
    tried.push(lines);
  }
  return tried.find((lines) => lines.length <= LINES_MAX) ?? tried.at(-1)!;
}

class SliceRenderer {
  readonly #trace: ReplayedTrace;
  readonly #story: TraceStory;
  readonly #view: TraceView;
  readonly #tightness: Tightness;
  readonly #paint: ReturnType<typeof picocolors.createColors>;
  readonly #ranks: ReadonlyMap<number, Rank>;
  /** Words that the promise reads. */
  readonly #read: ReadonlySet<string>;
  readonly #lanes: readonly string[];
  readonly #gutter: number;
  /** Characters for the text of a step. */
  readonly #room: number;
  readonly #out: string[] = [];
  /** A word did not fit a column: names are never cut. */
  #isTooNarrow = false;
  /** Threads whose routines have been named from the outermost on. */
  readonly #introduced = new Set<string>();

  constructor(trace: ReplayedTrace, story: TraceStory, view: TraceView, tightness: Tightness) {
    this.#trace = trace;
    this.#story = story;
    this.#view = view;
    this.#tightness = tightness;
    this.#paint = picocolors.createColors(view.color);
    this.#ranks = ranksOf(trace, story);
    this.#read = new Set(story.reads.map((r) => r.name));
    const moving = new Set(trace.rows.map((r) => r.actor));
    this.#lanes = tightness.lanes ? trace.actors.filter((a) => moving.has(a)) : [];
    this.#gutter = tightness.lanes ? GUTTER : GUTTER_OF_LIST;
    const gaps = 3 * Math.max(0, this.#lanes.length - 1);
    const lane = Math.floor((view.width - this.#gutter - gaps) / Math.max(1, this.#lanes.length));
    this.#room = tightness.lanes ? Math.min(LANE_WIDTH_MAX, lane) : Math.max(LANE_WIDTH_MIN, view.width - this.#gutter);
  }

  /** The lines; null where columns do not fit. */
  render(): string[] | null {
    const { trace, rows } = this.#trace;
    if (this.#tightness.lanes && this.#room < LANE_WIDTH_MIN) return null;
    const hidden = rows.slice(1).filter((row) => !this.#shows(row.index)).length;
    const folded = hidden === 0 ? "" : ` (${hidden} folded; --full shows all)`;
    this.#add(this.#paint.bold(`counterexample of ${trace.scenario}, ${count(trace.steps.length, "step")}`) + folded);
    this.#add("");
    this.#initial();
    this.#laneHeads();
    this.#steps();
    this.#add("");
    for (const line of promiseLines(this.#trace, this.#story, this.#view.width)) this.#add(this.#styled(line.text, line.style));
    this.#add("");
    this.#add("replay it with");
    this.#add(`  ${this.#view.replayCommand}`);
    return this.#isTooNarrow ? null : this.#out;
  }

  #add(text: string): void {
    this.#out.push(text.trimEnd());
  }

  #shows(step: number): boolean {
    const { rank } = this.#tightness;
    return rank === null || (this.#ranks.get(step) ?? 4) <= rank;
  }

  /** What was chosen at first, and the first values of what the promise reads and some step changes. */
  #initial(): void {
    const { rows } = this.#trace;
    const written = new Set(this.#story.reads.filter((r) => r.writer > 0).map((r) => r.name));
    const wanted = rows.length === 1 ? this.#read : written;
    const values = this.#story.initial.filter((v) => wanted.has(v.name)).map((v) => `${v.name} = ${v.value}`);
    const parts = [...(rows[0]?.choices ?? []).map((c) => `[${c}]`), ...values];
    if (parts.length === 0) return;
    const [first, ...rest] = parts;
    const lines = packed([`at first: ${first!}`, ...rest], ", ", this.#view.width, { max: INITIAL_LINES_MAX, what: "value" });
    for (const line of lines) this.#add(this.#paint.dim(line));
    this.#add("");
  }

  #laneHeads(): void {
    if (this.#lanes.length === 0 || this.#trace.rows.length === 1) return;
    const pad = " ".repeat(this.#gutter);
    this.#add(pad + this.#lanes.map((a) => this.#paint.bold(a.padEnd(this.#room))).join(" | "));
    this.#add(pad + this.#lanes.map(() => "-".repeat(this.#room)).join("-+-"));
    if (this.#lanes.some((a) => a.length > this.#room)) this.#isTooNarrow = true;
  }

  #steps(): void {
    let folded: TraceRow[] = [];
    const unfold = (): void => {
      if (folded.length > 0) this.#fold(folded);
      folded = [];
    };
    for (const row of this.#trace.rows.slice(1)) {
      const isFirst = row.index === 1 && this.#lanes.length === 0;
      if (row.switchReason !== null || isFirst) {
        unfold();
        const reason = row.switchReason === null ? "" : `${row.switchReason}; `;
        this.#add(this.#paint.yellow(`  ~~~~ ${reason}${row.actor} runs`));
      }
      if (this.#shows(row.index)) {
        unfold();
        this.#step(row);
      } else folded.push(row);
    }
    unfold();
    const { loop } = this.#trace.trace;
    if (loop !== null) this.#add(this.#paint.yellow(`  ~~~~ from here the trace repeats from state ${loop}, forever`));
  }

  /** Steps of one thread that are not shown: where it was, and the locks that it took and gave back. */
  #fold(rows: readonly TraceRow[]): void {
    const steps = rows.map((row) => this.#story.steps[row.index - 1]!);
    const [first, last] = [rows[0]!.index, rows.at(-1)!.index];
    const number = first === last ? `${first}` : `${first}-${last}`;
    const locks = netLocks(steps);
    const tail = locks === "" ? "" : `: ${locks}`;
    const path = this.#path(rows[0]!.actor!, steps);
    const gutter = `${number.padStart(this.#gutter - 2)}  `;
    const line = `${gutter}${path}${tail}`;
    for (const piece of packed(line.split(" "), " ", this.#view.width, { indent: gutter.length + 2 })) this.#add(this.#paint.dim(piece));
  }

  /** `sysMunmap > zapPageRange > zapHugePmd`: from the outermost routine where the thread is new, else the last ones. */
  #path(actor: string, steps: readonly StoryStep[]): string {
    const stacks = steps.map((s) => s.stack.map((f) => f.routine));
    const common = stacks.reduce((a, b) => a.slice(0, a.findIndex((x, i) => x !== b[i]) >>> 0));
    const below = [...new Set(stacks.map((s) => s[common.length]).filter((r) => r !== undefined))];
    const isNew = !this.#introduced.has(actor);
    this.#introduced.add(actor);
    const shown = isNew || common.length <= 2 ? common : ["...", ...common.slice(-2)];
    const deep = below.length === 0 ? [] : [below.length <= 3 ? below.join(", ") : `${below.slice(0, 2).join(", ")} ... ${below.at(-1)!}`];
    const path = [...shown, ...deep].join(" > ");
    return path === "" ? count(steps.length, "step") : path;
  }

  #step(row: TraceRow): void {
    const lane = this.#lanes.indexOf(row.actor ?? "");
    const before = lane < 0 ? "" : this.#lanes.slice(0, lane).map(() => `${" ".repeat(this.#room)} | `).join("");
    const after = lane < 0 ? "" : this.#lanes.slice(lane + 1).map(() => ` | ${" ".repeat(this.#room)}`).join("");
    this.#stepLines(row).forEach(({ text, style }, n) => {
      const gutter = n === 0 ? `${String(row.index).padStart(this.#gutter - 2)}  ` : " ".repeat(this.#gutter);
      if (this.#lanes.length > 0 && text.length > this.#room) this.#isTooNarrow = true;
      this.#add(gutter + before + this.#styled(text.padEnd(this.#lanes.length > 0 ? this.#room : 0), style) + after);
    });
    this.#introduced.add(row.actor!);
  }

  #stepLines(row: TraceRow): Line[] {
    const step = this.#story.steps[row.index - 1]!;
    const lines = this.#heading(row);
    const own = step.writes.filter((w) => this.#read.has(w.name)).map(storeInWords);
    const others = step.writes.filter((w) => !this.#read.has(w.name) && w.before !== w.after).map(storeInWords);
    const locks = (["takes", "failed", "releases"] as const).map((kind) => locksInWords(step.locks.filter((l) => l.kind === kind)))
      .filter((words) => words !== "");
    const before = step.held.filter((h) => !step.locks.some((l) => l.kind === "takes" && l.lock === h.lock));
    const holds = step.writes.length === 0 || before.length === 0 ? [] : [`holds ${before.map(heldInWords).join(", ")}`];
    const add = (parts: readonly string[], separator: string, style: Style, max: number | null): void => {
      const limit = max === null ? {} : { max, what: "change" };
      const indent = this.#lanes.length > 0 ? 0 : 2;
      for (const text of packed(parts, separator, this.#room, { ...limit, indent, first: indent })) lines.push({ text, style });
    };
    if (this.#tightness.loose) for (const change of own) add([change], "", "change", null);
    else add(own, "; ", "change", null);
    add(others, "; ", "plain", this.#lanes.length > 0 ? 3 : OTHERS_LINES_MAX);
    add([...locks, ...holds], "; ", "dim", null);
    const nothing = own.length + others.length + locks.length === 0;
    // A step that only looks is often the interesting one.
    if (nothing && this.#tightness.lanes) lines.push({ text: "(changes no field)", style: "dim" });
    return lines;
  }

  /** The label, with what was chosen, and the place; in a list on one line, if it fits. */
  #heading(row: TraceRow): Line[] {
    const choices = row.choices.length === 0 ? "" : ` [${row.choices.join(", ")}]`;
    const label = `${row.label ?? ""}${choices}`;
    const place = row.source === null ? "" : this.#place(row.source, this.#room);
    if (this.#lanes.length === 0 && label.length + 2 + place.length <= this.#room) {
      return [{ text: place === "" ? label : `${label}  ${place}`, style: "bold" }];
    }
    const lines = packed(label.split(" "), " ", this.#room, { indent: 2 }).map((text): Line => ({ text, style: "bold" }));
    const indent = this.#lanes.length > 0 ? 0 : 2;
    return place === "" ? lines : [...lines, ...packed(place.split(" "), " ", this.#room, { indent, first: indent })
      .map((text): Line => ({ text, style: "dim" }))];
  }

  /** Routine, file and line; the file without its folder where there is no room for more. */
  #place({ routine, file, line }: SourceFrame, room: number): string {
    const whole = `${routine} ${shortPath(file)}:${line}`;
    return whole.length <= room ? whole : `${routine} ${basename(file)}:${line}`;
  }

  #styled(text: string, style: Style): string {
    const { bold, dim, cyan, red } = this.#paint;
    return { plain: (s: string) => s, bold, dim, change: cyan, alarm: red }[style](text);
  }
}

function storeInWords({ name, before, after }: StoryStep["writes"][number]): string {
  if (before === after) return `${name} = ${after}, as before`;
  if (before === "") return `${name} = ${after}`;
  return after === "" ? `${name} ends (was ${before})` : `${name}: ${before} -> ${after}`;
}

const heldInWords = ({ lock, shared }: { readonly lock: string; readonly shared: boolean }): string => (shared ? `${lock} (read)` : lock);

/** Operations of one kind: `takes mm[0].mmapLock (read), page[2].lock (from other, step 7)`. */
function locksInWords(uses: readonly StoryStep["locks"][number][]): string {
  const verb = uses[0]?.kind === "failed" ? "does not get" : uses[0]?.kind;
  const words = uses.map((l) => `${heldInWords(l)}${l.from === null ? "" : ` (from ${l.from.actor}, step ${l.from.step})`}`);
  return verb === undefined ? "" : `${verb} ${[...new Set(words)].join(", ")}`;
}

/** What a stretch of steps took and has not given back, was handed, and gave back of what it had before. */
function netLocks(steps: readonly StoryStep[]): string {
  const uses = steps.flatMap((s) => s.locks);
  const isIn = (part: typeof uses, kind: "takes" | "releases", lock: string): boolean =>
    part.some((l) => l.kind === kind && l.lock === lock);
  const taken = uses.filter((u, i) => u.kind === "takes" && (u.from !== null || !isIn(uses.slice(i), "releases", u.lock)));
  const given = uses.filter((u, i) => u.kind === "releases" && !isIn(uses.slice(0, i), "takes", u.lock));
  const missed = uses.filter((u) => u.kind === "failed");
  const parts = [taken, missed, given].map(locksInWords);
  return parts.filter((part) => part !== "").join("; ");
}
