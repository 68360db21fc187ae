/** A run as far as it has come: what every format of results is made from. */
import type { ReportedScenario, RunEnd, RunHead } from "../reporter.ts";

export interface ReportedRun {
  readonly head: RunHead;
  /** In the order in which they ended. */
  readonly scenarios: readonly ReportedScenario[];
  /** Null: it goes on, or it was broken off. */
  readonly end: RunEnd | null;
}

/** A format for machines. */
export interface ResultFormat {
  /** What a file in it is called, in messages. */
  readonly what: string;
  render(run: ReportedRun): string;
  /** Whether a file may be overwritten: a text that `render` gave. */
  isOurs(text: string): boolean;
}
