/**
 * Which scenarios run which blocks of `impl/`, measured once, and how long each takes.
 *
 * Why only scenarios that run a mutated block are worth trying: up to the first time that a mutated statement is
 * executed, the mutant's program takes the same steps as the original, state by state; where that time never comes, it
 * has the same states and transitions, so the same promises hold. "Executed" has to be taken at the entry of a block,
 * which is what the counters count, and a mutation is attributed to the innermost block that encloses it.
 * Where a check is left out that only looks, the mutant differs from the first time on at which the check would have been
 * true: there the block is what the check guards.
 *
 * Where that argument does not hold, the scenario is tried all the same:
 *   - code that runs natively while modules are loaded, and functions whose blocks are in no program (arrow functions of
 *     guards belong to their routine): a mutation that no counted block encloses reaches every scenario;
 *   - functions that promises, machines or witnesses call: they are compiled a second time for that purpose, without
 *     counters. Such a function of impl/ is a helper that the program calls as well, or it is reached by no block, and then
 *     the rule before holds.
 * Of a scenario with more states than are explored, only the beginning is measured, and only the beginning is tried.
 * Being wrong about a scenario could only leave a mutant alive that it would have killed: the score is never too high.
 */
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Tier } from "../../checker/result.ts";
import { UsageError } from "../../checker/usage-error.ts";
import { WorkerProcess } from "./processes.ts";
import type { Measured } from "./worker.ts";

/** States of a scenario that are explored, with and without a mutant: a large one would take all of the time. */
export const STATES_MAX = 150_000;
/** The sanitizers' pass costs a multiple of the exploration; scenarios of more states are tried without. */
export const SANITIZE_STATES_MAX = 20_000;
/** Wall-clock seconds that the scenarios of one file may take; only a hang takes that long. */
const FILE_SECONDS = 3_600;

const SCENARIO_GLOBS = ["test/scenarios/*.ts", "test/bugs/scenarios/*.ts"];
const WORLD_GLOBS = ["impl/**/*.ts", "spec/**/*.ts", "checker/**/*.ts", "test/scenarios/**/*.ts", "test/bugs/scenarios/**/*.ts", "test/refinement/kernel-machines.ts"];

/** A number for everything that a verdict depends on: the program, the promises, the checker, the scenarios. */
export function worldHash(root: string): string {
  const hash = createHash("sha256");
  for (const file of globSync(WORLD_GLOBS, { cwd: root }).sort()) hash.update(file).update("\0").update(readFileSync(join(root, file))).update("\0");
  return hash.digest("hex").slice(0, 16);
}

interface Cache {
  readonly world: string;
  readonly files: Record<string, readonly Measured[]>;
}

/** Measures every scenario that holds, by `processes` processes; what the cache file has of the same world is not measured again. */
export async function measureScenarios(root: string, tier: Tier, cacheFile: string, processes: number, say: (line: string) => void, signal: AbortSignal): Promise<readonly Measured[]> {
  const world = `${worldHash(root)} ${tier} ${STATES_MAX} ${SANITIZE_STATES_MAX}`;
  const known = existsSync(cacheFile) ? (JSON.parse(readFileSync(cacheFile, "utf8")) as Cache) : null;
  const files: Record<string, readonly Measured[]> = known?.world === world ? { ...known.files } : {};
  const all = globSync(SCENARIO_GLOBS, { cwd: root }).sort();
  const missing = all.filter((f) => files[f] === undefined);
  const save = (): void => {
    mkdirSync(dirname(cacheFile), { recursive: true });
    writeFileSync(`${cacheFile}.new`, JSON.stringify({ world, files } satisfies Cache));
    renameSync(`${cacheFile}.new`, cacheFile);
  };
  const workers = missing.length === 0 ? [] : Array.from({ length: processes }, () => new WorkerProcess(root));
  const end = (): void => { for (const w of workers) w.end(); };
  signal.addEventListener("abort", end, { once: true });
  await Promise.all(workers.map(async (worker) => {
    for (let file = missing.shift(); file !== undefined && !signal.aborted; file = missing.shift()) {
      say(`measuring ${file}`);
      const answer = await worker.ask({ kind: "measure", folder: root, file, tier, maxStates: STATES_MAX, sanitizeStatesMax: SANITIZE_STATES_MAX, except: [] }, FILE_SECONDS);
      if (signal.aborted) return;
      if (answer.kind !== "measured") throw new UsageError(`${file} cannot be measured: ${answer.kind === "failed" ? answer.message : answer.kind}; "npx thpcheck check ${file}" says more`);
      files[file] = answer.scenarios;
      save();
    }
  })).finally(end);
  signal.removeEventListener("abort", end);
  return all.flatMap((f) => files[f] ?? []);
}
