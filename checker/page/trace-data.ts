/** A replayed trace as the data of a page. */
import { promiseLines } from "../report/promise-text.ts";
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
    return { actor, stack, events };
  });
  const ranks = ranksOf(replayed, told);
  const read = new Set(told.reads.map((r) => r.name));
  const steps = taken.map((t, n): StepData => ({
    ...t, ...ofRow(rows[n + 1]!), call: told.steps[n]?.call ?? null, rank: ranks.get(n + 1) ?? NO_RANK,
    lines: told.steps[n] === undefined ? [] : stepLines(told.steps[n], read),
  }));
  return {
    format: PAGE_FORMAT, version: PAGE_VERSION, program: recorder.program(scenario),
    trace: {
      verdict: verdict ?? promiseLines(replayed, told, WHOLE_LINES), replay, choices: rows[0]?.choices ?? [],
      steps, states: recorder.states, shown: recorder.shown, sources: sources.sources, loop: trace.loop,
    },
  };
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
