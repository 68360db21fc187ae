/** `thpcheck check`: checks scenarios, small ones side by side, and reports each in its turn. */
import type { Audit } from "../../check/audit.ts";
import { WORKERS_MAX, defaultEngine, errorResult, workersFor, type Checked, type CheckOptions, type Engine } from "../../check/check.ts";
import { Pool } from "../../runner/pool/pool.ts";
import { coverageLog } from "../../program/coverage-log.ts";
import { CoverageTotals } from "../../report/coverage.ts";
import { invariantsTable } from "../../report/invariants.ts";
import { OutFile, resultFile, toJson } from "../../report/json.ts";
import { group } from "../../report/numbers.ts";
import { ProgressLine } from "../../report/progress.ts";
import { refinementLine } from "../../report/refinement.ts";
import { resultLine, summaryTable, table, tally } from "../../report/summary.ts";
import { renderTrace } from "../../report/terminal.ts";
import { ATOMICITY_NOT_CHECKED, type ScenarioResult, type Tier } from "../../result.ts";
import { UsageError } from "../../usage-error.ts";
import { CHECK_JOB, checkOne, type CheckAnswer, type CheckNews, type CheckTask } from "../../runner/check-job.ts";
import { EXIT_AS_EXPECTED, EXIT_INCOMPLETE, EXIT_NOT_AS_EXPECTED, EXIT_USAGE, lineWidth, type Host } from "../host.ts";
import { pinsOf, updatePins, type Pins } from "../../project/pins.ts";
import { updateTable } from "../../project/pins-table.ts";
import type { LoadedScenario } from "../../project/project.ts";
import { TRACE_STRING_MAX, replayCommand, replayFromFile } from "../replay-command.ts";
import { anyPolicy, underPolicy } from "../../project/policy.ts";
import { selectScenarios, type Selection } from "../../project/select.ts";

export interface CheckRequest {
  readonly patterns: readonly string[];
  readonly tier: Tier;
  readonly options: CheckOptions;
  readonly format: "pretty" | "json";
  readonly out: string | null;
  readonly updatePins: boolean;
  readonly audit: boolean;
  /** Say at the end in how many states each invariant was in force. */
  readonly invariants: boolean;
  /** Runs the scenarios under this policy; null: as they are. */
  readonly policy: string | null;
  /** Leave out scenarios that pin more states than this, or none; null: leave out none. */
  readonly upTo: number | null;
}

/** As many scenarios, or as many pinned states among fewer, are worth processes of their own: each takes a second to start and to warm up. */
const SIDE_BY_SIDE_SCENARIOS = 6;
const SIDE_BY_SIDE_STATES = 300_000;

/** Runs the request and returns the exit code. Throws a UsageError when nothing can be run. */
export async function runCheck(request: CheckRequest, host: Host): Promise<number> {
  const out = request.out === null ? null : new OutFile(request.out);
  let exitCode: number;
  try {
    exitCode = await new CheckRun(request, host, out).run();
  } catch (e) {
    out?.finish();
    throw e;
  }
  out?.finish();
  return exitCode;
}

class CheckRun {
  readonly #request: CheckRequest;
  readonly #host: Host;
  readonly #out: OutFile | null;
  readonly #progress: ProgressLine;
  readonly #results: ScenarioResult[] = [];
  readonly #disagreements: string[] = [];
  /** Scenarios whose audit did not get through all its variants. */
  readonly #auditsCut: string[] = [];
  readonly #coverage = new CoverageTotals();
  #outFailed = false;

  constructor(request: CheckRequest, host: Host, out: OutFile | null) {
    this.#request = request;
    this.#host = host;
    this.#out = out;
    // Results as JSON own the standard output; whatever is for people then goes to the other one.
    this.#progress = new ProgressLine(request.format === "json" ? host.err : host.out);
  }

