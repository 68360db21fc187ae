import { expect, test } from "vitest";
import { finishedIn } from "./tlc.ts";

test.each([
  ["Finished in 872ms at (2026-04-01 10:00:00)", 0.872],
  ["Finished in 11s at (2026-04-01 10:00:00)", 11],
  ["Finished in 01min 12s at (2026-04-01 10:00:00)", 72],
  ["Finished in 02h 05min at (2026-04-01 10:00:00)", 7500],
])("%s", (output, seconds) => {
  expect(finishedIn(output)).toBeCloseTo(seconds);
});

test("output without a time is an error that shows the output", () => {
  expect(() => finishedIn("Error: out of memory")).toThrow(/missing from the output:\nError: out of memory/);
});
