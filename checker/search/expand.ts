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
import { SHORT_WORDS, type TransitionSystem } from "../system.ts";
import { changesOf, type StepChanges } from "./changes.ts";
import type { Discovery } from "./parallel/discovery.ts";
import type { CopyState, Hashing } from "./store/fingerprint.ts";
import { callCopy } from "./store/fresh-copy.ts";
import type { Visited } from "./store/visited.ts";
import type { GraphLog } from "./traps/graph-log.ts";

/** Successors looked up at once: enough to overlap cache misses, few enough for the first-level cache. */
export const BATCH = 128;

/** What is told about violations. `vector` holds the state concerned when these are called. */
export interface ExpandEvents {
  /** State property `first`, and perhaps others, is false in the new state reached by step `ordinal` of state `parent`. */
  stateViolated(first: number, parent: number, ordinal: number, low: number, high: number): void;
  /** Step property `first`, and perhaps others, is false of step `ordinal` of state `parent`, which is `before`. */
  stepViolated(first: number, parent: number, ordinal: number, before: Int32Array): void;
  /** Step `ordinal` of state `parent` threw `error`. */
  stepFailed(error: unknown, parent: number, ordinal: number): void;
  /** No actor can move in state `id`. */
  terminal(id: number): void;
  /** Some actor can move in state `id`, which may be a goal all the same. Told only while a graph is logged. */
  passed(id: number): void;
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
  /** Where the graph is written down, if it is wanted. */
  readonly log: GraphLog | null;
}

export interface Expander {
  /** Steps taken. */
  transitions: number;
  /** By excuse: the new states in which promises that have it were in force. */
  readonly inForce: Float64Array;
  /** Expands the records `from`..`to` - 1 of the frontier of worker `source`; that of state i has the id `firstId + i`. */
  expand(records: Int32Array, from: number, to: number, firstId: number, source: number): void;
  /** Offers the state in `system.vector`, whatever led to it; every property is checked. */
  offer(parent: number, ordinal: number): void;
  /** Looks up what is left in the batch. Must be called before the level ends. */
  flush(): void;
}

/** How a state lies in a frontier: the state itself, then, at these places, what is kept with it. */
export interface RecordLayout {
  readonly words: number;
  /** The two sums of its fingerprint; -1 for short states, whose sums are not kept. */
  readonly sumsAt: number;
  /** Which excuses apply. */
  readonly excusesAt: number;
}

/** The record of a state of so many words. */
export function layoutOfRecord(stateWords: number, hasExcuses: boolean): RecordLayout {
  const sums = stateWords > SHORT_WORDS ? 2 : 0;
  const excusesAt = stateWords + sums;
  return { words: excusesAt + (hasExcuses ? 1 : 0), sumsAt: sums === 0 ? -1 : stateWords, excusesAt };
}

function layoutOf(system: TransitionSystem): RecordLayout {
  return layoutOfRecord(system.stateWords, system.excuses !== undefined);
}

/** Words of a state in a frontier. */
export function recordWords(system: TransitionSystem): number {
  return layoutOf(system).words;
}

/** The states of a batch, a row each: `filled` of them wait to be looked up. */
interface Rows {
  filled: number;
  /** The frontier that their parents lie in. */
  source: Int32Array;
  /** Stands in for a frontier where initial states are offered: they are said to differ from it. */
  readonly nothing: Int32Array;
  /** The words of each state; empty unless states are short. */
  readonly states: Int32Array;
  /** Where the record of the parent begins in `source`. */
  readonly parentAt: Int32Array;
  /** The changes of row k, (word, value) each: from `firstChange[k]` up to `firstChange[k + 1]` in `delta`. */
  readonly firstChange: Int32Array;
  readonly delta: Int32Array;
  /** Two words of each state: the sums, and the fingerprint. */
  readonly sums: Int32Array;
  readonly prints: Int32Array;
  readonly parents: Int32Array;
  readonly ordinals: Int32Array;
  /** Which properties and excuses the step may have moved: `setWords` words each. */
  readonly sets: Int32Array;
  readonly setWords: number;
}

function makeRows({ system, batch }: ExpandParts, layout: RecordLayout, { short }: Constants): Rows {
  const { stateWords, incremental } = system;
  const nothing = new Int32Array(layout.words);
  const setWords = incremental === undefined ? 0 : incremental.affected.words;
  return {
    filled: 0, source: nothing, nothing,
    states: new Int32Array(short ? batch * stateWords : 0),
    parentAt: new Int32Array(batch), firstChange: new Int32Array(batch + 1), delta: new Int32Array(short ? 0 : 2 * batch * stateWords),
    sums: new Int32Array(2 * batch), prints: new Int32Array(2 * batch), parents: new Int32Array(batch), ordinals: new Int32Array(batch),
    sets: new Int32Array(batch * setWords), setWords,
  };
}

