/** What `thpcheck scan-results` does and prints. */
import * as v from "valibot";
import { readJson } from "../../checker/files.ts";
import { count, problemOf, recordForm, text } from "../../checker/form.ts";
import { group } from "../../checker/numbers.ts";
import type { Tier } from "../../checker/result.ts";
import { UsageError } from "../../checker/usage-error.ts";
import { measure, type Measured } from "./measure.ts";
import { scanResultRows, unreachedResults, type ScanResultRow } from "./scan-results.ts";

/** What of the measurements is read here. */
const MEASURED = recordForm({
  scanResults: v.array(recordForm({ result: count(), source: text(), times: count() }), "an array"),
  complaints: v.array(v.string("a text"), "an array of texts"),
});

export interface ScanResultsFlags {
  readonly tier: Tier;
  readonly json?: boolean;
  readonly from?: string;
}

/** Measures, or reads what was measured; prints; sets the exit code. */
export async function runScanResults(flags: ScanResultsFlags): Promise<void> {
  const measured = flags.from === undefined ? await measure({ tier: flags.tier, enough: () => false, say: (line) => void process.stderr.write(`${line}\n`) }) : readMeasured(flags.from);
  const rows = scanResultRows(measured.scanResults);
  const unreached = unreachedResults(rows);
  process.stdout.write(flags.json === true ? `${JSON.stringify({ results: rows, unreached, complaints: measured.complaints }, null, 2)}\n` : render(rows));
  for (const c of measured.complaints) process.stderr.write(`thpcheck: ${c}\n`);
  if (unreached.length > 0) process.stderr.write(`thpcheck: never reached: ${unreached.join(", ")}\n`);
  if (measured.complaints.length + unreached.length > 0) process.exitCode = 1;
}

function readMeasured(file: string): Pick<Measured, "scanResults" | "complaints"> {
  const none = (why: string): UsageError => new UsageError(`${file} ${why}; "npx thpcheck coverage --keep ${file}" writes what this reads`);
  const measured = readJson(file, none);
  const problem = problemOf(MEASURED, measured);
  if (problem !== null) throw none(`is not what "npx thpcheck coverage --keep" writes: ${problem}`);
  return measured as Measured;
}

const SHOWN = 3;

function render(rows: readonly ScanResultRow[]): string {
  const lines = rows.map((r) => {
    if (r.missing !== null) return `  ${r.result.padEnd(33)}${"-".padStart(9)}  not modelled: ${r.missing}`;
    const more = r.by.length > SHOWN ? [`and ${r.by.length - SHOWN} more`] : [];
    const where = r.times === 0 ? ["NOT REACHED"] : [...(r.choice === null ? [] : [`as a choice: ${r.choice}`]), ...r.by.slice(0, SHOWN), ...more];
    return [`  ${r.result.padEnd(33)}${group(r.times).padStart(9)}  ${where[0]}`, ...where.slice(1).map((w) => `${" ".repeat(46)}${w}`)].join("\n");
  });
  const modelled = rows.filter((r) => r.missing === null);
  return `  ${"scan result".padEnd(33)}${"times".padStart(9)}  reached by\n${lines.join("\n")}\n\n${modelled.filter((r) => r.times > 0).length} of ${modelled.length} results were reached; ${rows.length - modelled.length} belong to parts that are not modelled\n`;
}
