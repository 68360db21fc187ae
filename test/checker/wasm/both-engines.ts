/** One scenario searched in both engines, and where the two differ. */
import { compileScenario } from "../../../checker/compile/compile.ts";
import type { Scenario } from "../../../checker/scenario.ts";
import type { ExploreOptions } from "../../../checker/search/explore.ts";
import type { LoweredSearch } from "../../../checker/search/lowered/module.ts";
import { lowerSearch } from "../../../checker/wasm/lower-search.ts";
import { run, TIMELESS, type Explored } from "../search/options.ts";

export interface Both {
  readonly js: Explored;
  readonly wasm: Explored;
  /** Members of the outcome that differ, with both values. */
  readonly unlike: readonly string[];
}

export interface Asked extends Partial<ExploreOptions> {
  /** What becomes of the lowered search before it is used. */
  readonly changed?: (lowered: LoweredSearch) => LoweredSearch;
  /** As of `CompileOptions`. */
  readonly refineAll?: boolean;
}

/** What is searched in both, or why it is not lowered. Counts, levels, verdict, trace, witnesses, promises in force: all of it. */
export async function searchedInBoth(
  scenario: Scenario, { changed = (l) => l, refineAll = false, ...options }: Asked = {},
): Promise<Both | { readonly reason: string }> {
  const [first, second] = [0, 1].map(() => compileScenario(scenario, { sourceMap: false, refineAll }));
  const { seed = 1, fingerprintBits = 64, workers = 1 } = options;
  const lowered = lowerSearch(second!.image, { seed, fingerprintBits, workers, programHash: second!.source.programHash });
  if ("reason" in lowered) return lowered;
  const asked = { traps: true, endless: scenario.endless ?? false, ...options };
  const js = await run(first!.system, asked, first!.source);
  const wasm = await run(second!.system, { ...asked, lowered: changed(lowered) }, second!.source);
  return { js, wasm, unlike: differences(js, wasm) };
}

/** Bytes differ: a memory grows by other steps. */
const BESIDES = { ...TIMELESS, engine: "", tableBytes: 0, notLowered: null };

function differences(js: Explored, wasm: Explored): string[] {
  const [a, b] = [js, wasm].map((o) => Object.entries({ ...o, ...BESIDES }).map(([name, value]) => `${name}: ${JSON.stringify(value)}`));
  return a!.flatMap((text, n) => (text === b![n] ? [] : [`${text} / ${b![n]}`]));
}
