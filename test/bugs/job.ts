/** Looks for the bugs that one scenario shows: a job for a process of a pool. */
import type { JobContext } from "../../checker/runner/pool/job.ts";
import { readBugs } from "./bug.ts";
import { findBug, type FindOptions, type Found, type Soundness } from "./find.ts";

export interface BugsTask {
  readonly ids: readonly string[];
  readonly options: FindOptions;
}

/** The module of this job, for `Pool.run`. */
export const BUGS_JOB = import.meta.url;

/** Tells the id of each bug as it begins to look for it. */
export async function perform({ ids, options }: BugsTask, { tell }: JobContext<string>): Promise<Found[]> {
  const sound: Soundness = new Map();
  const found: Found[] = [];
  for (const bug of readBugs(ids)) {
    tell(bug.id);
    found.push(await findBug(bug, options, sound));
  }
  return found;
}
