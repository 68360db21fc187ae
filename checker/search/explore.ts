/** The one entry to the explorer: run a strategy, choose the violation, make it a trace. */
import { LIVENESS_NOT_CHECKED, TRAPS_NOT_CHECKED, type Measures, type PropertyRef } from "../result.ts";
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
import { OUT_OF_MEMORY, SEARCH_WORKERS_MAX, countedBy, countedSince, isLowered, type Counted } from "./run.ts";
import type { PathStep } from "./steps.ts";
import { asksForLiveness, lookForRuns } from "./liveness/look.ts";
import { asksForTraps, goalNames } from "./traps/goals.ts";
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
  /** Of a promise about whole runs: the number of the state to which the last one returns for ever; its own: the run stops. */
  readonly loop?: number;
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
  /** With `goOn`, the violations of the promises in `finding.also` that have one. */
  readonly further: readonly Finding[];
  /** In how many of the states each state property was in force, in the order of `system.always`. */
  readonly inForce: readonly number[];
  /** Of this search alone, as `RefinementChecks.counts`; null without machines. */
  readonly refinementCounts: Float64Array | null;
  /** As `CallOutcomes.seen`; null without calls from the outside. */
  readonly callsSeen: Uint8Array | null;
  /** Of this search alone, as `BlockCounts.raw`: each step of it, none of the search for a shorter trace. Null: none is counted. */
  readonly blockCounts: Float64Array | null;
  /** What this run did not look at, in sentences. */
  readonly notChecked: readonly string[];
  /** Why a search that was to run in WebAssembly ran in JavaScript; null when it did not, or was not to. */
  readonly notLowered: string | null;
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
  const asked: SearchTask = { system, options, hashing: makeHashing(system.stateWords, options.fingerprintBits, options.seed) };
  const { task, run: looked, countedBefore, notLowered } = await searched(asked, source);
  const run = await withWholeRuns(task, looked, start);
  const witnessesReached = Array.from(run.witnessed, (seen) => seen === 1);
  // A search that went on past violations has seen what can be reached as well: a step that fails leads nowhere.
  const sawAll = run.complete || (options.goOn === true && run.stopReason === null);
  const missing = sawAll ? system.sometimes.filter((_, i) => !witnessesReached[i]!) : [];
  const shown = shownOf(run.violations, missing, options);
  const finding = shown === null ? null
    : typeof shown.one === "string" ? missingWitness(shown.one, shown.also) : await report(task, shown.one, shown.also);
  const further: Finding[] = [];
  for (const v of options.goOn === true ? run.violations : []) if (v !== shown!.one) further.push(await report(task, v, []));
  releaseMemory(run.counts.tableBytes);
  const counted = countedSince(countedBefore, run.counted);
  return {
    complete: run.complete,
    stopReason: run.stopReason,
    measures: measuresOf(run.counts, task.options, (performance.now() - start) / 1000, system.stateWords * 4),
    witnessesReached,
    finding,
    further,
    inForce: statesInForce(system, run.counts.states, run.inForce),
    refinementCounts: counted.refinement,
    blockCounts: counted.blocks,
    callsSeen: run.callsSeen,
    notChecked: remarks(run, task),
    notLowered,
  };
}

function checkOptions(options: ExploreOptions, source: SystemSource | null): void {
  const { workers, maxStates, maxDepth, seconds, memoryBytes, walks, pctDepth, goOn, strategy } = options;
  const positive = { workers, maxStates, maxDepth, seconds, memoryBytes, walks, pctDepth };
  for (const [name, value] of Object.entries(positive)) {
    if (value !== null && !(value > 0)) throw new RangeError(`${name} is ${value}; it must be greater than 0`);
  }
  if (workers > SEARCH_WORKERS_MAX) throw new RangeError(`workers is ${workers}; at most ${SEARCH_WORKERS_MAX} are possible`);
  if (goOn === true && strategy !== "bfs") throw new RangeError(`a search by ${strategy} ends with the first violation; only bfs goes on`);
  if (workers > 1 && source === null) throw new RangeError("this system cannot be sent to worker threads; use one worker");
}

interface Searched {
  readonly run: SearchRun;
  /** As it was done at last. */
  readonly task: SearchTask;
  readonly countedBefore: Counted;
  readonly notLowered: string | null;
}

/**
 * A search in WebAssembly that outgrows its memories begins again in JavaScript: each of them has 4 GiB of addresses, and a frontier
 * of JavaScript has four times as many. So a search ends for want of memory only where it would without WebAssembly, too.
 */
