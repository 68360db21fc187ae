/** The grain: what it is asked for with, that it takes no room where it is off, and that its faults show only where it is on. */
import { afterAll, describe, expect, it } from "vitest";
import { planLayout } from "../../../checker/program/layout.ts";
import { Pool } from "../../../checker/runner/pool/pool.ts";
import { GRAIN_NAMES, GRAIN_PARTS, grainFlags, type Grain } from "../../../impl/config/grain.ts";
import { kernelConfig, type KernelOptions } from "../../../impl/config/options.ts";
import { kernelStructs } from "../../../impl/mm-types.ts";
import coarseTwins from "./coarse-twins.ts";
import { FAULT_JOB, type FaultAnswer, type FaultTask } from "./fault-job.ts";

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
    const parts = "lists, zero, slots, knobs, flags, migration, lru, trace";
    expect(() => grainFlags(["list"] as unknown as Grain)).toThrow(`grain: there is no part "list"; parts are ${parts}`);
    expect(() => grainFlags("finer" as Grain)).toThrow(`grain "finer": "coarse", "fine", or some of ${parts}`);
  });
  it("takes no bit where it is off", () => {
    expect(bytes("coarse")).toBe(bytes());
    for (const part of ["lists", "slots", "flags", "lru"] as const) expect(bytes([part]), part).toBeGreaterThan(bytes());
    // A lock and a number find room where the coarse layout has holes, or take more.
    expect(bytes(["zero"])).toBeGreaterThanOrEqual(bytes());
    for (const part of ["knobs", "migration", "trace"] as const) expect(bytes([part]), part).toBe(bytes());
  });
});

const pool = new Pool(1);
afterAll(() => { pool.close(); });
/** `module`: of the scenario. */
function checked(module: string, name: string, patch: string): Promise<FaultAnswer> {
  const task: FaultTask = { file: module, name, patch };
  return pool.run<FaultAnswer>({ module: FAULT_JOB, task });
}

interface Fault {
  readonly what: string;
  readonly patch: string;
  /** Module and name of the scenario that shows it by the grain, and what it breaks there. */
  readonly fine: readonly [module: string, name: string, promise: string];
  /** A scenario without the grain that it leaves alone. */
  readonly coarse: readonly [module: string, name: string];
}
const TWINS = "test/impl/config/coarse-twins.ts";
const FAULTS: readonly Fault[] = [
  {
    what: "a neighbour on the list of a scan is freed", patch: "test/bugs/scan-unlocked-list-del.patch",
    fine: ["test/bugs/scenarios/lists.ts", "lists-scan-and-free", "D4 the split queue's lists are whole"],
    coarse: ["test/scenarios/deferred-split.ts", "deferred-split-two-shrinkers"],
  },
  {
    what: "the number of the huge zero folio is reset late", patch: "test/impl/config/faults/huge-zero-number-late.patch",
    fine: ["test/scenarios/grain-zero.ts", "grain-zero-shrinker", "P23 the huge zero folio is told by its number"],
    coarse: [TWINS, "coarse-zero-shrinker"],
  },
  {
    what: "a slot is freed before the next one is looked for", patch: "test/impl/config/faults/slot-freed-before-next.patch",
    fine: ["test/scenarios/grain-slots.ts", "grain-slots-exit", "assertion"],
    coarse: [TWINS, "coarse-slots-exit"],
  },
  {
    what: "a walker sets a flag of a folio that others lock without an atomic operation",
    patch: "test/impl/config/faults/flag-set-nonatomic.patch",
    fine: ["test/scenarios/grain-flags.ts", "grain-flags-lock", "assertion"],
    coarse: [TWINS, "coarse-flags-lock"],
  },
  {
    what: "a folio is unlocked without an atomic operation", patch: "test/impl/config/faults/unlock-loses-waiters.patch",
    fine: ["test/scenarios/grain-flags.ts", "grain-flags-lock", "deadlock"],
    coarse: [TWINS, "coarse-flags-lock"],
  },
  {
    what: "fork write-protects a migration entry as if it were present",
    patch: "test/impl/config/faults/migration-entry-wrprotect.patch",
    fine: ["test/scenarios/grain-migration.ts", "grain-migration-fork", "assertion"],
    coarse: [TWINS, "coarse-migration-fork"],
  },
  {
    what: "a split makes an entry special, and leaves the frame of the page in it",
    patch: "test/impl/config/faults/zero-page-by-flag.patch",
    fine: ["test/scenarios/grain-zero.ts", "grain-zero-split", "assertion"],
    coarse: [TWINS, "coarse-zero-split"],
  },
  {
    what: "a folio becomes active on the list where it is", patch: "test/impl/config/faults/activated-in-place.patch",
    fine: ["test/scenarios/grain-lru.ts", "grain-lru-activate", "U1 a folio is on the list of the LRU that its flags name"],
    coarse: [TWINS, "coarse-lru-activate"],
  },
  {
    what: "a trace event comes after the reference has gone", patch: "test/impl/config/faults/insertion-reported-late.patch",
    fine: ["test/scenarios/grain-trace.ts", "grain-trace-insertion", "assertion"],
    coarse: [TWINS, "coarse-trace-insertion"],
  },
];

it("has twins of its scenarios that ask for no part of it", () => {
  expect(coarseTwins.map((s) => [s.name, GRAIN_NAMES.filter((part) => s.config?.[GRAIN_PARTS[part].constant] !== false)])).toEqual([
    ["coarse-slots-exit", []], ["coarse-zero-shrinker", []], ["coarse-zero-split", []], ["coarse-flags-lock", []],
    ["coarse-migration-fork", []], ["coarse-lru-activate", []], ["coarse-trace-insertion", []],
  ]);
});

describe.each(FAULTS)("$what", ({ patch, fine: [file, name, promise], coarse }) => {
  it("shows with the grain", async () => {
    expect(await checked(file, name, patch)).toEqual({ verdict: "violated", property: promise });
  });
  it("does not show without it", async () => {
    expect(await checked(...coarse, patch)).toEqual({ verdict: "holds", property: null });
  });
});
