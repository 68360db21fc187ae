/** The machines that the project's configuration holds its scenarios to. */
import { machinesProblem } from "../config-form.ts";
import { shortPath } from "../error-sentence.ts";
import type { Scenario } from "../scenario.ts";
import { UsageError } from "../usage-error.ts";
import { findConfigFile, loadConfig } from "./project.ts";
import { runUserCode } from "./user-code.ts";

/**
 * The scenario with the machines that the configuration in or above `folder` has for it, unless it names its own. Throws a
 * UsageError if the configuration's `refine` throws, or gives something else.
 */
export async function withMachines(scenario: Scenario, folder: string): Promise<Scenario> {
  const file = scenario.refine === undefined ? findConfigFile(folder) : null;
  const refine = file === null ? undefined : (await loadConfig(file)).config.refine;
  if (file === null || refine === undefined) return scenario;
  const machines = await runUserCode(`${shortPath(file)}: refine(${scenario.name})`, () => refine(scenario));
  const problem = machinesProblem(machines);
  if (problem !== null) throw new UsageError(`${shortPath(file)}: what refine gives for ${scenario.name} is wrong: ${problem}`);
  return machines.length === 0 ? scenario : { ...scenario, refine: machines };
}
