/** From what a search found to a verdict, and from a verdict to whether the scenario is as it expects. */
import { group } from "../numbers.ts";
import { IN_JAVASCRIPT } from "../result.ts";
import type { Counts, InvariantReport, Measures, PropertyRef, ReplayedTrace, ScenarioResult, Verdict, Violation } from "../result.ts";
import type { Expectation, Scenario } from "../scenario.ts";
import type { Finding, Outcome } from "../search/explore.ts";
import { measuresOf } from "../search/measures.ts";
import type { TransitionSystem } from "../system.ts";
import type { Recipe } from "../trace/recipe.ts";
import { callWarnings } from "./call-warnings.ts";
import { clearsDeadLocals, isSearch, reductionsOf, type CheckOptions } from "./options.ts";
import { reportOf } from "./refinement-report.ts";

/** The expectation in words: `holds (14,456 states)`, `violated("I1") in 7 steps`. */
export function expectationInWords(e: Expectation): string {
  if (e.verdict === "violated") {
    return `violated(${JSON.stringify(e.property)})${e.length === null ? "" : ` in ${e.length} steps`}`;
  }
  return `holds${e.states === null ? "" : ` (${group(e.states)} states)`}`;
}

/** The steps of a finding about end states that no path leads to. */
const NO_END: Finding["steps"] = [];

/** Promises about end states that were evaluated in no state, `wanted` named first: as little proof as a witness that was never reached. */
export function endlessFinding(system: TransitionSystem, outcome: Outcome, wanted: string | null): Finding | null {
  const { finally: promises } = system;
  const name = promises.includes(wanted ?? "") ? wanted! : promises[0];
  if (name === undefined || !outcome.complete || outcome.measures.terminals > 0) return null;
  const message = `no end state is reachable, so "${name}" was never evaluated; state it in "always", or let the threads end or rest`;
  const also = promises.filter((p) => p !== name).map((p): PropertyRef => ({ kind: "finally", name: p }));
  return { kind: "finally", name, also, message, initial: [], steps: NO_END, minimised: true, explanation: null };
}

/** Whether a trace shows the finding. A witness that is never reached has none, nor has an end state that there is not. */
export function hasTrace(finding: Finding): boolean {
  return finding.kind !== "sometimes" && finding.steps !== NO_END;
}

/** What replay needs to make the finding's trace. */
export function recipeOf(f: Finding, scenario: string, programHash: string, seed: number): Recipe {
  const property: PropertyRef = { kind: f.kind, name: f.name };
  const steps = f.steps.map((step) => ({ ...step, label: null }));
  return { scenario, programHash, seed, property, initial: f.initial, steps, loop: f.loop ?? null };
}

export function violationOf(f: Finding, replayed: ReplayedTrace | null): Violation {
  return {
    property: f.name, kind: f.kind, message: messageOf(f, replayed),
    trace: replayed?.trace ?? null, length: f.steps.length, minimised: f.minimised,
    ...(f.explanation?.throws === undefined ? {} : { throws: f.explanation.throws }),
  };
}

/** Of a trap only the search knows how many states there are, and of a run whether there is a shorter loop. */
function messageOf(f: Finding, replayed: ReplayedTrace | null): string {
  if (f.kind === "recurring" || replayed === null) return f.message;
  return f.loop === undefined || f.message === "" ? replayed.message : `${replayed.message}; ${f.message}`;
}

/** A search that is over, with the scenario that it was made for. */
export interface Judged {
  readonly scenario: Scenario;
  readonly options: CheckOptions;
  /** Whether dead locals were cleared. */
  readonly clearing: boolean;
  readonly outcome: Outcome;
  readonly violation: Violation | null;
  /** What is broken besides. */
  readonly also: readonly PropertyRef[];
  /** Of these, what has a trace of its own. */
  readonly further: readonly Violation[];
  /** States found with clearing off, where that count is pinned and was taken; null otherwise. */
  readonly statesWithoutClearing: number | null;
}

export function verdictOf({ violation, outcome }: Pick<Judged, "violation" | "outcome">): Verdict {
  return violation !== null ? "violated" : outcome.complete ? "holds" : "incomplete";
}

/** What of a result is about states: the system that was searched, what the search counted, what was left unchecked. */
export interface Evidence {
  readonly system: TransitionSystem;
  readonly outcome: Outcome;
  /** In sentences; what the search itself left out is added. */
  readonly notChecked: readonly string[];
  /** Why a search that was to run in WebAssembly ran in JavaScript; null: it did not, or was not to. */
  readonly notLowered: string | null;
}

