/** Measuring in an order, and no further than is needed: that it hides nothing, and how the order is chosen. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compare } from "./compare.ts";
import { testFiles } from "./functional-tests.ts";
import { divide, measureUntil, type Measured } from "./measure.ts";
import { FIRST_SCENARIOS, FIRST_TESTS } from "./order.ts";
import { ROOT, type Block, type Recorded } from "./recorded.ts";
import { scenariosOf, sufficient, type ScenarioRun } from "./scenarios.ts";

const LINES = [1, 2, 3, 4, 5];
const run = (...lines: number[]): Recorded => ({ blocks: LINES.map((line): Block => ({ file: "impl/x.ts", line, column: 1, routine: "f", count: lines.includes(line) ? 1 : 0 })), scanResults: [] });
const scenario = (name: string, ...lines: number[]): ScenarioRun => ({ ...run(...lines), name, states: 1, complaint: null });

function measured(enough: (soFar: Recorded) => boolean, scenarios: readonly ScenarioRun[], first: readonly string[]): Promise<Measured> {
  return measureUntil(enough, {
    files: [["a.test.ts"], ["b.test.ts"]], scenarios: divide(scenarios, first, (s) => s.name),
    runTests: (files) => Promise.resolve({ ...(files.includes("a.test.ts") ? run(1) : run(2)), complaints: [] }),
    runScenario: (s) => Promise.resolve(s),
  });
}
const unreached = ({ blocks }: Recorded): number[] => compare(blocks, [], [], (_file, line) => `line ${line}`).unexplained.map((u) => u.line);
const nothingUnreached = (soFar: Recorded): boolean => soFar.blocks.length > 0 && unreached(soFar).length === 0;

test("stops when nothing is unreached: then running everything would find no more", async () => {
  const scenarios = [scenario("p", 4), scenario("q", 2, 3), scenario("r", 4, 5)];
  expect(await measured(nothingUnreached, scenarios, ["r", "q"])).toMatchObject({ ran: ["a.test.ts", "r", "q"], left: 2 });
  expect(await measured(nothingUnreached, scenarios, ["q"])).toMatchObject({ ran: ["a.test.ts", "q", "b.test.ts", "p", "r"], left: 0 });
});

test.each([[[]], [["p"]], [["r", "q"]]])("what nothing reaches is found, whatever comes first: %j", async (first) => {
  const result = await measured(nothingUnreached, [scenario("p", 4), scenario("q", 3), scenario("r", 4)], first);
  expect(unreached(result)).toEqual([5]);
  expect(result.left).toBe(0);
});

test("the order that is proposed: most for its price first, and nothing that adds nothing", () => {
  const small = { ...scenario("small", 2, 3), states: 10 };
  const large = { ...scenario("large", 2, 3), states: 1_000_000 };
  const result = { ...scenario("result"), scanResults: [{ result: 7, source: "result", times: 1 }] };
  expect(sufficient(run(1), [large, scenario("known", 1), small, scenario("more", 2, 3, 4, 5), result])).toEqual(["more", "result"]);
  expect(sufficient(run(1), [large, small])).toEqual(["small"]);
});

test("what comes first exists", async () => {
  expect(FIRST_TESTS.filter((file) => !existsSync(join(ROOT, file)) || !testFiles().includes(file))).toEqual([]);
  const { scenarios, failures } = await scenariosOf("quick");
  expect(failures).toEqual([]);
  expect(FIRST_SCENARIOS.filter((name) => !scenarios.some((s) => s.scenario.name === name))).toEqual([]);
});
