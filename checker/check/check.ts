/**
 * Checks one scenario: compile, explore, rebuild the trace, compare with what the scenario expects. The answer is data;
 * `report/` renders it.
 */
import { errorSentence, isError } from "../error-sentence.ts";
import { coverageLog } from "../program/coverage-log.ts";
import { group } from "../numbers.ts";
import { ATOMICITY_NOT_CHECKED, LIVENESS_NOT_CHECKED, TRAPS_NOT_CHECKED, type ReplayedTrace, type Violation } from "../result.ts";
import { isModel, promisesOfRuns, type Scenario } from "../scenario.ts";
import type { SanitizedRun } from "../sanitizer/pass.ts";
import { SANITIZER_RULES } from "../sanitizer/sanitize.ts";
import type { ExploreOptions, Finding, Outcome } from "../search/explore.ts";
import type { LoweredSearch } from "../search/lowered/module.ts";
import type { TransitionSystem } from "../system.ts";
import { replay, type ReplaySubject } from "../trace/replay.ts";
import { defaultEngine } from "./engine.ts";
import {
  clearsDeadLocals, isSearch, nothingChecked, runsInWasm, sanitizes, workersFor, type Checked, type CheckOptions, type Compiled,
  type Engine, type FurtherTrace,
} from "./options.ts";
import { endlessFinding, errorResult, hasTrace, recipeOf, resultOf, verdictOf, violationOf, type Judged } from "./verdict.ts";

/** How the text of a program is named in stack traces; see `CompiledSystem`. */
const EMITTED_PROGRAM = /\bthpcheck-[^\s:]+-\d+\.js\b/;

/** Checks the scenario. Whatever goes wrong becomes a result with verdict "error"; nothing is thrown. */
export async function checkScenario(s: Scenario, options: CheckOptions, cores: number, engine?: Engine): Promise<Checked> {
  const unasked = options.strategy === "bfs" && !options.exact ? workersFor(s, cores) : 1;
  // What the process records of its programs, it records of this thread.
  const workers = coverageLog() !== null ? 1 : options.workers ?? unasked;
  const clearing = clearsDeadLocals(s, options.clearDeadLocals);
  try {
    const first: Attempt = { scenario: s, options, clearing, workers, engine: engine ?? (await defaultEngine()), sourceMap: false };
    return (await attempt(first)) ?? (await attempt({ ...first, sourceMap: true }))!;
  } catch (e) {
    return nothingChecked(errorResult(s, options, workers, errorSentence(e)));
  }
}

interface Attempt {
  readonly scenario: Scenario;
  readonly options: CheckOptions;
  /** Whether dead locals are cleared. */
  readonly clearing: boolean;
  readonly workers: number;
  readonly engine: Engine;
  /** False at first: most checks need no map. Where an error passes through the program, a second check with a map names the line. */
  readonly sourceMap: boolean;
}

/** One check from start to end; null when it must be repeated with a source map. */
async function attempt(a: Attempt): Promise<Checked | null> {
  try {
    return await checkOnce(a);
  } catch (e) {
    if (!a.sourceMap && isError(e) && EMITTED_PROGRAM.test(e.stack ?? "")) return null;
    throw e;
  }
}

