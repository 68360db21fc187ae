/**
 * In how many states each invariant was looked at without an excuse: a promise that is excused in every state that a
 * scenario set reaches promises nothing.
 */
import type { ProgramScenario, Scenario } from "thpcheck";
import { DEFAULT_CHECK_OPTIONS } from "../../checker/check.ts";
import { compileScenario } from "../../checker/program/compile/scenario.ts";
import { makeWorld, StateBytes } from "../../checker/program/world.ts";
import { explore } from "../../checker/search/explore.ts";
import { INVARIANTS } from "../../spec/invariants/index.ts";
import type { Invariant } from "../../spec/invariant.ts";
import type { KernelView } from "../../spec/view.ts";

export interface Unexcused {
  /** States looked at. */
  readonly states: number;
  /** By id. */
  readonly unexcused: ReadonlyMap<string, number>;
}

/** A scenario that holds a kernel's states to the catalogue. */
export function isHeldToInvariants(s: Scenario): s is ProgramScenario {
  return "structs" in s && INVARIANTS.some((i) => s.always?.[`${i.id} ${i.name}`] !== undefined);
}

/** Explores the scenario, up to `maxStates`, and asks each invariant's excuse in every state. */
export async function countUnexcused(scenario: Scenario, maxStates: number): Promise<Unexcused> {
  const { system, image } = compileScenario(scenario, { refine: false });
  const view = makeWorld(image.plan, new StateBytes(system.vector.buffer), image.stateWords * 4) as unknown as KernelView;
  // Invariants share their excuses: each is asked once in a state.
  const byExcuse = new Map<Invariant["excuse"], { readonly invariants: Invariant[]; count: number }>();
  for (const invariant of INVARIANTS) {
    const known = byExcuse.get(invariant.excuse);
    if (known === undefined) byExcuse.set(invariant.excuse, { invariants: [invariant], count: 0 });
    else known.invariants.push(invariant);
  }
  let states = 0;
  const checkState = system.checkState.bind(system);
  Object.defineProperty(system, "checkState", {
    value: () => {
      states++;
      for (const [excuse, group] of byExcuse) if (!excuse(view)) group.count++;
      return checkState();
    },
  });
  // Every invariant of every state, not only what a step can have changed.
  Object.defineProperty(system, "affected", { value: undefined });
  await explore(system, null, { ...DEFAULT_CHECK_OPTIONS, workers: 1, expectedStates: null, maxStates });
  return { states, unexcused: new Map([...byExcuse.values()].flatMap((g) => g.invariants.map((i) => [i.id, g.count] as const))) };
}
