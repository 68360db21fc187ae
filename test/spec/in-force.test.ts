/** The count of states in which an invariant is held to its word. */
import type { ProgramScenario, Scenario } from "thpcheck";
import { describe, expect, it } from "vitest";
import { checkScenario } from "../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS, type CheckOptions } from "../../checker/check/options.ts";
import { compileScenario } from "../../checker/compile/compile.ts";
import { explore } from "../../checker/search/explore.ts";
import type { ScenarioResult } from "../../checker/result.ts";
import models from "../../spec/models.ts";
import { INVARIANTS } from "../../spec/invariants/index.ts";
import collapse from "../scenarios/collapse-fault.ts";
import split from "../scenarios/split-fork.ts";
import { isHeldToInvariants, inForceTable } from "./print-in-force.ts";
import { countInForce } from "./in-force.ts";

const scenarios = [...collapse, ...split] as unknown as readonly Scenario[];
const named = (name: string): ProgramScenario => scenarios.find((s) => s.name === name) as ProgramScenario;
const check = async (s: Scenario, options: Partial<CheckOptions> = {}): Promise<ScenarioResult> => (await checkScenario(s, { ...DEFAULT_CHECK_OPTIONS, refine: false, ...options }, 1)).result;
const byName = (r: ScenarioResult): Map<string, number> => new Map(r.invariants.map((i) => [i.name, i.inForce]));

describe("states in which an invariant is in force", () => {
  it.each(["collapse-fault", "split-cow"])("are those of %s in which its excuse, asked of each, says so", async (name) => {
    const { states, inForce } = await countInForce(named(name), 3000);
    const result = await check(named(name), { maxStates: 3000 });
    expect(result.states).toBe(states);
    const counted = byName(result);
    for (const [promise, count] of inForce) expect(counted.get(promise), promise).toBe(count);
    expect([...counted.values()].filter((n) => n === states).length).toBeGreaterThan(0);
    expect(new Set(counted.values()).size).toBeGreaterThan(3);
  });

  it("are the same for every strategy, and on one worker and two", async () => {
    const s = named("collapse-fault");
    const own = await check(s);
    for (const options of [{ strategy: "dfs" }, { exact: true }] as const) expect((await check(s, options)).invariants, JSON.stringify(options)).toEqual(own.invariants);
    const compiled = compileScenario(s, { refine: false });
    const two = await explore(compiled.system, compiled.source, { ...DEFAULT_CHECK_OPTIONS, workers: 2, workersAfterMs: 0 });
    expect(two.measures.workers).toBe(2);
    expect(two.inForce).toEqual(own.invariants.map((i) => i.inForce));
  });

  it("are added up over scenarios, and an invariant that is never in force is named", () => {
    const result = (name: string, states: number, inForce: (id: string) => number): ScenarioResult => ({ scenario: name, states, invariants: INVARIANTS.map((i) => ({ name: `${i.id} ${i.name}`, inForce: inForce(i.id) })) } as unknown as ScenarioResult);
    const { text, never } = inForceTable([result("a", 10, (id) => (id === "P6" ? 0 : 5)), result("b", 30, (id) => (id === "P6" ? 0 : 5))]);
    expect(never.map((i) => i.id)).toEqual(["P6"]);
    expect(text).toMatch(/^P1 .* 10 +25\.0%$/m);
    expect(text).toContain("40 states of 2 scenarios\nP6 is excused in every state: it promises nothing");
    expect(() => inForceTable([])).toThrow(/none of these scenarios is held to the invariants/);
  });

  it("are counted in scenarios that are held to the invariants", () => {
    expect(scenarios.every(isHeldToInvariants)).toBe(true);
    expect(models.some(isHeldToInvariants)).toBe(false);
  });
});