/** What the kernels have as text; see `callCopy`. */
type Constants = Readonly<Record<"short" | "logs", boolean>>;

/** An expander whose code is compiled for this system alone. */
export function makeExpander(parts: ExpandParts): Expander {
  const layout = layoutOf(parts.system);
  const constants: Constants = { short: layout.sumsAt < 0, logs: parts.log !== null };
  const step = changesOf(parts.system);
  const rows = makeRows(parts, layout, constants);
  const newStates = callCopy(newStatesKernel, {}, parts, rows);
  const rowStates = callCopy(rowStatesKernel, { short: constants.short }, parts, rows, constants);
  const found = callCopy(lookUpKernel, { logs: constants.logs }, parts, rows, rowStates, constants);
  const flush = callCopy(flushKernel, constants, parts, rows, layout, { ...newStates, ...rowStates, found }, constants);
  const successors = callCopy(successorsKernel, { short: constants.short }, parts, rows, step, flush, constants);
  const both = { ...layout, ...step };
  const keep = callCopy(keepKernel, { short: constants.short }, parts, rows, both, successors.add, constants);
  const rest = { inForce: newStates.inForce, offer: successors.offer, flush, keep };
  return callCopy(expandKernel, { logs: constants.logs }, parts, rows, both, rest, constants);
}

// The kernels are closed (see store/fresh-copy.ts): each may use its parameters and nothing else of this module.

/** What is looked at in a state that is new. `k` is its row; `vector` holds it where that is not said otherwise. */
interface NewStates {
  /** Whether anything is to be looked at in the state, which need not be in `vector`. */
  readonly asks: (k: number) => boolean;
  /** Checks properties and witnesses. */
  readonly check: (k: number) => void;
  /** Which excuses apply, as bits, given those of the parent. `looked`: the state is in `vector`, and something may have changed. */
  readonly excuses: (k: number, ofParent: number, looked: boolean) => number;
  readonly inForce: Float64Array;
}

/**
 * Of a state that a step leads to, only what the step can have changed is checked: the state before was checked when it was
 * found, and where a promise broke the search goes no further.
 */
