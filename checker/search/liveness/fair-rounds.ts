/**
 * Where in a region a fair run can go round for ever: emptiness of a Streett automaton whose pairs are the fairness of the actors.
 *
 * A run that stays in a region for ever meets some states and steps again and again; they form a strongly connected set. It is
 *
 * - weakly fair to an actor if the actor takes a step of the set, or cannot move in some state of it: it then does not stay able to
 *   move for ever without moving. Conversely, going round all states and steps of a strongly connected set for ever is such a run;
 * - strongly fair if the actor takes a step of the set, or cannot move in any state of it.
 *
 * What a component (a largest such set) denies an actor under weak fairness, each set inside of it denies as well: there are fewer
 * steps, and the actor can move in all states. So the component has no fair round at all. Under strong fairness a smaller set may do,
 * one without the states in which the actor can move: these are taken out, and what is left is divided into components anew. Each
 * such turn takes states out, so it ends; after E. A. Emerson and C.-L. Lei, Modalities for model checking (1987), 5.
 *
 * Whether an actor can move is a matter of the whole graph: the step may lead out of the region.
 *
 * A run may also stop, if that is fair: who takes no step any more stays in one state. So each state alone is a strongly connected
 * set, with a step of nobody's, and by the same rule it is fair where nobody who is owed a step can move. States in which nothing can
 * move are such. Beyond the bound of a search nobody knows what can move, so no run is said to stop there.
 *
 * A step that leads back to the same state is a step that its actor takes: a thread that polls is not starved of its polls. Choices
 * within a step are nobody's, so that one may go the same way each time.
 */
import type { Fairness } from "../../system.ts";
import { Components } from "./components.ts";
import type { Region } from "./region.ts";
import { shows, type StepGraph } from "./step-graph.ts";

/** Components in which a fair run can go round: all of their states and steps, or one state in which it stops. */
export interface FairRounds {
  /** By state: the number of the component; -1: it is in none. */
  readonly componentOf: Int32Array;
  readonly count: number;
}

/** All of them; `firstOnly`: one, if there is any. */
export function fairRounds(graph: StepGraph, fairness: readonly Fairness[], region: Region, firstOnly = false): FairRounds {
  return new Search(graph, fairness, region).run(firstOnly);
}

const FAIR = 1;
const NOTHING = 0;

class Search {
  readonly #graph: StepGraph;
  readonly #fairness: readonly Fairness[];
  readonly #region: Region;
  readonly #components: Components;
  /** Of the component in hand, by actor: states in which it can move, whether it takes a step inside, and the state it was met in last. */
  readonly #able: Int32Array;
  readonly #moves: Uint8Array;
  readonly #met: Int32Array;
  /** Actors of which something is known, the first `#touched`. */
  readonly #those: Int32Array;
  /** What is left of components that are to be divided again. */
  readonly #left: Int32Array[] = [];
  /** Actors for whose sake states are taken out of the component in hand. */
  #denied: number[] = [];

  constructor(graph: StepGraph, fairness: readonly Fairness[], region: Region) {
    this.#graph = graph;
    this.#fairness = fairness;
    this.#region = region;
    this.#components = new Components(graph);
    this.#able = new Int32Array(graph.actorCount);
    this.#moves = new Uint8Array(graph.actorCount);
    this.#met = new Int32Array(graph.actorCount).fill(-1);
    this.#those = new Int32Array(graph.actorCount);
  }

  run(firstOnly: boolean): FairRounds {
    const { states } = this.#graph;
    const componentOf = new Int32Array(states).fill(-1);
    let count = 0;
    this.#left.push(numbersOf(this.#region.inside));
    for (let more = true; more && this.#left.length > 0;) {
      const members = this.#left.pop()!;
      more = this.#components.forEach(members, this.#components.newPart(members), (component, own) => {
        const verdict = this.#judge(component, own);
        if (verdict === FAIR) {
          for (let i = 0; i < component.length; i++) componentOf[component[i]!] = count;
          count++;
        } else if (verdict !== NOTHING) this.#left.push(verdict);
        return !(firstOnly && count > 0);
      });
    }
    return { componentOf, count };
  }

  /** Whether a fair run can go round all of the component; or what is left of it when states are taken out. */
  #judge(component: Int32Array, own: number): typeof FAIR | typeof NOTHING | Int32Array {
    const { beyond } = this.#graph;
    if (this.#lacksRound(component, own) || this.#lacksState(component) || beyond[component[0]!] === 1) return NOTHING;
    const touched = this.#look(component, own);
    let fails = false;
    this.#denied = [];
    for (let i = 0; i < touched; i++) {
      const a = this.#those[i]!;
      const how = this.#fairness[a]!;
      if (this.#moves[a] === 0 && how === "weak" && this.#able[a] === component.length) fails = true;
      if (this.#moves[a] === 0 && how === "strong") this.#denied.push(a);
    }
    this.#forget(touched);
    if (fails) return NOTHING;
    return this.#denied.length === 0 ? FAIR : this.#without(component, this.#denied);
  }

  /** A state alone is no round where runs may not stop and no step leads back to it. */
  #lacksRound(component: Int32Array, own: number): boolean {
    if (this.#region.mayStay || component.length > 1) return false;
    const { first, targets } = this.#graph;
    const s = component[0]!;
    for (let e = first[s]!; e < first[s + 1]!; e++) if (this.#components.part[targets[e]!] === own) return false;
    return true;
  }

  /** Whether no state of it is without what must be missing again and again. */
  #lacksState(component: Int32Array): boolean {
    const { without } = this.#region;
    return without !== null && component.every((s) => shows(this.#graph, s, without));
  }

  /** Notes who can move where in the component, and who takes a step inside; returns how many actors were met. */
  #look(component: Int32Array, own: number): number {
    const { first, targets, actors } = this.#graph;
    const { part } = this.#components;
    const able = this.#able, moves = this.#moves, met = this.#met, those = this.#those;
    let touched = 0;
    for (let i = 0; i < component.length; i++) {
      const s = component[i]!;
      for (let e = first[s]!, end = first[s + 1]!; e < end; e++) {
        const a = actors[e]!;
        if (met[a] !== s) {
          if (able[a] === 0) those[touched++] = a;
          met[a] = s;
          able[a]!++;
        }
        if (part[targets[e]!] === own) moves[a] = 1;
      }
    }
    return touched;
  }

  #forget(touched: number): void {
    for (let i = 0; i < touched; i++) {
      const a = this.#those[i]!;
      this.#able[a] = 0;
      this.#moves[a] = 0;
      this.#met[a] = -1;
    }
  }

  /** The states of the component in which none of these actors can move; `NOTHING` where there are none. */
  #without(component: Int32Array, denied: readonly number[]): Int32Array | typeof NOTHING {
    const { first, actors } = this.#graph;
    const isDenied = new Uint8Array(this.#graph.actorCount);
    for (const a of denied) isDenied[a] = 1;
    const kept = component.filter((s) => {
      for (let e = first[s]!; e < first[s + 1]!; e++) if (isDenied[actors[e]!] === 1) return false;
      return true;
    });
    return kept.length === 0 ? NOTHING : kept;
  }
}

/** The indices of what is 1. */
function numbersOf(flags: Uint8Array): Int32Array<ArrayBuffer> {
  let count = 0;
  for (let i = 0; i < flags.length; i++) count += flags[i]!;
  const numbers = new Int32Array(count);
  for (let i = 0, n = 0; i < flags.length; i++) if (flags[i] === 1) numbers[n++] = i;
  return numbers;
}
