/** `thpcheck check`: runs scenarios one after the other and reports each as it ends. */
import { auditScenario, type Audit } from "../../audit.ts";
import { checkScenario, defaultEngine, type Checked, type CheckOptions } from "../../check.ts";
import { CoverageTotals } from "../../report/coverage.ts";
import { OutFile, resultFile, toJson } from "../../report/json.ts";
import { group } from "../../report/numbers.ts";
import { ProgressLine } from "../../report/progress.ts";
import { refinementLine } from "../../report/refinement.ts";
import { resultLine, summaryTable, table, tally } from "../../report/summary.ts";
import { renderTrace } from "../../report/terminal.ts";
import { ATOMICITY_NOT_CHECKED, type ScenarioResult, type Tier } from "../../result.ts";
import { UsageError } from "../../usage-error.ts";
import { EXIT_AS_EXPECTED, EXIT_INCOMPLETE, EXIT_NOT_AS_EXPECTED, EXIT_USAGE, lineWidth, type Host } from "../host.ts";
import { withMachines } from "../machines.ts";
import { pinsOf, updatePins } from "../pins.ts";
import type { LoadedScenario } from "../project.ts";
import { TRACE_STRING_MAX, replayCommand, replayFromFile } from "../replay-command.ts";
import { anyPolicy, underPolicy } from "../policy.ts";
import { selectScenarios, type Selection } from "../select.ts";

export interface CheckRequest {
  readonly patterns: readonly string[];
  readonly tier: Tier;
  readonly options: CheckOptions;
  readonly format: "pretty" | "json";
  readonly out: string | null;
  readonly updatePins: boolean;
  readonly audit: boolean;
  /** Runs the scenarios under this policy; null: as they are. */
  readonly policy: string | null;
  /** Leave out scenarios that pin more states than this, or none; null: leave out none. */
  readonly upTo: number | null;
}

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
    // Threads take longer to start than a small scenario to check: they do it while the scenarios are read.
    if (this.#host.engine === undefined && (options.workers ?? 1) > 1) (await import("../../search/team.ts")).prepareHelpers(options.workers!);
    const { policy } = this.#request;
    const found = await selectScenarios(policy === null ? patterns : patterns.map(anyPolicy), tier, this.#host.folder, options.patch);
    const selection = this.#withoutLarge(policy === null ? found : underPolicy(found, policy));
    for (const w of selection.warnings) this.#complain(w);
    for (const f of selection.failures) this.#complain(f);
    if (selection.scenarios.length === 0 && selection.failures.length === 0) throw new UsageError(`no scenario is of tier ${tier}; "npx thpcheck list" shows them all`);
    const engine = this.#host.engine ?? (await defaultEngine());

    let next = 0;
    for (; next < selection.scenarios.length && !this.#host.interrupted(); next++) {
      await this.#one(selection.scenarios[next]!, next, selection, engine);
    }
    return this.#end(selection, selection.scenarios.slice(next).map((s) => s.scenario.name));
  }

  #withoutLarge(selection: Selection): Selection {
    const { upTo } = this.#request;
    if (upTo === null) return selection;
    const small = selection.scenarios.filter(({ scenario: { expect } }) => expect.verdict !== "holds" || (expect.states ?? Infinity) <= upTo);
    const left = selection.scenarios.length - small.length;
    if (left > 0) this.#say(`left out: ${left} of ${selection.scenarios.length} scenarios, which pin more than ${group(upTo)} states, or none`);
    return { ...selection, scenarios: small };
  }

  async #one(loaded: LoadedScenario, index: number, selection: Selection, engine: NonNullable<Host["engine"]>): Promise<void> {
    const s: LoadedScenario = { ...loaded, scenario: await withMachines(loaded.scenario, this.#host.folder) };
    const { name } = s.scenario;
    const title = `[${index + 1}/${selection.scenarios.length}] ${name}`;
    const options: CheckOptions = { ...this.#request.options, shouldStop: () => this.#host.interrupted(), onProgress: (p) => this.#progress.update(p) };
    this.#progress.start(title);
    let checked: Checked;
    if (this.#request.audit) {
      const audit = await auditScenario(s.scenario, options, this.#host.cores, engine, (variant) => this.#progress.start(`${title}, ${variant}`));
      checked = audit.checked;
      this.#report(s, checked, selection);
      this.#reportAudit(audit);
      if (!audit.complete) this.#auditsCut.push(name);
    } else {
      checked = await checkScenario(s.scenario, options, this.#host.cores, engine);
      this.#report(s, checked, selection);
    }
    if (this.#request.updatePins) {
      const pins = pinsOf(s.scenario, checked);
      this.#say(`     pins: ${typeof pins === "string" ? `${name}: left alone, because ${pins}` : updatePins(s.file, name, pins).message}`);
    }
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
