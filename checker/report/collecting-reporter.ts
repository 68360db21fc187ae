/** A reporter that is silent until the run ends, and then has all of it. */
import type { Reporter, ReportedScenario, RunEnd, RunHead } from "./reporter.ts";

export abstract class CollectingReporter implements Reporter {
  protected readonly scenarios: ReportedScenario[] = [];
  /** Set by `begin`, which comes first. */
  protected head!: RunHead;

  abstract get hasFailed(): boolean;
  abstract end(end: RunEnd): void;

  begin(head: RunHead): void {
    this.head = head;
  }
  result(reported: ReportedScenario): void {
    this.scenarios.push(reported);
  }
  plan(): void {}
  start(): void {}
  progress(): void {}
  variant(): void {}
  remark(): void {}
  complain(): void {}
  close(): void {}
}
