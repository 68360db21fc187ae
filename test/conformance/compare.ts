/** Do two lists of observations agree, by the rules. */
import { isGauge, lineToText, type Observations } from "./observation.ts";
import { addSuppressed, NOT_REFERENCED, TRANSIENT, type RuleName, type Suppressed } from "./rules.ts";

export interface Difference {
  readonly step: number;
  /** What a side says; null: nothing at this place. */
  readonly real: string | null;
  readonly impl: string | null;
}

export interface Comparison {
  /** The first difference, or null. */
  readonly difference: Difference | null;
  readonly observations: number;
  readonly suppressed: Suppressed;
}

/** Tracepoints cannot be had on that machine. */
const NO_TRACE = "x";
const isCounters = (line: string): boolean => line.startsWith("k ");
const isTrace = (line: string): boolean => line.startsWith("t ");
/** What others have moved: no observation, but evidence. */
export const isOfOthers = (line: string): boolean => line.startsWith("n ");
const isState = (line: string): boolean => !isCounters(line) && !isTrace(line) && !isOfOthers(line) && line !== NO_TRACE;
const numbersOf = (line: string): number[] => line.split(" ").slice(1).map(Number);

/**
 * @param runs - what the real kernel said, once or more: several runs of the same program
 * @param excuse - a counter that agrees in none of the runs is excused where others were seen to move it
 */
export function compare(runs: readonly Observations[], impl: Observations, excuse = false): Comparison {
  const c = new Comparing(excuse ? movedByOthers(runs) : new Set());
  const steps = Math.max(impl.length, ...runs.map((r) => r.length));
  for (let step = 0; step < steps; step++) {
    const mine = impl[step] ?? [];
    const real = runs.map((r) => r[step] ?? []);
    const found = c.traces(step, real.at(-1)!, mine) ?? c.states(step, real, mine) ?? c.counters(step, real, mine);
    if (found !== null) return { difference: found, observations: c.observations, suppressed: c.suppressed };
  }
  return { difference: null, observations: c.observations, suppressed: c.suppressed };
}

/** Counters that others have moved in one of the runs, by place in COUNTERS. */
function movedByOthers(runs: readonly Observations[]): ReadonlySet<number> {
  const lines = runs.flat(2).filter(isOfOthers).map(numbersOf);
  return new Set(lines.flatMap((moved) => moved.flatMap((by, i) => (by > 0 ? [i] : []))));
}

class Comparing {
  observations = 0;
  readonly suppressed: Suppressed = {};
  readonly #excused: ReadonlySet<number>;

  constructor(excused: ReadonlySet<number>) { this.#excused = excused; }

  /** What was returned and read, areas and pages: equal in every run. */
  states(step: number, runs: readonly (readonly string[])[], impl: readonly string[]): Difference | null {
    const mine = impl.filter(isState);
    for (const run of runs) {
      const real = run.filter(isState);
      for (let i = 0; i < Math.max(real.length, mine.length); i++) {
        this.observations++;
        if (real[i] !== mine[i]) return { step, real: real[i] ?? null, impl: mine[i] ?? null };
      }
    }
    return null;
  }

  /** Each as in one of the runs, or excused. */
  counters(step: number, runs: readonly (readonly string[])[], impl: readonly string[]): Difference | null {
    const mine = numbersOf(impl.find(isCounters) ?? "k");
    const real = runs.map((r) => numbersOf(r.find(isCounters) ?? "k"));
    for (const [i, value] of mine.entries()) {
      this.observations++;
      if (!real.some((r) => r[i] === value) && !this.#mayDiffer(i, real.map((r) => r[i]!), value)) {
        return { step, real: `k ${real[0]!.join(" ")}`, impl: `k ${mine.join(" ")}` };
      }
      if (real[0]![i] !== value) addSuppressed(this.suppressed, "counters of others", 1);
    }
    return null;
  }

  /** Others can only add to what only goes up. */
  #mayDiffer(counter: number, real: readonly number[], mine: number): boolean {
    return this.#excused.has(counter) && (isGauge(counter) || real.every((r) => r > mine));
  }

  /** How often each tracepoint was passed with each status. */
  traces(step: number, run: readonly string[], impl: readonly string[]): Difference | null {
    if (run.includes(NO_TRACE)) return null;
    const real = countsOf(run);
    const mine = countsOf(impl);
    for (const what of new Set([...real.keys(), ...mine.keys()])) {
      this.observations++;
      const a = real.get(what) ?? 0;
      const b = mine.get(what) ?? 0;
      if (a !== b) return { step, real: `${what} ${a}`, impl: `${what} ${b}` };
    }
    return null;
  }
}

function countsOf(lines: readonly string[]): Map<string, number> {
  return new Map(lines.filter(isTrace).map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

/** Whether, in this step, somebody from outside had a hand in it: the rule that says so, or null. */
export function disturbedBy(real: readonly string[], impl: readonly string[]): RuleName | null {
  const passed = (lines: readonly string[], statuses: readonly string[]): number => [...countsOf(lines)].reduce(
    (n, [what, count]) => n + (statuses.includes(what.split(" ")[2]!) ? count : 0), 0,
  );
  if (passed(real, TRANSIENT) > passed(impl, TRANSIENT)) return "transient references";
  return passed(real, [NOT_REFERENCED]) < passed(impl, [NOT_REFERENCED]) ? "sampled accesses" : null;
}

/** Lines of the one that the other has not. */
export function countDifferences(real: Observations, impl: Observations): number {
  return real.reduce((sum, lines, step) => sum + lines.filter((l) => isState(l) && !(impl[step] ?? []).includes(l)).length, 0);
}

/** A side of a difference, for people. */
export function sideToText(line: string | null): string {
  return line === null ? "nothing" : lineToText(line);
}
