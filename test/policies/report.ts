/** The table of `thpcheck policies`. */
import pc from "picocolors";
import { checkScenario } from "../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS, type Checked } from "../../checker/check/options.ts";
import { defaultEngine } from "../../checker/check/engine.ts";
import { EXIT_USAGE } from "../../checker/cli/host.ts";
import { ReportFolder, writeReport } from "../../checker/page/report-folder.ts";
import type { LoadedScenario } from "../../checker/project/project.ts";
import type { ReportedScenario } from "../../checker/report/reporter.ts";
import { withMachines } from "../../checker/project/machines.ts";
import { selectScenarios } from "../../checker/project/select.ts";
import { scenarioUnder } from "../../checker/project/under-policy.ts";
import { group } from "../../checker/numbers.ts";
import { replayCommand } from "../../checker/report/replay-command.ts";
import { table } from "../../checker/report/summary.ts";
import type { Scenario } from "../../checker/scenario.ts";
import { encodeTrace } from "../../checker/trace/codec.ts";
import { UsageError } from "../../checker/usage-error.ts";
import { judgedTrace, printTraceTable, toldTrace, type JudgedTrace } from "../bugs/trace-table.ts";
import { POLICIES, policyNamed } from "../../impl/policy/index.ts";

export interface PoliciesFlags {
  readonly policy?: readonly string[];
  readonly all?: boolean;
  readonly time: number;
  readonly json?: boolean;
  /** Print how long the traces are, in place of the table of verdicts. */
  readonly traces?: boolean;
  /** The folder that gets an index, and a page for each violation. */
  readonly report?: string;
}

/** The one schema for people and machines. */
export interface Cell {
  readonly scenario: string;
  readonly policy: string;
  readonly verdict: string;
  readonly asExpected: boolean;
  readonly states: number;
  readonly seconds: number;
  /** The promise that is violated, and what the violation says; null where none is. */
  readonly violated: string | null;
  readonly message: string | null;
  readonly steps: number | null;
  /** For `thpcheck replay`. */
  readonly trace: string | null;
}

/** Checks every cell and prints the table. Sets the exit code. */
export async function runPolicies(patterns: readonly string[], flags: PoliciesFlags): Promise<void> {
  const report = flags.report === undefined ? null : new ReportFolder(flags.report);
  try {
    const reported = await fill(patterns, flags);
    const exitCode = Number(process.exitCode ?? 0);
    if (report === null) return;
    const options = { ...DEFAULT_CHECK_OPTIONS, seconds: flags.time };
    const head = { tier: "full", audit: false, options, folder: process.cwd(), strict: false } as const;
    const complain = (text: string): void => void process.stderr.write(`${text}\n`);
    const run = { head, scenarios: reported, failures: [], exitCode };
    if (!(await writeReport(report, run, await defaultEngine(), complain))) process.exitCode = EXIT_USAGE;
  } finally {
    report?.close();
  }
}

async function fill(patterns: readonly string[], flags: PoliciesFlags): Promise<readonly ReportedScenario[]> {
  const reported: ReportedScenario[] = [];
  const cells: Cell[] = [];
  const traces: JudgedTrace[] = [];
  for (const loaded of await cellsOf(patterns, flags)) {
    const s = loaded.scenario;
    // Only a scenario that is to be violated has a trace; whether the others hold is the business of the other table.
    if (flags.traces === true && s.expect.verdict !== "violated") continue;
    process.stderr.write(`${s.name}\n`);
    const scenario = await withMachines(s, process.cwd());
    const checked = await checkScenario(scenario, { ...DEFAULT_CHECK_OPTIONS, seconds: flags.time }, 1);
    const { result, replayed } = checked;
    reported.push({ loaded, checked, audit: null, story: null });
    cells.push(cellOf(s, result, replayed));
    if (flags.traces !== true || replayed === null) continue;
    traces.push(judgedTrace(s.name, toldTrace(scenario, replayed), replayCommand(replayed.trace, replayed.actors, null)));
  }
  if (flags.traces === true) printTraceTable(traces, "scenario", flags.json === true);
  else if (flags.json === true) process.stdout.write(`${JSON.stringify(cells, null, 2)}\n`);
  else process.stdout.write(render(cells));
  if (cells.some((c) => !c.asExpected)) process.exitCode = 1;
  return reported;
}

