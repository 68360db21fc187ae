/**
 * In how many states each invariant was looked at without an excuse, found the slow way: every excuse is asked of every
 * state, by the function as it is written. What results say is held to this.
 */
import type { ProgramScenario } from "thpcheck";
import { DEFAULT_CHECK_OPTIONS } from "../../checker/check/options.ts";
import { compileScenario } from "../../checker/compile/compile.ts";
import { makeWorld, StateBytes } from "../../checker/program/world.ts";
import { explore } from "../../checker/search/explore.ts";
import type { KernelStructs } from "../../impl/mm-types.ts";
import { INVARIANTS } from "../../spec/invariants/index.ts";
import type { KernelView } from "../../spec/view.ts";

export interface InForce {
  /** States looked at. */
  readonly states: number;
  /** By name of the promise. */
  readonly inForce: ReadonlyMap<string, number>;
}

/** Explores the scenario, up to `maxStates`, and asks each invariant's excuse in every state. */
export async function countInForce(scenario: ProgramScenario, maxStates: number): Promise<InForce> {
  const { system, image } = compileScenario(scenario, { refine: false });
  const view: KernelView = makeWorld<KernelStructs>(image.plan, new StateBytes(system.vector.buffer), image.stateWords * 4);
  const inForce = new Map(INVARIANTS.map((i) => [`${i.id} ${i.name}`, 0]));
  let states = 0;
  const checkState = system.checkState.bind(system);
  Object.defineProperty(system, "checkState", {
    value: () => {
      states++;
      for (const i of INVARIANTS) if (!i.excuse(view)) inForce.set(`${i.id} ${i.name}`, inForce.get(`${i.id} ${i.name}`)! + 1);
      return checkState();
    },
  });
  // Every invariant of every state, not only what a step can have changed.
  Object.defineProperty(system, "incremental", { value: undefined });
  await explore(system, null, { ...DEFAULT_CHECK_OPTIONS, workers: 1, expectedStates: null, maxStates });
  return { states, inForce };
}
