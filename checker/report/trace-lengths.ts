/**
 * How many lines the traces of a set of violations take. A view that is right for one trace may be useless for the next, so
 * that a whole catalogue is measured.
 */
import { count } from "../numbers.ts";
import type { ReplayedTrace, TraceStory } from "../result.ts";
import { renderTrace } from "./counterexample.ts";
import { LINES_MAX, LINES_WANTED } from "./slice-view.ts";
import type { TraceView } from "./trace-view.ts";

/** Lengths are compared at the width of a line where there is no terminal. */
const WIDTH = 100;

/** The lengths of one trace. */
export interface TraceLength {
  readonly name: string;
  readonly promise: string;
  readonly steps: number;
  /** Lines of the default view. */
  readonly lines: number;
  /** Lines with `--full`. */
  readonly full: number;
  /** The default view. */
  readonly text: string;
}

export function traceLength(name: string, replayed: ReplayedTrace, story: TraceStory | null, replayCommand: string): TraceLength {
  const view: TraceView = { width: WIDTH, color: false, full: false, replayCommand };
  const text = renderTrace(replayed, view, story);
  const full = renderTrace(replayed, { ...view, full: true }, story);
  return {
    name, promise: replayed.property.name, steps: replayed.trace.steps.length, lines: linesOf(text), full: linesOf(full), text,
  };
}

const linesOf = (text: string): number => text.trimEnd().split("\n").length;

/** The middle one; of an even number the mean of the two in the middle; null of none. */
export function median(numbers: readonly number[]): number | null {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return sorted.length === 0 ? null : (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
}

/** No trace is longer than `LINES_MAX`, and half of them have at most `LINES_WANTED`. */
export function withinLimits(lengths: readonly TraceLength[]): boolean {
  return lengths.every((l) => l.lines <= LINES_MAX) && (median(lengths.map((l) => l.lines)) ?? 0) <= LINES_WANTED;
}

/** The sentence under a table of traces. */
export function lengthsInWords(lengths: readonly TraceLength[]): string {
  const middle = median(lengths.map((l) => l.lines));
  if (middle === null) return "no traces";
  const longest = Math.max(...lengths.map((l) => l.lines));
  const words = `median ${middle} lines (at most ${LINES_WANTED}), longest ${longest} (at most ${LINES_MAX})`;
  return `${count(lengths.length, "trace")} of ${WIDTH} columns: ${words}${withinLimits(lengths) ? "" : ": TOO LONG"}`;
}
