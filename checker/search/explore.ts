/** The one entry to the explorer: run a strategy, choose the violation, make it a trace. */
import type { PropertyRef } from "../result.ts";
import type { Explanation, SystemSource, TransitionSystem } from "../system.ts";
import { breadthFirst } from "./bfs.ts";
import type { Broken } from "./candidate.ts";
import { describeViolation, explainViolation } from "./describe.ts";
import { parallelBreadthFirst } from "./parallel.ts";
import type { ExploreOptions, SearchRun } from "./run.ts";
import type { Path, PathStep } from "./steps.ts";

export type { ExploreOptions, Progress } from "./run.ts";
export { expectedCollisions } from "./fingerprint.ts";

/** A violation with its trace. A witness that was never reached has no steps. */
export interface Finding {
  readonly kind: PropertyRef["kind"];
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
  /** Distinct states. */
  readonly states: number;
  /** (state, step) pairs, with multiplicity; a step back to the same state counts. */
  readonly transitions: number;
  /** BFS levels, the initial states being level 1; otherwise the longest path walked, in states. */
  readonly depth: number;
  /** End states. */
  readonly terminals: number;
  readonly seconds: number;
  /** Bytes of one state. */
  readonly stateBytes: number;
  /** Peak bytes of the visited set and the links. */
  readonly tableBytes: number;
  readonly fingerprintBits: number;
  readonly exact: boolean;
  /** Worker threads that searched. */
  readonly workers: number;
  /** In the order of `system.sometimes`. */
  readonly witnessesReached: readonly boolean[];
  readonly finding: Finding | null;
  /** States of each BFS level; empty for other strategies. */
  readonly levels: readonly number[];
  /** What this run did not look at, in sentences. */
  readonly notChecked: readonly string[];
}

/** Explores `system`. `source` is needed for more than one worker. */
export async function explore(system: TransitionSystem, source: SystemSource | null, options: ExploreOptions): Promise<Outcome> {
  const start = performance.now();
  const run = await search(system, source, options);
  const witnessesReached = Array.from(run.witnessed, (seen) => seen === 1);
  const notChecked = [...run.remarks];
  let finding: Finding | null = null;
  if (run.violation !== null && run.path !== null) finding = report(system, run.violation.broken, run.path(), false);
  else if (run.complete) finding = missingWitness(system, witnessesReached);
  if (run.stopReason !== null) notChecked.push(`The search is incomplete: ${run.stopReason}.`);
  return {
    complete: run.complete,
    stopReason: run.stopReason,
    states: run.states,
    transitions: run.transitions,
    depth: run.depth,
    terminals: run.terminals,
    seconds: (performance.now() - start) / 1000,
    stateBytes: system.stateWords * 4,
    tableBytes: run.tableBytes,
    fingerprintBits: options.fingerprintBits,
    exact: options.exact,
    workers: run.workers,
    witnessesReached,
    finding,
    levels: run.levels,
    notChecked,
  };
}

async function search(system: TransitionSystem, source: SystemSource | null, options: ExploreOptions): Promise<SearchRun> {
  if (options.workers > 1 && source !== null && !options.exact) return await parallelBreadthFirst(system, source, options);
  return await breadthFirst(system, options);
}

function report(system: TransitionSystem, broken: Broken, path: Path, minimised: boolean): Finding {
  const explanation = explainViolation(system, broken, path);
  return { kind: broken.kind, name: broken.name, message: describeViolation(system, broken, path), initial: path.initial, steps: path.steps, minimised, explanation };
}

function missingWitness(system: TransitionSystem, reached: readonly boolean[]): Finding | null {
  const missing = reached.indexOf(false);
  if (missing < 0) return null;
  const name = system.sometimes[missing]!;
  return {
    kind: "sometimes", name, initial: [], steps: [], minimised: true, explanation: null,
    message: `no reachable state shows "${name}"; the other promises may hold only because nothing happens`,
  };
}
