/**
 * Checks one scenario: compile, explore, rebuild the trace, compare with what the scenario expects. The answer is data;
 * `report/` renders it.
 */
import { createHash } from "node:crypto";
import {
  ATOMICITY_NOT_CHECKED, type Patch, type InvariantReport, type PropertyRef, type ReplayedTrace, type ScenarioResult,
  type Verdict, type Violation, type RefinementReport,
} from "../result.ts";
import type { Site } from "../program/observer.ts";
import type { Expectation, ModelScenario, Scenario } from "../scenario.ts";
import type { ExploreOptions, Finding, Outcome } from "../search/explore.ts";
import type { SystemSource, TransitionSystem } from "../system.ts";
import { SANITIZER_RULES } from "../sanitizer/sanitize.ts";
import { errorSentence } from "../error-sentence.ts";
import { group } from "../numbers.ts";
import { expectedCollisions } from "../search/store/fingerprint.ts";
import { DEFAULT_PCT_DEPTH } from "../search/strategy/pct.ts";
import { refinementReport } from "../refinement.ts";
import { replay, type ReplaySubject } from "../trace/replay.ts";

export interface CheckOptions extends Omit<ExploreOptions, "workers" | "workersAfterMs" | "expectedStates"> {
  /** Threads, or null: as many as the size of the scenario deserves (`workersFor`). */
  readonly workers: number | null;
  /** Run the sanitizer pass: on scenarios that ask for it ("asked"), on every program ("all"), or on none. */
  readonly sanitize: "asked" | "all" | "none";
  /** Overrides the scenario's own setting; null keeps it. */
  readonly clearDeadLocals: boolean | null;
  /** Hold each step to the scenario's machines (`Scenario.refine`). */
  readonly refine: boolean;
  /** The patch under which the scenario was loaded; recorded in its trace. */
  readonly patch: Patch | null;
  /** Count the basic blocks that run; one worker then, since counts are kept per thread. */
  readonly coverage: boolean;
}

export const DEFAULT_CHECK_OPTIONS: CheckOptions = {
  strategy: "bfs", workers: null, exact: false, maxStates: null, maxDepth: null, seconds: null, memoryBytes: null, seed: 0,
  fingerprintBits: 64, walks: null, pctDepth: DEFAULT_PCT_DEPTH, minimise: true, sanitize: "none", clearDeadLocals: null, refine: true, patch: null, coverage: false, shouldStop: () => false, onProgress: () => {},
};

export interface Compiled {
  readonly system: TransitionSystem;
  readonly source: SystemSource | null;
}

/** What a check is made of. Tests put their own in its place. */
export interface Engine {
  readonly compile: (s: Scenario, options: { clearDeadLocals: boolean; coverage?: boolean; refine?: boolean; sourceMap?: boolean }) => Compiled | Promise<Compiled>;
  readonly explore: (system: TransitionSystem, source: SystemSource | null, options: ExploreOptions) => Promise<Outcome>;
}

export interface Checked {
  readonly result: ScenarioResult;
  /** The violation's trace with all that replay recomputes; null when there is none. */
  readonly replayed: ReplayedTrace | null;
  /** States found with dead-local clearing off, where the scenario pins that count and the check got that far. */
  readonly statesWithoutClearing: number | null;
  /** How often each basic block ran, where that was asked for. */
  readonly coverage: readonly { readonly site: Site; readonly count: number }[];
}

/** How the text of a program is named in stack traces; see `CompiledSystem`. */
const EMITTED_PROGRAM = /\bthpcheck-[^\s:]+-\d+\.js\b/;

/** Pinned size from which more workers are faster: on two cores, 1.3 million states take longer with two than with one, 4 million less. */
const PARALLEL_STATES_MIN = 3_000_000;
export const WORKERS_MAX = 8;

/** The compiler and the explorer, loaded when the first scenario needs them. */
export async function defaultEngine(): Promise<Engine> {
  const [{ compileScenario }, { explore }] = await Promise.all([import("../compile/compile.ts"), import("../search/explore.ts")]);
  return { compile: (s, options) => ("model" in s && s.model.system !== undefined ? loadSystem(s.model.system) : compileScenario(s, options)), explore };
}

/** A system that is ready made. What decides its behaviour is what it is made from, as far as names and data tell. */
async function loadSystem({ module, data }: NonNullable<ModelScenario["model"]["system"]>): Promise<Compiled> {
  const made = (await import(module)) as { instantiate(data: unknown): TransitionSystem; behaviour(data: unknown): string };
  return { system: made.instantiate(data), source: { module, data, programHash: createHash("sha256").update(made.behaviour(data)).digest("hex").slice(0, 16) } };
}

