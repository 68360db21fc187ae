/** The same random walk by two systems: one that looks at the instances which can have moved, one that looks at all. */
import { compileScenario } from "../../../checker/compile/compile.ts";
import { STEP_DISABLED } from "../../../checker/system.ts";
import { StepFault } from "../../../checker/fault.ts";
import type { Scenario } from "../../../checker/scenario.ts";

/** The verdict of each step: the machine that it does not refine, or -1. The walk goes on behind a violation. */
export function walkBoth(scenario: Scenario, choices: Iterable<number>, steps: number): { readonly few: readonly number[]; readonly all: readonly number[] } {
  const few = compileScenario(scenario);
  const all = compileScenario(scenario, { refineAll: true });
  return walkTogether([few.system, all.system], choices, steps);
}

type System = ReturnType<typeof compileScenario>["system"];

export function walkTogether(systems: readonly [System, System], choices: Iterable<number>, steps: number): { readonly few: readonly number[]; readonly all: readonly number[] } {
  const random = choices[Symbol.iterator]();
  const pick = (n: number): number => (random.next().value as number) % n;
  const verdicts: [number[], number[]] = [[], []];
  for (const s of systems) {
    s.setBranch([]);
    s.init();
  }
  const [first] = systems;
  for (let taken = 0, tries = 0; taken < steps && tries < 20 * steps; tries++) {
    const actor = pick(first.actors.length);
    const before = first.vector.slice();
    const branches: number[][] = [];
    first.setBranch([]);
    do {
      first.vector.set(before);
      try {
        if (first.step(actor) !== STEP_DISABLED) branches.push(first.branch());
      } catch (e) {
        if (!(e instanceof StepFault)) throw e;
      }
    } while (first.nextBranch());
    first.vector.set(before);
    const branch = branches[branches.length === 0 ? 0 : pick(branches.length)];
    if (branch === undefined) continue;
    taken++;
    systems.forEach((s, i) => {
      s.setBranch(branch);
      s.step(actor);
      verdicts[i]!.push(s.checkStep(before));
    });
  }
  return { few: verdicts[0], all: verdicts[1] };
}
