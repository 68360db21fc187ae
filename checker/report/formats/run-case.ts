/**
 * A run as a list of cases with one of four outcomes, which is all that test reports know. A report is read as a pass where none of
 * its cases is `fail` or `error`; so some case is, exactly if the run's exit code is not 0: `casesOf` sees to that last of all.
 */
import type { ReplayedTrace, ScenarioResult, TraceStory } from "../../result.ts";
import type { LoadedScenario } from "../../project/project.ts";
import { renderTrace } from "../counterexample.ts";
import { TRACE_STRING_MAX, furtherName, replayCommand } from "../replay-command.ts";
import type { ReportedScenario, RunEnd } from "../reporter.ts";
import { namedFile, placeOfBreak, placeOfRefusal, type Place } from "./place.ts";
import type { ReportedRun } from "./reported-run.ts";

/** `error`: not all was looked at, so that nothing is known; an incomplete search as well, which is never a pass. */
export type Outcome = "pass" | "fail" | "error" | "skip";

export interface RunCase {
  /** A scenario, with a promise where it breaks several; or what else a run can fail by. */
  readonly name: string;
  /** The module of the scenario, named like the file of a place; "thpcheck" for what is about the whole run. */
  readonly module: string;
  readonly outcome: Outcome;
  /** The promise that broke, or the kind of failure: `incomplete`, `module`, ... Empty for a pass. */
  readonly rule: string;
  /** One sentence; of a pass, what was found. */
  readonly message: string;
  /** Lines for a person: the trace, and the command that replays it. Empty where there are none. */
  readonly detail: string;
  readonly seconds: number;
  /** Where the promise broke, else where the scenario is; null: nowhere. */
  readonly place: Place | null;
  readonly result: ScenarioResult | null;
  readonly trace: ReplayedTrace | null;
}

/** Columns of a trace in a report. */
const WIDTH = 120;

/** The cases of a run, scenarios first. A run that has not ended has a case that says so. */
export function casesOf(run: ReportedRun): RunCase[] {
  const { head, scenarios, end } = run;
  const cases = scenarios.flatMap((s) => casesOnce(s, head.folder, head.strict));
  if (end === null) return [...cases, general("the run", "error", "unfinished", "the run has not ended, or was broken off before it did")];
  cases.push(...generalCases(end));
  const isBad = cases.some((c) => c.outcome === "fail" || c.outcome === "error");
  if (end.exitCode !== 0 && !isBad) cases.push(general("the run", "error", "exit", `the run ended with exit code ${end.exitCode}`));
  return cases;
}

function generalCases(end: RunEnd): RunCase[] {
  const { failures, disagreements, auditsCut, notRun, unwritten, leftOut, patch } = end;
  const of = (names: readonly string[], outcome: Outcome, rule: string, says: string): RunCase[] =>
    names.map((name) => general(name, outcome, rule, says));
  return [
    ...failures.map((f, n) => general(`module ${n + 1} that gave no scenarios`, "error", "module", f)),
    ...disagreements.map((d, n) => general(`audit ${n + 1} that disagrees`, "fail", "audit", d)),
    ...of(auditsCut, "error", "audit-incomplete", "a variant of its audit ended early"),
    ...of(notRun, "error", "not-run", "the run was stopped before it was checked"),
    ...of(unwritten, "error", "pins", "its pins could not be written"),
    ...of(leftOut, "skip", "left-out", "left out by --up-to: it pins more states, or none"),
    ...(patch?.wasExercised === false
      ? [general(`patch ${patch.name}`, "error", "patch-not-exercised", "no scenario of this run executes the lines that it changes")]
      : []),
  ];
}

function general(name: string, outcome: Outcome, rule: string, message: string): RunCase {
  return { name, module: "thpcheck", outcome, rule, message, detail: "", seconds: 0, place: null, result: null, trace: null };
}