async function checkOnce(a: Attempt): Promise<Checked | null> {
  const { scenario: s, options, clearing, sourceMap } = a;
  const expectedStates = s.expect.verdict === "holds" ? s.expect.states : null;
  const wanted = s.expect.verdict === "violated" ? s.expect.property : null;
  const search: ExploreOptions = { ...options, workers: a.workers, expectedStates, wanted, endless: s.endless ?? false };
  const request = { clearDeadLocals: clearing, coverage: options.coverage, refine: options.refine, sourceMap };
  const searched = await a.engine.compile(s, request);
  const { system, source } = searched;
  const { lowered, why } = await loweredFor(a, searched);
  const outcome = await a.engine.explore(system, source, lowered === null ? search : { ...search, lowered });
  const finding = outcome.finding ?? endlessFinding(system, outcome, wanted);
  const replayed = finding !== null && hasTrace(finding) ? await placed(a, searched, finding) : null;
  const violation = finding === null ? null : violationOf(finding, replayed);
  const others = await furtherOf(a, searched, outcome.further);
  if (!sourceMap && [violation, ...others.violations].some(throwsSomething)) return null;

  let taken: readonly string[] = isModel(s) ? [] : [ATOMICITY_NOT_CHECKED];
  const whySanitized = sanitizes(s, options.sanitize);
  const holds = verdictOf({ violation, outcome }) === "holds";
  if (holds && wantsSanitizers(s, options)) {
    const pass = await sanitizedCheck(a, searched, outcome);
    if ("result" in pass) return pass;
    taken = pass.trusted;
  } else if (typeof whySanitized === "string") taken = [`The sanitizers left it out: ${whySanitized}`];
  const statesWithoutClearing = holds && wantsSecondCount(s, options, clearing) ? await countWithoutClearing(a, search) : null;
  const judged: Judged = {
    scenario: s, options, clearing, outcome, violation, also: finding?.also ?? [], further: others.violations, statesWithoutClearing,
  };
  const notChecked = [...unrefined(s, options), ...trapsLeftOut(s, options), ...livenessLeftOut(s, options), ...bounded(s), ...taken];
  const result = resultOf(judged, { system, outcome, notChecked, notLowered: why ?? outcome.notLowered });
  const { traces } = others;
  const program = source?.programHash ?? null;
  return { result, replayed, further: traces, statesWithoutClearing, coverage: coverageOf(system, outcome), program };
}

/** What a search that went on has found besides, in the order of their traces' lengths. */
async function furtherOf(
  a: Attempt, searched: Compiled, found: readonly Finding[],
): Promise<{ readonly violations: readonly Violation[]; readonly traces: readonly FurtherTrace[] }> {
  const violations: Violation[] = [];
  const traces: FurtherTrace[] = [];
  for (const f of found) {
    const replayed = await placed(a, searched, f);
    violations.push(violationOf(f, replayed));
    traces.push({ replayed, story: null });
  }
  return { violations, traces };
}

/** The search in WebAssembly where that is asked for; or why there is none. */
async function loweredFor(
  { engine, options, scenario, workers }: Attempt, searched: Compiled,
): Promise<{ readonly lowered: LoweredSearch | null; readonly why: string | null }> {
  if (!runsInWasm(scenario, options)) return { lowered: null, why: null };
  const isKind = options.strategy === "bfs" && !options.exact;
  if (!isKind) return { lowered: null, why: "only breadth-first searches with fingerprints are lowered" };
  const lowered = await engine.lower?.(searched, { ...options, workers }) ?? { reason: "this engine lowers nothing" };
  return "reason" in lowered ? { lowered: null, why: lowered.reason } : { lowered, why: null };
}

/**
 * The trace of a finding, told by `teller`, or else by the program that was searched. Counters are no part of the program that a
 * trace is of: who replays it counts nothing.
 */
async function told(a: Attempt, searched: Compiled, finding: Finding, teller: TransitionSystem | null = null): Promise<ReplayedTrace> {
  const { scenario: s, options, clearing, sourceMap } = a;
  const counts = options.coverage !== false && !isModel(s);
  const plain = counts ? await a.engine.compile(s, { clearDeadLocals: clearing, refine: options.refine, sourceMap }) : searched;
  const programHash = plain.source?.programHash ?? "";
  const subject: ReplaySubject = {
    system: teller ?? plain.system, scenario: s.name, programHash, config: s.config ?? {}, policy: s.policy, patch: options.patch,
  };
  return replay(subject, recipeOf(finding, s.name, programHash, options.seed));
}

/** The trace of a finding; of a broken step promise, with the line of the store that breaks it. */
async function placed(a: Attempt, searched: Compiled, finding: Finding): Promise<ReplayedTrace> {
  const trace = await told(a, searched, finding);
  if (finding.kind !== "step") return trace;
  return (await import("../trace/place-of-write.ts")).withPlaceOfWrite(a.scenario, searched.system, a.clearing, trace);
}

/** Whether words of a violation are those of an error, whose line only a source map tells. */
const throwsSomething = (v: Violation | null): boolean => v?.property === "exception" || v?.throws !== undefined;