/** One worker, unless the scenario pins a count that is large enough to share. Any number gives the same result. */
export function workersFor(s: Scenario, cores: number): number {
  const pinned = s.expect.verdict === "holds" ? s.expect.states ?? 0 : 0;
  return pinned >= PARALLEL_STATES_MIN ? Math.max(1, Math.min(cores, WORKERS_MAX)) : 1;
}

/** The expectation in words: `holds (14,456 states)`, `violated("I1") in 7 steps`. */
export function expectationInWords(e: Expectation): string {
  if (e.verdict === "violated") return `violated(${JSON.stringify(e.property)})${e.length === null ? "" : ` in ${e.length} steps`}`;
  return `holds${e.states === null ? "" : ` (${group(e.states)} states)`}`;
}

/** Walks cover no state space. */
const isSearch = (strategy: CheckOptions["strategy"]): boolean => strategy === "bfs" || strategy === "dfs";
const isModel = (s: Scenario): boolean => "model" in s;
export const clearsDeadLocals = (s: Scenario, override: boolean | null): boolean => override ?? s.clearDeadLocals ?? true;

/** Checks the scenario. Whatever goes wrong becomes a result with verdict "error"; nothing is thrown. */
export function checkScenario(s: Scenario, options: CheckOptions, cores: number, engine?: Engine): Promise<Checked> {
  return attempt(s, options, cores, engine, false);
}

/** Most checks need no source map. Where an error passes through the program, the same check with a map says in which line. */
async function attempt(s: Scenario, options: CheckOptions, cores: number, engine: Engine | undefined, sourceMap: boolean): Promise<Checked> {
  const clearing = clearsDeadLocals(s, options.clearDeadLocals);
  const workers = options.coverage ? 1 : options.workers ?? (options.strategy === "bfs" && !options.exact ? workersFor(s, cores) : 1);
  try {
    const { compile, explore } = engine ?? (await defaultEngine());
    const expectedStates = s.expect.verdict === "holds" ? s.expect.states : null;
    const exploreOptions: ExploreOptions = { ...options, workers, expectedStates };
    const { system, source } = await compile(s, { clearDeadLocals: clearing, coverage: options.coverage, refine: options.refine, sourceMap });
    const outcome = await explore(system, source, exploreOptions);
    const subject: ReplaySubject = { system, scenario: s.name, programHash: source?.programHash ?? "", config: s.config ?? {}, policy: s.policy, patch: options.patch };
    const finding = outcome.finding ?? endlessFinding(system, outcome);
    // A witness that is never reached has no trace to replay.
    const plain = finding === null || finding.kind === "sometimes" || finding.steps === NO_END ? null : replay(subject, recipeOf(finding, s.name, subject.programHash, options.seed));
    const replayed = plain === null || plain.property.kind !== "step" ? plain : (await import("../trace/place-of-write.ts")).withPlaceOfWrite(s, system, clearing, plain);
    const violation = finding === null ? null : violationOf(finding, replayed);
    if (!sourceMap && violation?.property === "exception") return await attempt(s, options, cores, engine, true);
    const verdict: Verdict = violation !== null ? "violated" : outcome.complete ? "holds" : "incomplete";

    let trusted: readonly string[] = [];
    const sanitized = verdict === "holds" && wantsSanitizers(s, options);
    if (sanitized) {
      const pass = await sanitizedResult(s, options, clearing, subject, outcome);
      if ("result" in pass) return pass;
      trusted = pass.trusted;
    }

    let statesWithoutClearing: number | null = null;
    if (wantsSecondCount(s, options, clearing) && verdict === "holds") {
      const second = await compile(s, { clearDeadLocals: false, refine: false, sourceMap });
      const counted = await explore(second.system, second.source, exploreOptions);
      if (counted.complete) statesWithoutClearing = counted.states;
    }
    const reason = reasonAgainst(s, verdict, violation, outcome, options, clearing, statesWithoutClearing);
    const result: ScenarioResult = {
      ...measures(outcome, options),
      scenario: s.name, verdict, expected: expectationInWords(s.expect), asExpected: reason === null && verdict !== "incomplete", reason,
      reductions: clearing && !isModel(s) ? ["dead-local clearing"] : [],
      witnesses: system.sometimes.map((name, i) => ({ name, reached: outcome.witnessesReached[i] ?? false })),
      invariants: invariantsOf(system, outcome),
      violation, refinement: reportOf(s, system, outcome),
      notChecked: [...measures(outcome, options).notChecked, ...unrefined(s, options), ...(sanitized || isModel(s) ? trusted : [ATOMICITY_NOT_CHECKED])],
    };
    return { result, replayed, statesWithoutClearing, coverage: options.coverage ? system.coverage?.() ?? [] : [] };
  } catch (e) {
    if (!sourceMap && e instanceof Error && EMITTED_PROGRAM.test(e.stack ?? "")) return attempt(s, options, cores, engine, true);
    return { result: errorResult(s, options, workers, errorSentence(e)), replayed: null, statesWithoutClearing: null, coverage: [] };
  }
}

