/**
 * Random walks: for state spaces too large to exhaust. Each step picks an actor among those that can move, then one
 * of its branches, all with equal odds. A walk is decided by (seed, its number) alone. It never shows that a
 * property holds.
 */
import type { TransitionSystem } from "../system.ts";
import type { Broken } from "./candidate.ts";
import { Column, OutOfMemory } from "./column.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { avalanche, makeFingerprint } from "./fingerprint.ts";
import type { ExploreOptions, SearchRun } from "./run.ts";
import { Pacer } from "./run.ts";
import { StateIndex } from "./state-index.ts";
import type { Path, PathStep } from "./steps.ts";
import { forEachInitial, forEachStep } from "./steps.ts";
import { FingerprintSet } from "./visited.ts";
import type { Visited } from "./visited.ts";
import { judgeTerminal } from "./watch.ts";

/** Walks taken when neither their number nor any other bound is given. */
export const DEFAULT_WALKS = 1000;
/** States of a walk when no depth bound is given. */
export const DEFAULT_WALK_STATES = 10_000;
const STEPS_PER_LOOK = 128;

export async function randomWalk(system: TransitionSystem, options: ExploreOptions): Promise<SearchRun> {
  const walker = new Walker(system, options);
  const stopReason = await walker.run();
  return {
    complete: false,
    stopReason: walker.broken === null ? stopReason : null,
    states: walker.states,
    transitions: walker.transitions,
    depth: walker.deepest,
    terminals: walker.terminals,
    levels: [],
    tableBytes: walker.visited.bytes,
    workers: 1,
    witnessed: walker.witnessed,
    violation: walker.broken,
    path: walker.broken === null ? null : () => walker.path,
  };
}

class Walker {
  readonly #system: TransitionSystem;
  readonly #options: ExploreOptions;
  readonly #pacer: Pacer;
  readonly #fingerprint: Fingerprint;
  readonly #print = new Int32Array(2);
  readonly #state: Int32Array;
  /** The successors of `#state`: actor, choices, and in `#vectors` the words. */
  readonly #successors: { actor: number; choices: number[] }[] = [];
  readonly #vectors = new Column();
  /** Which states were met, to count distinct ones and to check each once. */
  readonly visited: Visited;
  readonly witnessed: Uint8Array;
  #initial: readonly number[] = [];
  #steps: PathStep[] = [];
  states = 0;
  transitions = 0;
  terminals = 0;
  deepest = 0;
  broken: Broken | null = null;

  constructor(system: TransitionSystem, options: ExploreOptions) {
    this.#system = system;
    this.#options = options;
    this.#pacer = new Pacer(options);
    this.#fingerprint = makeFingerprint(system.stateWords, options.fingerprintBits, options.seed);
    this.#state = new Int32Array(system.vector.length);
    this.visited = options.exact ? new StateIndex(system.stateWords, true) : new FingerprintSet();
    this.witnessed = new Uint8Array(system.sometimes.length);
  }

  get path(): Path {
    return { initial: this.#initial, steps: this.#steps };
  }

  /** Walks until a violation (`broken` is set) or a bound; returns the bound. */
  async run(): Promise<string> {
    const { walks, seconds, maxStates } = this.#options;
    const count = walks ?? (seconds === null && maxStates === null ? DEFAULT_WALKS : Infinity);
    try {
      for (let walk = 0; walk < count && this.broken === null; walk++) {
        const reason = await this.#walk(randomSource(this.#options.seed, walk));
        if (reason !== null) return reason;
      }
    } catch (error) {
      if (!(error instanceof OutOfMemory)) throw error;
      return `out of memory: ${error.message}`;
    }
    return `${count} random walks were taken, which do not cover every state`;
  }

  /** One walk, to its end; returns the bound that cut the run, or null. */
  async #walk(random: () => number): Promise<string | null> {
    const { maxStates } = this.#options;
    const maxDepth = this.#options.maxDepth ?? DEFAULT_WALK_STATES;
    if (!this.#start(random)) return null;
    for (let depth = 1; this.broken === null; depth++) {
      if (depth > this.deepest) this.deepest = depth;
      const isNew = this.#meet();
      if (this.broken !== null || depth >= maxDepth) return null;
      if (maxStates !== null && this.states >= maxStates) return `the bound of ${maxStates} states was reached`;
      if (!this.#step(random, isNew)) return null;
      if (this.transitions % STEPS_PER_LOOK === 0 && this.#pacer.due()) {
        const reason = await this.#pacer.pause(() => ({ states: this.states, transitions: this.transitions, depth: this.deepest, frontier: 0 }));
        if (reason !== null) return reason;
      }
    }
    return null;
  }

  /** Picks an initial state; false when `init` failed. */
  #start(random: () => number): boolean {
    const system = this.#system;
    const branches: { choices: number[]; words: Int32Array }[] = [];
    this.#steps = [];
    forEachInitial(system, (_, fault) => {
      if (fault !== null && this.broken === null) {
        this.broken = fault;
        this.#initial = system.branch();
      }
      branches.push({ choices: system.branch(), words: system.vector.slice(0, system.stateWords) });
    });
    if (this.broken !== null) return false;
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
    const index = system.always.length > 0 ? system.checkState() : -1;
    if (index >= 0) this.broken = { kind: "always", index, name: system.always[index]!, message: "" };
    for (let w = 0; w < this.witnessed.length; w++) if (this.witnessed[w] === 0 && system.witness(w)) this.witnessed[w] = 1;
    return true;
  }

  /** Takes a random step; false when there is none. A step that breaks a promise anywhere among them ends the run. */
  #step(random: () => number, isNew: boolean): boolean {
    const system = this.#system;
    const { stateWords } = system;
    const steps = this.#successors;
    steps.length = 0;
    forEachStep(system, this.#state, 0, (actor, ordinal, fault) => {
      if (this.broken !== null) return;
      const choices = system.branch();
      const index = fault === null && system.stepProperties.length > 0 ? system.checkStep(this.#state) : -1;
      if (fault !== null) this.broken = fault;
      else if (index >= 0) this.broken = { kind: "step", index, name: system.stepProperties[index]!, message: "" };
      if (this.broken !== null) this.#steps.push({ actor, choices });
      steps.push({ actor, choices });
      this.#vectors.reserve((ordinal + 1) * stateWords);
      for (let w = 0; w < stateWords; w++) this.#vectors.view[ordinal * stateWords + w] = system.vector[w]!;
    });
    if (this.broken !== null) return false;
    if (steps.length === 0) {
      const verdict = judgeTerminal(system);
      if (isNew && verdict?.kind !== "deadlock") this.terminals++;
      this.broken = verdict;
      return false;
    }
    this.transitions++;
    const actors = [...new Set(steps.map((s) => s.actor))];
    const actor = actors[Math.floor(random() * actors.length)]!;
    const first = steps.findIndex((s) => s.actor === actor);
    const branches = steps.filter((s) => s.actor === actor).length;
    const chosen = first + Math.floor(random() * branches);
    this.#steps.push(steps[chosen]!);
    for (let w = 0; w < stateWords; w++) this.#state[w] = this.#vectors.view[chosen * stateWords + w]!;
    return true;
  }
}

/** Numbers in 0..1 (1 excluded), decided by the seed and the number of the walk. The generator is sfc32 of PractRand (Doty-Humphrey). */
function randomSource(seed: number, walk: number): () => number {
  let a = avalanche(seed ^ 0x9e3779b9);
  let b = avalanche(walk ^ 0x243f6a88);
  let c = avalanche(Math.floor(seed / 2 ** 32) ^ 0xb7e15162);
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}
