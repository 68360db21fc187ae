import { expect, test } from "vitest";
import type { Contestant, Measurement } from "./contestant.ts";
import { models } from "./models.ts";
import { disagreements, median, printRefinementCost, printRows, ratio, ratios, refinementCost, row, type Series } from "./table.ts";

const contestant = (name: string, tool: Contestant["tool"], workers: number): Contestant =>
  ({ name, tool, workers, expectedTransitions: (edges) => edges, prepare: () => () => { throw new Error("not run in this test"); } });
const run = (wallSeconds: number, states = 1000): Measurement =>
  ({ states, transitions: 2 * states, searchSeconds: wallSeconds / 2, wallSeconds, cpuSeconds: wallSeconds, peakBytes: 2 ** 20 });
const series = (c: Contestant, ...walls: number[]): Series => ({ contestant: c, runs: walls.map((w) => run(w)) });

const one = contestant("ours 1", "thpcheck", 1);
const two = contestant("ours 2", "thpcheck", 2);
const spin = contestant("spin", "spin", 1);
const tlc2 = contestant("tlc 2", "tlc", 2);

test("the median of an even number of values is the middle of the two in the middle", () => {
  expect(median([4, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test("a ratio compares within each round, so that a slow round does not count against one side", () => {
  // The machine is ten times slower in rounds 2 and 3; ours is twice as fast in each round.
  const r = ratio(series(one, 1, 10, 10), series(spin, 2, 20, 20));
  expect(r.wallRate).toBeCloseTo(2);
  expect(r.searchRate).toBeCloseTo(2);
  expect(r.cpu).toBeCloseTo(0.5);
  // A ratio of medians would be 1 / 10 here.
  expect(ratio(series(one, 1, 1, 10), series(spin, 1, 10, 10)).wallRate).toBeCloseTo(1);
});

test("tools are compared at the same number of workers, and more workers with one", () => {
  const all = [series(one, 1, 1, 1), series(two, 1, 1, 1), series(spin, 1, 1, 1), series(tlc2, 1, 1, 1)];
  expect(ratios(all).map((r) => `${r.of}/${r.to}`)).toEqual(["ours 1/spin", "ours 2/tlc 2", "ours 2/ours 1"]);
});

test("a count that differs in any round is named", () => {
  const model = { ...models[0]!, states: 1000, edges: 2000 };
  expect(disagreements(model, [series(one, 1, 1, 1)])).toEqual([]);
  const wrong: Series = { contestant: one, runs: [run(1), run(1, 999), run(1)] };
  expect(disagreements(model, [wrong])).toEqual(["thp-resv-s: ours 1 found 999 states and 1,998 transitions instead of 1,000 and 2,000"]);
});

test("where the model has no counts, all runs must find what the first one found", () => {
  const model = { ...models[0]!, states: null, edges: null };
  expect(disagreements(model, [series(one, 1, 1), series(two, 1, 1)])).toEqual([]);
  const wrong: Series = { contestant: two, runs: [run(1), run(1, 999)] };
  expect(disagreements(model, [series(one, 1, 1), wrong])).toEqual(["thp-resv-s: ours 2 found 999 states and 1,998 transitions instead of 1,000 and 2,000"]);
});

test("an earlier checkout is compared with one worker, and may count otherwise", () => {
  const before = contestant("earlier", "earlier", 1);
  const all = [series(one, 1, 1), { contestant: before, runs: [run(2, 900), run(2, 900)] }, series(two, 1, 1)];
  expect(ratios(all).map((r) => `${r.of}/${r.to}`)).toEqual(["ours 1/earlier", "ours 2/ours 1"]);
  expect(disagreements({ ...models[0]!, states: 1000, edges: 2000 }, all)).toEqual([]);
});

test("what was not measured is printed as a dash", () => {
  const unmeasured: Series = { contestant: one, runs: [{ ...run(2), cpuSeconds: null, peakBytes: null }] };
  expect(row(unmeasured).cpuSeconds).toBeNull();
  expect(printRows([row(unmeasured)], "states").split("\n")[1]).toMatch(/2\.000-2\.000 +- +-$/);
});

test("what refinement costs is the share of the speed, round by round", () => {
  const held = series({ ...one, refines: true }, 1.25, 10, 20);
  const without = series({ ...contestant("ours 1, --no-refine", "thpcheck", 1), refines: false }, 1, 8, 16);
  expect(refinementCost([held, series({ ...two, refines: true }, 1, 1, 1), without])).toBeCloseTo(0.2);
  expect(refinementCost([held])).toBeNull();
  expect(printRefinementCost(0.2)).toBe("refinement costs 20.0% of the speed (at most 25%)");
  expect(printRefinementCost(0.3)).toContain("TOO MUCH");
});