function invariantsOf(system: TransitionSystem, outcome: Outcome): InvariantReport[] {
  return system.always.map((name, i) => ({ name, unexcused: outcome.inForce[i] ?? 0 }));
}

/** What the search says of the machines that it held steps to. */
function reportOf(s: Scenario, system: TransitionSystem, outcome: Outcome): RefinementReport | null {
  return system.refinement == null || outcome.refined === null ? null : refinementReport(system.refinement, s.refine ?? [], outcome.refined);
}

function unrefined(s: Scenario, options: CheckOptions): string[] {
  return !options.refine && s.refine !== undefined ? ["Its steps were not held to the machines of the specification (--no-refine)."] : [];
}

/** A scenario that expects a sanitizer's finding always gets the pass. */
function wantsSanitizers(s: Scenario, options: CheckOptions): boolean {
  if (isModel(s)) return false;
  const expected = s.expect.verdict === "violated" && (SANITIZER_RULES as readonly string[]).includes(s.expect.property);
  return options.sanitize === "all" || expected || (options.sanitize === "asked" && s.sanitize === true);
}

/** The result of a scenario that holds but for a sanitizer finding; when every block is as it should be, what was taken on trust. */
async function sanitizedResult(s: Scenario, options: CheckOptions, clearing: boolean, subject: ReplaySubject, plain: Outcome): Promise<Checked | { readonly trusted: readonly string[] }> {
  const { sanitize } = await import("../sanitizer/pass.ts");
  const run = await sanitize(s, options, clearing);
  if (run.outcome.complete && (run.outcome.states !== plain.states || run.outcome.transitions !== plain.transitions)) {
    throw new Error(`[thpcheck internal] the instrumented variant of ${s.name} has ${group(run.outcome.states)} states and ${group(run.outcome.transitions)} transitions, the plain one ${group(plain.states)} and ${group(plain.transitions)}`);
  }
  if (run.outcome.complete && run.findings.length === 0) return { trusted: run.trusted };
  const raised = run.raised;
  const replayed = raised === null ? null : replay({ ...subject, system: raised.system }, recipeOf(raised.finding, s.name, subject.programHash, options.seed));
  const violation = raised === null ? null : violationOf(raised.finding, replayed);
  const verdict: Verdict = violation !== null ? "violated" : "incomplete";
  const others = run.findings.slice(1).map((f) => `Also found by the sanitizers: ${f}`);
  const reason = reasonAgainst(s, verdict, violation, run.outcome, options, clearing, null);
  const result: ScenarioResult = {
    ...measures(run.outcome, options),
    scenario: s.name, verdict, expected: expectationInWords(s.expect), asExpected: reason === null, reason,
    reductions: clearing ? ["dead-local clearing"] : [],
    witnesses: subject.system.sometimes.map((name, i) => ({ name, reached: plain.witnessesReached[i] ?? false })),
    invariants: invariantsOf(subject.system, plain),
    violation, refinement: reportOf(s, subject.system, plain),
    notChecked: [...measures(run.outcome, options).notChecked, ...others, ...run.trusted],
  };
  return { result, replayed, statesWithoutClearing: null, coverage: options.coverage ? subject.system.coverage?.() ?? [] : [] };
}

const wantsSecondCount = (s: Scenario, options: CheckOptions, clearing: boolean): boolean =>
  s.expect.verdict === "holds" && s.expect.statesWithoutClearing !== null && clearing && !isModel(s) && options.clearDeadLocals === null && isSearch(options.strategy);

const NO_END: Finding["steps"] = [];