  async run(): Promise<number> {
    const { patterns, tier, options } = this.#request;
    this.#say(`thpcheck check: tier ${tier}, seed ${options.seed}, ${this.#request.audit ? "audit" : options.strategy}; loading scenarios`);
    const { policy } = this.#request;
    const found = await selectScenarios(policy === null ? patterns : patterns.map(anyPolicy), tier, this.#host.folder, options.patch);
    const selection = this.#withoutLarge(policy === null ? found : underPolicy(found, policy));
    for (const w of selection.warnings) this.#complain(w);
    for (const f of selection.failures) this.#complain(f);
    if (selection.scenarios.length === 0 && selection.failures.length === 0) throw new UsageError(`no scenario is of tier ${tier}; "npx thpcheck list" shows them all`);
    const engine = this.#host.engine ?? (await defaultEngine());

    const members = this.#members(selection);
    const next = members > 1 ? await this.#sideBySide(selection, engine, members) : await this.#oneByOne(selection, engine);
    return this.#end(selection, selection.scenarios.slice(next).map((s) => s.scenario.name));
  }

  /** Whether threads are to share the search of this scenario; otherwise others are checked beside it. */
  #isLarge({ scenario }: LoadedScenario): boolean {
    const { strategy, exact, coverage } = this.#request.options;
    return strategy === "bfs" && !exact && !coverage && !this.#request.audit && workersFor(scenario, 2) > 1;
  }