async function searched(task: SearchTask, source: SystemSource | null): Promise<Searched> {
  const { system, options } = task;
  const countedBefore = countedBy(system);
  if (!isLowered(options, options.workers)) return { task, run: await search(task, source), countedBefore, notLowered: null };
  if (options.lowered!.programHash !== source?.programHash) throw new Error("[thpcheck internal] another program was lowered");
  try {
    const run = await search(task, source);
    if (run.stopReason !== OUT_OF_MEMORY) return { task, run, countedBefore, notLowered: null };
  } catch (error) {
    // There are no addresses for so many memories.
    if (!(error instanceof RangeError)) throw error;
  }
  const inJavaScript: SearchTask = { ...task, options: { ...options, lowered: null } };
  const counted = countedBy(system);
  const run = await search(inJavaScript, source);
  return { task: inJavaScript, run, countedBefore: counted, notLowered: "its memories have no room for the search" };
}

/** What is promised of whole runs is asked where every state was seen and nothing is broken. Unknown, it leaves the search incomplete. */
async function withWholeRuns(task: SearchTask, run: SearchRun, start: number): Promise<SearchRun> {
  if (!run.complete || run.violations.length > 0 || !asksForLiveness(task.system, task.options)) return run;
  const { seconds } = task.options;
  const found = await lookForRuns(task, seconds === null ? null : seconds - (performance.now() - start) / 1000);
  if ("unknown" in found) return { ...run, complete: false, stopReason: `${LIVENESS_NOT_CHECKED}: ${found.unknown}` };
  return { ...run, violations: found.violations };
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

function remarks(run: SearchRun, { system, options }: SearchTask): string[] {
  const lines: string[] = [];
  const broken = run.violations.map((v) => v.broken.kind);
  if (broken.length > 0 && !run.complete && options.goOn !== true) {
    lines.push("The search ended with the violation; states beyond it were not looked at.");
  }
  if (options.goOn === true && broken.includes("fault")) {
    lines.push("The search went on past violations; what a step that fails would lead to is not known.");
  }
  if (run.stopReason !== null) lines.push(`The search is incomplete: ${run.stopReason}.`);
  if (run.counts.workers < options.workers) {
    const what = options.strategy === "bfs" ? "an exact search" : options.strategy === "dfs" ? "a depth-first search" : "a series of walks";
    lines.push(`${options.workers} workers were asked for; ${what} runs on one.`);
  }
  const asked = asksForTraps(options) && goalNames(system, options.endless !== true).length > 0;
  if (asksForLiveness(system, options) && broken.length > 0 && !run.violations.some((v) => v.lasso !== undefined)) {
    lines.push(`${LIVENESS_NOT_CHECKED}: other promises are broken.`);
  }
  // A search that ended with a violation has said so.
  if (asked && (broken.length === 0 || options.goOn === true) && run.trapsNotChecked !== null) {
    lines.push(`${TRAPS_NOT_CHECKED}: ${run.trapsNotChecked}.`);
  }
  return lines;
}

/** What is shown, a violation or a witness that is missing: the one that is asked for, or the first; and what is broken besides. */
function shownOf(
  violations: readonly Violated[], missing: readonly string[], { wanted }: ExploreOptions,
): { readonly one: Violated | string; readonly also: readonly PropertyRef[] } | null {
  const all = [
    ...violations.map((v) => ({ one: v, kind: v.broken.kind, name: v.broken.name })),
    ...missing.map((name) => ({ one: name, kind: "sometimes" as const, name })),
  ];
  const shown = all.find(({ name }) => name === wanted) ?? all[0];
  if (shown === undefined) return null;
  return { one: shown.one, also: all.filter((other) => other !== shown).map(({ kind, name }) => ({ kind, name })) };
}

async function report({ system, options, hashing }: SearchTask, shown: Violated, also: readonly PropertyRef[]): Promise<Finding> {
  const { broken, lasso } = shown;
  if (lasso !== undefined) {
    const { kind, name } = broken;
    const { loop, isShortest, remark } = lasso;
    return { ...shown.path(), kind, name, also, message: remark, loop, minimised: isShortest, explanation: null };
  }
  // The minimiser trusts fingerprints where the search does, but never those of the test mode.
  const whole = options.fingerprintBits === 64 ? hashing : makeHashing(system.stateWords, 64, options.seed);
  const minimising: MinimiseTask = {
    system,
    broken,
    isNearest: shown.isNearest,
    bounds: minimiseBounds(options),
    options,
    fingerprint: whole.fingerprint,
  };
  const shortest = options.minimise ? await minimise(minimising) : null;
  const path = shortest ?? shown.path();
  const explanation = explainViolation(system, broken, path);
  const throws = explanation?.throws;
  const message = throws === undefined ? describeViolation(system, broken, path) : `${JSON.stringify(broken.name)} throws: ${throws}`;
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

function missingWitness(name: string, also: readonly PropertyRef[]): Finding {
  return {
    kind: "sometimes", name, also, initial: [], steps: [], minimised: true, explanation: null,
    message: `no reachable state shows "${name}"; the other promises may hold only because nothing happens`,
  };
}