/** Promises about end states that no state was ever held to: as little proof as a witness that was never reached. */
function endlessFinding(system: TransitionSystem, outcome: Outcome): Finding | null {
  const name = system.finally[0];
  if (name === undefined || !outcome.complete || outcome.terminals > 0) return null;
  return { kind: "finally", name, message: `no end state is reachable, so "${name}" was never evaluated; state it in "always", or let the threads end or rest`, initial: [], steps: NO_END, minimised: true, explanation: null };
}

function recipeOf(f: Finding, scenario: string, programHash: string, seed: number): Parameters<typeof replay>[1] {
  const property: PropertyRef = { kind: f.kind, name: f.name };
  return { scenario, programHash, seed, property, initial: f.initial, steps: f.steps.map((step) => ({ ...step, label: null })), loop: null };
}

function violationOf(f: Finding, replayed: ReplayedTrace | null): Violation {
  return { property: f.name, kind: f.kind, message: replayed?.message ?? f.message, trace: replayed?.trace ?? null, length: f.steps.length, minimised: f.minimised };
}

function measures(o: Outcome, options: CheckOptions): Omit<ScenarioResult, "scenario" | "verdict" | "expected" | "asExpected" | "reason" | "reductions" | "witnesses" | "invariants" | "violation" | "refinement"> {
  const collisions = o.exact ? 0 : expectedCollisions(o.states, o.fingerprintBits);
  const lost = collisions >= 0.01 ? [`About ${collisions < 10 ? collisions.toFixed(2) : group(Math.round(collisions))} states are expected to be lost to equal ${o.fingerprintBits}-bit fingerprints; --exact loses none.`] : [];
  return {
    states: o.states, transitions: o.transitions, depth: o.depth, terminals: o.terminals,
    seconds: o.seconds, statesPerSecond: o.seconds > 0 ? Math.round(o.states / o.seconds) : 0,
    bytesPerState: o.stateBytes, tableBytes: o.tableBytes,
    collisionProbability: collisions, fingerprintBits: o.fingerprintBits, exact: o.exact, workers: o.workers, walks: o.walks,
    strategy: options.strategy, seed: options.seed, notChecked: [...o.notChecked, ...lost],
  };
}

/** Why the result is not what the scenario expects, or null. */
function reasonAgainst(s: Scenario, verdict: Verdict, violation: Violation | null, o: Outcome, options: CheckOptions, clearing: boolean, statesWithoutClearing: number | null): string | null {
  if (verdict === "incomplete") return o.stopReason ?? "the search ended early";
  const e = s.expect;
  if (e.verdict === "violated") {
    if (violation === null) return `${JSON.stringify(e.property)} should be violated, and every promise holds`;
    if (violation.property !== e.property) return `${JSON.stringify(e.property)} should be violated, and ${JSON.stringify(violation.property)} is`;
    const shortest = options.strategy === "bfs" || violation.minimised;
    if (e.length !== null && shortest && violation.trace !== null && violation.length !== e.length) return `the shortest trace has ${violation.length} steps, ${e.length} are pinned`;
    return null;
  }
  if (violation !== null) return violation.message;
  const exhaustive = isSearch(options.strategy);
  // The pins of states, transitions and depth are those of the scenario's own setting of dead-local clearing.
  const own = exhaustive && clearing === clearsDeadLocals(s, null);
  const different: string[] = [];
  const pin = (what: string, pinned: number | null, found: number | null): void => {
    if (pinned !== null && found !== null && pinned !== found) different.push(`${group(found)} ${what}, pinned are ${group(pinned)}`);
  };
  if (own) {
    pin("states", e.states, o.states);
    pin("transitions", e.transitions, o.transitions);
    // Depth counts BFS levels; a depth-first search does not know them.
    if (options.strategy === "bfs") pin("levels", e.depth, o.depth);
  }
  pin("states without dead-local clearing", e.statesWithoutClearing, exhaustive && !clearing ? o.states : statesWithoutClearing);
  return different.length === 0 ? null : different.join("; ");
}

/** A result that says only why there is none. */
export function errorResult(s: Scenario, options: CheckOptions, workers: number, reason: string): ScenarioResult {
  return {
    scenario: s.name, verdict: "error", expected: expectationInWords(s.expect), asExpected: false, reason,
    states: 0, transitions: 0, depth: 0, terminals: 0, seconds: 0, statesPerSecond: 0, bytesPerState: 0, tableBytes: 0,
    collisionProbability: 0, fingerprintBits: options.fingerprintBits, exact: options.exact, workers, walks: null, reductions: [],
    strategy: options.strategy, seed: options.seed, witnesses: [], invariants: [], notChecked: ["Nothing was checked."], violation: null, refinement: null,
  };
}
