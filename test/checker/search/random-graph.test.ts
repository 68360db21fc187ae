import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ExploreOptions } from "../../../checker/search/explore.ts";
import type { Graph } from "./graph-system.ts";
import { FAULT, instantiate, naiveSearch } from "./graph-system.ts";
import { run, sourceOf, TIMELESS, type Explored } from "./options.ts";

/** Graphs of up to 24 nodes and 3 actors; `broken` ones have violations of every kind. */
function graphs(broken: boolean): fc.Arbitrary<Graph> {
  return fc.integer({ min: 1, max: 24 }).chain((nodes) => {
    const node = fc.nat(nodes - 1);
    const rarely = (odds: number) => (broken ? fc.nat(odds).map((n) => n === 0) : fc.constant(false));
    const target = fc.tuple(node, rarely(40)).map(([n, fault]) => (fault ? FAULT : n));
    return fc.integer({ min: 1, max: 3 }).chain((actors) => fc.record({
      actors: fc.constant(actors),
      initial: fc.array(node, { minLength: 1, maxLength: 3 }),
      steps: fc.array(fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 3, arbitrary: fc.array(target, { minLength: 1, maxLength: 3 }) }), { minLength: actors, maxLength: actors }), { minLength: nodes, maxLength: nodes }),
      bad: fc.array(fc.tuple(rarely(30), fc.nat(1)).map(([bad, p]) => (bad ? p : -1)), { minLength: nodes, maxLength: nodes }),
      alsoBad: fc.array(rarely(30), { minLength: nodes, maxLength: nodes }),
      resting: fc.array(broken ? fc.nat(4).map((n) => n > 0) : fc.constant(true), { minLength: nodes, maxLength: nodes }),
      badEnd: fc.array(rarely(4), { minLength: nodes, maxLength: nodes }),
      badSteps: broken ? fc.array(fc.tuple(node, node), { maxLength: 2 }) : fc.constant([]),
      shown: broken ? fc.constant([]) : fc.array(fc.array(node, { maxLength: 2 }), { maxLength: 2 }),
      words: fc.constantFrom(1, 2, 5),
    }));
  });
}

const reachable = (graph: Graph): ReadonlySet<number> => {
  const seen = new Set(graph.initial);
  for (const node of seen) for (const target of graph.steps[node]!.flat()) seen.add(target);
  return seen;
};

async function expectSameSpace(graph: Graph, options: Partial<ExploreOptions>): Promise<Explored> {
  const naive = naiveSearch(graph, false);
  const o = await run(instantiate(graph), options, sourceOf("./graph-system.ts", graph));
  expect(o).toMatchObject({ complete: true, states: naive.states, transitions: naive.transitions, terminals: naive.terminals });
  if (options.strategy !== "dfs") expect(o.levels).toEqual(naive.levels);
  const nodes = reachable(graph);
  const shown = graph.shown.map((w) => w.some((n) => nodes.has(n)));
  expect(o.witnessesReached).toEqual(shown);
  expect(o.finding?.name ?? null).toBe(shown.includes(false) ? `w${shown.indexOf(false)}` : null);
  return o;
}

async function expectSameViolation(graph: Graph, options: Partial<ExploreOptions>): Promise<Explored> {
  const naive = naiveSearch(graph, true);
  const o = await run(instantiate(graph), options, sourceOf("./graph-system.ts", graph));
  const { violation } = naive;
  if (violation === null) expect(o).toMatchObject({ complete: true, finding: null, states: naive.states });
  else {
    expect(o.complete).toBe(false);
    expect(o.finding).toMatchObject({ kind: violation.kind, name: violation.name, minimised: true, ...violation.path });
    expect(o).toMatchObject({ states: naive.states, transitions: naive.transitions, levels: naive.levels });
    const all = naive.broken.map(({ kind, name }) => ({ kind, name }));
    for (const [i, { kind, name, path }] of naive.broken.entries()) {
      const { finding } = await run(instantiate(graph), { ...options, wanted: name }, sourceOf("./graph-system.ts", graph));
      expect(finding).toMatchObject({ kind, name, minimised: true, ...path, also: all.filter((_, n) => n !== i) });
    }
  }
  return o;
}

