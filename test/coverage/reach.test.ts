/**
 * The index of the project, `thpcheck.reach.json`: of most scenarios as they are, right where it is measured again, and good for what it is
 * for. When the kernel or a scenario has changed: `npx thpcheck reach --update`, some minutes.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { mapOf } from "../../checker/compile/code-map.ts";
import { filesOf, registerPatch } from "../../checker/patch/patch.ts";
import type { LoadedScenario } from "../../checker/project/project.ts";
import { selectScenarios } from "../../checker/project/select.ts";
import { changesOf } from "../../checker/reach/changed-places.ts";
import { PatchImpact } from "../../checker/reach/impact.ts";
import { readIndex, type ReachIndex } from "../../checker/reach/reach-index.ts";
import { reachedBy } from "../../checker/reach/reached.ts";
import { freshnessOf, type Freshness } from "../../checker/reach/renewal.ts";
import type { Patch } from "../../checker/result.ts";
import { readBugs } from "../bugs/bug.ts";
import { ROOT as SLASHED } from "./recorded.ts";

const ROOT = SLASHED.replace(/\/$/, "");
let index: ReachIndex;
let scenarios: readonly LoadedScenario[];
let fresh: Freshness;
beforeAll(async () => {
  index = readIndex(ROOT)!;
  ({ scenarios } = await selectScenarios([], "nightly", ROOT));
  fresh = freshnessOf(index, scenarios.map((s) => s.scenario), ROOT);
});

/** Of the scenarios that explore this many states at most, so many are measured again: every n-th by name. */
const STATES_MAX = 20_000;
const SAMPLE = 8;

const offered = (patch: Patch): string[] => {
  const impact = new PatchImpact(patch.name, changesOf(filesOf(registerPatch(patch, ROOT))), index, ROOT);
  return impact.report().reach!.map((r) => r.scenario);
};

describe("the index", () => {
  // "check --patch" leaves out rows that are not true any more, and says how many; a change need not bring all up to date.
  it("is true of most scenarios of today", () => {
    const { kept, stale, gone } = fresh;
    expect(stale.length + gone.length, "npx thpcheck reach --update").toBeLessThan(kept.length);
  });

  it("has of a sample of scenarios what they run today", async () => {
    const small = fresh.kept.filter((r) => r.states <= STATES_MAX);
    const every = Math.floor(small.length / SAMPLE);
    const sample = small.filter((_, n) => n % every === 0).slice(0, SAMPLE);
    for (const row of sample) {
      const { scenario } = scenarios.find((s) => s.scenario.name === row.scenario)!;
      const reached = await reachedBy(scenario, { root: ROOT, read: (file) => readFileSync(file, "utf8") });
      expect({ states: reached.states, complete: reached.complete }, row.scenario).toEqual({ states: row.states, complete: row.complete });
      for (const f of reached.functions) {
        const at = index.rows.findIndex((r) => r.scenario === row.scenario);
        expect(index.ran(at, f.file, f.name), `${row.scenario}: ${f.name}`).toEqual(f.ran);
        expect(index.functionNamed(f.file, f.name)).toEqual({ file: f.file, name: f.name, hash: f.hash, blocks: f.blocks });
      }
    }
    expect(sample).toHaveLength(SAMPLE);
  });

  it("names functions of the project as they are", () => {
    for (const [file, functions] of Map.groupBy(index.functions, (f) => f.file)) {
      const today = mapOf(readFileSync(join(ROOT, file), "utf8")).functions;
      expect(functions.filter((f) => !today.some((g) => g.name === f.name && g.blocks.length === f.blocks)), file).toEqual([]);
    }
  });

  // A bug that a scenario finds under its patch is one to whose lines it comes.
  it.each(readBugs().map((b) => [b.id, b] as const))("offers for the patch of %s the scenario that finds the bug", (_, bug) => {
    expect(offered(bug.patch)).toContain(bug.scenario);
  });

  it("offers for a check that is dropped those who take its branch, and no one who only passes it", () => {
    const name = "examples/drop-pte-same.patch";
    const names = offered({ name, text: readFileSync(join(ROOT, name), "utf8") });
    expect(names).toContain("fork-cow-threads-small");
    expect(names).not.toContain("fork-cow-small");
    expect(index.reaching("impl/memory.ts", "handlePteFault", 0).map((r) => r.scenario)).toContain("fork-cow-small");
  });
});
