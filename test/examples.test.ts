/** Each example is a whole scenario of one concept; each gives the verdict that examples/README.md says. */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkScenario } from "../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS } from "../checker/check/options.ts";
import type { ScenarioResult } from "../checker/result.ts";
import type { Scenario } from "../checker/scenario.ts";

const FOLDER = join(import.meta.dirname, "..", "examples");
/** Verdict, the promise that is broken, and the number of states. */
const VERDICTS: Readonly<Record<string, readonly [ScenarioResult["verdict"], string | null, number]>> = {
  "bounds.ts": ["holds", null, 15],
  "choice.ts": ["violated", "below 12", 24],
  "daemon.ts": ["holds", null, 8],
  "excuse.ts": ["holds", null, 4],
  "guard.ts": ["holds", null, 3],
  "kernel.ts": ["violated", "a huge page is left", 803],
  "liveness.ts": ["violated", "who wants the key gets it", 6],
  "lock.ts": ["holds", null, 8],
  "model.ts": ["holds", null, 15],
  "positions.ts": ["violated", "at most one is inside", 13],
  "queue.ts": ["violated", "range", 9],
  "refinement.ts": ["violated", "refines door", 4],
  "step-promise.ts": ["violated", "time goes on", 5],
  "witness.ts": ["violated", "both are open", 3],
};

const check = async (file: string): Promise<ScenarioResult> => {
  const { default: scenario } = (await import(join(FOLDER, file))) as { default: Scenario };
  return (await checkScenario(scenario, DEFAULT_CHECK_OPTIONS, 1)).result;
};

describe("examples", () => {
  const files = globSync("*.ts", { cwd: FOLDER }).map((f) => basename(f)).sort();

  it("are all listed, here and in their README", () => {
    expect(files).toEqual(Object.keys(VERDICTS));
    const readme = readFileSync(join(FOLDER, "README.md"), "utf8");
    expect(files.filter((f) => !readme.includes(`| [${f}](${f}) |`))).toEqual([]);
  });

  it.each(files)("%s gives the verdict that it expects", async (file) => {
    const result = await check(file);
    expect([result.verdict, result.violation?.property ?? null, result.states]).toEqual(VERDICTS[file]);
    expect([result.asExpected, result.reason]).toEqual([true, null]);
  });

  it("an excused promise says in how many states it was in force", async () => {
    expect((await check("excuse.ts")).invariants).toEqual([{ name: "the book is right", inForce: 1 }]);
  });
});
