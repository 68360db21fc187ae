/** The table of `thpcheck bugs`. */
import { availableParallelism } from "node:os";
import pc from "picocolors";
import { defaultEngine } from "../../checker/check/engine.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../checker/check/options.ts";
import { EXIT_USAGE } from "../../checker/cli/host.ts";
import { ReportFolder, writeReport } from "../../checker/page/report-folder.ts";
import type { ReportedScenario } from "../../checker/report/reporter.ts";
import { Pool } from "../../checker/runner/pool/pool.ts";
import { table } from "../../checker/report/summary.ts";
import { group } from "../../checker/numbers.ts";
import { renderTrace } from "../../checker/report/counterexample.ts";
import { lineWidth } from "../../checker/report/output.ts";
import { readBugs, type Bug } from "./bug.ts";
import { loadedUnder, type FindOptions, type Finding, type Found } from "./find.ts";
import { BUGS_JOB, perform, type BugsTask } from "./job.ts";
import { NOT_EXPRESSIBLE } from "./not-expressible.ts";
import { judgedTrace, printTraceTable, type JudgedTrace } from "./trace-table.ts";

export interface BugsFlags {
  readonly time: number;
  readonly pct?: number;
  readonly pctDepth: number;
  readonly seed: number;
  readonly json?: boolean;
  /** Print how long the traces are, in place of what was found. */
  readonly traces?: boolean;
  /** The folder that gets an index, and a page for each bug that was found. */
  readonly report?: string;
}

/** Looks for the bugs and prints what came of it. Sets the exit code. */
export async function runBugs(ids: readonly string[], flags: BugsFlags): Promise<void> {
  const missing = new Set(NOT_EXPRESSIBLE.map((n) => n.id));
  const listed = ids.filter((id) => missing.has(id));
  const bugs = listed.length > 0 && listed.length === ids.length ? [] : readBugs(ids.filter((id) => !missing.has(id)));
  const { traces = false } = flags;
  const report = flags.report === undefined ? null : new ReportFolder(flags.report);
  try {
    await find(bugs, { ids, report }, flags, traces);
  } finally {
    report?.close();
  }
}

interface Asked {
  readonly ids: readonly string[];
  readonly report: ReportFolder | null;
}

async function find(bugs: readonly Bug[], { ids, report }: Asked, flags: BugsFlags, traces: boolean): Promise<void> {
  const options: FindOptions = {
    seconds: flags.time, pct: flags.pct ?? null, pctDepth: flags.pctDepth, seed: flags.seed,
    // How long traces are is another question than whether they are right.
    sound: !traces, traces: traces || bugs.length === 1,
  };
  const found = await findAll(bugs, options);
  const findings: Finding[] = [
    ...found.map((f) => f.finding),
    ...NOT_EXPRESSIBLE.filter((n) => ids.length === 0 || ids.includes(n.id)).map(({ id, needs }): Finding => ({ id, outcome: "not-expressible", promise: null, steps: null, states: null, walks: null, seconds: null, needs, reason: null })),
  ];
  const wrong = found.filter((f) => f.finding.outcome !== "found");
  if (traces) printTraceTable(judged(bugs, found), "bug", flags.json === true);
  else if (flags.json === true) process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
  else {
    if (found.length === 1) printTrace(bugs[0]!, found[0]!);
    process.stdout.write(`${render(findings, options.pct !== null)}\n`);
    for (const { finding } of wrong) process.stdout.write(`${finding.id}: ${finding.reason}\n`);
    process.stdout.write(`${tally(findings)}\n`);
  }
  if (traces) for (const { finding } of wrong) process.stderr.write(`${finding.id}: ${finding.reason}\n`);
  // Walks prove nothing by not finding: only the search must find every bug.
  if (wrong.some((f) => options.pct === null || f.finding.outcome === "does-not-apply")) process.exitCode = 1;
  if (report !== null && !(await writeBugs(report, bugs, found, flags))) process.exitCode = EXIT_USAGE;
}

