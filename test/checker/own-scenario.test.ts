/** What a scenario of one's own may leave out, and what it has instead. */
import { describe, expect, it } from "vitest";
import { checkScenario } from "../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../checker/check/options.ts";
import type { ScenarioResult } from "../../checker/result.ts";
import { NO_REASON, holds, scenario, violated, type Scenario } from "../../checker/scenario.ts";
import { bare, broken, kept } from "./bare-scenarios.ts";

const model = { structs: {}, actors: [{ name: "a", step: (): null => null, atRest: (): boolean => true }] };
const check = async (s: Scenario): Promise<ScenarioResult> => (await checkScenario(s, DEFAULT_CHECK_OPTIONS, 1)).result;

describe("a scenario that says nothing of itself", () => {
  it("belongs to the quick tier, must hold, and says that it gives no reason", () => {
    expect([bare.tier, bare.expect, bare.why]).toEqual(["quick", holds(), NO_REASON]);
    expect(scenario(bare)).toBe(bare);
  });

  it("keeps what it says", () => {
    const one = scenario({ name: "one", why: "a reason", model, expect: violated("few") });
    expect([one.tier, one.expect, one.why]).toEqual(["quick", violated("few"), "a reason"]);
    const other = scenario({ name: "other", tier: "nightly", model });
    expect([other.tier, other.expect, other.why]).toEqual(["nightly", holds(), NO_REASON]);
  });

  it("is checked as one that must hold: a broken promise is not as expected", async () => {
    expect(await check(kept)).toMatchObject({ reason: null, verdict: "holds", states: 3, asExpected: true });
    expect(await check(broken)).toMatchObject({ verdict: "violated", asExpected: false, violation: { property: "few" } });
  });

  it("is refused where it says something that is none", () => {
    expect(() => scenario({ name: "odd", tier: "soon" as never, model })).toThrow(/tier.*"soon"/);
    expect(() => scenario({ name: "odd", why: undefined as never, model })).toThrow(/why/);
    expect(() => scenario(null as never)).toThrow("a scenario without a name");
  });
});
