/**
 * What a run of `check` tells its reporters. A reporter renders what it is told and decides nothing: verdicts and
 * exit codes are the same whichever reporters a run has (`reporters.ts`).
 *
 * The order of calls: `begin`; `plan` once it is known what will be checked; for each scenario `start`, then any number of
 * `progress` and `variant`, then `result`; `end`; `close`. `remark` and `complain` may come at any time before `close`.
 * A run that breaks off by an exception skips to `close`.
 */
import type { Audit } from "../check/audit.ts";
import type { Checked, CheckOptions } from "../check/options.ts";
import type { LoadedScenario } from "../project/project.ts";
import type { PatchReport, ScenarioResult, Tier, TraceStory } from "../result.ts";
import type { Progress } from "../search/explore.ts";

/** What is known before any scenario is loaded. */
export interface RunHead {
  readonly tier: Tier;
  readonly audit: boolean;
  readonly options: CheckOptions;
  /** The folder that the run is in: reports name files from there. */
  readonly folder: string;
  /** A warning is not as expected. */
  readonly strict: boolean;
}

/** The place of a scenario in the run. */
export interface Turn {
  readonly name: string;
  /** From 0 upward. */
  readonly index: number;
  /** Scenarios of the run. */
  readonly of: number;
  /** How many states it will have, if all is as it was; null: nobody knows. */
  readonly pinned: number | null;
}

/** One scenario that has been checked. */
export interface ReportedScenario {
  readonly loaded: LoadedScenario;
  readonly checked: Checked;
  /** Null unless it was audited. */
  readonly audit: Audit | null;
  /** Why the steps of its trace matter; null where that is not known. */
  readonly story: TraceStory | null;
}

/** What a run has come to. */
export interface RunEnd {
  readonly results: readonly ScenarioResult[];
  /** Names of scenarios that were not checked, because the person stopped the run. */
  readonly notRun: readonly string[];
  /** Why modules could not be loaded, a sentence each. */
  readonly failures: readonly string[];
  /** Names of scenarios that were left out because they are too large for the run. */
  readonly leftOut: readonly string[];
  /** Names of scenarios whose pins could not be written. */
  readonly unwritten: readonly string[];
  /** Names of scenarios whose audit did not get through all its variants. */
  readonly auditsCut: readonly string[];
  /** What audits found that differs between variants, a sentence each. */
  readonly disagreements: readonly string[];
  /** What the run says of the patch that it ran under; null: it ran under none. */
  readonly patch: PatchReport | null;
  /** Of the command, unless a reporter cannot write what it is told from here on. */
  readonly exitCode: number;
}

export interface Reporter {
  begin(head: RunHead): void;
  /** `scenarios`: how many will be checked. */
  plan(scenarios: number): void;
  start(turn: Turn): void;
  progress(progress: Progress): void;
  /** The audit of the scenario that was started last goes on with this variant. */
  variant(name: string): void;
  result(reported: ReportedScenario): void;
  /** Something worth knowing. */
  remark(text: string): void;
  /** Something that is wrong with what was asked for. */
  complain(text: string): void;
  end(end: RunEnd): void;
  /** The last call, also of a run that broke off. Throws a UsageError where results could not be written. */
  close(): void;
  /** Whether something that it was told could not be written. */
  readonly hasFailed: boolean;
}
