/** States from which no goal can be reached: against a naive search, on one worker and two, by fingerprints and by whole states. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ExploreOptions } from "../../../../checker/search/explore.ts";
import { END_STAYS_REACHABLE } from "../../../../checker/search/traps/goals.ts";
import { instantiate, type Graph } from "../graph-system.ts";
import { run, sourceOf, type Explored } from "../options.ts";

const look = (graph: Graph, options: Partial<ExploreOptions> = {}): Promise<Explored> =>
  run(instantiate(graph), { traps: true, ...options }, sourceOf("./graph-system.ts", graph));

/** A graph whose steps are given by node: one actor, a branch for each target. */
function graph(steps: readonly (readonly number[])[], changes: Partial<Graph> = {}): Graph {
  const none = steps.map(() => false);
  return {
    actors: 1, initial: [0], steps: steps.map((targets) => [targets]), bad: steps.map(() => -1), resting: steps.map((t) => t.length === 0),
    badEnd: none, badSteps: [], shown: [], words: 1, ...changes,
  };
}

/** The nodes from which no goal can be reached, and the steps to the nearest of them; null: there are none. */
function naiveTraps(g: Graph, goal: (node: number) => boolean): { readonly states: number; readonly distance: number } | null {
  const next = (node: number): number[] => g.steps[node]!.flat();
  const closure = (from: readonly number[]): Set<number> => {
    const seen = new Set(from);
    for (const node of seen) for (const target of next(node)) seen.add(target);
    return seen;
  };
  const trapped = [...closure(g.initial)].filter((node) => ![...closure([node])].some(goal));
  if (trapped.length === 0) return null;
  let level = new Set(g.initial);
  let distance = 0;
  for (; ![...level].some((node) => trapped.includes(node)); distance++) level = new Set([...level].flatMap(next));
  return { states: trapped.length, distance };
}

/** Graphs of up to 30 nodes in which every node without steps is an end, and a few others are at rest. */
function graphs(words: fc.Arbitrary<number>): fc.Arbitrary<Graph> {
  return fc.integer({ min: 1, max: 30 }).chain((nodes) => {
    const node = fc.nat(nodes - 1);
    const branches = fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) }, { weight: 4, arbitrary: fc.array(node, { minLength: 1, maxLength: 2 }) },
    );
    const nth = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { minLength: nodes, maxLength: nodes });
    return fc.record({
      steps: nth(fc.array(branches, { minLength: 2, maxLength: 2 })), initial: fc.array(node, { minLength: 1, maxLength: 2 }),
      rests: nth(fc.nat(30).map((n) => n === 0)), words, recurring: fc.array(fc.array(node, { maxLength: 3 }), { maxLength: 2 }),
    }).map(({ steps, initial, rests, words: n, recurring }) => ({
      ...graph(steps.map(() => [])), actors: 2, steps, initial, words: n,
      resting: steps.map((s, i) => s.every((t) => t.length === 0) || rests[i]!),
      ...(recurring.length === 0 ? {} : { recurring }),
    }));
  });
}

async function expectTraps(g: Graph, options: Partial<ExploreOptions>): Promise<void> {
  const goals: (readonly [string, (node: number) => boolean])[] = (g.recurring ?? []).map((nodes, i) => [`r${i}`, (n) => nodes.includes(n)]);
  if (options.endless !== true) goals.unshift([END_STAYS_REACHABLE, (n) => g.resting[n]!]);
  const expected = goals.map(([name, goal]) => ({ name, traps: naiveTraps(g, goal) })).filter(({ traps }) => traps !== null);
  const o = await look(g, options);
  expect(o.complete).toBe(true);
  expect(o.notChecked).toEqual([]);
  if (expected.length === 0) expect(o.finding).toBeNull();
  for (const { name, traps } of expected) {
    const { finding } = await look(g, { ...options, wanted: name });
    expect(finding).toMatchObject({ kind: "recurring", name, minimised: options.minimise !== false });
    expect(finding!.also.map((p) => p.name)).toEqual(expected.map((e) => e.name).filter((other) => other !== name));
    expect(finding!.steps).toHaveLength(traps!.distance);
    const many = /^from ([\d,]+) states? of/.exec(finding!.message);
    expect(many === null ? o.states : Number(many[1])).toBe(traps!.states);
  }
}

