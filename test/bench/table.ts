/** From measurements to the rows and ratios of the report. */
import type { Contestant, Measurement } from "./contestant.ts";
import type { BenchModel } from "./models.ts";

/** All runs of one contestant on one model, in the order of the rounds. */
export interface Series {
  readonly contestant: Contestant;
  readonly runs: readonly Measurement[];
}

export interface Row {
  readonly tool: string;
  readonly states: number;
  readonly transitions: number;
  /** States per second of the tool's own search time. */
  readonly searchRate: number;
  /** States per second of wall time. */
  readonly wallRate: number;
  readonly wallSeconds: number;
  readonly wallMin: number;
  readonly wallMax: number;
  readonly cpuSeconds: number | null;
  readonly peakBytes: number | null;
}

export interface Ratio {
  readonly of: string;
  readonly to: string;
  /** Above 1: `of` finds more states per second of its own search time. */
  readonly searchRate: number;
  /** Above 1: `of` finds more states per second of wall time. */
  readonly wallRate: number;
  /** Below 1: `of` takes less. */
  readonly cpu: number | null;
  readonly peak: number | null;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median, or null when one run has no value. */
const medianOf = (runs: readonly Measurement[], value: (m: Measurement) => number | null): number | null => {
  const values = runs.map(value).filter((v) => v !== null);
  return values.length === runs.length ? median(values) : null;
};

/** A clock that reads in hundredths may read 0. */
const searchRate = (m: Measurement): number => m.states / Math.max(m.searchSeconds, 0.001);
const wallRate = (m: Measurement): number => m.states / m.wallSeconds;

export function row({ contestant, runs }: Series): Row {
  const wall = runs.map((m) => m.wallSeconds);
  return {
    tool: contestant.name,
    states: runs[0]!.states,
    transitions: runs[0]!.transitions,
    searchRate: median(runs.map(searchRate)),
    wallRate: median(runs.map(wallRate)),
    wallSeconds: median(wall), wallMin: Math.min(...wall), wallMax: Math.max(...wall),
    cpuSeconds: medianOf(runs, (m) => m.cpuSeconds),
    peakBytes: medianOf(runs, (m) => m.peakBytes),
  };
}

/** The median over the rounds of each round's ratio: what slows the machine for a while slows both sides of a round. */
export function ratio(of: Series, to: Series): Ratio {
  const perRound = (value: (m: Measurement) => number | null): number | null => {
    const ratios = of.runs.map((m, round) => {
      const [a, b] = [value(m), value(to.runs[round]!)];
      // GNU time reads in hundredths of a second: 0 says only that there was too little to compare with.
      return a === null || b === null || b === 0 ? null : a / b;
    }).filter((r) => r !== null);
    return ratios.length === of.runs.length ? median(ratios) : null;
  };
  return {
    of: of.contestant.name, to: to.contestant.name,
    searchRate: perRound(searchRate)!, wallRate: perRound(wallRate)!,
    cpu: perRound((m) => m.cpuSeconds), peak: perRound((m) => m.peakBytes),
  };
}

/** thpcheck against each other tool of as many workers, and more workers against one. */
export function ratios(series: readonly Series[]): Ratio[] {
  const ours = series.filter((s) => s.contestant.tool === "thpcheck");
  const theirs = series.filter((s) => s.contestant.tool !== "thpcheck");
  const one = ours.find((s) => s.contestant.workers === 1);
  return [
    ...ours.flatMap((own) => theirs.filter((other) => other.contestant.workers === own.contestant.workers).map((other) => ratio(own, other))),
    ...(one === undefined ? [] : ours.filter((s) => s !== one).map((s) => ratio(s, one))),
  ];
}

/**
 * What it costs to hold each step to the machines, as a share of the speed without: 0.2 is a fifth fewer states per second
 * of search. The median over the rounds; null where the two were not run.
 */
export function refinementCost(series: readonly Series[]): number | null {
  const without = series.find((s) => s.contestant.refines === false);
  const held = series.find((s) => s.contestant.refines === true && s.contestant.workers === without?.contestant.workers);
  if (without === undefined || held === undefined) return null;
  return 1 - ratio(held, without).searchRate;
}

/** Share of the speed that refinement may cost. */
export const REFINEMENT_COST_MAX = 0.25;

export function printRefinementCost(cost: number): string {
  return `refinement costs ${(100 * cost).toFixed(1)}% of the speed (at most ${100 * REFINEMENT_COST_MAX}%)${cost > REFINEMENT_COST_MAX ? ": TOO MUCH" : ""}`;
}

/** Each count that differs from what the model has (or, where it says none, from the first run), in a sentence. */
export function disagreements(model: BenchModel, series: readonly Series[]): string[] {
  const first = series[0]?.runs[0];
  const states = model.states ?? first?.states ?? 0;
  const edges = model.edges ?? first?.transitions ?? 0;
  return series.flatMap(({ contestant, runs }) => {
    // Another state of this project may have another kernel: its counts are in its row.
    if (contestant.tool === "earlier") return [];
    const transitions = contestant.expectedTransitions(edges, model);
    const wrong = runs.find((m) => m.states !== states || m.transitions !== transitions);
    return wrong === undefined ? [] : [
      `${model.name}: ${contestant.name} found ${group(wrong.states)} ${model.unit} and ${group(wrong.transitions)} transitions instead of ${group(states)} and ${group(transitions)}`,
    ];
  });
}

const group = (n: number): string => Math.round(n).toLocaleString("en-US");
const seconds = (n: number): string => n.toFixed(n < 10 ? 3 : 1);
const orDash = (n: number | null, print: (n: number) => string): string => (n === null ? "-" : print(n));

export function printRows(rows: readonly Row[], unit: BenchModel["unit"]): string {
  const header = ["", unit, "transitions", `${unit}/s search`, `${unit}/s wall`, "wall s", "min-max", "CPU s", "peak MB"];
  return layOut([header, ...rows.map((r) => [
    r.tool, group(r.states), group(r.transitions), group(r.searchRate), group(r.wallRate), seconds(r.wallSeconds),
    `${seconds(r.wallMin)}-${seconds(r.wallMax)}`, orDash(r.cpuSeconds, seconds), orDash(r.peakBytes, (b) => group(b / 2 ** 20)),
  ])]);
}

export function printRatios(list: readonly Ratio[]): string {
  const times = (n: number): string => n.toFixed(2);
  return layOut([
    ["ratio", "states/s search", "states/s wall", "CPU s", "peak MB"],
    ...list.map((r) => [`${r.of} / ${r.to}`, times(r.searchRate), times(r.wallRate), orDash(r.cpu, times), orDash(r.peak, times)]),
  ]);
}

/** Columns of equal width, the first to the left and the others to the right. */
function layOut(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines.map((line) => line.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join("  ").trimEnd()).join("\n");
}
