/** How often each block ran in a search: the same on one worker and on several, whatever it finds, and of that search alone. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkScenario } from "../../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../../checker/check/options.ts";
import { compileScenario } from "../../../checker/compile/compile.ts";
import type { Scenario } from "../../../checker/scenario.ts";
import { ROOT } from "../../coverage/recorded.ts";
import philosophers from "../../models/dining-philosophers.ts";
import refcount from "../../models/refcount.ts";
import { run } from "./options.ts";

const all = [philosophers, refcount].flat() as unknown as Scenario[];
const named = (name: string): Scenario => all.find((s) => s.name === name)!;
const HOLDS = named("philosophers-ordered-5");
const VIOLATED = [named("philosophers-left-first-5"), named("refcount-bug1"), named("refcount-bug2")];

describe("block counts of a search", () => {
  it.each([HOLDS, ...VIOLATED])("$name: two workers count what one does", async (scenario) => {
    const { system, source } = compileScenario(scenario, { coverage: true });
    const alone = await run(system, { workers: 1 }, source);
    const shared = await run(system, { workers: 2 }, source);
    expect(shared.workers).toBe(2);
    expect(alone.blockCounts!.some((n) => n > 0)).toBe(true);
    expect([...shared.blockCounts!]).toEqual([...alone.blockCounts!]);
    // The counters of the first search are not those of the second.
    expect([...(await run(system, { workers: 1 }, source)).blockCounts!]).toEqual([...alone.blockCounts!]);
  });

  it("are one for each step through a block without a loop", async () => {
    const { system } = compileScenario(HOLDS, { coverage: true });
    const { blockCounts, transitions } = await run(system, { minimise: false });
    expect(Math.max(...blockCounts!)).toBeLessThanOrEqual(transitions);
  });

  it("can be had of some files alone, without those of others", async () => {
    const file = join(ROOT, "test/models/dining-philosophers.ts");
    const sites = (files: readonly string[]): number => compileScenario(HOLDS, { coverage: files }).system.coverage.sites.length;
    expect(sites([file])).toBe(compileScenario(HOLDS, { coverage: true }).system.coverage.sites.length);
    expect(sites([join(ROOT, "test/models/refcount.ts")])).toBe(0);
    expect((await run(compileScenario(HOLDS, { coverage: false }).system)).blockCounts).toEqual(new Float64Array(0));
  });

  it("leave the trace that of the program without counters", async () => {
    for (const scenario of VIOLATED) {
      const [plain, counted] = await Promise.all([false, true].map((coverage) =>
        checkScenario(scenario, { ...DEFAULT_CHECK_OPTIONS, coverage }, 1)));
      expect(counted!.coverage.length).toBeGreaterThan(0);
      expect(counted!.result.violation!.trace).toEqual(plain!.result.violation!.trace);
    }
  });
});
