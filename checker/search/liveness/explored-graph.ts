/**
 * The graph of a system, by a search of its own that takes every step once: for a search that wrote down none, and for the traces
 * of runs. States are numbered breadth-first and the steps of a state are in order, so the same program has the same graph,
 * whichever search was done before, in whichever engine and on however many workers.
 *
 * It asks nothing of states but the predicates: the search before has found that no step fails and no promise about states breaks.
 */
import { STEP_DISABLED, type TransitionSystem } from "../../system.ts";
import { Column } from "../store/column.ts";
import type { Fingerprint } from "../store/fingerprint.ts";
import { StateIndex } from "../store/state-index.ts";
import { forEachInitial } from "../steps.ts";
import type { StepGraph } from "./step-graph.ts";

export interface ExploredGraph extends StepGraph {
  /** Of each initial state, which branch of `init` makes it. */
  readonly branches: readonly number[];
}

export interface ExploringBounds {
  /** Why it must end, or null; asked now and then, with the bytes that the graph takes. */
  readonly bound: (bytes: number) => string | null;
}

/** States that are expanded between two times that signals are heard. */
const STATES_BETWEEN_PAUSES = 4096;

/** The graph, or why there is none. `fingerprint`: of 64 bits; `exact`: whole states are compared. */
export async function exploredGraph(
  system: TransitionSystem, { fingerprint, exact }: { readonly fingerprint: Fingerprint; readonly exact: boolean }, bounds: ExploringBounds,
): Promise<ExploredGraph | string> {
  const collector = new Collector(system, fingerprint, exact);
  collector.begin();
  while (collector.goesOn) {
    collector.expandSome(STATES_BETWEEN_PAUSES);
    await new Promise((resolve) => setImmediate(resolve));
    const stop = bounds.bound(collector.bytes);
    if (stop !== null) return stop;
  }
  return collector.graph();
}

class Collector {
  readonly #system: TransitionSystem;
  readonly #index: StateIndex;
  readonly #fingerprint: Fingerprint;
  readonly #print = new Int32Array(2);
  /** States that wait to be expanded, and those found meanwhile: the level in hand, and the next. */
  #level = new Column();
  #next = new Column();
  #inLevel = 0;
  #at = 0;
  #inNext = 0;
  readonly #first = new Column();
  readonly #targets = new Column();
  readonly #actors = new Column();
  readonly #shown = new Column();
  readonly #beyond: number[] = [];
  readonly #initial: number[] = [];
  readonly #branches: number[] = [];
  #expanded = 0;
  #steps = 0;

  constructor(system: TransitionSystem, fingerprint: Fingerprint, exact: boolean) {
    this.#system = system;
    this.#index = new StateIndex(system.stateWords, exact);
    this.#fingerprint = fingerprint;
  }

  get goesOn(): boolean {
    return this.#inNext > 0 || this.#at < this.#inLevel;
  }

  get bytes(): number {
    const columns = [this.#level, this.#next, this.#first, this.#targets, this.#actors, this.#shown];
    return columns.reduce((sum, c) => sum + c.bytes, this.#index.bytes);
  }

  begin(): void {
    forEachInitial(this.#system, (branch, fault) => {
      if (fault !== null) return;
      const s = this.#number();
      // Those that are new are numbered from 0 on.
      if (s < this.#initial.length) return;
      this.#initial.push(s);
      this.#branches.push(branch);
    });
  }

  /** Expands so many states at most. */
  expandSome(count: number): void {
    const { stateWords } = this.#system;
    for (let i = 0; i < count && this.goesOn; i++) {
      if (this.#at === this.#inLevel) {
        [this.#level, this.#next] = [this.#next, this.#level];
        [this.#inLevel, this.#inNext, this.#at] = [this.#inNext, 0, 0];
      }
      this.#expand(this.#level.view, this.#at++ * stateWords);
    }
  }

  graph(): ExploredGraph {
    const states = this.#expanded;
    const beyond = new Uint8Array(states);
    for (const s of this.#beyond) beyond[s] = 1;
    this.#first.reserve(states + 1);
    this.#first.view[states] = this.#steps;
    return {
      states, first: this.#first.view.slice(0, states + 1), targets: this.#targets.view.slice(0, this.#steps),
      actors: Uint16Array.from(this.#actors.view.subarray(0, this.#steps)), shown: this.#shown.view.slice(0, states), beyond,
      initial: this.#initial, actorCount: this.#system.actors.length, branches: this.#branches,
    };
  }

  #expand(words: Int32Array, at: number): void {
    const system = this.#system;
    const { vector, stateWords, actors } = system;
    const restore = (): void => {
      for (let w = 0; w < stateWords; w++) vector[w] = words[at + w]!;
    };
    const state = this.#expanded++;
    this.#first.reserve(state + 1);
    this.#first.view[state] = this.#steps;
    this.#shown.reserve(state + 1);
    restore();
    this.#shown.view[state] = shownBy(system);
    if (system.isBeyond?.() === true) this.#beyond.push(state);
    system.setBranch([]);
    for (let actor = 0; actor < actors.length; actor++) {
      do {
        restore();
        if (system.step(actor) === STEP_DISABLED) continue;
        this.#step(actor, this.#number());
      } while (system.nextBranch());
    }
  }

  #step(actor: number, target: number): void {
    const n = this.#steps++;
    this.#targets.reserve(n + 1);
    this.#targets.view[n] = target;
    this.#actors.reserve(n + 1);
    this.#actors.view[n] = actor;
  }

  /** The number of the state in `vector`, which waits to be expanded if it is new. */
  #number(): number {
    const { vector, stateWords } = this.#system;
    this.#fingerprint(vector, 0, this.#print, 0);
    this.#index.prepare(1);
    const { count } = this.#index;
    const n = this.#index.number(this.#print[0]!, this.#print[1]!, vector, 0);
    if (n < count) return n;
    this.#next.reserve((this.#inNext + 1) * stateWords);
    const next = this.#next.view;
    for (let w = 0, to = this.#inNext * stateWords; w < stateWords; w++) next[to + w] = vector[w]!;
    this.#inNext++;
    return n;
  }
}

/** The predicates that are true of the state in `vector`, as bits. */
export function shownBy({ liveness }: TransitionSystem): number {
  let bits = 0;
  for (let p = 0; p < liveness!.predicates; p++) if (liveness!.holds(p)) bits |= 1 << p;
  return bits;
}
