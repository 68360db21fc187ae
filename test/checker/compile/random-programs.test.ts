/** The generator of the oracle tests, held to its purpose: its programs run, go on for a while, and use every form. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NativeRun, runAlone, WaitsForever } from "../../../checker/compile/native.ts";
import { StepFault } from "../../../checker/fault.ts";
import { loadGenerated } from "./load-generated.ts";
import { randomPrograms, schedules, type ScheduleEntry } from "./random-programs.ts";

const SAMPLE = { numRuns: 250, seed: 2024 };

/** Runs natively until nothing moves, something goes wrong, or 60 steps are done. */
function play(text: string,
  schedule: readonly ScheduleEntry[]): { steps: number; end: "ended" | "stuck" | "running" | "fault"; fault: string | null } {
  let steps = 0;
  try {
    const run = new NativeRun(loadGenerated(text));
    for (; steps < 60; steps++) {
      const movable = run.actors.map((_, a) => a).filter((a) => run.enabled(a));
      if (movable.length === 0) return { steps, end: run.actors.every((_, a) => run.done(a)) ? "ended" : "stuck", fault: null };
      const entry = schedule[steps % schedule.length]!;
      let next = 0;
      run.step(movable[entry.actor % movable.length]!, (_, n) => (entry.answers[next++] ?? 0) % n);
    }
    return { steps, end: "running", fault: null };
  } catch (e) {
    if (e instanceof StepFault) return { steps, end: "fault", fault: `${e.rule}: ${e.message}` };
    throw e;
  }
}

describe("random programs", () => {
  const sample = fc.sample(fc.tuple(randomPrograms(), schedules), SAMPLE);
  const outcomes = sample.map(([program, schedule]) => play(program.text, schedule));
  const share = (holds: (o: (typeof outcomes)[number]) => boolean): number => outcomes.filter(holds).length / outcomes.length;

  test("most run for more than 10 steps, and they end in every way that a program can", () => {
    expect(share((o) => o.steps > 10)).toBeGreaterThan(0.6);
    expect(share((o) => o.end === "ended")).toBeGreaterThan(0.3);
    expect(share((o) => o.end === "stuck")).toBeGreaterThan(0.01);
    expect(share((o) => o.end === "fault")).toBeGreaterThan(0.005);
  });

  test("they go wrong only on purpose: by a store or index out of range, or an assertion", () => {
    expect(outcomes.map((o) => o.fault).filter((f) => f !== null && !/^(range|assertion): /.test(f))).toEqual([]);
  });

  test.each([
    "yield", "guarded yield", "idle yield",
    "call statement", "const of a call", "let of a call", "assignment of a call", "return of a call", "call in a loop",
    "const", "let", "let without a value", "assignment", "assignment in an expression", "++ in an expression", "logical assignment",
      "shadowing", "declaration in a loop",
    ...Array.from({ length: 11 }, (_, i) => `compound ${i}`),
    "if", "if-else", "switch", "switch default", "fallthrough", "block", "labelled block",
    "for", "while", "do-while", "for without a test", "while true", "for const", "for with two variables", "for downwards",
      "for with an outer variable", "labelled loop",
    "break", "continue", "labelled break", "labelled continue", "early return", "return of a value",
    "short circuit", "conditional", "helper call", "helper statement", "choose", "current", "once", "cmpxchg", "xchg", "addReturn",
      "addUnless", "isHeld",
    "int set", "int setOnce", "int add", "bool set", "ref set", "bitset set", "bitset insert", "bitset remove", "bitset has", "bitset size",
      "statistic", "ghost",
    "spinLock", "mutexLock", "downRead", "downWrite", "downgradeWrite", "spinTrylock", "mutexTrylock", "downReadTrylock",
      "downWriteTrylock", "LockId",
    "record", "record of a routine", "record of a helper", "record in a loop", "1 record passed", "2 records passed", "return of a record",
      "return of a fresh record",
    "plain record", "plain 1 record passed", "plain return of a record", "plain return of a fresh record",
    "bugOn", "store out of range", "index out of range",
    "plain if", "plain switch", "plain while", "plain for", "plain break", "plain early return", "plain choose", "plain shadowing",
      "plain spinTrylock",
  ])("the form %s occurs", (form) => {
    expect(sample.filter(([program]) => program.forms.has(form)).length).toBeGreaterThan(0);
  });

  test("one thread alone ends as it does step by step", () => {
    let compared = 0;
    for (const program of fc.sample(randomPrograms({ min: 1, max: 1 }), { numRuns: 150, seed: 7 })) {
      const scenario = loadGenerated(program.text);
      try {
        const alone = runAlone(scenario, 0);
        const stepped = new NativeRun(scenario);
        while (!stepped.done(0)) expect(stepped.step(0)).toBe("taken");
        expect(stepped.bytes.u8.slice(0, stepped.plan.stateBytes)).toEqual(alone.bytes.u8.slice(0, alone.plan.stateBytes));
        expect(stepped.result(0)).toBe(alone.result);
        compared++;
      } catch (e) {
        if (!(e instanceof StepFault || e instanceof WaitsForever)) throw e;
      }
    }
    expect(compared).toBeGreaterThan(50);
  });
});
