/**
 * What a round owes so that fairness does not exclude it, and that it breaks its promise: for each weakly fair actor, that the actor
 * moves or at some state cannot; for each strongly fair one, that it moves, unless it can nowhere; for `eventuallyAlways`, a state
 * without what is promised to stay.
 *
 * All are asked of the states and steps that a round has: a walk collects them as bits of a word, and never loses one. Where there
 * are more than a word has, there are several `Debts`.
 */
import type { Fairness } from "../../system.ts";
import { shows, type StepGraph } from "./step-graph.ts";

/** A component that is a fair round as a whole. */
export interface RoundPlace {
  readonly graph: StepGraph;
  readonly fairness: readonly Fairness[];
  /** Its states, ascending, and what of any state says whether it is one of them. */
  readonly members: Int32Array;
  readonly has: (state: number) => boolean;
  readonly without: number | null;
  /** A run may stop in it. */
  readonly mayStay: boolean;
}

/** Bits of a word that are used; each strongly fair actor takes two. */
const BITS_MAX = 30;

/** All debts of rounds in the component. */
export function debtsOf(place: RoundPlace): Debts[] {
  const { fairness, without } = place;
  const owed = actorsIn(place).filter((a) => fairness[a] !== "none");
  const parts: number[][] = [[]];
  let room = BITS_MAX - (without === null ? 0 : 1);
  for (const a of owed) {
    const bits = fairness[a] === "strong" ? 2 : 1;
    if (room < bits) {
      parts.push([]);
      room = BITS_MAX;
    }
    parts.at(-1)!.push(a);
    room -= bits;
  }
  return parts.map((actors, i) => new Debts(place, actors, i === 0 ? without : null));
}

/** Actors that can move at some state of the component, ascending. */
function actorsIn({ graph, members }: RoundPlace): number[] {
  const met = new Uint8Array(graph.actorCount);
  for (const s of members) for (let e = graph.first[s]!; e < graph.first[s + 1]!; e++) met[graph.actors[e]!] = 1;
  return [...met.keys()].filter((a) => met[a] === 1);
}

const ones = (n: number): number => (1 << n) - 1;

/** Of these actors. Bits: the weakly fair ones, then of the strongly fair ones who can move, and who moves; then the missing predicate. */
export class Debts {
  /** Bits there are. */
  readonly count: number;
  /** What every round must collect. */
  readonly must: number;
  readonly #graph: StepGraph;
  readonly #without: number | null;
  readonly #weak: number;
  readonly #strong: number;
  /** By actor: the bits of a step, and of being able to take one; of a weakly fair one the latter is what not being able collects. */
  readonly #byStep: Int32Array;
  readonly #byBeing: Int32Array;

  constructor({ graph, fairness }: RoundPlace, actors: readonly number[], without: number | null) {
    const weak = actors.filter((a) => fairness[a] === "weak");
    const strong = actors.filter((a) => fairness[a] === "strong");
    this.#graph = graph;
    this.#without = without;
    [this.#weak, this.#strong] = [weak.length, strong.length];
    this.count = weak.length + 2 * strong.length + (without === null ? 0 : 1);
    this.must = ones(weak.length) | (without === null ? 0 : 1 << (this.count - 1));
    this.#byStep = new Int32Array(graph.actorCount);
    this.#byBeing = new Int32Array(graph.actorCount);
    weak.forEach((a, i) => { this.#byStep[a] = this.#byBeing[a] = 1 << i; });
    strong.forEach((a, i) => {
      this.#byBeing[a] = 1 << (weak.length + i);
      this.#byStep[a] = 1 << (weak.length + strong.length + i);
    });
  }

  /** What a walk collects by being at this state. */
  ofState(state: number): number {
    const { first, actors } = this.#graph;
    const weak = ones(this.#weak);
    let able = 0;
    for (let e = first[state]!; e < first[state + 1]!; e++) able |= this.#byBeing[actors[e]!]!;
    const lacks = this.#without !== null && !shows(this.#graph, state, this.#without) ? 1 << (this.count - 1) : 0;
    return (able & ~weak) | (~able & weak) | lacks;
  }

  /** What it collects by a step of this actor. */
  ofStep(actor: number): number {
    return this.#byStep[actor]!;
  }

  /** Bits that a walk which has collected these still lacks; 0: it owes nothing. */
  left(collected: number): number {
    const able = collected & (ones(this.#strong) << this.#weak);
    return (this.must | (able << this.#strong)) & ~collected;
  }
}