function coverageOf({ coverage }: TransitionSystem, { blockCounts }: Outcome): Checked["coverage"] {
  return coverage?.sites.map((site, n) => ({ site, count: blockCounts?.[n] ?? 0 })) ?? [];
}

function unrefined(s: Scenario, options: CheckOptions): string[] {
  return !options.refine && s.refine !== undefined ? ["Its steps were not held to the machines of the specification (--no-refine)."] : [];
}

function trapsLeftOut(s: Scenario, { traps }: CheckOptions): string[] {
  return traps || (s.endless === true && s.recurring === undefined) ? [] : [`${TRAPS_NOT_CHECKED} (--no-traps).`];
}

function livenessLeftOut(s: Scenario, { liveness }: CheckOptions): string[] {
  return liveness || !promisesOfRuns(s) ? [] : [`${LIVENESS_NOT_CHECKED} (--no-liveness).`];
}

function bounded(s: Scenario): string[] {
  const left = "what comes after a state in which the scenario's within is false was not looked at";
  return s.within === undefined ? [] : [`The search was bounded: ${left}.`];
}

function wantsSecondCount(s: Scenario, options: CheckOptions, clearing: boolean): boolean {
  // It would be compared with a pin of the program without the patch.
  if (s.expect.verdict !== "holds" || s.expect.statesWithoutClearing === null || options.patch !== null) return false;
  return clearing && !isModel(s) && options.clearDeadLocals === null && isSearch(options.strategy);
}

/** States with dead-local clearing off; null when a bound ended the search. */
async function countWithoutClearing({ scenario, engine, sourceMap }: Attempt, search: ExploreOptions): Promise<number | null> {
  const { system, source } = await engine.compile(scenario, { clearDeadLocals: false, refine: false, sourceMap });
  const counted = await engine.explore(system, source, { ...search, traps: false, liveness: false });
  return counted.complete ? counted.measures.states : null;
}

/** A scenario that expects a sanitizer's finding always gets the pass. */
function wantsSanitizers(s: Scenario, options: CheckOptions): boolean {
  const expected = s.expect.verdict === "violated" && (SANITIZER_RULES as readonly string[]).includes(s.expect.property);
  return (expected && !isModel(s)) || sanitizes(s, options.sanitize) === true;
}

/**
 * The check of a scenario that holds but for a sanitizer finding; when every block is as it should be, what the sanitizers
 * took on trust. `plain` is the search without sanitizers: a pass that saw another state space is an error of the checker.
 */
async function sanitizedCheck(a: Attempt, searched: Compiled, plain: Outcome): Promise<Checked | Pick<SanitizedRun, "trusted">> {
  const { scenario: s, options, clearing } = a;
  const { sanitize } = await import("../sanitizer/pass.ts");
  const { outcome, findings, trusted, raised } = await sanitize(s, options, clearing);
  const counts = ({ measures: m }: Outcome): string => `${group(m.states)} states and ${group(m.transitions)} transitions`;
  if (outcome.complete && counts(outcome) !== counts(plain)) {
    throw new Error(`[thpcheck internal] the instrumented variant of ${s.name} has ${counts(outcome)}, the plain one has ${counts(plain)}`);
  }
  if (outcome.complete && findings.length === 0) return { trusted };
  const replayed = raised === null ? null : await told(a, searched, raised.finding, raised.system);
  const violation = raised === null ? null : violationOf(raised.finding, replayed);
  // Without a trace of the finding, nothing is shown: the search does not count as complete.
  const shown: Outcome = { ...outcome, complete: false };
  const judged: Judged = { scenario: s, options, clearing, outcome: shown, violation, also: [], further: [], statesWithoutClearing: null };
  const others = findings.slice(1).map((f) => `Also found by the sanitizers: ${f}`);
  const evidence = { system: searched.system, outcome: plain, notChecked: [...others, ...trusted], notLowered: plain.notLowered };
  const result = resultOf(judged, evidence);
  const program = searched.source?.programHash ?? null;
  return { result, replayed, further: [], statesWithoutClearing: null, coverage: coverageOf(searched.system, plain), program };
}
