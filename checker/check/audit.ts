/**
 * The audit: one scenario, checked several ways that must agree.
 *
 * Known tools have reported missed and invented violations from fingerprint collisions, from races between workers,
 * and from reductions. Each variant changes one of these and keeps the rest, so that a disagreement points at its cause.
 */
import { checkScenario, clearsDeadLocals, type Checked, type CheckOptions, type Engine } from "./check.ts";
import { group } from "../numbers.ts";
import type { ScenarioResult } from "../result.ts";
import type { Scenario } from "../scenario.ts";

/** What a variant must share with the first run. */
interface Agreement {
  /** States, transitions and end states: the same, or (a reduction left out) no fewer states. */
  readonly counts: "equal" | "no fewer";
  /** BFS levels. */
  readonly depth: boolean;
  /** The violated promise and the length of its shortest trace. */
  readonly shortest: boolean;
  /** The very trace. */
  readonly trace: boolean;
}

interface Variant extends Agreement {
  readonly name: string;
  readonly options: Partial<CheckOptions>;
}

export interface AuditRow {
  readonly variant: string;
  readonly result: ScenarioResult;
  /** What differs from the first run, in words; empty when the two agree. */
  readonly disagreements: readonly string[];
}

export interface Audit {
  readonly checked: Checked;
  readonly rows: readonly AuditRow[];
  /** One sentence for each variant that disagrees. */
  readonly disagreements: readonly string[];
  /** Every variant ran to its end; otherwise what agrees says less than it seems to. */
  readonly complete: boolean;
}

/** Bounds end a run early, and two runs that ended early have nothing to compare. */
function variantsFor(s: Scenario, options: CheckOptions): Variant[] {
  const variants: Variant[] = [
    { name: "exact states", options: { exact: true }, counts: "equal", depth: true, shortest: true, trace: false },
    { name: "another fingerprint seed", options: { seed: options.seed === 0xffffffff ? 0 : options.seed + 1 }, counts: "equal", depth: true, shortest: true, trace: false },
    // A depth-first search stops at the first violation it meets, which need not be the nearest.
    { name: "depth first", options: { strategy: "dfs" }, counts: "equal", depth: false, shortest: false, trace: false },
    { name: "two workers", options: { workers: 2 }, counts: "equal", depth: true, shortest: true, trace: true },
  ];
  // Clearing merges states that differ in garbage only. No promise reads garbage, so the shortest violation stays as long;
  // but a state may first be met with one content of its garbage and later, a level deeper, with another.
  if (!("model" in s) && clearsDeadLocals(s, options.clearDeadLocals)) {
    variants.push({ name: "dead locals kept", options: { clearDeadLocals: false }, counts: "no fewer", depth: false, shortest: true, trace: false });
  }
  return variants;
}

/** Checks the scenario with breadth-first search on one worker, then each variant, and compares. */
export async function auditScenario(s: Scenario, options: CheckOptions, cores: number, engine?: Engine, onVariant: (name: string) => void = () => {}): Promise<Audit> {
  const base: CheckOptions = { ...options, strategy: "bfs", workers: 1, exact: false };
  const checked = await checkScenario(s, base, cores, engine);
  const rows: AuditRow[] = [{ variant: "breadth first, one worker", result: checked.result, disagreements: [] }];
  if (checked.result.verdict !== "holds" && checked.result.verdict !== "violated") return { checked, rows, disagreements: [], complete: true };
  for (const v of variantsFor(s, base)) {
    onVariant(v.name);
    const { result } = await checkScenario(s, { ...base, ...v.options }, cores, engine);
    rows.push({ variant: v.name, result, disagreements: compare(checked.result, result, v) });
    if (options.shouldStop()) break;
  }
  const disagreements = rows.filter((r) => r.disagreements.length > 0).map((r) => `${s.name}: ${r.variant} disagrees with the first run: ${r.disagreements.join("; ")}`);
  const complete = rows.length === variantsFor(s, base).length + 1 && rows.every((r) => r.result.verdict !== "incomplete");
  return { checked, rows, disagreements, complete };
}

/** What differs. An incomplete variant is no disagreement: it says nothing. */
export function compare(base: ScenarioResult, other: ScenarioResult, a: Agreement): string[] {
  if (other.verdict === "incomplete") return [];
  if (other.verdict !== base.verdict) return [`verdict ${other.verdict}, not ${base.verdict}${other.reason === null ? "" : ` (${other.reason})`}`];
  const different: string[] = [];
  const same = (what: string, mine: number, theirs: number): void => {
    if (mine !== theirs) different.push(`${group(theirs)} ${what}, not ${group(mine)}`);
  };
  // A search that stopped at a violation has seen as much as its order of search made it see.
  const comparable = base.verdict === "holds" || a.shortest;
  if (a.counts === "no fewer" && base.verdict === "holds" && other.states < base.states) different.push(`${group(other.states)} states, fewer than ${group(base.states)}`);
  if (a.counts === "equal" && comparable) {
    same("states", base.states, other.states);
    same("transitions", base.transitions, other.transitions);
    if (base.verdict === "holds") same("end states", base.terminals, other.terminals);
  }
  if (a.depth) same("levels", base.depth, other.depth);
  if (a.shortest) {
    if (base.violation?.property !== other.violation?.property) different.push(`it violates ${JSON.stringify(other.violation?.property)}, not ${JSON.stringify(base.violation?.property)}`);
    else if (base.violation !== null && other.violation !== null) same("steps to the violation", base.violation.length, other.violation.length);
  }
  if (a.trace && JSON.stringify(base.violation?.trace ?? null) !== JSON.stringify(other.violation?.trace ?? null)) different.push("its trace is another");
  const reached = (r: ScenarioResult): string => r.witnesses.map((w) => `${w.name}=${w.reached}`).join();
  if (base.verdict === "holds" && reached(base) !== reached(other)) different.push("it reaches other witnesses");
  return different;
}
