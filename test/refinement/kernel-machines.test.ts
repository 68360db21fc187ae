/** Abstractions against the machines that they speak of, and the instances that a step of the kernel can move. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ABSTRACTIONS } from "../../impl/abstraction/index.ts";
import { kernelConfig } from "../../impl/config/options.ts";
import { MACHINES, machineNamed } from "../../spec/alphabet.ts";
import { EV } from "../../spec/events.ts";
import { compileMachine } from "../../spec/table.ts";
import { compileScenario } from "../../checker/compile/compile.ts";
import type { Scenario } from "../../checker/scenario.ts";
import { walkTogether } from "../checker/refinement/walk-both.ts";
import { seeded } from "../checker/compile/seeded.ts";
import models from "../models/lost-update.ts";
import collapseFault from "../scenarios/collapse-fault.ts";
import swap from "../scenarios/swap.ts";
import reservationFaults from "../scenarios/reservation-faults.ts";
import split from "../scenarios/split-fork.ts";
import boundary from "../scenarios/vma-boundary.ts";
import { kernelArrows, kernelMachines, refinementOf, StateNumbers } from "./kernel-machines.ts";

const SMALL = kernelConfig({ pagesPerHugePage: 2, hugeRanges: 2, frames: 8, mms: 2, cpus: 2, refcountMax: 7 });

describe("each abstraction", () => {
  it("is of a machine that has a subject, and each such machine has one", () => {
    expect(ABSTRACTIONS.map((a) => a.machine).sort()).toEqual(MACHINES.filter((m) => m.lacks === undefined).map((m) => m.name).sort());
  });

  it.each(ABSTRACTIONS)("of $machine has the machine's states and context", (a) => {
    const { machine } = machineNamed(a.machine);
    expect([...a.values].sort()).toEqual(Object.keys(machine.root.states).sort());
    const table = compileMachine(machineNamed(a.machine));
    expect(a.context.map((d) => d.name).sort()).toEqual(Object.keys(table.context(table.initial)).sort());
  });

  it.each(ABSTRACTIONS)("of $machine has a number for each state, and a state for each number", (a) => {
    const numbers = new StateNumbers(a, SMALL);
    const states = Array.from({ length: numbers.count }, (_, n) => n);
    expect(states.filter((n) => numbers.number(numbers.value(n), numbers.context(n)) !== n)).toEqual([]);
  });

  it.each(ABSTRACTIONS)("of $machine finds the machine's own initial state where there is none", (a) => {
    const table = compileMachine(machineNamed(a.machine));
    const numbers = new StateNumbers(a, SMALL);
    const initial = numbers.number(table.value(table.initial), table.context(table.initial));
    expect([numbers.value(initial), numbers.context(initial)]).toEqual([table.value(table.initial), table.context(table.initial)]);
    const r = refinementOf(a, SMALL);
    expect(initial).toBeLessThan(r.states);
    expect(r.describe(initial).startsWith(table.value(table.initial))).toBe(true);
  });
});

describe("the machines of a scenario", () => {
  it("are all that have an abstraction for a kernel, and none for anything else", () => {
    expect(kernelMachines(collapseFault[0] as unknown as Scenario).map((r) => r.machine)).toEqual(ABSTRACTIONS.filter((a) => a.when === undefined).map((a) => a.machine));
    const ofAll = ABSTRACTIONS.map((a) => a.machine).filter((name) => name !== "swap-entry");
    expect(kernelMachines(reservationFaults[0] as unknown as Scenario).map((r) => r.machine)).toEqual(ofAll);
    expect(kernelMachines(swap[0] as unknown as Scenario).map((r) => r.machine)).toContain("swap-entry");
    for (const s of [models].flat()) expect(kernelMachines(s as unknown as Scenario)).toEqual([]);
  });

  it("know only events that there are", () => {
    const known = new Set<number>(Object.values(EV));
    for (const r of kernelMachines(collapseFault[0] as unknown as Scenario)) expect(r.events.every((e) => known.has(e.event) && e.payloads > 0)).toBe(true);
  });

  it("have arrows with different names", () => {
    for (const { arrows } of kernelArrows()) expect(new Set(arrows.map((a) => a.name)).size).toBe(arrows.length);
  });
});

describe("the instances that are looked at after a step", () => {
  const scenarios = [...collapseFault, ...boundary, ...split].filter((s) => ["collapse-fault-failures", "khugepaged-fault", "mprotect-half", "split-fork"].includes(s.name)) as unknown as Scenario[];
  it.each(scenarios)("are enough: random walks of $name refine, and looking at all instances says the same", (s) => {
    // Without its other promises, which take time to compile and are not the question.
    const held = { ...s, always: {}, sometimes: {}, refine: kernelMachines(s) };
    const systems = [compileScenario(held).system, compileScenario(held, { refineAll: true }).system] as const;
    fc.assert(fc.property(fc.infiniteStream(fc.nat(1000)), (choices) => {
      const { few, all } = walkTogether(systems, choices, 200);
      expect(few).toEqual(all);
      expect(all.every((v) => v === -1)).toBe(true);
    }), seeded(10));
  });
});
