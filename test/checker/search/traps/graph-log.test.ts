/** What a worker writes down of the graph comes back as it was. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { BLOCK_WORDS, GraphLog, wordAt } from "../../../../checker/search/traps/graph-log.ts";

test("steps come back with the states that they start from, across blocks, and in chunks of any order", () => {
  const chunk = fc.tuple(fc.nat(400_000_000), fc.array(fc.tuple(fc.nat(3), fc.nat(300)), { minLength: 1, maxLength: 30 }));
  fc.assert(fc.property(fc.array(chunk, { maxLength: 20 }), (chunks) => {
    const log = new GraphLog(2);
    const steps: number[] = [];
    for (const [first, rows] of chunks) {
      let from = first;
      for (const [gap, n] of rows) {
        from += gap;
        for (let i = 0; i < n; i++) {
          log.known(from, steps.length, -from);
          steps.push(from);
        }
      }
    }
    log.reached(1, 7);
    const graph = log.finish()!;
    const back: number[] = [];
    GraphLog.sourcesOf(graph, (id, n) => { for (let i = 0; i < n; i++) back.push(id); });
    expect(back).toEqual(steps);
    expect(graph.targets.length).toBe(2 * steps.length);
    for (const i of [0, steps.length >> 1, steps.length - 1].filter((n) => n >= 0 && n < steps.length)) {
      expect([wordAt(graph.targets, 2 * i), wordAt(graph.targets, 2 * i + 1)]).toEqual([i, -steps[i]! | 0]);
    }
    expect(graph.goals.map((g) => g.length)).toEqual([0, 1]);
  }), { numRuns: 60 });
});

test("a state takes 8 bytes, a step 8, and whose steps they are two bytes at most", () => {
  const log = new GraphLog(0);
  for (let id = 0; id < BLOCK_WORDS; id++) {
    log.discovered(id + 1, 1);
    log.known(id, 1, 1);
  }
  const { prints, targets, sources } = log.finish()!;
  expect([prints.length, targets.length]).toEqual([2 * BLOCK_WORDS, 2 * BLOCK_WORDS]);
  expect(sources.length).toBeLessThanOrEqual(2 * BLOCK_WORDS + 4);
});

test("a log that was dropped has nothing, and takes nothing more", () => {
  const log = new GraphLog(1);
  log.discovered(1, 2);
  log.drop();
  log.known(1, 2, 3);
  log.discovered(1, 2);
  log.reached(0, 1);
  expect(log.finish()).toBeNull();
  expect(log.bytes).toBe(0);
});
