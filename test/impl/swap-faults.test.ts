/**
 * Each fault of `swap-faults.ts` is reported by the promise that is about it. One process checks them all, since each would load
 * and compile alone.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { SWAP_FAULTS } from "./swap-faults.ts";
import type { MthpOutcome } from "./seed-mthp-faults.ts";

const SCRIPT = fileURLToPath(new URL("seed-mthp-faults.ts", import.meta.url));

describe("a fault in what goes to swap and comes back", () => {
  const found = new Map<string, string | null>();
  beforeAll(async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, "swap"], { maxBuffer: 2 ** 24 });
    for (const line of stdout.trim().split("\n")) {
      const outcome = JSON.parse(line) as MthpOutcome;
      found.set(outcome.name, outcome.found);
    }
  }, 400_000);

  it.each(SWAP_FAULTS)("$name", ({ name, found: expected }) => {
    expect(found.get(name)).toMatch(expected);
  });
});