describe("random graphs", () => {
  test("every state is trapped that a naive search finds trapped, by fingerprints and by whole states", async () => {
    await fc.assert(fc.asyncProperty(graphs(fc.constantFrom(1, 2, 30)), fc.boolean(), async (g, endless) => {
      await expectTraps(g, { endless });
      await expectTraps(g, { endless, exact: true, seed: 7 });
      await expectTraps(g, { endless, minimise: false });
    }), { numRuns: 250 });
  });

  test("whole states are compared where fingerprints would collide", async () => {
    await fc.assert(fc.asyncProperty(graphs(fc.constant(2)), async (g) => {
      await expectTraps(g, { exact: true, fingerprintBits: 32 });
    }), { numRuns: 60 });
  });

  test("two and three workers find what one finds, and the same trace", async () => {
    await fc.assert(fc.asyncProperty(graphs(fc.constantFrom(1, 30)), fc.constantFrom(2, 3), async (g, workers) => {
      await expectTraps(g, { workers });
      const one = await look(g);
      const more = await look(g, { workers });
      expect(more.finding).toEqual(one.finding);
    }), { numRuns: 15 });
  });
});

describe("many states", () => {
  /**
   * A tree of `n` nodes, an odd number, whose leaves lead back to some node, at random; every 50th is an end. From the nodes below
   * `trap` (a node, or null) leaves lead only to such nodes, and none of them is an end.
   */
  function tree(n: number, trap: number | null, seed: number): Graph {
    let x = seed;
    const random = (below: number): number => (x = (Math.imul(x, 1664525) + 1013904223) >>> 0) % below;
    const isTrapped = Array.from({ length: n }, () => false);
    if (trap !== null) for (let i = trap; i < n; i++) isTrapped[i] = i === trap || isTrapped[(i - 1) >> 1]!;
    const trapped = [...isTrapped.keys()].filter((i) => isTrapped[i]);
    const steps = Array.from({ length: n }, (_, i) => {
      if (2 * i + 2 < n) return [2 * i + 1, 2 * i + 2];
      if (isTrapped[i]) return [trapped[random(trapped.length)]!];
      return i % 50 === 0 ? [] : [random(n), random(n)];
    });
    return graph(steps);
  }

  /** How many nodes no way leads to an end from: all nodes are reachable. */
  function countTrapped({ steps }: Graph): number {
    const sources: number[][] = steps.map(() => []);
    for (const [from, targets] of steps.entries()) for (const to of targets.flat()) sources[to]!.push(from);
    const settled = new Set([...steps.keys()].filter((i) => steps[i]!.flat().length === 0));
    for (const node of settled) for (const from of sources[node]!) settled.add(from);
    return steps.length - settled.size;
  }

  const growing = { expectedStates: null };
  /** Of two workers each moves a part of the table when it has 2^17 slots or more. */
  const many = 250_001;
  test.each([
    ["a table that grows", 60_001, growing], ["a table that is large enough", 60_001, { expectedStates: 60_000 }],
    ["whole states", 30_001, { exact: true }], ["two workers and a table that grows", many, { ...growing, workers: 2 }],
    ["two workers and a table that is large enough", 60_001, { expectedStates: 60_000, workers: 2 }],
  ])("are named by their places: %s", async (_, n, options) => {
    const free = tree(n, null, 7);
    expect(countTrapped(free)).toBe(0);
    expect(await look(free, options)).toMatchObject({ states: n, finding: null, notChecked: [] });
    const trap = tree(n, 9, 8);
    const { finding } = await look(trap, { ...options, minimise: false });
    expect(finding!.message.replaceAll(",", "")).toContain(`from ${countTrapped(trap)} states of ${n} `);
    expect(finding!.steps).toHaveLength(3);
  });
});

