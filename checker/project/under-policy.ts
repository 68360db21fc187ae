/**
 * Policies: a scenario may say how it runs under another policy of the program that it checks (`Scenario.underPolicy`).
 * Such a scenario is named `name@policy`; `check name --policy p` means the scenario under p, whichever are listed.
 */
import { errorSentence } from "../error-sentence.ts";
import { scenario, type Scenario } from "../scenario.ts";
import { UsageError } from "../usage-error.ts";
import { isFilePattern, selectScenarios, type Selection } from "./select.ts";
import type { LoadedScenario } from "./project.ts";

/** What to look for so that `name` finds `name@policy`, for any policy. */
export function anyPolicy(pattern: string): string {
  return isFilePattern(pattern) || pattern.includes("@") ? pattern : `${pattern}@*`;
}

/**
 * The scenarios under this policy, each once. Scenarios that know no policies are left out. Throws a UsageError if that leaves
 * none, or if there is no such policy.
 */
export function underPolicy(selection: Selection, policy: string): Selection {
  const scenarios = new Map<string, LoadedScenario>();
  for (const s of selection.scenarios) {
    const other = scenarioUnder(s.scenario, policy);
    if (other !== null) scenarios.set(other.name, { ...s, scenario: other });
  }
  if (scenarios.size > 0) return { ...selection, scenarios: [...scenarios.values()] };
  const how = 'their names have an "@" in them: npx thpcheck list \'*@*\'';
  throw new UsageError(`--policy ${policy}: none of these scenarios has policies; ${how}`);
}

/** The scenario under this policy; null if it knows none. Throws a UsageError if there is no such policy, or if it gives no scenario. */
export function scenarioUnder(s: Scenario, policy: string): Scenario | null {
  if (s.underPolicy === undefined) return null;
  let other: Scenario;
  try {
    other = scenario(s.underPolicy(policy) as Parameters<typeof scenario>[0]);
  } catch (e) {
    throw new UsageError(e instanceof RangeError ? `--policy: ${e.message}` : `--policy ${policy}: ${s.name}: ${errorSentence(e)}`);
  }
  return other;
}

/** The scenario of a trace that was recorded under a policy which the project does not list with it; null if there is none. */
export async function recordedUnderPolicy(name: string, ...[tier, folder, patch]: SelectArguments): Promise<Selection | null> {
  const at = name.lastIndexOf("@");
  if (at <= 0) return null;
  const listed = await selectScenarios([`${name.slice(0, at)}@*`], tier, folder, patch).catch((e: unknown) => {
    if (e instanceof UsageError) return null;
    throw e;
  });
  return listed === null ? null : underPolicy(listed, name.slice(at + 1));
}
type SelectArguments = Parameters<typeof selectScenarios> extends [unknown, ...infer Rest] ? Rest : never;
