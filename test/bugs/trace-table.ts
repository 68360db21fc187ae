/** The table of `bugs --traces` and `policies --traces`: how long each trace is, and whether it shows what broke the promise. */
import pc from "picocolors";
import { group } from "../../checker/numbers.ts";
import { table } from "../../checker/report/summary.ts";
import { lengthsInWords, traceLength, withinLimits, type TraceLength } from "../../checker/report/trace-lengths.ts";
import type { ReplayedTrace, TraceStory } from "../../checker/result.ts";
import type { Scenario } from "../../checker/scenario.ts";
import { storyOf } from "../../checker/trace/story.ts";
import { lastWriters, missingFrom, type LastWriter } from "./last-writers.ts";

/** A trace with what it takes to show it and to judge it; plain data. */
export interface ToldTrace {
  readonly replayed: ReplayedTrace;
  readonly story: TraceStory | null;
  readonly lastWriters: readonly LastWriter[];
}

export function toldTrace(scenario: Scenario, replayed: ReplayedTrace): ToldTrace {
  return { replayed, story: storyOf(scenario, replayed), lastWriters: lastWriters(scenario, replayed) };
}

/** A line of the table. The one schema for people and machines. */
export interface JudgedTrace extends TraceLength {
  readonly lastWriters: readonly LastWriter[];
  /** Last writers that the trace does not show. */
  readonly hidden: readonly LastWriter[];
  /** Words that the promise read last, and by which it knew, of which the trace does not say what they were. */
  readonly unread: readonly string[];
}

export function judgedTrace(name: string, { replayed, story, lastWriters: writers }: ToldTrace, replayCommand: string): JudgedTrace {
  const length = traceLength(name, replayed, story, replayCommand);
  const hidden = [length.text, length.narrowText].flatMap((text) => missingFrom(text, writers));
  const texts = [length.text, length.narrowText].map((text) => text.replaceAll(/\s+/g, " "));
  const unread = readLast(story).filter((word) => texts.some((text) => !text.includes(`${word} = `)));
  return { ...length, lastWriters: writers, hidden: writers.filter((w) => hidden.includes(w)), unread };
}

/** The last of what the promise reads, locks apart. */
function readLast(story: TraceStory | null): string[] {
  const used = new Set(story?.steps.flatMap((s) => s.locks.map((l) => l.lock)));
  return (story?.reads ?? []).filter((r) => !used.has(r.name) && r.value !== "free").slice(-2).map((r) => r.name);
}

/** Prints the table, as JSON with the traces. Sets the exit code where a trace is too long, or hides a last writer. */
export function printTraceTable(traces: readonly JudgedTrace[], what: string, json: boolean): void {
  process.stdout.write(json ? `${JSON.stringify(traces, null, 2)}\n` : render(traces, what));
  if (!withinLimits(traces) || traces.some((t) => t.hidden.length > 0 || t.isUntold)) process.exitCode = 1;
}

function render(traces: readonly JudgedTrace[], what: string): string {
  const head = [what, "promise", "steps", "lines", "in 80 columns", "with --full", "last writers shown"];
  const shown = (t: JudgedTrace): string => `${t.lastWriters.length - t.hidden.length} of ${t.lastWriters.length}`;
  const rows = traces.map((t) => [t.name, t.promise, group(t.steps), group(t.lines), group(t.narrow), group(t.full), shown(t)]);
  const paint = (line: string, i: number): string => (i === 0 ? pc.bold(line) : traces[i - 1]!.hidden.length > 0 ? pc.red(line) : line);
  const hidden = traces.flatMap((t) => t.hidden.map((h) => `${t.name}: step ${h.step}, which last wrote ${h.word}, is not shown\n`));
  const body = table([head, ...rows], [false, false, true, true, true, true, true], paint);
  return `${body}\n${hidden.join("")}${lengthsInWords(traces)}\n`;
}
