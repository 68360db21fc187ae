/**
 * Walks: for state spaces too large to exhaust. One path at a time from an initial state, with a scheduler that says who
 * goes next; which branch that step takes is even odds. A walk never shows that a property holds.
 */
import type { TransitionSystem } from "../../system.ts";
import { STEP_DISABLED } from "../../system.ts";
import type { Broken } from "../candidate.ts";
import { faultOf } from "../candidate.ts";
import { Column, OutOfMemory } from "../store/column.ts";
import type { Fingerprint } from "../store/fingerprint.ts";
import type { Random } from "./random-source.ts";
import { randomSource } from "./random-source.ts";
import type { ExploreOptions, SearchRun, SearchTask } from "../run.ts";
import { Pacer, callsSeen, countedBy } from "../run.ts";
import { StateIndex } from "../store/state-index.ts";
import type { Path, PathStep } from "../steps.ts";
import { forEachInitial } from "../steps.ts";
import { InForceCount } from "../in-force.ts";
import { FingerprintSet } from "../store/visited.ts";
import type { Visited } from "../store/visited.ts";
import { judgeState, judgeStep, judgeTerminal } from "../judge.ts";

/** Decides who takes the next step. One scheduler serves all walks of a run. */
export interface Scheduler {
  /** A new walk begins. */
  begin(random: Random): void;
  /** Actors in the order in which they are asked; the first that can move takes the step. All must be there. */
  order(random: Random): readonly number[];
  /** The actor took the step; `again`: to a state in which this walk has been before. */
  stepped(actor: number, again: boolean): void;
  /** What is known after so many walks without a finding, in a sentence without its stop. */
  guarantee(walks: number): string;
}

/** Walks taken when neither their number nor any other bound is given. */
export const DEFAULT_WALKS = 1000;
/** States of a walk when no depth bound is given. */
export const DEFAULT_WALK_STATES = 10_000;
const STEPS_PER_LOOK = 128;

export async function walk(task: SearchTask, scheduler: Scheduler): Promise<SearchRun> {
  const walker = new Walker(task, scheduler);
  const stopReason = await walker.run();
  return {
    complete: false,
    stopReason: walker.broken.length === 0 ? stopReason : null,
    counts: {
      states: walker.states, transitions: walker.transitions, depth: walker.deepest, terminals: walker.terminals, levels: [],
      tableBytes: walker.visited.bytes, workers: 1, walks: walker.walks,
    },
    witnessed: walker.witnessed,
    inForce: walker.inForce.counts,
    counted: countedBy(task.system),
    callsSeen: callsSeen(task.system),
    trapsNotChecked: "walks do not cover every state",
    violations: walker.broken.map((broken) => ({ broken, path: () => walker.path })),
  };
}

class Walker {
  readonly #system: TransitionSystem;
  readonly #options: ExploreOptions;
  readonly #scheduler: Scheduler;
  readonly #pacer: Pacer;
  readonly #fingerprint: Fingerprint;
  readonly #print = new Int32Array(2);
  readonly #state: Int32Array;
  /** The branches of the step being taken: choices, and in `#vectors` the words. */
  readonly #branches: number[][] = [];
  readonly #vectors = new Column();
  /** Which states were met, to count distinct ones and to check each once. */
  readonly visited: Visited;
  /** Those of this walk; a fingerprint as one number, whose collisions only make a scheduler think of a state as old. */
  readonly #thisWalk = new Set<number>();
  readonly witnessed: Uint8Array;
  readonly inForce: InForceCount;
  #initial: readonly number[] = [];
  #steps: PathStep[] = [];
  walks = 0;
  states = 0;
  transitions = 0;
  terminals = 0;
  deepest = 0;
  /** What is broken where the walk ended. */
  broken: readonly Broken[] = [];

  constructor({ system, options, hashing }: SearchTask, scheduler: Scheduler) {
    this.#system = system;
    this.#options = options;
    this.#scheduler = scheduler;
    this.#pacer = new Pacer(options);
    this.#fingerprint = hashing.fingerprint;
    this.#state = new Int32Array(system.vector.length);
    this.visited = options.exact ? new StateIndex(system.stateWords, true) : new FingerprintSet();
    this.witnessed = new Uint8Array(system.sometimes.length);
    this.inForce = new InForceCount(system);
  }