/** A document is written anew after each scenario, and a trace is not told anew for each. */
const known = new WeakMap<ReportedScenario, readonly RunCase[]>();
function casesOnce(s: ReportedScenario, folder: string, strict: boolean): readonly RunCase[] {
  const before = known.get(s);
  if (before !== undefined) return before;
  const first = caseOf(s, folder, strict);
  const made = [first, ...(first.outcome === "fail" ? furtherCases(s, folder) : [])];
  known.set(s, made);
  return made;
}

function caseOf({ loaded, checked, story }: ReportedScenario, folder: string, strict: boolean): RunCase {
  const { result, replayed } = checked;
  const module = namedFile(loaded.file, folder);
  const { outcome, rule, message } = judged(result, strict);
  const isBad = outcome !== "pass";
  const shown = isBad ? replayed : null;
  return {
    name: result.scenario, module, outcome, rule, message, ...told(shown, story, loaded, folder, placeOfRefusal(result, folder)),
    seconds: result.seconds, result,
  };
}

/**
 * Of a search that went on past violations: a case for each promise that breaks, and witness that it missed, besides. The first case
 * says how long it took.
 */
function furtherCases({ loaded, checked: { result, further } }: ReportedScenario, folder: string): RunCase[] {
  const module = namedFile(loaded.file, folder);
  const missed = result.violation?.kind === "sometimes" ? [] : result.alsoViolated.filter((p) => p.kind === "sometimes");
  const broken = (rule: string, message: string, trace: ReplayedTrace | null, story: TraceStory | null): RunCase => ({
    name: furtherName(result.scenario, rule), module, outcome: "fail", rule, message, ...told(trace, story, loaded, folder), seconds: 0,
    result: null,
  });
  return [
    ...missed.map(({ name }) => broken(name, `no reachable state shows "${name}"`, null, null)),
    ...further.map(({ replayed, story }, n) => {
      const { property: name, length, message } = result.further[n]!;
      return broken(name, `violates "${name}" in ${length} steps: ${message}`, replayed, story);
    }),
  ];
}

/** What a case says of a trace; of none, where its scenario was refused, or is. */
function told(
  trace: ReplayedTrace | null, story: TraceStory | null, { file, from }: LoadedScenario, folder: string, refused: Place | null = null,
): Pick<RunCase, "detail" | "place" | "trace"> {
  const command = trace === null ? "" : replayCommand(trace.trace, trace.actors, from);
  const view = { width: WIDTH, color: false, full: false, replayCommand: command.length <= TRACE_STRING_MAX ? command : "" };
  const broke = trace === null ? refused : placeOfBreak(trace, folder);
  const detail = trace === null ? "" : renderTrace(trace, view, story).trimEnd();
  return { detail, place: broke ?? { file: namedFile(file, folder), line: 1 }, trace };
}

function judged(r: ScenarioResult, strict: boolean): Pick<RunCase, "outcome" | "rule" | "message"> {
  const because = r.reason === null ? "" : `: ${r.reason}`;
  if (r.verdict === "error") return { outcome: "error", rule: "error", message: r.reason ?? "it could not be checked" };
  if (r.verdict === "incomplete") return { outcome: "error", rule: "incomplete", message: `incomplete, which is no pass${because}` };
  if (!r.asExpected) {
    // The name as it is, without the escapes of `verdictInWords`: each format has its own.
    const found = r.violation === null ? r.verdict : `violates "${r.violation.property}" in ${r.violation.length} steps`;
    const also = r.alsoViolated.length === 0 ? "" : `; also ${r.alsoViolated.map((p) => `"${p.name}"`).join(", ")}`;
    const message = `${found}, expected: ${r.expected}${also}${because}`;
    return { outcome: "fail", rule: r.violation?.property ?? "not-as-expected", message };
  }
  if (strict && r.warnings.length > 0) return { outcome: "fail", rule: "warning", message: r.warnings.join(" ") };
  return { outcome: "pass", rule: "", message: `${r.expected}, as expected` };
}
