/** Results of a run as lines and as a table. */
import { match } from "ts-pattern";
import { ATOMICITY_NOT_CHECKED, type ScenarioResult } from "../result.ts";
import { count, duration, group, odds, short } from "../numbers.ts";
import { promiseInWords } from "./promise-text.ts";
import type { Paint } from "./output.ts";

const pad = (text: string, width: number, right: boolean): string => (right ? text.padStart(width) : text.padEnd(width));

/** Columns as wide as their widest cell; `right` marks columns of numbers. Rows after the first are painted by `paint`. */
export function table(
  rows: readonly (readonly string[])[], right: readonly boolean[], paintRow: (line: string, row: number) => string = (line) => line,
): string {
  const widths = right.map((_, c) => Math.max(...rows.map((r) => (r[c] ?? "").length)));
  return rows.map((r, i) => paintRow(widths.map((w, c) => pad(r[c] ?? "", w, right[c]!)).join("  ").trimEnd(), i)).join("\n");
}

/** `holds`, `violates "NoOverlap" in 7 steps`, ... */
export function verdictInWords(r: ScenarioResult): string {
  return match(r.verdict)
    .with("holds", () => "holds")
    .with("incomplete", () => "incomplete")
    .with("error", () => "error")
    .with("violated", () => {
      const v = r.violation!;
      const name = JSON.stringify(v.property);
      if (v.kind === "finally" && v.trace === null) return `reaches no end at which ${name} could be asked`;
      return v.kind === "sometimes" ? `never shows ${name}` : `violates ${name} in ${count(v.length, "step")}`;
    })
    .exhaustive();
}

/** As expected, or the expectation that was missed. */
function comparison(r: ScenarioResult): string {
  if (r.asExpected) return "as expected";
  if (r.verdict === "incomplete") return `stopped: ${r.reason}`;
  if (r.verdict === "error") return r.reason ?? "";
  return `expected: ${r.expected}; ${r.reason}`;
}

/** The line that closes a scenario, and below it why the result is not what was expected. */
export function resultLine(r: ScenarioResult, paint: Paint): string {
  const mark = markOf(r, paint);
  if (r.verdict === "error") return `${mark} ${paint.bold(r.scenario)}: ${r.reason}`;
  const size = `${count(r.states, "state")}, ${count(r.transitions, "transition")}, depth ${r.depth}`;
  const engine = r.engine === "wasm" ? " in WebAssembly" : "";
  const figures = `${size}, ${duration(r.seconds)}, ${short(r.statesPerSecond)} states/s${engine}`;
  const why = r.asExpected ? "" : `\n     ${comparison(r)}`;
  const notes = remarksOn(r).map((n) => `\n     ${paint.dim(`note: ${n}`)}`).join("");
  const warnings = r.warnings.map((w) => `\n     ${paint.yellow(`warning: ${w}`)}`).join("");
  const also = r.alsoViolated.map((p) => `\n     broken: ${promiseInWords(p)} too`).join("");
  return `${mark} ${paint.bold(r.scenario)} ${verdictInWords(r)}: ${figures}${why}${also}${warnings}${notes}`;
}

function markOf(r: ScenarioResult, paint: Paint): string {
  if (r.asExpected) return paint.green("ok  ");
  return r.verdict === "incomplete" ? paint.yellow("part") : paint.red("FAIL");
}

/**
 * Notes; and what was not checked, without what the line says already: that a search ends at a violation, or at a bound.
 */
function remarksOn(r: ScenarioResult): string[] {
  const remarks = r.notChecked.filter((n) => n !== ATOMICITY_NOT_CHECKED);
  if (r.verdict === "violated") return [...r.notes, ...(r.further.length === 0 ? [] : remarks)];
  return [...r.notes, ...(r.verdict === "incomplete" ? remarks.filter((n) => !n.includes(r.reason ?? "")) : remarks)];
}

function asExpectedInWords(r: ScenarioResult): string {
  if (r.asExpected) return "yes";
  return r.verdict === "incomplete" || r.verdict === "error" ? r.verdict : "NO";
}

/** One row a scenario; what was not as expected is marked. */
export function summaryTable(results: readonly ScenarioResult[], paint: Paint): string {
  const head = ["scenario", "verdict", "states", "transitions", "depth", "seconds", "states/s", "lost to collisions", "as expected"];
  const rows = results.map((r) => [
    r.scenario, verdictInWords(r), group(r.states), group(r.transitions), group(r.depth), r.seconds.toFixed(2), short(r.statesPerSecond),
    odds(r.expectedCollisions, r.exact), asExpectedInWords(r),
  ]);
  const color = (line: string, row: number): string => {
    const r = results[row - 1];
    if (r === undefined) return paint.bold(line);
    if (r.asExpected) return line;
    return r.verdict === "incomplete" ? paint.yellow(line) : paint.red(line);
  };
  return table([head, ...rows], [false, false, true, true, true, true, true, true, false], color);
}

/** The last line of a run: how many results there are of each sort. */
export function tally(results: readonly ScenarioResult[], notRun: readonly string[]): string {
  const n = (test: (r: ScenarioResult) => boolean): number => results.filter(test).length;
  const seconds = results.reduce((sum, r) => sum + r.seconds, 0);
  const parts = [
    `${count(results.length, "scenario")}: ${n((r) => r.asExpected)} as expected`,
    ...some(n((r) => !r.asExpected && (r.verdict === "holds" || r.verdict === "violated")), "not as expected"),
    ...some(n((r) => r.verdict === "incomplete"), "incomplete"),
    ...some(n((r) => r.verdict === "error"), "in error"),
    ...some(notRun.length, "not run"),
    ...some(n((r) => r.warnings.length > 0), "with a warning"),
  ];
  return `${parts.join(", ")}; ${count(results.reduce((sum, r) => sum + r.states, 0), "state")} in ${duration(seconds)}`;
}

const some = (n: number, what: string): string[] => (n === 0 ? [] : [`${n} ${what}`]);