/** A search that goes on sees what there is, and of each promise that breaks anywhere a nearest violation by its best trace. */
async function expectAllViolations(graph: Graph, options: Partial<ExploreOptions>): Promise<void> {
  const naive = naiveSearch(graph, false);
  const o = await run(instantiate(graph), { ...options, goOn: true }, sourceOf("./graph-system.ts", graph));
  expect(o).toMatchObject({ states: naive.states, transitions: naive.transitions, levels: naive.levels, terminals: naive.terminals });
  expect(o).toMatchObject({ complete: naive.broken.length === 0, stopReason: null });
  const found = [o.finding, ...o.further].filter((f) => f !== null);
  expect(found.map((f) => ({ kind: f.kind, name: f.name, path: { initial: f.initial, steps: f.steps } }))).toEqual(naive.broken);
  expect(o.finding?.also ?? []).toEqual(naive.broken.slice(1).map(({ kind, name }) => ({ kind, name })));
}

describe("random graphs", () => {
  test("every way of searching sees what a naive search sees", async () => {
    await fc.assert(fc.asyncProperty(graphs(false), async (graph) => {
      await expectSameSpace(graph, {});
      await expectSameSpace(graph, { exact: true });
      await expectSameSpace(graph, { strategy: "dfs" });
      await expectSameSpace(graph, { strategy: "dfs", maxDepth: 100 });
    }), { numRuns: 300 });
  });

  test("the violation reported is the nearest, by its best trace", async () => {
    await fc.assert(fc.asyncProperty(graphs(true), async (graph) => {
      await expectSameViolation(graph, {});
      await expectSameViolation(graph, { exact: true, seed: 5 });
    }), { numRuns: 600 });
  });

  test("a search that goes on past violations finds all that breaks, each by its best trace", async () => {
    await fc.assert(fc.asyncProperty(graphs(true), async (graph) => {
      await expectAllViolations(graph, {});
      await expectAllViolations(graph, { exact: true, seed: 5 });
    }), { numRuns: 400 });
    await fc.assert(fc.asyncProperty(graphs(true), (graph) => expectAllViolations(graph, { workers: 2 })), { numRuns: 8 });
  });

  test("two and three workers agree with the naive search", async () => {
    await fc.assert(fc.asyncProperty(graphs(false), graphs(true), fc.constantFrom(2, 3), async (sound, broken, workers) => {
      await expectSameSpace(sound, { workers });
      await expectSameViolation(broken, { workers });
    }), { numRuns: 12 });
  });

  test("depth-first search finds a violation if and only if there is one, and its trace is minimised", async () => {
    await fc.assert(fc.asyncProperty(graphs(true), async (graph) => {
      const naive = naiveSearch(graph, true);
      const o = await run(instantiate(graph), { strategy: "dfs" });
      expect(o.finding === null).toBe(naive.violation === null);
      if (o.finding === null || o.finding.name !== naive.violation!.name || o.finding.steps.length !== naive.violation!.path.steps.length) return;
      expect(o.finding).toMatchObject(naive.violation!.path);
    }), { numRuns: 300 });
  });

  test("a depth bound cuts breadth-first and depth-first search off at the same states", async () => {
    await fc.assert(fc.asyncProperty(graphs(false), fc.integer({ min: 1, max: 8 }), async (graph, maxDepth) => {
      const bfs = await run(instantiate(graph), { maxDepth });
      const dfs = await run(instantiate(graph), { strategy: "dfs", maxDepth });
      expect(dfs).toMatchObject({ states: bfs.states, transitions: bfs.transitions, terminals: bfs.terminals, complete: bfs.complete });
      const { levels } = naiveSearch(graph, false);
      expect(bfs.complete).toBe(levels.length < maxDepth);
      expect(bfs.states).toBe(levels.slice(0, maxDepth).reduce((sum, n) => sum + n, 0));
    }), { numRuns: 300 });
  });

  test("a random walk reports only real violations, the same for the same seed", async () => {
    await fc.assert(fc.asyncProperty(graphs(true), fc.nat(), async (graph, seed) => {
      const options = { strategy: "random", seed, walks: 20, maxDepth: 30 } as const;
      const o = await run(instantiate(graph), options);
      expect(o.complete).toBe(false);
      const naive = naiveSearch(graph, true);
      if (o.finding !== null) expect(naive.violation).not.toBeNull();
      const again = await run(instantiate(graph), options);
      expect({ ...again, ...TIMELESS }).toEqual({ ...o, ...TIMELESS });
    }), { numRuns: 150 });
  });
});
