/**
 * The default view of a counterexample: the steps that matter to the broken promise, each with what it wrote and the locks
 * it held; the others folded, a line for each stretch of one thread or for each call in it. Short traces keep a column for
 * each thread.
 *
 * `VIEWS` are tried in order, each tighter than the one before, until one fits: at first within `LINES_WANTED` lines, else
 * within `LINES_MAX`. Where there is room left, stretches are divided into calls.
 */
import { basename } from "node:path";
import picocolors from "picocolors";
import { shortPath } from "../error-sentence.ts";
import { count } from "../numbers.ts";
import type { ReplayedTrace, StoryStep, TraceRow, TraceStory } from "../result.ts";
import type { SourceFrame } from "../system.ts";
import { ranksOf, storyOfRows, type Rank } from "../trace/slice.ts";
import { CallPaths, divided } from "./call-paths.ts";
import { loopBegins, loopEnds } from "./loop-text.ts";
import { promiseLines } from "./promise-text.ts";
import { freshInWords, locksOf, netLocks, staleInWords, storeInWords } from "./step-text.ts";
import { packed, type Line, type Style } from "./text-lines.ts";
import type { TraceView } from "./trace-view.ts";

/** Half of all traces should need no more lines. */
export const LINES_WANTED = 45;
/** A screen or two: no trace should need more. */
export const LINES_MAX = 60;
/** Up to here, stretches are divided further than into the calls that a thread makes itself. */
const LINES_EASY = 36;
/** How often a stretch is divided at most. */
const DEPTH_MAX = 4;

/** Below this width of a column, columns are harder to read than one list. */
const LANE_WIDTH_MIN = 24;
const LANE_WIDTH_MAX = 64;
/** Before a step: its number; in a list, the numbers of a stretch, `113-157`. */
const GUTTER = 6;
const GUTTER_OF_LIST = 9;
/** Lines that the values of the initial state may take; and those that the promise read. */
const INITIAL_LINES_MAX = 3;
const READS_LINES_MAX = 4;
/** Either, in a terse view. */
const TERSE_LINES_MAX = 2;
/** Lines that what else a step wrote, or read, may take. */
const OTHERS_LINES_MAX = 1;
/** Lines that what it read and another changed may take. */
const STALE_LINES_MAX = 2;

/** How much is shown. */
interface Tightness {
  /** A column for each thread. */
  readonly lanes: boolean;
  /** Steps of this rank and those below it; null: every step. */
  readonly rank: Rank | null;
  /**
   * loose: each word that the promise reads has a line of its own. terse: nothing of what else a step wrote, files without
   * their folders, fewer values at both ends.
   */
  readonly detail: "loose" | "tight" | "terse";
}
const VIEWS: readonly Tightness[] = [
  { lanes: true, rank: null, detail: "loose" },
  { lanes: false, rank: null, detail: "loose" },
  { lanes: false, rank: 4, detail: "loose" },
  { lanes: false, rank: 3, detail: "loose" },
  { lanes: false, rank: 3, detail: "tight" },
  { lanes: false, rank: 2, detail: "tight" },
  { lanes: false, rank: 2, detail: "terse" },
  { lanes: false, rank: 1, detail: "tight" },
  { lanes: false, rank: 1, detail: "terse" },
];

/** The view as text, ending with a newline. */
export function renderSlice(t: ReplayedTrace, story: TraceStory | null, view: TraceView): string {
  return `${sliceLines(t, story ?? storyOfRows(t), view).join("\n")}\n`;
}

function sliceLines(t: ReplayedTrace, story: TraceStory, view: TraceView): readonly string[] {
  const rendered = (tightness: Tightness, depth = 0): string[] | null =>
    new SliceRenderer(t, story, view, { ...tightness, depth }).render();
  const tried = VIEWS.flatMap((tightness) => {
    const lines = rendered(tightness);
    return lines === null ? [] : [{ tightness, lines }];
  });
  // Where threads meet is worth some lines more than wanted.
  const meetings = tried.filter((v) => v.tightness.rank !== 1);
  const fits = (views: typeof tried, max: number): (typeof tried)[number] | undefined => views.find(({ lines }) => lines.length <= max);
  const { tightness, lines } = fits(meetings, LINES_WANTED) ?? fits(meetings.filter((v) => v.tightness.rank === 2), LINES_MAX)
    ?? fits(tried, LINES_MAX) ?? tried.at(-1)!;
  let best = lines;
  for (let depth = 1; depth <= DEPTH_MAX; depth++) {
    const deeper = rendered(tightness, depth);
    if (deeper === null || deeper.length > (depth === 1 ? LINES_WANTED : LINES_EASY)) break;
    best = deeper;
  }
  return best;
}

class SliceRenderer {
  readonly #trace: ReplayedTrace;
  readonly #story: TraceStory;
  readonly #view: TraceView;
  readonly #tightness: Tightness;
  /** How often stretches are divided into calls. */
  readonly #depth: number;
  readonly #paint: ReturnType<typeof picocolors.createColors>;
  readonly #ranks: ReadonlyMap<number, Rank>;
  /** Words that the promise reads. */
  readonly #read: ReadonlySet<string>;
  readonly #lanes: readonly string[];
  readonly #gutter: number;
  /** Characters for the text of a step. */
  readonly #room: number;
  readonly #out: string[] = [];
  /** Something did not fit a column as it is. */
  #isTooNarrow = false;
  readonly #paths = new CallPaths();

