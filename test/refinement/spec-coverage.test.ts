/** The table of transitions taken and not taken, and what it complains about. */
import { describe, expect, it } from "vitest";
import type { ScenarioResult } from "../../checker/result.ts";
import { kernelArrows } from "./kernel-machines.ts";
import { complaints, coverageOf, render } from "./spec-coverage.ts";
import { UNTAKEN } from "./untaken.ts";

const arrows = [{ machine: "door", arrows: [{ name: "shut --OPEN--> open", lacks: null }, { name: "open --SHUT--> shut", lacks: null }, { name: "shut --LOCK--> locked", lacks: "keys" }] }];
const result = (taken: readonly { arrow: string; count: number }[]): ScenarioResult => ({
  refinement: { steps: 10, machines: [{ machine: "door", instances: 1, moves: 3, arrows: 2, taken }] },
} as unknown as ScenarioResult);
const open = { arrow: "shut --OPEN--> open", count: 2 };
const shut = { arrow: "open --SHUT--> shut", count: 1 };

describe("spec coverage", () => {
  it("adds up scenarios; what lacks its subject does not count", () => {
    const coverage = coverageOf(arrows, [result([open]), result([open, shut])], []);
    expect(coverage.machines[0]).toEqual({ machine: "door", taken: [{ ...open, count: 4 }, shut], untaken: [], lacking: [{ arrow: "shut --LOCK--> locked", lacks: "keys" }] });
    expect(complaints(coverage)).toEqual([]);
    expect(render(coverage)).toMatch(/door +2 of 2 +100 % +1/);
  });

  it("wants a reason for a transition that nothing takes, and nine of ten taken", () => {
    expect(complaints(coverageOf(arrows, [result([open])], []))).toEqual([
      "door: scenarios take 1 of 2 transitions, fewer than 90 of 100",
      "door: no scenario takes open --SHUT--> shut; write one, or the reason into test/refinement/untaken.ts",
    ]);
    const reason = { machine: "door", arrow: shut.arrow, why: "the wind does it" };
    expect(complaints(coverageOf(arrows, [result([open])], [reason]))).toEqual(["door: scenarios take 1 of 2 transitions, fewer than 90 of 100"]);
    expect(render(coverageOf(arrows, [result([open])], [reason]))).toContain("the wind does it");
  });

  it("refuses a reason that no longer applies", () => {
    const stale = { machine: "door", arrow: shut.arrow, why: "was once so" };
    expect(complaints(coverageOf(arrows, [result([open, shut])], [stale]))).toEqual(["door: the reason for open --SHUT--> shut no longer applies; take it out of test/refinement/untaken.ts"]);
  });

  it("has reasons only for transitions that there are", () => {
    for (const u of UNTAKEN) expect(kernelArrows().find((m) => m.machine === u.machine)?.arrows.some((a) => a.name === u.arrow && a.lacks === null), `${u.machine}: ${u.arrow}`).toBe(true);
  });
});
