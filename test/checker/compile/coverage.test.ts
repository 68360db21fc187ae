/** Block counters: which blocks there are, that they count, and that nothing counts unless it is asked to. */
import { describe, expect, test } from "vitest";
import { recordCoverage } from "../../../checker/program/coverage-log.ts";
import { compileScenario } from "../../../checker/compile/compile.ts";
import { StraightLine } from "../../../checker/compile/straight-line.ts";
import { loadGenerated } from "./load-generated.ts";

const scenario = loadGenerated(`
import { at, bool, emit, holds, int, scenario, struct } from "thpcheck";
const structs = { s: struct({ n: int(0, 9, "n"), flag: bool("flag", { init: true }) }) };
function early(k) {
  if (k.s.flag.get()) return;
  k.s.n.set(1);
}
function loops(k) {
  for (let i = 0; i < 3; i++) {
    if (k.s.flag.get()) continue;
    k.s.n.set(2);
  }
}
function init(k) {
  k.s.n.set(0);
}
function* main(k) {
  yield at("go");
  early(k);
  loops(k);
  emit(k, 7, 1, 2);
  emit(k, 8, 3);
  yield at("end", () => !k.s.flag.get());
  k.s.n.set(3);
}
export default scenario({ name: "coverage", why: "a test", tier: "quick", structs, init, threads: [{ name: "main", run: main }], expect: holds() });
`);

/** How often the block at each line ran. */
function lines(blocks: readonly { readonly site: { readonly line: number }; readonly count: number }[]): Readonly<Record<number, number>> {
  return Object.fromEntries(blocks.map((b) => [b.site.line, b.count]));
}

describe("by default", () => {
  test("nothing is counted", () => expect(compileScenario(scenario).image.blocks).toEqual([]));

  test("a scenario counts where it is asked to: what follows an early return or continue is a block of its own", () => {
    const { system } = compileScenario(scenario, { coverage: true });
    system.init();
    system.step(0);
    expect(lines(system.coverage.counts())).toEqual({ 5: 1, 6: 0, 9: 1, 10: 3, 11: 0, 15: 1, 18: 1, 19: 1, 24: 0 });
  });
});

test("either value of a conditional expression is a block of its own, nested ones too; a guard has none", () => {
  const choosing = loadGenerated(`
import { at, holds, int, scenario, struct } from "thpcheck";
const structs = { s: struct({ n: int(0, 9, "n"), m: int(0, 9, "m") }) };
const low = (n) => n < 5
  ? 1
  : n < 8
    ? 2
    : 3;
function* main(k) {
  yield at("go", () => (k.s.m.get() === 0 ? true : false));
  for (let i = 0; i < 7; i++) k.s.n.set(low(i));
}
export default scenario({ name: "choosing", why: "a test", tier: "quick", structs, threads: [{ name: "main", run: main }], expect: holds() });
`);
  const [plain, counting] = [false, true].map((coverage) => compileScenario(choosing, { coverage }).system);
  for (const system of [plain!, counting!]) {
    system.init();
    system.step(0);
  }
  expect([...counting!.vector]).toEqual([...plain!.vector]);
  expect(lines(counting!.coverage.counts())).toMatchObject({ 5: 5, 6: 2, 7: 2, 8: 0 });
  expect(counting!.coverage.counts().filter((b) => b.site.line === 10)).toHaveLength(1);
});

test("a process that records counts in every program, and keeps the events that it was asked for", () => {
  const log = recordCoverage([7]);
  const { system } = compileScenario(scenario);
  system.init();
  system.step(0);
  expect(() => new StraightLine(scenario).run(0)).toThrow(/would wait forever/);
  const counts = log.blocks().filter((b) => b.site.line === 19).map((b) => b.count);
  expect(counts).toEqual([1, 1]);
  expect(log.announced()).toEqual([{ event: 7, instances: [1, 2], times: 2 }]);
});

test("counters change no step: the same states, whether blocks are counted or not", () => {
  const plain = compileScenario(scenario, { coverage: false }).system;
  const counting = compileScenario(scenario, { coverage: true }).system;
  for (const system of [plain, counting]) {
    system.init();
    system.step(0);
  }
  expect([...counting.vector]).toEqual([...plain.vector]);
});
