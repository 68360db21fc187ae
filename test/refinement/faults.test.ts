/** A fault for each machine that refinement reports, by that machine's name, and that no invariant notices. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { ABSTRACTIONS } from "../../impl/abstraction/index.ts";
import { FAULTS } from "./faults.ts";
import type { FaultOutcome } from "./seed-faults.ts";

const SCRIPT = fileURLToPath(new URL("seed-faults.ts", import.meta.url));

async function outcomes(): Promise<FaultOutcome[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT], { maxBuffer: 2 ** 24 });
  return stdout.trim().split("\n").map((line) => JSON.parse(line) as FaultOutcome);
}

describe("seeded faults", () => {
  it("there is one for each machine that has a subject", () => {
    expect(FAULTS.map((f) => f.machine).sort()).toEqual(ABSTRACTIONS.map((a) => a.machine).sort());
  });

  it("refinement reports each by its machine, and nothing else reports any", async () => {
    const found = await outcomes();
    expect(found.map((f) => ({ machine: f.machine, refined: f.refined?.property, unrefined: f.unrefined }))).toEqual(
      FAULTS.map((f) => ({ machine: f.machine, refined: `refines ${f.machine}`, unrefined: { verdict: "holds", property: null } })),
    );
    for (const f of found) expect(f.refined!.source, f.machine).toMatch(/impl\/[\w/-]+\.ts:\d+$/);
  }, 400_000);
});
