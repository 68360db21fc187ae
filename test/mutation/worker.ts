/**
 * A process of its own for one job, so that what a mutant leaves behind (modules, syntax trees, memory) ends with it, and
 * so that one that hangs can be killed. Started by `processes.ts`; answers message by message, and ends when it is told.
 */
import { checkScenario } from "../../checker/check/check.ts";
import { clearsDeadLocals, DEFAULT_CHECK_OPTIONS, type CheckOptions } from "../../checker/check/options.ts";
import { withMachines } from "../../checker/project/machines.ts";
import { selectScenarios } from "../../checker/project/select.ts";
import { errorSentence, shortPath } from "../../checker/error-sentence.ts";
import type { Patch } from "../../checker/result.ts";
import { SANITIZER_RULES } from "../../checker/sanitizer/sanitize.ts";
import { sanitize } from "../../checker/sanitizer/pass.ts";
import type { Scenario } from "../../checker/scenario.ts";
import type { Tier } from "../../checker/result.ts";
import type { Outcome } from "./verdict.ts";

/** What is asked of the process. `folder`: the project's; `file` is relative to it. */
export type Request =
  | { readonly kind: "measure"; readonly folder: string; readonly file: string; readonly tier: Tier; readonly maxStates: number; readonly sanitizeStatesMax: number; readonly except: readonly string[] }
  | { readonly kind: "try"; readonly folder: string; readonly file: string; readonly scenario: string; readonly pass: Pass; readonly patch: Patch; readonly maxStates: number; readonly cpuSeconds: number };

/** The exploration itself, or the sanitizers' second one. */
export type Pass = "plain" | "sanitized";

/** What a scenario does without any mutation. */
export interface Measured {
  readonly scenario: string;
  readonly file: string;
  readonly tier: string;
  /** Null: usable. Otherwise why no verdict about a mutant can rest on the scenario. */
  readonly unusable: string | null;
  /** Of a large one, those that were explored. */
  readonly states: number;
  readonly cpuSeconds: number;
  /** The sanitizers have nothing to say about it. */
  readonly sanitized: boolean;
  /** Where the basic blocks begin that ran, as `impl/file.ts:line:column`, and those that are part of the program and did not. */
  readonly ran: readonly string[];
  readonly idle: readonly string[];
}

export type Answer =
  | { readonly kind: "measured"; readonly scenarios: readonly Measured[] }
  | { readonly kind: "tried"; readonly outcome: Outcome; readonly states: number; readonly cpuSeconds: number }
  | { readonly kind: "failed"; readonly message: string };

const cpuSeconds = (): number => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };

async function measure(r: Request & { kind: "measure" }): Promise<Answer> {
  const { scenarios, failures } = await selectScenarios([r.file], "nightly", r.folder);
  if (failures.length > 0) return { kind: "failed", message: failures.join("; ") };
  const measured: Measured[] = [];
  for (const loaded of scenarios) {
    const { scenario } = loaded;
    if (scenario.expect.verdict !== "holds" || "model" in scenario || !isOf(scenario.tier, r) || r.except.includes(scenario.name)) continue;
    measured.push(await measureOne(await withMachines(scenario, r.folder), r));
  }
  return { kind: "measured", scenarios: measured };
}

const TIERS: readonly Tier[] = ["quick", "full", "nightly"];
/** Of the tier or one below it. The scenarios of the bugs are all small, whatever their tier. */
function isOf(tier: Tier, r: Request & { kind: "measure" }): boolean {
  return r.file.startsWith("test/bugs/") || TIERS.indexOf(tier) <= TIERS.indexOf(r.tier);
}

async function measureOne(scenario: Scenario, r: Request & { kind: "measure" }): Promise<Measured> {
  const known = { scenario: scenario.name, file: r.file, tier: scenario.tier };
  const before = cpuSeconds();
  const options: CheckOptions = { ...DEFAULT_CHECK_OPTIONS, maxStates: r.maxStates, coverage: true, minimise: false };
  const { result, coverage } = await checkScenario(withoutPins(scenario), options, 1);
  const took = cpuSeconds() - before;
  const own = coverage.map(({ site, count }) => ({ at: `${shortPath(site.file)}:${site.line}:${site.column}`, count })).filter((b) => b.at.startsWith("impl/"));
  const ran = new Set(own.filter((b) => b.count > 0).map((b) => b.at));
  const sanitized = result.verdict === "holds" && result.states <= r.sanitizeStatesMax && (await isClean(scenario, options));
  return {
    ...known, states: result.states, cpuSeconds: took, sanitized,
    // Of a large scenario the beginning is as good: what breaks there, breaks. That a witness is lost cannot be told.
    unusable: result.verdict === "holds" || (result.verdict === "incomplete" && result.states >= r.maxStates) ? null : `${result.verdict}: ${result.reason ?? ""}`,
    ran: [...ran].sort(), idle: [...new Set(own.map((b) => b.at))].filter((at) => !ran.has(at)).sort(),
  };
}

