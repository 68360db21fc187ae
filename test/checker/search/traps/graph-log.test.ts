/** What a worker writes down of the graph comes back as it was. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { BLOCK, GraphLog, entryAt, forEachRun, forEachStepOf, type LoggedGraph } from "../../../../checker/search/traps/graph-log.ts";

function stepsOf(graph: LoggedGraph, level: number): [from: number, place: number][] {
  const back: [number, number][] = [];
  forEachRun(graph, level, (run) => forEachStepOf(run, graph.jumps, (from, target) => back.push([from, target])));
  return back;
}

test("the steps of each level come back with the states that they are from, near ones and far ones", () => {
  const step = fc.tuple(fc.oneof(fc.nat(3), fc.nat(300), fc.constantFrom(254, 255, 256), fc.nat(4_000_000)), fc.nat());
  fc.assert(fc.property(fc.array(fc.array(step, { maxLength: 40 }), { minLength: 1, maxLength: 8 }), (levels) => {
    const log = new GraphLog(2);
    const written: [number, number][][] = [];
    let from = 0;
    for (const [level, steps] of levels.entries()) {
      written.push([]);
      for (const [gap, place] of steps) {
        from += gap;
        log.known(from, place);
        written[level]!.push([from, place]);
      }
      log.endLevel(level);
    }
    log.reached(1, 7);
    const graph = log.finish()!;
    for (const [level, steps] of written.entries()) expect(stepsOf(graph, level)).toEqual(steps);
    expect(graph.goals.map((g) => g.length)).toEqual([0, 1]);
  }), { numRuns: 60 });
});

test("blocks follow one another", () => {
  const log = new GraphLog(0);
  const places = Int32Array.from({ length: 100 }, (_, i) => i);
  for (let i = 0; i <= BLOCK / 100; i++) log.discovered(places, 100);
  for (let i = 0; i < 3 * BLOCK; i++) log.known(Math.floor(i / 2), i);
  log.endLevel(0);
  const graph = log.finish()!;
  expect([graph.places.length, entryAt(graph.places, BLOCK + 1)]).toEqual([100 * (Math.floor(BLOCK / 100) + 1), (BLOCK + 1) % 100]);
  expect(stepsOf(graph, 0)).toEqual(Array.from({ length: 3 * BLOCK }, (_, i) => [Math.floor(i / 2), i]));
});

test("a worker that joins late has no steps of the levels before", () => {
  const log = new GraphLog(0);
  log.endLevel(4);
  log.known(1000, 5);
  log.endLevel(5);
  const graph = log.finish()!;
  expect([0, 4, 5].map((level) => stepsOf(graph, level))).toEqual([[], [], [[1000, 5]]]);
});

test("growths are marked once each, by what was there before", () => {
  const log = new GraphLog(0);
  log.grew(2);
  log.discovered(Int32Array.of(8, 9), 2);
  log.known(3, 1);
  log.grew(2);
  log.grew(3);
  expect(log.finish()!.growths).toMatchObject([{ places: 0, steps: 0 }, { places: 0, steps: 0 }, { places: 2, steps: 1 }]);
});

test("a state takes 4 bytes, a step 5", () => {
  const log = new GraphLog(0);
  for (let id = 0; id < BLOCK; id++) {
    log.discovered(Int32Array.of(id + 1), 1);
    log.known(id, 1);
  }
  const graph = log.finish()!;
  expect(GraphLog.buffers(graph).reduce((sum, buffer) => sum + buffer.byteLength, 0)).toBe(9 * BLOCK);
  expect(graph.jumps.length).toBe(0);
});

test("a log that was dropped has nothing, and takes nothing more", () => {
  const log = new GraphLog(1);
  log.discovered(Int32Array.of(1), 1);
  log.known(1, 2);
  log.drop();
  for (let i = 0; i < 2 * BLOCK; i++) log.known(1000 * i, 2);
  log.discovered(Int32Array.of(1), 1);
  log.reached(0, 1);
  log.endLevel(3);
  log.grew(1);
  expect(log.finish()).toBeNull();
  expect(log.bytes).toBe(0);
});
