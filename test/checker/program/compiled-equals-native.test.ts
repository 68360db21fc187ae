/** The compiler's oracle test: random programs under random schedules, compiled and as plain generators. */
import fc from "fast-check";
import { describe, test } from "vitest";
import { compareRuns } from "./compare-runs.ts";
import { loadGenerated } from "./load-generated.ts";
import { randomPrograms, schedules } from "./random-programs.ts";
import { seeded } from "./seeded.ts";

describe("compiled code does what the generators do", () => {
  test("after every step of random programs under random schedules", { timeout: 120_000 }, () => {
    fc.assert(fc.property(randomPrograms(), schedules, (program, schedule) => {
      compareRuns(loadGenerated(program.text), schedule);
    }), seeded(150));
  });
});
