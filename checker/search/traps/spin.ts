/**
 * What goes on in a trap: the states that can be reached from one of its states, and who goes round in them. From a trap no goal
 * can be reached, so that these are all; among them is a set of states in which every run ends up and which it never leaves (a
 * bottom strongly connected component).
 */
import { shortPath } from "../../error-sentence.ts";
import type { TransitionSystem } from "../../system.ts";
import { Column } from "../store/column.ts";
import { makeHashing, type Fingerprint } from "../store/fingerprint.ts";
import { StateIndex } from "../store/state-index.ts";
import { forEachStep } from "../steps.ts";
import { whoWaits } from "../waiting.ts";
import { isGoal } from "./goals.ts";

export interface Spin {
  /** A goal can be reached after all. */
  readonly escapes: boolean;
  /** Who goes round where, and who waits for what: a sentence each. */
  readonly sentences: readonly string[];
}

/** States of a trap that are looked at. */
const STATES_MAX = 20_000;
/** Places that are named of each actor, and actors that are named. */
const PLACES_MAX = 2;
const ACTORS_MAX = 6;

/** Looks at what the state in `system.vector` leads to, which is left as it was. `name`: the promise that no goal of it is reachable. */
export function spinFrom(system: TransitionSystem, name: string): Spin {
  const saved = system.vector.slice();
  const reached = new Reached(system, name);
  const all = reached.explore();
  const round = all && !reached.escapes ? reached.lastingStates() : [0];
  const sentences = reached.escapes ? [] : reached.whoMoves(round);
  system.vector.set(saved);
  return { escapes: reached.escapes, sentences };
}

class Reached {
  readonly #system: TransitionSystem;
  readonly #name: string;
  readonly #index: StateIndex;
  readonly #states = new Column();
  readonly #print = new Int32Array(2);
  readonly #fingerprint: Fingerprint;
  /** Of each state that was expanded, where its steps lead. */
  readonly #next: number[][] = [];
  escapes = false;

  constructor(system: TransitionSystem, name: string) {
    this.#system = system;
    this.#name = name;
    this.#index = new StateIndex(system.stateWords, true);
    this.#fingerprint = makeHashing(system.stateWords, 64, 0).fingerprint;
  }

  /** False when there are too many states, or one is a goal. */
  explore(): boolean {
    this.#number();
    for (let s = 0; s < this.#index.count; s++) {
      if (s >= STATES_MAX) return false;
      const next = new Set<number>();
      const words = this.#states.view.slice(s * this.#system.stateWords, (s + 1) * this.#system.stateWords);
      const steps = forEachStep(this.#system, words, 0, (_, __, fault) => {
        if (fault === null) next.add(this.#number());
      });
      if (isGoal(this.#system, this.#name, steps === 0)) {
        this.escapes = true;
        return false;
      }
      this.#next.push([...next]);
    }
    return true;
  }

  /**
   * The states of the nearest set that is never left. The states that reach `s` among those that `s` reaches are its component;
   * where there are others, they do not lead back to `s`, and so one of them reaches fewer.
   */
  lastingStates(): number[] {
    for (let s = 0; ;) {
      const ahead = closure(s, (t) => this.#next[t]!);
      const back = new Map<number, number[]>();
      for (const t of ahead) {
        for (const u of this.#next[t]!) {
          const sources = back.get(u);
          if (sources === undefined) back.set(u, [t]);
          else sources.push(t);
        }
      }
      const component = closure(s, (t) => back.get(t) ?? []);
      const inside = new Set(component);
      const outside = ahead.find((t) => !inside.has(t));
      if (outside === undefined) return component;
      s = outside;
    }
  }

  whoMoves(round: readonly number[]): string[] {
    const system = this.#system;
    const { stateWords, vector } = system;
    const places = new Map<number, Set<string>>();
    for (const s of round) {
      const words = this.#states.view.slice(s * stateWords, (s + 1) * stateWords);
      vector.set(words);
      const before = system.actors.map((_, a) => placeOf(system, a));
      forEachStep(system, words, 0, (actor) => {
        places.set(actor, (places.get(actor) ?? new Set<string>()).add(before[actor] ?? JSON.stringify(system.label())));
      });
    }
    vector.set(this.#states.view.slice(round[0]! * stateWords, (round[0]! + 1) * stateWords));
    const movers = [...places].sort(([a], [b]) => a - b).map(([actor, at]) => {
      const named = [...at].slice(0, PLACES_MAX).join(", ");
      const more = at.size > PLACES_MAX ? ` and ${at.size - PLACES_MAX} more places` : "";
      return `${system.actors[actor]!.name} goes round at ${named}${more}`;
    });
    const more = movers.length - ACTORS_MAX;
    const named = more > 0 ? [...movers.slice(0, ACTORS_MAX), `and so do ${more} more`] : movers;
    return [...named, ...whoWaits(system, (a) => places.has(a))];
  }

  /** The number of the state in `vector`, which is added if it is new. */
  #number(): number {
    const { vector, stateWords } = this.#system;
    this.#fingerprint(vector, 0, this.#print, 0);
    this.#index.prepare(1);
    const count = this.#index.count;
    const n = this.#index.number(this.#print[0]!, this.#print[1]!, vector, 0);
    if (n === count) {
      this.#states.reserve((n + 1) * stateWords);
      for (let w = 0; w < stateWords; w++) this.#states.view[n * stateWords + w] = vector[w]!;
    }
    return n;
  }
}

/** Label, routine and line of the actor's next step; null where the system does not say. */
function placeOf(system: TransitionSystem, actor: number): string | null {
  const { label, stack } = system.position(actor);
  const top = stack[0];
  if (label === null) return null;
  return `${JSON.stringify(label)}${top === undefined ? "" : ` in ${top.routine} (${shortPath(top.file)}:${top.line})`}`;
}

/** What can be reached from `from`, nearest first. */
function closure(from: number, next: (s: number) => readonly number[]): number[] {
  const seen = new Set([from]);
  for (const s of seen) for (const t of next(s)) seen.add(t);
  return [...seen];
}
