/** Whether a patch makes another program of a scenario: asked where no counter can tell that its lines ran. */
import { clearsDeadLocals, type Checked, type CheckOptions, type Engine } from "../check/options.ts";
import { loadModule } from "../project/project.ts";
import { withMachines } from "../project/machines.ts";
import { scenarioUnder } from "../project/under-policy.ts";
import { hasRun, type Probe } from "../reach/block-key.ts";

/** Where a scenario comes from. */
export interface Origin {
  readonly file: string;
  readonly name: string;
  readonly folder: string;
  /** The policy that it was put under; null: none. */
  readonly policy: string | null;
}

/**
 * Compares the program that was checked with the same without the patch: by all that decides behaviour, its constants included.
 * Null where a place of `probe` ran, which is answer enough, or where nothing was checked.
 */
export async function isSameWithoutPatch(
  checked: Checked, { file, name, folder, policy }: Origin, probe: Probe, options: CheckOptions, engine: Engine,
): Promise<boolean | null> {
  if (checked.program === null || hasRun(probe, checked.coverage)) return null;
  const { scenarios } = await loadModule(file);
  const plain = scenarios.map((s) => (policy === null ? s.scenario : scenarioUnder(s.scenario, policy))).find((s) => s?.name === name);
  // The patch has made the scenario.
  if (plain == null) return false;
  const clearDeadLocals = clearsDeadLocals(plain, options.clearDeadLocals);
  const { coverage, refine } = options;
  const { source } = await engine.compile(await withMachines(plain, folder), { clearDeadLocals, coverage, refine, sourceMap: false });
  return source?.programHash === checked.program;
}
