/**
 * The best trace to a violation: shortest, then with the fewest context switches, then the lexicographically smallest
 * by (actor, choices). It depends on the system and on what is violated, and on nothing else: not on the strategy
 * that found it, the number of workers or the seed.
 *
 * 1. Search breadth-first, on one thread, up to the first level at which the violation occurs, and write down every
 *    step that leads from a level to the next: these steps are the shortest paths, as a layered graph.
 * 2. Backwards over the layers: for each state that can still reach the violation in time, and each actor, the fewest
 *    switches that remain when that actor takes the next step.
 * 3. Forwards from the best initial state, at each state taking the smallest step that keeps to the optimum.
 */
import type { TransitionSystem } from "../system.ts";
import type { Broken } from "./candidate.ts";
import { sameBroken } from "./candidate.ts";
import { Column, OutOfMemory } from "./store/column.ts";
import type { Fingerprint } from "./store/fingerprint.ts";
import type { ExploreOptions } from "./run.ts";
import { SLICE_MS } from "./run.ts";
import { StateIndex } from "./store/state-index.ts";
import type { Path, PathStep } from "./steps.ts";
import { forEachInitial, forEachStep } from "./steps.ts";
import { judgeState, judgeStep, judgeTerminal } from "./judge.ts";

export interface MinimiseBounds {
  /** Give up beyond so many states. */
  readonly maxStates: number;
  /** Give up when the search and its graph hold more bytes. */
  readonly maxBytes: number;
}

/** Target of the steps that themselves break a promise: they need not lead to any state. */
const BROKEN = -1;
/** More switches than any trace has. */
const UNREACHABLE = 0xffff_ffff;

export interface MinimiseTask {
  readonly system: TransitionSystem;
  readonly broken: Broken;
  /** Of a trap: whether the state at a place of an array is one of those to reach. */
  readonly isNearest?: ((words: Int32Array, at: number) => boolean) | undefined;
  readonly bounds: MinimiseBounds;
  readonly options: Pick<ExploreOptions, "exact" | "shouldStop">;
  /** Of 64 bits. */
  readonly fingerprint: Fingerprint;
}

/** The best path to `broken`; null when there is none within the bounds or the search was stopped. */
export async function minimise(task: MinimiseTask): Promise<Path | null> {
  const { bounds, options } = task;
  const initial = brokenInitial(task);
  if (initial !== null) return { initial, steps: [] };
  try {
    const graph = new ShortestPaths(task);
    return (await graph.build(bounds, options.shouldStop)) ? graph.bestPath() : null;
  } catch (error) {
    if (error instanceof OutOfMemory) return null;
    throw error;
  }
}

/** The choices of the first branch of `init` that is itself the violation; branches come in lexicographic order. */
function brokenInitial({ system, broken, isNearest }: MinimiseTask): number[] | null {
  let found: number[] | null = null;
  forEachInitial(system, (_, fault) => {
    if (found !== null) return;
    const breaks = fault !== null ? sameBroken(fault, broken) : isBrokenState(system, broken, isNearest);
    if (breaks) found = system.branch();
  });
  return found;
}

/** Whether the violation is the state in the system's vector, wherever a step led there from. */
function isBrokenState(system: TransitionSystem, broken: Broken, isNearest: MinimiseTask["isNearest"]): boolean {
  if (broken.kind === "always") return includes(judgeState(system), broken);
  return broken.kind === "recurring" && isNearest!(system.vector, 0);
}

class ShortestPaths {
  readonly #system: TransitionSystem;
  readonly #broken: Broken;
  readonly #isNearest: MinimiseTask["isNearest"];
  readonly #states: StateIndex;
  readonly #fingerprint: (words: Int32Array, at: number) => void;
  readonly #print = new Int32Array(2);
  /** Steps from a level to the next: (from, to, actor), ordered by `from`. */
  readonly #edges = new Column();
  #edgeCount = 0;
  /** The state a step starts from, for step properties. */
  readonly #before: Int32Array;
  /** Vectors of the level being expanded and of the next. */
  #level = new Column();
  #next = new Column();
  /** States at which the violation is (always, deadlock, finally, recurring). */
  readonly #targets: number[] = [];
  /** `fewest[s * actors + a]`: switches after the next step, if actor a takes it at state s and all goes for the best. */
  #fewest = new Uint32Array(0);

