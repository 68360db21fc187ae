/** A run as text for people: a line of progress, a line for each result, traces, and a summary. */
import type { Audit } from "../check/audit.ts";
import type { Checked } from "../check/options.ts";
import { count, group } from "../numbers.ts";
import type { LoadedScenario } from "../project/project.ts";
import { ATOMICITY_NOT_CHECKED, type ReplayedTrace, type ScenarioResult, type TraceStory } from "../result.ts";
import type { Progress } from "../search/explore.ts";
import { renderTrace } from "./counterexample.ts";
import { CoverageTotals } from "./coverage.ts";
import { invariantsTable } from "./invariants.ts";
import { lineWidth, type Output, type Paint } from "./output.ts";
import { patchInWords } from "./patch-report.ts";
import { ProgressLine } from "./progress.ts";
import { refinementLine } from "./refinement.ts";
import { TRACE_STRING_MAX, furtherName, replayCommand, replayFromFile } from "./replay-command.ts";
import type { Reporter, ReportedScenario, RunEnd, RunHead, Turn } from "./reporter.ts";
import { resultLine, summaryTable, table, tally } from "./summary.ts";

export interface TerminalView {
  readonly out: Output;
  /** Gets the complaints. */
  readonly err: Output;
  readonly color: boolean;
  readonly paint: Paint;
  /** The terminal whose width traces are fitted to. */
  readonly width: Output;
  /** The file that keeps the results, for the command that replays a long trace; null: none. */
  readonly resultsFile: string | null;
  /** Say at the end in how many states each invariant was in force. */
  readonly invariants: boolean;
  /** Show traces with everything. */
  readonly full: boolean;
}

export class TerminalReporter implements Reporter {
  readonly hasFailed = false;
  readonly #view: TerminalView;
  readonly #progress: ProgressLine;
  readonly #coverage = new CoverageTotals();
  #countsCoverage = false;
  /** Errors by reason: the first scenario was shown with it, the names of the others are kept for the end. */
  readonly #errors = new Map<string, string[]>();
  #scenarios = 0;
  #title = "";

  constructor(view: TerminalView) {
    this.#view = view;
    this.#progress = new ProgressLine(view.out);
  }

  begin({ tier, audit, options }: RunHead): void {
    this.#countsCoverage = options.coverage === true;
    this.remark(`thpcheck check: tier ${tier}, seed ${options.seed}, ${audit ? "audit" : options.strategy}; loading scenarios`);
  }

  plan(scenarios: number): void {
    this.#scenarios = scenarios;
  }

  start({ name, index, of, pinned }: Turn): void {
    this.#title = `[${index + 1}/${of}] ${name}`;
    this.#progress.start(this.#title, pinned);
  }

  progress(progress: Progress): void {
    this.#progress.update(progress);
  }

  variant(name: string): void {
    this.#progress.start(`${this.#title}, ${name}`, null);
  }

