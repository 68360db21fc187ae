/** Two workers in WebAssembly come to what two come to in JavaScript, and one: counts, verdict, trace, witnesses, machines. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { withMachines } from "../../../checker/project/machines.ts";
import { selectScenarios } from "../../../checker/project/select.ts";
import type { Scenario } from "../../../checker/scenario.ts";
import { loadGenerated } from "../compile/load-generated.ts";
import { randomPrograms } from "../compile/random-programs.ts";
import dining from "../../models/dining-philosophers.ts";
import peterson from "../../models/peterson.ts";
import refcount from "../../models/refcount.ts";
import thpResv from "../../models/thp-resv.ts";
import { doorScenario } from "../refinement/doors.ts";
import { searchedInBoth, type Asked } from "./both-engines.ts";
import { refined, refused } from "./counters.ts";
import edges from "./edges.ts";
import looks from "./looks.ts";

const TWO: Asked = { workers: 2, workersAfterMs: 0 };

/** What differs; and whether two workers searched in WebAssembly. */
async function unlike(scenario: Scenario, asked: Asked = TWO): Promise<readonly string[]> {
  const both = await searchedInBoth(scenario, asked);
  if ("reason" in both) return [both.reason];
  const { engine, workers } = both.wasm;
  return [...both.unlike, ...(engine === "wasm" && workers === 2 ? [] : [`${workers} workers in ${engine}`])];
}

const models = [edges, looks, dining, peterson, refcount, thpResv].flat() as unknown as Scenario[];

test.each(models.filter((m) => m.tier === "quick" && "threads" in m))("$name", { timeout: 60_000 }, async (model) => {
  expect(await unlike(model, { ...TWO, maxStates: 30_000 })).toEqual([]);
});

describe("machines", () => {
  test.each([...refined, ...refused, doorScenario("none"), doorScenario("silent")])("$name", async (scenario) => {
    expect(await unlike(scenario)).toEqual([]);
  });

  test("of the kernel", { timeout: 120_000 }, async () => {
    const { scenarios } = await selectScenarios(["collapse-fault", "collapse-fault-2-ranges"], "nightly", process.cwd());
    for (const { scenario } of scenarios) {
      expect(await unlike(await withMachines(scenario, process.cwd()), { ...TWO, maxStates: 20_000 })).toEqual([]);
    }
  });
});

test("a table, frontiers and links that grow, also while the second worker joins", { timeout: 120_000 }, async () => {
  const model = models.find((m) => m.name === "thp-resv-m")!;
  expect(await unlike(model)).toEqual([]);
  for (const workersAfterMs of [0, 5, 20, 60]) {
    const both = await searchedInBoth(model, { workers: 2, workersAfterMs });
    expect("reason" in both ? both.reason : both.unlike).toEqual([]);
  }
});

test("random programs", { timeout: 120_000 }, async () => {
  await fc.assert(fc.asyncProperty(randomPrograms(), async (program) => {
    const both = await searchedInBoth(loadGenerated(program.text), { ...TWO, maxStates: 2000 });
    if (!("reason" in both)) expect(both.unlike).toEqual([]);
  }), { numRuns: 30, seed: 2 });
});
