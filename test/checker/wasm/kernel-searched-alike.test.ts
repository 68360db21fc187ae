/** Scenarios of the kernel come to the same in both engines: all their promises, excuses, witnesses and machines. */
import { expect, test } from "vitest";
import { withMachines } from "../../../checker/project/machines.ts";
import { selectScenarios } from "../../../checker/project/select.ts";
import { searchedInBoth } from "./both-engines.ts";

/** Of which a search stops after so many states. */
const STATES = 20_000;
const NAMES = ["collapse-fault", "fork-cow-threads", "any-two-calls", "collapse-fault-2-ranges"];

test("scenarios of the kernel are lowered, and searched alike", { timeout: 180_000 }, async () => {
  const { scenarios } = await selectScenarios(NAMES, "nightly", process.cwd());
  expect(scenarios).toHaveLength(NAMES.length);
  for (const { scenario } of scenarios) {
    const both = await searchedInBoth(await withMachines(scenario, process.cwd()), { maxStates: STATES });
    if ("wasm" in both) expect(both.wasm.refinementCounts![0]).toBe(both.wasm.transitions);
    expect({ name: scenario.name, unlike: "reason" in both ? both.reason : both.unlike }).toEqual({ name: scenario.name, unlike: [] });
  }
});