describe("traps", () => {
  test("a loop that can be left is none", async () => {
    expect(await look(graph([[1], [0, 2], []]))).toMatchObject({ finding: null, notChecked: [] });
  });

  test("loops that lead back many levels are followed, one through the other", async () => {
    // 0 -> 1 -> ... -> 99; each leads back to the one of half its number, and only 1 leads to the end.
    const n = 100;
    const steps = Array.from({ length: n }, (_, i) => [...(i + 1 < n ? [i + 1] : []), i >> 1]);
    steps[1]!.push(n);
    expect(await look(graph([...steps, []]))).toMatchObject({ states: n + 1, finding: null });
    steps[1]!.pop();
    const endless = await look(graph([...steps, []], { initial: [0, n] }));
    expect(endless.finding!.message).toMatch(/^from 100 states of 101 no end can be reached; a0 goes round at "go"$/);
  });

  test("a back edge that is met too late for a pass is searched by reversed steps", async () => {
    // Levels 0..n; level i leads to level i + 1 and to a state beside it, which leads to the state beside level i - 1; that of level 0 ends.
    const n = 40;
    const steps: number[][] = [];
    for (let i = 0; i <= n; i++) {
      steps[2 * i] = i < n ? [2 * i + 2] : [2 * i + 1];
      steps[2 * i + 1] = i > 0 ? [2 * i - 1] : [];
    }
    expect(await look(graph(steps))).toMatchObject({ states: 2 * n + 2, finding: null });
  });

  test("of a trap the way into it is told, and who goes round where", async () => {
    const { finding } = await look(graph([[1, 4], [2], [3], [2], []]));
    expect(finding).toMatchObject({ kind: "recurring", name: END_STAYS_REACHABLE, minimised: true, steps: [{ actor: 0, choices: [0] }] });
    expect(finding!.message).toBe(`from 3 states of 5 no end can be reached; a0 goes round at "go"`);
  });

  test("where nothing ends, the scenario must say what is meant", async () => {
    const round = graph([[1], [2], [0]]);
    expect((await look(round)).finding).toMatchObject({ kind: "recurring", steps: [], name: END_STAYS_REACHABLE });
    expect((await look(round)).finding!.message).toMatch(/in no reachable state .*recurring.*endless: true/);
    expect((await look(round, { endless: true })).finding).toBeNull();
    expect((await look({ ...round, recurring: [[2]] }, { endless: true })).finding).toBeNull();
    const once = { ...graph([[1], [2], [1]]), recurring: [[0], [2], []] };
    const { finding } = await look(once, { endless: true });
    expect(finding).toMatchObject({ name: "r0", also: [{ kind: "recurring", name: "r2" }], steps: [{}] });
    expect(finding!.message).toMatch(/^from 2 states of 3 "r0" cannot be reached again; a0 goes round/);
  });

  test("a state in which all rest is as good as an end, though somebody can move", async () => {
    const round = graph([[1], [2], [1]], { resting: [false, false, true] });
    expect((await look(round)).finding).toBeNull();
    expect((await look({ ...round, resting: [true, false, false] })).finding!.message).toMatch(/^from 2 states of 3/);
  });

  test("nobody asks unless all states were seen, and the result says so", async () => {
    const trap = graph([[1], [2], [3], [2, 4], []]);
    const unasked = "That an end stays reachable from every state was not checked";
    expect((await look(trap, { maxDepth: 3 })).notChecked.at(-1)).toBe(`${unasked}: the search did not see every state.`);
    expect((await look(trap, { strategy: "dfs" })).notChecked).toEqual([`${unasked}: a depth-first search does not write its steps down.`]);
    expect((await look(trap, { strategy: "random", walks: 3 })).notChecked.at(-1)).toBe(`${unasked}: walks do not cover every state.`);
    expect((await look(trap, { strategy: "dfs", endless: true })).notChecked).toEqual([]);
    const broken = await look({ ...trap, bad: [-1, -1, 0, -1, -1] });
    expect(broken).toMatchObject({ finding: { name: "p0", also: [] } });
    expect(broken.notChecked).toHaveLength(1);
  });

  test("a witness that is missing is named beside", async () => {
    const o = await look({ ...graph([[1], [1]]), shown: [[], [1]] });
    expect(o.finding).toMatchObject({ kind: "recurring", also: [{ kind: "sometimes", name: "w0" }] });
  });
});
