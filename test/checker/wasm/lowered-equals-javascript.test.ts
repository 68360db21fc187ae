/**
 * A lowered program does what its JavaScript does: the same steps from the same states, the same words after each, the
 * same choices, the same promises kept or broken; and it traps exactly where JavaScript finds a fault.
 */
import { describe, expect, test } from "vitest";
import { compileScenario } from "../../../checker/compile/compile.ts";
import type { Scenario } from "../../../checker/scenario.ts";
import { forEachInitial, forEachStep } from "../../../checker/search/steps.ts";
import { WasmSteps } from "../../../checker/wasm/wasm-steps.ts";
import barriers from "../../models/barriers.ts";
import increment from "../../models/increment.ts";
import lostUpdate from "../../models/lost-update.ts";
import peterson from "../../models/peterson.ts";
import refcount from "../../models/refcount.ts";
import teaching from "../../models/teaching-concurrency.ts";
import thpResv from "../../models/thp-resv.ts";
import ticketLock from "../../models/ticket-lock.ts";

/** States of each scenario that are compared. */
const STATES = 1500;

const scenarios = [barriers, increment, lostUpdate, peterson, refcount, teaching, thpResv, ticketLock].flat() as unknown as Scenario[];

interface Compared { readonly states: number; readonly steps: number; readonly faults: number; readonly broken: number; readonly unlike: readonly string[] }

const attempt = (f: () => number): number | "fault" => {
  try {
    return f();
  } catch {
    return "fault";
  }
};

/** Breadth first through the JavaScript program, each step of each state taken by the lowered one as well. */
function compared(scenario: Scenario): Compared | { readonly reason: string } {
  const { system, image } = compileScenario(scenario, { sourceMap: false });
  const wasm = WasmSteps.of(image);
  if ("reason" in wasm) return wasm;
  const queue: Int32Array[] = [];
  const seen = new Set<string>();
  const unlike: string[] = [];
  let steps = 0, faults = 0, broken = 0;
  const add = (): void => {
    const words = system.vector.slice(0, system.stateWords);
    if (seen.size < STATES && !seen.has(words.join())) { seen.add(words.join()); queue.push(words); }
  };
  forEachInitial(system, (_, fault) => { if (fault === null) add(); });
  for (let n = 0; n < queue.length; n++) {
    const state = queue[n]!;
    const byWasm = stepsOf(wasm, state, system.actors.length);
    const byScript: string[] = [];
    forEachStep(system, state, 0, (actor, _, fault) => {
      byScript.push(`${actor}: ${fault === null ? system.vector.join() : "fault"}`);
      if (fault === null) add();
      else faults++;
    });
    steps += byScript.length;
    system.vector.set(state);
    wasm.vector.set(system.vector);
    const verdict = `${attempt(system.checkState)} ${attempt(system.checkEnd)}`;
    if (verdict !== "-1 -1") broken++;
    const lowered = `${attempt(() => wasm.checkState())} ${attempt(() => wasm.checkEnd())}`;
    if (byWasm.join("\n") !== byScript.join("\n") || verdict !== lowered) unlike.push(`${state.join()}: ${verdict} / ${lowered}`);
  }
  return { states: queue.length, steps, faults, broken, unlike };
}

/** Each step of a state, as `forEachStep` takes them. */
function stepsOf(wasm: WasmSteps, state: Int32Array, actors: number): string[] {
  const found: string[] = [];
  wasm.forgetChoices();
  for (let actor = 0; actor < actors; actor++) {
    do {
      wasm.vector.set(state);
      const taken = attempt(() => wasm.step(actor));
      if (taken !== 0) found.push(`${actor}: ${taken === 1 ? wasm.vector.join() : "fault"}`);
    } while (wasm.nextBranch());
  }
  return found;
}

describe("published models", () => {
  const results = new Map(scenarios.map((s) => [s.name, compared(s)]));
  test.each([...results])("%s: lowered as JavaScript, or a reason", (_, result) => {
    expect("reason" in result ? [] : result.unlike).toEqual([]);
  });
  test("what is not lowered, and why", () => {
    const refused = [...results].flatMap(([name, r]) => ("reason" in r ? [`${name}: ${r.reason}`] : []));
    expect(refused).toEqual([]);
  });
  test("there were faults and broken promises among them", () => {
    const all = [...results.values()].filter((r) => !("reason" in r));
    expect([all.length, all.some((r) => r.faults > 0), all.some((r) => r.broken > 0)]).toEqual([40, true, true]);
  });
});
