/** Which basic blocks one scenario runs: its states explored once, without its promises, with a counter in each block. */
import { relative } from "node:path";
import { mapOf } from "../compile/code-map.ts";
import { compileScenario } from "../compile/compile.ts";
import { stepsDigestOf } from "../compile/digest.ts";
import { isModel, LIVENESS_KINDS, type Scenario } from "../scenario.ts";
import { explore, type ExploreOptions } from "../search/explore.ts";
import { DEFAULT_PCT_DEPTH } from "../search/strategy/pct.ts";
import type { BlockSite } from "../system.ts";

/** A function of the project in one program: how many blocks it has, and which of them ran. */
export interface ReachedFunction {
  /** Relative to the root of the project, with slashes. */
  readonly file: string;
  /** As the code map of the file has it. */
  readonly name: string;
  readonly hash: string;
  readonly blocks: number;
  readonly ran: readonly number[];
}

export interface Reached {
  /** What the program was made from (`stepsDigestOf`): as long as it stays, so does what is reached. */
  readonly program: string;
  /** States that were explored. */
  readonly states: number;
  /** Every state was. Otherwise a block that is not among those that ran may still run. */
  readonly complete: boolean;
  /** Those that are part of the program. */
  readonly functions: readonly ReachedFunction[];
}

/**
 * States of a scenario that are explored breadth-first. What only deeper states reach is left to the walks; it takes minutes
 * rather than hours to measure all scenarios of the kernel, and their smaller relatives reach what the largest do.
 */
export const STATES_MAX = 2_000_000;
/** Walks through a scenario that is larger. They go deep, and what they run can be run. */
const WALKS = 2000;

const OPTIONS: ExploreOptions = {
  strategy: "bfs", workers: 1, exact: false, maxStates: STATES_MAX, maxDepth: null, seconds: null, memoryBytes: null, seed: 0,
  fingerprintBits: 64, walks: null, pctDepth: DEFAULT_PCT_DEPTH, minimise: false, shouldStop: () => false, onProgress: () => {},
};

/** The texts of modules, and what they are made of. */
export interface Texts {
  /** Absolute path of the folder that the project lies in. */
  readonly root: string;
  readonly read: (file: string) => string;
}

/** Whether blocks of the scenario can be counted: not those of a model that is ready made. */
export function hasBlocks(s: Scenario): boolean {
  return !isModel(s) || s.model.system === undefined;
}

/** Explores the scenario, which has blocks. Throws what compiling and exploring throw. */
export async function reachedBy(s: Scenario, texts: Texts, shouldStop: () => boolean = () => false): Promise<Reached> {
  const program = stepsDigestOf(s);
  const { system, source } = compileScenario(withoutPromises(s), { coverage: true, refine: false, sourceMap: false });
  const searched = await explore(system, source, { ...OPTIONS, shouldStop });
  const counts = searched.blockCounts!.slice();
  const isWhole = searched.complete || searched.finding !== null;
  if (!isWhole && !shouldStop()) {
    const walked = await explore(system, source, { ...OPTIONS, strategy: "random", walks: WALKS, maxStates: null, shouldStop });
    walked.blockCounts!.forEach((n, i) => { counts[i] = counts[i]! + n; });
  }
  return {
    program, states: searched.measures.states, complete: isWhole,
    functions: functionsOf(system.coverage.sites, counts, texts),
  };
}

/**
 * What a scenario promises is for "check": compiling that takes as long as compiling the kernel, and where it holds the same
 * steps are taken without. Where a violation is expected the search ends with it, so it stays.
 */
function withoutPromises(s: Scenario): Scenario {
  if (s.expect.verdict === "violated") return s;
  const ofRuns = Object.fromEntries(LIVENESS_KINDS.map((kind) => [kind, {}]));
  return { ...s, always: {}, step: {}, sometimes: {}, finally: {}, recurring: {}, ...ofRuns };
}

function functionsOf(sites: readonly BlockSite[], counts: Float64Array, texts: Texts): ReachedFunction[] {
  const byFile = Map.groupBy(sites.map((site, i) => ({ site, count: counts[i]! })), ({ site }) => site.file);
  return [...byFile].flatMap(([file, blocks]) => {
    const known = new Set<string>();
    const ran = new Set<string>();
    for (const { site, count } of blocks) {
      const place = `${site.line}:${site.column}`;
      known.add(place);
      if (count > 0) ran.add(place);
    }
    return mapOf(texts.read(file)).functions.filter((f) => f.blocks.some((b) => known.has(`${b.line}:${b.column}`)))
      .map((f): ReachedFunction => ({
        file: relative(texts.root, file).replaceAll("\\", "/"), name: f.name, hash: f.hash, blocks: f.blocks.length,
        ran: f.blocks.flatMap((b, i) => (ran.has(`${b.line}:${b.column}`) ? [i] : [])),
      }));
  });
}
