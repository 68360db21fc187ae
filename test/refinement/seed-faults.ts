/**
 * Checks scenarios under seeded faults, each with refinement and without, and prints one line of JSON for each. A process
 * of its own, since patched modules need Node's own loader. Arguments: machines; none: all.
 */
import { checkScenario } from "../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../checker/check/options.ts";
import { FAULTS, type SeededFault } from "./faults.ts";
import { patchedScenario, seededPatch } from "./seeded-patch.ts";

/** What became of one fault. */
export interface FaultOutcome {
  readonly machine: string;
  /** The verdict with refinement: the property, and the conjunct that failed with its place; null where nothing is violated. */
  readonly refined: { readonly property: string; readonly conjunct: string; readonly source: string | null } | null;
  /** Verdict and violated property without refinement. */
  readonly unrefined: { readonly verdict: string; readonly property: string | null };
}

async function outcomeOf(fault: SeededFault): Promise<FaultOutcome> {
  const patch = { name: fault.machine, text: seededPatch(fault) };
  const loaded = await patchedScenario(fault.scenario, patch);
  // Only what is loaded after the scenarios is compiled, as they are.
  const { kernelMachines } = await import("./kernel-machines.ts");
  const expect = { verdict: "holds", states: null, transitions: null, depth: null, statesWithoutClearing: null } as const;
  const refined = await checkScenario({ ...loaded, expect, refine: kernelMachines(loaded) }, DEFAULT_CHECK_OPTIONS, 1);
  const unrefined = await checkScenario({ ...loaded, expect }, DEFAULT_CHECK_OPTIONS, 1);
  const { violation } = refined.result;
  const explanation = refined.replayed?.explanation;
  if (refined.result.verdict === "error") throw new Error(`the fault of ${fault.machine}: ${refined.result.reason}`);
  return {
    machine: fault.machine,
    refined: violation === null ? null : { property: violation.property, conjunct: explanation?.conjunct ?? violation.message, source: explanation?.source ?? null },
    unrefined: { verdict: unrefined.result.verdict, property: unrefined.result.violation?.property ?? unrefined.result.reason },
  };
}

const wanted = process.argv.slice(2);
for (const fault of FAULTS) {
  if (wanted.length > 0 && !wanted.includes(fault.machine)) continue;
  process.stdout.write(`${JSON.stringify(await outcomeOf(fault))}\n`);
}
