import { describe, expect, it } from "vitest";
import { lengthsInWords, median, withinLimits, type TraceLength } from "../../../checker/report/trace-lengths.ts";

const length = (lines: number, narrow = lines): TraceLength =>
  ({ name: "t", promise: "p", steps: 1, isUntold: false, lines, narrow, full: 99, text: "", narrowText: "" });
const twelve = (lines: number, others = lines): TraceLength[] => Array.from({ length: 12 }, (_, i) => length(i < 7 ? lines : others));

it("the median is the middle one, or between the two in the middle", () => {
  expect([median([]), median([5]), median([9, 1, 4]), median([4, 1, 9, 6])]).toEqual([null, 5, 4, 5]);
});

describe("the limits", () => {
  it("are 60 lines for each trace, at either width", () => {
    expect([withinLimits([length(60)]), withinLimits([length(61)]), withinLimits([length(30, 61)])]).toEqual([true, false, false]);
  });
  it("are 45 lines for half of them, where there are some", () => {
    expect([twelve(45, 60), twelve(46, 20), [length(60), length(60)]].map(withinLimits)).toEqual([true, false, true]);
  });
});

it("the sentence says what was found and what is wanted", () => {
  expect(lengthsInWords([length(40, 50), length(20, 61)])).toBe("2 traces of 100 columns: median 30 lines, longest 40; " +
    "of 80 columns: median 55.5 lines, longest 61; at most 45 and 60 are wanted: TOO LONG");
  expect(lengthsInWords([])).toBe("no traces");
});
