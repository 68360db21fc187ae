/** The table of `thpcheck pairs`, what is not covered and why, and the traces of what does not hold. */
import pc from "picocolors";
import { count, duration, group } from "../../checker/numbers.ts";
import { table } from "../../checker/report/summary.ts";
import { CALL_NAMES } from "../../impl/entry/calls.ts";
import { MEMORIES } from "./memory.ts";
import { OPERATIONS, PART_OF } from "./operations.ts";
import type { Overlap } from "./overlap.ts";
import { INTERRUPTED, type CellResult } from "./result.ts";

/** Traces that are printed at most; the others are named with the command that shows them. */
const TRACES_MAX = 2;

/** What each way not to be covered means, in the order in which it is told. */
const MEANING: Readonly<Record<Exclude<Overlap, "covered">, string>> = {
  "in turn": "both can do what they are for, one after the other only: one step each, or a lock that both hold from first to last",
  "either": "each can, but not both in one run: the one takes away what the other needs",
  "first never": "the first has nothing to do there, or is refused",
  "second never": "the second has nothing to do there, or is refused",
  "neither": "neither has anything to do there",
  "unknown": "more states than were looked at",
};

/** What the table says nothing of, besides single calls. */
const NOT_THERE = [
  "two scans by khugepaged, of which there is one", "allocations that fail", "more than 2 pages in a huge page",
];

export function renderReport(all: readonly CellResult[], seconds: number, list: boolean): string {
  const results = all.filter((r) => r.reason !== INTERRUPTED);
  const left = all.length - results.length;
  const parts = [
    list ? listing(results) : matrix(results),
    missing(results),
    violations(results),
    tally(results, seconds),
    left === 0 ? "" : pc.red(`interrupted: ${count(left, "cell")} more, which nobody has looked at`),
  ];
  return `${parts.filter((p) => p !== "").join("\n\n")}\n`;
}

const isDecided = (r: CellResult): boolean => r.verdict !== "left out";

/** By operation and kind of memory: cells that are covered, of those that were decided. */
function matrix(results: readonly CellResult[]): string {
  const memories = MEMORIES.filter((m) => results.some((r) => r.memory === m));
  const cellsOf = new Map<string, CellResult[]>();
  for (const r of results) for (const operation of new Set([r.first, r.second])) {
    const key = `${operation}@${r.memory}`;
    cellsOf.set(key, [...(cellsOf.get(key) ?? []), r]);
  }
  const decided = (name: string, memory: string): CellResult[] => (cellsOf.get(`${name}@${memory}`) ?? []).filter(isDecided);
  const rows = OPERATIONS.map(({ name }) => [name, ...memories.map((m) => summary(decided(name, m)))])
    .filter((row) => row.some((cell, i) => i > 0 && cell !== "-"));
  const head = ["covered of decided, beside any other", ...memories];
  const paint = (line: string, i: number): string => (i === 0 ? pc.bold(line) : line.includes("!") ? pc.red(line) : line);
  return table([head, ...rows], [false, ...memories.map(() => true)], paint);
}

/** `12/30`, with an exclamation mark where one is not as expected. */
function summary(cells: readonly CellResult[]): string {
  if (cells.length === 0) return "-";
  const covered = cells.filter((r) => r.overlap === "covered").length;
  return `${covered}/${cells.length}${cells.some((r) => !r.asExpected) ? " !" : ""}`;
}

function listing(results: readonly CellResult[]): string {
  const rows = results.map((r) => [r.cell, r.verdict, group(r.states), r.overlap ?? "", r.violation?.property ?? ""]);
  const head = ["cell", "verdict", "states", "overlap", "breaks"];
  return table([head, ...rows], [false, false, true, false, false], (line, i) => (i === 0 ? pc.bold(line) : line));
}

/** What is not there, and why. */
function missing(results: readonly CellResult[]): string {
  const holding = results.filter((r) => r.verdict === "holds");
  const notCovered = (Object.keys(MEANING) as (keyof typeof MEANING)[]).flatMap((overlap) => {
    const n = holding.filter((r) => r.overlap === overlap).length;
    return n === 0 ? [] : [`  ${group(n)} ${overlap}: ${MEANING[overlap]}`];
  });
  const leftOut = results.filter((r) => !isDecided(r)).length;
  const part = Object.entries(PART_OF).map(([call, whole]) => `${call} is part of ${whole}`);
  const absent = CALL_NAMES.filter((name) => PART_OF[name] === undefined && !OPERATIONS.some((o) => o.call === name));
  return [
    ...(notCovered.length === 0 ? [] : ["not covered, though nothing breaks:", ...notCovered]),
    `left out: ${count(leftOut, "cell")} whose sides cannot interact, by what their routines may access`,
    `not there: ${[...part, ...absent.map((name) => `${name} has no operation`), ...NOT_THERE].join("; ")}`,
  ].join("\n");
}

function violations(results: readonly CellResult[]): string {
  const broken = results.filter((r) => r.violation !== null);
  const wrong = results.filter((r) => !r.asExpected);
  const alone = results.length === 1;
  const told = (alone ? broken : broken.filter((r) => !r.asExpected)).toSorted((a, b) => a.violation!.steps - b.violation!.steps);
  const traces = told.slice(0, TRACES_MAX).flatMap(({ cell, violation }) =>
    (violation!.trace === null ? [] : [`${pc.bold(cell)}\n\n${violation!.trace.trimEnd()}`]));
  return [...traces, ...wrong.map((r) => wrongLine(r, alone)), ...expected(broken.filter((r) => r.asExpected))].join("\n");
}

function wrongLine({ cell, verdict, violation, reason }: CellResult, alone: boolean): string {
  const what = violation === null ? verdict : `breaks "${violation.property}" in ${count(violation.steps, "step")}`;
  const hint = violation === null || alone ? "" : `\n    npx thpcheck pairs --only '${cell}'`;
  return `${pc.red(cell)}: ${what}: ${reason}${hint}`;
}

/** Faults that are Linux's own, by their reason. */
function expected(broken: readonly CellResult[]): string[] {
  return [...Map.groupBy(broken, (r) => `breaks "${r.violation!.property}", as expected: ${r.reason}`)]
    .map(([what, cells]) => `${cells.map((r) => r.cell).join(", ")}: ${what}`);
}

function tally(results: readonly CellResult[], seconds: number): string {
  const n = (test: (r: CellResult) => boolean): number => results.filter(test).length;
  const some = (many: number, what: string): string[] => (many === 0 ? [] : [`${group(many)} ${what}`]);
  const decided = results.filter(isDecided);
  const states = results.reduce((sum, r) => sum + r.states, 0);
  const largest = decided.toSorted((a, b) => b.states - a.states)[0];
  return [
    `${count(decided.length, "cell")}: ${group(n((r) => r.verdict === "holds" && r.asExpected))} hold`,
    `${group(n((r) => r.overlap === "covered"))} are covered`,
    ...some(n((r) => r.violation !== null && r.asExpected), "break as expected"),
    ...some(n((r) => !r.asExpected), "not as expected"),
    `${count(states, "state")}, ${group(largest?.states ?? 0)} in the largest (${largest?.cell ?? "-"}); ${duration(seconds)}`,
  ].join(", ");
}