function newStatesKernel({ system, events, witnessed }: ExpandParts, rows: Rows): NewStates {
  const { sets, setWords, parents, ordinals, prints } = rows;
  const affected = system.incremental?.affected ?? null;
  const stateProperties = system.always.length;
  const witnesses = system.sometimes.length;
  const excuseCount = system.excuses?.count ?? 0;
  const inForce = new Float64Array(excuseCount);
  let witnessesLeft = witnesses;

  const asks = (k: number): boolean => {
    if (witnessesLeft > 0 || (affected === null && stateProperties + excuseCount > 0)) return true;
    for (let s = k * setWords, end = s + setWords; s < end; s++) if (sets[s] !== 0) return true;
    return false;
  };

  const check = (k: number): void => {
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

  const excuses = (k: number, ofParent: number, looked: boolean): number => {
    let bits = ofParent;
    if (looked) bits = affected === null ? system.excuses!.evaluate() : affected.excused(sets, k * setWords, ofParent);
    for (let e = 0; e < excuseCount; e++) inForce[e]! += 1 - ((bits >>> e) & 1);
    return bits;
  };
  return { asks, check, excuses, inForce };
}

interface RowStates {
  /** Writes the state of row k. */
  readonly restore: (k: number, target: Int32Array, at: number) => void;
  /**
   * Writes down where `n` rows led to: the places of the `added` new states, and the steps to known ones. Left out are steps that
   * changed nothing, and initial states.
   */
  readonly writeDown: (found: Found, added: number, n: number) => void;
}

function rowStatesKernel(parts: ExpandParts, rows: Rows, constants: Constants): RowStates {
  const { system: { stateWords }, copyState, visited, log } = parts;
  const { states, parentAt, firstChange, delta, parents } = rows;

  const restore = (k: number, target: Int32Array, at: number): void => {
    if (constants.short) {
      copyState(target, at, states, k * stateWords);
      return;
    }
    copyState(target, at, rows.source, parentAt[k]!);
    for (let c = firstChange[k]!, end = firstChange[k + 1]!; c < end; c += 2) target[at + delta[c]!] = delta[c + 1]!;
  };

  const writeDown = ({ freshPlaces, known, knownPlaces }: Found, added: number, n: number): void => {
    log!.grew(visited.generation);
    log!.discovered(freshPlaces, added);
    for (let j = 0; j < n - added; j++) {
      const k = known[j]!;
      const from = parents[k]!;
      if (from >= 0 && (constants.short || firstChange[k] !== firstChange[k + 1])) log!.known(from, knownPlaces[j]!);
    }
  };
  return { restore, writeDown };
}

/** What a look-up has found. */
interface Found {
  /** The rows of states that are new, and the places of these. */
  readonly fresh: Int32Array;
  readonly freshPlaces: Int32Array;
  /** The other rows, and the places of their states; filled only while a graph is logged, as are the places of new states. */
  readonly known: Int32Array;
  readonly knownPlaces: Int32Array;
  /** Looks up the first `n` rows; returns how many are new. */
  readonly lookUp: (n: number) => number;
}

/**
 * All rows are looked up before one is stored: a shared table is written by atomic operations, each of which would wait for the
 * stores before it to reach memory.
 */
function lookUpKernel({ system, batch, visited }: ExpandParts, { prints }: Rows, { restore }: RowStates, constants: Constants): Found {
  const fresh = new Int32Array(batch);
  const freshPlaces = new Int32Array(batch);
  const known = new Int32Array(batch);
  const knownPlaces = new Int32Array(batch);
  const { comparesStates } = visited;
  const scratch = new Int32Array(system.stateWords);
  /** Keeps reads of the table from being optimised away. */
  const sink = new Int32Array(1);

  const lookUp = (n: number): number => {
    let touched = 0;
    for (let k = 0; k < n; k++) touched ^= visited.touch(prints[2 * k + 1]!);
    sink[0]! ^= touched;
    let added = 0;
    let others = 0;
    for (let k = 0; k < n; k++) {
      if (comparesStates) restore(k, scratch, 0);
      if (visited.add(prints[2 * k]!, prints[2 * k + 1]!, scratch, 0)) {
        if (constants.logs) freshPlaces[added] = visited.last;
        fresh[added++] = k;
      } else if (constants.logs) {
        knownPlaces[others] = visited.last;
        known[others++] = k;
      }
    }
    return added;
  };
  return { fresh, freshPlaces, known, knownPlaces, lookUp };
}

/** Looks the rows up, and keeps those that are new in the frontier being built. Overwrites `vector`. */
function flushKernel(
  parts: ExpandParts, rows: Rows, layout: RecordLayout, looks: NewStates & RowStates & { readonly found: Found }, constants: Constants,
): () => void {
  const { system: { vector, excuses }, copyState, visited, discovery } = parts;
  const { parentAt, sums, parents, ordinals } = rows;
  const { words: record, sumsAt, excusesAt } = layout;
  const { asks, check, excuses: excusesOf, restore, writeDown, found } = looks;
  const { fresh, lookUp } = found;
  const hasExcuses = excuses !== undefined;

  return (): void => {
    const n = rows.filled;
    if (n === 0) return;
    rows.filled = 0;
    discovery.prepare(n);
    visited.prepare(n);
    const added = lookUp(n);
    if (constants.logs) writeDown(found, added, n);
    const frontier = discovery.building.view;
    const links = discovery.links.view;
    const link = 2 * discovery.discovered;
    let at = discovery.count * record;
    for (let f = 0; f < added; f++, at += record) {
      const k = fresh[f]!;
      restore(k, frontier, at);
      if (!constants.short) {
        frontier[at + sumsAt] = sums[2 * k]!;
        frontier[at + sumsAt + 1] = sums[2 * k + 1]!;
      }
      links[link + 2 * f] = parents[k]!;
      links[link + 2 * f + 1] = ordinals[k]!;
      const looked = asks(k);
      if (looked) {
        copyState(vector, 0, frontier, at);
        check(k);
      }
      if (hasExcuses) frontier[at + excusesAt] = excusesOf(k, rows.source[parentAt[k]! + excusesAt]!, looked);
    }
    discovery.count += added;
    discovery.discovered += added;
    visited.finish(added);
  };
}

interface Successors {
  /**
   * Adds the state in `vector`, of which `n` words have changed and whose sums are there. True when the batch was full and has
   * been looked up, which overwrites `vector`.
   */
  readonly add: (parent: number, ordinal: number, n: number) => boolean;
  readonly offer: Expander["offer"];
}

/** Fills rows. */
function successorsKernel(
  parts: ExpandParts, rows: Rows, { before, changes }: StepChanges, flush: () => void, constants: Constants,
): Successors {
  const { system: { vector, stateWords }, batch, fingerprint, sums: { whole, print }, copyState } = parts;
  const { states, parentAt, firstChange, delta, sums, prints, parents, ordinals, sets, setWords, nothing } = rows;
  const changed = changes.words;

  const add = (parent: number, ordinal: number, n: number): boolean => {
    const k = rows.filled;
    if (constants.short) {
      fingerprint(vector, 0, prints, 2 * k);
      copyState(states, k * stateWords, vector, 0);
    } else {
      print(sums, 2 * k, prints, 2 * k);
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
    rows.filled = k + 1;
    if (k + 1 < batch) return false;
    flush();
    return true;
  };

  const offer = (parent: number, ordinal: number): void => {
    if (rows.source !== nothing) {
      flush();
      rows.source = nothing;
    }
    const k = rows.filled;
    before.fill(0);
    parentAt[k] = 0;
    whole(vector, 0, sums, 2 * k);
    for (let s = 0; s < setWords; s++) sets[k * setWords + s] = -1;
    add(parent, ordinal, changes.find());
  };
  return { add, offer };
}

/** Adds the successor in `vector` of the state at `at`, and puts that state there again. */
type Keep = (frontier: Int32Array, at: number, id: number, ordinal: number) => void;

function keepKernel(
  parts: ExpandParts, rows: Rows, step: RecordLayout & StepChanges, add: Successors["add"], constants: Constants,
): Keep {
  const { system, sums: { update }, copyState, events } = parts;
  const { parentAt, sums, sets, setWords } = rows;
  const { sumsAt, before, changes } = step;
  const { vector } = system;
  const changed = changes.words;
  const stepProperties = system.stepProperties.length;
  const affected = system.incremental?.affected ?? null;
  const checkChanges = system.incremental?.checkChanges ?? (() => system.checkStep(before));
  /** Whether anything asks what a step changed. */
  const compares = !constants.short || stepProperties > 0;

  return (frontier, at, id, ordinal) => {
    const n = compares ? changes.find() : 0;
    if (stepProperties > 0) {
      const index = checkChanges();
      if (index >= 0) events.stepViolated(index, id, ordinal, before);
    }
    const k = rows.filled;
    if (affected !== null) affected.mark(sets, k * setWords);
    parentAt[k] = at;
    if (!constants.short) {
      sums[2 * k] = frontier[at + sumsAt]!;
      sums[2 * k + 1] = frontier[at + sumsAt + 1]!;
      update(sums, 2 * k, before, vector, changed, n);
    }
    if (add(id, ordinal, n) || constants.short) copyState(vector, 0, frontier, at);
    else for (let c = 0; c < n; c++) vector[changed[c]!] = before[changed[c]!]!;
  };
}

/** Takes the steps of states. */
function expandKernel(
  parts: ExpandParts, rows: Rows, step: RecordLayout & StepChanges,
  rest: Omit<Expander, "transitions" | "expand"> & { readonly keep: Keep }, constants: Constants,
): Expander {
  const { system, copyState, events } = parts;
  const { words: record, before } = step;
  const { offer, flush, inForce, keep } = rest;
  const { vector } = system;
  const actors = system.actors.length;
  /** 1: an actor that is not at rest where it can move. */
  const restless = Uint8Array.from(system.actors, (_, a) => (system.restless?.[a] === true ? 1 : 0));
  const everyState = system.recurring !== undefined;

  const expand = (frontier: Int32Array, from: number, to: number, firstId: number): void => {
    if (rows.source !== frontier) {
      flush();
      rows.source = frontier;
    }
    let transitions = 0;
    for (let i = from; i < to; i++) {
      const at = i * record;
      copyState(vector, 0, frontier, at);
      copyState(before, 0, frontier, at);
      let ordinal = 0;
      let calm = true;
      for (let actor = 0; actor < actors; actor++) {
        const taken = ordinal;
        do {
          let outcome = 0;
          try {
            outcome = system.step(actor);
          } catch (error) {
            copyState(vector, 0, frontier, at);
            events.stepFailed(error, firstId + i, ordinal++);
            continue;
          }
          if (outcome !== 0) keep(frontier, at, firstId + i, ordinal++);
        } while (system.nextBranch());
        if (constants.logs && ordinal > taken && restless[actor] === 1) calm = false;
      }
      transitions += ordinal;
      if (ordinal === 0) events.terminal(firstId + i);
      else if (constants.logs && (calm || everyState)) events.passed(firstId + i);
    }
    self.transitions += transitions;
  };

  const self: Expander = { transitions: 0, inForce, expand, offer, flush };
  return self;
}
