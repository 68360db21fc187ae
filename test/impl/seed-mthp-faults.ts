/**
 * Checks a scenario under each fault of a table, which the argument names, and prints one line of JSON for each. A process of its own,
 * since patched modules need Node's own loader.
 */
import { checkScenario } from "../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../checker/check/options.ts";
import { withMachines } from "../../checker/project/machines.ts";
import { patchedScenario, ROOT, seededPatch } from "../refinement/seeded-patch.ts";
import { MTHP_COLLAPSE_FAULTS } from "./mthp-collapse-faults.ts";
import { MTHP_FAULTS, type MthpFault } from "./mthp-faults.ts";
import { MTHP_SPLIT_FAULTS } from "./mthp-split-faults.ts";
import { SWAP_FAULTS } from "./swap-faults.ts";

const TABLES: Readonly<Record<string, readonly MthpFault[]>> = {
  mthp: MTHP_FAULTS, "mthp-collapse": MTHP_COLLAPSE_FAULTS, "mthp-split": MTHP_SPLIT_FAULTS, swap: SWAP_FAULTS,
};

/** What became of one fault. */
export interface MthpOutcome {
  readonly name: string;
  /** The violated property and its message; null where nothing is violated. */
  readonly found: string | null;
}

async function outcomeOf(fault: MthpFault): Promise<MthpOutcome> {
  const patch = { name: fault.name, text: seededPatch(fault) };
  const loaded = await patchedScenario(fault.scenario, patch);
  const { result } = await checkScenario(await withMachines(loaded, ROOT), { ...DEFAULT_CHECK_OPTIONS, patch }, 1);
  if (result.verdict === "error") throw new Error(`${fault.name}: ${result.reason}`);
  const { violation } = result;
  return { name: fault.name, found: violation == null ? null : `${violation.property}: ${violation.message}` };
}

process.chdir(ROOT);
for (const fault of TABLES[process.argv[2]!]!) process.stdout.write(`${JSON.stringify(await outcomeOf(fault))}\n`);
