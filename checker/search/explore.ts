/** The one entry to the explorer: run a strategy, choose the violation, make it a trace. */
import type { Measures, PropertyRef } from "../result.ts";
import type { Explanation, SystemSource, TransitionSystem } from "../system.ts";
import { breadthFirst } from "./strategy/bfs.ts";
import { describeViolation, explainViolation } from "./describe.ts";
import { depthFirst } from "./strategy/dfs.ts";
import { minimise, type MinimiseBounds, type MinimiseTask } from "./minimise.ts";
import { PctScheduler } from "./strategy/pct.ts";
import { RandomScheduler } from "./strategy/random-walk.ts";
import { makeHashing } from "./store/fingerprint.ts";
import { releaseMemory } from "./store/release.ts";
import type { ExploreOptions, SearchRun, SearchTask, Violated } from "./run.ts";
import { SEARCH_WORKERS_MAX, refinementCounts } from "./run.ts";
import type { PathStep } from "./steps.ts";
import { walk } from "./strategy/walk.ts";
import { statesInForce } from "./in-force.ts";
import { measuresOf } from "./measures.ts";

export type { ExploreOptions, Progress } from "./run.ts";
export { prepareHelpers } from "./parallel/team.ts";

/** A violation with its trace. A witness that was never reached has no steps. */
export interface Finding {
  readonly kind: PropertyRef["kind"];
  /** What else is broken where the search ended. */
  readonly also: readonly PropertyRef[];
  /** The property; "deadlock"; or the rule that a faulty step broke. */
  readonly name: string;
  readonly message: string;
  readonly initial: readonly number[];
  readonly steps: readonly PathStep[];
  /** Shortest, and with the fewest context switches among the shortest. */
  readonly minimised: boolean;
  readonly explanation: Explanation | null;
}

export interface Outcome {
  /** Every reachable state was expanded: only then can a scenario hold. */
  readonly complete: boolean;
  /** The bound that ended the run; null when it is complete or ended with a finding. */
  readonly stopReason: string | null;
  readonly measures: Measures;
  /** In the order of `system.sometimes`. */
  readonly witnessesReached: readonly boolean[];
  readonly finding: Finding | null;
  /** In how many of the states each state property was in force, in the order of `system.always`. */
  readonly inForce: readonly number[];
  /** Of this search alone, as `RefinementChecks.counts`; null without machines. */
  readonly refinementCounts: Float64Array | null;
  /** What this run did not look at, in sentences. */
  readonly notChecked: readonly string[];
}

/** States that the search for a shorter trace may take when the strategy gave none that is shortest. */
const MINIMISE_STATES = 1_000_000;
/** Bytes that it may take when no memory bound is given. */
const MINIMISE_BYTES = 4 * 2 ** 30;

/**
 * Explores `system`. `source` is needed for more than one worker. Throws what a property throws, and RangeError for
 * options that make no sense; whatever the steps throw is a finding.
 */
export async function explore(system: TransitionSystem, source: SystemSource | null, options: ExploreOptions): Promise<Outcome> {
  checkOptions(options, source);
  const start = performance.now();
  const countsBefore = refinementCounts(system);
  const task: SearchTask = { system, options, hashing: makeHashing(system.stateWords, options.fingerprintBits, options.seed) };
  const run = await search(task, source);
  const witnessesReached = Array.from(run.witnessed, (seen) => seen === 1);
  let finding: Finding | null = null;
  if (run.violations.length > 0) finding = await report(task, run.violations);
  else if (run.complete) finding = missingWitness(system, witnessesReached, options);
  releaseMemory(run.counts.tableBytes);
  return {
    complete: run.complete,
    stopReason: run.stopReason,
    measures: measuresOf(run.counts, options, (performance.now() - start) / 1000, system.stateWords * 4),
    witnessesReached,
    finding,
    inForce: statesInForce(system, run.counts.states, run.inForce),
    refinementCounts: run.refinementCounts?.map((n, i) => n - countsBefore![i]!) ?? null,
    notChecked: remarks(run, options),
  };
}