  constructor({ system, broken, isNearest, options, fingerprint }: MinimiseTask) {
    this.#system = system;
    this.#broken = broken;
    this.#isNearest = isNearest;
    this.#states = new StateIndex(system.stateWords, options.exact);
    this.#before = new Int32Array(system.vector.length);
    this.#fingerprint = (words, at) => fingerprint(words, at, this.#print, 0);
  }

  /** Searches up to the violation; false when the bounds, or Ctrl-C, or the end of the states came first. */
  async build(bounds: MinimiseBounds, shouldStop: () => boolean): Promise<boolean> {
    const { stateWords } = this.#system;
    let size = 0;
    forEachInitial(this.#system, (_, fault) => {
      if (fault === null && this.#number() >= size) this.#append(size++);
    });
    let sliceEnd = performance.now() + SLICE_MS;
    for (let first = 0; size > 0;) {
      [this.#level, this.#next] = [this.#next, this.#level];
      const nextFirst = first + size;
      let found = false;
      for (let i = 0; i < size; i++) {
        if (this.#expand(this.#level.view, i * stateWords, first + i, nextFirst)) found = true;
        if (performance.now() >= sliceEnd) {
          await new Promise((resolve) => setImmediate(resolve));
          sliceEnd = performance.now() + SLICE_MS;
          if (shouldStop()) return false;
        }
        if (this.#states.count > bounds.maxStates || this.#bytes() > bounds.maxBytes) return false;
      }
      if (found) return true;
      first = nextFirst;
      size = this.#states.count - nextFirst;
    }
    return false;
  }

  /** Takes the steps of a state and keeps those that lead on; true when the violation is there. */
  #expand(words: Int32Array, at: number, from: number, nextFirst: number): boolean {
    const system = this.#system;
    const broken = this.#broken;
    if (broken.kind === "step") for (let w = 0; w < system.stateWords; w++) this.#before[w] = words[at + w]!;
    let found = false;
    const steps = forEachStep(system, words, at, (actor, _, fault) => {
      if (fault !== null) {
        if (sameBroken(fault, broken)) found = this.#edge(from, BROKEN, actor);
        return;
      }
      if (this.#breaksStep()) found = this.#edge(from, BROKEN, actor);
      const count = this.#states.count;
      const to = this.#number();
      if (to < nextFirst) return;
      this.#edge(from, to, actor);
      if (to < count) return;
      this.#append(to - nextFirst);
      if (isBrokenState(system, broken, this.#isNearest)) {
        this.#targets.push(to);
        found = true;
      }
    });
    if (steps === 0 && (broken.kind === "deadlock" || broken.kind === "finally")) {
      if (includes(judgeTerminal(system).broken, broken)) {
        this.#targets.push(from);
        found = true;
      }
    }
    return found;
  }

  /** Whether the step from `#before` to the system's vector is the violation. */
  #breaksStep(): boolean {
    return this.#broken.kind === "step" && includes(judgeStep(this.#system, this.#before), this.#broken);
  }

  bestPath(): Path {
    this.#countSwitches();
    return this.#walk();
  }

  /**
   * Edges are ordered by source, and lead from a level to the next. Backwards, the steps from a state are done before the
   * steps that lead to it.
   */
  #countSwitches(): void {
    const actors = this.#system.actors.length;
    const edges = this.#edges.view;
    const fewest = new Uint32Array(this.#states.count * actors).fill(UNREACHABLE);
    this.#fewest = fewest;
    const targets = new Uint8Array(this.#states.count);
    for (const t of this.#targets) targets[t] = 1;
    for (let e = this.#edgeCount - 1; e >= 0; e--) {
      const from = edges[3 * e]!;
      const to = edges[3 * e + 1]!;
      const actor = edges[3 * e + 2]!;
      const rest = to === BROKEN || targets[to] === 1 ? 0 : this.#after(to, actor);
      const at = from * actors + actor;
      if (rest < fewest[at]!) fewest[at] = rest;
    }
  }

  /** Fewest switches from state `s` on, when `last` has just moved; UNREACHABLE when the violation cannot be reached in time. */
  #after(s: number, last: number): number {
    const actors = this.#system.actors.length;
    let best = UNREACHABLE;
    for (let a = 0; a < actors; a++) {
      const n = this.#fewest[s * actors + a]!;
      if (n === UNREACHABLE) continue;
      const total = n + (a === last ? 0 : 1);
      if (total < best) best = total;
    }
    return best;
  }

  #walk(): Path {
    const system = this.#system;
    const { stateWords } = system;
    const targets = new Set(this.#targets);
    const state = new Int32Array(stateWords);
    let initial: number[] = [];
    let at = -1;
    let budget = UNREACHABLE;
    forEachInitial(system, (_, fault) => {
      if (fault !== null) return;
      const s = this.#number();
      const cost = targets.has(s) ? 0 : this.#after(s, NOBODY);
      if (cost >= budget) return;
      [at, budget, initial] = [s, cost, system.branch()];
      state.set(system.vector.subarray(0, stateWords));
    });
    const steps: PathStep[] = [];
    let last = NOBODY;
    while (!targets.has(at)) {
      // The steps that the graph has at this state, so that a step elsewhere is not mistaken for one that leads on.
      const ahead = this.#successors(at);
      const options: { actor: number; choices: number[]; to: number; words: Int32Array }[] = [];
      this.#before.set(state);
      forEachStep(system, state, 0, (actor, _, fault) => {
        const switches = budget - (actor === last ? 0 : 1);
        const breaks = fault !== null ? sameBroken(fault, this.#broken) : this.#breaksStep();
        const words = system.vector.slice(0, stateWords);
        if (breaks && ahead.has(BROKEN)) {
          if (switches === 0) options.push({ actor, choices: system.branch(), to: BROKEN, words });
        } else if (fault === null) {
          const to = this.#number();
          const rest = targets.has(to) ? 0 : this.#after(to, actor);
          if (ahead.has(to) && switches === rest) options.push({ actor, choices: system.branch(), to, words });
        }
      });
      const best = options.sort((a, b) => a.actor - b.actor || compareChoices(a.choices, b.choices))[0];
      if (best === undefined) {
        throw new Error("[thpcheck internal] the shortest path cannot be taken again. Does the model keep state outside its vector?");
      }
      steps.push({ actor: best.actor, choices: best.choices });
      if (best.to === BROKEN) break;
      if (best.actor !== last) budget--;
      [at, last] = [best.to, best.actor];
      state.set(best.words);
    }
    return { initial, steps };
  }

  /** Targets of the edges from state `s`: a binary search, edges being ordered by source. */
  #successors(s: number): Set<number> {
    const edges = this.#edges.view;
    let low = 0;
    for (let high = this.#edgeCount; low < high;) {
      const middle = (low + high) >>> 1;
      if (edges[3 * middle]! < s) low = middle + 1;
      else high = middle;
    }
    const found = new Set<number>();
    for (let e = low; e < this.#edgeCount && edges[3 * e] === s; e++) found.add(edges[3 * e + 1]!);
    return found;
  }

  /** The number of the state in `system.vector`, which gets one if it has none. */
  #number(): number {
    const { vector } = this.#system;
    this.#fingerprint(vector, 0);
    this.#states.prepare(1);
    return this.#states.number(this.#print[0]!, this.#print[1]!, vector, 0);
  }

  #append(index: number): void {
    const { vector, stateWords } = this.#system;
    this.#next.reserve((index + 1) * stateWords);
    for (let w = 0; w < stateWords; w++) this.#next.view[index * stateWords + w] = vector[w]!;
  }

  #edge(from: number, to: number, actor: number): true {
    this.#edges.reserve((this.#edgeCount + 1) * 3);
    const edges = this.#edges.view;
    const at = 3 * this.#edgeCount++;
    edges[at] = from;
    edges[at + 1] = to;
    edges[at + 2] = actor;
    return true;
  }

  /** What is held, and what counting the switches will take. */
  #bytes(): number {
    const switches = this.#states.count * (4 * this.#system.actors.length + 1);
    return this.#states.bytes + this.#edges.bytes + this.#level.bytes + this.#next.bytes + switches;
  }
}

function includes(all: readonly Broken[], broken: Broken): boolean {
  return all.some((one) => sameBroken(one, broken));
}

/** No actor has moved yet; the first step is then counted as a switch, on every path alike. */
const NOBODY = -1;

function compareChoices(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
