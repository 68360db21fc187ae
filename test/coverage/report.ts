/** What `thpcheck coverage` does and prints. */
import { isJson, reasonOf, refuseForeign, writeWhole } from "../../checker/files.ts";
import type { Tier } from "../../checker/result.ts";
import { UsageError } from "../../checker/usage-error.ts";
import { compare, type Comparison } from "./compare.ts";
import { functionsOfImpl } from "./functions.ts";
import { linesOfImpl, type LinesOfImpl } from "./lines.ts";
import { measure, type Measured } from "./measure.ts";
import type { Recorded } from "./recorded.ts";
import { scanResultRows, unreachedResults } from "./scan-results.ts";
import { UNREACHED } from "./unreached.ts";

export interface CoverageFlags {
  readonly tier: Tier;
  readonly all?: boolean;
  readonly json?: boolean;
  readonly keep?: string;
}

/** Measures, prints, and sets the exit code. */
export async function runCoverage(flags: CoverageFlags): Promise<void> {
  if (flags.keep !== undefined) refuseForeign(flags.keep, "--keep", (text) => isJson(text, (value) => "scanResults" in value), "file of measurements");
  const functions = functionsOfImpl();
  // A reason that has become stale shows only where everything is run: "--all".
  const enough = (soFar: Recorded): boolean => flags.all !== true && compare(soFar.blocks, functions, UNREACHED).unexplained.length === 0 && unreachedResults(scanResultRows(soFar.scanResults)).length === 0;
  const measured = await measure({ tier: flags.tier, enough, say: (line) => void process.stderr.write(`${line}\n`) });
  if (flags.keep !== undefined) keep(flags.keep, measured);
  const comparison = compare(measured.blocks, functions, UNREACHED);
  const lines = linesOfImpl(measured.blocks, functions);
  const { ran, left, sufficient, complaints } = measured;
  process.stdout.write(flags.json === true ? `${JSON.stringify({ ...comparison, ...lines, ran, left, sufficient, complaints }, null, 2)}\n` : render(comparison, lines, measured));
  for (const c of complaints) process.stderr.write(`thpcheck: ${c}\n`);
  if (complaints.length + comparison.unexplained.length + comparison.stale.length > 0) process.exitCode = 1;
}

function keep(file: string, measured: Measured): void {
  try {
    writeWhole(file, JSON.stringify(measured));
  } catch (e) {
    throw new UsageError(`--keep ${file} could not be written: ${reasonOf(e)}`);
  }
}

/** The comparison for people. */
export function render(c: Comparison, { files, exits }: LinesOfImpl, { ran, left, sufficient }: Pick<Measured, "ran" | "left" | "sufficient">): string {
  const lines = ["lines of functions, by file: reached / all (what only sets scenarios up runs outside of them, and counts as not reached)"];
  for (const f of files) lines.push(`  ${f.file.padEnd(46)}${String(f.reached).padStart(5)} / ${String(f.lines).padStart(4)}`);
  lines.push("");
  if (c.explained.length > 0) {
    lines.push("never reached, with a reason:");
    for (const u of c.explained) lines.push(`  ${u.file}:${u.line} ${u.function}: ${u.source}`, `      ${u.why}`);
    lines.push("");
  }
  if (c.unexplained.length > 0) {
    lines.push("never reached, and nobody says why (write a test, or the reason into test/coverage/unreached.ts):");
    for (const u of c.unexplained) lines.push(`  ${u.file}:${u.line} ${u.function}: ${u.source}`);
    lines.push("");
  }
  if (c.stale.length > 0) {
    lines.push("reasons that no longer apply (the line is reached, or gone; take them out of test/coverage/unreached.ts):");
    for (const r of c.stale) lines.push(`  ${r.file} ${r.function}: ${r.source}`);
    lines.push("");
  }
  lines.push(left > 0
    ? `${ran.length} files of tests and scenarios were run; nothing was left that the ${left} others could have been needed for ("--all" runs them too)`
    : `all ${ran.length} files of tests and scenarios were run; beside the tests that come first these scenarios are enough:\n  ${sufficient.join("\n  ")}`);
  const sum = (key: "lines" | "reached"): number => files.reduce((s, f) => s + f[key], 0);
  lines.push(`${c.reached} of ${c.blocks} basic blocks ran, ${sum("reached")} of ${sum("lines")} lines, ${exits.filter((e) => e.reached).length} of ${exits.length} exits with an error`);
  lines.push(`of the places that did not, ${c.explained.length} have a reason, ${c.unexplained.length} have none`, "");
  return lines.join("\n");
}