  /** Processes that check small scenarios side by side; 1: none, this one checks them all. */
  #members({ scenarios }: Selection): number {
    const { workers } = this.#request.options;
    const small = scenarios.filter((s) => !this.#isLarge(s));
    const states = small.reduce((sum, { scenario: { expect } }) => sum + (expect.verdict === "holds" ? expect.states ?? 0 : 0), 0);
    // What is recorded of the programs of this process has to run in it; and so has a test's own engine.
    if (this.#host.engine !== undefined || coverageLog() !== null) return 1;
    if (small.length < SIDE_BY_SIDE_SCENARIOS && states < SIDE_BY_SIDE_STATES) return 1;
    return Math.min(workers ?? this.#host.cores, WORKERS_MAX, small.length);
  }

  /** Gives the number of scenarios that were checked: all, unless the person stopped the run. */
  async #oneByOne(selection: Selection, engine: Engine): Promise<number> {
    let next = 0;
    for (; next < selection.scenarios.length && !this.#host.interrupted(); next++) await this.#here(selection, next, engine);
    return next;
  }

  /** As `#oneByOne`, with small scenarios in processes of their own. Results are reported in the order of the scenarios. */
  async #sideBySide(selection: Selection, engine: Engine, members: number): Promise<number> {
    const pool = new Pool(members);
    const watch = setInterval(() => { if (this.#host.interrupted()) pool.stop(); }, 50);
    let reported = Promise.resolve();
    let next = 0;
    try {
      for (; next < selection.scenarios.length; next++) {
        const s = selection.scenarios[next]!;
        await (this.#isLarge(s) ? reported : pool.room());
        if (this.#host.interrupted()) break;
        if (this.#isLarge(s)) {
          await this.#here(selection, next, engine);
          continue;
        }
        const title = this.#title(selection, next);
        // Progress is that of the scenario which is reported next: the others are ahead of their turn.
        const latest: { news: CheckNews | null; shown: boolean } = { news: null, shown: false };
        const answer = this.#elsewhere(pool, s, (news) => {
          latest.news = news;
          if (latest.shown) this.#progressOf(title, news);
        });
        reported = reported.then(async () => {
          this.#progress.start(title);
          latest.shown = true;
          if (latest.news !== null) this.#progressOf(title, latest.news);
          this.#take(s, await answer, selection);
        });
        // Looked at when all have been handed out; until then it is not lost, only later.
        reported.catch(() => {});
      }
      await reported;
    } finally {
      clearInterval(watch);
      pool.close();
    }
    return next;
  }

  #progressOf(title: string, news: CheckNews): void {
    if ("variant" in news) this.#progress.start(`${title}, ${news.variant}`);
    else this.#progress.update(news.progress);
  }

  #title({ scenarios }: Selection, index: number): string {
    return `[${index + 1}/${scenarios.length}] ${scenarios[index]!.scenario.name}`;
  }

  /** Checks a scenario in a process of the pool. Whatever happens to that process is an error of this scenario alone. */
  async #elsewhere(pool: Pool, s: LoadedScenario, hear: (news: CheckNews) => void): Promise<CheckAnswer> {
    // Functions cannot be sent: the other process puts its own in their place.
    const options = Object.fromEntries(Object.entries(this.#request.options).filter(([, value]) => typeof value !== "function")) as unknown as CheckTask["options"];
    const task: CheckTask = {
      file: s.file, name: s.scenario.name, folder: this.#host.folder, policy: this.#request.policy, audit: this.#request.audit, cores: 1,
      options: { ...options, workers: options.workers === null ? null : 1 },
    };
    try {
      return await pool.run<CheckAnswer>({ module: CHECK_JOB, task }, (news) => { hear(news as CheckNews); });
    } catch (e) {
      return { checked: { result: errorResult(s.scenario, this.#request.options, 1, (e as Error).message), replayed: null, statesWithoutClearing: null, coverage: [] }, audit: null };
    }
  }

  #withoutLarge(selection: Selection): Selection {
    const { upTo } = this.#request;
    if (upTo === null) return selection;
    const small = selection.scenarios.filter(({ scenario: { expect } }) => expect.verdict !== "holds" || (expect.states ?? Infinity) <= upTo);
    const left = selection.scenarios.length - small.length;
    if (left > 0) this.#say(`left out: ${left} of ${selection.scenarios.length} scenarios, which pin more than ${group(upTo)} states, or none`);
    return { ...selection, scenarios: small };
  }

  /** Checks a scenario in this process, and reports it. */
  async #here(selection: Selection, index: number, engine: Engine): Promise<void> {
    const s = selection.scenarios[index]!;
    const title = this.#title(selection, index);
    const options: CheckOptions = { ...this.#request.options, shouldStop: () => this.#host.interrupted(), onProgress: (p) => this.#progress.update(p) };
    this.#progress.start(title);
    const { folder, cores } = this.#host;
    this.#take(s, await checkOne(s.scenario, options, { folder, audit: this.#request.audit, cores, engine }, (variant) => this.#progress.start(`${title}, ${variant}`)), selection);
  }

  #take(s: LoadedScenario, { checked, audit }: CheckAnswer, selection: Selection): void {
    const { name } = s.scenario;
    this.#report(s, checked, selection);
    if (audit !== null) {
      this.#reportAudit(audit);
      if (!audit.complete) this.#auditsCut.push(name);
    }
    if (this.#request.updatePins) {
      const pins = pinsOf(s.scenario, checked);
      this.#say(`     pins: ${typeof pins === "string" ? `${name}: left alone, because ${pins}` : this.#writePins(s, pins)}`);
    }
  }

  /** Into the source; where that has no place for them, because the name is computed, into the table beside it. */
  #writePins({ file, scenario, pinnedInSource }: LoadedScenario, pins: Pins): string {
    const inSource = updatePins(file, scenario.name, pins);
    return (inSource.outcome === "by hand" && !pinnedInSource ? updateTable(file, scenario.name, pins) : inSource).message;
  }

  #report(s: LoadedScenario, { result, replayed, coverage }: Checked, selection: Selection): void {
    this.#results.push(result);
    this.#coverage.add(coverage);
    this.#save();
    this.#say(resultLine(result, this.#host.paint));
    // The trace of a violation that is wanted is worth a screen only to someone who asked for that scenario alone.
    if (replayed === null || (result.asExpected && selection.scenarios.length > 1)) return;
    const { color } = this.#host;
    this.#say(`\n${renderTrace(replayed, { width: lineWidth(this.#host.out), color, full: false, replayCommand: this.#replayHint(s, replayed.trace, replayed.actors) }).trimEnd()}`);
  }

  #replayHint(s: LoadedScenario, trace: NonNullable<Checked["replayed"]>["trace"], actors: readonly string[]): string {
    const command = replayCommand(trace, actors, s.from);
    const { out } = this.#request;
    if (command.length <= TRACE_STRING_MAX) return command;
    if (out !== null) return replayFromFile(out, trace.scenario, s.from);
    return `${command}\n  (a long one: "check ${trace.scenario} --out results.json" keeps it in a file, for "${replayFromFile("results.json", trace.scenario, s.from)}")`;
  }

  #reportAudit({ rows, disagreements }: Audit): void {
    this.#disagreements.push(...disagreements);
    const head = ["variant", "verdict", "states", "transitions", "depth", "trace", "agrees"];
    const body = rows.map((r, i) => {
      const comparable = r.result.verdict !== "incomplete" && r.result.verdict !== "error";
      return [
        r.variant, r.result.verdict, group(r.result.states), group(r.result.transitions), String(r.result.depth),
        r.result.violation === null ? "-" : String(r.result.violation.length),
        r.disagreements.length > 0 ? "NO" : !comparable ? "not compared" : i === 0 ? "-" : "yes",
      ];
    });
    const { paint } = this.#host;
    this.#say(table([head, ...body], [false, false, true, true, true, true, false], (line, i) => `     ${i === 0 ? paint.bold(line) : rows[i - 1]!.disagreements.length > 0 ? paint.red(line) : line}`));
    for (const d of disagreements) this.#say(`     ${paint.red(d)}`);
  }

