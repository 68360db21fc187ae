/** Checks one scenario under a patch, of its own module alone: a job for a process of a pool, since tests load no patches. */
import { join } from "node:path";
import { checkScenario } from "../../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../../checker/check/options.ts";
import { readPatch } from "../../../checker/cli/options.ts";
import { selectScenarios } from "../../../checker/project/select.ts";
import type { JobContext } from "../../../checker/runner/pool/job.ts";
import { ROOT } from "../../bugs/bug.ts";

/** Paths start at the project's folder. */
export interface FaultTask {
  readonly file: string;
  readonly name: string;
  readonly patch: string;
}

export interface FaultAnswer {
  readonly verdict: string;
  /** The promise that is broken; null: none. */
  readonly property: string | null;
}

/** The module of this job, for `Pool.run`. */
export const FAULT_JOB = import.meta.url;

export async function perform({ file, name, patch: path }: FaultTask, _: JobContext<never>): Promise<FaultAnswer> {
  const patch = readPatch(join(ROOT, path));
  const { scenarios } = await selectScenarios([join(ROOT, file)], "nightly", ROOT, patch);
  const { scenario } = scenarios.find((s) => s.scenario.name === name)!;
  // The machines would often stop the run earlier, with less to say of the fault.
  const { result } = await checkScenario(scenario, { ...DEFAULT_CHECK_OPTIONS, patch, refine: false }, 1);
  return { verdict: result.verdict, property: result.violation?.property ?? null };
}
