/** Which scenarios come to changed lines, and in which order to try them: for the cost of a look into the index. */
import type { CodeUnit } from "../compile/code-map.ts";
import type { PatchReach, PatchReport } from "../result.ts";
import type { ReachIndex, ReachRow } from "./reach-index.ts";

/** A place of the text without the patch. */
export interface WantedPlace {
  /** As the index names it. */
  readonly file: string;
  /** The units around it, the innermost first. */
  readonly units: readonly CodeUnit[];
}

export type Offers = Pick<PatchReport, "knownPlaces" | "reach" | "mayReach" | "outdated">;

/**
 * Scenarios without those named `done`. First come the cheapest that together run every place that none of these runs: each time
 * the one that adds most for its states. Then all others, the cheapest first.
 */
export function offers(wanted: readonly WantedPlace[], index: ReachIndex | null, done: readonly string[]): Offers {
  if (index === null) return { knownPlaces: 0, reach: null, mayReach: [], outdated: [] };
  const outdated = new Set<string>();
  const may = new Set<ReachRow>();
  const rowsOf = wanted.flatMap(({ file, units }): ReachRow[][] => {
    const unit = units.find(({ ref }) => index.functionNamed(file, ref.function.name) !== null);
    if (unit === undefined) return [];
    const { function: fn, block } = unit.ref;
    const isExact = index.functionNamed(file, fn.name)!.hash === fn.hash;
    if (!isExact) outdated.add(`${file}: ${fn.name}`);
    for (const row of index.mayReach(file, fn.name)) may.add(row);
    return [index.reaching(file, fn.name, isExact ? block : null)];
  });
  const places = new Map<ReachRow, number>();
  for (const row of rowsOf.flat()) places.set(row, (places.get(row) ?? 0) + 1);
  const left = [...places.keys()].filter((row) => !done.includes(row.scenario)).sort(byPrice);
  const open = rowsOf.filter((rows) => !rows.some((r) => done.includes(r.scenario)));
  const order = [...new Set([...cover(open, left), ...left])];
  return {
    knownPlaces: rowsOf.length,
    reach: order.map((row): PatchReach => ({ scenario: row.scenario, tier: row.tier, states: row.states, places: places.get(row)! })),
    mayReach: [...may].filter((row) => !places.has(row) && !done.includes(row.scenario)).map((r) => r.scenario),
    outdated: [...outdated],
  };
}

const byPrice = (a: ReachRow, b: ReachRow): number => a.states - b.states || (a.scenario < b.scenario ? -1 : 1);

/** States that a scenario costs besides its own: to load and compile it takes as long. */
const COMPILING = 20_000;

/** Of `rows`, enough to run each place that one of them runs. */
function cover(places: readonly (readonly ReachRow[])[], rows: readonly ReachRow[]): ReachRow[] {
  const chosen: ReachRow[] = [];
  let open = places.map((p) => new Set(p));
  for (;;) {
    const worth = (row: ReachRow): number => open.filter((p) => p.has(row)).length / (COMPILING + row.states);
    const best = rows.reduce<ReachRow | null>((b, row) => (worth(row) > (b === null ? 0 : worth(b)) ? row : b), null);
    if (best === null) return chosen;
    chosen.push(best);
    open = open.filter((p) => !p.has(best));
  }
}