  #end(selection: Selection, notRun: readonly string[]): number {
    this.#progress.clear();
    const results = this.#results;
    if (this.#request.format === "json" && this.#out === null) this.#host.out.write(this.#json());
    if (results.length > 1) this.#say(`\n${summaryTable(results, this.#host.paint)}`);
    if (this.#request.invariants) this.#say(`\n${invariantsTable(results)}`);
    if (this.#request.options.coverage) this.#say(`\n${this.#coverage.render()}`);
    if (results.length + notRun.length > 0) this.#say(`\n${tally(results, notRun)}`);
    const refined = refinementLine(results);
    if (refined !== null) this.#say(refined);
    const taken = results.filter((r) => r.notChecked.includes(ATOMICITY_NOT_CHECKED)).length;
    if (taken > 0) this.#say(`${ATOMICITY_NOT_CHECKED}${results.length > 1 ? ` (${taken} of these scenarios)` : ""}`);
    if (notRun.length > 0) this.#say(`not run: ${notRun.join(", ")}`);
    if (this.#auditsCut.length > 0) this.#say(`audit incomplete, since a variant ended early: ${this.#auditsCut.join(", ")}`);
    for (const d of this.#disagreements) this.#say(this.#host.paint.red(d));
    // Said once more at the end, where it is not scrolled away by the results.
    if (results.length > 1) for (const f of selection.failures) this.#complain(f);
    if (selection.failures.length > 0 || this.#outFailed || results.some((r) => r.verdict === "error")) return EXIT_USAGE;
    if (this.#disagreements.length > 0 || results.some((r) => !r.asExpected && r.verdict !== "incomplete")) return EXIT_NOT_AS_EXPECTED;
    return notRun.length > 0 || this.#auditsCut.length > 0 || results.some((r) => r.verdict === "incomplete") ? EXIT_INCOMPLETE : EXIT_AS_EXPECTED;
  }

  #json(): string {
    return toJson(resultFile(this.#request.tier, this.#request.options.seed, this.#results));
  }

  #save(): void {
    if (this.#out === null || this.#outFailed) return;
    try {
      this.#out.write(this.#json());
    } catch (e) {
      if (!(e instanceof UsageError)) throw e;
      this.#outFailed = true;
      this.#complain(e.message);
    }
  }

  #say(text: string): void {
    this.#progress.clear();
    (this.#request.format === "json" ? this.#host.err : this.#host.out).write(`${text}\n`);
  }

  #complain(text: string): void {
    this.#progress.clear();
    this.#host.err.write(`thpcheck: ${text}\n`);
  }
}
