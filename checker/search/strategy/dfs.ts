/**
 * Depth-first search with an explicit stack: little memory beside the visited set, and deep violations early. The
 * traces are long; `minimise` shortens them where it can.
 *
 * Under a depth bound, a state that was first met deep down must be entered again when it is met nearer to the
 * start, or states within the bound would be missed: the search then keeps the least depth of every state.
 */
import type { TransitionSystem } from "../../system.ts";
import type { Broken } from "../candidate.ts";
import { Column, OutOfMemory } from "../store/column.ts";
import type { Fingerprint } from "../store/fingerprint.ts";
import type { ExploreOptions, SearchRun, SearchTask } from "../run.ts";
import { Pacer, callsSeen, countedBy } from "../run.ts";
import { StateIndex } from "../store/state-index.ts";
import type { Path } from "../steps.ts";
import { forEachInitial, forEachStep, pathOf } from "../steps.ts";
import { InForceCount } from "../in-force.ts";
import { FingerprintSet } from "../store/visited.ts";
import type { Visited } from "../store/visited.ts";
import { judgeState, judgeStep, judgeTerminal } from "../judge.ts";

/** States entered between looks at the clock. */
const STATES_PER_LOOK = 256;

export async function depthFirst(task: SearchTask): Promise<SearchRun> {
  const search = new DepthFirst(task);
  const stopReason = await search.run();
  const { broken } = search;
  return {
    complete: stopReason === null && broken.length === 0,
    stopReason: broken.length === 0 ? stopReason : null,
    counts: {
      states: search.states, transitions: search.transitions, depth: search.deepest, terminals: search.terminals, levels: [],
      tableBytes: search.tableBytes, workers: 1, walks: null,
    },
    witnessed: search.witnessed,
    inForce: search.inForce.counts,
    counted: countedBy(task.system),
    callsSeen: callsSeen(task.system),
    trapsNotChecked: "a depth-first search does not write its steps down",
    violations: broken.map((b) => ({ broken: b, path: () => search.path() })),
  };
}

/** Memory of the least depths. With a bound of its own, so that searches without one pay nothing. */
class BoundedVisited {
  readonly #index: StateIndex;
  readonly #depths = new Column();

  constructor(stateWords: number, exact: boolean) {
    this.#index = new StateIndex(stateWords, exact);
  }
  get bytes(): number {
    return this.#index.bytes + this.#depths.bytes;
  }
  /** The least depth at which the state was met before; Infinity when never. Remembers `depth` if that is less. */
  meet(low: number, high: number, words: Int32Array, at: number, depth: number): number {
    this.#index.prepare(1);
    this.#depths.reserve(this.#index.count + 1);
    const known = this.#index.count;
    const state = this.#index.number(low, high, words, at);
    const before = state === known ? Infinity : this.#depths.view[state]!;
    if (depth < before) this.#depths.view[state] = depth;
    return before;
  }
}

class DepthFirst {
  readonly #system: TransitionSystem;
  readonly #options: ExploreOptions;
  readonly #pacer: Pacer;
  readonly #fingerprint: Fingerprint;
  readonly #visited: Visited | null;
  readonly #bounded: BoundedVisited | null;
  /** Successors not entered yet: low and high fingerprint, ordinal, vector. Those of deeper states lie behind. */
  readonly #pending = new Column();
  #pendingCount = 0;
  readonly #stride: number;
  /** Of every state on the path, and before it the choice of the initial state: its next pending successor and the end of them. */
  readonly #next: number[] = [];
  readonly #end: number[] = [];
  readonly #begin: number[] = [];
  readonly #before: Int32Array;
  /** States met at the depth bound and not, so far, nearer to the start. */
  #unexpanded = 0;
  /** Ordinal of the violating step from the deepest state of the path; null when the violation is in that state. */
  #brokenStep: number | null = null;
  states = 0;
  transitions = 0;
  terminals = 0;
  deepest = 0;
  /** What is broken where the search ended. */
  broken: readonly Broken[] = [];
  readonly witnessed: Uint8Array;
  readonly inForce: InForceCount;

  constructor({ system, options, hashing }: SearchTask) {
    this.#system = system;
    this.#options = options;
    this.#pacer = new Pacer(options);
    this.#fingerprint = hashing.fingerprint;
    this.#stride = 3 + system.stateWords;
    this.#before = new Int32Array(system.vector.length);
    this.witnessed = new Uint8Array(system.sometimes.length);
    this.inForce = new InForceCount(system);
    this.#bounded = options.maxDepth === null ? null : new BoundedVisited(system.stateWords, options.exact);
    this.#visited = this.#bounded !== null ? null : options.exact ? new StateIndex(system.stateWords, true) : new FingerprintSet();
  }

