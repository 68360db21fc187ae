/**
 * A lowered program does what its JavaScript does: the same steps from the same states, the same words after each, the
 * same choices, the same promises kept or broken; and it traps exactly where JavaScript finds a fault.
 */
import { describe, expect, test } from "vitest";
import { compileScenario } from "../../../checker/compile/compile.ts";
import type { Scenario } from "../../../checker/scenario.ts";
import { forEachInitial, forEachStep } from "../../../checker/search/steps.ts";
import { OP } from "../../../checker/wasm/encode.ts";
import { WasmSteps } from "../../../checker/wasm/wasm-steps.ts";
import barriers from "../../models/barriers.ts";
import increment from "../../models/increment.ts";
import lostUpdate from "../../models/lost-update.ts";
import peterson from "../../models/peterson.ts";
import refcount from "../../models/refcount.ts";
import teaching from "../../models/teaching-concurrency.ts";
import thpResv from "../../models/thp-resv.ts";
import ticketLock from "../../models/ticket-lock.ts";
import edges from "./edges.ts";
import kindsOfValues from "./kinds-of-values.ts";
import lockUses from "./lock-uses.ts";

/** States of each scenario that are compared. */
const STATES = 1500;

const scenarios = [
  edges, kindsOfValues, lockUses, barriers, increment, lostUpdate, peterson, refcount, teaching, thpResv, ticketLock,
].flat() as unknown as Scenario[];

interface Compared {
  readonly states: number;
  readonly steps: number;
  readonly faults: number;
  readonly broken: number;
  readonly unlike: readonly string[];
}
type Result = Compared | { readonly reason: string };


const attempt = (f: () => number): number | "fault" => {
  try {
    return f();
  } catch {
    return "fault";
  }
};

/** Breadth first through the JavaScript program, each step of each state taken by the lowered one as well. */
function compared(scenario: Scenario): Result {
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
  for (let n = 0; n < queue.length && unlike.length === 0; n++) {
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
    const at = byScript.findIndex((s, i) => s !== byWasm[i]);
    const step = at < 0 && byScript.length === byWasm.length ? "" : `, step ${at}: ${byScript[at]} / ${byWasm.at(at)}`;
    if (step !== "" || verdict !== lowered) unlike.push(`${state.join()}: ${verdict} / ${lowered}${step}`);
  }
  return { states: queue.length, steps, faults, broken, unlike };
}

/** Attempts at steps of one state, of which no program here has as many: a lowering that is wrong may find more for ever. */
const STEPS_MAX = 1000;

/** Each step of a state, as `forEachStep` takes them. */
function stepsOf(wasm: WasmSteps, state: Int32Array, actors: number): string[] {
  const found: string[] = [];
  let tried = 0;
  wasm.forgetChoices();
  for (let actor = 0; actor < actors; actor++) {
    for (let more = true; more && tried < STEPS_MAX; tried++) {
      wasm.vector.set(state);
      const taken = attempt(() => wasm.step(actor));
      if (taken !== 0) found.push(`${actor}: ${taken === 1 ? wasm.vector.join() : "fault"}`);
      const next = attempt(() => Number(wasm.nextBranch()));
      if (next === "fault") found.push(`${actor}: no next branch, but a fault`);
      more = next === 1;
    }
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
    expect(refused).toEqual([
      "barrier-6: a model without threads is not lowered",
      "increment-2: a model without threads is not lowered",
    ]);
  });
  test("there were faults and broken promises among them", () => {
    const all = [...results.values()].flatMap((r) => ("reason" in r ? [] : [r]));
    expect([all.some((r) => r.faults > 0), all.some((r) => r.broken > 0)]).toEqual([true, true]);
  });
});

/** One instruction in place of another that takes and gives the same; none by which a thread is nowhere: that never ends. */
const WRONG: readonly (readonly [keyof typeof OP, number])[] = [
  ["add", OP.sub], ["mul", OP.add], ["rem", OP.and], ["or", OP.xor], ["xor", OP.or], ["shl", OP.shr], ["shr", OP.shru],
  ["shru", OP.shl], ["extend32", 0x01], ["load8u", 0x30], ["store8", OP.store16], ["load32u", OP.load32s],
  ["sub", OP.add], ["lt", OP.le], ["le", OP.lt], ["gt", OP.ge], ["ge", OP.gt], ["gtu", OP.lt], ["wrap", 0x50],
];
/** The same of instructions that only values of several kinds, and quotients, need. */
const WRONG_OF_KINDS: readonly (readonly [keyof typeof OP, number])[] = [["div", OP.rem], ["i32And", OP.i32Or]];

const unlikeOf = (scenario: unknown): readonly string[] => {
  const result = compared(scenario as Scenario);
  if ("reason" in result) throw new Error(result.reason);
  return result.unlike;
};

describe("a fault of the lowering is found", () => {
  // Otherwise every fault would count as found.
  test.each([edges, kindsOfValues])("and none where there is none", (scenario) => expect(unlikeOf(scenario)).toEqual([]));
  test.each([...WRONG.map((w) => [...w, edges] as const), ...WRONG_OF_KINDS.map((w) => [...w, kindsOfValues] as const)])(
    "%s", (name, wrong, scenario) => {
      const table = OP as unknown as Record<string, number>;
      const right = table[name]!;
      try {
        table[name] = wrong;
        expect(unlikeOf(scenario)).not.toEqual([]);
      } finally {
        table[name] = right;
      }
    });
});
