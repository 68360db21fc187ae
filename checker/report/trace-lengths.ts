/**
 * How many lines the traces of a set of violations take. A view that is right for one trace may be useless for the next, so
 * that a whole catalogue is measured.
 */
import { count } from "../numbers.ts";
import type { ReplayedTrace, TraceStory } from "../result.ts";
import { renderTrace } from "./counterexample.ts";
import { LINES_MAX, LINES_WANTED } from "./slice-view.ts";
import type { TraceView } from "./trace-view.ts";

/** The width of a line where there is no terminal. */
const WIDTH = 100;
/** The width of a terminal that nobody has made wider. */
const NARROW = 80;

/** The lengths of one trace. */
export interface TraceLength {
  readonly name: string;
  readonly promise: string;
  readonly steps: number;
  /** Lines of the default view, of 100 columns; and of 80. */
  readonly lines: number;
  readonly narrow: number;
  /** Lines with `--full`. */
  readonly full: number;
  /** Nobody saw the accesses: what is shown was chosen by the values that changed alone. */
  readonly isUntold: boolean;
  /** The default view, of 100 columns; and of 80. */
  readonly text: string;
  readonly narrowText: string;
}

export function traceLength(name: string, replayed: ReplayedTrace, story: TraceStory | null, replayCommand: string): TraceLength {
  const view: TraceView = { width: WIDTH, color: false, full: false, replayCommand };
  const text = renderTrace(replayed, view, story);
  const narrowText = renderTrace(replayed, { ...view, width: NARROW }, story);
  const full = renderTrace(replayed, { ...view, full: true }, story);
  return {
    name, promise: replayed.property.name, steps: replayed.trace.steps.length, isUntold: story === null,
    lines: linesOf(text), narrow: linesOf(narrowText), full: linesOf(full), text, narrowText,
  };
}

const linesOf = (text: string): number => text.trimEnd().split("\n").length;

/** The middle one; of an even number the mean of the two in the middle; null of none. */
export function median(numbers: readonly number[]): number | null {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return sorted.length === 0 ? null : (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
}

/** Of fewer traces, those that were asked for, the median says nothing. */
const MEDIAN_OF_MIN = 10;

/** No trace is longer than `LINES_MAX` at either width, and half of them have at most `LINES_WANTED`. */
export function withinLimits(lengths: readonly TraceLength[]): boolean {
  const areWithin = (lines: readonly number[]): boolean =>
    lines.every((n) => n <= LINES_MAX) && (lines.length < MEDIAN_OF_MIN || median(lines)! <= LINES_WANTED);
  return areWithin(lengths.map((l) => l.lines)) && areWithin(lengths.map((l) => l.narrow));
}

/** The sentence under a table of traces. */
export function lengthsInWords(lengths: readonly TraceLength[]): string {
  if (lengths.length === 0) return "no traces";
  const words = (lines: readonly number[], width: number): string =>
    `of ${width} columns: median ${median(lines)!} lines, longest ${Math.max(...lines)}`;
  const wide = words(lengths.map((l) => l.lines), WIDTH);
  const narrow = words(lengths.map((l) => l.narrow), NARROW);
  const limits = `at most ${LINES_WANTED} and ${LINES_MAX} are wanted${withinLimits(lengths) ? "" : ": TOO LONG"}`;
  return `${count(lengths.length, "trace")} ${wide}; ${narrow}; ${limits}`;
}