/** Scenario by scenario, in the order of the policies. */
async function cellsOf(patterns: readonly string[], flags: PoliciesFlags): Promise<readonly LoadedScenario[]> {
  const wanted = flags.policy ?? null;
  for (const name of wanted ?? []) {
    try {
      policyNamed(name);
    } catch (e) {
      throw new UsageError((e as Error).message);
    }
  }
  const { scenarios } = await selectScenarios(patterns.length === 0 ? ["*@*"] : patterns.map((p) => (p.includes("@") ? p : `${p}@*`)), "full", process.cwd());
  const listed = scenarios.filter((s) => s.scenario.underPolicy !== undefined);
  const bases = [...new Set(listed.map((s) => baseOf(s.scenario.name)))];
  return bases.flatMap((base) => POLICIES.flatMap(({ name }) => {
    if (wanted !== null && !wanted.includes(name)) return [];
    const own = listed.find((s) => s.scenario.name === `${base}@${name}`);
    if (own !== undefined) return [own];
    const other = listed.find((s) => baseOf(s.scenario.name) === base)!;
    return flags.all === true || wanted !== null ? [{ ...other, scenario: scenarioUnder(other.scenario, name)! }] : [];
  }));
}

function baseOf(name: string): string {
  return name.slice(0, name.lastIndexOf("@"));
}

function cellOf(s: Scenario, result: Checked["result"], replayed: Checked["replayed"]): Cell {
  return {
    scenario: baseOf(s.name), policy: s.policy!, verdict: result.verdict, asExpected: result.asExpected, states: result.states, seconds: result.seconds,
    violated: result.violation?.property ?? null, message: result.violation?.message ?? null, steps: result.violation?.length ?? null,
    trace: replayed === null ? null : encodeTrace(replayed.trace, replayed.actors),
  };
}

function render(cells: readonly Cell[]): string {
  const policies = POLICIES.map((p) => p.name).filter((p) => cells.some((c) => c.policy === p));
  const scenarios = [...new Set(cells.map((c) => c.scenario))];
  const broken = cells.filter((c) => c.violated !== null);
  const rows = scenarios.map((s) => [s, ...policies.map((p) => inTable(cells.find((c) => c.scenario === s && c.policy === p), broken))]);
  const wide = table([["scenario", ...policies], ...rows], [false, ...policies.map(() => true)], (line, i) => (i === 0 ? pc.bold(line) : line));
  const notes = broken.map((c, i) => `[${i + 1}] ${c.scenario}@${c.policy}${c.asExpected ? "" : pc.red(" (not expected)")}: violates ${JSON.stringify(c.violated)} in ${c.steps} steps\n    ${c.message}\n    npx thpcheck replay ${c.trace}\n`);
  const wrong = cells.filter((c) => !c.asExpected).map((c) => `${c.scenario}@${c.policy}: ${c.verdict}, which is not what it says it must be\n`);
  const total = cells.reduce((n, c) => n + c.states, 0);
  return `${wide}\n\n${notes.join("")}${wrong.join("")}${policies.length} policies, ${scenarios.length} scenarios, ${cells.length} cells: ${cells.filter((c) => c.asExpected).length} as expected, ${broken.length} violations; ${group(total)} states\n`;
}

/** States where everything holds; the number of the note where something does not; a dash where nothing was asked. */
function inTable(cell: Cell | undefined, broken: readonly Cell[]): string {
  if (cell === undefined) return "-";
  if (cell.violated !== null) return `[${broken.indexOf(cell) + 1}]`;
  return cell.verdict === "holds" ? group(cell.states) : cell.verdict;
}
