/**
 * Lost function (F1): a kernel that gives up without need is found, by name, under each fault of `lost-functions.ts`.
 *
 * One process checks them all: a command for each took three times as long, since each loads and compiles alone, and counts who
 * runs the changed lines. How a violation is printed is not asked here (test/cases/kernel.test.ts does, for one of them).
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { LOST_FUNCTIONS } from "./lost-functions.ts";
import type { LostOutcome } from "./seed-lost-functions.ts";

const F1 = "F1 a call that nothing stands in the way of does what it is for";
const SCRIPT = fileURLToPath(new URL("seed-lost-functions.ts", import.meta.url));

describe("a call that gives up without need", () => {
  const found = new Map<string, LostOutcome>();
  beforeAll(async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT], { maxBuffer: 2 ** 24 });
    for (const line of stdout.trim().split("\n")) {
      const outcome = JSON.parse(line) as LostOutcome;
      found.set(outcome.name, outcome);
    }
  });

  it.each(LOST_FUNCTIONS)("$name", ({ name, function: expected }) => {
    expect(found.get(name)).toMatchObject({ property: F1, conjunct: expect.stringMatching(expected) as unknown });
  });
});
