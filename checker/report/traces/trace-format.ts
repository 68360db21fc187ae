/** What formats of traces are made from, and what one is. */
import type { TracedRun } from "../../config.ts";
import type { ToldTrace } from "../../page/trace-data.ts";
import type { NamedValue, TransitionSystem } from "../../system.ts";

export interface FormattedTrace extends ToldTrace {
  /** The scenario's module, as a person would name it. */
  readonly file: string;
}

export interface TraceFormat {
  /** What the format is for, in the help. */
  readonly purpose: string;
  readonly render: (this: void, told: FormattedTrace) => string;
}

/** The trace with all of its states, as a format of a project's own has it. */
export function tracedRun(told: ToldTrace): TracedRun {
  const states: (readonly NamedValue[])[] = [];
  retake(told, (_, system) => { states.push(system.values()); });
  return { scenario: told.scenario, replayed: told.replayed, states };
}

/**
 * Takes the trace again on its system. `look` is called with each state in the vector, the initial one first, and how the step to it
 * went wrong, which only the last one can; null: it did not.
 */
export function retake(
  { system, replayed: { trace } }: ToldTrace, look: (n: number, system: TransitionSystem, wrong: string | null) => void,
): void {
  const take = (n: number, choices: readonly number[], step: () => unknown): void => {
    let wrong: string | null = null;
    try {
      system.setBranch(choices);
      step();
    } catch (e) {
      wrong = e instanceof Error ? e.message : String(e);
    }
    look(n, system, wrong);
  };
  take(0, trace.initial, () => { system.init(); });
  for (const [n, { actor, choices }] of trace.steps.entries()) {
    take(n + 1, choices, () => system.step(system.actors.findIndex((a) => a.name === actor)));
  }
}
