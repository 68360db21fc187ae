/** Traces to make pages of: a run of a scenario to its end, taken as the trace of a promise that no run keeps. */
import { join } from "node:path";
import type { Scenario } from "thpcheck";
import { checkScenario } from "../../checker/check/check.ts";
import { defaultEngine } from "../../checker/check/engine.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../checker/check/options.ts";
import { storyOf } from "../../checker/trace/story.ts";
import type { ToldTrace } from "../../checker/page/trace-data.ts";
import collapseFault from "../scenarios/collapse-fault.ts";
import { kernelMachines } from "../refinement/kernel-machines.ts";

export const ROOT = join(import.meta.dirname, "../..");
export const KERNEL_PICTURE = join(ROOT, "picture/kernel.ts");

/** The walk of that seed. */
export async function told(s: Scenario, seed: number): Promise<ToldTrace> {
  const refine = kernelMachines(s);
  const scenario = {
    ...s, ...(refine.length === 0 ? {} : { refine }), always: {}, step: {}, finally: { "no run ends": () => false }, sometimes: {},
  } as Scenario;
  const options = { ...DEFAULT_CHECK_OPTIONS, strategy: "random", walks: 1, minimise: false, seed } as const;
  const { replayed, result } = await checkScenario(scenario, options, 1);
  if (replayed === null) throw new Error(`${s.name} has no trace: ${result.reason ?? result.verdict}`);
  const { system } = await (await defaultEngine()).compile(scenario, { clearDeadLocals: true });
  return { scenario, system, replayed, story: storyOf(scenario, replayed), replay: null };
}

/** A collapse beside faults: 60 steps or so. */
export const kernelTrace = (seed: number): Promise<ToldTrace> => told([collapseFault].flat()[0] as unknown as Scenario, seed);
