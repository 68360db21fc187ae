/** `thpcheck check`: the order of the work, and its exit code. `runner/` checks the scenarios, `report/` says what came out. */
import { defaultEngine } from "../../check/engine.ts";
import type { CheckOptions } from "../../check/options.ts";
import { reasonOf } from "../../files.ts";
import { group } from "../../numbers.ts";
import { pinsOf, updatePins, type Pins } from "../../project/pins.ts";
import { updateTable } from "../../project/pins-table.ts";
import { anyPolicy, underPolicy } from "../../project/under-policy.ts";
import type { LoadedScenario } from "../../project/project.ts";
import { selectFrom, selectScenarios, type Selection } from "../../project/select.ts";
import type { PatchImpact } from "../../reach/impact.ts";
import type { ReportFolder } from "../../page/report-folder.ts";
import type { Reporter, RunEnd } from "../../report/reporter.ts";
import { appliedInWords } from "../../report/patch-report.ts";
import { reportersFor, type ResultsFile } from "../../report/reporters.ts";
import type { Scenario } from "../../scenario.ts";
import type { ScenarioResult, Tier } from "../../result.ts";
import type { CheckAnswer } from "../../runner/check-job.ts";
import { runnerFor } from "../../runner/runners.ts";
import { UsageError } from "../../usage-error.ts";
import { impactOf, reachingScenarios, reportOf } from "./check-patch.ts";
import { EXIT_AS_EXPECTED, EXIT_INCOMPLETE, EXIT_NOT_AS_EXPECTED, EXIT_USAGE, type Host } from "../host.ts";

export interface CheckRequest {
  readonly patterns: readonly string[];
  /** The file whose scenarios the patterns name; null: those of the project, or of the files that are patterns themselves. */
  readonly from: string | null;
  readonly tier: Tier;
  readonly options: CheckOptions;
  /** What the standard output gets: "pretty", or a format of documents by name. */
  readonly format: string;
  /** The files that get documents. */
  readonly out: readonly ResultsFile[];
  readonly updatePins: boolean;
  readonly audit: boolean;
  /** Say at the end in how many states each invariant was in force. */
  readonly invariants: boolean;
  /** Show traces with everything: each step, locals, all that a step changed. */
  readonly full: boolean;
  /** A warning is not as expected. */
  readonly strict: boolean;
  /** Runs the scenarios under this policy; null: as they are. */
  readonly policy: string | null;
  /** Leave out scenarios that pin more states than this, or none; null: leave out none. */
  readonly upTo: number | null;
  /** Runs the scenarios that come to the lines that the patch changes, of any tier, until one is not as expected. */
  readonly reach: boolean;
  /** The folder that gets the index of the run and a page for each violation; null: none. */
  readonly report: string | null;
}

/** Runs the request and returns the exit code. Throws a UsageError when nothing can be run. */
export async function runCheck(request: CheckRequest, host: Host): Promise<number> {
  const { format, out: files, invariants, full } = request;
  const report = request.report === null ? null : await reportFolder(request.report);
  const reporter = await reportersFor({ format, files, invariants, full, also: report }, host);
  let exitCode: number;
  try {
    exitCode = await new CheckRun(request, host, reporter, report).run();
  } catch (e) {
    reporter.close();
    throw e;
  }
  reporter.close();
  return exitCode;
}

/** What it takes to make pages is loaded only for those who want some. */
async function reportFolder(path: string): Promise<ReportFolder> {
  return new (await import("../../page/report-folder.ts")).ReportFolder(path);
}

class CheckRun {
  readonly #request: CheckRequest;
  readonly #host: Host;
  readonly #reporter: Reporter;
  readonly #report: ReportFolder | null;
  readonly #results: ScenarioResult[] = [];
  readonly #disagreements: string[] = [];
  readonly #auditsCut: string[] = [];
  /** What the patch changes, and who runs it; null: there is no patch. */
  readonly #impact: PatchImpact | null;
  /** Something was found that ends the run. */
  #isOver = false;
  /** To be written when nobody loads scenarios any more: who loads a file that has changed takes it for another program. */
  readonly #pins: (readonly [LoadedScenario, Pins])[] = [];
  /** Scenarios whose pins could not be written. */
  readonly #unwritten: string[] = [];
  #leftOut: readonly string[] = [];

