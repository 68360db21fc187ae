/**
 * The hot loop: take the steps of states, look their successors up in batches, keep the new ones.
 *
 * Successors are collected in a batch before they meet the visited table, because a look-up is a cache miss: the
 * home slots of the whole batch are read first, in independent loads that the processor overlaps.
 *
 * Of a successor only what the step changed is kept until it turns out to be new: few words, while states have a hundred.
 * The state that the step starts from lies in the frontier, which stays as it is until its level is done. The fingerprint,
 * too, is that of the state before, brought up to date; `find` looks at every word of both, so what it finds is all.
 * States that are short are kept and hashed whole, which is then faster.
 */
import { SHORT_WORDS, type Changes, type TransitionSystem } from "../system.ts";
import { changesOf } from "./changes.ts";
import type { Discovery } from "./parallel/discovery.ts";
import type { CopyState, Hashing } from "./store/fingerprint.ts";
import { callCopy } from "./store/fresh-copy.ts";
import type { Visited } from "./store/visited.ts";

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

export interface ExpandParts extends Hashing {
  readonly system: TransitionSystem;
  readonly batch: number;
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
  /** By excuse: the new states in which promises that have it were in force. */
  readonly inForce: Float64Array;
  /** Expands the records `from`..`to` - 1 of a frontier; that of state i has the id `firstId + i`. */
  expand(records: Int32Array, from: number, to: number, firstId: number): void;
  /** Offers the state in `system.vector`, whatever led to it; every property is checked. */
  offer(parent: number, ordinal: number): void;
  /** Looks up what is left in the batch. Must be called before the level ends. */
  flush(): void;
}

/** How a state lies in a frontier: the state itself, then, at these places, the sums of its fingerprint (-1: not kept) and which excuses apply. */
interface RecordLayout {
  readonly words: number;
  readonly sumsAt: number;
  readonly excusesAt: number;
}
function layoutOf(system: TransitionSystem): RecordLayout {
  const sums = system.stateWords > SHORT_WORDS ? 2 : 0;
  const excusesAt = system.stateWords + sums;
  return { words: excusesAt + (system.excuses === undefined ? 0 : 1), sumsAt: sums === 0 ? -1 : system.stateWords, excusesAt };
}

/** Words of a state in a frontier. */
export function recordWords(system: TransitionSystem): number {
  return layoutOf(system).words;
}

/** An expander whose code is compiled for this system alone. */
export function makeExpander(parts: ExpandParts): Expander {
  const layout = layoutOf(parts.system);
  const constants = { short: layout.sumsAt < 0 };
  return callCopy(expanderKernel, constants, parts, changesOf(parts.system), layout, constants);
}

