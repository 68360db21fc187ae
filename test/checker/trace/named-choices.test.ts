/** Choices whose options have names: traces say the name, their steps stay numbers, and choices by number read as before. */
import { describe, expect, test } from "vitest";
import { DEFAULT_CHECK_OPTIONS } from "../../../checker/check/options.ts";
import { checkScenario } from "../../../checker/check/check.ts";
import { compileScenario } from "../../../checker/compile/compile.ts";
import { renderTrace } from "../../../checker/report/counterexample.ts";
import { replay } from "../../../checker/trace/replay.ts";
import { loadGenerated } from "../compile/load-generated.ts";

const scenarioOf = (second: string) => loadGenerated(`import { at, choose, int, scenario, struct, violated } from "thpcheck";
const structs = { s: struct({ x: int(0, 9, "x") }) };
function* run(k) {
  yield at("call");
  const first = choose(k, "first call", ["munmap half", "mprotect all", "fork"]);
  k.s.x.set(first * 3 + choose(k, "second call", ${second}));
}
export default scenario({ name: "t", why: "a test", tier: "quick", structs, threads: [{ name: "a", run }], always: { "not seven": (k) => k.s.x.get() !== 7 }, expect: violated("not seven") });
`);

describe("choices with named options", () => {
  test.each([["3", "second call=1"], ['["read", "write", "none"]', "second call = write"]])("the second given as %s", async (second, words) => {
    const scenario = scenarioOf(second);
    const { result } = await checkScenario(scenario, DEFAULT_CHECK_OPTIONS, 1);
    expect(result.verdict).toBe("violated");
    const trace = result.violation!.trace!;
    expect(trace.steps).toEqual([{ actor: "a", label: "call", choices: [2, 1] }]);
    const { system } = compileScenario(scenario);
    const replayed = replay({ system, scenario: "t", programHash: trace.programHash, config: {}, patch: null }, trace);
    expect(replayed.rows.at(-1)!.choices).toEqual(["first call = fork", words]);
    expect(replayed.trace.steps).toEqual(trace.steps);
    expect(renderTrace(replayed, { width: 100, color: false, full: false, replayCommand: "" })).toContain(`first call = fork, ${words}`);
  });

  test("a program whose choices are numbers is emitted as it was: no word of named options", () => {
    const scenario = loadGenerated(`import { at, choose, holds, int, scenario, struct } from "thpcheck";
const structs = { s: struct({ x: int(0, 9, "x") }) };
function* run(k) { yield at("call"); k.s.x.set(choose(k, "n", 3)); }
export default scenario({ name: "t", why: "a test", tier: "quick", structs, threads: [{ name: "a", run }], expect: holds() });
`);
    expect(compileScenario(scenario).image.code).not.toContain("$chooseOf");
  });
});
