/**
 * Whether a fair run breaks a promise, by its definition and nothing cleverer: a run that goes on for ever meets some set of states and
 * steps again and again, so every set of steps of a small graph is tried that a run can go round in, and every state in which one
 * can stop. For graphs of so few steps that there are not many sets.
 */
import type { LivenessPromise } from "../../../../checker/system.ts";
import type { Graph } from "../graph-system.ts";

interface Step {
  readonly from: number;
  readonly to: number;
  readonly actor: number;
}

export const allSteps = ({ steps }: Graph): Step[] =>
  steps.flatMap((byActor, from) => byActor.flatMap((targets, actor) => targets.map((to) => ({ from, to, actor }))));

const canMove = ({ steps }: Graph, node: number, actor: number): boolean => steps[node]![actor]!.length > 0;

function closure(from: readonly number[], next: (node: number) => readonly number[]): Set<number> {
  const seen = new Set(from);
  for (const node of seen) for (const other of next(node)) seen.add(other);
  return seen;
}

/** What a run meets again and again: some steps, or one state in which it stops. */
export interface Met {
  readonly states: ReadonlySet<number>;
  readonly steps: readonly Step[];
}

export class NaiveRuns {
  readonly #graph: Graph;
  readonly #promise: LivenessPromise;
  readonly #reachable: ReadonlySet<number>;
  /** Where a run that breaks the promise can be from the time on when it breaks it. */
  readonly #inside: ReadonlySet<number>;

  constructor(graph: Graph, promise: LivenessPromise) {
    this.#graph = graph;
    this.#promise = promise;
    const next = (node: number): number[] => graph.steps[node]!.flat();
    this.#reachable = closure(graph.initial, next);
    const allowed = (node: number): boolean => promise.kind === "eventuallyAlways" || !this.shows(node, promise.goal);
    const first = (node: number): boolean =>
      (promise.kind === "eventually" ? graph.initial.includes(node) : promise.kind !== "leadsTo" || this.shows(node, promise.from!));
    this.#inside = closure([...this.#reachable].filter((n) => allowed(n) && first(n)), (n) => next(n).filter(allowed));
  }

  shows(node: number, predicate: number): boolean {
    return this.#graph.live!.shown[predicate]!.includes(node);
  }

  isBreaking({ states, steps }: Met): boolean {
    const { kind, goal } = this.#promise;
    if (kind === "progress" && steps.length === 0) return false;
    if (![...states].every((s) => this.#inside.has(s))) return false;
    if (kind === "eventuallyAlways" && [...states].every((s) => this.shows(s, goal))) return false;
    return this.#graph.live!.fairness.every((how, actor) => {
      if (how === "none" || steps.some((s) => s.actor === actor)) return true;
      const able = [...states].map((s) => canMove(this.#graph, s, actor));
      return how === "weak" ? able.includes(false) : !able.includes(true);
    });
  }

  /** All that a run that breaks the promise can meet again and again. */
  rounds(): Met[] {
    const steps = allSteps(this.#graph).filter(({ from, to }) => this.#inside.has(from) && this.#inside.has(to));
    const stops = [...this.#inside].map((s): Met => ({ states: new Set([s]), steps: [] }));
    const sets = Array.from({ length: 2 ** steps.length - 1 }, (_, n) => steps.filter((_, i) => (((n + 1) >>> i) & 1) === 1));
    const rounds = sets.map((some): Met => ({ states: new Set(some.flatMap(({ from, to }) => [from, to])), steps: some }));
    return [...stops, ...rounds.filter(isConnected)].filter((met) => this.isBreaking(met));
  }

  /** States from which and to which rounds lead that share states with each other, `node` among them. */
  component(rounds: readonly Met[], node: number): ReadonlySet<number> {
    return closure([node], (s) => rounds.filter(({ states }) => states.has(s)).flatMap(({ states }) => [...states]));
  }

  /** Steps of the shortest round in these states; whole walks are tried, with all steps that they took. */
  shortest(inside: ReadonlySet<number>): number {
    if ([...inside].some((s) => this.isBreaking({ states: new Set([s]), steps: [] }))) return 0;
    const steps = allSteps(this.#graph).filter(({ from, to }) => inside.has(from) && inside.has(to));
    let walks = [...inside].map((s) => ({ begin: s, at: s, taken: 0 }));
    const seen = new Set<string>();
    for (let length = 1; walks.length > 0; length++) {
      const longer: typeof walks = [];
      for (const { begin, at, taken } of walks) {
        for (const [i, { from, to }] of steps.entries()) {
          if (from !== at) continue;
          const all = taken | (1 << i);
          const met = steps.filter((_, n) => ((all >>> n) & 1) === 1);
          const states = new Set(met.flatMap((s) => [s.from, s.to]));
          if (to === begin && this.isBreaking({ states, steps: met })) return length;
          const key = `${begin} ${to} ${all}`;
          if (!seen.has(key)) longer.push({ begin, at: to, taken: all });
          seen.add(key);
        }
      }
      walks = longer;
    }
    return Infinity;
  }

  /** Steps from an initial state to the nearest of these, from which on the promise is broken. */
  distance(states: ReadonlySet<number>): number {
    const { kind, from } = this.#promise;
    const begins = (n: number): boolean => this.#inside.has(n) && (kind !== "leadsTo" || this.shows(n, from!));
    const enter = (n: number, isIn: boolean): (readonly [number, boolean])[] =>
      (isIn ? (this.#inside.has(n) ? [[n, true]] : []) : [...(kind === "eventually" ? [] : [[n, false] as const]),
        ...(begins(n) ? [[n, true] as const] : [])]);
    let level = this.#graph.initial.flatMap((n) => enter(n, false));
    const seen = new Set<string>();
    for (let length = 0; level.length > 0; length++) {
      if (level.some(([n, isIn]) => isIn && states.has(n))) return length;
      level = level.flatMap(([n, isIn]) => this.#graph.steps[n]!.flat().flatMap((to) => enter(to, isIn))).filter((place) => {
        const isNew = !seen.has(String(place));
        seen.add(String(place));
        return isNew;
      });
    }
    return Infinity;
  }
}

/** Whether every state of it reaches every other one by its steps. */
function isConnected({ states, steps }: Met): boolean {
  const next = (node: number): number[] => steps.filter(({ from }) => from === node).map(({ to }) => to);
  return [...states].every((s) => closure([s], next).size === states.size);
}
