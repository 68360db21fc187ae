/** Steps are held to machines in WebAssembly as in JavaScript: the same refusals, and each transition of a machine counted alike. */
import { describe, expect, test } from "vitest";
import { OP32 } from "../../../checker/wasm/encode.ts";
import type { Scenario } from "../../../checker/scenario.ts";
import { doorScenario, type Fault } from "../refinement/doors.ts";
import { searchedInBoth, type Asked, type Both } from "./both-engines.ts";
import { notLowered, refined, refused } from "./counters.ts";
import { withWrong } from "./wrong-instruction.ts";

async function both(scenario: Scenario, asked: Asked = {}): Promise<Both> {
  const found = await searchedInBoth(scenario, asked);
  if ("reason" in found) throw new Error(found.reason);
  return found;
}

const FAULTS: readonly Fault[] = ["none", "silent", "ignored", "wrong state", "wrong instance"];

describe.each([{ refineAll: false }, { refineAll: true }])("%j", (asked) => {
  test.each(FAULTS)("doors, %s", async (fault) => {
    const { js, wasm, unlike } = await both(doorScenario(fault), asked);
    expect(unlike).toEqual([]);
    expect(wasm.engine).toBe("wasm");
    expect(js.finding?.kind).toBe(fault === "none" ? undefined : "step");
    if (fault === "none") expect(wasm.refinementCounts![0]).toBe(wasm.transitions);
  });

  test.each(refined)("$name", async (scenario) => {
    const { js, wasm, unlike } = await both(scenario, asked);
    expect(unlike).toEqual([]);
    expect([js.finding, wasm.engine]).toEqual([null, "wasm"]);
    expect(wasm.refinementCounts![0]).toBe(wasm.transitions);
    expect([...wasm.refinementCounts!].filter((n) => n > 0).length).toBeGreaterThan(20);
  });

  test.each(refused)("$name", async (scenario) => {
    const { js, unlike } = await both(scenario, asked);
    expect(unlike).toEqual([]);
    expect(js.finding).not.toBeNull();
  });
});

test("an abstraction that gives a boolean is left to JavaScript", async () => {
  await expect(both(notLowered)).rejects.toThrow("this may be of another kind than is wanted here");
});

/** One instruction in place of another, that the check of refinement uses. */
const WRONG: readonly (readonly [keyof typeof OP32, number])[] = [
  ["and", OP32.or], ["or", OP32.and], ["eq", OP32.ne], ["lt", OP32.le], ["shl", OP32.shr], ["clz", OP32.ctz], ["add", OP32.sub],
  ["ctz", OP32.clz], ["vectorNe", 0x37],
];

describe("a fault in the lowering of the check is found", () => {
  const unlike = async (): Promise<readonly string[]> => {
    for (const scenario of [...refined, ...refused, doorScenario("silent")]) {
      const found = await both(scenario, { seconds: 1 });
      if (found.unlike.length > 0) return found.unlike;
    }
    return [];
  };
  test("and none where there is none", async () => expect(await unlike()).toEqual([]));
  test.each(WRONG)("%s", async (name, wrong) => {
    expect(await withWrong(OP32, name, wrong, unlike)).not.toEqual([]);
  });
});
