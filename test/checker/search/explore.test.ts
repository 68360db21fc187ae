import { describe, expect, test } from "vitest";
import type { Progress } from "../../../checker/search/explore.ts";
import type { TransitionSystem } from "../../../checker/system.ts";
import type { Graph } from "./graph-system.ts";
import { FAULT, instantiate } from "./graph-system.ts";
import { run, sourceOf, TIMELESS } from "./options.ts";
import { M, instantiate as thpResv } from "./thp-resv-system.ts";

/** 0 -> 1 -> 2 -> ..., one actor, ending at rest. */
function chain(nodes: number, changes: Partial<Graph> = {}): Graph {
  const all = Array.from({ length: nodes }, (_, i) => i);
  return {
    actors: 1, initial: [0], steps: all.map((i) => [i === nodes - 1 ? [] : [i + 1]]), bad: all.map(() => -1),
    resting: all.map(() => true), badEnd: all.map(() => false), badSteps: [], shown: [], words: 1, ...changes,
  };
}

/** The system with one method replaced. */
function but<T extends TransitionSystem>(system: T, changes: Partial<TransitionSystem>): T {
  return Object.defineProperties(system, Object.getOwnPropertyDescriptors(changes));
}

describe("initial states", () => {
  test("a single state without steps is a whole state space", async () => {
    expect(await run(instantiate(chain(1)))).toMatchObject({ complete: true, states: 1, transitions: 0, depth: 1, terminals: 1, levels: [1], finding: null });
  });

  test("equal initial states count once, and the trace says which branch of init it starts from", async () => {
    const o = await run(instantiate(chain(4, { initial: [1, 1, 2], bad: [-1, -1, -1, 0] })));
    expect(o).toMatchObject({ levels: [2, 1], finding: { name: "p0", initial: [2], steps: [{ actor: 0, choices: [] }] } });
  });

  test.each([{}, { strategy: "dfs" }, { strategy: "random" }, { minimise: false }, { strategy: "dfs", minimise: false }] as const)("a violation in an initial state is a trace without steps: %o", async (options) => {
    const { finding } = await run(instantiate(chain(2, { initial: [1, 0], bad: [1, 1] })), options);
    expect(finding).toMatchObject({ kind: "always", name: "p1", steps: [], message: `"p1" is false in the initial state`, explanation: { conjunct: expect.stringMatching(/^always at [01]$/) } });
  });

  test.each([{}, { strategy: "dfs" }, { strategy: "random" }, { minimise: false }, { workers: 2 }] as const)("an init that throws is a finding: %o", async (options) => {
    const graph = chain(2);
    const system = but(instantiate(graph), { init: () => { throw new TypeError("no such page"); } });
    const o = await run(system, options, sourceOf("./graph-system.ts", graph));
    expect(o.finding).toMatchObject({ kind: "fault", name: "exception", message: "TypeError: no such page", initial: [], steps: [] });
  });
});

