/** A replayed trace as the data of a page. */
import type { ChangedValue } from "../program/values.ts";
import { promiseLines } from "../report/promise-text.ts";
import { storeInWords } from "../report/step-text.ts";
import type { ReplayedTrace, TraceStory } from "../result.ts";
import type { Scenario } from "../scenario.ts";
import type { TransitionSystem } from "../system.ts";
import { ranksOf, storyOfRows } from "../trace/slice.ts";
import { PAGE_FORMAT, PAGE_VERSION, type PageData, type StepData, type TextLine } from "./data.ts";
import { StateRecorder } from "./recorder.ts";
import { SourceExcerpts } from "./source-excerpts.ts";
import { stepLines } from "./step-lines.ts";

/** A rank below all others: the step does not matter to the promise. */
const NO_RANK = 5;
/** Nobody knows how much it matters, and it did something. */
const CHANGED = 3;
/** A page breaks lines itself. */
const WHOLE_LINES = { width: Infinity, reads: Infinity };

/** A trace that was replayed on `system`, and what is known of it. */
export interface ToldTrace {
  readonly scenario: Scenario;
  readonly system: TransitionSystem;
  readonly replayed: ReplayedTrace;
  /** Why its steps matter; null where nobody saw their accesses. */
  readonly story: TraceStory | null;
  /** The command that replays it; null: there is none. */
  readonly replay: string | null;
  /** What is said of it; unless given, what it breaks. */
  readonly verdict?: readonly TextLine[];
}

/** Takes the trace again on its system, and gives the page's data. The same for the same trace. */
export function pageData({ scenario, system, replayed, story, replay, verdict }: ToldTrace): PageData {
  const told = story ?? storyOfRows(replayed);
  const { trace, rows } = replayed;
  const sources = new SourceExcerpts(scenario);
  const recorder = new StateRecorder(system, scenario, sources);
  attempt(() => { system.setBranch(trace.initial); system.init(); });
  recorder.note();
  const taken = trace.steps.map(({ actor: name, choices }) => {
    const actor = system.actors.findIndex((a) => a.name === name);
    const stack = recorder.stack(actor);
    attempt(() => { system.setBranch(choices); system.step(actor); });
    const events = recorder.events();
    recorder.note();
    return { step: { actor, stack, events }, changes: recorder.changes };
  });
  const ranks = ranksOf(replayed, told);
  const read = new Set(told.reads.map((r) => r.name));
  const steps = taken.map(({ step, changes }, n): StepData => {
    const row = rows[n + 1]!;
    const known = story?.steps[n];
    const did = known === undefined ? changesOnly(changes ?? row.changes)
      : { rank: ranks.get(n + 1) ?? NO_RANK, lines: stepLines(known, read) };
    return { ...step, ...ofRow(row), call: known?.call ?? null, ...did };
  });
  return {
    format: PAGE_FORMAT, version: PAGE_VERSION, program: recorder.program(scenario),
    trace: {
      verdict: verdict ?? promiseLines(replayed, told, WHOLE_LINES), replay, choices: rows[0]?.choices ?? [],
      steps, states: recorder.states, shown: recorder.shown, sources: sources.sources, loop: trace.loop,
    },
  };
}

/** Of a step whose accesses nobody saw: what is another value after it. */
function changesOnly(changes: readonly ChangedValue[]): Pick<StepData, "rank" | "lines"> {
  const lines = changes.map((c): TextLine => ({ text: storeInWords(c), style: "change" }));
  return { rank: lines.length > 0 ? CHANGED : NO_RANK, lines };
}

function ofRow(row: ReplayedTrace["rows"][number]): Pick<StepData, "label" | "choices" | "switched" | "statistics"> {
  const statistics = row.statistics.map(({ name, value }) => `${name}: +${value}`);
  return { label: row.label ?? "", choices: row.choices, switched: row.switchReason, statistics };
}

/** The last step of a trace may go wrong: that is what it shows. */
function attempt(run: () => void): void {
  try {
    run();
  } catch {
    // The replay has said what is wrong.
  }
}
