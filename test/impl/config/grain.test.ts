/** The grain: what it is asked for with, that it takes no room where it is off, and that its faults show only where it is on. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { planLayout } from "../../../checker/program/layout.ts";
import { GRAIN_NAMES, GRAIN_PARTS, grainFlags, type Grain } from "../../../impl/config/grain.ts";
import { kernelConfig, type KernelOptions } from "../../../impl/config/options.ts";
import { kernelStructs } from "../../../impl/mm-types.ts";
import { ROOT } from "../../bugs/bug.ts";
import coarseTwins from "./coarse-twins.ts";

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
    const parts = "lists, zero, slots, knobs, flags, migration";
    expect(() => grainFlags(["list"] as unknown as Grain)).toThrow(`grain: there is no part "list"; parts are ${parts}`);
    expect(() => grainFlags("finer" as Grain)).toThrow(`grain "finer": "coarse", "fine", or some of ${parts}`);
  });
  it("takes no bit where it is off", () => {
    expect(bytes("coarse")).toBe(bytes());
    for (const part of ["lists", "slots", "flags"] as const) expect(bytes([part]), part).toBeGreaterThan(bytes());
    // A lock and a number find room where the coarse layout has holes, or take more.
    expect(bytes(["zero"])).toBeGreaterThanOrEqual(bytes());
    for (const part of ["knobs", "migration"] as const) expect(bytes([part]), part).toBe(bytes());
  });
});

/** Exit code and output of a check under a patch. */
function checked(scenario: string, patch: string): Promise<{ readonly code: number; readonly stdout: string }> {
  const args = ["check", scenario, "--patch", join(ROOT, patch), "--workers", "1"];
  const run = promisify(execFile)(process.execPath, [join(ROOT, "checker/cli/thpcheck.js"), ...args], { cwd: ROOT, maxBuffer: 1 << 26 });
  return run.then(({ stdout }) => ({ code: 0, stdout }), (e: unknown) => e as { code: number; stdout: string });
}

/** A fault, the scenario that shows it by the grain, what it breaks there, and a scenario without the grain that it leaves alone. */
const FAULTS = [
  [
    "a neighbour on the list of a scan is freed", "test/bugs/scan-unlocked-list-del.patch", "lists-scan-and-free",
    "D4 the split queue's lists are whole", "deferred-split-two-shrinkers",
  ],
  [
    "the number of the huge zero folio is reset late", "test/impl/config/faults/huge-zero-number-late.patch", "grain-zero-shrinker",
    "P23 the huge zero folio is told by its number", "test/impl/config/coarse-twins.ts",
  ],
  [
    "a slot is freed before the next one is looked for", "test/impl/config/faults/slot-freed-before-next.patch", "grain-slots-exit",
    "assertion", "test/impl/config/coarse-twins.ts",
  ],
  [
    "a walker sets a flag of a folio that others lock without an atomic operation", "test/impl/config/faults/flag-set-nonatomic.patch",
    "grain-flags-lock", "assertion", "test/impl/config/coarse-twins.ts",
  ],
  [
    "a folio is unlocked without an atomic operation", "test/impl/config/faults/unlock-loses-waiters.patch", "grain-flags-lock",
    "deadlock", "test/impl/config/coarse-twins.ts",
  ],
  [
    "fork write-protects a migration entry as if it were present", "test/impl/config/faults/migration-entry-wrprotect.patch",
    "grain-migration-fork", "assertion", "test/impl/config/coarse-twins.ts",
  ],
  [
    "a split makes an entry special, and leaves the frame of the page in it", "test/impl/config/faults/zero-page-by-flag.patch",
    "grain-zero-split", "assertion", "test/impl/config/coarse-twins.ts",
  ],
] as const;

it("has twins of its scenarios that ask for no part of it", () => {
  expect(coarseTwins.map((s) => [s.name, GRAIN_NAMES.filter((part) => s.config?.[GRAIN_PARTS[part].constant] !== false)])).toEqual([
    ["coarse-slots-exit", []], ["coarse-zero-shrinker", []], ["coarse-zero-split", []], ["coarse-flags-lock", []],
    ["coarse-migration-fork", []],
  ]);
});

describe.each(FAULTS)("%s", (_what, patch, fine, promise, coarse) => {
  it("shows with the grain", async () => {
    const { code, stdout } = await checked(fine, patch);
    expect([code, stdout]).toEqual([1, expect.stringContaining(`violates "${promise}"`)]);
  }, 240_000);
  it("does not show without it", async () => {
    const { code, stdout } = await checked(coarse, patch);
    expect(stdout).not.toContain("violates");
    expect(stdout).toMatch(/^ok +\S+ holds/m);
    // 3: that no line of the patch runs is what is meant where the grain is off.
    expect([0, 3]).toContain(code);
  }, 240_000);
});
