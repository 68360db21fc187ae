/** What `thpcheck coverage` does and prints. */
import { writeFileSync } from "node:fs";
import type { Tier } from "../../checker/result.ts";
import { compare, type Comparison } from "./compare.ts";
import { functionsOfImpl } from "./functions.ts";
import { measure } from "./measure.ts";
import { UNREACHED } from "./unreached.ts";

export interface CoverageFlags {
  readonly tier: Tier;
  readonly json?: boolean;
  readonly keep?: string;
}

/** Measures, prints, and sets the exit code. */
export async function runCoverage(flags: CoverageFlags): Promise<void> {
  const measured = await measure(flags.tier, (line) => void process.stderr.write(`${line}\n`));
  if (flags.keep !== undefined) writeFileSync(flags.keep, JSON.stringify(measured));
  const comparison = compare(measured.blocks, functionsOfImpl(), UNREACHED);
  process.stdout.write(flags.json === true ? `${JSON.stringify({ ...comparison, complaints: measured.complaints }, null, 2)}\n` : render(comparison));
  for (const c of measured.complaints) process.stderr.write(`thpcheck: ${c}\n`);
  if (measured.complaints.length + comparison.unexplained.length + comparison.stale.length > 0) process.exitCode = 1;
}

/** The comparison for people. */
export function render(c: Comparison): string {
  const lines: string[] = [];
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
  lines.push(`${c.reached} of ${c.blocks} basic blocks ran; of the lines that did not, ${c.explained.length} have a reason, ${c.unexplained.length} have none`, "");
  return lines.join("\n");
}