export function resultOf(judged: Judged, { system, outcome, notChecked, notLowered }: Evidence): ScenarioResult {
  const { scenario: s, clearing, violation } = judged;
  const verdict = verdictOf(judged);
  const { reason, notes } = judgement(judged);
  const ofEngine = notLowered === null ? [] : [`${IN_JAVASCRIPT}: ${notLowered}`];
  const searched = judged.outcome;
  return {
    ...searched.measures,
    scenario: s.name, verdict, expected: expectationInWords(s.expect), asExpected: reason === null, reason, notes: [...notes, ...ofEngine],
    reductions: reductionsOf(s, clearing),
    witnesses: system.sometimes.map((name, i) => ({ name, reached: outcome.witnessesReached[i] ?? false })),
    invariants: invariantsOf(system, outcome),
    violation, alsoViolated: judged.also, further: judged.further, refinement: reportOf(s, system, outcome),
    notChecked: [...searched.notChecked, ...lostStates(searched.measures), ...notChecked],
    warnings: verdict === "holds" ? callWarnings(s, system, outcome) : [],
  };
}

function invariantsOf(system: TransitionSystem, outcome: Outcome): InvariantReport[] {
  return system.always.map((name, i) => ({ name, inForce: outcome.inForce[i] ?? 0 }));
}

/** A remark on states that may be lost, where that is to be expected. */
function lostStates({ expectedCollisions: lost, fingerprintBits }: Measures): string[] {
  if (lost < 0.01) return [];
  const many = lost < 10 ? lost.toFixed(2) : group(Math.round(lost));
  return [`About ${many} states are expected to be lost to equal ${fingerprintBits}-bit fingerprints; --exact loses none.`];
}

/** Why the result is not what the scenario expects, null when it is; and what else there is to say of it. */
type Judgement = Pick<ScenarioResult, "reason" | "notes">;

const against = (reason: string): Judgement => ({ reason, notes: [] });

/**
 * A search that ended early is never as expected. Counts are pinned of the program as it is. A patched program is another one,
 * and that it has other states is no fault of it: other counts are then a note. Another verdict, another promise that breaks,
 * and a witness that is no longer reached stay reasons: where nothing happens any more, the promises that hold say nothing.
 */
function judgement(judged: Judged): Judgement {
  const { scenario: { expect }, options, outcome, violation } = judged;
  if (verdictOf(judged) === "incomplete") return against(outcome.stopReason ?? "the search ended early");
  const other = expect.verdict === "violated" ? otherVerdict(violation, expect.property) : violation?.message ?? null;
  if (other !== null) return against(other);
  const counts = expect.verdict === "violated" ? otherLength(judged, expect.length) : otherCounts(judged, expect);
  if (counts === null) return { reason: null, notes: [] };
  return options.patch === null ? against(counts) : { reason: null, notes: [`under the patch ${counts}`] };
}

function otherVerdict(violation: Violation | null, property: string): string | null {
  if (violation === null) return `${JSON.stringify(property)} should be violated, and every promise holds`;
  if (violation.property === property) {
    return violation.throws === undefined ? null : `${JSON.stringify(property)} should be false, and throws ${violation.throws}`;
  }
  return `${JSON.stringify(property)} should be violated, and ${JSON.stringify(violation.property)} is`;
}

function otherLength({ options, violation }: Judged, pinned: number | null): string | null {
  if (violation === null || violation.trace === null || pinned === null || violation.length === pinned) return null;
  if (options.strategy !== "bfs" && !violation.minimised) return null;
  return `the shortest trace has ${violation.length} steps, ${pinned} are pinned`;
}

function otherCounts(judged: Judged, e: Extract<Expectation, { verdict: "holds" }>): string | null {
  const { scenario, options, clearing, outcome, statesWithoutClearing } = judged;
  const exhaustive = isSearch(options.strategy);
  const different: string[] = [];
  const pin = (what: string, pinned: number | null, found: number | null): void => {
    if (pinned !== null && found !== null && pinned !== found) different.push(`${group(found)} ${what}, pinned are ${group(pinned)}`);
  };
  // The pins of states, transitions and depth are those of the scenario's own setting of dead-local clearing.
  if (exhaustive && clearing === clearsDeadLocals(scenario, null)) {
    pin("states", e.states, outcome.measures.states);
    pin("transitions", e.transitions, outcome.measures.transitions);
    // Depth counts BFS levels; a depth-first search does not know them.
    if (options.strategy === "bfs") pin("levels", e.depth, outcome.measures.depth);
  }
  const withoutClearing = exhaustive && !clearing ? outcome.measures.states : statesWithoutClearing;
  pin("states without dead-local clearing", e.statesWithoutClearing, withoutClearing);
  return different.length === 0 ? null : different.join("; ");
}

/** A result that says only why there is none. */
export function errorResult(s: Scenario, options: CheckOptions, workers: number, reason: string): ScenarioResult {
  const none: Counts = { states: 0, transitions: 0, depth: 0, terminals: 0, levels: [], tableBytes: 0, workers, walks: null };
  return {
    ...measuresOf(none, options, 0, 0),
    scenario: s.name, verdict: "error", expected: expectationInWords(s.expect), asExpected: false, reason, notes: [],
    reductions: [], witnesses: [], invariants: [], violation: null, alsoViolated: [], further: [],
    refinement: null, notChecked: ["Nothing was checked."], warnings: [],
  };
}
