import { describe, expect, test } from "vitest";
import type { ExploreOptions } from "../../../checker/search/explore.ts";
import { run, sourceOf } from "./options.ts";
import type { ThpResvBounds } from "./thp-resv-system.ts";
import { L, M, S, instantiate } from "./thp-resv-system.ts";

const search = (bounds: ThpResvBounds, options: Partial<ExploreOptions> = {}) =>
  run(instantiate(bounds), options, sourceOf("./thp-resv-system.ts", bounds));
const SMALL: ThpResvBounds = { ...L, K: 1 };

describe("thp-resv as a hand-packed system", () => {
  test("S has the states, transitions, levels and end states of TLC, Spin and Stateright", async () => {
    const o = await search(S);
    expect(o).toMatchObject({ complete: true, stopReason: null, states: 14_456, transitions: 27_194, depth: 22, terminals: 115, finding: null, notChecked: [] });
    expect(o.levels.join(" ")).toBe("1 14 38 50 48 73 194 480 483 431 781 1071 1628 1651 1317 1557 1273 1044 1151 805 314 52");
  });

  const ways: readonly [string, Partial<ExploreOptions>][] = [
    ["breadth-first", {}],
    ["exact", { exact: true }],
    ["another seed", { seed: 77 }],
    ["two workers", { workers: 2 }],
    ["three workers", { workers: 3 }],
    ["two workers that take over midway", { workers: 2, workersAfterMs: 20 }],
    ["depth-first", { strategy: "dfs" }],
    ["depth-first and exact", { strategy: "dfs", exact: true }],
    ["depth-first within a bound that cuts nothing off", { strategy: "dfs", maxDepth: 100 }],
  ];
  test.each(ways)("M has the same states by every way of searching: %s", async (_, options) => {
    expect(await search(M, options)).toMatchObject({ complete: true, states: 117_401, transitions: 284_706, terminals: 115, finding: null });
  });

  const bugs: readonly [string, ThpResvBounds, string, number][] = [
    ["promotion forgets nr -= unused", { ...SMALL, BUG: 1 }, "I1", 13],
    ["munmap takes the locks in the wrong order", { ...SMALL, BUG: 2 }, "deadlock", 5],
    ["a reservation beside plain pages", { ...L, BUG: 3 }, "I2", 19],
  ];
  test.each(bugs)("the shortest trace to a seeded bug is found: %s", async (_, bounds, name, length) => {
    const one = await search(bounds);
    expect(one.finding).toMatchObject({ name, minimised: true });
    expect(one.finding!.steps.length + 1).toBe(length);
    const two = await search(bounds, { workers: 2 });
    expect(two).toMatchObject({ states: one.states, transitions: one.transitions, depth: one.depth, levels: one.levels, finding: one.finding });
  });

  test("without minimising, the linked trace is as short and leads to the violation", async () => {
    for (const workers of [1, 2]) {
      const o = await search({ ...SMALL, BUG: 1 }, { minimise: false, workers });
      expect(o.finding).toMatchObject({ name: "I1", minimised: false });
      expect(o.finding!.steps).toHaveLength(12);
      const system = instantiate({ ...SMALL, BUG: 1 });
      system.setBranch([]);
      system.init();
      for (const { actor, choices } of o.finding!.steps) {
        system.setBranch(choices);
        expect(system.step(actor)).toBe(1);
      }
      expect(system.always[system.checkState()]).toBe("I1");
    }
  });

  test("depth-first search and random walks end with the same minimised trace", async () => {
    const bounds: ThpResvBounds = { ...SMALL, BUG: 1 };
    const { finding } = await search(bounds);
    expect((await search(bounds, { strategy: "dfs" })).finding).toEqual(finding);
    expect((await search(bounds, { strategy: "random", seed: 3 })).finding).toEqual(finding);
  });

  test("the deadlock says who waits for what", async () => {
    const { finding } = await search({ ...SMALL, BUG: 2 });
    expect(finding!.message).toContain("munmap waits for mmap_lock, held by someone");
  });

  test("table and links take at most 32 bytes a state", async () => {
    for (const workers of [1, 2]) {
      const o = await search(M, { workers });
      expect(o.tableBytes / o.states).toBeLessThanOrEqual(32);
    }
  });
});
