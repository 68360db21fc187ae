/**
 * The hot loop: take the steps of states, look their successors up in batches, keep the new ones.
 *
 * Successors are collected in a batch before they meet the visited table, because a look-up is a cache miss: the
 * home slots of the whole batch are read first, in independent loads that the processor overlaps.
 */
import type { TransitionSystem } from "../system.ts";
import type { Discovery } from "./discovery.ts";
import type { CopyState, Fingerprint } from "./fingerprint.ts";
import { freshCopy } from "./fingerprint.ts";
import type { Visited } from "./visited.ts";

/** Successors looked up at once: enough to overlap cache misses, few enough for the first-level cache. */
export const BATCH = 128;

/** What is told about violations. `vector` holds the state concerned when these are called. */
export interface ExpandEvents {
  /** State property `index` is false in the new state reached by step `ordinal` of state `parent`. */
  stateViolated(index: number, parent: number, ordinal: number, low: number, high: number): void;
  /** Step property `index` is false of step `ordinal` of state `parent`. */
  stepViolated(index: number, parent: number, ordinal: number): void;
  /** Step `ordinal` of state `parent` threw `error`. */
  stepFailed(error: unknown, parent: number, ordinal: number): void;
  /** No actor can move in state `id`. */
  terminal(id: number): void;
}

export interface ExpandParts {
  readonly system: TransitionSystem;
  readonly batch: number;
  readonly fingerprint: Fingerprint;
  readonly copyState: CopyState;
  readonly visited: Visited;
  readonly discovery: Discovery;
  readonly events: ExpandEvents;
  /** 1 where the witness has been seen. */
  readonly witnessed: Uint8Array;
}

export interface Expander {
  /** Steps taken. */
  transitions: number;
  /** Expands the states `from`..`to` - 1 of `words`, a frontier; state i has the id `firstId + i`. */
  expand(words: Int32Array, from: number, to: number, firstId: number): void;
  /** Offers the state in `system.vector`, whatever led to it; every property is checked. */
  offer(parent: number, ordinal: number): void;
  /** Looks up what is left in the batch. Must be called before the level ends. */
  flush(): void;
}

/** An expander whose code is compiled for this system alone. */
export function makeExpander(parts: ExpandParts): Expander {
  return freshCopy(expanderKernel)(parts);
}

/** Closed (see freshCopy): it may use its parameter and nothing else of this module. */
function expanderKernel(parts: ExpandParts): Expander {
  const { system, batch, fingerprint, copyState, visited, discovery, events, witnessed } = parts;
  const { vector, stateWords } = system;
  const actors = system.actors.length;
  const stateProperties = system.always.length;
  const stepProperties = system.stepProperties.length;
  const witnesses = system.sometimes.length;
  // Of a state that a step leads to, only what the step can have changed is checked: the state before was checked when
  // it was found, and where a promise broke the search goes no further.
  const affected = system.affected ?? null;
  const setWords = affected === null ? 0 : affected.words;
  const sets = new Int32Array(batch * setWords);
  let witnessesLeft = witnesses;
  const before = system.before ?? new Int32Array(vector.length);
  const words = new Int32Array(batch * stateWords);
  const prints = new Int32Array(batch * 2);
  const parents = new Int32Array(batch);
  const ordinals = new Int32Array(batch);
  /** Places in the batch of the states that are new. */
  const fresh = new Int32Array(batch);
  let filled = 0;
  let sink = 0;

  const checkNew = (k: number, parent: number, ordinal: number, low: number, high: number): void => {
    if (stateProperties > 0) {
      const index = affected === null ? system.checkState() : affected.check(sets, k * setWords);
      if (index >= 0) events.stateViolated(index, parent, ordinal, low, high);
    }
    if (witnessesLeft > 0) {
      for (let w = 0; w < witnesses; w++) {
        if (witnessed[w] === 0 && system.witness(w)) {
          witnessed[w] = 1;
          witnessesLeft--;
        }
      }
    }
  };

  const flush = (): void => {
    const n = filled;
    if (n === 0) return;
    filled = 0;
    discovery.prepare(n);
    visited.prepare(n);
    let touched = 0;
    for (let k = 0; k < n; k++) touched ^= visited.touch(prints[2 * k + 1]!);
    sink ^= touched;
    // Looked up first and stored after: a shared table is written by atomic operations, each of which would wait for the
    // stores before it to reach memory.
    let added = 0;
    for (let k = 0; k < n; k++) {
      if (visited.add(prints[2 * k]!, prints[2 * k + 1]!, words, k * stateWords)) fresh[added++] = k;
    }
    const frontier = discovery.building.view;
    const links = discovery.links.view;
    const count = discovery.count;
    const link = 2 * discovery.discovered;
    for (let f = 0; f < added; f++) {
      const k = fresh[f]!;
      copyState(frontier, (count + f) * stateWords, words, k * stateWords);
      links[link + 2 * f] = parents[k]!;
      links[link + 2 * f + 1] = ordinals[k]!;
    }
    discovery.count = count + added;
    discovery.discovered += added;
    visited.finish(added);
    if (stateProperties === 0 && witnessesLeft === 0) return;
    for (let f = 0; f < added; f++) {
      const k = fresh[f]!;
      copyState(vector, 0, words, k * stateWords);
      checkNew(k, parents[k]!, ordinals[k]!, prints[2 * k]!, prints[2 * k + 1]!);
    }
  };

  const offer = (parent: number, ordinal: number): void => {
    for (let s = 0; s < setWords; s++) sets[filled * setWords + s] = -1;
    add(parent, ordinal);
  };

  const add = (parent: number, ordinal: number): void => {
    const k = filled;
    fingerprint(vector, 0, prints, 2 * k);
    copyState(words, k * stateWords, vector, 0);
    parents[k] = parent;
    ordinals[k] = ordinal;
    filled = k + 1;
    if (filled === batch) flush();
  };

  const expand = (frontier: Int32Array, from: number, to: number, firstId: number): void => {
    let transitions = 0;
    for (let i = from; i < to; i++) {
      const at = i * stateWords;
      copyState(vector, 0, frontier, at);
      if (stepProperties > 0 || affected !== null) copyState(before, 0, frontier, at);
      let ordinal = 0;
      for (let actor = 0; actor < actors; actor++) {
        do {
          let taken = 0;
          try {
            taken = system.step(actor);
          } catch (error) {
            copyState(vector, 0, frontier, at);
            events.stepFailed(error, firstId + i, ordinal++);
            continue;
          }
          if (taken !== 0) {
            if (stepProperties > 0) {
              const index = system.checkStep(before);
              if (index >= 0) events.stepViolated(index, firstId + i, ordinal);
            }
            if (affected !== null) affected.mark(sets, filled * setWords);
            add(firstId + i, ordinal++);
            copyState(vector, 0, frontier, at);
          }
        } while (system.nextBranch());
      }
      transitions += ordinal;
      if (ordinal === 0) events.terminal(firstId + i);
    }
    self.transitions += transitions;
  };

  const self = { transitions: 0, expand, offer, flush, sink: (): number => sink };
  return self;
}
