/**
 * Checks a scenario under each fault of `lost-functions.ts`, and prints one line of JSON for each. A process of its own, since
 * patched modules need Node's own loader.
 */
import { checkScenario } from "../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../checker/check/options.ts";
import { withMachines } from "../../checker/project/machines.ts";
import { patchedScenario, ROOT, seededPatch } from "../refinement/seeded-patch.ts";
import { LOST_FUNCTIONS, type LostFunction } from "./lost-functions.ts";

/** What became of one fault. */
export interface LostOutcome {
  readonly name: string;
  /** The violated property, and what it says must be so; null where nothing is violated. */
  readonly property: string | null;
  readonly conjunct: string | null;
}

async function outcomeOf(fault: LostFunction): Promise<LostOutcome> {
  const patch = { name: fault.name, text: seededPatch(fault) };
  const loaded = await patchedScenario(fault.scenario, patch);
  const { result, replayed } = await checkScenario(await withMachines(loaded, ROOT), { ...DEFAULT_CHECK_OPTIONS, patch }, 1);
  if (result.verdict === "error") throw new Error(`${fault.name}: ${result.reason}`);
  return { name: fault.name, property: result.violation?.property ?? null, conjunct: replayed?.explanation?.conjunct ?? null };
}

process.chdir(ROOT);
for (const fault of LOST_FUNCTIONS) process.stdout.write(`${JSON.stringify(await outcomeOf(fault))}\n`);
