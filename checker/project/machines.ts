/** The machines that the project's configuration holds its scenarios to. */
import type { Scenario } from "../scenario.ts";
import { findConfigFile, loadConfig } from "./project.ts";

/** The scenario with the machines that the configuration in or above `folder` has for it, unless it names its own. */
export async function withMachines(scenario: Scenario, folder: string): Promise<Scenario> {
  const file = scenario.refine === undefined ? findConfigFile(folder) : null;
  const machines = file === null ? undefined : await (await loadConfig(file)).config.refine?.(scenario);
  return machines === undefined || machines.length === 0 ? scenario : { ...scenario, refine: machines };
}
