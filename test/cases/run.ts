/** The command line, run once per input as a person would, and its answer for both tests of a case. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { ScenarioResult } from "../../checker/result.ts";

export const CASES = fileURLToPath(new URL("./", import.meta.url));
export const COMMAND = fileURLToPath(new URL("../../checker/cli/thpcheck.js", import.meta.url));
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Answer {
  readonly code: number | null;
  /** Both streams, in the order in which they came. */
  readonly text: string;
  /** Of `check`: the results by scenario; empty where none were written. */
  readonly results: Readonly<Record<string, ScenarioResult>>;
}

export function start(args: readonly string[], detached = false): ChildProcess {
  return spawn(process.execPath, [COMMAND, ...args], {
    cwd: ROOT,
    detached,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, COLUMNS: "140" },
  });
}

export function ask(args: readonly string[]): Promise<Answer> {
  const out = join(mkdtempSync(join(tmpdir(), "thpcheck-case-")), "results.json");
  const child = start(args[0] === "check" ? [...args, "--out", out] : args);
  let text = "";
  for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding("utf8").on("data", (part: string) => { text += part; });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => { resolve({ code, text, results: resultsIn(out) }); });
  });
}

function resultsIn(file: string): Answer["results"] {
  try {
    const { results } = JSON.parse(readFileSync(file, "utf8")) as { results: ScenarioResult[] };
    return Object.fromEntries(results.map((r) => [r.scenario, r]));
  } catch {
    return {}; // the command refused before it had any
  }
}

export interface Case {
  readonly name: string;
  readonly ask: () => Promise<Answer>;
  /** What is said today, exactly enough that a crash or a load error is not taken for it; null: it is right by now. */
  readonly today: ((a: Answer) => void) | null;
  readonly right: (a: Answer) => void;
}

/** The two tests of a case, or one where the answer is right. */
export function testCase({ name, ask: question, today, right }: Case): void {
  let answer: Promise<Answer> | null = null;
  const once = (): Promise<Answer> => (answer ??= question());
  if (today === null) {
    it(name, async () => { right(await once()); });
    return;
  }
  it(`${name}: what is said today`, async () => { today(await once()); });
  it.fails(`${name}: the right answer`, async () => { right(await once()); });
}

export const noStackTrace = (a: Answer): void => {
  expect(a.text).not.toMatch(/thpcheck internal|^\s+at .*\(/m);
};
