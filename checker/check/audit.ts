/**
 * The audit: one scenario, checked several ways that must agree.
 *
 * Known tools have reported missed and invented violations from fingerprint collisions, from races between workers,
 * and from reductions. Each variant changes one of these and keeps the rest, so that a disagreement points at its cause.
 */
import { checkScenario } from "./check.ts";
import { clearsDeadLocals, type Checked, type CheckOptions, type Engine } from "./options.ts";
import { group } from "../numbers.ts";
import { IN_JAVASCRIPT, TRAPS_NOT_CHECKED, type ScenarioResult, type Violation } from "../result.ts";
import { isModel, type Scenario } from "../scenario.ts";

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
  /** Transitions that machines took, and states in which invariants were in force. */
  readonly observed: boolean;
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

/** The ways to check the scenario again. */
function variantsFor(s: Scenario, options: CheckOptions): Variant[] {
  const otherSeed = options.seed === 0xffffffff ? 0 : options.seed + 1;
  const alike = { counts: "equal", depth: true, shortest: true, trace: false, observed: false } as const;
  const variants: Variant[] = [
    { name: "exact states", options: { exact: true }, ...alike },
    { name: "another fingerprint seed", options: { seed: otherSeed }, ...alike },
    // A depth-first search stops at the first violation it meets, which need not be the nearest.
    { name: "depth first", options: { strategy: "dfs" }, ...alike, depth: false, shortest: false },
    { name: "two workers", options: { workers: 2 }, ...alike, trace: true },
    { name: "in WebAssembly", options: { engine: "wasm" }, ...alike, trace: true, observed: true },
  ];
  // Clearing merges states that differ in garbage only. No promise reads garbage, so the shortest violation stays as long;
  // but a state may first be met with one content of its garbage and later, a level deeper, with another.
  if (!isModel(s) && clearsDeadLocals(s, options.clearDeadLocals)) {
    variants.push({ name: "dead locals kept", options: { clearDeadLocals: false }, ...alike, counts: "no fewer", depth: false });
  }
  return variants;
}

/** Where an audit runs; `onVariant` is told the name of each variant before it is checked. */
export interface AuditSettings {
  readonly cores: number;
  /** Default: the engine of the project. */
  readonly engine?: Engine | undefined;
  readonly onVariant?: (name: string) => void;
}

/** Checks the scenario with breadth-first search on one worker, in JavaScript, then each variant, and compares. */
export async function auditScenario(s: Scenario, options: CheckOptions, { cores, engine, onVariant }: AuditSettings): Promise<Audit> {
  const base: CheckOptions = { ...options, strategy: "bfs", workers: 1, exact: false, engine: "js" };
  const checked = await checkScenario(s, base, cores, engine);
  const rows: AuditRow[] = [{ variant: "breadth first, one worker", result: checked.result, disagreements: [] }];
  // A bound ends a run early; two runs that ended early have nothing to compare.
  const { verdict } = checked.result;
  if (verdict !== "holds" && verdict !== "violated") return { checked, rows, disagreements: [], complete: true };
  const variants = variantsFor(s, base);
  for (const v of variants) {
    onVariant?.(v.name);
    const { result } = await checkScenario(s, { ...base, ...v.options }, cores, engine);
    const why = result.notes.find((n) => n.startsWith(IN_JAVASCRIPT));
    const variant = why === undefined ? v.name : `${v.name} (${why})`;
    rows.push({ variant, result, disagreements: compare(checked.result, result, v) });
    if (options.shouldStop()) break;
  }
  const disagreements = rows.filter((r) => r.disagreements.length > 0)
    .map((r) => `${s.name}: ${r.variant} disagrees with the first run: ${r.disagreements.join("; ")}`);
  const complete = rows.length === variants.length + 1 && rows.every((r) => r.result.verdict !== "incomplete");
  return { checked, rows, disagreements, complete };
}

/** What differs, in words. An incomplete variant is no disagreement: it says nothing. */
export function compare(base: ScenarioResult, other: ScenarioResult, a: Agreement): string[] {
  if (other.verdict === "incomplete") return [];
  // A variant that does not look for traps has nothing to say of one.
  if (base.violation?.kind === "recurring" && other.verdict === "holds" && other.notChecked.some((n) => n.startsWith(TRAPS_NOT_CHECKED))) {
    return differentCounts(base, other, a);
  }
  if (other.verdict !== base.verdict) {
    return [`verdict ${other.verdict}, not ${base.verdict}${other.reason === null ? "" : ` (${other.reason})`}`];
  }
  const different = differentCounts(base, other, a);
  // With garbage that differs, a loop comes back to the same state later, or nowhere near.
  const isOfRuns = base.violation?.trace?.loop != null;
  if (a.shortest && !(isOfRuns && a.counts === "no fewer")) different.push(...differentViolations(base.violation, other.violation));
  if (a.trace && traceOf(base) !== traceOf(other)) different.push("its trace is another");
  if (a.observed && observedOf(base) !== observedOf(other)) different.push("its machines or its invariants saw other steps");
  if (base.verdict === "holds" && witnessesOf(base) !== witnessesOf(other)) different.push("it reaches other witnesses");
  return different;
}

const traceOf = (r: ScenarioResult): string => JSON.stringify(r.violation?.trace ?? null);
const observedOf = (r: ScenarioResult): string => JSON.stringify([r.refinement, r.invariants]);
const witnessesOf = (r: ScenarioResult): string => r.witnesses.map((w) => `${w.name}=${w.reached}`).join();

function differentCounts(base: ScenarioResult, other: ScenarioResult, a: Agreement): string[] {
  const different: string[] = [];
  const same = (what: string, mine: number, theirs: number): void => {
    if (mine !== theirs) different.push(`${group(theirs)} ${what}, not ${group(mine)}`);
  };
  if (a.counts === "no fewer" && base.verdict === "holds" && other.states < base.states) {
    different.push(`${group(other.states)} states, fewer than ${group(base.states)}`);
  }
  // A search that stopped at a violation has seen as much as its order of search made it see.
  if (a.counts === "equal" && (base.verdict === "holds" || a.shortest)) {
    same("states", base.states, other.states);
    same("transitions", base.transitions, other.transitions);
    if (base.verdict === "holds") same("end states", base.terminals, other.terminals);
  }
  if (a.depth) same("levels", base.depth, other.depth);
  return different;
}

function differentViolations(base: Violation | null, other: Violation | null): string[] {
  if (base?.property !== other?.property) return [`it violates ${JSON.stringify(other?.property)}, not ${JSON.stringify(base?.property)}`];
  if (base === null || other === null || base.length === other.length) return [];
  return [`${group(other.length)} steps to the violation, not ${group(base.length)}`];
}