  constructor(trace: ReplayedTrace, story: TraceStory, view: TraceView, tightness: Tightness & { readonly depth: number }) {
    this.#trace = trace;
    this.#story = story;
    this.#view = view;
    this.#tightness = tightness;
    this.#depth = tightness.depth;
    this.#paint = picocolors.createColors(view.color);
    this.#ranks = ranksOf(trace, story);
    this.#read = new Set(story.reads.map((r) => r.name));
    const moving = new Set(trace.rows.slice(1).map((r) => r.actor));
    this.#lanes = tightness.lanes ? trace.actors.filter((a) => moving.has(a)) : [];
    this.#gutter = tightness.lanes ? GUTTER : GUTTER_OF_LIST;
    const gaps = 3 * Math.max(0, this.#lanes.length - 1);
    const lane = Math.floor((view.width - this.#gutter - gaps) / Math.max(1, this.#lanes.length));
    this.#room = tightness.lanes ? Math.min(LANE_WIDTH_MAX, lane) : Math.max(LANE_WIDTH_MIN, view.width - this.#gutter);
  }

  /** The lines; null where columns do not fit, or there would be but one. */
  render(): string[] | null {
    const { trace, rows } = this.#trace;
    if (this.#tightness.lanes && (this.#room < LANE_WIDTH_MIN || this.#lanes.length < 2)) return null;
    const hidden = rows.slice(1).filter((row) => !this.#shows(row.index)).length;
    const folded = hidden === 0 ? "" : ` (${hidden} folded; --full shows all)`;
    this.#add(this.#paint.bold(`counterexample of ${trace.scenario}, ${count(trace.steps.length, "step")}`) + folded);
    this.#add("");
    this.#initial();
    this.#laneHeads();
    this.#steps();
    this.#add("");
    const room = { width: this.#view.width, reads: this.#isTerse ? TERSE_LINES_MAX : READS_LINES_MAX };
    for (const line of promiseLines(this.#trace, this.#story, room)) this.#add(this.#styled(line.text, line.style));
    this.#add("");
    this.#add("replay it with");
    this.#add(`  ${this.#view.replayCommand}`);
    return this.#isTooNarrow ? null : this.#out;
  }

  #add(text: string): void {
    this.#out.push(text.trimEnd());
  }

  get #isTerse(): boolean {
    return this.#tightness.detail === "terse";
  }

  #shows(step: number): boolean {
    const { rank } = this.#tightness;
    return rank === null || (this.#ranks.get(step) ?? 5) <= rank;
  }

  /** What was chosen at first, and the first values of what the promise reads and some step changes. */
  #initial(): void {
    const { rows } = this.#trace;
    const changed = new Set(this.#story.steps.flatMap((s) => s.writes.filter((w) => w.before !== w.after).map((w) => w.name)));
    const isWanted = (name: string): boolean => this.#read.has(name) && (rows.length === 1 || changed.has(name));
    const locks = new Set(this.#story.steps.flatMap((s) => s.locks.map((l) => l.lock)));
    const values = this.#story.initial.filter((v) => isWanted(v.name) && !locks.has(v.name)).map((v) => `${v.name} = ${v.value}`);
    const parts = [...(rows[0]?.choices ?? []).map((c) => `[${c}]`), ...values];
    if (parts.length === 0) return;
    const [first, ...rest] = parts;
    const max = this.#isTerse ? TERSE_LINES_MAX : INITIAL_LINES_MAX;
    const lines = packed([`at first: ${first!}`, ...rest], ", ", this.#view.width, { max, what: "value" });
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
    const { trace } = this.#trace;
    const { loop } = trace;
    let folded: TraceRow[] = [];
    const unfold = (): void => {
      if (folded.length > 0) this.#fold(folded);
      folded = [];
    };
    for (const row of this.#trace.rows.slice(1)) {
      const isFirst = row.index === 1 && this.#lanes.length === 0;
      if (row.index - 1 === loop) {
        unfold();
        this.#add(this.#paint.yellow(`  ~~~~ ${loopBegins(loop)}`));
      }
      if (row.switchReason !== null || isFirst) {
        unfold();
        this.#switch(row);
      }
      if (this.#shows(row.index)) {
        unfold();
        this.#step(row);
      } else folded.push(row);
    }
    unfold();
    if (loop !== null) this.#add(this.#paint.yellow(`  ~~~~ ${loopEnds(loop, trace.steps.length)}`));
  }

  /** Who runs from here on, and why; a call that a step which is shown begins with is named here, if there is room. */
  #switch(row: TraceRow): void {
    const reason = row.switchReason === null ? "" : `${row.switchReason}; `;
    const line = `  ~~~~ ${reason}${row.actor} runs`;
    const call = this.#shows(row.index) ? this.#paths.newCall(row.actor!, this.#story.steps[row.index - 1]!) : null;
    if (call === null || line.length + 2 + call.length <= this.#view.width) {
      this.#add(this.#paint.yellow(call === null ? line : `${line}: ${call}`));
      return;
    }
    this.#add(this.#paint.yellow(line));
    this.#call(row, call);
  }

  /** A line for a call that begins. */
  #call(row: TraceRow, call: string): void {
    const { before, after } = this.#beside(row);
    if (this.#lanes.length > 0 && call.length > this.#room) this.#isTooNarrow = true;
    this.#add(" ".repeat(this.#gutter) + before + this.#paint.dim(call.padEnd(this.#lanes.length > 0 ? this.#room : 0)) + after);
  }

  /** Steps of one thread that are not shown: where it was, and the locks that it took and gave back. */
  #fold(rows: readonly TraceRow[]): void {
    let next = rows[0]!.index;
    for (const steps of divided(rows.map((row) => this.#story.steps[row.index - 1]!), this.#depth)) {
      const last = next + steps.length - 1;
      const number = next === last ? `${next}` : `${next}-${last}`;
      next = last + 1;
      const locks = netLocks(steps);
      const tail = locks === "" ? "" : `: ${locks}`;
      const gutter = `${number.padStart(this.#gutter - 2)}  `;
      const line = `${gutter}${this.#paths.path(rows[0]!.actor!, steps)}${tail}`;
      for (const piece of packed(line.split(" "), " ", this.#view.width, { indent: gutter.length + 2 })) this.#add(this.#paint.dim(piece));
    }
  }

  /** The columns before and after that of the step. */
  #beside(row: TraceRow): { readonly before: string; readonly after: string } {
    const lane = this.#lanes.indexOf(row.actor ?? "");
    if (lane < 0) return { before: "", after: "" };
    const empty = " ".repeat(this.#room);
    return {
      before: this.#lanes.slice(0, lane).map(() => `${empty} | `).join(""),
      after: this.#lanes.slice(lane + 1).map(() => ` | ${empty}`).join(""),
    };
  }

  #step(row: TraceRow): void {
    const call = this.#paths.newCall(row.actor!, this.#story.steps[row.index - 1]!);
    if (call !== null) this.#call(row, call);
    const { before, after } = this.#beside(row);
    this.#stepLines(row).forEach(({ text, style }, n) => {
      const gutter = n === 0 ? `${String(row.index).padStart(this.#gutter - 2)}  ` : " ".repeat(this.#gutter);
      if (this.#lanes.length > 0 && text.length > this.#room) this.#isTooNarrow = true;
      this.#add(gutter + before + this.#styled(text.padEnd(this.#lanes.length > 0 ? this.#room : 0), style) + after);
    });
  }

  #stepLines(row: TraceRow): Line[] {
    const step = this.#story.steps[row.index - 1]!;
    const isLane = this.#lanes.length > 0;
    const lines = this.#heading(row);
    const isOwn = (w: StoryStep["writes"][number]): boolean => this.#read.has(w.name);
    const own = step.writes.filter((w) => isOwn(w) && w.before !== w.after).map(storeInWords);
    const unchanged = step.writes.filter((w) => isOwn(w) && w.before === w.after).map(storeInWords);
    const others = step.writes.filter((w) => !isOwn(w) && w.before !== w.after).map(storeInWords);
    const stale = step.stale.map(staleInWords);
    const fresh = step.fresh.filter((f) => !step.stale.some((s) => s.name === f.name)).map(freshInWords);
    const locks = locksOf(step, own.length + unchanged.length + others.length > 0);
    const add = (parts: readonly string[], style: Style, max: number | null = null, what = "change"): void => {
      // In a column, what does not fit is not broken: the trace is a list then.
      if (isLane && parts.some((part) => part.length > this.#room)) this.#isTooNarrow = true;
      const limit = max === null ? {} : { max, what };
      const indent = isLane ? 0 : 2;
      for (const text of packed(parts, "; ", this.#room, { ...limit, indent, first: indent })) lines.push({ text, style });
    };
    add(stale, "alarm", STALE_LINES_MAX, "read");
    // What the last step reads is said of the broken promise.
    if (row.index < this.#trace.rows.length - 1) add(fresh, "plain", OTHERS_LINES_MAX, "read");
    if (this.#tightness.detail === "loose") for (const change of own) add([change], "change");
    else add(own, "change");
    add(unchanged, "change");
    if (!this.#isTerse) add(others, "plain", isLane ? 3 : OTHERS_LINES_MAX);
    add(locks, "dim");
    const isNothing = own.length + unchanged.length + others.length + stale.length + fresh.length + step.locks.length === 0;
    // A step that only looks is often the interesting one.
    if (isNothing && this.#tightness.lanes) lines.push({ text: "(changes no field)", style: "dim" });
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
    return whole.length <= room && !this.#isTerse ? whole : `${routine} ${basename(file)}:${line}`;
  }

  #styled(text: string, style: Style): string {
    const { bold, dim, cyan, red } = this.#paint;
    return { plain: (s: string) => s, bold, dim, change: cyan, alarm: red }[style](text);
  }
}
