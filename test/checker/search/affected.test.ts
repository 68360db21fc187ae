/**
 * Checking only what a step can have changed finds what checking everything finds: at states of random walks, and at
 * states next to them with random bits of fields flipped, which break promises in ways that no program does.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CompiledSystem } from "../../../checker/image/compiled-system.ts";
import { bitsOf } from "../../../checker/compile/reads.ts";
import { compileScenario } from "../../../checker/compile/compile.ts";
import type { Scenario } from "../../../checker/scenario.ts";
import { forEachInitial, forEachStep } from "../../../checker/search/steps.ts";
import type { TransitionSystem } from "../../../checker/system.ts";
import lostUpdate from "../../models/lost-update.ts";
import refcount from "../../models/refcount.ts";
import thpResv from "../../models/thp-resv.ts";
import collapseFault from "../../scenarios/collapse-fault.ts";
import splitFork from "../../scenarios/split-fork.ts";
import { run, TIMELESS } from "./options.ts";

const STEPS = 60;

/** The index that `check` gives, or the sentence that a property throws. */
function outcome(check: () => number): number | string {
  try {
    return check();
  } catch (e) {
    return String(e);
  }
}

/** Everything, and what may differ from `before`, of the state in `vector`; excuses as bits. */
function bothWays(system: TransitionSystem, before: Int32Array): { full: readonly (number | string)[]; affected: readonly (number | string)[]; size: number } {
  const { affected: properties, before: kept, changes } = system.incremental!;
  const excuses = system.excuses ?? null;
  const set = new Int32Array(properties.words);
  const after = system.vector.slice();
  system.vector.set(before);
  const excusesBefore = excuses === null ? 0 : excuses.evaluate();
  system.vector.set(after);
  kept.set(before);
  changes.find();
  properties.mark(set, 0);
  const size = system.always.filter((_, p) => ((set[p >> 5]! >>> (p & 31)) & 1) === 1).length;
  return {
    full: [outcome(() => system.checkState()), excuses === null ? 0 : outcome(() => excuses.evaluate())],
    affected: [outcome(() => properties.check(set, 0)), outcome(() => properties.excused(set, 0, excusesBefore))], size,
  };
}

/** The bits that fields take; no store reaches the padding between them. */
function fieldBits({ image: { plan } }: CompiledSystem): { readonly word: number; readonly bit: number }[] {
  return plan.fields.filter((f) => f.role === "state" && (f.bits > 0 || f.lockBase >= 0)).flatMap((f) =>
    Array.from({ length: f.count }, (_, i) => i).flatMap((i) => Array.from({ length: f.length ?? 1 }, (_, j) => j).flatMap((j) =>
      bitsOf(f, i, j, plan.maskBytes).flatMap(({ word, mask }) => Array.from({ length: 32 }, (_, bit) => ({ word, bit })).filter(({ bit }) => (mask & (1 << bit)) !== 0)))));
}

const scenarios = [...thpResv, ...collapseFault, ...splitFork] as unknown as Scenario[];
const named = (name: string): Scenario => scenarios.find((s) => s.name === name)!;

describe("properties that a step can have changed", () => {
  test.each(["thp-resv-m", "collapse-fault-failures", "split-cow"])("of %s: nothing that is broken is left out", (name) => {
    const { system } = compileScenario(named(name), { refine: false });
    const initial = new Int32Array(system.vector.length);
    forEachInitial(system, (index) => {
      if (index === 0) initial.set(system.vector);
    });
    const bits = fieldBits(system);
    let checked = 0;
    let skipped = 0;
    fc.assert(fc.property(fc.array(fc.nat(), { minLength: STEPS, maxLength: STEPS }), fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), (choices, flips) => {
      let state: Int32Array = initial;
      for (const choice of choices) {
        const successors: Int32Array[] = [];
        forEachStep(system, state, 0, () => successors.push(system.vector.slice()));
        if (successors.length === 0) break;
        const next = successors[choice % successors.length]!;
        system.vector.set(next);
        const { full, affected, size } = bothWays(system, state);
        expect(affected).toEqual(full);
        checked++;
        skipped += system.always.length - size;
        for (const flip of flips) {
          const { word, bit } = bits[flip % bits.length]!;
          system.vector[word]! ^= 1 << bit;
        }
        const flipped = bothWays(system, next);
        expect(flipped.affected).toEqual(flipped.full);
        state = next;
      }
    }), { numRuns: 40 });
    // Otherwise there would be nothing to test.
    expect(skipped / checked / system.always.length).toBeGreaterThan(0.3);
  });

  test.each([...lostUpdate, ...refcount, ...thpResv].filter((s) => s.expect.verdict === "violated").map((s) => [s.name, s as unknown as Scenario] as const))("a search of %s that checks only those finds the same", async (_, s) => {
    const everything: TransitionSystem = Object.defineProperty(compileScenario(s).system, "incremental", { value: undefined });
    const [own, full] = [await run(compileScenario(s).system, {}), await run(everything, {})];
    expect({ ...own, ...TIMELESS }).toEqual({ ...full, ...TIMELESS });
    expect(own.finding).not.toBeNull();
  });
});
