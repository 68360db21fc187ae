/** What the project's configuration adds to its scenarios: machines that each step is held to, and which calls come from the outside. */
import { callsProblem, machinesProblem } from "../config-form.ts";
import { shortPath } from "../error-sentence.ts";
import type { Scenario } from "../scenario.ts";
import { UsageError } from "../usage-error.ts";
import { findConfigFile, loadConfig } from "./project.ts";
import { runUserCode } from "./user-code.ts";

/**
 * The scenario with the machines and the calls that the configuration in or above `folder` has for it, unless it names its own.
 * Throws a UsageError if a function of the configuration throws, or gives something else.
 */
export async function withMachines(scenario: Scenario, folder: string): Promise<Scenario> {
  const file = scenario.refine === undefined || scenario.calls === undefined ? findConfigFile(folder) : null;
  if (file === null) return scenario;
  const config = (await loadConfig(file)).config;
  const ask = async <T>(name: "refine" | "calls", f: (s: Scenario) => T, problemOf: (value: unknown) => string | null) => {
    const given = await runUserCode(`${shortPath(file)}: ${name}(${scenario.name})`, () => f(scenario));
    const problem = problemOf(given);
    if (problem !== null) throw new UsageError(`${shortPath(file)}: what ${name} gives for ${scenario.name} is wrong: ${problem}`);
    return given;
  };
  const refine = scenario.refine ?? (config.refine === undefined ? [] : await ask("refine", config.refine, machinesProblem));
  const calls = scenario.calls ?? (config.calls === undefined ? [] : await ask("calls", config.calls, callsProblem));
  if (refine.length + calls.length === 0) return scenario;
  return { ...scenario, ...(refine.length === 0 ? {} : { refine }), ...(calls.length === 0 ? {} : { calls }) };
}
