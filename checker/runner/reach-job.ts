/** Measures what one scenario runs, for the index: a job for a process of a pool. */
import { readFileSync } from "node:fs";
import { loadModule } from "../project/project.ts";
import { reachedBy, type Reached } from "../reach/reached.ts";
import type { JobContext } from "./pool/job.ts";

export interface ReachTask {
  /** The module of the scenario. */
  readonly file: string;
  readonly name: string;
  /** The folder that files of the index are relative to. */
  readonly root: string;
}

/** The module of this job, for `Pool.run`. */
export const REACH_JOB = import.meta.url;

export async function perform({ file, name, root }: ReachTask, { shouldStop }: JobContext<never>): Promise<Reached> {
  const found = (await loadModule(file)).scenarios.find((s) => s.scenario.name === name);
  if (found === undefined) throw new Error(`${file} has no scenario ${JSON.stringify(name)} when it is loaded again`);
  return reachedBy(found.scenario, { root, read: (path) => readFileSync(path, "utf8") }, shouldStop);
}