  get tableBytes(): number {
    return (this.#visited ?? this.#bounded)!.bytes;
  }

  /** Searches until all is seen (null), or a bound is reached (why); a violation ends it with null and `broken` set. */
  async run(): Promise<string | null> {
    try {
      return await this.#search();
    } catch (error) {
      if (!(error instanceof OutOfMemory)) throw error;
      return `out of memory: ${error.message}`;
    }
  }

  async #search(): Promise<string | null> {
    const { maxStates } = this.#options;
    this.#open(() => forEachInitial(this.#system, (index, fault) => {
      if (fault !== null) this.#fail([fault], index);
      else this.#push(index);
    }));
    for (let looks = 0; this.#next.length > 0 && this.broken.length === 0;) {
      const top = this.#next.length - 1;
      const successor = this.#next[top]!;
      if (successor === this.#end[top]!) {
        this.#pendingCount = this.#begin[top]!;
        this.#next.pop();
        this.#end.pop();
        this.#begin.pop();
        continue;
      }
      this.#next[top] = successor + 1;
      this.#enter(successor * this.#stride, this.#next.length);
      if (maxStates !== null && this.states >= maxStates && this.broken.length === 0 && this.#next.length > 0) {
        return `the bound of ${maxStates} states was reached`;
      }
      if (++looks % STATES_PER_LOOK === 0 && this.#pacer.due()) {
        const { states, transitions, deepest: depth } = this;
        const reason = await this.#pacer.pause(() => ({ states, transitions, depth, frontier: this.#pendingCount }));
        if (reason !== null) return reason;
      }
    }
    return this.#unexpanded > 0 && this.broken.length === 0
      ? `the depth bound of ${this.#options.maxDepth} was reached; ${this.#unexpanded} states were not expanded`
      : null;
  }

  /** Meets the pending successor at `at` at depth `depth`; checks and expands it unless that is done. */
  #enter(at: number, depth: number): void {
    const system = this.#system;
    const pending = this.#pending.view;
    const low = pending[at]!;
    const high = pending[at + 1]!;
    const maxDepth = this.#options.maxDepth ?? Infinity;
    let isNew: boolean;
    let firstExpansion = true;
    if (this.#bounded !== null) {
      const before = this.#bounded.meet(low, high, pending, at + 3, depth);
      if (depth >= before) return;
      isNew = before === Infinity;
      firstExpansion = before >= maxDepth;
      if (isNew && depth >= maxDepth) this.#unexpanded++;
      if (before === maxDepth) this.#unexpanded--;
    } else {
      this.#visited!.prepare(1);
      isNew = this.#visited!.add(low, high, pending, at + 3);
      this.#visited!.finish(isNew ? 1 : 0);
      if (!isNew) return;
    }
    if (depth > this.deepest) this.deepest = depth;
    if (isNew) {
      this.states++;
      for (let w = 0; w < system.stateWords; w++) system.vector[w] = pending[at + 3 + w]!;
      this.#checkState();
      if (this.broken.length > 0) {
        this.#openEmpty();
        return;
      }
    }
    if (depth < maxDepth) this.#expand(at + 3, firstExpansion);
  }

  #checkState(): void {
    const system = this.#system;
    this.broken = judgeState(system);
    this.inForce.add();
    for (let w = 0; w < this.witnessed.length; w++) if (this.witnessed[w] === 0 && system.witness(w)) this.witnessed[w] = 1;
  }

  /** Opens the state at pending word `at`: its successors become pending. `first`: it was not expanded before, and its steps count. */
  #expand(at: number, first: boolean): void {
    const system = this.#system;
    const state = this.#before;
    for (let w = 0; w < system.stateWords; w++) state[w] = this.#pending.view[at + w]!;
    this.#open(() => {
      const steps = forEachStep(system, state, 0, (_actor, ordinal, fault) => {
        if (this.broken.length > 0) return;
        if (fault !== null) {
          this.#fail([fault], ordinal);
          return;
        }
        const broken = judgeStep(system, state);
        if (broken.length > 0) this.#fail([...broken, ...judgeState(system)], ordinal);
        this.#push(ordinal);
      });
      if (!first) return;
      this.transitions += steps;
      if (steps > 0) return;
      const { broken, isEnd } = judgeTerminal(system);
      if (isEnd) this.terminals++;
      if (this.broken.length === 0) this.broken = broken;
    });
  }

  /** Adds a state to the path; `fill` pushes its successors. */
  #open(fill: () => void): void {
    const begin = this.#pendingCount;
    fill();
    this.#begin.push(begin);
    this.#next.push(begin);
    this.#end.push(this.#pendingCount);
  }

  #openEmpty(): void {
    this.#open(() => undefined);
  }

  #push(ordinal: number): void {
    const { vector, stateWords } = this.#system;
    this.#pending.reserve((this.#pendingCount + 1) * this.#stride);
    const pending = this.#pending.view;
    const at = this.#pendingCount++ * this.#stride;
    this.#fingerprint(vector, 0, pending, at);
    pending[at + 2] = ordinal;
    for (let w = 0; w < stateWords; w++) pending[at + 3 + w] = vector[w]!;
  }

  /** Step `ordinal` breaks something. */
  #fail(broken: readonly Broken[], ordinal: number): void {
    if (this.broken.length > 0) return;
    this.broken = broken;
    this.#brokenStep = ordinal;
  }

  /** The path to the violation: every open state but the last was left by the pending successor entered last. */
  path(): Path {
    const ordinals: number[] = [];
    for (let i = 0; i < this.#next.length - 1; i++) ordinals.push(this.#pending.view[(this.#next[i]! - 1) * this.#stride + 2]!);
    if (this.#brokenStep !== null) ordinals.push(this.#brokenStep);
    return pathOf(this.#system, ordinals);
  }
}
