/** A text of `impl/` that is replaced by another, as a patch, and a scenario that is loaded under it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createTwoFilesPatch } from "diff";
import type { Scenario } from "thpcheck";
import { selectScenarios } from "../../checker/project/select.ts";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Replacement {
  /** From the root of the project. */
  readonly file: string;
  /** Must occur exactly once. */
  readonly text: string;
  readonly replacement: string;
}

/** The replacement as a unified diff. Throws an Error where the text does not occur exactly once. */
export function seededPatch({ file, text, replacement }: Replacement): string {
  const old = readFileSync(join(ROOT, file), "utf8");
  const times = old.split(text).length - 1;
  if (times !== 1) throw new Error(`the fault no longer fits ${file}: its text occurs ${times} times`);
  return createTwoFilesPatch(file, file, old, old.replace(text, () => replacement));
}

/** Loads the scenario under the patch. Throws an Error, with the patch's name, where it cannot be loaded. */
export async function patchedScenario(name: string, patch: { readonly name: string; readonly text: string }): Promise<Scenario> {
  const { scenarios, failures } = await selectScenarios([name], "nightly", ROOT, patch);
  const loaded = scenarios[0]?.scenario;
  if (loaded === undefined) throw new Error(`the fault of ${patch.name}: ${failures.join("; ")}`);
  return loaded;
}
