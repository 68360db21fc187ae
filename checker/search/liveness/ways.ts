/**
 * The shortest way to a round: of the shortest ones, one with the fewest changes of the actor that moves, and of these the first by
 * the order of steps. It depends on the graph alone.
 *
 * A way has two stages. In the first it may be anywhere; the second begins in a state of which the promise can begin to be
 * broken, and does not leave what such a run is allowed (`region.ts`). A place is a state in a stage.
 */
import type { LivenessPromise } from "../../system.ts";
import { isAllowed, isEntry } from "./region.ts";
import type { StepGraph } from "./step-graph.ts";

export interface Way {
  /** The initial state that it begins in, and the steps of the graph. */
  readonly begin: number;
  readonly steps: readonly number[];
  readonly end: number;
}

/** The way to the nearest state that is a target; null: none can be reached. */
export function nearestWay(graph: StepGraph, promise: LivenessPromise, isTarget: (state: number) => boolean): Way | null {
  return new Ways(graph, promise, isTarget).find();
}

/** More changes of the actor than any way has. */
const NEVER = 0x7fff_ffff;

class Ways {
  readonly #graph: StepGraph;
  readonly #promise: LivenessPromise;
  readonly #isTarget: (state: number) => boolean;
  /** By place, the number of steps to it plus 1; 0: not reached. Place 2s is state s in the first stage, 2s + 1 in the second. */
  readonly #length: Int32Array;
  /** Places in the order in which they were reached. */
  readonly #order: Int32Array;
  #reached = 0;
  /** Of places on shortest ways to targets, by the actor of the next step: changes of actor that remain after it. */
  readonly #fewest = new Map<number, Int32Array>();

  constructor(graph: StepGraph, promise: LivenessPromise, isTarget: (state: number) => boolean) {
    this.#graph = graph;
    this.#promise = promise;
    this.#isTarget = isTarget;
    this.#length = new Int32Array(2 * graph.states);
    this.#order = new Int32Array(2 * graph.states);
  }

  find(): Way | null {
    const end = this.#search();
    if (end < 0) return null;
    this.#countChanges(this.#length[end]!);
    return this.#way(this.#length[end]!);
  }

  #isEnd(place: number): boolean {
    return (place & 1) === 1 && this.#isTarget(place >> 1);
  }

  /** Places in which runs begin. */
  #beginnings(): number[] {
    return this.#graph.initial.flatMap((s) => this.#placesOf(s, 0, true));
  }

  /** The places of state `s` when a step leads there from a place of this stage. */
  #placesOf(s: number, stage: number, isFirst = false): number[] {
    const places: number[] = [];
    // A promise of the first state leaves no time for a first stage.
    if (stage === 0 && this.#promise.kind !== "eventually") places.push(2 * s);
    if (stage === 1 ? isAllowed(this.#graph, this.#promise, s) : isEntry(this.#graph, this.#promise, s, isFirst)) places.push(2 * s + 1);
    return places;
  }

  /** Breadth-first up to the nearest end; -1: there is none. */
  #search(): number {
    const { first, targets } = this.#graph;
    const reach = (place: number, length: number): boolean => {
      if (this.#length[place] !== 0) return false;
      this.#length[place] = length;
      this.#order[this.#reached++] = place;
      return this.#isEnd(place);
    };
    for (const place of this.#beginnings()) if (reach(place, 1)) return place;
    for (let i = 0; i < this.#reached; i++) {
      const place = this.#order[i]!;
      const s = place >> 1;
      for (let e = first[s]!; e < first[s + 1]!; e++) {
        for (const next of this.#placesOf(targets[e]!, place & 1)) if (reach(next, this.#length[place]! + 1)) return next;
      }
    }
    return -1;
  }

  /** Backwards over the order: a place that is reached in `last - 1` steps or fewer has only places behind it in the order. */
  #countChanges(last: number): void {
    const { first, actors, actorCount } = this.#graph;
    for (let i = this.#reached - 1; i >= 0; i--) {
      const place = this.#order[i]!;
      if (this.#length[place]! >= last) continue;
      let fewest: Int32Array | null = null;
      const s = place >> 1;
      for (let e = first[s]!; e < first[s + 1]!; e++) {
        for (const next of this.#nextPlaces(place, e, last)) {
          const rest = this.#after(next, actors[e]!, last);
          if (rest === NEVER) continue;
          fewest ??= new Int32Array(actorCount).fill(NEVER);
          if (rest < fewest[actors[e]!]!) fewest[actors[e]!] = rest;
        }
      }
      if (fewest !== null) this.#fewest.set(place, fewest);
    }
  }

  /** Places that step `e` leads to from this one on a shortest way of `last - 1` steps. */
  #nextPlaces(place: number, e: number, last: number): number[] {
    const length = this.#length[place]! + 1;
    return this.#placesOf(this.#graph.targets[e]!, place & 1).filter((next) => {
      // The search ended before it came to all places of the last length.
      const known = this.#length[next]!;
      return known === length || (known === 0 && length === last);
    });
  }

  /** Changes of the actor from this place on, when `mover` moved last; NEVER: it leads to no end in time. */
  #after(place: number, mover: number, last: number): number {
    const isLast = this.#length[place] === last || this.#length[place] === 0;
    if (isLast) return this.#isEnd(place) ? 0 : NEVER;
    const fewest = this.#fewest.get(place);
    let best = NEVER;
    fewest?.forEach((n, a) => { if (n !== NEVER) best = Math.min(best, n + (a === mover ? 0 : 1)); });
    return best;
  }

  #way(last: number): Way {
    const { first, actors, targets } = this.#graph;
    const cost = (place: number): number => this.#after(place, -1, last);
    let place = this.#beginnings().reduce((best, other) => (cost(other) < cost(best) ? other : best));
    const begin = place >> 1;
    const steps: number[] = [];
    for (let mover = -1, length = 1, left = cost(place); length < last; length++) {
      const options: { readonly e: number; readonly next: number; readonly rest: number }[] = [];
      const s = place >> 1;
      for (let e = first[s]!; e < first[s + 1]!; e++) {
        const wanted = left - (actors[e] === mover ? 0 : 1);
        for (const next of this.#nextPlaces(place, e, last)) {
          if (this.#after(next, actors[e]!, last) === wanted) options.push({ e, next, rest: wanted });
        }
      }
      const { e, next, rest } = options[0]!;
      steps.push(e);
      [place, mover, left] = [next, actors[e]!, rest];
    }
    return { begin, steps, end: steps.length === 0 ? begin : targets[steps.at(-1)!]! };
  }
}