  result({ loaded, checked, audit, story }: ReportedScenario): void {
    this.#coverage.add(checked.coverage);
    if (this.#isErrorAgain(checked.result)) return;
    this.remark(resultLine(checked.result, this.#view.paint));
    this.#showTraces(loaded, checked, story);
    if (audit !== null) this.#showAudit(audit);
  }

  /** Whether another scenario has failed for the very same reason: a routine that does not compile is part of many. */
  #isErrorAgain({ verdict, reason, scenario }: ScenarioResult): boolean {
    if (verdict !== "error" || reason === null) return false;
    const others = this.#errors.get(reason);
    if (others === undefined) this.#errors.set(reason, []);
    else others.push(scenario);
    return others !== undefined;
  }

  /** The trace of a violation that is wanted is worth a screen only to someone who asked for that scenario alone. */
  #showTraces(loaded: LoadedScenario, { result, replayed, further }: Checked, story: TraceStory | null): void {
    if (result.asExpected && this.#scenarios > 1) return;
    const name = result.scenario;
    if (replayed !== null) this.#showTrace(loaded, name, replayed, story);
    for (const f of further) this.#showTrace(loaded, furtherName(name, f.replayed.property.name), f.replayed, f.story);
  }

  /** `name`: what the trace is called in a file of results. */
  #showTrace(loaded: LoadedScenario, name: string, replayed: ReplayedTrace, story: TraceStory | null): void {
    const { width, color, full } = this.#view;
    const view = { width: lineWidth(width), color, full, replayCommand: this.#replayHint(loaded, name, replayed) };
    this.remark(`\n${renderTrace(replayed, view, story).trimEnd()}`);
  }

  #replayHint({ from }: LoadedScenario, name: string, { trace, actors }: ReplayedTrace): string {
    const command = replayCommand(trace, actors, from);
    if (command.length <= TRACE_STRING_MAX) return command;
    const { resultsFile } = this.#view;
    if (resultsFile !== null) return replayFromFile(resultsFile, name, from);
    const shorter = replayFromFile("results.json", name, from);
    return `${command}\n  (a long one: "check ${trace.scenario} --out results.json" keeps it in a file, for "${shorter}")`;
  }

  #showAudit({ rows, disagreements }: Audit): void {
    const { paint } = this.#view;
    const head = ["variant", "verdict", "states", "transitions", "depth", "trace", "agrees"];
    const body = rows.map((row, i) => {
      const { verdict, states, transitions, depth, violation } = row.result;
      const length = violation === null ? "-" : String(violation.length);
      return [row.variant, verdict, group(states), group(transitions), String(depth), length, agreement(row, i === 0)];
    });
    const painted = (line: string, i: number): string => {
      if (i === 0) return paint.bold(line);
      return rows[i - 1]!.disagreements.length > 0 ? paint.red(line) : line;
    };
    this.remark(table([head, ...body], [false, false, true, true, true, true, false], (line, i) => `     ${painted(line, i)}`));
    for (const d of disagreements) this.remark(`     ${paint.red(d)}`);
  }

  end({ results, notRun, failures, auditsCut, disagreements, patch }: RunEnd): void {
    const { paint, invariants } = this.#view;
    this.#progress.clear();
    for (const others of this.#errors.values()) {
      const more = count(others.length, "scenario");
      if (others.length > 0) this.remark(`${paint.red("FAIL")} ${more} more, for the same reason: ${others.join(", ")}`);
    }
    if (results.length > 1) this.remark(`\n${summaryTable(results, paint)}`);
    if (invariants) this.remark(`\n${invariantsTable(results)}`);
    if (this.#countsCoverage) this.remark(`\n${this.#coverage.render()}`);
    if (results.length + notRun.length > 0) this.remark(`\n${tally(results, notRun)}`);
    const refined = refinementLine(results);
    if (refined !== null) this.remark(refined);
    const onTrust = results.filter((r) => r.notChecked.includes(ATOMICITY_NOT_CHECKED)).length;
    if (onTrust > 0) this.remark(`${ATOMICITY_NOT_CHECKED}${results.length > 1 ? ` (${onTrust} of these scenarios)` : ""}`);
    if (notRun.length > 0) this.remark(`not run: ${listed(notRun)}`);
    if (auditsCut.length > 0) this.remark(`audit incomplete, since a variant ended early: ${auditsCut.join(", ")}`);
    for (const d of disagreements) this.remark(paint.red(d));
    const nothingRan = results.every((r) => r.verdict === "error");
    if (patch !== null && !nothingRan) this.remark(`\n${patchInWords(patch, results.some(isFinding), paint)}`);
    // Said once more at the end, where it is not scrolled away by the results.
    if (results.length > 1) for (const f of failures) this.complain(f);
  }

  close(): void {}

  remark(text: string): void {
    this.#progress.clear();
    this.#view.out.write(`${text}\n`);
  }

  complain(text: string): void {
    this.#progress.clear();
    this.#view.err.write(`thpcheck: ${text}\n`);
  }
}

/** Names of scenarios that are told at most. */
const NAMES_SHOWN = 10;

const listed = (names: readonly string[]): string =>
  `${names.slice(0, NAMES_SHOWN).join(", ")}${names.length > NAMES_SHOWN ? `, and ${names.length - NAMES_SHOWN} more` : ""}`;

const isFinding = (r: ScenarioResult): boolean => r.verdict === "violated" && !r.asExpected;

/** Whether a variant of an audit agrees with the first one. */
function agreement({ result, disagreements }: Audit["rows"][number], isFirst: boolean): string {
  if (disagreements.length > 0) return "NO";
  if (result.verdict === "incomplete" || result.verdict === "error") return "not compared";
  return isFirst ? "-" : "yes";
}
