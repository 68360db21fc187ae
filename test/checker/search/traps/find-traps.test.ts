/**
 * The search backwards, against a naive one: on random graphs, numbered and placed as a breadth-first search by some workers might
 * have it, and on every way that its limits let it take.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { findTraps, type Limits } from "../../../../checker/search/traps/find-traps.ts";
import { GraphLog } from "../../../../checker/search/traps/graph-log.ts";
import { Ranks } from "../../../../checker/search/traps/ranks.ts";
import type { StateGraph } from "../../../../checker/search/traps/state-graph.ts";

interface Drawn {
  /** Of each node, where its steps lead. */
  readonly steps: readonly (readonly number[])[];
  readonly goals: readonly (readonly number[])[];
  readonly workers: number;
}

interface Searched {
  readonly graph: StateGraph;
  /** The nodes, by number. */
  readonly order: readonly number[];
}

/** Searches from node 0. `random(n)` is a number below n: it says who expands what, and where in the visited set a node is. */
function search({ steps, goals, workers }: Drawn, random: (below: number) => number): Searched {
  const slots = 64 * Math.ceil((2 * steps.length) / 64);
  const free = Array.from({ length: slots }, (_, i) => i);
  const placeOf = steps.map(() => free.splice(random(free.length), 1)[0]!);
  const logs = Array.from({ length: workers }, () => new GraphLog(goals.length));
  const links: number[][] = logs.map(() => []);
  const order: number[] = [];
  const levels: number[][] = [];
  const number = new Map<number, number>();
  const discovered = (level: readonly (readonly number[])[]): void => {
    levels.push(level.map((part) => part.length));
    for (const [w, part] of level.entries()) {
      for (const node of part) {
        number.set(node, order.length);
        order.push(node);
        logs[w]!.discovered(Int32Array.of(placeOf[node]!), 1);
      }
    }
  };
  let level: number[][] = logs.map((_, w) => (w === 0 ? [0] : []));
  links[0]!.push(-1, 0);
  const seen = new Set([0]);
  while (level.some((part) => part.length > 0)) {
    discovered(level);
    const next: number[][] = logs.map(() => []);
    for (const node of level.flat()) {
      const w = random(workers);
      const from = number.get(node)!;
      for (const [ordinal, to] of steps[node]!.entries()) {
        if (seen.has(to)) logs[w]!.known(from, placeOf[to]!);
        else {
          seen.add(to);
          next[w]!.push(to);
          links[w]!.push(from, ordinal);
        }
      }
      for (const [g, nodes] of goals.entries()) if (nodes.includes(node)) logs[w]!.reached(g, from);
    }
    for (const log of logs) log.endLevel(levels.length - 1);
    level = next;
  }
  return {
    graph: {
      levels, links: links.map((l) => Int32Array.from(l)), logs: logs.map((l) => l.finish()!), space: { slots, growths: 0, moves: null },
    },
    order,
  };
}

/** The nodes that node 0 leads to and from which no way leads to a goal. */
function naiveTraps({ steps }: Drawn, goals: readonly number[]): Set<number> {
  const closure = (from: readonly number[]): Set<number> => {
    const reached = new Set(from);
    for (const node of reached) for (const to of steps[node]!) reached.add(to);
    return reached;
  };
  return new Set([...closure([0])].filter((node) => !goals.some((goal) => closure([node]).has(goal))));
}

/** Mostly steps to a few nodes further or back, so that there are many levels. */
const drawn: fc.Arbitrary<Drawn> = fc.integer({ min: 1, max: 60 }).chain((nodes) => {
  const near = fc.integer({ min: -6, max: 4 });
  const step = fc.oneof({ weight: 5, arbitrary: near }, { weight: 1, arbitrary: fc.integer({ min: -60, max: 60 }) });
  return fc.record({
    steps: fc.array(fc.array(step, { maxLength: 3 }), { minLength: nodes, maxLength: nodes })
      .map((all) => all.map((gaps, i) => [...gaps, 1].map((gap) => Math.min(nodes - 1, Math.max(0, i + gap))))),
    goals: fc.array(fc.array(fc.nat(nodes - 1), { maxLength: 4 }), { minLength: 1, maxLength: 2 }),
    workers: fc.integer({ min: 1, max: 3 }),
  });
});

const ways: readonly [string, Limits][] = [
  ["as it is", { worthASweep: 1 / 4, fewSteps: 1000, noted: 1 }],
  ["open steps swept to the end", { worthASweep: 0, fewSteps: 0, noted: 10 }],
  ["open steps searched backwards", { worthASweep: 2, fewSteps: 0, noted: 10 }],
  ["all steps swept to the end", { worthASweep: 0, fewSteps: 0, noted: 0 }],
  ["all steps searched backwards", { worthASweep: 2, fewSteps: 0, noted: 0 }],
];

test.each(ways)("random graphs: %s", (_, limits) => {
  fc.assert(fc.property(drawn, fc.infiniteStream(fc.nat()), (d, stream) => {
    const { graph, order } = search(d, (below) => stream.next().value! % below);
    for (const [g, traps] of findTraps(graph, limits).entries()) {
      const naive = naiveTraps(d, d.goals[g]!);
      const first = order.findIndex((node) => naive.has(node));
      if (first < 0) {
        expect(traps).toBeNull();
        continue;
      }
      let end = 0;
      const level = graph.levels.find((counts) => (end += counts.reduce((sum, n) => sum + n, 0)) > first)!;
      const begin = end - level.reduce((sum, n) => sum + n, 0);
      const nearest = order.slice(begin, end).filter((node) => naive.has(node));
      expect(traps).toMatchObject({ states: naive.size, goals: order.filter((node) => d.goals[g]!.includes(node)).length });
      expect(traps!.nearest.map((id) => order[id])).toEqual(nearest);
    }
  }), { numRuns: 300 });
});

test("places are numbered in their order", () => {
  fc.assert(fc.property(fc.uniqueArray(fc.nat(199)), (places) => {
    const ranks = new Ranks(200);
    for (const place of places) ranks.add(place);
    ranks.count();
    const sorted = places.toSorted((a, b) => a - b);
    for (let place = 0; place < 200; place++) expect(ranks.has(place)).toBe(places.includes(place));
    expect(sorted.map((place) => ranks.of(place))).toEqual(sorted.map((_, i) => i));
  }));
});