async function isClean(scenario: Scenario, options: CheckOptions): Promise<boolean> {
  const run = await sanitize(scenario, options, clearsDeadLocals(scenario, null));
  return run.outcome.complete && run.findings.length === 0;
}

/** The counts of a mutant are its own, and a second exploration to compare them would only take time. */
function withoutPins(scenario: Scenario): Scenario {
  return { ...scenario, expect: { verdict: "holds", states: null, transitions: null, depth: null, statesWithoutClearing: null } };
}

async function tryOne(r: Request & { kind: "try" }): Promise<Answer> {
  const before = cpuSeconds();
  const { scenarios, failures } = await selectScenarios([r.file], "nightly", r.folder, r.patch);
  const loaded = scenarios.find((s) => s.scenario.name === r.scenario);
  if (loaded === undefined) return { kind: "tried", outcome: { kind: "invalid", reason: failures.join("; ") || `there is no scenario ${r.scenario} in ${r.file}` }, states: 0, cpuSeconds: cpuSeconds() - before };
  const scenario = withoutPins(await withMachines(loaded.scenario, r.folder));
  const options: CheckOptions = {
    ...DEFAULT_CHECK_OPTIONS, patch: r.patch, minimise: false, maxStates: r.maxStates, workers: 1,
    shouldStop: () => cpuSeconds() - before > r.cpuSeconds,
  };
  const found = r.pass === "plain" ? await plain(scenario, options) : await withSanitizers(scenario, options);
  const { states } = found;
  const outcome: Outcome = found.outcome.kind === "bounded" && options.shouldStop() ? { kind: "bounded", reason: "the mutant's time was over" } : found.outcome;
  return { kind: "tried", outcome, states, cpuSeconds: cpuSeconds() - before };
}

async function plain(scenario: Scenario, options: CheckOptions): Promise<{ outcome: Outcome; states: number }> {
  const { result } = await checkScenario(scenario, options, 1);
  const { violation, states } = result;
  if (violation !== null) return { outcome: { kind: "violated", property: violation.property, of: violation.kind, message: violation.message, steps: violation.length }, states };
  if (result.verdict === "holds") return { outcome: { kind: "holds" }, states };
  const reason = result.reason ?? "";
  if (result.verdict === "incomplete") return { outcome: { kind: "bounded", reason }, states };
  return { outcome: { kind: reason.startsWith("[thpcheck internal") ? "crashed" : "invalid", reason }, states };
}

async function withSanitizers(scenario: Scenario, options: CheckOptions): Promise<{ outcome: Outcome; states: number }> {
  const run = await sanitize(scenario, options, clearsDeadLocals(scenario, null));
  const { measures: { states }, finding } = run.outcome;
  if (finding !== null) return { outcome: { kind: "violated", property: finding.name, of: finding.kind, message: finding.message, steps: finding.steps.length }, states };
  if (run.findings.length === 0) return { outcome: run.outcome.complete ? { kind: "holds" } : { kind: "bounded", reason: run.outcome.stopReason ?? "" }, states };
  // Findings of an exploration that was cut short are findings all the same: a block that is not atomic is there.
  const property = run.raised?.finding.name ?? SANITIZER_RULES.find((rule) => run.findings[0]!.startsWith(rule)) ?? "atomicity";
  return { outcome: { kind: "violated", property, of: "fault", message: run.findings[0]!, steps: run.raised?.finding.steps.length ?? 0 }, states };
}

process.on("message", (request: Request) => {
  const work = request.kind === "measure" ? measure(request) : tryOne(request);
  // What the checker itself cannot cope with says nothing about the promise.
  work.catch((e: unknown): Answer => ({ kind: "failed", message: errorSentence(e) })).then((answer) => process.send!(answer), () => { process.exitCode = 1; });
});
process.on("disconnect", () => process.exit());
// Ctrl-C is for the parent, which ends its processes when it has noted what is known.
process.on("SIGINT", () => {});