  constructor(request: CheckRequest, host: Host, reporter: Reporter, report: ReportFolder | null) {
    this.#request = request;
    this.#host = host;
    this.#reporter = reporter;
    this.#report = report;
    const { patch } = request.options;
    this.#impact = patch === null ? null : impactOf(patch, host.folder);
  }

  async run(): Promise<number> {
    const { tier, audit, options, policy, strict } = this.#request;
    const { folder, cores } = this.#host;
    // From here on a signal ends the run with what it has.
    this.#host.interrupted();
    this.#reporter.begin({ tier, audit, options, folder, strict });
    if (this.#impact !== null) this.#reporter.remark(appliedInWords(this.#impact.report()).join("\n"));
    const selection = await this.#select();
    const { scenarios, failures, warnings } = selection;
    for (const text of [...warnings, ...failures]) this.#reporter.complain(text);
    if (scenarios.length === 0 && failures.length === 0) {
      throw new UsageError(`no scenario is of tier ${tier}; "npx thpcheck list" shows them all`);
    }
    const engine = this.#host.engine ?? (await defaultEngine());
    const settings = {
      options: {
        ...options, story: scenarios.length === 1, coverage: options.coverage || (this.#impact?.files ?? false),
      },
      policy,
      audit,
      probe: this.#impact?.probe ?? null,
      folder,
      cores,
      engine,
      shouldStop: () => this.#isOver || this.#host.interrupted(),
    };
    this.#reporter.plan(scenarios.length);
    await runnerFor(scenarios, settings, { alone: this.#host.engine !== undefined }).run(scenarios, {
      started: ({ scenario }, index) => {
        this.#reporter.start({ name: scenario.name, index, of: scenarios.length, pinned: pinnedStates(scenario, options) });
      },
      news: (news) => {
        if ("variant" in news) this.#reporter.variant(news.variant);
        else this.#reporter.progress(news.progress);
      },
      answered: (s, answer) => { this.#take(s, answer); },
    });
    for (const [loaded, pins] of this.#pins) this.#pin(loaded, pins);
    const patch = this.#impact === null ? null : await reportOf(this.#impact, folder);
    if (this.#report !== null) {
      await this.#report.writePages(engine, (text) => { this.#reporter.complain(text); });
      this.#reporter.remark(`report: ${this.#report.index}, to be opened in a browser`);
    }
    const found = {
      results: this.#results, notRun: this.#notRun(scenarios), leftOut: this.#leftOut, failures, unwritten: this.#unwritten,
      auditsCut: this.#auditsCut, disagreements: this.#disagreements, patch,
    };
    const exitCode = (): number => exitCodeOf(found, { unwritten: this.#unwritten.length > 0 || this.#reporter.hasFailed, strict });
    this.#reporter.end({ ...found, exitCode: exitCode() });
    return exitCode();
  }

  #notRun(scenarios: readonly LoadedScenario[]): string[] {
    const done = new Set(this.#results.map((r) => r.scenario));
    return scenarios.map((s) => s.scenario.name).filter((name) => !done.has(name));
  }

  async #select(): Promise<Selection> {
    const { patterns, from, tier, options, policy, reach } = this.#request;
    const { folder } = this.#host;
    if (reach) {
      const names = reachingScenarios(options.patch!, this.#impact!, patterns, folder);
      return this.#withoutLarge(await selectScenarios(names, "nightly", folder, options.patch));
    }
    const wanted = policy === null ? patterns : patterns.map(anyPolicy);
    const found = from === null
      ? await selectScenarios(wanted, tier, folder, options.patch)
      : await selectFrom(from, wanted, folder, options.patch);
    return this.#withoutLarge(policy === null ? found : underPolicy(found, policy));
  }

  #withoutLarge(selection: Selection): Selection {
    const { upTo } = this.#request;
    if (upTo === null) return selection;
    const { scenarios } = selection;
    const small = scenarios.filter(({ scenario: { expect } }) => expect.verdict !== "holds" || (expect.states ?? Infinity) <= upTo);
    this.#leftOut = scenarios.filter((s) => !small.includes(s)).map((s) => s.scenario.name);
    const left = this.#leftOut.length;
    if (left > 0) {
      this.#reporter.remark(`left out: ${left} of ${scenarios.length} scenarios, which pin more than ${group(upTo)} states, or none`);
    }
    return { ...selection, scenarios: small };
  }

  #take(loaded: LoadedScenario, { checked, audit, story, sameProgram }: CheckAnswer): void {
    // Others that had begun were told to stop: what they have is no result.
    if (this.#isOver) return;
    const { name } = loaded.scenario;
    this.#impact?.add(loaded.scenario, checked.result, checked.coverage, sameProgram);
    this.#isOver = this.#request.reach && isFinding(checked.result);
    this.#results.push(checked.result);
    this.#reporter.result({ loaded, checked, audit, story });
    if (audit !== null) {
      this.#disagreements.push(...audit.disagreements);
      if (!audit.complete) this.#auditsCut.push(name);
    }
    if (!this.#request.updatePins) return;
    const pins = pinsOf(loaded.scenario, checked);
    if (typeof pins === "string") this.#reporter.remark(`     pins: ${name}: left alone, because ${pins}`);
    else this.#pins.push([loaded, pins]);
  }

  #pin(loaded: LoadedScenario, pins: Pins): void {
    try {
      this.#reporter.remark(`     pins: ${writePins(loaded, pins)}`);
    } catch (e) {
      this.#unwritten.push(loaded.scenario.name);
      this.#reporter.complain(`the pins of ${loaded.scenario.name} could not be written: ${reasonOf(e)}`);
    }
  }
}

/** Into the source; where that has no place for them, because the name is computed, into the table beside it. */
function writePins({ file, scenario, pinnedInSource }: LoadedScenario, pins: Pins): string {
  const inSource = updatePins(file, scenario.name, pins);
  return (inSource.outcome === "by hand" && !pinnedInSource ? updateTable(file, scenario.name, pins) : inSource).message;
}

/** How many states a whole search will find, by what the scenario states; null: it states nothing, or another program is searched. */
function pinnedStates({ expect }: Scenario, { strategy, patch, maxStates, maxDepth }: CheckOptions): number | null {
  const isWhole = (strategy === "bfs" || strategy === "dfs") && patch === null && maxStates === null && maxDepth === null;
  return isWhole && expect.verdict === "holds" ? expect.states ?? null : null;
}

const isFinding = (r: ScenarioResult): boolean => !r.asExpected && r.verdict !== "incomplete" && r.verdict !== "error";

/**
 * A violation that was found is never hidden, whatever else went wrong: 1 comes before 2. A run that could not look at all it
 * was asked for is never a success: 2 comes before 3, and 3 before 0.
 */
function exitCodeOf(
  { results, notRun, failures, auditsCut, disagreements, patch }: Omit<RunEnd, "exitCode">,
  { unwritten, strict }: { readonly unwritten: boolean; readonly strict: boolean },
): number {
  const found = results.some((r) => isFinding(r) || (strict && r.warnings.length > 0));
  if (disagreements.length > 0 || found) return EXIT_NOT_AS_EXPECTED;
  if (failures.length > 0 || unwritten || results.some((r) => r.verdict === "error")) return EXIT_USAGE;
  // Of a patch that nobody came to, results say nothing: the run has not done what it was asked for.
  const isIdle = patch?.wasExercised === false;
  const isCut = notRun.length > 0 || auditsCut.length > 0 || results.some((r) => r.verdict === "incomplete");
  return isIdle || isCut ? EXIT_INCOMPLETE : EXIT_AS_EXPECTED;
}
