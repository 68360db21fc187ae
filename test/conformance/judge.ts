/** Runs a program on both sides and compares. */
import { KernelDied, type RealKernel } from "./agent-talk.ts";
import { compare, countDifferences, disturbedBy, isOfOthers, type Comparison } from "./compare.ts";
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
  /** The kernel's end, or its silence, which is one as well. */
  readonly died: KernelDied | null;
  /** Steps of all runs on the real kernel, and those in which others moved counters. */
  readonly steps: number;
  readonly disturbed: number;
}

const NO_COMPARISON = { difference: { step: 0, real: null, impl: null }, observations: 0, suppressed: {} } as const;

/** Runs on the real kernel, counted. */
class Runs {
  steps = 0;
  disturbed = 0;
  readonly #program: Program;
  readonly #kernel: Pick<RealKernel, "run">;

  constructor(program: Program, kernel: Pick<RealKernel, "run">) {
    this.#program = program;
    this.#kernel = kernel;
  }

  async once(): Promise<Observations> {
    const seen = await this.#kernel.run(this.#program);
    this.steps += seen.length;
    this.disturbed += seen.filter((lines) => lines.some(isOfOthers)).length;
    return seen;
  }
}

/** Throws what the kernel throws, but for KernelDied. */
export async function judge(program: Program, kernel: Pick<RealKernel, "run">, impl: Pick<ImplKernel, "run">): Promise<Judgement> {
  const runs = new Runs(program, kernel);
  try {
    return await judged(program, runs, impl);
  } catch (e) {
    if (!(e instanceof KernelDied)) throw e;
    const difference = { ...NO_COMPARISON.difference, step: Math.min(e.seen.length, program.steps.length - 1) };
    return { ...NO_COMPARISON, difference, real: e.seen, impl: [], crash: null, died: e, steps: runs.steps, disturbed: runs.disturbed };
  }
}

async function judged(program: Program, real: Runs, impl: Pick<ImplKernel, "run">): Promise<Judgement> {
  const none = { crash: null, died: null };
  const counted = (): { steps: number; disturbed: number } => ({ steps: real.steps, disturbed: real.disturbed });
  let seen = [await real.once()];
  let mine: Observations;
  try {
    mine = impl.run(program);
  } catch (e) {
    return { ...NO_COMPARISON, real: seen[0]!, impl: [], ...none, crash: e as Error, ...counted() };
  }
  const disturbed: Suppressed = {};
  for (let run = 1; ; run++) {
    const comparison = compare(seen, mine, run === RUNS_MAX);
    const { difference, suppressed } = comparison;
    const last = seen.at(-1)!;
    const again = difference !== null && run < RUNS_MAX;
    const rule = again ? disturbedBy(last[difference.step] ?? [], mine[difference.step] ?? []) : null;
    if (rule !== null) {
      addSuppressed(disturbed, rule, countDifferences(last, mine));
      seen = [await real.once()];
    } else if (again && difference.real?.startsWith("k ") === true) {
      seen = [...seen, await real.once()];
    } else {
      return { ...comparison, suppressed: { ...suppressed, ...disturbed }, real: last, impl: mine, ...none, ...counted() };
    }
  }
}
