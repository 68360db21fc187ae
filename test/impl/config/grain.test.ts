/** The grain: what it is asked for with, that it takes no room where it is off, and that its faults show only where it is on. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { planLayout } from "../../../checker/program/layout.ts";
import { GRAIN_NAMES, grainFlags, type Grain } from "../../../impl/config/grain.ts";
import { kernelConfig, type KernelOptions } from "../../../impl/config/options.ts";
import { kernelStructs } from "../../../impl/mm-types.ts";
import { ROOT } from "../../bugs/bug.ts";

const SMALL: KernelOptions = { pagesPerHugePage: 2, hugeRanges: 1, frames: 8, mms: 1, cpus: 2 };
const bytes = (grain?: Grain): number =>
  planLayout(kernelStructs(kernelConfig(grain === undefined ? SMALL : { ...SMALL, grain })), 2).stateBytes;

describe("the grain of a scenario", () => {
  it("is coarse unless given, fine as a whole, or by parts", () => {
    expect(kernelConfig(SMALL).grainLists).toBe(false);
    expect(Object.values(grainFlags("coarse"))).toEqual(GRAIN_NAMES.map(() => false));
    expect(grainFlags([...GRAIN_NAMES])).toEqual(grainFlags("fine"));
    expect(kernelConfig({ ...SMALL, grain: ["lists"] }).grainLists).toBe(true);
  });
  it("is refused in words where there is no such part", () => {
    expect(() => grainFlags(["list"] as unknown as Grain)).toThrow('grain: there is no part "list"; parts are lists');
    expect(() => grainFlags("finer" as Grain)).toThrow('grain "finer": "coarse", "fine", or some of lists');
  });
  it("takes no bit where it is off", () => {
    expect(bytes("coarse")).toBe(bytes());
    expect(bytes(["lists"])).toBeGreaterThan(bytes());
  });
});

/** Exit code and output of a check under the patch of a bug. */
function checked(scenario: string, patch: string): Promise<{ readonly code: number; readonly stdout: string }> {
  const args = ["check", scenario, "--patch", join(ROOT, "test/bugs", patch), "--workers", "1"];
  const run = promisify(execFile)(process.execPath, [join(ROOT, "checker/cli/thpcheck.js"), ...args], { cwd: ROOT, maxBuffer: 1 << 26 });
  return run.then(({ stdout }) => ({ code: 0, stdout }), (e: unknown) => e as { code: number; stdout: string });
}

describe("a neighbour on the list of a scan that is freed", () => {
  it("shows with the list words, as a corrupted list", async () => {
    const { code, stdout } = await checked("lists-scan-and-free", "scan-unlocked-list-del.patch");
    expect([code, stdout]).toEqual([1, expect.stringContaining('violates "D4 the split queue\'s lists are whole"')]);
  }, 60_000);
  it("does not show without them", async () => {
    const { code, stdout } = await checked("deferred-split-two-shrinkers", "scan-unlocked-list-del.patch");
    expect([code, stdout]).toEqual([0, expect.stringContaining("deferred-split-two-shrinkers holds")]);
  }, 60_000);
});