describe("violations", () => {
  test.each([{}, { strategy: "dfs" }, { strategy: "random" }, { minimise: false }] as const)("a faulty step is the last of its trace: %o", async (options) => {
    const { finding } = await run(instantiate(chain(3, { steps: [[[1]], [[2]], [[FAULT]]] })), options);
    expect(finding).toMatchObject({ kind: "fault", name: "assertion", message: "the step fails", explanation: null });
    expect(finding!.steps).toHaveLength(3);
  });

  test.each([{}, { strategy: "dfs" }, { strategy: "random" }, { minimise: false }] as const)("a step property is judged by the state before and the state after: %o", async (options) => {
    const { finding } = await run(instantiate(chain(4, { badSteps: [[2, 3]] })), options);
    expect(finding).toMatchObject({ kind: "step", name: "s0", explanation: { conjunct: "step at 3" } });
    expect(finding!.steps).toHaveLength(3);
  });

  test.each([{}, { strategy: "dfs" }, { strategy: "random" }, { minimise: false }] as const)("an end state may violate an end-state property, or be a deadlock: %o", async (options) => {
    const end = await run(instantiate(chain(3, { badEnd: [true, true, true] })), options);
    expect(end.finding).toMatchObject({ kind: "finally", name: "end", explanation: { conjunct: "finally at 2" } });
    const stuck = await run(instantiate(chain(3, { resting: [false, false, false] })), options);
    expect(stuck.finding).toMatchObject({ kind: "deadlock", name: "deadlock", message: `nothing can move: a0 waits for l, held by a0, at "go"; cycle: a0 -[l]-> a0`, explanation: null });
    expect(stuck.finding!.steps).toHaveLength(2);
  });

  test.each([{}, { strategy: "dfs" }, { strategy: "random" }] as const)("all that is broken in the last state or step is named: %o", async (options) => {
    const state = chain(3, { bad: [-1, -1, 0], alsoBad: [false, false, true] });
    const both = [{ kind: "always", name: "p0" }, { kind: "always", name: "p1" }];
    for (const [wanted, shown] of [[null, 0], ["p0", 0], ["p1", 1], ["another", 0]] as const) {
      const { finding } = await run(instantiate(state), { ...options, wanted });
      expect(finding).toMatchObject({ ...both[shown], also: [both[1 - shown]], steps: [{}, {}] });
      expect(finding!.message).toBe(`"${both[shown]!.name}" is false after the last step`);
    }
    const step = chain(3, { bad: [-1, -1, 1], badSteps: [[1, 2]] });
    const { finding } = await run(instantiate(step), { ...options, wanted: "s0" });
    expect(finding).toMatchObject({ kind: "step", name: "s0", also: [{ kind: "always", name: "p1" }], steps: [{}, {}] });
  });

  test("witnesses that no state shows are all named", async () => {
    const graph = chain(5, { shown: [[], [4], []] });
    const [first, last] = [{ kind: "sometimes", name: "w0" }, { kind: "sometimes", name: "w2" }];
    expect((await run(instantiate(graph))).finding).toMatchObject({ ...first, also: [last] });
    expect((await run(instantiate(graph), { wanted: "w2" })).finding).toMatchObject({ ...last, also: [first] });
  });

  test("a witness that no state shows is a finding of a complete search only", async () => {
    const graph = chain(5, { shown: [[4], []] });
    expect(await run(instantiate(graph))).toMatchObject({ witnessesReached: [true, false], finding: { kind: "sometimes", name: "w1", steps: [] } });
    expect(await run(instantiate(graph), { maxDepth: 3 })).toMatchObject({ complete: false, witnessesReached: [false, false], finding: null });
  });

  test("of violations that different workers find, the first in the order of declaration is reported", async () => {
    // One level of 256 nodes, two chunks; each chunk leads to another violation, and takes a while.
    const chunk = 128;
    const last = 2 * chunk + 1;
    for (const [first, second] of [[0, 1], [1, 0], [0, 1], [1, 0]] as const) {
      const all = Array.from({ length: last + 2 }, (_, i) => i);
      const graph: Graph = {
        ...chain(1), steps: all.map((i) => [i === 0 ? all.slice(1, last) : i < last ? [i <= chunk ? last : last + 1] : []]),
        bad: all.map((i) => (i === last ? first : i === last + 1 ? second : -1)), resting: all.map(() => true), badEnd: all.map(() => false),
        slow: [1, chunk + 1],
      };
      const o = await run(instantiate(graph), { workers: 2 }, sourceOf("./graph-system.ts", graph));
      expect(o).toMatchObject({ states: last + 2, transitions: 4 * chunk, finding: { name: "p0" } });
    }
  });

  test("a search that ended with a violation says that it did not look further", async () => {
    const o = await run(instantiate(chain(9, { bad: [-1, -1, 0, -1, -1, -1, -1, -1, -1] })));
    expect(o).toMatchObject({ complete: false, stopReason: null, states: 3, notChecked: ["The search ended with the violation; states beyond it were not looked at."] });
  });

  test("when the search for a better trace may not take the memory, the linked trace is given", async () => {
    // Any bound above what the process holds lets the search itself run.
    const graph = chain(2000, { bad: Array.from({ length: 2000 }, (_, i) => (i === 1999 ? 0 : -1)) });
    const o = await run(instantiate(graph), { memoryBytes: process.memoryUsage.rss() + 64 * 2 ** 20 });
    expect(o.finding!.steps).toHaveLength(1999);
    const tight = await run(instantiate(graph), { memoryBytes: 1 });
    expect(tight.finding ?? tight.stopReason).not.toBeNull();
    if (tight.finding !== null) expect(tight.finding).toMatchObject({ minimised: false, steps: o.finding!.steps });
  });
});

