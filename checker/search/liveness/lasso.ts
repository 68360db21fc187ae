/**
 * A run that breaks a promise, as a stem and a loop: the shortest way to a component in which a fair run can go round, a short round
 * in it, and then the shortest way to that round.
 */
import type { Fairness, LivenessPromise } from "../../system.ts";
import type { RoundPlace } from "./debts.ts";
import { fairRounds } from "./fair-rounds.ts";
import { regionOf } from "./region.ts";
import { shortRound, type Round } from "./round.ts";
import type { StepGraph } from "./step-graph.ts";
import { nearestWay } from "./ways.ts";

export interface Lasso {
  /** The initial state, and the steps of the graph, those of the loop last. */
  readonly begin: number;
  readonly steps: readonly number[];
  /** How many steps there are before the loop; as many as there are: the run stops. */
  readonly loop: number;
  /** No loop of the component is shorter. */
  readonly isShortest: boolean;
  /** States of the component. */
  readonly component: number;
}

/** The run that breaks the promise; null: no fair run does. */
export function lassoOf(graph: StepGraph, fairness: readonly Fairness[], promise: LivenessPromise): Lasso | null {
  const region = regionOf(graph, promise);
  const { componentOf, count } = fairRounds(graph, fairness, region);
  if (count === 0) return null;
  const entry = nearestWay(graph, promise, (s) => componentOf[s]! >= 0);
  if (entry === null) throw new Error("[thpcheck internal] no way leads to a fair component");
  const component = componentOf[entry.end]!;
  const members = Int32Array.from(statesOf(componentOf, component));
  const { without, mayStay } = region;
  const place: RoundPlace = { graph, fairness, members, has: (s) => componentOf[s] === component, without, mayStay };
  const round = shortRound(place, entry.end);
  const isOfRound = new Set(round.states);
  const stem = nearestWay(graph, promise, (s) => isOfRound.has(s))!;
  const run = rolled([...stem.steps, ...from(round, stem.end)], stem.steps.length);
  return { begin: stem.begin, ...run, isShortest: round.isShortest, component: members.length };
}

/**
 * The same run, written down with the shortest stem: where the stem ends with the last step of the loop, the loop can begin before
 * that. So it is where what must be shown before the loop is shown in it.
 */
function rolled(steps: readonly number[], loop: number): Pick<Lasso, "steps" | "loop"> {
  const length = steps.length - loop;
  let begin = loop;
  while (length > 0 && begin > 0 && steps[begin - 1] === steps[begin - 1 + length]) begin--;
  return { steps: steps.slice(0, begin + length), loop: begin };
}

/** The steps of the round, from this state of it on. */
function from({ steps, states }: Round, begin: number): readonly number[] {
  const at = states.indexOf(begin);
  return steps.length === 0 ? [] : [...steps.slice(at), ...steps.slice(0, at)];
}

function* statesOf(componentOf: Int32Array, component: number): Generator<number> {
  for (let s = 0; s < componentOf.length; s++) if (componentOf[s] === component) yield s;
}
