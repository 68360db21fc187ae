/** Programs that have nothing to do with kernels: see README.md. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ask, CASES, noStackTrace, start, testCase, type Answer } from "./run.ts";

const check = (file: string, ...more: string[]) => (): Promise<Answer> => ask(["check", join(CASES, "checker", file), ...more]);
const verdict = (a: Answer, scenario: string): string | undefined => a.results[scenario]?.verdict;
const broken = (a: Answer, scenario: string): string | undefined => a.results[scenario]?.violation?.property;

describe("two promises break in one state", () => {
  testCase({
    name: "both are named",
    ask: check("b8-two-broken.ts"),
    today: null,
    right: (a) => {
      expect(a.text).toMatch(/broken: always "first"/);
      expect(a.text).toMatch(/broken: always "second"/);
      expect(a.text).not.toMatch(/broken: always "third"/);
    },
  });
  testCase({
    name: "either of them may be expected", ask: check("b8b-expects-second.ts"),
    today: null,
    right: (a) => { expect(a.code).toBe(0); expect(broken(a, "b8b-expects-second")).toBe("second"); },
  });
  testCase({
    name: "promises about the end as well", ask: check("b8d-two-finally.ts"),
    today: null,
    right: (a) => { expect(a.code).toBe(0); expect(broken(a, "b8d-two-finally")).toBe("two"); },
  });
});

testCase({
  name: "a livelock does not hold: from 4 of its 29 states no end can be reached",
  ask: check("b23b-livelock-release.ts"),
  today: null,
  right: (a) => {
    expect(a.code).toBe(1);
    expect(verdict(a, "b23b-livelock-release")).toBe("violated");
    expect(a.text).toMatch(/\b4 states\b/);
  },
});

testCase({
  name: "a violation beside an incomplete run and an error gives exit code 1",
  ask: check("b29b-mixed-exit.ts", "--max-depth", "6"),
  today: null,
  right: (a) => {
    expect(a.code).toBe(1);
    expect(verdict(a, "b29-bad")).toBe("violated");
    expect(verdict(a, "b29-long")).toBe("incomplete");
  },
});

testCase({
  name: "a promise that throws is shown with the run that leads there",
  ask: check("b7-property-throws.ts"),
  today: null,
  right: (a) => {
    expect(a.results["b7-property-throws"]).toMatchObject({ verdict: "violated", asExpected: false });
    expect(a.text).toMatch(/1 {2}one/);
    expect(a.text).toMatch(/c\.v: 0 -> 2/);
    expect(a.text).toMatch(/t\.x\[2\]: the index is outside 0\.\.1/);
  },
});

describe("labels of steps of a hand-written model", () => {
  testCase({
    name: "a step that fails has its own label", ask: check("stale-label.ts"),
    today: null,
    right: (a) => { expect(a.text).toMatch(/3 .*\| (b|blow up)/); expect(a.text).not.toMatch(/3 .*\| count up/); },
  });
  testCase({
    name: "also where it is the first", ask: check("stale2.ts"),
    today: null,
    right: (a) => { expect(a.text).toMatch(/^ +1 {2}(b|blow up)/m); },
  });
});

testCase({
  name: "an actor that waits for its turn has not ended", ask: check("pingpong.ts"),
  today: null,
  right: (a) => { expect(a.text).toMatch(/~~~~ ping .*; pong runs/); expect(a.text).not.toMatch(/has ended/); },
});

testCase({
  name: "a violated initial state is shown with its values", ask: check("atinit.ts"),
  today: null,
  right: (a) => { expect(a.text).toMatch(/violates "positive" in 0 steps/); expect(a.text).toMatch(/s\.x = 0/); },
});

testCase({
  name: "an array of arrays is refused in words, or works", ask: check("nest2.ts"),
  today: null,
  right: (a) => { noStackTrace(a); expect(a.text).toMatch(/ok {3}nest holds|array/); },
});

describe.skipIf(process.platform !== "linux")("a run that is killed", () => {
  /** Processes of the session `sid`, from /proc. */
  const left = (sid: number): number[] => readdirSync("/proc").filter((p) => /^\d+$/.test(p)).map(Number).filter((pid) => {
    try {
      const [state, , , session] = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
      return Number(session) === sid && state !== "Z"; // a process that has ended may wait for somebody to ask how
    } catch {
      return false; // it has ended meanwhile
    }
  });
  it("takes its processes with it, also when it had no chance to say so", async () => {
    const child = start(["check", "any-two-calls", "any-two-calls-split", "--workers", "2"], true);
    const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });
    let before = left(child.pid!);
    for (let i = 0; i < 100 && before.length < 3; i++) { await pause(200); before = left(child.pid!); }
    process.kill(child.pid!, "SIGKILL");
    // A member looks up from its work between two parts of it.
    let after = left(child.pid!);
    for (let i = 0; i < 150 && after.length > 0; i++) { await pause(200); after = left(child.pid!); }
    for (const pid of after) process.kill(pid, "SIGKILL");
    expect(before.length, "the run had processes of its own").toBeGreaterThan(1);
    expect(after).toEqual([]);
  });
});
