/** `thpcheck pairs`: selects, decides, reports. */
import pc from "picocolors";
import { readPatch } from "../../checker/cli/options.ts";
import { EXIT_INCOMPLETE, EXIT_NOT_AS_EXPECTED } from "../../checker/cli/host.ts";
import { isInterrupted } from "../../checker/cli/interruption.ts";
import { isJson, refuseForeign, writeWhole } from "../../checker/files.ts";
import { renderReport } from "./report.ts";
import type { PairsReport } from "./result.ts";
import { runPairs } from "./run.ts";
import { selectCells } from "./select.ts";

export interface PairsFlags {
  readonly only?: string;
  readonly operation?: readonly string[];
  readonly memory?: readonly string[];
  readonly quick?: boolean;
  readonly list?: boolean;
  readonly full?: boolean;
  readonly patch?: string;
  readonly workers?: number;
  readonly maxStates?: number;
  readonly seed: number;
  readonly json?: boolean;
  readonly out?: string;
}

const PROGRESS_MS = 5000;
const FORMAT = "thpcheck-pairs";

/** Decides the cells and prints the table. Sets the exit code. */
export async function runPairsCommand(flags: PairsFlags): Promise<void> {
  // Asked before minutes of work.
  if (flags.out !== undefined) refuseForeign(flags.out, "--out", (text) => isJson(text, (r) => r["format"] === FORMAT), "table of pairs");
  const cells = selectCells({
    only: flags.only ?? null, operations: flags.operation ?? [], memories: flags.memory ?? [], quick: flags.quick ?? false,
  });
  const start = performance.now();
  let told = start;
  const results = await runPairs(cells, {
    workers: flags.workers ?? null, seed: flags.seed, maxStates: flags.maxStates ?? null,
    patch: flags.patch === undefined ? null : readPatch(flags.patch),
    view: { width: process.stdout.columns || 100, color: pc.isColorSupported, full: flags.full ?? false },
    shouldStop: isInterrupted,
    onProgress: (done, of) => {
      if (performance.now() - told < PROGRESS_MS && done < of) return;
      told = performance.now();
      process.stderr.write(`${done} of ${of} cells, ${((told - start) / 1000).toFixed(0)} s\n`);
    },
  });
  const seconds = (performance.now() - start) / 1000;
  const report: PairsReport = { format: FORMAT, version: 1, cells: results, seconds };
  if (flags.out !== undefined) writeWhole(flags.out, `${JSON.stringify(report)}\n`);
  process.stdout.write(flags.json === true ? `${JSON.stringify(report, null, 2)}\n` : renderReport(results, seconds, flags.list ?? false));
  const isWrong = results.some((r) => !r.asExpected && r.verdict !== "incomplete");
  if (isWrong) process.exitCode = EXIT_NOT_AS_EXPECTED;
  else if (results.some((r) => r.verdict === "incomplete" || r.overlap === "unknown")) process.exitCode = EXIT_INCOMPLETE;
}
