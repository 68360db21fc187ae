/**
 * Whether a scenario is the same program wherever its module is loaded. A run that checks it in another process compares what
 * the two have; one that checks it here loads the module once more (`project/second-load.ts`).
 */
import { digestLines, digestOf } from "../compile/digest.ts";
import { errorSentence } from "../error-sentence.ts";
import { registerPatch } from "../patch/patch.ts";
import { patchRoot, type LoadedScenario } from "../project/project.ts";
import { loadAgain } from "../project/second-load.ts";
import { scenarioUnder } from "../project/under-policy.ts";
import type { Scenario } from "../scenario.ts";
import type { RunSettings } from "./runner.ts";
import { absent, unlike } from "./unlike.ts";

/** What comes of a second load in this process. */
export interface SecondLook {
  /** Why the scenario cannot be checked; null: it is the same. */
  readonly difference: string | null;
  /** Why it could not be compared; null: it was. */
  readonly notCompared: string | null;
}

export async function secondLook(loaded: LoadedScenario, { options, policy, folder }: RunSettings): Promise<SecondLook> {
  const patch = options.patch === null ? null : registerPatch(options.patch, patchRoot(folder));
  let again: Scenario | null;
  try {
    const all = (await loadAgain(loaded.file, patch)).scenarios.map((s) => s.scenario);
    again = (policy === null ? all : all.map((s) => scenarioUnder(s, policy))).find((s) => s?.name === loaded.scenario.name) ?? null;
  } catch (e) {
    const why = `That its module gives the same program in every process was not checked: loaded again, ${errorSentence(e)}`;
    return { difference: null, notCompared: why };
  }
  const isSame = again !== null && digestOf(again) === digestOf(loaded.scenario);
  const { file, scenario } = loaded;
  const difference = (): string => (again === null ? absent(file, scenario.name) : unlike(loaded, digestLines(again)));
  return { difference: isSame ? null : difference(), notCompared: null };
}