function checkOptions(options: ExploreOptions, source: SystemSource | null): void {
  const { workers, maxStates, maxDepth, seconds, memoryBytes, walks, pctDepth } = options;
  const positive = { workers, maxStates, maxDepth, seconds, memoryBytes, walks, pctDepth };
  for (const [name, value] of Object.entries(positive)) {
    if (value !== null && !(value > 0)) throw new RangeError(`${name} is ${value}; it must be greater than 0`);
  }
  if (workers > SEARCH_WORKERS_MAX) throw new RangeError(`workers is ${workers}; at most ${SEARCH_WORKERS_MAX} are possible`);
  if (workers > 1 && source === null) throw new RangeError("this system cannot be sent to worker threads; use one worker");
}

function search(task: SearchTask, source: SystemSource | null): Promise<SearchRun> {
  const { system: { actors }, options } = task;
  switch (options.strategy) {
    case "bfs": return breadthFirst(task, source);
    case "dfs": return depthFirst(task);
    case "random": return walk(task, new RandomScheduler(actors.length));
    case "pct": return walk(task, new PctScheduler(actors.length, options.pctDepth));
  }
}

function remarks(run: SearchRun, options: ExploreOptions): string[] {
  const lines: string[] = [];
  if (run.violations.length > 0) lines.push("The search ended with the violation; states beyond it were not looked at.");
  if (run.stopReason !== null) lines.push(`The search is incomplete: ${run.stopReason}.`);
  if (run.counts.workers < options.workers) {
    const what = options.strategy === "bfs" ? "an exact search" : options.strategy === "dfs" ? "a depth-first search" : "a series of walks";
    lines.push(`${options.workers} workers were asked for; ${what} runs on one.`);
  }
  return lines;
}

/** The one that is asked for, or the first. */
function chosen<T>(all: readonly T[], nameOf: (one: T) => string, { wanted }: ExploreOptions): T {
  return all.find((one) => nameOf(one) === wanted) ?? all[0]!;
}

async function report({ system, options, hashing }: SearchTask, violations: readonly Violated[]): Promise<Finding> {
  const shown = chosen(violations, (v) => v.broken.name, options);
  const { broken } = shown;
  const also = violations.filter((v) => v !== shown).map(({ broken: { kind, name } }): PropertyRef => ({ kind, name }));
  // The minimiser trusts fingerprints where the search does, but never those of the test mode.
  const whole = options.fingerprintBits === 64 ? hashing : makeHashing(system.stateWords, 64, options.seed);
  const minimising: MinimiseTask = { system, broken, bounds: minimiseBounds(options), options, fingerprint: whole.fingerprint };
  const shortest = options.minimise ? await minimise(minimising) : null;
  const path = shortest ?? shown.path();
  const explanation = explainViolation(system, broken, path);
  const message = describeViolation(system, broken, path);
  const { initial, steps } = path;
  return { kind: broken.kind, name: broken.name, also, message, initial, steps, minimised: shortest !== null, explanation };
}

function minimiseBounds(options: ExploreOptions): MinimiseBounds {
  return {
    // A breadth-first search has seen that the violation is within reach; nothing is known of the others.
    maxStates: options.strategy === "bfs" ? Infinity : MINIMISE_STATES,
    maxBytes: options.memoryBytes === null ? MINIMISE_BYTES : Math.max(0, options.memoryBytes - process.memoryUsage.rss()),
  };
}

function missingWitness(system: TransitionSystem, reached: readonly boolean[], options: ExploreOptions): Finding | null {
  const missing = system.sometimes.filter((_, i) => !reached[i]!);
  if (missing.length === 0) return null;
  const name = chosen(missing, (one) => one, options);
  const also = missing.filter((one) => one !== name).map((other): PropertyRef => ({ kind: "sometimes", name: other }));
  return {
    kind: "sometimes", name, also, initial: [], steps: [], minimised: true, explanation: null,
    message: `no reachable state shows "${name}"; the other promises may hold only because nothing happens`,
  };
}