/** A bug that is found is what was expected; the scenario itself says that it holds. */
async function writeBugs(report: ReportFolder, bugs: readonly Bug[], found: readonly Found[], flags: BugsFlags): Promise<boolean> {
  const scenarios: ReportedScenario[] = [];
  for (const [i, { finding, checked, trace }] of found.entries()) {
    if (checked === null) continue;
    const bug = bugs[i]!;
    const asExpected = finding.outcome === "found";
    const result = { ...checked.result, scenario: bug.id, asExpected, expected: `violates "${bug.promise}"`, reason: finding.reason };
    const loaded = await loadedUnder(bug.scenario, bug.patch);
    scenarios.push({ loaded, checked: { ...checked, result }, audit: null, story: trace?.story ?? null });
  }
  const options = { ...DEFAULT_CHECK_OPTIONS, seed: flags.seed, seconds: flags.time };
  const head = { tier: "nightly", audit: false, options, folder: process.cwd(), strict: false } as const;
  const failures = found.filter((f) => f.checked === null).map(({ finding }) => `${finding.id}: ${finding.reason}`);
  const run = { head, scenarios, failures, exitCode: Number(process.exitCode ?? 0) };
  return writeReport(report, run, await defaultEngine(), (text) => void process.stderr.write(`${text}\n`));
}

const checkByHand = (bug: Bug): string => `npx thpcheck check ${bug.scenario} --patch ${bug.patch.name}`;

function printTrace(bug: Bug, { trace }: Found): void {
  if (trace === null) return;
  const view = { width: lineWidth(process.stdout), color: pc.isColorSupported, full: false, replayCommand: checkByHand(bug) };
  process.stdout.write(`${renderTrace(trace.replayed, view, trace.story).trimEnd()}\n\n`);
}

const judged = (bugs: readonly Bug[], found: readonly Found[]): JudgedTrace[] =>
  bugs.flatMap((bug, i) => (found[i]!.trace === null ? [] : [judgedTrace(bug.id, found[i]!.trace, checkByHand(bug))]));

/** All of them, in their order. Bugs that one scenario shows are looked for one after the other, and those of several side by side. */
async function findAll(bugs: readonly Bug[], options: FindOptions): Promise<Found[]> {
  const begins = (id: string): void => void process.stderr.write(`${id}: ${bugs.find((b) => b.id === id)!.scenario}\n`);
  const groups = [...Map.groupBy(bugs, (b) => b.scenario).values()].map((group): BugsTask => ({ ids: group.map((b) => b.id), options }));
  // The largest first, so that no process is left alone with it at the end.
  const tasks = groups.sort((a, b) => b.ids.length - a.ids.length);
  const pool = new Pool(Math.min(availableParallelism(), tasks.length));
  try {
    const answers: Promise<Found[]>[] = [];
    for (const task of tasks) {
      if (pool.size === 1) {
        answers.push(Promise.resolve(await perform(task, { tell: begins, shouldStop: () => false })));
        continue;
      }
      await pool.room();
      answers.push(pool.run<Found[]>({ module: BUGS_JOB, task }, (id) => { begins(id as string); }));
      // What went wrong is thrown below, when all have ended.
      answers.at(-1)!.catch(() => {});
    }
    const found = new Map((await Promise.all(answers)).flat().map((f) => [f.finding.id, f]));
    return bugs.map((b) => found.get(b.id)!);
  } finally {
    pool.close();
  }
}

function render(findings: readonly Finding[], walks: boolean): string {
  const dash = (n: number | null, print: (n: number) => string = group): string => (n === null ? "-" : print(n));
  const head = ["bug", "outcome", "promise, or the part that impl/ lacks", "steps", walks ? "walks" : "states", "seconds"];
  const rows = findings.map((f) => [f.id, f.outcome, f.promise ?? f.needs ?? "", dash(f.steps), dash(walks ? f.walks : f.states), dash(f.seconds, (s) => s.toFixed(2))]);
  return table([head, ...rows], [false, false, false, true, true, true], (line, i) => (i === 0 ? pc.bold(line) : ["missed", "does-not-apply"].includes(findings[i - 1]!.outcome) ? pc.red(line) : line));
}

function tally(findings: readonly Finding[]): string {
  const count = (outcome: Finding["outcome"]): number => findings.filter((f) => f.outcome === outcome).length;
  return `${findings.length} bugs: ${count("found")} found, ${count("missed")} missed, ${count("does-not-apply")} do not apply, ${count("not-expressible")} not expressible`;
}