describe("bounds", () => {
  test("the bound on states ends the search at a level, alike on any number of workers", async () => {
    const one = await run(thpResv(M), { maxStates: 20_000 });
    expect(one).toMatchObject({ complete: false, finding: null });
    expect(one.stopReason).toMatch(/^the bound of 20000 states was reached at depth \d+; \d+ states were not expanded$/);
    expect(one.states).toBeGreaterThanOrEqual(20_000);
    const two = await run(thpResv(M), { maxStates: 20_000, workers: 2 }, sourceOf("./thp-resv-system.ts", M));
    const ofTheRun = { ...TIMELESS, workers: 1, tableBytes: 0 };
    expect({ ...two, ...ofTheRun }).toEqual({ ...one, ...ofTheRun });
    expect(await run(thpResv(M), { strategy: "dfs", maxStates: 20_000 })).toMatchObject({ complete: false, states: 20_000, stopReason: "the bound of 20000 states was reached" });
  });

  test.each([["bfs", 1], ["bfs", 2], ["dfs", 1], ["random", 1]] as const)("time ends %s on %d worker(s), with what was seen so far", async (strategy, workers) => {
    const endless = { ...M, F: 3, K: 3 };
    const o = await run(thpResv(endless), { strategy, workers, seconds: 0.3 }, sourceOf("./thp-resv-system.ts", endless));
    expect(o).toMatchObject({ complete: false, stopReason: "the time bound of 0.3 s was reached", finding: null });
    expect(o.states).toBeGreaterThan(100);
    expect(o.seconds).toBeLessThan(10);
    if (strategy === "bfs") expect(o.levels.reduce((sum, n) => sum + n, 0)).toBe(o.states);
  });

  test.each([["bfs", 1], ["bfs", 2], ["dfs", 1]] as const)("an interrupt ends %s on %d worker(s), and progress was reported before", async (strategy, workers) => {
    const endless = { ...M, F: 3, K: 3 };
    const seen: Progress[] = [];
    const o = await run(thpResv(endless), { strategy, workers, shouldStop: () => seen.length >= 2, onProgress: (p) => seen.push(p) }, sourceOf("./thp-resv-system.ts", endless));
    expect(o).toMatchObject({ complete: false, stopReason: "interrupted" });
    expect(seen[1]!.states).toBeGreaterThan(seen[0]!.states);
    expect(seen[1]!.transitions).toBeGreaterThan(seen[1]!.states / 2);
    expect(seen[1]!.frontier).toBeGreaterThan(0);
    expect(seen[1]!.frontier).toBeLessThanOrEqual(seen[1]!.states);
  });

  test("memory ends a search", async () => {
    const o = await run(thpResv({ ...M, F: 3, K: 3 }), { memoryBytes: 2 ** 20 });
    expect(o).toMatchObject({ complete: false, stopReason: "the memory bound of 1 MiB was reached" });
  });

  test("options that make no sense are refused", async () => {
    const system = instantiate(chain(2));
    await expect(run(system, { maxStates: 0 })).rejects.toThrow("maxStates is 0; it must be greater than 0");
    await expect(run(system, { workers: 2 })).rejects.toThrow("use one worker");
    await expect(run(system, { workers: 1000 }, sourceOf("./graph-system.ts", chain(2)))).rejects.toThrow("at most 64");
  });

  test("strategies that run on one worker say so", async () => {
    const o = await run(instantiate(chain(3)), { strategy: "dfs", workers: 2 }, sourceOf("./graph-system.ts", chain(3)));
    expect(o).toMatchObject({ workers: 1, complete: true, notChecked: ["2 workers were asked for; a depth-first search runs on one."] });
  });
});

describe("mistakes of the program under check", () => {
  test("an error in a property is no verdict: it is thrown", async () => {
    const broken = (): TransitionSystem => but(instantiate(chain(3)), { checkState: () => { throw new TypeError("the property is wrong"); } });
    for (const strategy of ["bfs", "dfs", "random"] as const) await expect(run(broken(), { strategy })).rejects.toThrow("the property is wrong");
  });

  test("an error in a worker ends the search with that error", async () => {
    const source = sourceOf("./no-such-module.ts", null);
    await expect(run(instantiate(chain(3)), { workers: 2 }, source)).rejects.toThrow("no-such-module");
  });
});