/** Closed (see store/fresh-copy.ts): it may use its parameters and nothing else of this module. */
function expanderKernel(parts: ExpandParts, { before, changes }: { readonly before: Int32Array; readonly changes: Changes }, { words: record, sumsAt, excusesAt }: RecordLayout, constants: { readonly short: boolean }): Expander {
  const { system, batch, fingerprint, sums: { whole, update, print }, copyState, visited, discovery, events, witnessed } = parts;
  const { vector, stateWords } = system;
  const changed = changes.words;
  const actors = system.actors.length;
  const stateProperties = system.always.length;
  const stepProperties = system.stepProperties.length;
  const witnesses = system.sometimes.length;
  // Of a state that a step leads to, only what the step can have changed is checked: the state before was checked when
  // it was found, and where a promise broke the search goes no further.
  const affected = system.incremental?.affected ?? null;
  const setWords = affected === null ? 0 : affected.words;
  const sets = new Int32Array(batch * setWords);
  const checkChanges = system.incremental?.checkChanges ?? (() => system.checkStep(before));
  const excuses = system.excuses ?? null;
  const excuseCount = excuses === null ? 0 : excuses.count;
  const inForce = new Float64Array(excuseCount);
  let witnessesLeft = witnesses;
  /** Whether anything asks what a step changed. */
  const compares = !constants.short || stepProperties > 0;
  /** Of each state of the batch: the words, if it is short. */
  const states = new Int32Array(constants.short ? batch * stateWords : 0);
  /** Of each state of the batch: where the record of its parent begins in `source`, and its changes, (word, value) each, from `firstChange` on. */
  const parentAt = new Int32Array(batch);
  const firstChange = new Int32Array(batch + 1);
  const delta = new Int32Array(constants.short ? 0 : 2 * batch * stateWords);
  const stateSums = new Int32Array(2 * batch);
  const prints = new Int32Array(2 * batch);
  const parents = new Int32Array(batch);
  const ordinals = new Int32Array(batch);
  /** Places in the batch of the states that are new. */
  const fresh = new Int32Array(batch);
  /** What initial states are said to differ from. */
  const nothing = new Int32Array(record);
  const { comparesStates } = visited;
  const scratch = new Int32Array(stateWords);
  /** The frontier that the parents of the batch lie in. */
  let source: Int32Array = nothing;
  let filled = 0;
  let sink = 0;

  /** Writes the state at place k of the batch. */
  const restore = (k: number, target: Int32Array, at: number): void => {
    if (constants.short) {
      copyState(target, at, states, k * stateWords);
      return;
    }
    copyState(target, at, source, parentAt[k]!);
    for (let c = firstChange[k]!, end = firstChange[k + 1]!; c < end; c += 2) target[at + delta[c]!] = delta[c + 1]!;
  };

  const checkNew = (k: number): void => {
    if (stateProperties > 0) {
      const index = affected === null ? system.checkState() : affected.check(sets, k * setWords);
      if (index >= 0) events.stateViolated(index, parents[k]!, ordinals[k]!, prints[2 * k]!, prints[2 * k + 1]!);
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

  /** Whether anything is to be looked at in the state at place k of the batch. */
  const asks = (k: number): boolean => {
    if (witnessesLeft > 0 || (affected === null && stateProperties + excuseCount > 0)) return true;
    for (let s = k * setWords, end = s + setWords; s < end; s++) if (sets[s] !== 0) return true;
    return false;
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
      if (comparesStates) restore(k, scratch, 0);
      if (visited.add(prints[2 * k]!, prints[2 * k + 1]!, scratch, 0)) fresh[added++] = k;
    }
    const frontier = discovery.building.view;
    const links = discovery.links.view;
    const link = 2 * discovery.discovered;
    let at = discovery.count * record;
    for (let f = 0; f < added; f++, at += record) {
      const k = fresh[f]!;
      restore(k, frontier, at);
      if (!constants.short) {
        frontier[at + sumsAt] = stateSums[2 * k]!;
        frontier[at + sumsAt + 1] = stateSums[2 * k + 1]!;
      }
      links[link + 2 * f] = parents[k]!;
      links[link + 2 * f + 1] = ordinals[k]!;
      const looked = asks(k);
      if (looked) {
        copyState(vector, 0, frontier, at);
        checkNew(k);
      }
      if (excuseCount > 0) {
        let bits = source[parentAt[k]! + excusesAt]!;
        if (looked) bits = affected === null ? excuses!.evaluate() : affected.excused(sets, k * setWords, bits);
        frontier[at + excusesAt] = bits;
        for (let e = 0; e < excuseCount; e++) inForce[e]! += 1 - ((bits >>> e) & 1);
      }
    }
    discovery.count += added;
    discovery.discovered += added;
    visited.finish(added);
  };

  /** Adds the successor in `vector`, or an initial state, of which `n` words have changed; its sums are there. True when the batch was full and has been looked up, which overwrites `vector`. */
  const add = (parent: number, ordinal: number, n: number): boolean => {
    const k = filled;
    if (constants.short) {
      fingerprint(vector, 0, prints, 2 * k);
      copyState(states, k * stateWords, vector, 0);
    } else {
      print(stateSums, 2 * k, prints, 2 * k);
      let c = firstChange[k]!;
      for (let i = 0; i < n; i++, c += 2) {
        const w = changed[i]!;
        delta[c] = w;
        delta[c + 1] = vector[w]!;
      }
      firstChange[k + 1] = c;
    }
    parents[k] = parent;
    ordinals[k] = ordinal;
    filled = k + 1;
    if (filled < batch) return false;
    flush();
    return true;
  };

  const offer = (parent: number, ordinal: number): void => {
    if (source !== nothing) {
      flush();
      source = nothing;
    }
    before.fill(0);
    parentAt[filled] = 0;
    whole(vector, 0, stateSums, 2 * filled);
    for (let s = 0; s < setWords; s++) sets[filled * setWords + s] = -1;
    add(parent, ordinal, changes.find());
  };

  const expand = (frontier: Int32Array, from: number, to: number, firstId: number): void => {
    if (source !== frontier) {
      flush();
      source = frontier;
    }
    let transitions = 0;
    for (let i = from; i < to; i++) {
      const at = i * record;
      copyState(vector, 0, frontier, at);
      copyState(before, 0, frontier, at);
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
            const n = compares ? changes.find() : 0;
            if (stepProperties > 0) {
              const index = checkChanges();
              if (index >= 0) events.stepViolated(index, firstId + i, ordinal);
            }
            const k = filled;
            if (affected !== null) affected.mark(sets, k * setWords);
            parentAt[k] = at;
            if (!constants.short) {
              stateSums[2 * k] = frontier[at + sumsAt]!;
              stateSums[2 * k + 1] = frontier[at + sumsAt + 1]!;
              update(stateSums, 2 * k, before, vector, changed, n);
            }
            if (add(firstId + i, ordinal++, n) || constants.short) copyState(vector, 0, frontier, at);
            else for (let c = 0; c < n; c++) vector[changed[c]!] = before[changed[c]!]!;
          }
        } while (system.nextBranch());
      }
      transitions += ordinal;
      if (ordinal === 0) events.terminal(firstId + i);
    }
    self.transitions += transitions;
  };

  const self = { transitions: 0, inForce, expand, offer, flush, sink: (): number => sink };
  return self;
}
