/** Jobs for a process of a pool: to decide cells of one program, or to say which operations cannot interact in it. */
import type { JobContext } from "../../checker/runner/pool/job.ts";
import type { Patch } from "../../checker/result.ts";
import type { Cell } from "./cells.ts";
import { decide, type DecideOptions } from "./decide.ts";
import { independentIn } from "./independent.ts";
import { programNamed, scenarioNamed } from "./program-of.ts";
import type { CellResult } from "./result.ts";

export type PairsTask =
  | { readonly kind: "decide"; readonly program: string; readonly cells: readonly Cell[]; readonly options: DecideOptions }
  | { readonly kind: "independent"; readonly program: string; readonly patch: Patch | null };

/** Numbers of operations. */
export type PairsAnswer = { readonly results: readonly CellResult[] } | { readonly independent: readonly (readonly [number, number])[] };

/** The module of this job, for `Pool.run`. */
export const PAIRS_JOB = import.meta.url;

export async function perform(task: PairsTask, _: JobContext<never>): Promise<PairsAnswer> {
  if (task.kind === "independent") return { independent: independentIn(await scenarioNamed(task.program, task.patch)) };
  const { program, cells, options } = task;
  return { results: await decide(await programNamed(program, options.patch), cells, options) };
}
