/** Runs a program on both sides and compares. */
import { compare, countDifferences, disturbedBy, isOfOthers, type Comparison } from "./compare.ts";
import type { HostKernel } from "./host.ts";
import type { ImplKernel } from "./implementation.ts";
import type { Observations } from "./observation.ts";
import type { Program } from "./program.ts";
import { addSuppressed, type Suppressed } from "./rules.ts";

/** How often a program is run on the real kernel, if it is disturbed each time. */
const RUNS_MAX = 5;

export interface Judgement extends Comparison {
  readonly real: Observations;
  readonly impl: Observations;
  /** A broken assertion of impl/, which is a disagreement of its own. */
  readonly crash: Error | null;
  /** Steps of all runs on the real kernel, and those in which others moved counters. */
  readonly steps: number;
  readonly disturbed: number;
}

export async function judge(program: Program, host: Pick<HostKernel, "run">, impl: Pick<ImplKernel, "run">): Promise<Judgement> {
  let steps = 0;
  let stepsDisturbed = 0;
  const runOnce = async (): Promise<Observations> => {
    const seen = await host.run(program);
    steps += seen.length;
    stepsDisturbed += seen.filter((lines) => lines.some(isOfOthers)).length;
    return seen;
  };
  let runs = [await runOnce()];
  let mine: Observations;
  try {
    mine = impl.run(program);
  } catch (e) {
    return {
      difference: { step: 0, real: null, impl: null }, observations: 0, suppressed: {}, real: runs[0]!, impl: [], crash: e as Error,
      steps, disturbed: stepsDisturbed,
    };
  }
  const disturbed: Suppressed = {};
  for (let run = 1; ; run++) {
    const comparison = compare(runs, mine, run === RUNS_MAX);
    const { difference, suppressed } = comparison;
    const real = runs.at(-1)!;
    const again = difference !== null && run < RUNS_MAX;
    const rule = again ? disturbedBy(real[difference.step] ?? [], mine[difference.step] ?? []) : null;
    if (rule !== null) {
      addSuppressed(disturbed, rule, countDifferences(real, mine));
      runs = [await runOnce()];
    } else if (again && difference.real?.startsWith("k ") === true) {
      runs = [...runs, await runOnce()];
    } else {
      const all = { ...suppressed, ...disturbed };
      return { ...comparison, suppressed: all, real, impl: mine, crash: null, steps, disturbed: stepsDisturbed };
    }
  }
}
