/** Models without locks may have more actors than a mask has bits: every strategy, audits, traces and pages know them all. */
import { describe, expect, it } from "vitest";
import { auditScenario } from "../../checker/check/audit.ts";
import { checkScenario } from "../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../checker/check/options.ts";
import { defaultEngine } from "../../checker/check/engine.ts";
import { holds, scenario, violated } from "../../checker/scenario.ts";
import { int, mutex, struct } from "../../checker/program/layout.ts";
import { ring } from "./ring-of-actors.ts";

describe("a model of 100 actors", () => {
  it("has one state for each place of the token", async () => {
    const { result } = await checkScenario(ring(100, holds({ states: 200, transitions: 199 })), DEFAULT_CHECK_OPTIONS, 1);
    expect([result.verdict, result.states, result.reason]).toEqual(["holds", 200, null]);
  });

  it.each(["bfs", "dfs", "random"] as const)("names the actor that breaks a promise (%s)", async (strategy) => {
    const options = { ...DEFAULT_CHECK_OPTIONS, strategy };
    const { replayed } = await checkScenario(ring(50, violated("not so far")), options, 1);
    expect(replayed!.rows.slice(1).map((r) => r.actor)).toEqual(Array.from({ length: 150 }, (_, n) => `actor ${n % 100}`));
  });

  it("may have no lock then", () => {
    const locked = { ring: struct({ at: int(0, 1, "n") }), door: struct({ lock: mutex("m") }) };
    const actors = Array.from({ length: 31 }, (_, n) => ({ name: `a${n}`, step: (): null => null, atRest: (): boolean => true }));
    expect(() => scenario({ name: "locked", model: { structs: locked, actors } }))
      .toThrow("model.actors has 31; at most 30 where a struct has a lock, as door does");
    expect(() => scenario({ name: "no-lock", model: { structs: {}, actors: actors.slice(0, 30) } })).not.toThrow();
  });

  it("agrees with itself in an audit", async () => {
    const settings = { cores: 2, engine: await defaultEngine(), onVariant: () => {} };
    const audit = await auditScenario(ring(100, holds({ states: 200 })), DEFAULT_CHECK_OPTIONS, settings);
    expect([audit.complete, audit.disagreements]).toEqual([true, []]);
  });
});
