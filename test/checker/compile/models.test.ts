/** Each published model that is a program: natively and compiled, step by step, on random schedules. */
import fc from "fast-check";
import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { isScenario, type ProgramScenario } from "../../../checker/index.ts";
import { compareRuns, compileVariants } from "./compare-runs.ts";
import { schedules } from "./random-programs.ts";
import { seeded } from "./seeded.ts";

const folder = new URL("../../models/", import.meta.url);
const modules = readdirSync(folder).filter((f) => f.endsWith(".ts"));
const programs: ProgramScenario[] = [];
for (const file of modules) {
  const { default: exported } = (await import(new URL(file, folder).href)) as { default: unknown };
  for (const s of [exported].flat()) if (isScenario(s) && "threads" in s) programs.push(s);
}

describe("published models, compiled and as generators", () => {
  test("there are as many as there should be", () => expect(programs.length).toBeGreaterThan(30));
  test.each(programs.map((p) => [p.name, p] as const))("%s", { timeout: 60_000 }, (_name, program) => {
    const variants = compileVariants(program);
    const steps = fc.sample(schedules, seeded(6)).reduce((sum, schedule) => sum + compareRuns(program, schedule, variants), 0);
    expect(steps).toBeGreaterThan(0);
  });
});