  get path(): Path {
    return { initial: this.#initial, steps: this.#steps };
  }

  /** Walks until a violation (`broken` is set) or a bound; returns the bound. */
  async run(): Promise<string> {
    const { walks, seconds, maxStates } = this.#options;
    const count = walks ?? (seconds === null && maxStates === null ? DEFAULT_WALKS : Infinity);
    try {
      while (this.walks < count && this.broken.length === 0) {
        const reason = await this.#walk(randomSource(this.#options.seed, this.walks++));
        if (reason !== null) return reason;
      }
    } catch (error) {
      if (!(error instanceof OutOfMemory)) throw error;
      return `out of memory: ${error.message}`;
    }
    return this.#scheduler.guarantee(this.walks);
  }

  /** One walk, to its end; returns the bound that cut the run, or null. */
  async #walk(random: Random): Promise<string | null> {
    const { maxStates } = this.#options;
    const maxDepth = this.#options.maxDepth ?? DEFAULT_WALK_STATES;
    if (!this.#start(random)) return null;
    this.#scheduler.begin(random);
    this.#thisWalk.clear();
    let actor = -1;
    for (let depth = 1; this.broken.length === 0; depth++) {
      if (depth > this.deepest) this.deepest = depth;
      const isNew = this.#meet();
      if (this.broken.length > 0 || depth >= maxDepth) return null;
      if (maxStates !== null && this.states >= maxStates) return `the bound of ${maxStates} states was reached`;
      const key = this.#print[0]! * 2 ** 20 + (this.#print[1]! >>> 12);
      if (actor >= 0) this.#scheduler.stepped(actor, this.#thisWalk.has(key));
      this.#thisWalk.add(key);
      actor = this.#step(random, isNew);
      if (actor < 0) return null;
      if (this.transitions % STEPS_PER_LOOK === 0 && this.#pacer.due()) {
        const { states, transitions, deepest } = this;
        const reason = await this.#pacer.pause(() => ({ states, transitions, depth: deepest, frontier: 0 }));
        if (reason !== null) return reason;
      }
    }
    return null;
  }

  /** Picks an initial state; false when `init` failed. */
  #start(random: Random): boolean {
    const system = this.#system;
    const branches: { choices: number[]; words: Int32Array }[] = [];
    this.#steps = [];
    forEachInitial(system, (_, fault) => {
      if (fault !== null && this.broken.length === 0) {
        this.broken = [fault];
        this.#initial = system.branch();
      }
      branches.push({ choices: system.branch(), words: system.vector.slice(0, system.stateWords) });
    });
    if (this.broken.length > 0) return false;
    const { choices, words } = branches[Math.floor(random() * branches.length)]!;
    this.#initial = choices;
    this.#state.set(words);
    return true;
  }

  /** Counts the state in `#state` and, the first time it is met, checks it. */
  #meet(): boolean {
    const system = this.#system;
    this.#fingerprint(this.#state, 0, this.#print, 0);
    this.visited.prepare(1);
    const isNew = this.visited.add(this.#print[0]!, this.#print[1]!, this.#state, 0);
    this.visited.finish(isNew ? 1 : 0);
    if (!isNew) return false;
    this.states++;
    for (let w = 0; w < system.stateWords; w++) system.vector[w] = this.#state[w]!;
    this.broken = judgeState(system);
    this.inForce.add();
    for (let w = 0; w < this.witnessed.length; w++) if (this.witnessed[w] === 0 && system.witness(w)) this.witnessed[w] = 1;
    return true;
  }

  /** Takes the step of the first actor in the scheduler's order that can move; -1 when none can, or a promise broke. */
  #step(random: Random, isNew: boolean): number {
    for (const actor of this.#scheduler.order(random)) {
      this.#expand(actor);
      if (this.broken.length > 0) return -1;
      if (this.#branches.length === 0) continue;
      this.transitions++;
      const chosen = Math.floor(random() * this.#branches.length);
      this.#steps.push({ actor, choices: this.#branches[chosen]! });
      const { stateWords } = this.#system;
      for (let w = 0; w < stateWords; w++) this.#state[w] = this.#vectors.view[chosen * stateWords + w]!;
      return actor;
    }
    this.#load();
    const { broken, isEnd } = judgeTerminal(this.#system);
    if (isNew && isEnd) this.terminals++;
    this.broken = broken;
    return -1;
  }

  #load(): void {
    const { vector, stateWords } = this.#system;
    for (let w = 0; w < stateWords; w++) vector[w] = this.#state[w]!;
  }

  /** Runs every branch of the actor's step. One that breaks a promise ends the run, and is the last of the path. */
  #expand(actor: number): void {
    const system = this.#system;
    const { stateWords } = system;
    this.#branches.length = 0;
    system.setBranch([]);
    do {
      this.#load();
      let fault: Broken | null = null;
      try {
        if (system.step(actor) === STEP_DISABLED) continue;
      } catch (error) {
        fault = faultOf(error);
      }
      const choices = system.branch();
      const broken = fault === null ? judgeStep(system, this.#state) : [fault];
      if (broken.length > 0) {
        this.broken = fault === null ? [...broken, ...judgeState(system)] : broken;
        this.#steps.push({ actor, choices });
        return;
      }
      const at = this.#branches.push(choices) - 1;
      this.#vectors.reserve((at + 1) * stateWords);
      for (let w = 0; w < stateWords; w++) this.#vectors.view[at * stateWords + w] = system.vector[w]!;
    } while (system.nextBranch());
  }
}
