/**
 * Promises about whole runs of random graphs, against all sets of steps that a run can go round in. `THPCHECK_RUNS` gives the number of
 * graphs (the nightly run: 10,000).
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ExploreOptions, Finding } from "../../../../checker/search/explore.ts";
import type { Fairness, LivenessPromise } from "../../../../checker/system.ts";
import { GraphSystem, type Graph } from "../graph-system.ts";
import { run, sourceOf, type Explored } from "../options.ts";
import { NaiveRuns, allSteps, type Met } from "./naive-runs.ts";

const GRAPHS = Number(process.env["THPCHECK_RUNS"] ?? 200);
/** Sets of steps are tried: 2 to the power of so many. */
const STEPS_MAX = 9;

const PROMISES: readonly LivenessPromise[] = [
  { kind: "eventually", name: "e", goal: 0, from: null }, { kind: "leadsTo", name: "l", goal: 0, from: 1 },
  { kind: "alwaysEventually", name: "ae", goal: 0, from: null }, { kind: "eventuallyAlways", name: "ea", goal: 1, from: null },
  { kind: "progress", name: "p", goal: 1, from: null },
];

/** Graphs of up to 6 nodes and three actors, in which a node without steps is an end. */
function graphs(): fc.Arbitrary<Graph> {
  return fc.integer({ min: 1, max: 6 }).chain((nodes) => {
    const node = fc.nat(nodes - 1);
    const one = fc.record({ from: node, to: node, actor: fc.nat(2) });
    return fc.record({
      chosen: fc.array(one, { maxLength: STEPS_MAX }), initial: fc.uniqueArray(node, { minLength: 1, maxLength: 2 }),
      shown: fc.tuple(fc.subarray([...Array(nodes).keys()]), fc.subarray([...Array(nodes).keys()])),
      fairness: fc.array(fc.constantFrom<Fairness>("none", "weak", "strong"), { minLength: 3, maxLength: 3 }),
      words: fc.constantFrom(1, 30),
    }).map(({ chosen, initial, shown, fairness, words }): Graph => {
      const steps = Array.from({ length: nodes }, (_, from) => [0, 1, 2].map((actor) =>
        chosen.filter((s) => s.from === from && s.actor === actor).map(({ to }) => to)));
      const none = steps.map(() => false);
      return {
        actors: 3, initial, steps, bad: steps.map(() => -1), resting: steps.map(() => true), badEnd: none, badSteps: [], shown: [], words,
        live: { promises: PROMISES, shown, fairness },
      };
    });
  });
}

const look = (g: Graph, promise: LivenessPromise, options: Partial<ExploreOptions> = {}): Promise<Explored> => {
  const one: Graph = { ...g, live: { ...g.live!, promises: [promise] } };
  return run(new GraphSystem(one), { liveness: true, ...options }, sourceOf("./graph-system.ts", one));
};

/** The nodes that a finding goes through. */
function nodesOf(g: Graph, { initial, steps }: Finding): number[] {
  const nodes = [g.initial[initial[0] ?? 0]!];
  for (const { actor, choices } of steps) nodes.push(g.steps[nodes.at(-1)!]![actor]![choices[0] ?? 0]!);
  return nodes;
}

/** What the run goes round in. */
function metBy(g: Graph, finding: Finding): Met {
  const nodes = nodesOf(g, finding);
  const nth = (i: number): number => nodes[finding.loop! + i]!;
  const taken = finding.steps.slice(finding.loop).map(({ actor }, i) => ({ from: nth(i), to: nth(i + 1), actor }));
  return { states: new Set(nodes.slice(finding.loop)), steps: taken };
}

async function expectRun(g: Graph, promise: LivenessPromise, options: Partial<ExploreOptions>): Promise<Explored> {
  const naive = new NaiveRuns(g, promise);
  const rounds = naive.rounds();
  const o = await look(g, promise, options);
  expect(o.complete).toBe(true);
  expect(o.finding?.name ?? null).toBe(rounds.length > 0 ? promise.name : null);
  if (o.finding === null) return o;
  const { finding } = o;
  const nodes = nodesOf(g, finding);
  expect(nodes[finding.loop!]).toBe(nodes.at(-1));
  const met = metBy(g, finding);
  expect(naive.isBreaking(met)).toBe(true);
  // The run before the loop is as short as one can be that breaks the promise; less where it is part of the loop.
  const distance = naive.distance(met.states);
  expect(promise.kind === "leadsTo" ? finding.loop! <= distance : finding.loop === distance).toBe(true);
  expect(finding.minimised).toBe(true);
  expect(finding.steps.length - finding.loop!).toBe(naive.shortest(naive.component(rounds, nodes.at(-1)!)));
  return o;
}

describe("random graphs", () => {
  test("a run is found where one breaks the promise, and it is fair, near and short", async () => {
    await fc.assert(fc.asyncProperty(graphs(), async (g) => {
      fc.pre(allSteps(g).length <= STEPS_MAX);
      for (const promise of PROMISES) await expectRun(g, promise, {});
    }), { numRuns: GRAPHS });
  }, 20_000 + GRAPHS * 60);

  test("by whole states, depth first and after another search the run is the same", async () => {
    await fc.assert(fc.asyncProperty(graphs(), fc.constantFrom(...PROMISES), async (g, promise) => {
      const { finding } = await look(g, promise);
      for (const options of [{ exact: true }, { strategy: "dfs" }, { seed: 7 }, { fingerprintBits: 32 }] as const) {
        expect((await look(g, promise, options)).finding).toEqual(finding);
      }
    }), { numRuns: Math.ceil(GRAPHS / 4) });
  }, 20_000 + GRAPHS * 20);

  test("two workers find the same run", async () => {
    await fc.assert(fc.asyncProperty(graphs(), fc.constantFrom(...PROMISES), async (g, promise) => {
      const { finding } = await look(g, promise);
      expect((await look(g, promise, { workers: 2 })).finding).toEqual(finding);
    }), { numRuns: 10 });
  });
});
