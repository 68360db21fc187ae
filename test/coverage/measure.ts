/**
 * Runs the scenarios of the kernel and its functional tests with counters, and adds up what they reached.
 *
 * Scenarios are explored in this process, by one thread. Functional tests run as they always do, in processes of their
 * own that write what they counted into a folder (`record.ts`). A run that is counted twice does no harm, and one that
 * is not counted can only make code look less reached than it is.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { checkScenario, DEFAULT_CHECK_OPTIONS } from "../../checker/check.ts";
import { selectScenarios } from "../../checker/cli/select.ts";
import { recordCoverage } from "../../checker/program/coverage-log.ts";
import type { Tier } from "../../checker/result.ts";
import { UsageError } from "../../checker/usage-error.ts";
import { EV } from "../../spec/events.ts";
import { merge, mergeBlocks, RECORD_FOLDER, ROOT, scanResultTimes, type Recorded, type ScanResultSource } from "./recorded.ts";

export interface Measured extends Recorded {
  /** Sentences about what went wrong: a scenario that is not as expected, tests that fail. */
  readonly complaints: readonly string[];
}

/** Both, one after the other. `say` gets a line for each part that begins. Throws a UsageError when the person interrupts it: half of it would look like lines that nothing reaches. */
export async function measure(tier: Tier, say: (line: string) => void): Promise<Measured> {
  const interruption = new AbortController();
  const interrupt = (): void => { interruption.abort(); };
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  try {
    const scenarios = await measureScenarios(tier, say, interruption.signal);
    say("functional tests: test/impl/");
    const tests = await measureTests(interruption.signal);
    return {
      blocks: mergeBlocks([scenarios.blocks, tests.blocks]),
      scanResults: [...scenarios.scanResults, ...tests.scanResults],
      complaints: [...scenarios.complaints, ...tests.complaints],
    };
  } finally {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
}

function stopIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new UsageError("interrupted; nothing was compared");
}

/** States of a scenario that are explored: the rest of a large one repeats the same lines in other orders. What only a deeper state reaches counts as not reached, and needs a test. */
const STATES_MAX = 20_000;

/** The scenarios of test/scenarios/ of this tier and of those below it; verdicts and pinned counts are for "check". */
async function measureScenarios(tier: Tier, say: (line: string) => void, signal: AbortSignal): Promise<Measured> {
  const { scenarios, failures } = await selectScenarios([], tier, ROOT);
  const complaints: string[] = [...failures];
  const scanResults: ScanResultSource[] = [];
  const blocks: Parameters<typeof merge>[0][number][] = [];
  for (const { scenario, file } of scenarios) {
    if (!relative(ROOT, file).startsWith(join("test", "scenarios"))) continue;
    say(`scenario ${scenario.name}`);
    const log = recordCoverage([EV.COLLAPSE_RESULT]);
    // Whether each step refines the specification is for "check"; here it would only take time.
    const { result } = await checkScenario(scenario, { ...DEFAULT_CHECK_OPTIONS, coverage: true, refine: false, maxStates: STATES_MAX, shouldStop: () => signal.aborted }, 1);
    // Signals arrive between turns of the event loop, of which a small scenario takes none.
    await new Promise((resolve) => setImmediate(resolve));
    stopIfInterrupted(signal);
    if (result.verdict !== "incomplete" && result.verdict !== scenario.expect.verdict) complaints.push(`scenario ${scenario.name}: ${result.reason ?? result.verdict}`);
    blocks.push(log.blocks());
    scanResultTimes(log).forEach((times, code) => {
      if (times > 0) scanResults.push({ result: code, source: `scenario ${scenario.name}`, times });
    });
  }
  return { blocks: merge(blocks), scanResults, complaints };
}

/** The files of functional tests. */
async function measureTests(signal: AbortSignal): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), "thpcheck-coverage-"));
  try {
    const { code, output } = await runVitest(folder, signal);
    stopIfInterrupted(signal);
    const runs = readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Recorded);
    if (runs.length === 0) throw new UsageError(`the functional tests recorded nothing; the last lines of vitest:\n${lastLines(output)}`);
    return {
      blocks: mergeBlocks(runs.map((r) => r.blocks)),
      scanResults: runs.flatMap((r) => r.scanResults),
      complaints: code === 0 ? [] : [`functional tests fail ("npx vitest run test/impl" shows them):\n${lastLines(output)}`],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runVitest(folder: string, signal: AbortSignal): Promise<{ readonly code: number | null; readonly output: string }> {
  const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
  const config = fileURLToPath(new URL("./vitest.config.ts", import.meta.url));
  return new Promise((resolve, reject) => {
    let output = "";
    const child = spawn(process.execPath, [vitest, "run", "--config", config, "--reporter=dot"], {
      cwd: ROOT, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, [RECORD_FOLDER]: folder, NO_COLOR: "1" },
    });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => { output += text; });
    signal.addEventListener("abort", () => child.kill(), { once: true });
    child.on("error", reject);
    child.on("close", (code) => { resolve({ code, output }); });
  });
}

const lastLines = (text: string): string => text.trimEnd().split("\n").slice(-15).join("\n");
