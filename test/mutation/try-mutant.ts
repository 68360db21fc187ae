/** One mutant against the scenarios that can tell, cheapest first, until one of them kills it. */
import type { Mutant } from "./mutant.ts";
import { patchOf } from "./mutant.ts";
import { WorkerProcess } from "./processes.ts";
import { STATES_MAX } from "./reach.ts";
import { killedBy, type Outcome } from "./verdict.ts";
import type { Measured, Pass } from "./worker.ts";

/** What came of a mutant. */
export interface Trial {
  readonly id: string;
  readonly verdict: "killed" | "survived" | "invalid";
  /** The promise that is violated; null unless killed. */
  readonly promise: string | null;
  /** What the checker says of it; why it is invalid; of a survivor, how the last scenario that did not hold ended. */
  readonly message: string | null;
  readonly scenario: string | null;
  readonly pass: Pass | null;
  /** Steps of the shortest trace. */
  readonly steps: number | null;
  /** Explorations that were made, and those that could have been: scenarios that reach the mutated block, some with a second pass. */
  readonly tried: number;
  readonly possible: number;
  /** Explorations that ended at a bound, by an error, or in a hang. */
  readonly unfinished: number;
  readonly cpuSeconds: number;
}

export interface Task {
  readonly scenario: Measured;
  readonly pass: Pass;
}

/** In states: what it takes to load and compile a scenario. */
const START_COST = 20_000;
/** What the sanitizers look at costs so many times the plain exploration; where a lock is at stake they are the first to see it, and come first. */
const SANITIZED_COST = 3;
const SANITIZED_COST_OF_LOCKS = 0.5;
/** No single exploration may take more of a mutant's time. */
const SHARE_MAX = 0.5;
/** Explorations that go on after a value left its range, for a promise that says more. */
const AFTER_RANGE = 4;
/** Wall-clock seconds for each second of processor time, on a machine that is busy with other things. */
const PATIENCE = 60;

/**
 * Explorations in the order in which they are made: the cheapest of each file, then the second of each, and so on, since
 * the scenarios of one file are about one thing. Within such a round, the cheapest first.
 */
export function tasksFor(mutant: Pick<Mutant, "operator">, scenarios: readonly Measured[]): Task[] {
  const factor = mutant.operator === "drop-lock-pair" || mutant.operator === "move-across-lock" ? SANITIZED_COST_OF_LOCKS : SANITIZED_COST;
  const tasks = scenarios.filter((s) => s.unusable === null).flatMap((scenario): (Task & { cost: number })[] => [
    { scenario, pass: "plain", cost: START_COST + scenario.states },
    ...(scenario.sanitized ? [{ scenario, pass: "sanitized" as const, cost: factor * (START_COST + scenario.states) }] : []),
  ]);
  tasks.sort((a, b) => a.cost - b.cost || (a.scenario.scenario < b.scenario.scenario ? -1 : 1));
  const before = new Map<string, number>();
  const rounds = tasks.map((task) => {
    const round = before.get(task.scenario.file) ?? 0;
    before.set(task.scenario.file, round + 1);
    return { task, round };
  });
  return rounds.sort((a, b) => a.round - b.round || a.task.cost - b.task.cost).map(({ task: { scenario, pass } }) => ({ scenario, pass }));
}

/** Asks for one exploration; the seconds are those that it may take. */
export type Ask = (task: Task, cpuSeconds: number) => Promise<{ readonly outcome: Outcome; readonly cpuSeconds: number }>;

/** `groups` of scenarios: those of the first come before all others. `cpuSeconds`: processor time that the mutant may take in all. */
export async function tryMutant(mutant: Mutant, groups: readonly (readonly Measured[])[], cpuSeconds: number, ask: Ask): Promise<Trial> {
  const tasks = groups.flatMap((scenarios) => tasksFor(mutant, scenarios));
  let [tried, unfinished, used] = [0, 0, 0];
  let message: string | null = null;
  let byRange: { readonly task: Task; readonly outcome: Outcome & { kind: "violated" }; readonly at: number } | null = null;
  const none = { promise: null, scenario: null, pass: null, steps: null };
  const end = (): Pick<Trial, "id" | "tried" | "possible" | "unfinished" | "cpuSeconds"> => ({ id: mutant.id, tried, possible: tasks.length, unfinished, cpuSeconds: used });
  const killed = (task: Task, outcome: Outcome & { kind: "violated" }, promise: string): Trial =>
    ({ ...end(), verdict: "killed", promise, message: outcome.message, scenario: task.scenario.scenario, pass: task.pass, steps: outcome.steps });
  for (const task of tasks) {
    if (used >= cpuSeconds || (byRange !== null && tried - byRange.at >= AFTER_RANGE)) break;
    const answer = await ask(task, Math.min(cpuSeconds - used, cpuSeconds * SHARE_MAX));
    const { outcome } = answer;
    used += answer.cpuSeconds;
    tried++;
    // What does not compile in the first program that has it, does not compile.
    if (outcome.kind === "invalid" && tried === 1) return { ...end(), ...none, verdict: "invalid", message: outcome.reason };
    const promise = killedBy(outcome);
    if (promise !== null && outcome.kind === "violated") {
      if (promise !== "range") return killed(task, outcome, promise);
      byRange ??= { task, outcome, at: tried };
    } else if (outcome.kind !== "holds") {
      unfinished++;
      message = `${task.scenario.scenario}: ${outcome.kind === "violated" ? `${outcome.property}: ${outcome.message}` : outcome.reason}`;
    }
  }
  return byRange !== null ? killed(byRange.task, byRange.outcome, "range") : { ...end(), ...none, verdict: "survived", message };
}

/** Mutants that one process tries: each leaves its modules and syntax trees there. A process that has just begun is several times slower than one that has not. */
const MUTANTS_PER_PROCESS = 10;

/** A process that explores one mutant after the other, replaced now and then, and whenever it had to be killed. */
export class Laboratory {
  readonly #root: string;
  #worker: WorkerProcess | null = null;
  #mutants = 0;
  #ended = false;

  constructor(root: string) {
    this.#root = root;
  }

  /** Explorations of the mutant. */
  begin(mutant: Mutant): Ask {
    if (++this.#mutants % MUTANTS_PER_PROCESS === 0) this.#worker?.end();
    const patch = patchOf(mutant);
    return async (task, cpuSeconds) => {
      if (this.#ended) return { outcome: { kind: "crashed", reason: "interrupted" }, cpuSeconds };
      if (this.#worker === null || this.#worker.ended) this.#worker = new WorkerProcess(this.#root);
      const { file, scenario } = task.scenario;
      const answer = await this.#worker.ask({ kind: "try", folder: this.#root, file, scenario, pass: task.pass, patch, maxStates: STATES_MAX, cpuSeconds }, 120 + PATIENCE * cpuSeconds);
      if (answer.kind === "tried") return answer;
      return { outcome: { kind: "crashed", reason: answer.kind === "failed" ? answer.message : answer.kind }, cpuSeconds };
    };
  }

  end(): void {
    this.#ended = true;
    this.#worker?.end();
  }
}
