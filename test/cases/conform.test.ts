/** Programs of system calls, and ones that are malformed: see README.md. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { alteredHost } from "../conformance/altered.ts";
import { whyNot } from "../conformance/host.ts";
import { ask, CASES, noStackTrace, testCase, type Answer } from "./run.ts";

const folder = join(CASES, "conform");
const conform = (file: string) => (): Promise<Answer> => ask(["conform", "--program", join(folder, file)]);
const reason = whyNot() ?? await alteredHost();

describe("bad input", () => {
  const inputs = readdirSync(join(folder, "bad-input"));
  /** What is wrong in each, as a person must be told; those that are right today have no second entry. */
  const said: Readonly<Record<string, readonly [RegExp, RegExp | null]>> = {
    "beyond-the-area.json": [/8 huge ranges/, null],
    "knob-as-text.json": [/max_ptes_none/, null],
    "no-object.json": [/steps/, null],
    "not-json.json": [/JSON/, null],
    "unknown-knob-value.json": [/enabled.*(never|always)/, null],
    "unknown-knob.json": [/shrink_underused/, null],
  };
  for (const file of inputs) {
    const [right, today] = said[file] ?? [/./, null];
    testCase({
      name: file,
      ask: conform(`bad-input/${file}`),
      today:
        today === null || reason !== null
          ? null
          : (a) => {
              expect(a.text).toMatch(today);
            },
      right: (a) => {
        noStackTrace(a);
        expect(a.text).toMatch(right);
        expect(a.text.trim().split("\n").length).toBeLessThan(4);
        expect(a.code).toBe(2);
      },
    });
  }
});

describe.skipIf(reason !== null)(`on this machine's Linux${reason === null ? "" : ` (${reason})`}`, () => {
  for (const file of ["split-where-debugfs-is-locked.json", "split-shared-by-three.json"]) {
    testCase({
      name: `${file}: a split that cannot be had is skipped, with the reason`,
      ask: conform(file),
      today: null,
      right: (a) => {
        expect(a.code).toBe(0);
        expect(a.text).toMatch(/SKIP|skipped.*split|debugfs/);
        expect(a.text).not.toMatch(/ disagree\n/);
      },
    });
  }

  for (const file of ["madv-cold.json", "map-stack.json"]) {
    testCase({
      name: `${file}: COLD is a word of programs, and Linux agrees`,
      ask: conform(file),
      today: null,
      right: (a) => {
        expect(a.text).toContain("1 agree, 0 disagree, 0 skipped");
        expect(a.code).toBe(0);
      },
    });
  }

  testCase({
    name: "--show prints what was observed after each step on both sides",
    ask: () => ask(["conform", "--show", "--program", join(folder, "stack-and-neighbour.json")]),
    today: null,
    right: (a) => {
      expect(a.text).toMatch(/step 3: 0 madvise 0\.0 2\.0 COLLAPSE\n {2}= {6}failed: EINVAL\n {2}= {6}counters: none\n/);
      expect(a.text).toMatch(/1 agree, 0 disagree/);
      expect(a.code).toBe(0);
    },
  });

  describe("beside a process that collapses as well", () => {
    let busy: ChildProcess;
    const scratch = mkdtempSync(join(tmpdir(), "thpcheck-busy-"));
    beforeAll(() => {
      execFileSync("cc", ["-O1", "-o", join(scratch, "busy"), join(folder, "busy.c")]);
      busy = spawn(join(scratch, "busy"), { stdio: "ignore" });
    });
    afterAll(() => {
      busy.kill("SIGKILL");
      rmSync(scratch, { recursive: true });
    });
    for (const file of ["khugepaged-on-a-busy-machine.json", "areas-cut-and-collapsed-on-a-busy-machine.json"]) {
      testCase({
        name: `${file}: counters of others do not count`, ask: conform(file),
        today: null,
        right: (a) => { expect(a.code).toBe(0); expect(a.text).toMatch(/1 agree, 0 disagree/); },
      });
    }
  });
});
