/** Options of a test run: breadth-first, one worker, no bounds. */
import type { ExploreOptions, Outcome } from "../../../checker/search/explore.ts";
import { explore } from "../../../checker/search/explore.ts";
import type { Measures } from "../../../checker/result.ts";
import type { SystemSource, TransitionSystem } from "../../../checker/system.ts";

export const DEFAULTS: ExploreOptions = {
  strategy: "bfs", workers: 1, exact: false, maxStates: null, maxDepth: null, seconds: null, memoryBytes: null, seed: 1,
  fingerprintBits: 64, walks: null, pctDepth: 3, minimise: true, shouldStop: () => false, onProgress: () => undefined,
};

/** An outcome with its measures beside the rest. */
export type Explored = Measures & Omit<Outcome, "measures">;

/** What differs from run to run, taken out. */
export const TIMELESS = { seconds: 0, statesPerSecond: 0 };

/** Explores with some options changed. Worker threads, if any, do all the work. */
export async function run(system: TransitionSystem, options: Partial<ExploreOptions> = {}, source: SystemSource | null = null): Promise<Explored> {
  const { measures, ...outcome } = await explore(system, source, { ...DEFAULTS, workersAfterMs: 0, ...options });
  return { ...measures, ...outcome };
}

/** What `instantiate(data)` of a module beside this one gives to workers. */
export function sourceOf(module: string, data: unknown): SystemSource {
  return { module: new URL(module, import.meta.url).href, data, programHash: "" };
}
