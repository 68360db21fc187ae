/** `check --policy`: which scenarios are meant, and under what name they run. */
import { describe, expect, it } from "vitest";
import { anyPolicy, underPolicy } from "../../../checker/project/under-policy.ts";
import type { Selection } from "../../../checker/project/select.ts";
import { holds, type Scenario } from "thpcheck";

const POLICIES = ["fair", "greedy"];

function run(policy: string): Scenario {
  if (!POLICIES.includes(policy)) throw new RangeError(`there is no policy "${policy}": it is one of ${POLICIES.join(", ")}`);
  return { ...plain(`race@${policy}`), policy, underPolicy: run };
}
function plain(name: string): Scenario {
  return { name, why: "a test", tier: "quick", structs: {}, threads: [{ name: "a", run: function* () {} }], expect: holds() };
}
function selection(...scenarios: readonly Scenario[]): Selection {
  return { scenarios: scenarios.map((scenario) => ({ scenario, file: "/race.ts", from: null, pinnedInSource: false })), failures: [], warnings: [] };
}

describe("--policy", () => {
  it("looks for a name under any policy, and leaves files and full names alone", () => {
    expect(["race", "ra*", "race@fair", "./race.ts"].map(anyPolicy)).toEqual(["race@*", "ra*@*", "race@fair", "./race.ts"]);
  });

  it("runs each scenario once, whichever policies are listed, and leaves out those that know none", () => {
    const { scenarios } = underPolicy(selection(run("fair"), run("greedy"), plain("other")), "greedy");
    expect(scenarios.map((s) => [s.scenario.name, s.scenario.policy, s.file])).toEqual([["race@greedy", "greedy", "/race.ts"]]);
  });

  it("says which policies there are, and that nothing has any", () => {
    expect(() => underPolicy(selection(run("fair")), "cruel")).toThrow(/--policy: there is no policy "cruel": it is one of fair, greedy/);
    expect(() => underPolicy(selection(plain("other")), "fair")).toThrow(/none of these scenarios has policies/);
  });
});
